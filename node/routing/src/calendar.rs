//! Working time as the log carries it: when a calendar is open, in UTC, as data. Whoever writes a plan expands hours,
//! time zones and holidays before the plan enters the log; nothing here knows a zone.
//!
//! **Invariant:** a calendar answers for every moment, however late: behind its horizon the regular week repeats.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{Millis, Name, Timestamp};

/// Most open spans of one calendar: ten for each of 400 days.
pub const CALENDAR_SPANS_MAX: usize = 4_000;
/// Most open spans of a regular week.
pub const CALENDAR_WEEK_SPANS_MAX: usize = 200;
/// The length of a week in milliseconds of UTC.
pub const WEEK_MS: u64 = 7 * 24 * 3_600_000;

/// When work is done, or when a queue takes contacts. All spans hold their beginning and not their end.
///
/// Before the first span a calendar is closed: nobody asks for a time before the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarPlan {
    /// Its name, one of a kind in the plan.
    pub name: Name,
    /// Open spans before `until`, earliest first, apart from each other.
    pub spans: Vec<(Timestamp, Timestamp)>,
    /// How far the calendar was expanded.
    pub until: Timestamp,
    /// The regular week, as open spans from `until` on, repeated for ever: nothing stands still because nobody
    /// extended the calendar. Earliest first, apart from each other, within seven days.
    pub week: Vec<(Millis, Millis)>,
}

/// Why a calendar cannot enter the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCalendar {
    /// It has no open time.
    #[error("it never opens; give it an open span or a regular week")]
    NeverOpens,
    /// It has more than [`CALENDAR_SPANS_MAX`] spans.
    #[error("it has more than {CALENDAR_SPANS_MAX} open spans; expand fewer days")]
    TooManySpans,
    /// Its week has more than [`CALENDAR_WEEK_SPANS_MAX`] spans.
    #[error("its week has more than {CALENDAR_WEEK_SPANS_MAX} open spans; join some of them")]
    WeekTooFine,
    /// A span ends before or as it begins, or does not stand apart behind the one before it.
    #[error("its open spans are not in order and apart from each other; sort them and join those that touch")]
    SpansNotApart,
    /// The same of its week.
    #[error(
        "the open spans of its week are not in order and apart from each other; sort them and join those that touch"
    )]
    WeekNotApart,
    /// A span ends behind the horizon, where the week counts.
    #[error("an open span ends behind `until`, from which on the week counts; cut it there")]
    SpanBehindUntil,
    /// A span of the week ends after seven days.
    #[error("an open span of its week ends after the seventh day; carry the rest over to the first")]
    WeekTooLong,
}

impl CalendarPlan {
    /// Whether the calendar is open at that moment.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.span_reaching_past(at).is_some_and(|(from, _)| from <= at)
    }

    /// The first moment after `at` at which it opens if it is closed at `at`, or closes if it is open; `None` when it
    /// stays as it is for ever.
    #[must_use]
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let (from, mut close) = self.span_reaching_past(at)?;
        if from > at {
            return Some(from);
        }
        // The last span may touch the week behind it, and a week its own repetition. A calendar that is still open
        // after all its spans is open for ever.
        for _ in 0..=self.spans.len() + self.week.len() + 1 {
            match self.span_reaching_past(close) {
                Some((next, end)) if next <= close => close = end,
                Some(_) | None => return Some(close),
            }
        }
        None
    }

    /// `at` itself if the calendar is open then, else when it opens next; `None` when it does not.
    #[must_use]
    pub fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        self.span_reaching_past(at).map(|(from, _)| from.max(at))
    }

    /// The earliest moment by which `span` of open time has gone by since `from`: a term that ends with the working day
    /// ends when the calendar closes, not when it opens again. A span of 0 has gone by at `from`. `None` when there is
    /// not so much open time, or not before time as a number ends.
    #[must_use]
    pub fn working_until(&self, from: Timestamp, span: Millis) -> Option<Timestamp> {
        let mut left = span.0;
        if left == 0 {
            return Some(from);
        }
        for (open, close) in &self.spans[self.first_reaching_past(from)..] {
            let open = (*open).max(from);
            let length = close.since(open).0;
            if left <= length {
                return Some(open + Millis(left));
            }
            left -= length;
        }
        self.working_until_behind(from.max(self.until), left)
    }

    /// Open time from `a` to `b`; 0 when `b` is not after `a`.
    #[must_use]
    pub fn working_between(&self, a: Timestamp, b: Timestamp) -> Millis {
        if b <= a {
            return Millis(0);
        }
        let before: u64 = self.spans[self.first_reaching_past(a)..]
            .iter()
            .take_while(|(open, _)| *open < b)
            .map(|(open, close)| (*close).min(b).since((*open).max(a)).0)
            .sum();
        Millis(before + (self.open_behind(b) - self.open_behind(a)))
    }

    /// Whether the calendar keeps what its fields promise, and its limits.
    ///
    /// # Errors
    /// The first rule that it breaks. It must be mended before the plan enters the log.
    pub fn check(&self) -> Result<(), InvalidCalendar> {
        if self.spans.len() > CALENDAR_SPANS_MAX {
            return Err(InvalidCalendar::TooManySpans);
        }
        if self.week.len() > CALENDAR_WEEK_SPANS_MAX {
            return Err(InvalidCalendar::WeekTooFine);
        }
        if !are_apart(&self.spans) {
            return Err(InvalidCalendar::SpansNotApart);
        }
        if !are_apart(&self.week) {
            return Err(InvalidCalendar::WeekNotApart);
        }
        if self.spans.last().is_some_and(|(_, close)| *close > self.until) {
            return Err(InvalidCalendar::SpanBehindUntil);
        }
        if self.week.last().is_some_and(|(_, close)| close.0 > WEEK_MS) {
            return Err(InvalidCalendar::WeekTooLong);
        }
        if self.spans.is_empty() && self.week.is_empty() {
            return Err(InvalidCalendar::NeverOpens);
        }
        Ok(())
    }

    /// Place of the first of `spans` that ends after `at`.
    fn first_reaching_past(&self, at: Timestamp) -> usize {
        self.spans.partition_point(|(_, close)| *close <= at)
    }

    /// The first span, of the expanded ones and then of the week, that ends after `at`. It may touch the next one.
    fn span_reaching_past(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        if let Some(span) = self.spans.get(self.first_reaching_past(at)) {
            return Some(*span);
        }
        let behind = at.since(self.until).0;
        let (weeks, offset) = (behind / WEEK_MS, behind % WEEK_MS);
        let place = self.week.partition_point(|(_, close)| close.0 <= offset);
        match self.week.get(place) {
            Some(span) => self.in_week(weeks, *span),
            None => self.in_week(weeks + 1, *self.week.first()?),
        }
    }

    /// A span of the week in its repetition of that number; `None` behind the end of time as a number.
    fn in_week(&self, weeks: u64, (open, close): (Millis, Millis)) -> Option<(Timestamp, Timestamp)> {
        let start = weeks.checked_mul(WEEK_MS).and_then(|behind| self.until.0.checked_add(behind))?;
        Some((Timestamp(start.checked_add(open.0)?), Timestamp(start.checked_add(close.0)?)))
    }

    /// Open time of one regular week.
    fn open_in_week(&self) -> u64 {
        self.week.iter().map(|(open, close)| close.0.saturating_sub(open.0)).sum()
    }

    /// Open time of the first `offset` milliseconds of a regular week.
    fn open_in_week_before(&self, offset: u64) -> u64 {
        self.week.iter().map(|(open, close)| close.0.min(offset).saturating_sub(open.0)).sum()
    }

    /// Open time from `until` to `at`.
    fn open_behind(&self, at: Timestamp) -> u64 {
        let behind = at.since(self.until).0;
        (behind / WEEK_MS) * self.open_in_week() + self.open_in_week_before(behind % WEEK_MS)
    }

    /// [`Self::working_until`] from a moment not before `until`, for a span above 0.
    fn working_until_behind(&self, from: Timestamp, span: u64) -> Option<Timestamp> {
        let a_week = self.open_in_week();
        let behind = from.since(self.until).0;
        // Counted from the start of the week that `from` is in, so that only whole weeks lie before the rest.
        let wanted = self.open_in_week_before(behind % WEEK_MS).checked_add(span)?;
        let weeks = (wanted - 1).checked_div(a_week)?;
        let mut left = wanted - weeks * a_week;
        for (open, close) in &self.week {
            let length = close.0.saturating_sub(open.0);
            if left <= length {
                let end = Millis(open.0 + left);
                return self
                    .in_week((behind / WEEK_MS).checked_add(weeks)?, (*open, end))
                    .map(|(_, end)| end);
            }
            left -= length;
        }
        None
    }
}

fn are_apart<T: Ord>(spans: &[(T, T)]) -> bool {
    spans.iter().all(|(open, close)| open < close) && spans.windows(2).all(|pair| pair[0].1 < pair[1].0)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const HOUR: u64 = 3_600_000;
    const DAY: u64 = 24 * HOUR;

    fn calendar(spans: &[(u64, u64)], until: u64, week: &[(u64, u64)]) -> CalendarPlan {
        let calendar = CalendarPlan {
            name: "office".into(),
            spans: spans.iter().map(|(from, to)| (Timestamp(*from), Timestamp(*to))).collect(),
            until: Timestamp(until),
            week: week.iter().map(|(from, to)| (Millis(*from), Millis(*to))).collect(),
        };
        assert!(calendar.check().is_ok() || calendar.spans.is_empty() && calendar.week.is_empty());
        calendar
    }

    /// Two days of 9 to 17, the second one cut short at the horizon, then Monday to Friday from 9 to 17.
    fn office() -> CalendarPlan {
        let week: Vec<_> = (0..5).map(|day| (day * DAY + 9 * HOUR, day * DAY + 17 * HOUR)).collect();
        calendar(&[(9 * HOUR, 17 * HOUR), (DAY + 9 * HOUR, DAY + 12 * HOUR)], 2 * DAY, &week)
    }

    /// Open or closed for each step of time, which is how the functions are counted a second time.
    struct Naive {
        open: Vec<bool>,
        step: u64,
    }

    impl Naive {
        /// By the meaning of the fields alone.
        fn of(calendar: &CalendarPlan, step: u64, steps: usize) -> Naive {
            let is_open = |at: u64| {
                if at < calendar.until.0 {
                    calendar.spans.iter().any(|(from, to)| (from.0..to.0).contains(&at))
                } else {
                    let offset = (at - calendar.until.0) % WEEK_MS;
                    calendar.week.iter().any(|(from, to)| (from.0..to.0).contains(&offset))
                }
            };
            Naive { open: (0..steps as u64).map(|place| is_open(place * step)).collect(), step }
        }

        fn next_open(&self, from: usize) -> Option<Timestamp> {
            (from..self.open.len()).find(|place| self.open[*place]).map(|place| self.time(place))
        }

        fn next_change(&self, from: usize) -> Option<Timestamp> {
            let place = (from..self.open.len()).find(|place| self.open[*place] != self.open[from]);
            place.map(|place| self.time(place))
        }

        fn between(&self, a: usize, b: usize) -> Millis {
            let open = self.open.get(a..b).unwrap_or_default();
            Millis(open.iter().filter(|open| **open).count() as u64 * self.step)
        }

        /// For a span of whole steps.
        fn until(&self, from: usize, span: Millis) -> Option<Timestamp> {
            let mut left = span.0;
            for place in from..self.open.len() {
                if left == 0 {
                    return Some(self.time(place));
                }
                left -= u64::from(self.open[place]) * self.step;
            }
            None
        }

        fn time(&self, place: usize) -> Timestamp {
            Timestamp(place as u64 * self.step)
        }
    }

    /// Every function at the steps `froms` against the naive count.
    fn assert_as_counted(calendar: &CalendarPlan, naive: &Naive, froms: impl Iterator<Item = usize>) {
        for place in froms {
            let at = naive.time(place);
            assert_eq!(calendar.is_open(at), naive.open[place], "is_open({at:?}) of {calendar:?}");
            assert_eq!(calendar.next_open(at), naive.next_open(place), "next_open({at:?}) of {calendar:?}");
            assert_eq!(
                calendar.next_change(at),
                naive.next_change(place),
                "next_change({at:?}) of {calendar:?}"
            );
            for steps in [0, 1, 2, 3, 5, 8, 21, 60] {
                let span = Millis(steps * naive.step);
                let counted = naive.until(place, span);
                // The count ends somewhere; what lies behind its end it cannot tell.
                if counted.is_some() || calendar.working_until(at, span).is_none() {
                    assert_eq!(
                        calendar.working_until(at, span),
                        counted,
                        "{at:?} + {span:?} in {calendar:?}"
                    );
                }
                let end = place + steps as usize;
                let counted = naive.between(place, end.min(naive.open.len()));
                if end <= naive.open.len() {
                    let b = Timestamp(end as u64 * naive.step);
                    assert_eq!(calendar.working_between(at, b), counted, "{at:?} to {b:?} in {calendar:?}");
                }
            }
        }
    }

    /// The runs of set bits as spans of `step` each, touching ones joined.
    fn runs(mask: u32, bits: u32, step: u64) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for bit in (0..bits).filter(|bit| mask >> bit & 1 == 1) {
            let (from, to) = (u64::from(bit) * step, u64::from(bit + 1) * step);
            match runs.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                Some(_) | None => runs.push((from, to)),
            }
        }
        runs
    }

    #[test]
    fn every_small_calendar_is_as_counted_step_by_step() {
        // Days of a week as steps, so that all weeks there can be with whole days are tried behind all beginnings.
        for spans in 0..1 << 4 {
            for week in 0..1 << 7 {
                let calendar = calendar(&runs(spans, 4, DAY), 4 * DAY, &runs(week, 7, DAY));
                let naive = Naive::of(&calendar, DAY, 4 + 7 * 70);
                assert_as_counted(&calendar, &naive, 0..20);
            }
        }
    }

    #[test]
    fn a_year_of_an_office_is_as_counted_minute_by_minute() {
        let lunch = |day: u64| {
            [(day * DAY + 9 * HOUR, day * DAY + 13 * HOUR), (day * DAY + 14 * HOUR, day * DAY + 18 * HOUR)]
        };
        let spans: Vec<_> = (0..20).filter(|day| day % 7 < 5 && *day != 9).flat_map(lunch).collect();
        let week: Vec<_> = (0..6).flat_map(lunch).chain([(6 * DAY + 22 * HOUR, 7 * DAY)]).collect();
        let calendar = calendar(&spans, 21 * DAY, &week);
        let naive = Naive::of(&calendar, 60_000, 60 * 24 * 60);
        assert_as_counted(&calendar, &naive, (0..40 * 24 * 60).step_by(97));
        let (start, end) = (Timestamp(0), Timestamp(60 * DAY));
        for minutes in (1..9_000).step_by(101) {
            let span = Millis(minutes * 60_000);
            let due = calendar.working_until(start, span);
            assert_eq!(due, naive.until(0, span));
            assert_eq!(due.map(|due| calendar.working_between(start, due)), Some(span));
        }
        assert_eq!(calendar.working_between(start, end), naive.between(0, naive.open.len()));
    }

    #[test]
    fn a_span_holds_its_beginning_and_not_its_end() {
        let office = office();
        assert!(!office.is_open(Timestamp(9 * HOUR - 1)));
        assert!(office.is_open(Timestamp(9 * HOUR)));
        assert!(office.is_open(Timestamp(17 * HOUR - 1)));
        assert!(!office.is_open(Timestamp(17 * HOUR)));
        assert_eq!(office.next_change(Timestamp(9 * HOUR - 1)), Some(Timestamp(9 * HOUR)));
        assert_eq!(office.next_change(Timestamp(9 * HOUR)), Some(Timestamp(17 * HOUR)));
        assert_eq!(office.next_change(Timestamp(17 * HOUR)), Some(Timestamp(DAY + 9 * HOUR)));
    }

    #[test]
    fn a_term_ends_as_the_calendar_closes() {
        let office = office();
        let whole_day = office.working_until(Timestamp(9 * HOUR), Millis(8 * HOUR));
        assert_eq!(whole_day, Some(Timestamp(17 * HOUR)));
        let a_millisecond_more = office.working_until(Timestamp(9 * HOUR), Millis(8 * HOUR + 1));
        assert_eq!(a_millisecond_more, Some(Timestamp(DAY + 9 * HOUR + 1)));
        assert_eq!(office.working_until(Timestamp(3), Millis(0)), Some(Timestamp(3)));
    }

    #[test]
    fn a_term_crosses_the_horizon() {
        // 8 h and 3 h before the horizon, 1 h on the first Monday behind it.
        let due = office().working_until(Timestamp(0), Millis(12 * HOUR));
        assert_eq!(due, Some(Timestamp(2 * DAY + 10 * HOUR)));
        assert_eq!(office().working_between(Timestamp(0), Timestamp(2 * DAY + 10 * HOUR)), Millis(12 * HOUR));
    }

    #[test]
    fn far_behind_the_horizon_the_regular_week_holds() {
        let office = office();
        let far = 2 * DAY + 1_000_000_000 * WEEK_MS;
        assert!(office.is_open(Timestamp(far + 9 * HOUR)));
        assert_eq!(office.next_open(Timestamp(far)), Some(Timestamp(far + 9 * HOUR)));
        assert_eq!(
            office.next_change(Timestamp(far + 4 * DAY + 18 * HOUR)),
            Some(Timestamp(far + WEEK_MS + 9 * HOUR))
        );
        let million_weeks = Millis(1_000_000 * 40 * HOUR);
        let end_of_a_friday = Timestamp(far + 999_999 * WEEK_MS + 4 * DAY + 17 * HOUR);
        assert_eq!(office.working_until(Timestamp(far), million_weeks), Some(end_of_a_friday));
        assert_eq!(office.working_between(Timestamp(far), end_of_a_friday), million_weeks);
    }

    #[test]
    fn at_the_end_of_time_nothing_wraps_around() {
        let office = office();
        let last = Timestamp(u64::MAX);
        assert_eq!(office.working_until(Timestamp(0), Millis(u64::MAX)), None);
        assert_eq!(office.working_until(last, Millis(u64::MAX)), None);
        assert!(office.working_between(Timestamp(0), last).0 < u64::MAX);
        assert!(office.next_change(last).is_none_or(|at| at >= last));
        assert!(office.next_open(last).is_none_or(|at| at >= last));
        let never_expanded = CalendarPlan { until: last, ..office };
        assert_eq!(never_expanded.next_open(last), None, "the next Monday is behind the end of time");
    }

    #[test]
    fn around_the_clock_nothing_changes() {
        let always = calendar(&[(0, 3 * DAY)], 3 * DAY, &[(0, WEEK_MS)]);
        for at in [0, 1, 3 * DAY - 1, 3 * DAY, 3 * DAY + WEEK_MS, 1 << 60].map(Timestamp) {
            assert!(always.is_open(at));
            assert_eq!(always.next_change(at), None);
            assert_eq!(always.working_until(at, Millis(DAY)), Some(at + Millis(DAY)));
        }
        assert_eq!(always.working_between(Timestamp(0), Timestamp(30 * DAY)), Millis(30 * DAY));
    }

    #[test]
    fn spans_that_touch_at_the_horizon_and_from_week_to_week_are_one() {
        // A night shift from 20 to 8, every day; the horizon is at midnight.
        let mut week = vec![(0, 8 * HOUR)];
        week.extend((0..6).map(|day| (day * DAY + 20 * HOUR, (day + 1) * DAY + 8 * HOUR)));
        week.push((6 * DAY + 20 * HOUR, 7 * DAY));
        let nights = calendar(&[(0, 8 * HOUR), (20 * HOUR, DAY)], DAY, &week);
        assert_eq!(nights.next_change(Timestamp(21 * HOUR)), Some(Timestamp(DAY + 8 * HOUR)));
        let last_night = DAY + 6 * DAY + 21 * HOUR;
        assert_eq!(nights.next_change(Timestamp(last_night)), Some(Timestamp(DAY + WEEK_MS + 8 * HOUR)));
    }

    #[test]
    fn without_a_week_the_last_closing_is_the_last() {
        let once = calendar(&[(DAY, 2 * DAY)], 10 * DAY, &[]);
        assert_eq!(once.next_change(Timestamp(DAY)), Some(Timestamp(2 * DAY)));
        assert_eq!(once.next_change(Timestamp(2 * DAY)), None);
        assert_eq!(once.next_open(Timestamp(2 * DAY)), None);
        assert_eq!(once.working_until(Timestamp(0), Millis(DAY)), Some(Timestamp(2 * DAY)));
        assert_eq!(once.working_until(Timestamp(0), Millis(DAY + 1)), None);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let judged = |spans: &[(u64, u64)], until: u64, week: &[(u64, u64)]| {
            CalendarPlan {
                name: "office".into(),
                spans: spans.iter().map(|(from, to)| (Timestamp(*from), Timestamp(*to))).collect(),
                until: Timestamp(until),
                week: week.iter().map(|(from, to)| (Millis(*from), Millis(*to))).collect(),
            }
            .check()
        };
        assert_eq!(judged(&[], 5, &[]), Err(InvalidCalendar::NeverOpens));
        assert_eq!(judged(&[(1, 1)], 5, &[]), Err(InvalidCalendar::SpansNotApart));
        assert_eq!(judged(&[(2, 1)], 5, &[]), Err(InvalidCalendar::SpansNotApart));
        assert_eq!(judged(&[(0, 2), (1, 3)], 5, &[]), Err(InvalidCalendar::SpansNotApart));
        assert_eq!(judged(&[(0, 2), (2, 3)], 5, &[]), Err(InvalidCalendar::SpansNotApart));
        assert_eq!(judged(&[(3, 4), (1, 2)], 5, &[]), Err(InvalidCalendar::SpansNotApart));
        assert_eq!(judged(&[(3, 6)], 5, &[]), Err(InvalidCalendar::SpanBehindUntil));
        assert_eq!(judged(&[], 5, &[(0, 2), (2, 3)]), Err(InvalidCalendar::WeekNotApart));
        assert_eq!(judged(&[], 5, &[(0, WEEK_MS + 1)]), Err(InvalidCalendar::WeekTooLong));
        assert_eq!(judged(&[], 5, &[(0, WEEK_MS)]), Ok(()));
        let many =
            |count: usize| (0..count as u64).map(|place| (2 * place, 2 * place + 1)).collect::<Vec<_>>();
        assert_eq!(judged(&many(CALENDAR_SPANS_MAX), 8_000, &[]), Ok(()));
        assert_eq!(judged(&many(CALENDAR_SPANS_MAX + 1), 9_000, &[]), Err(InvalidCalendar::TooManySpans));
        assert_eq!(judged(&[], 0, &many(CALENDAR_WEEK_SPANS_MAX)), Ok(()));
        assert_eq!(judged(&[], 0, &many(CALENDAR_WEEK_SPANS_MAX + 1)), Err(InvalidCalendar::WeekTooFine));
    }
}
