//! `start`.

use std::path::PathBuf;

use clap::Args;

/// See [`crate::cli::Command::Start`].
#[derive(Debug, Args)]
pub struct StartArgs {
    /// The node's config
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// A plan for a cluster that has none yet; one that has keeps its own
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// With an empty data folder: wait for a running cluster to take the node in (see `cluster add`)
    #[arg(long)]
    pub join: bool,
    /// Stop when standard input closes: the demo's nodes end with the demo
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}
