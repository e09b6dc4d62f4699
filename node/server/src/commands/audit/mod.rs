//! `audit`: one file for each command.

mod list;
mod verify;

use super::client;
use crate::cli::AuditCommand;
use crate::exit::Failure;

/// Carries out a command on the audit.
pub(super) fn run(command: AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::List(args) => client(list::list(args)),
        AuditCommand::Verify(args) => client(verify::verify(args)),
    }
}
