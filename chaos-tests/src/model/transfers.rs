//! An operator passes a customer on, puts one on hold, and writes up what was passed on.

use ringmain_routing::command::{AnswerOffer, HoldContact, TransferContact, TransferTarget};
use ringmain_routing::effect::WithdrawReason;
use ringmain_routing::limits::{TRANSFER_HOLD_MS_MAX, WRAP_UPS_PER_OPERATOR_MAX};
use ringmain_routing::{ContactId, Effect, Millis, Name, OperatorId, Refusal, Reply, Timestamp};

use super::answers::stale_assignment;
use super::bounds;
use super::ladder::queue_of;
use super::state::{Contact, ContactState, Kept, WrapUp};
use super::{Freed, Model};

impl Model {
    pub(super) fn transfer(&mut self, command: &TransferContact) -> Result<Reply, Refusal> {
        let answer = &command.answer;
        self.check_operator(answer.operator, answer.epoch)?;
        check_transfer(command)?;
        if let TransferTarget::BackOffice { route, channel, reply_by } = &command.to {
            return self.hand_to_back_office(answer, (route, channel, reply_by.as_ref()), command.wrap_up);
        }
        let is_to_asked = matches!(command.to, TransferTarget::Consulted { .. });
        match self.check_answer(answer)? {
            ContactState::Handling { .. } if is_to_asked && self.contact_row(answer.contact).is_parked() => {
                return self.wrong_state_of(answer.contact);
            }
            ContactState::Handling { .. } => {}
            ContactState::Waiting => {
                let contact = self.contact_row(answer.contact);
                let is_again = contact.passed && !is_to_asked;
                return if is_again { Ok(Reply::Done) } else { Err(stale_assignment(contact)) };
            }
            ContactState::Offered { .. } | ContactState::WrapUp { .. } | ContactState::Ended { .. } => {
                return self.wrong_state_of(answer.contact);
            }
        }
        let contact = self.contact_row(answer.contact);
        bounds::check(contact.leg.is_none(), "contact")?;
        self.check_passes(contact)?;
        let (queue, held_for) = match &command.to {
            TransferTarget::Queue(queue) => (self.open_queue_for(contact, queue)?, None),
            TransferTarget::Operator { login, hold, queue } => {
                let to = self.colleague(answer.operator, login)?;
                let queue = queue.as_ref().unwrap_or(&contact.queue);
                let queue = self.open_queue_for(contact, queue)?;
                self.check_colleague(to, contact, &queue)?;
                (queue, Some((to, self.span_after_now(*hold))))
            }
            TransferTarget::BackOffice { .. } => return self.wrong_state_of(answer.contact),
            TransferTarget::Consulted { leg } => return self.transfer_to_asked(command, *leg),
        };
        let wrap_up = self.wrap_up_after(contact, command.wrap_up);
        self.pass_on(answer, &queue, held_for, wrap_up);
        Ok(Reply::Done)
    }

    /// The queue in which it is lets operators pass a contact on so often.
    fn check_passes(&self, contact: &Contact) -> Result<(), Refusal> {
        match queue_of(&self.plan, &contact.queue).rules.passes_max {
            Some(passes_max) if contact.transfers >= passes_max => {
                Err(Refusal::PassedOften { contact: contact.id, passes_max })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn colleague(&self, from: OperatorId, login: &Name) -> Result<OperatorId, Refusal> {
        let row = self.operators.iter().find(|row| row.login == *login);
        let row = row.ok_or(Refusal::UnknownOperator(login.clone()))?;
        bounds::check(row.id != from, "to")?;
        Ok(row.id)
    }

    /// The colleague is there and could serve the contact as one of that queue, the present load aside.
    fn check_colleague(&self, to: OperatorId, contact: &Contact, queue: &Name) -> Result<(), Refusal> {
        let mut there = contact.clone();
        there.queue = queue.clone();
        if *queue != contact.queue && contact.wish.is_none() {
            (there.required, there.scopes) = self.required_in(contact, queue);
        }
        let login = &self.operators[to.slot as usize].login;
        let fits = self.may_be_kept_for(to, &there);
        if fits { Ok(()) } else { Err(Refusal::OperatorUnavailable(login.clone())) }
    }

    /// The queue's name, if the contact may go there: another queue than its own must be open, and must not require
    /// too much together with the contact.
    fn open_queue_for(&self, contact: &Contact, name: &Name) -> Result<Name, Refusal> {
        let queue = self.plan.queues.iter().find(|queue| queue.name == *name);
        let queue = queue.ok_or(Refusal::UnknownQueue(name.clone()))?;
        if queue.name != contact.queue {
            if !queue.open {
                return Err(Refusal::QueueClosed(name.clone()));
            }
            bounds::check(self.fits_into(contact, name), "skills")?;
        }
        Ok(name.clone())
    }

    /// The wrap-up that the operator has after this contact.
    pub(super) fn wrap_up_after(&self, contact: &Contact, wanted: Option<Millis>) -> WrapUp {
        let queue = self.plan.queues.iter().find(|queue| queue.name == contact.queue);
        let queue = queue.expect("a contact's queue stays in the plan");
        let holder = contact.state.holder().and_then(|holder| self.operator_row(holder));
        let own = holder.and_then(|holder| holder.rules.wrap_up);
        let is_bot = holder.is_some_and(|holder| holder.rules.bot);
        let longest = if is_bot { Millis(0) } else { queue.wrap_up_max };
        let span = wanted.or(own).unwrap_or(queue.wrap_up).min(longest);
        WrapUp {
            contact: contact.id,
            assignment: contact.assignment,
            units: if contact.is_parked() { 0 } else { contact.taken },
            until: self.span_after_now(span),
            longest: self.span_after_now(queue.wrap_up_max),
        }
    }

    fn pass_on(
        &mut self,
        answer: &AnswerOffer,
        queue: &Name,
        held_for: Option<(OperatorId, Timestamp)>,
        wrap_up: WrapUp,
    ) {
        let (id, operator) = (answer.contact, answer.operator);
        self.totals_mut(id).transferred += 1;
        self.withdraw(id, operator, WithdrawReason::Transferred);
        let contact = self.contact_mut(id);
        contact.state = ContactState::Waiting;
        contact.transfers += 1;
        contact.passed = true;
        self.set_promotion(id);
        let mut freed = Freed::queued(id);
        freed.join(self.move_to_queue(id, queue));
        self.contact_mut(id).held_for = held_for;
        self.contact_mut(id).kept = Kept::WhileAvailable;
        if let Some((colleague, _)) = held_for {
            self.operator_mut(colleague).exclusions.retain(|exclusion| exclusion.contact != id);
        }
        freed.join(self.exclude(operator, id));
        if wrap_up.until > self.now {
            freed.join(self.keep_wrap_up(operator, wrap_up));
        } else {
            self.operator_mut(operator).idle_since = self.now;
        }
        freed.join(self.end_legs(id));
        // Also during the wrap-up: it does not count against a cap.
        freed.join(Freed::operator(operator));
        self.settle(freed);
    }

    pub(super) fn keep_wrap_up(&mut self, operator: OperatorId, wrap_up: WrapUp) -> Freed {
        let mut freed = Freed::default();
        let kept = &self.operators[operator.slot as usize].wrap_ups;
        if kept.len() >= WRAP_UPS_PER_OPERATOR_MAX {
            let oldest = kept[0];
            self.end_wrap_ups(operator, |kept| *kept == oldest);
            freed.join(Freed::operator(operator));
        }
        self.operator_mut(operator).wrap_ups.push(wrap_up);
        self.tell_wrap_up(operator, wrap_up);
        freed
    }

    fn tell_wrap_up(&mut self, operator: OperatorId, wrap_up: WrapUp) {
        let WrapUp { contact, assignment, until, .. } = wrap_up;
        self.effects.push(Effect::StartWrapUp { contact, operator, assignment, until });
    }

    /// Extends the wrap-up of a contact that was passed on by this assignment, if there is one.
    pub(super) fn extend_kept(&mut self, answer: &AnswerOffer, until: Timestamp) -> bool {
        let kept = self.operator_mut(answer.operator).wrap_ups.iter_mut();
        let mut this =
            kept.filter(|row| row.contact == answer.contact && row.assignment == answer.assignment);
        let Some(wrap_up) = this.next() else { return false };
        wrap_up.until = wrap_up.until.max(until.min(wrap_up.longest));
        let wrap_up = *wrap_up;
        self.tell_wrap_up(answer.operator, wrap_up);
        true
    }

    /// Ends wrap-ups of contacts passed on; whether there were any.
    pub(super) fn end_wrap_ups(&mut self, operator: OperatorId, is_over: impl Fn(&WrapUp) -> bool) -> bool {
        let now = self.now;
        let row = self.operator_mut(operator);
        let (over, going_on): (Vec<WrapUp>, Vec<WrapUp>) = row.wrap_ups.iter().partition(|row| is_over(row));
        row.wrap_ups = going_on;
        if over.is_empty() {
            return false;
        }
        row.idle_since = now;
        for WrapUp { contact, assignment, .. } in over {
            self.effects.push(Effect::ReleaseOperator { contact, operator, assignment });
        }
        true
    }

    pub(super) fn hold(&mut self, command: &HoldContact) -> Result<Reply, Refusal> {
        let (answer, on) = (&command.answer, command.on);
        match self.check_answer(answer)? {
            ContactState::Handling { .. } if self.contact_row(answer.contact).is_parked() => {
                self.wrong_state_of(answer.contact)
            }
            ContactState::Handling { on_hold: None, .. }
                if on && self.is_unanswered(self.contact_row(answer.contact)) =>
            {
                Err(Refusal::WrongState { contact: answer.contact, state: "unanswered".into() })
            }
            ContactState::Handling { operator, since, on_hold } => {
                if on != on_hold.is_some() {
                    self.switch_hold(answer.contact, operator, since, on);
                }
                Ok(Reply::Done)
            }
            ContactState::Waiting => Err(stale_assignment(self.contact_row(answer.contact))),
            ContactState::Offered { .. } | ContactState::WrapUp { .. } | ContactState::Ended { .. } => {
                self.wrong_state_of(answer.contact)
            }
        }
    }

    fn switch_hold(&mut self, id: ContactId, operator: OperatorId, since: Timestamp, on: bool) {
        let on_hold = if on { Some(self.now) } else { None };
        let contact = self.contact_mut(id);
        contact.state = ContactState::Handling { operator, since, on_hold };
        let (gateway, assignment) = (contact.gateway(), contact.assignment);
        self.effects.push(Effect::HoldContact { contact: id, gateway, operator, assignment, on });
    }
}

fn check_transfer(command: &TransferContact) -> Result<(), Refusal> {
    bounds::check_span("wrap_up", command.wrap_up)?;
    match &command.to {
        TransferTarget::Queue(queue) => bounds::check_name("to", queue),
        TransferTarget::Operator { login, hold, queue } => {
            bounds::check_name("to", login)?;
            bounds::check((1..=TRANSFER_HOLD_MS_MAX).contains(&hold.0), "to")?;
            queue.as_ref().map_or(Ok(()), |queue| bounds::check_name("to", queue))
        }
        TransferTarget::BackOffice { route, channel, reply_by } => {
            let names = [route, channel].into_iter().chain(reply_by);
            names.into_iter().try_for_each(|name| bounds::check_name("to", name))
        }
        TransferTarget::Consulted { .. } => Ok(()),
    }
}
