//! How long operators talk: not at all, so that a cluster is measured and not people, or for a drawn time, so that
//! contacts stand in line.

use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, Exp1};
use tokio::sync::watch;

/// Nobody talks longer than so many times the mean.
const LONGEST_MEANS: f64 = 10.0;

/// How operators serve, all alike.
#[derive(Clone)]
pub struct Service {
    mean: Duration,
    seed: u64,
    hurry: watch::Receiver<bool>,
}

/// Makes operators hurry. Dropping it changes nothing.
pub struct Hurry(watch::Sender<bool>);

/// Talks of one operator.
pub(super) struct Talks {
    mean: Duration,
    random: ChaCha12Rng,
    hurry: watch::Receiver<bool>,
}

impl Service {
    /// Talks that are exponentially distributed, until everybody is told to hurry.
    #[must_use]
    pub fn talking(mean: Duration, seed: u64) -> (Service, Hurry) {
        let (hurry, told) = watch::channel(false);
        (Service { mean, seed, hurry: told }, Hurry(hurry))
    }

    /// Every contact is done with at once.
    #[must_use]
    pub fn at_once() -> Service {
        Service::talking(Duration::ZERO, 0).0
    }

    /// Those of one operator.
    pub(super) fn talks(&self, place: u32) -> Talks {
        let random = ChaCha12Rng::seed_from_u64(self.seed.wrapping_add(u64::from(place)));
        Talks { mean: self.mean, random, hurry: self.hurry.clone() }
    }
}

impl Hurry {
    /// From here on every contact is done with at once, those in hand too.
    pub fn hurry(&self) {
        self.0.send_replace(true);
    }
}

impl Talks {
    /// How long the next one takes; `None` when it is over at once.
    pub(super) fn next(&mut self) -> Option<Duration> {
        if self.mean.is_zero() || *self.hurry.borrow() {
            return None;
        }
        let drawn: f64 = Exp1.sample(&mut self.random);
        Some(self.mean.mul_f64(drawn.min(LONGEST_MEANS)))
    }

    /// Returns once, when everybody is told to hurry.
    pub(super) async fn hurried(&mut self) {
        if self.hurry.wait_for(|hurry| *hurry).await.is_err() {
            // Nobody is left who could say so.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn talks_are_drawn_until_everybody_hurries() {
        let (service, hurry) = Service::talking(Duration::from_secs(20), 7);
        let draw = |place| -> Vec<Option<Duration>> {
            let mut talks = service.talks(place);
            (0..1_000).map(|_| talks.next()).collect()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let total: Duration = draw(1).into_iter().flatten().sum();
        assert!((17.0..23.0).contains(&(total.as_secs_f64() / 1e3)), "{total:?}");
        hurry.hurry();
        assert_eq!(service.talks(1).next(), None);
        assert_eq!(Service::at_once().talks(1).next(), None);
    }
}
