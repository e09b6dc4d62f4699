//! The checker is checked: a clean history is clean, and each planted breach is found by its own counter.

mod planted;
mod random;
mod scene;
mod whole;

use ringmain_chaos::checker::{ClientOp, HistoryEntry, SeenEvent, from_json_lines, to_json_lines};

#[test]
fn a_clean_day_is_clean() {
    let scene = scene::day();
    let verdict = scene.judge();
    assert!(verdict.is_clean(), "{verdict:#?}");
    assert_eq!(verdict.model_checked_entries, verdict.entries);
    assert_eq!(verdict.accepted, verdict.ended + verdict.open);
    assert!(verdict.accepted > 100 && verdict.ended > 50 && verdict.duplicates_refused > 5, "{verdict:#?}");
}

#[test]
fn records_survive_as_lines_of_json() {
    let scene = scene::day();
    let ops = to_json_lines(&scene.ops).unwrap();
    assert_eq!(from_json_lines::<ClientOp>(&ops).unwrap(), scene.ops);
    let seen = to_json_lines(&scene.seen).unwrap();
    assert_eq!(from_json_lines::<SeenEvent>(&seen).unwrap(), scene.seen);
    let history = to_json_lines(scene.history()).unwrap();
    assert_eq!(from_json_lines::<HistoryEntry>(&history).unwrap(), scene.history());
}
