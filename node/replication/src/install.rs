//! A snapshot from the leader, and the history segments that it presupposes.

use std::sync::Arc;
use std::time::Duration;

use openraft::raft::SnapshotResponse;
use ringmain_protocol::v1;
use ringmain_protocol::v1::install_snapshot_request::Part;
use ringmain_routing::NodeId;
use tokio::sync::watch;
use tonic::{Status, Streaming};

use crate::files::StorageError;
use crate::links::Links;
use crate::machine::{FetchSegment, Machine, SegmentPiece, blocking};
use crate::members::Members;
use crate::shared::Shared;
use crate::snapshot_files::SnapshotFile;
use crate::type_config::{TypeConfig, Vote};
use crate::wire::decode;

/// Receives a snapshot, fetches what history it presupposes, and installs it.
pub async fn receive(
    shared: &Shared,
    mut stream: Streaming<v1::InstallSnapshotRequest>,
) -> Result<SnapshotResponse<TypeConfig>, Status> {
    // What an earlier, broken transfer has fetched is of use to this one.
    let _arrival = shared.machine.arrival();
    let vote: Vote = match stream.message().await?.and_then(|message| message.part) {
        Some(Part::Head(head)) => decode(&head)?,
        Some(Part::Chunk(_) | Part::Place(_)) | None => {
            return Err(Status::invalid_argument("head: missing"));
        }
    };
    let place = match stream.message().await?.and_then(|message| message.part) {
        Some(Part::Place(place)) => place,
        Some(Part::Head(_) | Part::Chunk(_)) | None => {
            return Err(Status::invalid_argument("place: missing"));
        }
    };
    let snapshot = receive_file(shared, stream, read_hash(&place.hash)?, place.offset).await?;
    // A sender of an earlier version does not tell them.
    let told = if place.members.is_empty() { None } else { Some(decode::<Members>(&place.members)?) };
    let named = Members::stored(&snapshot.head().meta.last_membership);
    [told, named].into_iter().flatten().for_each(|known| learn_members(shared, known));
    shared.machine.prepare(&snapshot).await.map_err(failed)?;
    let meta = snapshot.head().meta.clone();
    tracing::info!(log_index = snapshot.head().index.0, bytes = snapshot.len(), "snapshot received");
    let snapshot = openraft::Snapshot { meta, snapshot };
    let installed = shared.raft.install_full_snapshot(vote, snapshot).await;
    installed.map_err(|error| Status::unavailable(error.to_string()))
}

/// A node that joins knows of nobody, and one that was away of those who were there before: whom to ask for history is
/// told with the snapshot.
fn learn_members(shared: &Shared, known: Members) {
    shared.members.send_if_modified(|members| {
        let is_later = known.since > members.since;
        if is_later {
            *members = known;
        }
        is_later
    });
}

async fn receive_file(
    shared: &Shared,
    mut stream: Streaming<v1::InstallSnapshotRequest>,
    hash: u128,
    offset: u64,
) -> Result<SnapshotFile, Status> {
    if !shared.disk.has_room_for(0).map_err(failed)? {
        return Err(Status::resource_exhausted("disk: too little room for a snapshot"));
    }
    let receiver = shared.machine.receive_snapshot(hash).map_err(failed)?;
    let mut receiver = receiver.ok_or_else(|| Status::aborted("a snapshot comes in already"))?;
    if receiver.len() != offset {
        let what = format!("offset: {} bytes are here, {offset} are said to be", receiver.len());
        return Err(Status::aborted(what));
    }
    while let Some(message) = stream.message().await? {
        match message.part {
            Some(Part::Chunk(chunk)) => receiver.append(&chunk).map_err(failed)?,
            Some(Part::Head(_) | Part::Place(_)) | None => {
                return Err(Status::invalid_argument("chunk: missing"));
            }
        }
    }
    let finished = tokio::task::spawn_blocking(move || receiver.finish()).await;
    finished.map_err(failed)?.map_err(failed)
}

/// How much of a snapshot is here from a transfer that broke.
pub fn progress(
    shared: &Shared,
    request: &v1::SnapshotProgressRequest,
) -> Result<v1::SnapshotProgressResponse, Status> {
    let hash = read_hash(&request.hash)?;
    Ok(v1::SnapshotProgressResponse { offset: shared.machine.snapshot_received(hash) })
}

fn read_hash(bytes: &[u8]) -> Result<u128, Status> {
    let hash = <[u8; 16]>::try_from(bytes).map(u128::from_le_bytes);
    hash.map_err(|_| Status::invalid_argument("hash: is not 16 bytes"))
}

/// How long a start waits for a peer that has the end of the history.
const TAIL_TRIES: u32 = 20;
/// Between two segments that are read for their own sake, a few megabytes each.
const SCRUB_PAUSE: Duration = Duration::from_millis(50);
const HEAL_AGAIN: Duration = Duration::from_secs(1);

/// Fetches the last segment when it was lost: the log cannot be applied without it.
pub async fn heal_tail(machine: &Machine) -> Result<(), StorageError> {
    let Some(segment) = machine.lost_tail()? else { return Ok(()) };
    for _ in 0..TAIL_TRIES {
        match machine.heal(segment).await {
            Ok(()) => return Ok(()),
            Err(error) => tracing::warn!(%error, "end of the history not yet fetched"),
        }
        tokio::time::sleep(HEAL_AGAIN).await;
    }
    let what = format!(
        "the segment at {} was set aside and no peer gave it: start this node while another one runs",
        segment.first
    );
    Err(StorageError::damaged(&machine.history_dir(), what))
}

/// Reads all history once, and fetches what this node has lost of it, for as long as it takes.
pub async fn heal(shared: Arc<Shared>) {
    loop {
        let machine = shared.machine.clone();
        match blocking(move || machine.scrub_next()).await {
            Ok(Ok(true)) => tokio::time::sleep(SCRUB_PAUSE).await,
            Ok(Ok(false)) => break,
            Ok(Err(error)) => {
                tracing::error!(%error, "history cannot be read");
                break;
            }
            Err(_) => return,
        }
    }
    fetch_absent(&shared).await;
}

async fn fetch_absent(shared: &Shared) {
    loop {
        let absent = match shared.machine.absent_history() {
            Ok(absent) => absent,
            Err(error) => {
                tracing::error!(%error, "history cannot be healed");
                return;
            }
        };
        if absent.is_empty() {
            return;
        }
        for segment in absent {
            if let Err(error) = shared.machine.heal(segment).await {
                tracing::warn!(%error, segment = segment.first.0, "history not yet healed");
                tokio::time::sleep(HEAL_AGAIN).await;
            }
        }
    }
}

fn failed(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}

/// Asks the other members for pieces of history, one after another until one has it.
pub fn fetch_from_peers(me: NodeId, members: watch::Receiver<Members>, links: Arc<Links>) -> FetchSegment {
    Box::new(move |piece| {
        let known = members.borrow();
        let peers = known.others(me).map(|peer| (peer.node.0, peer.peer_addr.clone())).collect();
        Box::pin(fetch(Arc::clone(&links), peers, piece))
    })
}

async fn fetch(links: Arc<Links>, peers: Vec<(u64, String)>, piece: SegmentPiece) -> Result<Vec<u8>, String> {
    let mut why = String::from("no other node is known");
    for (node, addr) in peers.iter() {
        let request =
            v1::FetchSegmentRequest { first: piece.first.0, offset: piece.offset, length: piece.len as u64 };
        let mut link = match links.to(*node, addr) {
            Ok(link) => link,
            Err(error) => {
                why = error.to_string();
                continue;
            }
        };
        match link.transfer.fetch_segment(request).await {
            Ok(answer) => return Ok(answer.into_inner().chunk.to_vec()),
            Err(status) => why = format!("node {node}: {}", status.message()),
        }
    }
    Err(why)
}
