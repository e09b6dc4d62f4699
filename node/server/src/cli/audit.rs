//! `audit`.

use std::time::SystemTime;

use clap::{Args, Subcommand};

use super::{ListArgs, NodeArgs};

/// Commands on the audit.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Show what people did: actions, plans, operators
    #[command(after_help = "Example:\n  ringmain audit list --by olga --action close-contact -o json")]
    List(AuditListArgs),
    /// Have a node recompute the chain over its history; exit code 1 when it does not hold
    #[command(after_help = "Example:\n  ringmain audit verify --address 127.0.0.1:7111")]
    Verify(NodeArgs),
}

/// See [`AuditCommand::List`].
#[derive(Debug, Args)]
pub struct AuditListArgs {
    /// Which node, and how often.
    #[command(flatten)]
    pub list: ListArgs,
    /// Only by this one (the name that the token was made for)
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Only these actions, as the list names them; with commas or given again
    #[arg(long = "action", value_name = "ACTION", value_delimiter = ',')]
    pub actions: Vec<String>,
    /// Not before this time, like 2026-02-03T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339_weak)]
    pub since: Option<SystemTime>,
    /// Only what names this contact
    #[arg(long, value_name = "CONTACT")]
    pub contact: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 1_000)]
    pub limit: usize,
}
