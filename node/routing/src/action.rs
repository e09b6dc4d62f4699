//! What supervisors and administrators do, as commands: see [`Command::Act`].

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use crate::command::Command;
use crate::command::DeclaredPresence;
use crate::ids::{ContactId, EnquiryId, Millis, Name, Timestamp};
use crate::supervision::SupervisedBy;

/// See [`Command::Act`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Who acts.
    pub by: Name,
    /// That one's own key: the same key again gets the first answer.
    pub key: Name,
    /// What.
    pub action: Action,
}

/// What a supervisor or administrator does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Sets the presence of an operator who has a session.
    ForcePresence {
        /// Whose.
        login: Name,
        /// To what.
        presence: DeclaredPresence,
    },
    /// Signs an operator out: as if it had done so itself.
    SignOut {
        /// Whom.
        login: Name,
    },
    /// Takes a contact out of its operator's hands, back to its old place.
    RequeueContact {
        /// Which.
        contact: ContactId,
    },
    /// Ends a contact, whatever its state.
    CloseContact {
        /// Which.
        contact: ContactId,
        /// Why, in the supervisor's words.
        reason: Name,
    },
    /// Moves waiting contacts into another queue; their places in time stay.
    MoveContacts {
        /// Which.
        from: MoveFrom,
        /// Into which queue.
        to: Name,
    },
    /// Changes the place of a waiting contact; its true waiting time stays.
    LiftContact {
        /// Which.
        contact: ContactId,
        /// The new tier.
        tier: Option<u8>,
        /// The new head start.
        head_start: Option<Millis>,
    },
    /// Changes nothing here: puts what was done elsewhere (membership, drain, restore) into the audit.
    Note {
        /// What was done, in a word.
        what: Name,
        /// With what, at most [`crate::limits::NOTE_BYTES_MAX`].
        detail: Name,
    },
    /// Hands a waiting contact out to one operator, for that one alone for a while (R3.7).
    AssignContact {
        /// Which.
        contact: ContactId,
        /// To whom; must be available and fit.
        to: Name,
        /// How long nobody else may take it, 1 to [`crate::limits::HAND_OUT_HOLD_MS_MAX`].
        hold: Millis,
    },
    /// Breaks wait until their latest moment, or no longer do (R3.11).
    DeferBreaks {
        /// Whether they wait from here on.
        on: bool,
    },
    /// Everything open in somebody's hands goes to a colleague or back to the line (R3.11).
    HandOver(Box<HandOver>),
    /// Takes no more arrivals into a queue or unit; who is in already is served. Replaces an earlier closure of it.
    CloseEntry(Box<CloseEntry>),
    /// Takes arrivals again.
    OpenEntry {
        /// Of what.
        of: EntryOf,
    },
    /// An enquiry is answered by who was asked, or withdrawn.
    CloseEnquiry {
        /// Which.
        enquiry: EnquiryId,
        /// What was answered, at most [`crate::limits::NOTE_BYTES_MAX`]; `None` withdraws the question.
        answer: Option<Name>,
    },
    /// Takes part in a talk, or no longer does.
    Supervise {
        /// Which contact; in handling.
        contact: ContactId,
        /// How; `None` for no longer.
        how: Option<SupervisedBy>,
    },
    /// Helps an operator who asked for it.
    AnswerHelp {
        /// Whom.
        login: Name,
    },
}

/// See [`Action::CloseEntry`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseEntry {
    /// Of what.
    pub of: EntryOf,
    /// Why, in the supervisor's words.
    pub why: Name,
    /// When it is over by itself; `None` for not before somebody opens it.
    pub until: Option<Timestamp>,
}

/// What takes no arrivals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EntryOf {
    /// This queue.
    Queue(Name),
    /// This org unit and all below it.
    Unit(Name),
}

/// A closure as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// Of what.
    pub of: EntryOf,
    /// Who closed it.
    pub by: Name,
    /// Why.
    pub why: Name,
    /// Since when.
    pub since: Timestamp,
    /// Until when, if that was said.
    pub until: Option<Timestamp>,
}

/// See [`Action::HandOver`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// Whose.
    pub from: HandOverFrom,
    /// To whom, where that one could be handed it; the rest, and all for `None`, goes back to the line.
    pub to: Option<Name>,
    /// How long it waits for that one alone, 1 to [`crate::limits::HAND_OUT_HOLD_MS_MAX`]; of no matter without one.
    pub hold: Millis,
    /// What whoever goes on should know, by contact: at most [`crate::limits::MOVED_PER_COMMAND_MAX`] of at most
    /// [`crate::limits::NOTE_BYTES_MAX`].
    pub notes: Vec<(ContactId, Name)>,
}

/// Whose contacts are handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HandOverFrom {
    /// This operator's.
    Operator(Name),
    /// Those of all operators of exactly this org unit.
    Unit(Name),
}

/// Which contacts are moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MoveFrom {
    /// These, all of them waiting; 1 to [`crate::limits::MOVED_PER_COMMAND_MAX`].
    Contacts(Vec<ContactId>),
    /// The first in line of a queue, as a job.
    Queue {
        /// Which.
        name: Name,
        /// At most so many; `None` for all who stand in line at this moment.
        count_max: Option<u32>,
    },
}

impl Action {
    /// Whether logs before format 3 know it not.
    pub(crate) fn is_of_the_rule_book(&self) -> bool {
        match self {
            Action::AssignContact { .. }
            | Action::DeferBreaks { .. }
            | Action::HandOver(_)
            | Action::CloseEntry(_)
            | Action::OpenEntry { .. }
            | Action::Supervise { .. }
            | Action::AnswerHelp { .. }
            | Action::CloseEnquiry { .. } => true,
            Action::ForcePresence { .. }
            | Action::SignOut { .. }
            | Action::RequeueContact { .. }
            | Action::CloseContact { .. }
            | Action::MoveContacts { .. }
            | Action::LiftContact { .. }
            | Action::Note { .. } => false,
        }
    }

    /// The action's name, for the audit, logs and metrics: a bounded set.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Action::ForcePresence { .. } => "force-presence",
            Action::SignOut { .. } => "sign-out",
            Action::RequeueContact { .. } => "requeue-contact",
            Action::CloseContact { .. } => "close-contact",
            Action::MoveContacts { .. } => "move-contacts",
            Action::LiftContact { .. } => "lift-contact",
            Action::Note { .. } => "note",
            Action::AssignContact { .. } => "assign-contact",
            Action::DeferBreaks { .. } => "defer-breaks",
            Action::HandOver(_) => "hand-over",
            Action::CloseEntry(_) => "close-entry",
            Action::OpenEntry { .. } => "open-entry",
            Action::CloseEnquiry { .. } => "close-enquiry",
            Action::Supervise { .. } => "supervise",
            Action::AnswerHelp { .. } => "answer-help",
        }
    }
}
