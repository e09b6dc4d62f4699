//! What the calls of sessions without a stream have in common.

use ringmain_protocol::v1::Error;
use ringmain_telemetry::codes;
use tonic::{Request, Status};

use crate::auth::Caller;
use crate::error;
use crate::leased::problem_with;

/// The caller of a request and its message.
pub(crate) fn taken_apart<T>(request: Request<T>) -> Result<(Caller, T), Status> {
    let caller = request.extensions().get::<Caller>().cloned();
    let unknown = || {
        let message = "a session is opened by the holder of a token";
        error::status(&error::of_code(&codes::UNAUTHENTICATED, message))
    };
    Ok((caller.ok_or_else(unknown)?, request.into_inner()))
}

/// The error as the end of a call.
pub(crate) fn status_of(error: Box<Error>) -> Status {
    error::status(&error)
}

/// What the call is about was left out.
pub(crate) fn missing(field: &str) -> Status {
    error::status(&problem_with(field, "is missing"))
}

/// The session said something else than what answers this call, or nothing.
pub(crate) fn of_another(said: bool) -> Status {
    let what = if said { "another answer than asked for" } else { "no answer" };
    error::status(&error::of_code(&codes::FATAL, format!("the session gave {what}")))
}
