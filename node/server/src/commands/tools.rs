//! `completions` and `man`: what the command line says about itself.

use clap::CommandFactory;
use ringmain_telemetry::codes;

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::exit::{Failure, FailureKind};
use crate::output;

/// Prints the completions of a shell.
pub(super) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ringmain", &mut script);
    output::write_out(&String::from_utf8_lossy(&script))
}

/// Writes the manual.
pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
        rendered.map_err(|error| Failure::new(FailureKind::Internal, "internal", error))?;
        return output::write_out(&String::from_utf8_lossy(&page));
    };
    std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder)).map_err(
        |error| {
            let message = format!("--out: cannot write to {}: {error}", folder.display());
            Failure::new(FailureKind::Invalid, codes::STORAGE_FAILED.code, message)
        },
    )
}
