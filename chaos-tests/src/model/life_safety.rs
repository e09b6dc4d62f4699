//! Life safety gets through: wrap-ups end and offers go back for a contact of tier 0 that finds nobody (R2.2).

use ringmain_routing::effect::WithdrawReason;
use ringmain_routing::{ContactId, OperatorId};

use super::matching::key;
use super::room::cost;
use super::state::{Contact, ContactState, Operator};
use super::{Freed, Model};

/// What must go from an operator's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Clearing {
    WrapUps,
    WrapUpsAndOffers,
}

impl Model {
    /// Contacts of tier 0 in line, for which hands may be cleared.
    pub(super) fn is_life_safety_in_line(&self, contact: &Contact) -> bool {
        self.format >= 3 && contact.tier == 0 && contact.is_eligible() && contact.held_for.is_none()
    }

    /// Whoever can be cleared for the contact takes it, if it found nobody.
    pub(super) fn clear_for_contact(&mut self, id: ContactId, freed: &mut Freed) {
        let contact = self.contact_row(id);
        if !self.is_life_safety_in_line(contact) {
            return;
        }
        let able = self.operators.iter().filter_map(|operator| {
            let clearing = self.clearing_for(operator, contact)?;
            Some((clearing, operator.idle_since, operator.id))
        });
        if let Some((clearing, _, operator)) =
            able.min_by_key(|(clearing, idle_since, id)| (*clearing, *idle_since, id.slot))
        {
            self.clear(operator, clearing, freed);
            self.assign_cleared(id, operator);
        }
    }

    /// The operator takes the first contact of tier 0 for which its hands can be cleared; whether there was one.
    pub(super) fn clear_by_operator(&mut self, id: OperatorId, freed: &mut Freed) -> bool {
        let operator = &self.operators[id.slot as usize];
        let in_line = self.contacts.values().filter(|contact| self.is_life_safety_in_line(contact));
        let able = in_line.filter_map(|contact| {
            let clearing = self.clearing_for(operator, contact)?;
            Some((key(contact, operator.rank(&contact.queue)), clearing, contact.id))
        });
        let Some((_, clearing, contact)) = able.min_by_key(|(key, _, _)| *key) else { return false };
        self.clear(id, clearing, freed);
        self.assign_cleared(contact, id);
        true
    }

    /// The least that makes room for the contact, where the operator may have it at all.
    fn clearing_for(&self, operator: &Operator, contact: &Contact) -> Option<Clearing> {
        let may = operator.is_available()
            && self.is_qualified(operator, contact)
            && !self.is_excluded(operator, contact);
        let enough = |clearing: &Clearing| self.makes_room(operator, contact, *clearing);
        [Clearing::WrapUps, Clearing::WrapUpsAndOffers].into_iter().find(|clearing| may && enough(clearing))
    }

    fn makes_room(&self, operator: &Operator, contact: &Contact, clearing: Clearing) -> bool {
        let stays = |row: &&Contact| match row.state {
            ContactState::WrapUp { .. } => false,
            ContactState::Offered { .. } => row.tier == 0 || clearing == Clearing::WrapUps,
            ContactState::Waiting | ContactState::Handling { .. } | ContactState::Ended { .. } => true,
        };
        let staying: Vec<&Contact> = self.contacts_of(operator.id).filter(stays).collect();
        let units: u64 = staying.iter().map(|row| u64::from(row.taken)).sum();
        units + u64::from(cost(operator, contact)) <= u64::from(operator.capacity)
            && self.is_below_caps(operator, contact, &staying)
    }

    fn clear(&mut self, operator: OperatorId, clearing: Clearing, freed: &mut Freed) {
        let in_hand: Vec<ContactId> = self.contacts_of(operator).map(|contact| contact.id).collect();
        for &id in &in_hand {
            if let ContactState::WrapUp { .. } = self.contact_row(id).state {
                self.finish(id, operator);
            }
        }
        self.end_wrap_ups(operator, |_| true);
        if clearing == Clearing::WrapUpsAndOffers {
            for id in in_hand {
                let is_offer = self
                    .contact(id)
                    .is_some_and(|row| row.tier > 0 && matches!(row.state, ContactState::Offered { .. }));
                if is_offer && self.contact_row(id).is_leg_to_operator() {
                    freed.join(self.end_leg(id));
                } else if is_offer {
                    self.withdraw(id, operator, WithdrawReason::LifeSafety);
                    self.requeue(id, operator);
                    freed.join(Freed::queued(id));
                }
            }
        }
        freed.join(Freed::operator(operator));
    }
}
