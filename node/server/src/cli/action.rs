//! What all actions by hand have in common.

use clap::Args;

use super::NodeArgs;

/// Of every action.
#[derive(Debug, Args)]
pub struct ActionArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Your own key of this action: the same key again changes nothing more. Made and printed when absent
    #[arg(long)]
    pub key: Option<String>,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
}
