//! `contact`: one file for each command.

mod act;
mod push;
mod show;
mod together;
mod view;
mod why;
mod why_text;

pub(super) use view::end_word;

use ringmain_protocol::v1::GatewayKey;

use super::{client, supervision};
use crate::cli::{ContactCommand, ContactNameArgs};
use crate::exit::Failure;

/// Carries out a command on contacts.
pub(super) fn run(command: ContactCommand) -> Result<(), Failure> {
    match command {
        ContactCommand::Push(args) => client(push::push(args)),
        ContactCommand::Show(args) => client(show::show(args)),
        ContactCommand::Why(args) => client(why::why(args)),
        ContactCommand::Requeue(args) => client(act::requeue(args)),
        ContactCommand::Assign(args) => client(act::assign(args)),
        ContactCommand::Close(args) => client(act::close(args)),
        ContactCommand::Move(args) => client(act::move_to(args)),
        ContactCommand::Lift(args) => client(act::lift(args)),
        ContactCommand::Supervise(args) => client(supervision::supervise(args)),
    }
}

/// How a contact is named.
enum Named {
    /// By its id.
    Id(String),
    /// By its gateway's key.
    Key(GatewayKey),
}

fn named(args: ContactNameArgs) -> Named {
    match args.contact {
        Some(id) => Named::Id(id),
        None => {
            let (gateway, key) = (args.gateway.unwrap_or_default(), args.key.unwrap_or_default());
            Named::Key(GatewayKey { gateway, key })
        }
    }
}
