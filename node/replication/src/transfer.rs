//! What goes to nodes that lag: snapshots and history, no faster than is good for those who route contacts.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringmain_telemetry::{labels, names};

use crate::clock::Clock;

/// Bytes a second to lagging nodes, all of them together.
pub const TRANSFER_BYTES_PER_S: u64 = 50_000_000;
/// Snapshots that are left out in a row while one is being sent: each would cut the log that its receiver needs next.
const HELD_MAX: u32 = 4;

/// The transfers of one node. Cheap to clone.
#[derive(Clone)]
pub struct Transfers {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    pace: Mutex<Pace>,
    sending: AtomicUsize,
    held: AtomicU32,
    snapshot_bytes: AtomicU64,
    history_bytes: AtomicU64,
}

/// What goes to a node that lags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freight {
    /// A part of a snapshot.
    Snapshot,
    /// A piece of a history segment.
    History,
}

impl fmt::Debug for Transfers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfers").field("sending", &self.inner.sending).finish_non_exhaustive()
    }
}

/// When the next bytes may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    bytes_per_s: u64,
    next: Duration,
}

impl Pace {
    /// So many bytes a second; 0 for as many as there are.
    #[must_use]
    pub fn new(bytes_per_s: u64) -> Self {
        Self { bytes_per_s, next: Duration::ZERO }
    }

    /// How long `bytes` must wait when it is `now`. They count as gone then.
    pub fn wait(&mut self, now: Duration, bytes: u64) -> Duration {
        if self.bytes_per_s == 0 {
            return Duration::ZERO;
        }
        let begin = self.next.max(now);
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_s);
        self.next = begin + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        begin - now
    }
}

/// A snapshot on its way out; over when it is dropped.
pub struct Sending {
    transfers: Transfers,
}

impl Transfers {
    /// At this pace.
    #[must_use]
    pub fn new(bytes_per_s: u64, clock: Arc<dyn Clock>) -> Self {
        let pace = Mutex::new(Pace::new(bytes_per_s));
        let inner = Inner {
            clock,
            pace,
            sending: AtomicUsize::new(0),
            held: AtomicU32::new(0),
            snapshot_bytes: AtomicU64::new(0),
            history_bytes: AtomicU64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Bytes of this freight that went out since the start.
    #[must_use]
    pub fn sent(&self, freight: Freight) -> u64 {
        self.count(freight).load(Ordering::Relaxed)
    }

    fn count(&self, freight: Freight) -> &AtomicU64 {
        match freight {
            Freight::Snapshot => &self.inner.snapshot_bytes,
            Freight::History => &self.inner.history_bytes,
        }
    }

    /// Returns when so many bytes may go.
    pub async fn pass(&self, freight: Freight, bytes: usize) {
        let wait = {
            let mut pace = self.inner.pace.lock().unwrap_or_else(PoisonError::into_inner);
            pace.wait(self.inner.clock.monotonic(), bytes as u64)
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        self.count(freight).fetch_add(bytes as u64, Ordering::Relaxed);
        let freight = match freight {
            Freight::Snapshot => "snapshot",
            Freight::History => "history",
        };
        metrics::counter!(names::TRANSFER_BYTES, labels::FREIGHT => freight).increment(bytes as u64);
    }

    /// A snapshot begins to go out.
    #[must_use]
    pub fn begin(&self) -> Sending {
        self.inner.sending.fetch_add(1, Ordering::Relaxed);
        Sending { transfers: self.clone() }
    }

    /// Whether a snapshot that is due is to be left out, because the log behind it is needed by somebody who is being
    /// sent one. Not for ever: a transfer that never ends must not fill the disk.
    #[must_use]
    pub fn hold_log(&self) -> bool {
        if self.inner.sending.load(Ordering::Relaxed) == 0 {
            self.inner.held.store(0, Ordering::Relaxed);
            return false;
        }
        self.inner.held.fetch_add(1, Ordering::Relaxed) < HELD_MAX
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.transfers.inner.sending.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FrozenClock;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn bytes_wait_until_those_before_them_have_had_their_time() {
        let mut pace = Pace::new(1_000_000);
        assert_eq!(pace.wait(5 * MS, 2_000), Duration::ZERO);
        assert_eq!(pace.wait(5 * MS, 1_000), 2 * MS);
        assert_eq!(pace.wait(7 * MS, 1_000), MS);
        assert_eq!(pace.wait(100 * MS, 1_000), Duration::ZERO, "time that was not used is not saved up");
        assert_eq!(Pace::new(0).wait(MS, u64::MAX), Duration::ZERO);
    }

    #[test]
    fn the_log_is_held_while_a_snapshot_goes_out_but_not_for_ever() {
        let transfers = Transfers::new(0, Arc::new(FrozenClock));
        assert!(!transfers.hold_log());
        let sending = transfers.begin();
        let held: Vec<bool> = (0..6).map(|_| transfers.hold_log()).collect();
        assert_eq!(held, [true, true, true, true, false, false]);
        drop(sending);
        assert!(!transfers.hold_log());
    }
}
