//! What the parts of one replica share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use openraft::async_runtime::WatchReceiver;
use openraft::metrics::{RaftDataMetrics, RaftMetrics, RaftServerMetrics};
use openraft::type_config::alias::WatchReceiverOf;
use openraft::vote::RaftLeaderId;
use ringmain_routing::NodeId;
use tokio::sync::{Mutex as AsyncMutex, watch};

use crate::chains::Chains;
use crate::clock::Clock;
use crate::config::ReplicaConfig;
use crate::disk::Disk;
use crate::files::{FolderLock, SyncMeter};
use crate::identity::Identity;
use crate::links::{Link, Links, Parties};
use crate::liveness::{Liveness, Report, Said};
use crate::log_store::LogStore;
use crate::mark::Suspect;
use crate::members::Members;
use crate::pending::Pending;
use crate::proposer::Reign;
use crate::state_machine::{Machine, StateMachine};
use crate::time::ReplicatedTime;
use crate::transfer::Transfers;
use crate::type_config::TypeConfig;

/// openraft with our types.
pub type Raft = openraft::Raft<TypeConfig, StateMachine>;

/// What the parts of one replica share.
pub struct Shared {
    pub config: ReplicaConfig,
    pub parties: Parties,
    pub identity: Identity,
    pub suspect: Option<Suspect>,
    pub clock: Arc<dyn Clock>,
    pub raft: Raft,
    pub log: LogStore,
    pub disk: Disk,
    pub machine: Machine,
    pub pending: Arc<Pending>,
    pub time: ReplicatedTime,
    pub links: Arc<Links>,
    pub transfers: Transfers,
    pub liveness: Liveness,
    pub chains: Chains,
    pub counters: Counters,
    pub meter: SyncMeter,
    /// Who takes part.
    pub members: watch::Sender<Members>,
    /// Held by the one change of members that is under way.
    pub changing: AsyncMutex<()>,
    /// This node was taken out of the cluster.
    pub removed: watch::Sender<bool>,
    /// This node sends its clients elsewhere and wants no leadership.
    pub draining: watch::Sender<bool>,
    /// The nodes as the leader last told them.
    pub reports: Mutex<Vec<Report>>,
    /// Who leads, as this node knows.
    pub leadership: watch::Sender<Leadership>,
    /// This node's own reign, while it takes commands.
    pub reign: watch::Sender<Option<Arc<Reign>>>,
    /// Why the replica has stopped.
    pub fatal: watch::Sender<Option<String>>,
    /// Holds the data folder against other processes.
    pub _folder: FolderLock,
}

/// Who leads, as a node knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The latest term.
    pub term: u64,
    /// Its leader, once there is one.
    pub leader: Option<NodeId>,
}

impl Leadership {
    fn of(metrics: &RaftServerMetrics<TypeConfig>) -> Self {
        Self { term: metrics.vote.leader_id.term(), leader: metrics.current_leader.map(NodeId) }
    }
}

/// What the leader's proposer has done.
#[derive(Debug, Default)]
pub struct Counters {
    entries: AtomicU64,
    commands: AtomicU64,
}

impl Counters {
    /// An entry of so many commands was proposed.
    pub fn entry(&self, commands: usize) {
        self.entries.fetch_add(1, Ordering::Relaxed);
        self.commands.fetch_add(commands as u64, Ordering::Relaxed);
    }

    /// Entries and commands proposed so far.
    pub fn proposed(&self) -> (u64, u64) {
        (self.entries.load(Ordering::Relaxed), self.commands.load(Ordering::Relaxed))
    }
}

impl Shared {
    /// The connections to a node; `None` when it is not known.
    pub fn link(&self, node: NodeId) -> Option<Link> {
        let members = self.members.borrow();
        let peer = members.peer(node).or_else(|| self.config.peer(node))?;
        self.links.to(node.0, &peer.peer_addr).ok()
    }

    /// Who takes part, as this node's log has it.
    pub fn members(&self) -> Members {
        self.members.borrow().clone()
    }

    /// Whether this node sends its clients elsewhere.
    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// What this node says of itself.
    pub fn says(&self) -> Said {
        Said { suspect: self.suspect.is_some(), draining: self.is_draining(), disk: self.disk.state() }
    }

    /// What the leader said last of all nodes.
    pub fn reports(&self) -> Vec<Report> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns when this node has applied an entry of `term` or a later one.
    pub async fn applied_of_term(&self, term: u64) {
        let reached = |data: &RaftDataMetrics<TypeConfig>| {
            data.last_applied.is_some_and(|id| id.committed_leader_id().term >= term)
        };
        if !until(&mut self.raft.data_metrics(), reached).await {
            std::future::pending::<()>().await;
        }
    }

    /// The replica cannot go on; the first reason is kept.
    pub fn fail(&self, reason: String) {
        if self.end(&reason) {
            tracing::error!(reason, "replica stops");
        }
    }

    /// The replica was told to stop.
    pub fn shut_down(&self) {
        if self.end("shut down") {
            tracing::info!("replica stops");
        }
    }

    fn end(&self, reason: &str) -> bool {
        self.fatal.send_if_modified(|fatal| {
            let first = fatal.is_none();
            fatal.get_or_insert_with(|| reason.to_owned());
            first
        })
    }

    /// Resolves when the replica has stopped.
    pub async fn failed(&self) {
        let mut fatal = self.fatal.subscribe();
        // Its sender lives as long as `self`.
        fatal.wait_for(Option::is_some).await.ok();
    }

    /// Why the replica has stopped, if it has.
    pub fn failure(&self) -> Option<String> {
        self.fatal.borrow().clone()
    }
}

/// Waits for what openraft shows to be so; false when openraft has ended.
pub async fn until<T: Send + Sync + 'static>(
    shown: &mut WatchReceiverOf<TypeConfig, T>,
    reached: impl Fn(&T) -> bool,
) -> bool {
    loop {
        let so = reached(&shown.borrow_and_update());
        if so {
            return true;
        }
        if shown.changed().await.is_err() {
            return false;
        }
    }
}

/// Follows who leads, for as long as the replica lives.
pub async fn follow_leadership(shared: Arc<Shared>) {
    let mut metrics = shared.raft.server_metrics();
    loop {
        let known = Leadership::of(&metrics.borrow_and_update());
        let changed = shared.leadership.send_if_modified(|leadership| {
            let changed = *leadership != known;
            *leadership = known;
            changed
        });
        if changed {
            tracing::info!(term = known.term, leader = ?known.leader.map(|node| node.0), "leadership");
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}

/// Follows who takes part, for as long as the replica lives.
pub async fn follow_members(shared: Arc<Shared>) {
    let mut metrics = shared.raft.server_metrics();
    loop {
        let known = Members::stored(&metrics.borrow_and_update().membership_config);
        if let Some(known) = known {
            shared.members.send_if_modified(|members| {
                let changed = *members != known;
                *members = known;
                changed
            });
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}

/// Waits for Raft to stop, and says why.
pub async fn follow_failure(shared: Arc<Shared>) {
    let mut metrics = shared.raft.metrics();
    until(&mut metrics, |metrics: &RaftMetrics<TypeConfig>| metrics.running_state.is_err()).await;
    let reason = metrics.borrow_watched().running_state.as_ref().err().map(ToString::to_string);
    shared.fail(reason.unwrap_or_else(|| "raft stopped".into()));
}

/// Whether the disk takes another snapshot. One that is not taken is no harm: the log is kept for the next.
pub fn snapshot_has_room(shared: &Shared) -> bool {
    let last = shared.machine.latest_snapshot().map_or(0, |snapshot| snapshot.len());
    let room = shared.disk.has_room_for(last.saturating_mul(2)).unwrap_or(true);
    if !room {
        tracing::warn!(bytes = last, "no snapshot: the disk has too little room for it");
    }
    room
}

/// Takes a snapshot at each entry where all replicas take one, for as long as the replica lives.
pub async fn snapshot_when_due(shared: Arc<Shared>) {
    let mut due = shared.machine.snapshot_due();
    while due.changed().await.is_ok() {
        if shared.transfers.hold_log() || !snapshot_has_room(&shared) {
            continue;
        }
        if shared.raft.trigger().snapshot().await.is_err() {
            return;
        }
    }
}
