//! The replicated state on this node, and the handle that the rest of the node reads it through.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ringmain_routing::{
    Incarnation, LogIndex, NodeId, Router, SessionState, Snapshot, SnapshotError, Timestamp,
};
use ringmain_telemetry::{labels, names};
use tokio::sync::{Mutex, watch};

use crate::feed::{Feed, Tail};
use crate::files::{StorageError, SyncCounts};
use crate::history::{History, HistoryError, Retention};
use crate::members::Members;
use crate::pace::Pace;
use crate::pending::Pending;
use crate::segments::{HistoryRecord, SegmentRef};
use crate::snapshot_digests::SnapshotDigests;
use crate::snapshot_files::{Origins, SnapshotFile, SnapshotHead, SnapshotReceiver, Snapshots};
use crate::type_config::{GroupId, LogId, SnapshotMeta, StoredMembership};

/// Bytes of history in one answer.
const HISTORY_BYTES_MAX: usize = 4 << 20;
/// Bytes of a segment fetched in one call.
const FETCH_BYTES: usize = 1 << 20;
/// How often a missing piece is asked for before the installation is given up.
const FETCH_TRIES: usize = 5;

/// A piece of a history segment that this node lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentPiece {
    /// First index of the segment.
    pub first: LogIndex,
    /// From which byte.
    pub offset: u64,
    /// How many bytes; fewer are no error, none is.
    pub len: usize,
}

/// Asks some peer for a piece of a segment; the network side hands it in. The text says why there is none.
pub type FetchSegment =
    Box<dyn Fn(SegmentPiece) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send>> + Send + Sync>;

/// The replicated state on this node. Cheap to clone.
#[derive(Clone)]
pub struct Machine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub group: GroupId,
    pub core: RwLock<Core>,
    pub history: History,
    pub snapshots: Snapshots,
    pub tail: Arc<Tail>,
    pub pending: Arc<Pending>,
    pub latest: RwLock<Option<SnapshotFile>>,
    pub digests: SnapshotDigests,
    pub retention: Retention,
    pub pace: Pace,
    /// The last entry at which all replicas take a snapshot, if this run has passed one.
    pub snapshot_due: watch::Sender<Option<LogId>>,
    fetch: OnceLock<FetchSegment>,
    /// One at a time takes in history.
    taking_in: Mutex<()>,
    /// Held by each snapshot on its way in, from its first byte until it is in place.
    arriving: Arc<()>,
}

/// A snapshot is on its way in; see [`Machine::arrival`].
#[derive(Debug)]
pub struct Arrival {
    _held: Arc<()>,
}

/// What entries change.
#[derive(Default)]
pub(crate) struct Core {
    pub router: Router,
    pub last_applied: Option<LogId>,
    pub membership: StoredMembership,
    pub origins: Origins,
    pub log_bytes: u64,
}

/// The state at one entry, to be written while entries go on being applied.
pub(crate) struct View {
    pub head: SnapshotHead,
    pub router: Snapshot,
}

impl Machine {
    pub(crate) fn new(
        group: GroupId,
        core: Core,
        history: History,
        snapshots: Snapshots,
        (tail, pending): (Arc<Tail>, Arc<Pending>),
        latest: Option<SnapshotFile>,
        (retention, pace): (Retention, Pace),
    ) -> Machine {
        let digests = SnapshotDigests::default();
        if let Some(snapshot) = &latest {
            digests.add(snapshot.digest());
            metrics::gauge!(names::SNAPSHOT_BYTES).set(snapshot.len() as f64);
        }
        Machine {
            inner: Arc::new(Inner {
                group,
                core: RwLock::new(core),
                history,
                snapshots,
                tail,
                pending,
                latest: RwLock::new(latest),
                digests,
                retention,
                pace,
                snapshot_due: watch::Sender::new(None),
                fetch: OnceLock::new(),
                taking_in: Mutex::default(),
                arriving: Arc::default(),
            }),
        }
    }

    /// Looks at the state. Nothing is applied meanwhile, so this must be short: for more than a screenful take a
    /// [`Self::view`].
    pub fn read<R>(&self, look: impl FnOnce(&Router) -> R) -> R {
        look(&self.core().router)
    }

    /// The state as it is now, to be looked at for as long as it takes.
    #[must_use]
    pub fn view(&self) -> Snapshot {
        self.core().router.snapshot()
    }

    /// The last command applied.
    #[must_use]
    pub fn index(&self) -> LogIndex {
        self.core().router.index()
    }

    /// Replicated time of the last command applied.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.core().router.now()
    }

    /// The last entry applied.
    #[must_use]
    pub fn last_applied(&self) -> Option<LogId> {
        self.core().last_applied
    }

    /// The last run of a node whose commands were applied.
    #[must_use]
    pub fn last_run(&self, node: NodeId) -> Option<Incarnation> {
        self.core().origins.get(&node).map(|(run, _)| *run)
    }

    /// Whether a node was a member once and is none any more, by what is applied here.
    #[must_use]
    pub fn is_departed(&self, node: NodeId) -> bool {
        let core = self.core();
        let membership = core.membership.membership();
        let members = membership.nodes().count();
        members > 0 && membership.get_node(&node.0).is_none() && core.origins.contains_key(&node)
    }

    /// The nodes outside `members` that have sessions all the same, each with its last run.
    #[must_use]
    pub fn departed_with_sessions(&self, members: &Members) -> BTreeMap<NodeId, Incarnation> {
        let core = self.core();
        if core.origins.keys().all(|node| members.peer(*node).is_some()) {
            return BTreeMap::new();
        }
        let mut departed = BTreeMap::new();
        for session in core.router.sessions() {
            if let SessionState::Live { node, .. } = session.state
                && members.peer(node).is_none()
                && let Some((run, _)) = core.origins.get(&node)
            {
                departed.insert(node, *run);
            }
        }
        departed
    }

    /// Follows what is applied.
    #[must_use]
    pub fn feed(&self) -> Feed {
        self.inner.tail.feed()
    }

    /// What was applied after the command at `after`, at most `max` records; it may be fewer, and none only at the
    /// end. Reads the disk.
    pub fn history(&self, after: LogIndex, max: usize) -> Result<Vec<HistoryRecord>, HistoryError> {
        self.inner.history.read(after, max, HISTORY_BYTES_MAX)
    }

    /// The oldest record of the history that there is here.
    pub fn history_oldest(&self) -> LogIndex {
        self.inner.history.oldest()
    }

    /// A piece of a segment, for a peer that lacks it. Reads the disk.
    pub fn segment_piece(&self, piece: SegmentPiece) -> Result<Vec<u8>, HistoryError> {
        self.inner.history.read_segment(piece.first, piece.offset, piece.len.min(FETCH_BYTES))
    }

    /// Fsyncs of everything but the Raft log, their time and the bytes written.
    #[must_use]
    pub fn sync_counts(&self) -> SyncCounts {
        self.inner.history.sync_counts()
    }

    /// The last snapshot on this node.
    #[must_use]
    pub fn latest_snapshot(&self) -> Option<SnapshotFile> {
        self.inner.latest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What this node's last snapshots come to.
    pub(crate) fn snapshot_digests(&self) -> &SnapshotDigests {
        &self.inner.digests
    }

    /// Begins to take in a snapshot that the leader sends. When it is finished, call [`Self::prepare`] with it, and
    /// then hand it to Raft.
    /// `None` while another one comes in.
    pub fn receive_snapshot(&self, hash: u128) -> Result<Option<SnapshotReceiver>, StorageError> {
        self.inner.snapshots.receive(hash)
    }

    /// How much of the snapshot with this hash has come in and was not finished.
    #[must_use]
    pub fn snapshot_received(&self, hash: u128) -> u64 {
        self.inner.snapshots.received(hash)
    }

    /// How missing history is fetched. Told once, before Raft runs.
    pub fn fetch_with(&self, fetch: FetchSegment) {
        if self.inner.fetch.set(fetch).is_err() {
            tracing::error!("the way to fetch history was told twice; the first one stays");
        }
    }

    /// Changes with each entry at which all replicas take a snapshot: then trigger one.
    #[must_use]
    pub fn snapshot_due(&self) -> watch::Receiver<Option<LogId>> {
        self.inner.snapshot_due.subscribe()
    }

    /// To be held while a snapshot comes in and until it is installed: what was fetched for it stays meanwhile, though
    /// this node writes a snapshot of its own.
    #[must_use]
    pub fn arrival(&self) -> Arrival {
        Arrival { _held: Arc::clone(&self.inner.arriving) }
    }

    /// Fetches the history that `snapshot` needs and this node lacks. Harmless to repeat: what was fetched stays.
    /// To be called before a snapshot goes to Raft, for Raft takes a failure there as the end of the node.
    pub async fn prepare(&self, snapshot: &SnapshotFile) -> Result<(), PrepareError> {
        let _alone = self.inner.taking_in.lock().await;
        self.fetch_missing(snapshot).await
    }

    /// Puts a snapshot in the place of the state.
    pub(crate) async fn install(&self, snapshot: SnapshotFile) -> Result<(), PrepareError> {
        let _alone = self.inner.taking_in.lock().await;
        self.fetch_missing(&snapshot).await?;
        let machine = self.clone();
        Ok(blocking(move || machine.put_in_place(&snapshot)).await??)
    }

    async fn fetch_missing(&self, snapshot: &SnapshotFile) -> Result<(), PrepareError> {
        let wanted = snapshot.head().segments.clone();
        let history = self.inner.history.clone();
        let missing = blocking(move || history.not_at_hand(&wanted)).await??;
        for segment in missing {
            self.fetch_segment(segment).await?;
        }
        Ok(())
    }

    async fn fetch_segment(&self, segment: SegmentRef) -> Result<(), PrepareError> {
        let fetch = self.inner.fetch.get().ok_or(PrepareError::NoPeers)?;
        let mut incoming = self.inner.history.receive(segment)?;
        let mut failures = 0;
        while incoming.len() < segment.bytes {
            let len = FETCH_BYTES.min((segment.bytes - incoming.len()) as usize);
            let piece = SegmentPiece { first: segment.first, offset: incoming.len(), len };
            match fetch(piece).await {
                Ok(bytes) if !bytes.is_empty() && bytes.len() <= len => incoming.append(&bytes)?,
                Ok(bytes) => return Err(PrepareError::Answer { piece, bytes: bytes.len() }),
                Err(why) if failures + 1 < FETCH_TRIES => {
                    failures += 1;
                    tracing::warn!(
                        segment = segment.first.0,
                        error = why,
                        "history could not be fetched yet"
                    );
                }
                Err(why) => return Err(PrepareError::Peers { piece, why }),
            }
        }
        blocking(move || incoming.finish()).await??;
        metrics::counter!(names::SEGMENTS_FETCHED).increment(1);
        Ok(())
    }

    /// Reads one segment of history that was not read since the start; see [`History::scrub_next`]. Reads the disk.
    pub fn scrub_next(&self) -> Result<bool, StorageError> {
        self.inner.history.scrub_next()
    }

    pub(crate) fn history_dir(&self) -> std::path::PathBuf {
        self.inner.history.dir().to_path_buf()
    }

    /// Segments of history that this node has lost and has to fetch.
    pub fn absent_history(&self) -> Result<Vec<SegmentRef>, StorageError> {
        self.inner.history.absent()
    }

    /// Fetches a segment that this node has lost, and puts it into its place.
    pub async fn heal(&self, segment: SegmentRef) -> Result<(), PrepareError> {
        let _alone = self.inner.taking_in.lock().await;
        self.fetch_segment(segment).await?;
        let history = self.inner.history.clone();
        blocking(move || history.put_back(segment)).await??;
        tracing::info!(segment = segment.first.0, bytes = segment.bytes, "history healed by a peer");
        Ok(())
    }

    /// Whether nothing can be appended to the history before a lost segment is back.
    pub(crate) fn lost_tail(&self) -> Result<Option<SegmentRef>, StorageError> {
        let cut = self.inner.history.cut();
        let last = self.absent_history()?.pop();
        Ok(last.filter(|segment| segment.last != cut.last_of(segment.first)))
    }

    pub(crate) fn core(&self) -> RwLockReadGuard<'_, Core> {
        // A panic while applying stops Raft; readers may see the state it left behind until the node ends.
        self.inner.core.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn core_mut(&self) -> RwLockWriteGuard<'_, Core> {
        self.inner.core.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state as it is now. May be called beside the work: history that is a little behind is waited for.
    pub(crate) fn take_view(&self) -> Result<View, StorageError> {
        let (router, meta, origins, log_bytes) = {
            let core = self.core();
            let meta =
                SnapshotMeta { last_log_id: core.last_applied, last_membership: core.membership.clone() };
            (core.router.snapshot(), meta, core.origins.clone(), core.log_bytes)
        };
        self.inner.history.wait_for(router.index())?;
        let head = SnapshotHead {
            group: self.inner.group,
            meta,
            index: router.index(),
            now: router.now(),
            chain: router.chain(),
            origins,
            log_bytes,
            segments: self.inner.history.manifest_up_to(router.index())?,
        };
        Ok(View { head, router })
    }

    /// Writes a view to the disk: its history first, then itself.
    pub(crate) fn save(&self, view: &View) -> Result<SnapshotFile, StorageError> {
        let begun = self.inner.pace.now();
        let history = &self.inner.history;
        history.sync()?;
        let kept = history.oldest_kept(self.inner.retention, view.head.index, view.head.now)?;
        let mut head = view.head.clone();
        head.segments.retain(|segment| segment.first >= kept);
        let saved = self.inner.snapshots.save(&head, &view.router.encode())?;
        let gone = history.give_up_before(kept)?;
        if gone > 0 {
            tracing::info!(log_index = kept.0, segments = gone, "old history given up");
        }
        if let Ok(_alone) = self.inner.taking_in.try_lock()
            && Arc::strong_count(&self.inner.arriving) == 1
        {
            history.drop_fetched()?;
        }
        self.put_latest(&saved);
        self.inner.pace.written(begun);
        metrics::counter!(names::SNAPSHOTS, labels::SOURCE => "built").increment(1);
        metrics::gauge!(names::SNAPSHOT_BYTES).set(saved.len() as f64);
        tracing::info!(log_index = view.head.index.0, bytes = saved.len(), "snapshot written");
        Ok(saved)
    }

    fn put_in_place(&self, snapshot: &SnapshotFile) -> Result<(), StorageError> {
        let head = snapshot.head();
        let router = restore(snapshot)?;
        self.inner.history.adopt(&head.segments)?;
        let kept = self.inner.snapshots.adopt(snapshot)?;
        self.inner.history.drop_left_behind()?;
        *self.core_mut() = Core::of(router, head);
        self.put_latest(&kept);
        metrics::counter!(names::SNAPSHOTS, labels::SOURCE => "installed").increment(1);
        metrics::gauge!(names::SNAPSHOT_BYTES).set(kept.len() as f64);
        self.inner.tail.restart(head.index);
        for (&node, &(incarnation, seq)) in &head.origins {
            self.inner.pending.skipped(&crate::type_config::Origin { node, incarnation, seq });
        }
        tracing::info!(log_index = head.index.0, "snapshot installed");
        Ok(())
    }

    fn put_latest(&self, snapshot: &SnapshotFile) {
        self.inner.digests.add(snapshot.digest());
        let mut latest = self.inner.latest.write().unwrap_or_else(PoisonError::into_inner);
        let last = |file: &SnapshotFile| file.head().meta.last_log_id;
        if latest.as_ref().is_none_or(|known| last(known) <= last(snapshot)) {
            *latest = Some(snapshot.clone());
        }
    }
}

impl Core {
    pub(crate) fn of(router: Router, head: &SnapshotHead) -> Core {
        Core {
            router,
            last_applied: head.meta.last_log_id,
            membership: head.meta.last_membership.clone(),
            origins: head.origins.clone(),
            log_bytes: head.log_bytes,
        }
    }
}

/// The router in a snapshot, which must be what the head says.
pub(crate) fn restore(snapshot: &SnapshotFile) -> Result<Router, StorageError> {
    let damaged = |what: String| StorageError::damaged(snapshot.path(), what);
    let router = Router::restore(&snapshot.router_bytes()?).map_err(|error| match error {
        SnapshotError::Newer { found, known } => StorageError::Newer {
            path: snapshot.path().to_path_buf(),
            found: u32::from(found),
            known: u32::from(known),
        },
        SnapshotError::Foreign | SnapshotError::Damaged | SnapshotError::Inconsistent(_) => {
            damaged(error.to_string())
        }
    })?;
    let head = snapshot.head();
    if (router.index(), router.chain()) != (head.index, head.chain) {
        return Err(damaged(format!("its state is at {}, its head says {}", router.index(), head.index)));
    }
    Ok(router)
}

/// Why a snapshot is not ready to be installed. All but the last two may pass with time.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// No peer gave the piece.
    #[error("no peer gave history of the segment at {} from byte {}: {why}", piece.first, piece.offset)]
    Peers {
        /// What was asked for.
        piece: SegmentPiece,
        /// What the last one said.
        why: String,
    },
    /// An answer that is none.
    #[error("a peer gave {bytes} bytes of the segment at {}, asked for {}", piece.first, piece.len)]
    Answer {
        /// What was asked for.
        piece: SegmentPiece,
        /// How much came.
        bytes: usize,
    },
    /// Nobody told how to ask peers.
    #[error("history is missing and no peer can be asked")]
    NoPeers,
    /// The disk failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The work was broken off.
    #[error("the work ended before it was done")]
    BrokenOff,
}

impl From<BrokenOff> for PrepareError {
    fn from(_: BrokenOff) -> Self {
        PrepareError::BrokenOff
    }
}

/// A blocking piece of work panicked or was cancelled.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("work on the disk was broken off")]
pub(crate) struct BrokenOff;

impl From<BrokenOff> for std::io::Error {
    fn from(error: BrokenOff) -> Self {
        std::io::Error::other(error)
    }
}

/// Runs work that waits for the disk where it holds up nobody.
pub(crate) async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, BrokenOff> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "work on the disk was broken off");
        BrokenOff
    })
}
