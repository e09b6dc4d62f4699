//! The Raft log and vote on disk: `raft-log` behind openraft's storage traits.
//!
//! **Invariants:** a vote is on the disk when [`RaftLogStorage::save_vote`] returns; entries are readable when
//! `append` returns and on the disk when its callback is called; both pass through one queue in order. What is read
//! from the disk is checked, and a damaged record is an error that names its file.

mod codec;
mod inspect;

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::{Stream, stream};
use openraft::storage::{IOFlushed, LogState, RaftLogStorage, RaftLogStorageExt};
use openraft::vote::RaftLeaderId;
use openraft::{OptionalSend, RaftLogReader};
use raft_log::api::raft_log_writer::RaftLogWriter;
use raft_log::{Callback, Config, RaftLog, Types};
use tokio::sync::oneshot;

use self::codec::{LogTypes, StoredPayload, StoredVote, log_id, stored_log_id, vote};
pub(crate) use self::inspect::inspect;
use crate::files::{StorageError, SyncCounts, SyncMeter};
use crate::mark::{HighWater, Mark, Raise, Suspect, VotePlace};
use crate::type_config::{Entry, LogId, TypeConfig, Vote};

/// Size of one log file. Purging frees whole files, and the entries of the newest file stay in memory.
const CHUNK_BYTES_MAX: usize = 64 << 20;
/// Entries kept in memory for replication, beyond those of the newest file.
const CACHE_BYTES_MAX: usize = 64 << 20;
/// How long the writer waits for more appends to share its fsync (ADR 0002 has the measurements).
const GROUP_WAIT: Duration = Duration::from_micros(20);
const READ_BUFFER_BYTES: usize = 1 << 20;
/// Bytes read at a time: a lagging peer does not fill the memory.
const READ_BYTES_MAX: u64 = 2 << 20;

/// The log of this node. Cheap to clone; clones are readers and writers of the same log.
#[derive(Clone)]
pub struct LogStore {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    log: Mutex<RaftLog<LogTypes>>,
    mark: Mark,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.mark.close();
    }
}

impl LogStore {
    /// Opens the log in `dir/log` and its mark in `dir`. Reads and checks every record. A log behind its mark opens,
    /// and the second result says that the node is suspect.
    pub fn open(dir: &Path, meter: &SyncMeter) -> Result<(LogStore, Option<Suspect>), StorageError> {
        let log_dir = dir.join("log");
        meter.create_dir(&log_dir)?;
        let log = RaftLog::<LogTypes>::open(Arc::new(config(&log_dir)))
            .map_err(|error| open_error(&log_dir, error))?;
        let found = high_water(&log);
        let (mark, suspect) = Mark::open(dir, found, meter.clone())?;
        if let Some(suspect) = &suspect {
            metrics::counter!(ringmain_telemetry::names::ALERTS, ringmain_telemetry::labels::ALERT => ringmain_telemetry::alerts::LOG_SUSPECT).increment(1);
            tracing::error!(alert = ringmain_telemetry::alerts::LOG_SUSPECT, %suspect, "node is suspect: it grants no vote");
        }
        Ok((LogStore { inner: Arc::new(Inner { dir: log_dir, log: Mutex::new(log), mark }) }, suspect))
    }

    /// Fsyncs of the log itself, their time and the bytes written.
    #[must_use]
    pub fn sync_counts(&self) -> SyncCounts {
        let Ok(log) = self.lock() else {
            return SyncCounts::default();
        };
        let flushed = log.stat().flush_metrics;
        SyncCounts {
            count: flushed.sync_batch_count,
            total: Duration::from_micros(flushed.sync_us),
            bytes: flushed.write_bytes,
        }
    }

    /// Appends outside of a running node; durable on return.
    pub(crate) async fn append_durably(&mut self, entries: Vec<Entry>) -> Result<(), StorageError> {
        let appended = self.blocking_append(entries).await;
        appended.map_err(|error| {
            StorageError::io(&self.inner.dir, "write the log")(io::Error::other(error.to_string()))
        })
    }

    /// The log as it is counts from here on, whatever its mark remembers: for those who decided to go on without what
    /// was lost.
    pub(crate) fn trust(&self) -> Result<(), StorageError> {
        let found = high_water(&*self.lock().map_err(StorageError::io(&self.inner.dir, "read the log"))?);
        self.inner.mark.absolve(found)
    }

    /// Where the log was cut at its beginning.
    #[must_use]
    pub fn purged(&self) -> Option<LogId> {
        self.lock().ok()?.log_state().purged().map(log_id)
    }

    /// Where the log ends.
    #[must_use]
    pub fn last(&self) -> Option<LogId> {
        self.lock().ok()?.log_state().last().map(log_id)
    }

    /// Whether the log goes back to where the state ends; without that the state could never go on.
    pub fn check_meets(&self, last_applied: Option<LogId>) -> Result<(), StorageError> {
        let (purged, applied) = (self.purged().map(|id| id.index), last_applied.map(|id| id.index));
        if purged <= applied {
            return Ok(());
        }
        let what = format!("it begins behind entry {purged:?}, but the last snapshot ends at {applied:?}");
        Err(StorageError::damaged(&self.inner.dir, what))
    }

    /// Ends the threads of the log. Nothing may be written after.
    pub fn close(&self) {
        if let Ok(mut log) = self.lock()
            && let Err(error) = log.flush(true, None)
        {
            tracing::warn!(%error, "log could not be flushed at its end");
        }
        self.inner.mark.close();
    }

    fn lock(&self) -> io::Result<MutexGuard<'_, RaftLog<LogTypes>>> {
        let poisoned = |_| io::Error::other("the log is unusable after a panic while writing it");
        self.inner.log.lock().map_err(poisoned)
    }

    fn read(&self, from: u64, to: u64, bytes_max: u64) -> io::Result<Vec<Entry>> {
        if from >= to {
            return Ok(vec![]);
        }
        let log = self.lock()?;
        let mut entries = Vec::new();
        let mut bytes = 0;
        for row in log.read(from, to) {
            let (id, payload) = row.map_err(|error| self.read_error(&error))?;
            bytes += LogTypes::payload_size(&payload);
            if bytes > bytes_max && !entries.is_empty() {
                break;
            }
            entries.push(Entry { log_id: log_id(&id), payload: payload.0 });
        }
        Ok(entries)
    }

    fn read_error(&self, error: &io::Error) -> io::Error {
        StorageError::damaged(&damaged_file(&self.inner.dir, &error.to_string()), error.to_string()).into()
    }
}

fn high_water(log: &RaftLog<LogTypes>) -> HighWater {
    let state = log.log_state();
    HighWater { log: state.last().map(|id| id.0), vote: state.vote().map(|vote| vote.0) }
}

fn config(dir: &Path) -> Config {
    let mut config = Config::new(dir.display());
    config.wal.chunk_max_size = Some(CHUNK_BYTES_MAX);
    config.wal.read_buffer_size = Some(READ_BUFFER_BYTES);
    config.wal.flush_batch_wait = Some(GROUP_WAIT);
    config.log_cache_capacity = Some(CACHE_BYTES_MAX);
    config
}

fn open_error(dir: &Path, error: io::Error) -> StorageError {
    let kind = error.kind();
    if kind == io::ErrorKind::WouldBlock {
        StorageError::InUse { path: dir.to_path_buf() }
    } else if kind == io::ErrorKind::PermissionDenied || kind == io::ErrorKind::NotFound {
        StorageError::io(dir, "open the log")(error)
    } else {
        // Everything else that opening finds is about what the records hold.
        StorageError::damaged(&damaged_file(dir, &error.to_string()), error.to_string())
    }
}

/// The file that an error of the log speaks of: it names the chunk, and the chunk names the file.
fn damaged_file(dir: &Path, text: &str) -> PathBuf {
    let chunk = text.split_once("ChunkId(").and_then(|(_, rest)| rest.split_once(')'));
    chunk.map_or_else(|| dir.to_path_buf(), |(id, _)| dir.join(format!("r-{id}.wal")))
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<Entry>, io::Error>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (from, to) = bounds(&range);
        self.read(from, to, u64::MAX)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.lock()?.log_state().vote().map(vote))
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        self.read(start, end, READ_BYTES_MAX)
    }

    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = Result<Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (from, to) = bounds(&range);
        let pages = stream::try_unfold((self.clone(), from), move |(store, next)| async move {
            let page = store.read(next, to, READ_BYTES_MAX)?;
            let Some(last) = page.last() else {
                return Ok(None);
            };
            let next = last.log_id.index + 1;
            Ok::<_, io::Error>(Some((stream::iter(page.into_iter().map(Ok)), (store, next))))
        });
        Box::pin(futures::TryStreamExt::try_flatten(pages))
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = LogStore;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let log = self.lock()?;
        let state = log.log_state();
        let last_purged_log_id = state.purged().map(log_id);
        Ok(LogState { last_log_id: state.last().map(log_id), last_purged_log_id })
    }

    async fn get_log_reader(&mut self) -> LogStore {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let vote = VotePlace {
            term: vote.leader_id().term,
            committed: vote.is_committed(),
            node: *vote.leader_id().node_id(),
        };
        let (done, durable) = oneshot::channel();
        {
            let mut log = self.lock()?;
            log.save_vote(StoredVote(vote))?;
            let raise = self.inner.mark.raise_to(None, Some(vote));
            let wake = Wake::Waiter(done);
            log.flush(true, Some(Flushed { wake, mark: self.inner.mark.clone(), raise }))?;
        }
        durable.await.map_err(|_| io::Error::other("the log's writer has ended"))?
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        let Some(committed) = committed.map(stored_log_id) else {
            return Ok(());
        };
        let mut log = self.lock()?;
        let state = log.log_state();
        // A hint for the next start: one that tells nothing new, or comes before its entries do, is left out.
        if Some(&committed) <= state.committed() || Some(&committed) > state.last() {
            return Ok(());
        }
        log.commit(committed)?;
        log.flush(false, None)
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.lock()?.log_state().committed().map(log_id))
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let rows = entries.into_iter().map(|e| (stored_log_id(e.log_id), StoredPayload(e.payload)));
        let mut log = self.lock()?;
        log.append(rows)?;
        let last = log.log_state().last().map(|id| id.0);
        let raise = self.inner.mark.raise_to(last, None);
        let wake = Wake::Raft(callback);
        log.flush(true, Some(Flushed { wake, mark: self.inner.mark.clone(), raise }))
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        let keep = last_log_id.map(stored_log_id);
        let mut log = self.lock()?;
        if log.log_state().last() <= keep.as_ref() {
            return Ok(());
        }
        self.inner.mark.lower_to(keep.map(|id| id.0))?;
        log.truncate(keep.map_or(0, |id| id.0.index + 1))?;
        log.flush(true, None)
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        let mut log = self.lock()?;
        log.purge(stored_log_id(log_id))?;
        log.flush(true, None)
    }
}

fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(&n) => n,
        Bound::Excluded(&n) => n + 1,
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(&n) => n + 1,
        Bound::Excluded(&n) => n,
        Bound::Unbounded => u64::MAX,
    };
    (from, to)
}

/// Called by the log's writer when the fsync is done.
struct Flushed {
    wake: Wake,
    mark: Mark,
    raise: Raise,
}

enum Wake {
    Raft(IOFlushed<TypeConfig>),
    Waiter(oneshot::Sender<io::Result<()>>),
}

impl Callback for Flushed {
    fn send(self, result: io::Result<()>) {
        let result = result.and_then(|()| self.mark.confirm(self.raise).map_err(io::Error::from));
        match self.wake {
            Wake::Raft(callback) => callback.io_completed(result),
            Wake::Waiter(waiter) => {
                waiter.send(result).ok();
            }
        }
    }
}
