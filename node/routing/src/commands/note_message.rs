//! Customer or operator has written (R1.4). The gateway's count makes a repeat harmless.

use crate::command::NoteMessage;
use crate::contact::State;
use crate::effect::Reply;
use crate::fields::invalid;
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn take_message(&mut self, command: &NoteMessage) -> Result<Reply, Refusal> {
        self.admit_gateway(command.gateway, command.epoch)?;
        if command.number == 0 {
            return Err(invalid("number", "messages of a contact are counted from 1"));
        }
        let contact = self.own_contact(command.contact, command.gateway)?;
        if self.is_leg(contact.id.slot) {
            return Err(invalid("contact", "a consultation has no customer who writes"));
        }
        let noted = self.tables.threads.of(contact.id.slot).map_or(0, |thread| thread.number);
        if command.number <= noted && !is(Planted::MessageNotedAgain) {
            return Ok(Reply::Done);
        }
        match contact.state {
            State::WrapUp { .. } | State::Ended { .. } => Err(super::wrong_state(contact)),
            State::Waiting(_) | State::Offered { .. } | State::Handling { .. } => {
                self.note_message(command.contact, command.number, command.by);
                Ok(Reply::Done)
            }
        }
    }
}
