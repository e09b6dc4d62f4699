//! Stable codes of errors that are no decision of the core: the node could not ask it, may not ask it, or cannot
//! run. (Codes of the core's own refusals are `Refusal::CODES` in `ringmain-routing`.) Each has a section in
//! docs/ERRORS.md and a runbook where somebody has to act.

/// One error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// The stable text, as it stands in answers and logs.
    pub code: &'static str,
    /// How gRPC shows it.
    pub status: GrpcStatus,
    /// What the caller may do.
    pub retry: Retry,
    /// Who has to do something about it.
    pub acts: Acts,
    /// What it means, in a sentence.
    pub text: &'static str,
}

/// How gRPC shows an error; names as in the gRPC specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrpcStatus {
    /// Bad input.
    InvalidArgument,
    /// A timeout after proposing.
    DeadlineExceeded,
    /// Come back later, perhaps elsewhere.
    Unavailable,
    /// The node stops.
    Internal,
    /// Who are you?
    Unauthenticated,
    /// Not for you.
    PermissionDenied,
    /// A message out of place.
    FailedPrecondition,
    /// There is no such thing.
    NotFound,
    /// A message over its size.
    OutOfRange,
    /// Told at start or on the command line, never over gRPC.
    None,
}

/// What the caller may do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same again fails again: change it first.
    No,
    /// Nothing was done; try again after `retry_after`, here or on the node named.
    Later,
    /// It may have been done: ask again with the same key.
    SameKey,
}

/// Who has to do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acts {
    /// The one who called: the request is wrong, or has to be sent again.
    Caller,
    /// Those who run the node: there is a runbook.
    Operations,
}

impl GrpcStatus {
    /// The name as the gRPC specification writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            GrpcStatus::InvalidArgument => "INVALID_ARGUMENT",
            GrpcStatus::DeadlineExceeded => "DEADLINE_EXCEEDED",
            GrpcStatus::Unavailable => "UNAVAILABLE",
            GrpcStatus::Internal => "INTERNAL",
            GrpcStatus::Unauthenticated => "UNAUTHENTICATED",
            GrpcStatus::PermissionDenied => "PERMISSION_DENIED",
            GrpcStatus::FailedPrecondition => "FAILED_PRECONDITION",
            GrpcStatus::NotFound => "NOT_FOUND",
            GrpcStatus::OutOfRange => "OUT_OF_RANGE",
            GrpcStatus::None => "none",
        }
    }
}

impl ErrorCode {
    /// The entry of a code.
    #[must_use]
    pub fn of(code: &str) -> Option<&'static ErrorCode> {
        NODE_CODES.iter().find(|entry| entry.code == code)
    }
}

macro_rules! codes {
    ($($name:ident = $code:literal, $status:ident, $retry:ident, $acts:ident, $text:literal;)*) => {
        $(
            #[doc = $text]
            pub const $name: ErrorCode = ErrorCode {
                code: $code,
                status: GrpcStatus::$status,
                retry: Retry::$retry,
                acts: Acts::$acts,
                text: $text,
            };
        )*

        /// Every node-level code.
        pub const NODE_CODES: &[ErrorCode] = &[$($name),*];
    };
}

codes! {
    // A running node.
    UNAVAILABLE = "unavailable", Unavailable, Later, Operations,
        "No leader can be reached at the moment; nothing was proposed.";
    READ_ONLY = "read-only", Unavailable, Later, Operations,
        "This node has lost its leader or the majority and serves reads only.";
    OVERLOADED = "overloaded", Unavailable, Later, Operations,
        "This node has as much in hand as it may; nothing was proposed.";
    DRAINING = "draining", Unavailable, Later, Caller,
        "This node is stopping or drains and takes no new work; go to another one.";
    OTHER_NODE = "other-node", Unavailable, Later, Caller,
        "Another node carries this out; its address is in the hint.";
    MEMBERS_REFUSED = "members-refused", FailedPrecondition, No, Operations,
        "The members of the cluster cannot be changed like this; nothing was changed.";
    MEMBERS_BUSY = "members-busy", Unavailable, Later, Caller,
        "Another change of the members is under way; they change one at a time.";
    CHANGE_UNFINISHED = "change-unfinished", DeadlineExceeded, SameKey, Operations,
        "A change of the members is not known to be done; the same command again goes on where it was.";
    UNKNOWN_OUTCOME = "unknown-outcome", DeadlineExceeded, SameKey, Operations,
        "The command was proposed but its outcome did not come in time: it may or may not have been carried out.";
    FATAL = "fatal", Internal, Later, Operations,
        "The node found something that would make it lie and stops; go to another one.";
    UNAUTHENTICATED = "unauthenticated", Unauthenticated, No, Operations,
        "The call carries no token, or one that is not known.";
    PERMISSION_DENIED = "permission-denied", PermissionDenied, No, Operations,
        "The token's role does not allow this call.";
    INVALID_REQUEST = "invalid-request", InvalidArgument, No, Caller,
        "One or more fields of the request are wrong; each is named.";
    INVALID_CURSOR = "invalid-cursor", InvalidArgument, No, Caller,
        "The cursor is not one that this cluster gave out.";
    UNEXPECTED_MESSAGE = "unexpected-message", FailedPrecondition, No, Caller,
        "A message of a session came out of its order, such as a command before Hello.";
    SESSION_OVER = "session-over", FailedPrecondition, No, Caller,
        "The session of a call is over, or there never was one of this name: open one.";
    MESSAGE_TOO_LARGE = "message-too-large", OutOfRange, No, Caller,
        "A message is over 1 MiB.";
    NOT_FOUND = "not-found", NotFound, No, Caller,
        "What was asked for does not exist.";

    // Start and the command line.
    INVALID_CONFIG = "invalid-config", None, No, Operations,
        "The configuration or the plan has mistakes; each is named with its line.";
    INVALID_CONTEXT = "invalid-context", None, No, Caller,
        "The contexts of the command line are wrong, or there is none of that name.";
    INVALID_SCENARIO = "invalid-scenario", None, No, Caller,
        "A scenario folder or a workload profile has mistakes; each is named with file and line.";
    WRONG_CLUSTER = "wrong-cluster", None, No, Operations,
        "The data folder belongs to another cluster or node.";
    NODE_REMOVED = "node-removed", None, No, Operations,
        "The node was taken out of its cluster; its folder and its id cannot be used again.";
    DATA_IN_USE = "data-in-use", None, No, Operations,
        "Another process holds the data folder.";
    DAMAGED_DATA = "damaged-data", None, No, Operations,
        "A file in the data folder is damaged; the node does not start, so that it serves nothing wrong.";
    NEWER_DATA = "newer-data", None, No, Operations,
        "The data folder or backup was written by a newer version of the program; nothing was changed.";
    DATA_NOT_EMPTY = "data-not-empty", None, No, Operations,
        "The folder that a backup is to be restored into holds something already; nothing was changed.";
    DAMAGED_BACKUP = "damaged-backup", None, No, Operations,
        "The backup is not whole: it was cut short or changed; nothing was restored from it.";
    DISK_FULL = "disk-full", Unavailable, Later, Operations,
        "The node's disk is nearly full: nothing was proposed, and what is under way is finished from the reserve.";
    ADDRESS_IN_USE = "address-in-use", None, No, Operations,
        "A port of the configuration is taken.";
    STORAGE_FAILED = "storage-failed", None, No, Operations,
        "The operating system refused to read or write the data folder.";
    QUORUM_CRITICAL = "quorum-critical", None, Later, Operations,
        "Without this node the cluster would have no majority; it must not stop now.";
    UNHEALTHY = "unhealthy", None, Later, Operations,
        "The check of the cluster found something that somebody must look at.";
    UNREACHABLE = "unreachable", None, Later, Operations,
        "The command line could not reach the node.";
    HISTORY_CHANGED = "history-changed", None, No, Operations,
        "The chain over a node's history does not hold.";
    NOT_READY = "not-ready", None, Later, Caller,
        "The node lives, but clients should not be sent to it at the moment.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_code_is_used_once() {
        let codes: BTreeSet<&str> = NODE_CODES.iter().map(|entry| entry.code).collect();
        assert_eq!(codes.len(), NODE_CODES.len());
    }

    #[test]
    fn a_code_finds_its_entry() {
        assert_eq!(ErrorCode::of("read-only"), Some(&READ_ONLY));
        assert_eq!(ErrorCode::of("nonsense"), None);
    }
}
