//! Operations that are not answered yet: which may be sent, which are under way, which wait for a retry.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use super::{OpId, Subject};
use crate::ids::Timestamp;
use crate::planted::{Planted, is};

#[derive(Debug)]
pub(super) struct Pending<O> {
    rows: BTreeMap<OpId, Row<O>>,
    /// Per subject, oldest first. Only the first of each is ready, under way or delayed.
    lines: BTreeMap<Subject, VecDeque<OpId>>,
    ready: BTreeSet<OpId>,
    delayed: BTreeSet<(Timestamp, OpId)>,
    in_flight: BTreeSet<OpId>,
    submitted: u64,
}

#[derive(Debug)]
struct Row<O> {
    subject: Subject,
    operation: O,
    attempts: u32,
    /// When it is to be sent again, while it waits for that.
    delayed: Option<Timestamp>,
    /// Its number in the present opening of the session, once it was sent there.
    seq: Option<u64>,
}

impl<O: Clone> Pending<O> {
    pub(super) fn new() -> Pending<O> {
        Pending {
            rows: BTreeMap::new(),
            lines: BTreeMap::new(),
            ready: BTreeSet::new(),
            delayed: BTreeSet::new(),
            in_flight: BTreeSet::new(),
            submitted: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub(super) fn is_in_flight(&self, op_id: OpId) -> bool {
        self.in_flight.contains(&op_id)
    }

    pub(super) fn attempts(&self, op_id: OpId) -> u32 {
        self.rows.get(&op_id).map_or(0, |row| row.attempts)
    }

    pub(super) fn next_retry(&self) -> Option<Timestamp> {
        self.delayed.first().map(|(at, _)| *at)
    }

    pub(super) fn add(&mut self, subject: Subject, operation: O) -> OpId {
        self.submitted += 1;
        let op_id = OpId(self.submitted);
        let line = self.lines.entry(subject.clone()).or_default();
        line.push_back(op_id);
        if line.len() == 1 {
            self.ready.insert(op_id);
        }
        self.rows.insert(op_id, Row { subject, operation, attempts: 0, delayed: None, seq: None });
        op_id
    }

    /// The oldest operation that may be sent is under way from here on; `sent` counts those of this opening.
    pub(super) fn send_next(&mut self, sent: &mut u64) -> Option<(OpId, u64, O)> {
        let op_id = self.ready.pop_first()?;
        let row = self.rows.get_mut(&op_id)?;
        row.attempts = row.attempts.saturating_add(1);
        let seq = *row.seq.get_or_insert_with(|| {
            *sent += 1;
            *sent
        });
        self.in_flight.insert(op_id);
        Some((op_id, seq, row.operation.clone()))
    }

    /// To be sent again at `at`.
    pub(super) fn delay(&mut self, op_id: OpId, at: Timestamp) {
        let Some(row) = self.rows.get_mut(&op_id) else { return };
        if self.in_flight.remove(&op_id) {
            row.delayed = Some(at);
            self.delayed.insert((at, op_id));
        }
    }

    /// Delayed operations that are due may be sent.
    pub(super) fn wake(&mut self, now: Timestamp) {
        while let Some(&(at, op_id)) = self.delayed.first() {
            if at > now {
                return;
            }
            self.delayed.pop_first();
            if let Some(row) = self.rows.get_mut(&op_id) {
                row.delayed = None;
                self.ready.insert(op_id);
            }
        }
    }

    /// The stream is gone: nothing is under way or waits for its turn there.
    pub(super) fn restart(&mut self) {
        self.in_flight.clear();
        self.delayed.clear();
        let fronts = self.lines.values().filter_map(|line| line.front().copied());
        // What was under way counts as done.
        self.ready =
            fronts.filter(|op_id| !is(Planted::RetryForgotten) || self.attempts(*op_id) == 0).collect();
        for row in self.rows.values_mut() {
            row.seq = None;
            row.delayed = None;
        }
    }

    /// The operation is answered; the next on its subject may be sent. `None` when it was never sent or is answered
    /// already. What was sent is the first of its line.
    pub(super) fn settle(&mut self, op_id: OpId) -> Option<O> {
        if self.attempts(op_id) == 0 {
            return None;
        }
        let row = self.rows.remove(&op_id)?;
        self.ready.remove(&op_id);
        self.in_flight.remove(&op_id);
        if let Some(at) = row.delayed {
            self.delayed.remove(&(at, op_id));
        }
        let line = self.lines.get_mut(&row.subject)?;
        line.pop_front();
        match line.front() {
            Some(&next) => {
                self.ready.insert(next);
            }
            None => {
                self.lines.remove(&row.subject);
            }
        }
        Some(row.operation)
    }

    pub(super) fn take_all(&mut self) -> Vec<(OpId, O)> {
        let rows = core::mem::replace(self, Pending { submitted: self.submitted, ..Pending::new() }).rows;
        rows.into_iter().map(|(op_id, row)| (op_id, row.operation)).collect()
    }
}
