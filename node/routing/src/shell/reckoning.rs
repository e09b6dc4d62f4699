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

    /// Whether [`Self::take_over`] needs to ask others.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// An entry with this stamp was applied.
    pub fn applied(&mut self, at: Timestamp) {
        self.last = self.last.max(at);
    }

    /// The leader says that it is `now`. The way here took time, so the latest reckoning is nearest the truth; gives
    /// what the node reckons from here on. The wall clock counts for nothing while the cluster has its time.
    pub fn heard(&mut self, now: Timestamp, monotonic_us: u64) -> Timestamp {
        let heard_us = now.0.saturating_mul(1_000);
        let base_us = match self.known {
            None => heard_us,
            Some(known) => {
                let passed_us = monotonic_us.saturating_sub(known.at_us);
                let fall_us = passed_us * FALL_PPM / 1_000_000;
                heard_us.max(known.now_us(monotonic_us).saturating_sub(fall_us))
            }
        };
        self.known = Some(Known { base_us, at_us: monotonic_us });
        Timestamp(base_us / 1_000)
    }

    /// This node begins to lead. `peers` is what others reckon, where they do; `walls` are the wall clocks of a
    /// majority of the voters, this node's among them. After a full stop nobody reckons: then the middle one of
    /// the wall clocks counts, but time does not go back.
    pub fn take_over(&mut self, peers: &[Timestamp], walls: &[u64], monotonic_us: u64) {
        let own = self.known.map(|known| known.now_us(monotonic_us));
        let reckoned = peers.iter().map(|now| now.0.saturating_mul(1_000)).chain(own).max();
        let base_us = reckoned.unwrap_or_else(|| median(walls).saturating_mul(1_000));
        let floor_us = if is(Planted::TimeGoesBack) { 0 } else { self.last.0.saturating_mul(1_000) };
        self.known = Some(Known { base_us: base_us.max(floor_us), at_us: monotonic_us });
    }

    /// The stamp for the leader's next batch.
    pub fn stamp(&mut self, monotonic_us: u64, wall_ms: u64) -> Timestamp {
        let wall_us = wall_ms.saturating_mul(1_000);
        let known = self.known.unwrap_or(Known { base_us: self.last.0 * 1_000, at_us: monotonic_us });
        let passed_us = monotonic_us.saturating_sub(known.at_us);
        let now_us = known.now_us(monotonic_us);
        let pull_us = if is(Planted::WallClockRules) { u64::MAX } else { passed_us * SLEW_PPM / 1_000_000 };
        let ahead_us = wall_us.saturating_sub(now_us).min(pull_us);
        let behind_us = now_us.saturating_sub(wall_us).min(pull_us);
        let stamped_us = now_us + ahead_us - behind_us;
        // Too short a step to pull by a microsecond is left for the next one to count.
        if pull_us > 0 || self.known.is_none() {
            self.known = Some(Known { base_us: stamped_us, at_us: monotonic_us });
        }
        let stamp = Timestamp(stamped_us / 1_000);
        self.last = if is(Planted::TimeGoesBack) { stamp } else { self.last.max(stamp) };
        self.last
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
        time.take_over(&[Timestamp(10_200)], &[3_600_000], 300 * MS);
        assert_eq!(time.stamp(300 * MS, 3_600_000), Timestamp(10_300));
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
