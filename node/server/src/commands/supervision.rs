//! `contact supervise`, `operator answer-help`, and what is to be seen of both.

use ringmain_protocol::v1::{
    AnswerHelpRequest, ContactSupervised, HelpAsked, SuperviseRequest, SupervisionWay, SupervisorSeat,
};
use serde_json::{Value, json};

use super::action;
use crate::cli::{AnswerHelpArgs, SuperviseArgs};
use crate::connection::{Clients, failed};
use crate::exit::Failure;

/// Takes part in a talk, or no longer does.
pub(super) async fn supervise(args: SuperviseArgs) -> Result<(), Failure> {
    let (act, key) = (&args.action, action::key(&args.action));
    let clients = Clients::open(&act.node).await?;
    let how = match (args.listen, args.whisper, args.barge) {
        (true, _, _) => SupervisionWay::Listen,
        (_, true, _) => SupervisionWay::Whisper,
        (_, _, true) => SupervisionWay::Barge,
        (false, false, false) => SupervisionWay::Unspecified,
    };
    let request = SuperviseRequest {
        idempotency_key: key.clone(),
        dry_run: act.dry_run,
        contact: args.contact.clone(),
        how: how.into(),
    };
    let done = clients.action.supervise(request).await.map_err(|error| failed(&error))?;
    let already = if done.changed { "" } else { ", as before" };
    let what = format!("{} {}{already}", way_word(how).unwrap_or("leave"), args.contact);
    action::print(act, &key, &what, None, done.receipt)
}

/// Helps an operator who asked for it.
pub(super) async fn answer_help(args: AnswerHelpArgs) -> Result<(), Failure> {
    let (act, key) = (&args.action, action::key(&args.action));
    let clients = Clients::open(&act.node).await?;
    let request =
        AnswerHelpRequest { idempotency_key: key.clone(), dry_run: act.dry_run, login: args.login.clone() };
    let done = clients.action.answer_help(request).await.map_err(|error| failed(&error))?;
    let not_asked = if done.asked { "" } else { ", who had not asked" };
    action::print(act, &key, &format!("help {}{not_asked}", args.login), None, done.receipt)
}

fn way_word(way: SupervisionWay) -> Option<&'static str> {
    match way {
        SupervisionWay::Unspecified => None,
        SupervisionWay::Listen => Some("listen"),
        SupervisionWay::Whisper => Some("whisper"),
        SupervisionWay::Barge => Some("barge"),
    }
}

/// Who is beside a talk, in words.
pub(super) fn seat_text(seat: &SupervisorSeat) -> String {
    format!("{}, {}", seat.by, way_word(seat.how()).unwrap_or("unknown"))
}

/// Who is beside a talk, for programs.
pub(super) fn seat_json(seat: &SupervisorSeat) -> Value {
    json!({"number": seat.number, "by": seat.by, "how": way_word(seat.how())})
}

/// An event of a supervisor beside a talk: its name, and the rest of its line.
pub(super) fn supervised_text(supervised: &ContactSupervised) -> (&'static str, String) {
    let name = if supervised.on { "supervised" } else { "supervised-off" };
    let how = way_word(supervised.how()).unwrap_or("unknown");
    (name, format!("{how}, seat {} {}", supervised.seat, supervised.by))
}

/// The same for programs.
pub(super) fn supervised_json(supervised: &ContactSupervised) -> (&'static str, Value) {
    let of = json!({
        "assignment": supervised.assignment, "seat": supervised.seat, "by": supervised.by,
        "how": way_word(supervised.how()), "on": supervised.on,
    });
    (supervised_text(supervised).0, of)
}

/// An event of a request for help.
pub(super) fn help_text(help: &HelpAsked) -> (&'static str, String) {
    (if help.on { "help" } else { "help-over" }, format!("for {}, to {}", help.of_login, help.told_login))
}

/// The same for programs.
pub(super) fn help_json(help: &HelpAsked) -> (&'static str, Value) {
    let of = json!({
        "of": help.of, "of_login": help.of_login, "about": help.contact, "on": help.on,
        "told_login": help.told_login,
    });
    (help_text(help).0, of)
}
