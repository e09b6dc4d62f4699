//! How a replica is, for operators, clients and metrics.

use std::time::Duration;

use openraft::ServerState;
use openraft::async_runtime::WatchReceiver;
use openraft::metrics::RaftDataMetrics;
use openraft::vote::RaftLeaderId;
use ringmain_routing::{Incarnation, LogIndex, Millis, NodeId, Timestamp};

use crate::config::Peer;
use crate::departure::MET_WITHIN;
use crate::disk::DiskState;
use crate::files::SyncCounts;
use crate::liveness::Met;
use crate::nodes;
use crate::shared::Shared;
use crate::transfer::Freight;
use crate::type_config::{GroupId, TypeConfig};

/// How a replica is at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// This node.
    pub node: NodeId,
    /// Its run.
    pub incarnation: Incarnation,
    /// The Raft group.
    pub group: GroupId,
    /// The cluster's name.
    pub cluster: String,
    /// Its part in Raft.
    pub role: ReplicaRole,
    /// Who leads, as far as it knows.
    pub leader: Option<NodeId>,
    /// Where clients reach the leader.
    pub leader_api_addr: Option<String>,
    /// The latest term.
    pub term: u64,
    /// The last entry of the log.
    pub raft_last: u64,
    /// The last entry known to be on a majority.
    pub raft_committed: u64,
    /// The last entry applied.
    pub raft_applied: u64,
    /// The last entry that the log has given up, because a snapshot holds it.
    pub raft_purged: u64,
    /// The last command applied.
    pub applied: LogIndex,
    /// Replicated time.
    pub now: Timestamp,
    /// Since the last contact: of a follower with its leader, of a leader with its majority.
    pub age: Millis,
    /// The node has been without contact for too long: it takes no commands.
    pub read_only: bool,
    /// Since when, if so.
    pub stale_since: Option<Timestamp>,
    /// All nodes, in the order of their numbers.
    pub members: Vec<MemberStatus>,
    /// This node sends its clients elsewhere and wants no leadership.
    pub draining: bool,
    /// This node was taken out of the cluster.
    pub removed: bool,
    /// The other nodes, as the leader sees them; empty on others.
    pub peers: Vec<PeerStatus>,
    /// The last entry that the latest snapshot holds.
    pub snapshot: Option<u64>,
    /// Bytes of snapshots that went to other nodes since the start.
    pub snapshot_sent: u64,
    /// Bytes of history that went to other nodes since the start.
    pub history_sent: u64,
    /// Fsyncs of the Raft log.
    pub log_syncs: SyncCounts,
    /// Entries that this node proposed as leader since its start.
    pub entries: u64,
    /// Commands in them.
    pub commands: u64,
    /// Commands of this node's clients without an answer.
    pub open: usize,
    /// Between the wall clock and replicated time; `None` while the latter is not known.
    pub wall_difference: Option<Millis>,
    /// The disk is nearly full: it takes no commands.
    pub disk_full: bool,
    /// Bytes free on the disk, beside the reserve.
    pub disk_free: u64,
    /// Why the node grants no votes, if it does not.
    pub suspect: Option<String>,
    /// Why the replica has stopped, if it has.
    pub fatal: Option<String>,
}

/// A node's part in Raft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaRole {
    /// Orders the commands.
    Leader,
    /// Follows a leader.
    Follower,
    /// Stands for election.
    Candidate,
    /// Follows without a vote; also a node that is in no cluster yet.
    Learner,
    /// Has stopped.
    Stopped,
}

/// A node of the cluster, as the leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberStatus {
    /// Which, and where.
    pub peer: Peer,
    /// Whether it votes.
    pub voter: bool,
    /// How many entries it lacks; `None` when not known.
    pub lag: Option<u64>,
    /// How long ago the leader heard from it; `None` when not known.
    pub heard: Option<Millis>,
    /// It lives, as far as is known: by the leader's word while the leader is heard, else by asking it.
    pub alive: bool,
    /// It lives and hears a majority, directly or through its leader, as far as is known. A node of an earlier version
    /// does not say; it counts as one that does.
    pub in_touch: bool,
    /// It lost part of its log and grants no vote.
    pub suspect: bool,
    /// It sends its clients elsewhere.
    pub draining: bool,
    /// How its disk is.
    pub disk: DiskState,
}

/// A node as its leader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// Which.
    pub node: NodeId,
    /// The last entry it is known to have.
    pub matched: Option<u64>,
    /// How many entries it lacks.
    pub lag: u64,
}

impl ReplicaStatus {
    pub(crate) fn of(shared: &Shared) -> Self {
        let data = shared.raft.data_metrics().borrow_watched().clone();
        let server = shared.raft.server_metrics().borrow_watched().clone();
        let (applied, router_now) = shared.machine.read(|router| (router.index(), router.now()));
        let now = shared.time.now().map_or(router_now, |now| now.max(router_now));
        let age = shared.age();
        let read_only = shared.read_only();
        let leader = server.current_leader.map(NodeId);
        let (entries, commands) = shared.counters.proposed();
        let index = |id: Option<crate::type_config::LogId>| id.map_or(0, |id| id.index);
        Self {
            node: shared.config.node,
            incarnation: shared.identity.incarnation(),
            group: shared.parties.group,
            cluster: shared.config.cluster.clone(),
            role: role(shared, server.state),
            leader,
            leader_api_addr: leader.and_then(|node| Some(shared.members().peer(node)?.api_addr.clone())),
            term: server.vote.leader_id().term(),
            raft_last: index(data.last_log),
            raft_committed: index(data.cluster_committed),
            raft_applied: index(data.last_applied),
            raft_purged: index(data.purged),
            applied,
            now,
            age: millis(age),
            read_only,
            stale_since: read_only.then(|| now.minus(millis(age))),
            members: members(shared, leader, age),
            draining: shared.is_draining(),
            removed: shared.is_removed(),
            peers: peers(&data, shared.config.node),
            snapshot: data.snapshot.map(|id| id.index),
            snapshot_sent: shared.transfers.sent(Freight::Snapshot),
            history_sent: shared.transfers.sent(Freight::History),
            log_syncs: shared.log.sync_counts(),
            entries,
            commands,
            open: shared.pending.open_count(),
            wall_difference: shared.time.wall_difference_ms().map(Millis),
            disk_full: shared.disk.is_full(),
            disk_free: shared.disk.free(),
            suspect: shared.suspect.as_ref().map(ToString::to_string),
            fatal: shared.failure(),
        }
    }
}

impl Shared {
    /// Since the last contact: of a follower with its leader, of a leader with its majority.
    pub fn age(&self) -> Duration {
        let now = self.clock.monotonic();
        if self.reign.borrow().is_some() {
            self.liveness.since_majority(self.config.node, &self.members.borrow().voters, now)
        } else {
            self.liveness.since_leader(now)
        }
    }

    /// Whether this node hears a majority, directly or through its leader.
    pub fn in_touch(&self) -> bool {
        !self.is_removed() && self.age() < self.config.timing.node_lost
    }

    /// Whether this node must not take commands, because it may be cut off.
    pub fn read_only(&self) -> bool {
        self.is_removed() || self.age() >= self.config.timing.read_only
    }
}

fn role(shared: &Shared, state: ServerState) -> ReplicaRole {
    if shared.failure().is_some() {
        return ReplicaRole::Stopped;
    }
    match state {
        ServerState::Leader => ReplicaRole::Leader,
        ServerState::Follower => ReplicaRole::Follower,
        ServerState::Candidate => ReplicaRole::Candidate,
        ServerState::Learner => ReplicaRole::Learner,
        ServerState::Shutdown => ReplicaRole::Stopped,
    }
}

/// What the leader knows of each node: first hand where this node leads, else as it was last told.
fn members(shared: &Shared, leader: Option<NodeId>, age: Duration) -> Vec<MemberStatus> {
    let me = shared.config.node;
    let leads = shared.reign.borrow().is_some();
    let reports = if leads { nodes::reports(shared) } else { shared.reports() };
    let members = shared.members();
    let by = By { shared, leads, in_touch: shared.in_touch() };
    let status = |peer: &Peer| {
        let report = reports.iter().find(|report| report.node == peer.node).copied().unwrap_or_default();
        let told_ago = if leads { Millis(0) } else { millis(age) };
        let heard = if leader == Some(peer.node) { Some(Millis(0)) } else { report.heard };
        let heard = heard.map(|heard| Millis(heard.0 + told_ago.0));
        let mine = peer.node == me;
        let alive = mine || by.is_alive(peer.node, heard);
        let said = if mine { shared.says() } else { report.said };
        MemberStatus {
            peer: peer.clone(),
            voter: members.is_voter(peer.node),
            lag: report.lag,
            heard,
            alive,
            in_touch: alive && by.is_in_touch(peer.node, mine),
            suspect: said.suspect,
            draining: said.draining,
            disk: said.disk,
        }
    };
    members.nodes.values().map(status).collect()
}

/// By what a node knows who lives: the leader hears the others; who hears the leader goes by its word; else those
/// live who answer this node.
struct By<'a> {
    shared: &'a Shared,
    leads: bool,
    in_touch: bool,
}

impl By<'_> {
    /// Whether a node lives of which the leader, as far as is known, heard so long ago.
    fn is_alive(&self, node: NodeId, heard: Option<Millis>) -> bool {
        if self.leads || self.in_touch {
            let within = self.shared.config.timing.node_lost.as_millis();
            return heard.is_some_and(|heard| u128::from(heard.0) < within);
        }
        self.met(node).is_some()
    }

    /// Whether a node that lives hears a majority. Of a node without one this is asked even while it leads: those who
    /// hear it are of its own minority.
    fn is_in_touch(&self, node: NodeId, mine: bool) -> bool {
        self.in_touch || !mine && self.met(node).is_some_and(|met| met.in_touch)
    }

    fn met(&self, node: NodeId) -> Option<Met> {
        self.shared.liveness.last_met(node, MET_WITHIN, self.shared.clock.monotonic())
    }
}

fn peers(data: &RaftDataMetrics<TypeConfig>, me: NodeId) -> Vec<PeerStatus> {
    let last = data.last_log.map_or(0, |id| id.index);
    let replication = data.replication.iter().flatten();
    let others = replication.filter(|(node, _)| **node != me.0);
    others
        .map(|(node, matched)| {
            let matched = matched.map(|id| id.index);
            PeerStatus { node: NodeId(*node), matched, lag: last.saturating_sub(matched.unwrap_or(0)) }
        })
        .collect()
}

fn millis(span: Duration) -> Millis {
    Millis(span.as_millis() as u64)
}
