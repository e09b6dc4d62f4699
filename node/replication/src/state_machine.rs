//! openraft's state machine: takes committed entries, applies each command once, writes down what it led to, and
//! wakes those who wait.
//!
//! **Invariants:** whether a command is a repeat is decided by replicated state alone, so that every replica skips
//! the same ones; where a snapshot is due is decided by the bytes of the log alone, so that replicas snapshot at the
//! same entries; applying never waits for an fsync.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine, Snapshot};
use openraft::{EntryPayload as Payload, OptionalSend};
use ringmain_routing::shell::forwarding::is_first;
use ringmain_routing::{Command, Router};

use crate::feed::{Applied, Tail};
use crate::files::{StorageError, SyncMeter};
use crate::history::{History, Retention};
use crate::machine::{Core, View, blocking};
use crate::pace::Pace;
use crate::pending::Pending;
use crate::segments::{Cut, HistoryRecord};
use crate::snapshot_files::{SnapshotFile, Snapshots};
use crate::type_config::{
    Entry, EntryBatch, GroupId, LogId, ProposedCommand, SnapshotMeta, StoredMembership, TypeConfig,
};
use crate::way::Way;

pub use crate::machine::{FetchSegment, Machine, PrepareError, SegmentPiece};

/// Records in one history segment. Part of the format: all replicas cut alike.
pub const SEGMENT_RECORDS: u64 = 8_192;
/// Bytes of log between snapshots.
pub const SNAPSHOT_LOG_BYTES: u64 = 256 << 20;

/// What the state machine is made from.
#[derive(Clone)]
pub struct StateConfig {
    /// The node's data folder.
    pub dir: PathBuf,
    /// Whose state.
    pub group: GroupId,
    /// Records in one history segment; the same on every replica for ever.
    pub segment_records: u64,
    /// Bytes of log after which a snapshot is due; the same on every replica.
    pub snapshot_log_bytes: u64,
    /// Applied commands kept in memory.
    pub feed_max: usize,
    /// How much history is kept.
    pub retention: Retention,
    /// Where the Raft log was cut at its beginning: how old a snapshot may be that is taken in place of a damaged one.
    pub purged: Option<u64>,
}

impl StateConfig {
    /// The settings of a cluster, in this folder.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, feed_max: usize) -> StateConfig {
        StateConfig {
            dir: dir.into(),
            group: GroupId(0),
            segment_records: SEGMENT_RECORDS,
            snapshot_log_bytes: SNAPSHOT_LOG_BYTES,
            feed_max,
            retention: Retention::default(),
            purged: None,
        }
    }
}

/// Applies entries. Openraft owns it; everybody else has the [`Machine`].
pub struct StateMachine {
    machine: Machine,
    snapshot_log_bytes: u64,
    /// Bytes of log since the last snapshot written here.
    since_snapshot: u64,
    /// The state at the entry where a snapshot fell due, until Raft asks for it.
    due: Option<View>,
}

impl StateMachine {
    /// Opens the state in the data folder: the last snapshot and the history. Everything is read and checked; what is
    /// damaged and can come again is set aside.
    pub fn open(
        config: &StateConfig,
        pending: Arc<Pending>,
        meter: &SyncMeter,
    ) -> Result<(StateMachine, Machine), StorageError> {
        let pace = Pace::by(meter);
        let begun = pace.now();
        let snapshots = Snapshots::open(&config.dir, config.group, meter.clone())?;
        let latest = snapshots.latest(config.purged)?;
        let (core, latest) = match latest {
            Some((snapshot, router)) => (Core::of(router, snapshot.head()), Some(snapshot)),
            None => (Core::default(), None),
        };
        let cut = Cut { group: config.group, records: config.segment_records };
        let known = latest.as_ref().map_or(&[][..], |snapshot| &snapshot.head().segments);
        let history = History::open(&config.dir, cut, known, meter.clone())?;
        let tail = Arc::new(Tail::new(config.feed_max, core.router.index()));
        pace.read(begun);
        let kept = (config.retention, pace);
        let machine = Machine::new(config.group, core, history, snapshots, (tail, pending), latest, kept);
        let state_machine = StateMachine {
            machine: machine.clone(),
            snapshot_log_bytes: config.snapshot_log_bytes,
            since_snapshot: 0,
            due: None,
        };
        Ok((state_machine, machine))
    }

    fn apply_entry(&mut self, entry: Entry) -> Result<(), StorageError> {
        let log_id = entry.log_id;
        match entry.payload {
            Payload::Blank => self.machine.core_mut().last_applied = Some(log_id),
            Payload::Membership(membership) => {
                let mut core = self.machine.core_mut();
                core.membership = StoredMembership::new(Some(log_id), membership);
                core.last_applied = Some(log_id);
            }
            Payload::Normal(batch) => {
                self.apply_batch(log_id, &batch)?;
                self.count_bytes(log_id, batch.encoded_len() as u64)?;
            }
        }
        Ok(())
    }

    fn apply_batch(&self, log_id: LogId, batch: &EntryBatch) -> Result<(), StorageError> {
        let inner = &self.machine.inner;
        if batch.group != inner.group {
            return Err(self.undecodable(log_id, format!("it belongs to group {}", batch.group)));
        }
        let commands = self.decode(log_id, batch)?;
        let mut applied = Vec::with_capacity(commands.len());
        let mut repeats = Vec::new();
        let mut core = self.machine.core_mut();
        for (proposed, command) in commands {
            if let Some(origin) = proposed.origin
                && !is_first(&mut core.origins, origin)
            {
                repeats.push(origin);
                continue;
            }
            let way = proposed.origin.as_ref().and_then(|origin| inner.pending.way(origin));
            let outcome = Way::applying(way.as_ref(), || core.router.apply(batch.at, &command));
            let one = Arc::new(Applied::of(&core.router, log_id, command, outcome));
            if let Some(way) = way {
                inner.pending.ways().keep(one.index, way);
            }
            applied.push((proposed, one));
        }
        core.last_applied = Some(log_id);
        drop(core);
        for (proposed, one) in &applied {
            inner.history.append(&HistoryRecord::of(one, &proposed.frame))?;
        }
        inner.tail.extend(applied.iter().map(|(_, one)| Arc::clone(one)));
        for (proposed, one) in &applied {
            if let Some(origin) = &proposed.origin {
                inner.pending.applied(origin, one);
            }
        }
        for origin in &repeats {
            inner.pending.repeated(origin);
        }
        Ok(())
    }

    /// A command that this program cannot read must stop the node: to skip it would be another state than the
    /// others have.
    fn decode<'a>(
        &self,
        log_id: LogId,
        batch: &'a EntryBatch,
    ) -> Result<Vec<(&'a ProposedCommand, Command)>, StorageError> {
        let decode = |proposed: &'a ProposedCommand| {
            let command = Command::decode(&proposed.frame);
            Ok((proposed, command.map_err(|error| self.undecodable(log_id, error.to_string()))?))
        };
        batch.commands.iter().map(decode).collect()
    }

    fn undecodable(&self, log_id: LogId, what: String) -> StorageError {
        let what = format!("entry {} cannot be applied: {what}", log_id.index);
        StorageError::Diverged { path: PathBuf::from("log"), what }
    }

    /// Every so many bytes of log a snapshot falls due, at the same entry on every replica. It is left out while the
    /// last one is larger than the log that it would save.
    fn count_bytes(&mut self, log_id: LogId, bytes: u64) -> Result<(), StorageError> {
        self.since_snapshot += bytes;
        {
            let mut core = self.machine.core_mut();
            core.log_bytes += bytes;
            if core.log_bytes < self.snapshot_log_bytes {
                return Ok(());
            }
            core.log_bytes = 0;
        }
        let last_len = self.machine.latest_snapshot().map_or(0, |snapshot| snapshot.len());
        if self.since_snapshot >= last_len {
            self.since_snapshot = 0;
            self.due = Some(self.view()?);
            self.machine.inner.snapshot_due.send_replace(Some(log_id));
        }
        Ok(())
    }

    /// The state at the last entry; the next one waits meanwhile.
    fn view(&self) -> Result<View, StorageError> {
        let pace = &self.machine.inner.pace;
        let begun = pace.now();
        let view = self.machine.take_view();
        pace.paused(begun);
        view
    }
}

impl Applied {
    fn of(router: &Router, log_id: LogId, command: Command, outcome: ringmain_routing::Outcome) -> Applied {
        Applied {
            index: router.index(),
            raft_index: log_id.index,
            term: log_id.committed_leader_id().term,
            at: router.now(),
            command,
            outcome,
            chain: router.chain(),
        }
    }
}

impl HistoryRecord {
    fn of(applied: &Applied, frame: &[u8]) -> HistoryRecord {
        HistoryRecord {
            log_index: applied.index,
            raft_index: applied.raft_index,
            term: applied.term,
            at: applied.at,
            command: frame.to_vec(),
            outcome: applied.outcome.encode(),
            chain: applied.chain,
        }
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let core = self.machine.core();
        Ok((core.last_applied, core.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some(item) = entries.next().await {
            let (entry, responder) = item?;
            let begun = self.machine.inner.pace.now();
            self.apply_entry(entry)?;
            self.machine.inner.pace.applied(begun);
            if let Some(responder) = responder {
                responder.send(());
            }
        }
        // Not for the disk's sake: what is applied must outlive this process in the file cache.
        self.machine.inner.history.flush()?;
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        let view = match self.due.take() {
            Some(view) => Ok(view),
            None => self.view(),
        };
        SnapshotBuilder { machine: self.machine.clone(), view: Some(view) }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotFile,
    ) -> Result<(), io::Error> {
        if snapshot.head().meta.last_log_id != meta.last_log_id {
            let what =
                format!("it ends at {:?}, not at {:?}", snapshot.head().meta.last_log_id, meta.last_log_id);
            return Err(StorageError::damaged(snapshot.path(), what).into());
        }
        self.machine.install(snapshot).await.map_err(io::Error::other)?;
        self.due = None;
        self.since_snapshot = 0;
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshotted>, io::Error> {
        Ok(self.machine.latest_snapshot().map(snapshotted))
    }
}

type Snapshotted = openraft::type_config::alias::SnapshotOf<TypeConfig, SnapshotFile>;

fn snapshotted(snapshot: SnapshotFile) -> Snapshotted {
    Snapshot { meta: snapshot.head().meta.clone(), snapshot }
}

/// Writes one snapshot while entries go on being applied.
pub struct SnapshotBuilder {
    machine: Machine,
    view: Option<Result<View, StorageError>>,
}

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    type SnapshotData = SnapshotFile;

    async fn build_snapshot(&mut self) -> Result<Snapshotted, io::Error> {
        let view = self.view.take().ok_or_else(|| io::Error::other("a builder builds one snapshot"))??;
        if let Some(newer) = self.machine.latest_snapshot()
            && newer.head().meta.last_log_id >= view.head.meta.last_log_id
            && newer.head().meta.last_log_id.is_some()
        {
            return Ok(snapshotted(newer));
        }
        let machine = self.machine.clone();
        let saved = blocking(move || machine.save(&view)).await?.inspect_err(|_| {
            metrics::counter!(ringmain_telemetry::names::SNAPSHOTS_FAILED).increment(1);
        })?;
        Ok(snapshotted(saved))
    }
}
