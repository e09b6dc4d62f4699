//! A disk fills up: the node says so and takes nothing more, loses nothing, and goes on by itself when there is room.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ringmain_routing::NodeId;

use super::disk::{Disk, succeed};
use super::exercise::{Exercise, Ground, Load};
use super::meter::metric;
use super::nodes::{Node, NodeOptions};
use super::report::{ALL, FOLLOWER, Figure, LEADER, Report};

pub(super) const NAME: &str = "disk-full";

const NODES: usize = 3;
const HOW: &str = "disk full at";
const DISK_BYTES: u64 = 512 << 20;
const LIMITS: &str = "snapshot_log_bytes = 262144\nentries_kept = 500\ndisk_reserve_bytes = 33554432\n";
/// What is left free: less than the reserve, more than what is under way.
const FREE_BYTES: u64 = 8 << 20;
const BALLAST: &str = "ballast";
const GAUGE: &str = "ringmain_disk_full";
const REQUESTS: &str = "ringmain_requests_total";
const REFUSED: &str = "code=\"disk-full\"";
const WARM_UP: Duration = Duration::from_secs(3);
const FULL: Duration = Duration::from_secs(4);
const BETWEEN: Duration = Duration::from_secs(2);
/// The node looks at its disk every second; so long it may take to see what happened.
const NOTICE_MAX: Duration = Duration::from_secs(15);

/// Runs the drill in a folder and judges it.
pub(super) async fn run(ground: &Ground<'_>) -> Result<Report> {
    let options = NodeOptions { data_dir: "disk/data", limits: LIMITS, ..NodeOptions::default() };
    let exercise = Exercise::prepare(ground, NODES, options)?;
    let disk = |node: &Node| Disk::make(&node.home.join("disk"), DISK_BYTES);
    let disks = exercise.nodes.all().iter().map(disk).collect::<Result<Vec<_>>>()?;
    let mut drill = Drill { exercise, _disks: disks, noticed_ms: 0, recovered_ms: 0, refused: 0.0 };
    drill.exercise.open().await?;
    let load = drill.exercise.seat_everybody(ground.rate)?;
    tokio::time::sleep(WARM_UP).await;
    for role in [LEADER, FOLLOWER, ALL] {
        drill.round(role, &load).await.with_context(|| format!("disk full: {role}"))?;
    }
    let Drill { exercise, _disks, noticed_ms, recovered_ms, refused } = drill;
    let mut report = exercise.conclude(load).await?;
    report.figures = vec![
        Figure { name: "a full disk was noticed within, in ms", value: noticed_ms as f64 },
        Figure { name: "room was noticed within, in ms", value: recovered_ms as f64 },
        Figure { name: "requests refused as disk-full", value: refused },
    ];
    if refused < 1.0 {
        report.add_problem("nobody was told that a disk is full".to_owned());
    }
    Ok(report)
}

/// The nodes come first: they must have ended before their disks are taken away.
struct Drill {
    exercise: Exercise,
    _disks: Vec<Disk>,
    noticed_ms: u64,
    recovered_ms: u64,
    refused: f64,
}

impl Drill {
    async fn round(&mut self, role: &'static str, load: &Load) -> Result<()> {
        let (leader, term) = self.exercise.wait_for_leader().await?;
        let mut nodes = self.exercise.ids();
        match role {
            LEADER => nodes = vec![leader],
            FOLLOWER => {
                nodes.retain(|node| *node != leader);
                nodes.truncate(1);
            }
            _all => {}
        }
        println!("disks of {nodes:?} fill up ({role})");
        self.exercise.note_kill(&nodes, HOW, role, term);
        self.rows(&nodes).try_for_each(|row| fill(&row.home.join("disk")))?;
        self.noticed_ms = self.noticed_ms.max(self.wait_until(&nodes, true).await?);
        tokio::time::sleep(FULL).await;
        self.exercise.wander(load, if role == ALL { &[] } else { &nodes }).await;
        for row in self.exercise.nodes.all() {
            self.refused = self.refused.max(metric(row, REQUESTS, REFUSED).await?);
        }
        for row in self.rows(&nodes) {
            fs::remove_file(row.home.join("disk").join(BALLAST))?;
        }
        self.recovered_ms = self.recovered_ms.max(self.wait_until(&nodes, false).await?);
        tokio::time::sleep(BETWEEN).await;
        self.exercise.nodes.check_alive()
    }

    fn rows(&self, nodes: &[NodeId]) -> impl Iterator<Item = &Node> {
        let all: Vec<&Node> =
            self.exercise.nodes.all().iter().filter(|row| nodes.contains(&row.node)).collect();
        all.into_iter()
    }

    /// Milliseconds until all of the nodes say that their disks are full, or are not.
    async fn wait_until(&mut self, nodes: &[NodeId], full: bool) -> Result<u64> {
        let begin = self.exercise.journal.now_ns();
        loop {
            self.exercise.nodes.check_alive()?;
            let mut agreed = 0;
            for row in self.rows(nodes) {
                agreed += usize::from((metric(row, GAUGE, "").await? > 0.0) == full);
            }
            if agreed == nodes.len() {
                return Ok((self.exercise.journal.now_ns() - begin) / 1_000_000);
            }
            let what = format!("a word of {nodes:?} that full = {full}");
            self.exercise.pause(begin, NOTICE_MAX, &what).await?;
        }
    }
}

/// Takes what is free on a disk, but for a little.
fn fill(mounted_at: &Path) -> Result<()> {
    let output = Command::new("df").args(["--output=avail", "-B1"]).arg(mounted_at).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let free: u64 = said.lines().nth(1).and_then(|line| line.trim().parse().ok()).context("what df says")?;
    ensure!(free > FREE_BYTES, "{}: full already", mounted_at.display());
    let bytes = (free - FREE_BYTES).to_string();
    succeed(Command::new("fallocate").args(["-l", &bytes]).arg(mounted_at.join(BALLAST)))
}
