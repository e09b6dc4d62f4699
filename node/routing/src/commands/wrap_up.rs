//! Wrap-up is extended or ended by the operator (R3.6); its hard end is the timer's.

use crate::command::{AnswerOffer, ExtendWrapUp};
use crate::commands::enqueue_contact::check_time;
use crate::contact::State;
use crate::effect::{Effect, EndReason, Reply};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn extend_wrap_up(&mut self, command: &ExtendWrapUp) -> Result<Reply, Refusal> {
        self.admit_operator(command.answer.operator, command.answer.epoch)?;
        check_time("until_ms", command.until)?;
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
        let contact = self.answered_contact(answer)?;
        let State::WrapUp { operator, .. } = contact.state else { return self.wrap_up_is_over(answer) };
        self.end_contact(answer.contact.slot, EndReason::Completed(operator));
        Ok(Reply::Done)
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
