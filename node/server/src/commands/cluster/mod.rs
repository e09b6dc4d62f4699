//! `cluster`: one file for each command.

mod drain;
mod init;
mod members;
mod status;
mod transfer_leader;
mod trial;

pub(super) use status::{node_role, status_json};

use super::client;
use crate::cli::ClusterCommand;
use crate::exit::Failure;

/// Carries out a command on the cluster.
pub(super) fn run(command: ClusterCommand) -> Result<(), Failure> {
    match command {
        ClusterCommand::Status(args) => client(status::status(args)),
        ClusterCommand::Init(args) => init::run(&args),
        ClusterCommand::Join(args) => client(members::join(args)),
        ClusterCommand::Add(args) => client(members::add(args)),
        ClusterCommand::Remove(args) => client(members::remove(args)),
        ClusterCommand::Drain(args) => client(drain::run(args)),
        ClusterCommand::TransferLeader(args) => client(transfer_leader::run(args)),
    }
}
