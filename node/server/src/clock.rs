//! The one place that reads clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ringmain_routing::Timestamp;

use ringmain_replication::Clock;

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// Monotonic time counts from here.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    pub fn start() -> SystemClock {
        SystemClock { origin: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    fn wall_ms(&self) -> u64 {
        // A clock before 1970 reads as 1970: replicated time has other sources and raises the alarm.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The time on this machine's clock, for what a person plans by civil time. Nothing replicated is decided by it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one clock")]
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A number that differs from run to run, for names and secrets of the demo. Not for anything that must be guarded
/// from somebody on this machine.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one clock")]
pub fn salt() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanos = since.as_nanos().to_le_bytes();
    let hash = ringmain_routing::hash_parts(&[&nanos, &std::process::id().to_le_bytes()]);
    hash as u64
}
