//! Who takes it, of several operators.

use ringmain_routing::command::*;
use ringmain_routing::effect::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;

use super::support::*;
use super::{choosing, plain};

fn speaks_kazakh(login: &str) -> OperatorPlan {
    OperatorPlan { skills: vec![("voice".into(), 5), ("kk".into(), 5)], ..operator(login) }
}

fn kazakh(key: &str) -> EnqueueContact {
    EnqueueContact { skills: vec![("kk".into(), 1)], ..contact(key, "a", 3) }
}

#[test]
fn p043_the_one_operator_who_is_there_gets_the_one_contact() {
    let mut centre = plain();
    let anna = centre.ready(operator("anna"));
    let id = centre.push(contact("1", "a", 3));
    let (gateway, assignment) = (centre.gateway, AssignmentEpoch(1));
    assert_eq!(centre.effects, [Effect::ConnectContact { contact: id, gateway, operator: anna, assignment }]);
}

#[test]
fn p045_with_nobody_there_contacts_wait_and_nothing_is_left_to_be_tried_again() {
    let mut centre = plain();
    centre.put(operator("anna"));
    for key in ["1", "2", "3"] {
        let contact = centre.push(contact(key, "a", 3));
        assert_eq!(centre.effects, [Effect::AnnounceQueued { contact, gateway: centre.gateway }]);
    }
    assert_eq!((centre.router.next_deadline(), centre.router.queues()[0].waiting), (None, 3));
}

#[test]
fn p047_what_is_over_is_given_to_nobody() {
    let mut centre = plain();
    let over = centre.push(contact("over", "a", 3));
    let open = centre.push(contact("open", "a", 3));
    let (gateway, epoch) = (centre.gateway, Epoch(1));
    centre.ok(Command::AbandonContact(AbandonContact { gateway, epoch, contact: over }));
    centre.ready(OperatorPlan { capacity: 500, ..operator("anna") });
    assert_eq!((centre.with("over"), centre.with("open").as_deref()), (None, Some("anna")));
    let anna = centre.operator("anna");
    assert_eq!(centre.router.operator(anna).expect("known").contacts, [open]);
}

#[test]
fn p049_what_a_bot_has_in_hand_is_not_given_to_a_person() {
    let mut centre = plain();
    centre.ready(OperatorPlan { capacity: 10_000, ..operator("bot") });
    centre.push(contact("1", "a", 3));
    centre.ready(operator("anna"));
    assert!(centre.effects.iter().all(|effect| matches!(effect, Effect::AnnouncePresence { .. })));
    assert_eq!(centre.with("1").as_deref(), Some("bot"));
}

#[test]
fn p067_two_of_five_take_turns_and_the_others_keep_theirs() {
    let mut centre = choosing(Choice::RoundRobin);
    for (login, is_allowed) in [("1", false), ("2", true), ("3", false), ("4", true), ("5", false)] {
        centre.at += 1_000;
        centre.ready(if is_allowed { speaks_kazakh(login) } else { operator(login) });
    }
    for (key, expected) in [("first", "2"), ("second", "4"), ("third", "2")] {
        centre.push(kazakh(key));
        assert_eq!(centre.with(key).as_deref(), Some(expected), "{key}");
        centre.complete(key);
    }
    for (key, expected) in [("a", "1"), ("b", "3"), ("c", "5"), ("d", "4"), ("e", "2")] {
        centre.push(contact(key, "a", 3));
        assert_eq!(centre.with(key).as_deref(), Some(expected), "{key}");
    }
}

#[test]
fn p069_with_nobody_allowed_nobody_is_picked() {
    let mut centre = choosing(Choice::RoundRobin);
    centre.ready(operator("anna"));
    centre.ready(operator("boris"));
    centre.push(kazakh("1"));
    assert_eq!(centre.with("1"), None);
}

#[test]
fn p071_only_those_who_are_ready_in_turn() {
    let mut centre = choosing(Choice::RoundRobin);
    for login in ["1", "2", "3", "4", "5"] {
        centre.ready(OperatorPlan { capacity: 500, ..operator(login) });
    }
    for login in ["1", "3", "4"] {
        centre.presence(login, DeclaredPresence::NotReady(2));
    }
    for (key, expected) in [("first", "2"), ("second", "5")] {
        centre.push(contact(key, "a", 3));
        assert_eq!(centre.with(key).as_deref(), Some(expected), "{key}");
    }
}

#[test]
fn p072_bots_go_first_whatever_the_choice() {
    for choice in [Choice::LongestIdle, Choice::LeastOccupied, Choice::MostSkilled, Choice::RoundRobin] {
        let bots = Step { rank_max: 0, ..Step::default() };
        let people = Step { after: Millis(2_000), rank_max: 1, ..Step::default() };
        let rules = QueueRules { choice, ladder: vec![bots, people], ..QueueRules::default() };
        let mut centre = Centre::new(plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }]));
        centre.ready(OperatorPlan { ranks: vec![("a".into(), 1)], ..operator("anna") });
        centre.ready(OperatorPlan { capacity: 200, ..operator("bot") });
        for key in ["1", "2", "3"] {
            centre.at += 10;
            centre.push(contact(key, "a", 3));
        }
        assert_eq!(["1", "2", "3"].map(|key| centre.with(key).is_some()), [true, true, false], "{choice:?}");
        assert_eq!((centre.with("1"), centre.with("2")), (Some("bot".into()), Some("bot".into())));
        centre.at += 2_000;
        centre.tick(centre.at);
        assert_eq!(centre.with("3").as_deref(), Some("anna"), "{choice:?}: the bot is full");
    }
}

#[test]
fn p074_a_bot_without_the_queues_skill_is_passed_over() {
    let queue = QueuePlan { required: vec![("voice".into(), 1)], ..QueuePlan::named("a") };
    let mut centre = Centre::new(plan(vec![queue]));
    centre.ready(OperatorPlan { capacity: 10_000, skills: vec![("chat".into(), 9)], ..operator("bot") });
    centre.push(contact("1", "a", 3));
    assert_eq!(centre.with("1"), None, "it waits for a person");
    centre.ready(operator("anna"));
    assert_eq!(centre.with("1").as_deref(), Some("anna"));
}

#[test]
fn p076_a_known_customer_gets_its_operator() {
    let mut centre = plain();
    centre.ready(operator("anna"));
    centre.at += 1_000;
    centre.ready(operator("boris"));
    let preferred = Some((Name::from("boris"), Millis(30_000)));
    centre.push(EnqueueContact { preferred, ..contact("1", "a", 3) });
    assert_eq!(centre.with("1").as_deref(), Some("boris"), "though anna has been idle for longer");
}

#[test]
fn p078_without_a_wish_the_operator_of_last_time_has_no_advantage() {
    let mut centre = plain();
    centre.ready(operator("anna"));
    centre.ready(operator("boris"));
    let mine = |key: &str| EnqueueContact {
        details: ContactDetails { customer: Some("4711".into()), ..ContactDetails::default() },
        ..contact(key, "a", 3)
    };
    centre.push(mine("first"));
    centre.at += 1_000;
    centre.complete("first");
    centre.push(mine("again"));
    assert_eq!([centre.with("first"), centre.with("again")], [None, Some("boris".into())]);
}

#[test]
fn p086_both_go_to_the_less_loaded_until_loads_are_equal() {
    let mut centre = choosing(Choice::LeastOccupied);
    let two = OperatorPlan { capacity: 400, ..operator("anna") };
    centre.ready(two);
    centre.push(contact("x", "a", 3));
    centre.push(contact("y", "a", 3));
    centre.at += 1_000;
    centre.ready(OperatorPlan { capacity: 400, ..operator("boris") });
    for (key, expected) in [("1", "boris"), ("2", "boris"), ("3", "anna")] {
        centre.at += 1_000;
        centre.push(contact(key, "a", 3));
        assert_eq!(centre.with(key).as_deref(), Some(expected), "{key}");
    }
}
