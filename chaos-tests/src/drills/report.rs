//! What a drill reports.

use std::collections::BTreeMap;

use ringmain_routing::LogIndex;
use serde::Serialize;

use super::centre::{WANDERING_GATEWAY, WANDERING_OPERATOR};
use super::journal::Notes;
use crate::checker::{Continuity, HistoryEntry, SeenEvent, SeenEventKind, Verdict, continuity};

/// The figures of one drill.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Which drill.
    pub drill: &'static str,
    /// Whether no promise was broken.
    pub clean: bool,
    /// How long it took.
    pub seconds: f64,
    /// What broke, in sentences, beside the verdict's own.
    pub problems: Vec<String>,
    /// Each killing.
    pub kills: Vec<Kill>,
    /// Operations of all clients, by how they were answered.
    pub operations: BTreeMap<&'static str, u64>,
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

/// One killing, and how the cluster went on.
#[derive(Clone, Debug, Serialize)]
pub struct Kill {
    /// Nodes killed.
    pub nodes: Vec<u64>,
    /// What they were.
    pub role: &'static str,
    /// When, since the drill began.
    pub at_ms: u64,
    /// Term before.
    pub term: u64,
    /// Until a client heard of an assignment; where the leader was killed, of one made in a later term.
    pub first_assignment_after_ms: Option<u64>,
    /// Longest time without an assignment in the seconds after.
    pub longest_pause_ms: u64,
    /// From the start of the process until the node had caught up.
    pub back_after_ms: Option<u64>,
}

/// Streams opened.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Streams {
    /// In all.
    pub opened: u64,
    /// Of those, the ones on which events went on where an earlier stream had ended.
    pub resumed: u64,
}

/// A client whose stream was moved.
#[derive(Clone, Debug, Serialize)]
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
    /// Fills in what clients saw after it.
    pub(super) fn measure(&mut self, seen: &[SeenEvent], history: &[HistoryEntry]) {
        let at_ns = self.at_ms * 1_000_000;
        let term_of = |event: &SeenEvent| {
            let place = usize::try_from(event.log_index).ok().and_then(|index| index.checked_sub(1));
            place.and_then(|place| history.get(place)).map_or(0, |entry| entry.term)
        };
        let is_assignment =
            |event: &&SeenEvent| matches!(event.kind, SeenEventKind::Offered | SeenEventKind::Connected);
        let mut after: Vec<&SeenEvent> =
            seen.iter().filter(is_assignment).filter(|event| event.at_ns > at_ns).collect();
        after.sort_by_key(|event| event.at_ns);
        let needs_election = self.role != FOLLOWER;
        let first = after.iter().find(|event| !needs_election || term_of(event) > self.term);
        self.first_assignment_after_ms = first.map(|event| (event.at_ns - at_ns) / 1_000_000);
        let mut before = at_ns;
        for event in after {
            if before < at_ns + AFTERMATH_NS {
                self.longest_pause_ms = self.longest_pause_ms.max((event.at_ns - before) / 1_000_000);
            }
            before = event.at_ns;
        }
    }
}

pub(super) const LEADER: &str = "leader";
pub(super) const FOLLOWER: &str = "follower";
pub(super) const ALL: &str = "all nodes";

/// How operations were answered.
pub(super) fn count_operations(notes: &Notes) -> BTreeMap<&'static str, u64> {
    use crate::checker::OpResult;
    let mut counts = BTreeMap::from([("done", 0), ("refused", 0), ("unknown", 0)]);
    for op in &notes.ops {
        let word = match op.result {
            OpResult::Done { .. } => "done",
            OpResult::Refused { .. } => "refused",
            OpResult::Unknown => "unknown",
        };
        *counts.entry(word).or_default() += 1;
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
            self.problems.push(format!("no assignment after killing {:?}", kill.nodes));
        }
        for (name, wanderer) in
            [(WANDERING_GATEWAY, &self.wandering_gateway), (WANDERING_OPERATOR, &self.wandering_operator)]
        {
            if wanderer.resumed == 0 {
                self.problems.push(format!("{name} was never resumed on another node"));
            }
        }
        self.clean = self.problems.is_empty();
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
                "killed {:?} ({}) at {} ms: first assignment after {}, longest pause {} ms, back after {}",
                kill.nodes,
                kill.role,
                kill.at_ms,
                after(kill.first_assignment_after_ms),
                kill.longest_pause_ms,
                after(kill.back_after_ms)
            );
        }
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
