//! `debug`: what somebody else needs to help.

mod archive;
mod bundle;
mod local;
mod remote;

use super::client;
use crate::cli::DebugCommand;
use crate::exit::Failure;

/// Carries out a command for finding out.
pub(super) fn run(command: DebugCommand) -> Result<(), Failure> {
    match command {
        DebugCommand::Bundle(args) => client(bundle::run(args)),
    }
}
