//! The one place of this crate that reads a clock: drills and the simulation measure the machine.

use std::time::{Duration, Instant};

/// A running stopwatch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a drill measures elapsed time; no rule is decided by it")]
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    #[expect(clippy::disallowed_methods, reason = "a drill measures elapsed time; no rule is decided by it")]
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
