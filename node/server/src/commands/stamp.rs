//! How old an answer is.

use ringmain_protocol::v1::ReadStamp;
use serde_json::json;

use crate::output::{Block, span};

/// How old an answer is, as a line below it.
pub(super) fn stamp_line(stamp: &ReadStamp) -> Block {
    let age = match stamp.stale_since_ms {
        Some(_) => format!(", STALE: without the majority for {}", span(stamp.age_ms)),
        None if stamp.age_ms > 2_000 => format!(", {} old", span(stamp.age_ms)),
        None => String::new(),
    };
    Block::Line(format!("node {} at log index {}{age}", stamp.node, stamp.log_index))
}

/// How old an answer is, for programs.
pub(super) fn stamp_json(stamp: &ReadStamp) -> serde_json::Value {
    json!({
        "log_index": stamp.log_index,
        "at_ms": stamp.at_ms,
        "age_ms": stamp.age_ms,
        "node": stamp.node,
        "stale_since_ms": stamp.stale_since_ms,
    })
}
