//! `snapshot save`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use ringmain_protocol::status::to_error;
use ringmain_protocol::v1::save_snapshot_response::Part;
use ringmain_protocol::v1::{SaveSnapshotRequest, SaveSnapshotResponse};
use ringmain_replication::archive;
use ringmain_replication::files::temp_path;
use ringmain_telemetry::codes;
use tonic::Streaming;

use super::inspect::answer;
use super::{bytes_bar, failed as archive_failed};
use crate::cli::SaveArgs;
use crate::connection::{Clients, failed, failure};
use crate::exit::{Failure, FailureKind};
use crate::output;

/// Writes beside the file, checks what was written as a restore would, and renames it.
pub(super) async fn save(args: SaveArgs) -> Result<(), Failure> {
    if args.file.exists() && !args.overwrite {
        let message = format!("FILE: {} exists; name another, or say --overwrite", args.file.display());
        return Err(Failure::new(FailureKind::Invalid, codes::INVALID_REQUEST.code, message));
    }
    let clients = Clients::open(&args.node).await?;
    let request = SaveSnapshotRequest { without_history: args.no_history };
    let parts = clients.admin.save_snapshot(request).await.map_err(|error| failed(&error))?;
    let temp = temp_path(&args.file);
    let saved = receive(parts, &temp).await.and_then(|()| {
        let head = archive::inspect(&temp).map_err(archive_failed)?;
        fs::rename(&temp, &args.file).map_err(|error| unwritten(&args.file, &error))?;
        sync_folder(&args.file)?;
        Ok(head)
    });
    match saved {
        Ok(head) => output::print(&answer(&args.file, &head), args.node.format, false),
        Err(failure) => {
            // What came is no backup; where even removing it fails, its name says so.
            drop(fs::remove_file(&temp));
            Err(failure)
        }
    }
}

async fn receive(mut parts: Streaming<SaveSnapshotResponse>, path: &Path) -> Result<(), Failure> {
    let wrong = |error: std::io::Error| unwritten(path, &error);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path).map_err(wrong)?;
    let mut bar = bytes_bar(0, "saving");
    while let Some(message) = parts.message().await.map_err(|status| failure(&to_error(&status)))? {
        match message.part {
            Some(Part::Start(start)) => bar = bytes_bar(start.content_bytes, "saving"),
            Some(Part::Chunk(chunk)) => {
                file.write_all(&chunk).map_err(wrong)?;
                bar.inc(chunk.len() as u64);
            }
            None => {}
        }
    }
    bar.finish_and_clear();
    file.sync_all().map_err(wrong)
}

fn sync_folder(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| unwritten(folder, &error))
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("FILE: {} cannot be written: {error}", path.display());
    Failure::new(FailureKind::Internal, codes::STORAGE_FAILED.code, message)
}
