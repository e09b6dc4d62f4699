//! Queues and units that take nobody in, because somebody closed them.

use ringmain_routing::command::{CloseEntry, Closure, EntryOf};
use ringmain_routing::limits::CLOSURES_MAX;
use ringmain_routing::{Name, Refusal};

use super::ladder::queue_of;
use super::state::{Contact, is_within};
use super::{Model, bounds};

impl Model {
    /// Closures in force.
    pub fn closures(&self) -> impl Iterator<Item = &Closure> {
        self.closures.iter().filter(|row| row.until.is_none_or(|until| until > self.now))
    }

    pub(super) fn close_entry(&mut self, by: &Name, command: &CloseEntry) -> Result<u32, Refusal> {
        let CloseEntry { of, why, until } = command.clone();
        bounds::check_name("why", &why)?;
        self.check_entry(&of)?;
        bounds::check_time("until", until)?;
        bounds::check(until.is_none_or(|until| until > self.now), "until")?;
        let others = self.closures().filter(|row| row.of != of).count();
        if others >= CLOSURES_MAX {
            return Err(Refusal::LimitReached { what: "closures".into(), limit: CLOSURES_MAX as u64 });
        }
        let now = self.now;
        self.closures.retain(|row| row.until.is_none_or(|until| until > now) && row.of != of);
        self.closures.push(Closure { of, by: by.clone(), why, since: now, until });
        Ok(0)
    }

    pub(super) fn open_entry(&mut self, of: &EntryOf) -> Result<u32, Refusal> {
        self.check_entry(of)?;
        self.closures.retain(|row| row.of != *of);
        Ok(0)
    }

    fn check_entry(&self, of: &EntryOf) -> Result<(), Refusal> {
        match of {
            EntryOf::Queue(name) if !self.plan.queues.iter().any(|row| row.name == *name) => {
                Err(Refusal::UnknownQueue(name.clone()))
            }
            EntryOf::Unit(name) if !self.plan.units.iter().any(|row| row.name == *name) => {
                Err(Refusal::UnknownUnit(name.clone()))
            }
            EntryOf::Queue(_) | EntryOf::Unit(_) => Ok(()),
        }
    }

    /// A closure in force is for this arrival.
    pub(super) fn is_shut_out(&self, arrival: &Contact) -> bool {
        let unit = self.unit_of_arrival(arrival);
        self.closures().any(|row| match &row.of {
            EntryOf::Queue(queue) => *queue == arrival.queue,
            EntryOf::Unit(above) => unit.is_some_and(|unit| is_within(&self.plan.units, unit, above)),
        })
    }

    /// The facts' unit, else the contact's own scope, else the queue's.
    fn unit_of_arrival<'a>(&'a self, arrival: &'a Contact) -> Option<&'a Name> {
        let by_queue = || queue_of(&self.plan, &arrival.queue).scope.as_ref();
        let said = arrival.body.facts.unit.as_ref().or(arrival.body.scope.as_ref());
        said.or_else(by_queue)
    }
}
