//! Makes a failing run small enough to be read: leaves out parts of its schedule as long as the same rule breaks; and
//! where the core differs from the rules, parts of the command log too.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ringmain_routing::{Command, Timestamp};

use super::official::Official;
use super::rules::{Breach, Rule};
use super::schedule::{Planned, Schedule, What};
use super::{SimFailure, run_schedule};
use crate::clock::Stopwatch;
use crate::scenario::Scenario;

/// A failing run, as small as it could be made in the time.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The schedule.
    pub schedule: Schedule,
    /// What it leads to.
    pub failure: SimFailure,
    /// The commands alone that show a difference between the core and the rules, if commands alone do.
    pub commands: Option<Scenario>,
    /// How many runs it took.
    pub runs: u64,
}

/// Shrinks for as long as `limit`; `tell` hears how far it is.
#[must_use]
pub fn shrink(schedule: &Schedule, failure: &SimFailure, limit: Duration, tell: &dyn Fn(&str)) -> Shrunk {
    let mut work = Work {
        watch: Stopwatch::start(),
        limit,
        tell,
        runs: 0,
        schedule: schedule.clone(),
        failure: failure.clone(),
    };
    work.drop_later();
    work.drop_habits();
    work.drop_clients();
    work.drop_events();
    let Work { schedule, failure, runs, watch, .. } = work;
    let left = (limit * 3 / 2).saturating_sub(watch.elapsed());
    let commands = shrink_commands(&failure, left);
    Shrunk { schedule, failure, commands, runs }
}

struct Work<'a> {
    watch: Stopwatch,
    limit: Duration,
    tell: &'a dyn Fn(&str),
    runs: u64,
    schedule: Schedule,
    failure: SimFailure,
}

impl Work<'_> {
    fn is_over(&self) -> bool {
        self.watch.elapsed() >= self.limit
    }

    /// Takes a smaller schedule if it breaks the same rule.
    fn try_with(&mut self, smaller: Schedule) -> bool {
        if self.is_over() {
            return false;
        }
        self.runs += 1;
        let Err(failure) = run_schedule(&smaller) else { return false };
        if failure.rule != self.failure.rule {
            return false;
        }
        (self.schedule, self.failure) = (smaller, failure);
        (self.tell)(&format!(
            "{} things left, {} broken after {} ms, {} runs",
            self.schedule.events.len(),
            self.failure.rule,
            self.failure.at_ms,
            self.runs
        ));
        true
    }

    /// What comes after the failure has no part in it.
    fn drop_later(&mut self) {
        let at_ms = self.failure.at_ms;
        let mut smaller = self.schedule.clone();
        smaller.events.retain(|event| event.at <= at_ms);
        if smaller.events.len() < self.schedule.events.len() {
            self.try_with(smaller);
        }
    }

    fn drop_habits(&mut self) {
        let none = Schedule { habits: Vec::new(), ..self.schedule.clone() };
        if self.try_with(none) {
            return;
        }
        for habit in self.schedule.habits.clone() {
            let mut smaller = self.schedule.clone();
            smaller.habits.retain(|kept| *kept != habit);
            self.try_with(smaller);
        }
    }

    /// The first operator stays: without somebody who can do everything not everybody can be served.
    fn drop_clients(&mut self) {
        for client in self.schedule.clients.clone() {
            if &*client.name == "operator-0" {
                continue;
            }
            let mut smaller = self.schedule.clone();
            smaller.clients.retain(|kept| kept.name != client.name);
            smaller.events.retain(|event| !is_of(event, &client.name));
            self.try_with(smaller);
        }
    }

    fn drop_events(&mut self) {
        let mut size = self.schedule.events.len().div_ceil(2);
        while size > 0 && !self.is_over() {
            let mut at = 0;
            let mut dropped = false;
            while at < self.schedule.events.len() {
                let mut smaller = self.schedule.clone();
                let end = (at + size).min(smaller.events.len());
                smaller.events.drain(at..end);
                if self.try_with(smaller) {
                    dropped = true;
                } else {
                    at = end;
                }
            }
            size = if size > 1 { size.div_ceil(2).min(size - 1) } else { usize::from(dropped) };
        }
    }
}

fn is_of(event: &Planned, name: &str) -> bool {
    match &event.what {
        What::Intent { client, .. } => &**client == name,
        What::Fault(_) | What::Errand(..) => false,
    }
}

/// The fewest commands found that break the same rule without any node; `None` where commands alone break none.
fn shrink_commands(failure: &SimFailure, limit: Duration) -> Option<Scenario> {
    let watch = Stopwatch::start();
    let all: Vec<(Timestamp, Command)> =
        failure.log.entries.iter().map(|entry| (entry.at, entry.command.clone())).collect();
    let rule = judge(&all)?.rule;
    let mut kept = all;
    let mut size = kept.len().div_ceil(2);
    while size > 0 && watch.elapsed() < limit {
        let mut at = 0;
        let mut dropped = false;
        while at < kept.len() && watch.elapsed() < limit {
            let end = (at + size).min(kept.len());
            let smaller: Vec<_> = kept[..at].iter().chain(&kept[end..]).cloned().collect();
            if judge(&smaller).is_some_and(|breach| breach.rule == rule) {
                kept = smaller;
                dropped = true;
            } else {
                at = end;
            }
        }
        size = if size > 1 { size.div_ceil(2).min(size - 1) } else { usize::from(dropped) };
    }
    let breach = judge(&kept)?;
    let Breach { rule, what } = breach;
    Some(Official::as_scenario(kept, &format!("{rule}: {what}")))
}

/// The rule that these commands break alone.
fn judge(commands: &[(Timestamp, Command)]) -> Option<Breach> {
    let mut official = Official::new();
    let judged = catch_unwind(AssertUnwindSafe(|| {
        for (at, command) in commands {
            official.judge(*at, command.clone())?;
        }
        official.compare_states()
    }));
    match judged {
        Ok(Ok(())) => None,
        Ok(Err(breach)) => Some(breach),
        Err(_) => Some(Breach { rule: Rule::I8, what: "the core panicked".into() }),
    }
}

/// Names of habits and clients that a schedule still has, for those who read it.
#[must_use]
pub fn summary(schedule: &Schedule) -> String {
    let kinds: BTreeSet<&str> = schedule
        .events
        .iter()
        .map(|event| match &event.what {
            What::Fault(fault) => fault.word(),
            What::Intent { .. } => "intents",
            What::Errand(..) => "errands",
        })
        .collect();
    let kinds: Vec<&str> = kinds.into_iter().collect();
    format!(
        "{} nodes, {} clients, {} things happen: {}",
        schedule.nodes,
        schedule.clients.len(),
        schedule.events.len(),
        kinds.join(", ")
    )
}
