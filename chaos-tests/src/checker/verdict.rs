//! What the checker found.

use serde::{Deserialize, Serialize};

/// Sentences kept about what is wrong; the counters count the rest.
pub const DETAILS_MAX: usize = 50;

/// What came out when histories, events and final states were held against each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Keys that gateways were told are in the care of the cluster.
    pub accepted: u64,
    /// Of those, over with a reason.
    pub ended: u64,
    /// Of those, still waiting, offered or in hand.
    pub open: u64,
    /// I1: accepted keys that the state or the history of at least one node lacks.
    pub lost: u64,
    /// I2: assignments of a contact that had one, or whose number had been used.
    pub double_assigned: u64,
    /// I3: assignments beyond the operator's capacity.
    pub over_capacity: u64,
    /// I4: assignments that passed over a fitting contact with a smaller key.
    pub order_violations: u64,
    /// Assignments to operators who were not signed in and ready, or lack a skill or unit; or before the contact's time.
    pub unfit_assignments: u64,
    /// Commands repeated by clients that had no second effect, as it must be.
    pub duplicates_refused: u64,
    /// I5: commands repeated by clients that did have a second effect.
    pub repeated_effects: u64,
    /// Contacts completed twice, or events that reached one client twice.
    pub handled_twice: u64,
    /// I9: contacts to which something happened after their end.
    pub reopened: u64,
    /// I7, I8: log indexes at which records or chains differ between nodes, or a chain does not follow from its
    /// records; and states that differ at equal index.
    pub chain_differences: u64,
    /// Nodes' states that do not agree with what their history led to.
    pub state_differences: u64,
    /// Gaps, repeats and disorder in the indexes, terms and times (I12) of a history.
    pub index_violations: u64,
    /// Answers whose place in the log does not hold the command and outcome that was answered.
    pub receipt_violations: u64,
    /// Events that clients saw and that no command led to.
    pub unfounded_events: u64,
    /// Operations answered before another began, and yet behind it in the log.
    pub realtime_violations: u64,
    /// I12: replicated time was more than a second off true time, as clients' answers show.
    #[serde(default)]
    pub time_violations: u64,
    /// Operations of which the client never learned what became.
    pub unknown_ops: u64,
    /// Of those, the ones found in the log.
    pub unknown_applied: u64,
    /// Commands whose outcome was compared with that of the naive model, from the first one on. The model looks at
    /// everything each time, so a long history is compared up to a fixed amount of work.
    pub model_checked_entries: u64,
    /// Of those, the ones where the model decided otherwise.
    pub model_differences: u64,
    /// Commands in the history.
    pub entries: u64,
    /// The lost contacts; at most [`DETAILS_MAX`].
    pub lost_contacts: Vec<LostContact>,
    /// What is wrong, in sentences; at most [`DETAILS_MAX`].
    pub details: Vec<String>,
}

/// A contact that was accepted and is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostContact {
    /// The gateway that was told so.
    pub gateway: String,
    /// Its key of the contact.
    pub key: String,
}

impl Verdict {
    /// Whether no rule was broken. Open contacts and unknown operations break none.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violations().iter().all(|(_, count)| *count == 0)
    }

    /// Every counter of breaches with its name.
    #[must_use]
    pub fn violations(&self) -> [(&'static str, u64); 16] {
        [
            ("lost", self.lost),
            ("double_assigned", self.double_assigned),
            ("over_capacity", self.over_capacity),
            ("order_violations", self.order_violations),
            ("unfit_assignments", self.unfit_assignments),
            ("repeated_effects", self.repeated_effects),
            ("handled_twice", self.handled_twice),
            ("reopened", self.reopened),
            ("chain_differences", self.chain_differences),
            ("state_differences", self.state_differences),
            ("index_violations", self.index_violations),
            ("receipt_violations", self.receipt_violations),
            ("unfounded_events", self.unfounded_events),
            ("realtime_violations", self.realtime_violations),
            ("time_violations", self.time_violations),
            ("model_differences", self.model_differences),
        ]
    }

    /// Keeps a sentence about a breach while there is room.
    pub(super) fn tell(&mut self, sentence: impl FnOnce() -> String) {
        if self.details.len() < DETAILS_MAX {
            self.details.push(sentence());
        }
    }
}
