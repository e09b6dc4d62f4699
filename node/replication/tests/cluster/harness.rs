//! A cluster whose nodes can be stopped and started.

use std::collections::BTreeMap;
use std::future::ready;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ringmain_protocol::v1::peer_service_client::PeerServiceClient;
use ringmain_replication::generation::Generation;
use ringmain_replication::links::{Link, Links, Parties};
use ringmain_replication::type_config::GroupId;
use ringmain_replication::{
    Answer, ChangeError, Clock, FeedRead, HistoryRecord, Peer, ProposeError, Replica, ReplicaConfig,
    ReplicaRole, StartError,
};
use ringmain_routing::command::{OpenSession, Role};
use ringmain_routing::{Command, Incarnation, LogIndex, Millis, NodeId};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};

/// Far beyond what anything here takes: a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Deadline of proposals that must succeed.
pub const LONG: Millis = Millis(60_000);

/// The machine's clocks. The wall clock may be set off by so many milliseconds.
pub struct RealClock(std::time::Instant, i64);

impl RealClock {
    #[expect(clippy::disallowed_methods, reason = "whole replicas run in real time")]
    pub fn start(wall_off_ms: i64) -> Arc<dyn Clock> {
        Arc::new(RealClock(std::time::Instant::now(), wall_off_ms))
    }
}

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "whole replicas run in real time")]
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "whole replicas run in real time")]
    fn wall_ms(&self) -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| since.as_millis() as u64).saturating_add_signed(self.1)
    }
}

struct Running {
    replica: Replica,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

pub struct Cluster {
    folder: TempDir,
    pub peers: Vec<Peer>,
    running: BTreeMap<u64, Running>,
    tune: fn(&mut ReplicaConfig),
    /// Nodes that came later.
    extra: BTreeMap<u64, Peer>,
    /// By how much the wall clocks of nodes are off when they start, in milliseconds.
    pub wall_off_ms: BTreeMap<u64, i64>,
}

impl Cluster {
    /// Nodes 1 to `size` with nothing on their disks, none of them started.
    pub async fn prepared(size: u64, tune: fn(&mut ReplicaConfig)) -> Cluster {
        let mut peers = Vec::new();
        let mut held = Vec::new();
        for node in 1..=size {
            let (peer, listener) = free_peer(node).await;
            held.push(listener);
            peers.push(peer);
        }
        Cluster {
            folder: tempfile::tempdir().unwrap(),
            peers,
            running: BTreeMap::new(),
            tune,
            extra: BTreeMap::new(),
            wall_off_ms: BTreeMap::new(),
        }
    }

    /// A cluster that has a leader known to all.
    pub async fn started(size: u64, tune: fn(&mut ReplicaConfig)) -> Cluster {
        let mut cluster = Cluster::prepared(size, tune).await;
        for node in 1..=size {
            cluster.start(node).await;
        }
        cluster.leader().await;
        cluster
    }

    pub fn data_dir(&self, node: u64) -> PathBuf {
        self.folder.path().join(format!("node-{node}"))
    }

    pub fn config(&self, node: u64) -> ReplicaConfig {
        let mut config = ReplicaConfig::new("test", NodeId(node), self.data_dir(node), self.peers.clone());
        // A machine that is busy with other things must not make nodes refuse what a test wants to see done.
        config.timing.read_only = PATIENCE;
        (self.tune)(&mut config);
        config
    }

    /// One node more, with nothing on its disk, that waits to be taken in. It knows of no other.
    pub async fn start_joining(&mut self, node: u64) -> Peer {
        let peer = self.new_peer(node).await;
        let mut config = self.config(node);
        config.peers = vec![peer.clone()];
        config.joining = true;
        self.try_start(config).await.unwrap();
        peer
    }

    /// The address of a node that is not configured anywhere.
    pub async fn new_peer(&mut self, node: u64) -> Peer {
        let known = self.extra.get(&node).cloned();
        let peer = match known {
            Some(peer) => peer,
            None => free_peer(node).await.0,
        };
        self.extra.insert(node, peer.clone());
        peer
    }

    pub fn addr(&self, node: u64) -> String {
        let configured = self.peers.iter().find(|peer| peer.node.0 == node);
        configured.or_else(|| self.extra.get(&node)).unwrap().peer_addr.clone()
    }

    /// Adds a node through whoever leads, again and again until it votes.
    pub async fn add(&self, peer: &Peer) {
        let adding = async {
            loop {
                let (progress, _kept) = mpsc::channel(64);
                match self.node(self.leader().await).add_node(peer, &progress, ready(())).await {
                    Ok(()) => return,
                    Err(ChangeError::NotLeader { .. } | ChangeError::Unfinished(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, adding).await.expect("the node is taken in");
    }

    /// Removes a node through whoever leads.
    pub async fn remove(&self, node: u64) {
        loop {
            let (progress, _kept) = mpsc::channel(64);
            match self.node(self.leader().await).remove_node(NodeId(node), &progress, ready(())).await {
                Ok(()) => return,
                Err(ChangeError::NotLeader { .. } | ChangeError::Unfinished(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub async fn start(&mut self, node: u64) {
        self.try_start(self.config(node)).await.unwrap();
    }

    pub async fn try_start(&mut self, config: ReplicaConfig) -> Result<(), StartError> {
        let node = config.node.0;
        let addr: SocketAddr = self.addr(node).parse().unwrap();
        let wall_off_ms = self.wall_off_ms.get(&node).copied().unwrap_or(0);
        let replica = Replica::start(config, RealClock::start(wall_off_ms)).await?;
        let listener = TcpListener::bind(addr).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let service = replica.peer_service();
        let serve = async move {
            let server = Server::builder().add_service(service);
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            server.serve_with_incoming_shutdown(incoming, async { drop(stopped.await) }).await.unwrap();
        };
        #[expect(clippy::disallowed_methods, reason = "the server of a test's node; `stop` ends it")]
        let server = tokio::spawn(serve);
        self.running.insert(node, Running { replica, stop, server });
        Ok(())
    }

    /// Ends a node without a word to the others; what is on its disk stays.
    pub async fn stop(&mut self, node: u64) {
        let Running { replica, stop, server } = self.running.remove(&node).unwrap();
        replica.shutdown().await;
        drop(replica);
        stop.send(()).unwrap();
        server.await.unwrap();
        self.released(node).await;
    }

    /// The data folder is free again once the last task of the stopped node is gone.
    async fn released(&self, node: u64) {
        let dir = self.data_dir(node);
        eventually("the data folder is released", || {
            ringmain_replication::files::FolderLock::take(&dir).is_ok()
        })
        .await;
    }

    pub fn node(&self, node: u64) -> &Replica {
        &self.running[&node].replica
    }

    pub fn nodes(&self) -> impl Iterator<Item = &Replica> {
        self.running.values().map(|running| &running.replica)
    }

    /// The running nodes that take part: none that waits to be taken in or was removed.
    pub fn members(&self) -> impl Iterator<Item = &Replica> {
        self.nodes().filter(|node| node.members().since.is_some() && !node.status().removed)
    }

    /// The leader, once all running members agree on a running one.
    pub async fn leader(&self) -> u64 {
        let mut agreed = 0;
        eventually("all agree on a leader", || {
            let mut leaders: Vec<_> = self.members().map(|node| node.status().leader).collect();
            leaders.dedup();
            let [Some(leader)] = leaders[..] else { return false };
            agreed = leader.0;
            let Some(running) = self.running.get(&leader.0) else { return false };
            running.replica.status().role == ReplicaRole::Leader
        })
        .await;
        agreed
    }

    pub async fn follower(&self) -> u64 {
        let leader = self.leader().await;
        *self.running.keys().find(|node| **node != leader).unwrap()
    }

    /// All running nodes have applied the same, up to the same place.
    pub async fn settled(&self) -> (LogIndex, u128) {
        let mut states = Vec::new();
        eventually("all nodes have applied the same", || {
            states =
                self.members().map(|node| node.read(|router| (router.index(), router.chain()))).collect();
            states.dedup();
            states.len() == 1
        })
        .await;
        states[0]
    }

    /// Calls `to` as `from` would.
    pub fn link(&self, from: u64, to: u64) -> Link {
        let generation = Generation::default();
        let parties = Parties { cluster: "test".into(), group: GroupId(0), node: NodeId(from), generation };
        Links::new(parties).to(to, &self.addr(to)).unwrap()
    }

    /// Calls `to` as nobody in particular.
    pub async fn stranger(&self, to: u64) -> PeerServiceClient<tonic::transport::Channel> {
        let addr = format!("http://{}", self.addr(to));
        PeerServiceClient::new(Endpoint::from_shared(addr).unwrap().connect().await.unwrap())
    }
}

async fn free_peer(node: u64) -> (Peer, TcpListener) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let peer_addr = listener.local_addr().unwrap().to_string();
    let api_addr = format!("127.0.0.1:{node}");
    (Peer { node: NodeId(node), peer_addr, api_addr, region: format!("region {node}") }, listener)
}

/// Waits until something is so. What is waited for has no event of its own, or several.
pub async fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let waiting = async {
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        while !so() {
            looks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never so: {what}"));
}

/// The whole history of a node, up to what it has applied.
pub async fn history(replica: &Replica) -> Vec<HistoryRecord> {
    let last = replica.read(|router| router.index());
    let mut records: Vec<HistoryRecord> = Vec::new();
    eventually("the history reaches the last command", || {
        loop {
            let after = records.last().map_or(LogIndex(0), |record| record.log_index);
            let page = replica.history(after, usize::MAX).unwrap();
            if page.is_empty() {
                return after >= last;
            }
            records.extend(page);
        }
    })
    .await;
    records
}

pub fn as_is(_: &mut ReplicaConfig) {}

/// The session of a gateway of this name.
pub fn open_session(name: &str) -> Command {
    Command::OpenSession(OpenSession {
        role: Role::Gateway,
        name: name.into(),
        node: NodeId(1),
        incarnation: Incarnation(1),
        nonce: 7,
        resume: None,
        takeover: true,
    })
}

/// Proposes until there is an answer.
pub async fn must_propose(replica: &Replica, command: &Command) -> Answer {
    let mut tries = tokio::time::interval(Duration::from_millis(20));
    loop {
        match replica.propose(command.clone(), LONG).await {
            Ok(answer) => return answer,
            Err(ProposeError::Unavailable { .. } | ProposeError::Overloaded { .. }) => {
                tries.tick().await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Waits until a node has applied a command like this, and returns its index.
pub async fn applied(replica: &Replica, like: impl Fn(&Command) -> bool) -> LogIndex {
    applied_after(replica, LogIndex(0), like).await
}

/// As [`applied`], but behind the command at `after`.
pub async fn applied_after(
    replica: &Replica,
    mut after: LogIndex,
    like: impl Fn(&Command) -> bool,
) -> LogIndex {
    let mut feed = replica.feed();
    let looking = async {
        loop {
            match feed.since(after, 1_000) {
                FeedRead::Entries(entries) => {
                    if let Some(found) = entries.iter().find(|one| like(&one.command)) {
                        return found.index;
                    }
                    after = entries.last().map_or(after, |one| one.index);
                    feed.changed().await;
                }
                FeedRead::Gone { oldest } => after = LogIndex(oldest.0 - 1),
            }
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("such a command is applied")
}
