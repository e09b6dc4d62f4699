//! Ringmain's public API, package `ringmain.v1`, as Rust types, and the client that other programs use.
//!
//! The .proto files are the contract. Gateways and operators speak through one stream each ([`client`]), which
//! survives the loss of the node that held it. Errors travel as [`v1::Error`], inside streams and as details of a
//! gRPC status alike ([`status`]).

pub mod client;
pub mod plan;
pub mod status;
pub mod wire;

/// The messages and services of `ringmain.v1`, generated from the .proto files.
#[allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("ringmain.v1");
}

/// The encoded descriptors of all services, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/ringmain.bin"));

/// Longest message in either direction. Longer lists are sent in parts.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
