//! What must hold at every log index (RELIABILITY I1–I4, I9, I12), checked after each command in tests and debug
//! builds. The check reads rows, not the indexes that decisions use, so that a wrong index shows.

use crate::contact::{Contact, State, Wait};
use crate::ids::Timestamp;
use crate::operator::Operator;
use crate::router::Router;

/// An invariant that does not hold: a bug of the core. A node stops rather than go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant} is violated: {what} (slot {slot})")]
pub struct Violation {
    /// Which invariant, as docs name it.
    pub invariant: &'static str,
    /// What was found.
    pub what: &'static str,
    /// Which row.
    pub slot: u32,
}

fn violated<T>(invariant: &'static str, what: &'static str, slot: u32) -> Result<T, Violation> {
    Err(Violation { invariant, what, slot })
}

/// Below so many rows the whole state is checked after each command of a debug build, above it now and then.
#[cfg(debug_assertions)]
const ROWS_CHECKED_EACH_TIME: u64 = 256;

impl Router {
    /// Checks the whole state.
    ///
    /// # Errors
    /// The first violation found.
    pub fn check_invariants(&self) -> Result<(), Violation> {
        for (slot, contact) in self.tables.contacts.iter() {
            self.check_contact(slot, contact)?;
        }
        for (slot, operator) in self.tables.operators.iter() {
            self.check_load(slot, operator)?;
        }
        self.check_nobody_waits_in_vain()
    }

    #[cfg(debug_assertions)]
    pub(crate) fn assert_invariants(&self) {
        let rows = self.tables.contacts.len() + self.tables.operators.len();
        if rows > ROWS_CHECKED_EACH_TIME && !self.index.0.is_multiple_of(257) {
            return;
        }
        if let Err(violation) = self.check_invariants() {
            panic!("at {:?}: {violation}", self.index);
        }
    }

    fn check_contact(&self, slot: u32, contact: &Contact) -> Result<(), Violation> {
        if contact.id.slot != slot || self.tables.contacts.get(slot, contact.id.generation).is_none() {
            return violated("I1", "a contact is not where its id says", slot);
        }
        if self.tables.ix.keys.get(&contact.key) != Some(&slot) {
            return violated("I1", "a contact cannot be found by its key", slot);
        }
        if let Some(operator) = contact.operator() {
            if contact.holder != Some(operator) {
                return violated("I2", "a contact is in other hands than its assignment says", slot);
            }
            if !self.tables.ix.in_hand.contains(&(operator.slot, slot)) {
                return violated("I2", "an operator does not know of its contact", slot);
            }
        }
        let brought = self.tables.ix.brought.contains(&(contact.gateway.slot, slot));
        if contact.is_open() != brought {
            return violated("I1", "a gateway's list of live contacts is wrong", slot);
        }
        let is_later = contact.not_before.is_some_and(|time| time > self.now);
        if is_later && matches!(contact.state, State::Waiting(Wait::InLine | Wait::Held { .. })) {
            return violated("I4", "a contact is in line before its time", slot);
        }
        Ok(())
    }

    fn check_load(&self, slot: u32, operator: &Operator) -> Result<(), Violation> {
        let in_hand =
            self.tables.contacts.iter().filter(|(_, contact)| contact.operator() == Some(operator.id));
        let (mut used, mut count) = (operator.wrap_up_units(), 0usize);
        for (_, contact) in in_hand {
            used += contact.units;
            count += 1;
        }
        if used != operator.used || count != self.tables.in_hand(slot).len() {
            return violated(
                "I3",
                "an operator's load is not that of the contacts in hand and the wrap-ups",
                slot,
            );
        }
        if operator.idle_since > self.now {
            return violated("I12", "an operator is idle since a time to come", slot);
        }
        Ok(())
    }

    /// R2.5: no eligible contact waits while an operator fits it, unless timers are still due or a job runs.
    fn check_nobody_waits_in_vain(&self) -> Result<(), Violation> {
        let overdue = self.tables.ix.timers.first().is_some_and(|timer| timer.0 <= self.now);
        if overdue || !self.jobs.is_empty() || self.now == Timestamp(0) {
            return Ok(());
        }
        for (slot, operator) in self.tables.operators.iter() {
            if operator.is_available()
                && self.tables.contacts.iter().any(|(_, row)| self.could_take(operator, row))
            {
                return violated("I4", "a contact waits although this operator fits", slot);
            }
        }
        Ok(())
    }

    fn could_take(&self, operator: &Operator, contact: &Contact) -> bool {
        let may = match contact.state {
            State::Waiting(Wait::InLine) => true,
            State::Waiting(Wait::Held { operator: held_for, .. }) => held_for == operator.id,
            State::Waiting(Wait::Later)
            | State::Offered { .. }
            | State::Handling { .. }
            | State::WrapUp { .. }
            | State::Ended { .. } => false,
        };
        may && operator.has_room_for(contact.units)
            && self.has_skills_and_scope(operator, contact)
            && !self.is_excluded(operator, contact)
    }
}
