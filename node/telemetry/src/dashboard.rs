//! What the Grafana dashboard shows, row by row. `packaging/grafana/ringmain.json` of the server is made of it. A metric
//! that no row shows gets a panel of its own in a last row, so that a new metric is never out of sight.
//!
//! In expressions `$all` stands for the cluster that was chosen, `$nodes` for its nodes that were chosen, `$window`
//! for a span that fits the scrapes. After a change: `UPDATE_DOCS=1 cargo test -p ringmain --test tidy`.

use crate::metric::{Kind, Metric, Unit};

/// Panels that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its heading.
    pub title: &'static str,
    /// From left to right.
    pub panels: &'static [Panel],
}

/// One panel.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
    /// Its heading.
    pub title: &'static str,
    /// How it is drawn.
    pub form: Form,
    /// How values are written.
    pub scale: Scale,
    /// What it shows: (expression, how a line is named).
    pub queries: &'static [(&'static str, &'static str)],
}

/// How a panel is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The latest value as a large number; six stand in a row.
    Number,
    /// Lines over time; three stand in a row.
    Lines,
}

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// A plain number.
    Plain,
    /// A number a second.
    PerSecond,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share of 1.
    Share,
}

impl Scale {
    /// Grafana's id of the unit.
    #[must_use]
    pub fn grafana(self) -> &'static str {
        match self {
            Scale::Plain => "short",
            Scale::PerSecond => "ops",
            Scale::Seconds => "s",
            Scale::Bytes => "bytes",
            Scale::Share => "percentunit",
        }
    }
}

/// The panel of a metric that no row shows: its expression, how a line is named, how values are written.
#[must_use]
pub fn plain_panel(metric: &Metric) -> (String, String, Scale) {
    let mut by = vec!["node"];
    by.extend(metric.labels.iter().map(|label| label.name));
    let legend = by.iter().map(|label| format!("{{{{{label}}}}}")).collect::<Vec<_>>().join(" ");
    let (by, name) = (by.join(", "), metric.name);
    let scale = match metric.unit {
        Unit::Count => Scale::Plain,
        Unit::Seconds => Scale::Seconds,
        Unit::Bytes => Scale::Bytes,
    };
    match metric.kind {
        Kind::Counter => {
            let scale = if scale == Scale::Plain { Scale::PerSecond } else { scale };
            (format!("sum by ({by}) (rate({name}{{$nodes}}[$window]))"), legend, scale)
        }
        Kind::Gauge => (format!("max by ({by}) ({name}{{$nodes}})"), legend, scale),
        Kind::Histogram(_) => {
            let rate = format!("sum by ({by}, le) (rate({name}_bucket{{$nodes}}[$window]))");
            (format!("histogram_quantile(0.99, {rate})"), format!("{legend} p99"), scale)
        }
    }
}

const fn number(
    title: &'static str,
    scale: Scale,
    queries: &'static [(&'static str, &'static str)],
) -> Panel {
    Panel { title, form: Form::Number, scale, queries }
}

const fn lines(title: &'static str, scale: Scale, queries: &'static [(&'static str, &'static str)]) -> Panel {
    Panel { title, form: Form::Lines, scale, queries }
}

use Scale::{Bytes, PerSecond, Plain, Seconds, Share};

/// The rows of the dashboard.
pub const ROWS: &[Row] = &[
    Row {
        title: "At a glance",
        panels: &[
            number("Nodes that answer", Plain, &[("count(ringmain_build_info{$all})", "")]),
            number(
                "Leading node",
                Plain,
                &[(
                    "ringmain_raft_term{$all} and on (cluster, group, node) ringmain_raft_is_leader{$all} == 1",
                    "node {{node}}, term",
                )],
            ),
            number(
                "Alerts firing",
                Plain,
                &[("count(ALERTS{alertname=~\"Ringmain.*\", alertstate=\"firing\"}) or vector(0)", "")],
            ),
            number(
                "Contacts waiting",
                Plain,
                &[("sum(max by (queue) (ringmain_contacts_waiting{$all}))", "")],
            ),
            number("Longest wait", Seconds, &[("max(ringmain_oldest_waiting_seconds{$all})", "")]),
            number("Operators ready", Plain, &[("max(ringmain_operators{$all, presence=\"ready\"})", "")]),
        ],
    },
    Row {
        title: "Contacts",
        panels: &[
            lines("Waiting", Plain, &[("max by (queue) (ringmain_contacts_waiting{$all})", "{{queue}}")]),
            lines(
                "Longest wait (and what is promised)",
                Seconds,
                &[
                    ("max by (queue) (ringmain_oldest_waiting_seconds{$all})", "{{queue}}"),
                    ("max by (queue) (ringmain_queue_target_seconds{$all})", "{{queue}}: promised"),
                ],
            ),
            lines(
                "Wait until connected",
                Seconds,
                &[
                    (
                        "histogram_quantile(0.5, max by (queue, le) (rate(ringmain_contact_wait_seconds_bucket{$all}[$window])))",
                        "{{queue}} p50",
                    ),
                    (
                        "histogram_quantile(0.9, max by (queue, le) (rate(ringmain_contact_wait_seconds_bucket{$all}[$window])))",
                        "{{queue}} p90",
                    ),
                ],
            ),
            lines(
                "Arrivals",
                PerSecond,
                &[("max by (queue) (rate(ringmain_contacts_enqueued_total{$all}[$window]))", "{{queue}}")],
            ),
            lines(
                "Ended",
                PerSecond,
                &[(
                    "sum by (reason) (max by (queue, reason) (rate(ringmain_contacts_ended_total{$all}[$window])))",
                    "{{reason}}",
                )],
            ),
            lines(
                "Back to their place, and open",
                Plain,
                &[
                    (
                        "sum(max by (queue) (increase(ringmain_contacts_requeued_total{$all}[$window])))",
                        "went back",
                    ),
                    ("max(ringmain_contacts_open{$all})", "open"),
                ],
            ),
        ],
    },
    Row {
        title: "Operators and offers",
        panels: &[
            lines("Operators", Plain, &[("max by (presence) (ringmain_operators{$all})", "{{presence}}")]),
            lines(
                "Offers",
                PerSecond,
                &[
                    ("max by (answer) (rate(ringmain_offers_total{$all}[$window]))", "{{answer}}"),
                    (
                        "max by (reason) (rate(ringmain_offers_withdrawn_total{$all}[$window]))",
                        "taken back: {{reason}}",
                    ),
                ],
            ),
            lines(
                "From command to offer",
                Seconds,
                &[
                    (
                        "histogram_quantile(0.5, sum by (le) (rate(ringmain_offer_seconds_bucket{$nodes}[$window])))",
                        "p50",
                    ),
                    (
                        "histogram_quantile(0.99, sum by (le) (rate(ringmain_offer_seconds_bucket{$nodes}[$window])))",
                        "p99",
                    ),
                ],
            ),
        ],
    },
    Row {
        title: "Clients",
        panels: &[
            lines(
                "Requests",
                PerSecond,
                &[("sum by (code) (rate(ringmain_requests_total{$nodes}[$window]))", "{{code}}")],
            ),
            lines(
                "Unary requests, p99",
                Seconds,
                &[(
                    "histogram_quantile(0.99, sum by (method, le) (rate(ringmain_request_seconds_bucket{$nodes}[$window])))",
                    "{{method}}",
                )],
            ),
            lines(
                "Sessions",
                Plain,
                &[
                    ("sum by (node, role) (ringmain_sessions_live{$nodes})", "node {{node}} {{role}}"),
                    (
                        "sum by (role) (increase(ringmain_sessions_opened_total{$nodes}[$window]))",
                        "opened: {{role}}",
                    ),
                    (
                        "sum by (role) (increase(ringmain_resyncs_total{$nodes}[$window]))",
                        "full lists: {{role}}",
                    ),
                ],
            ),
        ],
    },
    Row {
        title: "The log",
        panels: &[
            lines(
                "Commands applied",
                PerSecond,
                &[("max by (command) (rate(ringmain_commands_applied_total{$all}[$window]))", "{{command}}")],
            ),
            lines(
                "Commands refused",
                PerSecond,
                &[("max by (code) (rate(ringmain_commands_refused_total{$all}[$window]))", "{{code}}")],
            ),
            lines(
                "Commands in an entry, and without an answer",
                Plain,
                &[
                    (
                        "sum(rate(ringmain_commands_proposed_total{$nodes}[$window])) / sum(rate(ringmain_entries_proposed_total{$nodes}[$window]))",
                        "in an entry",
                    ),
                    (
                        "sum by (node) (ringmain_proposals_pending{$nodes})",
                        "node {{node}}: without an answer",
                    ),
                ],
            ),
            lines(
                "Who leads",
                Plain,
                &[
                    ("max by (node) (ringmain_raft_is_leader{$nodes})", "node {{node}} leads"),
                    ("max by (node) (ringmain_read_only{$nodes})", "node {{node}} is read-only"),
                    ("max by (node) (ringmain_log_suspect{$nodes})", "node {{node}} is suspect"),
                    ("max(changes(ringmain_raft_term{$all}[$window]))", "elections"),
                ],
            ),
            lines(
                "Behind",
                Plain,
                &[
                    (
                        "ringmain_peer_lag_entries{$all} and on (cluster, group, node) ringmain_raft_is_leader{$all} == 1",
                        "node {{peer}} behind the leader",
                    ),
                    (
                        "ringmain_raft_committed_index{$nodes} - ringmain_raft_applied_index{$nodes}",
                        "node {{node}}: to apply",
                    ),
                    ("ringmain_feed_lag_commands{$nodes}", "node {{node}}: to hand out"),
                ],
            ),
            lines(
                "Silence of the leader",
                Seconds,
                &[("max by (node) (ringmain_leader_silence_seconds{$nodes})", "node {{node}}")],
            ),
        ],
    },
    Row {
        title: "Storage",
        panels: &[
            lines(
                "Mean time of a sync",
                Seconds,
                &[(
                    "rate(ringmain_log_sync_seconds{$nodes}[$window]) / rate(ringmain_log_syncs_total{$nodes}[$window])",
                    "node {{node}}",
                )],
            ),
            lines(
                "Syncs",
                PerSecond,
                &[("rate(ringmain_log_syncs_total{$nodes}[$window])", "node {{node}}")],
            ),
            lines(
                "Written, and the latest snapshot",
                Bytes,
                &[
                    (
                        "rate(ringmain_log_written_bytes_total{$nodes}[$window])",
                        "node {{node}}: log, a second",
                    ),
                    ("max by (node) (ringmain_snapshot_bytes{$nodes})", "node {{node}}: snapshot"),
                ],
            ),
            lines(
                "Disk free",
                Share,
                &[("ringmain_disk_free_bytes{$nodes} / ringmain_disk_bytes{$nodes}", "node {{node}}")],
            ),
            lines(
                "Snapshots",
                Plain,
                &[
                    ("increase(ringmain_snapshots_total{$nodes}[$window])", "node {{node}} {{source}}"),
                    ("increase(ringmain_snapshots_failed_total{$nodes}[$window])", "node {{node}} failed"),
                ],
            ),
            lines(
                "Entries since the latest snapshot",
                Plain,
                &[("ringmain_raft_last_index{$nodes} - ringmain_snapshot_index{$nodes}", "node {{node}}")],
            ),
        ],
    },
    Row {
        title: "The program",
        panels: &[
            lines(
                "Actors",
                Plain,
                &[("sum by (node, actor) (ringmain_actors_live{$nodes})", "node {{node}} {{actor}}")],
            ),
            lines(
                "Failures inside",
                Plain,
                &[
                    (
                        "sum by (node, actor) (increase(ringmain_actor_restarts_total{$nodes}[$window]))",
                        "node {{node}}: {{actor}} started again",
                    ),
                    (
                        "sum by (node) (increase(ringmain_tasks_panicked_total{$nodes}[$window]))",
                        "node {{node}}: tasks panicked",
                    ),
                    (
                        "sum by (node, actor) (increase(ringmain_mailbox_permits_exhausted_total{$nodes}[$window]))",
                        "node {{node}}: {{actor}} mailbox full",
                    ),
                    (
                        "sum by (node, alert) (increase(ringmain_alerts_total{$nodes}[$window]))",
                        "node {{node}}: {{alert}}",
                    ),
                ],
            ),
            lines(
                "Wall clock and replicated time apart",
                Seconds,
                &[("max by (node) (ringmain_clock_offset_seconds{$nodes})", "node {{node}}")],
            ),
        ],
    },
];
