//! How long customers take and how long they wait.

use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, Exp1, LogNormal};

use crate::profile::{Class, Patience, Service};

/// Draws what one class's customers bring with them.
pub(super) struct Customers<'p> {
    service: Service,
    lognormal: Option<LogNormal<f64>>,
    patience: Option<&'p Patience>,
}

impl<'p> Customers<'p> {
    pub(super) fn of(class: &'p Class) -> Self {
        Customers {
            service: class.service,
            lognormal: LogNormal::from_mean_cv(class.service.mean_s, class.service.cv).ok(),
            patience: class.patience.as_ref(),
        }
    }

    /// A lognormal service time, at least 1 ms.
    pub(super) fn service_ms(&self, rng: &mut ChaCha12Rng) -> u64 {
        let seconds = self.lognormal.map_or(self.service.mean_s, |lognormal| lognormal.sample(rng));
        whole_ms(seconds).max(1)
    }

    /// The time at which the customer leaves if still waiting; `None` for never.
    pub(super) fn patience_ms(&self, rng: &mut ChaCha12Rng) -> Option<u64> {
        let patience = self.patience?;
        let leaves_s = hazard_time(&patience.hazard_per_s, Exp1.sample(rng));
        for &(at_s, prob) in &patience.spikes {
            if leaves_s.is_some_and(|leaves_s| leaves_s < at_s) {
                break;
            }
            if rng.random::<f64>() < prob {
                return Some(whole_ms(at_s));
            }
        }
        leaves_s.map(whole_ms)
    }
}

/// Milliseconds, at most the two years that a file may hold.
fn whole_ms(seconds: f64) -> u64 {
    ((seconds * 1_000.0).round() as u64).min(ringmain_routing::limits::SPAN_MS_MAX)
}

/// When the hazard added up reaches `target`; `None` when it never does. With a standard exponential target this
/// is the time of leaving under that hazard.
fn hazard_time(steps: &[(f64, f64)], target: f64) -> Option<f64> {
    let mut left = target;
    for (i, &(from_s, rate)) in steps.iter().enumerate() {
        let to_s = steps.get(i + 1).map_or(f64::INFINITY, |next| next.0);
        if rate > 0.0 {
            let reached_s = from_s + left / rate;
            if reached_s < to_s {
                return Some(reached_s);
            }
            left -= rate * (to_s - from_s);
        }
    }
    None
}
