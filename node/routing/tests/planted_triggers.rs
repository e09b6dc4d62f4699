//! Each mistake about triggers shows in an hour of a small centre. One test alone: a mistake is made in the whole process.
#![cfg(feature = "planted")]

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::planted::{Planted, plant};
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

/// All that is told in the time. Contacts come and go, so that the figure is bad, neither, and good.
fn hour() -> Vec<String> {
    let step = |after, rank_max| Step { after: Millis(after), rank_max, ..Step::default() };
    let ladder = vec![step(0, 0), step(3_600_000, 9)];
    let rules = QueueRules { ladder, leads: vec!["lead".into()], ..QueueRules::default() };
    let mut plan = plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }]);
    plan.rules.triggers = vec![Trigger {
        name: "storm".into(),
        queue: "a".into(),
        measure: Measure::Waiting { on: 3, off: 1 },
        every: Millis(1_000),
        calm: Millis(3_000),
        step: Some(1),
        ranks: vec![],
    }];
    let mut centre = Centre::new(plan);
    for login in ["lead", "backup"] {
        centre.ready(OperatorPlan { ranks: vec![("a".into(), 1)], ..operator(login) });
    }
    centre.presence("lead", DeclaredPresence::NotReady(1));
    let mut seen = Vec::new();
    for second in 2..24 {
        if second < 7 || second == 15 {
            centre.push(contact(&format!("{second}"), "a", 3));
        }
        centre.tick(second * 1_000);
        seen.push(format!("{:?}", centre.effects));
        let bytes = centre.router.snapshot().encode();
        centre.router = Router::restore(&bytes).expect("reads what it wrote");
        let in_hand: Vec<String> =
            centre.contacts.keys().filter(|key| centre.with(key).is_some()).cloned().collect();
        if second % 2 == 0 {
            in_hand.iter().for_each(|key| centre.complete(key));
        }
    }
    seen
}

#[test]
fn each_planted_mistake_shows() {
    let sound = hour();
    for mistake in [
        Planted::TriggerWithoutHysteresis,
        Planted::TriggerEndsAtOnce,
        Planted::TriggersLeftOut,
        Planted::TriggerMatchesNobody,
    ] {
        plant(Some(mistake));
        let seen = std::panic::catch_unwind(hour);
        plant(None);
        assert_ne!(seen.ok(), Some(sound.clone()), "{mistake:?} is not seen");
    }
}
