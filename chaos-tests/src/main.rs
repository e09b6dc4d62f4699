//! The command line of the tools that look for mistakes.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ringmain_chaos::drills::{self, DrillCommand, Ending};
use ringmain_chaos::sim;
use ringmain_chaos::sim::command::{SimArgs, SoakArgs};

/// Looks for mistakes in Ringmain: simulations of many seeds, drills with real nodes.
#[derive(Debug, Parser)]
#[command(name = "ringmain-chaos", version, arg_required_else_help = true, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 nothing found, 1 a promise was broken, 2 wrong input or no run, 3 skipped.\n\n\
                  Example:\n  ringmain-chaos drill run rolling-kill --report report.json\n  ringmain-chaos sim --seeds 200"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Drills: real nodes, real clients, real kills
    #[command(subcommand, arg_required_else_help = true)]
    Drill(DrillCommand),
    /// Simulation: nodes, disks, network, clocks and people by seed
    Sim(SimArgs),
    /// Simulation of fresh seeds until the time is over
    Soak(SoakArgs),
    /// Mistakes on purpose: does the simulation find each?
    #[cfg(feature = "planted")]
    Mutants(sim::mutants::MutantsArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Drill(command) => drills::carry_out(command).await,
        Command::Sim(args) => sim::command::carry_out(&args).map(ending),
        Command::Soak(args) => sim::command::soak(&args).map(ending),
        #[cfg(feature = "planted")]
        Command::Mutants(args) => sim::mutants::carry_out(&args).map(ending),
    };
    match outcome {
        Ok(ending) => ExitCode::from(ending.code()),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn ending(is_clean: bool) -> Ending {
    if is_clean { Ending::Clean } else { Ending::Broken }
}
