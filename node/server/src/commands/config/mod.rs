//! `config`: files that people write.

mod schema;
mod validate;

use crate::cli::ConfigCommand;
use crate::exit::Failure;

/// Carries out a command on files.
pub(super) fn run(command: &ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Validate(args) => validate::run(args),
        ConfigCommand::Schema(args) => schema::run(args),
    }
}
