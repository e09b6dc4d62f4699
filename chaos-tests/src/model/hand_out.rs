//! Contacts that nobody is given by itself: operators take the next one, or a lead hands it out (R3.7).

use ringmain_routing::command::{AssignContact, TakeNext};
use ringmain_routing::limits::HAND_OUT_HOLD_MS_MAX;
use ringmain_routing::{ContactId, Millis, Name, OperatorId, Refusal, Reply};

use super::contacts::wrong_state;
use super::ladder::queue_of;
use super::matching::key;
use super::state::{Contact, Kept, Operator};
use super::{Freed, Model, bounds};

impl Model {
    pub(super) fn take_next(&mut self, command: &TakeNext) -> Result<Reply, Refusal> {
        self.check_operator(command.operator, command.epoch)?;
        let queue = command.queue.as_ref();
        queue.map_or(Ok(()), |name| bounds::check_name("queue", name))?;
        let operator = &self.operators[command.operator.slot as usize];
        if command.seq <= operator.presence_seq {
            return Ok(Reply::Done);
        }
        if let Some(name) = queue.filter(|name| !self.plan.queues.iter().any(|row| row.name == **name)) {
            return Err(Refusal::UnknownQueue(name.clone()));
        }
        if !operator.is_available() {
            return Err(Refusal::OperatorUnavailable(operator.login.clone()));
        }
        let contact = self.next_to_take(operator, queue).ok_or(Refusal::NothingWaits)?;
        self.operator_mut(command.operator).presence_seq = command.seq;
        self.give(contact, command.operator);
        self.connect(contact, command.operator);
        self.notice_given(command.operator);
        self.settle_late();
        Ok(Reply::Taken { contact })
    }

    /// The first in line for this operator of what would be for it once its step reached anybody.
    fn next_to_take(&self, operator: &Operator, queue: Option<&Name>) -> Option<ContactId> {
        let in_line = self.contacts.values().filter(|row| row.is_eligible() && row.held_for.is_none());
        let of_queue = in_line.filter(|row| queue.is_none_or(|queue| row.queue == *queue));
        let for_it = of_queue.filter(|row| {
            self.has_room(operator, row)
                && self.has_time_for(operator, row)
                && !self.is_excluded(operator, row)
                && (self.is_qualified(operator, row) || self.fit_to_keep(operator, row).holds())
        });
        let first = for_it.min_by_key(|row| key(row, operator.rank(&row.queue)));
        first.map(|row| row.id)
    }

    pub(super) fn assign_by_lead(&mut self, command: &AssignContact) -> Result<Reply, Refusal> {
        self.check_operator(command.operator, command.epoch)?;
        check_hand_out(&command.to, command.hold)?;
        let contact = self.contact(command.contact).ok_or(Refusal::UnknownContact(command.contact))?;
        let lead = &self.operators[command.operator.slot as usize].login;
        if !queue_of(&self.plan, &contact.queue).rules.leads.contains(lead) {
            return Err(Refusal::NotALead(contact.queue.clone()));
        }
        self.hand_out(command.contact, &command.to, command.hold)?;
        Ok(Reply::Done)
    }

    pub(super) fn assign_by_supervisor(
        &mut self,
        contact: ContactId,
        to: &Name,
        hold: Millis,
    ) -> Result<u32, Refusal> {
        check_hand_out(to, hold)?;
        self.contact(contact).ok_or(Refusal::UnknownContact(contact))?;
        self.hand_out(contact, to, hold)
    }

    /// How many contacts were handed out: one, or none that the operator did not have already.
    fn hand_out(&mut self, id: ContactId, login: &Name, hold: Millis) -> Result<u32, Refusal> {
        let to = self.called(login).ok_or(Refusal::UnknownOperator(login.clone()))?;
        let contact = self.contact_row(id);
        let is_kept = contact.held_for.is_some_and(|(known, _)| known == to);
        if is_kept || contact.state.holder() == Some(to) {
            return Ok(0);
        }
        if !contact.is_eligible() {
            return Err(wrong_state(contact));
        }
        if !self.may_be_kept_for(to, contact) {
            return Err(Refusal::OperatorUnavailable(login.clone()));
        }
        let until = self.span_after_now(hold);
        self.contact_mut(id).held_for = Some((to, until));
        self.contact_mut(id).kept = Kept::WhileAvailable;
        self.operator_mut(to).exclusions.retain(|exclusion| exclusion.contact != id);
        self.settle(Freed::contact(id));
        Ok(1)
    }

    /// Of these contacts those stand in line from here on whose operator does not fit them, as a plan or a change of the
    /// operator has made it.
    pub(super) fn end_vain_holds(&mut self, contacts: &[ContactId]) -> Vec<ContactId> {
        let is_vain = |id: &ContactId| {
            let contact = self.contact_row(*id);
            let row = contact.held_for.map(|(operator, _)| &self.operators[operator.slot as usize]);
            row.is_some_and(|row| !self.fit_to_keep(row, contact).holds())
        };
        let vain: Vec<ContactId> = contacts.iter().copied().filter(is_vain).collect();
        let vain = if self.format >= 3 { vain } else { Vec::new() };
        for id in &vain {
            self.contact_mut(*id).held_for = None;
            self.contact_mut(*id).kept = Kept::WhileAvailable;
        }
        vain
    }

    /// The operator is there, does not ask itself, and could serve the contact, the present load aside.
    pub(super) fn may_be_kept_for(&self, to: OperatorId, contact: &Contact) -> bool {
        let row = &self.operators[to.slot as usize];
        let asks = contact.leg.as_ref().is_some_and(|leg| leg.asker == to);
        !asks
            && row.is_available()
            && self.could_have_room(row, contact)
            && self.fit_to_keep(row, contact).holds()
    }
}

pub(super) fn check_hand_out(to: &Name, hold: Millis) -> Result<(), Refusal> {
    bounds::check_name("to", to)?;
    bounds::check((1..=HAND_OUT_HOLD_MS_MAX).contains(&hold.0), "hold")
}
