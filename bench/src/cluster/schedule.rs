//! When contacts are due: drawn beforehand, whatever the cluster does.

use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, Exp1};
use serde::Serialize;

/// How arrivals follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// Independent of each other, as customers are: gaps are exponentially distributed.
    #[default]
    Poisson,
    /// At equal distances.
    Constant,
}

impl Arrivals {
    /// The word for it in tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Arrivals::Poisson => "Poisson",
            Arrivals::Constant => "constant",
        }
    }
}

/// A rate that goes from one value to another, evenly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Leg {
    /// How long, s.
    pub seconds: f64,
    /// At its beginning, per second.
    pub from: f64,
    /// At its end, per second.
    pub to: f64,
}

/// A rate over time: legs, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Course {
    legs: Vec<Leg>,
}

/// The arrivals of a span of time, in order, since its beginning.
#[derive(Clone, Debug)]
pub struct Schedule {
    arrivals: Arrivals,
    course: Course,
    random: ChaCha12Rng,
    /// Arrivals that are expected until the next one.
    expected: f64,
    /// The present leg, its beginning, and the arrivals that are expected before it.
    leg: usize,
    leg_begin_s: f64,
    leg_expected: f64,
}

impl Leg {
    /// The same rate all the time.
    #[must_use]
    pub fn even(seconds: f64, rate: f64) -> Leg {
        Leg { seconds, from: rate, to: rate }
    }

    /// Arrivals that are expected in all of it.
    fn count(&self) -> f64 {
        self.seconds * (self.from + self.to) / 2.0
    }

    /// When so many are expected, since its beginning: the smaller root of from · t + (to - from) / seconds · t² / 2,
    /// written so that nothing is divided by a difference that may be 0.
    fn time_of(&self, count: f64) -> f64 {
        let slope = (self.to - self.from) / self.seconds;
        let root = (self.from * self.from + 2.0 * slope * count).max(0.0).sqrt();
        2.0 * count / (self.from + root).max(f64::MIN_POSITIVE)
    }
}

impl Course {
    /// These legs, without those that take no time.
    #[must_use]
    pub fn new(legs: impl IntoIterator<Item = Leg>) -> Course {
        Course { legs: legs.into_iter().filter(|leg| leg.seconds > 0.0).collect() }
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> Duration {
        Duration::from_secs_f64(self.legs.iter().map(|leg| leg.seconds).sum())
    }

    /// Arrivals that are expected in all of it.
    #[must_use]
    pub fn count(&self) -> f64 {
        self.legs.iter().map(Leg::count).sum()
    }

    /// The rate at a time since its beginning; 0 behind its end.
    #[must_use]
    pub fn rate_at(&self, at: Duration) -> f64 {
        let mut left_s = at.as_secs_f64();
        for leg in &self.legs {
            if left_s < leg.seconds {
                return leg.from + (leg.to - leg.from) * left_s / leg.seconds;
            }
            left_s -= leg.seconds;
        }
        0.0
    }
}

impl Schedule {
    /// Arrivals of a course. The same seed draws the same ones.
    #[must_use]
    pub fn new(arrivals: Arrivals, course: Course, seed: u64) -> Schedule {
        let random = ChaCha12Rng::seed_from_u64(seed);
        Schedule { arrivals, course, random, expected: 0.0, leg: 0, leg_begin_s: 0.0, leg_expected: 0.0 }
    }

    /// The rate at a time since its beginning.
    #[must_use]
    pub fn rate_at(&self, at: Duration) -> f64 {
        self.course.rate_at(at)
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    /// Arrivals of a rate that changes are those of the rate 1 at the moments when so many are expected.
    fn next(&mut self) -> Option<Duration> {
        let due = match self.arrivals {
            Arrivals::Constant => self.expected,
            Arrivals::Poisson => {
                let gap: f64 = Exp1.sample(&mut self.random);
                self.expected + gap
            }
        };
        self.expected = match self.arrivals {
            Arrivals::Constant => due + 1.0,
            Arrivals::Poisson => due,
        };
        while let Some(leg) = self.course.legs.get(self.leg) {
            if due < self.leg_expected + leg.count() {
                let at_s = self.leg_begin_s + leg.time_of(due - self.leg_expected);
                return Some(Duration::from_secs_f64(at_s));
            }
            self.leg += 1;
            self.leg_begin_s += leg.seconds;
            self.leg_expected += leg.count();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_arrivals_are_equally_far_apart() {
        let schedule = Schedule::new(Arrivals::Constant, Course::new([Leg::even(2.0, 200.0)]), 1);
        let due: Vec<Duration> = schedule.collect();
        assert_eq!(due.len(), 400);
        assert_eq!(due[0], Duration::ZERO);
        assert!(due.windows(2).all(|pair| (pair[1] - pair[0]).as_micros().abs_diff(5_000) <= 1));
    }

    #[test]
    fn poisson_arrivals_come_from_the_seed_in_order_and_as_many_as_asked_for() {
        let draw = |seed| -> Vec<Duration> {
            Schedule::new(Arrivals::Poisson, Course::new([Leg::even(20.0, 1_000.0)]), seed).collect()
        };
        let due = draw(7);
        assert_eq!(due, draw(7));
        assert_ne!(due, draw(8));
        assert!(due.is_sorted());
        // 20,000 are expected, with a standard deviation of 141.
        assert!((19_300..20_700).contains(&due.len()), "{}", due.len());
        let gaps: Vec<f64> = due.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // The standard deviation of exponential gaps is their mean.
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.05, "{} {mean}", variance.sqrt());
    }

    #[test]
    fn a_rate_that_changes_brings_as_many_as_its_course_expects() {
        let course = Course::new([
            Leg::even(1.0, 100.0),
            Leg { seconds: 0.0, from: 9.0, to: 9.0 },
            Leg { seconds: 2.0, from: 100.0, to: 500.0 },
            Leg { seconds: 2.0, from: 500.0, to: 0.0 },
        ]);
        assert_eq!((course.count(), course.length()), (1_200.0, Duration::from_secs(5)));
        assert_eq!(course.rate_at(Duration::from_millis(2_000)), 300.0);
        assert_eq!(course.rate_at(Duration::from_secs(5)), 0.0);
        let due: Vec<f64> = Schedule::new(Arrivals::Constant, course, 1).map(|at| at.as_secs_f64()).collect();
        assert_eq!(due.len(), 1_200);
        assert!(due.is_sorted());
        let within = |from: f64, to: f64| due.iter().filter(|at| (from..to).contains(at)).count();
        assert_eq!(within(0.0, 1.0), 100);
        // 100/s to 300/s, 300/s to 500/s, and from there to nothing.
        assert_eq!((within(1.0, 2.0), within(2.0, 3.0)), (200, 400));
        assert!(within(3.0, 4.0).abs_diff(375) <= 1, "{}", within(3.0, 4.0));
    }
}
