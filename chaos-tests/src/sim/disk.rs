//! A node's disk as the model has it: the Raft log with a checksum per record and a mark of what is synced, the vote,
//! the last two snapshots. A crash loses what was not synced, or tears it; a bit may flip; it may be full or slow.
//!
//! The vote is durable when it is written, as the real one is, and is never damaged here.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use ringmain_routing::shell::forwarding::{Origin, Origins};
use ringmain_routing::{Timestamp, hash_parts};

/// Snapshots that a node keeps.
const SNAPSHOTS_KEPT: usize = 2;

/// A place in the Raft log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub term: u64,
    pub index: u64,
}

/// A command in an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proposed {
    pub frame: Arc<[u8]>,
    pub origin: Option<Origin>,
}

/// What an entry holds; a blank one holds no command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub at: Timestamp,
    /// True time of the stamp, which no node knows.
    pub stamped: u64,
    pub commands: Vec<Proposed>,
}

impl Batch {
    fn checksum(&self) -> u128 {
        let at = self.at.0.to_le_bytes();
        let mut parts: Vec<&[u8]> = vec![&at];
        parts.extend(self.commands.iter().map(|command| &*command.frame));
        hash_parts(&parts)
    }
}

/// One entry of the Raft log.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub place: Place,
    pub batch: Rc<Batch>,
}

#[derive(Clone, Debug)]
struct Record {
    entry: Entry,
    checksum: u128,
    /// On the disk it is not what the running node has in memory.
    is_flipped: bool,
}

/// A node's state at an entry.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub place: Place,
    pub state: Vec<u8>,
    pub origins: Origins,
}

/// What a node finds at its start.
pub(super) struct Found {
    pub snapshot: Option<Rc<Snapshot>>,
}

/// One node's disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    pub term: u64,
    pub voted: Option<usize>,
    /// Everything up to here was purged.
    base: Place,
    records: Vec<Record>,
    /// Synced up to this index.
    synced: u64,
    snapshots: Vec<(Rc<Snapshot>, bool)>,
    pub full: bool,
    pub slow: bool,
    /// Part of the log was lost; known until the node has caught up.
    pub suspect: bool,
    /// By index: the term of what was truly synced at some time and not replaced since. The model's own book.
    truth: BTreeMap<u64, u64>,
    /// What a state or a snapshot stood for at some time.
    truth_base: u64,
}

impl Disk {
    pub(super) fn last(&self) -> Place {
        self.records.last().map_or(self.base, |record| record.entry.place)
    }

    pub(super) fn base(&self) -> Place {
        self.base
    }

    pub(super) fn synced(&self) -> u64 {
        self.synced
    }

    /// The term of an entry; `None` where it is purged or not there.
    pub(super) fn term_at(&self, index: u64) -> Option<u64> {
        if index == self.base.index {
            return Some(self.base.term);
        }
        self.entry(index).map(|entry| entry.place.term)
    }

    pub(super) fn entry(&self, index: u64) -> Option<&Entry> {
        let at = index.checked_sub(self.base.index + 1)?;
        self.records.get(at as usize).map(|record| &record.entry)
    }

    pub(super) fn entries(&self, from: u64, max: usize) -> Vec<Entry> {
        let at = from.saturating_sub(self.base.index + 1) as usize;
        self.records.iter().skip(at).take(max).map(|record| record.entry.clone()).collect()
    }

    pub(super) fn append(&mut self, entry: Entry) {
        assert_eq!(entry.place.index, self.last().index + 1, "a log has no gaps");
        let checksum = entry.batch.checksum();
        self.records.push(Record { entry, checksum, is_flipped: false });
    }

    /// Takes away what another leader's log does not have.
    pub(super) fn truncate(&mut self, from: u64) {
        let keep = from.saturating_sub(self.base.index + 1) as usize;
        self.records.truncate(keep);
        self.synced = self.synced.min(self.last().index);
        self.truth.split_off(&from);
    }

    /// What was written up to this place is on the disk, if it is still there.
    pub(super) fn sync(&mut self, upto: Place) {
        if self.term_at(upto.index) != Some(upto.term) {
            return;
        }
        for index in self.synced + 1..=upto.index {
            if let Some(term) = self.term_at(index) {
                self.truth.insert(index, term);
            }
        }
        self.synced = self.synced.max(upto.index);
    }

    /// Whether this disk truly held the entry at some time.
    pub(super) fn held(&self, place: Place) -> bool {
        place.index <= self.truth_base || self.truth.get(&place.index) == Some(&place.term)
    }

    /// Takes a snapshot in; the log up to `keep` entries before it goes.
    pub(super) fn keep_snapshot(&mut self, snapshot: Rc<Snapshot>, keep: u64) {
        self.truth_base = self.truth_base.max(snapshot.place.index);
        let purged = snapshot.place.index.saturating_sub(keep);
        self.snapshots.push((snapshot, false));
        if self.snapshots.len() > SNAPSHOTS_KEPT {
            self.snapshots.remove(0);
        }
        if purged > self.base.index
            && let Some(term) = self.term_at(purged)
        {
            self.records.drain(..(purged - self.base.index) as usize);
            self.base = Place { term, index: purged };
            // What is purged stands in the snapshot, which is on the disk, synced or not.
            self.synced = self.synced.max(purged);
        }
        self.truth = self.truth.split_off(&self.base.index);
    }

    /// Puts a snapshot of the leader in the place of the log, but for what goes on behind it.
    pub(super) fn install(&mut self, snapshot: Rc<Snapshot>) {
        let place = snapshot.place;
        if self.term_at(place.index) == Some(place.term) {
            self.records.drain(..(place.index - self.base.index) as usize);
        } else {
            self.records.clear();
        }
        self.base = place;
        self.synced = self.synced.max(place.index).min(self.last().index);
        self.keep_snapshot(snapshot, 0);
    }

    pub(super) fn snapshot(&self) -> Option<Rc<Snapshot>> {
        self.snapshots.last().map(|(snapshot, _)| Rc::clone(snapshot))
    }

    /// The power fails: of what was not synced a beginning may be there, and the record behind it torn, which its
    /// checksum tells. Gives whether a record was torn, and how many were lost.
    pub(super) fn crash(&mut self, salt: u64) -> (bool, u64) {
        let unsynced = self.last().index.saturating_sub(self.synced);
        let kept = if unsynced == 0 { 0 } else { salt % (unsynced + 1) };
        let lost = unsynced - kept;
        let torn = lost > 0 && (salt >> 16).is_multiple_of(2);
        let end = self.synced + kept + 1;
        if torn {
            let at = (end - self.base.index - 1) as usize;
            self.records.truncate(at + 1);
            damage(&mut self.records[at]);
        } else if lost > 0 {
            let keep = end.saturating_sub(self.base.index + 1) as usize;
            self.records.truncate(keep);
        }
        (torn, lost)
    }

    /// A bit flips in a record or in the last snapshot; it shows when it is read. False where there is nothing.
    pub(super) fn flip(&mut self, salt: u64) -> bool {
        if salt.is_multiple_of(4)
            && let Some((_, flipped)) = self.snapshots.last_mut()
        {
            *flipped = true;
            return true;
        }
        if self.records.is_empty() {
            return false;
        }
        let at = (salt >> 8) as usize % self.records.len();
        self.records[at].is_flipped = true;
        true
    }

    /// Reads everything at a start. A damaged record ends the log: behind the mark of what is synced that is a torn
    /// write, before it something is lost. `trusts` skips the checksums.
    pub(super) fn load(&mut self, trusts: bool) -> Found {
        self.records.iter_mut().filter(|record| record.is_flipped).for_each(damage);
        let is_sound = |record: &Record| trusts || record.entry.batch.checksum() == record.checksum;
        let sound = self.records.iter().take_while(|record| is_sound(record)).count();
        self.records.truncate(sound);
        let mut damaged = self.last().index < self.synced;
        while let Some((_, true)) = self.snapshots.last() {
            self.snapshots.pop();
        }
        let snapshot = self.snapshot();
        let start = snapshot.as_ref().map_or(Place::default(), |snapshot| snapshot.place);
        if start.index < self.base.index {
            // The log begins behind the state: what is left of it says nothing.
            damaged = true;
        }
        if start.index < self.base.index || self.last().index < start.index {
            // A follower may have applied, and kept in a snapshot, what its own disk had not yet: the log goes on behind it.
            self.records.clear();
            self.base = start;
        }
        // What is read back is on the disk.
        self.synced = self.last().index;
        for index in self.base.index + 1..=self.synced {
            if let Some(term) = self.term_at(index) {
                self.truth.insert(index, term);
            }
        }
        self.suspect |= damaged;
        Found { snapshot }
    }
}

/// Flips a bit of a record; its checksum stays what it was.
fn damage(record: &mut Record) {
    record.is_flipped = false;
    let mut batch = (*record.entry.batch).clone();
    match batch.commands.first_mut() {
        Some(command) => {
            let mut frame = command.frame.to_vec();
            let at = frame.len() / 2;
            frame[at] ^= 1;
            command.frame = frame.into();
        }
        None => batch.at.0 ^= 1,
    }
    record.entry.batch = Rc::new(batch);
}
