//! What is counted of contacts: how many were served, how long they waited, and the service level.
//!
//! Words and formulas are those of N. Gans, G. Koole, A. Mandelbaum, "Telephone Call Centers: Tutorial, Review, and
//! Research Prospects" (Manufacturing & Service Operations Management 5(2), 2003): ASA is the mean wait of those
//! answered, and the service level the share answered within a target. Of its variants this one counts customers who left
//! after a moment as lost and leaves out those who left at once, as G. Koole, "Call Center Optimization" (2013), the
//! chapter on service levels, advises.

use std::collections::BTreeMap;

use ringmain_routing::Plan;
use serde::Serialize;

use crate::result::{ResultOutcome, ResultRow};
use crate::stats::percentile;

/// Time to the answer that counts as in time where no plan says another.
pub const TARGET_MS: u64 = 20_000;
/// Customers who leave within this time count neither as answered nor as lost in the service level.
pub const SHORT_ABANDON_MS: u64 = 5_000;
/// Who waits longer than so many times the queue's target starves.
pub const STARVED_TARGETS: u64 = 10;

/// What waits are judged by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Yardstick {
    targets: BTreeMap<Box<str>, u64>,
    /// When the result ends: who waits then has waited until then.
    pub end_ms: u64,
}

/// The figures of one class of contacts, or of all.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Contacts.
    pub contacts: u64,
    /// Served to the end.
    pub served: u64,
    /// Left while waiting.
    pub abandoned: u64,
    /// Of those, left within [`SHORT_ABANDON_MS`].
    pub abandoned_early: u64,
    /// Call-back orders that joined an open one.
    pub merged: u64,
    /// Refused by the core.
    pub rejected: u64,
    /// Waiting at the end.
    pub waiting: u64,
    /// With an operator at the end.
    pub in_service: u64,
    /// Attempts that ended without service.
    pub requeued: u64,
    /// Waited for more than [`STARVED_TARGETS`] times the target, whatever came of it.
    pub starved: u64,
    /// Mean wait of those answered (ASA); `None` when nobody was.
    pub asa_ms: Option<f64>,
    /// Percentiles and maximum of their waits.
    pub wait_ms: Option<Waits>,
    /// The longest wait of all, of those too who left or wait still.
    pub longest_ms: Option<u64>,
    /// Answered within the target ÷ (answered + abandoned after more than 5 s); `None` when that is 0 ÷ 0.
    pub service_level: Option<f64>,
    /// Mean time from answer to the end of the talk (AHT without wrap-up).
    pub talk_ms: Option<f64>,
}

/// Waits of those answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// Half wait no longer.
    pub p50: u64,
    /// 90 % wait no longer.
    pub p90: u64,
    /// 99 % wait no longer.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

/// What is counted on the way to [`Figures`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    figures: Figures,
    waits: Vec<u64>,
    talk_ms: u64,
    in_time: u64,
}

impl Yardstick {
    /// The plan's targets, without a plan [`TARGET_MS`] for all; and the end of a result.
    #[must_use]
    pub fn of(rows: &[ResultRow], plan: Option<&Plan>) -> Yardstick {
        let queues = plan.iter().flat_map(|plan| &plan.queues);
        let targets = queues.map(|queue| ((*queue.name).into(), queue.target.within.0)).collect();
        Yardstick { targets, end_ms: rows.iter().map(last_ms).max().unwrap_or_default() }
    }

    /// These targets, and another's for queues that have none here.
    #[must_use]
    pub fn or(mut self, other: &Yardstick) -> Yardstick {
        for (queue, &target_ms) in &other.targets {
            self.targets.entry(queue.clone()).or_insert(target_ms);
        }
        self
    }

    /// The time to the answer that counts as in time.
    #[must_use]
    pub fn target_ms(&self, queue: &str) -> u64 {
        self.targets.get(queue).copied().unwrap_or(TARGET_MS)
    }

    /// How long the customer waited: until the answer, until leaving, or until the end. `None` for those who never
    /// stood in line.
    #[must_use]
    pub fn waited_ms(&self, row: &ResultRow) -> Option<u64> {
        match row.outcome {
            ResultOutcome::Served | ResultOutcome::InService | ResultOutcome::Requeued => row.wait_ms(),
            ResultOutcome::Abandoned => {
                Some(row.completed_ms.unwrap_or(row.arrival_ms).saturating_sub(row.arrival_ms))
            }
            ResultOutcome::Waiting => Some(self.end_ms.saturating_sub(row.arrival_ms)),
            ResultOutcome::Merged | ResultOutcome::Rejected => None,
        }
    }

    /// Whether the contact was answered within its queue's target.
    #[must_use]
    pub fn is_in_time(&self, row: &ResultRow) -> bool {
        row.wait_ms().is_some_and(|wait| wait <= self.target_ms(&row.queue))
    }

    /// Whether the contact waited far too long.
    #[must_use]
    pub fn is_starved(&self, row: &ResultRow) -> bool {
        let bound_ms = self.target_ms(&row.queue).saturating_mul(STARVED_TARGETS);
        self.waited_ms(row).is_some_and(|waited| waited > bound_ms)
    }
}

/// The last time that a row tells of.
fn last_ms(row: &ResultRow) -> u64 {
    let times = [row.assigned_ms, row.completed_ms, row.released_ms];
    times.into_iter().flatten().fold(row.arrival_ms, u64::max)
}

impl Tally {
    /// Counts one row.
    pub(crate) fn count(&mut self, row: &ResultRow, yardstick: &Yardstick) {
        let figures = &mut self.figures;
        figures.contacts += u64::from(row.outcome.is_final());
        match row.outcome {
            ResultOutcome::Served => figures.served += 1,
            ResultOutcome::Abandoned => figures.abandoned += 1,
            ResultOutcome::Requeued => figures.requeued += 1,
            ResultOutcome::Merged => figures.merged += 1,
            ResultOutcome::Rejected => figures.rejected += 1,
            ResultOutcome::Waiting => figures.waiting += 1,
            ResultOutcome::InService => figures.in_service += 1,
        }
        if !row.outcome.is_final() {
            return;
        }
        let waited = yardstick.waited_ms(row);
        if row.outcome == ResultOutcome::Abandoned {
            figures.abandoned_early += u64::from(waited <= Some(SHORT_ABANDON_MS));
        }
        figures.longest_ms = figures.longest_ms.max(waited);
        figures.starved += u64::from(yardstick.is_starved(row));
        if let Some(wait) = row.wait_ms() {
            self.waits.push(wait);
            self.in_time += u64::from(yardstick.is_in_time(row));
        }
        if let (Some(assigned), Some(completed)) = (row.assigned_ms, row.completed_ms) {
            self.talk_ms += completed.saturating_sub(assigned);
        }
    }

    /// What came of it.
    pub(crate) fn figures(mut self) -> Figures {
        self.waits.sort_unstable();
        let answered = self.waits.len() as u64;
        let lost = self.figures.abandoned - self.figures.abandoned_early;
        let at = |share| percentile(&self.waits, share);
        Figures {
            asa_ms: ratio(self.waits.iter().sum(), answered),
            wait_ms: at(0.5).zip(at(0.9)).zip(at(0.99)).zip(at(1.0)).map(|(((p50, p90), p99), max)| Waits {
                p50,
                p90,
                p99,
                max,
            }),
            service_level: ratio(self.in_time, answered + lost),
            talk_ms: ratio(self.talk_ms, self.figures.served),
            ..self.figures
        }
    }
}

/// A part of a whole; `None` of nothing.
pub(crate) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
