//! `verify`.

use std::path::PathBuf;

use clap::Args;

use super::Format;

/// See [`super::Command::Verify`].
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The data folder of a node that does not run
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// How the answer is printed
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
}
