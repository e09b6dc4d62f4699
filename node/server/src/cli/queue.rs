//! `queue`.

use clap::Subcommand;

use super::ListArgs;

/// Commands on queues.
#[derive(Debug, Subcommand)]
pub enum QueueCommand {
    /// List the queues with what waits in them
    #[command(after_help = "Example:\n  ringmain queue list --watch --every 1s")]
    List(ListArgs),
}
