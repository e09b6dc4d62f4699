//! `queue`.

use std::time::SystemTime;

use clap::{Args, Subcommand};

use super::{ActionArgs, ListArgs, NodeArgs};

/// Commands on queues.
#[derive(Debug, Subcommand)]
pub enum QueueCommand {
    /// List the queues with what waits in them
    #[command(after_help = "Example:\n  ringmain queue list --watch --every 1s")]
    List(ListArgs),
    /// Take no more arrivals into a queue, or for a unit and all below it; who is in already is served
    #[command(
        after_help = "Example:\n  ringmain queue close-entry billing --why fire --until 2026-03-01T18:00:00Z\n  ringmain queue close-entry --unit north --why blackout"
    )]
    CloseEntry(QueueCloseArgs),
    /// Take arrivals again
    #[command(after_help = "Example:\n  ringmain queue open-entry billing")]
    OpenEntry(QueueOpenArgs),
    /// List what takes no arrivals, with who closed it, why and until when
    #[command(after_help = "Example:\n  ringmain queue closures")]
    Closures(NodeArgs),
    /// List the plan's triggers with their figures, and which of them are on
    #[command(after_help = "Example:\n  ringmain queue triggers")]
    Triggers(NodeArgs),
}

/// What is closed or opened.
#[derive(Debug, Args)]
pub struct EntryArgs {
    /// Which queue
    #[arg(value_name = "QUEUE", required_unless_present = "unit", conflicts_with = "unit")]
    pub queue: Option<String>,
    /// This org unit and all below it
    #[arg(long, value_name = "UNIT")]
    pub unit: Option<String>,
}

/// See [`QueueCommand::CloseEntry`].
#[derive(Debug, Args)]
pub struct QueueCloseArgs {
    /// Key, node, dry run.
    #[command(flatten)]
    pub action: ActionArgs,
    /// What.
    #[command(flatten)]
    pub entry: EntryArgs,
    /// Why, for the audit and whoever asks
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// When it is over by itself, in UTC; without it not before somebody opens it
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339_weak)]
    pub until: Option<SystemTime>,
}

/// See [`QueueCommand::OpenEntry`].
#[derive(Debug, Args)]
pub struct QueueOpenArgs {
    /// Key, node, dry run.
    #[command(flatten)]
    pub action: ActionArgs,
    /// What.
    #[command(flatten)]
    pub entry: EntryArgs,
}
