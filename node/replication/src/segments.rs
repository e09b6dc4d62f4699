//! The format of history segments: what happened, one record per command, for as long as the cluster lives.
//!
//! A segment holds a fixed number of records from a fixed log index on, so that it is byte for byte the same file on
//! every replica and its hash can be compared and fetched from any of them. Layout: a header frame, a frame per
//! record, and when it is full a seal with the hash of all before it.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use ringmain_routing::{LogIndex, Timestamp};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::files::{FRAME_HEADER_BYTES, FrameError, StorageError, check_frame, frame_len, put_frame};
use crate::type_config::GroupId;

const MAGIC: [u8; 4] = *b"RMS1";
const HEADER_BYTES: usize = 24;
/// Where the first record of a segment stands.
pub(crate) const RECORDS_AT: u64 = (FRAME_HEADER_BYTES + HEADER_BYTES) as u64;
const RECORD_VERSION: u8 = 1;
const TAG_SEAL: u8 = 0xfe;
const RECORD_FIXED_BYTES: usize = 1 + 4 * 8 + 16 + 4;
/// A place to start reading from is remembered for each this many records.
pub(crate) const SPARSE_EVERY: u64 = 256;

/// One command of the log and what it led to, as kept for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRecord {
    /// Its place among all commands of the group.
    pub log_index: LogIndex,
    /// The Raft entry that held it.
    pub raft_index: u64,
    /// The term of that entry.
    pub term: u64,
    /// When, in replicated time.
    pub at: Timestamp,
    /// The command's frame.
    pub command: Vec<u8>,
    /// The outcome's frame.
    pub outcome: Vec<u8>,
    /// The chain after it.
    pub chain: u128,
}

impl HistoryRecord {
    /// Appends the record as a frame to `out`.
    pub fn put(&self, out: &mut Vec<u8>) {
        let mut content = Vec::with_capacity(RECORD_FIXED_BYTES + self.command.len() + self.outcome.len());
        content.push(RECORD_VERSION);
        for word in [self.log_index.0, self.raft_index, self.term, self.at.0] {
            content.extend_from_slice(&word.to_le_bytes());
        }
        content.extend_from_slice(&self.chain.to_le_bytes());
        content.extend_from_slice(&(self.command.len() as u32).to_le_bytes());
        content.extend_from_slice(&self.command);
        content.extend_from_slice(&self.outcome);
        put_frame(out, &content);
    }

    /// The record in a frame's content.
    pub fn decode(content: &[u8]) -> Result<HistoryRecord, RecordError> {
        let (&version, rest) = content.split_first().ok_or(RecordError::Length)?;
        if version != RECORD_VERSION {
            return Err(RecordError::Version(version));
        }
        let (words, rest) = rest.split_first_chunk::<32>().ok_or(RecordError::Length)?;
        let (chain, rest) = rest.split_first_chunk::<16>().ok_or(RecordError::Length)?;
        let (len, rest) = rest.split_first_chunk::<4>().ok_or(RecordError::Length)?;
        let (command, outcome) =
            rest.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or(RecordError::Length)?;
        Ok(HistoryRecord {
            log_index: LogIndex(word(words, 0)),
            raft_index: word(words, 1),
            term: word(words, 2),
            at: Timestamp(word(words, 3)),
            command: command.to_vec(),
            outcome: outcome.to_vec(),
            chain: u128::from_le_bytes(*chain),
        })
    }
}

fn word(bytes: &[u8], n: usize) -> u64 {
    bytes[n * 8..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

/// A frame that holds no record of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Another version of the program wrote it.
    #[error("history record of version {0}; this program reads version {RECORD_VERSION}")]
    Version(u8),
    /// Too short.
    #[error("history record is too short")]
    Length,
}

/// What names a segment, or the beginning of one: enough to fetch it from any replica and to know that it is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRef {
    /// Its first log index.
    pub first: LogIndex,
    /// The last that is meant.
    pub last: LogIndex,
    /// Bytes up to and with that record.
    pub bytes: u64,
    /// Hash of those bytes.
    pub hash: u128,
}

/// Where segments are cut. The same on every replica of a group, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Whose history.
    pub group: GroupId,
    /// Records in one segment.
    pub records: u64,
}

impl Cut {
    /// First index of the segment that holds `index`.
    #[must_use]
    pub fn first_of(&self, index: LogIndex) -> LogIndex {
        LogIndex((index.0.max(1) - 1) / self.records * self.records + 1)
    }

    /// Last index of the segment that begins at `first`.
    #[must_use]
    pub fn last_of(&self, first: LogIndex) -> LogIndex {
        LogIndex(first.0 + self.records - 1)
    }

    /// The file name of the segment that begins at `first`.
    #[must_use]
    pub fn file_name(&self, first: LogIndex) -> String {
        Cut::name_of(first)
    }

    /// As [`Self::file_name`], which is the same for every cut.
    #[must_use]
    pub fn name_of(first: LogIndex) -> String {
        format!("segment-{:020}.rms", first.0)
    }

    /// The first index that a file's name says; `None` when it is no segment.
    #[must_use]
    pub fn first_by_name(path: &Path) -> Option<LogIndex> {
        let name = path.file_name()?.to_str()?;
        name.strip_prefix("segment-")?.strip_suffix(".rms")?.parse().ok().map(LogIndex)
    }

    /// As the content of a segment's header frame says it.
    pub(crate) fn of_header(content: &[u8]) -> Option<Cut> {
        let rest = content.strip_prefix(&MAGIC)?;
        let (group, rest) = rest.split_first_chunk::<4>()?;
        let records = word(rest.get(..16)?, 1);
        (records > 0).then_some(Cut { group: GroupId(u32::from_le_bytes(*group)), records })
    }

    /// The header frame of the segment that begins at `first`.
    #[must_use]
    pub fn header(&self, first: LogIndex) -> Vec<u8> {
        let mut content = Vec::with_capacity(HEADER_BYTES);
        content.extend_from_slice(&MAGIC);
        content.extend_from_slice(&self.group.0.to_le_bytes());
        content.extend_from_slice(&first.0.to_le_bytes());
        content.extend_from_slice(&self.records.to_le_bytes());
        let mut out = Vec::new();
        put_frame(&mut out, &content);
        out
    }
}

/// The seal frame: nothing comes behind it.
#[must_use]
pub fn seal(sealed: &SegmentRef) -> Vec<u8> {
    let mut content = vec![TAG_SEAL];
    content.extend_from_slice(&sealed.last.0.to_le_bytes());
    content.extend_from_slice(&sealed.bytes.to_le_bytes());
    content.extend_from_slice(&sealed.hash.to_le_bytes());
    let mut out = Vec::new();
    put_frame(&mut out, &content);
    out
}

/// Reads frames one after another from a file.
pub(crate) struct FrameReader {
    reader: io::Take<BufReader<File>>,
    /// Offset of the next frame.
    pub at: u64,
    frame: Vec<u8>,
}

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("{0}")]
    Content(String),
    #[error(transparent)]
    Io(io::Error),
}

impl FrameReader {
    /// Reads `file` from `at` up to `end`.
    pub fn new(mut file: File, at: u64, end: u64) -> io::Result<FrameReader> {
        io::Seek::seek(&mut file, io::SeekFrom::Start(at))?;
        let reader = BufReader::with_capacity(256 << 10, file).take(end.saturating_sub(at));
        Ok(FrameReader { reader, at, frame: Vec::new() })
    }

    /// The next frame with its header; `None` at the end.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, ReadError> {
        let mut header = [0; FRAME_HEADER_BYTES];
        match read_full(&mut self.reader, &mut header)? {
            0 => return Ok(None),
            FRAME_HEADER_BYTES => {}
            _ => return Err(FrameError::Torn.into()),
        }
        let len = frame_len(&header)?;
        // Where bytes are missing, memory for them must not be taken.
        if len as u64 > self.reader.limit() {
            return Err(FrameError::Torn.into());
        }
        self.frame.clear();
        self.frame.extend_from_slice(&header);
        self.frame.resize(FRAME_HEADER_BYTES + len, 0);
        if read_full(&mut self.reader, &mut self.frame[FRAME_HEADER_BYTES..])? < len {
            return Err(FrameError::Torn.into());
        }
        check_frame(&header, &self.frame[FRAME_HEADER_BYTES..])?;
        self.at += self.frame.len() as u64;
        Ok(Some(Frame(&self.frame)))
    }
}

fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize, ReadError> {
    let mut done = 0;
    while done < buffer.len() {
        match reader.read(&mut buffer[done..]) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ReadError::Io(error)),
        }
    }
    Ok(done)
}

/// A frame whose checksum is right.
pub(crate) struct Frame<'a>(&'a [u8]);

impl Frame<'_> {
    /// What it holds.
    pub fn content(&self) -> &[u8] {
        &self.0[FRAME_HEADER_BYTES..]
    }

    /// All its bytes, as in the file.
    pub fn bytes(&self) -> &[u8] {
        self.0
    }
}

/// What a segment file holds, by reading all of it.
pub(crate) struct Scan {
    /// First log index.
    pub first: LogIndex,
    /// Last log index of a sound record; one before `first` when there is none.
    pub last: LogIndex,
    /// Bytes up to and with that record.
    pub bytes: u64,
    /// Chain after the last record.
    pub chain: u128,
    /// Replicated time of the last record.
    pub until: Timestamp,
    /// Hash state behind those bytes.
    pub hash: Xxh3,
    /// Offsets of each [`SPARSE_EVERY`]th record.
    pub sparse: Vec<u64>,
    /// Whether it ends with a sound seal.
    pub sealed: bool,
    /// The first thing that is wrong; what comes before it is sound.
    pub damage: Option<ReadError>,
}

impl Scan {
    /// The sound part, as others may ask for it.
    pub fn segment_ref(&self) -> SegmentRef {
        SegmentRef { first: self.first, last: self.last, bytes: self.bytes, hash: self.hash.digest128() }
    }
}

/// Reads a segment from its first byte to its last and checks all of it. What is wrong in it is a finding, not an
/// error.
pub(crate) fn scan(path: &Path, first: LogIndex, cut: &Cut) -> Result<Scan, StorageError> {
    let file = File::open(path).map_err(StorageError::io(path, "open the file"))?;
    let mut reader = FrameReader::new(file, 0, u64::MAX).map_err(StorageError::io(path, "read the file"))?;
    let mut found = Scan {
        first,
        last: LogIndex(first.0 - 1),
        bytes: 0,
        chain: 0,
        until: Timestamp(0),
        hash: Xxh3::new(),
        sparse: Vec::new(),
        sealed: false,
        damage: None,
    };
    match scan_frames(&mut reader, cut, &mut found) {
        Ok(()) => Ok(found),
        Err(ReadError::Io(error)) => Err(StorageError::io(path, "read the file")(error)),
        Err(damage) => Ok(Scan { damage: Some(damage), ..found }),
    }
}

fn scan_frames(reader: &mut FrameReader, cut: &Cut, found: &mut Scan) -> Result<(), ReadError> {
    let header = reader.next_frame()?.ok_or(FrameError::Torn)?;
    if header.bytes() != cut.header(found.first) {
        return Err(ReadError::Content("its header is that of another segment".into()));
    }
    found.hash.update(header.bytes());
    found.bytes = reader.at;
    let mut at = reader.at;
    while let Some(frame) = reader.next_frame()? {
        if frame.content().first() == Some(&TAG_SEAL) {
            check_seal(&frame, found)?;
            return match reader.next_frame()? {
                None => Ok(()),
                Some(_) => Err(ReadError::Content("something follows its seal".into())),
            };
        }
        let record = HistoryRecord::decode(frame.content())?;
        if record.log_index.0 != found.last.0 + 1 {
            return Err(ReadError::Content(format!("record {} follows {}", record.log_index, found.last)));
        }
        if (record.log_index.0 - found.first.0).is_multiple_of(SPARSE_EVERY) {
            found.sparse.push(at);
        }
        found.hash.update(frame.bytes());
        at += frame.bytes().len() as u64;
        (found.last, found.chain, found.bytes, found.until) = (record.log_index, record.chain, at, record.at);
    }
    Ok(())
}

fn check_seal(frame: &Frame<'_>, found: &mut Scan) -> Result<(), ReadError> {
    if frame.bytes() != seal(&found.segment_ref()) {
        return Err(ReadError::Content("its seal does not fit its records".into()));
    }
    found.sealed = true;
    Ok(())
}

/// Whether the file is a full segment with this header, length and seal. What stands between is not looked at: a start
/// need not read all that ever happened.
pub(crate) fn is_sealed_as(path: &Path, wanted: &SegmentRef, cut: &Cut) -> Result<bool, StorageError> {
    if wanted.last != cut.last_of(wanted.first) {
        return Ok(false);
    }
    let failed = || StorageError::io(path, "read the file");
    let (header, seal) = (cut.header(wanted.first), seal(wanted));
    let file = File::open(path).map_err(failed())?;
    let len = file.metadata().map_err(failed())?.len();
    if len != wanted.bytes + seal.len() as u64 {
        return Ok(false);
    }
    let (mut begin, mut end) = (vec![0; header.len()], vec![0; seal.len()]);
    file.read_exact_at(&mut begin, 0).map_err(failed())?;
    file.read_exact_at(&mut end, wanted.bytes).map_err(failed())?;
    Ok(begin == header && end == seal)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn record(index: u64) -> HistoryRecord {
        HistoryRecord {
            log_index: LogIndex(index),
            raft_index: index + 3,
            term: 2,
            at: Timestamp(1000 + index),
            command: vec![1; 10],
            outcome: vec![2; 20],
            chain: u128::from(index) << 70,
        }
    }

    #[test]
    fn a_record_survives_its_frame() {
        let mut out = Vec::new();
        record(7).put(&mut out);
        let content = crate::files::take_frame(&mut out.as_slice()).unwrap().unwrap().to_vec();
        assert_eq!(HistoryRecord::decode(&content), Ok(record(7)));
        assert_eq!(HistoryRecord::decode(&content[..40]), Err(RecordError::Length));
    }

    #[test]
    fn segments_are_cut_at_multiples() {
        let cut = Cut { group: GroupId(0), records: 100 };
        for (index, first) in [(0, 1), (1, 1), (100, 1), (101, 101), (250, 201)] {
            assert_eq!(cut.first_of(LogIndex(index)), LogIndex(first));
        }
        assert_eq!(cut.last_of(LogIndex(101)), LogIndex(200));
        let name = cut.file_name(LogIndex(101));
        assert_eq!(Cut::first_by_name(Path::new(&name)), Some(LogIndex(101)));
    }
}
