//! Looking through the log files of a stopped node, changing nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use raft_log::chunked_wal::Config as WalConfig;
use raft_log::{Dump, DumpApi, RaftLogAction, WALRecord};

use super::codec::LogTypes;
use super::{config, open_error};
use crate::files::StorageError;

/// What one log file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFile {
    pub path: PathBuf,
    /// The first and last entry in it.
    pub entries: Option<(u64, u64)>,
    pub records: u64,
    /// The first record that cannot be read: what follows it is not looked at.
    pub broken: Option<String>,
}

/// Reads every record of every log file in `dir/log`, in order.
pub(crate) fn inspect(dir: &Path) -> Result<Vec<LogFile>, StorageError> {
    let dir = dir.join("log");
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let dump = Dump::<LogTypes>::new(Arc::new(config(&dir))).map_err(|error| open_error(&dir, error))?;
    let mut found: Vec<LogFile> = Vec::new();
    let read = dump.write_with(|chunk, _, record| {
        let path = dir.join(WalConfig::chunk_file_name(chunk));
        if found.last().is_none_or(|last| last.path != path) {
            found.push(LogFile { path, entries: None, records: 0, broken: None });
        }
        let Some(file) = found.last_mut() else { return Ok(()) };
        note(file, record.map(|(_, record)| record));
        Ok(())
    });
    match read {
        Ok(()) => Ok(found),
        Err(error) => Err(open_error(&dir, error)),
    }
}

fn note(file: &mut LogFile, record: Result<raft_log::RaftLogRecord<LogTypes>, io::Error>) {
    match record {
        Ok(WALRecord::Action(RaftLogAction::Append(id, _))) => {
            file.records += 1;
            let index = id.0.index;
            file.entries = Some(file.entries.map_or((index, index), |(first, _)| (first, index)));
        }
        Ok(_other_record) => file.records += 1,
        Err(error) => {
            file.broken.get_or_insert_with(|| error.to_string());
        }
    }
}
