//! Who leads.

use std::collections::BTreeSet;

use super::lead::Leading;
use super::{Batch, Disk, LEASE_MS, Message, Place, Raft, Role};

impl Raft {
    /// Asks whether there would be votes, so that one who was cut off disturbs nobody.
    pub(super) fn ask(&mut self, disk: &mut Disk, now: u64) {
        self.leader = None;
        self.role = Role::Asking(BTreeSet::from([self.me]));
        let (term, last) = (disk.term + 1, disk.last());
        for other in self.others() {
            self.send(other, Message::Ask { term, pre: true, last });
        }
        self.count(disk, now);
    }

    fn stand(&mut self, disk: &mut Disk, now: u64) {
        disk.term += 1;
        disk.voted = Some(self.me);
        self.agreed = 0;
        self.role = Role::Candidate(BTreeSet::from([self.me]));
        let (term, last) = (disk.term, disk.last());
        for other in self.others() {
            self.send(other, Message::Ask { term, pre: false, last });
        }
        self.count(disk, now);
    }

    pub(super) fn hear_ask(
        &mut self,
        disk: &mut Disk,
        from: usize,
        (term, pre, last): (u64, bool, Place),
        now: u64,
    ) {
        let is_held =
            self.is_leader() || (self.leader.is_some() && now < self.heard_at.saturating_add(LEASE_MS));
        let up_to_date = last >= disk.last();
        if pre {
            let granted = term > disk.term && !is_held && up_to_date && !self.is_suspect(disk);
            let term = if granted { term } else { disk.term };
            return self.send(from, Message::Vote { term, pre, granted });
        }
        if term > disk.term && !is_held {
            self.follow(disk, term, None, now);
        }
        let is_free = disk.voted.is_none_or(|voted| voted == from);
        let granted =
            term == disk.term && is_free && up_to_date && !self.is_suspect(disk) && !self.is_leader();
        if granted {
            disk.voted = Some(from);
            self.put_off_election(now);
        }
        self.send(from, Message::Vote { term: disk.term, pre, granted });
    }

    pub(super) fn hear_vote(
        &mut self,
        disk: &mut Disk,
        from: usize,
        (term, pre, granted): (u64, bool, bool),
        now: u64,
    ) {
        if !granted && term > disk.term {
            return self.follow(disk, term, None, now);
        }
        match &mut self.role {
            Role::Asking(votes) if pre && granted && term == disk.term + 1 => votes.insert(from),
            Role::Candidate(votes) if !pre && granted && term == disk.term => votes.insert(from),
            Role::Asking(_) | Role::Candidate(_) | Role::Follower | Role::Leader(_) => return,
        };
        self.count(disk, now);
    }

    fn count(&mut self, disk: &mut Disk, now: u64) {
        let majority = self.majority();
        match &self.role {
            Role::Asking(votes) if votes.len() >= majority => self.stand(disk, now),
            Role::Candidate(votes) if votes.len() >= majority => self.lead(disk, now),
            Role::Asking(_) | Role::Candidate(_) | Role::Follower | Role::Leader(_) => {}
        }
    }

    /// Begins with an entry of its own term: what it commits of earlier terms it commits with that.
    fn lead(&mut self, disk: &mut Disk, now: u64) {
        self.role = Role::Leader(Leading::new(self.size, disk.last().index, now));
        self.leader = Some(self.me);
        if !self.propose(disk, Batch::default(), now) {
            self.resign(now);
        }
    }
}
