//! Customers who were refused and dial again, as people do in an outage: after a pause, a few times, then no more.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, Exp1};
use serde::Serialize;

use super::figures::Class;

/// Nobody dials again sooner.
const PAUSE_MIN_S: f64 = 1.0;
/// Nobody waits longer than so many times the mean.
const PAUSE_MAX_MEANS: f64 = 5.0;

/// How customers dial again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Habit {
    /// So often at most, after the first call.
    pub times_max: u32,
    /// After a pause that is exponentially distributed with this mean, s; never less than 1 s or more than 5 times it.
    pub pause_s: f64,
}

/// A call of a customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Call {
    pub(super) class: Class,
    pub(super) tier: u32,
    /// How many calls of the same customer were refused before, and the number of the code of the first refusal.
    pub(super) refused: u32,
    pub(super) first_code: u8,
}

/// Customers who will dial again.
pub(super) struct Redials {
    habit: Habit,
    random: ChaCha12Rng,
    /// By the stage's clock, in ns.
    waiting: BinaryHeap<Reverse<(u64, Call)>>,
}

impl Redials {
    pub(super) fn new(habit: Habit, seed: u64) -> Redials {
        Redials { habit, random: ChaCha12Rng::seed_from_u64(seed), waiting: BinaryHeap::new() }
    }

    /// A call was refused by a code; `false` when the customer gives up.
    pub(super) fn refused(&mut self, now_ns: u64, call: Call, code: u8) -> bool {
        if call.refused >= self.habit.times_max {
            return false;
        }
        let first_code = if call.refused == 0 { code } else { call.first_code };
        let next = Call { refused: call.refused + 1, first_code, ..call };
        let at_ns = now_ns.saturating_add(self.pause_ns());
        self.waiting.push(Reverse((at_ns, next)));
        true
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// When the next customer dials again.
    pub(super) fn next_ns(&self) -> Option<u64> {
        self.waiting.peek().map(|Reverse((at_ns, _))| *at_ns)
    }

    /// The next one who dials again by then.
    pub(super) fn take_by(&mut self, now_ns: u64) -> Option<(u64, Call)> {
        self.next_ns().filter(|at_ns| *at_ns <= now_ns)?;
        self.waiting.pop().map(|Reverse(next)| next)
    }

    fn pause_ns(&mut self) -> u64 {
        let drawn: f64 = Exp1.sample(&mut self.random);
        let most = PAUSE_MIN_S.max(self.habit.pause_s * PAUSE_MAX_MEANS);
        let pause = Duration::from_secs_f64((drawn * self.habit.pause_s).clamp(PAUSE_MIN_S, most));
        u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn a_customer_dials_again_after_a_pause_until_it_was_often_enough() {
        let mut redials = Redials::new(Habit { times_max: 2, pause_s: 4.0 }, 1);
        let first = Call { tier: 3, ..Call::default() };
        assert!(redials.refused(10 * S, first, 5));
        assert_eq!(redials.take_by(11 * S - 1), None);
        let (at_ns, second) = redials.take_by(31 * S).expect("nobody waits more than five times the mean");
        assert!((11 * S..=30 * S).contains(&at_ns), "{at_ns}");
        assert_eq!(second, Call { refused: 1, first_code: 5, ..first });
        assert!(redials.refused(at_ns, second, 7));
        let (_, third) = redials.take_by(at_ns + 20 * S).expect("the same");
        assert_eq!(third, Call { refused: 2, first_code: 5, ..first });
        assert!(!redials.refused(99 * S, third, 7), "he gives up");
        assert_eq!(redials.next_ns(), None);
    }

    #[test]
    fn customers_dial_in_the_order_of_their_pauses() {
        let mut redials = Redials::new(Habit { times_max: 1, pause_s: 10.0 }, 3);
        for tier in 0..100 {
            redials.refused(0, Call { tier, ..Call::default() }, 0);
        }
        let times: Vec<u64> = std::iter::from_fn(|| redials.take_by(u64::MAX)).map(|(at, _)| at).collect();
        assert_eq!(times.len(), 100);
        assert!(times.is_sorted() && times.first() < times.last());
    }
}
