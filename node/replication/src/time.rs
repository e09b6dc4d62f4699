//! Replicated time: the leader stamps it on each batch, every node can go on with it.
//!
//! A node keeps how far replicated time is ahead of its monotonic clock. When it becomes leader, it goes on from
//! there; no clock is asked for the time of day. The wall clock only pulls the leader's time towards itself, by
//! [`SLEW_PPM`] at most, so that neither a jump of the wall clock nor a change of leader moves a timer.
//!
//! **Invariant:** stamps never go back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringmain_routing::Timestamp;

use crate::clock::Clock;

/// How fast the wall clock pulls replicated time: parts per million of the time that passes.
pub const SLEW_PPM: u64 = 500;
/// Beyond this difference between wall clock and replicated time somebody must look at the clocks.
pub const ALARM_MS: u64 = 1_000;
/// What a follower's reckoning may lose against an older, later one: both clocks drift and the leader's slews.
const FALL_PPM: u64 = 1_000;

/// A node's reckoning of replicated time.
pub struct ReplicatedTime {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Replicated time is `base_us` microseconds when the monotonic clock shows `at`; `None` until it is known.
    known: Option<Reckoning>,
    /// The latest stamp seen or made.
    last: Timestamp,
    alarmed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Reckoning {
    base_us: u64,
    at: Duration,
}

impl Reckoning {
    fn now_us(&self, monotonic: Duration) -> u64 {
        self.base_us + monotonic.saturating_sub(self.at).as_micros() as u64
    }
}

impl ReplicatedTime {
    /// Time that is not yet known, at or after `last`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, last: Timestamp) -> Self {
        Self { clock, state: Mutex::new(State { last, ..State::default() }) }
    }

    /// Replicated time as this node reckons it; `None` when it has not heard of it since its start.
    #[must_use]
    pub fn now(&self) -> Option<Timestamp> {
        let monotonic = self.clock.monotonic();
        let state = self.lock();
        let now = Timestamp(state.known?.now_us(monotonic) / 1_000);
        Some(now.max(state.last))
    }

    /// The latest stamp seen.
    #[must_use]
    pub fn last(&self) -> Timestamp {
        self.lock().last
    }

    /// An entry with this stamp was applied.
    pub fn applied(&self, at: Timestamp) {
        let mut state = self.lock();
        state.last = state.last.max(at);
    }

    /// The leader says that it is `now`. The way here took time, so the latest reckoning is nearest the truth. A wall
    /// clock that is off, be it by hours, keeps no node out: it raises the alarm here, and counts for nothing while the
    /// cluster has its time.
    pub fn heard(&self, now: Timestamp) {
        let monotonic = self.clock.monotonic();
        let mut state = self.lock();
        let heard_us = now.0.saturating_mul(1_000);
        let base_us = match state.known {
            None => heard_us,
            Some(known) => {
                let passed_us = monotonic.saturating_sub(known.at).as_micros() as u64;
                let fall_us = passed_us * FALL_PPM / 1_000_000;
                heard_us.max(known.now_us(monotonic).saturating_sub(fall_us))
            }
        };
        state.known = Some(Reckoning { base_us, at: monotonic });
        warn_when_apart(&mut state, self.clock.wall_ms().abs_diff(base_us / 1_000));
    }

    /// This node begins to lead. `peers` is what others reckon, where they do; `walls` are the wall clocks of a
    /// majority of the voters, this node's among them. After a full stop nobody reckons: then the middle one of
    /// the wall clocks counts, but time does not go back.
    pub fn take_over(&self, peers: &[Timestamp], walls: &[u64]) {
        let monotonic = self.clock.monotonic();
        let mut state = self.lock();
        let own = state.known.map(|known| known.now_us(monotonic));
        let reckoned = peers.iter().map(|now| now.0.saturating_mul(1_000)).chain(own).max();
        let base_us = reckoned.unwrap_or_else(|| median(walls).saturating_mul(1_000));
        let base_us = base_us.max(state.last.0.saturating_mul(1_000));
        state.known = Some(Reckoning { base_us, at: monotonic });
    }

    /// Whether [`Self::take_over`] needs to ask others.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.lock().known.is_some()
    }

    /// The stamp for the leader's next batch.
    pub fn stamp(&self) -> Timestamp {
        let monotonic = self.clock.monotonic();
        let wall_us = self.clock.wall_ms().saturating_mul(1_000);
        let mut state = self.lock();
        let known = state.known.unwrap_or(Reckoning { base_us: state.last.0 * 1_000, at: monotonic });
        let passed_us = monotonic.saturating_sub(known.at).as_micros() as u64;
        let now_us = known.now_us(monotonic);
        let pull_us = passed_us * SLEW_PPM / 1_000_000;
        let ahead_us = wall_us.saturating_sub(now_us).min(pull_us);
        let behind_us = now_us.saturating_sub(wall_us).min(pull_us);
        // Too short a step to pull by a microsecond is left for the next one to count.
        if pull_us > 0 {
            state.known = Some(Reckoning { base_us: now_us + ahead_us - behind_us, at: monotonic });
        } else if state.known.is_none() {
            state.known = Some(known);
        }
        warn_when_apart(&mut state, now_us.abs_diff(wall_us) / 1_000);
        state.last = state.last.max(Timestamp((now_us + ahead_us - behind_us) / 1_000));
        state.last
    }

    /// Milliseconds between this node's wall clock and replicated time, while it is known.
    #[must_use]
    pub fn wall_difference_ms(&self) -> Option<u64> {
        self.now().map(|now| now.0.abs_diff(self.clock.wall_ms()))
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

/// The middle one; of an even number the lower, so that one fast clock of two does not decide.
fn median(walls: &[u64]) -> u64 {
    let mut sorted = walls.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[derive(Default)]
    struct HandClock {
        monotonic_ms: AtomicU64,
        wall_ms: AtomicU64,
    }

    impl HandClock {
        fn pass(&self, ms: u64) {
            self.monotonic_ms.fetch_add(ms, Ordering::Relaxed);
            self.wall_ms.fetch_add(ms, Ordering::Relaxed);
        }

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
    fn after_a_full_stop_the_middle_wall_clock_counts_but_time_never_goes_back() {
        let (_, time) = at(5_000, 100);
        assert_eq!(time.now(), None);
        time.take_over(&[], &[5_000, 9_000_000, 6_000]);
        assert_eq!(time.stamp(), Timestamp(6_000));
        let (_, late) = at(5_000, 70_000);
        late.take_over(&[], &[5_000, 6_000, 7_000]);
        assert_eq!(late.stamp(), Timestamp(70_000));
    }

    #[test]
    fn a_new_leader_goes_on_from_what_it_reckoned_whatever_its_wall_clock_says() {
        let (clock, time) = at(0, 0);
        time.heard(Timestamp(10_000));
        clock.pass(300);
        clock.jump_to(3_600_000);
        time.take_over(&[Timestamp(10_200)], &[3_600_000]);
        assert_eq!(time.stamp(), Timestamp(10_300));
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

    #[test]
    fn the_wall_clock_pulls_by_500_ppm_at_most() {
        let (clock, time) = at(1_000_000, 0);
        time.take_over(&[], &[1_000_000]);
        clock.jump_to(4_600_000);
        for _ in 0..1_000 {
            clock.pass(100);
            time.stamp();
        }
        assert_eq!(time.now(), Some(Timestamp(1_100_050)), "100 s and 500 ppm of them");
        clock.jump_to(0);
        for _ in 0..1_000 {
            clock.pass(100);
            time.stamp();
        }
        assert_eq!(time.now(), Some(Timestamp(1_200_000)));
    }

    #[test]
    fn steps_too_short_to_pull_add_up() {
        let (clock, time) = at(1_000_000, 0);
        time.take_over(&[], &[1_000_000]);
        clock.jump_to(2_000_000);
        for _ in 0..10_000 {
            clock.pass(1);
            time.stamp();
        }
        assert_eq!(time.now(), Some(Timestamp(1_010_005)));
    }

    #[test]
    fn a_late_word_of_the_leader_does_not_set_a_follower_back() {
        let (clock, time) = at(0, 0);
        time.heard(Timestamp(10_000));
        clock.pass(1_000);
        time.heard(Timestamp(10_900));
        assert_eq!(time.now(), Some(Timestamp(10_999)), "1000 ppm of a second");
        time.applied(Timestamp(12_000));
        assert_eq!(time.now(), Some(Timestamp(12_000)), "not before what was applied");
    }
}
