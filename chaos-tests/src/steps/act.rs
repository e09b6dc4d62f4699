//! Makes an action of a supervisor a command.

use ringmain_routing::command::{
    Act, Action, AskForHelp, CloseEntry, DeclaredPresence, EntryOf, HandOver, HandOverFrom, MoveFrom,
};
use ringmain_routing::{Command, ContactId, Millis, Name, SupervisedBy, Timestamp};

use super::resolve::{answer_offer, choose};
use super::world::{OPERATORS, QUEUES, UNITS, pick};
use super::{ActKind, ActSpec, Flaw, HelpSpec};
use crate::model::{Contact, ContactState, Model};

/// Supervisors of the world.
const SUPERVISORS: [&str; 2] = ["olga", "pavel"];

pub(super) fn command(spec: &ActSpec, model: &Model) -> Command {
    let by: Name = pick(&SUPERVISORS, spec.key).into();
    let key: Name = format!("a{}", spec.key / 2).into();
    Command::Act(Box::new(Act { by, key, action: action(spec, model) }))
}

/// Everything open of somebody, mostly of one who has asked, and mostly to one who can be handed something.
fn hand_over(
    spec: &ActSpec,
    model: &Model,
    (unit, to, hold, notes): (Option<u8>, Option<u8>, u8, u8),
    login: Name,
) -> Action {
    let asker = super::enquiries::some_asker(model).filter(|_| spec.pick.which.is_multiple_of(2));
    let from = unit.map_or(HandOverFrom::Operator(asker.unwrap_or(login)), |unit| {
        HandOverFrom::Unit(if unit == 4 { "nowhere" } else { pick(&UNITS, unit).0 }.into())
    });
    let mut noted: Vec<ContactId> = model.contacts().filter(|row| is_open(row)).map(|row| row.id).collect();
    noted.truncate(usize::from(notes));
    noted.extend(spec.pick.any.then(|| id(spec, model, is_open)));
    let notes = noted.into_iter().map(|contact| (contact, format!("on {contact}").into())).collect();
    let to = to.map(|who| match &from {
        // Mostly to somebody who can be handed something.
        HandOverFrom::Operator(of) if !who.is_multiple_of(3) => {
            somebody_available(model, of).unwrap_or_else(|| pick(&OPERATORS, who).into())
        }
        HandOverFrom::Operator(_) | HandOverFrom::Unit(_) => pick(&OPERATORS, who).into(),
    });
    Action::HandOver(Box::new(HandOver { from, to, hold: Millis(u64::from(hold)), notes }))
}

/// The first operator who is available, another than this one.
fn somebody_available(model: &Model, but: &Name) -> Option<Name> {
    let available = model.operators().iter().find(|row| row.is_available() && row.login != *but);
    available.map(|row| row.login.clone())
}

fn action(spec: &ActSpec, model: &Model) -> Action {
    let login: Name =
        if spec.pick.flaw == Flaw::Unknown { "nobody" } else { pick(&OPERATORS, spec.who) }.into();
    let waits = |row: &Contact| row.state == ContactState::Waiting;
    match spec.kind {
        ActKind::Force(reason) => {
            let reason = reason.map(|reason| DeclaredPresence::NotReady(u16::from(reason)));
            Action::ForcePresence { login, presence: reason.unwrap_or(DeclaredPresence::Ready) }
        }
        ActKind::SignOut => Action::SignOut { login },
        ActKind::Requeue => {
            Action::RequeueContact { contact: id(spec, model, |row| row.state.holder().is_some()) }
        }
        ActKind::Close => {
            let contact = id(spec, model, |row| !row.state.is_ended());
            Action::CloseContact { contact, reason: "stuck".into() }
        }
        ActKind::Move(count, to) => {
            let waiting = model.contacts().filter(|row| waits(row)).map(|row| row.id);
            let mut contacts: Vec<ContactId> =
                waiting.skip(usize::from(spec.pick.which % 4)).take(usize::from(count)).collect();
            if spec.pick.any {
                contacts.push(id(spec, model, waits));
            }
            Action::MoveContacts { from: MoveFrom::Contacts(contacts), to: pick(&QUEUES, to).into() }
        }
        ActKind::MoveLine(from, to, count_max) => {
            let name = pick(&QUEUES, from).into();
            let from = MoveFrom::Queue { name, count_max: count_max.map(u32::from) };
            Action::MoveContacts { from, to: pick(&QUEUES, to).into() }
        }
        ActKind::Lift(tier, head_start) => Action::LiftContact {
            contact: id(spec, model, waits),
            tier,
            head_start: head_start.map(|ms| Millis(u64::from(ms))),
        },
        ActKind::HandOut(ms) => {
            let contact = id(spec, model, |row| row.is_eligible());
            Action::AssignContact { contact, to: login, hold: Millis(u64::from(ms)) }
        }
        ActKind::HandOver(unit, to, hold, notes) => hand_over(spec, model, (unit, to, hold, notes), login),
        ActKind::Supervise(how) => {
            let ways = [SupervisedBy::Listening, SupervisedBy::Whispering, SupervisedBy::Barging];
            let contact = id(spec, model, |row| matches!(row.state, ContactState::Handling { .. }));
            Action::Supervise { contact, how: ways.get(usize::from(how)).copied() }
        }
        ActKind::AnswerHelp => {
            let asks = model.operators().iter().find(|row| model.help(row.id).is_some());
            let login = asks.filter(|_| !spec.pick.any).map_or(login, |row| row.login.clone());
            Action::AnswerHelp { login }
        }
        ActKind::Defer(on) => Action::DeferBreaks { on },
        ActKind::CloseEntry(of, until) => {
            let until = until.map(|ms| Timestamp((model.now().0 + u64::from(ms)).saturating_sub(50)));
            Action::CloseEntry(Box::new(CloseEntry { of: entry(of), why: "smoke".into(), until }))
        }
        ActKind::OpenEntry(of) => Action::OpenEntry { of: entry(of) },
        ActKind::CloseEnquiry(which, answer) => {
            let (enquiry, answer) = super::enquiries::closed_by_action(which, answer, model);
            Action::CloseEnquiry { enquiry, answer }
        }
        ActKind::Note => Action::Note { what: "drain".into(), detail: "node 2".into() },
    }
}

/// A queue, a unit, or one that nobody knows.
fn entry(of: u8) -> EntryOf {
    match of {
        4 => EntryOf::Queue("nowhere".into()),
        0..5 => EntryOf::Queue(pick(&QUEUES, of).into()),
        9 => EntryOf::Unit("nowhere".into()),
        unit => EntryOf::Unit(pick(&UNITS, unit - 5).0.into()),
    }
}

/// Somebody has it, or it waits for somebody.
fn is_open(row: &Contact) -> bool {
    row.state.holder().is_some() || row.held_for.is_some()
}

fn id(spec: &ActSpec, model: &Model, suits: impl Fn(&Contact) -> bool) -> ContactId {
    let nobody = ContactId { slot: 0, generation: 99 };
    let id = choose(spec.pick, model, suits).map_or(nobody, |row| row.id);
    ContactId { generation: id.generation + u32::from(spec.pick.flaw == Flaw::Unknown), ..id }
}

pub(super) fn ask_for_help(spec: &HelpSpec, model: &Model) -> Command {
    let talks = |row: &Contact| matches!(row.state, ContactState::Handling { .. });
    let offer = answer_offer(spec.pick, model, choose(spec.pick, model, talks));
    let row = model.operators().iter().find(|row| row.id == offer.operator);
    let seq = row.map_or(0, |row| row.presence_seq) + u64::from(spec.pick.flaw != Flaw::Assignment);
    let contact = spec.about.then_some(offer.contact);
    Command::AskForHelp(AskForHelp {
        operator: offer.operator,
        epoch: offer.epoch,
        seq,
        contact,
        on: spec.on,
    })
}
