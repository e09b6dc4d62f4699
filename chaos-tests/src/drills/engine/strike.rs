//! How each fault is begun and ended.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use ringmain_routing::NodeId;

use super::felt::Before;
use super::stage::Stage;
use crate::drills::cgroup::{Limit, Limited};
use crate::drills::disk::succeed;
use crate::drills::file::{ClientSide, Cut, Fault, RotFile, Span, Strike, Weather};
use crate::drills::hosts::{Hosts, Port, Rule, RuleId};
use crate::drills::inject::{Injection, Syncs};
use crate::drills::nodes::{CLOCK_IS_RIGHT, signal};
use crate::drills::rot;

/// What is left free on a full disk: less than the nodes' reserve, more than what is under way.
const LEFT_FREE_BYTES: u64 = 8 << 20;
/// How long a node that was asked to stop may take.
const STOP_MAX_MS: u64 = 15_000;

/// A fault that lasts.
pub(super) struct Open {
    /// Its place in the list of faults that came.
    pub(super) number: usize,
    pub(super) strike: Strike,
    /// Those struck.
    pub(super) places: Vec<usize>,
    pub(super) ends_ms: u64,
    /// When clients are moved that go from node to node.
    pub(super) wanders_ms: Option<u64>,
    pub(super) hold: Hold,
    /// Counters when it began.
    pub(super) before: Before,
    /// What else there is to say.
    pub(super) remark: String,
}

/// What must be let go in the end.
pub(super) enum Hold {
    Nothing,
    Rules(Vec<RuleId>),
    Injections(Vec<Injection>),
    Limits(Vec<Limit>),
    /// Limits of open files as they were, by process.
    Files(Vec<(u32, u64)>),
}

impl Open {
    /// Begins a fault.
    pub(super) async fn begin(
        stage: &mut Stage,
        strike: Strike,
        places: Vec<usize>,
        number: usize,
    ) -> Result<Open> {
        let nodes = stage.nodes(&places);
        ensure!(!nodes.is_empty(), "{} at {}: there is nobody to strike", strike.fault.name(), strike.target);
        let before = Before::take(stage, strike.fault).await;
        if strike.fault.may_end_nodes() {
            may_end(stage, &nodes)?;
        }
        let mut remark = String::new();
        let hold = hold(stage, strike.fault, &places, &nodes, &mut remark)
            .with_context(|| format!("{} at {}", strike.fault.name(), strike.target))?;
        let now_ms = stage.now_ms();
        let ends_ms = now_ms + strike.lasts.ms();
        let wanders_ms = Some(now_ms + strike.lasts.ms() / 2);
        Ok(Open { number, strike, places, ends_ms, wanders_ms, hold, before, remark })
    }

    /// Ends it: those struck are as they were, and nodes that ended are started again. Says under which ids they are.
    pub(super) async fn end(self, stage: &mut Stage) -> Result<Vec<NodeId>> {
        let Open { strike, places, hold, .. } = self;
        let nodes = stage.nodes(&places);
        match strike.fault {
            Fault::Pause => each_running(stage, &nodes, |pid| signal(pid, "CONT"))?,
            Fault::Restart => wait_for_stop(stage, &nodes, &places).await?,
            Fault::FsyncSkip => stage.lose_power(&places)?,
            Fault::ReadOnly => {
                stage.kill(&places)?;
                stage.remount(&places)?;
            }
            Fault::DiskFull => {
                places.iter().try_for_each(|place| stage.disks[*place].make_room())?;
            }
            Fault::ClockJump { .. } | Fault::ClockDrift { .. } => {
                nodes
                    .iter()
                    .try_for_each(|node| stage.exercise.nodes.find(*node)?.set_clock(CLOCK_IS_RIGHT))?;
            }
            Fault::Wipe => return rejoin(stage, &places).await,
            Fault::BitRot(file) => {
                let is_gone = nodes.iter().any(|node| stage.exercise.nodes.has_ended(*node));
                if is_gone || file == RotFile::LogTail {
                    return rejoin(stage, &places).await;
                }
            }
            Fault::Kill
            | Fault::PowerLoss
            | Fault::RegionLoss
            | Fault::Partition { .. }
            | Fault::Network(_)
            | Fault::FsyncError
            | Fault::FsyncSlow(_)
            | Fault::SlowDisk { .. }
            | Fault::Cpu { .. }
            | Fault::Memory(_)
            | Fault::Descriptors { .. } => {}
        }
        hold.release(stage)?;
        stage.start(&places)?;
        for node in &nodes {
            stage.exercise.nodes.row(*node)?.may_end = false;
        }
        Ok(nodes)
    }

    /// Whether those struck answer nobody, so that clients had better go elsewhere.
    pub(super) fn keeps_away(&self) -> bool {
        self.strike.fault.silences()
    }
}

fn may_end(stage: &mut Stage, nodes: &[NodeId]) -> Result<()> {
    nodes.iter().try_for_each(|node| {
        stage.exercise.nodes.row(*node)?.may_end = true;
        Ok(())
    })
}

fn hold(
    stage: &mut Stage,
    fault: Fault,
    places: &[usize],
    nodes: &[NodeId],
    remark: &mut String,
) -> Result<Hold> {
    match fault {
        Fault::Kill | Fault::Wipe => stage.kill(places)?,
        Fault::Pause => each_running(stage, nodes, |pid| signal(pid, "STOP"))?,
        Fault::PowerLoss => stage.lose_power(places)?,
        Fault::Restart => nodes.iter().try_for_each(|node| stage.exercise.nodes.stop(*node))?,
        Fault::Partition { cut: ways, flapping, clients } => {
            return cut(stage, places, ways, flapping, clients);
        }
        Fault::Network(weather) => return bad_lines(stage, weather),
        Fault::RegionLoss => {
            let hold = cut(stage, places, Cut::Both, None, ClientSide::Home)?;
            stage.lose_power(places)?;
            return Ok(hold);
        }
        Fault::FsyncError => return injections(stage, nodes, Syncs::Fail),
        Fault::FsyncSlow(by) => return injections(stage, nodes, Syncs::TakeLonger(by.0)),
        Fault::FsyncSkip => return injections(stage, nodes, Syncs::DoNothing),
        Fault::SlowDisk { iops } => return slow_disks(stage, places, nodes, iops),
        Fault::DiskFull => {
            places.iter().try_for_each(|place| stage.disks[*place].fill(LEFT_FREE_BYTES))?;
        }
        Fault::ReadOnly => places.iter().try_for_each(|place| stage.disks[*place].become_read_only())?,
        Fault::BitRot(file) => *remark = damage(stage, places, nodes, file)?,
        Fault::ClockJump { by, backwards } => {
            let sign = if backwards { '-' } else { '+' };
            set_clocks(stage, nodes, &format!("{sign}{}", by.0.as_secs()))?;
        }
        Fault::ClockDrift { speed } => set_clocks(stage, nodes, &format!("+0 x{}", speed.0 / 100.0))?,
        Fault::Cpu { percent } => {
            let thousandths = (percent.0 * 10.0) as u64;
            return limits(stage, nodes, &Limited::Cpu { thousandths });
        }
        Fault::Memory(bytes) => return limits(stage, nodes, &Limited::Memory { bytes: bytes.0 }),
        Fault::Descriptors { count } => return few_files(stage, nodes, count),
    }
    Ok(Hold::Nothing)
}

impl Hold {
    fn release(self, stage: &Stage) -> Result<()> {
        match self {
            Hold::Nothing => {}
            Hold::Rules(rules) => {
                let hosts = stage.hosts.iter();
                hosts.for_each(|hosts| rules.iter().for_each(|rule| hosts.remove(*rule)));
            }
            Hold::Injections(injections) => drop(injections),
            Hold::Limits(limits) => drop(limits),
            Hold::Files(files) => {
                for (pid, soft) in files {
                    // A process that has ended has no limits.
                    let _raised = limit_files(pid, soft);
                }
            }
        }
        Ok(())
    }
}

fn each_running(stage: &Stage, nodes: &[NodeId], act: impl Fn(u32) -> Result<()>) -> Result<()> {
    nodes.iter().try_for_each(|node| stage.exercise.nodes.find(*node)?.pid().map_or(Ok(()), &act))
}

/// Nodes that do not stop in order are killed; the log tells that they were.
async fn wait_for_stop(stage: &mut Stage, nodes: &[NodeId], places: &[usize]) -> Result<()> {
    let begin_ms = stage.now_ms();
    while !nodes.iter().all(|node| stage.exercise.nodes.has_ended(*node)) {
        if stage.now_ms() - begin_ms > STOP_MAX_MS * stage.patience {
            return stage.kill(places);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn rejoin(stage: &mut Stage, places: &[usize]) -> Result<Vec<NodeId>> {
    let mut new = Vec::new();
    for place in places {
        new.push(stage.rejoin(*place).await?);
    }
    Ok(new)
}

fn set_clocks(stage: &Stage, nodes: &[NodeId], to: &str) -> Result<()> {
    nodes.iter().try_for_each(|node| stage.exercise.nodes.find(*node)?.set_clock(to))
}

fn hosts(stage: &Stage) -> Result<&Hosts> {
    stage.hosts.as_ref().context("nodes have no hosts of their own")
}

fn bad_lines(stage: &Stage, weather: Weather) -> Result<Hold> {
    let hosts = hosts(stage)?;
    Ok(Hold::Rules(vec![hosts.add(Rule::Weather { ports: hosts.everybody(), weather })]))
}

/// Cuts the lines of nodes to the others; with their clients or without.
fn cut(
    stage: &Stage,
    places: &[usize],
    cut: Cut,
    flapping: Option<Span>,
    clients: ClientSide,
) -> Result<Hold> {
    let hosts = hosts(stage)?;
    let nodes = (0..stage.exercise.nodes.all().len()).map(|place| hosts.node(place)).collect();
    let (struck, everybody) = match clients {
        ClientSide::Everywhere => (places.iter().map(|place| hosts.node(*place)).collect(), nodes),
        ClientSide::Home => (with_clients(hosts, places, stage.regions), hosts.everybody()),
    };
    let is_other = |port: &Port| cut == Cut::Ring || !struck.contains(port);
    let others = everybody.into_iter().filter(is_other).collect();
    let flapping = flapping.map(|span| span.0);
    let rule = Rule::Cut { struck, others, cut, flapping, since: hosts.now() };
    Ok(Hold::Rules(vec![hosts.add(rule)]))
}

/// Nodes and the clients of regions whose every node is among them.
fn with_clients(hosts: &Hosts, places: &[usize], regions: usize) -> Vec<Port> {
    let mut ports: Vec<Port> = places.iter().map(|place| hosts.node(*place)).collect();
    let of_struck = (0..regions).filter(|region| places.iter().any(|place| place % regions == *region));
    ports.extend(of_struck.map(|region| hosts.clients(region)));
    ports
}

fn injections(stage: &Stage, nodes: &[NodeId], syncs: Syncs) -> Result<Hold> {
    let mut injections = Vec::new();
    for node in nodes {
        let pid = stage.exercise.nodes.find(*node)?.pid();
        let pid = pid.with_context(|| format!("node {node} does not run"))?;
        injections.push(Injection::begin(pid, syncs)?);
    }
    Ok(Hold::Injections(injections))
}

fn limits(stage: &Stage, nodes: &[NodeId], what: &Limited) -> Result<Hold> {
    let mut limits = Vec::new();
    for node in nodes {
        if let Some(pid) = stage.exercise.nodes.find(*node)?.pid() {
            limits.push(Limit::begin(&stage.scratch, node.0, pid, what)?);
        }
    }
    Ok(Hold::Limits(limits))
}

fn slow_disks(stage: &Stage, places: &[usize], nodes: &[NodeId], iops: u64) -> Result<Hold> {
    let mut limits = Vec::new();
    for (place, node) in places.iter().zip(nodes) {
        if let Some(pid) = stage.exercise.nodes.find(*node)?.pid() {
            let what = Limited::Writes { device: stage.disks[*place].numbers()?, per_s: iops };
            limits.push(Limit::begin(&stage.scratch, node.0, pid, &what)?);
        }
    }
    Ok(Hold::Limits(limits))
}

/// Lets nodes open nothing that would be more than so many files; says how many they might have had.
fn few_files(stage: &Stage, nodes: &[NodeId], count: u64) -> Result<Hold> {
    let mut before = Vec::new();
    for node in nodes {
        let Some(pid) = stage.exercise.nodes.find(*node)?.pid() else { continue };
        before.push((pid, soft_limit_of_files(pid).context("a limit of open files")?));
        limit_files(pid, count)?;
    }
    Ok(Hold::Files(before))
}

/// How many files a process may have open.
fn soft_limit_of_files(pid: u32) -> Option<u64> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

fn limit_files(pid: u32, soft: u64) -> Result<()> {
    succeed(Command::new("prlimit").arg(format!("--pid={pid}")).arg(format!("--nofile={soft}:")))
}

fn damage(stage: &mut Stage, places: &[usize], nodes: &[NodeId], file: RotFile) -> Result<String> {
    stage.kill(places)?;
    let mut told = Vec::new();
    for node in nodes {
        let data = stage.exercise.nodes.data_dir(*node)?;
        let path = data.display().to_string();
        told.push(rot::damage(&data, file)?.replace(&path, "data"));
        stage.exercise.nodes.start(*node)?;
        let row = stage.exercise.nodes.row(*node)?;
        (row.may_end, row.may_be_suspect) = (true, true);
    }
    Ok(told.join(", "))
}
