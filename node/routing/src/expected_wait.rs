//! How long who comes now is likely to wait (R3.3): one estimator for whatever the plan lets depend on it.
//!
//! It is the queue-length estimator: as many departures as a newcomer waits for, each after the mean time between
//! departures while somebody waits (W. Whitt, Predicting queueing delays, Management Science 45(6), 1999, §2; compared
//! with others by R. Ibrahim and W. Whitt, Real-time delay estimation based on delay history, M&SOM 11(3), 2009). The
//! rate is measured, as operators come and go; the mean moves by an eighth of each difference, in integers, as the round
//! trip time does in V. Jacobson, Congestion avoidance and control, SIGCOMM 1988.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::directory::Directory;
use crate::effect::Effect;
use crate::ids::{Millis, QueueId, Timestamp};
use crate::plan::QueuePlan;
use crate::planted::{Planted, is};
use crate::router::Router;
use crate::rules::{DeflectWhen, Measure, Trigger};
use crate::tables::Tables;

/// A sample moves the mean by this part of the difference.
const WEIGHT: u64 = 8;

/// Of many who leave at once no more count.
const SAMPLES_MAX: usize = 32;

/// What has been measured of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Estimate {
    /// Eight times the mean time between departures.
    mean8: Option<u64>,
    /// The last departure, or when the line began, while somebody is in it.
    since: Option<Timestamp>,
}

/// Who stands in the lines of the estimated queues.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    of: BTreeMap<QueueId, Line>,
    /// Whether anybody came or left in this event.
    touched: bool,
}

#[derive(Clone, Debug, Default)]
struct Line {
    length: u32,
    /// In line now, and not before the event.
    came: BTreeSet<u32>,
    /// In line before the event, and not now.
    gone: BTreeSet<u32>,
}

impl Estimate {
    fn starting(now: Timestamp, length: u32) -> Estimate {
        Estimate { mean8: None, since: (length > 0).then_some(now) }
    }

    /// So many have left since the last event.
    fn depart(&mut self, departures: usize, now: Timestamp) {
        let Some(since) = self.since.filter(|&since| since < now && departures > 0) else { return };
        let sample = now.since(since).0 / departures as u64;
        for _ in 0..departures.min(SAMPLES_MAX) {
            let mean8 = self.mean8.map_or(sample * WEIGHT, |mean8| mean8 - mean8 / WEIGHT + sample);
            self.mean8 = Some(mean8);
        }
    }

    /// What follows for who comes behind so many.
    fn expected(&self, length: u32) -> Option<Millis> {
        if length == 0 {
            return Some(Millis(0));
        }
        let waits_for = if is(Planted::NewcomerForgotten) { 0 } else { 1 } + u64::from(length);
        self.mean8.map(|mean8| Millis(mean8.saturating_mul(waits_for) / WEIGHT))
    }
}

impl Line {
    fn came(&mut self, slot: u32) {
        self.length += 1;
        if !self.gone.remove(&slot) {
            self.came.insert(slot);
        }
    }

    fn left(&mut self, slot: u32) {
        self.length -= 1;
        if !self.came.remove(&slot) {
            self.gone.insert(slot);
        }
    }

    fn length_before(&self) -> usize {
        self.length as usize + self.gone.len() - self.came.len()
    }
}

/// Whether anything depends on the expected wait of a queue.
fn is_estimated(queue: &QueuePlan, triggers: &[Trigger]) -> bool {
    let deflects = |when: &DeflectWhen| matches!(when, DeflectWhen::ExpectedWait(_));
    let measures = |trigger: &Trigger| {
        trigger.queue == queue.name && matches!(trigger.measure, Measure::ExpectedWait { .. })
    };
    !queue.rules.bands.is_empty()
        || queue.rules.deflections.iter().any(|rule| deflects(&rule.when))
        || triggers.iter().any(measures)
}

/// The band of a wait: how many of the queue's thresholds it has reached.
fn band_of(bands: &[Millis], wait: Millis) -> u8 {
    // A plan has at most `BANDS_MAX` of them.
    bands.iter().filter(|&&from| from <= wait).count() as u8
}

impl Directory {
    fn estimated(&self) -> impl Iterator<Item = QueueId> + '_ {
        let queues = (0u32..).zip(&self.plan.queues);
        let triggers = &self.plan.rules.triggers;
        queues.filter(|(_, queue)| is_estimated(queue, triggers)).map(|(place, _)| QueueId(place))
    }
}

impl Tables {
    /// A contact came into line or left it.
    pub(crate) fn follow_lines(&mut self, slot: u32, was: bool, is: bool) {
        if self.ix.lines.of.is_empty() || was == is {
            return;
        }
        let queue = self.contact(slot).queue;
        let Some(line) = self.ix.lines.of.get_mut(&queue) else { return };
        self.ix.lines.touched = true;
        if is { line.came(slot) } else { line.left(slot) }
    }

    /// Counts who stands in line, under another plan or in a state that was read.
    pub(crate) fn derive_lines(&mut self) {
        let mut of: BTreeMap<QueueId, Line> =
            self.directory.estimated().map(|queue| (queue, Line::default())).collect();
        if !of.is_empty() {
            for (_, class) in self.ix.classes.iter() {
                if let Some(line) = of.get_mut(&class.queue) {
                    line.length += class.line.len() as u32;
                }
            }
        }
        self.ix.lines = Lines { of, touched: false };
    }
}

impl Router {
    /// Measures, when an event has been matched to the end, where somebody came into line or left it.
    pub(crate) fn follow_estimates(&mut self) {
        if !core::mem::take(&mut self.tables.ix.lines.touched) {
            return;
        }
        for (queue, line) in &mut self.tables.ix.lines.of {
            if line.came.is_empty() && line.gone.is_empty() {
                continue;
            }
            let estimate = self.estimates.entry(*queue).or_default();
            estimate.depart(line.gone.len(), self.now);
            if !line.gone.is_empty() || line.length_before() == 0 {
                estimate.since = Some(self.now);
            }
            if line.length == 0 {
                estimate.since = None;
            }
            line.came.clear();
            line.gone.clear();
        }
    }

    /// After a change of the plan: queues that are estimated from here on begin, others are forgotten.
    pub(crate) fn follow_estimated_queues(&mut self) {
        let (lines, now) = (&self.tables.ix.lines.of, self.now);
        self.estimates.retain(|queue, _| lines.contains_key(queue));
        for (queue, line) in lines {
            self.estimates.entry(*queue).or_insert_with(|| Estimate::starting(now, line.length));
        }
    }

    /// What is measured, by queue.
    pub(crate) fn stored_estimates(&self) -> Vec<(QueueId, Estimate)> {
        self.estimates.iter().map(|(&queue, &estimate)| (queue, estimate)).collect()
    }

    /// How long who comes now is likely to wait; `None` where that is not known or not asked for.
    #[must_use]
    pub fn expected_wait(&self, queue: QueueId) -> Option<Millis> {
        let line = self.tables.ix.lines.of.get(&queue)?;
        self.estimates.get(&queue)?.expected(line.length)
    }

    /// The band that customers hear; `None` where none is known or said.
    #[must_use]
    pub fn wait_band(&self, queue: QueueId) -> Option<u8> {
        let wait = self.expected_wait(queue)?;
        let bands = &self.tables.directory.queue(queue).rules.bands;
        (!bands.is_empty()).then(|| band_of(bands, wait))
    }

    /// Tells who came into line what to expect there.
    pub(crate) fn announce_expected_wait(&mut self, slot: u32) {
        if self.tables.ix.lines.of.is_empty() || is(Planted::BandNotTold) {
            return;
        }
        let row = self.tables.contact(slot);
        let (contact, gateway) = (row.id, row.gateway);
        if let Some(band) = self.wait_band(row.queue) {
            self.emit(Effect::AnnounceExpectedWait { contact, gateway, band });
        }
    }
}
