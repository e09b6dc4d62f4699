//! Compares what this node's snapshots say with what the leader's say (I8). A chain covers what commands have led to;
//! the bytes of a snapshot cover the whole state, and what Raft and the proposals left beside it.
//!
//! **Invariant:** a node goes on only while its snapshot at an entry equals the leader's at the same entry. What nodes
//! may differ in is left out: how much history each keeps, and snapshots in another form of the file.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Own digests that are kept: the leader's latest snapshot is one of the last, or of no interest.
const KEPT: usize = 8;

/// What a snapshot comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotDigest {
    /// The last entry that it holds.
    pub raft_index: u64,
    /// The form of its bytes; those of another form are not compared.
    pub form: u16,
    /// Hash of all that replicas must agree on.
    pub hash: u128,
}

/// Two snapshots at one entry differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotDifference {
    raft_index: u64,
    there: u128,
    here: u128,
}

impl fmt::Display for SnapshotDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SnapshotDifference { raft_index, there, here } = self;
        write!(f, "the snapshot at entry {raft_index} has the digest {there:032x} there and {here:032x} here")
    }
}

/// The digests of this node's last snapshots.
#[derive(Debug, Default)]
pub struct SnapshotDigests {
    own: Mutex<VecDeque<SnapshotDigest>>,
}

impl SnapshotDigests {
    /// A snapshot is on this node's disk.
    pub fn add(&self, digest: SnapshotDigest) {
        let mut own = self.lock();
        own.retain(|known| known.raft_index != digest.raft_index);
        own.push_back(digest);
        while own.len() > KEPT {
            own.pop_front();
        }
    }

    /// That of the latest snapshot.
    #[must_use]
    pub fn latest(&self) -> Option<SnapshotDigest> {
        self.lock().iter().max_by_key(|digest| digest.raft_index).copied()
    }

    /// Compares what the leader says with the own snapshot at the same entry, if there is one.
    #[must_use]
    pub fn heard(&self, said: SnapshotDigest) -> Option<SnapshotDifference> {
        let SnapshotDigest { raft_index, form, hash } = said;
        let own = self.lock();
        let own = own.iter().find(|own| own.raft_index == raft_index && own.form == form)?;
        (own.hash != hash).then_some(SnapshotDifference { raft_index, there: hash, here: own.hash })
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<SnapshotDigest>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(raft_index: u64, hash: u128) -> SnapshotDigest {
        SnapshotDigest { raft_index, form: 2, hash }
    }

    #[test]
    fn i8_equal_entries_must_have_equal_digests() {
        let digests = SnapshotDigests::default();
        assert_eq!((digests.latest(), digests.heard(digest(1, 1))), (None, None));
        digests.add(digest(10, 1));
        digests.add(digest(20, 2));
        assert_eq!(digests.latest(), Some(digest(20, 2)));
        assert_eq!(digests.heard(digest(10, 1)), None);
        assert_eq!(digests.heard(digest(15, 9)), None, "no snapshot there");
        let difference = SnapshotDifference { raft_index: 10, there: 9, here: 1 };
        assert_eq!(digests.heard(digest(10, 9)), Some(difference));
    }

    #[test]
    fn another_form_is_not_compared_and_the_oldest_are_forgotten() {
        let digests = SnapshotDigests::default();
        for index in 1..=KEPT as u64 + 1 {
            digests.add(digest(index, 1));
        }
        assert_eq!(digests.heard(digest(1, 9)), None);
        assert!(digests.heard(digest(2, 9)).is_some());
        assert_eq!(digests.heard(SnapshotDigest { form: 1, ..digest(2, 9) }), None);
    }
}
