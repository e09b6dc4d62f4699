//! Whom a contact takes of several who fit and have room (R3.2).

use ringmain_routing::Timestamp;
use ringmain_routing::rules::Choice;

use super::Model;
use super::ladder::{queue_of, wanted_skills};
use super::state::{Contact, Operator};

/// What an operator who is full counts as, in thousandths of the capacity.
const FULL: u64 = 1_000;

/// The part of the capacity in use, in thousandths.
pub(super) fn load(used: u64, capacity: u32) -> u64 {
    (used * FULL).checked_div(u64::from(capacity)).unwrap_or(FULL)
}

impl Model {
    /// The smallest is taken.
    pub(super) fn merit(&self, operator: &Operator, contact: &Contact) -> (u64, Timestamp, u32) {
        let first = match queue_of(&self.plan, &contact.queue).rules.choice {
            Choice::LongestIdle => 0,
            Choice::LeastOccupied => load(self.used_units(operator.id), operator.capacity),
            Choice::MostSkilled => u64::MAX - self.skill_for(operator, contact),
            Choice::RoundRobin => operator.last_turn,
        };
        (first, operator.idle_since, operator.id.slot)
    }

    /// The operator's levels of what the contact wants, added up.
    fn skill_for(&self, operator: &Operator, contact: &Contact) -> u64 {
        let mut wanted = wanted_skills(&self.plan, contact);
        if let Some(language) = contact.wish.as_ref().and_then(|wish| wish.language.clone()) {
            wanted.insert(language, 1);
        }
        wanted.keys().map(|skill| u64::from(operator.level(skill))).sum()
    }
}
