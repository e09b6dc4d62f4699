//! The durable high-water mark: a small file beside the Raft log that remembers how far the log once reached.
//!
//! A log that lost its tail looks like a shorter log. A node with such a log could vote for a leader that lacks
//! acknowledged entries. The mark makes the loss visible: a log behind its mark makes the node *suspect*, and a
//! suspect grants no vote and stands for no election until it was removed and added again under a new id.
//!
//! **Invariant:** the mark never says more than what the log's fsync has confirmed, so a crash cannot make a sound
//! node suspect. It is written with each batch and fsynced at most once a second.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::files::{StorageError, SyncMeter};

const MAGIC: [u8; 4] = *b"RMK1";
const SLOT_BYTES: usize = 64;
/// Slots stand in disk sectors of their own, so that a torn write spoils one at most.
const SLOT_STRIDE: u64 = 4096;
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// A place in the log, compared as Raft compares logs: by term, then by index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPlace {
    /// Term of the entry.
    pub term: u64,
    /// Its Raft index.
    pub index: u64,
}

/// A vote, ordered as a node may change its mind within Raft: term, then whether a quorum stands behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct VotePlace {
    /// The term voted in.
    pub term: u64,
    /// Whether a quorum granted it.
    pub committed: bool,
    /// For whom.
    pub node: u64,
}

/// What the mark remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HighWater {
    /// The last entry known to be on the disk.
    pub log: Option<LogPlace>,
    /// The last vote known to be on the disk.
    pub vote: Option<VotePlace>,
}

/// Why the node must not vote. Sticky: it stays so over restarts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Suspect {
    /// The log ends before the mark.
    #[error("{}: the log reached {mark:?} and ends at {found:?}: its tail was lost", path.display())]
    LogTailLost {
        /// The mark's file.
        path: PathBuf,
        /// How far the log once reached.
        mark: LogPlace,
        /// Where it ends.
        found: Option<LogPlace>,
    },
    /// The vote is older than the mark.
    #[error("{}: the vote was {mark:?} and is {found:?}: it was lost", path.display())]
    VoteLost {
        /// The mark's file.
        path: PathBuf,
        /// The vote it remembers.
        mark: VotePlace,
        /// The vote in the log.
        found: Option<VotePlace>,
    },
    /// The mark itself cannot be trusted.
    #[error("{}: {what}: how far the log reached is not known", path.display())]
    MarkUnusable {
        /// The mark's file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// An earlier start found the node suspect.
    #[error("{}: the node lost part of its log before and must be added again under a new id", path.display())]
    FoundBefore {
        /// The mark's file.
        path: PathBuf,
    },
}

/// Keeps the mark. Cheap to clone.
#[derive(Clone)]
pub struct Mark {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    file: File,
    meter: SyncMeter,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    water: HighWater,
    suspect: bool,
    serial: u64,
    /// Grows when the log is cut; what was appended before must not raise the mark after.
    cuts: u64,
    dirty: bool,
    closed: bool,
    failed: Option<String>,
}

/// Belongs to one append; raises the mark when that append is on the disk.
#[derive(Clone, Copy, Debug)]
pub struct Raise {
    cuts: u64,
    log: Option<LogPlace>,
    vote: Option<VotePlace>,
}

impl Mark {
    /// Opens the mark in `dir` and holds it against what the log says it has.
    pub fn open(
        dir: &Path,
        found: HighWater,
        meter: SyncMeter,
    ) -> Result<(Mark, Option<Suspect>), StorageError> {
        let path = dir.join("mark");
        let existed = path.exists();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StorageError::io(&path, "open the file"))?;
        let (state, suspect) = if existed {
            judge(&path, read_slots(&file, &path)?, found)
        } else if found == HighWater::default() {
            (State::default(), None)
        } else {
            let what = "it is missing beside a log that is not empty".into();
            (State::default(), Some(Suspect::MarkUnusable { path: path.clone(), what }))
        };
        let mark = Mark {
            inner: Arc::new(Inner { path, file, meter, state: Mutex::new(state), wake: Condvar::new() }),
        };
        mark.settle(found, suspect.is_some())?;
        mark.inner.meter.sync_dir(dir)?;
        mark.spawn_syncer()?;
        Ok((mark, suspect))
    }

    /// To be taken when entries up to `log` are appended.
    #[must_use]
    pub fn raise_to(&self, log: Option<LogPlace>, vote: Option<VotePlace>) -> Raise {
        Raise { cuts: self.lock().cuts, log, vote }
    }

    /// The append is on the disk: the mark may say so.
    pub fn confirm(&self, raise: Raise) -> Result<(), StorageError> {
        let mut state = self.lock();
        if let Some(failed) = &state.failed {
            return Err(StorageError::damaged(&self.inner.path, failed.clone()));
        }
        let log = if raise.cuts == state.cuts { raise.log } else { None };
        let water = HighWater { log: state.water.log.max(log), vote: state.water.vote.max(raise.vote) };
        if water == state.water {
            return Ok(());
        }
        state.water = water;
        self.write(&mut state)?;
        if !state.dirty {
            state.dirty = true;
            self.inner.wake.notify_all();
        }
        Ok(())
    }

    /// The log is about to be cut behind `last`: the mark says so first, durably.
    pub fn lower_to(&self, last: Option<LogPlace>) -> Result<(), StorageError> {
        let mut state = self.lock();
        state.cuts += 1;
        if state.water.log <= last {
            return Ok(());
        }
        state.water.log = last;
        self.write(&mut state)?;
        self.inner.meter.sync_file(&self.inner.file, &self.inner.path)
    }

    /// What was found is all there is and ever was, from here on; durable on return.
    pub(crate) fn absolve(&self, found: HighWater) -> Result<(), StorageError> {
        let mut state = self.lock();
        (state.suspect, state.water) = (false, found);
        self.write(&mut state)?;
        self.write(&mut state)?;
        self.inner.meter.sync_file(&self.inner.file, &self.inner.path)
    }

    /// What the mark says.
    #[must_use]
    pub fn high_water(&self) -> HighWater {
        self.lock().water
    }

    /// Writes what is due and ends the syncing thread.
    pub fn close(&self) {
        self.lock().closed = true;
        self.inner.wake.notify_all();
    }

    fn settle(&self, found: HighWater, suspect: bool) -> Result<(), StorageError> {
        let mut state = self.lock();
        state.suspect = suspect;
        state.water =
            HighWater { log: state.water.log.max(found.log), vote: state.water.vote.max(found.vote) };
        // Both slots are written, so that a damaged one is not found again as damaged at the next start.
        self.write(&mut state)?;
        self.write(&mut state)?;
        self.inner.meter.sync_file(&self.inner.file, &self.inner.path)
    }

    fn write(&self, state: &mut State) -> Result<(), StorageError> {
        state.serial += 1;
        let slot = encode_slot(state);
        let at = (state.serial % 2) * SLOT_STRIDE;
        self.inner.meter.add_bytes(SLOT_BYTES);
        self.inner.file.write_all_at(&slot, at).map_err(StorageError::io(&self.inner.path, "write the file"))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is plain numbers and each change is complete before anything can panic.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn_syncer(&self) -> Result<(), StorageError> {
        let mark = self.clone();
        std::thread::Builder::new()
            .name("mark-sync".into())
            .spawn(move || mark.sync_each_second())
            .map(|_| ())
            .map_err(StorageError::io(&self.inner.path, "start the syncing thread"))
    }

    /// Sleeps while nothing changes: an idle node writes nothing.
    fn sync_each_second(&self) {
        let wait_failed = PoisonError::into_inner;
        let mut state = self.lock();
        loop {
            while !state.dirty && !state.closed {
                state = self.inner.wake.wait(state).unwrap_or_else(wait_failed);
            }
            if !state.dirty {
                return;
            }
            state.dirty = false;
            drop(state);
            if let Err(error) = self.inner.meter.sync_file(&self.inner.file, &self.inner.path) {
                tracing::error!(%error, "high-water mark cannot be fsynced");
                self.lock().failed = Some(error.to_string());
                return;
            }
            state = self.lock();
            if !state.closed {
                let wait = self.inner.wake.wait_timeout_while(state, SYNC_EVERY, |s| !s.closed);
                state = wait.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

/// What the file says, whether it calls the node suspect, and what is wrong with it. Changes nothing.
pub(crate) fn inspect(path: &Path) -> Result<(HighWater, bool, Option<String>), StorageError> {
    let file = File::open(path).map_err(StorageError::io(path, "open the file"))?;
    Ok(match read_slots(&file, path)? {
        Slots::Sound(state) => (state.water, state.suspect, None),
        Slots::Damaged(state, what) => (state.water, state.suspect, Some(what)),
    })
}

fn judge(path: &Path, slots: Slots, found: HighWater) -> (State, Option<Suspect>) {
    let (state, damaged) = match slots {
        Slots::Sound(state) => (state, None),
        Slots::Damaged(state, what) => (state, Some(what)),
    };
    let path = path.to_path_buf();
    let suspect = if state.suspect {
        Some(Suspect::FoundBefore { path })
    } else if let Some(what) = damaged {
        Some(Suspect::MarkUnusable { path, what })
    } else if let Some(mark) = state.water.log.filter(|mark| found.log < Some(*mark)) {
        Some(Suspect::LogTailLost { path, mark, found: found.log })
    } else {
        let lost = state.water.vote.filter(|mark| found.vote < Some(*mark));
        lost.map(|mark| Suspect::VoteLost { path, mark, found: found.vote })
    };
    (state, suspect)
}

enum Slots {
    Sound(State),
    Damaged(State, String),
}

fn read_slots(file: &File, path: &Path) -> Result<Slots, StorageError> {
    let mut best = State::default();
    let mut damaged = None;
    for n in 0..2 {
        let mut slot = [0; SLOT_BYTES];
        if read_at_most(file, &mut slot, n * SLOT_STRIDE).map_err(StorageError::io(path, "read the file"))?
            == 0
        {
            continue;
        }
        match decode_slot(&slot) {
            Some(state) if state.serial >= best.serial => best = state,
            Some(_) => {}
            None => damaged = Some(format!("checksum of slot {n} is wrong")),
        }
    }
    Ok(match damaged {
        Some(what) => Slots::Damaged(best, what),
        None if best.serial == 0 => Slots::Damaged(best, "it is empty".into()),
        None => Slots::Sound(best),
    })
}

fn read_at_most(file: &File, buffer: &mut [u8], at: u64) -> std::io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        let n = file.read_at(&mut buffer[done..], at + done as u64)?;
        if n == 0 {
            break;
        }
        done += n;
    }
    Ok(done)
}

fn encode_slot(state: &State) -> [u8; SLOT_BYTES] {
    let (log, vote) = (state.water.log.unwrap_or_default(), state.water.vote.unwrap_or_default());
    let flags = u8::from(state.suspect)
        | u8::from(state.water.log.is_some()) << 1
        | u8::from(state.water.vote.is_some()) << 2
        | u8::from(vote.committed) << 3;
    let mut slot = [0; SLOT_BYTES];
    slot[..4].copy_from_slice(&MAGIC);
    slot[4] = flags;
    for (n, word) in [state.serial, log.term, log.index, vote.term, vote.node].into_iter().enumerate() {
        slot[8 + n * 8..16 + n * 8].copy_from_slice(&word.to_le_bytes());
    }
    let crc = crc32fast::hash(&slot[..60]);
    slot[60..].copy_from_slice(&crc.to_le_bytes());
    slot
}

fn decode_slot(slot: &[u8; SLOT_BYTES]) -> Option<State> {
    if slot[..4] != MAGIC || slot[60..] != crc32fast::hash(&slot[..60]).to_le_bytes() {
        return None;
    }
    let word = |n: usize| slot[8 + n * 8..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let flag = |n: u8| slot[4] >> n & 1 == 1;
    let log = LogPlace { term: word(1), index: word(2) };
    let vote = VotePlace { term: word(3), committed: flag(3), node: word(4) };
    let water = HighWater { log: flag(1).then_some(log), vote: flag(2).then_some(vote) };
    Some(State { water, suspect: flag(0), serial: word(0), ..State::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FrozenClock;

    fn open(dir: &Path, log: Option<(u64, u64)>) -> (Mark, Option<Suspect>) {
        let log = log.map(|(term, index)| LogPlace { term, index });
        let found = HighWater { log, vote: None };
        Mark::open(dir, found, SyncMeter::new(Arc::new(FrozenClock))).unwrap()
    }

    fn raised(dir: &Path, term: u64, index: u64) {
        let (mark, suspect) = open(dir, None);
        assert_eq!(suspect, None);
        let raise = mark.raise_to(Some(LogPlace { term, index }), None);
        mark.confirm(raise).unwrap();
        mark.close();
    }

    #[test]
    fn a_log_behind_its_mark_makes_the_node_suspect_for_good() {
        let dir = tempfile::tempdir().unwrap();
        raised(dir.path(), 3, 10);
        let (mark, suspect) = open(dir.path(), Some((3, 9)));
        assert!(matches!(suspect, Some(Suspect::LogTailLost { .. })), "{suspect:?}");
        mark.close();
        let (_, suspect) = open(dir.path(), Some((4, 20)));
        assert!(matches!(suspect, Some(Suspect::FoundBefore { .. })), "{suspect:?}");
    }

    #[test]
    fn a_log_at_or_past_its_mark_is_sound() {
        let dir = tempfile::tempdir().unwrap();
        raised(dir.path(), 3, 10);
        assert_eq!(open(dir.path(), Some((3, 10))).1, None);
        assert_eq!(open(dir.path(), Some((4, 8))).1.map(|s| s.to_string()), None);
    }

    #[test]
    fn an_append_confirmed_after_a_cut_does_not_raise_the_mark() {
        let dir = tempfile::tempdir().unwrap();
        let (mark, _) = open(dir.path(), None);
        let early = mark.raise_to(Some(LogPlace { term: 1, index: 10 }), None);
        mark.lower_to(Some(LogPlace { term: 1, index: 5 })).unwrap();
        mark.confirm(early).unwrap();
        assert_eq!(mark.high_water().log, None);
    }

    #[test]
    fn a_lost_vote_makes_the_node_suspect() {
        let dir = tempfile::tempdir().unwrap();
        let (mark, _) = open(dir.path(), None);
        let vote = VotePlace { term: 7, committed: false, node: 2 };
        let raise = mark.raise_to(None, Some(vote));
        mark.confirm(raise).unwrap();
        mark.close();
        assert!(matches!(open(dir.path(), None).1, Some(Suspect::VoteLost { .. })));
    }

    #[test]
    fn a_flipped_bit_in_the_mark_makes_the_node_suspect() {
        let dir = tempfile::tempdir().unwrap();
        raised(dir.path(), 3, 10);
        let path = dir.path().join("mark");
        let sound = std::fs::read(&path).unwrap();
        for byte in (0..SLOT_BYTES).chain(SLOT_STRIDE as usize..SLOT_STRIDE as usize + SLOT_BYTES) {
            let mut flipped = sound.clone();
            flipped[byte] ^= 4;
            std::fs::write(&path, &flipped).unwrap();
            let (mark, suspect) = open(dir.path(), Some((3, 10)));
            mark.close();
            assert!(matches!(suspect, Some(Suspect::MarkUnusable { .. })), "byte {byte}: {suspect:?}");
        }
    }

    #[test]
    fn a_missing_mark_beside_a_log_makes_the_node_suspect() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(open(dir.path(), Some((1, 1))).1, Some(Suspect::MarkUnusable { .. })));
    }
}
