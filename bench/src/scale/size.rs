//! Everything that is measured with so many waiting.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::ensure;
use ringmain_protocol::client::GatewayClient;
use ringmain_protocol::v1::ClusterStatusResponse;

use super::centre::People;
use super::crew;
use super::crowd::{Member, Presence};
use super::figures::{NodeSnapshot, Setup, Size};
use super::flood::Flood;
use super::gauge::{labelled, value};
use super::stand::{LOOK_EVERY, SETTLE, Stand};
use super::voice::Voice;
use crate::clock::Stopwatch;
use crate::cluster::{Arrivals, Order, Rig, Step};

/// The bucket of the histogram of applied entries above which one counts as slow.
const SLOW: &str = "le=\"0.016\"";
const APPLIED: &str = "ringmain_apply_seconds";

/// A cluster with its crowd, as it grows.
pub(super) struct Growing<'a> {
    pub(super) rig: Rig<Stand>,
    pub(super) setup: &'a Setup,
    pub(super) people: &'a People,
    pub(super) gateways: Vec<Member<GatewayClient>>,
    pub(super) presence: Presence,
    pub(super) flood: Flood,
    /// Contacts that the crew has completed.
    pub(super) completed: u64,
    /// Followers that were killed.
    pub(super) killed: usize,
    pub(super) voice: &'a Voice,
}

impl Growing<'_> {
    /// Contacts that wait, by the records of the clients.
    pub(super) fn waiting(&self) -> u64 {
        self.flood.accepted - self.completed
    }

    /// Grows to a size, and measures everything there.
    pub(super) async fn measure(&mut self, waiting: u64) -> anyhow::Result<Size> {
        let more = waiting.saturating_sub(self.waiting());
        let poured = self.flood.pour(self.setup, &self.gateways, more, self.voice).await?;
        let resident = self.rig.system.nodes.resident()?;
        self.voice.done(&format!(
            "{} wait: {:.0} accepted per second, p99 {:.0} ms to the answer, {:.0} MiB in each node",
            self.waiting(),
            poured.accepted as f64 / poured.seconds,
            poured.to_answer.p99_ms,
            resident.iter().sum::<u64>() as f64 / resident.len() as f64 / f64::from(1 << 20)
        ));
        let with_log = self.restart("with the log since the last snapshot").await?;
        let (filled_bytes, snapshots) = self.snapshot().await?;
        let with_snapshot = self.restart("right behind a snapshot").await?;
        let express = self.express(&format!("{waiting} wait")).await?;
        let worked = self.crew(self.setup.completions_with(waiting)).await?;
        Ok(Size {
            waiting,
            accepted: poured.accepted,
            seconds: poured.seconds,
            rates: poured.rates,
            to_answer: poured.to_answer,
            refused: poured.refused,
            resident,
            with_log,
            filled_bytes,
            snapshots,
            with_snapshot,
            express,
            completed: worked.completed,
            to_next: worked.to_next,
            to_completed: worked.to_completed,
        })
    }

    async fn restart(&mut self, words: &str) -> anyhow::Result<super::figures::Comeback> {
        self.killed += 1;
        let back = self.rig.system.kill_a_follower(self.killed, &self.presence, self.voice).await?;
        self.voice.done(&format!(
            "  killed and started again, {words}: serves after {:.2} s, level after {:.2} s, {:.2} s of it reading",
            back.serving_s, back.caught_up_s, back.read_s
        ));
        Ok(back)
    }

    /// Writes to the log until every node has taken a snapshot; what they tell of it.
    async fn snapshot(&mut self) -> anyhow::Result<(u64, Vec<NodeSnapshot>)> {
        self.voice.doing("writing to the log until a snapshot falls due");
        let (before, metrics) = (self.rig.system.statuses().await?, self.rig.system.metrics().await?);
        let stop = AtomicBool::new(false);
        let filling = self.flood.fill(&self.gateways, self.setup, &stop);
        let (filled, ()) = tokio::try_join!(filling, all_snapshot(&self.rig.system, &before, &stop))?;
        let after = self.rig.system.metrics().await?;
        let snapshots: Vec<NodeSnapshot> =
            metrics.iter().zip(&after).map(|(before, after)| told(before, after)).collect();
        let most = |of: fn(&NodeSnapshot) -> f64| snapshots.iter().map(of).fold(0.0, f64::max);
        self.voice.done(&format!(
            "  snapshot: {:.1} MB, written in {:.0} ms, view {:.2} ms, the longest entry {:.1} ms",
            most(|one| one.bytes as f64 / 1e6),
            most(|one| one.write_ms),
            most(|one| one.pause_ms),
            most(|one| one.longest_ms)
        ));
        Ok((filled, snapshots))
    }

    /// Contacts for operators who are free.
    pub(super) async fn express(&mut self, name: &str) -> anyhow::Result<Step> {
        let rate = self.setup.express_rate;
        let order = Order { name: name.to_owned(), arrivals: Arrivals::Poisson, rate };
        let step =
            self.rig.step(&order, &|_| self.voice.doing("contacts for operators who are free")).await?;
        let offer = step.push_to_offer.values().max_by_key(|latency| latency.count).copied();
        let offer = offer.unwrap_or_default();
        self.voice.done(&format!(
            "  {rate:.0}/s for operators who are free: p50 {:.1} ms, p99 {:.1} ms from due to the offer",
            offer.p50_ms, offer.p99_ms
        ));
        Ok(step)
    }

    /// Operators who serve those that wait, for a while.
    async fn crew(&mut self, completions: u64) -> anyhow::Result<crew::Worked> {
        self.voice.doing("operators serve those who wait");
        let seat = |(place, seat): (usize, &crate::cluster::Seat)| {
            self.rig.stage.session(&seat.name, &seat.token, place % self.setup.nodes)
        };
        let seats = self.people.crew(self.setup).iter().enumerate().map(seat).collect();
        let worked = crew::work(seats, completions).await?;
        self.completed += worked.completed;
        self.voice.done(&format!(
            "  {} completed: p50 {:.1} ms, p99 {:.1} ms from \"complete\" to the next contact",
            worked.completed, worked.to_next.p50_ms, worked.to_next.p99_ms
        ));
        Ok(worked)
    }
}

/// Waits until each node has a later snapshot than before, and has the filling stop.
async fn all_snapshot(
    stand: &Stand,
    before: &[ClusterStatusResponse],
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    let watch = Stopwatch::start();
    let taken = loop {
        let statuses = stand.gauges.statuses.read().await;
        let later = |(before, after): (&ClusterStatusResponse, &Option<ClusterStatusResponse>)| {
            after.as_ref().is_some_and(|after| after.raft_snapshot > before.raft_snapshot)
        };
        if before.iter().zip(&statuses).all(later) {
            break true;
        }
        if watch.elapsed() > SETTLE {
            break false;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    stop.store(true, Ordering::Relaxed);
    ensure!(taken, "not every node has taken a snapshot within {} s", SETTLE.as_secs());
    Ok(())
}

/// What the metrics of one node tell of its last snapshot, and of the entries applied meanwhile.
fn told(before: &str, after: &str) -> NodeSnapshot {
    let at = |name: &str| value(after, name).unwrap_or_default();
    let count = |page: &str| value(page, &format!("{APPLIED}_count")).unwrap_or_default();
    let quick = |page: &str| labelled(page, &format!("{APPLIED}_bucket"), SLOW).unwrap_or_default();
    let entries = count(after) - count(before);
    let built = labelled(after, "ringmain_snapshots_total", "source=\"built\"").unwrap_or_default();
    NodeSnapshot {
        built: built as u64,
        bytes: at("ringmain_snapshot_bytes") as u64,
        write_ms: at("ringmain_snapshot_write_seconds") * 1e3,
        pause_ms: at("ringmain_snapshot_pause_seconds") * 1e3,
        longest_ms: at("ringmain_apply_longest_seconds") * 1e3,
        slow: (entries - (quick(after) - quick(before))).max(0.0) as u64,
        entries: entries.max(0.0) as u64,
    }
}
