//! What a contact costs an operator, and how many an operator may have at once (R3.5).

use ringmain_routing::Name;

use super::Model;
use super::ladder::queue_of;
use super::state::{Contact, Operator};

/// What the operator's rules say for the channel, else the contact's own units.
pub(super) fn cost(operator: &Operator, contact: &Contact) -> u32 {
    let own = contact.channel().and_then(|channel| figure(&operator.rules.units, channel));
    own.unwrap_or(contact.units)
}

fn figure<T: Copy>(list: &[(Name, T)], name: &Name) -> Option<T> {
    list.iter().find(|(known, _)| known == name).map(|(_, figure)| *figure)
}

impl Model {
    pub(super) fn has_room(&self, operator: &Operator, contact: &Contact) -> bool {
        self.used_units(operator.id) + u64::from(cost(operator, contact)) <= u64::from(operator.capacity)
            && self.has_place(operator, contact)
            && self.is_not_reserved_from(operator, contact)
    }

    /// Fewer contacts of its channel and of its queue in hand than the operator may have at once.
    pub(super) fn has_place(&self, operator: &Operator, contact: &Contact) -> bool {
        let in_hand: Vec<&Contact> = self.contacts_of(operator.id).filter(|row| !row.is_parked()).collect();
        self.is_below_caps(operator, contact, &in_hand)
    }

    /// The same where only these are in hand.
    pub(super) fn is_below_caps(&self, operator: &Operator, contact: &Contact, in_hand: &[&Contact]) -> bool {
        let (by_channel, by_queue) = self.caps(operator, contact);
        let of_channel = in_hand.iter().filter(|row| row.channel() == contact.channel()).count();
        let of_queue = in_hand.iter().filter(|row| row.queue == contact.queue).count();
        by_channel.is_none_or(|most| of_channel < usize::from(most))
            && by_queue.is_none_or(|most| of_queue < usize::from(most))
    }

    /// With empty hands the operator would have room.
    pub(super) fn could_have_room(&self, operator: &Operator, contact: &Contact) -> bool {
        operator.capacity >= cost(operator, contact) && self.is_below_caps(operator, contact, &[])
    }

    /// The operator's cap for the channel; its cap for the queue, else the queue's own.
    fn caps(&self, operator: &Operator, contact: &Contact) -> (Option<u16>, Option<u16>) {
        let by_channel = contact.channel().and_then(|channel| figure(&operator.rules.caps, channel));
        let by_queue = figure(&operator.rules.queue_caps, &contact.queue);
        (by_channel, by_queue.or(queue_of(&self.plan, &contact.queue).rules.cap))
    }
}
