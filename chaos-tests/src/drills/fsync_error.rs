//! fsync fails: the node stops instead of going on with what it believes to be on its disk, and nothing is acknowledged
//! that is not on the disks of a majority.
//!
//! `strace` answers every fsync of a node with EIO from a moment on. In the last round a majority has such disks: of
//! what is asked from then on, nothing may be acknowledged before these nodes are back.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ringmain_routing::NodeId;

use super::disk::is_installed;
use super::exercise::{Exercise, Ground, Load, SETTLE};
use super::nodes::NodeOptions;
use super::report::{FOLLOWER, Figure, LEADER, Report};
use crate::checker::OpResult;

pub(super) const NAME: &str = "fsync-error";

const NODES: usize = 3;
const HOW: &str = "fsync fails at";
const MAJORITY: &str = "majority";
const WARM_UP: Duration = Duration::from_secs(3);
const AWAY: Duration = Duration::from_secs(2);
const BETWEEN: Duration = Duration::from_secs(2);
/// A node writes its log many times a second under load; so long at most it may live on with a disk that fails.
const END_MAX: Duration = Duration::from_secs(5);
/// What strace says when every thread is watched.
const ATTACHED: &str = "attached";
const TRACED: &str = "trace=fsync,fdatasync,sync_file_range,msync";
const INJECTION: &str = "inject=fsync,fdatasync,sync_file_range,msync:error=EIO";

/// Runs the drill in a folder and judges it.
pub(super) async fn run(ground: &Ground<'_>) -> Result<Report> {
    ensure!(is_installed("strace"), "skipped: this drill makes system calls fail, which needs `strace`");
    let mut exercise = Exercise::prepare(ground, NODES, NodeOptions::default())?;
    exercise.open().await?;
    let load = exercise.seat_everybody(ground.rate)?;
    tokio::time::sleep(WARM_UP).await;
    let mut slowest_ms = 0;
    for role in [LEADER, FOLLOWER] {
        let (leader, _) = exercise.wait_for_leader().await?;
        let node = if role == LEADER { leader } else { next_of(&exercise, leader)[0] };
        slowest_ms = slowest_ms.max(round(&mut exercise, &load, &[node], role).await?.ended_ms);
    }
    let (leader, _) = exercise.wait_for_leader().await?;
    let followers = next_of(&exercise, leader);
    let last = round(&mut exercise, &load, &followers, MAJORITY).await?;
    let acknowledged = acknowledged_between(&exercise, last.attached_ns, last.back_ns);
    let mut report = exercise.conclude(load).await?;
    let slowest_ms = slowest_ms.max(last.ended_ms);
    report.figures = vec![
        Figure { name: "a node had stopped within, in ms", value: slowest_ms as f64 },
        Figure { name: "acknowledged while a majority could not sync", value: acknowledged as f64 },
    ];
    if acknowledged > 0 {
        report.add_problem(format!("{acknowledged} operations acknowledged while a majority could not sync"));
    }
    Ok(report)
}

fn next_of(exercise: &Exercise, leader: NodeId) -> Vec<NodeId> {
    exercise.ids().into_iter().filter(|node| *node != leader).collect()
}

/// When what happened in a round.
struct Round {
    /// From here on no fsync of these nodes succeeds.
    attached_ns: u64,
    /// Until the last of them had stopped.
    ended_ms: u64,
    /// Just before they were started again.
    back_ns: u64,
}

async fn round(exercise: &mut Exercise, load: &Load, nodes: &[NodeId], role: &'static str) -> Result<Round> {
    let (_, term) = exercise.wait_for_leader().await?;
    println!("fsync fails at {nodes:?} ({role})");
    exercise.note_kill(nodes, HOW, role, term);
    let injections =
        nodes.iter().map(|node| Injection::begin(exercise, *node)).collect::<Result<Vec<_>>>()?;
    let attached_ns = exercise.journal.now_ns();
    let mut left = nodes.to_vec();
    while !left.is_empty() {
        left.retain(|node| !exercise.nodes.has_ended(*node));
        exercise.pause(attached_ns, END_MAX, &format!("a stop of {left:?} after fsync failed")).await?;
    }
    drop(injections);
    let ended_ms = (exercise.journal.now_ns() - attached_ns) / 1_000_000;
    tokio::time::sleep(AWAY).await;
    if role != MAJORITY {
        exercise.wander(load, nodes).await;
    }
    let back_ns = exercise.journal.now_ns();
    exercise.restart(nodes, SETTLE).await?;
    tokio::time::sleep(BETWEEN).await;
    Ok(Round { attached_ns, ended_ms, back_ns })
}

/// Operations that were asked for and done within a span of time.
fn acknowledged_between(exercise: &Exercise, from_ns: u64, until_ns: u64) -> usize {
    let notes = exercise.journal.notes();
    let within = notes.ops.iter().filter(|op| op.invoked_ns >= from_ns && op.returned_ns < until_ns);
    within.filter(|op| matches!(op.result, OpResult::Done { .. })).count()
}

/// A watcher of a node's process that makes its fsyncs fail.
struct Injection {
    watcher: Child,
    /// Kept open: the watcher must not end because nobody listens to it.
    _says: BufReader<ChildStderr>,
}

impl Injection {
    /// Comes back once it is in force.
    fn begin(exercise: &Exercise, node: NodeId) -> Result<Injection> {
        let row = exercise.nodes.all().iter().find(|row| row.node == node).context("the node")?;
        let pid = row.pid().with_context(|| format!("node {node} does not run"))?;
        let mut watcher = Command::new("strace")
            .args(["-f", "-o", "/dev/null", "-e", TRACED, "-e", INJECTION, "-p"])
            .arg(pid.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting strace")?;
        let mut says = BufReader::new(watcher.stderr.take().context("what strace says")?);
        let mut line = String::new();
        while !line.contains(ATTACHED) {
            line.clear();
            let read = says.read_line(&mut line)?;
            ensure!(read > 0, "strace does not watch node {node}: it may lack the right to (ptrace)");
        }
        Ok(Injection { watcher, _says: says })
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        // It ends with the process that it watches; one that has ended cannot be killed.
        let _ended = self.watcher.kill().and_then(|()| self.watcher.wait());
    }
}
