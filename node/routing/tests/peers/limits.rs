//! How much an operator has in hand.

use ringmain_routing::command::*;
use ringmain_routing::effect::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;

use super::support::*;
use super::{chat, chats, plain};

#[test]
fn p059_at_the_limit_somebody_else_gets_it() {
    let mut centre = plain();
    centre.ready(chats("anna", 1));
    centre.push(chat("1"));
    centre.ready(chats("boris", 2));
    centre.at += 1_000;
    centre.push(chat("2"));
    centre.push(chat("3"));
    assert_eq!(["1", "2", "3"].map(|key| centre.with(key).expect("assigned")), ["anna", "boris", "boris"]);
}

#[test]
fn p063_a_plan_that_says_nothing_of_limits_lets_five_be_taken() {
    let mut plan = plan(vec![QueuePlan::named("a")]);
    plan.channels = vec![ChannelPlan { name: "chat".into(), units: 1 }];
    let mut centre = Centre::new(plan);
    let keys = ["1", "2", "3", "4", "5"];
    for key in keys {
        centre.push(chat(key));
    }
    centre.ready(operator("anna"));
    assert!(keys.iter().all(|key| centre.with(key).as_deref() == Some("anna")), "1 unit each, of 100");
}

#[test]
fn p080_with_two_of_two_in_hand_a_third_waits() {
    let mut centre = plain();
    centre.ready(chats("anna", 2));
    for key in ["1", "2", "3"] {
        centre.push(chat(key));
    }
    assert_eq!(["1", "2", "3"].map(|key| centre.with(key).is_some()), [true, true, false]);
}

#[test]
fn p090_a_raised_limit_takes_who_waits() {
    let mut centre = plain();
    centre.ready(chats("anna", 1));
    centre.push(chat("1"));
    centre.push(chat("2"));
    assert_eq!(centre.with("2"), None);
    centre.put(chats("anna", 2));
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
}

#[test]
fn p092_a_limit_raised_again_takes_who_waits() {
    let mut centre = plain();
    centre.ready(chats("anna", 2));
    for key in ["1", "2", "3", "4"] {
        centre.push(chat(key));
    }
    assert_eq!((centre.with("3"), centre.with("4")), (None, None));
    centre.put(chats("anna", 3));
    assert_eq!((centre.with("3").as_deref(), centre.with("4")), (Some("anna"), None), "one more, not two");
}

/// Queues `a` and `b`, each with a cap.
fn capped(cap: Option<u16>) -> Centre {
    let rules = QueueRules { cap, ..QueueRules::default() };
    let queue = |name: &str| QueuePlan { rules: rules.clone(), ..QueuePlan::named(name) };
    Centre::new(plan(vec![queue("a"), queue("b")]))
}

fn set_caps(centre: &mut Centre, caps: [Option<u16>; 2]) {
    let mut plan = centre.router.plan().clone();
    plan.version += 1;
    for (queue, cap) in plan.queues.iter_mut().zip(caps) {
        queue.rules.cap = cap;
    }
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: Some("olga".into()) })));
}

#[test]
fn p088_a_queue_has_a_limit_for_each_operator_besides_the_operators_own() {
    let mut centre = capped(Some(1));
    centre.ready(chats("anna", 2));
    for (key, queue) in [("1", "a"), ("2", "a"), ("3", "b"), ("4", "b")] {
        centre.push(EnqueueContact { queue: queue.into(), ..chat(key) });
    }
    let given = ["1", "2", "3", "4"].map(|key| centre.with(key).is_some());
    assert_eq!(given, [true, false, true, false], "one of each queue, two in all");
}

#[test]
fn p094_at_the_queues_limit_it_waits_though_the_operator_has_room() {
    let mut centre = capped(Some(1));
    centre.ready(chats("anna", 3));
    centre.push(chat("1"));
    centre.push(chat("2"));
    assert_eq!(["1", "2"].map(|key| centre.with(key).is_some()), [true, false]);
    centre.complete("1");
    assert!(centre.with("2").is_some());
}

#[test]
fn p096_the_queues_limit_goes_and_who_waits_is_assigned() {
    let mut centre = capped(Some(1));
    centre.ready(chats("anna", 3));
    centre.push(chat("1"));
    centre.push(chat("2"));
    set_caps(&mut centre, [None, Some(1)]);
    assert_eq!(centre.with("2").as_deref(), Some("anna"));
}

#[test]
fn p098_the_limit_of_all_queues_goes_and_who_waits_is_assigned() {
    let mut centre = capped(Some(1));
    centre.ready(chats("anna", 4));
    for (key, queue) in [("1", "a"), ("2", "b"), ("3", "a"), ("4", "b")] {
        centre.push(EnqueueContact { queue: queue.into(), ..chat(key) });
    }
    assert_eq!(["3", "4"].map(|key| centre.with(key).is_some()), [false, false]);
    set_caps(&mut centre, [None, None]);
    assert_eq!(["3", "4"].map(|key| centre.with(key).is_some()), [true, true]);
}

/// The one queue `a`, which contacts leave after a minute; operators have 20 s to answer.
fn limited() -> Centre {
    let waits = vec![WaitRule { after: Millis(60_000), to: Treatment::Message, leave: true }];
    let rules = QueueRules { waits, ..QueueRules::default() };
    let answer = Answer::Offered { within: Millis(20_000) };
    Centre::new(plan(vec![QueuePlan { answer, rules, ..QueuePlan::named("a") }]))
}

const LEFT: EndReason = EndReason::Deflected(Treatment::Message);

#[test]
fn p025_with_everybody_paused_a_contact_leaves_by_its_time_limit_and_it_is_recorded() {
    let mut centre = limited();
    centre.ready(operator("anna"));
    centre.presence("anna", DeclaredPresence::NotReady(1));
    let contact = centre.push(contact("1", "a", 3));
    centre.tick(60_999);
    assert_eq!(centre.view("1").state, ContactState::Waiting);
    centre.tick(61_000);
    assert_eq!(centre.effects, [Effect::AnnounceEnded { contact, gateway: centre.gateway, reason: LEFT }]);
    let queue = &centre.router.queues()[0];
    assert_eq!((queue.waiting, queue.totals.deflected, queue.totals.abandoned), (0, 1, 0));
}

#[test]
fn p027_with_nobody_answering_a_contact_leaves_by_its_time_limit_and_each_offer_is_recorded() {
    let mut centre = limited();
    for login in ["anna", "boris", "vera"] {
        centre.ready(operator(login));
    }
    centre.push(contact("1", "a", 3));
    for at in [1_000, 21_000, 41_000] {
        centre.tick(at);
        assert_eq!(centre.view("1").assignment, AssignmentEpoch(at.div_ceil(20_000) as u32));
    }
    centre.tick(61_000);
    let end = |effect: &Effect| matches!(effect, Effect::AnnounceEnded { reason: LEFT, .. });
    assert!(centre.effects.iter().any(end), "{:?}", centre.effects);
    assert_eq!(centre.router.queues()[0].totals.requeued, 3);
}
