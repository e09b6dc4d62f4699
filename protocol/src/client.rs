//! The client that other programs use. [`GatewayClient`] and [`OperatorClient`] hold one session each over the logic
//! of `ringmain_routing::client`: what they are asked to do is done once, whatever becomes of nodes and streams in
//! between. [`SupervisorClient`], [`ActionClient`] and [`AdminClient`] ask and are answered.
//!
//! The crate reads no clock and draws no random numbers: both are handed in with the configuration.

mod action;
mod admin;
mod call;
mod cluster;
mod connections;
mod driver;
mod gateway;
mod life_support;
mod link;
mod operator;
mod outcome;
mod role;
mod supervisor;

use std::fmt;
use std::sync::Arc;

use ringmain_routing::client::{ClientConfig, ClientLimits};
use ringmain_routing::limits::NAME_BYTES_MAX;
use ringmain_routing::{Epoch, Name, Position, Timestamp};

pub use action::ActionClient;
pub use admin::AdminClient;
pub use call::{CallConfig, CallError};
pub use cluster::ClusterClient;
pub use connections::{BadAddress, Connections};
pub use gateway::{GatewayAnswer, GatewayClient, GatewayNotice, GatewayOperation, Pushed};
pub use life_support::LifeSupportClient;
pub use operator::{
    AssignmentOf, OperatorAnswer, OperatorClient, OperatorNotice, OperatorOperation, TransferTo,
};
pub use outcome::{Notice, OperationError, PendingAnswer, Refused};
pub use ringmain_routing::client::StopReason;
pub use supervisor::{EventWatch, SupervisorClient};

/// Reads a clock that never goes back, in milliseconds from any start. Its owner alone may read the machine's clock.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How a session's client is set up.
#[derive(Clone)]
pub struct SessionConfig {
    /// Name of the gateway, or the operator's login; the one the token was made for.
    pub name: String,
    /// Proves it.
    pub token: String,
    /// API addresses (`host:port`) of some nodes, in the order in which they are tried; more are learned.
    pub addresses: Vec<String>,
    /// For timers.
    pub clock: Clock,
    /// For nonces and jitter; another one for each client and for each of its runs.
    pub seed: u64,
    /// Take the session over from a stream that still lives.
    pub takeover: bool,
    /// What the client can do, by name.
    pub capabilities: Vec<String>,
    /// Cursor of the last event that an earlier run took in; empty when there is none.
    pub cursor: String,
    /// Epoch of an earlier run's session, from its last welcome.
    pub resume_epoch: Option<u32>,
    /// Bounds of waiting and of what is kept.
    pub limits: ClientLimits,
    /// Notices that may wait to be taken. When they are full, the stream is not read until there is room.
    pub notices_max: usize,
    /// Connections to nodes, shared with other clients of the program or its own.
    pub connections: Connections,
}

impl SessionConfig {
    /// A configuration with the usual bounds.
    #[must_use]
    pub fn new(addresses: Vec<String>, token: &str, name: &str, clock: Clock, seed: u64) -> SessionConfig {
        SessionConfig {
            name: name.to_owned(),
            token: token.to_owned(),
            addresses,
            clock,
            seed,
            takeover: false,
            capabilities: Vec::new(),
            cursor: String::new(),
            resume_epoch: None,
            limits: ClientLimits::default(),
            notices_max: 1_024,
            connections: Connections::default(),
        }
    }

    fn logic(&self) -> Result<ClientConfig, BadConfig> {
        if self.name.is_empty() || self.name.len() > NAME_BYTES_MAX {
            return Err(BadConfig::BadName);
        }
        if self.addresses.is_empty() {
            return Err(BadConfig::NoAddress);
        }
        for address in &self.addresses {
            self.connections.channel(address)?;
        }
        let cursor = match self.cursor.as_str() {
            "" => Position::default(),
            cursor => Position::from_cursor(cursor).ok_or(BadConfig::BadCursor)?,
        };
        Ok(ClientConfig {
            addresses: self.addresses.iter().map(|address| Name::from(address.as_str())).collect(),
            seed: self.seed,
            takeover: self.takeover,
            cursor,
            resume: self.resume_epoch.map(Epoch),
            limits: self.limits,
        })
    }
}

impl fmt::Debug for SessionConfig {
    /// Leaves out the token: it must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionConfig")
            .field("name", &self.name)
            .field("addresses", &self.addresses)
            .field("takeover", &self.takeover)
            .field("cursor", &self.cursor)
            .field("resume_epoch", &self.resume_epoch)
            .finish_non_exhaustive()
    }
}

/// A configuration that no client can be made from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadConfig {
    /// Nowhere to connect to.
    #[error("addresses: name at least one node as host:port")]
    NoAddress,
    /// Not an address.
    #[error(transparent)]
    BadAddress(#[from] BadAddress),
    /// No name a party can have.
    #[error("name: 1 to {NAME_BYTES_MAX} bytes")]
    BadName,
    /// Not a cursor of ours.
    #[error("cursor: not a cursor of this API; leave it empty to begin with a resync")]
    BadCursor,
    /// Not to be sent in a header.
    #[error("token: holds characters that cannot be sent")]
    BadToken,
}
