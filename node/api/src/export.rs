//! Exports of everything that one node has: its state at one log index, and every command with its outcome. The
//! apply loop goes on meanwhile: the state is read from a snapshot.

use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use ringmain_actors::task::spawn_named;
use ringmain_protocol::v1::export_state_response::Part;
use ringmain_protocol::v1::{self, Error};
use ringmain_replication::HistoryRecord;
use ringmain_routing::{LogIndex, Millis, Router};
use ringmain_telemetry::codes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::convert::contact::{contact, operator};
use crate::error;
use crate::shared::Shared;
use crate::watch;

/// Bytes of rows in one message: below 1 MiB with the largest row on top.
const PART_BYTES_MAX: usize = 512 * 1024;
/// Records read from the history at once.
const RECORDS_PER_READ: usize = 512;
/// Slots made into rows at once.
const SLOTS_PER_READ: u32 = 1_024;
/// How long an export waits for the node to apply what is asked for.
const CATCH_UP_MAX: Duration = Duration::from_secs(30);
/// A client that takes nothing for so long is given up.
const CLIENT_STUCK: Duration = Duration::from_secs(30);

/// A part of a stream, on its way to the client.
pub(crate) struct Outlet<T> {
    pub(crate) sender: mpsc::Sender<Result<T, Status>>,
}

/// The client has gone, or the export has failed and said so.
pub(crate) struct Stopped;

impl<T> Outlet<T> {
    pub(crate) async fn send(&self, message: T) -> Result<(), Stopped> {
        match tokio::time::timeout(CLIENT_STUCK, self.sender.send(Ok(message))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Stopped),
        }
    }

    pub(crate) async fn fail(&self, error: &Error) -> Stopped {
        drop(self.sender.send(Err(error::status(error))).await);
        Stopped
    }
}

/// A stream that has begun.
pub(crate) type Exported<T> = Result<ReceiverStream<Result<T, Status>>, Error>;

/// Everything the node has in its state, at one log index.
pub(crate) fn state(
    shared: Arc<Shared>,
    request: v1::ExportStateRequest,
) -> Exported<v1::ExportStateResponse> {
    let permit = watch::room(&shared)?;
    let (sender, receiver) = mpsc::channel(4);
    spawn_named("export-state", async move {
        // The client has been told what it had to be told.
        drop(send_state(&shared, &request, &Outlet { sender }).await);
        drop(permit);
    });
    Ok(ReceiverStream::new(receiver))
}

async fn send_state(
    shared: &Shared,
    request: &v1::ExportStateRequest,
    outlet: &Outlet<v1::ExportStateResponse>,
) -> Result<(), Stopped> {
    let wanted = LogIndex(request.at_least_log_index);
    if let Err(error) = wait_for(shared, wanted).await {
        return Err(outlet.fail(&error).await);
    }
    let snapshot = shared.replica.read(Router::snapshot);
    let stamp = v1::ReadStamp { log_index: snapshot.index().0, at_ms: snapshot.now().0, ..shared.stamp() };
    let copied = tokio::task::spawn_blocking(move || {
        let bytes = snapshot.encode();
        let copy = Router::restore(&bytes);
        (bytes, copy)
    });
    let (bytes, copy) = match copied.await {
        Ok((bytes, Ok(copy))) => (bytes, copy),
        Ok((_, Err(_))) | Err(_) => {
            let error = error::of_code(&codes::FATAL, "the state could not be copied");
            return Err(outlet.fail(&error).await);
        }
    };
    let chain = copy.chain().to_be_bytes().to_vec().into();
    let header = v1::StateHeader { stamp: Some(stamp), chain, plan_version: copy.plan().version };
    outlet.send(part(Part::Header(header))).await?;
    let contacts = send_contacts(&copy, outlet).await?;
    let operators = send_operators(&copy, outlet).await?;
    let mut snapshot_bytes = 0;
    if request.with_snapshot {
        for piece in bytes.chunks(PART_BYTES_MAX) {
            snapshot_bytes += piece.len() as u64;
            outlet.send(part(Part::Snapshot(piece.to_vec().into()))).await?;
        }
    }
    outlet.send(part(Part::End(v1::StateEnd { contacts, operators, snapshot_bytes }))).await
}

fn part(part: Part) -> v1::ExportStateResponse {
    v1::ExportStateResponse { part: Some(part) }
}

async fn wait_for(shared: &Shared, wanted: LogIndex) -> Result<(), Error> {
    let mut feed = shared.replica.feed();
    let reached = async {
        while shared.replica.read(Router::index) < wanted {
            feed.changed().await;
        }
    };
    tokio::time::timeout(CATCH_UP_MAX, reached).await.map_err(|_| {
        let message = format!("this node has not applied log index {wanted} in time");
        error::come_back(&codes::UNAVAILABLE, message, Millis(1_000), &shared.nodes.other_than_me())
    })
}

async fn send_contacts(router: &Router, outlet: &Outlet<v1::ExportStateResponse>) -> Result<u64, Stopped> {
    let (mut sent, mut next) = (0, Some(0));
    while let Some(from) = next {
        let (views, following) = router.contacts_from(from, SLOTS_PER_READ);
        next = following;
        sent += views.len() as u64;
        let rows = views.iter().map(|view| contact(view, router));
        for contacts in in_parts(rows) {
            outlet.send(part(Part::Contacts(v1::ContactRows { contacts }))).await?;
        }
    }
    Ok(sent)
}

async fn send_operators(router: &Router, outlet: &Outlet<v1::ExportStateResponse>) -> Result<u64, Stopped> {
    let (mut sent, mut next) = (0, Some(0));
    while let Some(from) = next {
        let (views, following) = router.operators_from(from, SLOTS_PER_READ);
        next = following;
        sent += views.len() as u64;
        for operators in in_parts(views.iter().map(operator)) {
            outlet.send(part(Part::Operators(v1::OperatorRows { operators }))).await?;
        }
    }
    Ok(sent)
}

/// Rows in parts that fit into a message each.
fn in_parts<T: Message>(rows: impl Iterator<Item = T>) -> Vec<Vec<T>> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for row in rows {
        bytes += row.encoded_len();
        part.push(row);
        if bytes >= PART_BYTES_MAX {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// Every command the node has applied, with its outcome.
pub(crate) fn history(
    shared: Arc<Shared>,
    request: v1::ExportHistoryRequest,
) -> Exported<v1::ExportHistoryResponse> {
    let permit = watch::room(&shared)?;
    let (sender, receiver) = mpsc::channel(4);
    spawn_named("export-history", async move {
        // The client has been told what it had to be told.
        drop(send_history(&shared, &request, &Outlet { sender }).await);
        drop(permit);
    });
    Ok(ReceiverStream::new(receiver))
}

async fn send_history(
    shared: &Shared,
    request: &v1::ExportHistoryRequest,
    outlet: &Outlet<v1::ExportHistoryResponse>,
) -> Result<(), Stopped> {
    let applied = shared.replica.read(Router::index).0;
    let until = match request.until_log_index {
        0 => applied,
        until => until.min(applied),
    };
    let mut after = request.after_log_index;
    while after < until {
        let max = RECORDS_PER_READ.min((until - after) as usize);
        let records = match watch::history(&shared.replica, LogIndex(after), max).await {
            Ok(records) => records,
            Err(error) => return Err(outlet.fail(&error).await),
        };
        let Some(last) = records.last() else { break };
        after = last.log_index.0;
        for records in in_parts(records.into_iter().map(record)) {
            outlet.send(v1::ExportHistoryResponse { records }).await?;
        }
    }
    Ok(())
}

fn record(record: HistoryRecord) -> v1::HistoryRecord {
    v1::HistoryRecord {
        log_index: record.log_index.0,
        raft_index: record.raft_index,
        term: record.term,
        at_ms: record.at.0,
        command: record.command.into(),
        outcome: record.outcome.into(),
        chain: record.chain.to_be_bytes().to_vec().into(),
    }
}
