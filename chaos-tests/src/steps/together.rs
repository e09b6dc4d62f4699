//! People together, and with bots, in small numbers.

use ringmain_routing::command::{
    Consult, ConsultTarget, Context, EndConsult, InviteCompanion, JoinConsult, RequestPerson, Requester,
    TransferContact, TransferTarget,
};
use ringmain_routing::limits::SLOTS_MAX;
use ringmain_routing::{Command, ContactId, Millis};

use super::resolve::{answer_offer, choose, contact_of_gateway};
use super::rule_book::reference;
use super::world::{CHANNELS, OPERATORS, QUEUES};
use super::{ContactPick, Flaw};
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

/// An operator asks somebody about the contact in its hands.
#[derive(Clone, Copy, Debug)]
pub struct ConsultSpec {
    /// Which contact.
    pub pick: ContactPick,
    /// A queue; beyond the world's an unknown one.
    pub queue: u8,
    /// Or an operator, for so long.
    pub to: Option<(u8, u8)>,
    /// Units that it takes.
    pub units: Option<u8>,
}

/// What becomes of a consultation.
#[derive(Clone, Copy, Debug)]
pub struct LegSpec {
    /// Which contact it is about.
    pub pick: ContactPick,
    /// Which of its consultations; beyond 4 any contact at all.
    pub leg: u8,
    /// What.
    pub kind: LegKind,
}

/// What becomes of a consultation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegKind {
    /// It ends.
    End,
    /// The customer joins, or leaves.
    Join(bool),
    /// The customer is passed on to whoever was asked.
    Transfer(Option<u8>),
}

pub(super) fn consult(spec: &ConsultSpec, model: &Model) -> Command {
    let in_talk = |row: &Contact| matches!(row.state, ContactState::Handling { .. }) && row.leg.is_none();
    let answer = answer_offer(spec.pick, model, choose(spec.pick, model, in_talk));
    let name = |list: &[&str], number: u8| list.get(usize::from(number)).copied().unwrap_or("nobody").into();
    let to = match spec.to {
        None => ConsultTarget::Queue(name(&QUEUES, spec.queue)),
        Some((who, hold)) => {
            ConsultTarget::Operator { login: name(&OPERATORS, who), hold: Millis(u64::from(hold)) }
        }
    };
    Command::Consult(Consult { answer, to, units: spec.units.map(u32::from) })
}

pub(super) fn of_leg(spec: &LegSpec, model: &Model) -> Command {
    let is_matter = |row: &Contact| !model.legs_of(row.id).is_empty();
    let matter = choose(spec.pick, model, is_matter);
    let answer = answer_offer(spec.pick, model, matter);
    let legs = matter.map(|row| model.legs_of(row.id)).unwrap_or_default();
    let own = legs.get(usize::from(spec.leg) % legs.len().max(1)).copied();
    let any: Vec<ContactId> = model.contacts().map(|row| row.id).collect();
    let any = any.get(usize::from(spec.leg) % any.len().max(1)).copied();
    let nobody = ContactId { slot: 0, generation: 99 };
    let leg = own.filter(|_| spec.leg < 4).or(any).unwrap_or(nobody);
    let leg = if spec.pick.flaw == Flaw::Unknown { nobody } else { leg };
    match spec.kind {
        LegKind::End => Command::EndConsult(EndConsult { answer, leg }),
        LegKind::Join(on) => Command::JoinConsult(JoinConsult { answer, leg, on }),
        LegKind::Transfer(wrap_up) => Command::TransferContact(Box::new(TransferContact {
            answer,
            to: TransferTarget::Consulted { leg },
            wrap_up: wrap_up.map(|ms| Millis(u64::from(ms))),
        })),
    }
}

/// An operator invites the customer of a call into another channel.
#[derive(Clone, Copy, Debug)]
pub struct InviteSpec {
    /// Which call.
    pub pick: ContactPick,
    /// The number; few of them, so that contacts have them too. No text from 4 on.
    pub number: u8,
    /// The channel; an unknown one beyond the world's.
    pub channel: u8,
}

pub(super) fn invite(spec: &InviteSpec, model: &Model) -> Command {
    let in_talk = |row: &Contact| match row.state {
        ContactState::Handling { .. } | ContactState::WrapUp { .. } => true,
        ContactState::Waiting | ContactState::Offered { .. } | ContactState::Ended { .. } => false,
    };
    let answer = answer_offer(spec.pick, model, choose(spec.pick, model, in_talk));
    let channel = CHANNELS.get(usize::from(spec.channel)).map_or("pigeon", |(name, _)| *name).into();
    let number = if spec.number < 4 { reference(spec.number) } else { "".into() };
    Command::InviteCompanion(Box::new(InviteCompanion { answer, number, channel }))
}
