//! Operators: signing in, reasons, wrap-up, what an operator who is busy is spared, and changes while they work.

use ringmain_routing::command::*;
use ringmain_routing::effect::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;

use super::plain;
use super::support::*;

/// Queues `a` and `b` with this wrap-up, which give the more skilled operator: "the first in the list" of others.
fn wrapping_up(wrap_up: u64) -> Centre {
    let rules = QueueRules { choice: Choice::MostSkilled, ..QueueRules::default() };
    let queue = |name: &str| QueuePlan {
        wrap_up: Millis(wrap_up),
        wrap_up_max: Millis(86_400_000),
        required: vec![("voice".into(), 1)],
        rules: rules.clone(),
        ..QueuePlan::named(name)
    };
    let mut centre = Centre::new(plan(vec![queue("a"), queue("b")]));
    centre.ready(OperatorPlan { skills: vec![("voice".into(), 9)], ..operator("first") });
    centre.ready(OperatorPlan { skills: vec![("voice".into(), 1)], ..operator("second") });
    centre
}

#[test]
fn p015_wrap_up_counts_in_every_queue() {
    let mut centre = wrapping_up(36_000_000);
    centre.push(contact("to a", "a", 3));
    assert_eq!(centre.with("to a").as_deref(), Some("first"));
    centre.complete("to a");
    centre.push(contact("to b", "b", 3));
    assert_eq!(centre.with("to b").as_deref(), Some("second"));
}

/// Queue `a` with a wrap-up of 10 s, and one of 20 s of the first operator's own.
fn wrapping_up_longer() -> Centre {
    let mut centre = wrapping_up(10_000);
    let rules = OperatorRules { wrap_up: Some(Millis(20_000)), ..OperatorRules::default() };
    centre.put(OperatorPlan { skills: vec![("voice".into(), 9)], rules, ..operator("first") });
    centre
}

#[test]
fn p017_with_a_wrap_up_of_its_own_an_operator_is_passed_over_a_second_later() {
    let mut centre = wrapping_up_longer();
    centre.push(contact("1", "a", 3));
    centre.complete("1");
    centre.tick(12_000);
    centre.push(contact("2", "a", 3));
    assert_eq!(centre.with("2").as_deref(), Some("second"), "the queue's 10 s are over, its own are not");
}

#[test]
fn p019_when_a_wrap_up_of_its_own_is_over_the_operator_is_first_again() {
    let mut centre = wrapping_up_longer();
    centre.push(contact("1", "a", 3));
    centre.push(contact("2", "a", 3));
    centre.complete("1");
    centre.complete("2");
    centre.tick(12_000);
    let in_wrap_up =
        |centre: &Centre, key: &str| matches!(centre.view(key).state, ContactState::WrapUp { .. });
    assert_eq!([in_wrap_up(&centre, "1"), in_wrap_up(&centre, "2")], [true, false]);
    centre.at = 22_000;
    centre.push(contact("3", "a", 3));
    assert_eq!(centre.with("3").as_deref(), Some("first"));
}

#[test]
fn p021_an_operator_who_is_busy_gets_no_offer_and_misses_none() {
    let answer = Answer::Offered { within: Millis(20_000) };
    let mut centre =
        Centre::new(plan(vec![QueuePlan { answer, ..QueuePlan::named("a") }, QueuePlan::named("elsewhere")]));
    let anna = centre.ready(operator("anna"));
    centre.push(contact("busy", "elsewhere", 3));
    let contact = centre.push(contact("1", "a", 3));
    assert_eq!(centre.effects, [Effect::AnnounceQueued { contact, gateway: centre.gateway }]);
    centre.tick(600_000);
    assert_eq!(centre.effects, []);
    assert_eq!(centre.router.operator(anna).expect("known").presence, PresenceState::Ready);
}

/// Ranks of `anna`, who serves both queues, are changed while she is there; what of each queue was given with which
/// rank, in the order in which it was given.
fn ranks_after_a_change(ranks: Vec<(Name, u8)>) -> Vec<(String, u8)> {
    let rules = QueueRules { choice: Choice::LeastOccupied, ..QueueRules::default() };
    let mut centre =
        Centre::new(plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }, QueuePlan::named("b")]));
    centre.ready(operator("anna"));
    centre.push(contact("busy", "a", 3));
    centre.push(contact("to a", "a", 3));
    centre.at += 1_000;
    centre.push(contact("to b", "b", 3));
    let index = centre.router.index().0;
    centre.put(OperatorPlan { ranks, ..operator("anna") });
    assert_eq!(centre.router.index().0, index + 1, "one entry of the log");
    assert_eq!(centre.with("busy").as_deref(), Some("anna"), "what is in hand stays");
    centre.complete("busy");
    let mut given = Vec::new();
    for _ in 0..2 {
        let key = ["to a", "to b"].into_iter().find(|key| centre.with(key).is_some()).expect("one is taken");
        let why = centre.router.why_contact(centre.contacts[key]).expect("known");
        given.push((why.contact.queue.to_string(), why.decision.expect("assigned").rank));
        centre.complete(key);
    }
    given
}

#[test]
fn p029_a_rank_changed_for_one_queue_is_one_change_of_that_queue_only() {
    let given = ranks_after_a_change(vec![("a".into(), 2)]);
    assert_eq!(given, [("b".to_owned(), 0), ("a".to_owned(), 2)]);
}

#[test]
fn p031_a_rank_changed_for_the_other_queue_leaves_the_first_as_it_was() {
    let given = ranks_after_a_change(vec![("b".into(), 2)]);
    assert_eq!(given, [("a".to_owned(), 0), ("b".to_owned(), 2)]);
}

#[test]
fn p033_a_pause_shows_its_reason() {
    let mut centre = plain();
    let operator = centre.ready(operator("anna"));
    centre.presence("anna", DeclaredPresence::NotReady(7));
    let presence = PresenceState::NotReady(7);
    assert_eq!(centre.effects, [Effect::AnnouncePresence { operator, presence }]);
    assert_eq!(centre.router.operator(operator).expect("known").presence, presence);
    let why = centre.router.why_operator(operator).expect("known");
    assert_eq!(why.at_all, Some(WhyNot::NotReady(7)));
}

#[test]
fn p041_who_is_signed_in_is_not_signed_in_again_and_nobody_unknown_is() {
    let mut centre = plain();
    centre.ready(operator("anna"));
    let again = Command::OpenSession(open(Role::Operator, "anna", 8));
    assert_eq!(centre.apply(again), Err(Refusal::AlreadySignedIn));
    let unknown = Command::OpenSession(open(Role::Operator, "nobody", 9));
    assert_eq!(centre.apply(unknown), Err(Refusal::UnknownOperator("nobody".into())));
    centre.push(contact("1", "a", 3));
    assert_eq!(centre.with("1").as_deref(), Some("anna"), "the session that there is goes on");
}
