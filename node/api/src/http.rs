//! The HTTP side for operations: metrics, liveness, readiness.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::readiness::Readiness;

/// Makes the text of `/metrics` when it is asked for.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

#[derive(Clone)]
struct HttpState {
    readiness: Readiness,
    render: RenderMetrics,
}

/// `/metrics`, `/livez` and `/readyz[?verbose]`.
pub(crate) fn router(readiness: Readiness, render: RenderMetrics) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .with_state(HttpState { readiness, render })
}

async fn metrics(State(state): State<HttpState>) -> Response {
    let content_type = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    ([content_type], (state.render)()).into_response()
}

/// The process runs and has not failed for good. Never a question of the quorum: a restart heals no partition.
async fn livez(State(state): State<HttpState>) -> Response {
    match state.readiness.fatal() {
        None => (StatusCode::OK, "ok\n").into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("stopped: {reason}\n")).into_response(),
    }
}

/// Whether clients should be sent here.
async fn readyz(State(state): State<HttpState>, RawQuery(query): RawQuery) -> Response {
    let checks = state.readiness.checks();
    let ready = checks.iter().all(|check| check.passed);
    let verbose =
        query.is_some_and(|query| query.split('&').any(|part| part.split('=').next() == Some("verbose")));
    let mut text = String::new();
    if verbose {
        for check in &checks {
            let mark = if check.passed { "+" } else { "-" };
            text.push_str(&format!("[{mark}] {}: {}\n", check.name, check.detail));
        }
    }
    text.push_str(if ready { "ready\n" } else { "not ready\n" });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, text).into_response()
}
