//! What the world sees of a node: gRPC services for gateways, operators, supervisors and administrators, and HTTP
//! for operations. Protobuf and domain types meet here and nowhere else (but for replication's peer service).
//!
//! **Invariant:** every call is held against the table in [`auth`] before any of its bytes are read.

mod actions;
mod admin;
mod audit;
pub mod auth;
mod backup;
mod calls;
mod cases;
mod cluster;
mod convert;
mod enquiries;
mod error;
mod explain;
mod export;
mod gateway;
mod http;
mod lease;
mod leased;
mod life_support;
mod measure;
mod named;
mod nodes;
mod note;
mod opening;
mod operator;
mod poll;
mod readiness;
mod serve;
mod shared;
mod stream;
mod supervisor;
mod validate;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use ringmain_actors::NodeActors;
use ringmain_actors::task::spawn_named;
use ringmain_cluster_config::Tokens;
use ringmain_protocol::v1::action_service_server::ActionServiceServer;
use ringmain_protocol::v1::admin_service_server::AdminServiceServer;
use ringmain_protocol::v1::cluster_service_server::ClusterServiceServer;
use ringmain_protocol::v1::gateway_service_server::GatewayServiceServer;
use ringmain_protocol::v1::life_support_service_server::LifeSupportServiceServer;
use ringmain_protocol::v1::operator_service_server::OperatorServiceServer;
use ringmain_protocol::v1::supervisor_service_server::SupervisorServiceServer;
use ringmain_protocol::{FILE_DESCRIPTOR_SET, MESSAGE_BYTES_MAX};
use ringmain_replication::Replica;
use ringmain_routing::Millis;
use tokio::sync::{Semaphore, watch as stop_watch};
use tonic::service::Routes;

pub use http::RenderMetrics;
pub use serve::{Serving, serve_grpc, serve_grpc_over, serve_http};

use crate::actions::Actions;
use crate::admin::Admins;
use crate::auth::Guard;
use crate::cluster::Clusters;
use crate::gateway::Gateways;
use crate::life_support::LifeSupport;
use crate::nodes::Nodes;
use crate::operator::Operators;
use crate::readiness::Readiness;
use crate::shared::Shared;
use crate::supervisor::Supervisors;

/// Watchers and exports that may run at once on a node.
const WATCHERS_MAX: usize = 64;

/// What the API must know besides the replica.
pub struct ApiConfig {
    /// Who may call.
    pub tokens: Tokens,
    /// How often clients send a heartbeat; after three in silence a stream counts as lost.
    pub heartbeat: Duration,
    /// Version of the program, for the status of the cluster.
    pub version: String,
    /// How long the clients of a node that drains have to leave, unless the call says.
    pub drain_within: Millis,
    /// Where the node listens for HTTP, for the status of the cluster; empty when it does not say.
    pub http_address: String,
}

impl ApiConfig {
    /// With the usual times.
    #[must_use]
    pub fn new(tokens: Tokens, version: &str) -> ApiConfig {
        let (heartbeat, drain_within) = (Duration::from_secs(3), Millis(10_000));
        ApiConfig {
            tokens,
            heartbeat,
            version: version.to_owned(),
            drain_within,
            http_address: String::new(),
        }
    }
}

/// The API of one node. Serves nothing by itself: the caller puts [`Api::grpc`] and [`Api::http`] behind its ports.
pub struct Api {
    shared: Arc<Shared>,
    guard: Arc<Guard>,
    stop: stop_watch::Sender<bool>,
}

impl Api {
    /// The API over a replica and the actors beside it.
    #[must_use]
    pub fn new(config: ApiConfig, replica: Replica, actors: &NodeActors) -> Api {
        let group = replica.status().group.0;
        let guard = Guard::new(config.tokens, actors.clock().cloned());
        let shared = Shared {
            nodes: Nodes::new(replica.clone()),
            replica,
            sessions: actors.sessions().clone(),
            heartbeat: config.heartbeat,
            version: config.version,
            http_address: config.http_address,
            group,
            drain_within: config.drain_within,
            watchers: Arc::new(Semaphore::new(WATCHERS_MAX)),
        };
        Api { shared: Arc::new(shared), guard: Arc::new(guard), stop: stop_watch::Sender::new(false) }
    }

    /// All gRPC services behind the check of tokens, for `tonic::transport::Server::add_routes`.
    #[must_use]
    pub fn grpc(&self) -> Routes {
        let shared = || Arc::clone(&self.shared);
        let (reporter, health) = tonic_health::server::health_reporter();
        let readiness = Readiness::new(shared());
        spawn_named("readiness", readiness::follow(readiness, reporter, self.stop.subscribe()));
        let gateways = GatewayServiceServer::new(Gateways::new(shared()));
        let operators = OperatorServiceServer::new(Operators::new(shared()));
        let supervisors = SupervisorServiceServer::new(Supervisors { shared: shared() });
        let admins = AdminServiceServer::new(Admins { shared: shared() });
        let actions = ActionServiceServer::new(Actions { shared: shared() });
        let clusters = ClusterServiceServer::new(Clusters { shared: shared() });
        let life_support = LifeSupportServiceServer::new(LifeSupport { shared: shared() });
        let mut routes = Routes::builder();
        routes
            .add_service(gateways.max_decoding_message_size(MESSAGE_BYTES_MAX))
            .add_service(operators.max_decoding_message_size(MESSAGE_BYTES_MAX))
            .add_service(supervisors.max_decoding_message_size(MESSAGE_BYTES_MAX))
            .add_service(actions.max_decoding_message_size(MESSAGE_BYTES_MAX))
            .add_service(admins.max_decoding_message_size(MESSAGE_BYTES_MAX))
            .add_service(clusters.max_decoding_message_size(MESSAGE_BYTES_MAX))
            .add_service(life_support.max_decoding_message_size(MESSAGE_BYTES_MAX))
            .add_service(health);
        add_reflection(&mut routes);
        let guard = axum::middleware::from_fn_with_state(Arc::clone(&self.guard), auth::guard);
        Routes::from(routes.routes().into_axum_router().layer(guard))
    }

    /// `/metrics`, `/livez` and `/readyz`.
    pub fn http(&self, render: RenderMetrics) -> axum::Router {
        http::router(Readiness::new(Arc::clone(&self.shared)), render)
    }

    /// Takes no new sessions, keeps leadership away, and asks the clients here to go elsewhere within the time.
    pub fn drain(&self, within: Millis) {
        self.shared.drain(within);
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// Reflection in both versions that stock tools speak.
fn add_reflection(routes: &mut tonic::service::RoutesBuilder) {
    let configure = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let known = "the descriptors were made by this build";
    routes.add_service(configure().build_v1().expect(known));
    routes.add_service(configure().build_v1alpha().expect(known));
}
