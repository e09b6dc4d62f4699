//! What the list of metrics says about each one, and what is made of the list.

use std::fmt::Write;

use crate::alerts::ALERTS;
use crate::labels::{self, COMMON, Label};
use crate::names::{self, METRICS};

/// One metric of a node.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The name as Prometheus shows it.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What one of it is.
    pub unit: Unit,
    /// Labels beside [`COMMON`].
    pub labels: &'static [Label],
    /// What it counts, in a sentence.
    pub help: &'static str,
}

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while the process runs.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations in these buckets (upper bounds in the metric's unit).
    Histogram(Buckets),
}

/// Which bounds a histogram has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buckets {
    /// Durations of the machine: 10 µs to 10 s.
    Fast,
    /// Durations that people notice: 100 ms to 4 h.
    Human,
}

/// What one of a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things, each counted as one.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

impl Kind {
    /// The word of the reference page.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        }
    }
}

impl Unit {
    /// The word of the reference page.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Unit::Count => "count",
            Unit::Seconds => "seconds",
            Unit::Bytes => "bytes",
        }
    }

    fn of_facade(self) -> metrics::Unit {
        match self {
            Unit::Count => metrics::Unit::Count,
            Unit::Seconds => metrics::Unit::Seconds,
            Unit::Bytes => metrics::Unit::Bytes,
        }
    }
}

impl Buckets {
    /// Upper bounds, smallest first.
    #[must_use]
    pub fn bounds(self) -> &'static [f64] {
        match self {
            Buckets::Fast => crate::buckets::FAST,
            Buckets::Human => crate::buckets::HUMAN,
        }
    }
}

/// Tells the installed recorder what each metric is, so that an export carries help and type, and shows from the
/// start at 0 what is watched for growth: a series that begins at 1 has never grown. Call it once, after the recorder
/// has been installed.
pub fn begin() {
    for metric in METRICS {
        let unit = metric.unit.of_facade();
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, unit, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, unit, metric.help),
            Kind::Histogram(_) => metrics::describe_histogram!(metric.name, unit, metric.help),
        }
        if metric.labels.is_empty() {
            show(metric);
        }
    }
    for alert in ALERTS {
        metrics::counter!(names::ALERTS, labels::ALERT => alert.name).increment(0);
    }
    for actor in labels::ACTORS {
        metrics::counter!(names::ACTOR_RESTARTS, labels::ACTOR => *actor).increment(0);
        metrics::counter!(names::MAILBOX_PERMITS_EXHAUSTED, labels::ACTOR => *actor).increment(0);
    }
    for role in labels::PARTIES {
        metrics::counter!(names::RESYNCS, labels::ROLE => *role).increment(0);
    }
    for source in labels::SOURCES {
        metrics::counter!(names::SNAPSHOTS, labels::SOURCE => *source).increment(0);
    }
    for freight in labels::FREIGHTS {
        metrics::counter!(names::TRANSFER_BYTES, labels::FREIGHT => *freight).increment(0);
    }
}

/// A metric without labels of its own, at 0.
fn show(metric: &Metric) {
    match metric.kind {
        Kind::Counter => metrics::counter!(metric.name).increment(0),
        Kind::Gauge => metrics::gauge!(metric.name).increment(0.0),
        // One that is known shows its buckets, all empty.
        Kind::Histogram(_) => drop(metrics::histogram!(metric.name)),
    }
}

/// The whole of `docs/METRICS.md`.
#[must_use]
pub fn metrics_markdown() -> String {
    let mut page = String::from(PREAMBLE);
    for label in COMMON {
        push_line(&mut page, format_args!("| `{}` | {} |", label.name, label.values));
    }
    page.push_str(
        "\n## Metrics\n\n| name | kind | unit | labels | what it says |\n| --- | --- | --- | --- | --- |\n",
    );
    for metric in METRICS {
        push_line(
            &mut page,
            format_args!(
                "| `{}` | {} | {} | {} | {} |",
                metric.name,
                metric.kind.word(),
                metric.unit.word(),
                label_cell(metric.labels),
                metric.help
            ),
        );
    }
    page.push_str("\n## Labels\n\nEach is a bounded set.\n\n| label | values |\n| --- | --- |\n");
    for label in crate::labels::ALL {
        push_line(&mut page, format_args!("| `{}` | {} |", label.name, label.values));
    }
    page
}

fn label_cell(labels: &[Label]) -> String {
    let names: Vec<String> = labels.iter().map(|label| format!("`{}`", label.name)).collect();
    if names.is_empty() { "–".to_owned() } else { names.join(", ") }
}

fn push_line(page: &mut String, line: std::fmt::Arguments<'_>) {
    page.write_fmt(line).expect("writing to a String does not fail");
    page.push('\n');
}

const PREAMBLE: &str = "# Metrics

Generated from the list in `node/telemetry/src/names.rs`; a test compares the two. To write it anew:
`UPDATE_DOCS=1 cargo test -p ringmain --test tidy`.

A node serves them as Prometheus text at `/metrics` of its HTTP address. Every replica applies the same log, so
what is counted at apply (contacts, offers, commands) has the same value on every node: read one node, or take the
maximum; never the sum. What belongs to a node alone (sessions, requests, syncs) is summed.

Histograms show `_bucket`, `_sum` and `_count`; the number of syncs of the log and the mean time of one, for example,
are `ringmain_log_syncs_total` and `ringmain_log_sync_mean_seconds`.

## Labels that every metric has

| label | values |
| --- | --- |
";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_is_used_once() {
        let names: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
    }

    #[test]
    fn a_name_ends_as_its_kind_and_unit_ask() {
        for metric in METRICS {
            let name = metric.name;
            assert!(name.starts_with("ringmain_"), "{name}");
            assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}");
            let stem = name.trim_end_matches("_total");
            match metric.unit {
                Unit::Seconds => assert!(stem.ends_with("_seconds"), "{name}"),
                Unit::Bytes => assert!(stem.ends_with("_bytes"), "{name}"),
                Unit::Count => assert!(!stem.ends_with("_seconds") && !stem.ends_with("_bytes"), "{name}"),
            }
        }
    }

    #[test]
    fn bounds_of_histograms_ascend() {
        for buckets in [Buckets::Fast, Buckets::Human] {
            assert!(buckets.bounds().windows(2).all(|pair| pair[0] < pair[1]), "{buckets:?}");
        }
    }

    #[test]
    fn the_page_has_one_row_for_each_metric() {
        let page = metrics_markdown();
        for metric in METRICS {
            assert_eq!(page.matches(&format!("| `{}` |", metric.name)).count(), 1, "{}", metric.name);
        }
    }
}
