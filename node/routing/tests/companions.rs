//! The companion channel (R3.9). Each test is named after its rule.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const MINUTE: u64 = 60_000;

fn centre() -> Centre {
    let mut plan = plan(vec![QueuePlan::named("calls"), QueuePlan::named("chats")]);
    plan.rules.companion = Some(Millis(10 * MINUTE));
    Centre::new(plan)
}

fn from(key: &str, phone: &str) -> EnqueueContact {
    let facts = Facts { phone: Some(phone.into()), ..Facts::default() };
    EnqueueContact { channel: "chat".into(), facts, ..contact(key, "chats", 3) }
}

fn invitation(centre: &Centre, call: &str, number: &str) -> Command {
    let (answer, number, channel) = (centre.answer(call), number.into(), "chat".into());
    Command::InviteCompanion(Box::new(InviteCompanion { answer, number, channel }))
}

/// Anna talks, and has invited +7900 into the chat.
fn invited() -> Centre {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(contact("call", "calls", 3));
    let command = invitation(&centre, "call", "+7900");
    centre.ok(command);
    centre
}

fn used(centre: &Centre, login: &str) -> u32 {
    centre.router.operator(centre.operator(login)).expect("known").used
}

fn complete(centre: &mut Centre, key: &str, wrap_up: u64) {
    let answer = centre.answer(key);
    let wrap_up = Some(Millis(wrap_up));
    let step = CaseStep::Next;
    centre.ok(Command::CompleteContact(CompleteContact { answer, wrap_up, step, result: None }));
}

#[test]
fn r3_9_the_gateway_hears_of_an_invitation_once() {
    let mut centre = invited();
    let (contact, gateway, operator) = (centre.view("call").id, centre.gateway, centre.operator("anna"));
    let (assignment, channel) = (AssignmentEpoch(1), ChannelId(1));
    assert_eq!(centre.effects, [Effect::InviteCompanion { contact, gateway, operator, assignment, channel }]);
    let command = invitation(&centre, "call", "+7900");
    assert_eq!(Command::decode(&command.encode()), Ok(command.clone()));
    assert_eq!((centre.ok(command), centre.effects.len()), (Reply::Done, 0));
    let shown = centre.view("call").invitation.expect("shown");
    assert_eq!((&*shown.number, &*shown.channel, shown.companion), ("+7900", "chat", None));
}

#[test]
fn r3_9_the_companion_goes_straight_to_the_operator_at_no_units() {
    let mut centre = invited();
    centre.ready(operator("boris"));
    centre.push(from("other", "+7911"));
    assert_eq!(centre.with("other").as_deref(), Some("boris"));
    let id = centre.push(from("own", "+7900"));
    assert_eq!((centre.with("own").as_deref(), used(&centre, "anna")), (Some("anna"), 100));
    assert!(matches!(centre.effects[..], [Effect::ConnectContact { .. }]), "{:?}", centre.effects);
    assert_eq!(
        (centre.view("own").units, centre.view("own").companion_of),
        (0, Some(centre.view("call").id))
    );
    assert_eq!(centre.view("call").invitation.expect("shown").companion, Some(id));
    let why = centre.router.why_contact(id).expect("known").decision.expect("recorded");
    assert_eq!(why.side, Side::Companion);
    centre.complete("own");
    assert_eq!(used(&centre, "anna"), 100);
}

#[test]
fn r3_9_one_companion_for_a_call() {
    let mut centre = invited();
    centre.push(from("1", "+7900"));
    centre.push(from("2", "+7900"));
    assert_eq!((centre.with("1").as_deref(), centre.with("2")), (Some("anna"), None));
    let command = invitation(&centre, "call", "+7911");
    let refused = Refusal::LimitReached { what: "companions".into(), limit: 1 };
    assert_eq!(centre.apply(command), Err(refused));
    let again = invitation(&centre, "call", "+7900");
    assert_eq!(centre.apply(again), Ok(Reply::Done));
}

#[test]
fn r3_9_who_waits_already_comes_too() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(contact("call", "calls", 3));
    centre.push(from("early", "+7900"));
    centre.push(from("late", "+7900"));
    assert_eq!(centre.with("early"), None);
    let command = invitation(&centre, "call", "+7900");
    centre.ok(command);
    assert_eq!((centre.with("early").as_deref(), centre.with("late")), (Some("anna"), None));
    assert!(matches!(centre.effects[..], [Effect::InviteCompanion { .. }, Effect::ConnectContact { .. }]));
}

#[test]
fn r3_9_whom_a_bot_has_comes_too_and_wants_people_from_then_on() {
    let mut centre = centre();
    let rules = OperatorRules { bot: true, channels: vec!["chat".into()], ..OperatorRules::default() };
    centre.ready(OperatorPlan { rules, ..operator("bot") });
    let id = centre.push(from("own", "+7900"));
    assert_eq!(centre.with("own").as_deref(), Some("bot"));
    centre.ready(operator("anna"));
    centre.push(contact("call", "calls", 3));
    let command = invitation(&centre, "call", "+7900");
    centre.ok(command);
    assert!(
        matches!(
            centre.effects[..],
            [
                Effect::InviteCompanion { .. },
                Effect::WithdrawAssignment { .. },
                Effect::ConnectContact { .. }
            ]
        ),
        "{:?}",
        centre.effects
    );
    assert_eq!((centre.with("own").as_deref(), used(&centre, "bot")), (Some("anna"), 0));
    assert!(centre.router.contact(id).expect("known").wants_people);
}

#[test]
fn r3_9_a_leg_of_a_consultation_is_nobodys_companion() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(from("chat", "+7900"));
    let (answer, to) = (centre.answer("chat"), ConsultTarget::Queue("chats".into()));
    centre.ok(Command::Consult(Consult { answer, to, units: None }));
    let leg = centre.view("chat").legs[0];
    let rules = OperatorRules { channels: vec!["voice".into()], ..OperatorRules::default() };
    centre.ready(OperatorPlan { rules, ..operator("boris") });
    centre.push(contact("call", "calls", 3));
    assert_eq!(centre.with("call").as_deref(), Some("boris"));
    let command = invitation(&centre, "call", "+7900");
    centre.ok(command);
    assert_eq!(centre.router.contact(leg).expect("open").state, ContactState::Waiting);
}

#[test]
fn r3_9_a_companion_is_let_into_a_closed_queue() {
    let mut centre = invited();
    let mut plan = centre.router.plan().clone();
    plan.version += 1;
    plan.queues[1].open = false;
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })));
    let refused = centre.apply(Command::EnqueueContact(Box::new(from("other", "+7911"))));
    assert_eq!(refused, Err(Refusal::QueueClosed("chats".into())));
    centre.push(from("own", "+7900"));
    assert_eq!(centre.with("own").as_deref(), Some("anna"));
}

#[test]
fn r3_9_an_invitation_lapses_after_call_and_wrap_up() {
    for (after, comes) in [(10 * MINUTE - 1, true), (10 * MINUTE, false)] {
        let mut centre = invited();
        complete(&mut centre, "call", 5_000);
        centre.tick(6_000);
        assert_eq!(centre.view("call").invitation.expect("shown").until, Some(Timestamp(606_000)));
        centre.push(contact("next", "calls", 3));
        centre.tick(6_000 + after);
        centre.push(from("own", "+7900"));
        assert_eq!(centre.with("own").is_some(), comes, "{after} ms later, beside the next call");
        let bytes = centre.router.snapshot().encode();
        let restored = Router::restore(&bytes).expect("reads what it wrote");
        assert_eq!(restored.snapshot().encode(), bytes);
        assert_eq!(restored.contact_by_key("pbx", "call"), Some(centre.view("call")));
    }
}

#[test]
fn r3_9_after_the_call_it_comes_to_an_operator_who_is_available_alone() {
    let mut centre = invited();
    complete(&mut centre, "call", 0);
    centre.presence("anna", DeclaredPresence::NotReady(1));
    centre.push(from("own", "+7900"));
    assert_eq!(
        (centre.with("own"), centre.view("own").companion_of),
        (None, None),
        "it goes its ordinary way"
    );
    centre.presence("anna", DeclaredPresence::Ready);
    assert_eq!(used(&centre, "anna"), 33);
}

#[test]
fn r3_9_the_call_ends_first_and_the_companion_stays() {
    let mut centre = invited();
    centre.push(from("own", "+7900"));
    complete(&mut centre, "call", 0);
    assert_eq!((centre.with("own").as_deref(), used(&centre, "anna")), (Some("anna"), 0));
    centre.push(contact("next", "calls", 3));
    assert_eq!(centre.with("next").as_deref(), Some("anna"), "it has room for a call beside");
}

#[test]
fn r3_9_an_invitation_goes_with_the_call() {
    let mut centre = invited();
    let answer = centre.answer("call");
    let to = TransferTarget::Queue("calls".into());
    centre.ok(Command::TransferContact(Box::new(TransferContact {
        answer,
        to,
        wrap_up: Some(Millis(60_000)),
    })));
    assert_eq!(centre.with("call"), None);
    centre.push(from("own", "+7900"));
    assert_eq!(centre.with("own"), None, "nobody has the call");
    centre.ready(operator("boris"));
    assert_eq!(centre.with("call").as_deref(), Some("boris"));
    assert_eq!(centre.with("own").as_deref(), Some("boris"));
    assert_eq!(used(&centre, "boris"), 100);
}

#[test]
fn r3_9_who_waits_comes_when_the_call_is_passed_to_who_was_asked() {
    let mut centre = invited();
    centre.ready(operator("boris"));
    let (answer, hold) = (centre.answer("call"), Millis(1_000));
    let to = ConsultTarget::Operator { login: "boris".into(), hold };
    centre.ok(Command::Consult(Consult { answer, to, units: None }));
    let (party, epoch) = (Party::Operator(centre.operator("anna")), centre.epoch("anna"));
    centre.ok(Command::LoseSession(LoseSession { party, epoch }));
    centre.push(from("own", "+7900"));
    assert_eq!(centre.with("own"), None, "who has the call is not there");
    centre.ok(Command::OpenSession(open(Role::Operator, "anna", 8)));
    let (answer, leg) = (centre.answer("call"), centre.view("call").legs[0]);
    let to = TransferTarget::Consulted { leg };
    centre.ok(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None })));
    assert_eq!(centre.with("call").as_deref(), Some("boris"));
    assert_eq!(centre.with("own").as_deref(), Some("boris"));
}

#[test]
fn r3_9_a_companion_whose_operator_is_lost_is_a_contact_like_others() {
    let mut centre = invited();
    centre.push(from("own", "+7900"));
    let (operator, epoch) = (centre.operator("anna"), centre.epoch("anna"));
    centre.ok(Command::CloseSession(CloseSession { party: Party::Operator(operator), epoch }));
    assert_eq!((centre.with("own"), centre.view("own").units), (None, 33));
    centre.ready(operator_with_room("boris"));
    assert_eq!(used(&centre, "boris"), 133);
}

fn operator_with_room(login: &str) -> OperatorPlan {
    OperatorPlan { capacity: 133, ..operator(login) }
}

#[test]
fn r3_9_the_same_number_of_another_call_replaces_an_open_invitation() {
    let mut centre = invited();
    centre.ready(operator("boris"));
    centre.push(contact("second", "calls", 3));
    let command = invitation(&centre, "second", "+7900");
    centre.ok(command);
    assert_eq!(centre.view("call").invitation, None);
    centre.push(from("own", "+7900"));
    assert_eq!(centre.with("own").as_deref(), Some("boris"));
}

#[test]
fn r3_9_who_may_invite_whom() {
    let mut centre = invited();
    let mut answer = centre.answer("call");
    answer.assignment = AssignmentEpoch(7);
    let stale = InviteCompanion { answer, number: "+7".into(), channel: "chat".into() };
    let refused = centre.apply(Command::InviteCompanion(Box::new(stale)));
    assert!(matches!(refused, Err(Refusal::StaleAssignment { .. })));
    let answer = centre.answer("call");
    let fax = InviteCompanion { answer, number: "+7".into(), channel: "fax".into() };
    let refused = centre.apply(Command::InviteCompanion(Box::new(fax)));
    assert_eq!(refused, Err(Refusal::UnknownChannel("fax".into())));
    complete(&mut centre, "call", 5_000);
    let command = invitation(&centre, "call", "+7911");
    assert_eq!(centre.apply(command), Ok(Reply::Done), "another number while it is written up");
    centre.tick(6_000);
    let command = invitation(&centre, "call", "+7922");
    assert!(matches!(centre.apply(command), Err(Refusal::WrongState { .. })));
    let mut plan = centre.router.plan().clone();
    plan.version += 1;
    plan.rules.companion = None;
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })));
    centre.push(from("own", "+7911"));
    assert_eq!(centre.view("own").companion_of, None, "the plan invites nobody any more");
    centre.push(contact("again", "calls", 3));
    centre.tick(7_000);
    let refused = {
        centre.complete("own");
        let command = invitation(&centre, "again", "+7911");
        centre.apply(command)
    };
    assert!(matches!(refused, Err(Refusal::InvalidField { field, .. }) if &*field == "companion"));
}
