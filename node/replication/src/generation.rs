//! Which life of a cluster something belongs to.
//!
//! A cluster that was restored from a backup, or forced out of a lost majority, begins a new generation. Nodes and
//! cursors of an earlier one know of a log that no longer exists: they are told so instead of being taken at their word.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The generation of a cluster that was formed and never restored.
pub const FIRST_GENERATION: u64 = 1;

/// A cluster's generation as one node knows it; 0 while it was not told. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Generation(Arc<AtomicU64>);

impl Generation {
    /// Known from the start.
    #[must_use]
    pub fn new(generation: u64) -> Self {
        Self(Arc::new(AtomicU64::new(generation)))
    }

    /// What it is; 0 while that is not known.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether one who says it is of `other` may belong to the same life of the cluster. Who does not know yet may.
    #[must_use]
    pub fn admits(&self, other: u64) -> bool {
        let own = self.get();
        own == 0 || other == 0 || own == other
    }

    pub(crate) fn set(&self, generation: u64) {
        self.0.store(generation, Ordering::Relaxed);
    }
}

impl PartialEq for Generation {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Generation {}

/// The generation that follows `last` for a cluster that begins anew when the wall clock shows `wall_ms`. Two
/// clusters made from one backup differ in it.
#[must_use]
pub fn next(last: u64, wall_ms: u64) -> u64 {
    wall_ms.max(last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_know_yet_is_admitted_and_another_life_is_not() {
        let own = Generation::new(5);
        assert!(own.admits(5) && own.admits(0) && !own.admits(4));
        assert!(Generation::default().admits(4));
    }

    #[test]
    fn a_new_generation_is_later_than_the_last_whatever_the_clock_says() {
        assert_eq!(next(1, 1_700_000_000_000), 1_700_000_000_000);
        assert_eq!(next(1_700_000_000_000, 5), 1_700_000_000_001);
    }
}
