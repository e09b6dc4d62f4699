//! What drills share: a cluster of real nodes, clients at work on it, and the judgement of what both recorded.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::future::join_all;
use ringmain_protocol::client::{AdminClient, CallConfig};
use ringmain_protocol::v1::ClusterStatusResponse;
use ringmain_routing::{LogIndex, NodeId};
use tokio::runtime::{EnterGuard, Handle};

use super::centre::{
    ADMIN, Centre, Secrets, WANDERING_GATEWAY, WANDERING_OPERATOR, furnish, gateway_name, login,
};
use super::gateway::{GatewaySeat, Habits};
use super::journal::{Journal, Notes};
use super::nodes::{NodeOptions, Nodes};
use super::operator::OperatorSeat;
use super::report::{
    ALL, Kill, LEADER, Report, continuities, count_operations, count_streams, problems_of_clients, total,
    wanderer,
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
    pub(super) drill: &'a str,
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
    drill: String,
    pub(super) nodes: Nodes,
    pub(super) journal: Journal,
    centre: Centre,
    /// For each node a client that asks this one alone.
    pub(super) admins: Vec<AdminClient>,
    pub(super) kills: Vec<Kill>,
    wanderer_at: usize,
    /// Places of the nodes whose state and history are judged in the end.
    scanned: Vec<usize>,
    /// How many times longer than usual everything may take.
    patience: u32,
}

/// The clients at work.
pub(super) struct Load {
    /// Between two contacts of one gateway.
    every: Duration,
    gateways: Vec<GatewaySeat>,
    operators: Vec<OperatorSeat>,
    wandering_gateway: GatewaySeat,
    wandering_operator: OperatorSeat,
}

impl Load {
    /// From here on gateways bring so many times as many contacts as usual.
    pub(super) async fn surge(&self, times: u32) {
        join_all(self.gateways.iter().map(|gateway| gateway.pace(self.every / times.max(1)))).await;
    }
}

/// When the first fault begins that comes after the end of another one, in ms.
pub(super) fn next_after(kills: &[Kill], place: usize) -> u64 {
    let end = kills[place].until_ms.unwrap_or(kills[place].at_ms);
    kills[place + 1..].iter().map(|kill| kill.at_ms).find(|at_ms| *at_ms >= end).unwrap_or(u64::MAX)
}

/// What is started while the guard lives runs on the threads of a node's region.
fn region_of(regions: &[Handle], place: usize) -> Option<EnterGuard<'_>> {
    let region = place.checked_rem(regions.len())?;
    regions.get(region).map(Handle::enter)
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
        let (drill, kills) = (ground.drill.to_owned(), Vec::new());
        let patience = u32::try_from(ground.patience).unwrap_or(1);
        Ok(Exercise { drill, nodes, journal, centre, admins, kills, wanderer_at: 0, scanned, patience })
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
        self.seat(rate, Habits::default(), &[])
    }

    /// Puts every gateway and operator to work, each on the threads of its region, where regions have threads.
    pub(super) fn seat(&self, rate: u32, habits: Habits, regions: &[Handle]) -> Result<Load> {
        let (gateways, operators, nodes) =
            (self.centre.gateways(), self.centre.operators(), self.centre.nodes);
        // The wandering gateway is too slow to count.
        let every = Duration::from_secs(1) * gateways as u32 / rate.max(1);
        let wandering_every = every.max(WANDERER_EVERY_LEAST);
        let gateway = |place: usize| {
            let _there = region_of(regions, place % nodes);
            GatewaySeat::take(&self.journal, &gateway_name(place), place % nodes, every, habits)
        };
        let operator = |place: usize| {
            let _there = region_of(regions, place % nodes);
            OperatorSeat::take(&self.journal, &login(place), place % nodes)
        };
        let at = self.wanderer_at;
        let wanderer = GatewaySeat::take(&self.journal, WANDERING_GATEWAY, at, wandering_every, habits)?;
        Ok(Load {
            every,
            gateways: (0..gateways).map(gateway).collect::<Result<_>>()?,
            operators: (0..operators).map(operator).collect::<Result<_>>()?,
            wandering_gateway: wanderer,
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
    pub(super) fn note_kill(&mut self, nodes: &[NodeId], how: &str, role: &str, term: u64) {
        let at_ms = self.journal.now_ns() / 1_000_000;
        let nodes = nodes.iter().map(|node| node.0).collect();
        let needs_election = role == LEADER || role == ALL;
        let (how, role) = (how.to_owned(), role.to_owned());
        self.kills.push(Kill { nodes, how, role, at_ms, term, needs_election, ..Kill::default() });
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
        Ok(self.report(&scans, until).0)
    }

    /// As [`Exercise::conclude`], with the notes of all clients.
    pub(super) async fn conclude_with_notes(mut self, load: Load) -> Result<(Report, Notes)> {
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
        tokio::time::sleep(QUIET * self.patience).await;
        while !self.journal.notes().open.is_empty() {
            self.nodes.check_alive()?;
            if self.pause(begin, DRAIN * self.patience, "an end of the work").await.is_err() {
                // What is still open shows in the verdict.
                break;
            }
        }
        let statuses = self.statuses().await;
        let stamps = statuses.iter().flatten().filter_map(|status| status.stamp);
        let applied = stamps.map(|stamp| stamp.log_index).max();
        tokio::time::sleep(QUIET * self.patience).await;
        let Load { gateways, operators, wandering_gateway, wandering_operator, every: _ } = load;
        let gateways = gateways.into_iter().chain([wandering_gateway]);
        let operators = operators.into_iter().chain([wandering_operator]);
        join_all(operators.map(|seat| seat.leave(LAST_ANSWERS * self.patience))).await;
        join_all(gateways.map(|seat| seat.leave(LAST_ANSWERS * self.patience))).await;
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

    fn report(mut self, scans: &[NodeScan], until: LogIndex) -> (Report, Notes) {
        let notes = std::mem::take(&mut *self.journal.notes());
        let history = scans.first().map_or(&[][..], |scan| &scan.history);
        let continuities = continuities(&notes, history, until);
        let verdict = judge(&notes.ops, &notes.seen, scans);
        for place in 0..self.kills.len() {
            let end_ms = next_after(&self.kills, place);
            let kill = &mut self.kills[place];
            kill.measure(&notes.seen, history, end_ms);
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
        (report, notes)
    }
}
