//! Reservations (R3.5): who has waited in line for as long as its queue says, and finds nobody with room, has an operator
//! who takes nothing behind it any more, until it is served or gone.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::contact::{Contact, State, Wait};
use crate::ids::{ContactId, OperatorId, Timestamp};
use crate::limits::{RESERVATIONS_LOOKED_AT_MAX, RESERVATIONS_MAX};
use crate::operator::Operator;
use crate::order::RankedKey;
use crate::planted::{Planted, is};
use crate::router::Router;
use crate::tables::Tables;

/// Which operator is reserved for which contact: one each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reservations {
    by_operator: BTreeMap<u32, (OperatorId, ContactId)>,
    by_contact: BTreeMap<u32, u32>,
}

impl Reservations {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_operator.is_empty()
    }

    /// For whom the operator is reserved.
    pub(crate) fn of_operator(&self, slot: u32) -> Option<ContactId> {
        self.by_operator.get(&slot).map(|entry| entry.1)
    }

    /// Who is reserved for the contact.
    pub(crate) fn of_contact(&self, slot: u32) -> Option<OperatorId> {
        self.by_operator.get(self.by_contact.get(&slot)?).map(|entry| entry.0)
    }

    fn add(&mut self, operator: OperatorId, contact: ContactId) {
        self.by_operator.insert(operator.slot, (operator, contact));
        self.by_contact.insert(contact.slot, operator.slot);
    }

    fn remove(&mut self, operator: u32) {
        if let Some((_, contact)) = self.by_operator.remove(&operator) {
            self.by_contact.remove(&contact.slot);
        }
    }

    /// All of them, by operator.
    pub(crate) fn to_stored(&self) -> Vec<(OperatorId, ContactId)> {
        self.by_operator.values().copied().collect()
    }

    pub(crate) fn from_stored(stored: Vec<(OperatorId, ContactId)>) -> Reservations {
        let mut reservations = Reservations::default();
        stored.into_iter().for_each(|(operator, contact)| reservations.add(operator, contact));
        reservations
    }
}

/// Contacts in line that ask for a reservation, and from when on; those of queues with the rule alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asking {
    order: BTreeSet<(Timestamp, u32)>,
    since: BTreeMap<u32, Timestamp>,
}

impl Asking {
    /// The contact asks from then on, or not at all.
    fn set(&mut self, slot: u32, at: Option<Timestamp>) {
        if let Some(before) = self.since.remove(&slot) {
            self.order.remove(&(before, slot));
        }
        if let Some(at) = at {
            self.since.insert(slot, at);
            self.order.insert((at, slot));
        }
    }

    /// Whether somebody asks by now.
    fn has_any(&self, now: Timestamp) -> bool {
        self.order.first().is_some_and(|first| first.0 <= now)
    }

    fn asks(&self, slot: u32, now: Timestamp) -> bool {
        self.since.get(&slot).is_some_and(|&at| at <= now)
    }

    /// When somebody begins to ask, after now.
    pub(crate) fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        self.order.range((Timestamp(now.0 + 1), 0)..).next().map(|first| first.0)
    }
}

impl Tables {
    /// A contact came into line or left it.
    pub(crate) fn follow_asking(&mut self, slot: u32, is_in_line: bool) {
        let row = self.contact(slot);
        let after = self.directory.rule(row.queue).reserve_after.filter(|_| is_in_line);
        let at = after.map(|after| row.enqueued_at + after);
        if at.is_some() || !self.ix.asking.since.is_empty() {
            self.ix.asking.set(slot, at);
        }
    }

    /// Everybody in line, under another plan or in a state that was read.
    pub(crate) fn derive_asking(&mut self) {
        self.ix.asking = Asking::default();
        if !self.directory.reserves() {
            return;
        }
        for class in self.class_ids() {
            let line: Vec<u32> = self.ix.classes.at(class).line.iter().map(|key| key.slot).collect();
            line.into_iter().for_each(|slot| self.follow_asking(slot, true));
        }
    }
}

impl Router {
    /// After an event has been matched: ends what is over, then looks for operators for those who ask. `true` where
    /// somebody is free to take other work now.
    pub(crate) fn follow_reservations(&mut self) -> bool {
        if self.reservations.is_empty() && !self.tables.ix.asking.has_any(self.now) {
            return false;
        }
        let is_over =
            |&(operator, contact): &(OperatorId, ContactId)| !self.may_stay_reserved(operator, contact);
        let over: Vec<_> = self.reservations.to_stored().into_iter().filter(is_over).collect();
        for (operator, _) in &over {
            self.reservations.remove(operator.slot);
            self.freed.operators.insert(operator.slot);
        }
        if over.is_empty() {
            self.reserve_for_those_who_ask();
        }
        !over.is_empty()
    }

    fn reserve_for_those_who_ask(&mut self) {
        let reservations = &self.reservations;
        let asking = self.tables.ix.asking.order.range(..=(self.now, u32::MAX)).map(|entry| entry.1);
        let without = asking.filter(|&slot| reservations.of_contact(slot).is_none());
        let first: Vec<u32> = without.take(RESERVATIONS_LOOKED_AT_MAX).collect();
        for slot in first {
            if self.reservations.by_operator.len() >= RESERVATIONS_MAX || is(Planted::NobodyReserved) {
                return;
            }
            let contact = self.tables.contact(slot);
            if let Some(operator) = self.operator_to_reserve(contact) {
                let (operator, contact) = (self.tables.operator(operator).id, contact.id);
                self.reservations.add(operator, contact);
            }
        }
    }

    /// The least loaded of those who fit, however full they are.
    fn operator_to_reserve(&self, contact: &Contact) -> Option<u32> {
        let class = self.tables.ix.classes.at(self.tables.ix.classes.find(contact)?);
        let rule = self.tables.directory.rule(contact.queue);
        let fitting = &class.reach[rule.step_of(contact.order(), self.now)];
        let available = fitting.iter().flat_map(|profile| self.tables.ix.profiles.available(profile));
        let operators = available.map(|idle| (self.tables.operator(idle.1), idle));
        let free = operators.filter(|(operator, _)| {
            self.reservations.of_operator(operator.id.slot).is_none() && self.may_reserve(operator, contact)
        });
        free.map(|(operator, idle)| (operator.load(), idle)).min().map(|first| first.1.1)
    }

    /// Whether the operator would serve the contact with empty hands; its profile is known to fit.
    fn may_reserve(&self, operator: &Operator, contact: &Contact) -> bool {
        let rule = self.tables.directory.rule(contact.queue);
        operator.could_ever_take(contact, contact.queue)
            && rule.cap != Some(0)
            && !self.is_kept_from(operator, contact.queue, contact.tier)
            && !self.is_excluded(operator, contact)
    }

    fn may_stay_reserved(&self, operator: OperatorId, contact: ContactId) -> bool {
        let operator = self.tables.operators.get(operator.slot, operator.generation);
        let contact = self.tables.contacts.get(contact.slot, contact.generation);
        let (Some(operator), Some(contact)) = (operator, contact) else { return false };
        let fits_at_step = || {
            let class = self.tables.ix.classes.find(contact).map(|class| self.tables.ix.classes.at(class));
            let step = self.tables.directory.rule(contact.queue).step_of(contact.order(), self.now);
            class.is_some_and(|class| class.reach[step].has(operator.profile))
        };
        let still_asks = is_in_line(contact) && self.tables.ix.asking.asks(contact.id.slot, self.now);
        still_asks && operator.is_available() && fits_at_step() && self.may_reserve(operator, contact)
    }

    /// The key, for the operator, of the contact for which it is reserved.
    pub(crate) fn reserved_key(&self, operator: &Operator) -> Option<RankedKey> {
        if self.reservations.is_empty() {
            return None;
        }
        let id = self.reservations.of_operator(operator.id.slot)?;
        let contact = self.tables.contacts.get(id.slot, id.generation).filter(|row| is_in_line(row))?;
        Some(contact.order().ranked(self.tables.directory.rank(&operator.profile_key, contact.queue)))
    }

    /// Whether the operator is reserved for somebody who goes before the contact. Urgent ones pass, and those who take
    /// nothing of its room.
    pub(crate) fn is_reserved_from(&self, operator: &Operator, contact: &Contact) -> bool {
        self.reserved_key(operator).is_some_and(|before| {
            let key =
                contact.order().ranked(self.tables.directory.rank(&operator.profile_key, contact.queue));
            contact.tier > 1 && operator.cost_of(contact) > 0 && key > before
        })
    }
}

fn is_in_line(contact: &Contact) -> bool {
    matches!(contact.state, State::Waiting(Wait::InLine))
}
