//! Whoever is urgent gets through: work is parked, wrap-ups end and offers go back for a contact that finds nobody
//! (R2.2, R3.5).

use ringmain_routing::effect::WithdrawReason;
use ringmain_routing::{ContactId, OperatorId};

use super::matching::key;
use super::room::cost;
use super::state::{Contact, ContactState, Operator};
use super::{Freed, Model};

/// How far an operator's hands are cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Clearing {
    Parking,
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
        let able = self.operators.iter().filter_map(|operator| {
            let (clearing, works) = self.clearing_for(operator, contact)?;
            Some((clearing, works.len(), operator.idle_since, operator.id, works))
        });
        if let Some((clearing, _, _, operator, works)) =
            able.min_by_key(|(clearing, count, idle_since, id, _)| (*clearing, *count, *idle_since, id.slot))
        {
            self.clear(operator, clearing, &works, freed);
            self.assign_cleared(id, operator);
        }
    }

    /// The operator takes the first contact for which its hands can be cleared; whether there was one.
    pub(super) fn clear_by_operator(&mut self, id: OperatorId, freed: &mut Freed) -> bool {
        let operator = &self.operators[id.slot as usize];
        let able = self.contacts.values().filter_map(|contact| {
            let may = self.is_life_safety_in_line(contact) || self.may_reach(operator, contact);
            let (clearing, works) = self.clearing_for(operator, contact).filter(|_| may)?;
            Some((key(contact, operator.rank(&contact.queue)), clearing, contact.id, works))
        });
        let Some((_, clearing, contact, works)) = able.min_by_key(|(key, ..)| *key) else { return false };
        self.clear(id, clearing, &works, freed);
        self.assign_cleared(contact, id);
        true
    }

    /// The least that makes room for the contact, where the operator may have it at all: how far, and which work goes.
    fn clearing_for(&self, operator: &Operator, contact: &Contact) -> Option<(Clearing, Vec<ContactId>)> {
        let may = contact.is_eligible()
            && contact.held_for.is_none_or(|(known, _)| known == operator.id)
            && operator.is_available()
            && self.fit_to_take(operator, contact).holds()
            && self.has_time_for(operator, contact)
            && self.is_not_reserved_from(operator, contact)
            && !self.is_excluded(operator, contact);
        if !may || self.format < 3 {
            return None;
        }
        let works = self.works_for(operator, contact);
        for count in 0..=works.len() {
            if self.makes_room(operator, contact, Clearing::Parking, &works[..count]) {
                return Some((Clearing::Parking, works[..count].to_vec()));
            }
        }
        let further = [Clearing::WrapUps, Clearing::WrapUpsAndOffers];
        let further = further.into_iter().filter(|_| self.is_life_safety_in_line(contact));
        let mut enough = further.filter(|clearing| self.makes_room(operator, contact, *clearing, &works));
        enough.next().map(|clearing| (clearing, works.clone()))
    }

    fn makes_room(
        &self,
        operator: &Operator,
        contact: &Contact,
        clearing: Clearing,
        works: &[ContactId],
    ) -> bool {
        let stays = |row: &&Contact| match row.state {
            ContactState::WrapUp { .. } => clearing == Clearing::Parking,
            ContactState::Offered { .. } => row.tier == 0 || clearing != Clearing::WrapUpsAndOffers,
            ContactState::Handling { .. } => !row.is_parked() && !works.contains(&row.id),
            ContactState::Waiting | ContactState::Ended { .. } => true,
        };
        let staying: Vec<&Contact> = self.contacts_of(operator.id).filter(stays).collect();
        let kept = operator.wrap_ups.iter().filter(|_| clearing == Clearing::Parking);
        let units: u64 = staying.iter().map(|row| u64::from(row.taken)).sum::<u64>()
            + kept.map(|kept| u64::from(kept.units)).sum::<u64>();
        units + u64::from(cost(operator, contact)) <= u64::from(operator.capacity)
            && self.is_below_caps(operator, contact, &staying)
    }

    fn clear(&mut self, operator: OperatorId, clearing: Clearing, works: &[ContactId], freed: &mut Freed) {
        for &work in works {
            freed.join(self.interrupt(work, operator));
        }
        if clearing != Clearing::Parking {
            self.clear_wrap_ups(operator);
        }
        if clearing == Clearing::WrapUpsAndOffers {
            self.clear_offers(operator, freed);
        }
        freed.join(Freed::operator(operator));
    }

    fn clear_wrap_ups(&mut self, operator: OperatorId) {
        let in_hand: Vec<ContactId> = self.contacts_of(operator).map(|contact| contact.id).collect();
        for id in in_hand {
            if let ContactState::WrapUp { .. } = self.contact_row(id).state {
                self.finish(id, operator);
            }
        }
        self.end_wrap_ups(operator, |_| true);
    }

    fn clear_offers(&mut self, operator: OperatorId, freed: &mut Freed) {
        let is_offer = |row: &&Contact| row.tier > 0 && matches!(row.state, ContactState::Offered { .. });
        let offers: Vec<ContactId> = self.contacts_of(operator).filter(is_offer).map(|row| row.id).collect();
        for id in offers {
            if self.contact_row(id).is_leg_to_operator() {
                freed.join(self.end_leg(id));
            } else {
                self.withdraw(id, operator, WithdrawReason::LifeSafety);
                self.requeue(id, operator);
                freed.join(Freed::queued(id));
            }
        }
    }
}
