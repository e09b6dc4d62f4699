//! Drills: real nodes, real clients, real kills, and a verdict computed from the records of both sides.

mod centre;
mod gateway;
mod journal;
mod nodes;
mod operator;
mod report;
mod rolling_kill;
pub mod scan;
mod task;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};

pub use report::{Kill, Report, Streams, Wanderer};

/// No drill takes longer.
const LONGEST: Duration = Duration::from_secs(118);

/// Commands on drills.
#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// List the drills
    #[command(after_help = "Example:\n  ringmain-chaos drill list")]
    List,
    /// Run a drill; exit code 0 only when no promise was broken
    #[command(after_help = "Example:\n  ringmain-chaos drill run rolling-kill --report report.json")]
    Run(DrillArgs),
}

/// See [`DrillCommand::Run`].
#[derive(Debug, Args)]
pub struct DrillArgs {
    /// Which drill; `drill list` names them
    #[arg(value_name = "DRILL")]
    pub name: String,
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
}

/// Carries out a command on drills. `true` when no promise was broken.
///
/// # Errors
/// The drill could not be run to its end.
pub async fn carry_out(command: DrillCommand) -> Result<bool> {
    match command {
        DrillCommand::List => {
            println!(
                "{}  kill -9 of each of three nodes in turn under load, then of all at once",
                rolling_kill::NAME
            );
            Ok(true)
        }
        DrillCommand::Run(args) => run(&args).await,
    }
}

async fn run(args: &DrillArgs) -> Result<bool> {
    if args.name != rolling_kill::NAME {
        bail!("there is no drill {:?}; `ringmain-chaos drill list` names those there are", args.name);
    }
    let binary = binary(args.ringmain.as_deref())?;
    let scratch = tempfile::Builder::new().prefix("ringmain-drill-").tempdir()?;
    let folder = match &args.data {
        Some(folder) => empty_folder(folder)?,
        None => scratch.path().to_owned(),
    };
    let salt = u64::from(std::process::id());
    let drill = rolling_kill::run(args, &binary, &folder, salt);
    let report = tokio::time::timeout(LONGEST, drill)
        .await
        .with_context(|| format!("the drill was not over within {} s", LONGEST.as_secs()))??;
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
