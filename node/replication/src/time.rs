//! Replicated time of a node: [`Reckoning`] on the node's clocks, and the alarm when they are apart.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringmain_routing::Timestamp;
use ringmain_routing::shell::reckoning::Reckoning;

use crate::clock::Clock;

/// Beyond this difference between wall clock and replicated time somebody must look at the clocks.
pub const ALARM_MS: u64 = 1_000;

/// A node's reckoning of replicated time.
pub struct ReplicatedTime {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    reckoning: Reckoning,
    alarmed: bool,
}

impl ReplicatedTime {
    /// Time that is not yet known, at or after `last`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, last: Timestamp) -> Self {
        Self { clock, state: Mutex::new(State { reckoning: Reckoning::new(last), alarmed: false }) }
    }

    /// Replicated time as this node reckons it; `None` when it has not heard of it since its start.
    #[must_use]
    pub fn now(&self) -> Option<Timestamp> {
        let monotonic_us = self.monotonic_us();
        self.lock().reckoning.now(monotonic_us)
    }

    /// The latest stamp seen.
    #[must_use]
    pub fn last(&self) -> Timestamp {
        self.lock().reckoning.last()
    }

    /// An entry with this stamp was applied.
    pub fn applied(&self, at: Timestamp) {
        self.lock().reckoning.applied(at);
    }

    /// The leader says that it is `now`. A wall clock that is off, be it by hours, keeps no node out: it raises the
    /// alarm here.
    pub fn heard(&self, now: Timestamp) {
        let monotonic_us = self.monotonic_us();
        let mut state = self.lock();
        let reckoned = state.reckoning.heard(now, monotonic_us);
        warn_when_apart(&mut state, self.clock.wall_ms().abs_diff(reckoned.0));
    }

    /// This node begins to lead: see [`Reckoning::take_over`].
    pub fn take_over(&self, peers: &[Timestamp], walls: &[u64]) {
        let monotonic_us = self.monotonic_us();
        self.lock().reckoning.take_over(peers, walls, monotonic_us);
    }

    /// See [`Reckoning::settled`].
    #[must_use]
    pub fn settled(&self) -> Option<Timestamp> {
        let monotonic_us = self.monotonic_us();
        self.lock().reckoning.settled(monotonic_us)
    }

    /// The stamp for the leader's next batch.
    pub fn stamp(&self) -> Timestamp {
        let (monotonic_us, wall_ms) = (self.monotonic_us(), self.clock.wall_ms());
        let mut state = self.lock();
        let stamp = state.reckoning.stamp(monotonic_us, wall_ms);
        warn_when_apart(&mut state, stamp.0.abs_diff(wall_ms));
        stamp
    }

    /// Milliseconds between this node's wall clock and replicated time, while it is known.
    #[must_use]
    pub fn wall_difference_ms(&self) -> Option<u64> {
        self.now().map(|now| now.0.abs_diff(self.clock.wall_ms()))
    }

    fn monotonic_us(&self) -> u64 {
        self.clock.monotonic().as_micros() as u64
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn warn_when_apart(state: &mut State, difference_ms: u64) {
    let apart = difference_ms > ALARM_MS;
    if apart && !state.alarmed {
        metrics::counter!(ringmain_telemetry::names::ALERTS, ringmain_telemetry::labels::ALERT => ringmain_telemetry::alerts::CLOCK_OFF).increment(1);
        tracing::error!(
            alert = ringmain_telemetry::alerts::CLOCK_OFF,
            difference_ms,
            "wall clock and replicated time are apart: check the clocks"
        );
    }
    state.alarmed = apart;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct HandClock {
        monotonic_ms: AtomicU64,
        wall_ms: AtomicU64,
    }

    impl HandClock {
        fn jump_to(&self, wall_ms: u64) {
            self.wall_ms.store(wall_ms, Ordering::Relaxed);
        }
    }

    impl Clock for HandClock {
        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.monotonic_ms.load(Ordering::Relaxed))
        }

        fn wall_ms(&self) -> u64 {
            self.wall_ms.load(Ordering::Relaxed)
        }
    }

    fn at(wall_ms: u64, last: u64) -> (Arc<HandClock>, ReplicatedTime) {
        let clock = Arc::new(HandClock::default());
        clock.jump_to(wall_ms);
        let time = ReplicatedTime::new(Arc::<HandClock>::clone(&clock), Timestamp(last));
        (clock, time)
    }

    #[test]
    fn a_node_that_starts_two_hours_off_takes_the_clusters_time_and_raises_the_alarm() {
        let (clock, time) = at(7_200_000 + 10_000, 0);
        time.heard(Timestamp(10_000));
        assert_eq!(time.now(), Some(Timestamp(10_000)));
        assert!(time.lock().alarmed);
        clock.jump_to(10_500);
        time.heard(Timestamp(10_001));
        assert!(!time.lock().alarmed, "over when the clock is right");
    }
}
