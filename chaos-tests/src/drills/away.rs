//! A node is away for minutes under load and comes back: the others go on routing, and handing it what it lacks does
//! not disturb them.

use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use ringmain_protocol::v1::ClusterStatusResponse;
use ringmain_routing::NodeId;

use super::DrillArgs;
use super::exercise::{Exercise, Ground};
use super::meter::{Reading, metric};
use super::nodes::NodeOptions;
use super::report::{FOLLOWER, Figure, Phase, Report};

pub(super) const NAME: &str = "away";

const NODES: usize = 3;
const HOW: &str = "kill -9";
/// The log that the node lacks is purged long before it comes back: it needs a snapshot and history segments.
const LIMITS: &str = "snapshot_log_bytes = 2097152\nentries_kept = 1000\n";
const WARM_UP: Duration = Duration::from_secs(5);
/// How long the node may take to have everything.
const CATCH_UP_MAX: Duration = Duration::from_secs(120);
/// Commands that a node may lack and still count as having caught up: others go on meanwhile.
const BEHIND_MAX: u64 = 50;
/// Contacts of the last moment are assigned by then.
const QUIET: Duration = Duration::from_secs(1);

/// What the drill `away` can be told.
#[derive(Debug, Args)]
pub struct AwayArgs {
    /// What all drills can be told.
    #[command(flatten)]
    pub common: DrillArgs,
    /// How long the node is away
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub seconds: u64,
    /// How long is measured before it goes, and after it has caught up
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub around: u64,
}

impl AwayArgs {
    /// What it may take.
    pub(super) fn longest(&self) -> Duration {
        Duration::from_secs(self.seconds * 2 + self.around * 2) + CATCH_UP_MAX
    }
}

/// Runs the drill in a folder and judges it.
pub(super) async fn run(args: &AwayArgs, ground: &Ground<'_>) -> Result<Report> {
    let options = NodeOptions { limits: LIMITS.to_owned(), ..NodeOptions::default() };
    let mut exercise = Exercise::prepare(ground, NODES, options)?;
    exercise.open().await?;
    let load = exercise.seat_everybody(ground.rate)?;
    tokio::time::sleep(WARM_UP).await;
    let around = Duration::from_secs(args.around);

    let begun = Reading::take(&exercise).await;
    tokio::time::sleep(around).await;
    let left = Reading::take(&exercise).await;
    let (leader, term) = exercise.wait_for_leader().await?;
    let node = exercise.ids().into_iter().find(|node| *node != leader).context("a follower")?;
    exercise.note_kill(&[node], HOW, FOLLOWER, term);
    exercise.nodes.kill(node)?;
    println!("node {node} is away");
    tokio::time::sleep(Duration::from_secs(args.seconds) / 2).await;
    exercise.wander(&load, &[node]).await;
    tokio::time::sleep(Duration::from_secs(args.seconds) / 2).await;
    let returning = Reading::take(&exercise).await;
    println!("node {node} comes back");
    let (started_ms, caught_up_ms) = catch_up(&mut exercise, node).await?;
    let returned = Reading::take(&exercise).await;
    tokio::time::sleep(around).await;
    let ended = Reading::take(&exercise).await;
    tokio::time::sleep(QUIET).await;

    let phases = {
        let notes = exercise.journal.notes();
        vec![
            begun.phase_until(&left, "before", &notes),
            left.phase_until(&returning, "away", &notes),
            returning.phase_until(&returned, "returning", &notes),
            returned.phase_until(&ended, "after", &notes),
        ]
    };
    let transferred = Transferred::of(&exercise, node).await?;
    let mut report = exercise.conclude(load).await?;
    report.figures = figures(&phases, &transferred);
    report.figures.push(Figure { name: "answers after, in ms".to_owned(), value: started_ms as f64 });
    report.figures.push(Figure { name: "has caught up after, in ms".to_owned(), value: caught_up_ms as f64 });
    if transferred.snapshots < 1.0 {
        report.add_problem("the node caught up by the log alone: a transfer was not drilled".to_owned());
    }
    report.phases = phases;
    Ok(report)
}

/// Starts the node; milliseconds until it answers, and until it lacks next to nothing.
async fn catch_up(exercise: &mut Exercise, node: NodeId) -> Result<(u64, u64)> {
    let applied = |status: &ClusterStatusResponse| status.stamp.map_or(0, |stamp| stamp.log_index);
    let begin = exercise.journal.now_ns();
    exercise.nodes.start(node)?;
    let mut answers_ms = None;
    loop {
        exercise.nodes.check_alive()?;
        let statuses = exercise.statuses().await;
        let now_ms = (exercise.journal.now_ns() - begin) / 1_000_000;
        let others = statuses.iter().flatten().filter(|status| status.node != node.0).map(applied).max();
        if let Some(status) = statuses.iter().flatten().find(|status| status.node == node.0) {
            let first_ms = *answers_ms.get_or_insert(now_ms);
            if applied(status) + BEHIND_MAX >= others.unwrap_or(u64::MAX) {
                if let Some(kill) = exercise.kills.last_mut() {
                    kill.back_after_ms = Some(now_ms);
                }
                return Ok((first_ms, now_ms));
            }
        }
        exercise.pause(begin, CATCH_UP_MAX, &format!("node {node} without a lag")).await?;
    }
}

/// What the node that came back got from others, beside the log.
struct Transferred {
    snapshots: f64,
    segments: f64,
    snapshot_bytes: f64,
}

impl Transferred {
    async fn of(exercise: &Exercise, node: NodeId) -> Result<Transferred> {
        let row = exercise.nodes.all().iter().find(|row| row.node == node).context("the node")?;
        Ok(Transferred {
            snapshots: metric(row, "ringmain_snapshots_total", "source=\"installed\"").await?,
            segments: metric(row, "ringmain_segments_fetched_total", "").await?,
            snapshot_bytes: metric(row, "ringmain_snapshot_bytes", "").await?,
        })
    }
}

fn figures(phases: &[Phase], transferred: &Transferred) -> Vec<Figure> {
    let mut figures = vec![
        Figure { name: "snapshots installed".to_owned(), value: transferred.snapshots },
        Figure { name: "bytes of the last snapshot".to_owned(), value: transferred.snapshot_bytes },
        Figure { name: "history segments fetched".to_owned(), value: transferred.segments },
    ];
    let p99_of =
        |name: &str| phases.iter().find(|phase| phase.name == name).map_or(0.0, |phase| phase.p99_ms);
    let before = p99_of("before");
    if before > 0.0 {
        let ratio = |name: &str| p99_of(name) / before;
        figures.push(Figure { name: "p99 away / before".to_owned(), value: ratio("away") });
        figures.push(Figure { name: "p99 returning / before".to_owned(), value: ratio("returning") });
        figures.push(Figure { name: "p99 after / before".to_owned(), value: ratio("after") });
    }
    figures
}
