//! Who takes part in the cluster. The membership in the Raft log is the truth; the configured peers are where a node
//! looks while it knows of none.
//!
//! Members change one at a time, each change being one entry: any majority before a change and any after it share a
//! voter, and no change can be left half done.

use std::collections::{BTreeMap, BTreeSet};

use openraft::Membership;
use ringmain_routing::NodeId;
use serde::{Deserialize, Serialize};

use crate::config::Peer;
use crate::type_config::{LogId, PeerNode, StoredMembership};

/// Most nodes of a cluster, learners included.
pub const MEMBERS_MAX: usize = 64;

/// Who takes part, at one place of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// The entry that made it; `None` while nothing is known but the configuration.
    pub since: Option<LogId>,
    /// The sets of voters. A decision needs a majority of each; there is one, unless a change in two steps is under
    /// way, which this program does not make.
    pub voters: Vec<BTreeSet<NodeId>>,
    /// All nodes with their addresses, learners included.
    pub nodes: BTreeMap<NodeId, Peer>,
}

impl Members {
    /// What the configuration says, all of them voters.
    #[must_use]
    pub fn configured(peers: &[Peer]) -> Members {
        let nodes: BTreeMap<NodeId, Peer> = peers.iter().map(|peer| (peer.node, peer.clone())).collect();
        Members { since: None, voters: vec![nodes.keys().copied().collect()], nodes }
    }

    /// What the log says; `None` when it says nothing yet.
    #[must_use]
    pub fn stored(stored: &StoredMembership) -> Option<Members> {
        let membership = stored.membership();
        let nodes: BTreeMap<NodeId, Peer> =
            membership.nodes().map(|(&node, at)| (NodeId(node), at.to_peer(node))).collect();
        let set = |ids: &BTreeSet<u64>| ids.iter().copied().map(NodeId).collect();
        let voters: Vec<_> = membership.get_joint_config().iter().map(set).collect();
        (!nodes.is_empty()).then(|| Members { since: *stored.log_id(), voters, nodes })
    }

    /// Where a node is.
    #[must_use]
    pub fn peer(&self, node: NodeId) -> Option<&Peer> {
        self.nodes.get(&node)
    }

    /// All nodes but this one.
    pub fn others(&self, me: NodeId) -> impl Iterator<Item = &Peer> {
        self.nodes.values().filter(move |peer| peer.node != me)
    }

    /// Whether a node votes.
    #[must_use]
    pub fn is_voter(&self, node: NodeId) -> bool {
        self.voters.iter().any(|set| set.contains(&node))
    }

    /// All who vote.
    #[must_use]
    pub fn voter_ids(&self) -> BTreeSet<NodeId> {
        self.voters.iter().flatten().copied().collect()
    }

    /// Whether these nodes are a majority.
    pub fn is_majority(&self, among: impl Fn(NodeId) -> bool) -> bool {
        self.voters.iter().all(|set| set.iter().filter(|node| among(**node)).count() >= majority(set.len()))
    }

    /// Whether the cluster goes on without `node` when only `fit` voters can be counted on.
    #[must_use]
    pub fn stands_without(&self, node: NodeId, fit: &BTreeSet<NodeId>) -> Standing {
        if self.peer(node).is_none() {
            return Standing::NoMember;
        }
        if !self.is_voter(node) {
            return Standing::NoVoter;
        }
        if self.voter_ids().len() == 1 {
            return Standing::Alone;
        }
        if self.is_majority(|voter| voter != node && fit.contains(&voter)) {
            Standing::Stands
        } else {
            Standing::Falls
        }
    }

    /// The membership with a learner more.
    #[must_use]
    pub fn with_learner(&self, peer: &Peer) -> Members {
        let mut members = self.clone();
        members.nodes.insert(peer.node, peer.clone());
        members
    }

    /// The membership in which a learner votes.
    #[must_use]
    pub fn with_voter(&self, node: NodeId) -> Members {
        let mut members = self.clone();
        members.voters = vec![self.voter_ids().into_iter().chain([node]).collect()];
        members
    }

    /// The membership without a node.
    #[must_use]
    pub fn without(&self, node: NodeId) -> Members {
        let mut members = self.clone();
        members.voters = vec![self.voter_ids().into_iter().filter(|voter| *voter != node).collect()];
        members.nodes.remove(&node);
        members
    }

    /// As openraft has it.
    pub fn to_raft(&self) -> Result<Membership<u64, PeerNode>, String> {
        let voters = self.voters.iter().map(|set| set.iter().map(|node| node.0).collect()).collect();
        let nodes: BTreeMap<u64, PeerNode> =
            self.nodes.iter().map(|(node, peer)| (node.0, PeerNode::of(peer))).collect();
        Membership::new(voters, nodes).map_err(|error| error.to_string())
    }
}

/// What stopping a node would mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The rest has a majority that lives.
    Stands,
    /// The rest has none.
    Falls,
    /// It is the only voter.
    Alone,
    /// It has no vote: nothing depends on it.
    NoVoter,
    /// It is no member.
    NoMember,
}

/// How many of so many voters decide.
#[must_use]
pub const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

impl PeerNode {
    /// A node's place in the membership.
    #[must_use]
    pub fn of(peer: &Peer) -> PeerNode {
        PeerNode {
            peer_addr: peer.peer_addr.clone(),
            api_addr: peer.api_addr.clone(),
            region: peer.region.clone(),
        }
    }

    fn to_peer(&self, node: u64) -> Peer {
        Peer {
            node: NodeId(node),
            peer_addr: self.peer_addr.clone(),
            api_addr: self.api_addr.clone(),
            region: self.region.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(node: u64) -> Peer {
        let addr = format!("127.0.0.1:{node}");
        Peer { node: NodeId(node), peer_addr: addr.clone(), api_addr: addr, region: String::new() }
    }

    fn members(voters: impl IntoIterator<Item = u64>) -> Members {
        Members::configured(&voters.into_iter().map(peer).collect::<Vec<_>>())
    }

    fn fit(nodes: impl IntoIterator<Item = u64>) -> BTreeSet<NodeId> {
        nodes.into_iter().map(NodeId).collect()
    }

    #[test]
    fn a_node_may_stop_when_the_rest_that_lives_is_a_majority() {
        let three = members(1..=3);
        assert_eq!(three.stands_without(NodeId(1), &fit(1..=3)), Standing::Stands);
        assert_eq!(three.stands_without(NodeId(1), &fit([1, 2])), Standing::Falls);
        assert_eq!(three.stands_without(NodeId(3), &fit([1, 2])), Standing::Stands, "it is away already");
        assert_eq!(members(1..=2).stands_without(NodeId(1), &fit(1..=2)), Standing::Falls);
        assert_eq!(members([1]).stands_without(NodeId(1), &fit([1])), Standing::Alone);
        assert_eq!(three.stands_without(NodeId(9), &fit(1..=3)), Standing::NoMember);
    }

    #[test]
    fn a_learner_is_no_part_of_a_majority() {
        let with_learner = members(1..=3).with_learner(&peer(4));
        assert!(!with_learner.is_majority(|node| [NodeId(1), NodeId(4)].contains(&node)));
        assert!(with_learner.is_majority(|node| [NodeId(1), NodeId(2)].contains(&node)));
        assert_eq!(with_learner.stands_without(NodeId(4), &fit([1])), Standing::NoVoter);
    }

    #[test]
    fn a_change_touches_one_node_and_survives_the_way_into_raft() {
        let grown = members(1..=3).with_learner(&peer(4)).with_voter(NodeId(4));
        assert_eq!(grown.voter_ids().len(), 4);
        let shrunk = grown.without(NodeId(1));
        assert_eq!((shrunk.voter_ids(), shrunk.peer(NodeId(1))), (fit(2..=4), None));
        let stored = StoredMembership::new(None, shrunk.to_raft().unwrap());
        assert_eq!(Members::stored(&stored), Some(shrunk));
    }

    #[test]
    fn in_a_change_of_two_steps_both_sets_must_agree() {
        let joint = Members { voters: vec![fit(1..=3), fit(3..=5)], ..members(1..=5) };
        assert!(!joint.is_majority(|node| node.0 <= 3));
        assert!(joint.is_majority(|node| (2..=4).contains(&node.0)));
    }

    #[test]
    fn nothing_stored_is_nothing_known() {
        assert_eq!(Members::stored(&StoredMembership::default()), None);
    }
}
