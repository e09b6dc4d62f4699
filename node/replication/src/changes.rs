//! Changes of the members while the cluster works, decided and carried out by the leader, one at a time.
//!
//! **Invariant:** an id that was used once never comes back. Each id has a row among the origins of commands before
//! its node can leave: an id with a row that is no member was removed.
//!
//! **Invariant:** a node votes only after it has caught up; a node leaves only when those that stay have a majority
//! that lives.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::BoxFuture;
use openraft::entry::RaftPayload;
use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::metrics::RaftServerMetrics;
use openraft::raft::ClientWriteResponse;
use openraft::{Precondition, async_runtime::WatchReceiver};
use ringmain_routing::command::NodeStarted;
use ringmain_routing::{Command, Incarnation, NodeId};
use tokio::sync::mpsc;

use crate::config::Peer;
use crate::handover;
use crate::members::{MEMBERS_MAX, Members, Standing, majority};
use crate::peer_admission::{ask_admission, dismiss};
use crate::pending::Numbered;
use crate::shared::{Leadership, Shared, until};
use crate::status::{MemberStatus, ReplicaStatus};
use crate::type_config::{EntryPayload, TypeConfig};

/// A learner that lacks no more has caught up: the rest is under way.
const CAUGHT_UP_LAG: u64 = 256;
/// A voter that lacks more cannot be counted on.
const FIT_LAG_MAX: u64 = 10_000;
/// A change that a majority has not confirmed in this time is reported as unfinished.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(10);
/// A new leader must first commit an entry of its own.
const TOO_EARLY_RETRY: Duration = Duration::from_millis(20);
/// A learner that has been silent for so long does not catch up.
const LEARNER_SILENCE_MAX: Duration = Duration::from_secs(10);
/// How often progress is looked at and told.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Why the members were not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Another node leads, or none does: nothing was done here.
    #[error("this node does not lead")]
    NotLeader {
        /// Who does, if known.
        leader: Option<NodeId>,
    },
    /// The request cannot be carried out as it is. The text begins with the field.
    #[error("{0}")]
    Refused(String),
    /// Another change is under way.
    #[error("another change of the members is under way; one at a time")]
    Busy,
    /// Not known to be done within the time: the same again goes on where it was.
    #[error("{0}; the same command again goes on where it was")]
    Unfinished(String),
    /// The replica has stopped.
    #[error("this node has stopped: {0}")]
    Fatal(String),
}

/// How far a node is on its way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adding {
    /// It may take part.
    Admitted,
    /// It lacks so many entries.
    CatchingUp(u64),
    /// It votes, as one of so many.
    Voter(usize),
}

/// How far a node is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removing {
    /// It has handed leadership over.
    LeaderMoved,
    /// It is no member.
    Removed,
    /// It knows, or could not be reached; so many voters are left.
    Done {
        /// It knows.
        told: bool,
        /// Who is left.
        voters: usize,
    },
}

/// Where a change tells how far it is.
pub type Progress<T> = mpsc::Sender<T>;

/// How a node is that the leader can count on, or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fitness {
    /// Entries it lacks.
    pub lag: u64,
    /// It grants no vote.
    pub suspect: bool,
    /// It wants no leadership.
    pub draining: bool,
}

/// Whether a node may stop, as far as the leader knows how the others are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Of which node.
    pub node: NodeId,
    /// What its stop would mean.
    pub standing: Standing,
    /// Voters.
    pub voters: usize,
    /// Those that live, have caught up and may vote.
    pub fit: BTreeSet<NodeId>,
}

impl Shared {
    /// This node's leadership, if it takes commands.
    fn leads(&self) -> Result<Leadership, ChangeError> {
        if let Some(reason) = self.failure() {
            return Err(ChangeError::Fatal(reason));
        }
        let known = *self.leadership.borrow();
        let reigns = self.reign.borrow().as_ref().is_some_and(|reign| reign.term() == known.term);
        if known.leader == Some(self.config.node) && reigns {
            return Ok(known);
        }
        Err(ChangeError::NotLeader { leader: known.leader.filter(|leader| *leader != self.config.node) })
    }

    /// This node's leadership, as soon as it takes commands and has asked every other node how it is.
    pub async fn leading(&self) -> Result<Leadership, ChangeError> {
        let mut looks = tokio::time::interval(TOO_EARLY_RETRY);
        let settled = async {
            while matches!(self.leads(), Err(ChangeError::NotLeader { leader: None }))
                || (self.leads().is_ok() && !self.liveness.heard_all())
            {
                looks.tick().await;
            }
        };
        // With a node that is away, or without a leader, it is what it is by then.
        tokio::time::timeout(self.config.timing.node_lost, settled).await.ok();
        self.leads()
    }

    /// How a node is; `None` when it has not answered lately. Only the leader knows.
    pub fn fitness(&self, node: NodeId) -> Option<Fitness> {
        if node == self.config.node {
            return Some(Fitness { lag: 0, suspect: self.suspect.is_some(), draining: self.is_draining() });
        }
        let (age, said) = self.liveness.last_word(node, self.clock.monotonic())?;
        let lag = self.lag(node)?;
        (age < self.config.timing.node_lost).then_some(Fitness {
            lag,
            suspect: said.suspect,
            draining: said.draining,
        })
    }

    /// How many entries a node lacks, as the leader knows.
    pub fn lag(&self, node: NodeId) -> Option<u64> {
        self.matched(node).map(|(matched, last)| last.saturating_sub(matched))
    }

    /// The last entry that a node is known to have, and the last there is.
    fn matched(&self, node: NodeId) -> Option<(u64, u64)> {
        let data = self.raft.data_metrics();
        let data = data.borrow_watched();
        let matched = data.replication.as_ref()?.iter().find(|(known, _)| **known == node.0)?.1;
        Some((matched.map_or(0, |id| id.index), data.last_log.map_or(0, |id| id.index)))
    }

    /// The voters that the leader can count on.
    fn fit(&self, members: &Members) -> BTreeSet<NodeId> {
        let fit = |node: &NodeId| {
            self.fitness(*node).is_some_and(|fitness| !fitness.suspect && fitness.lag <= FIT_LAG_MAX)
        };
        members.voter_ids().into_iter().filter(fit).collect()
    }

    /// Whether a node may stop, by what the leader knows or has last told this node.
    pub async fn judge(&self, node: NodeId) -> Result<Judgement, ChangeError> {
        let mut looks = tokio::time::interval(TOO_EARLY_RETRY);
        let known = async {
            while ReplicaStatus::of(self).members.iter().any(|one| one.voter && one.heard.is_none()) {
                looks.tick().await;
            }
        };
        // After an election the leader has yet to ask; who has not answered by then is away.
        tokio::time::timeout(self.config.timing.node_lost, known).await.ok();
        let status = ReplicaStatus::of(self);
        if status.read_only || status.leader.is_none() {
            return Err(ChangeError::NotLeader { leader: None });
        }
        let lost = self.config.timing.node_lost.as_millis() as u64;
        let fit = |one: &&MemberStatus| {
            let live = one.heard.is_some_and(|heard| heard.0 < lost);
            one.voter && live && !one.suspect && one.lag.is_some_and(|lag| lag <= FIT_LAG_MAX)
        };
        let fit = status.members.iter().filter(fit).map(|one| one.peer.node).collect();
        let members = self.members();
        let standing = members.stands_without(node, &fit);
        Ok(Judgement { node, standing, voters: members.voter_ids().len(), fit })
    }
}

/// Takes a node in: asked, learner, caught up, voter. What an earlier call has done is not done again.
pub async fn add(shared: &Shared, peer: &Peer, progress: &Progress<Adding>) -> Result<(), ChangeError> {
    shared.leading().await?;
    let _alone = shared.changing.try_lock().map_err(|_| ChangeError::Busy)?;
    let members = confirmed(shared).await?;
    shared.links.to(peer.node.0, &peer.peer_addr).map_err(|error| ChangeError::Refused(error.to_string()))?;
    let known = look_at(&members, peer, shared.machine.last_run(peer.node).is_some())?;
    if known == Known::Voter {
        tell(progress, Adding::Voter(members.voter_ids().len())).await;
        return Ok(());
    }
    ask_admission(shared, peer, known == Known::Learner).await?;
    tell(progress, Adding::Admitted).await;
    if known == Known::Stranger {
        append(shared, &members, &members.with_learner(peer)).await?;
        tracing::info!(peer = peer.node.0, addr = peer.peer_addr, "learner added");
    }
    remember(shared, peer.node).await?;
    catch_up(shared, peer.node, progress).await?;
    let members = shared.members();
    let voters = append(shared, &members, &members.with_voter(peer.node)).await?.voter_ids().len();
    tracing::info!(peer = peer.node.0, count = voters, "voter added");
    tell(progress, Adding::Voter(voters)).await;
    Ok(())
}

/// Takes a node out for good. What an earlier call has done is not done again.
pub async fn remove(shared: &Shared, node: NodeId, progress: &Progress<Removing>) -> Result<(), ChangeError> {
    shared.leading().await?;
    let _alone = shared.changing.try_lock().map_err(|_| ChangeError::Busy)?;
    let members = confirmed(shared).await?;
    let Some(peer) = members.peer(node).cloned() else {
        if shared.machine.last_run(node).is_none() {
            return Err(ChangeError::Refused(format!("node: {node} is no member of this cluster")));
        }
        tell(progress, Removing::Done { told: false, voters: members.voter_ids().len() }).await;
        return Ok(());
    };
    may_leave(shared, &members, node)?;
    if node == shared.config.node {
        let moved = handover::move_leader(shared, None).await?;
        tell(progress, Removing::LeaderMoved).await;
        return Err(ChangeError::NotLeader { leader: Some(moved.leader).filter(|leader| *leader != node) });
    }
    remember(shared, node).await?;
    let members = shared.members();
    let voters = append(shared, &members, &members.without(node)).await?.voter_ids().len();
    tracing::info!(peer = node.0, count = voters, "node removed");
    tell(progress, Removing::Removed).await;
    let told = dismiss(shared, &peer).await;
    tell(progress, Removing::Done { told, voters }).await;
    Ok(())
}

/// What the cluster knows of a node that is to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Nothing.
    Stranger,
    /// It was added and does not vote yet.
    Learner,
    /// It votes.
    Voter,
}

fn look_at(members: &Members, peer: &Peer, used: bool) -> Result<Known, ChangeError> {
    let refuse = |what: String| Err(ChangeError::Refused(what));
    let node = peer.node;
    if let Some(known) = members.peer(node) {
        if known != peer {
            let Peer { peer_addr, api_addr, region, .. } = known;
            return refuse(format!(
                "node: {node} is a member already, at {peer_addr} (API {api_addr}, region {region:?}); give the new \
                 node another id"
            ));
        }
        return Ok(if members.is_voter(node) { Known::Voter } else { Known::Learner });
    }
    if node.0 == 0 || node.0 > u64::from(u32::MAX) {
        return refuse(format!("node: {node} is no id; write 1 to {}", u32::MAX));
    }
    if used {
        return refuse(format!(
            "node: {node} was a member before, and an id never comes back; give a new one"
        ));
    }
    let same = |known: &&Peer| known.peer_addr == peer.peer_addr || known.api_addr == peer.api_addr;
    if let Some(known) = members.nodes.values().find(same) {
        let other = known.node;
        return refuse(format!("peer: node {other} has this address already; each node needs its own"));
    }
    if members.nodes.len() >= MEMBERS_MAX {
        return refuse(format!("node: the cluster has {MEMBERS_MAX} nodes, which is the most it can have"));
    }
    Ok(Known::Stranger)
}

fn may_leave(shared: &Shared, members: &Members, node: NodeId) -> Result<(), ChangeError> {
    if !members.is_voter(node) {
        return Ok(());
    }
    let rest = members.without(node);
    let voters = rest.voter_ids();
    if voters.is_empty() {
        let what = format!("node: {node} is the last voter; a cluster cannot be without one");
        return Err(ChangeError::Refused(what));
    }
    let fit = shared.fit(members);
    if rest.is_majority(|voter| fit.contains(&voter)) {
        return Ok(());
    }
    let live: Vec<String> = voters.intersection(&fit).map(ToString::to_string).collect();
    Err(ChangeError::Refused(format!(
        "node: without {node} {} voters are left, of which {} must live and be caught up, but only [{}] do; bring \
         another node back or add one first",
        voters.len(),
        majority(voters.len()),
        live.join(", "),
    )))
}

/// Gives the id its row among the origins, by which the cluster remembers that it was used.
async fn remember(shared: &Shared, node: NodeId) -> Result<(), ChangeError> {
    if shared.machine.last_run(node).is_some() {
        return Ok(());
    }
    let lost = || ChangeError::NotLeader { leader: None };
    let reign = shared.reign.borrow().clone().ok_or_else(lost)?;
    let none = Incarnation(0);
    let frame = Command::NodeStarted(NodeStarted { node, incarnation: none }).encode().into();
    reign.accept(node, none, vec![Numbered { seq: 1, frame }]).await.map_err(|_| lost())?;
    let written = async {
        let mut looks = tokio::time::interval(TOO_EARLY_RETRY);
        while shared.machine.last_run(node).is_none() {
            looks.tick().await;
        }
    };
    let late = |_| ChangeError::Unfinished("no majority has confirmed it yet".into());
    tokio::time::timeout(CONFIRMED_WITHIN, written).await.map_err(late)
}

/// Waits until the learner has the entry that made it one, and nearly all behind it.
async fn catch_up(shared: &Shared, node: NodeId, progress: &Progress<Adding>) -> Result<(), ChangeError> {
    let began = shared.clock.monotonic();
    let goal = shared.members().since.map_or(0, |at| at.index);
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        shared.leads()?;
        let now = shared.clock.monotonic();
        let heard = shared.liveness.last_word(node, now).map(|(age, _)| age);
        let (matched, last) = shared.matched(node).unwrap_or((0, u64::MAX));
        let lag = last.saturating_sub(matched);
        let lives = heard.is_some_and(|age| age < shared.config.timing.node_lost);
        if lives && matched >= goal && lag <= CAUGHT_UP_LAG {
            tell(progress, Adding::CatchingUp(lag)).await;
            return Ok(());
        }
        if heard.unwrap_or(now.saturating_sub(began)) > LEARNER_SILENCE_MAX {
            return Err(ChangeError::Unfinished(format!("node {node} does not answer; it is a learner")));
        }
        if progress.is_closed() {
            return Err(ChangeError::Unfinished(format!("nobody waits; node {node} is a learner")));
        }
        if lag < u64::MAX {
            progress.try_send(Adding::CatchingUp(lag)).ok();
        }
    }
}

async fn tell<T>(progress: &Progress<T>, step: T) {
    // Who asked may have gone; the work goes on to the end of its step.
    progress.send(step).await.ok();
}

/// Who takes part, once a majority has confirmed the last change.
async fn confirmed(shared: &Shared) -> Result<Members, ChangeError> {
    let mut metrics = shared.raft.server_metrics();
    let same = |metrics: &RaftServerMetrics<TypeConfig>| {
        metrics.committed_membership_config.log_id() == metrics.membership_config.log_id()
    };
    match tokio::time::timeout(CONFIRMED_WITHIN, until(&mut metrics, same)).await {
        Ok(true) => {}
        Ok(false) => return Err(ChangeError::Fatal("raft stopped".into())),
        Err(_) => {
            return Err(ChangeError::Unfinished("no majority has confirmed the last change yet".into()));
        }
    }
    let stored = Members::stored(&metrics.borrow_watched().membership_config);
    stored.ok_or(ChangeError::NotLeader { leader: None })
}

type Written = ClientWriteResponse<TypeConfig>;

/// Writes one membership, if `before` is still the last, and waits until this node goes by it.
async fn append(shared: &Shared, before: &Members, after: &Members) -> Result<Members, ChangeError> {
    let membership = after.to_raft().map_err(ChangeError::Refused)?;
    let writing = async {
        loop {
            let unchanged = Precondition::LastMembershipLogId { last_membership_log_id: before.since };
            let write: BoxFuture<'_, Result<Written, _>> = Box::pin(shared.raft.append_membership(
                membership.clone(),
                EntryPayload::blank(),
                [unchanged],
            ));
            match write.await {
                Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(
                    ChangeMembershipError::UncommittedLeaderLog(_),
                ))) => tokio::time::sleep(TOO_EARLY_RETRY).await,
                written => return written,
            }
        }
    };
    let unconfirmed = || ChangeError::Unfinished("no majority has confirmed the change yet".into());
    let written = tokio::time::timeout(CONFIRMED_WITHIN, writing).await.map_err(|_| unconfirmed())?;
    let at = written.map_err(refused)?.log_id;
    let mut members = shared.members.subscribe();
    let shown = members.wait_for(|members| members.since >= Some(at));
    let shown = tokio::time::timeout(CONFIRMED_WITHIN, shown).await.map_err(|_| unconfirmed())?;
    shown.map(|members| members.clone()).map_err(|_| unconfirmed())
}

fn refused(error: RaftError<TypeConfig, ClientWriteError<TypeConfig>>) -> ChangeError {
    match error {
        RaftError::Fatal(fatal) => ChangeError::Fatal(fatal.to_string()),
        RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => {
            ChangeError::NotLeader { leader: forward.leader_id.map(NodeId) }
        }
        RaftError::APIError(ClientWriteError::LogEntryDiscarded(_)) => {
            ChangeError::Unfinished("leadership was lost meanwhile".into())
        }
        RaftError::APIError(
            ClientWriteError::PreconditionFailed(_)
            | ClientWriteError::ChangeMembershipError(ChangeMembershipError::InProgress(_)),
        ) => ChangeError::Busy,
        RaftError::APIError(ClientWriteError::ChangeMembershipError(error)) => {
            ChangeError::Refused(format!("members: {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(node: u64) -> Peer {
        let (peer_addr, api_addr) = (format!("10.0.0.{node}:7112"), format!("10.0.0.{node}:7111"));
        Peer { node: NodeId(node), peer_addr, api_addr, region: "north".into() }
    }

    fn three() -> Members {
        Members::configured(&[peer(1), peer(2), peer(3)])
    }

    fn refusal(members: &Members, peer: &Peer, used: bool) -> String {
        match look_at(members, peer, used) {
            Err(ChangeError::Refused(what)) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_same_node_again_goes_on_where_it_was() {
        let with_learner = three().with_learner(&peer(4));
        assert_eq!(look_at(&three(), &peer(4), false), Ok(Known::Stranger));
        assert_eq!(look_at(&with_learner, &peer(4), true), Ok(Known::Learner));
        assert_eq!(look_at(&with_learner.with_voter(NodeId(4)), &peer(4), true), Ok(Known::Voter));
    }

    #[test]
    fn two_nodes_cannot_have_one_id_or_one_address() {
        let elsewhere = Peer { node: NodeId(3), ..peer(9) };
        assert!(
            refusal(&three(), &elsewhere, true).starts_with("node: 3 is a member already, at 10.0.0.3:7112")
        );
        let taken = Peer { node: NodeId(4), ..peer(2) };
        assert!(refusal(&three(), &taken, false).starts_with("peer: node 2 has this address"));
    }

    #[test]
    fn an_id_that_was_used_never_comes_back() {
        let without = three().without(NodeId(3));
        assert!(refusal(&without, &peer(3), true).contains("never comes back"));
    }

    #[test]
    fn a_cluster_has_a_largest_size_and_ids_have_bounds() {
        let full = Members::configured(&(1..=MEMBERS_MAX as u64).map(peer).collect::<Vec<_>>());
        assert!(refusal(&full, &peer(200), false).contains("64 nodes"));
        assert!(refusal(&three(), &peer(0), false).contains("is no id"));
        assert!(refusal(&three(), &peer(1 << 40), false).contains("is no id"));
    }
}
