//! What people who work together ask, and bots, as commands of the core; and what is told of it.

use ringmain_actors::GatewayRequest;
use ringmain_protocol::v1::{self, Error};
use ringmain_routing::command::{
    AnswerOffer, Consult, ConsultTarget, Context, EndConsult, JoinConsult, RequestPerson, Requester,
};
use ringmain_routing::{AssignmentEpoch, Command, ContactId, Epoch, OperatorId, Router};

use super::contact::login;

use crate::validate::Problems;

/// A bot passes its contact on to people.
pub(crate) fn person_by_bot(
    asked: v1::OperatorRequestPerson,
    operator: OperatorId,
    epoch: Epoch,
) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(asked.op_id);
    let contact = problems.contact("contact", &asked.contact);
    let answer = AnswerOffer { operator, epoch, contact, assignment: AssignmentEpoch(asked.assignment) };
    let context = asked.context.map(|given| context(given, &mut problems));
    let request = RequestPerson { by: Requester::Bot(answer), context, danger: asked.danger };
    problems.into_result(Command::RequestPerson(Box::new(request)))
}

/// A gateway says that the customer wants a person.
pub(crate) fn person_by_gateway(asked: v1::GatewayRequestPerson) -> Result<GatewayRequest, Error> {
    let mut problems = Problems::default();
    problems.op_id(asked.op_id);
    let key = problems.key("key", &asked.key);
    let context = asked.context.map(|given| context(given, &mut problems));
    problems.into_result(GatewayRequest::RequestPerson { key, context })
}

fn context(given: v1::ContactContext, problems: &mut Problems) -> Context {
    let mut slots = Vec::with_capacity(given.slots.len());
    for slot in &given.slots {
        let name = problems.name("context.slots.name", &slot.name);
        slots.push((name, problems.name("context.slots.value", &slot.value)));
    }
    Context {
        intent: problems.optional_name("context.intent", given.intent.as_deref()),
        slots,
        transcript: problems.optional_name("context.transcript", given.transcript.as_deref()),
    }
}

/// What was learned of a contact.
pub(crate) fn context_message(context: &Context) -> v1::ContactContext {
    let slot = |(name, value): &(ringmain_routing::Name, ringmain_routing::Name)| v1::ContextSlot {
        name: name.to_string(),
        value: value.to_string(),
    };
    v1::ContactContext {
        intent: context.intent.as_ref().map(ToString::to_string),
        slots: context.slots.iter().map(slot).collect(),
        transcript: context.transcript.as_ref().map(ToString::to_string),
    }
}

/// An operator asks a colleague.
pub(crate) fn consult(
    asked: &v1::OperatorAskColleague,
    operator: OperatorId,
    epoch: Epoch,
) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(asked.op_id);
    let contact = problems.contact("contact", &asked.contact);
    let answer = AnswerOffer { operator, epoch, contact, assignment: AssignmentEpoch(asked.assignment) };
    let to = if asked.login.is_empty() {
        if asked.hold_ms != 0 {
            problems.add("hold_ms", "goes with login; leave it 0 for a queue");
        }
        ConsultTarget::Queue(problems.name("queue", &asked.queue))
    } else {
        if !asked.queue.is_empty() {
            problems.add("queue", "goes without login; ask one of the two");
        }
        let hold = problems.span("hold_ms", asked.hold_ms);
        ConsultTarget::Operator { login: problems.name("login", &asked.login), hold }
    };
    let units = asked.units.map(|units| problems.units("units", units));
    problems.into_result(Command::Consult(Consult { answer, to, units }))
}

/// A consultation is over.
pub(crate) fn end_consult(
    end: &v1::OperatorEndConsult,
    operator: OperatorId,
    epoch: Epoch,
) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(end.op_id);
    let (contact, leg) = (problems.contact("contact", &end.contact), problems.contact("leg", &end.leg));
    let answer = AnswerOffer { operator, epoch, contact, assignment: AssignmentEpoch(end.assignment) };
    problems.into_result(Command::EndConsult(EndConsult { answer, leg }))
}

/// The customer joins a consultation, or leaves it.
pub(crate) fn join_consult(
    join: &v1::OperatorJoinConsult,
    operator: OperatorId,
    epoch: Epoch,
) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(join.op_id);
    let (contact, leg) = (problems.contact("contact", &join.contact), problems.contact("leg", &join.leg));
    let answer = AnswerOffer { operator, epoch, contact, assignment: AssignmentEpoch(join.assignment) };
    problems.into_result(Command::JoinConsult(JoinConsult { answer, leg, on: join.on }))
}

/// What happened to a consultation.
pub(crate) fn consult_changed(
    change: v1::ConsultChange,
    of: ContactId,
    operator: OperatorId,
    router: &Router,
) -> v1::ConsultChanged {
    v1::ConsultChanged {
        change: change.into(),
        of: of.to_string(),
        of_key: router.key_of(of).map(|key| key.to_string()).unwrap_or_default(),
        operator: operator.to_string(),
        operator_login: login(operator, router).unwrap_or_default(),
    }
}

/// Whether the customer joined or left.
pub(crate) fn joined(on: bool) -> v1::ConsultChange {
    if on { v1::ConsultChange::Joined } else { v1::ConsultChange::Left }
}
