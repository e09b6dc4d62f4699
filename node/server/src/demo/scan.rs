//! The final scan: every node's full state and history, held against what the clients asked and were answered.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ringmain_bench::play::{Answer, Asked, Notes, Seen, SeenKind};
use ringmain_chaos::checker::{
    ClientOp, ClientOpKind, HistoryEntry, NodeScan, OpResult, SeenEvent, SeenEventKind,
};
use ringmain_protocol::client::{AdminClient, CallConfig};
use ringmain_protocol::v1::export_state_response::Part;
use ringmain_protocol::v1::{ExportHistoryRequest, ExportStateRequest, HistoryRecord};
use ringmain_routing::{Command, NodeId, Outcome, Router, Timestamp};

/// How long one node may take to hand over everything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads one node's state and history whole.
///
/// # Errors
/// The node does not answer, or what it hands over is not whole.
pub async fn scan(node: NodeId, address: &str, token: &str, at_least: u64) -> Result<NodeScan> {
    let config = CallConfig { timeout: PATIENCE, ..CallConfig::new(vec![address.to_owned()], token) };
    let admin = AdminClient::new(&config)?;
    let state = read_state(&admin, at_least).await.with_context(|| format!("the state of node {node}"))?;
    let history =
        read_history(&admin, state.index().0).await.with_context(|| format!("the history of node {node}"))?;
    Ok(NodeScan { node, state, history })
}

async fn read_state(admin: &AdminClient, at_least: u64) -> Result<Router> {
    let request = ExportStateRequest { with_snapshot: true, at_least_log_index: at_least };
    let mut parts = admin.export_state(request).await?;
    let (mut bytes, mut expected) = (Vec::new(), None);
    while let Some(part) = parts.message().await? {
        match part.part {
            Some(Part::Snapshot(more)) => bytes.extend_from_slice(&more),
            Some(Part::End(end)) => expected = Some(end.snapshot_bytes),
            Some(Part::Header(_) | Part::Contacts(_) | Part::Operators(_)) | None => {}
        }
    }
    ensure!(expected == Some(bytes.len() as u64), "the export broke off after {} bytes", bytes.len());
    Router::restore(&bytes).context("the exported state")
}

async fn read_history(admin: &AdminClient, until: u64) -> Result<Vec<HistoryEntry>> {
    let request = ExportHistoryRequest { after_log_index: 0, until_log_index: until };
    let mut pages = admin.export_history(request).await?;
    let mut history = Vec::new();
    while let Some(page) = pages.message().await? {
        for record in page.records {
            history.push(entry(&record)?);
        }
    }
    ensure!(history.len() as u64 == until, "{} records instead of {until}", history.len());
    Ok(history)
}

fn entry(record: &HistoryRecord) -> Result<HistoryEntry> {
    let chain = <[u8; 16]>::try_from(&record.chain[..]).context("a chain of 16 bytes")?;
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

/// The clients' own histories, in the checker's words.
pub fn histories(notes: &Notes) -> (Vec<ClientOp>, Vec<SeenEvent>) {
    let ops = notes.records.iter().map(|record| ClientOp {
        client: record.client.clone(),
        op: kind(&record.asked),
        invoked_ns: record.invoked_ns,
        returned_ns: record.returned_ns,
        result: result(&record.answer),
    });
    (ops.collect(), notes.seen.iter().map(seen_event).collect())
}

fn kind(asked: &Asked) -> ClientOpKind {
    match asked {
        Asked::Push(key) => ClientOpKind::Push { key: key.clone() },
        Asked::Abandon(key) => ClientOpKind::Abandon { key: key.clone() },
        Asked::Presence(ready) => ClientOpKind::Presence { ready: *ready },
        Asked::Accept(contact, assignment) => {
            ClientOpKind::Accept { contact: contact.clone(), assignment: *assignment }
        }
        Asked::Complete(contact, assignment) => {
            ClientOpKind::Complete { contact: contact.clone(), assignment: *assignment }
        }
    }
}

fn result(answer: &Answer) -> OpResult {
    match answer {
        Answer::Done { log_index, term, contact } => OpResult::Done {
            log_index: *log_index,
            term: *term,
            contact: contact.as_ref().and_then(|contact| contact.parse().ok()),
        },
        Answer::Refused { log_index, term, code } => {
            OpResult::Refused { log_index: *log_index, term: *term, code: code.clone() }
        }
        Answer::Unknown => OpResult::Unknown,
    }
}

fn seen_event(seen: &Seen) -> SeenEvent {
    SeenEvent {
        client: seen.client.clone(),
        log_index: seen.log_index,
        at_ns: seen.at_ns,
        key: seen.key.clone(),
        kind: match seen.kind {
            SeenKind::Offered => SeenEventKind::Offered,
            SeenKind::Connected => SeenEventKind::Connected,
            SeenKind::Withdrawn => SeenEventKind::Withdrawn,
            SeenKind::Ended => SeenEventKind::Ended,
        },
        assignment: seen.assignment,
    }
}
