//! The nodes, and who looks at them.

use std::path::Path;
use std::time::Duration;

use anyhow::{bail, ensure};
use ringmain_protocol::v1::ClusterStatusResponse;

use super::centre::People;
use super::figures::Setup;
use super::gauge::value;
use crate::clock::Stopwatch;
use crate::cluster::{Class, Counters, Desk, Gateway, Gauges, Port, System};
use crate::nodes::{Nodes, leader_of};

/// How long the nodes may take to come to the same figures.
pub(super) const SETTLE: Duration = Duration::from_secs(120);
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Nodes, with gateways and operators of the queue in which nobody waits at work. Dropping it ends them all.
pub(super) struct Stand {
    pub(super) express: Vec<Gateway>,
    pub(super) desks: Vec<Desk>,
    pub(super) gauges: Gauges,
    admin: String,
    /// Dropped last: clients go before the nodes.
    pub(super) nodes: Nodes,
}

impl Stand {
    pub(super) fn start(
        setup: &Setup,
        people: &People,
        program: &Path,
        folder: &Path,
    ) -> anyhow::Result<Stand> {
        let limits = format!("[limits]\nsnapshot_log_bytes = {}\n", setup.snapshot_log_bytes);
        let nodes = Nodes::start_with(program, folder, &people.tokens(), &limits)?;
        let admin = people.admin.token.clone();
        let gauges = Gauges::new(&nodes, &admin)?;
        Ok(Stand { express: Vec::new(), desks: Vec::new(), gauges, admin, nodes })
    }

    /// Looks at nodes that have come meanwhile, too.
    pub(super) fn look_at_all(&mut self) -> anyhow::Result<()> {
        self.gauges = Gauges::new(&self.nodes, &self.admin)?;
        Ok(())
    }

    /// What each node says of itself; all must answer.
    pub(super) async fn statuses(&self) -> anyhow::Result<Vec<ClusterStatusResponse>> {
        let watch = Stopwatch::start();
        loop {
            let statuses = self.gauges.statuses.read().await.into_iter().collect::<Option<Vec<_>>>();
            match statuses {
                Some(statuses) => return Ok(statuses),
                None if watch.elapsed() > SETTLE => bail!("a node does not answer"),
                None => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    /// The leader's place and what it says.
    pub(super) async fn leader(&self) -> anyhow::Result<(usize, ClusterStatusResponse)> {
        for _ in 0..200 {
            let mut statuses = self.gauges.statuses.read().await;
            if let Some(place) = leader_of(&statuses)
                && let Some(status) = statuses.swap_remove(place)
            {
                return Ok((place, status));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        bail!("no node says that it leads")
    }

    /// The pages of metrics of all nodes.
    pub(super) async fn metrics(&self) -> anyhow::Result<Vec<String>> {
        self.gauges.metrics().await.into_iter().collect()
    }

    /// Open contacts of each node, once all say `expected`; what they say in the end where they do not.
    pub(super) async fn open_contacts(&mut self, expected: u64) -> anyhow::Result<Vec<u64>> {
        let looks = SETTLE.as_millis() / LOOK_EVERY.as_millis() / 4;
        let mut open = Vec::new();
        for _ in 0..looks {
            let pages = self.metrics().await.unwrap_or_default();
            open = pages
                .iter()
                .map(|page| value(page, "ringmain_contacts_open").unwrap_or_default() as u64)
                .collect();
            if open.len() == self.nodes.addresses().len() && open.iter().all(|open| *open == expected) {
                return Ok(open);
            }
            self.nodes.check_running()?;
            tokio::time::sleep(4 * LOOK_EVERY).await;
        }
        ensure!(!open.is_empty(), "no node shows its metrics");
        Ok(open)
    }
}

impl System for Stand {
    fn ports(&self, _class: Class) -> Vec<Port> {
        self.express.iter().map(Gateway::port).collect()
    }

    fn check_running(&mut self) -> anyhow::Result<()> {
        self.nodes.check_running()
    }

    async fn counters(&self) -> anyhow::Result<Vec<Counters>> {
        self.gauges.read(&self.nodes).await
    }
}
