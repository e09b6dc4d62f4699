//! `contact`: one file for each command.

mod push;
mod show;
mod view;

pub(super) use view::end_word;

use super::client;
use crate::cli::ContactCommand;
use crate::exit::Failure;

/// Carries out a command on contacts.
pub(super) fn run(command: ContactCommand) -> Result<(), Failure> {
    match command {
        ContactCommand::Push(args) => client(push::push(args)),
        ContactCommand::Show(args) => client(show::show(args)),
    }
}
