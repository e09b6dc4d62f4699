//! `workload` and `simulate`: what runs without a node.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ringmain_bench::workload::DayTime;

use super::Format;

/// Commands on workloads.
#[derive(Debug, Subcommand)]
pub enum WorkloadCommand {
    /// Draw a scenario from a profile; the same seed gives the same bytes
    #[command(
        after_help = "Example:\n  ringmain workload generate rosseti_siberia --seed 7 --from 09:00 --to 12:00 --scale 2 --out ./morning"
    )]
    Generate(GenerateArgs),
}

/// See [`WorkloadCommand::Generate`].
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// A profile's file, or the name of a built-in one: rosseti_siberia, uralenergosbyt, beeline_kz,
    /// energosbyt_plus, national_outage
    #[arg(value_name = "PROFILE")]
    pub profile: String,
    /// Where the random numbers come from
    #[arg(long, value_name = "N")]
    pub seed: u64,
    /// How many days
    #[arg(long, value_name = "D", default_value_t = 1)]
    pub days: u32,
    /// Only what arrives from this time of each day on
    #[arg(long, value_name = "HH:MM", default_value = "00:00")]
    pub from: DayTime,
    /// Only what arrives before this time of each day
    #[arg(long, value_name = "HH:MM", default_value = "24:00")]
    pub to: DayTime,
    /// Multiplies arrivals and operators
    #[arg(long, value_name = "F", default_value_t = 1.0)]
    pub scale: f64,
    /// Write the routing plan of a built-in centre beside it, so that `simulate` runs by the centre's own rules
    #[arg(long)]
    pub with_plan: bool,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// See [`crate::cli::Command::Simulate`].
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// The scenario's folder; with --compare one or more
    #[arg(value_name = "SCENARIO", required = true)]
    pub scenarios: Vec<PathBuf>,
    /// Where the result goes, a CSV
    #[arg(long, value_name = "FILE", required_unless_present_any = ["report", "compare"], conflicts_with = "compare")]
    pub out: Option<PathBuf>,
    /// A folder for the report, as text, JSON, picture and workbook; of a comparison without the workbook
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Run each scenario by both plans and compare them contact by contact; `own` is what the scenario says itself
    #[arg(long, num_args = 2, value_names = ["PLAN_A", "PLAN_B"])]
    pub compare: Option<Vec<PathBuf>>,
    /// So many of a hundred calls (contacts of channel `voice`) get a companion: their operator invites the customer into
    /// the companion channel of the plan
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100), conflicts_with = "compare")]
    pub companions: Option<u8>,
    /// The channel of companions
    #[arg(long, value_name = "NAME", default_value = "messenger", requires = "companions")]
    pub companion_channel: String,
    /// How the summary is printed
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
}
