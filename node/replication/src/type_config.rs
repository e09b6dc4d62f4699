//! What goes through Raft: the types that openraft is made to measure with, and the batch that one entry holds.
//!
//! **Invariant:** an entry's bytes are the same in the log, on the wire and on every node: one hand-tagged,
//! versioned frame, made by [`EntryBatch::encode`].

use std::fmt;
use std::io;
use std::sync::Arc;

use ringmain_routing::{Incarnation, NodeId, Timestamp};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

pub use ringmain_routing::shell::forwarding::Origin;

openraft::declare_raft_types!(
    /// Standard Raft: at most one leader per term, so that (term, index) names an entry.
    pub TypeConfig:
        D = EntryBatch,
        R = (),
        NodeId = u64,
        Node = PeerNode,
        LeaderId = openraft::impls::leader_id_std::LeaderId<Self::Term, Self::NodeId>,
);

/// A place in the Raft log: (term, raft index).
pub type LogId = openraft::type_config::alias::LogIdOf<TypeConfig>;
/// A vote, as openraft sees it.
pub type Vote = openraft::type_config::alias::VoteOf<TypeConfig>;
/// An entry of the Raft log.
pub type Entry = openraft::type_config::alias::EntryOf<TypeConfig>;
/// What an entry carries.
pub type EntryPayload = openraft::type_config::alias::PayloadOf<TypeConfig>;
/// What a snapshot covers.
pub type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<TypeConfig>;
/// A membership and the entry that made it.
pub type StoredMembership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;

/// Commands in one entry at most. Larger batches were measured and are slower.
pub const COMMANDS_PER_ENTRY_MAX: usize = 64;
/// Bytes of commands in one entry at most, unless one command alone is larger: a batch is closed before it.
pub const ENTRY_BYTES_TARGET: usize = 1 << 20;
/// Bytes of one command frame at most.
pub const COMMAND_BYTES_MAX: usize = 8 << 20;

const BATCH_VERSION: u8 = 1;
const ORIGIN_NONE: u8 = 0;
const ORIGIN_SOME: u8 = 1;

/// One Raft group. A cluster has one today; it is in every log record, file and RPC from the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupId(pub u32);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where to reach a node; part of the membership.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerNode {
    /// Host and port for other nodes.
    pub peer_addr: String,
    /// Host and port for clients.
    pub api_addr: String,
    /// The business area it stands in; empty when not told.
    pub region: String,
}

impl fmt::Display for PeerNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.peer_addr)
    }
}

/// One command on its way through the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedCommand {
    /// The command, as `Command::encode` made it.
    pub frame: Arc<[u8]>,
    /// Who proposed it; `None` is applied without looking for repeats.
    pub origin: Option<Origin>,
}

/// What one Raft entry holds: up to [`COMMANDS_PER_ENTRY_MAX`] commands and the time the leader stamped.
/// Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryBatch {
    /// Whose log.
    pub group: GroupId,
    /// Replicated time, by the leader.
    pub at: Timestamp,
    /// In order.
    pub commands: Arc<[ProposedCommand]>,
}

impl EntryBatch {
    /// The batch as one frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len());
        self.encode_into(&mut out);
        out
    }

    /// A tag and then the batch.
    pub(crate) fn encode_after(&self, tag: u8) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + self.encoded_len());
        out.push(tag);
        self.encode_into(&mut out);
        out
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        out.push(BATCH_VERSION);
        out.extend_from_slice(&self.group.0.to_le_bytes());
        out.extend_from_slice(&self.at.0.to_le_bytes());
        out.extend_from_slice(&(self.commands.len() as u32).to_le_bytes());
        for command in self.commands.iter() {
            match command.origin {
                None => out.push(ORIGIN_NONE),
                Some(origin) => {
                    out.push(ORIGIN_SOME);
                    out.extend_from_slice(&origin.node.0.to_le_bytes());
                    out.extend_from_slice(&origin.incarnation.0.to_le_bytes());
                    out.extend_from_slice(&origin.seq.to_le_bytes());
                }
            }
            out.extend_from_slice(&(command.frame.len() as u32).to_le_bytes());
            out.extend_from_slice(&command.frame);
        }
    }

    /// How many bytes [`Self::encode`] makes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let command = |c: &ProposedCommand| c.frame.len() + 4 + if c.origin.is_some() { 25 } else { 1 };
        17 + self.commands.iter().map(command).sum::<usize>()
    }

    /// The batch behind a frame; the whole frame must be used up.
    pub fn decode(frame: &[u8]) -> Result<EntryBatch, BatchError> {
        let mut rest = Cursor(frame);
        let version = rest.u8()?;
        if version != BATCH_VERSION {
            return Err(BatchError::Version(version));
        }
        let group = GroupId(rest.u32()?);
        let at = Timestamp(rest.u64()?);
        let count = rest.u32()? as usize;
        // A count beyond what the bytes can hold must not reserve memory.
        let mut commands = Vec::with_capacity(count.min(frame.len() / 5));
        for _ in 0..count {
            let origin = match rest.u8()? {
                ORIGIN_NONE => None,
                ORIGIN_SOME => Some(Origin {
                    node: NodeId(rest.u64()?),
                    incarnation: Incarnation(rest.u64()?),
                    seq: rest.u64()?,
                }),
                tag => return Err(BatchError::Tag(tag)),
            };
            let len = rest.u32()? as usize;
            commands.push(ProposedCommand { frame: rest.take(len)?.into(), origin });
        }
        if rest.0.is_empty() {
            Ok(EntryBatch { group, at, commands: commands.into() })
        } else {
            Err(BatchError::Length)
        }
    }
}

/// Bytes that are no entry batch of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Written by another version of the program.
    #[error("entry batch of version {0}; this program reads version {BATCH_VERSION}")]
    Version(u8),
    /// An origin tag that does not exist.
    #[error("entry batch with unknown origin tag {0}")]
    Tag(u8),
    /// Too short or too long.
    #[error("entry batch whose length is not that of its commands")]
    Length,
}

impl From<BatchError> for io::Error {
    fn from(error: BatchError) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], BatchError> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(BatchError::Length)?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BatchError> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or(BatchError::Length)?;
        self.0 = tail;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<u8, BatchError> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32, BatchError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, BatchError> {
        Ok(u64::from_le_bytes(self.array()?))
    }
}

impl fmt::Display for EntryBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} commands at {}", self.commands.len(), self.at.0)
    }
}

impl Serialize for EntryBatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.encode())
    }
}

impl<'de> Deserialize<'de> for EntryBatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BatchVisitor)
    }
}

struct BatchVisitor;

impl Visitor<'_> for BatchVisitor {
    type Value = EntryBatch;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry batch frame")
    }

    fn visit_bytes<E: serde::de::Error>(self, frame: &[u8]) -> Result<EntryBatch, E> {
        EntryBatch::decode(frame).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> EntryBatch {
        let origin = Origin { node: NodeId(3), incarnation: Incarnation(9), seq: 77 };
        let commands = vec![
            ProposedCommand { frame: vec![1, 2, 3].into(), origin: Some(origin) },
            ProposedCommand { frame: vec![].into(), origin: None },
        ];
        EntryBatch { group: GroupId(0), at: Timestamp(123), commands: commands.into() }
    }

    #[test]
    fn a_batch_survives_its_frame() {
        let frame = batch().encode();
        assert_eq!(frame.len(), batch().encoded_len());
        assert_eq!(EntryBatch::decode(&frame), Ok(batch()));
        let wire = postcard::to_allocvec(&batch()).unwrap();
        assert_eq!(postcard::from_bytes::<EntryBatch>(&wire).unwrap(), batch());
    }

    #[test]
    fn a_cut_or_foreign_frame_is_refused() {
        let frame = batch().encode();
        for len in 0..frame.len() {
            assert!(EntryBatch::decode(&frame[..len]).is_err(), "cut at {len}");
        }
        assert_eq!(EntryBatch::decode(&[frame.as_slice(), &[0]].concat()), Err(BatchError::Length));
        assert_eq!(EntryBatch::decode(&[2; 17]), Err(BatchError::Version(2)));
    }
}
