//! What the demo breaks, and how long the first assignment after it took, as the clients saw it.

use std::time::Duration;

use anyhow::Result;
use ringmain_bench::play::{Notes, SeenKind, Stage};
use ringmain_chaos::checker::NodeScan;
use ringmain_routing::NodeId;
use serde::Serialize;

use super::cluster::DemoCluster;
use super::watcher::Look;

/// A killed leader.
#[derive(Clone, Copy, Debug)]
pub struct Killing {
    /// Who.
    pub node: NodeId,
    /// When, since the stage was set, in ns.
    at_ns: u64,
    /// The term it led.
    term: u64,
}

/// How a failover went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failover {
    /// Which node led.
    pub node: u64,
    /// When it was killed, since the demo began to play.
    pub killed_at_ms: u64,
    /// Until a client heard of the first assignment made under the next leader; absent when there was none.
    pub first_assignment_after_ms: Option<u64>,
}

/// Kills the leader's process.
///
/// # Errors
/// The process does not run.
pub fn kill_leader(cluster: &mut DemoCluster, stage: &Stage, look: &Look) -> Result<Option<Killing>> {
    let Some((leader, term)) = look.leader() else { return Ok(None) };
    let node = NodeId(leader);
    let at_ns = stage.now_ns();
    cluster.kill(node)?;
    Ok(Some(Killing { node, at_ns, term }))
}

/// How the failover after a killing went: the first assignment that a client saw whose log entry is of a later term.
pub fn measure(killing: &Killing, begin: Duration, notes: &Notes, scan: &NodeScan) -> Failover {
    let of_later_term = |log_index: u64| {
        let place = scan.history.binary_search_by_key(&log_index, |entry| entry.log_index);
        place.is_ok_and(|place| scan.history[place].term > killing.term)
    };
    let first = notes
        .seen
        .iter()
        .filter(|seen| {
            matches!(seen.kind, SeenKind::Offered | SeenKind::Connected) && seen.at_ns > killing.at_ns
        })
        .find(|seen| of_later_term(seen.log_index));
    let begin_ns = u64::try_from(begin.as_nanos()).unwrap_or(u64::MAX);
    Failover {
        node: killing.node.0,
        killed_at_ms: killing.at_ns.saturating_sub(begin_ns) / 1_000_000,
        first_assignment_after_ms: first.map(|seen| (seen.at_ns - killing.at_ns) / 1_000_000),
    }
}
