//! The binary `ringmain`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    ringmain::commands::run(ringmain::cli::Cli::parse())
}
