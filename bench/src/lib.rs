//! Scenarios, results, workloads, the core in virtual time, and the statistics that judge them.
//!
//! [`scenario::Scenario`] and [`result`] are the exchange formats of everything that is simulated, replayed or
//! recorded; [`workload::generate`] draws scenarios from profiles; [`simulate::simulate`] runs them through
//! the routing core as fast as the machine allows; [`stats`], [`erlang`] and [`theory`] judge what came out.
//!
//! **Invariant:** a scenario holds every random value already, so simulating it is deterministic without a seed.

mod cells;
mod chart;
pub mod clock;
pub mod cluster;
pub mod compare;
pub mod core_load;
pub mod erlang;
mod fields;
mod intern;
pub mod mmc;
pub mod nodes;
pub mod play;
pub mod problem;
pub mod profile;
pub mod report;
pub mod result;
pub mod scale;
pub mod scenario;
mod servers;
pub mod simulate;
pub mod stats;
mod task;
pub mod theory;
pub mod usage;
pub mod workload;
