//! A deterministic simulation in one thread: three or five nodes, each with its own disk, clocks and Raft log, over a
//! seeded network; gateways, operators and a supervisor that misbehave. The core, the delivery, the clients' logic and
//! the parts of the nodes' shell that are free of I/O (replicated time, forwarding, liveness) are the real ones; Raft,
//! disks, network and clocks are models (docs/adr/0015).
//!
//! First everything goes wrong by a [`Schedule`]. Then everything heals, and everybody must be served. The naive model
//! judges each command of the log; a broken rule is named ([`Rule`]).
//!
//! **Invariant:** the same schedule gives the same run, event for event.

mod cases;
mod centre;
mod client;
mod cluster;
pub mod command;
mod disk;
mod enquiries;
mod events;
mod faults;
mod forward;
mod hand_out;
mod knowing;
mod machine;
#[cfg(feature = "planted")]
pub mod mutants;
mod net;
mod node;
mod official;
mod operator;
mod raft;
mod reign;
mod report;
mod rule_book;
mod rules;
pub mod schedule;
mod sessions;
pub mod shrink;
mod supervision;
mod supervisor;
mod talk;
mod threads;
mod time;
mod triggers;
mod verdict;
mod waits;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use ringmain_routing::command::Role;
use ringmain_routing::{Command, Timestamp, hash_parts};

use crate::scenario::Scenario;
use client::SimClient;
use events::{Event, Queue};
use net::Net;
use node::SimNode;
use official::Official;
use schedule::{Habit, Schedule};
use supervisor::Desk;

pub use report::{FAULTS, SimReport};
pub use rules::{Breach, Rule};

/// True time at the beginning, and what all wall clocks show.
pub(super) const EPOCH_MS: u64 = 1_000_000;
/// How long healing may take.
const HEALING_MS: u64 = 300_000;
/// While it heals, something is decided at least so often until everybody is served.
const STALL_MS: u64 = 30_000;

/// A rule that was broken in a run.
#[derive(Clone, Debug, thiserror::Error)]
#[error("seed {seed} after {events} events, at {at_ms} ms: {rule} is broken: {what}")]
pub struct SimFailure {
    /// Of which run.
    pub seed: u64,
    /// How far it got.
    pub events: u64,
    /// Simulated time since the start, in ms.
    pub at_ms: u64,
    /// Which rule.
    pub rule: Rule,
    /// How.
    pub what: String,
    /// Nothing was judged: the code under test, or the judge, panicked.
    pub has_panicked: bool,
    /// The commands that led to it, with what the rules say about each.
    pub log: Box<Scenario>,
}

/// Everything in the simulated world.
struct Sim {
    plan: Schedule,
    now: u64,
    queue: Queue,
    net: Net,
    official: Official,
    nodes: Vec<SimNode>,
    clients: Vec<SimClient>,
    desk: Desk,
    /// What the leader proposes first.
    first: Vec<Command>,
    /// Who led in each term.
    leaders: BTreeMap<u64, usize>,
    /// Disks on which a bit has flipped that nobody has found yet.
    flipped: BTreeSet<usize>,
    healing: bool,
    /// Commands decided when that was last looked at, and since when there are so many.
    progress: (usize, u64),
    broken: Option<Breach>,
    report: SimReport,
    text: String,
}

/// Runs one seed.
///
/// # Errors
/// The first rule that was broken.
pub fn run(seed: u64) -> Result<SimReport, SimFailure> {
    run_schedule(&Schedule::of(seed, None))
}

/// Runs a schedule.
///
/// # Errors
/// The first rule that was broken.
pub fn run_schedule(schedule: &Schedule) -> Result<SimReport, SimFailure> {
    let mut sim = Sim::new(schedule);
    // The core checks itself in debug builds and panics; that is a finding like any other.
    let outcome = catch_unwind(AssertUnwindSafe(|| sim.play()));
    let has_panicked = outcome.is_err();
    let breach = match outcome {
        Ok(()) => sim.broken.clone(),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
            let what = said.unwrap_or_else(|| "it panicked".into());
            Some(Breach::new(Rule::named(&what).unwrap_or(Rule::I8), what))
        }
    };
    match breach {
        None => Ok(sim.report),
        Some(Breach { rule, what }) => {
            let (seed, events, at_ms) = (schedule.seed, sim.report.events, sim.now - EPOCH_MS);
            let log = Box::new(sim.official.scenario(&format!("{rule}: {what}")));
            Err(SimFailure { seed, events, at_ms, rule, what, has_panicked, log })
        }
    }
}

/// Runs a schedule twice: both runs must be the same, event for event.
///
/// # Errors
/// The first rule that was broken.
pub fn run_twice(schedule: &Schedule) -> Result<SimReport, SimFailure> {
    let first = run_schedule(schedule)?;
    let second = run_schedule(schedule)?;
    if first != second {
        let what = format!("the second run differs: {first:?} and {second:?}");
        return Err(SimFailure {
            seed: schedule.seed,
            events: first.events,
            at_ms: 0,
            rule: Rule::Repeatable,
            what,
            has_panicked: false,
            log: Box::default(),
        });
    }
    Ok(first)
}

impl Sim {
    fn new(schedule: &Schedule) -> Sim {
        let plan = schedule.clone();
        let size = plan.nodes;
        let mut net = Net::new(plan.seed, size, plan.clients.len());
        net.jitters = plan.has(Habit::Jitter);
        Sim {
            now: EPOCH_MS,
            queue: Queue::default(),
            net,
            official: Official::new(),
            nodes: (0..size).map(|place| SimNode::new(plan.seed, place, size, EPOCH_MS)).collect(),
            clients: plan.clients.iter().map(|client| SimClient::new(plan.seed, client, size)).collect(),
            desk: Desk::default(),
            first: centre::opening(plan.seed),
            leaders: BTreeMap::new(),
            flipped: BTreeSet::new(),
            healing: false,
            progress: (0, EPOCH_MS),
            broken: None,
            report: SimReport::default(),
            text: String::new(),
            plan,
        }
    }

    fn play(&mut self) {
        self.begin();
        let end_of_safety = EPOCH_MS + self.plan.span;
        let end = end_of_safety + HEALING_MS;
        while let Some((at, place, event)) = self.queue.pop() {
            if !self.healing && at >= end_of_safety {
                self.now = self.now.max(at);
                self.heal();
            }
            self.now = self.now.max(at);
            if self.now > end || self.is_stuck() {
                let what = self.who_is_not_served();
                return self.breach(Breach::new(Rule::I11, what));
            }
            if let Some(event) = self.put_off(place, event) {
                self.trace(&event);
                self.carry_out(event);
                self.wake_clients();
            }
            if self.broken.is_some() {
                return;
            }
            if self.healing && self.report.events.is_multiple_of(64) && self.all_is_served() {
                break;
            }
        }
        if let Err(breach) = self.final_verdict() {
            self.breach(breach);
        }
        self.report.note_net(&self.net);
    }

    fn is_stuck(&mut self) -> bool {
        let decided = self.official.decided.len();
        if decided != self.progress.0 || !self.healing {
            self.progress = (decided, self.now);
        }
        self.now - self.progress.1 > STALL_MS
    }

    fn begin(&mut self) {
        for node in 0..self.nodes.len() {
            self.schedule(0, Event::NodeUp(node));
        }
        for client in 0..self.clients.len() {
            self.schedule(70 * client as u64, Event::Wake(client));
            if self.clients[client].role == Role::Operator {
                self.begin_to_browse(client);
            }
        }
        for place in 0..self.plan.events.len() {
            self.schedule(self.plan.events[place].at, Event::Planned(place));
        }
    }

    /// A node that stands still deals with everything when it goes on.
    fn put_off(&mut self, place: u64, event: Event) -> Option<Event> {
        let until = event.node().map_or(0, |node| self.nodes[node].paused_until);
        if until <= self.now {
            return Some(event);
        }
        self.queue.put_off(until, place, event);
        None
    }

    fn trace(&mut self, event: &Event) {
        self.report.events += 1;
        self.text.clear();
        event.write(&mut self.text).expect("a text takes everything");
        let (now, before) = (self.now.to_le_bytes(), self.report.trace.to_le_bytes());
        self.report.trace = hash_parts(&[&before, &now, self.text.as_bytes()]);
    }

    fn carry_out(&mut self, event: Event) {
        match event {
            Event::NodeUp(node) => self.node_up(node),
            Event::Peer { from, to, run, message } => {
                if self.nodes[to].is_up && self.nodes[to].run == run {
                    self.peer_hears(to, from, *message);
                }
            }
            Event::ToNode { node, stream, message } => self.node_hears(node, stream, *message),
            Event::ToClient { stream, message } => self.client_hears(stream, *message),
            Event::Wake(client) => self.tick_client(client),
            Event::Act { client, life, act } => {
                if self.clients[client].life == life {
                    self.act(client, act);
                }
            }
            Event::Planned(place) => self.planned(place),
            Event::Over(over) => self.over(over),
            Event::Errand { number, attempt } => self.try_errand(number, attempt),
            Event::NodeTick { node, run }
            | Event::Synced { node, run, .. }
            | Event::Apply { node, run }
            | Event::ForwardBroken { node, run, .. }
            | Event::ProposalTimeout { node, run, .. }
            | Event::StreamGone { node, run, .. }
            | Event::Pump { node, run, .. } => {
                if self.nodes[node].is_up && self.nodes[node].run == run {
                    self.carry_out_in(node, event);
                }
            }
        }
    }

    /// What happens in a run of a node that still goes on.
    fn carry_out_in(&mut self, node: usize, event: Event) {
        match event {
            Event::NodeTick { .. } => self.node_tick(node),
            Event::Synced { upto, .. } => self.synced(node, upto),
            Event::Apply { .. } => self.apply(node),
            Event::ForwardBroken { stream, .. } => self.forward_broken(node, stream),
            Event::ProposalTimeout { seq, .. } => self.give_up(node, seq),
            Event::StreamGone { stream, .. } => self.stream_gone(node, stream),
            Event::Pump { stream, .. } => self.pump(node, stream),
            Event::NodeUp(_)
            | Event::Peer { .. }
            | Event::ToNode { .. }
            | Event::ToClient { .. }
            | Event::Wake(_)
            | Event::Act { .. }
            | Event::Planned(_)
            | Event::Over(_)
            | Event::Errand { .. } => {}
        }
    }

    fn schedule(&mut self, delay: u64, event: Event) {
        self.queue.push(self.now + delay, event);
    }

    fn time(&self) -> Timestamp {
        Timestamp(self.now)
    }

    /// A rule is broken; the first one counts.
    fn breach(&mut self, breach: Breach) {
        self.broken.get_or_insert(breach);
    }
}
