//! The customer has gone.

use crate::command::AbandonContact;
use crate::contact::State;
use crate::effect::{EndReason, Reply};
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn abandon_contact(&mut self, command: &AbandonContact) -> Result<Reply, Refusal> {
        self.admit_gateway(command.gateway, command.epoch)?;
        let contact = self.own_contact(command.contact, command.gateway)?;
        match contact.state {
            State::Ended { .. } if !is(Planted::EndedTwice) => Ok(Reply::Done),
            State::Handling { .. } | State::WrapUp { .. } => Err(super::wrong_state(contact)),
            State::Waiting(_) | State::Offered { .. } | State::Ended { .. } => {
                let (left, is_leg) = (contact.clone(), self.is_leg(command.contact.slot));
                self.end_contact(command.contact.slot, EndReason::Abandoned);
                if left.case.is_none() && !is_leg {
                    self.remember_redialer(&left);
                }
                Ok(Reply::Done)
            }
        }
    }
}
