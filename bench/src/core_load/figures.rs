//! The figures of a run of the core alone.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::centre::Kind;
use crate::cluster::Machine;

/// Version of the file.
pub const FORMAT: u32 = 1;
/// p99 of an arrival and of a freed operator, with a million waiting.
pub const DECISION_GOAL_NS: u64 = 10_000;
/// The cost with the most waiting by that with the fewest.
pub const GROWTH_GOAL: f64 = 5.0;
/// Bytes of one waiting contact, all indexes included.
pub const CONTACT_BYTES_GOAL: f64 = 700.0;
/// The pause that a view makes between two commands.
pub const VIEW_GOAL_MS: f64 = 20.0;
/// Reading a state of a million waiting contacts.
pub const RESTORE_GOAL_MS: f64 = 2_000.0;

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// Version of the file: [`FORMAT`].
    pub format: u32,
    /// On what it ran.
    pub machine: Machine,
    /// Whether the allocator was told to ask for huge pages, as a node tells it.
    pub huge_pages: bool,
    /// Where chance came from.
    pub seed: u64,
    /// What reading the clock costs, ns; it is in every time.
    pub clock_ns: u64,
    /// Each size of the centre.
    pub cells: Vec<Cell>,
    /// Snapshots of the largest centre, by how many waited.
    pub views: Vec<ViewFigures>,
    /// Memory, where it was measured.
    pub heap: Option<HeapFigures>,
    /// How long it all took, s.
    pub seconds: f64,
}

/// One size.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// Contacts that waited, at the end.
    pub waiting: u32,
    /// Contacts that were to wait.
    pub waiting_wanted: u32,
    /// Operators signed in.
    pub operators: u32,
    /// Distinct sets of skills, unit and ranks among them.
    pub profiles: u32,
    /// Distinct requirement sets among the contacts.
    pub classes: u32,
    /// Commands measured.
    pub commands: u64,
    /// Commands by the time that they took in the core.
    pub commands_per_s: f64,
    /// Time in the core by kind.
    pub kinds: BTreeMap<Kind, Times>,
    /// The chain at the end.
    pub chain: String,
}

/// Times of one kind of command, in ns.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Times {
    /// Commands.
    pub count: u64,
    /// Mean.
    pub mean: f64,
    /// Half of them took at most this long.
    pub p50: u64,
    /// 99 of 100.
    pub p99: u64,
    /// 999 of 1,000.
    pub p999: u64,
    /// The longest.
    pub max: u64,
}

impl Times {
    /// Of a histogram of ns.
    #[must_use]
    pub fn of(ns: &Histogram<u64>) -> Times {
        Times {
            count: ns.len(),
            mean: ns.mean(),
            p50: ns.value_at_quantile(0.5),
            p99: ns.value_at_quantile(0.99),
            p999: ns.value_at_quantile(0.999),
            max: ns.max(),
        }
    }
}

/// Snapshots of one state.
#[derive(Clone, Debug, Serialize)]
pub struct ViewFigures {
    /// Contacts that waited.
    pub waiting: u32,
    /// Operators signed in.
    pub operators: u32,
    /// The pause: taking a view, ms. Each of several.
    pub take_ms: Vec<f64>,
    /// Time in the core by kind while a view is held and pages are copied.
    pub while_held: BTreeMap<Kind, Times>,
    /// Writing the view as bytes, beside the core, ms.
    pub encode_ms: f64,
    /// Those bytes.
    pub bytes: u64,
    /// Reading them into a state that can go on, ms.
    pub restore_ms: f64,
}

/// What the heap holds, counted by an allocator of its own program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeapFigures {
    /// Operators signed in.
    pub operators: u32,
    /// Profiles among them.
    pub profiles: u32,
    /// Classes among the contacts.
    pub classes: u32,
    /// How many waited at each step.
    pub waiting: Vec<u32>,
    /// Bytes asked for at each step.
    pub bytes: Vec<u64>,
    /// Resident memory at each step, without what the benchmark itself holds.
    pub resident: Vec<u64>,
    /// Bytes of one operator with its session: before the first contact came.
    pub bytes_per_operator: f64,
    /// Bytes of one waiting contact with its share of all indexes: from the first step to the last.
    pub bytes_per_contact: f64,
    /// The same of resident memory.
    pub resident_per_contact: f64,
}

/// How a cost grows with the number of those who wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// p50 with the fewest, ns.
    pub fewest_ns: u64,
    /// p50 with the most, ns.
    pub most_ns: u64,
}

impl Growth {
    /// How many times as much.
    #[must_use]
    pub fn times(&self) -> f64 {
        self.most_ns as f64 / self.fewest_ns.max(1) as f64
    }
}

impl Run {
    /// The cells of one size of the centre, fewest waiting first.
    #[must_use]
    pub fn series(&self, operators: u32, classes: u32) -> Vec<&Cell> {
        let mut cells: Vec<&Cell> =
            self.cells.iter().filter(|cell| cell.operators == operators && cell.classes == classes).collect();
        cells.sort_by_key(|cell| cell.waiting_wanted);
        cells
    }

    /// The largest centre of the run: operators and classes.
    #[must_use]
    pub fn largest(&self) -> Option<(u32, u32)> {
        self.cells.iter().map(|cell| (cell.operators, cell.classes)).max()
    }

    /// How the time of a kind grows, halfway, in the largest centre.
    #[must_use]
    pub fn growth(&self, kind: Kind) -> Option<Growth> {
        let (operators, classes) = self.largest()?;
        let series = self.series(operators, classes);
        let half = |cell: &&Cell| cell.kinds.get(&kind).map(|times| times.p50);
        let (fewest_ns, most_ns) = (series.first().and_then(half)?, series.last().and_then(half)?);
        Some(Growth { fewest_ns, most_ns })
    }
}
