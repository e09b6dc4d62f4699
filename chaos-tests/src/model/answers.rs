//! What operators say about the contacts in their hands, and what their silence means.

use ringmain_routing::command::{AnswerOffer, CompleteContact, ContactResult, ExtendWrapUp};
use ringmain_routing::effect::{EndReason, OfferMode, PresenceState, WithdrawReason};
use ringmain_routing::limits::EXCLUSIONS_PER_OPERATOR_MAX;
use ringmain_routing::{ContactId, Effect, Millis, Name, OperatorId, Refusal, Reply};

use super::bounds::check;
use super::contacts::wrong_state;
use super::ladder::queue_of;
use super::state::{Contact, ContactState, Exclusion, WrapUp};
use super::{Freed, Model};

impl Model {
    /// The contact's latest assignment is this one: the state it is in.
    pub(super) fn check_answer(&self, answer: &AnswerOffer) -> Result<ContactState, Refusal> {
        self.check_operator(answer.operator, answer.epoch)?;
        let contact = self.contact(answer.contact).ok_or(Refusal::UnknownContact(answer.contact))?;
        let is_this = contact.assignment == answer.assignment && contact.last_holder == Some(answer.operator);
        if is_this { Ok(contact.state) } else { Err(stale_assignment(contact)) }
    }

    pub(super) fn wrong_state_of(&self, id: ContactId) -> Result<Reply, Refusal> {
        Err(wrong_state(self.contact_row(id)))
    }

    /// The answer came too late: the assignment is over. Fine if it ended by this assignment.
    fn late(&self, id: ContactId) -> Result<Reply, Refusal> {
        let contact = self.contact_row(id);
        match contact.state {
            ContactState::Waiting => Err(stale_assignment(contact)),
            ContactState::Ended { by: Some(_), .. } => Ok(Reply::Done),
            ContactState::Ended { by: None, .. }
            | ContactState::Offered { .. }
            | ContactState::Handling { .. }
            | ContactState::WrapUp { .. } => Err(wrong_state(contact)),
        }
    }

    pub(super) fn accept(&mut self, answer: &AnswerOffer) -> Result<Reply, Refusal> {
        match self.check_answer(answer)? {
            ContactState::Offered { operator, .. } => {
                self.take_up(answer.contact, operator);
                Ok(Reply::Done)
            }
            ContactState::Handling { .. } | ContactState::WrapUp { .. } => Ok(Reply::Done),
            ContactState::Waiting | ContactState::Ended { .. } => self.late(answer.contact),
        }
    }

    /// An offer becomes a talk: by its operator's word, or of a preview by its time.
    pub(super) fn take_up(&mut self, id: ContactId, operator: OperatorId) {
        self.connect(id, operator);
        if self.has_interruptible() {
            self.settle(Freed::operator(operator));
        }
        self.settle_late();
    }

    pub(super) fn decline(&mut self, answer: &AnswerOffer) -> Result<Reply, Refusal> {
        match self.check_answer(answer)? {
            ContactState::Offered { mode: OfferMode::Confirmed, .. } => {
                Err(Refusal::CannotDecline(answer.contact))
            }
            ContactState::Offered { mode: OfferMode::Offered | OfferMode::Previewed, .. } => {
                self.take_back(answer.contact, WithdrawReason::Declined);
                Ok(Reply::Done)
            }
            ContactState::Waiting | ContactState::Ended { .. } => Ok(Reply::Done),
            ContactState::Handling { .. } | ContactState::WrapUp { .. } => {
                self.wrong_state_of(answer.contact)
            }
        }
    }

    /// An offer was declined or not answered: the contact stays away from the operator for a while, and the
    /// operator from contacts (R3.1).
    pub(super) fn take_back(&mut self, id: ContactId, reason: WithdrawReason) {
        let Some(operator) = self.contact_row(id).state.holder() else { return };
        if self.contact_row(id).is_leg_to_operator() {
            let freed = self.end_leg(id);
            return self.settle(freed);
        }
        self.withdraw(id, operator, reason);
        self.requeue(id, operator);
        let mut freed = Freed::queued(id);
        freed.join(Freed::operator(operator));
        freed.join(self.exclude(operator, id));
        let missed = self.plan.sessions.missed;
        let takes_offers = match self.operators[operator.slot as usize].presence {
            PresenceState::Ready | PresenceState::Missed { .. } => true,
            PresenceState::NotReady(_) | PresenceState::Offline | PresenceState::Break { .. } => false,
        };
        if missed.0 > 0 && takes_offers && !self.is_bot(operator) {
            let until = self.span_after_now(missed);
            freed.join(self.become_present(operator, PresenceState::Missed { until }));
        }
        self.settle(freed);
    }

    /// Back to its old place; the operator is free of it.
    pub(super) fn requeue(&mut self, id: ContactId, operator: OperatorId) {
        let contact = self.contact_mut(id);
        contact.state = ContactState::Waiting;
        contact.leg.iter_mut().for_each(|leg| leg.joined = false);
        self.set_promotion(id);
        self.totals_mut(id).requeued += 1;
        self.operator_mut(operator).idle_since = self.now;
    }

    /// Keeps the contact away from the operator; a span of 0 keeps nobody away and frees nobody.
    pub(super) fn exclude(&mut self, operator: OperatorId, contact: ContactId) -> Freed {
        let until = self.span_after_now(self.plan.sessions.exclusion);
        if until <= self.now {
            return Freed::default();
        }
        let exclusions = &mut self.operator_mut(operator).exclusions;
        exclusions.retain(|exclusion| exclusion.contact != contact);
        if exclusions.len() == EXCLUSIONS_PER_OPERATOR_MAX {
            exclusions.remove(0);
        }
        exclusions.push(Exclusion { contact, until });
        self.contact_mut(contact).was_excluded = true;
        Freed::exclusions()
    }

    pub(super) fn complete(&mut self, command: &CompleteContact) -> Result<Reply, Refusal> {
        let answer = &command.answer;
        self.check_operator(answer.operator, answer.epoch)?;
        super::bounds::check_span("wrap_up", command.wrap_up)?;
        if let Some(result) = &command.result {
            super::bounds::check_name("result.topic", &result.topic)?;
            super::bounds::check_name("result.outcome", &result.outcome)?;
        }
        match self.check_answer(answer)? {
            ContactState::Handling { operator, .. } => {
                let id = answer.contact;
                self.check_result(self.contact_row(id), command.result.as_ref())?;
                let case = self.check_step(self.contact_row(id), command.step)?;
                self.contact_mut(id).result = command.result.clone();
                let mut freed = self.end_talk(id, operator, command.wrap_up);
                freed.join(self.end_legs(id));
                if let Some(case) = case {
                    freed.join(self.go_on(case, id, operator, command.step));
                }
                self.settle(freed);
            }
            ContactState::WrapUp { .. } => {}
            ContactState::Offered { .. } | ContactState::Waiting | ContactState::Ended { .. } => {
                return self.late(answer.contact);
            }
        }
        Ok(Reply::Done)
    }

    /// Where its queue wants to know, a completion says what it was about and what came of it (R1.4).
    fn check_result(&self, contact: &Contact, result: Option<&ContactResult>) -> Result<(), Refusal> {
        let rule = queue_of(&self.plan, &contact.queue).rules.results.as_ref();
        let Some(rule) = rule.filter(|_| contact.leg.is_none()) else { return Ok(()) };
        check(result.is_some(), "result")?;
        let is_allowed = |list: &[Name], said: Option<&Name>| {
            list.is_empty() || said.is_some_and(|said| list.contains(said))
        };
        check(is_allowed(&rule.topics, result.map(|result| &result.topic)), "result.topic")?;
        check(is_allowed(&rule.outcomes, result.map(|result| &result.outcome)), "result.outcome")
    }

    /// The handling ends, in wrap-up or for good; what that frees is matched by the caller.
    pub(super) fn end_talk(&mut self, id: ContactId, operator: OperatorId, wrap_up: Option<Millis>) -> Freed {
        let queue_name = &self.contact_row(id).queue;
        let queue = self.plan.queues.iter().find(|queue| queue.name == *queue_name);
        let queue = queue.expect("a contact's queue stays in the plan");
        let own = self.operators[operator.slot as usize].rules.wrap_up;
        let longest = if self.is_bot(operator) { Millis(0) } else { queue.wrap_up_max };
        let wrap_up = wrap_up.or(own).unwrap_or(queue.wrap_up).min(longest);
        if wrap_up.0 == 0 {
            self.finish(id, operator);
            return Freed::operator(operator);
        }
        let (since, until) = (self.now, self.span_after_now(wrap_up));
        let contact = self.contact_mut(id);
        contact.taken = if contact.is_parked() { 0 } else { contact.taken };
        contact.state = ContactState::WrapUp { operator, since, until };
        let assignment = contact.assignment;
        self.effects.push(Effect::StartWrapUp { contact: id, operator, assignment, until });
        let is_needed = self.contacts.values().any(|contact| self.is_life_safety_in_line(contact));
        if is_needed { Freed::operator(operator) } else { Freed::default() }
    }

    /// Ended as completed; the operator is free of it.
    pub(super) fn finish(&mut self, id: ContactId, operator: OperatorId) {
        let assignment = self.contact_row(id).assignment;
        self.operator_mut(operator).idle_since = self.now;
        self.effects.push(Effect::ReleaseOperator { contact: id, operator, assignment });
        self.end(id, EndReason::Completed(operator), Some(operator));
    }

    pub(super) fn finish_wrap_up(&mut self, id: ContactId) {
        if let Some(operator) = self.contact_row(id).state.holder() {
            self.finish(id, operator);
            self.settle(Freed::operator(operator));
        }
    }

    pub(super) fn extend_wrap_up(&mut self, command: &ExtendWrapUp) -> Result<Reply, Refusal> {
        let answer = &command.answer;
        self.check_operator(answer.operator, answer.epoch)?;
        super::bounds::check_time("until", Some(command.until))?;
        if self.extend_kept(answer, command.until) {
            return Ok(Reply::Done);
        }
        match self.check_answer(answer)? {
            ContactState::WrapUp { operator, since, until } => {
                let queue_name = &self.contact_row(answer.contact).queue;
                let queue = self.plan.queues.iter().find(|queue| queue.name == *queue_name);
                let longest = since + queue.expect("a contact's queue stays in the plan").wrap_up_max;
                let until = until.max(longest.min(command.until));
                let contact = self.contact_mut(answer.contact);
                contact.state = ContactState::WrapUp { operator, since, until };
                let (contact, assignment) = (contact.id, contact.assignment);
                self.effects.push(Effect::StartWrapUp { contact, operator, assignment, until });
            }
            ContactState::Offered { .. }
            | ContactState::Handling { .. }
            | ContactState::Waiting
            | ContactState::Ended { .. } => return self.late(answer.contact),
        }
        Ok(Reply::Done)
    }

    pub(super) fn end_wrap_up(&mut self, answer: &AnswerOffer) -> Result<Reply, Refusal> {
        self.check_operator(answer.operator, answer.epoch)?;
        let is_this = |kept: &WrapUp| kept.contact == answer.contact && kept.assignment == answer.assignment;
        if self.end_wrap_ups(answer.operator, is_this) {
            self.settle(Freed::operator(answer.operator));
            return Ok(Reply::Done);
        }
        match self.check_answer(answer)? {
            ContactState::WrapUp { .. } => self.finish_wrap_up(answer.contact),
            ContactState::Offered { .. }
            | ContactState::Handling { .. }
            | ContactState::Waiting
            | ContactState::Ended { .. } => return self.late(answer.contact),
        }
        Ok(Reply::Done)
    }
}

pub(super) fn stale_assignment(contact: &Contact) -> Refusal {
    Refusal::StaleAssignment { contact: contact.id, current: contact.assignment }
}
