//! Life safety gets through (R2.2).

mod support;

use ringmain_routing::command::*;
use ringmain_routing::effect::WithdrawReason;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

/// Queue `a` is offered, with a minute of wrap-up; `b` is connected at once.
fn centre() -> Centre {
    let rules = QueueRules { choice: Choice::LeastOccupied, ..QueueRules::default() };
    let offered = QueuePlan {
        answer: Answer::Offered { within: Millis(20_000) },
        wrap_up: Millis(60_000),
        rules,
        ..QueuePlan::named("a")
    };
    Centre::new(plan(vec![offered, QueuePlan { wrap_up: Millis(60_000), ..QueuePlan::named("b") }]))
}

fn accept(centre: &mut Centre, key: &str) {
    let answer = centre.answer(key);
    centre.ok(Command::AcceptOffer(answer));
}

#[test]
fn r2_2_life_safety_ends_a_wrap_up() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(contact("1", "b", 5));
    centre.complete("1");
    centre.push(contact("2", "b", 3));
    assert_eq!(centre.with("2"), None, "she wraps up");
    centre.push(contact("life", "b", 0));
    assert_eq!(centre.with("life").as_deref(), Some("anna"));
    let decision = centre.router.why_contact(centre.view("life").id).expect("it is there").decision;
    assert_eq!(decision.expect("it was given").side, Side::LifeSafety);
}

#[test]
fn r2_2_a_wrap_up_does_not_begin_while_life_safety_waits() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(contact("1", "b", 5));
    centre.push(contact("life", "b", 0));
    assert_eq!(centre.with("life"), None, "a talk is never cut");
    centre.complete("1");
    assert_eq!(centre.with("life").as_deref(), Some("anna"));
}

#[test]
fn r2_2_life_safety_takes_the_place_of_an_offer_that_nobody_has_accepted() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    let offered = centre.push(contact("1", "a", 1));
    let effects = {
        let command = Command::EnqueueContact(Box::new(contact("life", "b", 0)));
        centre.router.apply(centre.router.now(), &command).effects
    };
    let withdrawn = |effect: &Effect| {
        matches!(effect, Effect::WithdrawAssignment { contact, reason: WithdrawReason::LifeSafety, .. }
            if *contact == offered)
    };
    assert!(effects.iter().any(withdrawn), "{effects:?}");
    assert_eq!(centre.with("life").as_deref(), Some("anna"));
    assert_eq!(centre.with("1"), None);
    centre.complete("life");
    centre.tick(centre.router.now().0 + 60_000);
    assert_eq!(centre.with("1").as_deref(), Some("anna"), "without a miss, at its old place");
}

#[test]
fn r2_2_an_accepted_contact_and_another_life_are_left_alone() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 1));
    accept(&mut centre, "1");
    centre.ready(operator("boris"));
    centre.push(contact("first", "a", 0));
    assert_eq!(centre.with("first").as_deref(), Some("boris"), "offered");
    centre.push(contact("second", "b", 0));
    assert_eq!(centre.with("second"), None);
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn r2_2_of_two_the_one_who_only_wraps_up_is_taken() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 4));
    centre.ready(operator("boris"));
    centre.push(contact("2", "b", 4));
    centre.complete("2");
    centre.push(contact("life", "b", 0));
    assert_eq!(
        centre.with("life").as_deref(),
        Some("boris"),
        "anna's offer stays, though she is idle for longer"
    );
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn r2_2_a_contact_lifted_to_life_safety_gets_through_too() {
    let mut centre = centre();
    centre.ready(operator("anna"));
    centre.push(contact("1", "b", 5));
    centre.complete("1");
    let waiting = centre.push(contact("2", "b", 5));
    let action = Action::LiftContact { contact: waiting, tier: Some(0), head_start: None };
    centre.ok(Command::Act(Box::new(Act { by: "olga".into(), key: "k".into(), action })));
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
}
