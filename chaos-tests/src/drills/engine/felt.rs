//! Whether a fault was felt: one that nobody felt shows nothing.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Result;
use ringmain_routing::NodeId;
use serde::{Deserialize, Serialize};

use super::stage::Stage;
use super::strike::{Hold, Open};
use crate::drills::file::{Fault, RotFile};
use crate::drills::meter::metric;

const CLOCK_OFFSET: &str = "ringmain_clock_offset_seconds";
/// What a node says that may open no more files (EMFILE).
const NO_MORE_FILES: [&str; 2] = ["os error 24", "Too many open files"];
/// What a node says of damage that it found. The last two mean that it goes on with what its peers have.
const DAMAGE_FOUND: [&str; 4] =
    ["damaged-data", "node is suspect", "damaged file set aside", "history healed by a peer"];
/// A write takes part of the time that a throttled device has for it: the first ones of each second pass at once.
const THROTTLED_SHARE: f64 = 0.5;
const SLOWED_SHARE: f64 = 0.8;

/// The mark that a fault left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Felt {
    /// Whether it took effect.
    pub is_felt: bool,
    /// What shows it.
    pub by: String,
}

/// Counters before a fault.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    /// Packets cut and lost so far.
    kept_back: (u64, u64),
    /// Incarnation, syncs, and their time in ns, by node.
    syncs: BTreeMap<u64, (u64, u64, u64)>,
}

impl Before {
    pub(super) async fn take(stage: &Stage, fault: Fault) -> Before {
        let kept_back = stage.kept_back();
        let syncs = if slows_syncs(fault).is_some() { syncs(stage).await } else { BTreeMap::new() };
        Before { kept_back, syncs }
    }
}

/// The mark that a fault has left on those struck, while it is still in force; nothing where the drill itself did it
/// and saw it done.
pub(super) async fn felt(stage: &mut Stage, open: &Open) -> Result<Option<Felt>> {
    let nodes = stage.nodes(&open.places);
    let fault = open.strike.fault;
    let (is_felt, by) = match fault {
        Fault::Kill | Fault::PowerLoss | Fault::Wipe | Fault::DiskFull | Fault::ReadOnly => return Ok(None),
        Fault::FsyncSkip => return Ok(None),
        Fault::Pause => stand_still(stage, &nodes)?,
        Fault::Restart => stopped_in_order(stage, &nodes),
        Fault::Partition { .. } | Fault::RegionLoss => {
            let cut = stage.kept_back().0 - open.before.kept_back.0;
            (cut > 0, format!("{cut} packets cut"))
        }
        Fault::Network(weather) => {
            let lost = stage.kept_back().1 - open.before.kept_back.1;
            (lost > 0 || weather.loss.0 == 0.0, format!("{lost} packets lost"))
        }
        Fault::FsyncError => {
            let ended = count(&nodes, |node| stage.exercise.nodes.has_ended(node));
            (ended == nodes.len(), format!("{ended} of {} stopped", nodes.len()))
        }
        Fault::FsyncSlow(_) | Fault::SlowDisk { .. } => slowed(stage, open, &nodes).await,
        Fault::BitRot(file) => found(stage, file, &nodes),
        Fault::ClockJump { by, .. } => clock_is_off(stage, &nodes, by.0.as_secs_f64() / 2.0).await,
        Fault::ClockDrift { speed } => {
            let by = open.strike.lasts.0.as_secs_f64() * (speed.0 / 100.0 - 1.0).abs();
            clock_is_off(stage, &nodes, by / 2.0).await
        }
        Fault::Cpu { .. } | Fault::Memory(_) => limited(open),
        Fault::Descriptors { .. } => no_more_files(stage, &nodes).await,
    };
    Ok(Some(Felt { is_felt, by }))
}

fn count(nodes: &[NodeId], mut is_so: impl FnMut(NodeId) -> bool) -> usize {
    nodes.iter().filter(|node| is_so(**node)).count()
}

/// How long a sync takes at least under a fault, in ms.
fn slows_syncs(fault: Fault) -> Option<f64> {
    if let Fault::FsyncSlow(by) = fault {
        Some(by.ms() as f64 * SLOWED_SHARE)
    } else if let Fault::SlowDisk { iops } = fault {
        Some(1e3 / iops.max(1) as f64 * THROTTLED_SHARE)
    } else {
        None
    }
}

async fn syncs(stage: &Stage) -> BTreeMap<u64, (u64, u64, u64)> {
    let statuses = stage.exercise.statuses().await;
    let of = statuses.iter().flatten();
    of.map(|status| (status.node, (status.incarnation, status.sync_count, status.sync_ns_total))).collect()
}

async fn slowed(stage: &Stage, open: &Open, nodes: &[NodeId]) -> (bool, String) {
    let least_ms = slows_syncs(open.strike.fault).unwrap_or_default();
    let after = syncs(stage).await;
    let mean_ms = |node: &NodeId| {
        let (run, count, ns) = after.get(&node.0)?;
        let (run_before, count_before, ns_before) = open.before.syncs.get(&node.0)?;
        let syncs = count.checked_sub(*count_before).filter(|syncs| *syncs > 0 && run == run_before)?;
        Some((ns - ns_before) as f64 / 1e6 / syncs as f64)
    };
    let means: Vec<Option<f64>> = nodes.iter().map(mean_ms).collect();
    let is_felt = means.iter().all(|mean| mean.is_some_and(|ms| ms >= least_ms));
    let told: Vec<String> =
        means.iter().map(|mean| mean.map_or("unknown".to_owned(), |ms| format!("{ms:.1} ms"))).collect();
    (is_felt, format!("a sync took {}", told.join(", ")))
}

/// Linux tells a process that stands still by `T`.
fn stand_still(stage: &Stage, nodes: &[NodeId]) -> Result<(bool, String)> {
    let mut still = 0;
    for node in nodes {
        let Some(pid) = stage.exercise.nodes.find(*node)?.pid() else { continue };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start().chars().next());
        still += usize::from(state == Some(Some('T')));
    }
    Ok((still == nodes.len(), format!("{still} of {} stood still", nodes.len())))
}

fn stopped_in_order(stage: &mut Stage, nodes: &[NodeId]) -> (bool, String) {
    let in_order = count(nodes, |node| {
        stage.exercise.nodes.has_ended(node) && stage.exercise.nodes.ended_in_order(node)
    });
    (in_order == nodes.len(), format!("{in_order} of {} stopped in order", nodes.len()))
}

/// Damage that was found is told by the node; a log whose end is missing makes it suspect.
fn found(stage: &Stage, file: RotFile, nodes: &[NodeId]) -> (bool, String) {
    let told: Vec<&str> = nodes
        .iter()
        .flat_map(|node| {
            let said = stage.exercise.nodes.said(*node);
            DAMAGE_FOUND.into_iter().filter(move |words| said.contains(words))
        })
        .collect();
    let what = if told.is_empty() { "nothing".to_owned() } else { told.join(", ") };
    (!told.is_empty(), format!("damaged {}: the node said {what}", file.word()))
}

async fn clock_is_off(stage: &Stage, nodes: &[NodeId], least_s: f64) -> (bool, String) {
    let mut offsets = Vec::new();
    for row in stage.exercise.nodes.all().iter().filter(|row| nodes.contains(&row.node)) {
        offsets.push(metric(row, CLOCK_OFFSET, "").await.unwrap_or_default());
    }
    let is_felt = offsets.iter().all(|offset| offset.abs() >= least_s);
    (is_felt, format!("wall clock and replicated time {offsets:.1?} s apart"))
}

/// A node that can open no more files takes no connection, or says so.
async fn no_more_files(stage: &Stage, nodes: &[NodeId]) -> (bool, String) {
    let mut count = 0;
    for row in stage.exercise.nodes.all().iter().filter(|row| nodes.contains(&row.node)) {
        let said = stage.exercise.nodes.said(row.node);
        let is_deaf = metric(row, CLOCK_OFFSET, "").await.is_err();
        count += usize::from(is_deaf || NO_MORE_FILES.iter().any(|words| said.contains(words)));
    }
    (count == nodes.len(), format!("{count} of {} took no connection", nodes.len()))
}

fn limited(open: &Open) -> (bool, String) {
    let Hold::Limits(limits) = &open.hold else { return (false, "no limit".to_owned()) };
    let counts: Vec<u64> = limits.iter().map(crate::drills::cgroup::Limit::reached).collect();
    (counts.iter().all(|count| *count > 0), format!("limit reached {counts:?} times"))
}
