//! Errors of the API as gRPC statuses and back. The status carries the whole [`Error`] in its details, in the
//! standard form (`google.rpc.Status` with an `Any`), so that stock tools of any language can read it.

use prost::Message;
use tonic::{Code, Status};

use crate::v1::{Error, ErrorKind};

const ERROR_TYPE: &str = "type.googleapis.com/ringmain.v1.Error";

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// The status that carries the error.
#[must_use]
pub fn to_status(error: &Error) -> Status {
    let code = code_of(error);
    let detail = prost_types::Any { type_url: ERROR_TYPE.to_owned(), value: error.encode_to_vec() };
    let details = RpcStatus { code: code as i32, message: error.message.clone(), details: vec![detail] };
    Status::with_details(code, error.message.clone(), details.encode_to_vec().into())
}

/// The error inside a status that one of our nodes sent; `None` when the status came from somewhere between.
#[must_use]
pub fn carried(status: &Status) -> Option<Error> {
    let details = RpcStatus::decode(status.details()).ok()?;
    let detail = details.details.iter().find(|detail| detail.type_url == ERROR_TYPE)?;
    Error::decode(detail.value.as_slice()).ok()
}

/// The error of a status, whoever sent it: what carries none is judged by its code.
#[must_use]
pub fn to_error(status: &Status) -> Error {
    carried(status).unwrap_or_else(|| {
        let (kind, code) = judged(status.code());
        let retryable = matches!(kind, ErrorKind::Unavailable | ErrorKind::Unknown);
        Error {
            kind: kind.into(),
            code: code.to_owned(),
            message: message_of(status),
            retryable,
            ..Error::default()
        }
    })
}

/// What a node says of a call that it does not know helps nobody, if it says anything.
fn message_of(status: &Status) -> String {
    if status.code() == Code::Unimplemented {
        return "the node is of a version that does not know this call; nothing was done".to_owned();
    }
    status.message().to_owned()
}

/// The gRPC code of an error: what kind it is, and for a refusal which.
#[must_use]
pub fn code_of(error: &Error) -> Code {
    match error.kind() {
        ErrorKind::Refusal => code_of_refusal(&error.code),
        ErrorKind::Unavailable if error.code == "fatal" => Code::Internal,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Unknown => Code::DeadlineExceeded,
        ErrorKind::Invalid => code_of_invalid(&error.code),
        ErrorKind::Unauthorized if error.code == "unauthenticated" => Code::Unauthenticated,
        ErrorKind::Unauthorized => Code::PermissionDenied,
        ErrorKind::Unspecified => Code::Internal,
    }
}

fn code_of_invalid(code: &str) -> Code {
    match code {
        "message-too-large" => Code::OutOfRange,
        "unexpected-message" => Code::FailedPrecondition,
        "not-found" => Code::NotFound,
        _ => Code::InvalidArgument,
    }
}

fn code_of_refusal(code: &str) -> Code {
    match code {
        "key-reused" | "already-signed-in" => Code::AlreadyExists,
        "queue-full" | "limit-reached" => Code::ResourceExhausted,
        "invalid-field" => Code::InvalidArgument,
        unknown if unknown.starts_with("unknown-") => Code::NotFound,
        _ => Code::FailedPrecondition,
    }
}

fn judged(code: Code) -> (ErrorKind, &'static str) {
    match code {
        Code::Unauthenticated => (ErrorKind::Unauthorized, "unauthenticated"),
        Code::PermissionDenied => (ErrorKind::Unauthorized, "permission-denied"),
        Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented => {
            (ErrorKind::Invalid, "invalid-request")
        }
        Code::DeadlineExceeded => (ErrorKind::Unknown, "unknown-outcome"),
        Code::NotFound | Code::AlreadyExists | Code::FailedPrecondition => (ErrorKind::Refusal, "refused"),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => (ErrorKind::Unavailable, "unavailable"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::FieldProblem;

    #[test]
    fn a_call_that_a_node_does_not_know_is_refused_with_words() {
        let error = to_error(&Status::unimplemented(""));
        assert!(error.kind() == ErrorKind::Invalid && !error.retryable, "{error:?}");
        assert!(error.message.contains("nothing was done"), "{error:?}");
    }

    #[test]
    fn an_error_survives_the_way_through_a_status() {
        let error = Error {
            kind: ErrorKind::Invalid.into(),
            code: "invalid-field".to_owned(),
            message: "two fields are wrong".to_owned(),
            problems: vec![FieldProblem { field: "tier".to_owned(), problem: "0 to 9".to_owned() }],
            retryable: false,
            retry_after_ms: 7,
            hint: "a:1".to_owned(),
            opens_at_ms: 9,
        };
        let status = to_status(&error);
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(carried(&status), Some(error.clone()));
        assert_eq!(to_error(&status), error);
    }

    #[test]
    fn a_status_of_a_stranger_is_judged_by_its_code() {
        assert_eq!(carried(&Status::unavailable("no route")), None);
        let error = to_error(&Status::unavailable("no route"));
        assert_eq!((error.kind(), error.retryable), (ErrorKind::Unavailable, true));
        assert_eq!(to_error(&Status::unauthenticated("who?")).kind(), ErrorKind::Unauthorized);
        assert_eq!(to_error(&Status::deadline_exceeded("late")).kind(), ErrorKind::Unknown);
    }

    #[test]
    fn details_that_are_no_status_carry_no_error() {
        let status = Status::with_details(Code::Internal, "x", vec![0xff; 16].into());
        assert_eq!(carried(&status), None);
    }

    #[test]
    fn refusals_have_the_codes_that_stock_tools_expect() {
        let refusal = |code: &str| {
            code_of(&Error { kind: ErrorKind::Refusal.into(), code: code.to_owned(), ..Error::default() })
        };
        assert_eq!(refusal("unknown-queue"), Code::NotFound);
        assert_eq!(refusal("key-reused"), Code::AlreadyExists);
        assert_eq!(refusal("queue-full"), Code::ResourceExhausted);
        assert_eq!(refusal("wrong-state"), Code::FailedPrecondition);
    }
}
