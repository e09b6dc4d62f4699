//! The one place of this crate that reads a clock: drills measure the machine.

use std::time::{Duration, Instant};

/// A running stopwatch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a drill measures elapsed time; no rule is decided by it")]
    pub(super) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    #[expect(clippy::disallowed_methods, reason = "a drill measures elapsed time; no rule is decided by it")]
    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
