//! What a leader does: brings its log to the others, and knows what is committed.

use ringmain_routing::planted::{Planted, is};

use super::{Append, Appended, Disk, ENTRIES_PER_APPEND, HEARTBEAT_MS, Message, Place, QUIET_MS, Raft, Role};

/// What a leader knows of the others.
#[derive(Debug)]
pub(in crate::sim) struct Leading {
    peers: Vec<Peer>,
    beat_at: u64,
}

#[derive(Clone, Copy, Debug)]
struct Peer {
    next: u64,
    matched: u64,
    run: u64,
    suspect: bool,
    heard: u64,
}

impl Leading {
    pub(super) fn new(size: usize, last: u64, now: u64) -> Leading {
        let peer = Peer { next: last + 1, matched: 0, run: 0, suspect: false, heard: now };
        Leading { peers: vec![peer; size], beat_at: now }
    }
}

impl Raft {
    pub(super) fn tick_leader(&mut self, disk: &mut Disk, now: u64) {
        let majority = self.majority();
        let Role::Leader(leading) = &mut self.role else { return };
        let others = leading.peers.iter().enumerate().filter(|(node, _)| *node != self.me);
        let heard = others.filter(|(_, peer)| now < peer.heard.saturating_add(QUIET_MS)).count();
        if heard + 1 < majority {
            return self.resign(now);
        }
        if now < leading.beat_at {
            return;
        }
        leading.beat_at = now + HEARTBEAT_MS;
        for peer in &mut leading.peers {
            // What was sent and not acknowledged until now goes again.
            peer.next = peer.next.min(peer.matched + 1).max(1);
        }
        self.broadcast(disk, now);
    }

    pub(super) fn broadcast(&mut self, disk: &mut Disk, _now: u64) {
        for other in self.others() {
            self.bring(disk, other);
        }
    }

    fn bring(&mut self, disk: &Disk, to: usize) {
        let Role::Leader(leading) = &mut self.role else { return };
        let peer = &mut leading.peers[to];
        let base = disk.base();
        if peer.next <= base.index {
            let Some(snapshot) = disk.snapshot().filter(|snapshot| snapshot.place.index >= base.index) else {
                return;
            };
            // Until the next heartbeat it is taken for granted.
            peer.next = snapshot.place.index + 1;
            let term = disk.term;
            return self.send(to, Message::Install { term, snapshot });
        }
        let before = peer.next - 1;
        let Some(term) = disk.term_at(before) else { return };
        let prev = Place { term, index: before };
        let entries = disk.entries(peer.next, ENTRIES_PER_APPEND);
        peer.next += entries.len() as u64;
        let for_run = peer.run;
        let (term, commit, last) = (disk.term, self.commit, disk.last().index);
        self.send(to, Message::Append(Append { term, prev, entries, commit, last, for_run }));
    }

    pub(super) fn hear_appended(&mut self, disk: &mut Disk, from: usize, appended: Appended, now: u64) {
        if appended.term > disk.term {
            return self.follow(disk, appended.term, None, now);
        }
        let Role::Leader(leading) = &mut self.role else { return };
        let peer = &mut leading.peers[from];
        if appended.term < disk.term || appended.run < peer.run {
            return;
        }
        peer.heard = now;
        peer.suspect = appended.suspect;
        if appended.run > peer.run {
            // What an earlier run acknowledged says nothing of what this one has.
            (peer.run, peer.matched) = (appended.run, 0);
        }
        if appended.agrees {
            peer.matched = peer.matched.max(appended.matched);
            peer.next = peer.next.max(peer.matched + 1);
        } else {
            peer.next = peer.next.min(appended.matched + 1).max(1);
        }
        let is_behind = peer.next <= disk.last().index;
        self.advance(disk, now);
        if is_behind {
            self.bring(disk, from);
        }
    }

    /// What a majority of disks holds and is of this term is committed, and all before it.
    pub(super) fn advance(&mut self, disk: &mut Disk, now: u64) {
        let Role::Leader(leading) = &self.role else { return };
        let own = if is(Planted::AckBeforeSync) { disk.last().index } else { disk.synced() };
        let matched = |(node, peer): (usize, &super::lead::Peer)| match node {
            _ if node == self.me => own,
            _ if peer.suspect => 0,
            _ => peer.matched,
        };
        let mut all: Vec<u64> = leading.peers.iter().enumerate().map(matched).collect();
        all.sort_unstable();
        let held = all[self.size - self.majority()];
        if held > self.commit && disk.term_at(held) == Some(disk.term) {
            self.commit = held;
            self.broadcast(disk, now);
        }
    }
}
