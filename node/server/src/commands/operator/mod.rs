//! `operator`: one file for each command.

mod act;
mod list;
mod why;

pub(super) use list::{all, in_hand, presence_json, presence_text, skills_json, skills_text};

use super::{client, supervision};
use crate::cli::OperatorCommand;
use crate::exit::Failure;

/// Carries out a command on operators.
pub(super) fn run(command: OperatorCommand) -> Result<(), Failure> {
    match command {
        OperatorCommand::List(args) => client(list::list(args)),
        OperatorCommand::Why(args) => client(why::why(args)),
        OperatorCommand::Force(args) => client(act::force(args)),
        OperatorCommand::DeferBreaks(args) => client(act::defer_breaks(args)),
        OperatorCommand::HandOver(args) => client(act::hand_over(args)),
        OperatorCommand::AnswerHelp(args) => client(supervision::answer_help(args)),
        OperatorCommand::SignOut(args) => client(act::sign_out(args)),
    }
}
