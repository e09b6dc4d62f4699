//! `kill -9` of each node in turn under load, then of all at once: nothing accepted is lost, nobody misses anything.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::future::join_all;
use ringmain_protocol::client::{AdminClient, CallConfig};
use ringmain_protocol::v1::ClusterStatusResponse;
use ringmain_routing::{LogIndex, NodeId};

use super::DrillArgs;
use super::centre::{
    ADMIN, GATEWAYS_PER_NODE, OPERATORS_PER_NODE, Secrets, WANDERING_GATEWAY, WANDERING_OPERATOR, furnish,
    gateway_name, login,
};
use super::gateway::GatewaySeat;
use super::journal::Journal;
use super::nodes::Nodes;
use super::operator::OperatorSeat;
use super::report::{
    ALL, FOLLOWER, Kill, LEADER, Report, continuities, count_operations, count_streams, total, wanderer,
};
use super::scan::scan;
use crate::checker::{NodeScan, judge};

pub(super) const NAME: &str = "rolling-kill";

const NODES: usize = 3;
const WARM_UP: Duration = Duration::from_secs(3);
/// How long a killed node stays away; the wanderers move half-way.
const AWAY: Duration = Duration::from_secs(3);
const BETWEEN: Duration = Duration::from_secs(2);
/// How long a wanderer has no stream at all.
const PAUSE: Duration = Duration::from_millis(400);
/// How long the cluster may take for a leader, a node for catching up, the load for draining.
const SETTLE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// Events are on their way that long at most, when nothing else happens.
const QUIET: Duration = Duration::from_secs(1);
/// Attempts to find all nodes at the same log index.
const SCANS_MAX: usize = 5;

struct Drill {
    nodes: Nodes,
    journal: Journal,
    /// For each node a client that asks this one alone.
    admins: Vec<AdminClient>,
    kills: Vec<Kill>,
    wanderer_at: usize,
}

struct Load {
    gateways: Vec<GatewaySeat>,
    operators: Vec<OperatorSeat>,
    wandering_gateway: GatewaySeat,
    wandering_operator: OperatorSeat,
}

/// Runs the drill in a folder and judges it.
pub(super) async fn run(args: &DrillArgs, binary: &Path, folder: &Path, salt: u64) -> Result<Report> {
    let secrets = Secrets(salt);
    secrets.write(folder, NODES)?;
    let mut nodes = Nodes::prepare(folder, binary, NODES)?;
    for place in 0..NODES {
        let node = nodes.all()[place].node;
        nodes.start(node)?;
    }
    let mut drill = Drill::new(nodes, secrets)?;
    drill.wait_for_leader().await?;
    let everyone = CallConfig::new(drill.nodes.addresses(), &secrets.token("admin", ADMIN));
    furnish(&AdminClient::new(&everyone)?, NODES).await?;
    let load = drill.seat_everybody(args.rate)?;
    tokio::time::sleep(WARM_UP).await;
    drill.kill_each(&load).await?;
    drill.kill_all(&load).await?;
    tokio::time::sleep(BETWEEN).await;
    let until = drill.drain(load).await?;
    let scans = drill.scan_all().await?;
    Ok(drill.report(&scans, until))
}

impl Drill {
    fn new(nodes: Nodes, secrets: Secrets) -> Result<Drill> {
        let token = secrets.token("admin", ADMIN);
        let of = |address: String| {
            let timeout = Duration::from_secs(1);
            AdminClient::new(&CallConfig { timeout, ..CallConfig::new(vec![address], &token) })
        };
        let admins = nodes.addresses().into_iter().map(of).collect::<Result<_, _>>()?;
        let journal = Journal::new(nodes.addresses(), secrets);
        Ok(Drill { nodes, journal, admins, kills: Vec::new(), wanderer_at: 0 })
    }

    fn seat_everybody(&self, rate: u32) -> Result<Load> {
        let gateways = NODES * GATEWAYS_PER_NODE;
        // The wandering gateway is one more of them.
        let every = Duration::from_secs(1) * (gateways as u32 + 1) / rate.max(1);
        let gateway = |place| GatewaySeat::take(&self.journal, &gateway_name(place), place % NODES, every);
        let operator = |place| OperatorSeat::take(&self.journal, &login(place), place % NODES);
        Ok(Load {
            gateways: (0..gateways).map(gateway).collect::<Result<_>>()?,
            operators: (0..NODES * OPERATORS_PER_NODE).map(operator).collect::<Result<_>>()?,
            wandering_gateway: GatewaySeat::take(&self.journal, WANDERING_GATEWAY, self.wanderer_at, every)?,
            wandering_operator: OperatorSeat::take(&self.journal, WANDERING_OPERATOR, self.wanderer_at)?,
        })
    }

    /// What the nodes that answer say, by place.
    async fn statuses(&self) -> Vec<Option<ClusterStatusResponse>> {
        join_all(self.admins.iter().map(|admin| async { admin.cluster_status().await.ok() })).await
    }

    /// The leader and its term, once a node that leads says so.
    async fn wait_for_leader(&mut self) -> Result<(NodeId, u64)> {
        let begin = self.journal.now_ns();
        loop {
            self.nodes.check_alive()?;
            let statuses = self.statuses().await;
            let leaders = statuses.iter().flatten().filter(|status| status.leader == status.node);
            if let Some(status) = leaders.max_by_key(|status| status.term) {
                return Ok((NodeId(status.leader), status.term));
            }
            self.pause(begin, "a leader").await?;
        }
    }

    /// Waits a little; fails when what is waited for takes too long.
    async fn pause(&self, begin_ns: u64, what: &str) -> Result<()> {
        let waited = Duration::from_nanos(self.journal.now_ns() - begin_ns);
        ensure!(waited < SETTLE, "there was not {what} within {} s", SETTLE.as_secs());
        tokio::time::sleep(LOOK_EVERY).await;
        Ok(())
    }

    async fn kill_each(&mut self, load: &Load) -> Result<()> {
        let (leader, _) = self.wait_for_leader().await?;
        let mut order: Vec<NodeId> = self.nodes.all().iter().map(|node| node.node).collect();
        // The leader first: by its turn a node may have become leader, so that followers are met too.
        order.sort_by_key(|node| (*node != leader, *node));
        for node in order {
            let (leader, term) = self.wait_for_leader().await?;
            let role = if node == leader { LEADER } else { FOLLOWER };
            self.kill(&[node], role, term)?;
            println!("killed node {node} ({role})");
            tokio::time::sleep(AWAY / 2).await;
            self.wander(load, &[node]).await;
            tokio::time::sleep(AWAY / 2).await;
            self.restart(&[node]).await?;
            tokio::time::sleep(BETWEEN).await;
        }
        Ok(())
    }

    async fn kill_all(&mut self, load: &Load) -> Result<()> {
        let (_, term) = self.wait_for_leader().await?;
        let nodes: Vec<NodeId> = self.nodes.all().iter().map(|node| node.node).collect();
        self.kill(&nodes, ALL, term)?;
        println!("killed all nodes");
        self.restart(&nodes).await?;
        self.wait_for_leader().await?;
        self.wander(load, &[]).await;
        Ok(())
    }

    fn kill(&mut self, nodes: &[NodeId], role: &'static str, term: u64) -> Result<()> {
        let at_ms = self.journal.now_ns() / 1_000_000;
        nodes.iter().try_for_each(|node| self.nodes.kill(*node))?;
        self.kills.push(Kill {
            nodes: nodes.iter().map(|node| node.0).collect(),
            role,
            at_ms,
            term,
            first_assignment_after_ms: None,
            longest_pause_ms: 0,
            back_after_ms: None,
        });
        Ok(())
    }

    /// Starts killed nodes and waits until each has applied what others had.
    async fn restart(&mut self, nodes: &[NodeId]) -> Result<()> {
        let applied = |status: &ClusterStatusResponse| status.stamp.map_or(0, |stamp| stamp.log_index);
        let goal = self.statuses().await.iter().flatten().map(applied).max().unwrap_or(1);
        let begin = self.journal.now_ns();
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
            self.pause(begin, &format!("a restarted node at log index {goal}: {nodes:?}")).await?;
        }
        let back_after_ms = (self.journal.now_ns() - begin) / 1_000_000;
        if let Some(kill) = self.kills.last_mut() {
            kill.back_after_ms = Some(back_after_ms);
        }
        Ok(())
    }

    /// Moves the wanderers to the next node that lives.
    async fn wander(&mut self, load: &Load, killed: &[NodeId]) {
        let lives = |place: &usize| !killed.contains(&self.nodes.all()[place % NODES].node);
        let next = (self.wanderer_at + 1..self.wanderer_at + NODES).find(lives);
        self.wanderer_at = next.unwrap_or(self.wanderer_at) % NODES;
        load.wandering_gateway.move_to(self.wanderer_at, PAUSE).await;
        load.wandering_operator.move_to(self.wanderer_at, PAUSE).await;
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
            if self.pause(begin, "an end of the work").await.is_err() {
                // What is still open shows in the verdict.
                break;
            }
        }
        let applied = self
            .statuses()
            .await
            .iter()
            .flatten()
            .filter_map(|status| status.stamp)
            .map(|stamp| stamp.log_index)
            .max();
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
            let all = self.nodes.all().iter().map(|node| scan(node.node, &node.api, &token, goal));
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
        self.kills.iter_mut().for_each(|kill| kill.measure(&notes.seen, history));
        let continuities = continuities(&notes, history, until);
        let mut problems: Vec<String> =
            notes.clients_stopped.iter().map(|stopped| format!("client stopped: {stopped}")).collect();
        problems.extend(continuities.iter().filter(|(_, found)| found.missed + found.repeated > 0).map(
            |(client, found)| {
                format!("{client}: {} events missed, {} repeated", found.missed, found.repeated)
            },
        ));
        let mut report = Report {
            drill: NAME,
            clean: false,
            seconds: Duration::from_nanos(self.journal.now_ns()).as_secs_f64(),
            problems,
            kills: self.kills,
            operations: count_operations(&notes),
            streams: count_streams(&notes, None),
            continuity: total(&continuities),
            wandering_gateway: wanderer(&notes, WANDERING_GATEWAY, &continuities),
            wandering_operator: wanderer(&notes, WANDERING_OPERATOR, &continuities),
            verdict: judge(&notes.ops, &notes.seen, scans),
        };
        report.conclude();
        report
    }
}
