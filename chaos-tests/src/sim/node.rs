//! A machine: its disk, its clocks, its Raft, the real core with the real delivery, and the parts of a node's shell
//! that are free of I/O. What it does with its clients is in `sessions.rs`, what it does as a leader in `reign.rs`.

use std::collections::BTreeMap;
use std::rc::Rc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::client::{Hello, OpId};
use ringmain_routing::command::{NodeStarted, OpenSession};
use ringmain_routing::delivery::Delivery;
use ringmain_routing::planted::{Planted, is};
use ringmain_routing::shell::forwarding::{OpenCommands, OpenLimits, Origins, ends_work};
use ringmain_routing::shell::liveness::Liveness;
use ringmain_routing::shell::reckoning::Reckoning;
use ringmain_routing::{Command, Epoch, Incarnation, Millis, NodeId, Party, Router, Timestamp};

use super::Sim;
use super::disk::{Disk, Place, Snapshot};
use super::events::{Event, StreamId};
use super::forward::{Early, Way};
use super::knowing::Words;
use super::machine::Clocks;
use super::net::rng_of;
use super::raft::Raft;
use super::reign::{Reign, TakeOver};
use super::rules::{Breach, Rule};
use super::schedule::{Habit, Step};
use super::sessions::Stream;

/// How often a node looks at its clock.
const TICK_MS: u64 = 10;
/// Looks between two rounds of what is less urgent.
const ROUND_TICKS: u64 = 10;
/// Effects that a node retains: few, so that some come back too late and get the full list.
const RING: usize = 96;
/// How long a node waits for its proposal.
const PROPOSAL_MS: u64 = 1_500;
/// Without its majority for so long a node takes no commands.
pub(super) const READ_ONLY_MS: u64 = 1_000;
/// Entries behind the last snapshot at which the next is taken.
const SNAPSHOT_ENTRIES: u64 = 400;
/// Entries kept in the log before a snapshot.
pub(super) const ENTRIES_KEPT: u64 = 40;
/// As in the nodes.
const OPEN: OpenLimits = OpenLimits { count_max: 8_192, reserved: 1_024, bytes_max: 64 << 20 };

/// One machine.
pub(super) struct SimNode {
    pub place: usize,
    pub is_up: bool,
    pub paused_until: u64,
    pub run: u64,
    pub clocks: Clocks,
    pub disk: Disk,
    pub raft: Raft,
    pub router: Router,
    pub origins: Origins,
    /// The last entry of the Raft log that is applied.
    pub applied: Place,
    /// Entries up to here are known to be the official ones.
    pub confirmed: u64,
    pub is_applying: bool,
    pub time: Reckoning,
    /// What it has heard of replicated time since its start, as the judge saw it.
    pub words: Option<Words>,
    pub liveness: Liveness,
    pub open: OpenCommands<Waiting>,
    pub way: Way,
    pub reign: Option<Reign>,
    pub takeover: Option<TakeOver>,
    pub early: Vec<Early>,
    /// Term and leader as the shell last saw them.
    pub lead: (u64, Option<usize>),
    pub delivery: Delivery,
    pub streams: BTreeMap<StreamId, Stream>,
    /// Openings whose streams are gone, until the log knows.
    pub losing: BTreeMap<(Party, Epoch), bool>,
    /// Openings whose outcome is not known.
    pub settling: Vec<OpenSession>,
    /// Whether this run is announced, or being announced.
    pub is_announced: bool,
    /// Where the node crashes next: how long it is down, and what is left to chance.
    pub armed: Option<(Step, u64, u64)>,
    pub ticks: u64,
    pub rng: ChaCha8Rng,
}

/// Who waits for a proposal.
#[derive(Clone, Debug)]
pub(super) enum Waiting {
    Opening(StreamId, Hello),
    Answer(StreamId, OpId),
    /// The node itself, for the loss of a stream.
    Lose(Party, Epoch),
    /// The node itself, for its start.
    Announce,
    /// The node itself, to settle an opening whose outcome it does not know.
    Settle(OpenSession),
    /// A supervisor, at her attempt of this number.
    Errand(u64, u32),
}

/// Nothing was taken, and nothing will come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotTaken;

impl SimNode {
    pub(super) fn new(seed: u64, place: usize, size: usize, now: u64) -> SimNode {
        let mut rng = rng_of(seed, "node", place as u64);
        let clocks = Clocks::new(now, rng.random_range(0..1 << 40));
        SimNode {
            place,
            is_up: false,
            paused_until: 0,
            run: 0,
            clocks,
            disk: Disk::default(),
            raft: Raft::new(place, size, 0, 0, 0),
            router: Router::new(),
            origins: Origins::new(),
            applied: Place::default(),
            confirmed: 0,
            is_applying: false,
            time: Reckoning::default(),
            words: None,
            liveness: Liveness::default(),
            open: OpenCommands::default(),
            way: Way::default(),
            reign: None,
            takeover: None,
            early: Vec::new(),
            lead: (0, None),
            delivery: Delivery::new(RING, ringmain_routing::LogIndex(0)),
            streams: BTreeMap::new(),
            losing: BTreeMap::new(),
            settling: Vec::new(),
            is_announced: false,
            armed: None,
            ticks: 0,
            rng,
        }
    }

    pub(super) fn id(&self) -> NodeId {
        NodeId(self.place as u64 + 1)
    }

    pub(super) fn incarnation(&self) -> Incarnation {
        Incarnation(self.run)
    }

    /// The node starts with what is on its disk; false when its own snapshot cannot be read.
    fn start(&mut self, size: usize, now: u64) -> bool {
        let found = self.disk.load(is(Planted::ChecksumIgnored));
        self.is_up = true;
        self.run += 1;
        let mono = self.clocks.monotonic_ms(now);
        (self.router, self.origins, self.applied) = (Router::new(), Origins::new(), Place::default());
        if let Some(snapshot) = &found.snapshot {
            let Ok(router) = Router::restore(&snapshot.state) else { return false };
            (self.router, self.origins, self.applied) = (router, snapshot.origins.clone(), snapshot.place);
        }
        self.raft = Raft::new(self.place, size, self.run, self.rng.random(), self.applied.index);
        self.raft.begin(mono);
        self.confirmed = self.applied.index;
        self.is_applying = false;
        (self.time, self.words) = (Reckoning::new(self.router.now()), None);
        self.liveness = Liveness::new(std::time::Duration::from_millis(mono));
        self.open = OpenCommands::default();
        self.way = Way::default();
        (self.reign, self.takeover, self.lead) = (None, None, (0, None));
        self.early.clear();
        self.delivery = Delivery::new(RING, self.router.index());
        self.losing.clear();
        self.settling.clear();
        self.is_announced = false;
        true
    }

    pub(super) fn stream_of(&self, party: Party, epoch: Epoch) -> Option<StreamId> {
        let mut streams = self.streams.iter();
        streams.find(|(_, stream)| stream.party == party && stream.epoch == epoch).map(|(id, _)| *id)
    }

    pub(super) fn stream_of_party(&self, party: Party) -> Option<StreamId> {
        self.streams.iter().find(|(_, stream)| stream.party == party).map(|(id, _)| *id)
    }

    /// How the node stands, for somebody who looks for what is stuck.
    pub(super) fn describe(&self) -> String {
        let SimNode { is_up, run, applied, disk, raft, lead, .. } = self;
        format!(
            "{}: up {is_up}, run {run}, at {} ({applied:?}), log to {:?} synced {}, commit {}, term {}, lead \
             {lead:?}, suspect {}, {} open, reign {}",
            self.id(),
            self.router.index(),
            disk.last(),
            disk.synced(),
            raft.commit,
            disk.term,
            disk.suspect,
            self.open.len(),
            self.reign.is_some()
        )
    }

    fn snapshot(&self) -> Snapshot {
        let state = self.router.snapshot().encode();
        Snapshot { place: self.applied, state, origins: self.origins.clone() }
    }
}

impl Sim {
    pub(super) fn node_up(&mut self, node: usize) {
        if self.nodes[node].is_up {
            return;
        }
        let (size, now) = (self.nodes.len(), self.now);
        let was_suspect = self.nodes[node].disk.suspect;
        self.flipped.remove(&node);
        if !self.nodes[node].start(size, now) {
            return self.breach(Breach::new(Rule::I8, format!("node {node} cannot read its own snapshot")));
        }
        if self.nodes[node].disk.suspect && !was_suspect {
            self.report.count("suspect");
        }
        let run = self.nodes[node].run;
        self.schedule(1 + node as u64, Event::NodeTick { node, run });
    }

    /// The power of a node fails: everything in memory is gone, and what the disk had not synced.
    pub(super) fn crash(&mut self, node: usize, down: u64, salt: u64) {
        let row = &mut self.nodes[node];
        if !row.is_up {
            return;
        }
        row.is_up = false;
        row.paused_until = 0;
        row.armed = None;
        let (torn, lost) = row.disk.crash(salt);
        let wall_off = row.clocks.wall_off;
        row.clocks = Clocks::new(self.now, 0);
        row.clocks.wall_off = wall_off;
        let streams: Vec<StreamId> = std::mem::take(&mut row.streams).into_keys().collect();
        self.report.count("crashed");
        if torn {
            self.report.count("torn-write");
        }
        if lost > 0 {
            self.report.count("lost-tail");
        }
        for stream in streams {
            self.cut(stream);
        }
        self.schedule(down, Event::NodeUp(node));
    }

    /// Crashes the node if it was to crash at this step; true if so.
    pub(super) fn comes_to(&mut self, node: usize, step: Step) -> bool {
        let Some((at, down, salt)) = self.nodes[node].armed.filter(|(at, _, _)| *at == step) else {
            return false;
        };
        self.report.count(match at {
            Step::Synced => "crash-after-sync",
            Step::Applied => "crash-after-apply",
            Step::Elected => "crash-when-elected",
            Step::AtWork => "crash-at-work",
        });
        self.crash(node, down, salt);
        true
    }

    /// Crashes the node on a snapshot that holds unfinished work, if it was to.
    pub(super) fn comes_to_work(&mut self, node: usize) -> bool {
        let row = &self.nodes[node];
        let is_armed = row.armed.is_some_and(|(at, _, _)| at == Step::AtWork);
        // Work that is due now and waits for no time.
        if !is_armed || row.router.next_deadline() != Some(row.router.now()) {
            return false;
        }
        self.take_snapshot(node, ENTRIES_KEPT);
        self.comes_to(node, Step::AtWork)
    }

    /// The node looks at its clock.
    pub(super) fn node_tick(&mut self, node: usize) {
        let run = self.nodes[node].run;
        self.schedule(TICK_MS, Event::NodeTick { node, run });
        let now = self.mono(node);
        let row = &mut self.nodes[node];
        row.ticks += 1;
        let is_round = row.ticks.is_multiple_of(ROUND_TICKS);
        row.raft.tick(&mut row.disk, now);
        self.after_raft(node);
        self.reign_on(node);
        self.deliver_commands(node);
        if is_round && self.nodes[node].is_up {
            self.round(node);
        }
    }

    /// What a node looks at less often.
    fn round(&mut self, node: usize) {
        self.announce(node);
        self.lose_streams(node);
        self.look_at_streams(node);
        let row = &self.nodes[node];
        let last = row.disk.snapshot().map_or(0, |snapshot| snapshot.place.index);
        if row.applied.index > last + SNAPSHOT_ENTRIES {
            self.take_snapshot(node, ENTRIES_KEPT);
        }
    }

    /// Tells the cluster that this run began: sessions of earlier runs are lost.
    fn announce(&mut self, node: usize) {
        if self.nodes[node].is_announced {
            return;
        }
        let row = &self.nodes[node];
        let started = NodeStarted { node: row.id(), incarnation: row.incarnation() };
        let taken = self.propose(node, &Command::NodeStarted(started), Waiting::Announce);
        self.nodes[node].is_announced = taken.is_ok();
    }

    /// Writes a snapshot and purges the log before it.
    pub(super) fn take_snapshot(&mut self, node: usize, keep: u64) {
        let row = &mut self.nodes[node];
        let last = row.disk.snapshot().map_or(0, |snapshot| snapshot.place.index);
        if !row.is_up || row.disk.full || row.applied.index <= last {
            return;
        }
        let snapshot = Rc::new(row.snapshot());
        row.disk.keep_snapshot(snapshot, keep);
        self.report.count("snapshots-taken");
    }

    /// Gives a command to the log, unless the node must not take any now.
    pub(super) fn propose(
        &mut self,
        node: usize,
        command: &Command,
        waiting: Waiting,
    ) -> Result<(), NotTaken> {
        if self.is_read_only(node) || self.nodes[node].disk.full || self.happens(node, Habit::Refusals, 0.003)
        {
            return Err(NotTaken);
        }
        let row = &mut self.nodes[node];
        let frame = command.encode().into();
        let seq = row.open.take(&OPEN, ends_work(command), frame, waiting).map_err(|_| NotTaken)?;
        let run = row.run;
        self.schedule(PROPOSAL_MS, Event::ProposalTimeout { node, run, seq });
        self.deliver_commands(node);
        Ok(())
    }

    /// Since the last contact: of a follower with its leader, of a leader with its majority.
    pub(super) fn age(&self, node: usize) -> std::time::Duration {
        let row = &self.nodes[node];
        let now = self.nodes_time(node);
        match &row.reign {
            Some(_) => row.liveness.since_majority(row.id(), &[self.voters()], now),
            None => row.liveness.since_leader(now),
        }
    }

    /// Whether the node may be cut off, or lacks part of its log.
    pub(super) fn is_read_only(&self, node: usize) -> bool {
        let limit = std::time::Duration::from_millis(READ_ONLY_MS);
        self.nodes[node].disk.suspect || self.age(node) >= limit
    }

    pub(super) fn voters(&self) -> std::collections::BTreeSet<NodeId> {
        self.nodes.iter().map(SimNode::id).collect()
    }

    /// The node's monotonic clock, in ms.
    pub(super) fn mono(&self, node: usize) -> u64 {
        self.nodes[node].clocks.monotonic_ms(self.now)
    }

    /// Replicated time as the node would tell it.
    pub(super) fn reckoned(&self, node: usize) -> Option<Timestamp> {
        let row = &self.nodes[node];
        row.time.now(row.clocks.monotonic_us(self.now))
    }

    /// Whether this habit shows now.
    pub(super) fn happens(&mut self, node: usize, habit: Habit, probability: f64) -> bool {
        let may = !self.healing && self.plan.has(habit);
        let happens = may && self.nodes[node].rng.random_bool(probability);
        if happens {
            self.report.count(habit_word(habit));
        }
        happens
    }

    /// A short wait that a client is asked for.
    pub(super) fn retry_after(ms: u64) -> Millis {
        Millis(ms)
    }
}

pub(super) fn habit_word(habit: Habit) -> &'static str {
    super::schedule::HABITS.iter().find(|(one, _)| *one == habit).map_or("", |(_, word)| word)
}
