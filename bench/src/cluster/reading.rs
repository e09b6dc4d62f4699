//! Counters of all servers and of this program at one moment, and what happened between two of them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::join_all;
use ringmain_protocol::v1::ClusterStatusResponse;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::figures::{NodeFigures, Step, Work};
use super::system::{Counters, Log, Syncs, System};
use crate::nodes::{Nodes, Statuses};
use crate::play::Stage;
use crate::usage::{Disk, DiskUse, Usage};

/// A node that does not say more within this time has nothing to say.
const PATIENCE: Duration = Duration::from_secs(5);
/// A page of metrics is shorter.
const METRICS_BYTES_MAX: u64 = 64 << 20;
const REQUESTS: &str = "ringmain_requests_total";

/// What reads the counters of nodes of ours.
pub(crate) struct Gauges {
    pub(crate) statuses: Statuses,
    http: Vec<String>,
}

/// Counters of all servers and of this program at one moment.
pub(super) struct Reading {
    at: Duration,
    own: Usage,
    disk: Option<DiskUse>,
    servers: Vec<Counters>,
}

impl Gauges {
    pub(crate) fn new(nodes: &Nodes, token: &str) -> anyhow::Result<Gauges> {
        Ok(Gauges { statuses: Statuses::new(nodes, token)?, http: nodes.http_addresses() })
    }

    /// The page of metrics of each node.
    pub(crate) async fn metrics(&self) -> Vec<anyhow::Result<String>> {
        join_all(self.http.iter().map(|address| http(address, "/metrics"))).await
    }

    /// Whether all nodes have the same chain, once all are at the same log index; `None` as long as they are not.
    pub(crate) async fn agree(&self) -> Option<bool> {
        let statuses = self.statuses.read().await.into_iter().collect::<Option<Vec<_>>>()?;
        let at = |status: &ClusterStatusResponse| (log_index(status), status.chain.clone());
        let first = at(statuses.first()?);
        let is_level = statuses.iter().all(|status| log_index(status) == first.0);
        is_level.then(|| statuses.iter().all(|status| at(status) == first))
    }

    /// Counters of each node; those of one that does not answer are missing.
    pub(crate) async fn read(&self, nodes: &Nodes) -> anyhow::Result<Vec<Counters>> {
        let usage = nodes.usage()?;
        let (statuses, metrics) = tokio::join!(self.statuses.read(), self.metrics());
        let of = |((usage, status), metrics): ((Usage, Option<_>), anyhow::Result<String>)| Counters {
            usage,
            turned_away: turned_away(&metrics.unwrap_or_default()),
            ..status.map(|status| counters_of(&status)).unwrap_or_default()
        };
        Ok(usage.into_iter().zip(statuses).zip(metrics).map(of).collect())
    }
}

impl Reading {
    pub(super) async fn take(stage: &Stage, disk: &Disk, system: &impl System) -> anyhow::Result<Reading> {
        let (at, own, disk) = (stage.elapsed(), Usage::of(std::process::id())?, disk.read());
        Ok(Reading { at, own, disk, servers: system.counters().await? })
    }

    /// Fills in what servers and this program did from here until a later reading.
    pub(super) fn fill(&self, later: &Reading, step: &mut Step) {
        let work = self.until(later, "");
        let cpu_s: f64 = work.nodes.values().map(|node| node.processors * work.seconds).sum();
        let life_cycles = step.life_cycles_per_s * work.seconds;
        step.cpu_ms_per_life_cycle = (life_cycles > 0.0).then(|| cpu_s * 1e3 / life_cycles);
        step.driver_processors = work.driver_processors;
        step.disk_written_bytes = work.disk_written_bytes;
        step.disk_flushes = work.disk_flushes;
        (step.commands, step.entries, step.elections) = (work.commands, work.entries, work.elections);
        step.nodes = work.nodes;
    }

    /// What servers and this program did from here until a later reading.
    pub(super) fn until(&self, later: &Reading, name: &str) -> Work {
        let seconds = later.at.saturating_sub(self.at).as_secs_f64().max(f64::MIN_POSITIVE);
        let disk = self.disk.zip(later.disk).map(|(before, after)| after.since(&before));
        let mut work = Work {
            name: name.to_owned(),
            seconds,
            driver_processors: later.own.since(&self.own).processor_s / seconds,
            disk_written_bytes: disk.map(|disk| disk.written_bytes),
            disk_flushes: disk.map(|disk| disk.flushes),
            ..Work::default()
        };
        let mut terms = Vec::new();
        for (place, (before, after)) in self.servers.iter().zip(&later.servers).enumerate() {
            work.nodes.insert(place as u64 + 1, node_figures(before, after, seconds));
            if let (Some(before), Some(after)) = (before.log, after.log) {
                terms.push((before.term, after.term));
                let commands = after.commands.saturating_sub(before.commands);
                let entries = after.entries.saturating_sub(before.entries);
                // All nodes apply the same; the one that is farthest says what there was.
                if commands > work.commands {
                    (work.commands, work.entries) = (commands, entries);
                }
            }
        }
        let (before, after) = (terms.iter().map(|term| term.0).max(), terms.iter().map(|term| term.1).max());
        work.elections = after.unwrap_or_default().saturating_sub(before.unwrap_or_default());
        work
    }
}

fn node_figures(before: &Counters, after: &Counters, seconds: f64) -> NodeFigures {
    let used = after.usage.since(&before.usage);
    // A node that was started again counts from 0.
    let began_anew = before.life != after.life;
    let earlier =
        if began_anew { before.syncs.map(|_| Syncs { count: 0, ns: Some(0) }) } else { before.syncs };
    let turned_away = if began_anew { &BTreeMap::new() } else { &before.turned_away };
    let syncs = earlier.zip(after.syncs);
    let count = syncs.map(|(before, after)| after.count.saturating_sub(before.count));
    let ns = syncs.and_then(|(before, after)| Some(after.ns?.saturating_sub(before.ns?)));
    NodeFigures {
        is_leader: after.is_leader,
        syncs: count,
        sync_mean_ms: count
            .filter(|count| *count > 0)
            .zip(ns)
            .map(|(count, ns)| ns as f64 / count as f64 / 1e6),
        processors: used.processor_s / seconds,
        written_bytes: used.written_bytes,
        turned_away: more_of(turned_away, &after.turned_away),
    }
}

fn counters_of(status: &ClusterStatusResponse) -> Counters {
    Counters {
        is_leader: status.leader == status.node,
        life: status.incarnation,
        syncs: Some(Syncs { count: status.sync_count, ns: Some(status.sync_ns_total) }),
        log: Some(Log { term: status.term, commands: log_index(status), entries: status.raft_applied }),
        ..Counters::default()
    }
}

/// The log index that a node has applied.
pub(crate) fn log_index(status: &ClusterStatusResponse) -> u64 {
    status.stamp.map_or(0, |stamp| stamp.log_index)
}

fn more_of(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let more = |(code, count): (&String, &u64)| {
        let more = count.saturating_sub(before.get(code).copied().unwrap_or_default());
        (more > 0).then(|| (code.clone(), more))
    };
    after.iter().filter_map(more).collect()
}

/// A page at an address, with its head.
pub(crate) async fn http(address: &str, path: &str) -> anyhow::Result<String> {
    timeout(PATIENCE, read_page(address, path)).await.with_context(|| format!("reading {path}"))?
}

async fn read_page(address: &str, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    // In this version an answer comes in one piece and not in chunks.
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(METRICS_BYTES_MAX).read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Requests that were not carried out, by code, of a page of metrics.
fn turned_away(metrics: &str) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for line in
        metrics.lines().filter(|line| line.strip_prefix(REQUESTS).is_some_and(|rest| rest.starts_with('{')))
    {
        let code =
            line.split_once("code=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(code, _)| code);
        let count = line.rsplit_once(' ').and_then(|(_, count)| count.parse::<u64>().ok());
        if let (Some(code), Some(count)) = (code, count)
            && code != "ok"
        {
            *found.entry(code.to_owned()).or_default() += count;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_was_started_again_counts_from_nothing() {
        let turned_away = |count| BTreeMap::from([("overloaded".to_owned(), count)]);
        let syncs = |count| Some(Syncs { count, ns: Some(count * 1_000_000) });
        let before =
            Counters { life: 3, syncs: syncs(500), turned_away: turned_away(40), ..Counters::default() };
        let after =
            Counters { life: 3, syncs: syncs(800), turned_away: turned_away(45), ..Counters::default() };
        let same = node_figures(&before, &after, 1.0);
        assert_eq!((same.syncs, same.turned_away), (Some(300), turned_away(5)));
        let after = Counters { life: 4, syncs: syncs(90), turned_away: turned_away(7), ..after };
        let anew = node_figures(&before, &after, 1.0);
        assert_eq!((anew.syncs, anew.sync_mean_ms, anew.turned_away), (Some(90), Some(1.0), turned_away(7)));
    }

    #[test]
    fn requests_that_were_not_carried_out_are_summed_by_code() {
        let page = "# TYPE ringmain_requests_total counter\n\
                    ringmain_requests_total{method=\"/a\",code=\"ok\",node=\"1\"} 900\n\
                    ringmain_requests_total{method=\"/a\",code=\"overloaded\",node=\"1\"} 7\n\
                    ringmain_requests_total{code=\"overloaded\",method=\"/b\"} 3\n\
                    ringmain_offers_total{answer=\"automatic\"} 4\n";
        let before = turned_away(page);
        assert_eq!(before, BTreeMap::from([("overloaded".to_owned(), 10)]));
        let after = turned_away(&page.replace(" 7\n", " 9\n"));
        assert_eq!(more_of(&before, &after), BTreeMap::from([("overloaded".to_owned(), 2)]));
        assert!(more_of(&after, &after).is_empty());
    }
}
