//! The one place of this crate that reads a clock: benchmarks measure the machine.

use std::time::{Duration, Instant};

/// A running stopwatch.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "a benchmark measures elapsed time; nothing is decided by it"
    )]
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// Time since the start.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "a benchmark measures elapsed time; nothing is decided by it"
    )]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// How long this thread has had a processor since it began; `None` where the system does not say. On a busy
/// machine this tells the work from the waiting.
#[must_use]
pub fn thread_processor_time() -> Option<Duration> {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    schedule.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// What reading the clock twice costs, in ns: the least of many tries.
#[must_use]
pub fn reading_ns() -> u64 {
    let once = || Stopwatch::start().elapsed().as_nanos() as u64;
    (0..10_000).map(|_| once()).min().unwrap_or_default()
}
