//! A model drawn as scenarios, simulated, and its means with an interval.

use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, Exp1};

use super::{Class, Model, NoBalance, Order};
use crate::result::{ResultOutcome, ResultRow};
use crate::scenario::{Contact, Operator, Scenario, Text};
use crate::simulate::{CannotSimulate, Options, simulate};
use crate::stats::{Interval, NoInterval, mean, replications};

/// Mean service time; large against the resolution of 1 ms.
const SERVICE_MS: f64 = 180_000.0;
/// The tier of the first class: tiers 0 and 1 are above all ranks, and here all are alike.
const FIRST_TIER: usize = 2;

/// How much is simulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// Independent runs, with the seeds 1, 2, ….
    pub replications: usize,
    /// Contacts of each run that are observed.
    pub observed: usize,
    /// Contacts before them, until the centre is in its balance.
    pub warm_up: usize,
    /// Contacts after them, so that the last ones observed too are followed by others.
    pub behind: usize,
    /// How sure the interval is, between 0 and 1.
    pub confidence: f64,
}

/// A figure of theory beside the simulated one.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// What it is.
    pub quantity: String,
    /// What theory says.
    pub exact: f64,
    /// What the runs say.
    pub simulated: Interval,
}

/// Why nothing can be compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NotCompared {
    /// Theory has no figures.
    #[error(transparent)]
    NoBalance(#[from] NoBalance),
    /// The core does not take the scenario.
    #[error(transparent)]
    CannotSimulate(#[from] CannotSimulate),
    /// Too few runs or contacts.
    #[error(transparent)]
    NoInterval(#[from] NoInterval),
}

impl Trial {
    /// Runs a model and puts every figure beside theory's. `progress` hears after each run how many there were.
    ///
    /// # Errors
    /// When theory or simulation has no figures.
    pub fn compare(
        &self,
        model: &Model,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<Compared>, NotCompared> {
        let exact = model.exact()?.values(model);
        let mut runs: Vec<Vec<f64>> = Vec::with_capacity(self.replications);
        for seed in 1..=self.replications as u64 {
            let scenario = self.scenario(model, seed);
            let simulated = simulate(&scenario, Options::default(), &mut |_| {})?;
            runs.push(self.observe(model, &scenario, &simulated.rows));
            progress(runs.len());
        }
        let compared = |(place, (quantity, exact)): (usize, (String, f64))| {
            let means: Vec<f64> = runs.iter().map(|run| run[place]).collect();
            let simulated = replications(&means, self.observed, self.confidence)?;
            Ok(Compared { quantity, exact, simulated })
        };
        model.quantities().into_iter().zip(exact).enumerate().map(compared).collect()
    }

    /// Contacts of each run.
    #[must_use]
    pub fn contacts(&self) -> usize {
        self.warm_up + self.observed + self.behind
    }

    fn scenario(&self, model: &Model, seed: u64) -> Scenario {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let skills: Vec<Text> =
            (1..=model.classes.len()).map(|class| format!("class-{class}").into()).collect();
        let all = model.rate();
        let mut at = 0.0;
        let contacts = (0..self.contacts()).map(|place| {
            at += exponential(&mut rng, 1.0 / all);
            let class = drawn_class(&model.classes, rand::RngExt::random::<f64>(&mut rng) * all);
            let tier = match model.order {
                Order::ByTier => FIRST_TIER + class,
                Order::AsTheyCame => FIRST_TIER,
            };
            let service_ms = ms(exponential(&mut rng, 1.0));
            let patience = model.classes[class].patience;
            Contact {
                priority: tier as u8,
                required_skills: Arc::from([skills[class].clone()]),
                patience_ms: patience.map(|patience| ms(exponential(&mut rng, patience))),
                ..Contact::ordinary(format!("k{place}").into(), skills[class].clone(), ms(at), service_ms)
            }
        });
        let contacts = contacts.collect();
        Scenario { contacts, operators: operators(model, &skills), ..Scenario::default() }
    }

    /// What one run says, in the order of [`Model::quantities`].
    fn observe(&self, model: &Model, scenario: &Scenario, rows: &[ResultRow]) -> Vec<f64> {
        let within = self.warm_up..self.warm_up + self.observed;
        let window =
            (scenario.contacts[within.start].arrival_ms, scenario.contacts[within.end - 1].arrival_ms);
        let seen = &scenario.contacts[within];
        let (first, last) = (seen[0].arrival_ms, seen[seen.len() - 1].arrival_ms);
        let mut waits: Vec<Vec<f64>> = vec![Vec::new(); model.classes.len()];
        let mut left: Vec<Vec<f64>> = waits.clone();
        let mut busy = vec![0.0; model.pools.len()];
        for row in rows {
            if let (Some(operator), Some(from), Some(to)) =
                (&row.operator_id, row.assigned_ms, row.released_ms)
            {
                busy[place_of(operator)] += to.min(window.1).saturating_sub(from.max(window.0)) as f64;
            }
            if (first..=last).contains(&row.arrival_ms) {
                let class = place_of(&row.queue);
                let waited = row.wait_ms().or(row.completed_ms.map(|left| left - row.arrival_ms));
                waits[class].push(waited.unwrap_or_default() as f64);
                left[class].push(f64::from(u8::from(row.outcome == ResultOutcome::Abandoned)));
            }
        }
        let class = |(place, class): (usize, &Class)| {
            let waited: Vec<f64> = waits[place].iter().map(|&wait| f64::from(u8::from(wait > 0.0))).collect();
            let leaves = class.patience.map(|_| mean(&left[place]));
            [mean(&waits[place]) / SERVICE_MS, mean(&waited)].into_iter().chain(leaves).collect::<Vec<_>>()
        };
        let span = (window.1 - window.0) as f64;
        let shares =
            busy.iter().zip(&model.pools).map(|(busy, pool)| busy / span / f64::from(pool.operators));
        model.classes.iter().enumerate().flat_map(class).chain(shares).collect()
    }
}

fn operators(model: &Model, skills: &[Text]) -> Vec<Operator> {
    let pool = |(place, pool): (usize, &super::Pool)| {
        let own: Vec<(Text, u8)> = pool.serves.iter().map(|&class| (skills[class].clone(), 1)).collect();
        (0..pool.operators)
            .map(|n| Operator {
                operator_id: format!("{n}-pool-{}", place + 1).into(),
                skills: own.clone(),
                capacity: 1,
                region: None,
                shifts: None,
            })
            .collect::<Vec<_>>()
    };
    model.pools.iter().enumerate().flat_map(pool).collect()
}

/// The class or pool that a name ends with, counted from 0.
fn place_of(name: &str) -> usize {
    let number = name.rsplit('-').next().and_then(|number| number.parse::<usize>().ok());
    number.map_or(0, |number| number - 1)
}

/// The class at a place on the line on which the rates lie one after the other.
fn drawn_class(classes: &[Class], mut at: f64) -> usize {
    for (place, class) in classes.iter().enumerate() {
        if at < class.rate {
            return place;
        }
        at -= class.rate;
    }
    classes.len() - 1
}

fn exponential(rng: &mut ChaCha12Rng, mean: f64) -> f64 {
    let drawn: f64 = Exp1.sample(rng);
    drawn * mean
}

fn ms(services: f64) -> u64 {
    (services * SERVICE_MS).round() as u64
}
