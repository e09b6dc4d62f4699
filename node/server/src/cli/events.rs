//! `events`.

use clap::Args;

use super::NodeArgs;

/// See [`crate::cli::Command::Events`].
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Go on with what happens, until interrupted
    #[arg(long, short = 'f')]
    pub follow: bool,
    /// Only events behind this cursor; with --follow and without a cursor: what happens from now on
    #[arg(long, value_name = "CURSOR")]
    pub after: Option<String>,
    /// Only of this queue; may be given again
    #[arg(long = "queue", value_name = "NAME")]
    pub queues: Vec<String>,
    /// Only of this contact
    #[arg(long, value_name = "CONTACT")]
    pub contact: Option<String>,
    /// Only of this operator
    #[arg(long, value_name = "LOGIN")]
    pub operator: Option<String>,
    /// Without --follow: at most so many
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub limit: usize,
}
