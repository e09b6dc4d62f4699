//! Wrap-up is extended or ended by the operator (R3.6); its hard end is the timer's. A contact that was passed on
//! has left: its wrap-up is kept with the operator.

use alloc::vec::Vec;

use crate::command::{AnswerOffer, ExtendWrapUp};
use crate::commands::enqueue_contact::check_time;
use crate::contact::State;
use crate::effect::{Effect, EndReason, Reply};
use crate::ids::{OperatorId, Timestamp};
use crate::limits::WRAP_UPS_PER_OPERATOR_MAX;
use crate::operator::WrapUp;
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn extend_wrap_up(&mut self, command: &ExtendWrapUp) -> Result<Reply, Refusal> {
        self.admit_operator(command.answer.operator, command.answer.epoch)?;
        check_time("until_ms", command.until)?;
        if let Some(place) = self.wrap_up_of(&command.answer) {
            self.extend_kept(&command.answer, place, command.until);
            return Ok(Reply::Done);
        }
        let contact = self.answered_contact(&command.answer)?;
        let State::WrapUp { operator, since, until } = contact.state else {
            return self.wrap_up_is_over(&command.answer);
        };
        let hard_end = since + self.tables.directory.queue(contact.queue).wrap_up_max;
        let until = command.until.min(hard_end).max(until);
        let slot = command.answer.contact.slot;
        self.tables.change_contact(slot, |row| row.state = State::WrapUp { operator, since, until });
        let AnswerOffer { contact, assignment, .. } = command.answer;
        self.emit(Effect::StartWrapUp { contact, operator, assignment, until });
        Ok(Reply::Done)
    }

    pub(crate) fn end_wrap_up(&mut self, answer: &AnswerOffer) -> Result<Reply, Refusal> {
        self.admit_operator(answer.operator, answer.epoch)?;
        if self.wrap_up_of(answer).is_some() {
            let is_this =
                |kept: &WrapUp| kept.contact == answer.contact && kept.assignment == answer.assignment;
            self.end_wrap_ups(answer.operator.slot, is_this);
            return Ok(Reply::Done);
        }
        let contact = self.answered_contact(answer)?;
        let State::WrapUp { operator, .. } = contact.state else { return self.wrap_up_is_over(answer) };
        self.end_contact(answer.contact.slot, EndReason::Completed(operator));
        Ok(Reply::Done)
    }

    /// The place of the wrap-up of a contact passed on, among the operator's.
    fn wrap_up_of(&self, answer: &AnswerOffer) -> Option<usize> {
        let kept = &self.tables.operator(answer.operator.slot).wrap_ups;
        kept.iter().position(|kept| kept.contact == answer.contact && kept.assignment == answer.assignment)
    }

    fn extend_kept(&mut self, answer: &AnswerOffer, place: usize, until: Timestamp) {
        let AnswerOffer { operator, contact, assignment, .. } = *answer;
        let until = self.tables.change_operator(operator.slot, |row| {
            let kept = &mut row.wrap_ups[place];
            kept.until = until.min(kept.hard_end).max(kept.until);
            kept.until
        });
        self.emit(Effect::StartWrapUp { contact, operator, assignment, until });
    }

    /// Begins the wrap-up of a contact that was passed on. Of too many the oldest ends.
    pub(crate) fn keep_wrap_up(&mut self, operator: OperatorId, wrap_up: WrapUp) {
        let kept = &self.tables.operator(operator.slot).wrap_ups;
        if kept.len() >= WRAP_UPS_PER_OPERATOR_MAX
            && let Some(oldest) = kept.first().copied()
        {
            self.end_wrap_ups(operator.slot, |kept| *kept == oldest);
        }
        self.tables.change_operator(operator.slot, |row| {
            row.wrap_ups.push(wrap_up);
            row.used += wrap_up.units;
        });
        let WrapUp { contact, assignment, until, .. } = wrap_up;
        self.emit(Effect::StartWrapUp { contact, operator, assignment, until });
    }

    /// Ends those wrap-ups of contacts passed on that are over.
    pub(crate) fn end_wrap_ups(&mut self, slot: u32, is_over: impl Fn(&WrapUp) -> bool) {
        let row = self.tables.operator(slot);
        let operator = row.id;
        let over: Vec<WrapUp> = row.wrap_ups.iter().copied().filter(|kept| is_over(kept)).collect();
        if over.is_empty() {
            return;
        }
        self.tables.change_operator(slot, |row| {
            row.wrap_ups.retain(|kept| !is_over(kept));
            row.used -= over.iter().map(|kept| kept.units).sum::<u32>();
        });
        self.free_operator(operator);
        for WrapUp { contact, assignment, .. } in over {
            self.emit(Effect::ReleaseOperator { contact, operator, assignment });
        }
    }

    fn wrap_up_is_over(&self, answer: &AnswerOffer) -> Result<Reply, Refusal> {
        let contact = self.answered_contact(answer)?;
        match contact.state {
            State::Waiting(_) => Err(super::answer_offer::stale(contact)),
            State::Offered { .. } | State::Handling { .. } | State::WrapUp { .. } | State::Ended { .. } => {
                super::answer_offer::ended_by_service(contact)
            }
        }
    }
}
