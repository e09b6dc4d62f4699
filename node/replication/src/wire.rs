//! openraft's messages as bytes.

use ringmain_protocol::v1;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::Status;

/// A message as bytes. The types have no case that cannot be encoded.
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    postcard::to_allocvec(message).expect("openraft's messages consist of plain values")
}

/// The message behind bytes that a peer sent.
pub fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Status> {
    postcard::from_bytes(payload).map_err(|error| Status::invalid_argument(format!("payload: {error}")))
}

/// A generated message that is nothing but a payload.
pub trait Envelope: Sized {
    /// Wraps the bytes.
    fn wrap(payload: Vec<u8>) -> Self;
    /// The bytes within.
    fn payload(&self) -> &[u8];

    /// Wraps a message.
    fn pack<T: Serialize>(message: &T) -> Self {
        Self::wrap(encode(message))
    }

    /// The message within.
    fn unpack<T: DeserializeOwned>(&self) -> Result<T, Status> {
        decode(self.payload())
    }
}

macro_rules! envelopes {
    ($($name:ident),* $(,)?) => {
        $(impl Envelope for v1::$name {
            fn wrap(payload: Vec<u8>) -> Self {
                Self { payload: payload.into() }
            }

            fn payload(&self) -> &[u8] {
                &self.payload
            }
        })*
    };
}

envelopes!(
    AppendEntriesRequest,
    AppendEntriesResponse,
    StreamAppendRequest,
    StreamAppendResponse,
    VoteRequest,
    VoteResponse,
    PreVoteRequest,
    PreVoteResponse,
    TransferLeaderRequest,
    TransferLeaderResponse,
    InstallSnapshotResponse,
);
