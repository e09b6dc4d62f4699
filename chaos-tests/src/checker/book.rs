//! The checker's own book of contacts.

use ringmain_routing::{ContactId, ContactState, ContactView, Millis, Name, OperatorId, Timestamp};

use super::line::{KeptAway, Place};

/// What is known of a contact from the commands and effects walked over.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: ContactId,
    /// Name of its gateway.
    pub(super) gateway: Name,
    pub(super) key: Name,
    pub(super) tier: u8,
    pub(super) head_start: Millis,
    pub(super) enqueued_at: Timestamp,
    /// Log index of its arrival.
    pub(super) index: u64,
    /// Place in the list of lines.
    pub(super) class: usize,
    pub(super) units: u32,
    pub(super) not_before: Option<Timestamp>,
    /// Login of the operator whom the customer knows, and how long to wait for that one alone.
    pub(super) preferred: Option<(Name, Millis)>,
    /// Only the preferred operator may take it until then, if that one is there.
    pub(super) held_until: Option<Timestamp>,
    pub(super) exclusions: Vec<KeptAway>,
    pub(super) assignment: u32,
    pub(super) holder: Option<OperatorId>,
    pub(super) phase: Phase,
    /// Its time has come for certain.
    pub(super) is_due: bool,
    pub(super) in_line: bool,
    /// False after a change whose moment within a command cannot be told: then its order is not judged.
    pub(super) order_is_known: bool,
    pub(super) was_served: bool,
    /// False once it is in another queue than the one it arrived in: then its fit is not judged here.
    pub(super) class_is_known: bool,
    /// Wrap-ups of operators who passed it on, by their assignments.
    pub(super) wrap_ups: Vec<(OperatorId, u32)>,
}

/// Where in its life a contact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting,
    Offered,
    Handling,
    WrapUp,
    /// Out of the operator's hands, its end is the next effect.
    Released,
    Ended {
        forget_at: Timestamp,
    },
}

impl Row {
    /// Its place within its queue.
    pub(super) fn place(&self) -> Place {
        (self.tier, self.enqueued_at.minus(self.head_start), self.index)
    }

    /// Whether an operator has it in hand.
    pub(super) fn is_assigned(&self) -> bool {
        matches!(self.phase, Phase::Offered | Phase::Handling | Phase::WrapUp)
    }

    /// Whether it is over.
    pub(super) fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
    }

    /// Whether a node has this contact as the effects left it.
    pub(super) fn agrees_with(&self, view: &ContactView) -> bool {
        let phase = match view.state {
            ContactState::Waiting => self.phase == Phase::Waiting,
            ContactState::Offered { .. } => self.phase == Phase::Offered,
            ContactState::Handling { .. } => self.phase == Phase::Handling,
            ContactState::WrapUp { .. } => self.phase == Phase::WrapUp,
            ContactState::Ended { .. } => self.is_ended(),
        };
        phase && view.assignment.0 == self.assignment && view.holder == self.holder && view.key == self.key
    }
}
