//! Backups: an archive of the state and the history, sent while the node goes on.

use std::sync::Arc;

use ringmain_actors::task::spawn_named;
use ringmain_protocol::v1;
use ringmain_protocol::v1::save_snapshot_response::Part;
use ringmain_replication::archive::Archive;
use ringmain_telemetry::codes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::error;
use crate::export::{Exported, Outlet, Stopped};
use crate::shared::Shared;
use crate::watch;

/// A backup with everything that was acknowledged anywhere before the call.
pub(crate) async fn save(
    shared: Arc<Shared>,
    request: v1::SaveSnapshotRequest,
) -> Exported<v1::SaveSnapshotResponse> {
    let permit = watch::room(&shared)?;
    let reached = shared.replica.read_index().await;
    reached.map_err(|failed| error::not_proposed(&failed, &shared.nodes))?;
    let replica = shared.replica.clone();
    let version = shared.version.clone();
    let begun =
        tokio::task::spawn_blocking(move || replica.archive(&version, !request.without_history)).await;
    let archive = match begun {
        Ok(Ok(archive)) => archive,
        Ok(Err(failed)) => return Err(error::of_code(&codes::FATAL, failed.to_string())),
        Err(_) => return Err(error::of_code(&codes::FATAL, "the state could not be copied")),
    };
    let (sender, receiver) = mpsc::channel(4);
    spawn_named("save-snapshot", async move {
        // The client has been told what it had to be told.
        drop(send(archive, &Outlet { sender }, &shared).await);
        drop(permit);
    });
    Ok(ReceiverStream::new(receiver))
}

async fn send(
    mut archive: Archive,
    outlet: &Outlet<v1::SaveSnapshotResponse>,
    shared: &Shared,
) -> Result<(), Stopped> {
    outlet.send(part(Part::Start(start(&archive, shared)))).await?;
    loop {
        let read = tokio::task::spawn_blocking(move || {
            let piece = archive.next_piece();
            (archive, piece)
        });
        let piece = match read.await {
            Ok((rest, Ok(piece))) => {
                archive = rest;
                piece
            }
            Ok((_, Err(failed))) => {
                return Err(outlet.fail(&error::of_code(&codes::FATAL, failed.to_string())).await);
            }
            Err(_) => {
                let failed = error::of_code(&codes::FATAL, "the history could not be read");
                return Err(outlet.fail(&failed).await);
            }
        };
        match piece {
            Some(piece) => outlet.send(part(Part::Chunk(piece.into()))).await?,
            None => return Ok(()),
        }
    }
}

fn start(archive: &Archive, shared: &Shared) -> v1::ArchiveStart {
    let head = archive.head();
    let stamp = v1::ReadStamp { log_index: head.log_index, at_ms: head.at_ms, ..shared.stamp() };
    v1::ArchiveStart {
        cluster: head.cluster.clone(),
        node: head.node,
        stamp: Some(stamp),
        content_bytes: head.content_bytes(),
    }
}

fn part(part: Part) -> v1::SaveSnapshotResponse {
    v1::SaveSnapshotResponse { part: Some(part) }
}
