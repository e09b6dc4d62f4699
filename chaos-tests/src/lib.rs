//! Tools that look for mistakes in Ringmain: a naive second model of its rules, a seeded simulation, a checker of
//! recorded histories, and drills with real processes.

pub mod checker;
mod clock;
pub mod compare;
pub mod drills;
pub mod model;
pub mod scenario;
pub mod sim;
pub mod steps;
