//! What changes from one expansion of a calendar to the next.

use jiff::Timestamp as Instant;
use ringmain_routing::calendar::{CalendarPlan, WEEK_MS};
use ringmain_routing::{Millis, Timestamp};

/// What changes, in words; empty when both say the same. Two expansions of one definition on different days differ in how far
/// they reach, not in what they say of the time that both know.
pub(super) fn changes(old: &CalendarPlan, new: &CalendarPlan) -> Vec<String> {
    let mut words = hour_changes(old, new);
    if old.until != new.until {
        words.push(format!("known until {} → {}", date(old.until), date(new.until)));
    }
    words
}

/// What changes of when it is open, apart from how far that is known.
pub(super) fn hour_changes(old: &CalendarPlan, new: &CalendarPlan) -> Vec<String> {
    let mut words = Vec::new();
    let mut days = changed_days(old, new);
    days.dedup();
    match (days.first(), days.len()) {
        (None, _) => {}
        (Some(day), 1) => words.push(format!("hours changed on {day}")),
        (Some(day), count) => words.push(format!("hours changed on {count} days from {day}")),
    }
    if !is_same_week(old, new) {
        words.push("regular week changed".to_owned());
    }
    words
}

/// Days in UTC on which one is open and the other is not, within the time that both know; in their order.
fn changed_days(old: &CalendarPlan, new: &CalendarPlan) -> Vec<String> {
    let first = |plan: &CalendarPlan| plan.spans.first().map(|span| span.0);
    let known_from = first(old).max(first(new)).unwrap_or_default();
    let known_until = old.until.min(new.until);
    let mut edges: Vec<Timestamp> = [old, new]
        .iter()
        .flat_map(|plan| plan.spans.iter().flat_map(|(open, close)| [*open, *close]))
        .filter(|edge| (known_from..known_until).contains(edge))
        .collect();
    edges.sort_unstable();
    edges.dedup();
    // Between two edges neither changes.
    edges.into_iter().filter(|edge| old.is_open(*edge) != new.is_open(*edge)).map(date).collect()
}

/// Whether the weeks are the same: counted from the horizons, which are local Mondays, or in UTC. Where clocks are changed
/// between the horizons only the first holds, and for another zone with the same hours in UTC only the second.
fn is_same_week(old: &CalendarPlan, new: &CalendarPlan) -> bool {
    if old.week == new.week {
        return true;
    }
    let from = old.until.max(new.until);
    let changes = |plan: &CalendarPlan| {
        let opens = [(from, plan.is_open(from))].into_iter();
        let edges = plan.week.iter().flat_map(|(open, close)| [*open, *close]);
        let behind = edges.map(|edge| in_the_week_from(from, plan.until, edge));
        let mut states: Vec<_> = opens.chain(behind.map(|at| (at, plan.is_open(at)))).collect();
        states.sort_unstable();
        states.dedup_by_key(|(_, open)| *open);
        states
    };
    changes(old) == changes(new)
}

/// The first moment at or after `from` that is so far into a week that repeats from `until` on.
fn in_the_week_from(from: Timestamp, until: Timestamp, offset: Millis) -> Timestamp {
    let ahead = (until.0 % WEEK_MS + offset.0 % WEEK_MS + WEEK_MS - from.0 % WEEK_MS) % WEEK_MS;
    from + Millis(ahead)
}

fn date(at: Timestamp) -> String {
    let instant = i64::try_from(at.0).ok().and_then(|ms| Instant::from_millisecond(ms).ok());
    instant.map_or_else(|| format!("{} ms", at.0), |instant| instant.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;
    const DAY: u64 = 24 * HOUR;

    /// Open from `from` to `to` o'clock for 28 days and for ever behind.
    fn daily(first_day: u64, from: u64, to: u64) -> CalendarPlan {
        let span = |day: u64| (day * DAY + from * HOUR, day * DAY + to * HOUR);
        let until = first_day + 28;
        CalendarPlan {
            name: "office".into(),
            spans: (first_day..until).map(span).map(|(a, b)| (Timestamp(a), Timestamp(b))).collect(),
            until: Timestamp(until * DAY),
            week: (0..7).map(span).map(|(a, b)| (Millis(a), Millis(b))).collect(),
        }
    }

    #[test]
    fn the_same_definition_a_week_later_reaches_further_and_changes_nothing_else() {
        assert_eq!(changes(&daily(0, 9, 17), &daily(0, 9, 17)), Vec::<String>::new());
        assert_eq!(changes(&daily(0, 9, 17), &daily(7, 9, 17)), ["known until 1970-01-29 → 1970-02-05"]);
        assert_eq!(hour_changes(&daily(0, 9, 17), &daily(7, 9, 17)), Vec::<String>::new());
    }

    #[test]
    fn changed_days_are_counted_and_the_first_is_named() {
        let old = daily(0, 9, 17);
        let mut new = old.clone();
        new.spans[3].1 = Timestamp(3 * DAY + 12 * HOUR);
        assert_eq!(changes(&old, &new), ["hours changed on 1970-01-04"]);
        new.spans.remove(20);
        assert_eq!(changes(&old, &new), ["hours changed on 2 days from 1970-01-04"]);
        let longer = daily(0, 9, 18);
        assert_eq!(
            changes(&old, &longer),
            ["hours changed on 28 days from 1970-01-01", "regular week changed"]
        );
    }

    #[test]
    fn a_week_is_the_same_wherever_it_is_cut() {
        let mut old = daily(0, 20, 24);
        old.week.pop();
        // From Wednesday on the day without hours is the fifth.
        let mut new = daily(0, 20, 24);
        new.until = Timestamp(30 * DAY);
        new.week.remove(4);
        assert!(is_same_week(&old, &new));
        new.week[0].1 = Millis(23 * HOUR);
        assert!(!is_same_week(&old, &new));
        // Summer time came between the horizons: the same hours of a local Monday.
        let shifted = CalendarPlan { until: Timestamp(old.until.0 + WEEK_MS - HOUR), ..old.clone() };
        assert!(is_same_week(&old, &shifted));
    }

    #[test]
    fn a_calendar_without_a_week_is_unlike_one_that_has_one() {
        let week = daily(0, 9, 17);
        let dates = CalendarPlan { week: Vec::new(), ..week.clone() };
        assert_eq!(changes(&week, &dates), ["regular week changed"]);
        assert_eq!(changes(&dates, &dates), Vec::<String>::new());
    }
}
