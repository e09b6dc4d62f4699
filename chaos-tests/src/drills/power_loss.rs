//! Power is lost under load, at one node or at all of them: what was acknowledged had been synced on a majority.
//!
//! Each node has a disk of its own. When power is lost, the disk keeps what was synced and forgets the rest, in the
//! middle of whatever the node was writing. The disk's own cache does not lose anything here: a write that reached the
//! disk without a flush behind it stays, so that a missing flush of the device is not found, a missing fsync is.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use ringmain_routing::NodeId;

use super::DrillArgs;
use super::disk::Disk;
use super::exercise::{Exercise, Ground, Load, SETTLE};
use super::nodes::NodeOptions;
use super::report::{ALL, FOLLOWER, LEADER, Report};

pub(super) const NAME: &str = "power-loss";

const NODES: usize = 3;
const HOW: &str = "power lost";
const DISK_BYTES: u64 = 512 << 20;
/// Snapshots are made, segments cut and the log purged every few seconds, so that power is lost while they are.
const LIMITS: &str = "snapshot_log_bytes = 65536\nentries_kept = 100\n";
const WARM_UP: Duration = Duration::from_secs(3);
const AWAY: Duration = Duration::from_secs(2);
const BETWEEN: Duration = Duration::from_secs(1);
/// Each round waits a little longer than the one before, up to a second, so that power is lost at different moments.
const SHIFT: Duration = Duration::from_millis(37);
/// No round takes longer.
const ROUND_MAX: Duration = Duration::from_secs(30);

/// See [`super::DrillRun::PowerLoss`].
#[derive(Debug, Args)]
pub struct PowerLossArgs {
    /// What all drills can be told.
    #[command(flatten)]
    pub common: DrillArgs,
    /// Rounds in which one node loses power, the leader in every second one
    #[arg(long, value_name = "ROUNDS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub one: u32,
    /// Rounds in which all nodes lose power at once
    #[arg(long, value_name = "ROUNDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub all: u32,
}

impl PowerLossArgs {
    /// What the rounds may take together.
    pub(super) fn longest(&self) -> Duration {
        ROUND_MAX * (self.one + self.all)
    }
}

/// The nodes come first: they must have ended before their disks are taken away.
struct Drill {
    exercise: Exercise,
    /// By place of the node.
    disks: Vec<Disk>,
}

/// Runs the drill in a folder and judges it.
pub(super) async fn run(args: &PowerLossArgs, ground: &Ground<'_>) -> Result<Report> {
    let options = NodeOptions { data_dir: "disk/data", limits: LIMITS, ..NodeOptions::default() };
    let exercise = Exercise::prepare(ground, NODES, options)?;
    let disk = |node: &super::nodes::Node| Disk::make(&node.home.join("disk"), DISK_BYTES);
    let disks = exercise.nodes.all().iter().map(disk).collect::<Result<_>>()?;
    let mut drill = Drill { exercise, disks };
    drill.exercise.open().await?;
    let load = drill.exercise.seat_everybody(ground.rate)?;
    tokio::time::sleep(WARM_UP).await;
    for round in 0..args.one {
        drill.one(round, &load).await.with_context(|| format!("round {round} with one node"))?;
    }
    for round in 0..args.all {
        drill.all(round, &load).await.with_context(|| format!("round {round} with all nodes"))?;
    }
    drill.exercise.conclude(load).await
}

impl Drill {
    async fn one(&mut self, round: u32, load: &Load) -> Result<()> {
        let (leader, term) = self.exercise.wait_for_leader().await?;
        let followers: Vec<NodeId> = self.exercise.ids().into_iter().filter(|node| *node != leader).collect();
        let (node, role) = if round.is_multiple_of(2) {
            (leader, LEADER)
        } else {
            (followers[(round as usize / 2) % followers.len()], FOLLOWER)
        };
        println!("round {round}: node {node} ({role}) loses power");
        self.lose_power(&[node], role, term)?;
        tokio::time::sleep(AWAY).await;
        self.exercise.wander(load, &[node]).await;
        self.exercise.restart(&[node], SETTLE).await?;
        tokio::time::sleep(between(round)).await;
        Ok(())
    }

    async fn all(&mut self, round: u32, load: &Load) -> Result<()> {
        let (_, term) = self.exercise.wait_for_leader().await?;
        println!("round {round}: all nodes lose power");
        let nodes = self.exercise.ids();
        self.lose_power(&nodes, ALL, term)?;
        self.exercise.restart(&nodes, SETTLE).await?;
        self.exercise.wait_for_leader().await?;
        self.exercise.wander(load, &[]).await;
        tokio::time::sleep(AWAY + between(round)).await;
        Ok(())
    }

    fn lose_power(&mut self, nodes: &[NodeId], role: &'static str, term: u64) -> Result<()> {
        self.exercise.note_kill(nodes, HOW, role, term);
        let places: Vec<usize> = (0..self.disks.len())
            .filter(|place| nodes.contains(&self.exercise.nodes.all()[*place].node))
            .collect();
        // The disks first: whatever a process still does in its last moment must not reach them.
        places.iter().try_for_each(|place| self.disks[*place].lose_power())?;
        nodes.iter().try_for_each(|node| self.exercise.nodes.kill(*node))?;
        std::thread::scope(|scope| {
            let remounts: Vec<_> =
                places.iter().map(|place| scope.spawn(|| self.disks[*place].remount())).collect();
            let done = |remount: std::thread::ScopedJoinHandle<'_, Result<()>>| {
                remount.join().unwrap_or_else(|_| Err(anyhow!("mounting a disk again panicked")))
            };
            remounts.into_iter().try_for_each(done)
        })
    }
}

fn between(round: u32) -> Duration {
    BETWEEN + SHIFT * (round % 27)
}
