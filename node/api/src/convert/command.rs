//! What clients ask, as commands of the core. Each function lists every problem of its message at once.

use ringmain_actors::{GatewayRequest, UpdateByKey};
use ringmain_protocol::plan::{facts_from_message, treatment_from_message};
use ringmain_protocol::v1::{self, Error};
use ringmain_routing::command::{
    AnswerOffer, AskForBreak, AssignContact, CallbackOrder, CloseSession, CompleteContact, ContactDetails,
    ContactResult, DeclaredPresence, EnqueueContact, ExtendWrapUp, HoldContact, InviteCompanion, SetPresence,
    TakeNext, TransferContact, TransferTarget,
};
use ringmain_routing::rules::{Treatment, Writer};
use ringmain_routing::{AssignmentEpoch, Command, Epoch, GatewayId, Millis, Name, OperatorId, Party};

use crate::validate::Problems;

/// A contact arrives.
pub(crate) fn push(push: v1::GatewayPush, gateway: GatewayId, epoch: Epoch) -> Result<GatewayRequest, Error> {
    let mut problems = Problems::default();
    problems.op_id(push.op_id);
    let contact = EnqueueContact {
        gateway,
        epoch,
        key: problems.key("key", &push.key),
        queue: if push.queue.is_empty() { Name::from("") } else { problems.name("queue", &push.queue) },
        channel: problems.name("channel", &push.channel),
        tier: problems.tier("tier", push.tier),
        head_start: problems.span("head_start_ms", push.head_start_ms),
        skills: problems.required_skills("skills", &push.skills),
        scope: problems.optional_name("scope", push.scope.as_deref()),
        units: push.units.map(|units| problems.units("units", units)),
        not_before: push.not_before_ms.map(|ms| problems.moment("not_before_ms", ms)),
        preferred: push.preferred.map(|preferred| {
            let login = problems.name("preferred.login", &preferred.login);
            (login, problems.span("preferred.hold_ms", preferred.hold_ms))
        }),
        callback: push.callback.map(|order| CallbackOrder {
            number: problems.name("callback.number", &order.number),
            principals: problems.name("callback.principals", &order.principals),
        }),
        details: push.details.map(|given| details(given, &mut problems)).unwrap_or_default(),
        facts: push.facts.map(facts_from_message).unwrap_or_default(),
    };
    problems.into_result(GatewayRequest::Push(Box::new(contact)))
}

/// More is known about a contact.
pub(crate) fn update(update: v1::GatewayUpdate) -> Result<GatewayRequest, Error> {
    let mut problems = Problems::default();
    problems.op_id(update.op_id);
    let update = UpdateByKey {
        key: problems.key("key", &update.key),
        details: update.details.map(|given| details(given, &mut problems)),
        tier: update.tier.map(|tier| problems.tier("tier", tier)),
        not_before: update.not_before_ms.map(|ms| problems.moment("not_before_ms", ms)),
    };
    problems.into_result(GatewayRequest::Update(Box::new(update)))
}

/// The customer has gone.
pub(crate) fn abandon(abandon: &v1::GatewayAbandon) -> Result<GatewayRequest, Error> {
    let mut problems = Problems::default();
    problems.op_id(abandon.op_id);
    let key = problems.key("key", &abandon.key);
    problems.into_result(GatewayRequest::Abandon { key })
}

/// Customer or operator has written.
pub(crate) fn note_message(note: &v1::GatewayNoteMessage) -> Result<GatewayRequest, Error> {
    let mut problems = Problems::default();
    problems.op_id(note.op_id);
    let key = problems.key("key", &note.key);
    if note.number == 0 {
        problems.add("number", "count the messages of a contact from 1");
    }
    let by = match note.by() {
        v1::ThreadWriter::Operator => Writer::Operator,
        v1::ThreadWriter::Customer => Writer::Customer,
        v1::ThreadWriter::Unspecified => {
            problems.add("by", "say CUSTOMER or OPERATOR");
            Writer::Customer
        }
    };
    problems.into_result(GatewayRequest::NoteMessage { key, number: note.number, by })
}

/// The customer takes what was offered to it.
pub(crate) fn deflect(deflect: &v1::GatewayDeflect) -> Result<GatewayRequest, Error> {
    let mut problems = Problems::default();
    problems.op_id(deflect.op_id);
    let key = problems.key("key", &deflect.key);
    let to = treatment_from_message(deflect.to()).unwrap_or(Treatment::Refuse);
    if matches!(to, Treatment::Queue | Treatment::Refuse) {
        problems.add("to", "say CALL_BACK, VOICEMAIL or MESSAGE, as it was offered");
    }
    problems.into_result(GatewayRequest::Deflect { key, to })
}

fn details(given: v1::ContactDetails, problems: &mut Problems) -> ContactDetails {
    problems.attributes("details.attributes", given.attributes.len());
    ContactDetails {
        customer: problems.optional_name("details.customer", given.customer.as_deref()),
        topic: problems.optional_name("details.topic", given.topic.as_deref()),
        language: problems.optional_name("details.language", given.language.as_deref()),
        attributes: given.attributes.into(),
    }
}

/// One of an operator's commands, with the number of its operation.
pub(crate) fn operator_command(
    message: v1::operator_service_session_request::Message,
    operator: OperatorId,
    epoch: Epoch,
) -> Option<(u64, Result<Command, Error>)> {
    use v1::operator_service_session_request::Message;
    let answer = |op: u64, contact: &str, assignment: u32| answer(op, contact, assignment, operator, epoch);
    let read = match message {
        Message::SetPresence(set) => (set.op_id, presence(&set, operator, epoch)),
        Message::Accept(accept) => {
            (accept.op_id, answer(accept.op_id, &accept.contact, accept.assignment).map(Command::AcceptOffer))
        }
        Message::Decline(decline) => {
            let read = answer(decline.op_id, &decline.contact, decline.assignment);
            (decline.op_id, read.map(Command::DeclineOffer))
        }
        Message::Complete(complete) => (complete.op_id, completion(&complete, operator, epoch)),
        Message::ExtendWrapUp(extend) => (extend.op_id, extension(&extend, operator, epoch)),
        Message::EndWrapUp(end) => {
            (end.op_id, answer(end.op_id, &end.contact, end.assignment).map(Command::EndWrapUp))
        }
        Message::Transfer(pass) => (pass.op_id, transfer(&pass, operator, epoch)),
        Message::Hold(hold) => {
            let on = hold.on;
            let read = answer(hold.op_id, &hold.contact, hold.assignment);
            (hold.op_id, read.map(|answer| Command::HoldContact(HoldContact { answer, on })))
        }
        Message::TakeNext(take) => (take.op_id, take_next(&take, operator, epoch)),
        Message::AssignContact(assign) => (assign.op_id, assign_contact(&assign, operator, epoch)),
        Message::AskForBreak(ask) => (ask.op_id, ask_for_break(&ask, operator, epoch)),
        Message::RequestPerson(asked) => {
            (asked.op_id, super::together::person_by_bot(asked, operator, epoch))
        }
        Message::InviteCompanion(invite) => (invite.op_id, invitation(&invite, operator, epoch)),
        Message::Consult(consult) => (consult.op_id, super::together::consult(&consult, operator, epoch)),
        Message::EndConsult(end) => (end.op_id, super::together::end_consult(&end, operator, epoch)),
        Message::JoinConsult(join) => (join.op_id, super::together::join_consult(&join, operator, epoch)),
        Message::BeginEnquiry(begin) => (begin.op_id, super::enquiry::begin(begin, operator, epoch)),
        Message::FreeCaller(free) => (free.op_id, super::enquiry::free_caller(free, operator, epoch)),
        Message::AskForHelp(ask) => (ask.op_id, super::supervision::ask_for_help(&ask, operator, epoch)),
        Message::CloseEnquiry(close) => (close.op_id, super::enquiry::close(&close, operator, epoch)),
        Message::SignOut(sign_out) => {
            let command = Command::CloseSession(CloseSession { party: Party::Operator(operator), epoch });
            let mut problems = Problems::default();
            problems.op_id(sign_out.op_id);
            (sign_out.op_id, problems.into_result(command))
        }
        Message::Hello(_) | Message::Ack(_) | Message::Heartbeat(_) => return None,
    };
    Some(read)
}

fn take_next(take: &v1::OperatorTakeNext, operator: OperatorId, epoch: Epoch) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(take.op_id);
    if take.seq == 0 {
        problems.add("seq", "is 0; count the declarations of a session from 1");
    }
    let queue = problems.optional_name("queue", take.queue.as_deref());
    problems.into_result(Command::TakeNext(TakeNext { operator, epoch, seq: take.seq, queue }))
}

fn assign_contact(
    assign: &v1::OperatorAssignContact,
    operator: OperatorId,
    epoch: Epoch,
) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(assign.op_id);
    let contact = problems.contact("contact", &assign.contact);
    let (to, hold) = (problems.name("to", &assign.to), Millis(assign.hold_ms));
    problems.into_result(Command::AssignContact(AssignContact { operator, epoch, contact, to, hold }))
}

fn presence(set: &v1::OperatorSetPresence, operator: OperatorId, epoch: Epoch) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(set.op_id);
    if set.seq == 0 {
        problems.add("seq", "is 0; count the declarations of a session from 1");
    }
    let reason = u16::try_from(set.not_ready_reason).unwrap_or_else(|_| {
        problems.add("not_ready_reason", format!("is {}; it must be 0 to 65535", set.not_ready_reason));
        0
    });
    let presence = match set.presence() {
        v1::PresenceKind::Ready => DeclaredPresence::Ready,
        v1::PresenceKind::NotReady => DeclaredPresence::NotReady(reason),
        v1::PresenceKind::Unspecified
        | v1::PresenceKind::Offline
        | v1::PresenceKind::Missed
        | v1::PresenceKind::Break => {
            problems.add("presence", "an operator declares READY or NOT_READY");
            DeclaredPresence::NotReady(reason)
        }
    };
    problems.into_result(Command::SetPresence(SetPresence { operator, epoch, seq: set.seq, presence }))
}

fn ask_for_break(
    ask: &v1::OperatorAskForBreak,
    operator: OperatorId,
    epoch: Epoch,
) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(ask.op_id);
    if ask.seq == 0 {
        problems.add("seq", "is 0; count with the declarations of a session from 1");
    }
    let name = problems.name("name", &ask.name);
    problems.into_result(Command::AskForBreak(AskForBreak { operator, epoch, seq: ask.seq, name }))
}

fn answer(
    op: u64,
    contact: &str,
    assignment: u32,
    operator: OperatorId,
    epoch: Epoch,
) -> Result<AnswerOffer, Error> {
    let mut problems = Problems::default();
    problems.op_id(op);
    let contact = problems.contact("contact", contact);
    problems.into_result(AnswerOffer { operator, epoch, contact, assignment: AssignmentEpoch(assignment) })
}

fn completion(complete: &v1::OperatorComplete, operator: OperatorId, epoch: Epoch) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(complete.op_id);
    let contact = problems.contact("contact", &complete.contact);
    let wrap_up = complete.wrap_up_ms.map(|ms| problems.span("wrap_up_ms", ms));
    let answer = AnswerOffer { operator, epoch, contact, assignment: AssignmentEpoch(complete.assignment) };
    let step = super::case::step(complete.step());
    let result = complete.result.as_ref().map(|result| ContactResult {
        topic: problems.name("result.topic", &result.topic),
        outcome: problems.name("result.outcome", &result.outcome),
    });
    problems.into_result(Command::CompleteContact(CompleteContact { answer, wrap_up, step, result }))
}

fn invitation(
    invite: &v1::OperatorInviteCompanion,
    operator: OperatorId,
    epoch: Epoch,
) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(invite.op_id);
    let contact = problems.contact("contact", &invite.contact);
    let (number, channel) =
        (problems.name("number", &invite.number), problems.name("channel", &invite.channel));
    let answer = AnswerOffer { operator, epoch, contact, assignment: AssignmentEpoch(invite.assignment) };
    problems.into_result(Command::InviteCompanion(Box::new(InviteCompanion { answer, number, channel })))
}

fn extension(
    extend: &v1::OperatorExtendWrapUp,
    operator: OperatorId,
    epoch: Epoch,
) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(extend.op_id);
    let contact = problems.contact("contact", &extend.contact);
    let until = problems.moment("until_ms", extend.until_ms);
    let answer = AnswerOffer { operator, epoch, contact, assignment: AssignmentEpoch(extend.assignment) };
    problems.into_result(Command::ExtendWrapUp(ExtendWrapUp { answer, until }))
}

fn transfer(pass: &v1::OperatorTransfer, operator: OperatorId, epoch: Epoch) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(pass.op_id);
    let contact = problems.contact("contact", &pass.contact);
    let wrap_up = pass.wrap_up_ms.map(|ms| problems.span("wrap_up_ms", ms));
    let to = if !pass.leg.is_empty() {
        let others = [&pass.queue, &pass.login, &pass.route, &pass.channel];
        if others.into_iter().any(|other| !other.is_empty()) || pass.hold_ms != 0 {
            problems.add("leg", "stands alone; leave out queue, login, hold_ms, route and channel");
        }
        TransferTarget::Consulted { leg: problems.contact("leg", &pass.leg) }
    } else if !pass.route.is_empty() || !pass.channel.is_empty() {
        if !pass.queue.is_empty() || !pass.login.is_empty() || pass.hold_ms != 0 {
            problems.add("route", "goes with channel alone; leave out queue, login and hold_ms");
        }
        TransferTarget::BackOffice {
            route: problems.name("route", &pass.route),
            channel: problems.name("channel", &pass.channel),
            reply_by: (!pass.reply_by.is_empty()).then(|| problems.name("reply_by", &pass.reply_by)),
        }
    } else if pass.login.is_empty() {
        if pass.hold_ms != 0 {
            problems.add("hold_ms", "goes with login; leave it 0 for a queue");
        }
        TransferTarget::Queue(problems.name("queue", &pass.queue))
    } else {
        let queue = Some(pass.queue.as_str()).filter(|queue| !queue.is_empty());
        TransferTarget::Operator {
            login: problems.name("login", &pass.login),
            hold: problems.span("hold_ms", pass.hold_ms),
            queue: problems.optional_name("queue", queue),
        }
    };
    let answer = AnswerOffer { operator, epoch, contact, assignment: AssignmentEpoch(pass.assignment) };
    problems.into_result(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up })))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: GatewayId = GatewayId { slot: 1, generation: 0 };
    const OPERATOR: OperatorId = OperatorId { slot: 2, generation: 0 };

    fn fields(error: &Error) -> Vec<&str> {
        error.problems.iter().map(|problem| problem.field.as_str()).collect()
    }

    #[test]
    fn all_problems_of_a_push_are_listed_with_their_fields() {
        let message = v1::GatewayPush {
            op_id: 1,
            key: "k".repeat(257),
            queue: "q".repeat(129),
            channel: "voice".into(),
            tier: 10,
            head_start_ms: u64::MAX,
            skills: vec![v1::SkillLevel { skill: "kk".into(), level: 0 }],
            not_before_ms: Some(u64::MAX - 5),
            details: Some(v1::ContactDetails {
                attributes: vec![0; 16 * 1024 + 1].into(),
                ..v1::ContactDetails::default()
            }),
            ..v1::GatewayPush::default()
        };
        let error = push(message, GATEWAY, Epoch(1)).unwrap_err();
        assert_eq!(error.code, "invalid-request");
        let expected = [
            "key",
            "queue",
            "tier",
            "head_start_ms",
            "skills[0].level",
            "not_before_ms",
            "details.attributes",
        ];
        assert_eq!(fields(&error), expected);
    }

    #[test]
    fn an_operator_declares_only_what_an_operator_may() {
        use v1::operator_service_session_request::Message;
        let set = v1::OperatorSetPresence {
            op_id: 0,
            seq: 0,
            presence: v1::PresenceKind::Offline.into(),
            not_ready_reason: 65_536,
        };
        let (_, read) = operator_command(Message::SetPresence(set), OPERATOR, Epoch(1)).unwrap();
        assert_eq!(fields(&read.unwrap_err()), ["op_id", "seq", "not_ready_reason", "presence"]);
    }

    #[test]
    fn an_id_that_is_none_is_named() {
        use v1::operator_service_session_request::Message;
        let accept = v1::OperatorAccept { op_id: 1, contact: "o3.0".into(), assignment: 1 };
        let (_, read) = operator_command(Message::Accept(accept), OPERATOR, Epoch(1)).unwrap();
        assert_eq!(fields(&read.unwrap_err()), ["contact"]);
    }
}
