//! What the command line says about itself to shells and manuals.

use std::path::PathBuf;

use clap::Args;

/// See [`super::Command::Completions`].
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// See [`super::Command::Man`].
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command into this folder; without it the first page goes to standard output
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
