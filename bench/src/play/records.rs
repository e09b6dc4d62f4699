//! What clients asked, were answered, and saw: the raw material of the checker.

use std::fmt;

use ringmain_protocol::client::OperationError;
use ringmain_protocol::v1::Receipt;

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Gateway name or login.
    pub client: String,
    /// What was asked.
    pub asked: Asked,
    /// When the client was asked to do it, in ns since the stage was set.
    pub invoked_ns: u64,
    /// When the answer was there.
    pub returned_ns: u64,
    /// The answer.
    pub answer: Answer,
}

/// What a client may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A contact's push, by its key.
    Push(String),
    /// A contact's end by its customer, by its key.
    Abandon(String),
    /// A presence: ready or not.
    Presence(bool),
    /// Accept an offer: contact id, assignment.
    Accept(String, u32),
    /// Complete a contact: contact id, assignment.
    Complete(String, u32),
}

/// How an operation was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Carried out.
    Done {
        /// Place in the log.
        log_index: u64,
        /// Raft term of that entry.
        term: u64,
        /// The contact's id, for a push.
        contact: Option<String>,
    },
    /// Refused for good.
    Refused {
        /// Place in the log; 0 when it never got there.
        log_index: u64,
        /// Raft term of that entry.
        term: u64,
        /// The stable code.
        code: String,
    },
    /// Not known: the client ended first.
    Unknown,
}

impl Answer {
    pub(super) fn done(receipt: Receipt, contact: Option<String>) -> Answer {
        Answer::Done { log_index: receipt.log_index, term: receipt.term, contact }
    }

    pub(super) fn failed(error: OperationError) -> Answer {
        match error {
            OperationError::Refused(refused) => Answer::Refused {
                log_index: refused.receipt.log_index,
                term: refused.receipt.term,
                code: refused.error.code,
            },
            OperationError::Stopped(_) | OperationError::Mismatched => Answer::Unknown,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Done { log_index, .. } => write!(f, "done at {log_index}"),
            Answer::Refused { code, .. } => write!(f, "refused: {code}"),
            Answer::Unknown => f.write_str("unknown"),
        }
    }
}

/// One event that reached a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Gateway name or login.
    pub client: String,
    /// Log index of the event.
    pub log_index: u64,
    /// When it reached the client, in ns since the stage was set.
    pub at_ns: u64,
    /// The contact's key.
    pub key: String,
    /// What.
    pub kind: SeenKind,
    /// Which assignment; 0 for ends.
    pub assignment: u32,
}

/// What a client saw happen to a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenKind {
    /// It rang, or was connected at once: the operator's desktop shows it for the first time.
    Offered,
    /// Customer and operator are connected.
    Connected,
    /// The assignment is void.
    Withdrawn,
    /// It is over.
    Ended,
}
