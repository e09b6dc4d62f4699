//! The demo's report: what was accepted, what became of it, what was violated, how fast it was.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use ringmain_chaos::checker::Verdict;
use serde::Serialize;

use super::failover::Failover;

/// The figures of one demo.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Contacts acknowledged to a gateway.
    pub accepted: u64,
    /// Of those, ended with a reason.
    pub ended: u64,
    /// Of those, still waiting or being served at the end.
    pub open: u64,
    /// Acknowledged, and yet missing in the final scan of some node (I1).
    pub lost: u64,
    /// Contacts that were in two hands at once (I2).
    pub double_assigned: u64,
    /// Assignments beyond an operator's capacity (I3).
    pub over_capacity: u64,
    /// Assignments passing over a fitting contact with a smaller key (I4).
    pub order_violations: u64,
    /// Repeated commands that had no second effect.
    pub duplicates_refused: u64,
    /// Nodes and log indexes at which the chains differ (I8).
    pub chain_differences: u64,
    /// Answers that contradict the order of real time.
    pub realtime_violations: u64,
    /// From the moment a probe contact was due until an operator's desktop showed it.
    pub offer_ms: Percentiles,
    /// Each killed leader.
    pub failovers: Vec<Failover>,
    /// Syncs of all nodes' logs.
    pub sync: Syncs,
    /// Commands in the log.
    pub log_entries: u64,
    /// What the checker has to say about violations, the first of them.
    pub details: Vec<String>,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Percentiles {
    /// How many were measured.
    pub count: u64,
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Longest.
    pub max: f64,
}

/// Syncs to disk.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Syncs {
    /// How many.
    pub count: u64,
    /// How long one took on average, ms.
    pub mean_ms: f64,
}

impl Percentiles {
    /// Of a histogram of nanoseconds.
    pub fn of(histogram: &Histogram<u64>) -> Percentiles {
        let ms = |ns: u64| (ns as f64 / 1e4).round() / 100.0;
        Percentiles {
            count: histogram.len(),
            p50: ms(histogram.value_at_quantile(0.5)),
            p99: ms(histogram.value_at_quantile(0.99)),
            max: ms(histogram.max()),
        }
    }
}

impl Report {
    /// The figures of a verdict and of the measurements.
    pub fn new(
        verdict: Verdict,
        offers: Percentiles,
        failovers: Vec<Failover>,
        syncs: Syncs,
        entries: u64,
    ) -> Report {
        Report {
            accepted: verdict.accepted,
            ended: verdict.ended,
            open: verdict.open,
            lost: verdict.lost,
            double_assigned: verdict.double_assigned,
            over_capacity: verdict.over_capacity,
            order_violations: verdict.order_violations,
            duplicates_refused: verdict.duplicates_refused,
            chain_differences: verdict.chain_differences,
            realtime_violations: verdict.realtime_violations,
            offer_ms: offers,
            failovers,
            sync: syncs,
            log_entries: entries,
            details: verdict.details,
        }
    }

    /// Whether every promise was kept.
    pub fn is_clean(&self) -> bool {
        let broken = [
            self.lost,
            self.double_assigned,
            self.over_capacity,
            self.order_violations,
            self.chain_differences,
            self.realtime_violations,
        ];
        broken.iter().all(|&count| count == 0)
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(self)?;
        fs::write(path, json + "\n").with_context(|| format!("--report: writing {}", path.display()))
    }

    /// The figures for people.
    pub fn print(&self) {
        println!("accepted {}  ended {}  open {}", self.accepted, self.ended, self.open);
        println!(
            "lost {}  double assigned {}  over capacity {}  order violations {}  duplicates refused {}",
            self.lost,
            self.double_assigned,
            self.over_capacity,
            self.order_violations,
            self.duplicates_refused
        );
        println!(
            "chain differences {}  real-time violations {}  log entries {}",
            self.chain_differences, self.realtime_violations, self.log_entries
        );
        let offer = &self.offer_ms;
        println!(
            "offer p50 {} ms  p99 {} ms  max {} ms  of {}",
            offer.p50, offer.p99, offer.max, offer.count
        );
        for failover in &self.failovers {
            let after =
                failover.first_assignment_after_ms.map_or("never".to_owned(), |ms| format!("{ms} ms"));
            println!(
                "leader {} killed at {} ms: first assignment after {after}",
                failover.node, failover.killed_at_ms
            );
        }
        println!("syncs {}  mean {:.3} ms", self.sync.count, self.sync.mean_ms);
        for detail in &self.details {
            println!("  {detail}");
        }
    }
}
