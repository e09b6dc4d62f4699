//! What is due fires before the command, in the order (deadline, kind, slot).

use ringmain_routing::effect::{PresenceState, WithdrawReason};
use ringmain_routing::limits::{JOB_ROWS_PER_ENTRY_MAX, TIMERS_PER_ENTRY_MAX};
use ringmain_routing::{ContactId, GatewayId, OperatorId, Party, Timestamp};

use super::state::{ContactState, Job, Lose, MoveLine};
use super::{Freed, Model};

/// The kinds of things that have timers, in the order in which they fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Contact(ContactId),
    Operator(OperatorId),
    Gateway(GatewayId),
}

/// The next deadline of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timer {
    pub deadline: Timestamp,
    pub kind: Kind,
}

impl Model {
    pub(super) fn earliest_timer(&self) -> Option<Timer> {
        let contacts = self.contacts.values().filter_map(|contact| {
            contact.deadline().map(|deadline| Timer { deadline, kind: Kind::Contact(contact.id) })
        });
        let operators = self.operators.iter().filter_map(|operator| {
            operator.deadline().map(|deadline| Timer { deadline, kind: Kind::Operator(operator.id) })
        });
        let gateways = self.gateways.iter().filter_map(|gateway| {
            let until = gateway.session.grace_until();
            until.map(|deadline| Timer { deadline, kind: Kind::Gateway(gateway.id) })
        });
        let memory = self.ended.values().next().and_then(|contact| {
            contact.deadline().map(|deadline| Timer { deadline, kind: Kind::Contact(contact.id) })
        });
        contacts.chain(operators).chain(gateways).chain(memory).min()
    }

    pub(super) fn fire_due_timers(&mut self) {
        for _ in 0..TIMERS_PER_ENTRY_MAX {
            match self.earliest_timer() {
                Some(timer) if timer.deadline <= self.now => self.fire(timer),
                Some(_) | None => return,
            }
        }
    }

    fn fire(&mut self, timer: Timer) {
        match timer.kind {
            Kind::Contact(contact) => self.fire_contact(contact, timer.deadline),
            Kind::Operator(operator) => self.fire_operator(operator, timer.deadline),
            Kind::Gateway(gateway) => self.end_grace(Party::Gateway(gateway)),
        }
    }

    fn fire_contact(&mut self, id: ContactId, due: Timestamp) {
        match self.contact_row(id).state {
            ContactState::Waiting => self.fire_waiting(id, due),
            ContactState::Offered { .. } => self.take_back(id, WithdrawReason::Unanswered),
            ContactState::Handling { .. } => {}
            ContactState::WrapUp { .. } => self.finish_wrap_up(id),
            ContactState::Ended { .. } => self.forget(id),
        }
    }

    fn fire_waiting(&mut self, id: ContactId, due: Timestamp) {
        let contact = self.contact_mut(id);
        if !contact.due && contact.not_before.is_some_and(|time| time <= due) {
            contact.due = true;
            contact.newly_due = true;
        }
        if contact.held_for.is_some_and(|(_, until)| until <= due) {
            contact.held_for = None;
        }
        self.settle(Freed::contact(id));
    }

    /// Everything of the operator that is due by `due`: the end of the grace, of the miss, of exclusions, of wrap-ups
    /// of contacts passed on.
    fn fire_operator(&mut self, id: OperatorId, due: Timestamp) {
        let mut freed = Freed::operator(id);
        self.operator_mut(id).exclusions.retain(|exclusion| exclusion.until > due);
        if self.operators[id.slot as usize].session.grace_until().is_some_and(|until| until <= due) {
            freed.join(self.sign_out(id));
        }
        if matches!(self.operators[id.slot as usize].presence, PresenceState::Missed { until } if until <= due)
        {
            self.become_present(id, PresenceState::Ready);
        }
        self.end_wrap_ups(id, |wrap_up| wrap_up.until <= due);
        self.settle(freed);
    }

    /// One job goes on by at most [`JOB_ROWS_PER_ENTRY_MAX`] rows; what this frees is matched together, so that
    /// nothing goes to an operator who is about to be lost.
    pub(super) fn advance_one_job(&mut self) {
        let rest = match self.jobs.pop_front() {
            None => return,
            Some(Job::Lose(job)) => self.lose_some(job).map(Job::Lose),
            Some(Job::MoveLine(job)) => self.move_some(job).map(Job::MoveLine),
        };
        if let Some(job) = rest {
            self.jobs.push_front(job);
        }
    }

    fn lose_some(&mut self, mut job: Lose) -> Option<Lose> {
        let mut freed = Freed::default();
        for _ in 0..JOB_ROWS_PER_ENTRY_MAX {
            let party = if let Some(operator) = self.operators.get(job.next_operator) {
                job.next_operator += 1;
                job.takes(&operator.session).then_some(Party::Operator(operator.id))
            } else if let Some(gateway) = self.gateways.get(job.next_gateway) {
                job.next_gateway += 1;
                job.takes(&gateway.session).then_some(Party::Gateway(gateway.id))
            } else {
                break;
            };
            if let Some(party) = party {
                freed.join(self.lose_session(party));
            }
        }
        self.settle(freed);
        let is_over = job.next_operator >= self.operators.len() && job.next_gateway >= self.gateways.len();
        (!is_over).then_some(job)
    }

    fn move_some(&mut self, mut job: MoveLine) -> Option<MoveLine> {
        let wanted = (job.remaining as usize).min(JOB_ROWS_PER_ENTRY_MAX);
        let mut line: Vec<_> = self.line_of(&job.from);
        line.retain(|(place, id)| {
            job.after.is_none_or(|after| *place > after) && self.contact_row(*id).index <= job.arrived_by
        });
        line.truncate(wanted);
        let mut freed = Freed::default();
        for (_, id) in &line {
            freed.join(self.move_to_queue(*id, &job.to));
        }
        self.settle(freed);
        job.remaining -= line.len() as u32;
        job.after = line.last().map(|(place, _)| *place).or(job.after);
        (line.len() == wanted && job.remaining > 0).then_some(job)
    }
}
