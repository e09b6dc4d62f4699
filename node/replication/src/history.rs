//! The history of a group: every command and its outcome, in segment files that are the same on every replica.
//!
//! **Invariants:** what is read back was checked against its checksum; a record that was there before a restart and
//! comes again by replay must be the same, else the node stops; [`History::sync`] returns when everything up to the
//! index it names is on the disk, and the Raft log is cut only behind that.

mod absent;
mod load;
mod oldest;
mod retention;
mod scrub;
mod transfer;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use ringmain_routing::{LogIndex, Timestamp};
use xxhash_rust::xxh3::Xxh3;

pub(crate) use self::load::check_against_snapshot;
use self::load::{Known, beginning, load};
pub(crate) use self::oldest::read as oldest_in;
pub use self::retention::Retention;
use crate::files::{StorageError, SyncCounts, SyncMeter, remove_unfinished};
use crate::segments::{
    Cut, FrameReader, HistoryRecord, RECORDS_AT, ReadError, SPARSE_EVERY, SegmentRef, seal,
};

/// Written to the file when this much has gathered, or when somebody reads.
const BUFFER_BYTES: usize = 256 << 10;
/// The history of what was applied is written right after; one that takes longer has failed.
const WRITTEN_MAX: Duration = Duration::from_secs(10);

/// The history on this node. Cheap to clone.
#[derive(Clone)]
pub struct History {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    cut: Cut,
    meter: SyncMeter,
    state: Mutex<State>,
    /// A record was appended.
    grown: Condvar,
}

struct State {
    segments: BTreeMap<LogIndex, Segment>,
    tail: Option<Tail>,
    /// The last record that this run has applied; nothing behind it is served.
    applied: LogIndex,
    /// Reads what an earlier run wrote behind `applied`, while replay brings it again.
    replay: Option<Replay>,
    /// Full segments not yet fsynced.
    unsynced: Vec<(File, PathBuf)>,
}

/// What is known of a segment file.
#[derive(Clone, Debug)]
struct Segment {
    named: SegmentRef,
    sparse: Vec<u64>,
    /// Replicated time of its last record.
    until: Timestamp,
    /// The snapshot names it, but its file is missing or was damaged: it has to come from a peer.
    absent: bool,
}

/// The segment that is written to.
struct Tail {
    first: LogIndex,
    last: LogIndex,
    file: File,
    path: PathBuf,
    /// Bytes in the file and in the buffer.
    bytes: u64,
    buffer: Vec<u8>,
    hash: Xxh3,
    sparse: Vec<u64>,
    until: Timestamp,
}

struct Replay {
    first: LogIndex,
    reader: FrameReader,
    path: PathBuf,
}

/// Why history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// This node holds no such record.
    #[error("history of this node begins at {oldest} and does not hold what follows {after}")]
    Gone {
        /// What was asked for.
        after: LogIndex,
        /// The oldest record there is.
        oldest: LogIndex,
    },
    /// This node has no such segment, or less of it.
    #[error("history of this node does not hold {bytes} bytes of the segment at {first}")]
    NoSegment {
        /// First index of the segment.
        first: LogIndex,
        /// End of what was asked for.
        bytes: u64,
    },
    /// The segment was damaged or lost here, and no peer has given it yet.
    #[error("history of this node lacks the segment at {first} until a peer gives it; ask another node")]
    SetAside {
        /// First index of the segment.
        first: LogIndex,
    },
    /// A file cannot be read or is damaged.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl History {
    /// Opens the history in `dir/history`. Full segments that `known` names are only looked at from outside, for
    /// [`Self::scrub_next`] reads them later; the rest is read and checked. `known` are the segments up to the state that the node
    /// starts from: those that are damaged are set aside and have to be fetched, see [`Self::absent`]. What is damaged
    /// behind them is dropped, because replay writes it again.
    pub fn open(
        dir: &Path,
        cut: Cut,
        known: &[SegmentRef],
        meter: SyncMeter,
    ) -> Result<History, StorageError> {
        let dir = dir.join("history");
        meter.create_dir(&dir)?;
        remove_unfinished(&dir)?;
        let start = known.last().map_or(LogIndex(0), |last| last.last);
        let known = Known { segments: known, oldest: oldest::read(&dir)? };
        let (segments, tail) = load(&dir, &cut, known)?;
        let last = last_index(&segments, tail.as_ref());
        if last < start {
            let what = format!("it ends at {last}, but the snapshot needs it up to {start}");
            return Err(StorageError::damaged(&dir, what));
        }
        let state = State { segments, tail, applied: start, replay: None, unsynced: vec![] };
        Ok(History {
            inner: Arc::new(Inner { dir, cut, meter, state: Mutex::new(state), grown: Condvar::new() }),
        })
    }

    /// Adds the record that follows the last one.
    pub fn append(&self, record: &HistoryRecord) -> Result<(), StorageError> {
        let mut state = self.lock()?;
        let expected = LogIndex(state.applied.0 + 1);
        if record.log_index != expected {
            let what = format!("record {} comes where {expected} is due", record.log_index);
            return Err(StorageError::Diverged { path: self.inner.dir.clone(), what });
        }
        let mut frame = Vec::new();
        record.put(&mut frame);
        if record.log_index <= last_index(&state.segments, state.tail.as_ref()) {
            self.compare(&mut state, expected, &frame)?;
        } else {
            state.replay = None;
            self.write(&mut state, record, &frame)?;
        }
        state.applied = expected;
        self.inner.grown.notify_all();
        Ok(())
    }

    /// Returns when the record at `index` was appended.
    pub(crate) fn wait_for(&self, index: LogIndex) -> Result<(), StorageError> {
        let state = self.lock()?;
        let waited = self.inner.grown.wait_timeout_while(state, WRITTEN_MAX, |state| state.applied < index);
        match waited {
            Ok((state, _)) if state.applied >= index => Ok(()),
            Ok(_) | Err(_) => Err(StorageError::damaged(
                &self.inner.dir,
                format!("record {index} was applied, not written"),
            )),
        }
    }

    /// The last record.
    #[must_use]
    pub fn last(&self) -> LogIndex {
        self.lock().map_or(LogIndex(0), |state| state.applied)
    }

    /// The first record there is.
    #[must_use]
    pub fn oldest(&self) -> LogIndex {
        self.lock().map_or(LogIndex(1), |state| state.oldest())
    }

    pub(crate) fn cut(&self) -> Cut {
        self.inner.cut
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.inner.dir
    }

    pub(crate) fn sync_counts(&self) -> SyncCounts {
        self.inner.meter.counts()
    }

    /// Up to `max` records after the one at `after`, but no more than `bytes_max` of them unless the first alone is
    /// larger.
    pub fn read(
        &self,
        after: LogIndex,
        max: usize,
        bytes_max: usize,
    ) -> Result<Vec<HistoryRecord>, HistoryError> {
        let (places, applied) = self.places(after)?;
        let mut records = Vec::new();
        let mut bytes = 0;
        for (path, segment) in places {
            if segment.absent {
                return Err(HistoryError::SetAside { first: segment.named.first });
            }
            let failed = |error| StorageError::from_read(&path, error);
            let file = File::open(&path).map_err(StorageError::io(&path, "open the file"))?;
            let at = start_of(&segment, after);
            let mut reader =
                FrameReader::new(file, at, segment.named.bytes).map_err(ReadError::Io).map_err(failed)?;
            while let Some(frame) = reader.next_frame().map_err(failed)? {
                let record = HistoryRecord::decode(frame.content()).map_err(|e| failed(e.into()))?;
                if record.log_index <= after {
                    continue;
                }
                bytes += frame.bytes().len();
                let enough = records.len() >= max || bytes > bytes_max && !records.is_empty();
                if enough || record.log_index > applied {
                    return Ok(records);
                }
                records.push(record);
            }
        }
        Ok(records)
    }

    /// The segments that hold everything applied so far. The last one may be the beginning of a segment.
    pub fn manifest(&self) -> Result<Vec<SegmentRef>, StorageError> {
        let applied = self.last();
        self.manifest_up_to(applied)
    }

    /// The segments that hold everything up to `index`, which was applied. The last one may be the beginning of a
    /// segment.
    pub fn manifest_up_to(&self, index: LogIndex) -> Result<Vec<SegmentRef>, StorageError> {
        let (mut named, cut_off) = {
            let mut state = self.lock()?;
            flush(&mut state, &self.inner.meter)?;
            let tail = state.tail.as_ref().map(Tail::named);
            let all = state.segments.values().map(|s| s.named).chain(tail);
            let named: Vec<_> = all.clone().filter(|segment| segment.last <= index).collect();
            (named, all.clone().find(|segment| segment.first <= index && segment.last > index))
        };
        if let Some(segment) = cut_off {
            named.push(self.beginning(segment.first, index)?);
        }
        Ok(named)
    }

    /// Returns when everything appended before is on the disk.
    pub fn sync(&self) -> Result<(), StorageError> {
        let files = {
            let mut state = self.lock()?;
            flush(&mut state, &self.inner.meter)?;
            let mut files = std::mem::take(&mut state.unsynced);
            if let Some(tail) = &state.tail {
                let file = tail.file.try_clone().map_err(StorageError::io(&tail.path, "share the file"))?;
                files.push((file, tail.path.clone()));
            }
            files
        };
        for (file, path) in &files {
            self.inner.meter.sync_file(file, path)?;
        }
        self.inner.meter.sync_dir(&self.inner.dir)
    }

    /// Writes what waits in memory, without fsync.
    pub fn flush(&self) -> Result<(), StorageError> {
        flush(&mut *self.lock()?, &self.inner.meter)
    }

    /// The beginning of a segment up to `last`, which an earlier run has written further.
    fn beginning(&self, first: LogIndex, last: LogIndex) -> Result<SegmentRef, StorageError> {
        beginning(&self.path(first), first, last, &self.inner.cut)
    }

    fn places(&self, after: LogIndex) -> Result<(Vec<(PathBuf, Segment)>, LogIndex), HistoryError> {
        let mut state = self.lock()?;
        flush(&mut state, &self.inner.meter)?;
        let tail = state.tail.as_ref().map(|tail| tail.as_segment());
        let oldest = state.oldest();
        if after.0 + 1 < oldest.0 {
            return Err(HistoryError::Gone { after, oldest });
        }
        let places = state
            .segments
            .range(self.inner.cut.first_of(LogIndex(after.0 + 1))..)
            .map(|(_, segment)| segment.clone())
            .chain(tail.filter(|tail| tail.named.last > after))
            // One page never needs more than the segment it begins in and the next.
            .take(2)
            .map(|segment| (self.path(segment.named.first), segment))
            .collect();
        Ok((places, state.applied))
    }

    fn compare(&self, state: &mut State, index: LogIndex, frame: &[u8]) -> Result<(), StorageError> {
        let first = self.inner.cut.first_of(index);
        if state.replay.as_ref().is_none_or(|replay| replay.first != first) {
            flush(state, &self.inner.meter)?;
            state.replay = Some(self.replay_from(state, first, index)?);
        }
        let Some(replay) = &mut state.replay else {
            return Err(StorageError::damaged(&self.inner.dir, "replay has no place"));
        };
        let failed = |error| StorageError::from_read(&replay.path, error);
        match replay.reader.next_frame().map_err(failed)? {
            Some(stored) if stored.bytes() == frame => Ok(()),
            Some(_) | None => Err(StorageError::Diverged {
                path: replay.path.clone(),
                what: format!("record {index} is not what applying the log again leads to"),
            }),
        }
    }

    fn replay_from(&self, state: &State, first: LogIndex, index: LogIndex) -> Result<Replay, StorageError> {
        let path = self.path(first);
        let tail = || state.tail.as_ref().map(|t| t.as_segment());
        let segment = state.segments.get(&first).cloned().or_else(tail);
        let Some(segment) = segment.filter(|segment| segment.named.first == first && !segment.absent) else {
            return Err(StorageError::damaged(&path, "it is missing"));
        };
        let failed = |error| StorageError::from_read(&path, error);
        let file = File::open(&path).map_err(StorageError::io(&path, "open the file"))?;
        let at = start_of(&segment, LogIndex(index.0 - 1));
        let mut reader =
            FrameReader::new(file, at, segment.named.bytes).map_err(ReadError::Io).map_err(failed)?;
        let from = (index.0 - first.0) / SPARSE_EVERY * SPARSE_EVERY + first.0;
        for _ in from..index.0 {
            reader.next_frame().map_err(failed)?;
        }
        Ok(Replay { first, reader, path })
    }

    fn write(&self, state: &mut State, record: &HistoryRecord, frame: &[u8]) -> Result<(), StorageError> {
        let index = record.log_index;
        let tail = match &mut state.tail {
            Some(tail) => tail,
            None => state.tail.insert(self.begin(index)?),
        };
        tail.push(record, frame);
        if index == self.inner.cut.last_of(tail.first) {
            return self.seal_tail(state);
        }
        if tail.buffer.len() >= BUFFER_BYTES {
            return flush(state, &self.inner.meter);
        }
        Ok(())
    }

    fn begin(&self, index: LogIndex) -> Result<Tail, StorageError> {
        let first = self.inner.cut.first_of(index);
        let path = self.path(first);
        if index != first {
            return Err(StorageError::damaged(
                &path,
                format!("it is missing, and record {index} belongs in it"),
            ));
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&path)
            .map_err(StorageError::io(&path, "create the file"))?;
        let buffer = self.inner.cut.header(first);
        let mut hash = Xxh3::new();
        hash.update(&buffer);
        let bytes = buffer.len() as u64;
        Ok(Tail {
            first,
            last: LogIndex(first.0 - 1),
            file,
            path,
            bytes,
            buffer,
            hash,
            sparse: vec![],
            until: Timestamp(0),
        })
    }

    fn seal_tail(&self, state: &mut State) -> Result<(), StorageError> {
        let Some(mut tail) = state.tail.take() else {
            return Ok(());
        };
        let named = tail.named();
        tail.buffer.extend_from_slice(&seal(&named));
        tail.flush(&self.inner.meter)?;
        state
            .segments
            .insert(named.first, Segment { named, sparse: tail.sparse, until: tail.until, absent: false });
        state.unsynced.push((tail.file, tail.path));
        Ok(())
    }

    fn path(&self, first: LogIndex) -> PathBuf {
        self.inner.dir.join(self.inner.cut.file_name(first))
    }

    fn lock(&self) -> Result<MutexGuard<'_, State>, StorageError> {
        let poisoned = |_| StorageError::damaged(&self.inner.dir, "unusable after a panic while writing it");
        self.inner.state.lock().map_err(poisoned)
    }
}

impl State {
    fn oldest(&self) -> LogIndex {
        let tail = || self.tail.as_ref().map(|tail| tail.first);
        self.segments.keys().next().copied().or_else(tail).unwrap_or(LogIndex(self.applied.0 + 1))
    }
}

impl Tail {
    fn named(&self) -> SegmentRef {
        SegmentRef { first: self.first, last: self.last, bytes: self.bytes, hash: self.hash.digest128() }
    }

    fn as_segment(&self) -> Segment {
        Segment { named: self.named(), sparse: self.sparse.clone(), until: self.until, absent: false }
    }

    fn push(&mut self, record: &HistoryRecord, frame: &[u8]) {
        let index = record.log_index;
        if (index.0 - self.first.0).is_multiple_of(SPARSE_EVERY) {
            self.sparse.push(self.bytes);
        }
        self.buffer.extend_from_slice(frame);
        self.hash.update(frame);
        self.bytes += frame.len() as u64;
        (self.last, self.until) = (index, record.at);
    }

    fn flush(&mut self, meter: &SyncMeter) -> Result<(), StorageError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.file.write_all(&self.buffer).map_err(StorageError::io(&self.path, "write the file"))?;
        meter.add_bytes(self.buffer.len());
        self.buffer.clear();
        Ok(())
    }
}

impl StorageError {
    fn from_read(path: &Path, error: ReadError) -> StorageError {
        match error {
            ReadError::Io(error) => StorageError::io(path, "read the file")(error),
            ReadError::Frame(_) | ReadError::Record(_) | ReadError::Content(_) => {
                StorageError::damaged(path, error.to_string())
            }
        }
    }
}

fn flush(state: &mut State, meter: &SyncMeter) -> Result<(), StorageError> {
    state.tail.as_mut().map_or(Ok(()), |tail| tail.flush(meter))
}

fn last_index(segments: &BTreeMap<LogIndex, Segment>, tail: Option<&Tail>) -> LogIndex {
    let sealed = segments.values().next_back().map_or(LogIndex(0), |segment| segment.named.last);
    tail.map_or(sealed, |tail| tail.last.max(sealed))
}

/// Where to begin to read for what follows `after`. A segment that was not scrubbed yet is read from its beginning.
fn start_of(segment: &Segment, after: LogIndex) -> u64 {
    let skip = (after.0 + 1).saturating_sub(segment.named.first.0) / SPARSE_EVERY;
    let at = segment.sparse.get(skip as usize).or(segment.sparse.last());
    at.copied().unwrap_or(RECORDS_AT)
}
