//! `cluster`: one file for each command.

mod status;

use super::client;
use crate::cli::ClusterCommand;
use crate::exit::Failure;

/// Carries out a command on the cluster.
pub(super) fn run(command: ClusterCommand) -> Result<(), Failure> {
    match command {
        ClusterCommand::Status(args) => client(status::status(args)),
    }
}
