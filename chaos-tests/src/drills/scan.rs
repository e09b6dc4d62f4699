//! The final scan: everything that a node has, as it exports it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ringmain_protocol::client::{AdminClient, CallConfig, Connections};
use ringmain_protocol::v1::export_state_response::Part;
use ringmain_protocol::v1::{ExportHistoryRequest, ExportStateRequest, HistoryRecord};
use ringmain_routing::{Command, LogIndex, NodeId, Outcome, Router, Timestamp};

use crate::checker::{HistoryEntry, NodeScan};

/// Longest time that one node may take to hand over everything.
const PATIENCE: Duration = Duration::from_secs(180);

/// Reads one node's whole state, once it has applied a log index, and its history up to there.
///
/// # Errors
/// The node does not answer, or what it hands over is not whole.
pub async fn scan(node: NodeId, address: &str, token: &str, at_least: LogIndex) -> Result<NodeScan> {
    scan_over(Connections::default(), node, address, token, at_least).await
}

/// As [`scan`], over connections of another kind.
///
/// # Errors
/// The node does not answer, or what it hands over is not whole.
pub async fn scan_over(
    connections: Connections,
    node: NodeId,
    address: &str,
    token: &str,
    at_least: LogIndex,
) -> Result<NodeScan> {
    let config = CallConfig::new(vec![address.to_owned()], token);
    let config = CallConfig { timeout: PATIENCE, connections, ..config };
    let admin = AdminClient::new(&config)?;
    let state = read_state(&admin, at_least).await.with_context(|| format!("the state of node {node}"))?;
    let history =
        read_history(&admin, state.index()).await.with_context(|| format!("the history of node {node}"))?;
    Ok(NodeScan { node, state, history })
}

async fn read_state(admin: &AdminClient, at_least: LogIndex) -> Result<Router> {
    let request = ExportStateRequest { with_snapshot: true, at_least_log_index: at_least.0 };
    let mut parts = admin.export_state(request).await?;
    let (mut bytes, mut promised) = (Vec::new(), None);
    while let Some(part) = parts.message().await? {
        match part.part {
            Some(Part::Snapshot(more)) => bytes.extend_from_slice(&more),
            Some(Part::End(end)) => promised = Some(end.snapshot_bytes),
            Some(Part::Header(_) | Part::Contacts(_) | Part::Operators(_)) | None => {}
        }
    }
    ensure!(promised == Some(bytes.len() as u64), "the export broke off after {} bytes", bytes.len());
    Router::restore(&bytes).context("reading the exported bytes")
}

async fn read_history(admin: &AdminClient, until: LogIndex) -> Result<Vec<HistoryEntry>> {
    let request = ExportHistoryRequest { after_log_index: 0, until_log_index: until.0 };
    let mut parts = admin.export_history(request).await?;
    let mut history = Vec::new();
    while let Some(part) = parts.message().await? {
        for record in &part.records {
            history.push(entry(record)?);
        }
    }
    Ok(history)
}

fn entry(record: &HistoryRecord) -> Result<HistoryEntry> {
    let chain = <[u8; 16]>::try_from(&record.chain[..]).context("a chain has 16 bytes")?;
    Ok(HistoryEntry {
        log_index: record.log_index,
        raft_index: record.raft_index,
        term: record.term,
        at: Timestamp(record.at_ms),
        command: Command::decode(&record.command)?,
        outcome: Outcome::decode(&record.outcome)?,
        chain: u128::from_be_bytes(chain),
    })
}
