//! `ringmain demo`: three regions, three nodes as real processes, a real centre's day played by real clients, and a
//! final judgement of what the nodes have against what the clients were told.

mod board;
mod cast;
mod cluster;
mod failover;
mod keys;
mod options;
mod report;
mod run;
mod scan;
mod setup;
mod watcher;

pub use options::DemoArgs;
pub use run::run;
