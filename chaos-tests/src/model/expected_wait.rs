//! How long whoever comes now is likely to wait: departures to wait for, times the mean time between them (R3.3).

use std::collections::{BTreeMap, BTreeSet};

use ringmain_routing::plan::QueuePlan;
use ringmain_routing::rules::{DeflectWhen, Measure};
use ringmain_routing::{ContactId, Effect, Millis, Name, Plan, Timestamp};

use super::Model;
use super::ladder::queue_of;

/// So many departures of one event count at most.
const SAMPLES_MAX: usize = 32;

/// What is measured in an estimated queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Estimate {
    /// Eight times the mean time between departures while somebody waits.
    mean8: Option<u64>,
    /// When the last one departed or somebody began to wait; `None` while nobody does.
    since: Option<Timestamp>,
}

/// The lines of all queues.
pub(super) type Lines = BTreeMap<Name, BTreeSet<ContactId>>;

fn is_estimated(plan: &Plan, queue: &QueuePlan) -> bool {
    let mut triggers = plan.rules.triggers.iter().filter(|rule| rule.queue == queue.name);
    let measured = triggers.any(|rule| matches!(rule.measure, Measure::ExpectedWait { .. }));
    let by_wait = |when| matches!(when, DeflectWhen::ExpectedWait(_));
    measured || !queue.rules.bands.is_empty() || queue.rules.deflections.iter().any(|row| by_wait(row.when))
}

impl Model {
    fn lines(&self) -> Lines {
        let mut lines = Lines::new();
        for contact in self.contacts.values().filter(|contact| contact.is_in_line()) {
            lines.entry(contact.queue.clone()).or_default().insert(contact.id);
        }
        lines
    }

    /// A plan has made queues estimated, or no more so.
    pub(super) fn begin_estimates(&mut self) {
        let lines = self.lines();
        let mut estimates = BTreeMap::new();
        for queue in self.plan.queues.iter().filter(|queue| is_estimated(&self.plan, queue)) {
            let since = lines.contains_key(&queue.name).then_some(self.now);
            let known = self.estimates.get(&queue.name).copied();
            estimates.insert(queue.name.clone(), known.unwrap_or(Estimate { mean8: None, since }));
        }
        self.estimates = estimates;
    }

    /// The event is over: whoever has departed by it is a sample.
    pub(super) fn end_event(&mut self) {
        self.look_at_reservations();
        self.end_supervision();
        let (now, nobody) = (self.now, BTreeSet::new());
        let after = self.lines();
        for (queue, estimate) in &mut self.estimates {
            let before = self.lines_before.get(queue).unwrap_or(&nobody);
            let after = after.get(queue).unwrap_or(&nobody);
            if before == after {
                continue;
            }
            let departed = before.difference(after).count();
            let since = estimate.since.filter(|since| departed > 0 && now > *since);
            if let Some(since) = since {
                let sample = (now.0 - since.0) / departed as u64;
                for _ in 0..departed.min(SAMPLES_MAX) {
                    let mean8 = estimate.mean8.map_or(sample * 8, |mean8| mean8 - mean8 / 8 + sample);
                    estimate.mean8 = Some(mean8);
                }
            }
            if departed > 0 || before.is_empty() {
                estimate.since = Some(now);
            }
            estimate.since = estimate.since.filter(|_| !after.is_empty());
        }
        self.lines_before = after;
    }

    /// The expected wait of a queue, where it is estimated and known.
    #[must_use]
    pub fn expected_wait(&self, queue: &Name) -> Option<Millis> {
        let estimate = self.estimates.get(queue)?;
        let line =
            self.contacts.values().filter(|row| row.is_in_line() && row.queue == *queue).count() as u64;
        if line == 0 {
            return Some(Millis(0));
        }
        estimate.mean8.map(|mean8| Millis((line + 1).saturating_mul(mean8) / 8))
    }

    /// The band of that, where the queue has bands.
    #[must_use]
    pub fn wait_band(&self, queue: &Name) -> Option<u8> {
        let bands = &queue_of(&self.plan, queue).rules.bands;
        let expected = self.expected_wait(queue).filter(|_| !bands.is_empty())?;
        Some(bands.iter().filter(|band| **band <= expected).count() as u8)
    }

    /// What a contact that stands in line from here on is told.
    pub(super) fn announce_expected_wait(&mut self, id: ContactId) {
        let contact = self.contact_row(id);
        let band = self.wait_band(&contact.queue).filter(|_| contact.is_in_line());
        if let Some(band) = band {
            let gateway = contact.gateway();
            self.effects.push(Effect::AnnounceExpectedWait { contact: id, gateway, band });
        }
    }
}
