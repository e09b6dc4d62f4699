//! A node's reckoning of replicated time: the leader stamps it on each batch, every node can go on with it.
//!
//! A node keeps how far replicated time is ahead of its monotonic clock. When it becomes leader, it goes on from
//! there; no clock is asked for the time of day. The wall clock only pulls the leader's time towards itself, by
//! [`SLEW_PPM`] at most, so that neither a jump of the wall clock nor a change of leader moves a timer.
//!
//! **Invariant:** stamps never go back.

use alloc::vec::Vec;

use crate::ids::Timestamp;
use crate::planted::{Planted, is};

/// How fast the wall clock pulls replicated time: parts per million of the time that passes.
pub const SLEW_PPM: u64 = 500;
/// What a follower's reckoning may lose against an older, later one: both clocks drift and the leader's slews.
const FALL_PPM: u64 = 1_000;
/// A word of the leader that is further from the reckoning was long on its way, or the one before it was.
const STALE_US: u64 = 50_000;
/// Words that agree with the reckoning for so long make it more than a lower bound.
const SETTLED_US: u64 = 100_000;

/// Replicated time as one node reckons it. `monotonic_us` is microseconds of its monotonic clock, `wall_ms`
/// milliseconds since 1970 as its machine believes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reckoning {
    /// `None` until the node has heard of it since its start.
    known: Option<Known>,
    /// The latest stamp seen or made.
    last: Timestamp,
}

/// Replicated time is `base_us` microseconds when the monotonic clock shows `at_us`.
#[derive(Clone, Copy, Debug)]
struct Known {
    base_us: u64,
    at_us: u64,
    /// When the monotonic clock showed this, a word of the leader put replicated time ahead by more than
    /// [`STALE_US`], or was the first.
    moved_us: u64,
    /// Whether it is the cluster's time, and not only a bound below it: a process that stood still hears words that
    /// have waited for it.
    is_settled: bool,
}

impl Known {
    fn now_us(&self, monotonic_us: u64) -> u64 {
        self.base_us + monotonic_us.saturating_sub(self.at_us)
    }
}

impl Reckoning {
    /// Time that is not yet known, at or after `last`.
    #[must_use]
    pub fn new(last: Timestamp) -> Reckoning {
        Reckoning { known: None, last }
    }

    /// Replicated time; `None` when the node has not heard of it since its start.
    #[must_use]
    pub fn now(&self, monotonic_us: u64) -> Option<Timestamp> {
        let now = Timestamp(self.known?.now_us(monotonic_us) / 1_000);
        Some(now.max(self.last))
    }

    /// The latest stamp seen.
    #[must_use]
    pub fn last(&self) -> Timestamp {
        self.last
    }

    /// Replicated time, when words of the leader have agreed with it for [`SETTLED_US`] since this node was behind.
    /// Otherwise [`Self::take_over`] needs the word of others.
    #[must_use]
    pub fn settled(&self, monotonic_us: u64) -> Option<Timestamp> {
        self.now(monotonic_us).filter(|_| self.known.is_some_and(|known| known.is_settled))
    }

    /// An entry with this stamp was applied.
    pub fn applied(&mut self, at: Timestamp) {
        self.last = self.last.max(at);
    }

    /// The leader says that it is `now`. The way here took time, so the latest reckoning is nearest the truth; gives
    /// what the node reckons from here on. The wall clock counts for nothing while the cluster has its time.
    pub fn heard(&mut self, now: Timestamp, monotonic_us: u64) -> Timestamp {
        let heard_us = now.0.saturating_mul(1_000);
        let known = self.known.unwrap_or(Known {
            base_us: 0,
            at_us: monotonic_us,
            moved_us: monotonic_us,
            is_settled: false,
        });
        let reckoned_us = known.now_us(monotonic_us);
        let fall_us = monotonic_us.saturating_sub(known.at_us) * FALL_PPM / 1_000_000;
        let base_us = heard_us.max(reckoned_us.saturating_sub(fall_us));
        let has_moved = heard_us > reckoned_us + STALE_US;
        let moved_us = if has_moved { monotonic_us } else { known.moved_us };
        let agrees = heard_us.abs_diff(reckoned_us) <= STALE_US;
        let is_settled =
            !has_moved && (known.is_settled || agrees && monotonic_us.saturating_sub(moved_us) >= SETTLED_US);
        self.known = Some(Known { base_us, at_us: monotonic_us, moved_us, is_settled });
        Timestamp(base_us / 1_000)
    }

    /// This node begins to lead. `peers` is what others reckon, where they do; `walls` are the wall clocks of a
    /// majority of the voters, this node's among them. After a full stop nobody reckons: then the middle one of
    /// the wall clocks counts, but time goes back behind nothing that was stamped or heard.
    pub fn take_over(&mut self, peers: &[Timestamp], walls: &[u64], monotonic_us: u64) {
        let heard = self.known.map(|known| known.now_us(monotonic_us));
        let own = heard.filter(|_| self.settled(monotonic_us).is_some());
        let reckoned = peers.iter().map(|now| now.0.saturating_mul(1_000)).chain(own).max();
        let walls = if is(Planted::WallsIgnoredAfterStop) { &[] } else { walls };
        let base_us = reckoned.unwrap_or_else(|| median(walls).saturating_mul(1_000));
        let last_us = if is(Planted::TimeGoesBack) { 0 } else { self.last.0.saturating_mul(1_000) };
        self.set(base_us.max(last_us).max(heard.unwrap_or(0)), monotonic_us);
    }

    /// The stamp for the leader's next batch.
    pub fn stamp(&mut self, monotonic_us: u64, wall_ms: u64) -> Timestamp {
        let wall_us = wall_ms.saturating_mul(1_000);
        if self.known.is_none() {
            self.set(self.last.0.saturating_mul(1_000), monotonic_us);
        }
        let Some(known) = self.known else { return self.last };
        let passed_us = monotonic_us.saturating_sub(known.at_us);
        let now_us = known.now_us(monotonic_us);
        let pull_us = if is(Planted::WallClockRules) { u64::MAX } else { passed_us * SLEW_PPM / 1_000_000 };
        let ahead_us = wall_us.saturating_sub(now_us).min(pull_us);
        let behind_us = now_us.saturating_sub(wall_us).min(pull_us);
        let stamped_us = now_us + ahead_us - behind_us;
        // Too short a step to pull by a microsecond is left for the next one to count.
        if pull_us > 0 {
            self.set(stamped_us, monotonic_us);
        }
        let stamp = Timestamp(stamped_us / 1_000);
        self.last = if is(Planted::TimeGoesBack) { stamp } else { self.last.max(stamp) };
        self.last
    }

    /// The cluster's time is this: a leader says so.
    fn set(&mut self, base_us: u64, at_us: u64) {
        self.known = Some(Known { base_us, at_us, moved_us: at_us, is_settled: true });
    }
}

/// The middle one; of an even number the lower, so that one fast clock of two does not decide.
fn median(walls: &[u64]) -> u64 {
    let mut sorted: Vec<u64> = walls.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000;

    #[test]
    fn after_a_full_stop_the_middle_wall_clock_counts_but_time_never_goes_back() {
        let mut time = Reckoning::new(Timestamp(100));
        assert_eq!(time.now(0), None);
        time.take_over(&[], &[5_000, 9_000_000, 6_000], 0);
        assert_eq!(time.stamp(0, 5_000), Timestamp(6_000));
        let mut late = Reckoning::new(Timestamp(70_000));
        late.take_over(&[], &[5_000, 6_000, 7_000], 0);
        assert_eq!(late.stamp(0, 5_000), Timestamp(70_000));
    }

    #[test]
    fn a_new_leader_goes_on_from_what_it_reckoned_whatever_its_wall_clock_says() {
        let mut time = Reckoning::default();
        time.heard(Timestamp(10_000), 0);
        time.heard(Timestamp(10_100), 100 * MS);
        time.take_over(&[Timestamp(10_200)], &[3_600_000], 300 * MS);
        assert_eq!(time.stamp(300 * MS, 3_600_000), Timestamp(10_300));
    }

    /// Words of the leader that waited for a process that stood still are too old, all of them.
    #[test]
    fn words_that_waited_are_a_bound_and_no_reckoning() {
        let mut time = Reckoning::default();
        for word in [10_000, 10_100, 10_200] {
            time.heard(Timestamp(word), 3_000 * MS);
        }
        assert_eq!((time.now(3_000 * MS), time.settled(3_000 * MS)), (Some(Timestamp(10_200)), None));
        time.heard(Timestamp(10_200), 3_200 * MS);
        assert_eq!(time.settled(3_200 * MS), None, "the same word again agrees with nothing");

        let mut late = time;
        late.take_over(&[Timestamp(13_000)], &[13_001], 3_300 * MS);
        assert_eq!(late.now(3_300 * MS), Some(Timestamp(13_000)), "others know better");
        let mut late = time;
        late.take_over(&[], &[5_000, 13_001, 13_002], 3_300 * MS);
        assert_eq!(late.now(3_300 * MS), Some(Timestamp(13_001)), "nobody knows: the middle wall clock");
        time.take_over(&[], &[5_000, 5_001, 5_002], 3_300 * MS);
        assert_eq!(time.now(3_300 * MS), Some(Timestamp(10_499)), "but not before what was heard");
    }

    #[test]
    fn words_that_agree_settle_it_and_a_leap_unsettles_it() {
        let mut time = Reckoning::default();
        for step in 0..=3 {
            time.heard(Timestamp(10_000 + step * 40), step * 40 * MS);
            assert_eq!(time.settled(step * 40 * MS).is_some(), step == 3, "after 100 ms: {step}");
        }
        time.heard(Timestamp(11_000), 200 * MS);
        assert_eq!(time.settled(200 * MS), None);
    }

    #[test]
    fn the_wall_clock_pulls_by_500_ppm_at_most() {
        let mut time = Reckoning::default();
        time.take_over(&[], &[1_000_000], 0);
        for step in 1..=1_000 {
            time.stamp(step * 100 * MS, 4_600_000 + step * 100);
        }
        assert_eq!(time.now(100_000 * MS), Some(Timestamp(1_100_050)), "100 s and 500 ppm of them");
        for step in 1_001..=2_000 {
            time.stamp(step * 100 * MS, 0);
        }
        assert_eq!(time.now(200_000 * MS), Some(Timestamp(1_200_000)));
    }

    #[test]
    fn steps_too_short_to_pull_add_up() {
        let mut time = Reckoning::default();
        time.take_over(&[], &[1_000_000], 0);
        for step in 1..=10_000 {
            time.stamp(step * MS, 2_000_000 + step);
        }
        assert_eq!(time.now(10_000 * MS), Some(Timestamp(1_010_005)));
    }

    #[test]
    fn a_late_word_of_the_leader_does_not_set_a_follower_back() {
        let mut time = Reckoning::default();
        time.heard(Timestamp(10_000), 0);
        let reckoned = time.heard(Timestamp(10_900), 1_000 * MS);
        assert_eq!(reckoned, Timestamp(10_999), "1000 ppm of a second");
        time.applied(Timestamp(12_000));
        assert_eq!(time.now(1_000 * MS), Some(Timestamp(12_000)), "not before what was applied");
    }
}
