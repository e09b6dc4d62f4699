//! What people who work together ask, and bots, as commands of the core; and what is told of it.

use ringmain_actors::GatewayRequest;
use ringmain_protocol::v1::{self, Error};
use ringmain_routing::command::{AnswerOffer, Context, RequestPerson, Requester};
use ringmain_routing::{AssignmentEpoch, Command, Epoch, OperatorId};

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
