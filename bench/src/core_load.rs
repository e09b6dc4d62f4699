//! The core alone, in one thread: a centre in which many contacts wait and nearly everybody is busy, with
//! classes, profiles, capacity, exclusions and timers, and the time that each command takes in the core.
//!
//! **Invariant:** the same size and seed give the same commands and the same chain. Time is measured, nothing is
//! decided by it.

mod centre;
pub mod counting;
mod figures;
mod measure;
mod page;
mod shape;

pub use self::centre::{Centre, CountedApply, Kind};
pub use self::figures::{
    CONTACT_BYTES_GOAL, Cell, DECISION_GOAL_NS, FORMAT, GROWTH_GOAL, Growth, HeapFigures, RESTORE_GOAL_MS,
    Run, Times, VIEW_GOAL_MS, ViewFigures,
};
pub use self::measure::{measure_cell, measure_heap, measure_views};
pub use self::page::Goal;
pub use self::shape::Size;
