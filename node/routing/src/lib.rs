//! The pure core of Ringmain: who is served next, and by whom.
//!
//! [`Router::apply`] takes one command of the replicated log and returns what it decided: a reply for the
//! one who asked and effects for those who must hear of it. Every replica applies the same commands in the
//! same order and reaches the same state, bit for bit.
//!
//! **Invariant:** no clock, no I/O, no randomness, no floating point in a decision, no hash-order iteration,
//! no async. Time arrives as `at`, a number.
#![no_std]

extern crate alloc;

pub mod command;
pub mod effect;
pub mod ids;
pub mod limits;
pub mod plan;
pub mod refusal;

pub use command::Command;
pub use effect::{Effect, Outcome, Reply};
pub use ids::*;
pub use plan::Plan;
pub use refusal::Refusal;
