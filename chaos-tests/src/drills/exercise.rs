//! What drills share: a cluster of real nodes, clients at work on it, and the judgement of what both recorded.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::future::join_all;
use ringmain_protocol::client::{AdminClient, CallConfig};
use ringmain_protocol::v1::ClusterStatusResponse;
use ringmain_routing::{LogIndex, NodeId};

use super::centre::{
    ADMIN, Centre, Secrets, WANDERING_GATEWAY, WANDERING_OPERATOR, furnish, gateway_name, login,
};
use super::gateway::GatewaySeat;
use super::journal::Journal;
use super::nodes::{NodeOptions, Nodes};
use super::operator::OperatorSeat;
use super::report::{
    Kill, Report, continuities, count_operations, count_streams, problems_of_clients, total, wanderer,
};
use super::scan::scan;
use crate::checker::{NodeScan, judge};

/// How long the cluster may take for a leader, a node for catching up.
pub(super) const SETTLE: Duration = Duration::from_secs(20);
/// How long the work that has piled up may take; one machine does everything here.
const DRAIN: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// Events are on their way that long at most, when nothing else happens.
const QUIET: Duration = Duration::from_secs(1);
/// How long a wanderer has no stream at all.
const PAUSE: Duration = Duration::from_millis(400);
/// The wandering gateway has a single operator, who is on the move for much of the time.
const WANDERER_EVERY_LEAST: Duration = Duration::from_millis(500);
/// Attempts to find all nodes at the same log index.
const SCANS_MAX: usize = 5;

/// Where and with what a drill takes place.
pub(super) struct Ground<'a> {
    /// The drill's name.
    pub(super) drill: &'static str,
    /// The node's binary.
    pub(super) binary: &'a Path,
    /// Where configs, data and logs go.
    pub(super) folder: &'a Path,
    /// Makes tokens of this run differ from those of others.
    pub(super) salt: u64,
    /// Contacts per second.
    pub(super) rate: u32,
    /// How many times longer than usual the nodes wait for each other.
    pub(super) patience: u64,
}

/// A cluster under a drill.
pub(super) struct Exercise {
    drill: &'static str,
    pub(super) nodes: Nodes,
    pub(super) journal: Journal,
    centre: Centre,
    /// For each node a client that asks this one alone.
    admins: Vec<AdminClient>,
    pub(super) kills: Vec<Kill>,
    wanderer_at: usize,
    /// Places of the nodes whose state and history are judged in the end.
    scanned: Vec<usize>,
}

/// The clients at work.
pub(super) struct Load {
    gateways: Vec<GatewaySeat>,
    operators: Vec<OperatorSeat>,
    wandering_gateway: GatewaySeat,
    wandering_operator: OperatorSeat,
}

impl Exercise {
    /// Prepares the nodes; none runs yet.
    pub(super) fn prepare(ground: &Ground<'_>, nodes: usize, options: NodeOptions) -> Result<Exercise> {
        let (secrets, centre) = (Secrets(ground.salt), Centre::for_rate(nodes, ground.rate));
        secrets.write(ground.folder, centre)?;
        let options = NodeOptions { patience: ground.patience, ..options };
        let nodes = Nodes::prepare(ground.folder, ground.binary, nodes, &options)?;
        let token = secrets.token("admin", ADMIN);
        let of = |address: String| {
            let timeout = Duration::from_secs(1);
            AdminClient::new(&CallConfig { timeout, ..CallConfig::new(vec![address], &token) })
        };
        let admins = nodes.addresses().into_iter().map(of).collect::<Result<_, _>>()?;
        let journal = Journal::new(nodes.addresses(), secrets);
        let scanned = (0..nodes.all().len()).collect();
        let (drill, kills) = (ground.drill, Vec::new());
        Ok(Exercise { drill, nodes, journal, centre, admins, kills, wanderer_at: 0, scanned })
    }

    /// Starts all nodes and puts plan and operators into the empty cluster.
    pub(super) async fn open(&mut self) -> Result<()> {
        self.ids().into_iter().try_for_each(|node| self.nodes.start(node))?;
        self.wait_for_leader().await?;
        let everyone = CallConfig::new(self.nodes.addresses(), &self.journal.secrets.token("admin", ADMIN));
        furnish(&AdminClient::new(&everyone)?, self.centre).await
    }

    /// Puts every gateway and operator to work.
    pub(super) fn seat_everybody(&self, rate: u32) -> Result<Load> {
        let (gateways, operators, nodes) =
            (self.centre.gateways(), self.centre.operators(), self.centre.nodes);
        // The wandering gateway is too slow to count.
        let every = Duration::from_secs(1) * gateways as u32 / rate.max(1);
        let wandering_every = every.max(WANDERER_EVERY_LEAST);
        let gateway = |place| GatewaySeat::take(&self.journal, &gateway_name(place), place % nodes, every);
        let operator = |place| OperatorSeat::take(&self.journal, &login(place), place % nodes);
        let at = self.wanderer_at;
        Ok(Load {
            gateways: (0..gateways).map(gateway).collect::<Result<_>>()?,
            operators: (0..operators).map(operator).collect::<Result<_>>()?,
            wandering_gateway: GatewaySeat::take(&self.journal, WANDERING_GATEWAY, at, wandering_every)?,
            wandering_operator: OperatorSeat::take(&self.journal, WANDERING_OPERATOR, at)?,
        })
    }

    /// Says that the nodes that answer are the members.
    pub(super) async fn scan_those_who_answer(&mut self) {
        let statuses = self.statuses().await;
        self.scanned = (0..statuses.len()).filter(|place| statuses[*place].is_some()).collect();
    }

    /// All nodes.
    pub(super) fn ids(&self) -> Vec<NodeId> {
        self.nodes.all().iter().map(|node| node.node).collect()
    }

    /// What the nodes that answer say, by place.
    pub(super) async fn statuses(&self) -> Vec<Option<ClusterStatusResponse>> {
        join_all(self.admins.iter().map(|admin| async { admin.cluster_status().await.ok() })).await
    }

    /// The leader and its term, once a node that leads says so.
    pub(super) async fn wait_for_leader(&mut self) -> Result<(NodeId, u64)> {
        let begin = self.journal.now_ns();
        loop {
            self.nodes.check_alive()?;
            let statuses = self.statuses().await;
            let leaders = statuses.iter().flatten().filter(|status| status.leader == status.node);
            if let Some(status) = leaders.max_by_key(|status| status.term) {
                return Ok((NodeId(status.leader), status.term));
            }
            self.pause(begin, SETTLE, "a leader").await?;
        }
    }

    /// Waits a little; fails when what is waited for takes too long.
    pub(super) async fn pause(&self, begin_ns: u64, patience: Duration, what: &str) -> Result<()> {
        let waited = Duration::from_nanos(self.journal.now_ns() - begin_ns);
        ensure!(waited < patience, "there was not {what} within {} s", patience.as_secs());
        tokio::time::sleep(LOOK_EVERY).await;
        Ok(())
    }

    /// Notes that nodes are about to be struck.
    pub(super) fn note_kill(&mut self, nodes: &[NodeId], how: &'static str, role: &'static str, term: u64) {
        let at_ms = self.journal.now_ns() / 1_000_000;
        let nodes = nodes.iter().map(|node| node.0).collect();
        self.kills.push(Kill { nodes, how, role, at_ms, term, ..Kill::default() });
    }

    /// Starts killed nodes and waits until each has applied what others had.
    pub(super) async fn restart(&mut self, nodes: &[NodeId], patience: Duration) -> Result<()> {
        let applied = |status: &ClusterStatusResponse| status.stamp.map_or(0, |stamp| stamp.log_index);
        let goal = self.statuses().await.iter().flatten().map(applied).max().unwrap_or(1);
        let begin = self.journal.now_ns();
        if let Some(kill) = self.kills.last_mut() {
            kill.started_after_ms = Some((begin / 1_000_000).saturating_sub(kill.at_ms));
        }
        nodes.iter().try_for_each(|node| self.nodes.start(*node))?;
        loop {
            self.nodes.check_alive()?;
            let statuses = self.statuses().await;
            let is_back = |node: &NodeId| {
                statuses
                    .iter()
                    .flatten()
                    .any(|status| status.node == node.0 && applied(status) >= goal.max(1))
            };
            if nodes.iter().all(is_back) {
                break;
            }
            self.pause(begin, patience, &format!("a restarted node at log index {goal}: {nodes:?}")).await?;
        }
        let back_after_ms = (self.journal.now_ns() - begin) / 1_000_000;
        if let Some(kill) = self.kills.last_mut() {
            kill.back_after_ms = Some(back_after_ms);
        }
        Ok(())
    }

    /// Moves the wanderers to the next node that lives.
    pub(super) async fn wander(&mut self, load: &Load, killed: &[NodeId]) {
        let nodes = self.centre.nodes;
        let lives = |place: &usize| !killed.contains(&self.nodes.all()[place % nodes].node);
        let next = (self.wanderer_at + 1..self.wanderer_at + nodes).find(lives);
        self.wanderer_at = next.unwrap_or(self.wanderer_at) % nodes;
        load.wandering_gateway.move_to(self.wanderer_at, PAUSE).await;
        load.wandering_operator.move_to(self.wanderer_at, PAUSE).await;
    }

    /// Lets everything that was brought be served, scans every node, and judges.
    pub(super) async fn conclude(mut self, load: Load) -> Result<Report> {
        let until = self.drain(load).await?;
        let scans = self.scan_all().await?;
        Ok(self.report(&scans, until))
    }

    /// Lets everything that was brought be served; returns the log index up to which clients must have been told.
    async fn drain(&mut self, load: Load) -> Result<LogIndex> {
        let gateways = || load.gateways.iter().chain([&load.wandering_gateway]);
        join_all(gateways().map(GatewaySeat::stop_pushing)).await;
        let begin = self.journal.now_ns();
        // The first look comes late enough for answers on their way.
        tokio::time::sleep(QUIET).await;
        while !self.journal.notes().open.is_empty() {
            self.nodes.check_alive()?;
            if self.pause(begin, DRAIN, "an end of the work").await.is_err() {
                // What is still open shows in the verdict.
                break;
            }
        }
        let statuses = self.statuses().await;
        let stamps = statuses.iter().flatten().filter_map(|status| status.stamp);
        let applied = stamps.map(|stamp| stamp.log_index).max();
        tokio::time::sleep(QUIET).await;
        let Load { gateways, operators, wandering_gateway, wandering_operator } = load;
        let gateways = gateways.into_iter().chain([wandering_gateway]);
        let operators = operators.into_iter().chain([wandering_operator]);
        join_all(operators.map(|seat| seat.leave(LAST_ANSWERS))).await;
        join_all(gateways.map(|seat| seat.leave(LAST_ANSWERS))).await;
        Ok(LogIndex(applied.context("no node answers at the end")?))
    }

    /// Scans all nodes, if possible at the same log index.
    async fn scan_all(&mut self) -> Result<Vec<NodeScan>> {
        let token = self.journal.secrets.token("admin", ADMIN);
        let mut goal = LogIndex(0);
        for _ in 0..SCANS_MAX {
            self.nodes.check_alive()?;
            let scanned = self.scanned.iter().filter_map(|place| self.nodes.all().get(*place));
            let all = scanned.map(|node| scan(node.node, &node.api, &token, goal));
            let scans = join_all(all).await.into_iter().collect::<Result<Vec<_>>>()?;
            let indexes = || scans.iter().map(|scan| scan.state.index());
            goal = indexes().max().unwrap_or_default();
            if indexes().all(|index| index == goal) {
                return Ok(scans);
            }
        }
        bail!("the nodes do not come to the same log index while nothing is asked of them")
    }

    fn report(mut self, scans: &[NodeScan], until: LogIndex) -> Report {
        let notes = std::mem::take(&mut *self.journal.notes());
        let history = scans.first().map_or(&[][..], |scan| &scan.history);
        let continuities = continuities(&notes, history, until);
        let verdict = judge(&notes.ops, &notes.seen, scans);
        let ends: Vec<u64> = self.kills.iter().skip(1).map(|kill| kill.at_ms).chain([u64::MAX]).collect();
        for (kill, end_ms) in self.kills.iter_mut().zip(ends) {
            kill.measure(&notes.seen, history);
            kill.count(&notes.ops, end_ms, &verdict.lost_contacts);
        }
        let mut problems = problems_of_clients(&notes, &continuities);
        problems.extend(self.nodes.suspicions());
        let mut report = Report {
            drill: self.drill,
            clean: false,
            seconds: Duration::from_nanos(self.journal.now_ns()).as_secs_f64(),
            problems,
            kills: self.kills,
            phases: Vec::new(),
            figures: Vec::new(),
            steps: Vec::new(),
            operations: count_operations(&notes),
            streams: count_streams(&notes, None),
            continuity: total(&continuities),
            wandering_gateway: wanderer(&notes, WANDERING_GATEWAY, &continuities),
            wandering_operator: wanderer(&notes, WANDERING_OPERATOR, &continuities),
            verdict,
        };
        report.conclude();
        report
    }
}
