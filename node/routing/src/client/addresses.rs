//! Where the nodes are, and which is tried next.

use alloc::vec::Vec;

use crate::ids::Name;

/// Addresses that a client remembers.
const ADDRESSES_MAX: usize = 64;

/// The known nodes in a ring, and the one that a hint names.
#[derive(Debug)]
pub(super) struct Addresses {
    ring: Vec<Name>,
    at: usize,
    failed: u32,
}

impl Addresses {
    pub(super) fn new(addresses: Vec<Name>) -> Addresses {
        let mut known = Addresses { ring: Vec::new(), at: 0, failed: 0 };
        known.learn(addresses);
        assert!(!known.ring.is_empty(), "a client needs an address to begin with");
        known
    }

    /// The node to try now.
    pub(super) fn present(&self) -> Name {
        self.ring[self.at].clone()
    }

    /// Remembers nodes it did not know.
    pub(super) fn learn(&mut self, addresses: Vec<Name>) {
        for address in addresses {
            if self.ring.len() < ADDRESSES_MAX && !address.is_empty() && !self.ring.contains(&address) {
                self.ring.push(address);
            }
        }
    }

    /// Goes to the node of the hint; false when there is no hint or it names the present one.
    pub(super) fn prefer(&mut self, hint: Option<Name>) -> bool {
        let Some(hint) = hint.filter(|hint| !hint.is_empty()) else { return false };
        self.learn(Vec::from([hint.clone()]));
        let Some(at) = self.ring.iter().position(|address| *address == hint) else { return false };
        let elsewhere = at != self.at;
        self.at = at;
        elsewhere
    }

    /// Goes to the next node after a failure or on request.
    pub(super) fn advance(&mut self) {
        self.at = (self.at + 1) % self.ring.len();
        self.failed = self.failed.saturating_add(1);
    }

    /// The present node works.
    pub(super) fn succeeded(&mut self) {
        self.failed = 0;
    }

    /// How often all nodes have failed since one worked.
    pub(super) fn rounds_failed(&self) -> u32 {
        self.failed / self.ring.len() as u32
    }
}
