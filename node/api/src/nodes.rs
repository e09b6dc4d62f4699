//! The nodes of the cluster and where their APIs are, for hints.

use ringmain_protocol::v1::NodeAddress;
use ringmain_replication::Peer;
use ringmain_routing::NodeId;

/// All nodes, in the order of their numbers.
#[derive(Clone, Debug)]
pub(crate) struct Nodes {
    me: NodeId,
    peers: Vec<Peer>,
}

impl Nodes {
    pub(crate) fn new(me: NodeId, mut peers: Vec<Peer>) -> Nodes {
        peers.sort_by_key(|peer| peer.node);
        Nodes { me, peers }
    }

    pub(crate) fn me(&self) -> NodeId {
        self.me
    }

    pub(crate) fn peers(&self) -> &[Peer] {
        &self.peers
    }

    /// API address of a node; empty when it is not known.
    pub(crate) fn address(&self, node: NodeId) -> &str {
        self.peers.iter().find(|peer| peer.node == node).map_or("", |peer| &peer.api_addr)
    }

    /// API address of the node after this one; empty when it is alone.
    pub(crate) fn other_than_me(&self) -> &str {
        let after = self.peers.iter().find(|peer| peer.node > self.me);
        let first = self.peers.iter().find(|peer| peer.node != self.me);
        after.or(first).map_or("", |peer| &peer.api_addr)
    }

    pub(crate) fn addresses(&self) -> Vec<NodeAddress> {
        self.peers.iter().map(node_address).collect()
    }
}

pub(crate) fn node_address(peer: &Peer) -> NodeAddress {
    NodeAddress { node: peer.node.0, address: peer.api_addr.clone(), region: peer.region.clone() }
}
