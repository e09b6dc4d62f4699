//! Where the nodes are, and which is tried next.

use alloc::vec::Vec;

use crate::ids::Name;

/// Addresses that a client remembers.
const ADDRESSES_MAX: usize = 64;

/// The known nodes in a ring. A round is over when each has failed once since one worked.
#[derive(Debug)]
pub(super) struct Addresses {
    ring: Vec<Known>,
    at: usize,
    rounds_failed: u32,
}

#[derive(Debug)]
struct Known {
    address: Name,
    /// In this round.
    failed: bool,
}

impl Addresses {
    pub(super) fn new(addresses: Vec<Name>) -> Addresses {
        let mut known = Addresses { ring: Vec::new(), at: 0, rounds_failed: 0 };
        known.learn(addresses);
        assert!(!known.ring.is_empty(), "a client needs an address to begin with");
        known
    }

    /// The node to try now.
    pub(super) fn present(&self) -> Name {
        self.ring[self.at].address.clone()
    }

    /// Remembers nodes it did not know.
    pub(super) fn learn(&mut self, addresses: Vec<Name>) {
        for address in addresses {
            if self.ring.len() < ADDRESSES_MAX && !address.is_empty() && self.place_of(&address).is_none() {
                self.ring.push(Known { address, failed: false });
            }
        }
    }

    /// Whether a hint names another node than the present one.
    pub(super) fn is_elsewhere(&self, hint: Option<&Name>) -> bool {
        hint.is_some_and(|hint| !hint.is_empty() && *hint != self.ring[self.at].address)
    }

    /// Leaves the present node, which failed or wants to be left, for the one of the hint; true when it does. A hint
    /// to a node that failed in this round does not count, or nodes that name each other would keep the client from
    /// all others: then the next one is tried that has not failed.
    pub(super) fn leave(&mut self, hint: Option<Name>) -> bool {
        self.ring[self.at].failed = true;
        if self.ring.iter().all(|known| known.failed) {
            self.ring.iter_mut().for_each(|known| known.failed = false);
            self.rounds_failed = self.rounds_failed.saturating_add(1);
        }
        self.learn(hint.iter().cloned().collect());
        let hinted = hint.and_then(|hint| self.place_of(&hint));
        let hinted = hinted.filter(|at| *at != self.at && !self.ring[*at].failed);
        self.at = hinted.unwrap_or_else(|| self.next());
        hinted.is_some()
    }

    /// The present node works.
    pub(super) fn succeeded(&mut self) {
        self.ring.iter_mut().for_each(|known| known.failed = false);
        self.rounds_failed = 0;
    }

    /// How often all nodes have failed since one worked.
    pub(super) fn rounds_failed(&self) -> u32 {
        self.rounds_failed
    }

    fn place_of(&self, address: &Name) -> Option<usize> {
        self.ring.iter().position(|known| known.address == *address)
    }

    /// The next in the ring that has not failed in this round.
    fn next(&self) -> usize {
        let mut after = (1..=self.ring.len()).map(|step| (self.at + step) % self.ring.len());
        after.find(|at| !self.ring[*at].failed).expect("a round is over before the last of all is marked")
    }
}
