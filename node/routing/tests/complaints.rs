//! What users of other systems complain about, one test each. docs/ROUTING.md ("Complaints about other systems") has the list.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::effect::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

fn plain() -> Centre {
    Centre::new(plan(vec![QueuePlan::named("a"), QueuePlan::named("b")]))
}

fn offering() -> Centre {
    let answer = Answer::Offered { within: Millis(20_000) };
    Centre::new(plan(vec![QueuePlan { answer, ..QueuePlan::named("a") }]))
}

fn is_connected(effects: &[Effect], login: OperatorId) -> bool {
    effects
        .iter()
        .any(|effect| matches!(effect, Effect::ConnectContact { operator, .. } if *operator == login))
}

#[test]
fn two_operators_never_get_one_contact() {
    let mut centre = offering();
    let anna = centre.ready(operator("anna"));
    let id = centre.push(contact("1", "a", 3));
    let boris = centre.ready(operator("boris"));
    let late = centre.answer("1");
    centre.tick(21_000);
    assert_eq!(centre.with("1").as_deref(), Some("boris"), "anna did not answer in time");
    let stale = Err(Refusal::StaleAssignment { contact: id, current: AssignmentEpoch(2) });
    assert_eq!(centre.apply(Command::AcceptOffer(late.clone())), stale);
    assert!(!is_connected(&centre.effects, anna));
    let answer = centre.answer("1");
    centre.ok(Command::AcceptOffer(answer.clone()));
    assert!(is_connected(&centre.effects, boris));
    centre.ok(Command::AcceptOffer(answer));
    assert_eq!(centre.effects, [], "the same answer again connects nobody twice");
    assert_eq!(centre.apply(Command::AcceptOffer(late)), stale);
    let hands = [anna, boris].map(|id| centre.router.operator(id).expect("known").contacts);
    assert_eq!(hands, [vec![], vec![id]]);
}

#[test]
fn a_limit_holds_when_two_nodes_bring_contacts_at_once() {
    let mut centre = plain();
    let rules = OperatorRules { caps: vec![("chat".into(), 1)], ..OperatorRules::default() };
    let anna = centre.ready(OperatorPlan { rules, ..operator("anna") });
    let elsewhere = OpenSession { node: NodeId(2), ..open(Role::Gateway, "messenger", 2) };
    let Reply::Opened { party: Party::Gateway(gateway), epoch } = centre.ok(Command::OpenSession(elsewhere))
    else {
        panic!("a gateway")
    };
    let chat = EnqueueContact { channel: "chat".into(), ..contact("1", "a", 3) };
    centre.ok(Command::EnqueueContact(Box::new(chat.clone())));
    centre.ok(Command::EnqueueContact(Box::new(EnqueueContact { gateway, epoch, ..chat })));
    assert_eq!(centre.router.operator(anna).expect("known").contacts.len(), 1, "in the same millisecond");
    assert_eq!(centre.router.queues()[0].waiting, 1);
}

#[test]
fn nobody_who_is_gone_looks_ready() {
    let mut centre = plain();
    let anna = centre.ready(operator("anna"));
    centre.ok(Command::NodeLost(NodeLost { node: NodeId(1), incarnation: Incarnation(1) }));
    centre.tick(1_001);
    let view = centre.router.operator(anna).expect("known");
    assert!(matches!(view.session, SessionState::Grace { .. }), "{:?}", view.session);
    let why = centre.router.why_operator(anna).expect("known");
    assert_eq!(why.at_all, Some(WhyNot::StreamLost));
    centre.tick(1_001 + 15_000);
    assert_eq!(centre.router.operator(anna).expect("known").presence, PresenceState::Offline);
    let pbx = OpenSession { node: NodeId(2), ..open(Role::Gateway, "pbx", 5) };
    let Reply::Opened { epoch, .. } = centre.ok(Command::OpenSession(pbx)) else { panic!("a gateway") };
    centre.push(EnqueueContact { epoch, ..contact("1", "a", 3) });
    assert_eq!(centre.with("1"), None);
}

#[test]
fn nobody_waits_for_ever_behind_someone_who_left() {
    let mut centre = plain();
    let anna = centre.ready(operator("anna"));
    let first = centre.push(contact("talks", "a", 3));
    centre.at += 1_000;
    centre.push(contact("waits", "a", 3));
    let epoch = centre.epoch("anna");
    centre.ok(Command::LoseSession(LoseSession { party: Party::Operator(anna), epoch }));
    centre.ready(operator("boris"));
    assert_eq!(centre.with("waits").as_deref(), Some("boris"), "the line goes on meanwhile");
    centre.complete("waits");
    centre.tick(2_000 + 15_000);
    assert_eq!(centre.with("talks").as_deref(), Some("boris"), "the grace is over");
    let preferred = Some((Name::from("anna"), Millis(600_000)));
    centre.complete("talks");
    centre.push(EnqueueContact { preferred, ..contact("anna's", "a", 3) });
    assert_eq!(centre.with("anna's").as_deref(), Some("boris"), "nobody is kept for who is gone");
    assert_eq!(centre.router.contact(first).expect("known").assignment, AssignmentEpoch(2));
}

#[test]
fn callers_in_line_outlive_a_restart() {
    let mut centre = plain();
    for (key, tier) in [("1", 3), ("2", 3), ("urgent", 1)] {
        centre.push(contact(key, "a", tier));
    }
    centre.router = Router::restore(&centre.router.snapshot().encode()).expect("restores");
    centre.ready(operator("anna"));
    for key in ["urgent", "1", "2"] {
        assert_eq!(centre.with(key).as_deref(), Some("anna"), "{key} is next");
        centre.complete(key);
    }
}

#[test]
fn an_unavailable_operator_does_not_block_a_queue() {
    let mut centre = offering();
    centre.ready(operator("silent"));
    centre.ready(operator("anna"));
    let keys = ["1", "2", "3"];
    for key in keys {
        centre.push(contact(key, "a", 3));
    }
    let answer = centre.answer("2");
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
    centre.ok(Command::AcceptOffer(answer));
    centre.tick(21_000);
    assert_eq!(centre.with("1"), None, "it was silent's, and anna is busy");
    for key in ["2", "1", "3"] {
        if key != "2" {
            let answer = centre.answer(key);
            assert_eq!(centre.with(key).as_deref(), Some("anna"), "{key}: silent gets no more");
            centre.ok(Command::AcceptOffer(answer));
        }
        centre.complete(key);
    }
}

#[test]
fn a_contact_that_nobody_can_serve_does_not_block_the_next() {
    let mut centre = plain();
    centre.push(EnqueueContact { skills: vec![("kk".into(), 1)], ..contact("stuck", "a", 0) });
    centre.push(EnqueueContact { units: Some(1_000), ..contact("too heavy", "a", 1) });
    centre.at += 1_000;
    centre.push(contact("next", "a", 9));
    centre.ready(operator("anna"));
    let with = ["stuck", "too heavy", "next"].map(|key| centre.with(key));
    assert_eq!(with, [None, None, Some("anna".to_owned())]);
}

#[test]
fn a_newer_contact_does_not_overtake_a_stuck_older_one() {
    let mut centre = offering();
    centre.ready(operator("silent"));
    centre.push(contact("older", "a", 3));
    centre.at += 5_000;
    centre.push(contact("newer", "a", 3));
    centre.tick(21_000);
    assert_eq!((centre.with("older"), centre.with("newer")), (None, None), "silent let it ring");
    centre.ready(operator("anna"));
    assert_eq!((centre.with("older").as_deref(), centre.with("newer")), (Some("anna"), None));
}

#[test]
fn nothing_is_polled() {
    let mut centre = plain();
    centre.ready(operator("anna"));
    centre.push(contact("1", "a", 3));
    let waits = centre.push(contact("2", "a", 3));
    assert_eq!(centre.router.next_deadline(), None, "somebody waits, and nothing is due");
    centre.complete("1");
    let connects =
        |effect: &Effect| matches!(effect, Effect::ConnectContact { contact, .. } if *contact == waits);
    assert!(
        centre.effects.iter().any(connects),
        "in the entry that frees the operator: {:?}",
        centre.effects
    );
}

#[test]
fn call_backs_keep_the_order_in_which_they_are_due() {
    let mut centre = plain();
    for (key, due) in [("second", 40_000), ("third", 50_000), ("first", 30_000)] {
        let callback = Some(CallbackOrder { number: key.into(), principals: "all".into() });
        let not_before = Some(Timestamp(due));
        centre.push(EnqueueContact { callback, not_before, ..contact(key, "a", 3) });
    }
    centre.tick(45_000);
    centre.push(contact("caller", "a", 3));
    centre.tick(60_000);
    centre.ready(operator("anna"));
    for key in ["first", "second", "caller", "third"] {
        assert_eq!(centre.with(key).as_deref(), Some("anna"), "{key} is next");
        centre.complete(key);
    }
}

#[test]
fn a_limit_says_no_and_drops_nothing() {
    let mut centre = Centre::new(plan(vec![QueuePlan { waiting_max: 2, ..QueuePlan::named("a") }]));
    for key in ["1", "2"] {
        centre.push(contact(key, "a", 3));
    }
    let third = Command::EnqueueContact(Box::new(contact("3", "a", 3)));
    let full = Err(Refusal::QueueFull { queue: "a".into(), waiting_max: 2 });
    assert_eq!(centre.apply(third.clone()), full);
    assert_eq!(centre.router.queues()[0].waiting, 2, "those who wait stay");
    centre.push(contact("life", "a", 0));
    centre.ready(OperatorPlan { capacity: 200, ..operator("anna") });
    centre.push(contact("3", "a", 3));
    assert_eq!(centre.router.queues()[0].totals.entered, 4, "the same key may come again when there is room");
}

#[test]
fn there_is_an_answer_to_why() {
    let rules = QueueRules { choice: Choice::RoundRobin, ..QueueRules::default() };
    let mut centre = Centre::new(plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }]));
    let anna = centre.ready(operator("anna"));
    let served = centre.push(contact("served", "a", 3));
    let waits = centre.push(contact("waits", "a", 3));
    let decision = centre.router.why_contact(served).and_then(|why| why.decision).expect("recorded");
    assert_eq!((decision.operator, decision.side), (anna, Side::Contact(Choice::RoundRobin)));
    let why = centre.router.why_contact(waits).expect("known");
    assert_eq!((why.kept_from, why.ahead), (vec![(WhyNot::NoRoom(100), 1)], 0));
    centre.presence("anna", DeclaredPresence::NotReady(4));
    let why = centre.router.why_operator(anna).expect("known");
    assert_eq!(why.at_all, Some(WhyNot::NotReady(4)));
}
