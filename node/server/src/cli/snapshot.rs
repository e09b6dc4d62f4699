//! `snapshot`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Format, NodeArgs};

/// Commands on backups.
#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Save a backup of the running cluster to a file, with everything acknowledged so far
    #[command(after_help = "Example:\n  ringmain snapshot save monday.rma --address 10.0.0.1:7111")]
    Save(SaveArgs),
    /// Check every sum of a backup and show what it holds
    #[command(after_help = "Example:\n  ringmain snapshot inspect monday.rma -o json")]
    Inspect(InspectArgs),
    /// Make the data folder of the first node of a new cluster from a backup; offline
    #[command(after_help = "Example:\n  ringmain snapshot restore monday.rma --config node-1.toml")]
    Restore(RestoreArgs),
}

/// See [`SnapshotCommand::Save`].
#[derive(Debug, Args)]
pub struct SaveArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// The file to write
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Leave out the history but for its last segment: smaller; older events are gone after a restore
    #[arg(long)]
    pub no_history: bool,
    /// Replace the file when there is one
    #[arg(long)]
    pub overwrite: bool,
}

/// See [`SnapshotCommand::Inspect`].
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The backup
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How the answer is printed
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// See [`SnapshotCommand::Restore`].
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Config of the new cluster's first node; its data folder must be absent or empty
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Only check the backup, the folder and the room
    #[arg(long)]
    pub dry_run: bool,
    /// How the answer is printed
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
}
