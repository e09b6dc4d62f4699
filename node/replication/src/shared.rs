//! What the parts of one replica share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use openraft::async_runtime::WatchReceiver;
use openraft::metrics::{RaftDataMetrics, RaftMetrics, RaftServerMetrics};
use openraft::type_config::alias::WatchReceiverOf;
use openraft::vote::RaftLeaderId;
use ringmain_routing::NodeId;
use tokio::sync::watch;

use crate::chains::Chains;
use crate::clock::Clock;
use crate::config::ReplicaConfig;
use crate::disk::Disk;
use crate::files::FolderLock;
use crate::identity::Identity;
use crate::links::{Link, Links, Parties};
use crate::liveness::Liveness;
use crate::log_store::LogStore;
use crate::mark::Suspect;
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
    /// The connections to a node; `None` when the configuration does not have it.
    pub fn link(&self, node: NodeId) -> Option<Link> {
        self.links.to(node.0, &self.config.peer(node)?.peer_addr).ok()
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
        self.fatal.send_if_modified(|fatal| {
            let first = fatal.is_none();
            if first {
                tracing::error!(reason, "replica stops");
                *fatal = Some(reason);
            }
            first
        });
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
