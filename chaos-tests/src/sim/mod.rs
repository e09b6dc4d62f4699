//! A small deterministic simulation in one thread: several nodes over a modelled ordered log, gateways and operators
//! that run the real client logic over streams that break, and nodes that run the real core and delivery.
//!
//! First everything goes wrong: nodes crash and come back from a snapshot, are cut off, streams break with and
//! without a sign, proposals are lost, late, doubled and overtake each other, replies get lost. Then everything
//! heals, and everybody must be served. The naive model judges each command of the log.
//!
//! **Invariant:** the same seed gives the same run, event for event.

mod centre;
mod client;
pub mod command;
mod events;
mod faults;
mod judge;
mod log;
mod node;
mod operator;
mod verdict;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use ringmain_routing::{Timestamp, hash_parts};

use crate::scenario::Scenario;
use client::SimClient;
use events::{Event, Queue};
use log::Log;
use node::SimNode;

/// Nodes of the simulated cluster.
const NODES: usize = 3;
/// Replicated time at the beginning.
const EPOCH_MS: u64 = 1_000_000;
/// How long things go wrong.
const SAFETY_MS: u64 = 30_000;
/// How long healing may take.
const HEALING_MS: u64 = 300_000;

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SimReport {
    /// Events carried out.
    pub events: u64,
    /// Commands of the log.
    pub commands: u64,
    /// Contacts that gateways were promised.
    pub accepted: u64,
    /// Nodes that crashed.
    pub crashes: u64,
    /// Nodes that were cut off from the others.
    pub partitions: u64,
    /// Streams that broke.
    pub cuts: u64,
    /// Openings of a session after the first.
    pub resumes: u64,
    /// Full lists sent instead of events.
    pub resyncs: u64,
    /// Commands answered as unknown.
    pub unknown: u64,
    /// Commands that entered the log twice.
    pub doubled: u64,
    /// Hash over all events in order.
    pub trace: u128,
}

/// A rule that was broken in a run.
#[derive(Clone, Debug, thiserror::Error)]
#[error("seed {seed} after {events} events, at {at_ms} ms: {what}")]
pub struct SimFailure {
    /// Of which run.
    pub seed: u64,
    /// How far it got.
    pub events: u64,
    /// Simulated time.
    pub at_ms: u64,
    /// Which rule, and how.
    pub what: String,
    /// The commands that led to it, with what the rules say about each.
    pub log: Box<Scenario>,
}

/// A mistake planted into the nodes' shell, to see that the simulation finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// A contact is acknowledged before the log has it.
    AnswerBeforeLog,
    /// A node leaves out a command.
    SkippedCommand,
    /// An event is not delivered to a stream that is open.
    LostEvent,
    /// A party that comes back too late gets no full list.
    NoResync,
}

/// Everything in the simulated world.
struct Sim {
    plant: Option<Plant>,
    now: u64,
    rng: ChaCha8Rng,
    queue: Queue,
    log: Log,
    nodes: Vec<SimNode>,
    clients: Vec<SimClient>,
    healing: bool,
    report: SimReport,
}

/// Runs one seed.
///
/// # Errors
/// The first rule that was broken.
pub fn run(seed: u64) -> Result<SimReport, SimFailure> {
    run_with(seed, None)
}

/// Runs one seed with a mistake planted.
///
/// # Errors
/// The first rule that was broken.
pub fn run_with(seed: u64, plant: Option<Plant>) -> Result<SimReport, SimFailure> {
    let mut sim = Sim::new(seed, plant);
    let outcome = sim.play();
    let (events, at_ms) = (sim.report.events, sim.now);
    outcome.map_err(|what| {
        let log = Box::new(sim.log.scenario(&what));
        SimFailure { seed, events, at_ms, what, log }
    })?;
    Ok(sim.report)
}

/// Runs one seed twice: both runs must be the same, event for event.
///
/// # Errors
/// The first rule that was broken.
pub fn run_twice(seed: u64) -> Result<SimReport, SimFailure> {
    let first = run(seed)?;
    let second = run(seed)?;
    if first != second {
        let what = format!("the second run differs: {first:?} and {second:?}");
        return Err(SimFailure { seed, events: first.events, at_ms: 0, what, log: Box::default() });
    }
    Ok(first)
}

impl Sim {
    fn new(seed: u64, plant: Option<Plant>) -> Sim {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let log = Log::new(centre::opening(&mut rng));
        let nodes = (0..NODES).map(SimNode::new).collect();
        let clients = centre::clients(&mut rng);
        let queue = Queue::default();
        let report = SimReport::default();
        Sim { plant, now: EPOCH_MS, rng, queue, log, nodes, clients, healing: false, report }
    }

    fn play(&mut self) -> Result<(), String> {
        self.begin();
        let end_of_safety = EPOCH_MS + SAFETY_MS;
        let end = end_of_safety + HEALING_MS;
        while let Some((at, event)) = self.queue.pop() {
            if !self.healing && at >= end_of_safety {
                self.heal();
            }
            self.now = self.now.max(at);
            if self.now > end {
                return Err(self.who_is_not_served());
            }
            self.trace(&event);
            self.carry_out(event)?;
            self.wake_clients();
            if self.healing && self.report.events.is_multiple_of(64) && self.all_is_served() {
                break;
            }
        }
        self.final_verdict()
    }

    fn begin(&mut self) {
        for node in 0..NODES {
            self.schedule(0, Event::NodeUp(node));
        }
        for client in 0..self.clients.len() {
            let delay = self.rng.random_range(0..500);
            self.schedule(delay, Event::Wake(client));
        }
        for client in 0..self.clients.len() {
            self.schedule(1, Event::Live(client));
        }
        self.schedule(1, Event::LeaderClock);
        self.schedule(500, Event::Fault);
    }

    fn trace(&mut self, event: &Event) {
        self.report.events += 1;
        let text = format!("{} {event:?}", self.now);
        self.report.trace = hash_parts(&[&self.report.trace.to_le_bytes(), text.as_bytes()]);
    }

    fn carry_out(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::NodeUp(node) => self.node_up(node),
            Event::CatchUp(node) => self.catch_up(node)?,
            Event::Append(proposal) => self.append(*proposal)?,
            Event::ProposalTimeout { node, incarnation, request } => self.give_up(node, incarnation, request),
            Event::NodeSilent { node, incarnation } => self.node_silent(node, incarnation),
            Event::StepAside(node) => self.step_aside(node),
            Event::LeaderClock => self.leader_clock(),
            Event::ToNode { node, stream, message } => self.node_hears(node, stream, *message),
            Event::ToClient { stream, message } => self.client_hears(stream, *message),
            Event::StreamGone { node, stream } => self.stream_gone(node, stream),
            Event::Pump { node, stream } => self.pump(node, stream),
            Event::Wake(client) => self.tick_client(client),
            Event::Live(client) => self.live(client),
            Event::Act { client, intent } => self.act(client, intent),
            Event::Fault => self.fault(),
            Event::PartitionOver(node) => self.partition_over(node),
        }
        Ok(())
    }

    fn schedule(&mut self, delay: u64, event: Event) {
        self.queue.push(self.now + delay, event);
    }

    fn time(&self) -> Timestamp {
        Timestamp(self.now)
    }

    /// A delay of the network; longer and more uneven while things go wrong.
    fn delay(&mut self) -> u64 {
        if !self.healing && self.rng.random_bool(0.05) {
            self.rng.random_range(1..400)
        } else {
            self.rng.random_range(1..15)
        }
    }

    /// Whether the planted mistake is made this time.
    fn plants(&mut self, plant: Plant, probability: f64) -> bool {
        self.plant == Some(plant) && self.rng.random_bool(probability)
    }

    /// Whether something goes wrong, of those that do while things go wrong.
    fn mishap(&mut self, probability: f64) -> bool {
        !self.healing && self.rng.random_bool(probability)
    }
}
