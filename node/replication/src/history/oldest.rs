//! Where the history of this node begins. Older segments were given up on purpose; the file says so before they go,
//! so that at the next start a missing segment is told from one that was lost.

use std::fs;
use std::path::Path;

use ringmain_routing::LogIndex;

use super::History;
use crate::files::{StorageError, SyncMeter, put_frame, read_framed_file};

const FILE: &str = "oldest";

/// The first index that is kept; 1 when nothing was ever given up.
pub(crate) fn read(dir: &Path) -> Result<LogIndex, StorageError> {
    let path = dir.join(FILE);
    if !path.exists() {
        return Ok(LogIndex(1));
    }
    let content = read_framed_file(&path)?;
    let index = content.first_chunk().filter(|_| content.len() == 8);
    let damaged = || StorageError::damaged(&path, "it holds no log index");
    index.map(|bytes| LogIndex(u64::from_le_bytes(*bytes))).ok_or_else(damaged)
}

/// Durable on return.
pub(super) fn write(dir: &Path, oldest: LogIndex, meter: &SyncMeter) -> Result<(), StorageError> {
    let mut frame = Vec::new();
    put_frame(&mut frame, &oldest.0.to_le_bytes());
    meter.replace_file(&dir.join(FILE), &frame)
}

impl History {
    /// Gives up the whole segments before the one that holds `oldest`; returns how many went. To be called once a
    /// durable snapshot no longer names them.
    pub fn give_up_before(&self, oldest: LogIndex) -> Result<usize, StorageError> {
        let first = self.inner.cut.first_of(oldest);
        let gone: Vec<LogIndex> = {
            let mut state = self.lock()?;
            let kept = state.segments.split_off(&first);
            std::mem::replace(&mut state.segments, kept).into_keys().collect()
        };
        if gone.is_empty() {
            return Ok(0);
        }
        write(&self.inner.dir, first, &self.inner.meter)?;
        for first in &gone {
            let path = self.path(*first);
            fs::remove_file(&path).map_err(StorageError::io(&path, "remove the file"))?;
        }
        self.inner.meter.sync_dir(&self.inner.dir)?;
        Ok(gone.len())
    }
}
