//! What a drill reports.

use std::collections::BTreeMap;

use ringmain_routing::LogIndex;
use serde::{Deserialize, Serialize};

use super::centre::{WANDERING_GATEWAY, WANDERING_OPERATOR};
use super::engine::Felt;
use super::journal::Notes;
use crate::checker::{
    ClientOp, ClientOpKind, Continuity, HistoryEntry, LostContact, OpResult, SeenEvent, SeenEventKind,
    Verdict, continuity,
};

/// The figures of one drill.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Which drill.
    pub drill: String,
    /// Whether no promise was broken.
    pub clean: bool,
    /// How long it took.
    pub seconds: f64,
    /// What broke, in sentences, beside the verdict's own.
    pub problems: Vec<String>,
    /// Each time that nodes were struck.
    pub kills: Vec<Kill>,
    /// How fast contacts were routed in the parts of the drill, where it has parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// What else the drill measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
    /// What was done from outside, where the drill follows a document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Operations of all clients, by how they were answered.
    pub operations: BTreeMap<String, u64>,
    /// Streams opened by all clients.
    pub streams: Streams,
    /// What all clients were told, together.
    pub continuity: Continuity,
    /// What the gateway was told whose stream was moved from node to node.
    pub wandering_gateway: Wanderer,
    /// What the operator was told whose stream was moved from node to node.
    pub wandering_operator: Wanderer,
    /// What came out when all histories were held against each other.
    pub verdict: Verdict,
}

/// A part of a drill.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// How long it took.
    pub seconds: f64,
    /// Contacts pushed in it whose assignment a client heard of.
    pub contacts: u64,
    /// Of those, per second.
    pub rate: f64,
    /// From the push to the assignment, half of them within so many milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 within so many milliseconds.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// What each node did in it, by node.
    pub nodes: BTreeMap<u64, NodeWork>,
}

/// What a node's process did in a part of a drill.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct NodeWork {
    /// Syncs of its log.
    pub syncs: u64,
    /// Mean time of one.
    pub sync_mean_ms: f64,
    /// Share of one processor, in percent.
    pub cpu_percent: f64,
}

/// A block of commands of a document, carried out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// The heading above it.
    pub title: String,
    /// Its first line in the document.
    pub line: usize,
    /// How long it took.
    pub seconds: f64,
    /// Longest time without an assignment meanwhile; absent without load.
    pub longest_pause_ms: Option<u64>,
    /// Longest time until a client had its answer; absent without load.
    pub slowest_answer_ms: Option<u64>,
}

/// Something that a drill measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// What.
    pub name: String,
    /// How much.
    pub value: f64,
}

/// One time that nodes were struck, and how the cluster went on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Kill {
    /// Nodes struck.
    pub nodes: Vec<u64>,
    /// By what.
    pub how: String,
    /// What they were.
    pub role: String,
    /// When, since the drill began.
    pub at_ms: u64,
    /// Term before.
    pub term: u64,
    /// Until a client heard of an assignment; where the leader was killed, of one made in a later term.
    pub first_assignment_after_ms: Option<u64>,
    /// Longest time without an assignment in the seconds after.
    pub longest_pause_ms: u64,
    /// Until the processes were started again.
    pub started_after_ms: Option<u64>,
    /// From the start of the processes until all of them had caught up.
    pub back_after_ms: Option<u64>,
    /// Contacts whose acceptance a gateway heard of from then on, before the next strike.
    pub acknowledged: u64,
    /// Of those, lost in the end.
    pub lost: u64,
    /// When the fault ended, since the drill began.
    #[serde(default)]
    pub until_ms: Option<u64>,
    /// Whether somebody else has to lead before anything is assigned.
    #[serde(default)]
    pub needs_election: bool,
    /// Whether the others had no majority meanwhile.
    #[serde(default)]
    pub was_majority: bool,
    /// Terms begun until the next fault.
    #[serde(default)]
    pub elections: u64,
    /// When it was in force; a fault is not made in no time.
    #[serde(default)]
    pub in_force_ms: u64,
    /// Nodes that had no majority, but ran.
    #[serde(default)]
    pub minority: Vec<u64>,
    /// Commands given to them meanwhile; to all nodes, where the others had no majority.
    #[serde(default)]
    pub minority_asked: u64,
    /// Of those, acknowledged meanwhile.
    #[serde(default)]
    pub minority_acknowledged: u64,
    /// Until all of them said that they can only be read.
    #[serde(default)]
    pub read_only_after_ms: Option<u64>,
    /// Until the struck nodes had stopped by themselves.
    #[serde(default)]
    pub stopped_after_ms: Option<u64>,
    /// The code with which one of them stopped.
    #[serde(default)]
    pub stopped_with: Option<String>,
    /// The mark that it left, where the drill did not itself see it done.
    #[serde(default)]
    pub felt: Option<Felt>,
    /// What else there is to say.
    #[serde(default)]
    pub remark: String,
}

/// Streams opened.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Streams {
    /// In all.
    pub opened: u64,
    /// Of those, the ones on which events went on where an earlier stream had ended.
    pub resumed: u64,
}

/// A client whose stream was moved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wanderer {
    /// Nodes in the order of its streams.
    pub nodes: Vec<u64>,
    /// Streams on which events went on where an earlier stream had ended.
    pub resumed: u64,
    /// What reached it.
    #[serde(flatten)]
    pub continuity: Continuity,
}

/// How long after a killing a pause in assignments still counts as its consequence.
const AFTERMATH_NS: u64 = 5_000_000_000;

impl Kill {
    /// Fills in what clients saw after it, until a later moment.
    pub(super) fn measure(&mut self, seen: &[SeenEvent], history: &[HistoryEntry], end_ms: u64) {
        let (at_ns, end_ns) = (self.at_ms * 1_000_000, end_ms.saturating_mul(1_000_000));
        let term_of = |event: &SeenEvent| {
            let place = usize::try_from(event.log_index).ok().and_then(|index| index.checked_sub(1));
            place.and_then(|place| history.get(place)).map_or(0, |entry| entry.term)
        };
        let is_assignment =
            |event: &&SeenEvent| matches!(event.kind, SeenEventKind::Offered | SeenEventKind::Connected);
        let in_time = |event: &&SeenEvent| event.at_ns > at_ns && event.at_ns < end_ns;
        let mut after: Vec<&SeenEvent> = seen.iter().filter(is_assignment).filter(in_time).collect();
        after.sort_by_key(|event| event.at_ns);
        let aftermath_ns = self.until_ms.map_or(at_ns, |ms| ms * 1_000_000) + AFTERMATH_NS;
        let (longest_ns, pause_end_ns) = longest_pause(&after, at_ns, aftermath_ns);
        self.longest_pause_ms = longest_ns / 1_000_000;
        let in_later_term = after.iter().find(|event| term_of(event) > self.term).map(|event| event.at_ns);
        let first = if self.needs_election {
            // A fault that was over before anybody else led ends with the pause that it made.
            in_later_term.or(pause_end_ns)
        } else {
            after.first().map(|event| event.at_ns)
        };
        self.first_assignment_after_ms = first.map(|ns| (ns - at_ns) / 1_000_000);
    }

    /// Until somebody was assigned again; where nobody could be, counted from the end of the fault.
    #[must_use]
    pub fn resumed_after_ms(&self) -> Option<u64> {
        let lasted = self.until_ms.filter(|_| self.was_majority).map_or(0, |until| until - self.at_ms);
        self.first_assignment_after_ms.map(|after| after.saturating_sub(lasted))
    }

    /// The longest time without an assignment; where nobody could be assigned, counted from the end of the fault.
    #[must_use]
    pub fn pause_ms(&self) -> u64 {
        let lasted = self.until_ms.filter(|_| self.was_majority).map_or(0, |until| until - self.at_ms);
        self.longest_pause_ms.saturating_sub(lasted)
    }
}

/// The longest time without an assignment that began before a moment, and when it ended, in ns.
fn longest_pause(after: &[&SeenEvent], from_ns: u64, until_ns: u64) -> (u64, Option<u64>) {
    let mut before = from_ns;
    let mut longest = (0, None);
    for event in after {
        if before >= until_ns {
            break;
        }
        if event.at_ns - before > longest.0 {
            longest = (event.at_ns - before, Some(event.at_ns));
        }
        before = event.at_ns;
    }
    longest
}

impl Kill {
    /// Counts what gateways were told from the strike until the next one, and what of it is lost.
    pub(super) fn count(&mut self, ops: &[ClientOp], end_ms: u64, lost: &[LostContact]) {
        let span = self.at_ms..end_ms;
        for op in ops.iter().filter(|op| span.contains(&(op.returned_ns / 1_000_000))) {
            let (ClientOpKind::Push { key }, OpResult::Done { .. }) = (&op.op, &op.result) else { continue };
            self.acknowledged += 1;
            let is_lost = lost.iter().any(|contact| contact.gateway == op.client && contact.key == *key);
            self.lost += u64::from(is_lost);
        }
    }
}

/// What clients say about themselves and about what reached them.
pub(super) fn problems_of_clients(notes: &Notes, continuities: &BTreeMap<String, Continuity>) -> Vec<String> {
    let stopped = notes.clients_stopped.iter().map(|stopped| format!("client stopped: {stopped}"));
    let broken = continuities.iter().filter(|(_, found)| found.missed + found.repeated > 0);
    let broken = broken.map(|(client, found)| {
        format!("{client}: {} events missed, {} repeated", found.missed, found.repeated)
    });
    stopped.chain(broken).collect()
}

/// What a drill calls the roles of nodes that it strikes.
pub(super) const LEADER: &str = "leader";
pub(super) const FOLLOWER: &str = "follower";
pub(super) const ALL: &str = "all nodes";

/// How operations were answered.
pub(super) fn count_operations(notes: &Notes) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::from(["done", "refused", "unknown"].map(|word| (word.to_owned(), 0)));
    for op in &notes.ops {
        let word = match op.result {
            OpResult::Done { .. } => "done",
            OpResult::Refused { .. } => "refused",
            OpResult::Unknown => "unknown",
        };
        *counts.entry(word.to_owned()).or_default() += 1;
    }
    counts
}

/// Streams that clients opened; those of one client, or of all.
pub(super) fn count_streams(notes: &Notes, client: Option<&str>) -> Streams {
    let of = notes.openings.iter().filter(|opening| client.is_none_or(|client| opening.client == client));
    of.fold(Streams::default(), |streams, opening| Streams {
        opened: streams.opened + 1,
        resumed: streams.resumed + u64::from(opening.resumed),
    })
}

/// The continuity of every client, by name.
pub(super) fn continuities(
    notes: &Notes,
    history: &[HistoryEntry],
    until: LogIndex,
) -> BTreeMap<String, Continuity> {
    let of = |(client, deliveries): (&String, &Vec<_>)| {
        (client.clone(), continuity(client, deliveries, history, until))
    };
    notes.deliveries.iter().map(of).collect()
}

/// All of them together.
pub(super) fn total(continuities: &BTreeMap<String, Continuity>) -> Continuity {
    continuities.values().fold(Continuity::default(), |sum, one| Continuity {
        delivered: sum.delivered + one.delivered,
        resyncs: sum.resyncs + one.resyncs,
        missed: sum.missed + one.missed,
        repeated: sum.repeated + one.repeated,
    })
}

/// What became of a client whose stream was moved.
pub(super) fn wanderer(notes: &Notes, client: &str, continuities: &BTreeMap<String, Continuity>) -> Wanderer {
    let own = notes.openings.iter().filter(|opening| opening.client == client);
    Wanderer {
        nodes: own.map(|opening| opening.node).collect(),
        resumed: count_streams(notes, Some(client)).resumed,
        continuity: continuities.get(client).copied().unwrap_or_default(),
    }
}

impl Phase {
    fn print(&self) {
        let Phase { name, seconds, contacts, rate, p50_ms, p99_ms, max_ms, nodes } = self;
        println!(
            "{name:>10}: {seconds:.1} s, {contacts} contacts, {rate:.0}/s, assigned p50 {p50_ms:.1} ms, p99 {p99_ms:.1} \
             ms, max {max_ms:.0} ms"
        );
        for (node, work) in nodes {
            let NodeWork { syncs, sync_mean_ms, cpu_percent } = work;
            println!(
                "            node {node}: {syncs} syncs of {sync_mean_ms:.2} ms, {cpu_percent:.0} % CPU"
            );
        }
    }
}

impl Step {
    fn print(&self) {
        let ms = |value: Option<u64>| value.map_or("no load".to_owned(), |ms| format!("{ms} ms"));
        println!(
            "line {:>3} {:<40} {:>6.1} s, longest pause {}, slowest answer {}",
            self.line,
            self.title,
            self.seconds,
            ms(self.longest_pause_ms),
            ms(self.slowest_answer_ms)
        );
    }
}

impl Report {
    /// Adds to the problems what the figures say, and decides whether the drill was clean.
    pub(super) fn conclude(&mut self) {
        let verdict = &self.verdict;
        for (name, count) in verdict.violations().iter().filter(|(_, count)| *count > 0) {
            self.problems.push(format!("{name}: {count}"));
        }
        if verdict.accepted == 0 {
            self.problems.push("no contact was accepted".to_owned());
        }
        if verdict.open > 0 {
            self.problems.push(format!("{} contacts were not served in the end", verdict.open));
        }
        if self.continuity.missed + self.continuity.repeated > 0 {
            let Continuity { missed, repeated, .. } = self.continuity;
            self.problems.push(format!("{missed} events missed by clients, {repeated} repeated"));
        }
        for kill in self.kills.iter().filter(|kill| kill.first_assignment_after_ms.is_none()) {
            self.problems.push(format!("no assignment after {} at {:?}", kill.how, kill.nodes));
        }
        for (name, wanderer) in
            [(WANDERING_GATEWAY, &self.wandering_gateway), (WANDERING_OPERATOR, &self.wandering_operator)]
        {
            if wanderer.resumed == 0 && !self.kills.is_empty() {
                self.problems.push(format!("{name} was never resumed on another node"));
            }
        }
        self.clean = self.problems.is_empty();
    }

    /// Adds something that broke.
    pub(super) fn add_problem(&mut self, problem: String) {
        self.problems.push(problem);
        self.clean = false;
    }

    /// The figures for people.
    pub(super) fn print(&self) {
        let verdict = &self.verdict;
        println!(
            "accepted {}  ended {}  open {}  log entries {}  duplicates refused {}  operations {:?}",
            verdict.accepted,
            verdict.ended,
            verdict.open,
            verdict.entries,
            verdict.duplicates_refused,
            self.operations
        );
        for kill in &self.kills {
            let after = |ms: Option<u64>| ms.map_or("never".to_owned(), |ms| format!("{ms} ms"));
            println!(
                "{} {:?} ({}) at {} ms: first assignment after {}, longest pause {} ms, started again after {}, \
                 back {} later, then {} \
                 acknowledged, {} of them lost",
                kill.how,
                kill.nodes,
                kill.role,
                kill.at_ms,
                after(kill.first_assignment_after_ms),
                kill.longest_pause_ms,
                after(kill.started_after_ms),
                after(kill.back_after_ms),
                kill.acknowledged,
                kill.lost
            );
        }
        self.phases.iter().for_each(Phase::print);
        self.steps.iter().for_each(Step::print);
        self.figures.iter().for_each(|figure| println!("{}: {}", figure.name, figure.value));
        let breaches: Vec<String> =
            verdict.violations().iter().map(|(name, count)| format!("{name} {count}")).collect();
        println!("{}", breaches.join("  "));
        println!(
            "streams {} (resumed {})  events {}  lists {}  missed {}  repeated {}",
            self.streams.opened,
            self.streams.resumed,
            self.continuity.delivered,
            self.continuity.resyncs,
            self.continuity.missed,
            self.continuity.repeated
        );
        println!("model compared {} of {} log entries", verdict.model_checked_entries, verdict.entries);
        verdict.details.iter().for_each(|detail| println!("  {detail}"));
        self.problems.iter().for_each(|problem| println!("PROBLEM: {problem}"));
        println!("{} in {:.1} s", if self.clean { "clean" } else { "NOT CLEAN" }, self.seconds);
    }
}
