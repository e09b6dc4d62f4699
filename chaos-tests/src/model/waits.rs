//! Those who wait for long: something else is offered to them or they leave by it, the duty number is called, and leads
//! hear of it (R3.3, R2.2, R2.1).

use std::collections::BTreeSet;

use ringmain_routing::command::DeflectContact;
use ringmain_routing::effect::{EndReason, WithdrawReason};
use ringmain_routing::limits::WAITS_PER_ENTRY_MAX;
use ringmain_routing::rules::WaitRule;
use ringmain_routing::{ContactId, Effect, Millis, Name, QueueId, Refusal, Reply, Timestamp};

use super::contacts::wrong_state;
use super::ladder::queue_of;
use super::state::{Contact, ContactState, SessionState};
use super::{Freed, Model, bounds};

impl Model {
    /// Since when a queue has been alarmed.
    #[must_use]
    pub fn alarm_since(&self, queue: &Name) -> Option<Timestamp> {
        self.alarms.get(queue).copied()
    }

    /// The next rule of the contact's queue that is not behind it.
    fn next_wait(&self, contact: &Contact) -> Option<WaitRule> {
        let is_concerned = contact.is_in_line() && contact.tier > 0 && contact.case.is_none();
        let waits = &queue_of(&self.plan, &contact.queue).rules.waits;
        waits.iter().find(|rule| is_concerned && rule.after > contact.told).copied()
    }

    /// When something becomes of the contact by waiting alone.
    fn wait_of(&self, contact: &Contact) -> Option<Timestamp> {
        let is_urgent = contact.is_in_line() && contact.tier == 0 && !contact.duty_called;
        let duty = self.plan.rules.duty_after.filter(|_| is_urgent);
        let after = duty.or(self.next_wait(contact).map(|rule| rule.after));
        after.map(|after| contact.enqueued_at + after)
    }

    /// When that is for the first of all who wait.
    pub(super) fn next_of_waits(&self) -> Option<Timestamp> {
        self.contacts.values().filter_map(|contact| self.wait_of(contact)).min()
    }

    pub(super) fn carry_out_waits(&mut self) {
        for _ in 0..WAITS_PER_ENTRY_MAX {
            let moments = self.contacts.values().filter_map(|row| Some((self.wait_of(row)?, row.id)));
            let first = moments.filter(|(at, _)| *at <= self.now).min_by_key(|(at, id)| (*at, id.slot));
            let Some((_, id)) = first else { return };
            if self.contact_row(id).leg.is_some() {
                let leg = self.contact_mut(id);
                (leg.told, leg.duty_called) = (Millis(u64::MAX), true);
            } else if self.contact_row(id).tier == 0 {
                self.call_duty(id);
            } else {
                self.carry_out_wait(id);
            }
            self.end_event();
        }
    }

    fn call_duty(&mut self, id: ContactId) {
        let contact = self.contact_mut(id);
        contact.duty_called = true;
        let gateway = contact.gateway();
        self.effects.push(Effect::CallDuty { contact: id, gateway });
    }

    /// The last of the rules that are due.
    fn carry_out_wait(&mut self, id: ContactId) {
        let contact = self.contact_row(id);
        let waited = Millis(self.now.0 - contact.enqueued_at.0);
        let waits = &queue_of(&self.plan, &contact.queue).rules.waits;
        let due = waits.iter().rfind(|rule| contact.told < rule.after && rule.after <= waited).copied();
        let Some(rule) = due else { return };
        let contact = self.contact_mut(id);
        contact.told = rule.after;
        let gateway = contact.gateway();
        if rule.leave {
            self.end(id, EndReason::Deflected(rule.to), None);
            self.settle(Freed::default());
        } else {
            contact.offered.insert(rule.to);
            self.effects.push(Effect::OfferDeflection { contact: id, gateway, to: rule.to });
        }
    }

    pub(super) fn deflect_contact(&mut self, command: &DeflectContact) -> Result<Reply, Refusal> {
        self.check_gateway(command.gateway, command.epoch)?;
        let contact = self.check_owner(command.contact, command.gateway)?;
        let (id, now, to) = (contact.id, self.now, command.to);
        match contact.state {
            ContactState::Ended { reason: EndReason::Deflected(by), .. } if by == to => {
                return Ok(Reply::Done);
            }
            ContactState::Ended { .. } | ContactState::Handling { .. } | ContactState::WrapUp { .. } => {
                return Err(wrong_state(contact));
            }
            ContactState::Waiting | ContactState::Offered { .. } => {}
        }
        bounds::check(contact.offered.contains(&to), "to")?;
        let mut freed = Freed::default();
        if let ContactState::Offered { operator, at, idle_before, .. } = contact.state {
            self.withdraw(id, operator, WithdrawReason::Abandoned);
            let row = self.operator_mut(operator);
            row.idle_since = if row.idle_since == at { idle_before } else { now };
            freed = Freed::operator(operator);
        }
        self.end(id, EndReason::Deflected(to), None);
        self.settle(freed);
        Ok(Reply::Done)
    }

    /// When somebody in line will have waited, or has, for so long that the queue is alarmed.
    fn alarm_of(&self, contact: &Contact) -> Option<Timestamp> {
        let after = queue_of(&self.plan, &contact.queue).rules.alarm_after?;
        contact.is_in_line().then(|| contact.enqueued_at + after)
    }

    /// When the next queue that is not alarmed will be.
    pub(super) fn next_alarm(&self) -> Option<Timestamp> {
        let quiet = self.contacts.values().filter(|row| !self.alarms.contains_key(&row.queue));
        quiet.filter_map(|row| self.alarm_of(row)).min()
    }

    /// Alarms that are over end, and others begin.
    pub(super) fn look_at_alarms(&mut self) {
        let late = self.contacts.values().filter(|row| self.alarm_of(row).is_some_and(|at| at <= self.now));
        let alarmed: BTreeSet<Name> = late.map(|row| row.queue.clone()).collect();
        let queues: Vec<Name> = self.plan.queues.iter().map(|queue| queue.name.clone()).collect();
        for (place, queue) in queues.iter().enumerate() {
            if !alarmed.contains(queue) && self.alarms.remove(queue).is_some() {
                self.announce_alarm(place, queue, false);
            }
        }
        for (place, queue) in queues.iter().enumerate() {
            if alarmed.contains(queue) && !self.alarms.contains_key(queue) {
                self.alarms.insert(queue.clone(), self.now);
                self.announce_alarm(place, queue, true);
            }
        }
    }

    fn announce_alarm(&mut self, place: usize, queue: &Name, on: bool) {
        for login in queue_of(&self.plan, queue).rules.leads.clone() {
            let row = self.operators.iter().find(|row| row.login == login);
            let here = row.filter(|row| row.session.state != SessionState::None).map(|row| row.id);
            if let Some(operator) = here {
                let queue = QueueId(place as u32);
                self.effects.push(Effect::AnnounceAlarm { operator, queue, trigger: None, on });
            }
        }
    }
}
