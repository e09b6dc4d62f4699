//! Making an archive on a running node: commands go on being applied meanwhile.

use ringmain_routing::LogIndex;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::{
    ARCHIVE_VERSION, ArchiveHead, ArchivePart, DATA_BYTES, MAGIC, SNAPSHOT, TAG_DATA, TAG_END, TAG_HEAD, hex,
};
use crate::files::{StorageError, put_frame};
use crate::history::{History, HistoryError};
use crate::machine::Machine;
use crate::segments::{Cut, SegmentRef};
use crate::snapshot_files::file_bytes;

/// Who makes an archive, and when.
#[derive(Clone, Debug)]
pub(crate) struct Maker {
    pub cluster: String,
    pub generation: u64,
    pub node: u64,
    pub version: String,
    pub wall_ms: u64,
}

/// An archive in the making: its bytes come piece by piece.
pub struct Archive {
    head: ArchiveHead,
    snapshot: Vec<u8>,
    segments: Vec<SegmentRef>,
    history: History,
    hash: Xxh3,
    next: Next,
}

enum Next {
    Head,
    /// The rest of the state from this byte on.
    Snapshot(usize),
    /// The rest of this segment from this byte on.
    Segment(usize, u64),
    End,
    Nothing,
}

impl Archive {
    /// Of what the machine of a node alone has applied, as the first generation of the named cluster.
    pub fn of(machine: &Machine, cluster: &str, with_history: bool) -> Result<Archive, StorageError> {
        let (cluster, version) = (cluster.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        let maker =
            Maker { cluster, generation: crate::generation::FIRST_GENERATION, node: 0, version, wall_ms: 0 };
        Archive::take(machine, maker, with_history)
    }

    /// Of what the machine has applied when it is called. Encodes the state; reads the disk.
    pub(crate) fn take(machine: &Machine, maker: Maker, with_history: bool) -> Result<Archive, StorageError> {
        let mut view = machine.take_view()?;
        if !with_history {
            // The last segment goes along: the next command belongs into it.
            let whole = view.head.segments.len();
            view.head.segments.drain(..whole.saturating_sub(1));
        }
        let snapshot = file_bytes(&view.head, &view.router.encode())?;
        let history = machine.inner.history.clone();
        let cut = history.cut();
        let segments = view.head.segments.clone();
        let state = ArchivePart {
            name: SNAPSHOT.into(),
            first: 0,
            last: 0,
            bytes: snapshot.len() as u64,
            hash: hex(xxh3_128(&snapshot)),
        };
        let raft = view.head.meta.last_log_id;
        let head = ArchiveHead {
            cluster: maker.cluster,
            generation: maker.generation,
            node: maker.node,
            version: maker.version,
            made_ms: maker.wall_ms,
            raft_index: raft.map_or(0, |id| id.index),
            raft_term: raft.map_or(0, |id| id.committed_leader_id().term),
            log_index: view.head.index.0,
            at_ms: view.head.now.0,
            chain: hex(view.head.chain),
            history_from: segments.first().map_or(view.head.index.0 + 1, |first| first.first.0),
            segment_records: cut.records,
            parts: [state].into_iter().chain(segments.iter().map(|s| part(&cut, s))).collect(),
        };
        Ok(Archive { head, snapshot, segments, history, hash: Xxh3::new(), next: Next::Head })
    }

    /// What it says of itself.
    #[must_use]
    pub fn head(&self) -> &ArchiveHead {
        &self.head
    }

    /// The next bytes of the archive; `None` behind its end. Reads the disk.
    pub fn next_piece(&mut self) -> Result<Option<Vec<u8>>, HistoryError> {
        match self.next {
            Next::Head => {
                self.next = Next::Snapshot(0);
                Ok(Some(self.first_piece()?))
            }
            Next::Snapshot(at) => {
                let end = self.snapshot.len().min(at + DATA_BYTES);
                self.next = if end < self.snapshot.len() { Next::Snapshot(end) } else { self.segment(0) };
                let frame = framed(TAG_DATA, &self.snapshot[at..end]);
                Ok(Some(self.hashed(frame)))
            }
            Next::Segment(n, at) => {
                let named = self.segments[n];
                let len = DATA_BYTES.min((named.bytes - at) as usize);
                let bytes = self.read_segment(named.first, at, len)?;
                let end = at + bytes.len() as u64;
                self.next = if end < named.bytes { Next::Segment(n, end) } else { self.segment(n + 1) };
                Ok(Some(self.hashed(framed(TAG_DATA, &bytes))))
            }
            Next::End => {
                self.next = Next::Nothing;
                Ok(Some(framed(TAG_END, &self.hash.digest128().to_le_bytes())))
            }
            Next::Nothing => Ok(None),
        }
    }

    fn first_piece(&mut self) -> Result<Vec<u8>, StorageError> {
        let mut content = ARCHIVE_VERSION.to_le_bytes().to_vec();
        let encoded = serde_json::to_vec(&self.head).map_err(|error| {
            StorageError::io(self.history.dir(), "encode the archive's head")(std::io::Error::other(error))
        })?;
        content.extend_from_slice(&encoded);
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&framed(TAG_HEAD, &content));
        Ok(self.hashed(bytes))
    }

    fn read_segment(&self, first: LogIndex, at: u64, len: usize) -> Result<Vec<u8>, HistoryError> {
        let bytes = self.history.read_segment(first, at, len)?;
        if bytes.is_empty() {
            return Err(HistoryError::NoSegment { first, bytes: at + len as u64 });
        }
        Ok(bytes)
    }

    fn segment(&self, n: usize) -> Next {
        if n < self.segments.len() { Next::Segment(n, 0) } else { Next::End }
    }

    fn hashed(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        self.hash.update(&bytes);
        bytes
    }
}

fn part(cut: &Cut, segment: &SegmentRef) -> ArchivePart {
    ArchivePart {
        name: cut.file_name(segment.first),
        first: segment.first.0,
        last: segment.last.0,
        bytes: segment.bytes,
        hash: hex(segment.hash),
    }
}

fn framed(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut tagged = Vec::with_capacity(1 + content.len());
    tagged.push(tag);
    tagged.extend_from_slice(content);
    let mut out = Vec::with_capacity(tagged.len() + 16);
    put_frame(&mut out, &tagged);
    out
}
