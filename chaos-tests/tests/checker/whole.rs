//! Whether a client was told everything: planted gaps and repeats.

use ringmain_chaos::checker::{Continuity, Delivery, continuity};
use ringmain_routing::{Effect, LogIndex, Position};

use crate::scene::{self, Scene, operator_id};

const CLIENT: &str = "anna";

/// Every event of the operator of slot 0, as a client takes them in that is never disturbed.
fn told(scene: &Scene) -> Vec<Delivery> {
    let is_told = |effect: &Effect| effect.operator() == Some(operator_id(0));
    let events = scene.history().iter().flat_map(|entry| {
        let numbered = (0u32..).zip(&entry.outcome.effects);
        let own = numbered.filter(move |(_, effect)| is_told(effect));
        own.map(|(n, _)| Delivery::Event(Position { index: LogIndex(entry.log_index), n }))
    });
    events.collect()
}

fn found(scene: &Scene, deliveries: &[Delivery]) -> Continuity {
    continuity(CLIENT, deliveries, scene.history(), LogIndex(u64::MAX))
}

fn position(delivery: Delivery) -> Position {
    match delivery {
        Delivery::Event(position) | Delivery::Resync(position) => position,
    }
}

#[test]
fn who_is_told_everything_misses_nothing() {
    let scene = scene::day();
    let told = told(&scene);
    assert!(told.len() > 50);
    let delivered = told.len() as u64;
    assert_eq!(found(&scene, &told), Continuity { delivered, ..Continuity::default() });
}

#[test]
fn an_event_that_never_came_is_missed() {
    let scene = scene::day();
    let mut told = told(&scene);
    told.remove(20);
    told.pop();
    assert_eq!(found(&scene, &told).missed, 2);
}

#[test]
fn an_event_that_came_again_is_repeated() {
    let scene = scene::day();
    let mut told = told(&scene);
    told.insert(21, told[20]);
    told.insert(30, told[3]);
    let found = found(&scene, &told);
    assert_eq!((found.missed, found.repeated), (0, 2));
}

#[test]
fn a_full_list_stands_for_the_events_before_it_and_for_no_others() {
    let scene = scene::day();
    let mut told = told(&scene);
    let list = Delivery::Resync(position(told[30]));
    told.splice(20..=30, [list]);
    assert_eq!(found(&scene, &told).missed, 0);
    told.remove(21);
    assert_eq!(
        found(&scene, &told),
        Continuity { delivered: told.len() as u64 - 1, resyncs: 1, missed: 1, repeated: 0 }
    );
}

#[test]
fn what_came_after_the_last_look_is_not_asked_for() {
    let scene = scene::day();
    let told = told(&scene);
    let until = position(told[40]).index;
    let found = continuity(CLIENT, &told[..=40], scene.history(), until);
    assert_eq!(found.missed, 0);
}
