//! What a result says: per queue and in all, how many were served, how long they waited, and the service level.

use std::collections::BTreeMap;

use comfy_table::{Cell, CellAlignment, Table, presets};
use ringmain_routing::Plan;
use serde::Serialize;

use crate::result::{ResultOutcome, ResultRow};
use crate::scenario::Text;
use crate::stats::percentile;

/// Time to the answer that counts as in time where no plan says another.
pub const TARGET_MS: u64 = 20_000;
/// Customers who leave within this time count neither as answered nor as lost in the service level.
pub const SHORT_ABANDON_MS: u64 = 5_000;

/// The figures of one queue, or of all.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Contacts.
    pub contacts: u64,
    /// Served to the end.
    pub served: u64,
    /// Left while waiting.
    pub abandoned: u64,
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
    /// Mean wait of those answered (ASA); `None` when nobody was.
    pub asa_ms: Option<f64>,
    /// Percentiles and maximum of their waits.
    pub wait_ms: Option<Waits>,
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

/// The figures of a whole result.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// All queues together.
    pub total: Figures,
    /// Each queue, by name.
    pub queues: BTreeMap<String, Figures>,
}

/// What is counted on the way to [`Figures`].
#[derive(Default)]
struct Tally {
    figures: Figures,
    waits: Vec<u64>,
    talk_ms: u64,
    in_time: u64,
    left_late: u64,
}

impl Summary {
    /// Counts a result. Targets are the plan's; without a plan, [`TARGET_MS`].
    #[must_use]
    pub fn of(rows: &[ResultRow], plan: Option<&Plan>) -> Summary {
        let targets: BTreeMap<&str, u64> = plan
            .iter()
            .flat_map(|plan| &plan.queues)
            .map(|queue| (&*queue.name, queue.target.within.0))
            .collect();
        let mut total = Tally::default();
        let mut queues: BTreeMap<Text, Tally> = BTreeMap::new();
        for row in rows {
            let target_ms = targets.get(&*row.queue).copied().unwrap_or(TARGET_MS);
            total.count(row, target_ms);
            queues.entry(row.queue.clone()).or_default().count(row, target_ms);
        }
        Summary {
            total: total.figures(),
            queues: queues.into_iter().map(|(name, tally)| (name.to_string(), tally.figures())).collect(),
        }
    }

    /// The summary as a table for people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        let head = [
            "queue",
            "contacts",
            "served",
            "abandoned",
            "merged",
            "rejected",
            "waiting",
            "ASA s",
            "p99 s",
            "SL %",
        ];
        table.set_header(head);
        let named = self.queues.iter().map(|(name, figures)| (name.as_str(), figures));
        for (name, figures) in named.chain([("= all queues", &self.total)]) {
            table.add_row(figures.cells(name));
        }
        table.to_string()
    }
}

impl Figures {
    fn cells(&self, name: &str) -> Vec<Cell> {
        let dash = || "–".to_owned();
        let counts = [
            self.contacts,
            self.served,
            self.abandoned,
            self.merged,
            self.rejected,
            self.waiting + self.in_service,
        ];
        let ratios = [
            self.asa_ms.map_or_else(dash, |ms| format!("{:.1}", ms / 1_000.0)),
            self.wait_ms.map_or_else(dash, |waits| format!("{:.1}", waits.p99 as f64 / 1_000.0)),
            self.service_level.map_or_else(dash, |level| format!("{:.1}", level * 100.0)),
        ];
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        let numbers = counts.map(|count| count.to_string()).into_iter().chain(ratios).map(right);
        [Cell::new(name)].into_iter().chain(numbers).collect()
    }
}

impl Tally {
    fn count(&mut self, row: &ResultRow, target_ms: u64) {
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
        if row.outcome == ResultOutcome::Abandoned {
            let waited = row.completed_ms.unwrap_or(row.arrival_ms).saturating_sub(row.arrival_ms);
            self.left_late += u64::from(waited > SHORT_ABANDON_MS);
        }
        if !row.outcome.is_final() {
            return;
        }
        if let Some(wait) = row.wait_ms() {
            self.waits.push(wait);
            self.in_time += u64::from(wait <= target_ms);
        }
        if let (Some(assigned), Some(completed)) = (row.assigned_ms, row.completed_ms) {
            self.talk_ms += completed.saturating_sub(assigned);
        }
    }

    fn figures(mut self) -> Figures {
        self.waits.sort_unstable();
        let answered = self.waits.len() as u64;
        let ratio = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let at = |share| percentile(&self.waits, share);
        Figures {
            asa_ms: ratio(self.waits.iter().sum(), answered),
            wait_ms: at(0.5).zip(at(0.9)).zip(at(0.99)).zip(at(1.0)).map(|(((p50, p90), p99), max)| Waits {
                p50,
                p90,
                p99,
                max,
            }),
            service_level: ratio(self.in_time, answered + self.left_late),
            talk_ms: ratio(self.talk_ms, self.figures.served),
            ..self.figures
        }
    }
}
