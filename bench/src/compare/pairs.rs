//! Each contact under one plan beside itself under the other.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{BATCHES_LEAST, CONFIDENCE};
use crate::report::Yardstick;
use crate::result::{ResultOutcome, ResultRow};
use crate::stats::{Interval, ratio_of_batches};

const HOUR_MS: u64 = 3_600_000;

/// How the contacts of a class fared.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Paired {
    /// Contacts of both runs, those apart who joined another one in either.
    pub compared: u64,
    /// Answered sooner under B, or answered under B alone.
    pub better: u64,
    /// Answered later under B, or answered under A alone.
    pub worse: u64,
    /// Answered as soon, or in neither run.
    pub same: u64,
    /// Answered under A alone.
    pub answered_in_a_alone: u64,
    /// Answered under B alone.
    pub answered_in_b_alone: u64,
    /// By how much sooner, on average, of those answered in both and sooner under B.
    pub gain_ms: Option<f64>,
    /// By how much later, on average, of those answered in both and later under B.
    pub loss_ms: Option<f64>,
    /// Mean difference of the waits, B − A, of those answered in both, in ms.
    pub wait_ms: Option<Interval>,
    /// Mean difference of being answered within A's target, B − A, in parts of 1.
    pub in_time: Option<Interval>,
    /// Mean difference of leaving before the answer, B − A, in parts of 1.
    pub abandoned: Option<Interval>,
}

/// Sums of differences of those who came together.
#[derive(Clone, Copy, Debug, Default)]
struct Batch {
    contacts: u64,
    answered: u64,
    wait_ms: i128,
    in_time: i64,
    abandoned: i64,
}

/// Pairs on their way, by scenario and hour of arrival.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs {
    counted: Paired,
    gain_ms: u128,
    loss_ms: u128,
    gained: u64,
    lost: u64,
    batches: BTreeMap<(usize, u64), Batch>,
}

impl Pairs {
    /// Takes a contact in, as it fared in both runs.
    pub(super) fn add(&mut self, scenario: usize, a: &ResultRow, b: &ResultRow, yardstick: &Yardstick) {
        if [a, b].iter().any(|row| row.outcome == ResultOutcome::Merged) {
            return;
        }
        let batch = self.batches.entry((scenario, a.arrival_ms / HOUR_MS)).or_default();
        let left = |row: &ResultRow| i64::from(row.outcome == ResultOutcome::Abandoned);
        let in_time = |row: &ResultRow| i64::from(yardstick.is_in_time(row));
        batch.contacts += 1;
        batch.in_time += in_time(b) - in_time(a);
        batch.abandoned += left(b) - left(a);
        self.counted.compared += 1;
        match (a.wait_ms(), b.wait_ms()) {
            (None, None) => self.counted.same += 1,
            (Some(_), None) => {
                self.counted.worse += 1;
                self.counted.answered_in_a_alone += 1;
            }
            (None, Some(_)) => {
                self.counted.better += 1;
                self.counted.answered_in_b_alone += 1;
            }
            (Some(a), Some(b)) => {
                batch.answered += 1;
                batch.wait_ms += i128::from(b) - i128::from(a);
                self.both_answered(a, b);
            }
        }
    }

    fn both_answered(&mut self, a: u64, b: u64) {
        if b < a {
            self.counted.better += 1;
            self.gained += 1;
            self.gain_ms += u128::from(a - b);
        } else if a < b {
            self.counted.worse += 1;
            self.lost += 1;
            self.loss_ms += u128::from(b - a);
        } else {
            self.counted.same += 1;
        }
    }

    /// What they say; batches are scenarios or hours.
    pub(super) fn figures(self, by_scenario: bool) -> Paired {
        let batches = self.batches(by_scenario);
        let interval = |part: fn(&Batch) -> (f64, u64)| {
            let parts: Vec<(f64, u64)> = batches.iter().map(part).collect();
            ratio_of_batches(&parts, BATCHES_LEAST, CONFIDENCE).ok()
        };
        let mean = |sum: u128, count: u64| (count > 0).then(|| sum as f64 / count as f64);
        Paired {
            gain_ms: mean(self.gain_ms, self.gained),
            loss_ms: mean(self.loss_ms, self.lost),
            wait_ms: interval(|batch| (batch.wait_ms as f64, batch.answered)),
            in_time: interval(|batch| (batch.in_time as f64, batch.contacts)),
            abandoned: interval(|batch| (batch.abandoned as f64, batch.contacts)),
            ..self.counted
        }
    }

    /// The correlation of what batches that follow each other differ by from the mean: the lag-one autocorrelation of
    /// `sum − mean · count`. `None` where there are too few.
    pub(super) fn neighbours(&self, by_scenario: bool) -> Option<f64> {
        let batches = self.batches(by_scenario);
        let filled: Vec<(f64, f64)> = batches
            .iter()
            .filter(|batch| batch.answered > 0)
            .map(|batch| (batch.wait_ms as f64, batch.answered as f64))
            .collect();
        let (sum, count) = filled.iter().fold((0.0, 0.0), |(sum, count), one| (sum + one.0, count + one.1));
        let off: Vec<f64> = filled.iter().map(|one| one.0 - sum / count * one.1).collect();
        let squares: f64 = off.iter().map(|one| one * one).sum();
        let products: f64 = off.windows(2).map(|two| two[0] * two[1]).sum();
        (filled.len() >= BATCHES_LEAST && squares > 0.0).then(|| products / squares)
    }

    fn batches(&self, by_scenario: bool) -> Vec<Batch> {
        if !by_scenario {
            return self.batches.values().copied().collect();
        }
        let mut scenarios: BTreeMap<usize, Batch> = BTreeMap::new();
        for ((scenario, _), batch) in &self.batches {
            let sum = scenarios.entry(*scenario).or_default();
            sum.contacts += batch.contacts;
            sum.answered += batch.answered;
            sum.wait_ms += batch.wait_ms;
            sum.in_time += batch.in_time;
            sum.abandoned += batch.abandoned;
        }
        scenarios.into_values().collect()
    }
}
