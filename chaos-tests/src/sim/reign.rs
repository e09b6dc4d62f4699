//! What a leader's shell does, as the nodes' does it: it begins once an entry of its term is applied, goes on with
//! replicated time, writes what it takes into entries, asks its peers for signs of life and tells the log who is
//! lost, and ticks when nobody else proposes.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ringmain_routing::command::NodeLost;
use ringmain_routing::planted::{Planted, is};
use ringmain_routing::shell::forwarding::{Accepted, Numbered, Origin};
use ringmain_routing::shell::liveness::{DiskState, Said};
use ringmain_routing::{Command, Incarnation, NodeId, Timestamp};

use super::Sim;
use super::disk::{Batch, Proposed};
use super::events::PeerMessage;
use super::knowing::{Words, guessed};
use super::net::Lane;
use super::rules::{Breach, Rule};
use super::schedule::{Habit, Step};

/// Entries written and not yet applied here.
const IN_FLIGHT_MAX: u64 = 16;
const COMMANDS_PER_ENTRY_MAX: usize = 64;
const PING_MS: u64 = 100;
/// How long a new leader waits for those who do not say what time it is, once a majority has.
const TIME_ANSWER_MS: u64 = 200;
/// Silence after which a node's sessions are lost.
const NODE_LOST: Duration = Duration::from_millis(600);

/// A node's leadership of one term, while it takes commands.
#[derive(Debug)]
pub(super) struct Reign {
    pub term: u64,
    accepted: Accepted,
    queue: VecDeque<Proposed>,
    /// By node, run and stream: the next message.
    pub expected: BTreeMap<(usize, u64, u64), u64>,
    ping_at: u64,
}

/// A new leader that does not know what time it is, and asks.
#[derive(Debug)]
pub(super) struct TakeOver {
    term: u64,
    asked_at: u64,
    ask_at: u64,
    /// By node, as they were told.
    walls: BTreeMap<usize, u64>,
    reckoned: Vec<Timestamp>,
    /// One of those who answered must know the time, as the judge sees it.
    is_known: bool,
}

impl Reign {
    fn begin(term: u64) -> Reign {
        Reign {
            term,
            accepted: Accepted::default(),
            queue: VecDeque::new(),
            expected: BTreeMap::new(),
            ping_at: 0,
        }
    }

    /// Takes commands of one node's run in order, those that are new.
    pub(super) fn take(&mut self, node: NodeId, incarnation: Incarnation, commands: Vec<Numbered>) {
        for Numbered { seq, frame } in commands {
            if self.accepted.accept(node, incarnation, seq) {
                let origin = Some(Origin { node, incarnation, seq });
                self.queue.push_back(Proposed { frame, origin });
            }
        }
    }

    fn take_own(&mut self, command: &Command) {
        self.queue.push_back(Proposed { frame: command.encode().into(), origin: None });
    }
}

impl Sim {
    /// Sees who leads; to be called whenever Raft has changed.
    pub(super) fn follow_leadership(&mut self, node: usize) {
        let now = self.nodes_time(node);
        let voters = self.voters();
        let row = &mut self.nodes[node];
        let lead = (row.disk.term, row.raft.leader);
        if lead == row.lead {
            return;
        }
        row.lead = lead;
        row.takeover = None;
        row.early.clear();
        if row.reign.take().is_some() {
            row.liveness.reign_ended(row.id(), &[voters], now);
        }
        if lead.1 == Some(node) {
            self.report.count("elections");
            self.comes_to(node, Step::Elected);
        }
    }

    /// Goes on with the duties of a leader, or begins them.
    pub(super) fn reign_on(&mut self, node: usize) {
        let row = &self.nodes[node];
        if !row.is_up || !row.raft.is_leader() {
            return;
        }
        if row.reign.is_some() {
            self.ping_peers(node);
            self.tick_if_due(node);
            self.write_entries(node);
        } else if row.applied.term == row.disk.term {
            self.take_over_time(node);
        }
    }

    /// Goes on with replicated time; a node that is not sure of it since its start asks a majority.
    fn take_over_time(&mut self, node: usize) {
        let mono_us = self.nodes[node].clocks.monotonic_us(self.now);
        let row = &mut self.nodes[node];
        row.time.applied(row.router.now());
        if row.time.settled(mono_us).is_some() {
            row.time.take_over(&[], &[], mono_us);
            return self.begin_reign(node);
        }
        let term = row.disk.term;
        let wall = row.clocks.wall_ms(self.now);
        let asked_at = self.now;
        let is_known = Words::must_know(row.words);
        let takeover = row.takeover.get_or_insert_with(|| TakeOver {
            term,
            asked_at,
            ask_at: 0,
            walls: BTreeMap::from([(node, wall)]),
            reckoned: Vec::new(),
            is_known,
        });
        if self.now < takeover.ask_at {
            return;
        }
        takeover.ask_at = self.now + PING_MS;
        self.settle_time(node);
        for peer in self.others(node) {
            self.send_peer(node, peer, Lane::Control, PeerMessage::AskTime { term });
        }
    }

    pub(super) fn hear_time(
        &mut self,
        node: usize,
        from: usize,
        (term, wall_ms, now): (u64, u64, Option<Timestamp>),
        must_know: bool,
    ) {
        let row = &mut self.nodes[node];
        let Some(takeover) = row.takeover.as_mut().filter(|takeover| takeover.term == term) else { return };
        if takeover.walls.insert(from, wall_ms).is_none() {
            takeover.reckoned.extend(now);
            takeover.is_known |= must_know;
        }
        self.settle_time(node);
    }

    /// Goes on when all have answered, or a majority and the others have taken too long.
    fn settle_time(&mut self, node: usize) {
        let size = self.nodes.len();
        let mono_us = self.nodes[node].clocks.monotonic_us(self.now);
        let row = &mut self.nodes[node];
        let Some(takeover) = &row.takeover else { return };
        let answered = takeover.walls.len();
        let is_late = self.now >= takeover.asked_at + TIME_ANSWER_MS;
        if answered == size || (is_late && answered > size / 2) {
            let walls: Vec<u64> = takeover.walls.values().copied().collect();
            row.time.take_over(&takeover.reckoned, &walls, mono_us);
            // Whoever reckons goes on with an earlier guess. Otherwise the walls count, and no guess that led to no
            // entry is left; one that did may have gone ahead of them.
            if takeover.reckoned.is_empty() && !takeover.is_known {
                let guessed = guessed(&takeover.walls, self.official.stamp(), row.words, self.now);
                self.official.guessed = guessed;
                if guessed != 0 {
                    self.report.count("time-guessed");
                }
            }
            self.begin_reign(node);
        }
    }

    fn begin_reign(&mut self, node: usize) {
        let now = self.nodes_time(node);
        let others: Vec<NodeId> = self.others(node).map(|peer| NodeId(peer as u64 + 1)).collect();
        let row = &mut self.nodes[node];
        row.takeover = None;
        row.liveness.reign_began(others.into_iter(), now);
        let mut reign = Reign::begin(row.disk.term);
        if row.router.plan().version == 0 {
            self.first.iter().for_each(|command| reign.take_own(command));
        }
        row.reign = Some(reign);
        for (from, of, commands) in std::mem::take(&mut self.nodes[node].early) {
            self.hear_forward(node, from, of, commands);
        }
        self.deliver_commands(node);
    }

    fn ping_peers(&mut self, node: usize) {
        let mono = self.mono(node);
        let now = self.reckoned(node);
        let term = self.nodes[node].disk.term;
        let alone = self.age(node);
        let Some(reign) = &mut self.nodes[node].reign else { return };
        if mono < reign.ping_at {
            return;
        }
        reign.ping_at = mono + PING_MS;
        for peer in self.others(node) {
            self.send_peer(node, peer, Lane::Control, PeerMessage::Ping { term, now, alone });
            self.tell_if_lost(node, peer);
        }
    }

    fn tell_if_lost(&mut self, node: usize, peer: usize) {
        let now = self.nodes_time(node);
        let id = NodeId(peer as u64 + 1);
        let row = &mut self.nodes[node];
        let Some(lost) = row.liveness.lost(id, NODE_LOST, now) else { return };
        let last_run = row.origins.get(&id).map(|(run, _)| *run);
        let command =
            lost.run.or(last_run).map(|incarnation| Command::NodeLost(NodeLost { node: id, incarnation }));
        row.liveness.loss_told(id);
        if let (Some(command), Some(reign)) = (command, &mut row.reign) {
            reign.take_own(&command);
            self.report.count("nodes-lost");
        }
    }

    /// A leader that lives says so; it is answered by those who follow it.
    pub(super) fn hear_ping(
        &mut self,
        node: usize,
        from: usize,
        (term, now, alone): (u64, Option<Timestamp>, Duration),
    ) {
        let mono = self.nodes_time(node);
        let mono_us = self.nodes[node].clocks.monotonic_us(self.now);
        let row = &mut self.nodes[node];
        let of_this_term = term == row.disk.term && row.raft.leader.is_none_or(|leader| leader == from);
        if term > row.disk.term || of_this_term {
            row.liveness.leader_said(term, alone, mono);
            if let Some(now) = now {
                row.time.heard(now, mono_us);
                row.words = Some(Words::hear(row.words, now, self.now));
            }
        }
        let disk = if row.disk.full { DiskState::Full } else { DiskState::Room };
        let said = Said { suspect: row.disk.suspect, draining: false, disk };
        let run = row.run;
        self.send_peer(node, from, Lane::Control, PeerMessage::Pong { term, run, said });
    }

    pub(super) fn hear_pong(&mut self, node: usize, from: usize, (term, run): (u64, u64), said: Said) {
        let now = self.nodes_time(node);
        let row = &mut self.nodes[node];
        if row.reign.as_ref().is_some_and(|reign| reign.term == term) {
            row.liveness.answered(NodeId(from as u64 + 1), Incarnation(run), said, now);
        }
    }

    /// Fires what is due when nothing is proposed that fires it too.
    fn tick_if_due(&mut self, node: usize) {
        let now = self.reckoned(node);
        let row = &mut self.nodes[node];
        let in_flight = row.disk.last().index > row.applied.index;
        let Some(reign) = row.reign.as_mut().filter(|reign| reign.queue.is_empty() && !in_flight) else {
            return;
        };
        let due = row.router.next_deadline();
        if due.is_some_and(|due| now.is_some_and(|now| now >= due)) && !is(Planted::NoTick) {
            reign.take_own(&Command::Tick);
        }
    }

    /// Writes what was taken into entries, while few of them are in flight.
    pub(super) fn write_entries(&mut self, node: usize) {
        loop {
            let has_work = |reign: &Reign| !reign.queue.is_empty();
            if !self.nodes[node].reign.as_ref().is_some_and(has_work) {
                return;
            }
            let doubles = self.happens(node, Habit::Doubled, 0.01);
            let drops = self.happens(node, Habit::Dropped, 0.003);
            let (mono_us, mono) = (self.nodes[node].clocks.monotonic_us(self.now), self.mono(node));
            let wall = self.nodes[node].clocks.wall_ms(self.now);
            let row = &mut self.nodes[node];
            let in_flight = row.disk.last().index - row.applied.index;
            let Some(reign) = row.reign.as_mut().filter(|reign| !reign.queue.is_empty()) else { return };
            if in_flight >= IN_FLIGHT_MAX {
                return;
            }
            let count = reign.queue.len().min(COMMANDS_PER_ENTRY_MAX);
            let mut commands: Vec<Proposed> = reign.queue.drain(..count).collect();
            if doubles && let Some(first) = commands.first().cloned() {
                commands.push(first);
            }
            if drops {
                // The leader loses what it took with its reign.
                row.raft.resign(mono);
                return self.after_raft(node);
            }
            let at = row.time.stamp(mono_us, wall);
            let batch = Batch { at, stamped: self.now, commands };
            if !row.raft.propose(&mut row.disk, batch, mono) {
                row.raft.resign(mono);
                return self.after_raft(node);
            }
            self.after_raft(node);
        }
    }

    pub(super) fn others(&self, node: usize) -> impl Iterator<Item = usize> + use<> {
        (0..self.nodes.len()).filter(move |other| *other != node)
    }

    pub(super) fn nodes_time(&self, node: usize) -> Duration {
        Duration::from_millis(self.mono(node))
    }

    /// Two nodes that lead in one term are an end of everything.
    pub(super) fn judge_leaders(&mut self, node: usize) {
        let term = self.nodes[node].disk.term;
        if !self.nodes[node].raft.is_leader() {
            return;
        }
        if let Some(other) = self.leaders.insert(term, node).filter(|other| *other != node) {
            let what = format!("nodes {other} and {node} both lead in term {term}");
            self.breach(Breach::new(Rule::I5, what));
        }
    }
}
