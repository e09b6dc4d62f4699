//! Room: what a contact costs whom, caps by queue, reservations; wrap-up and results. Each test is named after its rule.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

fn centre(rules: QueueRules) -> Centre {
    let queue = |name: &str, rules| QueuePlan { rules, ..QueuePlan::named(name) };
    let evenly = QueueRules { choice: Choice::LeastOccupied, ..QueueRules::default() };
    Centre::new(plan(vec![queue("a", rules), queue("b", evenly)]))
}

fn ruled(login: &str, rules: OperatorRules) -> OperatorPlan {
    OperatorPlan { rules, ..operator(login) }
}

fn own_units(channel: &str, units: u32) -> OperatorRules {
    OperatorRules { units: vec![(channel.into(), units)], ..OperatorRules::default() }
}

/// A chat of format 3.
fn chat(key: &str, queue: &str, tier: u8) -> EnqueueContact {
    let facts = Facts { intent: Some("chat".into()), ..Facts::default() };
    EnqueueContact { channel: "chat".into(), facts, ..contact(key, queue, tier) }
}

fn call(key: &str, queue: &str, tier: u8) -> EnqueueContact {
    EnqueueContact { channel: "voice".into(), ..chat(key, queue, tier) }
}

fn change(centre: &mut Centre, change: impl FnOnce(&mut Plan)) -> Result<Reply, Refusal> {
    let mut plan = centre.router.plan().clone();
    plan.version += 1;
    change(&mut plan);
    centre.apply(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: Some("olga".into()) })))
}

fn used(centre: &Centre, login: &str) -> u32 {
    centre.router.operator(centre.operator(login)).expect("known").used
}

fn restored(centre: &Centre) -> Router {
    let bytes = centre.router.snapshot().encode();
    let router = Router::restore(&bytes).expect("reads what it wrote");
    assert_eq!(router.snapshot().encode(), bytes);
    router.check_invariants().expect("as it was");
    router
}

#[test]
fn r3_5_a_channel_may_cost_an_operator_another_number_of_units() {
    let mut centre = centre(QueueRules::default());
    centre.ready(ruled("anna", own_units("chat", 50)));
    for key in ["1", "2", "3"] {
        centre.push(chat(key, "a", 3));
    }
    assert_eq!((used(&centre, "anna"), centre.with("2").is_some(), centre.with("3")), (100, true, None));
    assert_eq!((centre.view("1").units, centre.view("3").units), (50, 33), "what it takes, what it asks");
    centre.ready(operator("boris"));
    assert_eq!((centre.with("3").as_deref(), used(&centre, "boris")), (Some("boris"), 33));
    restored(&centre);
}

#[test]
fn r3_5_the_operators_figure_goes_before_given_units() {
    let mut centre = centre(QueueRules::default());
    centre.ready(ruled("anna", own_units("chat", 100)));
    centre.push(EnqueueContact { units: Some(10), ..chat("1", "a", 3) });
    assert_eq!(used(&centre, "anna"), 100);
    centre.push(EnqueueContact { units: Some(10), ..chat("2", "a", 3) });
    assert_eq!(centre.with("2"), None);
}

#[test]
fn r3_5_an_assignment_keeps_the_units_that_it_took() {
    let mut centre = centre(QueueRules::default());
    centre.ready(ruled("anna", own_units("chat", 60)));
    centre.push(chat("1", "a", 3));
    centre.push(chat("2", "a", 3));
    assert_eq!((used(&centre, "anna"), centre.with("2")), (60, None));
    centre.put(ruled("anna", own_units("chat", 40)));
    assert_eq!((used(&centre, "anna"), centre.with("2").as_deref()), (100, Some("anna")));
    centre.complete("1");
    assert_eq!(used(&centre, "anna"), 40);
    restored(&centre);
}

#[test]
fn r3_5_room_that_an_operators_own_units_leave_is_found_from_both_sides() {
    let rules = QueueRules { choice: Choice::LeastOccupied, ..QueueRules::default() };
    let mut centre = centre(rules);
    centre.ready(ruled("anna", own_units("voice", 34)));
    centre.push(chat("1", "a", 3));
    centre.push(chat("2", "b", 3));
    centre.push(call("3", "a", 3));
    assert_eq!((centre.with("3").as_deref(), used(&centre, "anna")), (Some("anna"), 100));
    centre.push(call("4", "a", 3));
    assert_eq!(centre.with("4"), None);
    centre.complete("3");
    assert_eq!(centre.with("4").as_deref(), Some("anna"));
}

#[test]
fn r3_5_wrap_up_of_what_was_passed_on_holds_what_was_taken() {
    let mut centre = centre(QueueRules::default());
    centre.ready(ruled("anna", own_units("chat", 70)));
    centre.push(chat("1", "a", 3));
    let answer = centre.answer("1");
    let to = TransferTarget::Queue("b".into());
    let wrap_up = Some(Millis(10_000));
    centre.ok(Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up })));
    assert_eq!((centre.with("1"), used(&centre, "anna")), (None, 70));
    restored(&centre);
    centre.tick(11_000);
    assert_eq!(used(&centre, "anna"), 70, "it takes it again: nobody else is there");
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn r3_5_units_of_an_operator_are_judged() {
    let mut centre = centre(QueueRules::default());
    let mut put = |units: Vec<(Name, u32)>| {
        let rules = OperatorRules { units, ..OperatorRules::default() };
        centre.apply(Command::PutOperators(PutOperators { operators: vec![ruled("anna", rules)], by: None }))
    };
    let invalid =
        |problem: &str| Refusal::InvalidField { field: "rules.units".into(), problem: problem.into() };
    assert_eq!(put(vec![("chat".into(), 0)]), Err(invalid("1 to 1000000 units")));
    assert_eq!(put(vec![("chat".into(), 1), ("chat".into(), 2)]), Err(invalid("a channel is named twice")));
    assert_eq!(put(vec![("fax".into(), 1)]), Err(Refusal::UnknownChannel("fax".into())));
}

fn capped(cap: u16) -> QueueRules {
    QueueRules { cap: Some(cap), ..QueueRules::default() }
}

#[test]
fn r3_5_a_queue_bounds_how_many_of_its_contacts_one_operator_has() {
    let mut centre = centre(capped(1));
    centre.ready(operator("anna"));
    centre.push(chat("1", "a", 3));
    centre.push(chat("2", "a", 3));
    centre.push(chat("3", "b", 3));
    assert_eq!((centre.with("2"), centre.with("3").as_deref()), (None, Some("anna")));
    let id = centre.view("2").id;
    let kept = centre.router.why_contact(id).expect("known").kept_from;
    assert_eq!(kept, [(WhyNot::QueueCap, 1)]);
    centre.complete("1");
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
}

#[test]
fn r3_5_an_operators_own_figure_for_a_queue_counts_instead() {
    let mut centre = centre(capped(1));
    let own = |cap| OperatorRules { queue_caps: vec![("a".into(), cap)], ..OperatorRules::default() };
    centre.ready(ruled("anna", own(2)));
    for key in ["1", "2", "3"] {
        centre.push(chat(key, "a", 3));
    }
    assert_eq!((centre.with("2").as_deref(), centre.with("3")), (Some("anna"), None));
    centre.put(ruled("anna", own(3)));
    assert_eq!(centre.with("3").as_deref(), Some("anna"), "a raised cap takes work in the same entry");
    centre.put(ruled("anna", own(0)));
    centre.push(chat("4", "a", 3));
    centre.complete("1");
    assert_eq!(centre.with("4"), None, "none at all");
}

#[test]
fn r3_5_a_cap_that_a_plan_raises_or_drops_matches_those_who_wait() {
    let mut centre = centre(capped(1));
    centre.ready(operator("anna"));
    for key in ["1", "2", "3"] {
        centre.push(chat(key, "a", 3));
    }
    change(&mut centre, |plan| plan.queues[0].rules.cap = Some(2)).expect("sound");
    assert_eq!((centre.with("2").as_deref(), centre.with("3")), (Some("anna"), None));
    change(&mut centre, |plan| plan.queues[0].rules.cap = None).expect("sound");
    assert_eq!(centre.with("3").as_deref(), Some("anna"));
    let refused = change(&mut centre, |plan| plan.queues[0].rules.cap = Some(0));
    assert!(matches!(refused, Err(Refusal::InvalidField { field, .. }) if &*field == "rules.cap"));
}

#[test]
fn r2_2_life_safety_clears_a_wrap_up_that_counts_against_a_cap() {
    let mut centre = centre(capped(1));
    centre.ready(operator("anna"));
    centre.push(chat("1", "a", 3));
    let answer = centre.answer("1");
    let wrap_up = Some(Millis(60_000));
    centre.ok(Command::CompleteContact(CompleteContact {
        answer,
        wrap_up,
        step: CaseStep::Next,
        result: None,
    }));
    centre.push(chat("2", "a", 1));
    assert_eq!(centre.with("2"), None);
    centre.push(chat("3", "a", 0));
    assert_eq!(centre.with("3").as_deref(), Some("anna"));
}

fn reserving(after: u64) -> QueueRules {
    QueueRules { reserve_after: Some(Millis(after)), ..QueueRules::default() }
}

/// Anna and Boris have two chats each, a call waits since 1,000 and reserves after 30 s.
fn busy_chats() -> Centre {
    let mut centre = centre(reserving(30_000));
    centre.ready(operator("anna"));
    centre.ready(operator("boris"));
    for key in ["1", "2", "3", "4"] {
        centre.push(chat(key, "b", 3));
    }
    centre.push(call("heavy", "a", 3));
    centre
}

#[test]
fn r3_5_who_waited_for_long_has_the_least_loaded_reserved() {
    let mut centre = busy_chats();
    centre.complete("1");
    centre.push(chat("5", "b", 3));
    assert!(centre.with("5").is_some(), "not yet");
    assert_eq!(centre.router.next_deadline(), Some(Timestamp(31_000)));
    centre.complete("2");
    let (anna, boris) = (used(&centre, "anna"), used(&centre, "boris"));
    let least = if anna < boris { "anna" } else { "boris" };
    centre.tick(31_000);
    assert_eq!(centre.view("heavy").reserved, Some(centre.operator(least)));
    let router = restored(&centre);
    assert_eq!(
        router.contact(centre.view("heavy").id).expect("known").reserved,
        Some(centre.operator(least))
    );
    for key in ["6", "7", "8"] {
        centre.push(chat(key, "b", 3));
        assert_ne!(centre.with(key).as_deref(), Some(least), "{key} stands behind");
    }
    let in_hand = centre.router.operator(centre.operator(least)).expect("known").contacts;
    let keys: Vec<_> = in_hand.iter().map(|id| centre.router.contact(*id).expect("known").key).collect();
    keys.iter().for_each(|key| centre.complete(key));
    assert_eq!(centre.with("heavy").as_deref(), Some(least));
}

#[test]
fn r3_5_urgent_ones_and_those_that_cost_nothing_pierce_a_reservation() {
    let mut centre = busy_chats();
    centre.presence("boris", DeclaredPresence::NotReady(1));
    centre.tick(31_000);
    assert_eq!(centre.view("heavy").reserved, Some(centre.operator("anna")));
    centre.push(chat("3rd tier", "b", 3));
    centre.push(chat("2nd tier", "b", 2));
    assert_eq!(centre.with("3rd tier"), None);
    assert_eq!(centre.with("2nd tier").as_deref(), Some("anna"), "it goes before the call by its key");
    centre.complete("2nd tier");
    assert_eq!(centre.with("3rd tier"), None);
    centre.push(EnqueueContact { units: Some(0), ..chat("free", "b", 5) });
    assert_eq!(centre.with("free").as_deref(), Some("anna"));
    centre.push(chat("urgent", "b", 1));
    assert_eq!(centre.with("urgent").as_deref(), Some("anna"));
    let held = EnqueueContact { preferred: Some(("anna".into(), Millis(60_000))), ..chat("known", "b", 5) };
    centre.complete("urgent");
    centre.push(held);
    assert_eq!(centre.with("known").as_deref(), Some("anna"));
}

#[test]
fn r3_5_a_reservation_ends_when_its_contact_is_gone() {
    let mut centre = busy_chats();
    centre.presence("boris", DeclaredPresence::NotReady(1));
    centre.tick(31_000);
    centre.push(chat("5", "b", 3));
    assert_eq!(centre.with("5"), None);
    let (gateway, epoch, contact) = (centre.gateway, Epoch(1), centre.view("heavy").id);
    centre.ok(Command::AbandonContact(AbandonContact { gateway, epoch, contact }));
    assert_eq!(centre.with("5").as_deref(), Some("anna"), "in the same entry");
    assert_eq!(centre.view("heavy").reserved, None);
}

#[test]
fn r3_5_the_next_is_reserved_when_the_first_becomes_unavailable() {
    let mut centre = busy_chats();
    centre.tick(31_000);
    let first = centre.view("heavy").reserved.expect("reserved");
    let login = centre.router.login_of(first).expect("known");
    centre.presence(&login, DeclaredPresence::NotReady(1));
    let second = centre.view("heavy").reserved.expect("reserved again");
    assert_ne!(first, second);
    change(&mut centre, |plan| plan.queues[0].rules.reserve_after = None).expect("sound");
    assert_eq!(centre.view("heavy").reserved, None);
}

#[test]
fn r3_5_one_operator_for_each_contact_in_the_order_in_which_they_ask() {
    let mut centre = busy_chats();
    centre.at += 1;
    centre.push(call("second", "a", 2));
    centre.push(call("third", "a", 2));
    centre.tick(40_000);
    let reserved = ["heavy", "second", "third"].map(|key| centre.view(key).reserved);
    assert!(reserved[0].is_some() && reserved[1].is_some() && reserved[0] != reserved[1]);
    assert_eq!(reserved[2], None);
}

#[test]
fn r3_6_an_operator_may_have_a_wrap_up_of_its_own() {
    let mut centre = centre(QueueRules::default());
    let rules = OperatorRules { wrap_up: Some(Millis(20_000)), ..OperatorRules::default() };
    centre.ready(ruled("anna", rules.clone()));
    centre.push(call("1", "a", 3));
    centre.complete("1");
    assert!(matches!(centre.view("1").state, ContactState::WrapUp { until: Timestamp(21_000), .. }));
    centre.tick(21_000);
    centre.push(call("2", "a", 3));
    let (answer, wrap_up) = (centre.answer("2"), Some(Millis(5_000)));
    let wanted = CompleteContact { answer, wrap_up, step: CaseStep::Next, result: None };
    centre.ok(Command::CompleteContact(wanted));
    assert!(matches!(centre.view("2").state, ContactState::WrapUp { until: Timestamp(26_000), .. }));
    centre.tick(26_000);
    change(&mut centre, |plan| plan.queues[0].wrap_up_max = Millis(1_000)).expect("sound");
    centre.push(call("3", "a", 3));
    centre.complete("3");
    assert!(matches!(centre.view("3").state, ContactState::WrapUp { until: Timestamp(27_000), .. }), "cut");
}

fn completion(centre: &Centre, key: &str, result: Option<(&str, &str)>) -> Command {
    let result =
        result.map(|(topic, outcome)| ContactResult { topic: topic.into(), outcome: outcome.into() });
    let answer = centre.answer(key);
    Command::CompleteContact(CompleteContact { answer, wrap_up: None, step: CaseStep::Next, result })
}

#[test]
fn r1_4_a_queue_may_ask_for_topic_and_outcome() {
    let results = ResultRule { topics: vec![], outcomes: vec!["solved".into(), "passed on".into()] };
    let mut centre = centre(QueueRules { results: Some(results), ..QueueRules::default() });
    centre.ready(operator("anna"));
    centre.push(call("1", "a", 3));
    let field_of = |centre: &mut Centre, result| {
        let command = completion(centre, "1", result);
        match centre.apply(command) {
            Err(Refusal::InvalidField { field, .. }) => field.to_string(),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(field_of(&mut centre, None), "result");
    assert_eq!(field_of(&mut centre, Some(("bill", "lost"))), "result.outcome");
    assert_eq!(field_of(&mut centre, Some(("", "solved"))), "result.topic");
    let command = completion(&centre, "1", Some(("bill", "solved")));
    assert_eq!(Command::decode(&command.encode()), Ok(command.clone()));
    centre.ok(command.clone());
    assert_eq!(centre.apply(command), Ok(Reply::Done), "again");
    let result = ContactResult { topic: "bill".into(), outcome: "solved".into() };
    assert_eq!(centre.view("1").result, Some(result));
    restored(&centre);
}

#[test]
fn r1_4_a_result_may_be_said_where_none_is_asked_for() {
    let mut centre = centre(QueueRules::default());
    centre.ready(operator("anna"));
    centre.push(call("1", "a", 3));
    centre.push(call("2", "a", 3));
    centre.ok(completion(&centre, "1", Some(("bill", "solved"))));
    assert_eq!(centre.view("1").result.expect("kept").outcome, Name::from("solved"));
    centre.complete("2");
    assert_eq!(centre.view("2").result, None);
}
