//! How long applying stands still, and how long snapshots take: for the metrics alone, nothing is decided by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{gauge, histogram};
use ringmain_telemetry::names;

use crate::clock::Clock;
use crate::files::SyncMeter;

/// Measures by the node's own clock.
pub(crate) struct Pace {
    clock: Arc<dyn Clock>,
    longest_ns: AtomicU64,
}

impl Pace {
    pub(crate) fn by(meter: &SyncMeter) -> Pace {
        Pace { clock: meter.clock(), longest_ns: AtomicU64::new(0) }
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// An entry that was begun at a moment is applied: the next one waited for it.
    pub(crate) fn applied(&self, begun: Duration) {
        let took = self.since(begun);
        histogram!(names::APPLY_SECONDS).record(took);
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        if self.longest_ns.fetch_max(ns, Ordering::Relaxed) < ns {
            gauge!(names::APPLY_LONGEST).set(took.as_secs_f64());
        }
    }

    /// A view for a snapshot that was begun at a moment is taken; nothing was applied meanwhile.
    pub(crate) fn paused(&self, begun: Duration) {
        gauge!(names::SNAPSHOT_PAUSE).set(self.since(begun).as_secs_f64());
    }

    /// A snapshot that was begun at a moment is on the disk.
    pub(crate) fn written(&self, begun: Duration) {
        gauge!(names::SNAPSHOT_WRITE).set(self.since(begun).as_secs_f64());
    }

    /// What was on the disk when the node started is read.
    pub(crate) fn read(&self, begun: Duration) {
        gauge!(names::START_READ).set(self.since(begun).as_secs_f64());
    }

    fn since(&self, begun: Duration) -> Duration {
        self.now().saturating_sub(begun)
    }
}
