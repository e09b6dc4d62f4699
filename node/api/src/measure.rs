//! What the API counts of requests and of the commands inside sessions.

use axum::response::Response;
use metrics::Counter;
use ringmain_protocol::status::carried;
use ringmain_protocol::v1::Error;
use ringmain_telemetry::{labels, names};
use tonic::Status;

/// A request or a command of a session has ended, well or with an error.
pub(crate) fn count(method: &'static str, error: Option<&Error>) {
    let code = error.map_or("ok".to_owned(), |error| error.code.clone());
    metrics::counter!(names::REQUESTS, labels::METHOD => method, labels::CODE => code).increment(1);
}

/// Counts what ends well, for those who count much.
pub(crate) fn successes(method: &'static str) -> Counter {
    metrics::counter!(names::REQUESTS, labels::METHOD => method, labels::CODE => "ok")
}

/// A call was answered. One that failed at once says so in its headers.
pub(crate) fn count_response(method: &'static str, response: &Response) {
    let status =
        Status::from_header_map(response.headers()).filter(|status| status.code() != tonic::Code::Ok);
    count(method, status.and_then(|status| carried(&status)).as_ref());
}
