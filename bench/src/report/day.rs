//! The hours of the day: what came, how long it waited, and who was there. Days of a longer scenario are put together.

use std::collections::BTreeMap;

use serde::Serialize;

use super::spans::{HOURS, Span, hour_of, spread};
use super::{Figures, Tally, Yardstick};
use crate::result::ResultRow;
use crate::scenario::Scenario;
use crate::workload::DayTime;

/// The time that is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The first arrival.
    pub(super) from_ms: u64,
    /// The last event.
    pub(super) end_ms: u64,
    /// The time of day at which the scenario begins.
    pub(super) begins_at_ms: u64,
}

/// How long operators were there and at work in each hour of the day, all together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Presence {
    pub(super) on_duty_ms: [u64; HOURS],
    pub(super) busy_ms: [u64; HOURS],
}

/// One hour of the day, of all queues.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HourFigures {
    /// The hour, 0 to 23.
    pub hour: usize,
    /// What arrived in it, and what became of that.
    pub figures: Figures,
    /// Operators on duty, on average; `None` when the run has no such hour.
    pub on_duty: Option<f64>,
    /// Operators with work in hand, on average.
    pub busy: Option<f64>,
}

/// One hour of the day of one queue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QueueHour {
    /// The queue.
    pub queue: String,
    /// The hour, 0 to 23.
    pub hour: usize,
    /// What arrived in it, and what became of that.
    pub figures: Figures,
}

impl Window {
    /// The window of a scenario that ended at `end_ms`. Generated scenarios note the time of day at which they begin;
    /// others begin at midnight.
    pub(super) fn of(scenario: &Scenario, end_ms: u64) -> Window {
        let from = scenario.notes.as_ref().and_then(|notes| notes["from"].as_str());
        let begins_at_ms = from.and_then(|from| from.parse().ok()).map_or(0, |from: DayTime| from.ms());
        let from_ms = scenario.contacts.iter().map(|contact| contact.arrival_ms).min().unwrap_or_default();
        Window { from_ms: from_ms.min(end_ms), end_ms, begins_at_ms }
    }

    pub(super) fn span(&self) -> Span {
        (self.from_ms, self.end_ms)
    }
}

/// The 24 hours of all queues.
pub(super) fn hours(
    rows: &[ResultRow],
    yardstick: &Yardstick,
    window: &Window,
    presence: &Presence,
) -> Vec<HourFigures> {
    let mut tallies: [Tally; HOURS] = std::array::from_fn(|_| Tally::default());
    for row in rows {
        tallies[hour_of(row.arrival_ms, window.begins_at_ms)].count(row, yardstick);
    }
    let mut seen_ms = [0; HOURS];
    spread(window.span(), window.begins_at_ms, &mut seen_ms);
    let mean = |ms: u64, hour: usize| super::ratio(ms, seen_ms[hour]);
    let hour = |(hour, tally): (usize, Tally)| HourFigures {
        hour,
        figures: tally.figures(),
        on_duty: mean(presence.on_duty_ms[hour], hour),
        busy: mean(presence.busy_ms[hour], hour),
    };
    tallies.into_iter().enumerate().map(hour).collect()
}

/// The hours of each queue in which contacts came.
pub(super) fn queue_hours(rows: &[ResultRow], yardstick: &Yardstick, window: &Window) -> Vec<QueueHour> {
    let class = |row: &ResultRow| Some((row.queue.clone(), hour_of(row.arrival_ms, window.begins_at_ms)));
    let hours: BTreeMap<_, Figures> = super::tally_by(rows, yardstick, class);
    hours
        .into_iter()
        .map(|((queue, hour), figures)| QueueHour { queue: queue.to_string(), hour, figures })
        .collect()
}
