//! `context`: clusters by name.

use clap::{Args, Subcommand};

use super::{Format, WatchArgs};

/// Commands on contexts.
#[derive(Debug, Subcommand)]
pub enum ContextCommand {
    /// Remember where a cluster is and with which token it is called; the first becomes the one in use
    #[command(
        after_help = "Example:\n  ringmain context add siberia --address node-1:7111,node-2:7111 --token-file token --select"
    )]
    Add(ContextAddArgs),
    /// Use this one when nothing else is said
    #[command(after_help = "Example:\n  ringmain context select siberia")]
    Select(ContextNameArgs),
    /// List the contexts
    #[command(after_help = "Example:\n  ringmain context ls -o json")]
    Ls(ContextLsArgs),
    /// Forget one
    #[command(after_help = "Example:\n  ringmain context rm siberia --dry-run")]
    Rm(ContextNameArgs),
}

/// See [`ContextCommand::Add`].
#[derive(Debug, Args)]
pub struct ContextAddArgs {
    /// Its name: letters, digits, dots, dashes
    #[arg(value_name = "NAME")]
    pub name: String,
    /// API addresses of one or more nodes, with commas
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',', required = true)]
    pub address: Vec<String>,
    /// The token to call with
    #[arg(long, env = "RINGMAIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// A file that holds the token, so that it stands in no list of processes; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub token_file: Option<std::path::PathBuf>,
    /// Name of the gateway that the token was made for
    #[arg(long, value_name = "NAME")]
    pub gateway: Option<String>,
    /// Replace the context of this name
    #[arg(long)]
    pub replace: bool,
    /// Use it from now on
    #[arg(long)]
    pub select: bool,
    /// Only show what would change
    #[arg(long)]
    pub dry_run: bool,
    /// How the answer is printed
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// See [`ContextCommand::Select`] and [`ContextCommand::Rm`].
#[derive(Debug, Args)]
pub struct ContextNameArgs {
    /// Which
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Only show what would change
    #[arg(long)]
    pub dry_run: bool,
    /// How the answer is printed
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// See [`ContextCommand::Ls`].
#[derive(Debug, Args)]
pub struct ContextLsArgs {
    /// Again and again.
    #[command(flatten)]
    pub watch: WatchArgs,
    /// How the answer is printed
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
}
