//! Real systems under an open-loop load, rate by rate: a cluster of our nodes, and the systems that it is held against.
//!
//! Contacts are due when a schedule says so, whatever the system does, and latencies count from that moment: a slow
//! system does not slow its own measurement down (no coordinated omission). One life cycle is a push with a
//! priority, the assignment to one operator in the same or a later log entry, and the completion; each step of it is
//! replicated and synced before anybody is told.

mod book;
mod centre;
mod desk;
mod failover;
mod failover_page;
mod figures;
mod gateway;
mod ours;
mod pacer;
mod page;
#[cfg(feature = "peers")]
pub mod peers;
mod port;
mod reading;
mod redial;
mod rig;
mod roll;
mod schedule;
mod search;
mod service;
mod surge;
mod surge_page;
mod system;
mod told;

pub(crate) use self::book::{Book, histogram};
pub(crate) use self::centre::{ADMIN, CHANNEL, QUEUE, Seat, seat};
pub(crate) use self::desk::Desk;
pub(crate) use self::gateway::Gateway;
pub(crate) use self::port::Port;
pub(crate) use self::reading::{Gauges, http, log_index};
pub(crate) use self::roll::Roll;
pub(crate) use self::system::Counters;

pub use self::failover::{Death, Failover, FailoverSetup};
pub use self::figures::{Class, Counts, FORMAT, Latency, Machine, NodeFigures, Run, Setup, Step, Work};
pub use self::ours::Ours;
pub use self::pacer::WINDOW_FULL;
pub use self::redial::Habit;
pub use self::rig::{Order, Progress, Rig};
pub use self::schedule::{Arrivals, Course, Leg, Schedule};
pub use self::search::Search;
pub use self::service::{Hurry, Service};
pub use self::surge::{Kill, Phase, Surge, SurgeSetup};
pub use self::system::System;
pub use self::told::{Calls, Fate, Second};
