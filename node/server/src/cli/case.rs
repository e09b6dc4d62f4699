//! `case`.

use clap::{Args, Subcommand};

use super::{ListArgs, NodeArgs};

/// Commands on cases.
#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// List cases with their stages and deadlines
    #[command(after_help = "Example:\n  ringmain case list --overdue --route metering -o csv")]
    List(CaseListArgs),
    /// Count the open cases of each stage, and those past a deadline
    #[command(after_help = "Example:\n  ringmain case count --watch")]
    Count(ListArgs),
    /// Show a case with the stages that are over
    #[command(after_help = "Example:\n  ringmain case show k12.0")]
    Show(CaseShowArgs),
}

/// See [`CaseCommand::List`].
#[derive(Debug, Args)]
pub struct CaseListArgs {
    /// Which node, how often.
    #[command(flatten)]
    pub list: ListArgs,
    /// Only cases of this route
    #[arg(long, value_name = "ROUTE")]
    pub route: Option<String>,
    /// Only cases in the stage of this name
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,
    /// Only open cases with a deadline that has passed
    #[arg(long, conflicts_with = "closed")]
    pub overdue: bool,
    /// Only cases that are closed, as long as they are remembered; otherwise only open ones
    #[arg(long)]
    pub closed: bool,
}

/// See [`CaseCommand::Show`].
#[derive(Debug, Args)]
pub struct CaseShowArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// The case's id, like k12.0
    #[arg(value_name = "CASE")]
    pub case: String,
}
