//! The node's three ports.

use std::io::ErrorKind;

use ringmain_cluster_config::node::Listen;
use ringmain_telemetry::codes;
use tokio::net::TcpListener;

use crate::exit::{Failure, FailureKind};

/// The node's ports, bound. Nothing is served on them yet.
#[derive(Debug)]
pub(super) struct Ports {
    /// gRPC for clients.
    pub(super) api: TcpListener,
    /// gRPC between nodes.
    pub(super) peer: TcpListener,
    /// Metrics and health.
    pub(super) http: TcpListener,
}

impl Ports {
    /// Binds all three before anything else is done, so that a second start of the same node harms nothing.
    ///
    /// # Errors
    /// The first address that cannot be had.
    pub(super) async fn bind(listen: &Listen) -> Result<Ports, Failure> {
        Ok(Ports {
            api: bind("listen.api", &listen.api).await?,
            peer: bind("listen.peer", &listen.peer).await?,
            http: bind("listen.http", &listen.http).await?,
        })
    }
}

async fn bind(field: &str, address: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        if error.kind() == ErrorKind::AddrInUse {
            let message = format!(
                "{field}: {address} is in use; stop the process that listens there or choose another port"
            );
            Failure::new(FailureKind::Node, codes::ADDRESS_IN_USE.code, message)
        } else {
            let message = format!("{field}: cannot listen on {address}: {error}");
            Failure::new(FailureKind::Node, codes::INVALID_CONFIG.code, message)
        }
    })
}
