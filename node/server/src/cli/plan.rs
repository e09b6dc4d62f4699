//! `plan`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::NodeArgs;

/// Commands on the plan.
#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// Switch to the plan in a file and put its operators
    #[command(after_help = "Example:\n  ringmain plan apply plan.toml --dry-run")]
    Apply(PlanApplyArgs),
}

/// See [`PlanCommand::Apply`].
#[derive(Debug, Args)]
pub struct PlanApplyArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// The plan
    #[arg(value_name = "FILE")]
    pub plan: PathBuf,
    /// Only show what would change
    #[arg(long)]
    pub dry_run: bool,
}
