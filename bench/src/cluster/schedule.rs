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

/// The arrivals of a span of time, in order, since its beginning.
#[derive(Clone, Debug)]
pub struct Schedule {
    arrivals: Arrivals,
    rate: f64,
    random: ChaCha12Rng,
    at_s: f64,
    until_s: f64,
    count: u64,
}

impl Schedule {
    /// Arrivals at so many per second. The same seed draws the same ones.
    #[must_use]
    pub fn new(arrivals: Arrivals, rate: f64, seed: u64, length: Duration) -> Schedule {
        let random = ChaCha12Rng::seed_from_u64(seed);
        let rate = rate.max(f64::MIN_POSITIVE);
        Schedule { arrivals, rate, random, at_s: 0.0, until_s: length.as_secs_f64(), count: 0 }
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.at_s = match self.arrivals {
            Arrivals::Constant => self.count as f64 / self.rate,
            Arrivals::Poisson => {
                let gap: f64 = Exp1.sample(&mut self.random);
                self.at_s + gap / self.rate
            }
        };
        self.count += 1;
        (self.at_s < self.until_s).then(|| Duration::from_secs_f64(self.at_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_arrivals_are_equally_far_apart() {
        let schedule = Schedule::new(Arrivals::Constant, 200.0, 1, Duration::from_secs(2));
        let due: Vec<Duration> = schedule.collect();
        assert_eq!(due.len(), 400);
        assert_eq!(due[0], Duration::ZERO);
        assert!(due.windows(2).all(|pair| (pair[1] - pair[0]).as_micros().abs_diff(5_000) <= 1));
    }

    #[test]
    fn poisson_arrivals_come_from_the_seed_in_order_and_as_many_as_asked_for() {
        let draw = |seed| -> Vec<Duration> {
            Schedule::new(Arrivals::Poisson, 1_000.0, seed, Duration::from_secs(20)).collect()
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
}
