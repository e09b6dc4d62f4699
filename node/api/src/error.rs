//! Errors as clients see them: one [`v1::Error`] with a stable code, inside streams and as details of a gRPC status.

use axum::http;
use ringmain_actors::Unanswered;
use ringmain_protocol::status::to_status;
use ringmain_protocol::v1::{Error, ErrorKind, FieldProblem};
use ringmain_replication::{ChangeError, ProposeError};
use ringmain_routing::{Millis, NodeId, Refusal};
use ringmain_telemetry::codes::{self, ErrorCode, GrpcStatus, Retry};
use tonic::{Code, Status};

use crate::nodes::Nodes;

/// When a change may be tried again for which there is no leader at the moment, or another change is under way.
const NO_LEADER_RETRY_AFTER: Millis = Millis(250);
/// When a full queue or group may be tried again.
const FULL_RETRY_AFTER: Millis = Millis(1_000);

/// When to come back where nobody knows better.
const LATER: Millis = Millis(1_000);
/// When to ask again for an unknown outcome: it may show at any moment.
const AGAIN: Millis = Millis(100);

/// An error of the node's own, by its code. Whoever may try again is told when.
pub(crate) fn of_code(code: &ErrorCode, message: impl Into<String>) -> Error {
    Error {
        kind: kind_of(code.status).into(),
        code: code.code.to_owned(),
        message: message.into(),
        retryable: match code.retry {
            Retry::No => false,
            Retry::Later | Retry::SameKey => true,
        },
        retry_after_ms: match code.retry {
            Retry::No => 0,
            Retry::Later => LATER.0,
            Retry::SameKey => AGAIN.0,
        },
        ..Error::default()
    }
}

/// As [`of_code`], with when and where to come back.
pub(crate) fn come_back(
    code: &ErrorCode,
    message: impl Into<String>,
    retry_after: Millis,
    hint: &str,
) -> Error {
    Error { retry_after_ms: retry_after.0, hint: hint.to_owned(), ..of_code(code, message) }
}

/// Bad input: every problem by its field.
pub(crate) fn invalid(problems: Vec<FieldProblem>) -> Error {
    let list: Vec<String> =
        problems.iter().map(|problem| format!("{}: {}", problem.field, problem.problem)).collect();
    Error { problems, ..of_code(&codes::INVALID_REQUEST, list.join("; ")) }
}

/// The core's no.
pub(crate) fn refused(refusal: &Refusal) -> Error {
    let message = refusal.to_string();
    let (kind, retry_after) = match refusal {
        Refusal::InvalidField { .. } => (ErrorKind::Invalid, None),
        Refusal::QueueFull { .. } | Refusal::LimitReached { .. } => {
            (ErrorKind::Refusal, Some(FULL_RETRY_AFTER))
        }
        Refusal::UnknownQueue(_)
        | Refusal::UnknownSkill(_)
        | Refusal::UnknownChannel(_)
        | Refusal::UnknownUnit(_)
        | Refusal::UnknownOperator(_)
        | Refusal::UnknownContact(_)
        | Refusal::UnknownParty
        | Refusal::StaleEpoch { .. }
        | Refusal::AlreadySignedIn
        | Refusal::NotSignedIn
        | Refusal::KeyReused { .. }
        | Refusal::QueueClosed(_)
        | Refusal::WrongState { .. }
        | Refusal::StaleAssignment { .. }
        | Refusal::CannotDecline(_)
        | Refusal::PlanVersion { .. }
        | Refusal::PlanConflict(_)
        | Refusal::ForeignContact(_)
        | Refusal::ActionKeyReused { .. }
        | Refusal::OperatorUnavailable(_)
        | Refusal::UnknownPrincipal(_)
        | Refusal::NoQueue
        | Refusal::WouldStrand { .. }
        | Refusal::NobodyThere(_)
        | Refusal::UnknownCalendar(_)
        | Refusal::NothingWaits
        | Refusal::NotALead(_)
        | Refusal::PassedOften { .. }
        | Refusal::UnknownRoute(_)
        | Refusal::UnknownBreak(_)
        | Refusal::UnknownEnquiry(_)
        | Refusal::RouteInUse { .. } => (ErrorKind::Refusal, None),
    };
    Error {
        kind: kind.into(),
        code: refusal.code().to_owned(),
        problems: vec![field_of(&message)],
        message,
        retryable: retry_after.is_some(),
        retry_after_ms: retry_after.map_or(0, |after| after.0),
        hint: String::new(),
        opens_at_ms: 0,
    }
}

/// A refusal's text starts with the field it is about.
fn field_of(message: &str) -> FieldProblem {
    let (field, problem) = message.split_once(": ").unwrap_or(("", message));
    FieldProblem { field: field.to_owned(), problem: problem.to_owned() }
}

/// A command that has no answer of the core.
pub(crate) fn unanswered(error: &Unanswered, nodes: &Nodes) -> Error {
    match error {
        Unanswered::Propose(error) => not_proposed(error, nodes),
        Unanswered::UnknownKey => {
            let message = error.to_string();
            let code = "unknown-contact".to_owned();
            let problems = vec![field_of(&message)];
            Error { kind: ErrorKind::Refusal.into(), code, message, problems, ..Error::default() }
        }
    }
}

/// A command that did not get through the log, or not in time.
pub(crate) fn not_proposed(error: &ProposeError, nodes: &Nodes) -> Error {
    let hint = match error {
        ProposeError::Unavailable { leader, .. } => {
            leader.map_or(String::new(), |leader| nodes.live_address(leader))
        }
        ProposeError::DiskFull { .. } | ProposeError::Fatal(_) => nodes.other_than_me(),
        ProposeError::Overloaded { .. } | ProposeError::Unknown => String::new(),
    };
    unanswered_proposal(error, &hint)
}

fn unanswered_proposal(error: &ProposeError, hint: &str) -> Error {
    match error {
        ProposeError::Unavailable { retry_after, .. } => {
            let message = "no leader can be reached; nothing was done, try again";
            come_back(&codes::UNAVAILABLE, message, *retry_after, hint)
        }
        ProposeError::Overloaded { retry_after } => {
            let message = "this node has as much in hand as it may; nothing was done, try again";
            come_back(&codes::OVERLOADED, message, *retry_after, hint)
        }
        ProposeError::DiskFull { retry_after } => {
            let message = "this node's disk is nearly full; nothing was done, go to another node";
            come_back(&codes::DISK_FULL, message, *retry_after, hint)
        }
        ProposeError::Unknown => {
            let message = "the outcome is not known; ask again with the same key";
            of_code(&codes::UNKNOWN_OUTCOME, message)
        }
        ProposeError::Fatal(_) => {
            let message = "this node stops; go to another one";
            come_back(&codes::FATAL, message, LATER, hint)
        }
    }
}

/// A change of the members that was not made, or not to its end.
pub(crate) fn not_changed(error: &ChangeError, nodes: &Nodes) -> Error {
    let message = error.to_string();
    match error {
        ChangeError::NotLeader { leader: Some(leader) } => other_node(*leader, nodes),
        ChangeError::NotLeader { leader: None } => {
            let message = "no leader is known; nothing was done, try again";
            come_back(&codes::UNAVAILABLE, message, NO_LEADER_RETRY_AFTER, "")
        }
        ChangeError::Refused(_) => {
            let problems = vec![field_of(&message)];
            let kind = ErrorKind::Refusal.into();
            Error { kind, problems, ..of_code(&codes::MEMBERS_REFUSED, message) }
        }
        ChangeError::Busy => come_back(&codes::MEMBERS_BUSY, message, NO_LEADER_RETRY_AFTER, ""),
        ChangeError::Unfinished(_) => of_code(&codes::CHANGE_UNFINISHED, message),
        ChangeError::Fatal(_) => {
            come_back(&codes::FATAL, "this node stops; go to another one", Millis(0), &nodes.other_than_me())
        }
    }
}

/// The call is for another node.
pub(crate) fn other_node(node: NodeId, nodes: &Nodes) -> Error {
    let message = format!("node {node} carries this out; nothing was done here");
    come_back(&codes::OTHER_NODE, message, Millis(0), &nodes.address(node))
}

/// More operations are unanswered than there are credits for.
pub(crate) fn no_credit() -> Error {
    let message = "more operations are unanswered than there are credits for; wait for answers";
    come_back(&codes::OVERLOADED, message, Millis(100), "")
}

/// The error as a gRPC status.
pub(crate) fn status(error: &Error) -> Status {
    let plain = to_status(error);
    match ErrorCode::of(&error.code).and_then(|entry| code_of(entry.status)) {
        Some(code) => Status::with_details(code, plain.message(), plain.details().to_vec().into()),
        None => plain,
    }
}

/// The error as the HTTP answer that a gRPC client understands.
pub(crate) fn http_response(error: &Error) -> http::Response<axum::body::Body> {
    status(error).into_http()
}

/// What a stream's own end means: a message over its size, or bytes that are no message.
pub(crate) fn of_stream(status: &Status) -> Option<Error> {
    match status.code() {
        Code::OutOfRange => {
            let message = "a message is over 1 MiB; send long lists in parts and media by reference";
            Some(of_code(&codes::MESSAGE_TOO_LARGE, message))
        }
        Code::Internal | Code::InvalidArgument => {
            Some(of_code(&codes::INVALID_REQUEST, "a message could not be read"))
        }
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Unimplemented
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => None,
    }
}

fn kind_of(status: GrpcStatus) -> ErrorKind {
    match status {
        GrpcStatus::InvalidArgument | GrpcStatus::FailedPrecondition | GrpcStatus::OutOfRange => {
            ErrorKind::Invalid
        }
        GrpcStatus::DeadlineExceeded => ErrorKind::Unknown,
        GrpcStatus::Unavailable | GrpcStatus::Internal | GrpcStatus::None => ErrorKind::Unavailable,
        GrpcStatus::Unauthenticated | GrpcStatus::PermissionDenied => ErrorKind::Unauthorized,
        GrpcStatus::NotFound => ErrorKind::Refusal,
    }
}

fn code_of(status: GrpcStatus) -> Option<Code> {
    match status {
        GrpcStatus::InvalidArgument => Some(Code::InvalidArgument),
        GrpcStatus::DeadlineExceeded => Some(Code::DeadlineExceeded),
        GrpcStatus::Unavailable => Some(Code::Unavailable),
        GrpcStatus::Internal => Some(Code::Internal),
        GrpcStatus::Unauthenticated => Some(Code::Unauthenticated),
        GrpcStatus::PermissionDenied => Some(Code::PermissionDenied),
        GrpcStatus::FailedPrecondition => Some(Code::FailedPrecondition),
        GrpcStatus::NotFound => Some(Code::NotFound),
        GrpcStatus::OutOfRange => Some(Code::OutOfRange),
        GrpcStatus::None => None,
    }
}

/// The hint for a leader, for messages that are no errors.
pub(crate) fn leader_hint(leader: Option<NodeId>, nodes: &Nodes) -> String {
    leader.map_or(String::new(), |leader| nodes.address(leader))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_its_code_and_field() {
        let error = refused(&Refusal::UnknownQueue("calls".into()));
        assert_eq!((error.code.as_str(), error.kind()), ("unknown-queue", ErrorKind::Refusal));
        assert_eq!(error.problems[0].field, "queue");
        assert_eq!(status(&error).code(), Code::NotFound);
    }

    #[test]
    fn every_code_of_the_node_has_its_grpc_status() {
        for entry in codes::NODE_CODES {
            let expected = code_of(entry.status);
            let status = status(&of_code(entry, "x"));
            assert!(expected.is_none_or(|code| status.code() == code), "{}", entry.code);
        }
    }

    #[test]
    fn whoever_may_try_again_is_told_when() {
        let retry_after = Millis(50);
        let mut errors: Vec<Error> = codes::NODE_CODES.iter().map(|entry| of_code(entry, "x")).collect();
        errors.extend([
            unanswered_proposal(&ProposeError::Unavailable { retry_after, leader: None }, ""),
            unanswered_proposal(&ProposeError::Overloaded { retry_after }, ""),
            unanswered_proposal(&ProposeError::DiskFull { retry_after }, ""),
            unanswered_proposal(&ProposeError::Unknown, ""),
            unanswered_proposal(&ProposeError::Fatal(String::new()), ""),
            no_credit(),
            refused(&Refusal::QueueFull { queue: "calls".into(), waiting_max: 1 }),
        ]);
        for error in errors {
            assert_eq!(error.retryable, error.retry_after_ms > 0, "{}", error.code);
        }
    }

    #[test]
    fn bad_input_lists_every_problem() {
        let problem = |field: &str| FieldProblem { field: field.into(), problem: "is empty".into() };
        let error = invalid(vec![problem("key"), problem("queue")]);
        assert_eq!(error.message, "key: is empty; queue: is empty");
        assert_eq!(status(&error).code(), Code::InvalidArgument);
    }
}
