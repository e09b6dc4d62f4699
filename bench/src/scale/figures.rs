//! The figures of a run, size by size.

use std::collections::BTreeMap;

use ringmain_routing::limits::CLASSES_MAX;
use serde::Serialize;

use crate::cluster::{Latency, Machine, Step};
use crate::nodes::NODES;

/// Version of the file.
pub const FORMAT: u32 = 1;

/// Queues beside those in which contacts wait: one for which somebody is always free, and one that nobody serves.
pub(super) const BESIDE_LINES: usize = 2;
/// Lines that are kept free below the limit of those with somebody waiting.
const LINES_SPARE: usize = 8;
/// An entry that takes longer is slow: the bound of a bucket of the nodes' histogram.
const SLOW_MS: f64 = 16.0;
/// The crew completes one contact in so many: its skills fit more than a third of the lines.
const REACH: u64 = 10;
/// Gateways that bring contacts; the others only keep their streams open.
const PUSHERS: usize = 20 * NODES;

/// How large it is to be.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Contacts that wait in the end.
    pub waiting: u64,
    /// Operators of the centre, all of whom sign in.
    pub operators: usize,
    /// Queues of the plan.
    pub queues: usize,
    /// Streams of gateways.
    pub gateways: usize,
}

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// Version of the file: [`FORMAT`].
    pub format: u32,
    /// On what it ran.
    pub machine: Machine,
    /// How it was set up.
    pub setup: Setup,
    /// What was worth a sentence: limits of the product that shaped the run, and what went otherwise than planned.
    pub facts: Vec<Fact>,
    /// Plan and operators.
    pub furnishing: Option<Furnishing>,
    /// Streams of gateways.
    pub gateways: Option<Crowd>,
    /// Streams of operators.
    pub operators: Option<Crowd>,
    /// What was measured at each size, in the order in which the cluster grew.
    pub sizes: Vec<Size>,
    /// A fourth node.
    pub joining: Option<Joining>,
    /// Contacts that were accepted and are not completed, by the records of the clients.
    pub open_expected: u64,
    /// Contacts that are open, by each node, in the end.
    pub open: Vec<u64>,
    /// Whether all nodes had the same chain at the same log index in the end.
    pub replicas_agree: bool,
    /// Terms begun in the whole run: elections.
    pub terms: u64,
    /// How long it took, s.
    pub seconds: f64,
}

/// A sentence about the run.
#[derive(Clone, Debug, Serialize)]
pub struct Fact {
    /// What it is about.
    pub about: String,
    /// What there is to say.
    pub words: String,
}

/// How a run is set up.
#[derive(Clone, Debug, Serialize)]
pub struct Setup {
    /// Nodes at the beginning.
    pub nodes: usize,
    /// Queues of the plan.
    pub queues: usize,
    /// Queues in which contacts wait.
    pub lines: usize,
    /// Operators of the plan.
    pub operators: usize,
    /// Streams of gateways.
    pub gateways: usize,
    /// Of those, how many bring contacts.
    pub pushers: usize,
    /// Unanswered pushes that each of them has at most.
    pub window: usize,
    /// How many contacts wait when it is measured, ascending.
    pub sizes: Vec<u64>,
    /// Clients that sign in at a time.
    pub at_once: usize,
    /// Operators who serve those who wait.
    pub crew: usize,
    /// Contacts that they complete at each size, where so many are within their reach.
    pub completions: u64,
    /// Operators who are free for a queue in which nobody waits.
    pub express: usize,
    /// Contacts per second for them.
    pub express_rate: f64,
    /// How long these are measured, s.
    pub express_s: f64,
    /// Bytes of log after which the nodes take a snapshot, unless the last one is larger.
    pub snapshot_log_bytes: u64,
    /// Where chance comes from.
    pub seed: u64,
}

/// Plan and operators.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Furnishing {
    /// Queues of the plan.
    pub queues: usize,
    /// Time to apply it, s.
    pub plan_s: f64,
    /// Operators put.
    pub operators: usize,
    /// Commands that did it.
    pub commands: usize,
    /// Time of all, one after the other, s.
    pub operators_s: f64,
    /// Of each.
    pub command: Latency,
    /// Resident memory of each node after it, bytes.
    pub resident: Vec<u64>,
}

/// Many sessions of one kind.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Crowd {
    /// How many were to come.
    pub wanted: usize,
    /// How many came.
    pub online: usize,
    /// How long it took, s.
    pub seconds: f64,
    /// From connecting to being online.
    pub to_online: Latency,
    /// Resident memory of all nodes, for each session, bytes: what they had more afterwards.
    pub node_bytes_each: f64,
    /// The same of this program.
    pub client_bytes_each: f64,
    /// Resident memory of each node afterwards, bytes.
    pub resident: Vec<u64>,
    /// Processors that all nodes kept busy while nobody did anything but stay signed in.
    pub idle_processors: f64,
    /// The same of this program.
    pub idle_client_processors: f64,
    /// Becoming ready, of operators: from asking to the answer.
    pub ready: Latency,
    /// All of them, s.
    pub ready_s: f64,
    /// Signing out, of operators: from asking to the answer.
    pub leave: Latency,
    /// All of them, s.
    pub leave_s: f64,
}

/// What was measured with so many waiting.
#[derive(Clone, Debug, Serialize)]
pub struct Size {
    /// Contacts that waited.
    pub waiting: u64,
    /// Of those, accepted since the size before.
    pub accepted: u64,
    /// How long that took, s.
    pub seconds: f64,
    /// Number waiting, and contacts accepted per second around that.
    pub rates: Vec<(u64, f64)>,
    /// From a push to its answer.
    pub to_answer: Latency,
    /// Refused pushes, by code; another contact took the place of each.
    pub refused: BTreeMap<String, u64>,
    /// Resident memory of each node, bytes.
    pub resident: Vec<u64>,
    /// A restart with the log since the last snapshot behind it.
    pub with_log: Comeback,
    /// Log that was written until the snapshot fell due, bytes.
    pub filled_bytes: u64,
    /// The snapshot of each node.
    pub snapshots: Vec<NodeSnapshot>,
    /// A restart right behind the snapshot.
    pub with_snapshot: Comeback,
    /// Contacts of a queue in which nobody waits, for operators who are free.
    pub express: Step,
    /// Contacts of the lines that were completed.
    pub completed: u64,
    /// From an operator's "complete" until the desktop shows the next contact.
    pub to_next: Latency,
    /// ... until it is answered.
    pub to_completed: Latency,
}

/// A snapshot, as its node's metrics tell of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NodeSnapshot {
    /// Snapshots that the node has made since it started.
    pub built: u64,
    /// Size, bytes.
    pub bytes: u64,
    /// Time to write it, beside the work, ms.
    pub write_ms: f64,
    /// How long nothing was applied while its view was taken, ms.
    pub pause_ms: f64,
    /// The longest time that an entry took to be applied since the node started, ms.
    pub longest_ms: f64,
    /// Entries that took longer than 16 ms, of those applied while the log was filled and the snapshot written.
    pub slow: u64,
    /// Entries applied meanwhile.
    pub entries: u64,
}

/// A follower that was killed and started again.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Comeback {
    /// Which.
    pub node: u64,
    /// From the start of the process until it is ready for clients, s.
    pub serving_s: f64,
    /// ... until it has applied what the leader had applied when it was started, s.
    pub caught_up_s: f64,
    /// Of that, reading the snapshot and the history, s.
    pub read_s: f64,
    /// Raft entries behind its snapshot that the leader had when it was started.
    pub entries_behind: u64,
    /// Resident memory when it had caught up, bytes.
    pub resident: u64,
    /// Until every gateway was online again, s; absent when that took more than a minute.
    pub gateways_back_s: Option<f64>,
}

/// A fourth node that joins.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Joining {
    /// Calls that it took: a call that was given up goes on where it was.
    pub calls: u32,
    /// Why calls were given up.
    pub given_up: Vec<String>,
    /// From the start of its process until it votes, s.
    pub seconds: f64,
    /// Of that, until it was admitted.
    pub admitted_s: f64,
    /// Until it is ready for clients, s.
    pub serving_s: f64,
    /// Bytes of snapshots that were sent to it.
    pub snapshot_bytes: u64,
    /// Bytes of history.
    pub history_bytes: u64,
    /// Its resident memory, bytes.
    pub resident: u64,
}

impl Setup {
    /// The setup for a size; of a smoke run a short one.
    #[must_use]
    pub fn of(asked: &Asked, is_smoke: bool) -> Setup {
        let shares: &[u64] = if is_smoke { &[30, 100] } else { &[1, 10, 30, 100] };
        let mut sizes: Vec<u64> = shares.iter().map(|share| (asked.waiting * share / 100).max(1)).collect();
        sizes.dedup();
        let few = |much: usize, little: usize| if is_smoke { little } else { much };
        Setup {
            nodes: NODES,
            queues: asked.queues,
            lines: (asked.queues - BESIDE_LINES).min(CLASSES_MAX - LINES_SPARE),
            operators: asked.operators,
            gateways: asked.gateways,
            pushers: PUSHERS.min(asked.gateways),
            window: few(64, 8),
            sizes,
            at_once: few(400, 50),
            crew: few(64, 8),
            completions: if is_smoke { 40 } else { 1_000 },
            express: few(60, 6),
            express_rate: if is_smoke { 40.0 } else { 100.0 },
            express_s: if is_smoke { 2.0 } else { 10.0 },
            snapshot_log_bytes: if is_smoke { 1 << 20 } else { 32 << 20 },
            seed: 1,
        }
    }
}

impl Setup {
    /// Contacts that the crew completes with so many waiting: few enough of those that its skills fit.
    #[must_use]
    pub fn completions_with(&self, waiting: u64) -> u64 {
        self.completions.min(waiting / REACH)
    }
}

impl NodeSnapshot {
    /// No entry took longer, of those applied while the log was filled and the snapshot written, ms.
    #[must_use]
    pub fn longest_ms_at_most(&self) -> f64 {
        if self.slow == 0 { self.longest_ms.min(SLOW_MS) } else { self.longest_ms }
    }
}

impl Size {
    /// Contacts accepted per second on the way to it.
    #[must_use]
    pub fn accepted_per_s(&self) -> f64 {
        self.accepted as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }
}

impl Crowd {
    /// Sessions opened per second.
    #[must_use]
    pub fn per_s(&self) -> f64 {
        self.online as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }
}
