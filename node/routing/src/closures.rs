//! Emergency closure: a supervisor shuts a queue, or all of a unit, for arrivals. Who is in already is served.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::action::{CloseEntry, Closure, EntryOf};
use crate::command::EnqueueContact;
use crate::commands::enqueue_contact::check_time;
use crate::fields::{check_name, invalid};
use crate::ids::{ContactId, Name, QueueId, Timestamp, UnitId};
use crate::limits::CLOSURES_MAX;
use crate::plan::QueuePlan;
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
        let unit = command.facts.unit.as_ref().or(command.scope.as_ref());
        self.closures_of(self.tables.directory.queue(queue), unit).next().is_some()
    }

    /// The closures in force that concern arrivals of a unit, else of the queue's scope.
    fn closures_of(&self, queue: &QueuePlan, unit: Option<&Name>) -> impl Iterator<Item = &Closure> {
        let directory = &self.tables.directory;
        let unit = unit.or(queue.scope.as_ref()).and_then(|name| directory.find_unit(name).ok());
        let above =
            |unit: &UnitId| directory.parents[unit.0 as usize].filter(|_| !is(Planted::ClosureOfUnitAlone));
        let units = core::iter::successors(unit, above).map(|unit| EntryOf::Unit(directory.unit_name(unit)));
        let all = core::iter::once(EntryOf::Queue(queue.name.clone())).chain(units);
        all.filter_map(|of| self.closures.get(&of)).filter(|closure| closure.is_in_force(self.now))
    }

    /// As [`Router::opens_at`], for arrivals like a contact.
    #[must_use]
    pub fn opens_for(&self, contact: ContactId) -> Option<Timestamp> {
        let contact = self.tables.contacts.get(contact.slot, contact.generation)?;
        self.opens_at(&self.tables.directory.queue(contact.queue).name, contact.text.facts.unit.as_ref())
    }

    /// When a queue that takes no arrivals of a unit takes them again; `None` while it does, and where nobody knows: the
    /// plan has closed it, or a closure has no end.
    #[must_use]
    pub fn opens_at(&self, queue: &Name, unit: Option<&Name>) -> Option<Timestamp> {
        let directory = &self.tables.directory;
        let plan = directory.find_queue(queue).ok()?.1;
        let ends: Option<Vec<Timestamp>> =
            self.closures_of(plan, unit).map(|closure| closure.until).collect();
        let free = ends?.into_iter().fold(self.now, Timestamp::max);
        let hours = plan.rules.hours.as_ref().and_then(|name| directory.find_calendar(name).ok());
        let opens = hours.map_or(Some(free), |calendar| calendar.next_open(free))?;
        (plan.open && opens > self.now).then_some(opens)
    }
}

/// The closures of a snapshot.
pub(crate) fn from_stored(stored: Vec<Closure>) -> Closures {
    stored.into_iter().map(|closure| (closure.of.clone(), closure)).collect()
}
