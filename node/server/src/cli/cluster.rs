//! `cluster`.

use clap::Subcommand;

use super::ListArgs;

/// Commands on the cluster.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Show the nodes, their roles and how far behind they are
    #[command(after_help = "Example:\n  ringmain cluster status --watch")]
    Status(ListArgs),
}
