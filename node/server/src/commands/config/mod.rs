//! `config`: files that people write.

mod schema;
mod validate;

use crate::cli::{ConfigCommand, FileKind, PlanValidateArgs, ValidateArgs};
use crate::exit::Failure;

/// `plan validate`.
pub(super) fn validate_plans(args: PlanValidateArgs) -> Result<(), Failure> {
    let PlanValidateArgs { files, format } = args;
    validate::run(&ValidateArgs { files, kind: Some(FileKind::Plan), format })
}

/// Carries out a command on files.
pub(super) fn run(command: &ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Validate(args) => validate::run(args),
        ConfigCommand::Schema(args) => schema::run(args),
    }
}
