//! Each mistake about those who wait shows in one hour of a small centre. One test alone: a mistake is made in the whole
//! process.
#![cfg(feature = "planted")]

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::planted::{Planted, plant};
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const MINUTE: u64 = 60_000;

/// All that is told in the hour.
fn hour() -> Vec<String> {
    let rule = |after, to, leave| WaitRule { after: Millis(after), to, leave };
    let waits = vec![
        rule(MINUTE, Treatment::CallBack, false),
        rule(2 * MINUTE, Treatment::Voicemail, false),
        rule(9 * MINUTE, Treatment::Message, true),
    ];
    let rules = QueueRules {
        waits,
        leads: vec!["lead".into()],
        alarm_after: Some(Millis(MINUTE)),
        ..QueueRules::default()
    };
    let mut plan = plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }]);
    plan.rules.duty_after = Some(Millis(MINUTE));
    let mut centre = Centre::new(plan);
    centre.ready(operator("lead"));
    centre.presence("lead", DeclaredPresence::NotReady(1));
    for (key, tier) in [("urgent", 0), ("1", 3), ("2", 3)] {
        centre.push(contact(key, "a", tier));
    }
    let mut seen = Vec::new();
    for minute in 1..12 {
        centre.tick(1_000 + minute * MINUTE);
        seen.push(format!("{:?}", centre.effects));
        if minute == 1 {
            let (gateway, epoch, contact) = (centre.gateway, Epoch(1), centre.view("1").id);
            for to in [Treatment::Voicemail, Treatment::CallBack] {
                let taken = DeflectContact { gateway, epoch, contact, to };
                seen.push(format!("{:?}", centre.apply(Command::DeflectContact(taken))));
            }
        }
        let bytes = centre.router.snapshot().encode();
        centre.router = Router::restore(&bytes).expect("reads what it wrote");
    }
    seen
}

#[test]
fn each_planted_mistake_shows() {
    let sound = hour();
    for mistake in [
        Planted::OfferedAgain,
        Planted::LifeSafetyLeaves,
        Planted::DutyCalledAgain,
        Planted::AlarmRepeated,
        Planted::DeflectedUnasked,
        Planted::WaitsLeftOut,
    ] {
        plant(Some(mistake));
        let seen = std::panic::catch_unwind(hour);
        plant(None);
        assert_ne!(seen.ok(), Some(sound.clone()), "{mistake:?} is not seen");
    }
}
