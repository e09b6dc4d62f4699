//! Between a node's Raft and the rest of the world: messages, syncs, what is committed, and applying it.

use std::rc::Rc;

use rand::RngExt;
use ringmain_routing::planted::{Planted, is};
use ringmain_routing::shell::forwarding::is_first;
use ringmain_routing::{Command, LogIndex, Router, Timestamp};

use super::Sim;
use super::disk::{Disk, Entry, Proposed, Snapshot};
use super::events::{Event, PeerMessage};
use super::knowing::Words;
use super::net::{Fate, Lane};
use super::node::Waiting;
use super::raft::{self, Out};
use super::rules::{Breach, Rule};
use super::schedule::Step;

/// What a sync takes, and what it takes on a slow disk.
const SYNC_MS: u64 = 4;
const SLOW_SYNC_MS: u64 = 200;

impl Sim {
    pub(super) fn send_peer(&mut self, from: usize, to: usize, lane: Lane, message: PeerMessage) {
        let fate = self.net.send(self.now, from, to, lane);
        self.arrive(fate, from, to, message);
    }

    /// A connection belongs to a run of the receiver: what is on its way when that ends comes nowhere.
    pub(super) fn arrive(&mut self, fate: Fate, from: usize, to: usize, message: PeerMessage) {
        let run = self.nodes[to].run;
        let event = |message| Event::Peer { from, to, run, message: Box::new(message) };
        match fate {
            Fate::Lost => {}
            Fate::Comes(at) => self.queue.push(at, event(message)),
            Fate::ComesTwice(first, second) => {
                self.queue.push(first, event(message.clone()));
                self.queue.push(second, event(message));
            }
        }
    }

    pub(super) fn peer_hears(&mut self, node: usize, from: usize, message: PeerMessage) {
        match message {
            PeerMessage::Raft(message) => {
                let now = self.mono(node);
                let row = &mut self.nodes[node];
                row.raft.hear(&mut row.disk, from, message, now);
                if row.raft.leader == Some(from) {
                    row.liveness.leader_heard(row.disk.term, std::time::Duration::from_millis(now));
                }
                self.after_raft(node);
            }
            PeerMessage::Ping { term, now, alone } => self.hear_ping(node, from, (term, now, alone)),
            PeerMessage::Pong { term, run, said } => self.hear_pong(node, from, (term, run), said),
            PeerMessage::AskTime { term } => {
                let wall_ms = self.nodes[node].clocks.wall_ms(self.now);
                let mono_us = self.nodes[node].clocks.monotonic_us(self.now);
                let now = self.nodes[node].time.settled(mono_us);
                let must_know = Words::must_know(self.nodes[node].words);
                let told = PeerMessage::TellTime { term, wall_ms, now, must_know };
                self.send_peer(node, from, Lane::Control, told);
            }
            PeerMessage::TellTime { term, wall_ms, now, must_know } => {
                self.hear_time(node, from, (term, wall_ms, now), must_know);
            }
            PeerMessage::Forward { term, run, stream, place, commands } => {
                self.hear_forward(node, from, (term, run, stream, place), commands);
            }
            PeerMessage::Refused { run, stream } => {
                if self.nodes[node].run == run {
                    self.schedule(20, Event::ForwardBroken { node, run, stream });
                }
            }
        }
    }

    /// Does what a node's Raft wants done, and sees what it now knows.
    pub(super) fn after_raft(&mut self, node: usize) {
        for out in self.nodes[node].raft.take_out() {
            match out {
                Out::Send(to, message) => {
                    self.judge_vote(node, &message);
                    self.send_peer(node, to, Lane::Raft, PeerMessage::Raft(message));
                }
                Out::Sync => self.sync_later(node),
                Out::Installed(snapshot) => self.install(node, &snapshot),
            }
        }
        self.judge_leaders(node);
        self.confirm(node);
        self.follow_leadership(node);
        self.apply_later(node);
    }

    /// A node that lost part of its log must not help to elect a leader that lacks the same part.
    fn judge_vote(&mut self, node: usize, message: &raft::Message) {
        if let raft::Message::Vote { term, pre: false, granted: true } = message
            && self.nodes[node].disk.suspect
        {
            let what = format!("node {node} votes in term {term}, and lost part of its log");
            self.breach(Breach::new(Rule::I5, what));
        }
    }

    fn sync_later(&mut self, node: usize) {
        let row = &mut self.nodes[node];
        let most = if row.disk.slow && !self.healing { SLOW_SYNC_MS } else { SYNC_MS };
        let delay = row.rng.random_range(most / 4..=most);
        let (run, upto) = (row.run, row.disk.last());
        self.schedule(delay, Event::Synced { node, run, upto });
    }

    pub(super) fn synced(&mut self, node: usize, upto: super::disk::Place) {
        let now = self.mono(node);
        self.nodes[node].disk.sync(upto);
        if self.comes_to(node, Step::Synced) {
            return;
        }
        let row = &mut self.nodes[node];
        row.raft.synced(&mut row.disk, now);
        self.after_raft(node);
    }

    /// What the node knows to be committed must be what everybody commits.
    fn confirm(&mut self, node: usize) {
        while self.nodes[node].confirmed < self.nodes[node].raft.commit {
            let index = self.nodes[node].confirmed + 1;
            self.nodes[node].confirmed = index;
            let Some(Entry { place, batch }) = self.nodes[node].disk.entry(index).cloned() else { continue };
            let disks: Vec<&Disk> = self.nodes.iter().map(|row| &row.disk).collect();
            if let Err(breach) = self.official.confirm(node, place, &batch, &disks) {
                return self.breach(breach);
            }
        }
    }

    fn apply_later(&mut self, node: usize) {
        let row = &mut self.nodes[node];
        if row.is_up && !row.is_applying && row.applied.index < row.raft.commit {
            row.is_applying = true;
            let (delay, run) = (row.rng.random_range(0..2), row.run);
            self.schedule(delay, Event::Apply { node, run });
        }
    }

    /// Applies what is committed, command by command, and tells those who must hear of it.
    pub(super) fn apply(&mut self, node: usize) {
        self.nodes[node].is_applying = false;
        while self.broken.is_none() && self.nodes[node].applied.index < self.nodes[node].raft.commit {
            let index = self.nodes[node].applied.index + 1;
            let Some(entry) = self.nodes[node].disk.entry(index).cloned() else { break };
            for proposed in &entry.batch.commands {
                if !self.apply_command(node, entry.batch.at, proposed) {
                    return;
                }
            }
            self.nodes[node].applied = entry.place;
            if self.comes_to_work(node) {
                return;
            }
        }
        self.reign_on(node);
        self.deliver_commands(node);
    }

    /// False when the node has crashed over it, or a rule is broken.
    fn apply_command(&mut self, node: usize, at: Timestamp, proposed: &Proposed) -> bool {
        let row = &mut self.nodes[node];
        let (id, incarnation) = (row.id(), row.incarnation());
        let own = proposed.origin.filter(|own| own.node == id && own.incarnation == incarnation);
        if let Some(origin) = proposed.origin
            && !is_first(&mut row.origins, origin)
        {
            let waiting = own.and_then(|own| row.open.remove(own.seq));
            self.settle_unseen(node, waiting);
            return true;
        }
        let is_skipped = is(Planted::CommandSkipped) && row.rng.random_bool(0.001);
        let command = if is_skipped { Ok(Command::Tick) } else { Command::decode(&proposed.frame) };
        let Ok(command) = command else {
            let what = format!("node {node} cannot read a command that it is to apply");
            self.breach(Breach::new(Rule::I8, what));
            return false;
        };
        let outcome = row.router.apply(at, &command);
        let (index, chain) = (row.router.index(), row.router.chain());
        if !self.is_official(node, index, chain) || self.comes_to(node, Step::Applied) {
            return false;
        }
        self.deliver(node, index, &outcome.effects);
        let waiting = own.and_then(|own| self.nodes[node].open.remove(own.seq));
        if let Some(waiting) = waiting {
            self.answer(node, index, waiting, &outcome.reply);
        }
        self.end_streams(node, &outcome.effects);
        self.nodes[node].is_up
    }

    fn is_official(&mut self, node: usize, index: LogIndex, chain: u128) -> bool {
        let known = self.official.decided(index);
        if known.is_some_and(|decided| decided.chain == chain) {
            return true;
        }
        let what = format!("node {node} comes to something else at {index}: {:?} was decided", known);
        self.breach(Breach::new(Rule::I8, what));
        false
    }

    /// A follower that is far behind takes over a whole state instead of the commands.
    fn install(&mut self, node: usize, snapshot: &Rc<Snapshot>) {
        self.report.count("installs");
        let Ok(router) = Router::restore(&snapshot.state) else {
            return self
                .breach(Breach::new(Rule::I8, format!("node {node} cannot read a snapshot it was sent")));
        };
        let row = &mut self.nodes[node];
        row.router = router;
        row.origins = snapshot.origins.clone();
        row.applied = snapshot.place;
        row.confirmed = row.confirmed.max(snapshot.place.index);
        row.delivery.skip_to(row.router.index());
        let skipped = row.origins.get(&row.id()).filter(|(run, _)| run.0 == row.run).map(|(_, seq)| *seq);
        let waiting: Vec<Waiting> = skipped.map_or_else(Vec::new, |last| row.open.skipped(last));
        for waiting in waiting {
            self.settle_unseen(node, Some(waiting));
        }
        self.end_stale_streams(node);
    }
}
