//! What a node keeps and takes at most.

use crate::shape::{Field, Kind, Need, Shape};

/// Limits of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeLimits {
    /// Bytes of log after which a snapshot is made.
    pub snapshot_log_bytes: u64,
    /// Log entries kept behind a snapshot, for a peer that has to catch up.
    pub entries_kept: u64,
    /// Applied commands kept in memory for streams that resume.
    pub feed_max: u64,
    /// Size of the reserve on the disk; 0 for none.
    pub disk_reserve_bytes: u64,
    /// Share of the disk that may be used before the node takes no commands.
    pub disk_used_percent_max: u64,
    /// Bytes a second of snapshots and history to nodes that lag; 0 for no limit.
    pub transfer_bytes_per_s: u64,
    /// Days that history is kept; 0 for ever.
    pub history_keep_days: u64,
    /// Bytes of history that are kept; 0 for as many as there are.
    pub history_bytes_max: u64,
}

impl NodeLimits {
    pub(super) fn named(&self) -> [(&'static str, u64); 8] {
        [
            ("snapshot_log_bytes", self.snapshot_log_bytes),
            ("entries_kept", self.entries_kept),
            ("feed_max", self.feed_max),
            ("disk_reserve_bytes", self.disk_reserve_bytes),
            ("disk_used_percent_max", self.disk_used_percent_max),
            ("transfer_bytes_per_s", self.transfer_bytes_per_s),
            ("history_keep_days", self.history_keep_days),
            ("history_bytes_max", self.history_bytes_max),
        ]
    }

    pub(super) fn read(number: impl Fn(&'static str) -> u64) -> NodeLimits {
        NodeLimits {
            snapshot_log_bytes: number("snapshot_log_bytes"),
            entries_kept: number("entries_kept"),
            feed_max: number("feed_max"),
            disk_reserve_bytes: number("disk_reserve_bytes"),
            disk_used_percent_max: number("disk_used_percent_max"),
            transfer_bytes_per_s: number("transfer_bytes_per_s"),
            history_keep_days: number("history_keep_days"),
            history_bytes_max: number("history_bytes_max"),
        }
    }
}

impl Default for NodeLimits {
    fn default() -> Self {
        NodeLimits::read(|name| LIMITS.number(name))
    }
}

pub(super) static LIMITS: Shape = Shape {
    doc: "Limits of a node.",
    exactly_one: false,
    fields: &[
        Field {
            name: "snapshot_log_bytes",
            kind: Kind::Integer(65_536, 1 << 40),
            need: Need::Number(256 << 20),
            doc: "Bytes of log after which a snapshot is made; the same on all nodes.",
        },
        Field {
            name: "entries_kept",
            kind: Kind::Integer(0, 10_000_000),
            need: Need::Number(20_000),
            doc: "Log entries kept behind a snapshot, for a peer that has to catch up.",
        },
        Field {
            name: "feed_max",
            kind: Kind::Integer(1_000, 10_000_000),
            need: Need::Number(100_000),
            doc: "Applied commands kept in memory for streams that resume.",
        },
        Field {
            name: "disk_reserve_bytes",
            kind: Kind::Integer(0, 1 << 40),
            need: Need::Number(64 << 20),
            doc: "Reserve on the disk for what is under way when it runs full; 0 for none.",
        },
        Field {
            name: "disk_used_percent_max",
            kind: Kind::Integer(1, 100),
            need: Need::Number(90),
            doc: "Used share of the disk at which the node takes no commands, unless 16 reserves are free.",
        },
        Field {
            name: "transfer_bytes_per_s",
            kind: Kind::Integer(0, 1 << 40),
            need: Need::Number(50_000_000),
            doc: "Bytes a second of snapshots and history to nodes that lag; 0 for no limit.",
        },
        Field {
            name: "history_keep_days",
            kind: Kind::Integer(0, 36_500),
            need: Need::Number(0),
            doc: "Days that history is kept; 0 for ever. Older segments go with the next snapshot.",
        },
        Field {
            name: "history_bytes_max",
            kind: Kind::Integer(0, 1 << 50),
            need: Need::Number(0),
            doc: "Bytes of history that are kept; 0 for as many as there are.",
        },
    ],
};
