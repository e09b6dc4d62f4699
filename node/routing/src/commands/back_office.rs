//! The operator hands the customer's matter to the back office (R1.3): the talk is over, and a case opens that is
//! related to it.

use crate::command::TransferContact;
use crate::contact::{Contact, State};
use crate::effect::Reply;
use crate::fields::invalid;
use crate::ids::{ChannelId, Name};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(super) fn hand_to_back_office(
        &mut self,
        command: &TransferContact,
        (route, channel): (&Name, &Name),
        reply_by: Option<&Name>,
    ) -> Result<Reply, Refusal> {
        let contact = self.known_contact(command.answer.contact)?;
        match contact.state {
            State::Waiting(_) => Err(super::answer_offer::stale(contact)),
            State::WrapUp { .. } | State::Ended { .. } if was_handed_over(contact) => Ok(Reply::Done),
            State::Offered { .. } | State::WrapUp { .. } | State::Ended { .. } => {
                Err(super::wrong_state(contact))
            }
            State::Handling { operator, .. } => {
                self.check_no_leg(contact)?;
                let channel = self.judge_hand_over(contact, route, channel)?;
                let (slot, wrap_up) = (contact.id.slot, self.wrap_up_after(contact, command.wrap_up));
                self.totals_of(slot).transferred += 1;
                self.finish_talk(slot, operator, wrap_up);
                self.open_related_case(slot, route, channel, reply_by);
                Ok(Reply::Done)
            }
        }
    }

    fn judge_hand_over(&self, contact: &Contact, route: &Name, channel: &Name) -> Result<ChannelId, Refusal> {
        let directory = &self.tables.directory;
        directory.find_route(route)?;
        let channel = directory.find_channel(channel)?.0;
        if contact.case.is_some() {
            return Err(invalid("to.route", "the contact is a stage of a case already; complete it"));
        }
        self.check_cases()?;
        Ok(channel)
    }
}

/// Whether the contact ended its handling in this very way. A contact that was passed on and then served is not
/// marked as passed any more.
fn was_handed_over(contact: &Contact) -> bool {
    contact.passed
        && match contact.state {
            State::WrapUp { .. } => true,
            State::Ended { .. } => super::answer_offer::ended_by_service(contact).is_ok(),
            State::Waiting(_) | State::Offered { .. } | State::Handling { .. } => false,
        }
}
