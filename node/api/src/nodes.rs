//! The nodes of the cluster and where their APIs are, for hints.

use ringmain_protocol::v1::NodeAddress;
use ringmain_replication::{Peer, Replica};
use ringmain_routing::NodeId;

/// All nodes, as the log has them at each moment.
#[derive(Clone)]
pub(crate) struct Nodes {
    me: NodeId,
    replica: Replica,
}

impl Nodes {
    pub(crate) fn new(replica: Replica) -> Nodes {
        Nodes { me: replica.status().node, replica }
    }

    pub(crate) fn me(&self) -> NodeId {
        self.me
    }

    /// API address of a node; empty when it is not known.
    pub(crate) fn address(&self, node: NodeId) -> String {
        self.replica.members().peer(node).map_or(String::new(), |peer| peer.api_addr.clone())
    }

    /// API address of the node after this one that lives, hears a majority and takes clients, as far as this node
    /// knows; empty when it knows of none. A node without a majority must not name its like: those answer it first.
    pub(crate) fn other_than_me(&self) -> String {
        let mut others = self.replica.status().members;
        others.retain(|one| one.peer.node != self.me && one.in_touch && !one.draining);
        others.sort_by_key(|one| (one.peer.node < self.me, one.peer.node));
        others.into_iter().next().map_or(String::new(), |one| one.peer.api_addr)
    }

    /// API address of another node that lives and hears a majority, as far as this node knows; else empty.
    pub(crate) fn live_address(&self, node: NodeId) -> String {
        let others = self.replica.status().members;
        let live = others.into_iter().find(|one| one.peer.node == node && node != self.me && one.in_touch);
        live.map_or(String::new(), |one| one.peer.api_addr)
    }

    pub(crate) fn addresses(&self) -> Vec<NodeAddress> {
        self.replica.members().nodes.values().map(node_address).collect()
    }
}

pub(crate) fn node_address(peer: &Peer) -> NodeAddress {
    NodeAddress { node: peer.node.0, address: peer.api_addr.clone(), region: peer.region.clone() }
}
