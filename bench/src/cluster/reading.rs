//! Counters of all nodes and of this program at one moment, and what happened between two of them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::join_all;
use ringmain_protocol::client::{AdminClient, CallConfig};
use ringmain_protocol::v1::ClusterStatusResponse;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::figures::{NodeFigures, Step};
use crate::nodes::{Nodes, Usage};
use crate::play::Stage;

/// A node that does not say more within this time has nothing to say.
const PATIENCE: Duration = Duration::from_secs(5);
/// A page of metrics is shorter.
const METRICS_BYTES_MAX: u64 = 4 << 20;
const REQUESTS: &str = "ringmain_requests_total";

/// One client for each node, which asks that one alone.
pub(super) struct Gauges {
    admins: Vec<AdminClient>,
    http: Vec<String>,
}

/// Counters at one moment; those of a node that does not answer are missing.
pub(super) struct Reading {
    at: Duration,
    usage: Vec<Usage>,
    own: Usage,
    statuses: Vec<Option<ClusterStatusResponse>>,
    turned_away: Vec<BTreeMap<String, u64>>,
}

impl Gauges {
    pub(super) fn new(nodes: &Nodes, token: &str) -> anyhow::Result<Gauges> {
        let of = |address| {
            AdminClient::new(&CallConfig { timeout: PATIENCE, ..CallConfig::new(vec![address], token) })
        };
        let admins = nodes.addresses().into_iter().map(of).collect::<Result<_, _>>()?;
        Ok(Gauges { admins, http: nodes.http_addresses() })
    }

    /// What each node says of itself.
    pub(super) async fn statuses(&self) -> Vec<Option<ClusterStatusResponse>> {
        join_all(self.admins.iter().map(|admin| async { admin.cluster_status().await.ok() })).await
    }

    pub(super) async fn read(&self, stage: &Stage, nodes: &Nodes) -> anyhow::Result<Reading> {
        let (at, usage, own) = (stage.elapsed(), nodes.usage()?, Usage::of(std::process::id())?);
        let metrics = join_all(self.http.iter().map(|address| metrics_of(address)));
        let (statuses, metrics) = tokio::join!(self.statuses(), metrics);
        let turned_away = metrics.into_iter().map(|text| turned_away(&text.unwrap_or_default())).collect();
        Ok(Reading { at, usage, own, statuses, turned_away })
    }
}

impl Reading {
    /// Fills in what nodes and this program did from here until a later reading.
    pub(super) fn fill(&self, later: &Reading, step: &mut Step) {
        let seconds = later.at.saturating_sub(self.at).as_secs_f64().max(f64::MIN_POSITIVE);
        step.driver_processors = later.own.since(&self.own).processor_s / seconds;
        let mut terms = Vec::new();
        for place in 0..self.usage.len() {
            let used = later.usage[place].since(&self.usage[place]);
            let mut node = NodeFigures {
                processors: used.processor_s / seconds,
                written_bytes: used.written_bytes,
                turned_away: more_of(&self.turned_away[place], &later.turned_away[place]),
                ..NodeFigures::default()
            };
            if let (Some(before), Some(after)) = (&self.statuses[place], &later.statuses[place]) {
                fill_status(&mut node, before, after);
                terms.push((before.term, after.term));
                let commands = log_index(after).saturating_sub(log_index(before));
                let entries = after.raft_applied.saturating_sub(before.raft_applied);
                // All nodes apply the same; the one that is farthest says what there was.
                if commands > step.commands {
                    (step.commands, step.entries) = (commands, entries);
                }
            }
            step.nodes.insert(place as u64 + 1, node);
        }
        let (before, after) = (terms.iter().map(|term| term.0).max(), terms.iter().map(|term| term.1).max());
        step.elections = after.unwrap_or_default().saturating_sub(before.unwrap_or_default());
        let cpu_s: f64 = step.nodes.values().map(|node| node.processors * seconds).sum();
        let life_cycles = step.life_cycles_per_s * seconds;
        step.cpu_ms_per_life_cycle = (life_cycles > 0.0).then(|| cpu_s * 1e3 / life_cycles);
    }
}

fn fill_status(node: &mut NodeFigures, before: &ClusterStatusResponse, after: &ClusterStatusResponse) {
    node.is_leader = after.leader == after.node;
    node.syncs = after.sync_count.saturating_sub(before.sync_count);
    let sync_ns = after.sync_ns_total.saturating_sub(before.sync_ns_total);
    node.sync_mean_ms = (node.syncs > 0).then(|| sync_ns as f64 / node.syncs as f64 / 1e6);
}

/// The log index that a node has applied.
pub(super) fn log_index(status: &ClusterStatusResponse) -> u64 {
    status.stamp.map_or(0, |stamp| stamp.log_index)
}

fn more_of(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let more = |(code, count): (&String, &u64)| {
        let more = count.saturating_sub(before.get(code).copied().unwrap_or_default());
        (more > 0).then(|| (code.clone(), more))
    };
    after.iter().filter_map(more).collect()
}

async fn metrics_of(address: &str) -> anyhow::Result<String> {
    timeout(PATIENCE, read_metrics(address)).await.context("reading metrics")?
}

async fn read_metrics(address: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
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
