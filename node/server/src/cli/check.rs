//! `check`.

use clap::{Args, Subcommand};

use super::NodeArgs;

/// See [`super::Command::Check`].
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct CheckArgs {
    /// Which node to ask.
    #[command(flatten)]
    pub node: NodeArgs,
    /// One question instead of all.
    #[command(subcommand)]
    pub only: Option<CheckCommand>,
}

/// Single questions.
#[derive(Debug, Subcommand)]
pub enum CheckCommand {
    /// Whether a node may stop without the cluster losing its majority: exit code 0 yes, 3 no
    #[command(after_help = "Example:\n  ringmain check quorum-critical 2")]
    QuorumCritical(QuorumCriticalArgs),
}

/// See [`CheckCommand::QuorumCritical`].
#[derive(Debug, Args)]
pub struct QuorumCriticalArgs {
    /// The node; without it the one that is asked
    #[arg(value_name = "NODE", default_value_t = 0, hide_default_value = true)]
    pub id: u64,
    /// Which node to ask.
    #[command(flatten)]
    pub node: NodeArgs,
}
