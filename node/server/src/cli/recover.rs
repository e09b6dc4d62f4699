//! `recover`.

use std::path::PathBuf;

use clap::Args;

use super::Format;

/// See [`super::Command::Recover`].
#[derive(Debug, Args)]
pub struct RecoverArgs {
    /// Say that this is meant: the other nodes are given up, and what only they had acknowledged is lost
    #[arg(long, required = true)]
    pub force_new_cluster: bool,
    /// Config of the surviving node; the node must not run
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Only show what the node has
    #[arg(long)]
    pub dry_run: bool,
    /// How the answer is printed
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
}
