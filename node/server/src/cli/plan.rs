//! `plan`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Format, NodeArgs};

/// Commands on the plan.
#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// Switch to the plan in a file and put its operators
    #[command(after_help = "Example:\n  ringmain plan apply plan.toml --dry-run")]
    Apply(PlanApplyArgs),
    /// Check plan files as a cluster would: every problem is listed, and no node is asked
    #[command(after_help = "Example:\n  ringmain plan validate plan.toml")]
    Validate(PlanValidateArgs),
    /// Show what differs between the plan in force and a file, or between two files
    #[command(
        after_help = "Example:\n  ringmain plan diff plan.toml\n  ringmain plan diff winter.toml summer.toml"
    )]
    Diff(PlanDiffArgs),
    /// Show the plan in force, or an earlier one, in words
    #[command(after_help = "Example:\n  ringmain plan show --version 7")]
    Show(PlanShowArgs),
    /// Go back to an earlier plan: it is applied as a new version; operators stay as they are
    #[command(after_help = "Example:\n  ringmain plan rollback --to 7 --dry-run")]
    Rollback(PlanRollbackArgs),
    /// Show when a calendar of a plan file is open, day by day; no node is asked
    #[command(
        after_help = "Example:\n  ringmain plan calendar plan.toml office-ural --from 2026-12-25 --days 20"
    )]
    Calendar(PlanCalendarArgs),
}

/// See [`PlanCommand::Apply`].
#[derive(Debug, Args)]
pub struct PlanApplyArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// The plan
    #[arg(value_name = "FILE")]
    pub plan: PathBuf,
    /// Only show what would change
    #[arg(long)]
    pub dry_run: bool,
}

/// See [`PlanCommand::Validate`].
#[derive(Debug, Args)]
pub struct PlanValidateArgs {
    /// The plans
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// How the answer is printed
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// See [`PlanCommand::Diff`].
#[derive(Debug, Args)]
pub struct PlanDiffArgs {
    /// Which node; none is asked where two files are given.
    #[command(flatten)]
    pub node: NodeArgs,
    /// The plan that may come; with another file, the plan that is
    #[arg(value_name = "FILE")]
    pub plan: PathBuf,
    /// The plan that may come
    #[arg(value_name = "OTHER")]
    pub other: Option<PathBuf>,
}

/// See [`PlanCommand::Show`].
#[derive(Debug, Args)]
pub struct PlanShowArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// An earlier version, one of the last 64
    #[arg(long)]
    pub version: Option<u64>,
}

/// See [`PlanCommand::Rollback`].
#[derive(Debug, Args)]
pub struct PlanRollbackArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// To which version; the one before without
    #[arg(long = "to", value_name = "VERSION")]
    pub version: Option<u64>,
    /// Only show what would change
    #[arg(long)]
    pub dry_run: bool,
}

/// See [`PlanCommand::Calendar`].
#[derive(Debug, Args)]
pub struct PlanCalendarArgs {
    /// The plan
    #[arg(value_name = "FILE")]
    pub plan: PathBuf,
    /// The calendar; may be left out where the plan has one
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// The first day; today in the calendar's zone without
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// How many days
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub days: u16,
    /// How the answer is printed
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
}
