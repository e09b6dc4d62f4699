//! One command, one file: each reads as the rule it carries out. A refused command has changed nothing, so every
//! check stands before the first change.

mod abandon_contact;
mod act;
mod answer_offer;
mod apply_plan;
mod ask_for_break;
mod assign_contact;
mod back_office;
mod begin_enquiry;
mod close_enquiry;
mod close_session;
mod complete_contact;
mod consult;
mod deflect_contact;
pub(crate) mod enqueue_contact;
mod hand_over;
mod hold_contact;
mod invite_companion;
mod lose_session;
mod move_contacts;
mod node_lost;
mod note_message;
mod open_session;
mod plan_rules;
mod put_operators;
mod related;
mod request_person;
mod routes;
mod set_presence;
mod stages;
mod supervise;
mod take_next;
mod terms;
mod transfer_contact;
mod update_contact;
mod wrap_up;

use crate::contact::Contact;
use crate::ids::{ContactId, Epoch, GatewayId, OperatorId};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn admit_gateway(&self, id: GatewayId, epoch: Epoch) -> Result<(), Refusal> {
        let gateway = self.tables.gateways.get(id.slot, id.generation).ok_or(Refusal::UnknownParty)?;
        gateway.session.admit(epoch)
    }

    pub(crate) fn admit_operator(&self, id: OperatorId, epoch: Epoch) -> Result<(), Refusal> {
        let operator = self.tables.operators.get(id.slot, id.generation).ok_or(Refusal::UnknownParty)?;
        operator.session.admit(epoch)
    }

    pub(crate) fn known_contact(&self, id: ContactId) -> Result<&Contact, Refusal> {
        self.tables.contacts.get(id.slot, id.generation).ok_or(Refusal::UnknownContact(id))
    }

    /// The contact, if this gateway brought it.
    pub(crate) fn own_contact(&self, id: ContactId, gateway: GatewayId) -> Result<&Contact, Refusal> {
        let contact = self.known_contact(id)?;
        if contact.gateway == gateway { Ok(contact) } else { Err(Refusal::ForeignContact(id)) }
    }
}

/// The refusal of a command that the contact's state does not allow.
fn wrong_state(contact: &Contact) -> Refusal {
    Refusal::WrongState { contact: contact.id, state: contact.state_name().into() }
}
