//! Interruptible work beside breaks, shifts, reservations and transfers, and the bounds of its rule (R3.5).

mod support;

use ringmain_routing::calendar::*;
use ringmain_routing::command::*;
use ringmain_routing::effect::PresenceState;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

fn rule() -> Interruptible {
    Interruptible { by_channels: vec!["voice".into()], ..Interruptible::default() }
}

/// Calls interrupt letters; who waits for a chat for 10 s has an operator reserved.
fn ruled() -> Plan {
    let mail = QueueRules { interruptible: Some(rule()), ..QueueRules::default() };
    let chats = QueueRules { reserve_after: Some(Millis(10_000)), ..QueueRules::default() };
    plan(vec![
        QueuePlan { wrap_up: Millis(0), ..QueuePlan::named("calls") },
        QueuePlan { wrap_up: Millis(0), rules: mail, ..QueuePlan::named("mail") },
        QueuePlan { wrap_up: Millis(0), rules: chats, ..QueuePlan::named("chats") },
    ])
}

fn letter(key: &str) -> EnqueueContact {
    EnqueueContact { channel: "chat".into(), units: Some(50), ..contact(key, "mail", 5) }
}

fn call(key: &str, units: u32) -> EnqueueContact {
    EnqueueContact { units: Some(units), ..contact(key, "calls", 5) }
}

fn parked(centre: &Centre, key: &str) -> bool {
    centre.view(key).parked.is_some()
}

fn used(centre: &Centre, login: &str) -> u32 {
    centre.router.operator(centre.operator(login)).expect("known").used
}

#[test]
fn r3_11_a_break_begins_when_all_that_is_in_hand_is_parked_and_work_goes_on_behind_it() {
    let mut plan = ruled();
    plan.rules.breaks = vec![BreakRule {
        name: "tea".into(),
        reason: 7,
        every: Millis(60_000),
        length: Millis(300_000),
        defer_max: Millis(3_600_000),
        away_percent_max: 100,
        alone: true,
        on_request: false,
        returns: true,
    }];
    let mut centre = Centre::new(plan);
    let rules = OperatorRules { breaks: vec!["tea".into()], ..OperatorRules::default() };
    let anna = centre.ready(OperatorPlan { rules, ..operator("anna") });
    centre.push(letter("letter"));
    centre.push(call("call", 100));
    centre.tick(centre.at + 60_000);
    let presence = |centre: &Centre| centre.router.operator(anna).expect("known").presence;
    assert_eq!(presence(&centre), PresenceState::Ready, "the call defers it");
    centre.complete("call");
    assert!(matches!(presence(&centre), PresenceState::Break { .. }), "before the letter goes on");
    assert!(parked(&centre, "letter"));
    centre.tick(centre.at + 300_000);
    assert_eq!((presence(&centre), parked(&centre, "letter")), (PresenceState::Ready, false));
}

#[test]
fn r3_11_parked_work_is_no_work_for_the_cap_of_occupancy() {
    let mut plan = ruled();
    plan.rules.rest = Some(RestRule { window: Millis(600_000), busy_percent_max: 50 });
    let mut centre = Centre::new(plan);
    let rules = OperatorRules { rests: true, ..OperatorRules::default() };
    centre.ready(OperatorPlan { rules, ..operator("anna") });
    centre.push(letter("letter"));
    centre.push(call("call", 100));
    centre.presence("anna", DeclaredPresence::NotReady(1));
    centre.complete("call");
    centre.tick(centre.at + 500_000);
    centre.presence("anna", DeclaredPresence::Ready);
    centre.push(EnqueueContact { units: Some(50), ..contact("next", "chats", 5) });
    assert!(
        centre.with("next").is_some() && !parked(&centre, "letter"),
        "she was not busy while it was parked"
    );
}

#[test]
fn r3_11_parked_work_goes_on_near_the_end_of_a_shift() {
    let mut plan = ruled();
    // Open for an hour from now on; less than five minutes are left when the call is over.
    let hour = CalendarPlan {
        name: "hour".into(),
        spans: vec![(Timestamp(0), Timestamp(3_600_000))],
        until: Timestamp(3_600_000),
        week: vec![],
    };
    plan.rules.calendars = vec![hour];
    plan.queues[1].rules.last_start = Some(Millis(600_000));
    let mut centre = Centre::new(plan);
    let rules = OperatorRules { shift: Some("hour".into()), ..OperatorRules::default() };
    centre.ready(OperatorPlan { rules, ..operator("anna") });
    centre.push(letter("letter"));
    centre.push(call("call", 100));
    centre.push(letter("new"));
    centre.tick(3_300_001);
    centre.complete("call");
    assert_eq!(
        (parked(&centre, "letter"), centre.with("new")),
        (false, None),
        "what has begun is gone on with"
    );
}

#[test]
fn r3_5_parked_work_behind_a_reservation_does_not_go_on() {
    let mut centre = Centre::new(ruled());
    centre.ready(operator("anna"));
    centre.push(letter("letter"));
    centre.push(call("long", 60));
    centre.push(call("short", 40));
    assert!(parked(&centre, "letter"));
    centre.push(EnqueueContact { channel: "chat".into(), units: Some(100), ..contact("heavy", "chats", 3) });
    centre.tick(centre.at + 10_000);
    assert_eq!(centre.view("heavy").reserved, Some(centre.operator("anna")));
    centre.complete("long");
    assert!(parked(&centre, "letter"), "there is room, and it is kept for who stands before it");
    centre.complete("short");
    assert_eq!(centre.with("heavy").as_deref(), Some("anna"));
    centre.complete("heavy");
    assert!(!parked(&centre, "letter"));
}

#[test]
fn r1_3_parked_work_is_passed_on_and_its_wrap_up_takes_nothing() {
    let mut plan = ruled();
    plan.queues[1].wrap_up = Millis(60_000);
    let mut centre = Centre::new(plan);
    centre.ready(operator("anna"));
    centre.push(letter("letter"));
    centre.push(call("call", 100));
    centre.ready(operator("boris"));
    let answer = centre.answer("letter");
    let to = TransferTarget::Operator { login: "boris".into(), hold: Millis(5_000), queue: None };
    centre.ok(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None })));
    assert_eq!(centre.with("letter").as_deref(), Some("boris"));
    assert!(!parked(&centre, "letter"));
    assert_eq!((used(&centre, "anna"), used(&centre, "boris")), (100, 50));
    let anna = centre.router.operator(centre.operator("anna")).expect("known");
    assert_eq!(anna.wrap_ups.len(), 1);
}

#[test]
fn r3_5_rules_of_interruption_are_within_bounds() {
    let many = (0..17).map(|n| Name::from(n.to_string().as_str())).collect();
    let field = |refused: Result<Reply, Refusal>| match refused {
        Err(Refusal::InvalidField { field, .. }) => field.to_string(),
        Err(Refusal::PlanConflict(_)) => "twice".to_owned(),
        Err(Refusal::UnknownChannel(_)) => "unknown".to_owned(),
        other => format!("{other:?}"),
    };
    for (wrong, said) in [
        (Interruptible { parks_max: 0, ..rule() }, "rules.interruptible"),
        (Interruptible { parks_max: 1_001, ..rule() }, "rules.interruptible"),
        (Interruptible { by_channels: many, ..rule() }, "rules.interruptible"),
        (Interruptible { by_channels: vec!["voice".into(), "voice".into()], ..rule() }, "twice"),
        (Interruptible { by_channels: vec!["fax".into()], ..rule() }, "unknown"),
    ] {
        let mut next = Plan { version: 2, ..ruled() };
        next.queues[1].rules.interruptible = Some(wrong);
        let mut centre = Centre::new(ruled());
        assert_eq!(
            field(centre.apply(Command::ApplyPlan(Box::new(ApplyPlan { plan: next, by: None })))),
            said
        );
    }
}
