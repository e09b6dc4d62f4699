//! The customer is put on hold, or the talk goes on. Still handling: nobody else gets the contact.

use crate::command::HoldContact;
use crate::contact::State;
use crate::effect::{Effect, Reply};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn hold_contact(&mut self, command: &HoldContact) -> Result<Reply, Refusal> {
        let contact = self.answered_contact(&command.answer)?;
        match contact.state {
            State::Waiting(_) => Err(super::answer_offer::stale(contact)),
            State::Offered { .. } | State::WrapUp { .. } | State::Ended { .. } => {
                Err(super::wrong_state(contact))
            }
            State::Handling { .. } if contact.is_parked() => Err(super::wrong_state(contact)),
            State::Handling { on_hold: None, .. } if command.on && self.owes_reply(contact) => {
                Err(Refusal::WrongState { contact: contact.id, state: "unanswered".into() })
            }
            State::Handling { on_hold, .. } => {
                if on_hold.is_some() != command.on {
                    self.switch_hold(command);
                }
                Ok(Reply::Done)
            }
        }
    }

    fn switch_hold(&mut self, command: &HoldContact) {
        let on = command.on;
        let since_now = on.then_some(self.now);
        self.tables.change_contact(command.answer.contact.slot, |row| {
            if let State::Handling { on_hold, .. } = &mut row.state {
                *on_hold = since_now;
            }
        });
        let row = self.tables.contact(command.answer.contact.slot);
        let (contact, gateway, assignment) = (row.id, row.gateway, row.assignment);
        let operator = command.answer.operator;
        self.emit(Effect::HoldContact { contact, gateway, operator, assignment, on });
    }
}
