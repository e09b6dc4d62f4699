//! Emergency closure: a supervisor shuts a queue, or all of a unit, for arrivals. Who is in already is served.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::action::{CloseEntry, Closure, EntryOf};
use crate::command::EnqueueContact;
use crate::commands::enqueue_contact::check_time;
use crate::fields::{check_name, invalid};
use crate::ids::{Name, QueueId, Timestamp};
use crate::limits::CLOSURES_MAX;
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;

/// What is shut, by name: a closure outlasts plans.
pub(crate) type Closures = BTreeMap<EntryOf, Closure>;

impl Closure {
    fn is_in_force(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now) || is(Planted::ClosureWithoutEnd)
    }
}

impl Router {
    /// The closures in force: queues, then units, by name.
    pub fn closures(&self) -> impl Iterator<Item = &Closure> {
        self.closures.values().filter(|closure| closure.is_in_force(self.now))
    }

    pub(crate) fn judge_close_entry(&self, command: &CloseEntry) -> Result<u32, Refusal> {
        check_name("why", &command.why)?;
        self.judge_entry(&command.of)?;
        if let Some(until) = command.until {
            check_time("until", until)?;
            if until <= self.now {
                return Err(invalid("until", "is past already; say a later time, or none"));
            }
        }
        let others = self.closures().filter(|closure| closure.of != command.of).count();
        if others >= CLOSURES_MAX {
            return Err(Refusal::LimitReached { what: "closures".into(), limit: CLOSURES_MAX as u64 });
        }
        Ok(0)
    }

    /// Whether the plan knows the queue or unit.
    pub(crate) fn judge_entry(&self, of: &EntryOf) -> Result<(), Refusal> {
        let directory = &self.tables.directory;
        match of {
            EntryOf::Queue(name) => directory.find_queue(name).map(drop),
            EntryOf::Unit(name) => directory.find_unit(name).map(drop),
        }
    }

    pub(crate) fn close_entry(&mut self, by: &Name, command: &CloseEntry) {
        let now = self.now;
        self.closures.retain(|_, closure| closure.is_in_force(now));
        let CloseEntry { of, why, until } = command.clone();
        let closure = Closure { of: of.clone(), by: by.clone(), why, since: now, until };
        self.closures.insert(of, closure);
    }

    pub(crate) fn open_entry(&mut self, of: &EntryOf) {
        if !is(Planted::ClosureStays) {
            self.closures.remove(of);
        }
    }

    /// Whether a closure keeps the arrival out of the queue. Its unit is the one of its facts, else its own scope, else
    /// the queue's.
    pub(crate) fn is_shut_out(&self, command: &EnqueueContact, queue: QueueId) -> bool {
        if self.closures.is_empty() || is(Planted::ClosureIgnored) {
            return false;
        }
        let directory = &self.tables.directory;
        let plan = directory.queue(queue);
        let is_shut = |of: &EntryOf| self.closures.get(of).is_some_and(|row| row.is_in_force(self.now));
        if is_shut(&EntryOf::Queue(plan.name.clone())) {
            return true;
        }
        let unit = command.facts.unit.as_ref().or(command.scope.as_ref()).or(plan.scope.as_ref());
        let unit = unit.and_then(|name| directory.find_unit(name).ok());
        let above = |unit: &crate::ids::UnitId| {
            directory.parents[unit.0 as usize].filter(|_| !is(Planted::ClosureOfUnitAlone))
        };
        core::iter::successors(unit, above).any(|unit| is_shut(&EntryOf::Unit(directory.unit_name(unit))))
    }
}

/// The closures of a snapshot.
pub(crate) fn from_stored(stored: Vec<Closure>) -> Closures {
    stored.into_iter().map(|closure| (closure.of.clone(), closure)).collect()
}
