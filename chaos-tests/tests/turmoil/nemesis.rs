//! Who makes things go wrong, and when: drawn from the seed before the run begins.

use std::fmt;
use std::time::Duration;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One fault, from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Fault {
    pub from: Duration,
    pub until: Duration,
    pub kind: Kind,
}

/// What goes wrong. Nodes are places, regions of clients too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The process is gone at once, its machine is not: it comes back on all that it had written, synced or not.
    Crash(usize),
    /// All nodes at once.
    CrashAll,
    /// Nothing passes between a node and all others.
    Isolate(usize),
    /// Nothing passes between two nodes; a third sees both.
    CutPair(usize, usize),
    /// What the first sends does not reach the second.
    CutOneWay(usize, usize),
    /// What is sent between two nodes is held back and comes late.
    Hold(usize, usize),
    /// A region's clients do not reach one node.
    CutClients { region: usize, node: usize },
    /// Messages take up to so many ms.
    Slow(u64),
    /// A node's wall clock is off by so many ms from here on, until everything heals.
    Clock { node: usize, by_ms: i64 },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms to {} ms: {:?}", self.from.as_millis(), self.until.as_millis(), self.kind)
    }
}

/// The faults of a seed, in the order in which they begin. All are over at `end`.
pub fn faults(seed: u64, nodes: usize, begin: Duration, end: Duration) -> Vec<Fault> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut faults = Vec::new();
    let mut at = begin;
    while at < end {
        let lasts = Duration::from_millis(rng.random_range(200..4_000));
        faults.push(Fault { from: at, until: (at + lasts).min(end), kind: kind(&mut rng, nodes) });
        // Often before the last one is over.
        at += Duration::from_millis(rng.random_range(300..2_500));
    }
    faults
}

fn kind(rng: &mut impl Rng, nodes: usize) -> Kind {
    let node = rng.random_range(0..nodes);
    let other = (node + rng.random_range(1..nodes)) % nodes;
    match rng.random_range(0..20) {
        0..=4 => Kind::Crash(node),
        5 => Kind::CrashAll,
        6..=8 => Kind::Isolate(node),
        9..=10 => Kind::CutPair(node, other),
        11..=13 => Kind::CutOneWay(node, other),
        14..=15 => Kind::Hold(node, other),
        16..=17 => Kind::CutClients { region: rng.random_range(0..nodes), node },
        18 => Kind::Slow(rng.random_range(10..120)),
        _ => Kind::Clock { node, by_ms: rng.random_range(-3_600_000..3_600_000) },
    }
}
