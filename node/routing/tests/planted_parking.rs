//! Each mistake about parking shows in a minute of a small centre. One test alone: a mistake is made in the whole process.
#![cfg(feature = "planted")]

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::planted::{Planted, plant};
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

fn minute() -> Vec<String> {
    let rule = Interruptible { by_tier: 1, by_channels: vec!["voice".into()], parks_max: 1 };
    let rules = QueueRules { interruptible: Some(rule), ..QueueRules::default() };
    let mail = QueuePlan { wrap_up: Millis(0), rules, ..QueuePlan::named("mail") };
    let calls = QueuePlan { wrap_up: Millis(0), ..QueuePlan::named("calls") };
    let mut centre = Centre::new(plan(vec![calls, mail]));
    centre.ready(operator("anna"));
    let mut seen = Vec::new();
    centre.push(EnqueueContact { channel: "chat".into(), ..contact("letter", "mail", 5) });
    for key in ["1", "2"] {
        centre.push(contact(key, "calls", 5));
        seen.push(format!("{:?} {:?}", centre.with(key), centre.view("letter").parked));
        if centre.with(key).is_none() {
            return seen;
        }
        centre.complete(key);
        seen.push(format!("{:?}", centre.effects));
    }
    centre.complete("letter");
    centre.push(EnqueueContact { channel: "chat".into(), ..contact("other", "mail", 5) });
    centre.push(contact("3", "calls", 5));
    centre.put(OperatorPlan { capacity: 20, ..operator("anna") });
    seen.push(format!("{:?}", centre.effects));
    seen
}

#[test]
fn each_mistake_about_parking_shows() {
    let sound = minute();
    for mistake in [
        Planted::WorkNotInterrupted,
        Planted::ParkedForEver,
        Planted::NothingResumed,
        Planted::ParkedBeyondCapacity,
    ] {
        plant(Some(mistake));
        let made = std::panic::catch_unwind(minute);
        plant(None);
        assert!(made.is_err() || made.is_ok_and(|seen| seen != sound), "{mistake:?} does not show");
    }
}
