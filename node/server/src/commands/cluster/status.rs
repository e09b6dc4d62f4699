//! `cluster status`.

use std::fmt::Write as _;

use ringmain_protocol::v1::{ClusterStatusResponse, DiskState, NodeRole, NodeStatus};
use serde_json::json;

use crate::cli::ListArgs;
use crate::commands::stamp::stamp_json;
use crate::commands::watch;
use crate::connection::{Clients, failed};
use crate::exit::Failure;
use crate::output::{Answer, Block, Column, Rows, span};

/// The cluster as the asked node sees it.
pub(in crate::commands) async fn status(args: ListArgs) -> Result<(), Failure> {
    watch::show(&args, async |clients: &Clients| {
        let status = clients.admin.cluster_status().await.map_err(|error| failed(&error))?;
        Ok(answer(&status))
    })
    .await
}

/// The cluster for programs.
pub(in crate::commands) fn status_json(status: &ClusterStatusResponse) -> serde_json::Value {
    answer(status).json
}

fn answer(status: &ClusterStatusResponse) -> Answer {
    let stamp = status.stamp.unwrap_or_default();
    let leader = if status.leader == 0 { "none".to_owned() } else { format!("node {}", status.leader) };
    let mut text = vec![
        Block::Line(format!("cluster {}, leader {leader}, term {}", status.cluster, status.term)),
        Block::Line(format!(
            "asked: node {} ({}, run {}, version {}), log index {}, raft {} applied, {} committed, {} last, snapshot at {}",
            status.node,
            role_word(status.role()),
            status.incarnation,
            status.version,
            stamp.log_index,
            status.raft_applied,
            status.raft_committed,
            status.raft_last_log,
            status.raft_snapshot,
        )),
        Block::Line(format!("syncs of the log: {}, mean {}", status.sync_count, mean_sync(status))),
    ];
    if status.removed {
        text.push(Block::Line("REMOVED: the asked node is no member any more; stop it".to_owned()));
    } else if status.read_only {
        text.push(Block::Line(format!("READ-ONLY: no majority, stale since {}", span(stamp.age_ms))));
    }
    text.push(Block::Rows(node_rows(status)));
    let nodes: Vec<_> = status.nodes.iter().map(|node| node_json(node, status)).collect();
    let json = json!({
        "cluster": status.cluster,
        "node": status.node,
        "incarnation": status.incarnation,
        "group": status.group,
        "leader": (status.leader != 0).then_some(status.leader),
        "term": status.term,
        "role": role_word(status.role()),
        "read_only": status.read_only,
        "raft_last_log": status.raft_last_log,
        "raft_committed": status.raft_committed,
        "raft_applied": status.raft_applied,
        "raft_snapshot": status.raft_snapshot,
        "stamp": stamp_json(&stamp),
        "chain": hex(&status.chain),
        "nodes": nodes,
        "sync_count": status.sync_count,
        "sync_ns_total": status.sync_ns_total,
        "version": status.version,
        "removed": status.removed,
        "http_address": status.http_address,
    });
    Answer { json, text }
}

fn node_rows(status: &ClusterStatusResponse) -> Rows {
    let mut rows = Rows::new(&[
        Column::Number("node"),
        Column::Words("region"),
        Column::Words("address"),
        Column::Words("role"),
        Column::Number("behind"),
        Column::Number("heard"),
        Column::Words("state"),
    ]);
    for node in &status.nodes {
        let address = node.address.clone().unwrap_or_default();
        rows.push([
            address.node.to_string(),
            address.region,
            address.address,
            node_role(node, status).to_owned(),
            node.lag_entries.map_or_else(|| "–".to_owned(), |lag| lag.to_string()),
            node.last_heard_ms.map_or_else(|| "–".to_owned(), |ms| format!("{} ago", span(ms))),
            state(node),
        ]);
    }
    rows
}

/// What is out of the ordinary with a node.
fn state(node: &NodeStatus) -> String {
    let words = [
        (node.suspect, "suspect"),
        (node.draining, "draining"),
        (node.disk() == DiskState::Full, "disk full"),
        (node.disk() == DiskState::OnReserve, "disk full, on its reserve"),
    ];
    words.iter().filter(|(so, _)| *so).map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
}

fn node_json(node: &NodeStatus, status: &ClusterStatusResponse) -> serde_json::Value {
    let address = node.address.clone().unwrap_or_default();
    json!({
        "node": address.node,
        "region": address.region,
        "address": address.address,
        "role": node_role(node, status),
        "voter": node.voter,
        "lag_entries": node.lag_entries,
        "last_heard_ms": node.last_heard_ms,
        "suspect": node.suspect,
        "draining": node.draining,
        "disk": disk_word(node.disk()),
        "peer_address": node.peer_address,
    })
}

/// What a node is, in a word.
pub(in crate::commands) fn node_role(node: &NodeStatus, status: &ClusterStatusResponse) -> &'static str {
    let number = node.address.as_ref().map_or(0, |address| address.node);
    if number == status.leader && number != 0 {
        "leader"
    } else if number == status.node {
        role_word(status.role())
    } else if node.voter {
        "follower"
    } else {
        "learner"
    }
}

fn disk_word(disk: DiskState) -> Option<&'static str> {
    match disk {
        DiskState::Unspecified => None,
        DiskState::Room => Some("room"),
        DiskState::Full => Some("full"),
        DiskState::OnReserve => Some("on-reserve"),
    }
}

fn role_word(role: NodeRole) -> &'static str {
    match role {
        NodeRole::Unspecified => "unknown",
        NodeRole::Leader => "leader",
        NodeRole::Follower => "follower",
        NodeRole::Candidate => "candidate",
        NodeRole::Learner => "learner",
        NodeRole::Shutdown => "shutdown",
    }
}

fn mean_sync(status: &ClusterStatusResponse) -> String {
    match status.sync_ns_total.checked_div(status.sync_count) {
        Some(ns) => format!("{}.{:03} ms", ns / 1_000_000, ns / 1_000 % 1_000),
        None => "–".to_owned(),
    }
}

/// Bytes as hexadecimal digits.
pub(in crate::commands) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all");
        text
    })
}
