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
