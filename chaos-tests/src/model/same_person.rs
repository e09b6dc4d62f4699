//! Who served whom, and whom a contact waits for because of that (R3.4, R3.8).

use ringmain_routing::limits::ACQUAINTANCES_MAX;
use ringmain_routing::plan::UnitPlan;
use ringmain_routing::{ContactId, Millis, Name, OperatorId, Timestamp};

use super::Model;
use super::entry::{Customer, customer_of};
use super::ladder::queue_of;
use super::state::{Contact, Operator};

/// Of whom an operator is remembered, and as what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Acquaintance {
    /// Who served the customer last.
    LastOperator(Customer),
    /// Who handled the case first in a queue.
    FirstHandler { case: Name, queue: Name },
    /// Who owns the case.
    Owner { case: Name },
}

/// An operator who is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Known {
    pub until: Timestamp,
    pub operator: OperatorId,
}

impl Model {
    /// An operator and a contact are connected: what is remembered of that.
    pub(super) fn acquaint(&mut self, id: ContactId, operator: OperatorId) {
        if self.is_bot(operator) || self.contact_row(id).leg.is_some() {
            return;
        }
        let remember = self.plan.rules.remember;
        let contact = self.contact_row(id);
        let customer = customer_of(contact.details.customer.as_ref(), &contact.body.facts);
        let case = self.case_name(contact);
        let queue = contact.queue.clone();
        let makes_owner = queue_of(&self.plan, &queue).rules.hard && contact.transfers > 0;
        if let (Some(span), Some(customer)) = (remember.customer, customer) {
            let until = self.span_after_now(span);
            self.keep(Acquaintance::LastOperator(customer), Known { until, operator });
        }
        if let (Some(span), Some(case)) = (remember.case, case) {
            self.keep_first(Acquaintance::FirstHandler { case: case.clone(), queue }, operator, span);
            if makes_owner {
                self.keep_first(Acquaintance::Owner { case }, operator, span);
            }
        }
    }

    /// Who is remembered already stays, for as long as this connection says; else it is this one.
    fn keep_first(&mut self, what: Acquaintance, operator: OperatorId, span: Millis) {
        let operator = self.remembered(&what).unwrap_or(operator);
        let until = self.span_after_now(span);
        self.keep(what, Known { until, operator });
    }

    fn keep(&mut self, what: Acquaintance, known: Known) {
        self.acquaintances.insert(what, known);
        let now = self.now;
        self.acquaintances.retain(|_, known| known.until > now);
        if self.acquaintances.len() > ACQUAINTANCES_MAX {
            let first = self.acquaintances.iter().min_by_key(|(what, known)| (known.until, *what));
            let first = first.map(|(what, _)| what.clone());
            first.and_then(|what| self.acquaintances.remove(&what));
        }
    }

    fn remembered(&self, what: &Acquaintance) -> Option<OperatorId> {
        let known = self.acquaintances.get(what);
        known.filter(|known| known.until > self.now).map(|known| known.operator)
    }

    /// The first who can be had of those whom a contact waits for when its time has come, and until when.
    pub(super) fn waited_for(&self, contact: &Contact) -> Option<(OperatorId, Timestamp)> {
        if contact.last_holder.is_some() { None } else { self.known_to(contact) }
    }

    /// The same, whoever had the contact before.
    pub(super) fn known_to(&self, contact: &Contact) -> Option<(OperatorId, Timestamp)> {
        if contact.tier == 0 {
            return None;
        }
        let times = queue_of(&self.plan, &contact.queue).rules.same_person;
        let case = self.case_name(contact);
        let owner = || self.owner(contact).and_then(|owner| self.one_for(owner, contact));
        let first = || {
            let (case, queue) = (case.clone()?, contact.queue.clone());
            let first = self.remembered(&Acquaintance::FirstHandler { case, queue });
            first.and_then(|first| self.one_for(first, contact))
        };
        let last = || {
            let customer = customer_of(contact.details.customer.as_ref(), &contact.body.facts)?;
            let last = self.remembered(&Acquaintance::LastOperator(customer));
            last.filter(|last| self.can_be_had(*last, contact))
        };
        let preferred = contact.preferred.as_ref().filter(|(_, hold)| hold.0 > 0);
        let preferred = preferred.and_then(|(login, hold)| {
            let known = self.called(login).filter(|known| self.can_be_had(*known, contact))?;
            Some((known, *hold))
        });
        let found = times.owner.and_then(|hold| owner().map(|operator| (operator, hold)));
        let found = found.or_else(|| times.first_handler.and_then(|hold| first().map(|known| (known, hold))));
        let found = found.or_else(|| times.last_operator.and_then(|hold| last().map(|known| (known, hold))));
        found.or(preferred).map(|(operator, hold)| (operator, self.span_after_now(hold)))
    }

    /// The owner of the contact's case; where none is remembered, the one of its entry rule.
    fn owner(&self, contact: &Contact) -> Option<OperatorId> {
        let case = self.case_name(contact);
        let remembered = case.and_then(|case| self.remembered(&Acquaintance::Owner { case }));
        remembered.or_else(|| contact.rule_owner.as_ref().and_then(|login| self.called(login)))
    }

    /// This operator, else who stands in: the deputies, then the heads of the unit and of those above.
    fn one_for(&self, operator: OperatorId, contact: &Contact) -> Option<OperatorId> {
        let row = &self.operators[operator.slot as usize];
        let heads = self.heads_of(row);
        let stand_ins = row.rules.deputies.iter().chain(&heads).filter_map(|login| self.called(login));
        std::iter::once(operator).chain(stand_ins).find(|one| self.can_be_had(*one, contact))
    }

    fn heads_of(&self, operator: &Operator) -> Vec<Name> {
        let units: &[UnitPlan] = &self.plan.units;
        let mut here = units.iter().find(|row| Some(&row.name) == operator.unit.as_ref());
        let mut heads = Vec::new();
        while let Some(row) = here {
            heads.extend(row.rules.head.clone());
            here = row.parent.and_then(|parent| units.get(parent.0 as usize));
        }
        heads
    }

    fn can_be_had(&self, operator: OperatorId, contact: &Contact) -> bool {
        let row = &self.operators[operator.slot as usize];
        row.is_available() && self.fit_to_keep(row, contact).holds()
    }

    /// The operator of that login, if there is one.
    pub(super) fn called(&self, login: &str) -> Option<OperatorId> {
        let row = self.operators.iter().find(|row| &*row.login == login);
        row.map(|row| row.id)
    }
}
