//! What a field of a command may hold: names, texts and spans within their limits.

use alloc::format;
use alloc::string::ToString as _;

use crate::ids::Millis;
use crate::limits::{NAME_BYTES_MAX, SPAN_MS_MAX};
use crate::refusal::Refusal;

/// The refusal of a field out of its bounds.
pub(crate) fn invalid(field: &str, problem: &str) -> Refusal {
    Refusal::InvalidField { field: field.into(), problem: problem.to_string() }
}

/// A name that may enter the state: 1 to [`NAME_BYTES_MAX`] bytes without control characters.
pub(crate) fn check_name(field: &str, name: &str) -> Result<(), Refusal> {
    check_text(field, name, NAME_BYTES_MAX)
}

/// A text of 1 to `bytes_max` bytes without control characters.
pub(crate) fn check_text(field: &str, text: &str, bytes_max: usize) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(invalid(field, "is empty"));
    }
    if text.len() > bytes_max {
        return Err(invalid(field, &format!("has {} bytes; at most {bytes_max} are allowed", text.len())));
    }
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !is_plain && text.chars().any(char::is_control) {
        return Err(invalid(field, "holds control characters"));
    }
    Ok(())
}

/// A span within [`SPAN_MS_MAX`].
pub(crate) fn check_span(field: &str, span: Millis) -> Result<(), Refusal> {
    if span.0 <= SPAN_MS_MAX {
        return Ok(());
    }
    Err(invalid(field, &format!("{} ms is more than two years", span.0)))
}
