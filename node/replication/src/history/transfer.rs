//! Segments between replicas: handing them out, and taking in what this node lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ringmain_routing::LogIndex;

use super::load::{check_against_snapshot, drop_segment, take_in};
use super::{History, HistoryError, Segment, State, Tail, flush};
use crate::files::{StorageError, SyncMeter, list, temp_path};
use crate::segments::{Cut, SegmentRef, scan, seal};

impl History {
    /// `len` bytes (fewer at the end) of the segment that begins at `first`, for a replica that lacks it.
    pub fn read_segment(&self, first: LogIndex, offset: u64, len: usize) -> Result<Vec<u8>, HistoryError> {
        let missing = HistoryError::NoSegment { first, bytes: offset + len as u64 };
        let named = {
            let mut state = self.lock()?;
            flush(&mut state, &self.inner.meter)?;
            let sealed = state.segments.get(&first).filter(|segment| !segment.absent);
            let sealed = sealed.map(|segment| segment.named);
            sealed.or_else(|| state.tail.as_ref().map(Tail::named).filter(|named| named.first == first))
        };
        let Some(named) = named.filter(|named| offset < named.bytes) else {
            return Err(missing);
        };
        let path = self.path(first);
        let mut bytes = vec![0; len.min((named.bytes - offset) as usize)];
        let file = File::open(&path).map_err(StorageError::io(&path, "open the file"))?;
        file.read_exact_at(&mut bytes, offset).map_err(StorageError::io(&path, "read the file"))?;
        Ok(bytes)
    }

    /// Which of `wanted` this node lacks or has otherwise.
    pub fn missing(&self, wanted: &[SegmentRef]) -> Result<Vec<SegmentRef>, StorageError> {
        let have: BTreeMap<_, _> = {
            let mut state = self.lock()?;
            flush(&mut state, &self.inner.meter)?;
            let tail = state.tail.as_ref().map(Tail::named);
            let sound = state.segments.values().filter(|segment| !segment.absent);
            sound.map(|s| s.named).chain(tail).map(|named| (named.first, named)).collect()
        };
        let mut missing = Vec::new();
        for segment in wanted {
            let same = match have.get(&segment.first) {
                Some(own) if own == segment => true,
                Some(own) if own.last > segment.last => self.beginning(own.first, segment.last)? == *segment,
                Some(_) | None => false,
            };
            if !same {
                missing.push(*segment);
            }
        }
        Ok(missing)
    }

    /// Which of `wanted` were neither here before nor fetched since.
    pub fn not_at_hand(&self, wanted: &[SegmentRef]) -> Result<Vec<SegmentRef>, StorageError> {
        let fetched = |segment: &SegmentRef| {
            let path = fetched_path(&self.path(segment.first));
            path.exists()
                && scan(&path, segment.first, &self.inner.cut).is_ok_and(|s| s.segment_ref() == *segment)
        };
        Ok(self.missing(wanted)?.into_iter().filter(|segment| !fetched(segment)).collect())
    }

    /// Begins to take in a segment that this node lacks.
    pub fn receive(&self, segment: SegmentRef) -> Result<SegmentReceiver, StorageError> {
        let path = temp_path(&self.path(segment.first));
        // A new file, not the old one emptied: whoever still holds that writes where it harms nobody.
        if path.exists() {
            fs::remove_file(&path).map_err(StorageError::io(&path, "remove the file"))?;
        }
        let file = File::create(&path).map_err(StorageError::io(&path, "create the file"))?;
        Ok(SegmentReceiver {
            cut: self.inner.cut,
            meter: self.inner.meter.clone(),
            segment,
            place: self.path(segment.first),
            path,
            file,
            len: 0,
        })
    }

    /// Puts the segments that were received in their places and goes on behind `known`, which a snapshot names as
    /// everything before it. All of them must be here or received.
    pub fn adopt(&self, known: &[SegmentRef]) -> Result<(), StorageError> {
        let missing = self.missing(known)?;
        let mut state = self.lock()?;
        for segment in &missing {
            let path = self.path(segment.first);
            let fetched = fetched_path(&path);
            fs::rename(&fetched, &path).map_err(StorageError::io(&fetched, "rename the file"))?;
        }
        let begin = known.first().map_or(LogIndex(1), |first| first.first);
        let mut segments = older_than(begin, &state.segments);
        let mut tail = None;
        for named in known {
            let same = state.segments.get(&named.first).filter(|own| own.named == *named && !own.absent);
            match same {
                Some(own) => _ = segments.insert(named.first, own.clone()),
                None => {
                    let path = self.path(named.first);
                    let found = scan(&path, named.first, &self.inner.cut)?;
                    check_against_snapshot(&path, &found, known, named.last, &self.inner.cut)?;
                    take_in(path, found, &self.inner.cut, &mut segments, &mut tail)?;
                }
            }
        }
        let applied = known.last().map_or(LogIndex(0), |last| last.last);
        let unsynced = std::mem::take(&mut state.unsynced);
        *state = State { segments, tail, applied, replay: None, unsynced };
        drop(state);
        self.sync()
    }

    /// Drops what an installed snapshot left behind: segments that do not lead up to it, or go on behind it. To be
    /// called when the snapshot is durable, for until then a restart begins at the one before.
    pub fn drop_left_behind(&self) -> Result<(), StorageError> {
        let (kept, tail) = {
            let state = self.lock()?;
            let kept: BTreeSet<LogIndex> = state.segments.keys().copied().collect();
            (kept, state.tail.as_ref().map(|tail| tail.first))
        };
        for path in list(&self.inner.dir)? {
            if Cut::first_by_name(&path).is_some_and(|first| !kept.contains(&first) && tail != Some(first)) {
                drop_segment(&path, "the snapshot that was installed does not have it")?;
            }
        }
        self.drop_fetched()
    }

    /// Drops segments that were fetched for a snapshot which was never installed. Not while one is taken in.
    pub fn drop_fetched(&self) -> Result<(), StorageError> {
        for path in list(&self.inner.dir)? {
            if path.extension().is_some_and(|extension| extension == FETCHED) {
                fs::remove_file(&path).map_err(StorageError::io(&path, "remove the file"))?;
            }
        }
        Ok(())
    }
}

/// The segments before `begin`, if they reach up to it: they are sealed and follow each other.
fn older_than(begin: LogIndex, segments: &BTreeMap<LogIndex, Segment>) -> BTreeMap<LogIndex, Segment> {
    let older: BTreeMap<_, _> =
        segments.range(..begin).map(|(first, segment)| (*first, segment.clone())).collect();
    let reaches = older.values().next_back().is_some_and(|last| last.named.last.0 + 1 == begin.0);
    if reaches { older } else { BTreeMap::new() }
}

/// A segment on its way in.
pub struct SegmentReceiver {
    cut: Cut,
    meter: SyncMeter,
    segment: SegmentRef,
    /// Where it is to come.
    place: PathBuf,
    path: PathBuf,
    file: File,
    len: u64,
}

impl SegmentReceiver {
    /// Bytes received; the offset of the next piece.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was received yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds the next piece.
    pub fn append(&mut self, piece: &[u8]) -> Result<(), StorageError> {
        self.file.write_all(piece).map_err(StorageError::io(&self.path, "write the file"))?;
        self.meter.add_bytes(piece.len());
        self.len += piece.len() as u64;
        Ok(())
    }

    /// Checks the whole against its hash and makes it durable. It comes to its place with [`History::adopt`].
    pub fn finish(mut self) -> Result<(), StorageError> {
        let found = scan(&self.path, self.segment.first, &self.cut)?;
        if found.segment_ref() != self.segment {
            return Err(StorageError::damaged(&self.path, "it is not the segment that the snapshot names"));
        }
        if self.segment.last == self.cut.last_of(self.segment.first) {
            self.file
                .write_all(&seal(&self.segment))
                .map_err(StorageError::io(&self.path, "write the file"))?;
        }
        self.meter.sync_file(&self.file, &self.path)?;
        self.meter.rename_durably(&self.path, &fetched_path(&self.place))
    }
}

/// What a whole segment from a peer has behind its name until it comes to its place. It outlives a restart, so that a
/// transfer that was cut goes on behind it.
const FETCHED: &str = "fetched";

pub(super) fn fetched_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(FETCHED);
    path.with_file_name(name)
}
