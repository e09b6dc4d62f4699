//! What is found in the folder at start: sound segments, and what is done about the others.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use ringmain_routing::LogIndex;
use xxhash_rust::xxh3::Xxh3;

use super::absent::instead;
use super::{Segment, Tail};
use crate::files::{StorageError, list};
use crate::segments::{Cut, FrameReader, ReadError, Scan, SegmentRef, is_sealed_as, scan, seal};

/// What is known of the history before its files are read.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// What the snapshot that the node starts from names: it must be there.
    pub segments: &'a [SegmentRef],
    /// Segments before this one were given up.
    pub oldest: LogIndex,
}

impl Known<'_> {
    /// The first index that must be there.
    fn begin(&self) -> LogIndex {
        self.segments.first().map_or(self.oldest, |first| first.first.max(self.oldest))
    }

    /// The last index that must be there.
    fn end(&self) -> LogIndex {
        self.segments.last().map_or(LogIndex(0), |last| last.last)
    }
}

impl Segment {
    fn found(found: Scan) -> Segment {
        Segment { named: found.segment_ref(), sparse: found.sparse, until: found.until, absent: false }
    }
}

type Loaded = (BTreeMap<LogIndex, Segment>, Option<Tail>);

/// Reads every segment in the folder. What must be there and is damaged is set aside; behind it, the damaged part and
/// all that follows is dropped. Older segments are kept while they reach up to it without a gap.
pub(super) fn load(dir: &Path, cut: &Cut, known: Known<'_>) -> Result<Loaded, StorageError> {
    let mut files = Vec::new();
    for path in list(dir)? {
        match Cut::first_by_name(&path) {
            Some(first) if first < known.oldest => drop_segment(&path, "it was given up")?,
            Some(first) => files.push((first, path)),
            None => {}
        }
    }
    let begin = known.begin();
    let needed = files.partition_point(|(first, _)| *first < begin);
    let older = older_than(begin, &files[..needed], cut)?;
    load_from(dir, cut, known, older, &files[needed..])
}

/// The sound, gapless segments that end right before `begin`; the files of others are dropped.
fn older_than(
    begin: LogIndex,
    files: &[(LogIndex, PathBuf)],
    cut: &Cut,
) -> Result<BTreeMap<LogIndex, Segment>, StorageError> {
    let mut segments = BTreeMap::new();
    let mut due = begin;
    for (first, path) in files.iter().rev() {
        let found = scan(path, *first, cut)?;
        if found.sealed && found.damage.is_none() && found.last.0 + 1 == due.0 {
            segments.insert(*first, Segment::found(found));
            due = *first;
        } else {
            drop_segment(path, "it is older than what is needed, and not whole")?;
        }
    }
    Ok(segments)
}

/// The needed segments first, then what an earlier run wrote behind them.
fn load_from(
    dir: &Path,
    cut: &Cut,
    known: Known<'_>,
    mut segments: BTreeMap<LogIndex, Segment>,
    files: &[(LogIndex, PathBuf)],
) -> Result<Loaded, StorageError> {
    let mut tail = None;
    let mut next = known.begin();
    let needed = known.segments.iter().filter(|wanted| wanted.first >= known.begin());
    for wanted in needed {
        match needed_file(wanted, files, known, cut)? {
            Needed::Sealed => {
                next = LogIndex(wanted.last.0 + 1);
                segments.insert(wanted.first, Segment::sealed(*wanted));
            }
            Needed::Sound(path, found) => {
                next = LogIndex(found.last.0 + 1);
                take_in(path, *found, cut, &mut segments, &mut tail)?;
            }
            Needed::Absent(damaged) => {
                next = LogIndex(wanted.last.0 + 1);
                segments.insert(wanted.first, instead(dir, *wanted, damaged)?);
            }
        }
    }
    for (first, path) in files.iter().filter(|(first, _)| *first > known.end()) {
        if *first != next || tail.is_some() {
            drop_segment(path, "it stands behind a gap; replay writes it again")?;
            continue;
        }
        let found = scan(path, *first, cut)?;
        next = LogIndex(found.last.0 + 1);
        take_in(path.clone(), found, cut, &mut segments, &mut tail)?;
    }
    Ok((segments, tail))
}

enum Needed {
    /// Full, and sealed as the snapshot names it.
    Sealed,
    Sound(PathBuf, Box<Scan>),
    /// Missing, or damaged as told.
    Absent(Option<(PathBuf, String)>),
}

fn needed_file(
    wanted: &SegmentRef,
    files: &[(LogIndex, PathBuf)],
    known: Known<'_>,
    cut: &Cut,
) -> Result<Needed, StorageError> {
    let Ok(place) = files.binary_search_by_key(&wanted.first, |(first, _)| *first) else {
        return Ok(Needed::Absent(None));
    };
    let path = &files[place].1;
    if is_sealed_as(path, wanted, cut)? {
        return Ok(Needed::Sealed);
    }
    let found = scan(path, wanted.first, cut)?;
    match check_against_snapshot(path, &found, known.segments, known.end(), cut) {
        Ok(()) => Ok(Needed::Sound(path.clone(), Box::new(found))),
        Err(StorageError::Damaged { path, what }) => Ok(Needed::Absent(Some((path, what)))),
        Err(
            error @ (StorageError::Io { .. }
            | StorageError::Foreign { .. }
            | StorageError::Newer { .. }
            | StorageError::InUse { .. }
            | StorageError::Diverged { .. }),
        ) => Err(error),
    }
}

/// A segment file as the folder has it: full, or the one to be written to.
pub(super) fn take_in(
    path: PathBuf,
    found: Scan,
    cut: &Cut,
    segments: &mut BTreeMap<LogIndex, Segment>,
    tail: &mut Option<Tail>,
) -> Result<(), StorageError> {
    if found.last != cut.last_of(found.first) {
        *tail = reopen(path, found)?;
        return Ok(());
    }
    let named = found.segment_ref();
    if !found.sealed || found.damage.is_some() {
        seal_again(&path, &named)?;
    }
    segments.insert(named.first, Segment::found(found));
    Ok(())
}

/// The segment that begins at `first`; a snapshot names them in order.
pub(super) fn find(known: &[SegmentRef], first: LogIndex) -> Option<&SegmentRef> {
    known.binary_search_by_key(&first, |segment| segment.first).ok().map(|place| &known[place])
}

/// What a snapshot knows of a segment must be in the file.
pub(crate) fn check_against_snapshot(
    path: &Path,
    found: &Scan,
    known: &[SegmentRef],
    needed: LogIndex,
    cut: &Cut,
) -> Result<(), StorageError> {
    let wanted = find(known, found.first);
    let reached = wanted.is_none_or(|wanted| found.last >= wanted.last);
    let all_needed = cut.last_of(found.first) <= needed;
    if let Some(damage) = &found.damage
        && (!reached || all_needed || found.first <= needed && wanted.is_none())
    {
        return Err(StorageError::damaged(path, damage.to_string()));
    }
    let Some(wanted) = wanted else {
        return Ok(());
    };
    if !reached {
        let what = format!("it ends at {}, but the snapshot needs it up to {}", found.last, wanted.last);
        return Err(StorageError::damaged(path, what));
    }
    let same = if found.last == wanted.last {
        found.segment_ref() == *wanted
    } else {
        beginning(path, found.first, wanted.last, cut)? == *wanted
    };
    if same { Ok(()) } else { Err(StorageError::damaged(path, "its hash is not the one the snapshot names")) }
}

pub(super) fn beginning(
    path: &Path,
    first: LogIndex,
    last: LogIndex,
    cut: &Cut,
) -> Result<SegmentRef, StorageError> {
    let failed = |error| StorageError::from_read(path, error);
    let file = File::open(path).map_err(StorageError::io(path, "open the file"))?;
    let mut reader = FrameReader::new(file, 0, u64::MAX).map_err(ReadError::Io).map_err(failed)?;
    let mut hash = Xxh3::new();
    // The header, and then a frame per record.
    for n in 0..=last.0 - first.0 + 1 {
        let Some(frame) = reader.next_frame().map_err(failed)? else {
            return Err(StorageError::damaged(path, format!("it ends before record {last}")));
        };
        if n == 0 && frame.bytes() != cut.header(first) {
            return Err(StorageError::damaged(path, "its header is that of another segment"));
        }
        hash.update(frame.bytes());
    }
    Ok(SegmentRef { first, last, bytes: reader.at, hash: hash.digest128() })
}

pub(super) fn drop_segment(path: &Path, reason: &'static str) -> Result<(), StorageError> {
    tracing::warn!(path = %path.display(), reason, "history segment dropped");
    fs::remove_file(path).map_err(StorageError::io(path, "remove the file"))
}

/// A full segment whose end was torn before the seal was written.
pub(super) fn seal_again(path: &Path, named: &SegmentRef) -> Result<(), StorageError> {
    tracing::warn!(path = %path.display(), "seal of a history segment written again");
    let mut file =
        OpenOptions::new().append(true).open(path).map_err(StorageError::io(path, "open the file"))?;
    file.set_len(named.bytes).map_err(StorageError::io(path, "cut the file"))?;
    file.write_all(&seal(named)).map_err(StorageError::io(path, "write the file"))
}

/// The unfinished segment, cut behind its last sound record.
pub(super) fn reopen(path: PathBuf, found: Scan) -> Result<Option<Tail>, StorageError> {
    if let Some(damage) = &found.damage {
        tracing::warn!(path = %path.display(), %damage, "end of history dropped; replay writes it again");
    }
    if found.last < found.first {
        fs::remove_file(&path).map_err(StorageError::io(&path, "remove the file"))?;
        return Ok(None);
    }
    let file =
        OpenOptions::new().append(true).open(&path).map_err(StorageError::io(&path, "open the file"))?;
    file.set_len(found.bytes).map_err(StorageError::io(&path, "cut the file"))?;
    let Scan { first, last, bytes, hash, sparse, until, .. } = found;
    Ok(Some(Tail { first, last, file, path, bytes, buffer: vec![], hash, sparse, until }))
}
