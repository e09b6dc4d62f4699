//! Makes what operators take and leads hand out a command.

use ringmain_routing::command::{AssignContact, TakeNext};
use ringmain_routing::{Command, ContactId, Epoch, Millis, Name, OperatorId};

use super::resolve::choose;
use super::world::{OPERATORS, QUEUES};
use super::{Flaw, HandOutSpec, TakeSpec};
use crate::model::{Contact, Model, Operator};

pub(super) fn take_next(spec: &TakeSpec, model: &Model) -> Command {
    let row = OPERATORS.get(usize::from(spec.who)).and_then(|login| row_of(login, model));
    let (operator, epoch) = signed(row, spec.flaw);
    let seq = row.map_or(0, |row| row.presence_seq) + u64::from(spec.flaw != Flaw::Assignment);
    let name = |number: u8| Name::from(QUEUES.get(usize::from(number)).copied().unwrap_or("nowhere"));
    Command::TakeNext(TakeNext { operator, epoch, seq, queue: spec.queue.map(name) })
}

pub(super) fn by_lead(spec: &HandOutSpec, model: &Model) -> Command {
    let contact = choose(spec.pick, model, Contact::is_eligible);
    let queue = contact.and_then(|row| model.plan().queues.iter().find(|queue| queue.name == row.queue));
    let leads: Vec<Name> = queue.map(|queue| queue.rules.leads.clone()).unwrap_or_default();
    let lead = leads.get(usize::from(spec.lead) % leads.len().max(1)).cloned();
    let anybody = || OPERATORS[usize::from(spec.lead) % OPERATORS.len()].into();
    let lead = lead.filter(|_| spec.pick.flaw != Flaw::Party).unwrap_or_else(anybody);
    let (operator, epoch) = signed(row_of(&lead, model), spec.pick.flaw);
    let id = contact.map_or(ContactId { slot: 0, generation: 99 }, |row| row.id);
    let generation = id.generation + u32::from(spec.pick.flaw == Flaw::Unknown);
    let to = OPERATORS.get(usize::from(spec.to)).copied().unwrap_or("nobody");
    Command::AssignContact(AssignContact {
        operator,
        epoch,
        contact: ContactId { generation, ..id },
        to: to.into(),
        hold: Millis(u64::from(spec.hold)),
    })
}

fn row_of<'a>(login: &str, model: &'a Model) -> Option<&'a Operator> {
    model.operators().iter().find(|row| &*row.login == login)
}

/// The operator under its session's epoch, or nobody; with a flaw under another.
fn signed(row: Option<&Operator>, flaw: Flaw) -> (OperatorId, Epoch) {
    let nobody = (OperatorId { slot: 70, generation: 0 }, Epoch(0));
    let (operator, epoch) = row.map_or(nobody, |row| (row.id, row.session.epoch));
    (operator, if flaw == Flaw::Epoch { Epoch(epoch.0 + 1) } else { epoch })
}
