//! Each mistake about closures shows in a small centre. One test alone: a mistake is made in the whole process.
#![cfg(feature = "planted")]

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::planted::{Planted, plant};
use ringmain_routing::*;
use support::*;

fn act(centre: &mut Centre, action: Action) {
    let key = format!("{}", centre.router.index().0).as_str().into();
    centre.ok(Command::Act(Box::new(Act { by: "olga".into(), key, action })));
}

fn morning() -> Vec<bool> {
    let mut centre = Centre::new(plan(vec![QueuePlan::named("a"), QueuePlan::named("b")]));
    let close = |of: EntryOf, until: Option<u64>| {
        let until = until.map(Timestamp);
        Action::CloseEntry(Box::new(CloseEntry { of, why: "fire alarm".into(), until }))
    };
    let mut seen = Vec::new();
    let mut look = |centre: &mut Centre| {
        for (queue, scope) in [("a", None), ("b", Some("north"))] {
            let key = format!("{}", centre.router.index().0);
            let arrival = EnqueueContact { scope: scope.map(Into::into), ..contact(&key, queue, 3) };
            seen.push(centre.apply(Command::EnqueueContact(Box::new(arrival))).is_ok());
        }
        let bytes = centre.router.snapshot().encode();
        centre.router = Router::restore(&bytes).expect("reads what it wrote");
    };
    act(&mut centre, close(EntryOf::Queue("a".into()), Some(60_000)));
    act(&mut centre, close(EntryOf::Unit("company".into()), None));
    look(&mut centre);
    look(&mut centre);
    centre.at = 60_000;
    look(&mut centre);
    act(&mut centre, Action::OpenEntry { of: EntryOf::Unit("company".into()) });
    look(&mut centre);
    seen
}

#[test]
fn each_planted_mistake_shows() {
    let sound = morning();
    for mistake in [
        Planted::ClosureIgnored,
        Planted::ClosureOfUnitAlone,
        Planted::ClosureWithoutEnd,
        Planted::ClosureStays,
        Planted::ClosuresLeftOut,
    ] {
        plant(Some(mistake));
        let seen = std::panic::catch_unwind(morning);
        plant(None);
        assert_ne!(seen.ok(), Some(sound.clone()), "{mistake:?} is not seen");
    }
}
