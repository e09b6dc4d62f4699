//! `snapshot`: backups, one file for each command.

mod inspect;
mod restore;
mod save;

use indicatif::{ProgressBar, ProgressStyle};
use ringmain_replication::archive::ArchiveError;
use ringmain_telemetry::codes;

use super::client;
use crate::cli::SnapshotCommand;
use crate::exit::{Failure, FailureKind};
use crate::running::storage_failure;

/// Carries out a command on backups.
pub(super) fn run(command: SnapshotCommand) -> Result<(), Failure> {
    match command {
        SnapshotCommand::Save(args) => client(save::save(args)),
        SnapshotCommand::Inspect(args) => inspect::inspect(&args),
        SnapshotCommand::Restore(args) => client(restore::restore(args)),
    }
}

fn failed(error: ArchiveError) -> Failure {
    let (kind, code) = match error {
        ArchiveError::Damaged { .. } => (FailureKind::Refused, &codes::DAMAGED_BACKUP),
        ArchiveError::Newer { .. } => (FailureKind::Refused, &codes::NEWER_DATA),
        ArchiveError::NotEmpty { .. } => (FailureKind::Refused, &codes::DATA_NOT_EMPTY),
        ArchiveError::NoRoom { .. } => (FailureKind::Refused, &codes::STORAGE_FAILED),
        ArchiveError::Storage(error) => return storage_failure(&error),
    };
    Failure::new(kind, code.code, error)
}

/// Bytes done on standard error; hidden by itself where that is no terminal.
fn bytes_bar(total: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(total).with_message(what);
    match ProgressStyle::with_template("{msg} {bar:40} {binary_bytes}/{binary_total_bytes} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
