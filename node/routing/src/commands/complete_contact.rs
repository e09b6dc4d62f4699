//! The talk is over (R3.6): wrap-up if there is one, else the end.

use crate::command::CompleteContact;
use crate::contact::State;
use crate::directory::check_span;
use crate::effect::{Effect, EndReason, Reply};
use crate::ids::{Millis, OperatorId};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn complete_contact(&mut self, command: &CompleteContact) -> Result<Reply, Refusal> {
        self.admit_operator(command.answer.operator, command.answer.epoch)?;
        if let Some(wrap_up) = command.wrap_up {
            check_span("wrap_up_ms", wrap_up)?;
        }
        let contact = self.answered_contact(&command.answer)?;
        let wrap_up = self.wrap_up_after(contact, command.wrap_up);
        match contact.state {
            State::Waiting(_) => Err(super::answer_offer::stale(contact)),
            State::Offered { .. } => Err(super::wrong_state(contact)),
            State::WrapUp { .. } => Ok(Reply::Done),
            State::Ended { .. } => super::answer_offer::ended_by_service(contact),
            State::Handling { operator, .. } => {
                let onward = self.judge_step(contact, command.step)?;
                self.finish_talk(command.answer.contact.slot, operator, wrap_up);
                if let Some(onward) = onward {
                    self.go_on(command.answer.contact.slot, operator, onward);
                }
                Ok(Reply::Done)
            }
        }
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
        if self.life_safety_waits() {
            self.freed.operators.insert(operator.slot);
        }
    }
}
