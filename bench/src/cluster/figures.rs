//! The figures of a run: what was offered, what became of it, what it cost.

use std::collections::BTreeMap;

use anyhow::ensure;
use hdrhistogram::Histogram;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::pacer::WINDOW_FULL;
use super::schedule::Arrivals;

/// Version of the file.
pub const FORMAT: u32 = 1;

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// Version of the file: [`FORMAT`].
    pub format: u32,
    /// On what it ran.
    pub machine: Machine,
    /// How it was set up.
    pub setup: Setup,
    /// All steps, in the order in which they ran.
    pub steps: Vec<Step>,
    /// The highest rate that was held, contacts per second.
    pub saturation_per_s: Option<f64>,
    /// Whether a rate was found that was not held.
    pub is_saturated: bool,
    /// Whether all nodes had the same chain at the same log index in the end.
    pub replicas_agree: bool,
    /// How long it took.
    pub seconds: f64,
}

/// A machine.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Processors that this program may use.
    pub processors: usize,
    /// Its kernel.
    pub kernel: String,
    /// Version of the nodes' program.
    pub ringmain: String,
    /// Whether this program was built without optimisation, and probably the nodes' too.
    pub debug_build: bool,
}

/// How a run was set up.
#[derive(Clone, Debug, Serialize)]
pub struct Setup {
    /// Nodes.
    pub nodes: usize,
    /// Gateways, without those of tier 0.
    pub gateways: usize,
    /// Gateways that bring contacts of tier 0 alone.
    pub gateways_of_tier_0: usize,
    /// Operators.
    pub operators: usize,
    /// Contacts that each of them may have at once.
    pub capacity: u32,
    /// One contact in so many is of tier 0.
    pub tier_0_every: u32,
    /// Unanswered pushes that a gateway has at most; what is due beyond is refused at once.
    pub window: u32,
    /// Contacts that may wait in the queue.
    pub waiting_max: u32,
    /// Measured in each step, s.
    pub measured_s: f64,
    /// Before that, s.
    pub warm_up_s: f64,
    /// A step with a slower p99 from push to offer is not held, ms.
    pub p99_bound_ms: f64,
    /// A step of which a smaller share is accepted is not held.
    pub accepted_share_bound: f64,
    /// Where chance came from.
    pub seed: u64,
}

/// What a measurement that holds no rates says of its setup: the centre alone.
pub(super) fn only_centre<S: Serializer>(setup: &Setup, serializer: S) -> Result<S::Ok, S::Error> {
    let mut said = serializer.serialize_struct("Setup", 9)?;
    said.serialize_field("nodes", &setup.nodes)?;
    said.serialize_field("gateways", &setup.gateways)?;
    said.serialize_field("gateways_of_tier_0", &setup.gateways_of_tier_0)?;
    said.serialize_field("operators", &setup.operators)?;
    said.serialize_field("capacity", &setup.capacity)?;
    said.serialize_field("tier_0_every", &setup.tier_0_every)?;
    said.serialize_field("window", &setup.window)?;
    said.serialize_field("waiting_max", &setup.waiting_max)?;
    said.serialize_field("seed", &setup.seed)?;
    said.end()
}

/// One rate.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Step {
    /// What it is for.
    pub name: String,
    /// How contacts followed each other.
    pub arrivals: Arrivals,
    /// The rate that was asked for, contacts per second.
    pub rate_per_s: f64,
    /// How long was measured.
    pub seconds: f64,
    /// Contacts that were due, by class.
    pub counts: BTreeMap<Class, Counts>,
    /// From the moment a contact was due to its gateway's answer.
    pub push_to_ack: BTreeMap<Class, Latency>,
    /// From the moment a contact was due until an operator's desktop showed it.
    pub push_to_offer: BTreeMap<Class, Latency>,
    /// From an operator's "complete" to its answer.
    pub complete_to_ack: Latency,
    /// Life cycles completed per second of the measured span, whenever their contacts were due.
    pub life_cycles_per_s: f64,
    /// From the moment a contact was due until this program brought it to a gateway's client.
    pub lateness: Latency,
    /// What each node did, by node.
    pub nodes: BTreeMap<u64, NodeFigures>,
    /// Processor time of this program, in processors.
    pub driver_processors: f64,
    /// Processor time of all nodes for one life cycle, ms.
    pub cpu_ms_per_life_cycle: Option<f64>,
    /// Bytes that were written to the disk below the data, by whomever; absent where the system does not say.
    pub disk_written_bytes: Option<u64>,
    /// How often that disk was told to make all of it lasting, by whomever.
    pub disk_flushes: Option<u64>,
    /// Commands applied.
    pub commands: u64,
    /// Log entries that held them.
    pub entries: u64,
    /// Terms begun.
    pub elections: u64,
    /// How long what was accepted took to be completed after the last contact was due, s.
    pub drained_s: f64,
    /// Whether the rate was held.
    pub is_held: bool,
    /// Why not.
    pub why_not_held: Option<String>,
    /// How often something went wrong that never may.
    pub problems_count: u64,
    /// The first sentences about it.
    pub problems: Vec<String>,
}

/// What servers and load generator did in a span of time.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Work {
    /// What the span is.
    pub name: String,
    /// How long it was.
    pub seconds: f64,
    /// What each node did, by node. What a killed one did between the last reading and its end is not known.
    pub nodes: BTreeMap<u64, NodeFigures>,
    /// Processor time of the load generator, in processors.
    pub driver_processors: f64,
    /// Bytes that were written to the disk below the data, by whomever; absent where the system does not say.
    pub disk_written_bytes: Option<u64>,
    /// How often that disk was told to make all of it lasting, by whomever.
    pub disk_flushes: Option<u64>,
    /// Commands applied.
    pub commands: u64,
    /// Log entries that held them.
    pub entries: u64,
    /// Terms begun.
    pub elections: u64,
}

/// A class of contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Life safety.
    Tier0,
    /// Everything else.
    #[default]
    Others,
}

impl Class {
    /// All of them.
    pub const ALL: [Class; 2] = [Class::Tier0, Class::Others];

    /// The word for it in tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Class::Tier0 => "tier 0",
            Class::Others => "others",
        }
    }
}

/// What became of the contacts that were due while it was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Contacts that were due.
    pub offered: u64,
    /// Of those, in the cluster's care.
    pub accepted: u64,
    /// Of those, refused for good, by code; `window-full` by the gateway itself.
    pub refused: BTreeMap<String, u64>,
    /// Of those, with an answer that nobody knows.
    pub unknown: u64,
    /// Of those accepted, completed.
    pub completed: u64,
}

/// Percentiles of a latency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// Median.
    pub p50_ms: f64,
    /// 90th percentile.
    pub p90_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// 99.9th percentile.
    pub p999_ms: f64,
    /// Longest.
    pub max_ms: f64,
}

/// What a node did in a step.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NodeFigures {
    /// Whether it led at the end.
    pub is_leader: bool,
    /// Syncs of its log; absent where nobody counts them.
    pub syncs: Option<u64>,
    /// Mean time of one; absent without any, and where nobody measures it.
    pub sync_mean_ms: Option<f64>,
    /// Processor time of its process, in processors.
    pub processors: f64,
    /// Bytes that its process handed to the disk, as Linux counts: by whole parts of its cache, so that a little written
    /// into a large file may count as much.
    pub written_bytes: u64,
    /// Requests that it did not carry out, by code; clients try those again that may be.
    pub turned_away: BTreeMap<String, u64>,
}

impl Latency {
    /// Of a few values in ms, by their nearest ranks.
    pub(super) fn of_all(ms: impl Iterator<Item = f64>) -> Latency {
        let mut ms: Vec<f64> = ms.collect();
        ms.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let rank = (ms.len() as f64 * share).ceil() as usize;
            ms.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        };
        Latency {
            count: ms.len() as u64,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: at(1.0),
        }
    }

    /// Of a histogram of microseconds.
    #[must_use]
    pub fn of(us: &Histogram<u64>) -> Latency {
        let at = |share: f64| us.value_at_quantile(share) as f64 / 1e3;
        Latency {
            count: us.len(),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: us.max() as f64 / 1e3,
        }
    }
}

impl Counts {
    /// Refused for good, whatever the code.
    #[must_use]
    pub fn refused_in_all(&self) -> u64 {
        self.refused.values().sum()
    }

    fn add(&mut self, other: &Counts) {
        self.offered += other.offered;
        self.accepted += other.accepted;
        self.unknown += other.unknown;
        self.completed += other.completed;
        for (code, count) in &other.refused {
            *self.refused.entry(code.clone()).or_default() += count;
        }
    }
}

impl Step {
    /// Both classes together.
    #[must_use]
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.counts.values().for_each(|counts| total.add(counts));
        total
    }

    /// Contacts due per second.
    #[must_use]
    pub fn offered_per_s(&self) -> f64 {
        self.total().offered as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }

    /// Of those, accepted.
    #[must_use]
    pub fn accepted_per_s(&self) -> f64 {
        self.total().accepted as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }

    /// Commands of an entry, on average; `None` without entries.
    #[must_use]
    pub fn commands_per_entry(&self) -> Option<f64> {
        (self.entries > 0).then(|| self.commands as f64 / self.entries as f64)
    }

    /// Fails when a promise was broken; says nothing about times.
    ///
    /// # Errors
    /// The first that was.
    pub fn keeps_promises(&self) -> anyhow::Result<()> {
        let (name, total) = (&self.name, self.total());
        ensure!(
            self.problems_count == 0,
            "{name}: {} problems, such as: {}",
            self.problems_count,
            self.problems.join("; ")
        );
        let answered = total.accepted + total.refused_in_all() + total.unknown;
        ensure!(answered == total.offered, "{name}: {} were due and {answered} answered", total.offered);
        ensure!(total.accepted > 0, "{name}: nothing was accepted");
        ensure!(
            total.completed == total.accepted,
            "{name}: {} accepted, {} completed",
            total.accepted,
            total.completed
        );
        let tier_0 = self.counts.get(&Class::Tier0).map(|counts| &counts.refused);
        let by_cluster = tier_0.into_iter().flatten().find(|(code, _)| *code != WINDOW_FULL);
        ensure!(by_cluster.is_none(), "{name}: tier 0 was refused: {by_cluster:?}");
        Ok(())
    }

    /// Says whether the rate was held: enough of it accepted, soon enough offered, and nothing wrong.
    pub(super) fn judge(&mut self, setup: &Setup) {
        let total = self.total();
        let share = total.accepted as f64 / total.offered.max(1) as f64;
        let others = self.push_to_offer.get(&Class::Others).copied().unwrap_or_default();
        let why = if share < setup.accepted_share_bound {
            Some(format!("{:.1} % accepted", share * 100.0))
        } else if others.p99_ms > setup.p99_bound_ms {
            Some(format!("p99 {:.0} ms to the offer", others.p99_ms))
        } else if self.problems_count > 0 {
            Some(format!("{} problems", self.problems_count))
        } else {
            None
        };
        (self.is_held, self.why_not_held) = (why.is_none(), why);
    }
}

impl Machine {
    /// This machine, and the nodes' program.
    #[must_use]
    pub fn here(ringmain: &str) -> Machine {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Machine {
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: kernel.trim().to_owned(),
            ringmain: ringmain.to_owned(),
            debug_build: cfg!(debug_assertions),
        }
    }
}
