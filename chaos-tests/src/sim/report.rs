//! What a run did, and how often each thing went wrong in it.

use std::collections::BTreeMap;

use super::net::Net;

/// Everything that must go wrong somewhere in a run of many seeds: a fault that never comes proves nothing.
pub const FAULTS: [&str; 43] = [
    "crash",
    "crash-after-sync",
    "crash-after-apply",
    "crash-when-elected",
    "crash-at-work",
    "crash-all",
    "walls-behind",
    "lost-tail",
    "torn-write",
    "flip",
    "suspect",
    "slow-disk",
    "full-disk",
    "pause",
    "isolate",
    "behind",
    "halves",
    "ring",
    "one-way",
    "flap",
    "noise",
    "messages-lost",
    "messages-doubled",
    "messages-late",
    "wall-jump",
    "drift",
    "snapshot",
    "installs",
    "elections",
    "nodes-lost",
    "cut-stream",
    "mute",
    "end-program",
    "doubled",
    "dropped",
    "lost-answers",
    "full-receivers",
    "refusals",
    "confusion",
    "unknown",
    "full-lists",
    "repeated-actions",
    "forgotten-keys",
];

/// What one run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimReport {
    /// Events carried out.
    pub events: u64,
    /// Commands of the log.
    pub commands: u64,
    /// Contacts that gateways were promised.
    pub accepted: u64,
    /// How often each thing happened.
    pub counts: BTreeMap<&'static str, u64>,
    /// Hash over all events in order.
    pub trace: u128,
}

impl SimReport {
    /// Something happened once more.
    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(super) fn note_net(&mut self, net: &Net) {
        for (what, count) in
            [("messages-lost", net.lost), ("messages-doubled", net.doubled), ("messages-late", net.spikes)]
        {
            *self.counts.entry(what).or_default() += count;
        }
    }

    /// Adds what another run did.
    pub fn add(&mut self, other: &SimReport) {
        self.events += other.events;
        self.commands += other.commands;
        self.accepted += other.accepted;
        for (what, count) in &other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }

    /// Faults that never came.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        FAULTS.into_iter().filter(|fault| self.counts.get(fault).is_none_or(|count| *count == 0)).collect()
    }
}
