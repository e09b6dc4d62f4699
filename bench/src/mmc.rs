//! The textbook queue M/M/c as a scenario: Poisson arrivals, exponential service, equal servers, nobody leaves.
//! Simulated through the whole core, its mean wait must be Erlang's.

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, Exp1};

use crate::erlang::{ErlangC, Overloaded};
use crate::result::ResultRow;
use crate::scenario::{Contact, Operator, Scenario, Text};
use crate::stats::{Interval, NoInterval, batch_means};

/// Mean service time; large against the resolution of 1 ms.
pub const SERVICE_MS: f64 = 180_000.0;
/// Batches of the interval.
pub const BATCHES: usize = 30;
/// One in so many contacts at the beginning is warm-up.
pub const WARM_UP_PART: usize = 10;

/// An M/M/c experiment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mmc {
    /// How many servers.
    pub servers: u32,
    /// Load per server, below 1.
    pub load: f64,
    /// How many contacts.
    pub contacts: usize,
    /// Where the random numbers come from.
    pub seed: u64,
}

/// What a simulation of it showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Mean wait in ms with its 95 % interval.
    pub mean_wait_ms: Interval,
    /// Share of contacts that had to wait, with its interval.
    pub wait_probability: Interval,
}

impl Mmc {
    /// What Erlang C says of it; waits are in multiples of [`SERVICE_MS`].
    ///
    /// # Errors
    /// When the servers cannot carry the load.
    pub fn theory(&self) -> Result<ErlangC, Overloaded> {
        ErlangC::new(self.servers, f64::from(self.servers) * self.load)
    }

    /// The scenario of its seed.
    #[must_use]
    pub fn scenario(&self) -> Scenario {
        let mut rng = ChaCha12Rng::seed_from_u64(self.seed);
        let gap_ms = SERVICE_MS / (f64::from(self.servers) * self.load);
        let queue: Text = "line".into();
        let mut at_ms = 0.0;
        let contacts = (0..self.contacts).map(|i| {
            let (gap, service): (f64, f64) = (Exp1.sample(&mut rng), Exp1.sample(&mut rng));
            at_ms += gap * gap_ms;
            let (arrival_ms, service_ms) = (at_ms.round() as u64, (service * SERVICE_MS).round() as u64);
            Contact::ordinary(format!("m{i}").into(), queue.clone(), arrival_ms, service_ms)
        });
        let operators = (1..=self.servers).map(|i| Operator {
            operator_id: format!("s{i:03}").into(),
            skills: Vec::new(),
            capacity: 1,
            region: None,
            shifts: None,
        });
        Scenario { contacts: contacts.collect(), operators: operators.collect(), ..Scenario::default() }
    }
}

/// The mean wait and the probability of waiting in a result, by batch means in the order of arrival.
///
/// # Errors
/// When there are too few rows.
pub fn measure(rows: &[ResultRow]) -> Result<Measured, NoInterval> {
    let mut by_arrival: Vec<(u64, u64)> =
        rows.iter().filter_map(|row| row.wait_ms().map(|wait| (row.arrival_ms, wait))).collect();
    by_arrival.sort_unstable();
    let waits: Vec<f64> = by_arrival.iter().map(|&(_, wait)| wait as f64).collect();
    let waited: Vec<f64> = waits.iter().map(|&wait| if wait > 0.0 { 1.0 } else { 0.0 }).collect();
    let warm_up = waits.len() / WARM_UP_PART;
    Ok(Measured {
        mean_wait_ms: batch_means(&waits, warm_up, BATCHES)?,
        wait_probability: batch_means(&waited, warm_up, BATCHES)?,
    })
}
