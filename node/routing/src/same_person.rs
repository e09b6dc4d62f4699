//! The same person (R3.4): who is waited for before others, in this order: the owner of the case, who handled the case
//! in this queue first, who served the customer last, whom the gateway names. And what is remembered for it.

use crate::contact::Contact;
use crate::entry::customer_hash;
use crate::ids::{Millis, Name, OperatorId, QueueId, Timestamp, hash_parts};
use crate::limits::ACQUAINTANCES_MAX;
use crate::memory::Acquaintance;
use crate::planted::{Planted, is};
use crate::router::Router;
use crate::rules::Remember;

impl Router {
    /// Whom a contact that has just become eligible is kept for, and until when. Nobody who was assigned once is waited
    /// for again, and life safety waits for nobody.
    pub(crate) fn somebody_to_wait_for(&self, contact: &Contact) -> Option<(OperatorId, Timestamp)> {
        if contact.holder.is_some() {
            return None;
        }
        self.kept_for(contact)
    }

    /// Whom a contact is kept for that people can take from now on, whoever had it before.
    pub(crate) fn kept_for(&self, contact: &Contact) -> Option<(OperatorId, Timestamp)> {
        if contact.tier == 0 && !is(Planted::LifeSafetyHeld) {
            return None;
        }
        let rule = self.tables.directory.queue(contact.queue).rules.same_person;
        let by_rule = || {
            let owner =
                rule.owner.and_then(|hold| Some((self.present(self.owner_of(contact)?, contact)?, hold)));
            owner
                .or_else(|| {
                    let first = self.find_acquaintance(self.first_handler_hash(contact)?)?;
                    Some((self.present(first, contact)?, rule.first_handler?))
                })
                .or_else(|| {
                    let last = self.find_acquaintance(last_operator_hash(contact)?)?;
                    Some((self.at_work(last, contact)?, rule.last_operator?))
                })
        };
        let (operator, hold) = by_rule().or_else(|| self.preferred(contact))?;
        Some((operator, self.now + hold))
    }

    fn preferred(&self, contact: &Contact) -> Option<(OperatorId, Millis)> {
        let (login, hold) = contact.text.preferred.as_ref().filter(|(_, hold)| hold.0 > 0)?;
        Some((self.at_work(self.tables.find_login(login)?, contact)?, *hold))
    }

    fn owner_of(&self, contact: &Contact) -> Option<OperatorId> {
        let remembered = || self.find_acquaintance(self.owner_hash(contact)?);
        remembered().or_else(|| self.tables.find_login(contact.text.owner.as_ref()?))
    }

    fn find_acquaintance(&self, key: u128) -> Option<OperatorId> {
        self.acquaintances.find(key, self.now).map(|known| known.operator)
    }

    fn at_work(&self, operator: OperatorId, contact: &Contact) -> Option<OperatorId> {
        let row = self.tables.operators.get(operator.slot, operator.generation)?;
        (row.is_available() && self.fits_now(row, contact)).then_some(operator)
    }

    /// The operator, or who stands in: deputies in their order, then the head of the operator's unit or of one above.
    fn present(&self, operator: OperatorId, contact: &Contact) -> Option<OperatorId> {
        if let Some(present) = self.at_work(operator, contact) {
            return Some(present);
        }
        if is(Planted::DeputyForgotten) {
            return None;
        }
        let row = self.tables.operators.get(operator.slot, operator.generation)?;
        let called = |login: &Name| self.at_work(self.tables.find_login(login)?, contact);
        let deputy = row.deputies.iter().find_map(called);
        deputy.or_else(|| {
            let directory = &self.tables.directory;
            let units = core::iter::successors(row.profile_key.unit, |unit| {
                directory.parents.get(unit.0 as usize).copied().flatten()
            });
            units
                .filter_map(|unit| directory.plan.units[unit.0 as usize].rules.head.as_ref())
                .find_map(called)
        })
    }

    /// An operator is connected to the contact: who served whom is remembered as long as the plan says.
    pub(crate) fn remember_service(&mut self, slot: u32, operator: OperatorId) {
        let remember = self.plan().rules.remember;
        if remember == Remember::default()
            || self.is_leg(slot)
            || self.tables.operator(operator.slot).profile_key.bot
        {
            return;
        }
        let contact = self.tables.contact(slot);
        let owns = contact.transfers > 0 && self.tables.directory.queue(contact.queue).rules.hard;
        let (last, first) = (last_operator_hash(contact), self.first_handler_hash(contact));
        let owner = self.owner_hash(contact).filter(|_| owns);
        if let (Some(span), Some(key)) = (remember.customer, last) {
            self.remember_acquaintance(key, operator, span);
        }
        let Some(span) = remember.case else { return };
        if let Some(key) = first {
            let first = self.find_acquaintance(key).unwrap_or(operator);
            let first = if is(Planted::LastHandlerCountsAsFirst) { operator } else { first };
            self.remember_acquaintance(key, first, span);
        }
        if let Some(key) = owner {
            let owner = self.find_acquaintance(key).unwrap_or(operator);
            self.remember_acquaintance(key, owner, span);
        }
    }

    /// The centre's reference of the case that a contact belongs to.
    fn case_reference<'a>(&'a self, contact: &'a Contact) -> Option<&'a Name> {
        let of_route =
            || Some(&self.tables.cases.get(contact.case?.slot, contact.case?.generation)?.reference);
        contact.text.facts.case.as_ref().or_else(of_route)
    }

    fn first_handler_hash(&self, contact: &Contact) -> Option<u128> {
        let (QueueId(queue), case) = (contact.queue, self.case_reference(contact)?);
        Some(hash_parts(&[b"first handler", &queue.to_le_bytes(), case.as_bytes()]))
    }

    fn owner_hash(&self, contact: &Contact) -> Option<u128> {
        Some(hash_parts(&[b"owner", self.case_reference(contact)?.as_bytes()]))
    }

    fn remember_acquaintance(&mut self, key: u128, operator: OperatorId, span: Millis) {
        let until = self.now + span;
        self.acquaintances.remember(key, Acquaintance { operator, until }, self.now);
        self.acquaintances.keep_at_most(ACQUAINTANCES_MAX);
    }
}

fn last_operator_hash(contact: &Contact) -> Option<u128> {
    let customer = customer_hash(contact.text.details.customer.as_ref(), &contact.text.facts)?;
    Some(hash_parts(&[b"last operator", &customer.to_le_bytes()]))
}
