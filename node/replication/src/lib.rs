//! Raft replication of the router: log, snapshots, history segments, peers, proposals.

pub mod archive;
mod chains;
pub mod clock;
pub mod config;
pub mod disk;
pub mod feed;
pub mod files;
mod forming;
mod forward;
pub mod generation;
pub mod history;
pub mod identity;
mod install;
pub mod links;
mod liveness;
pub mod log_store;
pub mod machine;
pub mod mark;
pub mod network;
mod nodes;
pub mod peer_service;
pub mod pending;
mod proposer;
pub mod recover;
pub mod replica;
pub mod search_index;
pub mod segments;
mod shared;
pub mod snapshot_files;
pub mod state_machine;
pub mod status;
mod tasks;
#[cfg(test)]
mod testing;
pub mod time;
pub mod transfer;
pub mod type_config;
pub mod verify;
mod wire;

pub use clock::Clock;
pub use config::{Peer, ReplicaConfig, Timing};
pub use feed::{Applied, Feed, FeedRead};
pub use history::HistoryError;
pub use replica::{Answer, Leadership, ProposeError, Replica, StartError};
pub use segments::HistoryRecord;
pub use status::{PeerStatus, ReplicaRole, ReplicaStatus};
