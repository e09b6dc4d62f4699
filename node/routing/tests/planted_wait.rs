//! Each mistake about the expected wait shows in a minute of a small centre. One test alone: a mistake is made in the whole
//! process.
#![cfg(feature = "planted")]

mod support;

use ringmain_routing::plan::*;
use ringmain_routing::planted::{Planted, plant};
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

/// What is told and seen in that minute.
fn minute() -> Vec<String> {
    let when = DeflectWhen::ExpectedWait(Millis(60_000));
    let rules = QueueRules {
        bands: vec![Millis(30_000), Millis(60_000)],
        deflections: vec![Deflection { when, to: Treatment::Voicemail }],
        ..QueueRules::default()
    };
    let mut centre = Centre::new(plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }]));
    centre.ready(operator("anna"));
    for key in ["1", "2", "3"] {
        centre.push(contact(key, "a", 3));
    }
    centre.tick(21_000);
    centre.complete("1");
    let bytes = centre.router.snapshot().encode();
    centre.router = Router::restore(&bytes).expect("reads what it wrote");
    let mut seen = Vec::new();
    for key in ["4", "5", "6"] {
        centre.push(contact(key, "a", 3));
        seen.push(format!("{:?} {:?}", centre.effects, centre.router.expected_wait(QueueId(0))));
    }
    seen
}

#[test]
fn each_planted_mistake_shows() {
    let sound = minute();
    for mistake in [
        Planted::NewcomerForgotten,
        Planted::ExpectedWaitIgnored,
        Planted::BandNotTold,
        Planted::EstimatesLeftOut,
    ] {
        plant(Some(mistake));
        let seen = std::panic::catch_unwind(minute);
        plant(None);
        assert_ne!(seen.ok(), Some(sound.clone()), "{mistake:?} is not seen");
    }
}
