//! Alert rules for Prometheus, one for each thing a person must look at. `packaging/prometheus/ringmain.rules.yml` of
//! the server is made of this list; every rule has a runbook `docs/runbooks/<name>.md`.
//!
//! A rule is a condition on metrics, or one of the [`crate::alerts`] that a node raises itself: each of those needs its
//! row here too. After a change: `UPDATE_DOCS=1 cargo test -p ringmain --test tidy`.

/// One alert rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The stable name, and that of the runbook.
    pub name: &'static str,
    /// Who is told, and how fast.
    pub severity: Severity,
    /// How long it must hold before anybody is told, as Prometheus writes it.
    pub hold: &'static str,
    /// What must hold.
    pub condition: Condition,
    /// What has happened, in a sentence; `{{ $labels.… }}` stands for a label of the condition.
    pub summary: &'static str,
}

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Somebody is woken.
    Page,
    /// Somebody looks at it in working hours.
    Ticket,
}

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The expression has a result.
    Expr(&'static str),
    /// A node has raised the alert of this name.
    Raised,
}

impl Severity {
    /// The value of the label `severity`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Severity::Page => "page",
            Severity::Ticket => "ticket",
        }
    }
}

impl Rule {
    /// The condition in PromQL.
    #[must_use]
    pub fn expr(&self) -> String {
        match self.condition {
            Condition::Expr(expr) => expr.to_owned(),
            // A node that raises the alert while it starts shows 1 in its first scrape: nothing increases then, but
            // there was no series of it a while ago.
            Condition::Raised => {
                let counter = format!("ringmain_alerts_total{{alert=\"{}\"}}", self.name);
                format!("increase({counter}[15m]) > 0 or ({counter} > 0 unless {counter} offset 15m)")
            }
        }
    }

    /// The name as Prometheus and Alertmanager show it: `RingmainNoLeader`.
    #[must_use]
    pub fn alert_name(&self) -> String {
        let word = |word: &str| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
                .collect::<String>()
        };
        std::iter::once("Ringmain".to_owned()).chain(self.name.split('-').map(word)).collect()
    }
}

const fn page(name: &'static str, hold: &'static str, expr: &'static str, summary: &'static str) -> Rule {
    Rule { name, severity: Severity::Page, hold, condition: Condition::Expr(expr), summary }
}

const fn ticket(name: &'static str, hold: &'static str, expr: &'static str, summary: &'static str) -> Rule {
    Rule { name, severity: Severity::Ticket, hold, condition: Condition::Expr(expr), summary }
}

const fn raised(name: &'static str, severity: Severity, summary: &'static str) -> Rule {
    Rule { name, severity, hold: "0s", condition: Condition::Raised, summary }
}

/// Every rule there is. Figures that every node counts alike are taken from one node (`max`), those of a node alone
/// are added up (see docs/METRICS.md).
pub const RULES: &[Rule] = &[
    // The cluster serves.
    page(
        "no-leader",
        "15s",
        "max by (cluster, group) (ringmain_raft_is_leader * (1 - ringmain_read_only)) < 1",
        "No node of {{ $labels.cluster }} leads: contacts are neither taken nor assigned",
    ),
    page(
        "node-down",
        "1m",
        "up{job=\"ringmain\"} == 0",
        "The node at {{ $labels.instance }} does not answer on its HTTP port",
    ),
    raised("node-lost", Severity::Page, "The leader, node {{ $labels.node }}, has declared a peer lost"),
    page(
        "read-only",
        "30s",
        "ringmain_read_only == 1",
        "Node {{ $labels.node }} serves reads only: it has lost the leader or the majority",
    ),
    page(
        "log-suspect",
        "0s",
        "ringmain_log_suspect == 1",
        "The log of node {{ $labels.node }} is shorter than its durable mark: it grants no vote",
    ),
    ticket(
        "elections",
        "0s",
        "max by (cluster, group) (changes(ringmain_raft_term[15m])) > 3",
        "The leader of {{ $labels.cluster }} changed {{ $value }} times in 15 minutes",
    ),
    // What clients see.
    page(
        "unavailable",
        "2m",
        "sum by (cluster) (rate(ringmain_requests_total{code=~\"unavailable|read-only\"}[5m])) \
         / sum by (cluster) (rate(ringmain_requests_total[5m])) > 0.05",
        "{{ $value | humanizePercentage }} of the requests to {{ $labels.cluster }} find no leader",
    ),
    page(
        "overloaded",
        "2m",
        "sum by (cluster, node) (rate(ringmain_requests_total{code=\"overloaded\"}[5m])) > 1 \
         or sum by (cluster, node) (rate(ringmain_mailbox_permits_exhausted_total[5m])) > 1",
        "Node {{ $labels.node }} turns requests away because it has as much in hand as it may",
    ),
    ticket(
        "unknown-outcome",
        "5m",
        "sum by (cluster) (rate(ringmain_requests_total{code=\"unknown-outcome\"}[5m])) > 0.1",
        "Commands to {{ $labels.cluster }} get no answer in time",
    ),
    ticket(
        "unauthenticated",
        "5m",
        "sum by (cluster) (rate(ringmain_requests_total{code=\"unauthenticated\"}[5m])) > 1",
        "{{ $value | humanize }} calls a second to {{ $labels.cluster }} carry no known token",
    ),
    ticket(
        "permission-denied",
        "5m",
        "sum by (cluster) (rate(ringmain_requests_total{code=\"permission-denied\"}[5m])) > 1",
        "{{ $value | humanize }} calls a second to {{ $labels.cluster }} carry a token that may not do this",
    ),
    // What people wait for.
    page(
        "offers-slow",
        "5m",
        "histogram_quantile(0.99, sum by (cluster, le) (rate(ringmain_offer_seconds_bucket[5m]))) > 1",
        "One offer in a hundred takes {{ $value | humanizeDuration }} in {{ $labels.cluster }}",
    ),
    ticket(
        "queue-over-target",
        "2m",
        "max by (cluster, queue) (ringmain_oldest_waiting_seconds) \
         > max by (cluster, queue) (ringmain_queue_target_seconds)",
        "Somebody has waited {{ $value | humanizeDuration }} in queue {{ $labels.queue }}, longer than promised",
    ),
    ticket(
        "nobody-ready",
        "5m",
        "max by (cluster) (ringmain_operators{presence=\"ready\"}) == 0 \
         and on (cluster) max by (cluster) (ringmain_contacts_waiting) > 0",
        "Contacts wait in {{ $labels.cluster }} and no operator is ready",
    ),
    // Replicas keep up.
    ticket(
        "lag-high",
        "2m",
        "ringmain_peer_lag_entries > 10000 and on (cluster, group, node) ringmain_raft_is_leader == 1",
        "Node {{ $labels.peer }} lacks {{ $value }} entries of the leader's log",
    ),
    ticket(
        "apply-behind",
        "1m",
        "ringmain_raft_committed_index - ringmain_raft_applied_index > 10000",
        "Node {{ $labels.node }} has {{ $value }} committed entries still to apply",
    ),
    ticket(
        "delivery-behind",
        "1m",
        "ringmain_feed_lag_commands > 10000",
        "Node {{ $labels.node }} has the effects of {{ $value }} commands still to hand out",
    ),
    // Storage and time.
    page(
        "disk-full",
        "0s",
        "ringmain_disk_full == 1",
        "Node {{ $labels.node }} takes no commands because its disk is nearly full",
    ),
    ticket(
        "disk-low",
        "2m",
        "ringmain_disk_free_bytes / ringmain_disk_bytes < 0.15 and ringmain_disk_free_bytes < 21474836480",
        "{{ $value | humanizePercentage }} of the disk of node {{ $labels.node }} are free",
    ),
    ticket(
        "fsync-slow",
        "5m",
        "rate(ringmain_log_sync_seconds[5m]) / rate(ringmain_log_syncs_total[5m]) > 0.05",
        "A sync of the log of node {{ $labels.node }} takes {{ $value | humanizeDuration }}",
    ),
    ticket(
        "snapshots-failing",
        "0s",
        "sum by (cluster, node) (increase(ringmain_snapshots_failed_total[1h])) > 0 \
         or (sum by (cluster, node) (increase(ringmain_log_written_bytes_total[6h])) > 2147483648 \
         unless sum by (cluster, node) (increase(ringmain_snapshots_total[6h])) > 0)",
        "The log of node {{ $labels.node }} grows and no snapshot is made",
    ),
    ticket(
        "clock-off",
        "1m",
        "ringmain_clock_offset_seconds > 1",
        "The wall clock of node {{ $labels.node }} is {{ $value | humanizeDuration }} off replicated time",
    ),
    raised(
        "search-index-set-aside",
        Severity::Ticket,
        "Node {{ $labels.node }} builds its search index anew; search is incomplete meanwhile",
    ),
    raised(
        "file-set-aside",
        Severity::Ticket,
        "Node {{ $labels.node }} has set a damaged file aside, and makes or fetches it anew",
    ),
    // The program itself.
    ticket(
        "task-panicked",
        "0s",
        "increase(ringmain_tasks_panicked_total[15m]) > 0",
        "A background task of node {{ $labels.node }} ended by a panic",
    ),
    ticket(
        "actor-restarts",
        "0s",
        "sum by (cluster, node, actor) (increase(ringmain_actor_restarts_total[15m])) > 5",
        "Actors of the kind {{ $labels.actor }} on node {{ $labels.node }} fail again and again",
    ),
    ticket(
        "versions-differ",
        "2h",
        "count by (cluster) (count by (cluster, version) (ringmain_build_info)) > 1",
        "Nodes of {{ $labels.cluster }} have run different versions for hours",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_is_used_once() {
        let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
    }

    #[test]
    fn a_rule_shows_its_name_in_prometheus_style() {
        assert_eq!(RULES[0].alert_name(), "RingmainNoLeader");
    }
}
