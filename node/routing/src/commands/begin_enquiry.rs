//! The operator asks somebody without a seat (R3.10). The caller stays, or is freed with the promise of a call: a
//! call-back order like any other, made whether or not an answer comes.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::enqueue_contact::{check_time, order_hash};
use super::terms::due_after;
use crate::calendar::CalendarPlan;
use crate::command::{AnswerOffer, BeginEnquiry, FreeCaller, PromisedCall};
use crate::contact::{Contact, State, Text};
use crate::effect::{Effect, Reply};
use crate::enquiry::{Enquiry, EnquiryNews, EnquiryRule};
use crate::fields::{check_name, check_span, check_text, invalid};
use crate::ids::{ChannelId, ContactId, EnquiryId, Millis, OperatorId, Timestamp};
use crate::limits::{
    ENQUIRIES_MAX, ENQUIRIES_PER_CONTACT_MAX, ENQUIRIES_PER_OPERATOR_MAX, NOTE_BYTES_MAX, TIMESTAMP_MS_MAX,
};
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn begin_enquiry(&mut self, command: &BeginEnquiry) -> Result<Reply, Refusal> {
        let answer = &command.answer;
        self.admit_operator(answer.operator, answer.epoch)?;
        check_enquiry(command)?;
        let rule = self.tables.directory.plan.rules.enquiries.as_ref();
        let rule = rule.ok_or_else(|| {
            invalid("enquiries", "the plan has no `enquiries`; give it a part of that name first")
        })?;
        let contact = self.answered_contact(answer)?;
        if let Some(known) = self.asked_before(contact, command) {
            let (enquiry, has_call) = (known.id, known.call.is_some());
            if let Some(call) = command.call.as_ref().filter(|_| !has_call) {
                self.free(answer, enquiry, call)?;
            }
            return Ok(Reply::Asked { enquiry });
        }
        in_talk(contact)?;
        self.check_no_leg(contact)?;
        let term = command.term.or_else(|| rule.term_of(command));
        let term = term.ok_or_else(|| {
            invalid("term_ms", &format!("say a term; the plan has no addressee {:?}", command.to))
        })?;
        self.check_enquiries(contact.id, answer.operator)?;
        let channel = command.call.as_ref().map(|call| self.judge_freeing(contact, call)).transpose()?;
        let row = self.new_enquiry(contact, command, rule, term);
        let (enquiry, contact, gateway) = (row.id, row.contact, row.gateway);
        self.tables.add_enquiry(row);
        self.emit(Effect::AnnounceEnquiry { enquiry, contact, gateway, news: EnquiryNews::Begun });
        if let Some((call, channel)) = command.call.as_ref().zip(channel) {
            self.let_go(answer.operator, enquiry, call, channel);
        }
        Ok(Reply::Asked { enquiry })
    }

    pub(crate) fn free_caller(&mut self, command: &FreeCaller) -> Result<Reply, Refusal> {
        self.admit_operator(command.answer.operator, command.answer.epoch)?;
        check_call(&command.call)?;
        let contact = self.answered_contact(&command.answer)?;
        let enquiry = self.known_enquiry(command.enquiry)?;
        if enquiry.contact != contact.id || enquiry.assignment != contact.assignment {
            return Err(invalid(
                "enquiry",
                "it is about another contact, or an earlier assignment of this one",
            ));
        }
        if enquiry.call.is_none() {
            self.free(&command.answer, command.enquiry, &command.call)?;
        }
        Ok(Reply::Done)
    }

    pub(super) fn known_enquiry(&self, id: EnquiryId) -> Result<&Enquiry, Refusal> {
        self.tables.find_enquiry(id).ok_or(Refusal::UnknownEnquiry(id))
    }

    /// The same question of the same assignment, open or closed.
    fn asked_before(&self, contact: &Contact, command: &BeginEnquiry) -> Option<&Enquiry> {
        if is(Planted::EnquiryAskedTwice) {
            return None;
        }
        let index = &self.tables.ix.enquiries;
        let mut known = index.about(contact.id, false).chain(index.about(contact.id, true));
        let same = known.find(|&slot| {
            let row = self.tables.enquiry(slot);
            row.assignment == contact.assignment && row.to == command.to && row.question == command.question
        });
        same.map(|slot| self.tables.enquiry(slot))
    }

    fn check_enquiries(&self, contact: ContactId, operator: OperatorId) -> Result<(), Refusal> {
        let index = &self.tables.ix.enquiries;
        let limits = [
            ("enquiries of a contact", index.about(contact, false).count(), ENQUIRIES_PER_CONTACT_MAX as u64),
            (
                "enquiries of an operator",
                index.of_asker(operator.slot).count(),
                ENQUIRIES_PER_OPERATOR_MAX as u64,
            ),
            ("enquiries", self.tables.enquiries.len() as usize, ENQUIRIES_MAX),
        ];
        let reached = limits.into_iter().find(|&(_, there, limit)| there as u64 >= limit);
        reached.map_or(Ok(()), |(what, _, limit)| Err(Refusal::LimitReached { what: what.into(), limit }))
    }

    fn new_enquiry(
        &self,
        contact: &Contact,
        command: &BeginEnquiry,
        rule: &EnquiryRule,
        term: Millis,
    ) -> Enquiry {
        let (slot, generation) = self.tables.enquiries.next_id();
        let calendar = self.calendar_of(rule, &command.to);
        let remind_after = Millis(term.0.saturating_mul(u64::from(rule.remind_percent)) / 100);
        Enquiry {
            id: EnquiryId { slot, generation },
            contact: contact.id,
            assignment: contact.assignment,
            gateway: contact.gateway,
            asker: command.answer.operator,
            unit: self.tables.operator(command.answer.operator.slot).profile_key.unit,
            to: command.to.clone(),
            question: command.question.clone(),
            begun_at: self.now,
            due: due_after(calendar, self.now, term),
            remind_at: (remind_after.0 > 0).then(|| due_after(calendar, self.now, remind_after)),
            reminded: false,
            overdue: false,
            keep_for: rule.keep_for,
            call: None,
            end: None,
        }
    }

    fn calendar_of(&self, rule: &EnquiryRule, to: &str) -> Option<&CalendarPlan> {
        let addressee = rule.addressees.iter().find(|addressee| *addressee.name == *to)?;
        self.tables.directory.find_calendar(addressee.calendar.as_ref()?).ok()
    }

    /// Frees the caller of an open enquiry that has no call yet.
    fn free(&mut self, answer: &AnswerOffer, enquiry: EnquiryId, call: &PromisedCall) -> Result<(), Refusal> {
        let contact = self.known_contact(answer.contact)?;
        in_talk(contact)?;
        if !self.known_enquiry(enquiry)?.is_open() {
            return Err(invalid("enquiry", "it is closed; complete the contact"));
        }
        let channel = self.judge_freeing(contact, call)?;
        self.let_go(answer.operator, enquiry, call, channel);
        Ok(())
    }

    fn judge_freeing(&self, contact: &Contact, call: &PromisedCall) -> Result<ChannelId, Refusal> {
        if self.case_of_work(contact).is_some() {
            return Err(invalid(
                "call",
                "the contact is a stage of a case, which no promise ends; complete it",
            ));
        }
        let channel = self.tables.directory.find_channel(&call.channel)?.0;
        if call.not_before <= self.now {
            return Err(invalid("call.not_before_ms", "a promise is for a later time"));
        }
        self.check_memory(contact.tier + contact.promoted)?;
        Ok(channel)
    }

    /// The talk is over, and the customer will be called.
    fn let_go(&mut self, operator: OperatorId, enquiry: EnquiryId, call: &PromisedCall, channel: ChannelId) {
        let Some(asked) = self.tables.find_enquiry(enquiry).map(|row| (row.contact.slot, row.keep_for))
        else {
            return;
        };
        let freed = self.tables.contact(asked.0).clone();
        let wrap_up = self.wrap_up_after(&freed, call.wrap_up);
        self.finish_talk(freed.id.slot, operator, wrap_up);
        let promised = match self.order_to_join(&freed, call) {
            Some(open) => {
                self.add_source(open, Some(call.not_before), Millis(0));
                self.tables.contact(open).id
            }
            None => self.promise(&freed, operator, asked.1, (call, channel)),
        };
        let about: Vec<u32> = self.tables.ix.enquiries.about(freed.id, false).collect();
        for slot in about {
            self.tables.change_enquiry(slot, |row| row.call = row.call.or(Some(promised)));
        }
    }

    /// An order of the number, not the one that is freed, to whom nobody talks yet.
    fn order_to_join(&self, freed: &Contact, call: &PromisedCall) -> Option<u32> {
        let is_any = is(Planted::FreedOrderIsPromise);
        self.tables.orders_of(order_hash(&call.order)).find(|&slot| {
            let waits = match self.tables.contact(slot).state {
                State::Waiting(_) | State::Offered { .. } => true,
                State::Handling { .. } | State::WrapUp { .. } | State::Ended { .. } => false,
            };
            is_any || (slot != freed.id.slot && waits)
        })
    }

    fn promise(
        &mut self,
        freed: &Contact,
        operator: OperatorId,
        keep_for: Millis,
        (call, channel): (&PromisedCall, ChannelId),
    ) -> ContactId {
        let key = self.free_key(freed, 1, |n| format!("{}~{n}", freed.text.key).into());
        let mut work = self.work_in(freed.queue, freed, channel, key);
        let time =
            if is(Planted::PromiseAwaitsAnswer) { Timestamp(TIMESTAMP_MS_MAX) } else { call.not_before };
        let login = self.tables.operator(operator.slot).login.clone();
        work.not_before = Some(time);
        work.enqueued_at = time;
        work.callback = Some(order_hash(&call.order));
        work.text = Arc::new(Text {
            callback: Some(call.order.clone()),
            preferred: Some((login, keep_for)),
            ..Text::clone(&work.text)
        });
        let id = work.id;
        self.arrive(work);
        id
    }

    /// A mistake on purpose: terms that were given change with the plan.
    pub(super) fn reckon_enquiries_again(&mut self) {
        let Some(rule) = self.tables.directory.plan.rules.enquiries.clone() else { return };
        for slot in 0..self.tables.enquiries.slots() {
            let Some(row) = self.tables.enquiries.at(slot).filter(|row| row.is_open()) else { continue };
            let addressee = rule.addressees.iter().find(|addressee| addressee.name == row.to);
            let Some(term) = addressee.map(|addressee| addressee.term) else { continue };
            let due = due_after(self.calendar_of(&rule, &row.to), row.begun_at, term);
            self.tables.change_enquiry(slot, |row| row.due = due);
        }
    }
}

impl EnquiryRule {
    fn term_of(&self, command: &BeginEnquiry) -> Option<Millis> {
        let addressee = self.addressees.iter().find(|addressee| addressee.name == command.to)?;
        Some(addressee.term)
    }
}

/// Somebody has it in handling, parked or not.
fn in_talk(contact: &Contact) -> Result<(), Refusal> {
    match contact.state {
        State::Handling { .. } => Ok(()),
        State::Waiting(_) => Err(super::answer_offer::stale(contact)),
        State::Offered { .. } | State::WrapUp { .. } | State::Ended { .. } => {
            Err(super::wrong_state(contact))
        }
    }
}

fn check_enquiry(command: &BeginEnquiry) -> Result<(), Refusal> {
    check_name("to", &command.to)?;
    check_text("question", &command.question, NOTE_BYTES_MAX)?;
    if let Some(term) = command.term {
        check_span("term_ms", term)?;
        if term.0 == 0 {
            return Err(invalid("term_ms", "above 0 ms; leave it out for the addressee's"));
        }
    }
    command.call.as_ref().map_or(Ok(()), check_call)
}

fn check_call(call: &PromisedCall) -> Result<(), Refusal> {
    check_name("call.number", &call.order.number)?;
    check_name("call.principals", &call.order.principals)?;
    check_name("call.channel", &call.channel)?;
    check_time("call.not_before_ms", call.not_before)?;
    call.wrap_up.map_or(Ok(()), |wrap_up| check_span("call.wrap_up_ms", wrap_up))
}
