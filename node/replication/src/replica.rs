//! One node's replica of the router: the handle that the rest of the program holds.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use openraft::ReadPolicy;
use openraft::async_runtime::WatchReceiver;
use openraft::metrics::RaftDataMetrics;
use ringmain_protocol::v1;
use ringmain_protocol::v1::peer_service_server::PeerServiceServer;
use ringmain_routing::{Command, LogIndex, Millis, NodeId, Refusal, Reply, Router, Timestamp};
use tokio::sync::{Mutex as AsyncMutex, watch};

use crate::archive::{Archive, Maker};
use crate::chains::Chains;
use crate::changes::{self, Adding, ChangeError, Inbound, Judgement, Outbound, Progress, Removing};
use crate::clock::Clock;
use crate::config::{Peer, ReplicaConfig, bad_timing};
use crate::departure;
use crate::disk::{self, Disk};
use crate::feed::{Applied, Feed};
use crate::files::{FolderLock, StorageError, SyncMeter};
use crate::forming;
use crate::forward;
use crate::handover::{self, Moved};
use crate::history::HistoryError;
use crate::identity::Identity;
use crate::install;
use crate::links::{InvalidAddress, Links, PEER_MESSAGE_BYTES_MAX, Parties};
use crate::liveness::Liveness;
use crate::log_store::LogStore;
use crate::members::Members;
use crate::network::PeerNetwork;
use crate::nodes;
use crate::peer_service::PeerEndpoint;
use crate::pending::{GivenUp, Pending, Settled, Ticket};
use crate::search_index::SearchIndex;
use crate::segments::HistoryRecord;
use crate::shared::{self, Counters, Raft, Shared, until};
use crate::state_machine::{StateConfig, StateMachine};
use crate::status::ReplicaStatus;
use crate::tasks::Tasks;
use crate::time::ReplicatedTime;
use crate::transfer::Transfers;
use crate::type_config::{GroupId, TypeConfig};

pub use crate::shared::Leadership;

/// When to come back after a refusal for want of room.
const OVERLOADED_RETRY: Millis = Millis(50);
/// When to come back after a refusal for want of a leader: an election takes about as long.
const UNAVAILABLE_RETRY: Millis = Millis(250);
/// When to look again at a node whose disk was full.
const DISK_FULL_RETRY: Millis = Millis(1_000);
/// A linearizable read that takes longer has no leader.
const READ_INDEX_MAX: Duration = Duration::from_secs(1);
const READ_INDEX_AGAIN: Duration = Duration::from_millis(20);

/// One node's replica. Cheap to clone; all clones are the same replica.
#[derive(Clone)]
pub struct Replica {
    shared: Arc<Shared>,
    search: SearchIndex,
    tasks: Arc<Tasks>,
}

/// The answer to a proposal, as applied by this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The command's place in the log.
    pub index: LogIndex,
    /// The term of its entry.
    pub term: u64,
    /// When it was applied, in replicated time.
    pub at: Timestamp,
    /// What the core said.
    pub reply: Result<Reply, Refusal>,
}

/// Why a proposal has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Nothing was proposed: there is no leader, or this node has lost it. Try again, or another node.
    #[error("unavailable: this node has no leader; try again or try another node")]
    Unavailable {
        /// When.
        retry_after: Millis,
        /// Where, if known.
        leader: Option<NodeId>,
    },
    /// It may have been carried out, or may yet be. Ask again with the same key.
    #[error("unknown: no answer came in time; ask again with the same key")]
    Unknown,
    /// Nothing was proposed: too much is waiting already.
    #[error("overloaded: too many commands wait already; try again later")]
    Overloaded {
        /// When.
        retry_after: Millis,
    },
    /// Nothing was proposed: this node's disk is nearly full. Try another node.
    #[error("disk-full: this node's disk is nearly full; try another node")]
    DiskFull {
        /// When.
        retry_after: Millis,
    },
    /// The replica has stopped and will not go on.
    #[error("fatal: this node has stopped: {0}")]
    Fatal(String),
}

/// Why a replica does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The configuration contradicts itself.
    #[error("{0}")]
    Config(String),
    /// The node was taken out of its cluster.
    #[error(
        "{}: the node was removed from its cluster, and its id never comes back: empty the data folder, and add the \
         node again under a new id", path.display()
    )]
    Removed {
        /// What says so.
        path: PathBuf,
    },
    /// openraft refuses to start.
    #[error("raft: {0}")]
    Raft(String),
}

impl From<InvalidAddress> for StartError {
    fn from(error: InvalidAddress) -> Self {
        StartError::Config(error.to_string())
    }
}

impl Replica {
    /// Opens the data folder and takes part in the cluster. Returns before there is a leader. The caller mounts
    /// [`Self::peer_service`] at the configured peer address.
    ///
    /// Boxed here, so that all of Raft is compiled with this crate and not with each that starts a replica.
    #[must_use]
    pub fn start(
        config: ReplicaConfig,
        clock: Arc<dyn Clock>,
    ) -> BoxFuture<'static, Result<Replica, StartError>> {
        Box::pin(Self::start_all(config, clock))
    }

    async fn start_all(config: ReplicaConfig, clock: Arc<dyn Clock>) -> Result<Replica, StartError> {
        let shared = Arc::new(open(config, clock).await?);
        let tasks = Arc::new(Tasks::default());
        let own = || Arc::clone(&shared);
        tasks.spawn("leadership", shared::follow_leadership(own()));
        tasks.spawn("members", shared::follow_members(own()));
        tasks.spawn("failure", shared::follow_failure(own()));
        tasks.spawn("departure", departure::ask(own()));
        tasks.spawn("keep-away", handover::keep_away(own()));
        tasks.spawn("deliver", forward::deliver(own()));
        tasks.spawn("reign", nodes::reign(own()));
        tasks.spawn("form", forming::form(own()));
        tasks.spawn("snapshot", shared::snapshot_when_due(own()));
        tasks.spawn("heal", install::heal(own()));
        tasks.spawn("disk", disk::watch(own()));
        tasks.spawn("announce", nodes::announce_start(own()));
        let search = SearchIndex::open(&shared.config.data_dir, shared.machine.clone())?;
        tasks.spawn("search", search.clone().run(shared.machine.feed(), Arc::clone(&shared.clock)));
        Ok(Replica { shared, search, tasks })
    }

    /// What other nodes call; for the gRPC server at this node's peer address.
    #[must_use]
    pub fn peer_service(&self) -> PeerServiceServer<PeerEndpoint> {
        PeerServiceServer::new(PeerEndpoint::new(Arc::clone(&self.shared)))
            .max_decoding_message_size(PEER_MESSAGE_BYTES_MAX)
            .max_encoding_message_size(PEER_MESSAGE_BYTES_MAX)
    }

    /// Proposes a command; resolves when this node has applied it, or `deadline` has passed.
    pub async fn propose(&self, command: Command, deadline: Millis) -> Result<Answer, ProposeError> {
        propose(&self.shared, &command, deadline).await
    }

    /// Begins to propose a command: whoever proposes several gets them into the log in this order, without waiting for
    /// one before the next.
    ///
    /// # Errors
    /// When the node takes none now.
    pub fn begin(&self, command: &Command) -> Result<Proposal, ProposeError> {
        Proposal::begin(&self.shared, command)
    }

    /// Follows what this node applies.
    #[must_use]
    pub fn feed(&self) -> Feed {
        self.shared.machine.feed()
    }

    /// The span in which the effects of a command are handed to this node's streams; see [`crate::way`].
    #[must_use]
    pub fn delivering(&self, index: LogIndex) -> tracing::Span {
        self.shared.pending.ways().deliver(index)
    }

    /// Looks at the router as this node has it. Short: applying waits meanwhile.
    pub fn read<R>(&self, look: impl FnOnce(&Router) -> R) -> R {
        self.shared.machine.read(look)
    }

    /// Returns once this node has applied all that was acknowledged anywhere before the call, and how far that is.
    pub async fn read_index(&self) -> Result<LogIndex, ProposeError> {
        let reading = async {
            while let Err(error) = read_index(&self.shared).await {
                if matches!(error, ProposeError::Fatal(_)) || self.shared.read_only() {
                    return Err(error);
                }
                // A leader that hands over or is being elected answers in a moment.
                tokio::time::sleep(READ_INDEX_AGAIN).await;
            }
            Ok(())
        };
        let unavailable = |_| unavailable(&self.shared);
        tokio::time::timeout(READ_INDEX_MAX, reading).await.map_err(unavailable)??;
        Ok(self.read(Router::index))
    }

    /// How this replica is.
    #[must_use]
    pub fn status(&self) -> ReplicaStatus {
        ReplicaStatus::of(&self.shared)
    }

    /// Up to `max` records after the one at `after`, from the oldest this node holds to the last applied. Reads the disk.
    pub fn history(&self, after: LogIndex, max: usize) -> Result<Vec<HistoryRecord>, HistoryError> {
        self.shared.machine.history(after, max)
    }

    /// Begins a backup of what this node has applied; call [`Self::read_index`] before. Encodes the state and reads the
    /// disk. Without history it has the last segment only.
    pub fn archive(&self, version: &str, with_history: bool) -> Result<Archive, StorageError> {
        let maker = Maker {
            cluster: self.shared.config.cluster.clone(),
            generation: self.generation(),
            node: self.shared.config.node.0,
            version: version.into(),
            wall_ms: self.shared.clock.wall_ms(),
        };
        Archive::take(&self.shared.machine, maker, with_history)
    }

    /// The cluster's generation: it grows when the cluster is restored from a backup or forced out of a lost majority,
    /// and what was said about positions of its log before is void. 0 while this node was not told.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shared.parties.generation.get()
    }

    /// The oldest record of the history that this node holds.
    #[must_use]
    pub fn history_oldest(&self) -> LogIndex {
        self.shared.machine.history_oldest()
    }

    /// Finds ended contacts. Reads the disk.
    #[must_use]
    pub fn search(&self) -> &SearchIndex {
        &self.search
    }

    /// Asks for a snapshot of what is applied; it is built beside the work.
    pub async fn trigger_snapshot(&self) {
        if !shared::snapshot_has_room(&self.shared) {
            return;
        }
        if let Err(error) = self.shared.raft.trigger().snapshot().await {
            tracing::warn!(%error, "no snapshot: the replica has stopped");
        }
    }

    /// Takes a node in, where this node leads: it is asked, follows as a learner, catches up, votes. The same again
    /// goes on where it was. `begins` is awaited before the first write, if anything is to be written.
    pub async fn add_node(
        &self,
        peer: &Peer,
        progress: &Progress<Adding>,
        begins: impl Future<Output = ()>,
    ) -> Result<(), ChangeError> {
        changes::add(&self.shared, peer, progress, begins).await
    }

    /// Whether a node could be taken in, and what it would come to, where this node leads. Nothing is changed.
    pub async fn try_add_node(&self, peer: &Peer) -> Result<Inbound, ChangeError> {
        changes::try_add(&self.shared, peer).await
    }

    /// Takes a node out for good, where this node leads. When that is this node, it hands leadership over and says
    /// who is to go on. `begins` is awaited before the first write, if anything is to be written.
    pub async fn remove_node(
        &self,
        node: NodeId,
        progress: &Progress<Removing>,
        begins: impl Future<Output = ()>,
    ) -> Result<(), ChangeError> {
        changes::remove(&self.shared, node, progress, begins).await
    }

    /// Whether a node could be taken out, and what it would come to, where this node leads. Nothing is changed.
    pub async fn try_remove_node(&self, node: NodeId) -> Result<Outbound, ChangeError> {
        changes::try_remove(&self.shared, node).await
    }

    /// Hands leadership to `to`, or to the voter that lacks least, where this node leads, and waits for what comes
    /// of it. `begins` is awaited before that, unless `to` leads already.
    pub async fn move_leader(
        &self,
        to: Option<NodeId>,
        begins: impl Future<Output = ()>,
    ) -> Result<Moved, ChangeError> {
        handover::move_leader(&self.shared, to, begins).await
    }

    /// To whom leadership could be handed, where this node leads. Nothing is changed.
    pub async fn try_move_leader(&self, to: Option<NodeId>) -> Result<Moved, ChangeError> {
        handover::try_move_leader(&self.shared, to).await
    }

    /// Whether leadership is kept from this node. It goes on voting.
    pub fn set_draining(&self, draining: bool) {
        self.shared.draining.send_replace(draining);
    }

    /// Whether a node may stop without the cluster losing its majority, by what the leader knows.
    pub async fn judge(&self, node: NodeId) -> Result<Judgement, ChangeError> {
        self.shared.judge(node).await
    }

    /// Whether leadership is kept from this node.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.shared.is_draining()
    }

    /// Who takes part.
    #[must_use]
    pub fn members(&self) -> Members {
        self.shared.members()
    }

    /// Changes with each change of leader: for those who wait for one.
    #[must_use]
    pub fn watch_leadership(&self) -> watch::Receiver<Leadership> {
        self.shared.leadership.subscribe()
    }

    /// Resolves with the reason when the replica has stopped.
    pub async fn failed(&self) -> String {
        self.shared.failed().await;
        self.shared.failure().unwrap_or_default()
    }

    /// Stops everything, and ends the streams of [`Self::peer_service`], so that its server can end after. What is
    /// durable stays; commands without an answer are unknown to their clients.
    #[must_use]
    pub fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.end())
    }

    async fn end(&self) {
        self.tasks.stop().await;
        self.shared.shut_down();
        if let Err(error) = self.shared.raft.shutdown().await {
            tracing::error!(%error, "raft did not end in order");
        }
        self.shared.log.close();
    }
}

async fn open(config: ReplicaConfig, clock: Arc<dyn Clock>) -> Result<Shared, StartError> {
    config.check()?;
    let meter = SyncMeter::new(Arc::clone(&clock));
    let group = GroupId::default();
    meter.create_dir(&config.data_dir)?;
    let folder = FolderLock::take(&config.data_dir)?;
    let departed = departure::path(&config.data_dir);
    if departed.exists() {
        return Err(StartError::Removed { path: departed });
    }
    let identity = Identity::open(&config.data_dir, &config.cluster, config.node, meter.clone())?;
    let pending = Pending::new(config.node, identity.incarnation());
    let disk = Disk::open(&config.data_dir, config.disk, config.disk_room, meter.clone())?;
    let (log, suspect) = LogStore::open(&config.data_dir, &meter)?;
    let state = state_config(&config, group, &log);
    let (state_machine, machine) = StateMachine::open(&state, Arc::clone(&pending), &meter)?;
    log.check_meets(machine.last_applied())?;
    let generation = identity.generation();
    let parties = Parties { cluster: config.cluster.clone(), group, node: config.node, generation };
    let links = Arc::new(Links::new(parties.clone()).by(config.dialer.clone()));
    for peer in config.others() {
        links.to(peer.node.0, &peer.peer_addr)?;
    }
    let known = Members::stored(&machine.core().membership);
    let known = known.unwrap_or_else(|| Members::configured(&config.peers));
    // As `Shared::may_lead`, which follows what the log says once Raft has read it.
    let may_lead = suspect.is_none() && (known.voter_ids().len() < 2 || !disk.is_full());
    let raft_config = config.raft(may_lead).map_err(bad_timing)?;
    let members = watch::Sender::new(known);
    machine.fetch_with(install::fetch_from_peers(config.node, members.subscribe(), Arc::clone(&links)));
    install::heal_tail(&machine).await?;
    let transfers = Transfers::new(config.transfer_bytes_per_s, Arc::clone(&clock));
    let network = PeerNetwork::new(Arc::clone(&links), transfers.clone(), members.subscribe());
    let raft = Raft::new(config.node.0, raft_config, network, log.clone(), state_machine)
        .await
        .map_err(|error| StartError::Raft(error.to_string()))?;
    if let Some(known) = Members::stored(&raft.server_metrics().borrow_watched().membership_config) {
        members.send_replace(known);
    }
    let time = ReplicatedTime::new(Arc::clone(&clock), machine.read(Router::now));
    let liveness = Liveness::new(clock.monotonic());
    Ok(Shared {
        parties,
        identity,
        suspect,
        raft,
        log,
        disk,
        machine,
        pending,
        time,
        links,
        transfers,
        liveness,
        chains: Chains::default(),
        clock,
        config,
        counters: Counters::default(),
        meter,
        members,
        changing: AsyncMutex::default(),
        removed: watch::Sender::default(),
        draining: watch::Sender::default(),
        reports: Mutex::default(),
        leadership: watch::Sender::default(),
        reign: watch::Sender::default(),
        fatal: watch::Sender::default(),
        _folder: folder,
    })
}

fn state_config(config: &ReplicaConfig, group: GroupId, log: &LogStore) -> StateConfig {
    StateConfig {
        group,
        segment_records: config.segment_records,
        snapshot_log_bytes: config.snapshot_log_bytes,
        retention: config.retention,
        purged: log.purged().map(|id| id.index),
        ..StateConfig::new(&config.data_dir, config.feed_max)
    }
}

/// Proposes a command for whoever asks; see [`Replica::propose`].
pub(crate) async fn propose(
    shared: &Arc<Shared>,
    command: &Command,
    deadline: Millis,
) -> Result<Answer, ProposeError> {
    Proposal::begin(shared, command)?.settled(deadline).await
}

/// A command on its way to the log. Those that were begun later on this node come behind it there. Dropped, nobody waits for
/// it any more; it may be carried out all the same.
#[must_use]
pub struct Proposal {
    shared: Arc<Shared>,
    ticket: Ticket,
}

impl Proposal {
    fn begin(shared: &Arc<Shared>, command: &Command) -> Result<Proposal, ProposeError> {
        if let Some(reason) = shared.failure() {
            return Err(ProposeError::Fatal(reason));
        }
        if shared.read_only() {
            return Err(unavailable(shared));
        }
        if shared.disk.is_full() {
            return Err(ProposeError::DiskFull { retry_after: DISK_FULL_RETRY });
        }
        let overloaded = |_| ProposeError::Overloaded { retry_after: OVERLOADED_RETRY };
        let ticket = shared.pending.take(command).map_err(overloaded)?;
        Ok(Proposal { shared: Arc::clone(shared), ticket })
    }

    /// Resolves when this node has applied the command, or `deadline` has passed.
    ///
    /// # Errors
    /// When it was given up before it went out, or nobody knows what became of it.
    pub async fn settled(mut self, deadline: Millis) -> Result<Answer, ProposeError> {
        let settled = tokio::select! {
            biased;
            settled = self.ticket.settled() => settled,
            () = tokio::time::sleep(Duration::from_millis(deadline.0)) => None,
            () = self.shared.failed() => None,
        };
        match settled {
            Some(Settled::Applied(applied)) => Ok(answer(&applied)),
            Some(Settled::Unseen) => Err(ProposeError::Unknown),
            None => match self.ticket.give_up() {
                GivenUp::Sent => Err(ProposeError::Unknown),
                GivenUp::NeverSent => Err(unavailable(&self.shared)),
            },
        }
    }
}

fn answer(applied: &Applied) -> Answer {
    Answer { index: applied.index, term: applied.term, at: applied.at, reply: applied.outcome.reply.clone() }
}

fn unavailable(shared: &Shared) -> ProposeError {
    match shared.failure() {
        Some(reason) => ProposeError::Fatal(reason),
        None => {
            let leader = shared.leadership.borrow().leader.filter(|_| !shared.read_only());
            ProposeError::Unavailable { retry_after: UNAVAILABLE_RETRY, leader }
        }
    }
}

async fn read_index(shared: &Shared) -> Result<(), ProposeError> {
    let leader = shared.leadership.borrow().leader.ok_or_else(|| unavailable(shared))?;
    let raft_index = if leader == shared.config.node {
        let linearizer = shared.raft.get_read_linearizer(ReadPolicy::ReadIndex).await;
        linearizer.map_err(|_| unavailable(shared))?.read_log_id().index()
    } else {
        let mut link = shared.link(leader).ok_or_else(|| unavailable(shared))?;
        let answer = link.control.read_index(v1::ReadIndexRequest {}).await;
        answer.map_err(|_| unavailable(shared))?.into_inner().raft_index
    };
    let reached =
        |data: &RaftDataMetrics<TypeConfig>| data.last_applied.is_some_and(|id| id.index >= raft_index);
    if until(&mut shared.raft.data_metrics(), reached).await { Ok(()) } else { Err(unavailable(shared)) }
}
