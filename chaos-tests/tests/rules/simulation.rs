//! The simulation finds nothing in what is right, and is the same each time. That it finds what is wrong is proven by
//! `ringmain-chaos mutants`.

use ringmain_chaos::sim::schedule::Schedule;
use ringmain_chaos::sim::{run, run_twice};

#[test]
fn everybody_is_served_after_the_faults_and_a_seed_gives_the_same_run() {
    for nodes in [3, 5] {
        let schedule = Schedule::of(1, Some(nodes));
        let report = run_twice(&schedule).unwrap_or_else(|failure| panic!("{failure}"));
        let count = |what: &str| report.counts.get(what).copied().unwrap_or(0);
        assert!(report.accepted > 50 && report.commands > 500, "{report:?}");
        for what in ["elections", "streams-cut", "resumed", "unknown", "full-lists", "messages-late"] {
            assert!(count(what) > 0, "{what}: {report:?}");
        }
    }
}

#[test]
fn two_seeds_give_different_runs() {
    let traces = [2, 3].map(|seed| run(seed).unwrap_or_else(|failure| panic!("{failure}")).trace);
    assert_ne!(traces[0], traces[1]);
}
