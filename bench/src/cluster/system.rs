//! What the load generator needs of a system: ours and every peer can do it.

use std::collections::BTreeMap;
use std::future::Future;

use super::figures::Class;
use super::port::Port;
use crate::usage::Usage;

/// Servers that run, and clients at work there. Dropping it ends them all.
pub trait System {
    /// Where contacts of a class are brought.
    fn ports(&self, class: Class) -> Vec<Port>;

    /// Whether all servers and clients are still at work.
    ///
    /// # Errors
    /// One has ended by itself; why, if it says so.
    fn check_running(&mut self) -> anyhow::Result<()>;

    /// What each server has done since it began, always in the same order.
    ///
    /// # Errors
    /// Nobody says what processes use: this needs Linux's /proc.
    fn counters(&self) -> impl Future<Output = anyhow::Result<Vec<Counters>>>;
}

/// What a server has done since it began.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub(super) usage: Usage,
    /// Number of its run, where servers are started again; else always the same.
    pub(super) life: u64,
    /// Whether it decides what the others follow.
    pub(super) is_leader: bool,
    /// Syncs of its log; absent where nobody counts them.
    pub(super) syncs: Option<Syncs>,
    /// Absent where the system has none, or does not answer.
    pub(super) log: Option<Log>,
    /// Requests that it did not carry out, by code.
    pub(super) turned_away: BTreeMap<String, u64>,
}

/// Syncs of a log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Syncs {
    pub(super) count: u64,
    /// In all; absent where only their number is known.
    pub(super) ns: Option<u64>,
}

/// How far a replicated log is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log {
    pub(super) term: u64,
    /// Commands that were applied.
    pub(super) commands: u64,
    /// Entries that held them.
    pub(super) entries: u64,
}
