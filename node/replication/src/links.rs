//! Connections to the other nodes. Each call says in its metadata who calls whom, so that an address given to
//! another machine, or a node of another cluster, is noticed before it does harm.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ringmain_protocol::v1::peer_service_client::PeerServiceClient;
pub use ringmain_protocol::wire::Dialer;
use ringmain_routing::NodeId;
use tonic::metadata::{AsciiMetadataValue, BinaryMetadataValue, MetadataMap};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::generation::Generation;
use crate::type_config::GroupId;

/// Longest message between nodes: one append holds 2 MB of entries, or one entry of any size.
pub const PEER_MESSAGE_BYTES_MAX: usize = 32 << 20;

const CONNECT_MAX: Duration = Duration::from_millis(500);
const KEEP_ALIVE: Duration = Duration::from_millis(500);
const KEEP_ALIVE_MAX: Duration = Duration::from_secs(2);
const WINDOW_BYTES: u32 = 8 << 20;

const CLUSTER: &str = "ringmain-cluster-bin";
const GROUP: &str = "ringmain-group";
const GENERATION: &str = "ringmain-generation";
const FROM: &str = "ringmain-from";
const TO: &str = "ringmain-to";

/// A client of one node's peer service.
pub type PeerClient = PeerServiceClient<InterceptedService<Channel, Introduction>>;

/// The connections to one node. They are apart, so that a snapshot or a flood of entries delays no heartbeat.
#[derive(Clone, Debug)]
pub struct Link {
    /// Entries.
    pub bulk: PeerClient,
    /// Snapshots and history for nodes that lag.
    pub transfer: PeerClient,
    /// Heartbeats, votes, pings.
    pub control: PeerClient,
    /// Commands on their way to the leader.
    pub forward: PeerClient,
}

/// Says who calls whom.
#[derive(Clone, Debug)]
pub struct Introduction {
    cluster: BinaryMetadataValue,
    group: AsciiMetadataValue,
    generation: Generation,
    from: AsciiMetadataValue,
    to: AsciiMetadataValue,
}

impl Interceptor for Introduction {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert_bin(CLUSTER, self.cluster.clone());
        metadata.insert(GROUP, self.group.clone());
        metadata.insert(GENERATION, self.generation.get().into());
        metadata.insert(FROM, self.from.clone());
        metadata.insert(TO, self.to.clone());
        Ok(request)
    }
}

/// Whose calls a node takes, and in whose name it calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parties {
    /// The cluster's name.
    pub cluster: String,
    /// The Raft group.
    pub group: GroupId,
    /// This node.
    pub node: NodeId,
    /// The cluster's generation, as this node knows it.
    pub generation: Generation,
}

/// One who called, and was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Which node.
    pub node: NodeId,
    /// The generation it knows; 0 when it was not told.
    pub generation: u64,
}

impl Parties {
    fn introduce(&self, to: u64) -> Introduction {
        Introduction {
            cluster: BinaryMetadataValue::from_bytes(self.cluster.as_bytes()),
            group: self.group.0.into(),
            generation: self.generation.clone(),
            from: self.node.0.into(),
            to: to.into(),
        }
    }

    /// Who calls, if the call is meant for this node.
    pub fn admit(&self, metadata: &MetadataMap) -> Result<Caller, Status> {
        let refuse = |what: String| Err(Status::failed_precondition(what));
        let cluster = metadata.get_bin(CLUSTER).and_then(|value| value.to_bytes().ok()).unwrap_or_default();
        if *cluster != *self.cluster.as_bytes() {
            let caller = String::from_utf8_lossy(&cluster).into_owned();
            return refuse(format!("cluster: this node is of {:?}, the caller of {caller:?}", self.cluster));
        }
        let number =
            |key| metadata.get(key).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
        if number(GROUP) != Some(u64::from(self.group.0)) {
            return refuse(format!("group: this node serves group {}", self.group));
        }
        if number(TO) != Some(self.node.0) {
            return refuse(format!("node: this is node {}; check the peers' addresses", self.node));
        }
        let generation = number(GENERATION).unwrap_or(0);
        if !self.generation.admits(generation) {
            let own = self.generation.get();
            return refuse(format!(
                "generation: this node is of generation {own} of the cluster, the caller of {generation}: one of both \
                 is from before a restore. Wipe that one and add it again"
            ));
        }
        match number(FROM) {
            Some(from) => Ok(Caller { node: NodeId(from), generation }),
            None => refuse("caller: not named".into()),
        }
    }
}

/// Connections by node, made when first needed.
#[derive(Debug)]
pub struct Links {
    parties: Parties,
    dialer: Option<Dialer>,
    made: Mutex<BTreeMap<u64, (String, Link)>>,
}

impl Links {
    /// No connection yet.
    #[must_use]
    pub fn new(parties: Parties) -> Self {
        Self { parties, dialer: None, made: Mutex::default() }
    }

    /// The same, with connections that are made by `dialer`; by TCP without one.
    #[must_use]
    pub fn by(self, dialer: Option<Dialer>) -> Self {
        Self { dialer, ..self }
    }

    /// The connections to a node; they connect when used and again when broken.
    pub fn to(&self, node: u64, addr: &str) -> Result<Link, InvalidAddress> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, link)) = made.get(&node)
            && known == addr
        {
            return Ok(link.clone());
        }
        let introduction = self.parties.introduce(node);
        let client = || -> Result<PeerClient, InvalidAddress> {
            let client = PeerServiceClient::with_interceptor(self.connect(node, addr)?, introduction.clone());
            let client = client.max_decoding_message_size(PEER_MESSAGE_BYTES_MAX);
            Ok(client.max_encoding_message_size(PEER_MESSAGE_BYTES_MAX))
        };
        let link = Link { bulk: client()?, transfer: client()?, control: client()?, forward: client()? };
        made.insert(node, (addr.into(), link.clone()));
        Ok(link)
    }

    fn connect(&self, node: u64, addr: &str) -> Result<Channel, InvalidAddress> {
        Ok(Dialer::channel(self.dialer.as_ref(), &endpoint(node, addr)?))
    }
}

/// A peer's address that no connection can be made to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("peer_addr of node {node}: {addr:?} is no host:port")]
pub struct InvalidAddress {
    node: u64,
    addr: String,
}

/// Whether a connection can be tried there. None is made, and those there are stay as they are.
pub fn check(node: u64, addr: &str) -> Result<(), InvalidAddress> {
    endpoint(node, addr).map(drop)
}

fn endpoint(node: u64, addr: &str) -> Result<Endpoint, InvalidAddress> {
    let invalid = |_| InvalidAddress { node, addr: addr.into() };
    let endpoint = Endpoint::from_shared(format!("http://{addr}")).map_err(invalid)?;
    Ok(endpoint
        .connect_timeout(CONNECT_MAX)
        .tcp_nodelay(true)
        // A cut that drops packets breaks no connection by itself: ask, and dial anew when nobody answers.
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_MAX)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parties(cluster: &str, node: u64) -> Parties {
        let generation = Generation::new(1);
        Parties { cluster: cluster.into(), group: GroupId(0), node: NodeId(node), generation }
    }

    fn metadata(from: &Parties, to: u64) -> MetadataMap {
        from.introduce(to).call(Request::new(())).unwrap().metadata().clone()
    }

    #[test]
    fn only_calls_of_the_same_cluster_to_this_node_are_admitted() {
        let me = parties("северъ", 2);
        let caller = me.admit(&metadata(&parties("северъ", 1), 2)).unwrap();
        assert_eq!(caller, Caller { node: NodeId(1), generation: 1 });
        assert!(me.admit(&metadata(&parties("north", 1), 2)).is_err());
        assert!(me.admit(&metadata(&parties("северъ", 1), 3)).is_err());
        let other_group = Parties { group: GroupId(1), ..parties("северъ", 1) };
        assert!(me.admit(&metadata(&other_group, 2)).is_err());
        assert!(me.admit(&MetadataMap::new()).is_err());
        let from_before_a_restore = Parties { generation: Generation::new(9), ..parties("северъ", 1) };
        let error = me.admit(&metadata(&from_before_a_restore, 2)).unwrap_err();
        assert!(error.message().starts_with("generation: "), "{error}");
        let not_yet_told = Parties { generation: Generation::default(), ..parties("северъ", 1) };
        assert!(me.admit(&metadata(&not_yet_told, 2)).is_ok());
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_one_is_named() {
        let links = Links::new(parties("north", 1));
        let error = links.to(7, "not an address").unwrap_err().to_string();
        assert!(error.contains("node 7"), "{error}");
        assert!(links.to(7, "127.0.0.1:9").is_ok());
    }
}
