//! Lead assigns (R3.7): a lead of the queue, or a supervisor, hands a waiting contact out. It waits for that operator
//! alone for a while, then again as its queue says.

use crate::command::AssignContact;
use crate::contact::{Contact, State, Wait};
use crate::effect::Reply;
use crate::fields::{check_name, invalid};
use crate::ids::{ContactId, Millis, Name, OperatorId};
use crate::limits::HAND_OUT_HOLD_MS_MAX;
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn assign_contact(&mut self, command: &AssignContact) -> Result<Reply, Refusal> {
        self.admit_operator(command.operator, command.epoch)?;
        check_hand_out(&command.to, command.hold)?;
        let contact = self.known_contact(command.contact)?;
        let queue = self.tables.directory.queue(contact.queue);
        let lead = &self.tables.operator(command.operator.slot).login;
        if !queue.rules.leads.contains(lead) && !is(Planted::AnybodyHandsOut) {
            return Err(Refusal::NotALead(queue.name.clone()));
        }
        if self.judge_hand_out(command.contact, &command.to)? {
            self.hand_out(command.contact, &command.to, command.hold);
        }
        Ok(Reply::Done)
    }

    /// Whether a contact can be handed out to somebody; `false` where that one has it or waits for it already.
    pub(crate) fn judge_hand_out(&self, contact: ContactId, to: &Name) -> Result<bool, Refusal> {
        let contact = self.known_contact(contact)?;
        let operator = self.tables.find_login(to).ok_or_else(|| Refusal::UnknownOperator(to.clone()))?;
        match contact.state {
            State::Waiting(Wait::Held { operator: held_for, .. }) if held_for == operator => Ok(false),
            State::Waiting(Wait::InLine | Wait::Held { .. }) if self.may_be_kept_for(contact, operator) => {
                Ok(true)
            }
            State::Waiting(Wait::InLine | Wait::Held { .. }) => Err(Refusal::OperatorUnavailable(to.clone())),
            State::Waiting(Wait::Later | Wait::ForCustomer)
            | State::Offered { .. }
            | State::Handling { .. }
            | State::WrapUp { .. }
            | State::Ended { .. }
                if contact.operator() == Some(operator) =>
            {
                Ok(false)
            }
            State::Waiting(Wait::Later | Wait::ForCustomer)
            | State::Offered { .. }
            | State::Handling { .. }
            | State::WrapUp { .. }
            | State::Ended { .. } => Err(super::wrong_state(contact)),
        }
    }

    /// The operator is there, fits, and could serve the contact, the present load aside. Nobody is asked by itself.
    pub(super) fn may_be_kept_for(&self, contact: &Contact, operator: OperatorId) -> bool {
        let row = self.tables.operator(operator.slot);
        let asks = self.legs.find(contact.id.slot).is_some_and(|leg| leg.asker == operator);
        !asks
            && row.is_available()
            && row.could_ever_take(contact, contact.queue)
            && self.fits_now(row, contact)
    }

    /// Carries out what was judged to be possible.
    pub(crate) fn hand_out(&mut self, contact: ContactId, to: &Name, hold: Millis) {
        let Some(operator) = self.tables.find_login(to) else { return };
        let until = self.now + hold;
        self.tables.change_contact(contact.slot, |row| {
            row.state = State::Waiting(Wait::Held { operator, until });
        });
        self.tables.change_exclusions(operator.slot, |exclusions| {
            exclusions.retain(|entry| entry.contact != contact);
        });
        self.freed.contacts.insert(contact.slot);
    }
}

/// The bounds of a hand-out.
pub(crate) fn check_hand_out(to: &Name, hold: Millis) -> Result<(), Refusal> {
    check_name("to", to)?;
    if hold.0 == 0 || hold.0 > HAND_OUT_HOLD_MS_MAX {
        return Err(invalid("hold_ms", "1 to 86400000 ms, which is a day"));
    }
    Ok(())
}
