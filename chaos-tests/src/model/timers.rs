//! What is due fires before the command, in the order (deadline, kind, slot).

use std::collections::{BTreeMap, BTreeSet};

use ringmain_routing::effect::{OfferMode, PresenceState, WithdrawReason};
use ringmain_routing::limits::{JOB_ROWS_PER_ENTRY_MAX, TIMERS_PER_ENTRY_MAX};
use ringmain_routing::{CaseId, ContactId, EnquiryId, GatewayId, Millis, Name, OperatorId, Party, Timestamp};

use super::ladder::moments_of;
use super::matching::key;
use super::state::{Contact, ContactState, Job, Lose, MoveLine, Wish};
use super::{Freed, Model};

/// The kinds of things that have timers, in the order in which they fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Contact(ContactId),
    Operator(OperatorId),
    Gateway(GatewayId),
    Case(CaseId),
    Enquiry(EnquiryId),
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
            let deadline = contact.deadline().into_iter().chain(self.thread_deadline(contact)).min();
            deadline.map(|deadline| Timer { deadline, kind: Kind::Contact(contact.id) })
        });
        let operators = self.operators.iter().filter_map(|operator| {
            let deadline = operator.deadline().into_iter().chain(self.time_deadline(operator)).min();
            deadline.map(|deadline| Timer { deadline, kind: Kind::Operator(operator.id) })
        });
        let gateways = self.gateways.iter().filter_map(|gateway| {
            let until = gateway.session.grace_until();
            until.map(|deadline| Timer { deadline, kind: Kind::Gateway(gateway.id) })
        });
        let memory = self.ended.values().next().and_then(|contact| {
            contact.deadline().map(|deadline| Timer { deadline, kind: Kind::Contact(contact.id) })
        });
        let cases = self
            .cases()
            .filter_map(|case| case.deadline().map(|deadline| Timer { deadline, kind: Kind::Case(case.id) }));
        let enquiries = self.enquiries().filter_map(|enquiry| {
            enquiry.deadline().map(|deadline| Timer { deadline, kind: Kind::Enquiry(enquiry.id) })
        });
        contacts.chain(operators).chain(gateways).chain(cases).chain(enquiries).chain(memory).min()
    }

    pub(super) fn fire_due_timers(&mut self) {
        for _ in 0..TIMERS_PER_ENTRY_MAX {
            match self.earliest_timer() {
                Some(timer) if timer.deadline <= self.now => {
                    self.fire(timer);
                    self.end_event();
                }
                Some(_) | None => return,
            }
        }
    }

    fn fire(&mut self, timer: Timer) {
        match timer.kind {
            Kind::Contact(contact) => self.fire_contact(contact, timer.deadline),
            Kind::Operator(operator) => self.fire_operator(operator, timer.deadline),
            Kind::Gateway(gateway) => self.end_grace(Party::Gateway(gateway)),
            Kind::Case(case) => self.fire_case(case, timer.deadline),
            Kind::Enquiry(enquiry) => self.fire_enquiry(enquiry, timer.deadline),
        }
    }

    fn fire_contact(&mut self, id: ContactId, due: Timestamp) {
        match self.contact_row(id).state {
            ContactState::Waiting if self.contact_row(id).is_asleep() => self.fire_thread(id),
            ContactState::Waiting => self.fire_waiting(id, due),
            ContactState::Offered { operator, mode: OfferMode::Previewed, .. } => self.take_up(id, operator),
            ContactState::Offered { .. } => self.take_back(id, WithdrawReason::Unanswered),
            ContactState::Handling { .. } => self.fire_thread(id),
            ContactState::WrapUp { .. } => self.finish_wrap_up(id),
            ContactState::Ended { .. } => self.forget(id),
        }
    }

    fn fire_waiting(&mut self, id: ContactId, due: Timestamp) {
        let contact = self.contact_mut(id);
        let mut is_event = false;
        if !contact.due && contact.not_before.is_some_and(|time| time <= due) {
            contact.due = true;
            contact.newly_due = true;
            is_event = true;
            self.set_promotion(id);
        } else if contact.promote_at.is_some_and(|at| at <= due) {
            is_event = self.promote(id, due);
        }
        let contact = self.contact_mut(id);
        if contact.held_for.is_some_and(|(_, until)| until <= due) {
            contact.held_for = None;
            is_event = true;
        }
        if is_event {
            self.settle(Freed::contact(id));
        }
    }

    /// Everything of the operator that is due by `due`: the end of the grace, of the miss, of exclusions, of wrap-ups
    /// of contacts passed on.
    fn fire_operator(&mut self, id: OperatorId, due: Timestamp) {
        let mut freed = Freed::operator(id);
        self.touch(id);
        self.operator_mut(id).exclusions.retain(|exclusion| exclusion.until > due);
        if self.operators[id.slot as usize].session.grace_until().is_some_and(|until| until <= due) {
            freed.join(self.sign_out(id));
        }
        if matches!(self.operators[id.slot as usize].presence, PresenceState::Missed { until } if until <= due)
        {
            self.become_present(id, PresenceState::Ready);
        }
        if let PresenceState::Break { reason, until } = self.operators[id.slot as usize].presence
            && until <= due
        {
            freed.join(self.return_from_break(id, reason));
        }
        self.end_wrap_ups(id, |wrap_up| wrap_up.until <= due);
        self.settle(freed);
    }

    /// Contacts that have come to another step of their ladder since `before` are matched again, moment by moment. Who
    /// comes to the front of a line by that is looked at for the same moment.
    pub(super) fn climb(&mut self, before: Timestamp) {
        let mut from = before + Millis(1);
        let mut looked_at: BTreeSet<(Timestamp, ContactId)> = BTreeSet::new();
        loop {
            let due = |step: &(Timestamp, ContactId)| step.0 >= from && step.0 <= self.now;
            let steps = self.steps_of_the_foremost();
            let next = steps.into_iter().filter(|step| due(step) && !looked_at.contains(step)).min();
            let Some((at, id)) = next else { return };
            self.settle(Freed::contact(id));
            self.end_event();
            looked_at.insert((at, id));
            from = at;
        }
    }

    /// When somebody at the front of a line comes to another step.
    pub(super) fn next_step(&self) -> Option<Timestamp> {
        self.steps_of_the_foremost().into_iter().map(|(at, _)| at).filter(|at| *at > self.now).min()
    }

    /// Of those in line who want the same in one queue and tier the first whom nobody was ever kept away from, and all
    /// whom somebody was: whoever stands behind gets nobody by a step.
    fn steps_of_the_foremost(&self) -> Vec<(Timestamp, ContactId)> {
        let in_line = self.contacts.values();
        let mut in_line: Vec<&Contact> =
            in_line.filter(|contact| contact.is_eligible() && contact.held_for.is_none()).collect();
        in_line.sort_by_key(|contact| key(contact, 0));
        let mut lines = BTreeSet::new();
        let mut steps = Vec::new();
        for contact in in_line {
            if contact.was_excluded || lines.insert(line_of(contact)) {
                steps.extend(moments_of(&self.plan, contact).into_iter().map(|moment| (moment, contact.id)));
            }
        }
        steps
    }

    /// One job goes on by at most [`JOB_ROWS_PER_ENTRY_MAX`] rows; what this frees is matched together, so that
    /// nothing goes to an operator who is about to be lost.
    pub(super) fn advance_one_job(&mut self) {
        let rest = match self.jobs.pop_front() {
            None => return,
            Some(Job::Lose(job)) => self.lose_some(job).map(Job::Lose),
            Some(Job::MoveLine(job)) => self.move_some(job).map(Job::MoveLine),
            Some(Job::MoveStranded(job)) => self.move_some_stranded(job).map(Job::MoveStranded),
        };
        if let Some(job) = rest {
            self.jobs.push_front(job);
        }
        self.end_event();
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

/// What those who stand in one line have in common.
type Line<'a> = (
    (&'a Name, u8, u32),
    (&'a BTreeMap<Name, u8>, &'a BTreeSet<Name>),
    Option<(&'a (BTreeMap<Name, u8>, BTreeSet<Name>), &'a Wish, &'a Name)>,
    (bool, bool),
);

fn line_of(contact: &Contact) -> Line<'_> {
    let wish = contact.own.as_ref().zip(contact.wish.as_ref()).zip(contact.channel());
    (
        (&contact.queue, contact.tier, contact.units),
        (&contact.required, &contact.scopes),
        wish.map(|((own, wish), channel)| (own, wish, channel)),
        (contact.wants_people, contact.is_leg_to_operator()),
    )
}
