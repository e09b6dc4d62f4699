//! A node at work: its ports, its replica, the actors and the API over it, and their end.
//!
//! Ports are bound before the data folder is opened, so that a second start of the same node harms nothing. A node
//! whose replica fails stops as a whole rather than serve on.

mod listen;
pub(crate) mod logging;
pub(crate) mod manager;
mod measure;
pub(crate) mod memory;
mod seed;
pub(crate) mod signals;
mod tasks;
#[cfg(feature = "otel")]
mod traces;
#[cfg(not(feature = "otel"))]
#[path = "no_traces.rs"]
mod traces;

use std::sync::Arc;
use std::time::Duration;

use ringmain_actors::{ActorsConfig, NodeActors};
use ringmain_api::{Api, ApiConfig, serve_grpc, serve_http};
use ringmain_cluster_config::node::{PeerConfig, Timeouts, read_file};
use ringmain_cluster_config::{NodeConfig, RoutingPlan, Tokens};
use ringmain_replication::disk::DiskLimits;
use ringmain_replication::files::StorageError;
use ringmain_replication::history::Retention;
use ringmain_replication::{Peer, Replica, ReplicaConfig, StartError, Timing};
use ringmain_routing::Millis;
use ringmain_telemetry::{ErrorCode, codes};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::clock::SystemClock;
use crate::exit::{Failure, FailureKind};
use listen::Ports;
use manager::ServiceManager;
use tasks::Tasks;

/// How long servers and tasks have to end once their streams are gone.
const END_WITHIN: Duration = Duration::from_secs(2);
const DAY_MS: u64 = 86_400_000;

/// A node that serves.
pub(crate) struct Running {
    replica: Replica,
    actors: NodeActors,
    api: Api,
    /// What serves clients; ends first.
    front: Tasks,
    /// What serves other nodes; ends last.
    back: Tasks,
    closing_front: CancellationToken,
    closing_back: CancellationToken,
    stop_within: Duration,
}

impl Running {
    /// Starts everything; returns when all ports are served. A leader may come later.
    ///
    /// # Errors
    /// What keeps the node from starting, one clear cause.
    pub(crate) async fn start(config: &NodeConfig, plan: Option<RoutingPlan>) -> Result<Running, Failure> {
        let tokens = read_tokens(config)?;
        let ports = Ports::bind(&config.listen).await?;
        let me = config.me().ok_or_else(|| config_failure("node: is not among the peers"))?;
        let exporter = measure::install(&config.cluster, me).map_err(config_failure)?;
        let clock = Arc::new(SystemClock::start());
        let replica = Replica::start(replica_config(config), clock.clone())
            .await
            .map_err(|error| start_failure(&error))?;
        let (mut front, mut back) = (Tasks::default(), Tasks::default());
        let (closing_front, closing_back) = (CancellationToken::new(), CancellationToken::new());
        // Other nodes come first: without them there is no leader for anybody else to talk to.
        let peer_service = Routes::new(replica.peer_service());
        back.spawn(
            "peer-server",
            serve_grpc(ports.peer, peer_service, closing_back.clone().cancelled_owned()),
        );
        let actors_config = ActorsConfig { clock: Some(clock), ..ActorsConfig::default() };
        let actors = NodeActors::start_with(replica.clone(), actors_config).await.map_err(node_failure)?;
        let api = Api::new(api_config(config, tokens), replica.clone(), &actors);
        front.spawn("api-server", serve_grpc(ports.api, api.grpc(), closing_front.clone().cancelled_owned()));
        let measured = replica.clone();
        let http = api.http(Arc::new(move || {
            measure::look(&measured);
            exporter.run_upkeep();
            exporter.render()
        }));
        back.spawn("http-server", serve_http(ports.http, http, closing_back.clone().cancelled_owned()));
        if let Some(plan) = plan {
            let (seeded, closing) = (replica.clone(), closing_front.clone());
            front.spawn("seed", async move {
                closing.run_until_cancelled(seed::seed(seeded, plan)).await;
            });
        }
        let stop_within = Duration::from_millis(config.timeouts.stop_ms);
        Ok(Running { replica, actors, api, front, back, closing_front, closing_back, stop_within })
    }

    /// Keeps the service manager's watchdog quiet for as long as the replica moves.
    pub(crate) fn attend(&mut self, manager: Arc<ServiceManager>) {
        let (replica, closing) = (self.replica.clone(), self.closing_back.clone());
        self.back.spawn("watchdog", async move {
            closing.run_until_cancelled(manager.watch(replica)).await;
        });
    }

    /// Resolves with the reason when the replica has failed for good.
    pub(crate) async fn failed(&self) -> Failure {
        let reason = self.replica.failed().await;
        Failure::new(FailureKind::Node, codes::FATAL.code, format!("the node stops: {reason}"))
    }

    /// Hands leadership over, sends clients elsewhere, waits for them, and ends.
    pub(crate) async fn stop(self) {
        self.api.drain(Millis(u64::try_from(self.stop_within.as_millis()).unwrap_or(u64::MAX)));
        hand_over(&self.replica, self.stop_within).await;
        self.closing_front.cancel();
        self.front.end(self.stop_within).await;
        self.actors.stop().await;
        self.closing_back.cancel();
        self.back.end(END_WITHIN).await;
        self.replica.shutdown().await;
        tracing::info!("stopped");
    }
}

/// Waits until another node leads, if this one does: a node that drains gives leadership away by itself. So the cluster
/// need not wait for an election after this node's end. A replica that has failed gives nothing away.
async fn hand_over(replica: &Replica, within: Duration) {
    let mut leadership = replica.watch_leadership();
    let me = replica.status().node;
    if replica.members().voter_ids().len() < 2 || leadership.borrow().leader != Some(me) {
        return;
    }
    let gone = leadership.wait_for(|leadership| leadership.leader.is_some_and(|leader| leader != me));
    tokio::select! {
        taken = tokio::time::timeout(within, gone) => {
            if taken.is_err() {
                tracing::warn!("leadership was not taken over in time");
            }
        }
        _reason = replica.failed() => {}
    }
}

fn read_tokens(config: &NodeConfig) -> Result<Tokens, Failure> {
    let text = read_file(&config.tokens).map_err(|error| config_failure(format!("tokens: {error}")))?;
    Tokens::parse(&config.tokens.display().to_string(), &text).map_err(config_failure)
}

/// A row of the config, as the replica takes it.
pub(crate) fn peer(peer: &PeerConfig) -> Peer {
    Peer {
        node: peer.node,
        peer_addr: peer.peer.clone(),
        api_addr: peer.api.clone(),
        region: peer.region.clone(),
    }
}

fn api_config(config: &NodeConfig, tokens: Tokens) -> ApiConfig {
    ApiConfig {
        heartbeat: Duration::from_millis(config.timeouts.client_heartbeat_ms),
        drain_within: Millis(config.timeouts.stop_ms),
        http_address: config.listen.http.clone(),
        ..ApiConfig::new(tokens, env!("CARGO_PKG_VERSION"))
    }
}

/// The replica that a node's config describes.
pub(crate) fn replica_config(config: &NodeConfig) -> ReplicaConfig {
    let peers = config.peers.iter().map(peer).collect();
    ReplicaConfig {
        timing: timing(&config.timeouts),
        joining: config.join,
        feed_max: usize::try_from(config.limits.feed_max).unwrap_or(usize::MAX),
        snapshot_log_bytes: config.limits.snapshot_log_bytes,
        entries_kept: config.limits.entries_kept,
        transfer_bytes_per_s: config.limits.transfer_bytes_per_s,
        retention: Retention {
            keep_ms: config.limits.history_keep_days.saturating_mul(DAY_MS),
            bytes_max: config.limits.history_bytes_max,
        },
        disk: DiskLimits {
            reserve_bytes: config.limits.disk_reserve_bytes,
            used_percent_max: u8::try_from(config.limits.disk_used_percent_max).unwrap_or(100),
        },
        ..ReplicaConfig::new(config.cluster.clone(), config.node, config.data_dir.clone(), peers)
    }
}

fn timing(timeouts: &Timeouts) -> Timing {
    Timing {
        heartbeat: Duration::from_millis(timeouts.heartbeat_ms),
        election_min: Duration::from_millis(timeouts.election_min_ms),
        election_max: Duration::from_millis(timeouts.election_max_ms),
        ping: Duration::from_millis(timeouts.ping_ms),
        node_lost: Duration::from_millis(timeouts.node_lost_ms),
        read_only: Duration::from_millis(timeouts.read_only_ms),
    }
}

fn config_failure(cause: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, cause)
}

fn node_failure(cause: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Node, codes::FATAL.code, cause)
}

pub(crate) fn start_failure(error: &StartError) -> Failure {
    let code: &ErrorCode = match error {
        StartError::Storage(error) => return storage_failure(error),
        StartError::Config(_) => &codes::INVALID_CONFIG,
        StartError::Removed { .. } => &codes::NODE_REMOVED,
        StartError::Raft(_) => &codes::FATAL,
    };
    Failure::new(FailureKind::Node, code.code, error)
}

/// What it means that a data folder cannot be used.
pub(crate) fn storage_failure(error: &StorageError) -> Failure {
    let code: &ErrorCode = match error {
        StorageError::Foreign { .. } => &codes::WRONG_CLUSTER,
        StorageError::InUse { .. } => &codes::DATA_IN_USE,
        StorageError::Damaged { .. } | StorageError::Diverged { .. } => &codes::DAMAGED_DATA,
        StorageError::Newer { .. } => &codes::NEWER_DATA,
        StorageError::Io { .. } => &codes::STORAGE_FAILED,
    };
    Failure::new(FailureKind::Node, code.code, error)
}

#[cfg(test)]
mod tests {
    use ringmain_cluster_config::NodeLimits;

    use super::*;

    #[test]
    fn a_config_without_timeouts_and_limits_is_a_replica_by_default() {
        let peers = Vec::new();
        let default = ReplicaConfig::new("c", ringmain_routing::NodeId(1), "d", peers);
        assert_eq!(timing(&Timeouts::default()), default.timing);
        let limits = NodeLimits::default();
        assert_eq!(limits.snapshot_log_bytes, default.snapshot_log_bytes);
        assert_eq!(limits.entries_kept, default.entries_kept);
        assert_eq!(limits.transfer_bytes_per_s, default.transfer_bytes_per_s);
        assert_eq!((limits.history_keep_days, limits.history_bytes_max), (0, 0));
        assert_eq!(limits.disk_reserve_bytes, default.disk.reserve_bytes);
        assert_eq!(limits.disk_used_percent_max, u64::from(default.disk.used_percent_max));
        assert_eq!(limits.feed_max, default.feed_max as u64);
    }
}
