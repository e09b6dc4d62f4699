//! Keeps the book of contacts during a simulation and writes the rows of the result.

use ringmain_routing::{AssignmentEpoch, ContactId};

use super::setup::Seat;
use crate::result::{ResultOutcome, ResultRow};
use crate::scenario::{Contact, Text};

/// A contact in an operator's hands.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) contact: ContactId,
    pub(super) seat: usize,
    pub(super) assignment: AssignmentEpoch,
    offered_ms: u64,
    assigned_ms: Option<u64>,
    completed_ms: Option<u64>,
    log_index: u64,
    /// Which of all decisions, in order: one command may give several contacts away.
    decision: u64,
}

impl Attempt {
    /// Given to an operator now, not connected yet.
    pub(super) fn new(
        contact: ContactId,
        seat: usize,
        assignment: AssignmentEpoch,
        at_ms: u64,
        log_index: u64,
    ) -> Attempt {
        Attempt {
            contact,
            seat,
            assignment,
            offered_ms: at_ms,
            assigned_ms: None,
            completed_ms: None,
            log_index,
            decision: 0,
        }
    }

    /// Whether customer and operator talk, or have talked.
    pub(super) fn is_connected(&self) -> bool {
        self.assigned_ms.is_some()
    }
}

/// Where a contact is.
#[derive(Clone, Debug)]
enum Stage {
    /// Has not arrived.
    Ahead,
    /// Waits.
    Waiting(ContactId),
    /// With an operator.
    Held(Attempt),
    /// Its final row is written.
    Ended,
}

/// All contacts of a scenario, by their place in it.
pub(super) struct Ledger {
    stages: Vec<Stage>,
    /// The contact that has each slot of the core.
    row_of_slot: Vec<usize>,
    /// Rows with the number of the decision that each reports.
    rows: Vec<(u64, ResultRow)>,
    ended: u64,
    decisions: u64,
}

impl Ledger {
    pub(super) fn new(contacts: usize) -> Ledger {
        let rows = Vec::with_capacity(contacts);
        Ledger { stages: vec![Stage::Ahead; contacts], row_of_slot: Vec::new(), rows, ended: 0, decisions: 0 }
    }

    /// How many contacts have their final row.
    pub(super) fn ended(&self) -> u64 {
        self.ended
    }

    pub(super) fn all_ended(&self) -> bool {
        self.ended == self.stages.len() as u64
    }

    /// The place of the contact that has this id.
    pub(super) fn row_of(&self, id: ContactId) -> usize {
        self.row_of_slot[id.slot as usize]
    }

    /// The core has taken it.
    pub(super) fn enqueued(&mut self, contact: usize, id: ContactId) {
        let slot = id.slot as usize;
        self.row_of_slot.resize(self.row_of_slot.len().max(slot + 1), 0);
        self.row_of_slot[slot] = contact;
        self.stages[contact] = Stage::Waiting(id);
    }

    /// One more contact is to come that is not of the scenario.
    pub(super) fn ahead(&mut self) {
        self.stages.push(Stage::Ahead);
    }

    /// The core has made a contact of its own.
    pub(super) fn made(&mut self, id: ContactId) {
        self.stages.push(Stage::Ahead);
        self.enqueued(self.stages.len() - 1, id);
    }

    /// Rung at an operator.
    pub(super) fn offered(&mut self, attempt: Attempt) -> usize {
        let contact = self.row_of(attempt.contact);
        let decision = self.next_decision();
        self.stages[contact] = Stage::Held(Attempt { decision, ..attempt });
        contact
    }

    /// Connected, by this attempt or by the one already offered.
    pub(super) fn connected(&mut self, attempt: Attempt, at_ms: u64) -> usize {
        let contact = self.row_of(attempt.contact);
        let decision = self.next_decision();
        let stage = &mut self.stages[contact];
        match stage {
            Stage::Held(held) if held.assignment == attempt.assignment => held.assigned_ms = Some(at_ms),
            Stage::Ahead | Stage::Waiting(_) | Stage::Held(_) | Stage::Ended => {
                *stage = Stage::Held(Attempt { assigned_ms: Some(at_ms), decision, ..attempt });
            }
        }
        contact
    }

    /// The attempt that this contact is in.
    pub(super) fn in_hand(&self, contact: usize) -> Option<&Attempt> {
        match &self.stages[contact] {
            Stage::Held(attempt) => Some(attempt),
            Stage::Ahead | Stage::Waiting(_) | Stage::Ended => None,
        }
    }

    /// The attempt that this contact is in, if it is still that one.
    pub(super) fn held(&self, contact: usize, assignment: AssignmentEpoch) -> Option<&Attempt> {
        match &self.stages[contact] {
            Stage::Held(attempt) if attempt.assignment == assignment => Some(attempt),
            Stage::Held(_) | Stage::Ahead | Stage::Waiting(_) | Stage::Ended => None,
        }
    }

    /// The contact's id while the customer waits for an answer, rung or not.
    pub(super) fn unconnected(&self, contact: usize) -> Option<ContactId> {
        match &self.stages[contact] {
            Stage::Waiting(id) => Some(*id),
            Stage::Held(attempt) if !attempt.is_connected() => Some(attempt.contact),
            Stage::Held(_) | Stage::Ahead | Stage::Ended => None,
        }
    }

    /// The talk is over, wrap-up begins.
    pub(super) fn talk_ended(&mut self, id: ContactId, at_ms: u64) {
        let contact = self.row_of(id);
        if let Stage::Held(attempt) = &mut self.stages[contact] {
            attempt.completed_ms = Some(at_ms);
        }
    }

    /// The attempt is void; the contact waits again (or ends by the next effect).
    pub(super) fn withdrawn(&mut self, contact: usize, row: &Contact, seats: &[Seat], at_ms: u64) {
        if let Stage::Held(attempt) = self.stages[contact].clone() {
            self.stages[contact] = Stage::Waiting(attempt.contact);
            let ended = Attempt { completed_ms: Some(at_ms), ..attempt.clone() };
            self.rows
                .push((attempt.decision, held_row(row, &ended, seats, ResultOutcome::Requeued, Some(at_ms))));
        }
    }

    /// The last attempt is over and the operator is free.
    pub(super) fn end_served(
        &mut self,
        contact: usize,
        row: &Contact,
        seats: &[Seat],
        outcome: ResultOutcome,
        at_ms: u64,
    ) {
        if let Stage::Held(attempt) = self.stages[contact].clone() {
            let ended = Attempt { completed_ms: attempt.completed_ms.or(Some(at_ms)), ..attempt };
            self.rows.push((ended.decision, held_row(row, &ended, seats, outcome, Some(at_ms))));
            self.close(contact);
        }
    }

    /// The contact ends without an operator.
    pub(super) fn end_unassigned(
        &mut self,
        contact: usize,
        row: &Contact,
        outcome: ResultOutcome,
        at_ms: u64,
        log_index: u64,
        merged_into: Option<Text>,
    ) {
        let eligible_ms = (outcome == ResultOutcome::Abandoned).then_some(row.arrival_ms);
        let ended = ResultRow {
            completed_ms: Some(at_ms),
            eligible_ms,
            merged_into,
            log_index: Some(log_index),
            ..open_row(row, outcome)
        };
        let decision = self.next_decision();
        self.rows.push((decision, ended));
        self.close(contact);
    }

    /// The simulation ends with this contact as it is.
    pub(super) fn end_open(&mut self, contact: usize, row: &Contact, seats: &[Seat]) {
        match self.stages[contact].clone() {
            Stage::Ended => return,
            Stage::Held(attempt) => {
                // In wrap-up the customer has been served; only the operator is not free yet.
                let is_over = attempt.completed_ms.is_some();
                let outcome = if is_over { ResultOutcome::Served } else { ResultOutcome::InService };
                self.rows.push((attempt.decision, held_row(row, &attempt, seats, outcome, None)));
            }
            Stage::Ahead | Stage::Waiting(_) => {
                let eligible_ms = Some(row.arrival_ms);
                let waiting = ResultRow { eligible_ms, ..open_row(row, ResultOutcome::Waiting) };
                let decision = self.next_decision();
                self.rows.push((decision, waiting));
            }
        }
        self.close(contact);
    }

    /// All rows, ordered by time and within one millisecond by decision.
    pub(super) fn into_rows(mut self) -> Vec<ResultRow> {
        self.rows.sort_by_key(|(decision, row)| (row.order_ms(), *decision));
        self.rows.into_iter().map(|(_, row)| row).collect()
    }

    fn next_decision(&mut self) -> u64 {
        self.decisions += 1;
        self.decisions
    }

    fn close(&mut self, contact: usize) {
        self.stages[contact] = Stage::Ended;
        self.ended += 1;
    }
}

/// What a row says whatever became of the contact.
fn open_row(row: &Contact, outcome: ResultOutcome) -> ResultRow {
    ResultRow {
        contact_id: row.contact_id.clone(),
        queue: row.queue.clone(),
        priority: row.priority,
        required_skills: row.skills_needed(),
        arrival_ms: row.arrival_ms,
        assigned_ms: None,
        operator_id: None,
        completed_ms: None,
        outcome,
        offered_ms: None,
        released_ms: None,
        eligible_ms: None,
        merged_into: None,
        log_index: None,
    }
}

fn held_row(
    row: &Contact,
    attempt: &Attempt,
    seats: &[Seat],
    outcome: ResultOutcome,
    released_ms: Option<u64>,
) -> ResultRow {
    ResultRow {
        assigned_ms: attempt.assigned_ms,
        operator_id: Some(seats[attempt.seat].login.clone()),
        completed_ms: attempt.completed_ms,
        offered_ms: Some(attempt.offered_ms),
        released_ms,
        eligible_ms: Some(row.arrival_ms),
        log_index: Some(attempt.log_index),
        ..open_row(row, outcome)
    }
}
