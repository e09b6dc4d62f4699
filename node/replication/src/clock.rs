//! Time as this crate sees it: handed in, so that tests and simulations hold it in their hands.

use std::time::Duration;

/// The clocks of a node. Implemented by the server alone, and by tests with a hand-driven one.
pub trait Clock: Send + Sync {
    /// Time since an arbitrary moment; never goes back.
    fn monotonic(&self) -> Duration;
    /// Milliseconds since the Unix epoch, as the machine believes.
    fn wall_ms(&self) -> u64;
}
