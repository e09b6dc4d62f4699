//! Whom the leader can count on, and whether a node may stop.

use std::collections::BTreeSet;

use openraft::async_runtime::WatchReceiver;
use ringmain_routing::NodeId;

use super::{ChangeError, TOO_EARLY_RETRY};
use crate::disk::DiskState;
use crate::liveness::Said;
use crate::members::{Members, Standing};
use crate::shared::Shared;
use crate::status::{MemberStatus, ReplicaStatus};

/// A voter that lacks more cannot be counted on.
const FIT_LAG_MAX: u64 = 10_000;

/// How a node is that the leader can count on, or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fitness {
    /// Entries it lacks.
    pub lag: u64,
    /// It grants no vote.
    pub suspect: bool,
    /// It wants no leadership.
    pub draining: bool,
    /// How its disk is.
    pub disk: DiskState,
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
    /// How a node is; `None` when it has not answered lately. Only the leader knows.
    pub fn fitness(&self, node: NodeId) -> Option<Fitness> {
        if node == self.config.node {
            let Said { suspect, draining, disk } = self.says();
            return Some(Fitness { lag: 0, suspect, draining, disk });
        }
        let (age, said) = self.liveness.last_word(node, self.clock.monotonic())?;
        let lag = self.lag(node)?;
        (age < self.config.timing.node_lost).then_some(Fitness {
            lag,
            suspect: said.suspect,
            draining: said.draining,
            disk: said.disk,
        })
    }

    /// How many entries a node lacks, as the leader knows.
    pub fn lag(&self, node: NodeId) -> Option<u64> {
        self.matched(node).map(|(matched, last)| last.saturating_sub(matched))
    }

    /// The last entry that a node is known to have, and the last there is.
    pub(super) fn matched(&self, node: NodeId) -> Option<(u64, u64)> {
        let data = self.raft.data_metrics();
        let data = data.borrow_watched();
        let matched = data.replication.as_ref()?.iter().find(|(known, _)| **known == node.0)?.1;
        Some((matched.map_or(0, |id| id.index), data.last_log.map_or(0, |id| id.index)))
    }

    /// The voters that the leader can count on.
    pub(super) fn fit(&self, members: &Members) -> BTreeSet<NodeId> {
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
