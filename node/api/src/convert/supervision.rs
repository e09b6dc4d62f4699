//! Supervisors beside talks, and operators who ask for help, as clients see them.

use ringmain_protocol::v1::{self, Error};
use ringmain_routing::command::AskForHelp;
use ringmain_routing::{AssignmentEpoch, Command, ContactId, Epoch, OperatorId, Router, Seat, SupervisedBy};

use super::contact::login;
use crate::validate::Problems;

/// Who is beside a talk.
pub(crate) fn seat(seat: &Seat) -> v1::SupervisorSeat {
    let (number, by) = (u32::from(seat.number), seat.by.to_string());
    v1::SupervisorSeat { number, by, how: way(seat.how).into() }
}

/// How a supervisor takes part.
fn way(how: SupervisedBy) -> v1::SupervisionWay {
    match how {
        SupervisedBy::Listening => v1::SupervisionWay::Listen,
        SupervisedBy::Whispering => v1::SupervisionWay::Whisper,
        SupervisedBy::Barging => v1::SupervisionWay::Barge,
    }
}

/// How a supervisor wants to take part; `None` for no longer.
pub(crate) fn how(way: v1::SupervisionWay) -> Option<SupervisedBy> {
    match way {
        v1::SupervisionWay::Unspecified => None,
        v1::SupervisionWay::Listen => Some(SupervisedBy::Listening),
        v1::SupervisionWay::Whisper => Some(SupervisedBy::Whispering),
        v1::SupervisionWay::Barge => Some(SupervisedBy::Barging),
    }
}

/// Somebody takes part or leaves; who it is, as long as the talk goes on.
pub(crate) fn supervised(
    contact: ContactId,
    assignment: AssignmentEpoch,
    (number, how, on): (u8, SupervisedBy, bool),
    router: &Router,
) -> v1::ContactSupervised {
    let view = router.contact(contact).filter(|view| view.assignment == assignment);
    let seats = view.map(|view| view.seats).unwrap_or_default();
    let by = seats.iter().find(|seat| seat.number == number).map(|seat| seat.by.to_string());
    v1::ContactSupervised {
        assignment: assignment.0,
        seat: u32::from(number),
        by: by.unwrap_or_default(),
        how: way(how).into(),
        on,
    }
}

/// Somebody asks for help, or no longer does.
pub(crate) fn help(
    told: OperatorId,
    of: OperatorId,
    (contact, on): (Option<ContactId>, bool),
    router: &Router,
) -> v1::HelpAsked {
    v1::HelpAsked {
        of: of.to_string(),
        of_login: login(of, router).unwrap_or_default(),
        contact: contact.map(|contact| contact.to_string()),
        on,
        told_login: login(told, router).unwrap_or_default(),
    }
}

/// An operator's word.
pub(crate) fn ask_for_help(
    ask: &v1::OperatorAskForHelp,
    operator: OperatorId,
    epoch: Epoch,
) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(ask.op_id);
    if ask.seq == 0 {
        problems.add("seq", "is 0; count with the declarations of a session from 1");
    }
    let contact = ask.contact.as_deref().map(|contact| problems.contact("contact", contact));
    problems.into_result(Command::AskForHelp(AskForHelp {
        operator,
        epoch,
        seq: ask.seq,
        contact,
        on: ask.on,
    }))
}
