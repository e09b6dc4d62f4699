//! How a replica is set up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use openraft::SnapshotPolicy;
use ringmain_routing::NodeId;
use serde::{Deserialize, Serialize};

use crate::disk::{DiskLimits, Room, RoomOf};
use crate::history::Retention;
use crate::links::Dialer;
use crate::replica::StartError;
use crate::state_machine::{SEGMENT_RECORDS, SNAPSHOT_LOG_BYTES};
use crate::transfer::TRANSFER_BYTES_PER_S;

/// What a replica must know of itself and its cluster.
#[derive(Clone, Debug)]
pub struct ReplicaConfig {
    /// The cluster's name; nodes of other clusters are refused.
    pub cluster: String,
    /// This node.
    pub node: NodeId,
    /// Where everything durable lies.
    pub data_dir: PathBuf,
    /// The nodes that form the cluster, this one among them. Once the log knows the members, it alone counts.
    pub peers: Vec<Peer>,
    /// How long things take.
    pub timing: Timing,
    /// Applied commands kept in memory for followers of the feed.
    pub feed_max: usize,
    /// Records in one history segment; the same on every node for ever.
    pub segment_records: u64,
    /// Bytes of log after which a snapshot is taken; the same on every node.
    pub snapshot_log_bytes: u64,
    /// Raft entries kept behind a snapshot: enough for a peer to go on after it received the snapshot.
    pub entries_kept: u64,
    /// Bytes a second of snapshots and history to nodes that lag; 0 for no limit.
    pub transfer_bytes_per_s: u64,
    /// How much history is kept.
    pub retention: Retention,
    /// When the disk counts as full.
    pub disk: DiskLimits,
    /// Where the node learns how much room there is.
    pub disk_room: RoomOf,
    /// Whether this node with its empty folder waits for a running cluster to take it in; else it takes part in
    /// forming a new one.
    pub joining: bool,
    /// How connections to other nodes are made; by TCP without it.
    pub dialer: Option<Dialer>,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its id.
    pub node: NodeId,
    /// Host and port for other nodes.
    pub peer_addr: String,
    /// Host and port for clients.
    pub api_addr: String,
    /// Its business area.
    pub region: String,
}

/// How long things take. Round trips between nodes must stay below the heartbeat interval: openraft gives a
/// heartbeat no longer than that for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The leader's sign of life.
    pub heartbeat: Duration,
    /// A follower waits at least so long beyond the leader's lease before it stands for election.
    pub election_min: Duration,
    /// And at most so long; the leader's lease too.
    pub election_max: Duration,
    /// How often the leader asks its peers whether they live.
    pub ping: Duration,
    /// Silence after which a node's sessions are lost.
    pub node_lost: Duration,
    /// Without a leader for so long, a node is read-only.
    pub read_only: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(30),
            election_min: Duration::from_millis(100),
            election_max: Duration::from_millis(200),
            ping: Duration::from_millis(100),
            node_lost: Duration::from_millis(600),
            read_only: Duration::from_secs(1),
        }
    }
}

/// Entries in one append; the log store reads no more than 2 MB of them.
const ENTRIES_PER_APPEND_MAX: u64 = 64;

impl ReplicaConfig {
    /// A replica with everything by default that can be.
    #[must_use]
    pub fn new(
        cluster: impl Into<String>,
        node: NodeId,
        data_dir: impl Into<PathBuf>,
        peers: Vec<Peer>,
    ) -> Self {
        Self {
            cluster: cluster.into(),
            node,
            data_dir: data_dir.into(),
            peers,
            timing: Timing::default(),
            feed_max: 100_000,
            segment_records: SEGMENT_RECORDS,
            snapshot_log_bytes: SNAPSHOT_LOG_BYTES,
            entries_kept: 20_000,
            transfer_bytes_per_s: TRANSFER_BYTES_PER_S,
            retention: Retention::default(),
            disk: DiskLimits::default(),
            disk_room: Room::of,
            joining: false,
            dialer: None,
        }
    }

    /// This node's own row.
    pub(crate) fn me(&self) -> Option<&Peer> {
        self.peer(self.node)
    }

    pub(crate) fn peer(&self, node: NodeId) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.node == node)
    }

    pub(crate) fn others(&self) -> impl Iterator<Item = &Peer> {
        self.peers.iter().filter(|peer| peer.node != self.node)
    }

    /// The members as every node must have them.
    pub(crate) fn member_lines(&self) -> Vec<String> {
        let mut peers: Vec<_> = self.peers.iter().collect();
        peers.sort_by_key(|peer| peer.node);
        peers.iter().map(|peer| format!("{}@{}", peer.node, peer.peer_addr)).collect()
    }

    /// What speaks against a start with these settings, as far as they show it.
    ///
    /// # Errors
    /// The first that does, by its field.
    pub fn check(&self) -> Result<(), StartError> {
        if self.me().is_none() {
            let what = format!("peers: this node, {}, is not among them", self.node);
            return Err(StartError::Config(what));
        }
        let mut ids: Vec<_> = self.peers.iter().map(|peer| peer.node).collect();
        ids.sort_unstable();
        if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(StartError::Config(format!("peers: node {} stands twice", pair[0])));
        }
        self.raft(true).map_err(bad_timing)?;
        Ok(())
    }

    /// openraft's settings. Not every node may stand for election.
    pub(crate) fn raft(&self, may_lead: bool) -> Result<Arc<openraft::Config>, openraft::ConfigError> {
        let millis = |span: Duration| span.as_millis() as u64;
        let timing = self.timing;
        let config = openraft::Config {
            cluster_name: self.cluster.clone(),
            heartbeat_interval: millis(timing.heartbeat),
            election_timeout_min: millis(timing.election_min),
            election_timeout_max: millis(timing.election_max),
            // Twice the lease and the longest election: a partly cut leader goes quiet so that others can elect.
            quorum_loss_probe_interval: Some(2 * millis(timing.election_max)),
            enable_pre_vote: Some(true),
            enable_leader_restore: Some(false),
            // A follower whose disk has lied about a sync comes back with a shorter log. It is healed like one that
            // lags; otherwise its leader would stop over it, and the next one too. A value that a majority had stays
            // committed, and a log behind its mark grants no vote.
            allow_log_reversion: Some(true),
            enable_elect: may_lead,
            snapshot_policy: SnapshotPolicy::Never,
            max_in_snapshot_log_to_keep: self.entries_kept,
            max_payload_entries: ENTRIES_PER_APPEND_MAX,
            // Sends entries to followers while the leader's own disk still writes them.
            broadcast_submitted_on_append: Some(true),
            backoff: "20ms 50ms 100ms ..200ms".into(),
            ..openraft::Config::default()
        };
        config.validate().map(Arc::new)
    }
}

pub(crate) fn bad_timing(error: openraft::ConfigError) -> StartError {
    StartError::Config(format!("timing: {error}"))
}
