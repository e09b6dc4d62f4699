//! What the core does when there is much of something: the decisions are those of a small centre.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::*;
use support::*;

fn leave(centre: &mut Centre, key: &str) {
    let (gateway, contact) = (centre.gateway, centre.view(key).id);
    centre.ok(Command::AbandonContact(AbandonContact { gateway, epoch: Epoch(1), contact }));
}

#[test]
fn a_requirement_set_takes_the_place_of_one_in_which_nobody_waits() {
    let mut centre = Centre::new(plan(vec![QueuePlan::named("a"), QueuePlan::named("b")]));
    centre.push(EnqueueContact { units: Some(7), ..contact("stays", "a", 3) });
    // More than are kept, each with another cost, so that each is a requirement set of its own.
    for units in 1..=4_100 {
        let key = format!("passes-{units}");
        let skills = if units % 2 == 0 { vec![("kk".into(), 1)] } else { vec![] };
        centre.push(EnqueueContact { units: Some(10_000 + units), skills, ..contact(&key, "b", 3) });
        leave(&mut centre, &key);
    }
    centre.push(EnqueueContact { skills: vec![("kk".into(), 1)], ..contact("kazakh", "a", 0) });
    centre.push(contact("plain", "b", 3));
    centre.ready(OperatorPlan { capacity: 1_000, ..operator("anna") });
    let with = |key| centre.with(key);
    assert_eq!(
        (with("stays"), with("plain"), with("kazakh")),
        (Some("anna".into()), Some("anna".into()), None)
    );
    let kazakh = vec![("voice".into(), 1), ("kk".into(), 1)];
    centre.ready(OperatorPlan { skills: kazakh, ..operator("boris") });
    assert_eq!(centre.with("kazakh").as_deref(), Some("boris"));
    assert_eq!(centre.router.check_invariants(), Ok(()));
}

#[test]
fn r3_1_a_contact_that_costs_nothing_returns_to_a_full_operator_when_nobody_else_is_left() {
    let queues = ["a", "b"].map(|name| QueuePlan {
        answer: Answer::Offered { within: Millis(10_000) },
        ..QueuePlan::named(name)
    });
    let sessions = SessionPlan { missed: Millis(0), ..SessionPlan::default() };
    let mut centre = Centre::new(Plan { sessions, ..plan(queues.to_vec()) });
    centre.ready(operator("anna"));
    centre.push(contact("talk", "a", 3));
    centre.push(EnqueueContact { units: Some(0), ..contact("note", "a", 3) });
    assert_eq!(
        (centre.with("talk").as_deref(), centre.with("note").as_deref()),
        (Some("anna"), Some("anna"))
    );
    centre.ready(operator("boris"));
    centre.push(contact("other", "b", 3));
    assert_eq!(centre.with("other").as_deref(), Some("boris"));
    // Beyond its capacity boris takes nothing, but is there: anna's word counts.
    centre.put(OperatorPlan { capacity: 50, ..operator("boris") });
    let answer = centre.answer("note");
    centre.ok(Command::DeclineOffer(answer));
    assert_eq!(centre.with("note"), None);
    centre.presence("boris", DeclaredPresence::NotReady(1));
    assert_eq!(centre.with("note").as_deref(), Some("anna"));
    assert_eq!(centre.router.check_invariants(), Ok(()));
}

#[test]
fn a_contact_of_any_cost_goes_to_the_longest_idle_who_has_room_for_it() {
    let mut centre = Centre::new(plan(vec![QueuePlan::named("a")]));
    // Each in a profile of its own, and the longest idle ones without room for much.
    for (n, capacity) in [1u32, 2, 5, 3, 5].into_iter().enumerate() {
        centre.at += 10;
        let skills = vec![("voice".into(), 1 + n as u8)];
        centre.ready(OperatorPlan { capacity, skills, ..operator(&format!("o{n}")) });
    }
    for (key, units, who) in
        [("five", 5, "o2"), ("two", 2, "o1"), ("one", 1, "o0"), ("four", 4, "o4"), ("nothing", 0, "o3")]
    {
        centre.push(EnqueueContact { units: Some(units), ..contact(key, "a", 3) });
        assert_eq!(centre.with(key).as_deref(), Some(who), "{key}");
    }
    centre.push(EnqueueContact { units: Some(4), ..contact("waits", "a", 3) });
    assert_eq!(centre.with("waits"), None);
    assert_eq!(centre.router.check_invariants(), Ok(()));
}
