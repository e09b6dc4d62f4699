//! One node as the binary wires it, on a host of the simulated network.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::{Stream, stream};
use ringmain_actors::{ActorsConfig, NodeActors};
use ringmain_api::{Api, ApiConfig, serve_grpc_over};
use ringmain_chaos::drills::stage::Watch;
use ringmain_cluster_config::Tokens;
use ringmain_protocol::wire::{Dialer, Wire};
use ringmain_replication::files::StorageError;
use ringmain_replication::{Clock, Peer, Replica, ReplicaConfig, StartError, Timing};
use ringmain_routing::NodeId;
use tonic::service::Routes;
use turmoil::net::{TcpListener, TcpStream};

const API_PORT: u16 = 7111;
const PEER_PORT: u16 = 7112;
/// Wall clocks begin here, in ms since 1970.
const EPOCH_MS: i64 = 1_800_000_000_000;
/// A folder is free soon after its node has crashed: threads of the node that is gone let go of it.
const ATTEMPTS_MAX: u32 = 200;
const TRY_AGAIN: Duration = Duration::from_millis(20);

/// What a node is made of.
#[derive(Clone)]
pub struct NodeSetup {
    pub place: usize,
    pub nodes: usize,
    pub folder: PathBuf,
    pub tokens: Tokens,
    pub watch: Watch,
    /// How far the wall clock is off, in ms.
    pub skew_ms: Arc<AtomicI64>,
}

/// The name of a node's host.
pub fn host(place: usize) -> String {
    format!("node-{}", place + 1)
}

/// Where a node serves clients.
pub fn api_address(place: usize) -> String {
    format!("{}:{API_PORT}", host(place))
}

/// Connections over the simulated network.
pub fn dialer() -> Dialer {
    Dialer::new(|address| Box::pin(async move { TcpStream::connect(address).await.map(Wire::new) }))
}

struct SimClock {
    watch: Watch,
    skew_ms: Arc<AtomicI64>,
}

impl Clock for SimClock {
    fn monotonic(&self) -> Duration {
        (self.watch)()
    }

    fn wall_ms(&self) -> u64 {
        let elapsed = i64::try_from((self.watch)().as_millis()).expect("a short run");
        u64::try_from(EPOCH_MS + elapsed + self.skew_ms.load(Ordering::Relaxed)).expect("after 1970")
    }
}

/// Runs a node until its host crashes or its replica fails.
pub async fn serve(setup: NodeSetup) -> turmoil::Result {
    let clock = Arc::new(SimClock { watch: Arc::clone(&setup.watch), skew_ms: Arc::clone(&setup.skew_ms) });
    let replica = start(&setup, &clock).await?;
    let peers = serve_grpc_over(
        listen(PEER_PORT).await?,
        Routes::new(replica.peer_service()),
        std::future::pending(),
    );
    let own_clock: Arc<dyn Clock> = clock;
    let actors = ActorsConfig { clock: Some(own_clock), ..ActorsConfig::default() };
    // Peers are served while the actors start: without them there is no leader.
    let clients = async {
        let actors = NodeActors::start_with(replica.clone(), actors).await?;
        let api = Api::new(ApiConfig::new(setup.tokens.clone(), "turmoil"), replica.clone(), &actors);
        serve_grpc_over(listen(API_PORT).await?, api.grpc(), std::future::pending()).await;
        turmoil::Result::Ok(())
    };
    tokio::select! {
        () = peers => Ok(()),
        ended = clients => ended,
        reason = replica.failed() => Err(format!("node {} failed: {reason:?}", setup.place + 1).into()),
    }
}

async fn start(setup: &NodeSetup, clock: &Arc<SimClock>) -> Result<Replica, StartError> {
    let peer = |place: usize| Peer {
        node: NodeId(place as u64 + 1),
        peer_addr: format!("{}:{PEER_PORT}", host(place)),
        api_addr: api_address(place),
        region: format!("region-{}", place + 1),
    };
    let peers = (0..setup.nodes).map(peer).collect();
    let config = ReplicaConfig {
        dialer: Some(dialer()),
        timing: timing(),
        // Small, so that nodes that were away need snapshots and history.
        snapshot_log_bytes: 64 * 1024,
        entries_kept: 50,
        segment_records: 256,
        ..ReplicaConfig::new("turmoil", NodeId(setup.place as u64 + 1), setup.folder.clone(), peers)
    };
    let (mut attempts, mut pace) = (0, tokio::time::interval(TRY_AGAIN));
    loop {
        match Replica::start(config.clone(), clock.clone()).await {
            Err(StartError::Storage(StorageError::InUse { .. })) if attempts < ATTEMPTS_MAX => {
                attempts += 1;
                pace.tick().await;
            }
            outcome => return outcome,
        }
    }
}

/// A disk takes real time, and simulated time runs many times as fast: elections wait for it.
fn timing() -> Timing {
    let usual = Timing::default();
    Timing {
        heartbeat: usual.heartbeat * 4,
        election_min: usual.election_min * 4,
        election_max: usual.election_max * 4,
        ping: usual.ping * 2,
        node_lost: usual.node_lost * 4,
        read_only: usual.read_only * 3,
    }
}

async fn listen(port: u16) -> std::io::Result<impl Stream<Item = std::io::Result<Wire>> + Send + 'static> {
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    Ok(stream::unfold(listener, |listener| async {
        let accepted = listener.accept().await.map(|(stream, _)| Wire::new(stream));
        Some((accepted, listener))
    }))
}
