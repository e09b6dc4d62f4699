//! The simulation finds nothing in what is right, and is the same each time. That it finds what is wrong is proven by
//! `ringmain-chaos mutants`.

use std::collections::BTreeMap;

use ringmain_chaos::sim::schedule::Schedule;
use ringmain_chaos::sim::{run, run_twice};

#[test]
fn everybody_is_served_after_the_faults_and_a_seed_gives_the_same_run() {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (seed, nodes) in [(1, 3), (1, 5), (4, 3)] {
        let schedule = Schedule::of(seed, Some(nodes));
        let report = run_twice(&schedule).unwrap_or_else(|failure| panic!("{failure}"));
        assert!(report.accepted > 50 && report.commands > 300, "{report:?}");
        report.counts.iter().for_each(|(what, count)| *counts.entry(what).or_default() += count);
    }
    for what in ["elections", "streams-cut", "resumed", "unknown", "full-lists", "messages-late"] {
        assert!(counts.contains_key(what), "{what}: {counts:?}");
    }
}

#[test]
fn two_seeds_give_different_runs() {
    let traces = [2, 3].map(|seed| run(seed).unwrap_or_else(|failure| panic!("{failure}")).trace);
    assert_ne!(traces[0], traces[1]);
}
