//! Shifts, breaks and rest of a simulated centre, short enough to come and go within a run. The first operator has none
//! of them, so that somebody is there for everybody in the end.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::calendar::{CalendarPlan, WEEK_MS};
use ringmain_routing::rules::{BreakRule, OperatorRules, PlanRules, QueueRules, RestRule};
use ringmain_routing::{Millis, Name, Timestamp};

/// Breaks that every plan has, so that operators may name them.
const BREAKS: [&str; 3] = ["short", "lunch", "smoke"];
const SHIFT: &str = "shift";

/// Which break an operator asks for; not everybody has each.
pub(super) fn some_break(rng: &mut ChaCha8Rng) -> Name {
    BREAKS[rng.random_range(0..BREAKS.len())].into()
}

/// Breaks, rest and the calendar of shifts.
pub(super) fn put_into(rules: &mut PlanRules, rng: &mut ChaCha8Rng, from: Timestamp) {
    rules.breaks = BREAKS.iter().map(|name| break_rule(rng, name)).collect();
    rules.rest = rng.random_bool(0.5).then(|| RestRule {
        window: Millis(rng.random_range(60_000..70_000)),
        busy_percent_max: rng.random_range(1..10),
    });
    rules.calendars.push(shifts(rng, from));
}

fn break_rule(rng: &mut ChaCha8Rng, name: &str) -> BreakRule {
    let mut span = |from: u64, to: u64| Millis(rng.random_range(from..to));
    let (every, length, defer_max) = (span(400, 8_000), span(50, 1_500), span(0, 4_000));
    BreakRule {
        name: name.into(),
        reason: rng.random_range(10..14),
        every,
        length,
        defer_max,
        away_percent_max: rng.random_range(0..=100),
        alone: rng.random_bool(0.4),
        on_request: name == "smoke",
        returns: rng.random_bool(0.6),
    }
}

/// Shifts of a few seconds from the beginning of the run on, and always behind that.
fn shifts(rng: &mut ChaCha8Rng, from: Timestamp) -> CalendarPlan {
    let (mut at, mut spans) = (from, Vec::new());
    for _ in 0..100 {
        let open = at + Millis(rng.random_range(200..3_000));
        at = open + Millis(rng.random_range(500..6_000));
        spans.push((open, at));
    }
    CalendarPlan { name: SHIFT.into(), spans, until: at, week: vec![(Millis(0), Millis(WEEK_MS))] }
}

/// How long before the end of a shift nothing of a queue begins.
pub(super) fn put_last_start(rules: &mut QueueRules, rng: &mut ChaCha8Rng) {
    rules.last_start = rng.random_bool(0.5).then(|| Millis(rng.random_range(0..2_000)));
}

/// The time of an operator.
pub(super) fn put_into_operator(rules: &mut OperatorRules, rng: &mut ChaCha8Rng, number: usize) {
    let breaks = BREAKS.iter().filter(|_| rng.random_bool(0.5)).map(|name| (*name).into()).collect();
    let (has_shift, rests) = (rng.random_bool(0.4), rng.random_bool(0.5));
    if number > 0 {
        rules.breaks = breaks;
        rules.shift = has_shift.then(|| SHIFT.into());
        rules.rests = rests;
    }
}
