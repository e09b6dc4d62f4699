//! What tests of this crate share.

use std::time::Duration;

use crate::clock::Clock;

/// A clock that stands still.
pub struct FrozenClock;

impl Clock for FrozenClock {
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn wall_ms(&self) -> u64 {
        0
    }
}
