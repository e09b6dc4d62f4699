//! The simulation finds nothing in what is right, everything in what is planted, and is the same each time.

use ringmain_chaos::sim::{Plant, run, run_twice, run_with};

#[test]
fn everybody_is_served_after_the_faults_and_a_seed_gives_the_same_run() {
    let report = run_twice(1).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(
        report.accepted > 100 && report.crashes > 0 && report.cuts > 0 && report.resumes > 0,
        "{report:?}"
    );
    assert!(report.resyncs > 0 && report.unknown > 0 && report.doubled > 0, "{report:?}");
}

#[test]
fn two_seeds_give_different_runs() {
    let traces = [2, 3].map(|seed| run(seed).unwrap_or_else(|failure| panic!("{failure}")).trace);
    assert_ne!(traces[0], traces[1]);
}

#[test]
fn planted_mistakes_are_found_within_a_few_seeds() {
    for plant in [Plant::AnswerBeforeLog, Plant::SkippedCommand, Plant::LostEvent, Plant::NoResync] {
        let found = (0..20).find_map(|seed| run_with(seed, Some(plant)).err());
        let failure = found.unwrap_or_else(|| panic!("{plant:?} was not found"));
        let expected = match plant {
            Plant::AnswerBeforeLog => "promised",
            Plant::SkippedCommand => "differs",
            Plant::LostEvent | Plant::NoResync => "heard",
        };
        let says = failure.what.contains(expected) || failure.what.contains("healing does not end");
        assert!(says, "{plant:?}: {failure}");
    }
}
