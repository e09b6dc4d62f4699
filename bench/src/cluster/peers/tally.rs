//! The figures of a run of several systems in turns, and their medians.

use serde::Serialize;

use super::super::figures::{Class, Machine, Setup, Step};
use super::Promise;

/// Version of the file.
pub const TALLY_FORMAT: u32 = 1;

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Tally {
    /// Version of the file: [`TALLY_FORMAT`].
    pub format: u32,
    /// On what it ran.
    pub machine: Machine,
    /// How it was set up.
    pub setup: Setup,
    /// Rounds that were asked for.
    pub rounds: u32,
    /// Ours first; what the others are held against.
    pub contenders: Vec<Contender>,
    /// How long it took.
    pub seconds: f64,
}

/// A system, and all its turns.
#[derive(Clone, Debug, Serialize)]
pub struct Contender {
    /// Its name.
    pub name: String,
    /// Version of its servers.
    pub version: String,
    /// What it promises.
    pub promise: Promise,
    /// In the order in which they ran.
    pub turns: Vec<Turn>,
}

/// A system, once from its start to its end.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Turn {
    /// Rates of the search, in the order in which they ran.
    pub search: Vec<Step>,
    /// The highest rate that was held, contacts per second.
    pub saturation_per_s: Option<f64>,
    /// The rate at which most centres are.
    pub usual: Option<Step>,
    /// Most of the highest rate that was held.
    pub comfort: Option<Step>,
}

/// Medians over the turns of a system; absent without a turn that has the figure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Life cycles per second at the highest rate that was held.
    pub life_cycles_per_s: Option<f64>,
    /// At the rate at which most centres are.
    pub usual: Medians,
    /// At most of the highest rate that was held.
    pub comfort: Medians,
}

/// Medians of one kind of step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Medians {
    /// Contacts due per second.
    pub rate_per_s: Option<f64>,
    /// From due to shown, half of the contacts.
    pub p50_ms: Option<f64>,
    /// ... and 99 % of them.
    pub p99_ms: Option<f64>,
    /// Processor time of all servers for one life cycle.
    pub cpu_ms: Option<f64>,
    /// ... and of the load generator.
    pub driver_ms: Option<f64>,
    /// What was written to the disk for one life cycle, in thousands of bytes.
    pub written_kb: Option<f64>,
    /// How often the disk was flushed for one life cycle.
    pub flushes: Option<f64>,
    /// Syncs of all servers that count them, for one life cycle.
    pub syncs: Option<f64>,
}

impl Turn {
    /// Life cycles per second at the highest rate that was held.
    #[must_use]
    pub fn life_cycles_per_s(&self) -> Option<f64> {
        let held = self.search.iter().filter(|step| step.is_held);
        held.max_by(|one, other| one.rate_per_s.total_cmp(&other.rate_per_s))
            .map(|step| step.life_cycles_per_s)
    }

    /// All steps.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.search.iter().chain(&self.usual).chain(&self.comfort)
    }
}

impl Contender {
    /// Medians over its turns.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            life_cycles_per_s: median(self.turns.iter().filter_map(Turn::life_cycles_per_s)),
            usual: Medians::of(self.turns.iter().filter_map(|turn| turn.usual.as_ref())),
            comfort: Medians::of(self.turns.iter().filter_map(|turn| turn.comfort.as_ref())),
        }
    }
}

impl Medians {
    pub(super) fn of<'a>(steps: impl Iterator<Item = &'a Step> + Clone) -> Medians {
        let of = |figure: fn(&Step) -> Option<f64>| median(steps.clone().filter_map(figure));
        Medians {
            rate_per_s: of(|step| Some(step.offered_per_s())),
            p50_ms: of(|step| step.push_to_offer.get(&Class::Others).map(|latency| latency.p50_ms)),
            p99_ms: of(|step| step.push_to_offer.get(&Class::Others).map(|latency| latency.p99_ms)),
            cpu_ms: of(|step| step.cpu_ms_per_life_cycle),
            driver_ms: of(|step| per_life_cycle(step, step.driver_processors * step.seconds * 1e3)),
            written_kb: of(|step| per_life_cycle(step, step.disk_written_bytes? as f64 / 1e3)),
            flushes: of(|step| per_life_cycle(step, step.disk_flushes? as f64)),
            syncs: of(|step| {
                let counts: Vec<u64> = step.nodes.values().filter_map(|node| node.syncs).collect();
                (!counts.is_empty()).then(|| per_life_cycle(step, counts.iter().sum::<u64>() as f64))?
            }),
        }
    }
}

fn per_life_cycle(step: &Step, figure: f64) -> Option<f64> {
    let life_cycles = step.life_cycles_per_s * step.seconds;
    (life_cycles > 0.0).then(|| figure / life_cycles)
}

/// Of an even number the mean of the two in the middle.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle)?;
    let lower = if values.len().is_multiple_of(2) { values[middle - 1] } else { *upper };
    Some((lower + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cluster::{Latency, NodeFigures};

    fn step(rate: f64, is_held: bool, p99_ms: f64) -> Step {
        let latency = Latency { count: 1, p50_ms: 1.0, p99_ms, ..Latency::default() };
        let node = NodeFigures { syncs: Some(30), ..NodeFigures::default() };
        Step {
            rate_per_s: rate,
            seconds: 2.0,
            life_cycles_per_s: rate,
            is_held,
            push_to_offer: BTreeMap::from([(Class::Others, latency)]),
            disk_written_bytes: Some(40_000),
            disk_flushes: Some(50),
            nodes: BTreeMap::from([(1, node.clone()), (2, NodeFigures { syncs: None, ..node })]),
            ..Step::default()
        }
    }

    fn turn(rates: &[(f64, bool)], p99_ms: f64) -> Turn {
        Turn {
            search: rates.iter().map(|(rate, is_held)| step(*rate, *is_held, 1.0)).collect(),
            saturation_per_s: None,
            usual: Some(step(10.0, true, p99_ms)),
            comfort: None,
        }
    }

    #[test]
    fn a_summary_holds_the_medians_of_all_turns() {
        let turns = vec![
            turn(&[(100.0, true), (300.0, false), (200.0, true)], 9.0),
            turn(&[(100.0, false)], 4.0),
            turn(&[(400.0, true)], 5.0),
        ];
        let contender = Contender {
            name: "it".to_owned(),
            version: "1".to_owned(),
            promise: crate::cluster::peers::OURS,
            turns,
        };
        let summary = contender.summary();
        assert_eq!(summary.life_cycles_per_s, Some(300.0), "of 200 and 400: one turn held nothing");
        assert_eq!((summary.usual.p99_ms, summary.usual.p50_ms), (Some(5.0), Some(1.0)));
        let Medians { written_kb, flushes, syncs, .. } = summary.usual;
        assert_eq!((written_kb, flushes, syncs), (Some(2.0), Some(2.5), Some(1.5)));
        assert_eq!(summary.comfort, Medians::default());
    }

    #[test]
    fn a_median_of_nothing_is_nothing() {
        assert_eq!(median([].into_iter()), None);
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
    }
}
