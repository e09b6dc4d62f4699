//! `contact`: one file for each command.

mod act;
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
        ContactCommand::Requeue(args) => client(act::requeue(args)),
        ContactCommand::Close(args) => client(act::close(args)),
        ContactCommand::Move(args) => client(act::move_to(args)),
        ContactCommand::Lift(args) => client(act::lift(args)),
    }
}
