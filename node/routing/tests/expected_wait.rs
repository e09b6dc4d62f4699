//! The expected wait: how it is measured, and what depends on it (R3.3). Each test is named after its rule.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const SECOND: u64 = 1_000;

fn rules(bands: &[u64], deflect_above: Option<u64>) -> QueueRules {
    let deflection = |above| Deflection {
        when: DeflectWhen::ExpectedWait(Millis(above * SECOND)),
        to: Treatment::CallBack,
    };
    QueueRules {
        bands: bands.iter().map(|&from| Millis(from * SECOND)).collect(),
        deflections: deflect_above.map(deflection).into_iter().collect(),
        ..QueueRules::default()
    }
}

fn plan_of(rules: QueueRules) -> Plan {
    plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }, QueuePlan::named("b")])
}

fn change(centre: &mut Centre, rules: QueueRules) -> Result<Reply, Refusal> {
    let mut plan = centre.router.plan().clone();
    plan.version += 1;
    plan.queues[0].rules = rules;
    centre.apply(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: Some("olga".into()) })))
}

fn at(centre: &mut Centre, second: u64) {
    centre.at = second * SECOND;
}

fn expected(centre: &Centre) -> Option<u64> {
    centre.router.expected_wait(QueueId(0)).map(|wait| wait.0)
}

fn band_told(centre: &Centre) -> Option<u8> {
    centre.effects.iter().find_map(|effect| {
        if let Effect::AnnounceExpectedWait { band, .. } = effect { Some(*band) } else { None }
    })
}

fn leave(centre: &mut Centre, key: &str) {
    let (gateway, contact) = (centre.gateway, centre.view(key).id);
    let epoch = Epoch(1);
    centre.ok(Command::AbandonContact(AbandonContact { gateway, epoch, contact }));
}

/// Anna serves "served" since 10 s; "1", "2", "3" wait since then.
fn busy(rules: QueueRules) -> Centre {
    let mut centre = Centre::new(plan_of(rules));
    centre.ready(operator("anna"));
    at(&mut centre, 10);
    for key in ["served", "1", "2", "3"] {
        centre.push(contact(key, "a", 3));
    }
    centre
}

#[test]
fn r3_3_the_expected_wait_is_the_line_times_the_mean_between_departures() {
    let mut centre = busy(rules(&[60], None));
    assert_eq!(expected(&centre), None, "nobody has left yet");
    at(&mut centre, 30);
    centre.complete("served");
    assert_eq!(expected(&centre), Some(3 * 20 * SECOND), "two wait, a newcomer is the third");
    at(&mut centre, 46);
    centre.complete("1");
    // An eighth of the way from 20 s to 16 s.
    assert_eq!(expected(&centre), Some(2 * 19_500));
    leave(&mut centre, "3");
    assert_eq!(expected(&centre), Some(0), "nobody waits");
    centre.router.check_invariants().expect("holds");
}

#[test]
fn r3_3_who_is_served_on_arrival_is_no_departure() {
    let mut centre = busy(rules(&[60], None));
    at(&mut centre, 30);
    leave(&mut centre, "1");
    let before = expected(&centre);
    let skilled = OperatorPlan { skills: vec![("kk".into(), 5)], ..operator("boris") };
    centre.ready(OperatorPlan { ranks: vec![("a".into(), 1)], ..skilled });
    let now_waits = expected(&centre);
    assert!(now_waits < before, "boris has taken one");
    centre.presence("boris", DeclaredPresence::NotReady(1));
    let mean_of = |centre: &Centre| expected(centre).map(|wait| wait / 2);
    assert_eq!(mean_of(&centre), Some(20 * SECOND), "who left in the same millisecond is no sample");
    at(&mut centre, 31);
    centre.ready(OperatorPlan { capacity: 10, ..operator("vera") });
    centre.push(EnqueueContact { units: Some(10), ..contact("small", "a", 3) });
    assert_eq!(centre.with("small").as_deref(), Some("vera"));
    assert_eq!(mean_of(&centre), Some(20 * SECOND));
}

#[test]
fn r3_3_a_long_expected_wait_deflects_arrivals_but_never_life_safety() {
    let mut centre = busy(rules(&[], Some(60)));
    centre.push(contact("4", "a", 3));
    assert_eq!(centre.view("4").state, ContactState::Waiting, "nothing is known yet");
    at(&mut centre, 30);
    centre.complete("served");
    assert_eq!(expected(&centre), Some(80 * SECOND));
    centre.push(contact("5", "a", 3));
    let ended = |centre: &Centre, key: &str| matches!(centre.view(key).state, ContactState::Ended { .. });
    assert!(ended(&centre, "5"));
    centre.push(contact("urgent", "a", 0));
    assert!(!ended(&centre, "urgent"));
    leave(&mut centre, "2");
    leave(&mut centre, "3");
    assert_eq!(expected(&centre), Some(60 * SECOND), "two wait, urgent and 4");
    centre.push(contact("6", "a", 3));
    assert_eq!(centre.view("6").state, ContactState::Waiting, "above, not at");
}

#[test]
fn r3_3_who_waits_hears_the_band_of_its_wait() {
    let mut centre = busy(rules(&[30, 60, 120], None));
    assert_eq!(band_told(&centre), None, "not known");
    at(&mut centre, 30);
    centre.complete("served");
    for (key, band) in [("4", 2), ("5", 2), ("6", 3)] {
        centre.push(contact(key, "a", 3));
        assert_eq!(band_told(&centre), Some(band), "{key} expects {:?}", expected(&centre));
        let told = centre.effects.iter().position(|e| matches!(e, Effect::AnnounceExpectedWait { .. }));
        assert!(matches!(centre.effects[told.expect("told") - 1], Effect::AnnounceQueued { .. }));
    }
    let view = &centre.router.queues()[0];
    assert_eq!((view.expected_wait, view.wait_band), (Some(Millis(120 * SECOND)), Some(3)));
    let other = &centre.router.queues()[1];
    assert_eq!((other.expected_wait, other.wait_band), (None, None));
    centre.push(EnqueueContact { not_before: Some(Timestamp(900 * SECOND)), ..contact("later", "a", 3) });
    assert_eq!(band_told(&centre), None, "it is not in line");
}

#[test]
fn r3_3_what_is_measured_survives_a_snapshot() {
    let mut centre = busy(rules(&[60], None));
    at(&mut centre, 30);
    centre.complete("served");
    let bytes = centre.router.snapshot().encode();
    let mut restored = Router::restore(&bytes).expect("reads what it wrote");
    assert_eq!(restored.snapshot().encode(), bytes);
    assert_eq!(restored.expected_wait(QueueId(0)), centre.router.expected_wait(QueueId(0)));
    let answer = centre.answer("1");
    let (wrap_up, step, result) = (None, CaseStep::Next, None);
    let complete = Command::CompleteContact(CompleteContact { answer, wrap_up, step, result });
    at(&mut centre, 46);
    let outcome = restored.apply(Timestamp(46 * SECOND), &complete);
    assert_eq!(centre.router.apply(Timestamp(46 * SECOND), &complete), outcome);
    assert_eq!(restored.snapshot().encode(), centre.router.snapshot().encode());
}

#[test]
fn r3_3_a_plan_begins_to_measure_and_forgets() {
    let mut centre = busy(QueueRules::default());
    at(&mut centre, 20);
    change(&mut centre, rules(&[60], None)).expect("sound");
    assert_eq!(expected(&centre), None);
    at(&mut centre, 30);
    centre.complete("served");
    assert_eq!(expected(&centre), Some(3 * 10 * SECOND), "measured since the plan");
    change(&mut centre, rules(&[60], Some(10))).expect("sound");
    assert_eq!(expected(&centre), Some(3 * 10 * SECOND), "kept");
    change(&mut centre, QueueRules::default()).expect("sound");
    assert_eq!(expected(&centre), None);
    change(&mut centre, rules(&[60], None)).expect("sound");
    assert_eq!(expected(&centre), None, "forgotten");
}

#[test]
fn r3_3_bands_that_do_not_grow_are_refused() {
    let mut centre = busy(QueueRules::default());
    for bands in [&[0, 10][..], &[10, 10], &[20, 10], &[1, 2, 3, 4, 5, 6, 7, 8, 9]] {
        let refused = change(&mut centre, rules(bands, None));
        assert!(
            matches!(&refused, Err(Refusal::InvalidField { field, .. }) if &**field == "rules.bands"),
            "{bands:?}: {refused:?}"
        );
    }
    let refused = change(&mut centre, rules(&[], Some(u64::MAX / SECOND)));
    assert!(
        matches!(&refused, Err(Refusal::InvalidField { field, .. }) if &**field == "rules.deflections"),
        "{refused:?}"
    );
}

#[test]
fn r3_3_who_is_moved_counts_in_the_line_where_it_stands() {
    let bands = || rules(&[60], None);
    let mut both = plan_of(bands());
    both.queues[1].rules = bands();
    let mut centre = Centre::new(both);
    centre.ready(operator("anna"));
    at(&mut centre, 10);
    for key in ["served", "1", "2", "3"] {
        centre.push(contact(key, "a", 3));
    }
    at(&mut centre, 30);
    centre.complete("served");
    assert_eq!(expected(&centre), Some(3 * 20 * SECOND));
    at(&mut centre, 50);
    let from = MoveFrom::Contacts(vec![centre.view("2").id, centre.view("3").id]);
    let action = Action::MoveContacts { from, to: "b".into() };
    centre.ok(Command::Act(Box::new(Act { by: "olga".into(), key: "k".into(), action })));
    assert_eq!(expected(&centre), Some(0), "nobody stands there");
    let in_b = |centre: &Centre| centre.router.expected_wait(QueueId(1)).map(|wait| wait.0);
    assert_eq!(in_b(&centre), None, "nobody has left yet");
    let restored = Router::restore(&centre.router.snapshot().encode()).expect("a sound state");
    assert_eq!(restored.expected_wait(QueueId(0)), centre.router.expected_wait(QueueId(0)));
    at(&mut centre, 60);
    leave(&mut centre, "2");
    assert_eq!(in_b(&centre), Some(2 * 10 * SECOND), "one waits, a newcomer is the second");
    leave(&mut centre, "3");
    assert_eq!(in_b(&centre), Some(0));
    change(&mut centre, QueueRules::default()).expect("a sound plan");
    assert_eq!(expected(&centre), None);
    centre.router.check_invariants().expect("holds");
}
