//! What a follower does with what its leader sends.

use std::rc::Rc;

use ringmain_routing::planted::{Planted, is};

use super::{Append, Appended, Disk, Entry, Message, Out, Place, Raft, Snapshot};

impl Raft {
    pub(super) fn hear_append(&mut self, disk: &mut Disk, from: usize, append: Append, now: u64) {
        if append.term < disk.term {
            let Append { term: _, prev, .. } = append;
            return self.answer(disk, from, false, prev.index);
        }
        self.follow(disk, append.term, Some(from), now);
        let Some((prev, entries)) = behind_base(disk.base(), append.prev, append.entries) else {
            return self.acknowledge(disk);
        };
        if disk.term_at(prev.index) != Some(prev.term) {
            let hint = disk.last().index.min(prev.index.saturating_sub(1)).max(self.commit);
            return self.answer(disk, from, false, hint);
        }
        let mut agreed = prev.index;
        let before = disk.last();
        for entry in entries {
            if !take(disk, entry) {
                break;
            }
            agreed += 1;
        }
        self.agreed = self.agreed.max(agreed);
        if append.for_run == self.run && disk.suspect && self.heals_at.is_none() {
            self.heals_at = Some(append.last);
        }
        self.commit = self.commit.max(append.commit.min(self.agreed));
        if disk.last() == before {
            self.acknowledge(disk);
        } else {
            self.out.push(Out::Sync);
            if is(Planted::AckBeforeSync) {
                self.acknowledge(disk);
            }
        }
    }

    /// Tells the leader how far the disk agrees with its log.
    pub(super) fn acknowledge(&mut self, disk: &mut Disk) {
        let Some(leader) = self.leader.filter(|leader| *leader != self.me) else { return };
        let on_disk = if is(Planted::AckBeforeSync) { disk.last().index } else { disk.synced() };
        let matched = on_disk.min(self.agreed);
        if self.heals_at.is_some_and(|heals_at| matched >= heals_at) {
            self.heals_at = None;
            disk.suspect = false;
        }
        self.answer(disk, leader, true, matched);
    }

    fn answer(&mut self, disk: &Disk, to: usize, agrees: bool, matched: u64) {
        let suspect = self.is_suspect(disk);
        let appended = Appended { term: disk.term, run: self.run, agrees, matched, suspect };
        self.send(to, Message::Appended(appended));
    }

    pub(super) fn hear_install(
        &mut self,
        disk: &mut Disk,
        from: usize,
        term: u64,
        snapshot: &Rc<Snapshot>,
        now: u64,
    ) {
        if term < disk.term {
            return self.answer(disk, from, false, 0);
        }
        self.follow(disk, term, Some(from), now);
        let place = snapshot.place;
        if place.index > self.commit && !disk.full {
            disk.install(Rc::clone(snapshot));
            self.commit = place.index;
            self.out.push(Out::Installed(Rc::clone(snapshot)));
        }
        if place.index <= self.commit {
            self.agreed = self.agreed.max(place.index);
        }
        self.acknowledge(disk);
    }
}

/// The part of an append behind what is purged here, which is committed and so the same; `None` when all is purged.
fn behind_base(base: Place, prev: Place, entries: Vec<Entry>) -> Option<(Place, Vec<Entry>)> {
    if prev.index >= base.index {
        return Some((prev, entries));
    }
    let last = prev.index + entries.len() as u64;
    let rest = entries.into_iter().filter(|entry| entry.place.index > base.index).collect();
    (last >= base.index).then_some((base, rest))
}

/// Takes an entry of the leader; false when there is no room for it.
fn take(disk: &mut Disk, entry: Entry) -> bool {
    if disk.term_at(entry.place.index) == Some(entry.place.term) {
        return true;
    }
    if disk.full {
        return false;
    }
    if entry.place.index <= disk.last().index {
        disk.truncate(entry.place.index);
    }
    disk.append(entry);
    true
}
