//! `drill`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::NodeArgs;

/// No drill on a cluster in use lasts longer.
const LASTS_MAX: Duration = Duration::from_secs(600);

/// Drills on a cluster that is in use.
#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// Do something to one node of a healthy cluster for a while, undo it, and say how the cluster took it
    #[command(
        after_help = "Example:\n  ringmain drill run pause --node 2 --for 10s --hooks drill.toml --dry-run"
    )]
    Run(DrillRunArgs),
}

/// What is done to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DrillFault {
    /// The process is ended without a word; hooks `kill` and `revive`.
    Kill,
    /// The process stands still; hooks `pause` and `resume`.
    Pause,
    /// Other nodes do not reach it; hooks `partition` and `heal`.
    Partition,
    /// Its clients are sent elsewhere; needs no hook.
    Drain,
}

/// See [`DrillCommand::Run`].
#[derive(Debug, Args)]
pub struct DrillRunArgs {
    /// What is done
    #[arg(value_name = "FAULT", value_enum)]
    pub fault: DrillFault,
    /// To which node; the others must have a majority without it
    #[arg(long = "node", id = "struck", value_name = "NODE", value_parser = clap::value_parser!(u64).range(1..))]
    pub struck: u64,
    /// For how long, at most 10m
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = parse_lasts)]
    pub lasts: Duration,
    /// The file that says by which commands nodes are reached; docs/CHAOS.md shows one
    #[arg(long, value_name = "FILE")]
    pub hooks: Option<PathBuf>,
    /// The drill is broken off as soon as this file exists; Ctrl-C does the same
    #[arg(long, value_name = "FILE")]
    pub abort_file: Option<PathBuf>,
    /// The drill is broken off when nobody has led for so long
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    pub leaderless: Duration,
    /// How long the cluster has to become healthy again
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = humantime::parse_duration)]
    pub settle: Duration,
    /// Only check cluster and hooks, and say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Which nodes to ask.
    #[command(flatten)]
    pub node: NodeArgs,
}

fn parse_lasts(text: &str) -> Result<Duration, String> {
    let lasts =
        humantime::parse_duration(text).map_err(|error| format!("{error}; write it like 10s or 2m"))?;
    if lasts.is_zero() || lasts > LASTS_MAX {
        return Err("more than nothing and at most 10m".to_owned());
    }
    Ok(lasts)
}
