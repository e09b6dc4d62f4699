//! The customer takes what was offered while it waited (R3.3).

use crate::command::DeflectContact;
use crate::contact::State;
use crate::effect::{EndReason, Reply};
use crate::fields::invalid;
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn deflect_contact(&mut self, command: &DeflectContact) -> Result<Reply, Refusal> {
        self.admit_gateway(command.gateway, command.epoch)?;
        let contact = self.own_contact(command.contact, command.gateway)?;
        let (slot, reason) = (contact.id.slot, EndReason::Deflected(command.to));
        match contact.state {
            State::Ended { reason: was, .. } if was == reason => Ok(Reply::Done),
            State::Handling { .. } | State::WrapUp { .. } | State::Ended { .. } => {
                Err(super::wrong_state(contact))
            }
            State::Waiting(_) | State::Offered { .. } => {
                let mark = self.tables.waits.mark(slot);
                let was_offered = mark.is_some_and(|mark| mark.offered.contains(&command.to));
                if !was_offered && !is(Planted::DeflectedUnasked) {
                    return Err(invalid("to", "this was not offered to the contact"));
                }
                self.end_contact(slot, reason);
                Ok(Reply::Done)
            }
        }
    }
}
