//! Consultation and conference (R1.3): an operator asks a colleague while the contact stays with it.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::effect::{EndReason, WithdrawReason};
use ringmain_routing::plan::*;
use ringmain_routing::*;
use support::*;

/// Two queues; anna serves the first, boris both.
fn centre() -> Centre {
    let experts = QueuePlan { required: vec![("chat".into(), 1)], ..QueuePlan::named("experts") };
    let first = QueuePlan { wrap_up: Millis(5_000), ..QueuePlan::named("a") };
    let mut centre = Centre::new(plan(vec![first, experts]));
    centre.ready(OperatorPlan { skills: vec![("voice".into(), 5)], ..operator("anna") });
    centre
}

fn with_boris() -> Centre {
    let mut centre = centre();
    centre.push(contact("1", "a", 5));
    centre.ready(operator("boris"));
    centre
}

fn to_queue(queue: &str) -> ConsultTarget {
    ConsultTarget::Queue(queue.into())
}

fn to_operator(login: &str) -> ConsultTarget {
    ConsultTarget::Operator { login: login.into(), hold: Millis(20_000) }
}

fn ask(centre: &mut Centre, key: &str, to: ConsultTarget) -> Result<Reply, Refusal> {
    let answer = centre.answer(key);
    centre.apply(Command::Consult(Consult { answer, to, units: None }))
}

fn leg(centre: &Centre, key: &str) -> ContactId {
    centre.view(key).legs[0]
}

fn join(centre: &mut Centre, key: &str, on: bool) -> Result<Reply, Refusal> {
    let (answer, leg) = (centre.answer(key), leg(centre, key));
    centre.apply(Command::JoinConsult(JoinConsult { answer, leg, on }))
}

fn pass_to_asked(centre: &mut Centre, key: &str) -> Result<Reply, Refusal> {
    let (answer, to) = (centre.answer(key), TransferTarget::Consulted { leg: leg(centre, key) });
    centre.apply(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None })))
}

fn reason(centre: &Centre, key: &str) -> Option<EndReason> {
    match centre.view(key).state {
        ContactState::Ended { reason, .. } => Some(reason),
        ContactState::Waiting
        | ContactState::Offered { .. }
        | ContactState::Handling { .. }
        | ContactState::WrapUp { .. } => None,
    }
}

#[test]
fn r1_3_a_colleague_is_asked_while_the_customer_stays() {
    let mut centre = with_boris();
    let asked = ask(&mut centre, "1", to_operator("boris"));
    let leg = leg(&centre, "1");
    assert_eq!(asked, Ok(Reply::Enqueued { contact: leg }));
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
    assert_eq!(centre.with("1+1").as_deref(), Some("boris"));
    assert_eq!(centre.view("1+1").leg_of, Some((centre.view("1").id, false)));
    let (of, gateway, operator) = (centre.view("1").id, centre.gateway, centre.operator("anna"));
    assert_eq!(centre.effects[0], Effect::AnnounceConsult { contact: leg, of, gateway, operator });
}

#[test]
fn r1_3_the_same_question_again_is_the_same_leg() {
    let mut centre = with_boris();
    let first = ask(&mut centre, "1", to_queue("experts"));
    assert_eq!(ask(&mut centre, "1", to_queue("experts")), first);
    assert_eq!(centre.effects, []);
    assert_eq!(centre.view("1").legs.len(), 1);
}

#[test]
fn r1_3_whoever_asks_a_queue_is_not_asked_itself() {
    let mut centre = centre();
    centre.put(OperatorPlan { capacity: 300, ..operator("anna") });
    centre.push(contact("1", "a", 5));
    ask(&mut centre, "1", to_queue("experts")).expect("there is room");
    assert_eq!(centre.with("1+1"), None, "anna has the skill and room for it");
    centre.tick(centre.at + 60_000);
    assert_eq!(centre.with("1+1"), None, "and nobody else is there");
    centre.ready(operator("boris"));
    assert_eq!(centre.with("1+1").as_deref(), Some("boris"));
}

#[test]
fn r1_3_nobody_hands_a_question_to_whoever_asks_it() {
    let mut centre = centre();
    centre.put(OperatorPlan { capacity: 300, ..operator("anna") });
    centre.push(contact("1", "a", 5));
    ask(&mut centre, "1", to_queue("experts")).expect("there is room");
    let (contact, to, hold): (_, Name, _) = (leg(&centre, "1"), "anna".into(), Millis(60_000));
    let action = Action::AssignContact { contact, to: to.clone(), hold };
    let refused = centre.apply(Command::Act(Box::new(Act { by: "sv".into(), key: "k".into(), action })));
    assert_eq!(refused, Err(Refusal::OperatorUnavailable(to)));
}

#[test]
fn r1_3_a_gateway_moves_no_question() {
    let mut centre = centre();
    centre.push(contact("1", "a", 5));
    ask(&mut centre, "1", to_queue("experts")).expect("nobody is there, so it waits");
    let (gateway, epoch, contact) = (centre.gateway, Epoch(1), leg(&centre, "1"));
    let update = |tier, not_before| {
        Command::UpdateContact(Box::new(UpdateContact {
            gateway,
            epoch,
            contact,
            details: None,
            tier,
            not_before,
        }))
    };
    for moving in [update(Some(0), None), update(None, Some(Timestamp(centre.at + 1_000)))] {
        let refused = centre.apply(moving);
        assert!(matches!(refused, Err(Refusal::InvalidField { ref field, .. }) if &**field == "contact"));
    }
}

#[test]
fn r1_3_a_question_to_one_operator_is_moved_to_no_queue() {
    let mut centre = with_boris();
    centre.push(contact("2", "experts", 5));
    ask(&mut centre, "1", to_operator("boris")).expect("boris is there");
    let from = MoveFrom::Contacts(vec![leg(&centre, "1")]);
    let action = Action::MoveContacts { from, to: "experts".into() };
    let refused = centre.apply(Command::Act(Box::new(Act { by: "sv".into(), key: "k".into(), action })));
    assert!(matches!(refused, Err(Refusal::InvalidField { ref field, .. }) if &**field == "contacts"));
}

#[test]
fn r1_3_a_consultation_is_no_customer_in_any_figure() {
    let mut centre = with_boris();
    let before = centre.router.queues().into_iter().map(|queue| queue.totals).collect::<Vec<_>>();
    ask(&mut centre, "1", to_queue("experts")).expect("boris is free");
    centre.complete("1+1");
    ask(&mut centre, "1", to_operator("boris")).expect("boris is free");
    let after = centre.router.queues().into_iter().map(|queue| queue.totals).collect::<Vec<_>>();
    assert_eq!(after, before);
}

#[test]
fn r1_3_all_consultations_end_with_the_customer() {
    let mut centre = with_boris();
    centre.ready(operator("clara"));
    ask(&mut centre, "1", to_operator("boris")).expect("boris is free");
    ask(&mut centre, "1", to_operator("clara")).expect("clara is free");
    let (boris, clara) = (centre.operator("boris"), centre.operator("clara"));
    centre.complete("1");
    assert_eq!(reason(&centre, "1+1"), Some(EndReason::ConsultOver(Some(boris))));
    assert_eq!(reason(&centre, "1+2"), Some(EndReason::ConsultOver(Some(clara))));
    assert!(matches!(centre.view("1").state, ContactState::WrapUp { .. }), "anna writes it up");
    assert!(centre.view("1").legs.is_empty());
    let free: Vec<u32> = [boris, clara].map(|id| centre.router.operator(id).expect("known").used).to_vec();
    assert_eq!(free, [0, 0]);
}

#[test]
fn r1_3_consultations_end_when_the_contact_goes_to_somebody_else_or_its_operator_is_lost() {
    for is_lost in [false, true] {
        let mut centre = with_boris();
        ask(&mut centre, "1", to_operator("boris")).expect("boris is free");
        if is_lost {
            let (party, epoch) = (Party::Operator(centre.operator("anna")), centre.epoch("anna"));
            centre.ok(Command::CloseSession(CloseSession { party, epoch }));
        } else {
            let (answer, to) = (centre.answer("1"), TransferTarget::Queue("experts".into()));
            centre.ok(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None })));
        }
        assert!(reason(&centre, "1+1").is_some());
        assert_eq!(centre.with("1").as_deref(), Some("boris"), "who is free from then on");
    }
}

#[test]
fn r1_3_the_asked_one_goes_on_with_the_contact() {
    let mut centre = with_boris();
    ask(&mut centre, "1", to_operator("boris")).expect("boris is free");
    let before = centre.view("1").assignment;
    assert_eq!(pass_to_asked(&mut centre, "1"), Ok(Reply::Done));
    let view = centre.view("1");
    assert_eq!((centre.with("1").as_deref(), view.transfers), (Some("boris"), 1));
    assert_eq!(view.assignment, AssignmentEpoch(before.0 + 1));
    assert_eq!(centre.router.queues()[0].totals.connected, 1, "the customer was connected once");
    let anna = centre.router.operator(centre.operator("anna")).expect("known");
    assert_eq!((anna.used, anna.wrap_ups.len()), (100, 1));
    let answer = AnswerOffer {
        operator: centre.operator("anna"),
        epoch: centre.epoch("anna"),
        contact: view.id,
        assignment: before,
    };
    let to = TransferTarget::Queue("a".into());
    let late =
        centre.apply(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None })));
    assert!(matches!(late, Err(Refusal::StaleAssignment { .. })), "{late:?}");
}

#[test]
fn r1_3_a_contact_is_not_passed_to_who_has_not_answered_or_has_no_room() {
    let mut plan = plan(vec![QueuePlan::named("a")]);
    plan.queues[0].rules.consult_units = Some(0);
    plan.queues[0].answer = Answer::Offered { within: Millis(60_000) };
    let mut centre = Centre::new(plan);
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 5));
    centre.ok(Command::AcceptOffer(centre.answer("1")));
    centre.ready(operator("boris"));
    centre.push(contact("2", "a", 5));
    centre.ok(Command::AcceptOffer(centre.answer("2")));
    ask(&mut centre, "1", to_operator("boris")).expect("a question takes no room here");
    assert!(matches!(pass_to_asked(&mut centre, "1"), Err(Refusal::WrongState { .. })), "it rings");
    centre.ok(Command::AcceptOffer(centre.answer("1+1")));
    assert_eq!(pass_to_asked(&mut centre, "1"), Err(Refusal::OperatorUnavailable("boris".into())));
    centre.complete("2");
    assert_eq!(pass_to_asked(&mut centre, "1"), Ok(Reply::Done));
}

#[test]
fn r1_3_a_conference_is_told_once_and_both_have_it_in_hand() {
    let mut centre = with_boris();
    ask(&mut centre, "1", to_operator("boris")).expect("boris is free");
    let (contact, of, gateway) = (leg(&centre, "1"), centre.view("1").id, centre.gateway);
    let operator = centre.operator("boris");
    assert_eq!(join(&mut centre, "1", true), Ok(Reply::Done));
    assert_eq!(centre.effects, [Effect::JoinConsult { contact, of, gateway, operator, on: true }]);
    assert_eq!(join(&mut centre, "1", true), Ok(Reply::Done));
    assert_eq!(centre.effects, []);
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
    assert_eq!(centre.view("1+1").leg_of, Some((of, true)));
}

#[test]
fn r1_3_a_question_to_one_goes_to_nobody_else() {
    let mut plan = plan(vec![QueuePlan::named("a")]);
    plan.queues[0].answer = Answer::Offered { within: Millis(10_000) };
    let mut centre = Centre::new(plan);
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 5));
    centre.ok(Command::AcceptOffer(centre.answer("1")));
    let boris = centre.ready(operator("boris"));
    ask(&mut centre, "1", to_operator("boris")).expect("boris is free");
    centre.ready(operator("clara"));
    let (contact, assignment) = (leg(&centre, "1"), AssignmentEpoch(1));
    centre.tick(centre.at + 10_000);
    assert_eq!(reason(&centre, "1+1"), Some(EndReason::ConsultOver(None)));
    let (gateway, reason) = (centre.gateway, WithdrawReason::ConsultOver);
    let told = Effect::WithdrawAssignment { contact, gateway, operator: boris, assignment, reason };
    assert_eq!(centre.effects[0], told);
    let presence = centre.router.operator(boris).expect("known").presence;
    assert_eq!(presence, effect::PresenceState::Ready, "a question is no offer to be paused for");
    // Busy with something else: the question waits as long as it says, and is over.
    ask(&mut centre, "1", to_operator("boris")).expect("boris is free");
    centre.presence("boris", DeclaredPresence::NotReady(1));
    let answer = centre.answer("1+2");
    centre.ok(Command::DeclineOffer(answer));
    assert!(centre.view("1").legs.is_empty());
}

#[test]
fn r1_3_who_asked_ends_the_question_and_again_is_done() {
    let mut centre = with_boris();
    ask(&mut centre, "1", to_operator("boris")).expect("boris is free");
    let (answer, leg) = (centre.answer("1"), leg(&centre, "1"));
    for _ in 0..2 {
        assert_eq!(centre.ok(Command::EndConsult(EndConsult { answer: answer.clone(), leg })), Reply::Done);
    }
    assert_eq!(centre.effects, []);
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
    let foreign = centre.push(contact("2", "a", 5));
    let refused = centre.apply(Command::EndConsult(EndConsult { answer, leg: foreign }));
    assert!(matches!(refused, Err(Refusal::InvalidField { ref field, .. }) if &**field == "leg"));
}

#[test]
fn r1_3_a_consultation_is_not_passed_on_and_asks_nobody() {
    let mut centre = with_boris();
    ask(&mut centre, "1", to_operator("boris")).expect("boris is free");
    let (answer, to) = (centre.answer("1+1"), TransferTarget::Queue("a".into()));
    let passed =
        centre.apply(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None })));
    let asked = ask(&mut centre, "1+1", to_queue("experts"));
    for refused in [passed, asked] {
        assert!(matches!(refused, Err(Refusal::InvalidField { ref field, .. }) if &**field == "contact"));
    }
}

#[test]
fn r1_3_the_asked_one_is_lost_and_the_question_is_over() {
    let mut centre = with_boris();
    ask(&mut centre, "1", to_queue("experts")).expect("boris is free");
    let (boris, epoch) = (centre.operator("boris"), centre.epoch("boris"));
    centre.ok(Command::CloseSession(CloseSession { party: Party::Operator(boris), epoch }));
    assert_eq!(reason(&centre, "1+1"), Some(EndReason::OperatorLost(boris)));
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn consultations_are_the_same_after_a_restart_and_have_a_limit() {
    let mut centre = with_boris();
    ask(&mut centre, "1", to_operator("boris")).expect("boris is free");
    join(&mut centre, "1", true).expect("boris has it");
    let read = Router::restore(&centre.router.snapshot().encode()).expect("sound");
    assert_eq!(read.contact_by_key("pbx", "1+1"), Some(centre.view("1+1")));
    assert_eq!(read.contact_by_key("pbx", "1"), Some(centre.view("1")));
    for n in 0..limits::LEGS_MAX - 1 {
        let login = format!("e{n}");
        centre.ready(operator(&login));
        ask(&mut centre, "1", to_operator(&login)).expect("there is room");
    }
    let refused = ask(&mut centre, "1", to_queue("experts"));
    assert!(matches!(refused, Err(Refusal::LimitReached { .. })), "{refused:?}");
    let commands = [
        Command::Consult(Consult { answer: centre.answer("1"), to: to_queue("a"), units: Some(7) }),
        Command::JoinConsult(JoinConsult { answer: centre.answer("1"), leg: leg(&centre, "1"), on: true }),
        Command::EndConsult(EndConsult { answer: centre.answer("1"), leg: leg(&centre, "1") }),
    ];
    for command in commands {
        assert_eq!(Command::decode(&command.encode()), Ok(command));
    }
}
