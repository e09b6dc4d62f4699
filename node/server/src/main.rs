//! The binary `ringmain`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match ringmain::cli::parse(std::env::args_os()) {
        Ok(cli) => ringmain::commands::run(cli),
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit_code()
        }
    }
}
