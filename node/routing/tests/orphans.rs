//! What becomes of a contact whose operator is lost, by its channel (R1.3, R1.4).

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const GRACE: u64 = 15_000;

/// Calls end with their operator, chats wait a minute for it, or for ever.
fn centre(chat: OrphanRule) -> Centre {
    let orphans = vec![("voice".into(), OrphanRule::Close), ("chat".into(), chat)];
    let rules = QueueRules { orphans, ..QueueRules::default() };
    let mut centre = Centre::new(plan(vec![
        QueuePlan { rules, ..QueuePlan::named("a") },
        QueuePlan { orphan: Orphan::Close, ..QueuePlan::named("b") },
    ]));
    centre.ready(operator("anna"));
    centre
}

fn chat(key: &str) -> EnqueueContact {
    EnqueueContact { channel: "chat".into(), ..contact(key, "a", 5) }
}

/// Anna's stream is lost, and her grace is over.
fn lose_anna(centre: &mut Centre) {
    let (party, epoch) = (Party::Operator(centre.operator("anna")), centre.epoch("anna"));
    centre.ok(Command::LoseSession(LoseSession { party, epoch }));
    centre.tick(centre.at + GRACE);
}

fn anna_comes_back(centre: &mut Centre, nonce: u64) {
    centre.ok(Command::OpenSession(open(Role::Operator, "anna", nonce)));
    centre.presence("anna", DeclaredPresence::Ready);
}

fn sign_out(centre: &mut Centre) {
    let (party, epoch) = (Party::Operator(centre.operator("anna")), centre.epoch("anna"));
    centre.ok(Command::CloseSession(CloseSession { party, epoch }));
}

#[test]
fn r1_4_a_chat_waits_for_its_operator_and_a_call_of_the_same_queue_ends() {
    for (contact, waits) in [(chat("1"), true), (contact("1", "a", 5), false)] {
        let mut centre = centre(OrphanRule::Wait(Millis(60_000)));
        centre.push(contact);
        lose_anna(&mut centre);
        centre.ready(operator("boris"));
        let view = centre.view("1");
        assert_eq!((centre.with("1"), view.held_for.is_some()), (None, waits));
        assert_eq!(matches!(view.state, ContactState::Ended { .. }), !waits);
    }
}

#[test]
fn r1_4_the_operator_who_comes_back_in_time_goes_on() {
    let mut centre = centre(OrphanRule::Wait(Millis(60_000)));
    centre.push(chat("1"));
    let arrived = centre.view("1").enqueued_at;
    lose_anna(&mut centre);
    centre.ready(operator("boris"));
    centre.tick(centre.at + 30_000);
    anna_comes_back(&mut centre, 8);
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
    assert_eq!(centre.view("1").enqueued_at, arrived);
}

#[test]
fn r1_4_the_wait_for_the_operator_ends_in_line_at_the_old_place() {
    let mut centre = centre(OrphanRule::Wait(Millis(60_000)));
    centre.push(chat("1"));
    lose_anna(&mut centre);
    centre.push(EnqueueContact { units: Some(100), ..chat("2") });
    centre.tick(centre.at + 59_999);
    centre.ready(OperatorPlan { capacity: 33, ..operator("boris") });
    assert_eq!(centre.with("1"), None);
    centre.tick(centre.at + 1);
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
}

#[test]
fn r1_4_a_wait_ends_when_the_operator_came_back_and_left_again() {
    let mut centre = centre(OrphanRule::Wait(Millis(60_000)));
    centre.push(EnqueueContact { units: Some(100), ..chat("1") });
    lose_anna(&mut centre);
    // She is back for something that leaves no room for it.
    let smaller = OperatorPlan { capacity: 50, ..operator("anna") };
    centre.put(smaller);
    anna_comes_back(&mut centre, 8);
    assert!(centre.view("1").held_for.is_some());
    centre.presence("anna", DeclaredPresence::NotReady(1));
    assert_eq!(centre.view("1").held_for, None);
}

#[test]
fn r1_4_what_stays_outlives_every_absence_of_its_operator() {
    let mut centre = centre(OrphanRule::Stay);
    centre.push(EnqueueContact { units: Some(100), ..chat("1") });
    lose_anna(&mut centre);
    centre.ready(operator("boris"));
    centre.put(OperatorPlan { capacity: 50, ..operator("anna") });
    anna_comes_back(&mut centre, 8);
    sign_out(&mut centre);
    centre.tick(centre.at + 86_400_000);
    assert_eq!(centre.with("1"), None, "boris is free all the while");
    let read = Router::restore(&centre.router.snapshot().encode()).expect("sound");
    assert_eq!(read.contact_by_key("pbx", "1"), Some(centre.view("1")));
    centre.put(operator("anna"));
    anna_comes_back(&mut centre, 9);
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn r1_4_a_supervisor_gives_what_stays_to_somebody_else() {
    let mut centre = centre(OrphanRule::Stay);
    centre.push(chat("1"));
    sign_out(&mut centre);
    centre.ready(operator("boris"));
    assert_eq!(centre.with("1"), None, "who signs out is away too");
    let (contact, hold) = (centre.view("1").id, Millis(1_000));
    let action = Action::AssignContact { contact, to: "boris".into(), hold };
    centre.ok(Command::Act(Box::new(Act { by: "sv".into(), key: "k".into(), action })));
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
}

#[test]
fn r1_4_nothing_stays_with_an_operator_who_does_not_fit_any_more() {
    let mut centre = centre(OrphanRule::Stay);
    centre.push(chat("1"));
    let rules = OperatorRules { channels: vec!["voice".into()], ..OperatorRules::default() };
    centre.put(OperatorPlan { rules, ..operator("anna") });
    sign_out(&mut centre);
    centre.ready(operator("boris"));
    assert_eq!(centre.with("1").as_deref(), Some("boris"), "anna would never have it again");
}

#[test]
fn r2_2_life_safety_stays_with_nobody_who_is_away() {
    let mut centre = centre(OrphanRule::Stay);
    centre.push(chat("1"));
    sign_out(&mut centre);
    centre.ready(operator("boris"));
    let contact = centre.view("1").id;
    let action = Action::LiftContact { contact, tier: Some(0), head_start: None };
    centre.ok(Command::Act(Box::new(Act { by: "sv".into(), key: "k".into(), action })));
    assert_eq!(centre.with("1").as_deref(), Some("boris"));
}

#[test]
fn a_channel_that_is_not_named_does_as_the_queue_says() {
    let mut centre = centre(OrphanRule::Stay);
    centre.push(EnqueueContact { queue: "b".into(), ..chat("1") });
    lose_anna(&mut centre);
    assert!(matches!(centre.view("1").state, ContactState::Ended { .. }));
}

#[test]
fn orphan_rules_are_judged_before_a_plan_applies() {
    let of = |orphans: Vec<(Name, OrphanRule)>| {
        let mut centre = centre(OrphanRule::Stay);
        let mut plan = centre.router.plan().clone();
        plan.version += 1;
        plan.queues[0].rules.orphans = orphans;
        centre.apply(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })))
    };
    let unknown = of(vec![("fax".into(), OrphanRule::Close)]);
    assert!(matches!(unknown, Err(Refusal::UnknownChannel(_))), "{unknown:?}");
    let twice = of(vec![("chat".into(), OrphanRule::Close), ("chat".into(), OrphanRule::Stay)]);
    assert!(matches!(twice, Err(Refusal::PlanConflict(_))), "{twice:?}");
    let nothing = of(vec![("chat".into(), OrphanRule::Wait(Millis(0)))]);
    assert!(matches!(nothing, Err(Refusal::InvalidField { .. })), "{nothing:?}");
}
