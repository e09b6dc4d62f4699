//! The modelled log: an order of commands that every node applies. What reached it stays; whether it did is not
//! always known to the one who proposed. The naive model and a core of its own judge each command here.

use rand::RngExt;
use ringmain_routing::{Command, Incarnation, LogIndex, Outcome, Timestamp};

use super::events::{Event, Proposal};
use super::judge::Judge;
use super::{NODES, Sim};
use crate::model::Model;
use crate::scenario::{self, Scenario};

/// One committed command.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub at: Timestamp,
    pub command: Command,
    /// Node, its run and its request number.
    pub from: Option<(usize, Incarnation, u64)>,
    pub outcome: Outcome,
    pub chain: u128,
}

pub(super) struct Log {
    pub entries: Vec<Entry>,
    pub judge: Judge,
    /// No leader until then: proposals fail.
    pub leaderless_until: u64,
    first: Vec<Command>,
    /// The command that broke a rule.
    failed: Option<(Timestamp, Command)>,
}

impl Log {
    pub(super) fn new(first: Vec<Command>) -> Log {
        Log { entries: Vec::new(), judge: Judge::new(), leaderless_until: 0, first, failed: None }
    }

    /// The log as a scenario, with what the rules say about each command.
    pub(super) fn scenario(&self, about: &str) -> Scenario {
        let committed = self.entries.iter().map(|entry| (entry.at, entry.command.clone()));
        let all = committed.chain(self.failed.clone());
        let entries = all.map(|(at, command)| scenario::Entry { at, command, trace: Vec::new() }).collect();
        let bare = Scenario { about: about.lines().map(str::to_owned).collect(), entries };
        let mut model = Model::new();
        bare.retraced(|at, command| model.apply(at, command))
    }

    pub(super) fn entry(&self, index: LogIndex) -> Option<&Entry> {
        self.entries.get((index.0 as usize).checked_sub(1)?)
    }
}

impl Sim {
    /// A command is committed: stamped, judged, and known to the nodes sooner or later.
    pub(super) fn append(&mut self, proposal: Proposal) -> Result<(), String> {
        let from = Some((proposal.node, proposal.incarnation, proposal.request));
        self.commit(proposal.command.clone(), from)?;
        if self.mishap(0.01) {
            self.report.doubled += 1;
            self.commit(proposal.command, from)?;
        }
        Ok(())
    }

    fn commit(&mut self, command: Command, from: Option<(usize, Incarnation, u64)>) -> Result<(), String> {
        let skew = if self.mishap(0.02) { self.rng.random_range(0..300) } else { 0 };
        let at = Timestamp(self.now.saturating_sub(skew));
        let judged = self.log.judge.apply(at, &command);
        if judged.is_err() {
            self.log.failed = Some((at, command.clone()));
        }
        let (outcome, chain) = judged?;
        self.log.entries.push(Entry { at, command, from, outcome, chain });
        for node in 0..NODES {
            let delay = self.delay();
            self.schedule(delay, Event::CatchUp(node));
        }
        Ok(())
    }

    /// The leader proposes what nobody else does: the first commands of the centre, and a tick when something is due.
    pub(super) fn leader_clock(&mut self) {
        self.schedule(10, Event::LeaderClock);
        if self.now < self.log.leaderless_until {
            return;
        }
        let command = if self.log.first.is_empty() {
            let due = self.log.judge.next_deadline().is_some_and(|deadline| deadline <= self.time());
            due.then_some(Command::Tick)
        } else {
            Some(self.log.first.remove(0))
        };
        if let Some(command) = command {
            let proposal = Proposal { node: 0, incarnation: Incarnation(0), request: 0, command };
            self.schedule(0, Event::Append(Box::new(proposal)));
        }
    }

    /// The others propose that a silent node's sessions are lost.
    pub(super) fn node_silent(&mut self, node: usize, incarnation: Incarnation) {
        let row = &self.nodes[node];
        let is_back = row.is_up && row.incarnation > incarnation;
        if is_back || row.is_in_touch() {
            return;
        }
        let lost = ringmain_routing::command::NodeLost { node: row.id(), incarnation };
        let command = Command::NodeLost(lost);
        let proposal = Proposal { node: 0, incarnation: Incarnation(0), request: 0, command };
        let delay = self.delay();
        self.schedule(delay, Event::Append(Box::new(proposal)));
    }
}
