//! Drills: real nodes, real clients, real kills, and a verdict computed from the records of both sides.

mod away;
mod centre;
mod disk;
mod disk_full;
mod exercise;
mod fsync_error;
mod gateway;
mod journal;
mod meter;
mod nodes;
mod operator;
mod power_loss;
mod report;
mod rolling_kill;
pub mod scan;
mod script;
pub mod stage;
mod task;
mod tour;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};

pub use away::AwayArgs;
pub use power_loss::PowerLossArgs;
pub use report::{Figure, Kill, NodeWork, Phase, Report, Step, Streams, Wanderer};
pub use tour::TourArgs;

use exercise::Ground;

/// No drill takes longer, beside the rounds that it was told to make.
const LONGEST: Duration = Duration::from_secs(240);

/// Commands on drills.
#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// List the drills
    #[command(after_help = "Example:\n  ringmain-chaos drill list")]
    List,
    /// Run a drill; exit code 0 only when no promise was broken
    #[command(subcommand, arg_required_else_help = true)]
    Run(DrillRun),
}

/// The drills.
#[derive(Debug, Subcommand)]
pub enum DrillRun {
    /// kill -9 of each of three nodes in turn under load, then of all at once
    #[command(after_help = "Example:\n  ringmain-chaos drill run rolling-kill --report report.json")]
    RollingKill(DrillArgs),
    /// Power is lost at one node or at all of them under load; needs root
    #[command(after_help = "Example:\n  ringmain-chaos drill run power-loss --one 20 --all 5")]
    PowerLoss(PowerLossArgs),
    /// A node is away for minutes under load and comes back: how fast the others route, how soon it has caught up
    #[command(after_help = "Example:\n  ringmain-chaos drill run away --rate 500 --seconds 300")]
    Away(AwayArgs),
    /// Every fsync fails at the leader, at a follower, at a majority; needs strace
    #[command(after_help = "Example:\n  ringmain-chaos drill run fsync-error --report report.json")]
    FsyncError(DrillArgs),
    /// The disk of the leader, of a follower, of all nodes fills up and empties again; needs root
    #[command(after_help = "Example:\n  ringmain-chaos drill run disk-full --report report.json")]
    DiskFull(DrillArgs),
    /// docs/OPERATIONS.md, block by block, under load
    #[command(after_help = "Example:\n  ringmain-chaos drill run tour --document docs/OPERATIONS.md")]
    Tour(TourArgs),
}

/// What all drills can be told.
#[derive(Debug, Args)]
pub struct DrillArgs {
    /// The node's binary; without it the `ringmain` beside this program
    #[arg(long, value_name = "PATH")]
    pub ringmain: Option<PathBuf>,
    /// Where the report goes, as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Where configs, data and logs of the nodes go, and stay; without it they go with the drill
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Contacts that all gateways together bring per second
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    pub rate: u32,
    /// Multiplies the timeouts of the nodes, for a machine that is busy with other things
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=30))]
    pub patience: u64,
}

/// Carries out a command on drills. `true` when no promise was broken.
///
/// # Errors
/// The drill could not be run to its end, or not at all: then the message says why it is skipped.
pub async fn carry_out(command: DrillCommand) -> Result<bool> {
    match command {
        DrillCommand::List => {
            let drills = DrillRun::augment_subcommands(clap::Command::new("run"));
            for drill in drills.get_subcommands() {
                println!("{:<14}{}", drill.get_name(), drill.get_about().unwrap_or_default());
            }
            Ok(true)
        }
        DrillCommand::Run(run) => carry_out_drill(&run).await,
    }
}

impl DrillRun {
    fn common(&self) -> &DrillArgs {
        match self {
            DrillRun::RollingKill(common) | DrillRun::FsyncError(common) | DrillRun::DiskFull(common) => {
                common
            }
            DrillRun::PowerLoss(args) => &args.common,
            DrillRun::Away(args) => &args.common,
            DrillRun::Tour(args) => &args.common,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            DrillRun::RollingKill(_) => rolling_kill::NAME,
            DrillRun::PowerLoss(_) => power_loss::NAME,
            DrillRun::Away(_) => away::NAME,
            DrillRun::FsyncError(_) => fsync_error::NAME,
            DrillRun::DiskFull(_) => disk_full::NAME,
            DrillRun::Tour(_) => tour::NAME,
        }
    }

    fn needs_mounts(&self) -> bool {
        match self {
            DrillRun::PowerLoss(_) | DrillRun::DiskFull(_) => true,
            DrillRun::RollingKill(_) | DrillRun::Away(_) | DrillRun::FsyncError(_) | DrillRun::Tour(_) => {
                false
            }
        }
    }

    fn longest(&self) -> Duration {
        let told = match self {
            DrillRun::RollingKill(_) | DrillRun::FsyncError(_) | DrillRun::DiskFull(_) => Duration::ZERO,
            DrillRun::PowerLoss(args) => args.longest(),
            DrillRun::Away(args) => args.longest(),
            DrillRun::Tour(args) => args.longest(),
        };
        LONGEST + told
    }

    async fn run(&self, ground: &Ground<'_>) -> Result<Report> {
        match self {
            DrillRun::RollingKill(_) => rolling_kill::run(ground).await,
            DrillRun::PowerLoss(args) => power_loss::run(args, ground).await,
            DrillRun::Away(args) => away::run(args, ground).await,
            DrillRun::FsyncError(_) => fsync_error::run(ground).await,
            DrillRun::DiskFull(_) => disk_full::run(ground).await,
            DrillRun::Tour(args) => tour::run(args, ground).await,
        }
    }
}

async fn carry_out_drill(run: &DrillRun) -> Result<bool> {
    if run.needs_mounts() {
        disk::enter_own_mounts()?;
    }
    let args = run.common();
    let binary = binary(args.ringmain.as_deref())?;
    let scratch = tempfile::Builder::new().prefix("ringmain-drill-").tempdir()?;
    let folder = match &args.data {
        Some(folder) => empty_folder(folder)?,
        None => scratch.path().to_owned(),
    };
    let salt = u64::from(std::process::id());
    let (rate, patience) = (args.rate, args.patience);
    let ground = Ground { drill: run.name(), binary: &binary, folder: &folder, salt, rate, patience };
    let longest = run.longest();
    let report = tokio::time::timeout(longest, run.run(&ground))
        .await
        .with_context(|| format!("the drill was not over within {} s", longest.as_secs()))??;
    report.print();
    if let Some(path) = &args.report {
        let json = serde_json::to_string_pretty(&report)?;
        fs::write(path, json + "\n").with_context(|| format!("--report: writing {}", path.display()))?;
    }
    Ok(report.clean)
}

fn binary(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = given {
        ensure!(path.is_file(), "--ringmain {}: there is no such file", path.display());
        return path.canonicalize().with_context(|| format!("--ringmain {}", path.display()));
    }
    let own = std::env::current_exe().context("finding this program's own file")?;
    let beside = own.with_file_name(format!("ringmain{}", std::env::consts::EXE_SUFFIX));
    ensure!(
        beside.is_file(),
        "{} is not there: run `cargo build --release` first, or name the binary by --ringmain",
        beside.display()
    );
    Ok(beside)
}

/// Data of an earlier run would be taken for this one's.
fn empty_folder(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("--data: making {}", folder.display()))?;
    let is_empty = fs::read_dir(folder)?.next().is_none();
    ensure!(is_empty, "--data {}: must be empty", folder.display());
    Ok(folder.canonicalize()?)
}
