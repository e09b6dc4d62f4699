//! What is held against each other: the clients' own histories, what they were told, and what the nodes have at the
//! end. All but the nodes' states can be written to a file, one JSON object a line.

use ringmain_routing::{Command, ContactId, NodeId, Outcome, Router, Timestamp};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One operation of one client, as the client saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientOp {
    /// Name of the gateway, or the operator's login.
    pub client: String,
    /// What was asked.
    pub op: ClientOpKind,
    /// When the client began, in ns of a clock that all clients share.
    pub invoked_ns: u64,
    /// When the answer was there, on the same clock; for an unknown one, when the client gave up.
    pub returned_ns: u64,
    /// The answer.
    pub result: OpResult,
}

/// What a client may ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ClientOpKind {
    /// A gateway brings a contact.
    Push {
        /// The gateway's key of the contact.
        key: String,
    },
    /// A gateway says that the customer has gone.
    Abandon {
        /// The gateway's key of the contact.
        key: String,
    },
    /// An operator becomes ready, or not ready.
    Presence {
        /// Which of the two.
        ready: bool,
    },
    /// An operator takes a contact.
    Accept {
        /// Id of the contact.
        contact: String,
        /// Which of its assignments.
        assignment: u32,
    },
    /// An operator does not take a contact.
    Decline {
        /// Id of the contact.
        contact: String,
        /// Which of its assignments.
        assignment: u32,
    },
    /// An operator ends a talk.
    Complete {
        /// Id of the contact.
        contact: String,
        /// Which of its assignments.
        assignment: u32,
    },
    /// An operator ends a wrap-up.
    EndWrapUp {
        /// Id of the contact.
        contact: String,
        /// Which of its assignments.
        assignment: u32,
    },
}

/// How an operation was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OpResult {
    /// Carried out.
    Done {
        /// Place in the log.
        log_index: u64,
        /// Raft term of that place.
        term: u64,
        /// The contact's id, when it was a push.
        contact: Option<ContactId>,
    },
    /// Refused for good.
    Refused {
        /// Place in the log; 0 when it never got there.
        log_index: u64,
        /// Raft term of that place.
        term: u64,
        /// The stable code.
        code: String,
    },
    /// The client ended first, so nobody knows.
    Unknown,
}

impl OpResult {
    /// The place in the log and its term, where the answer names one.
    #[must_use]
    pub fn receipt(&self) -> Option<(u64, u64)> {
        match *self {
            OpResult::Done { log_index, term, .. } => Some((log_index, term)),
            OpResult::Refused { log_index, term, .. } if log_index > 0 => Some((log_index, term)),
            OpResult::Refused { .. } | OpResult::Unknown => None,
        }
    }
}

/// One event that reached a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenEvent {
    /// Name of the gateway, or the operator's login.
    pub client: String,
    /// Log index of the command that led to it.
    pub log_index: u64,
    /// When it reached the client, in ns of the clock of [`ClientOp::invoked_ns`].
    pub at_ns: u64,
    /// The contact's key.
    pub key: String,
    /// What happened.
    pub kind: SeenEventKind,
    /// Which assignment; 0 for the end of a contact.
    pub assignment: u32,
}

/// What a client saw happen to a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SeenEventKind {
    /// It rang at the operator's.
    Offered,
    /// Customer and operator are connected.
    Connected,
    /// The assignment is void.
    Withdrawn,
    /// The contact is over.
    Ended,
}

/// One command of a node's exported history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Place in the log.
    pub log_index: u64,
    /// Raft index of the entry that carried it.
    pub raft_index: u64,
    /// Raft term of that entry.
    pub term: u64,
    /// Replicated time.
    pub at: Timestamp,
    /// What was asked.
    pub command: Command,
    /// What came of it.
    pub outcome: Outcome,
    /// Chain up to and with this command.
    #[serde(serialize_with = "to_hex", deserialize_with = "from_hex")]
    pub chain: u128,
}

/// All that one node has at the end.
#[derive(Debug)]
pub struct NodeScan {
    /// Which node.
    pub node: NodeId,
    /// Its state, restored from the canonical bytes that it exported.
    pub state: Router,
    /// Its history from the first command on, up to the state's index or beyond.
    pub history: Vec<HistoryEntry>,
}

/// Writes records as JSON, one a line.
///
/// # Errors
/// A record that cannot be written as JSON.
pub fn to_json_lines<T: Serialize>(records: &[T]) -> serde_json::Result<String> {
    let mut text = String::new();
    for record in records {
        text.push_str(&serde_json::to_string(record)?);
        text.push('\n');
    }
    Ok(text)
}

/// Reads what [`to_json_lines`] wrote. Empty lines are passed over.
///
/// # Errors
/// A line that is no such record.
pub fn from_json_lines<T: DeserializeOwned>(text: &str) -> serde_json::Result<Vec<T>> {
    text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect()
}

fn to_hex<S: Serializer>(chain: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{chain:032x}"))
}

fn from_hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
    let text = String::deserialize(deserializer)?;
    u128::from_str_radix(&text, 16).map_err(D::Error::custom)
}
