//! People together, and with bots, in small numbers.

use ringmain_routing::Command;
use ringmain_routing::command::{Context, RequestPerson, Requester};
use ringmain_routing::limits::SLOTS_MAX;

use super::ContactPick;
use super::resolve::{answer_offer, choose, contact_of_gateway};
use crate::model::{Contact, ContactState, Model};

/// Somebody wants a person.
#[derive(Clone, Copy, Debug)]
pub struct RequestSpec {
    /// Which contact.
    pub pick: ContactPick,
    /// The gateway says so, not the bot that has it.
    pub by_gateway: bool,
    /// What was learned; too much of it, beyond 3.
    pub context: Option<u8>,
    /// Danger to life.
    pub danger: bool,
}

pub(super) fn request_person(spec: &RequestSpec, model: &Model) -> Command {
    let by = if spec.by_gateway {
        let (contact, gateway, epoch) = contact_of_gateway(spec.pick, model, |row| !row.state.is_ended());
        Requester::Gateway { gateway, epoch, contact }
    } else {
        let suits = |row: &Contact| match row.state {
            ContactState::Handling { operator, .. } => is_bot(model, operator),
            ContactState::Waiting
            | ContactState::Offered { .. }
            | ContactState::WrapUp { .. }
            | ContactState::Ended { .. } => false,
        };
        Requester::Bot(answer_offer(spec.pick, model, choose(spec.pick, model, suits)))
    };
    let context = spec.context.map(|number| Context {
        intent: (number > 0).then(|| "pay".into()),
        slots: vec![("name".into(), "value".into()); if number > 3 { SLOTS_MAX + 1 } else { 1 }],
        transcript: (number == 2).then(|| "t 1".into()),
    });
    Command::RequestPerson(Box::new(RequestPerson { by, context, danger: spec.danger }))
}

fn is_bot(model: &Model, operator: ringmain_routing::OperatorId) -> bool {
    model.operators().iter().any(|row| row.id == operator && row.rules.bot)
}
