//! Segments that a snapshot names and this node has lost: they are set aside when they are damaged, and come from peers.

use std::fs;
use std::path::{Path, PathBuf};

use ringmain_routing::Timestamp;

use super::load::take_in;
use super::transfer::fetched_path;
use super::{History, Segment};
use crate::files::{StorageError, set_aside};
use crate::segments::{SegmentRef, scan};

impl Segment {
    /// One that has to come from a peer.
    pub(super) fn absent(named: SegmentRef) -> Segment {
        Segment { named, sparse: Vec::new(), until: Timestamp(0), absent: true }
    }
}

impl History {
    /// The segments that have to come from peers. The last one may be the beginning of a segment; without it nothing
    /// can be appended.
    pub fn absent(&self) -> Result<Vec<SegmentRef>, StorageError> {
        let state = self.lock()?;
        Ok(state.segments.values().filter(|segment| segment.absent).map(|segment| segment.named).collect())
    }

    /// Puts a segment that was received into its place.
    pub fn put_back(&self, segment: SegmentRef) -> Result<(), StorageError> {
        let path = self.path(segment.first);
        self.inner.meter.rename_durably(&fetched_path(&path), &path)?;
        let found = scan(&path, segment.first, &self.inner.cut)?;
        if found.segment_ref() != segment {
            return Err(StorageError::damaged(&path, "it is not the segment that the snapshot names"));
        }
        let mut state = self.lock()?;
        let state = &mut *state;
        state.segments.remove(&segment.first);
        take_in(path, found, &self.inner.cut, &mut state.segments, &mut state.tail)
    }
}

/// What stands in the place of a needed segment whose file is missing or wrong.
pub(super) fn instead(
    dir: &Path,
    wanted: SegmentRef,
    damaged: Option<(PathBuf, String)>,
) -> Result<Segment, StorageError> {
    match damaged {
        Some((path, what)) => set_aside(&path, &what)?,
        None => {
            let path = dir.join(format!("segment at {}", wanted.first));
            crate::files::alert_set_aside(&path, "it is missing");
        }
    }
    // What an earlier run fetched is fetched anew: it may be what is damaged.
    let fetched = fetched_path(&dir.join(crate::segments::Cut::name_of(wanted.first)));
    if fetched.exists() {
        fs::remove_file(&fetched).map_err(StorageError::io(&fetched, "remove the file"))?;
    }
    Ok(Segment::absent(wanted))
}
