//! `operator`.

use clap::Subcommand;

use super::ListArgs;

/// Commands on operators.
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// List the operators with what they do
    #[command(after_help = "Example:\n  ringmain operator list -o json")]
    List(ListArgs),
}
