//! The talk is over (R3.6): wrap-up if there is one, else the end.

use alloc::sync::Arc;

use crate::command::{CompleteContact, ContactResult};
use crate::contact::{Contact, State};
use crate::effect::{Effect, EndReason, Reply};
use crate::fields::{check_name, check_span, invalid};
use crate::ids::{Millis, Name, OperatorId};
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn complete_contact(&mut self, command: &CompleteContact) -> Result<Reply, Refusal> {
        self.admit_operator(command.answer.operator, command.answer.epoch)?;
        if let Some(wrap_up) = command.wrap_up {
            check_span("wrap_up_ms", wrap_up)?;
        }
        if let Some(result) = &command.result {
            check_name("result.topic", &result.topic)?;
            check_name("result.outcome", &result.outcome)?;
        }
        let contact = self.answered_contact(&command.answer)?;
        let wrap_up = self.wrap_up_after(contact, command.wrap_up);
        match contact.state {
            State::Waiting(_) => Err(super::answer_offer::stale(contact)),
            State::Offered { .. } => Err(super::wrong_state(contact)),
            State::WrapUp { .. } => Ok(Reply::Done),
            State::Ended { .. } => super::answer_offer::ended_by_service(contact),
            State::Handling { operator, .. } => {
                self.judge_result(contact, command.result.as_ref())?;
                let onward = self.judge_step(contact, command.step)?;
                if command.result.is_some() {
                    let result = command.result.clone();
                    self.tables.change_contact(command.answer.contact.slot, |row| {
                        Arc::make_mut(&mut row.text).result = result;
                    });
                }
                self.finish_talk(command.answer.contact.slot, operator, wrap_up);
                if let Some(onward) = onward {
                    self.go_on(command.answer.contact.slot, operator, onward);
                }
                Ok(Reply::Done)
            }
        }
    }

    /// Whether the completion says what its queue wants to know (R1.4).
    fn judge_result(&self, contact: &Contact, result: Option<&ContactResult>) -> Result<(), Refusal> {
        let directory = &self.tables.directory;
        if !directory.asks_results {
            return Ok(());
        }
        let rule = directory.queue(contact.queue).rules.results.as_ref();
        // A consultation has no outcome of its own.
        let rule = rule.filter(|_| !is(Planted::ResultNotAsked) && !self.is_leg(contact.id.slot));
        let Some(rule) = rule else { return Ok(()) };
        let Some(result) = result else {
            return Err(invalid("result", "this queue asks for topic and outcome of what is completed"));
        };
        let allows = |list: &[Name], name| list.is_empty() || list.contains(name);
        if !allows(&rule.topics, &result.topic) {
            return Err(invalid("result.topic", "is none of the queue's topics"));
        }
        if !allows(&rule.outcomes, &result.outcome) {
            return Err(invalid("result.outcome", "is none of the queue's outcomes"));
        }
        Ok(())
    }

    pub(super) fn finish_talk(&mut self, slot: u32, operator: OperatorId, wrap_up: Millis) {
        if wrap_up.0 == 0 {
            self.end_contact(slot, EndReason::Completed(operator));
            return;
        }
        let (since, until) = (self.now, self.now + wrap_up);
        self.tables.change_contact(slot, |row| row.state = State::WrapUp { operator, since, until });
        let row = self.tables.contact(slot);
        let (contact, assignment) = (row.id, row.assignment);
        self.emit(Effect::StartWrapUp { contact, operator, assignment, until });
        self.end_legs_of(slot);
        if self.life_safety_waits() {
            self.freed.operators.insert(operator.slot);
        }
    }
}
