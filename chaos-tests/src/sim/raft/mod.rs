//! A model of the Raft that the nodes run (openraft as it is configured): pre-vote, leases, terms, appends that are
//! acknowledged when they are synced, snapshots for those who lag. One node's share of it, free of I/O: what is to be
//! sent or written comes out of [`Raft::take_out`].
//!
//! A node that lost part of its log is *suspect*: it grants no vote, stands for no election and counts in no majority
//! until it holds all that a leader had when that leader knew of its new run.

mod election;
mod follow;
mod lead;

use std::collections::BTreeSet;
use std::rc::Rc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use ringmain_routing::planted::{Planted, is};

use super::disk::{Batch, Disk, Entry, Place, Snapshot};
use lead::Leading;

/// The leader's sign of life, in ms.
const HEARTBEAT_MS: u64 = 40;
/// An election begins after this and up to as much again.
const ELECTION_MS: u64 = 150;
/// For so long after hearing its leader a node helps no other.
const LEASE_MS: u64 = 150;
/// A leader that has not heard a majority for so long goes quiet.
const QUIET_MS: u64 = 600;
/// Entries in one append.
const ENTRIES_PER_APPEND: usize = 32;

/// A message of Raft between two nodes.
#[derive(Clone, Debug)]
pub(super) enum Message {
    /// Asks for a vote, or whether there would be one.
    Ask {
        term: u64,
        pre: bool,
        last: Place,
    },
    Vote {
        term: u64,
        pre: bool,
        granted: bool,
    },
    Append(Append),
    Appended(Appended),
    Install {
        term: u64,
        snapshot: Rc<Snapshot>,
    },
}

/// Entries of the leader, or only its sign of life.
#[derive(Clone, Debug)]
pub(super) struct Append {
    pub term: u64,
    pub prev: Place,
    pub entries: Vec<Entry>,
    pub commit: u64,
    /// The end of the leader's log.
    pub last: u64,
    /// The last run of the receiver that the leader knows of.
    pub for_run: u64,
}

/// How far a follower's disk agrees with the leader's log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appended {
    pub term: u64,
    pub run: u64,
    pub agrees: bool,
    /// Synced and equal up to here; where it does not agree, a place to try next.
    pub matched: u64,
    pub suspect: bool,
}

/// What a node's Raft wants done.
#[derive(Clone, Debug)]
pub(super) enum Out {
    Send(usize, Message),
    /// Sync the log; then call [`Raft::synced`].
    Sync,
    /// The state is to be replaced by this one.
    Installed(Rc<Snapshot>),
}

#[derive(Debug)]
pub(super) enum Role {
    Follower,
    /// Would there be votes?
    Asking(BTreeSet<usize>),
    Candidate(BTreeSet<usize>),
    Leader(Leading),
}

/// One node's Raft. Times are milliseconds of the node's monotonic clock.
pub(super) struct Raft {
    me: usize,
    size: usize,
    run: u64,
    pub role: Role,
    pub leader: Option<usize>,
    pub commit: u64,
    /// Equal to the present leader's log up to here.
    agreed: u64,
    /// Where a suspect node is healed.
    heals_at: Option<u64>,
    election_at: u64,
    heard_at: u64,
    rng: ChaCha8Rng,
    out: Vec<Out>,
}

impl Raft {
    pub(super) fn new(me: usize, size: usize, run: u64, seed: u64, commit: u64) -> Raft {
        Raft {
            me,
            size,
            run,
            role: Role::Follower,
            leader: None,
            commit,
            agreed: 0,
            heals_at: None,
            election_at: 0,
            heard_at: 0,
            rng: ChaCha8Rng::seed_from_u64(seed),
            out: Vec::new(),
        }
    }

    pub(super) fn take_out(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }

    pub(super) fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// The node has just started.
    pub(super) fn begin(&mut self, now: u64) {
        self.put_off_election(now);
    }

    /// Time goes by.
    pub(super) fn tick(&mut self, disk: &mut Disk, now: u64) {
        match self.role {
            Role::Leader(_) => self.tick_leader(disk, now),
            Role::Follower | Role::Asking(_) | Role::Candidate(_) => {
                if now >= self.election_at {
                    self.put_off_election(now);
                    if !disk.suspect {
                        self.ask(disk, now);
                    }
                }
            }
        }
    }

    pub(super) fn hear(&mut self, disk: &mut Disk, from: usize, message: Message, now: u64) {
        match message {
            Message::Ask { term, pre, last } => self.hear_ask(disk, from, (term, pre, last), now),
            Message::Vote { term, pre, granted } => self.hear_vote(disk, from, (term, pre, granted), now),
            Message::Append(append) => self.hear_append(disk, from, append, now),
            Message::Appended(appended) => self.hear_appended(disk, from, appended, now),
            Message::Install { term, snapshot } => self.hear_install(disk, from, term, &snapshot, now),
        }
    }

    /// The log is synced up to where it reached when that was asked for.
    pub(super) fn synced(&mut self, disk: &mut Disk, now: u64) {
        match self.role {
            Role::Leader(_) => self.advance(disk, now),
            Role::Follower => self.acknowledge(disk),
            Role::Asking(_) | Role::Candidate(_) => {}
        }
    }

    /// Writes an entry of this leader's term; false where there is no room or no reign.
    pub(super) fn propose(&mut self, disk: &mut Disk, batch: Batch, now: u64) -> bool {
        if !self.is_leader() || disk.full {
            return false;
        }
        let place = Place { term: disk.term, index: disk.last().index + 1 };
        disk.append(Entry { place, batch: Rc::new(batch) });
        self.out.push(Out::Sync);
        self.broadcast(disk, now);
        true
    }

    /// Steps down.
    pub(super) fn resign(&mut self, now: u64) {
        self.role = Role::Follower;
        self.leader = None;
        self.put_off_election(now);
    }

    fn follow(&mut self, disk: &mut Disk, term: u64, leader: Option<usize>, now: u64) {
        if term > disk.term {
            (disk.term, disk.voted) = (term, None);
            self.agreed = 0;
            self.leader = None;
        }
        if self.leader != leader {
            self.agreed = 0;
        }
        self.leader = leader;
        self.role = Role::Follower;
        if leader.is_some() {
            self.heard_at = now;
            self.put_off_election(now);
        }
    }

    fn put_off_election(&mut self, now: u64) {
        self.election_at = now + LEASE_MS + ELECTION_MS + self.rng.random_range(0..ELECTION_MS);
    }

    fn majority(&self) -> usize {
        self.size / 2 + 1
    }

    fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let me = self.me;
        (0..self.size).filter(move |node| *node != me)
    }

    fn is_suspect(&self, disk: &Disk) -> bool {
        disk.suspect && !is(Planted::SuspectVotes)
    }

    fn send(&mut self, to: usize, message: Message) {
        self.out.push(Out::Send(to, message));
    }
}
