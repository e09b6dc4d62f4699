//! How entries and votes stand in the log files. `raft-log` puts a checksum behind each record.

use std::io::{self, Read, Write};

use openraft::EntryPayload as Payload;
use openraft::entry::RaftPayload;
use raft_log::Types;
use raft_log::codeq::{Decode, Encode};

use super::Flushed;
use crate::files::{FRAME_HEADER_BYTES, check_frame, frame_header, frame_len};
use crate::mark::{LogPlace, VotePlace};
use crate::type_config::{EntryBatch, EntryPayload, LogId, Vote};

const TAG_BLANK: u8 = 0;
const TAG_NORMAL: u8 = 1;
const TAG_MEMBERSHIP: u8 = 2;

/// The types of the log file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LogTypes;

impl Types for LogTypes {
    type LogId = StoredLogId;
    type LogPayload = StoredPayload;
    type Vote = StoredVote;
    type Callback = Flushed;
    type UserData = Nothing;

    fn log_index(log_id: &StoredLogId) -> u64 {
        log_id.0.index
    }

    fn payload_size(payload: &StoredPayload) -> u64 {
        match &payload.0 {
            Payload::Blank => 64,
            Payload::Normal(batch) => 128 + batch.encoded_len() as u64,
            Payload::Membership(_) => 1024,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StoredLogId(pub LogPlace);

pub(super) fn stored_log_id(id: LogId) -> StoredLogId {
    StoredLogId(LogPlace { term: id.committed_leader_id().term, index: id.index })
}

pub(super) fn log_id(id: &StoredLogId) -> LogId {
    LogId::new_term_index(id.0.term, id.0.index)
}

impl Encode for StoredLogId {
    fn encode<W: Write>(&self, mut w: W) -> io::Result<usize> {
        w.write_all(&self.0.term.to_le_bytes())?;
        w.write_all(&self.0.index.to_le_bytes())?;
        Ok(16)
    }
}

impl Decode for StoredLogId {
    fn decode<R: Read>(mut r: R) -> io::Result<Self> {
        let term = read_u64(&mut r)?;
        Ok(StoredLogId(LogPlace { term, index: read_u64(&mut r)? }))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StoredVote(pub VotePlace);

pub(super) fn vote(stored: &StoredVote) -> Vote {
    let VotePlace { term, committed, node } = stored.0;
    if committed { Vote::new_committed(term, node) } else { Vote::new(term, node) }
}

impl Encode for StoredVote {
    fn encode<W: Write>(&self, mut w: W) -> io::Result<usize> {
        w.write_all(&self.0.term.to_le_bytes())?;
        w.write_all(&self.0.node.to_le_bytes())?;
        w.write_all(&[u8::from(self.0.committed)])?;
        Ok(17)
    }
}

impl Decode for StoredVote {
    fn decode<R: Read>(mut r: R) -> io::Result<Self> {
        let (term, node) = (read_u64(&mut r)?, read_u64(&mut r)?);
        let mut committed = [0];
        r.read_exact(&mut committed)?;
        Ok(StoredVote(VotePlace { term, committed: committed == [1], node }))
    }
}

/// An entry's payload as a frame, whose length has a checksum of its own: the log cuts a record that ends behind
/// the file as torn, and a flipped bit in a length must not pass for that.
#[derive(Clone, Debug)]
pub(super) struct StoredPayload(pub EntryPayload);

impl Encode for StoredPayload {
    fn encode<W: Write>(&self, mut w: W) -> io::Result<usize> {
        let content = match &self.0 {
            Payload::Blank => vec![TAG_BLANK],
            Payload::Normal(batch) => batch.encode_after(TAG_NORMAL),
            Payload::Membership(_) => {
                let membership = self.0.get_membership();
                postcard::to_extend(&membership, vec![TAG_MEMBERSHIP]).map_err(io::Error::other)?
            }
        };
        w.write_all(&frame_header(&content))?;
        w.write_all(&content)?;
        Ok(FRAME_HEADER_BYTES + content.len())
    }
}

impl Decode for StoredPayload {
    fn decode<R: Read>(mut r: R) -> io::Result<Self> {
        let mut header = [0; FRAME_HEADER_BYTES];
        r.read_exact(&mut header)?;
        let mut content = vec![0; frame_len(&header)?];
        r.read_exact(&mut content)?;
        check_frame(&header, &content)?;
        let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let payload = match content.split_first() {
            Some((&TAG_BLANK, [])) => Payload::Blank,
            Some((&TAG_NORMAL, frame)) => Payload::Normal(EntryBatch::decode(frame)?),
            Some((&TAG_MEMBERSHIP, frame)) => {
                let membership: Option<_> =
                    postcard::from_bytes(frame).map_err(|e| invalid(e.to_string()))?;
                membership.map(Payload::Membership).ok_or_else(|| invalid("empty membership".into()))?
            }
            Some((tag, _)) => return Err(invalid(format!("unknown kind of entry {tag}"))),
            None => return Err(invalid("empty entry".into())),
        };
        Ok(StoredPayload(payload))
    }
}

/// The log's place for data of ours, which we do not use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Nothing;

impl Encode for Nothing {
    fn encode<W: Write>(&self, _: W) -> io::Result<usize> {
        Ok(0)
    }
}

impl Decode for Nothing {
    fn decode<R: Read>(_: R) -> io::Result<Self> {
        Ok(Nothing)
    }
}

fn read_u64(r: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    r.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}
