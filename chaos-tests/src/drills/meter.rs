//! What a drill measures of nodes: their syncs, their processor time, their metrics; and how fast contacts are routed.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::centre::WANDERING_GATEWAY;
use super::exercise::Exercise;
use super::journal::Notes;
use super::nodes::Node;
use super::report::{NodeWork, Phase};
use crate::checker::{ClientOpKind, SeenEventKind};

/// Linux counts processor time for programs in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;
const PATIENCE: Duration = Duration::from_secs(5);

/// Counters of all nodes that answer, at one moment.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    at_ns: u64,
    nodes: BTreeMap<u64, Counters>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    incarnation: u64,
    syncs: u64,
    sync_ns: u64,
    cpu_seconds: f64,
}

impl Reading {
    /// Reads them.
    pub(super) async fn take(exercise: &Exercise) -> Reading {
        let statuses = exercise.statuses().await;
        let with_node = statuses.iter().flatten().filter_map(|status| {
            let node = exercise.nodes.all().iter().find(|node| node.node.0 == status.node)?;
            let counters = Counters {
                incarnation: status.incarnation,
                syncs: status.sync_count,
                sync_ns: status.sync_ns_total,
                cpu_seconds: cpu_seconds(node).unwrap_or_default(),
            };
            Some((status.node, counters))
        });
        Reading { at_ns: exercise.journal.now_ns(), nodes: with_node.collect() }
    }

    /// What happened from here until a later reading.
    pub(super) fn phase_until(&self, later: &Reading, name: &str, notes: &Notes) -> Phase {
        let seconds = (later.at_ns - self.at_ns) as f64 / 1e9;
        let mut delays = routing_delays_ns(notes, self.at_ns, later.at_ns);
        delays.sort_unstable();
        let at = |share: f64| {
            let place = (delays.len() as f64 * share) as usize;
            delays.get(place.min(delays.len().saturating_sub(1))).map_or(0.0, |ns| *ns as f64 / 1e6)
        };
        // A node that was started again in between has counted anew.
        let same_run = self.nodes.iter().filter_map(|(node, before)| {
            let after = later.nodes.get(node).filter(|after| after.incarnation == before.incarnation)?;
            Some((*node, before.work_until(after, seconds)))
        });
        Phase {
            name: name.to_owned(),
            seconds,
            contacts: delays.len() as u64,
            rate: delays.len() as f64 / seconds,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            max_ms: at(1.0),
            nodes: same_run.collect(),
        }
    }
}

impl Counters {
    fn work_until(&self, later: &Counters, seconds: f64) -> NodeWork {
        let syncs = later.syncs - self.syncs;
        let sync_ms = (later.sync_ns - self.sync_ns) as f64 / 1e6;
        NodeWork {
            syncs,
            sync_mean_ms: if syncs == 0 { 0.0 } else { sync_ms / syncs as f64 },
            cpu_percent: (later.cpu_seconds - self.cpu_seconds) / seconds * 100.0,
        }
    }
}

/// From the first push of each contact in a span of time to the first word of an assignment that reached a client.
/// Contacts of the wandering gateway wait for one operator who is on the move, and say nothing about routing.
fn routing_delays_ns(notes: &Notes, from_ns: u64, until_ns: u64) -> Vec<u64> {
    let mut pushed: BTreeMap<&str, u64> = BTreeMap::new();
    for op in notes.ops.iter().filter(|op| op.client != WANDERING_GATEWAY) {
        if let ClientOpKind::Push { key } = &op.op {
            let first = pushed.entry(key).or_insert(op.invoked_ns);
            *first = op.invoked_ns.min(*first);
        }
    }
    let mut assigned: BTreeMap<&str, u64> = BTreeMap::new();
    let assignments = notes
        .seen
        .iter()
        .filter(|event| matches!(event.kind, SeenEventKind::Offered | SeenEventKind::Connected));
    for event in assignments {
        let first = assigned.entry(&event.key).or_insert(event.at_ns);
        *first = event.at_ns.min(*first);
    }
    let in_span = pushed.iter().filter(|(_, at_ns)| (from_ns..until_ns).contains(*at_ns));
    in_span.filter_map(|(key, at_ns)| Some(assigned.get(key)?.saturating_sub(*at_ns))).collect()
}

/// Processor time that a node's process has had since it began.
fn cpu_seconds(node: &Node) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", node.pid()?)).ok()?;
    // The name in parentheses may hold spaces; time for the program and for the kernel come 11 and 12 fields later.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: Vec<f64> =
        fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Some(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}

/// A metric of a node, summed over the series that have a label's text; 0 for one that has no series yet.
pub(super) async fn metric(node: &Node, name: &str, label: &str) -> Result<f64> {
    let text =
        tokio::time::timeout(PATIENCE, read_metrics(&node.http)).await.context("reading metrics")??;
    let of_name = text.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']) && rest.contains(label))
    });
    let values = of_name.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    Ok(values.fold(0.0, |sum, value| sum + value))
}

async fn read_metrics(address: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
