//! What a drill file says must hold, held against what was measured.

use super::felt::Felt;
use super::record::{Check, Record};
use super::series::{self, Waits};
use crate::drills::file::{Drill, Pass, Percent, Span};
use crate::drills::journal::Notes;
use crate::drills::report::Kill;

/// Of fewer contacts, 99 of 100 say nothing.
const CONTACTS_LEAST: usize = 300;
/// At first clients open their streams, and who comes just before a fault waits under it.
const EDGE_MS: u64 = 2_000;
/// Waits below this are those of a machine's moods.
const SLOW_LEAST_MS: f64 = 20.0;

/// Adds a check for each criterion of the file, and a problem for each that does not hold. Times are taken times
/// `patience`, as the nodes' own timeouts are.
pub(super) fn judge(drill: &Drill, record: &mut Record, notes: &Notes, patience: u64) {
    let pass = &drill.pass;
    let mut checks = always(record);
    checks.extend(for_each_fault(pass, &record.report.kills, patience));
    checks.extend(waits(pass, &record.report.kills, notes, patience));
    if let Some(code) = &pass.refused_with {
        let count = record.refused;
        let found = format!("{count} times");
        checks.push(Check {
            name: "clients refused".to_owned(),
            wanted: code.clone(),
            found,
            holds: count > 0,
        });
    }
    if let Some(why) = &record.broken_off {
        record.report.add_problem(format!("broken off: {why}"));
    }
    for check in checks.iter().filter(|check| !check.holds) {
        let Check { name, wanted, found, .. } = check;
        record.report.add_problem(format!("{name}: {found}, wanted {wanted}"));
    }
    record.checks = checks;
}

/// What no drill may break. The report has a problem for each already.
fn always(record: &Record) -> Vec<Check> {
    let verdict = &record.report.verdict;
    let none = |name: &str, count: u64| Check {
        name: name.to_owned(),
        wanted: "0".to_owned(),
        found: count.to_string(),
        holds: count == 0,
    };
    vec![
        none("lost", verdict.lost),
        none("double", verdict.double_assigned + verdict.repeated_effects + verdict.handled_twice),
        none("order", verdict.order_violations),
        none("real time", verdict.realtime_violations),
    ]
}

/// How long contacts waited.
fn waits(pass: &Pass, kills: &[Kill], notes: &Notes, patience: u64) -> Vec<Check> {
    let mut checks = Vec::new();
    let first_ms = kills.first().map_or(u64::MAX, |kill| kill.at_ms);
    let before = series::waits(notes, EDGE_MS, first_ms.saturating_sub(EDGE_MS));
    let mut check = |name: &str, waits: Waits, most: Span| {
        let mut check = at_most(name, waits.p99_ms.map(|ms| ms as u64), most, patience);
        check.found += &format!(" of {} contacts", waits.contacts);
        check.holds &= waits.contacts >= CONTACTS_LEAST;
        checks.push(check);
    };
    if let Some(most) = pass.quiet_p99 {
        check("before the first fault, 99 of 100 assigned within", before, most);
    }
    if let Some(most) = pass.life_safety_p99 {
        check("life safety, 99 of 100 assigned within", series::life_safety(notes), most);
    }
    if let Some(most) = pass.slowdown {
        let during = |kill: &Kill| series::waits(notes, kill.in_force_ms, kill.until_ms.unwrap_or(u64::MAX));
        checks.push(slowdown(before, kills.iter().map(during), most));
    }
    checks
}

/// The longest waits under faults against those before the first one.
fn slowdown(before: Waits, during: impl Iterator<Item = Waits>, most: f64) -> Check {
    let during: Vec<Waits> = during.collect();
    let are_enough = |waits: &Waits| waits.contacts >= CONTACTS_LEAST;
    let all: Option<Vec<f64>> = during.iter().map(|waits| waits.p99_ms).collect();
    let worst_ms = all.and_then(|all| all.into_iter().reduce(f64::max));
    let times = before.p99_ms.zip(worst_ms).map(|(before, worst)| worst / before.max(SLOW_LEAST_MS));
    let shown = |ms: Option<f64>| ms.map_or("never".to_owned(), |ms| format!("{ms:.1} ms"));
    Check {
        name: "99 of 100 assigned, under a fault against before".to_owned(),
        wanted: format!("at most {most} times, counted from {SLOW_LEAST_MS} ms"),
        found: format!("{} against {}", shown(worst_ms), shown(before.p99_ms)),
        holds: times.is_some_and(|times| times <= most)
            && are_enough(&before)
            && during.iter().all(are_enough),
    }
}

fn for_each_fault(pass: &Pass, kills: &[Kill], patience: u64) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(most) = pass.resumed_within {
        let share = pass.resumed_share.unwrap_or(Percent(100.0));
        let times: Vec<Option<u64>> = kills.iter().map(Kill::resumed_after_ms).collect();
        checks.push(share_at_most("assigning again within", &times, most, share, patience));
    }
    if let Some(most) = pass.resumed_median {
        let times: Vec<Option<u64>> = kills.iter().map(Kill::resumed_after_ms).collect();
        let half = Percent(50.0);
        checks.push(share_at_most(
            "assigning again, half of the times, within",
            &times,
            most,
            half,
            patience,
        ));
    }
    if let Some(most) = pass.pause_within {
        let worst = kills.iter().map(Kill::pause_ms).max();
        checks.push(at_most("longest time without an assignment", worst, most, patience));
    }
    if let Some(felt) = felt(kills) {
        checks.push(felt);
    }
    if let Some(most) = pass.back_within {
        let worst = worst(kills.iter().map(|kill| kill.back_after_ms));
        checks.push(at_most("caught up within", worst, most, patience));
    }
    if let Some(most) = pass.elections {
        let found = kills.iter().map(|kill| kill.elections).max().unwrap_or_default();
        let (wanted, found, holds) = (format!("at most {most}"), found.to_string(), found <= most);
        checks.push(Check { name: "elections after a fault".to_owned(), wanted, found, holds });
    }
    let cut_off: Vec<&Kill> = kills.iter().filter(|kill| !kill.minority.is_empty()).collect();
    if let Some(most) = pass.minority_acknowledged {
        let count: u64 = kills.iter().map(|kill| kill.minority_acknowledged).sum();
        let asked: u64 = kills.iter().map(|kill| kill.minority_asked).sum();
        let (wanted, found) = (format!("at most {most}"), format!("{count} of {asked}"));
        let name = "acknowledged without a majority".to_owned();
        checks.push(Check { name, wanted, found, holds: count <= most && asked > 0 });
    }
    if let Some(most) = pass.minority_says_so_within {
        let worst = worst(cut_off.iter().map(|kill| kill.read_only_after_ms));
        checks.push(at_most("without a majority, says so within", worst, most, patience));
    }
    if let Some(most) = pass.stops_within {
        let worst = worst(kills.iter().map(|kill| kill.stopped_after_ms));
        checks.push(at_most("stops by itself within", worst, most, patience));
    }
    if let Some(code) = &pass.stops_with {
        let strange = kills.iter().find(|kill| kill.stopped_with.as_ref() != Some(code));
        let found = strange.map_or_else(|| code.clone(), |kill| format!("{:?}", kill.stopped_with));
        let name = "stops with the code".to_owned();
        checks.push(Check { name, wanted: code.clone(), found, holds: strange.is_none() });
    }
    checks
}

/// A fault that nobody felt shows nothing.
fn felt(kills: &[Kill]) -> Option<Check> {
    let marks: Vec<&Felt> = kills.iter().filter_map(|kill| kill.felt.as_ref()).collect();
    let missing: Vec<&str> = marks.iter().filter(|felt| !felt.is_felt).map(|felt| &*felt.by).collect();
    let found = if missing.is_empty() { format!("{} of them", marks.len()) } else { missing.join("; ") };
    (!marks.is_empty()).then(|| Check {
        name: "faults felt".to_owned(),
        wanted: "all".to_owned(),
        found,
        holds: missing.is_empty(),
    })
}

/// The longest; nothing when one is missing.
fn worst(times: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    let all: Option<Vec<u64>> = times.collect();
    all?.into_iter().max()
}

fn told(ms: Option<u64>) -> String {
    ms.map_or("never".to_owned(), |ms| format!("{ms} ms"))
}

fn at_most(name: &str, found: Option<u64>, most: Span, patience: u64) -> Check {
    let most_ms = most.ms() * patience;
    let holds = found.is_some_and(|ms| ms <= most_ms);
    Check { name: name.to_owned(), wanted: format!("{most_ms} ms"), found: told(found), holds }
}

/// The time that a share of all does not exceed.
fn share_at_most(name: &str, times: &[Option<u64>], most: Span, share: Percent, patience: u64) -> Check {
    // A fault after which nobody was ever assigned is the slowest.
    let mut sorted: Vec<u64> = times.iter().map(|ms| ms.unwrap_or(u64::MAX)).collect();
    sorted.sort_unstable();
    let place = ((sorted.len() as f64 * share.0 / 100.0).ceil() as usize).saturating_sub(1);
    let found = sorted.get(place).copied().filter(|ms| *ms < u64::MAX);
    let mut check = at_most(name, found, most, patience);
    if share.0 < 100.0 {
        let slowest = sorted.last().copied().filter(|ms| *ms < u64::MAX);
        check.found += &format!(" for {} %, {} for all", share.0, told(slowest));
    }
    check
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Span = Span(Duration::from_secs(1));

    #[test]
    fn a_share_of_the_faults_may_take_longer() {
        let times: Vec<Option<u64>> = (1..=100).map(|n| Some(if n == 100 { 5_000 } else { n })).collect();
        assert!(!share_at_most("x", &times, SECOND, Percent(100.0), 1).holds);
        let check = share_at_most("x", &times, SECOND, Percent(99.0), 1);
        assert!(check.holds);
        assert_eq!(check.found, "99 ms for 99 %, 5000 ms for all");
    }

    #[test]
    fn a_fault_without_recovery_is_no_short_one() {
        assert!(!share_at_most("x", &[Some(1), None], SECOND, Percent(100.0), 1).holds);
        assert!(!at_most("x", worst([Some(1), None].into_iter()), SECOND, 1).holds);
    }

    #[test]
    fn patience_makes_times_longer_and_nothing_else() {
        assert!(!at_most("x", Some(1_500), SECOND, 1).holds);
        assert!(at_most("x", Some(1_500), SECOND, 2).holds);
        let kill = Kill { elections: 4, ..Kill::default() };
        let pass = Pass { elections: Some(3), ..Pass::default() };
        assert!(!for_each_fault(&pass, &[kill], 30)[0].holds);
    }
}
