//! Operators kept for whoever has waited for too long to find room (R3.5).

use ringmain_routing::limits::{RESERVATIONS_LOOKED_AT_MAX, RESERVATIONS_MAX};
use ringmain_routing::{ContactId, OperatorId, Timestamp};

use super::choice::load;
use super::ladder::queue_of;
use super::matching::key;
use super::room::cost;
use super::state::{Contact, Operator};
use super::{Freed, Model};

impl Model {
    /// The operator that is kept for the contact.
    #[must_use]
    pub fn reserved_for(&self, contact: ContactId) -> Option<OperatorId> {
        self.reservations.iter().find(|(known, _)| *known == contact).map(|(_, operator)| *operator)
    }

    /// When the contact, which stands in line, began or begins to ask.
    fn asks_from(&self, contact: &Contact) -> Option<Timestamp> {
        let after = queue_of(&self.plan, &contact.queue).rules.reserve_after?;
        let is_in_line = contact.is_eligible() && contact.held_for.is_none();
        is_in_line.then(|| contact.enqueued_at + after)
    }

    /// When somebody in line begins to ask next.
    pub(super) fn next_asking(&self) -> Option<Timestamp> {
        let moments = self.contacts.values().filter_map(|contact| self.asks_from(contact));
        moments.filter(|at| *at > self.now).min()
    }

    /// An event has been matched to the end: reservations that are over end, and others begin.
    pub(super) fn look_at_reservations(&mut self) {
        loop {
            let (going_on, over): (Vec<_>, Vec<_>) = self
                .reservations
                .iter()
                .partition(|(contact, operator)| self.is_kept_up(*contact, *operator));
            if over.is_empty() {
                break;
            }
            self.reservations = going_on;
            let operators = over.into_iter().map(|(_, operator)| operator).collect();
            self.settle(Freed { operators, ..Freed::default() });
        }
        let mut asking: Vec<(Timestamp, ContactId)> = Vec::new();
        for contact in self.contacts.values() {
            let began = self.asks_from(contact).filter(|at| *at <= self.now);
            let has_one = self.reserved_for(contact.id).is_some();
            asking.extend(began.filter(|_| !has_one).map(|at| (at, contact.id)));
        }
        asking.sort_unstable();
        for (_, id) in asking.into_iter().take(RESERVATIONS_LOOKED_AT_MAX) {
            let chosen = self.chosen_to_be_reserved(id);
            let chosen = chosen.filter(|_| self.reservations.len() < RESERVATIONS_MAX);
            self.reservations.extend(chosen.map(|operator| (id, operator)));
        }
    }

    fn chosen_to_be_reserved(&self, id: ContactId) -> Option<OperatorId> {
        let contact = self.contact_row(id);
        let is_free = |row: &&Operator| !self.reservations.iter().any(|(_, known)| *known == row.id);
        let able = self.operators.iter().filter(is_free).filter(|row| self.may_be_reserved(row, contact));
        able.min_by_key(|row| (load(self.used_units(row.id), row.capacity), row.idle_since, row.id.slot))
            .map(|row| row.id)
    }

    fn may_be_reserved(&self, operator: &Operator, contact: &Contact) -> bool {
        operator.is_available()
            && self.is_qualified(operator, contact)
            && !self.is_excluded(operator, contact)
            && self.has_time_for(operator, contact)
            && self.could_have_room(operator, contact)
    }

    fn is_kept_up(&self, contact: ContactId, operator: OperatorId) -> bool {
        let Some(contact) = self.contacts.get(&contact.slot).filter(|row| row.id == contact) else {
            return false;
        };
        let asks = self.asks_from(contact).is_some_and(|at| at <= self.now);
        asks && self.may_be_reserved(&self.operators[operator.slot as usize], contact)
    }

    /// The operator is kept for nobody who stands before this contact, or the contact passes all the same.
    pub(super) fn is_not_reserved_from(&self, operator: &Operator, contact: &Contact) -> bool {
        let is_kept = contact.held_for.is_some_and(|(known, _)| known == operator.id);
        contact.tier <= 1 || is_kept || cost(operator, contact) == 0 || self.is_its_turn(operator, contact)
    }

    /// Whoever the operator is kept for stands behind this contact, or no longer in line.
    pub(super) fn is_its_turn(&self, operator: &Operator, contact: &Contact) -> bool {
        let first = self.reservations.iter().find(|(_, known)| *known == operator.id);
        let first = first.and_then(|(id, _)| self.contacts.get(&id.slot).filter(|row| row.id == *id));
        let first = first.filter(|row| row.is_eligible() && row.held_for.is_none());
        let place = |row: &Contact| key(row, operator.rank(&row.queue));
        first.is_none_or(|first| place(contact) <= place(first))
    }
}
