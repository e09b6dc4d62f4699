//! A calendar day by day, for people.

use std::fmt;

use jiff::civil::Date;
use ringmain_routing::Timestamp;

use super::hours::{DAY_WORDS, day_number, parse_date};
use super::{Calendar, ExpandError};

/// Most days that are shown at once.
pub const DAYS_SHOWN_MAX: usize = 1_000;

/// One day of a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarDay {
    /// The day, `2026-12-31`.
    pub date: String,
    /// Its day of the week, `mon` to `sun`.
    pub weekday: &'static str,
    /// Why it has the hours that it has.
    pub reason: Reason,
    /// Hours that begin on this day; none: closed.
    pub open: Vec<OpenSpan>,
}

/// Hours of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSpan {
    /// When it opens, as a clock there shows it.
    pub opens: String,
    /// When it closes, as a clock there shows it.
    pub closes: String,
    /// When it opens.
    pub from: Timestamp,
    /// When it closes.
    pub to: Timestamp,
}

/// Why a day has the hours that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is as each week.
    Regular,
    /// As each week, and shorter because a holiday follows.
    ShortEve,
    /// The calendar names the date.
    OwnHours,
    /// A holiday, with its name.
    Holiday(String),
    /// Off instead of that date.
    OffInsteadOf(String),
    /// Worked instead of that date.
    WorkedInsteadOf(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Regular => f.write_str("as each week"),
            Reason::ShortEve => f.write_str("shorter, before a holiday"),
            Reason::OwnHours => f.write_str("hours of its own"),
            Reason::Holiday(name) => f.write_str(name),
            Reason::OffInsteadOf(date) => write!(f, "off instead of {date}"),
            Reason::WorkedInsteadOf(date) => write!(f, "worked instead of {date}"),
        }
    }
}

impl Calendar {
    /// So many days (at most [`DAYS_SHOWN_MAX`]) from `first` on, which is the day of `now` when it is not given.
    ///
    /// # Errors
    /// What is wrong with the date, or that `now` is beyond the years of calendars.
    pub fn days(
        &self,
        first: Option<&str>,
        now: Timestamp,
        count: usize,
    ) -> Result<Vec<CalendarDay>, String> {
        let out_of_time = || ExpandError::OutOfTime { calendar: self.name.clone(), ms: now.0 }.to_string();
        let mut day = match first {
            Some(text) => parse_date(text)?,
            None => {
                i64::try_from(now.0).ok().and_then(|now| self.zone.date_at(now)).ok_or_else(out_of_time)?
            }
        };
        let count = count.min(DAYS_SHOWN_MAX);
        let years =
            day.year()..=day.year().saturating_add(i16::try_from(count / 365 + 1).unwrap_or(i16::MAX));
        let last = Date::new(*years.end(), 12, 31).map_err(|_| out_of_time())?;
        let official = self.official_days(day, last);
        let mut days = Vec::with_capacity(count);
        for _ in 0..count {
            let of_day = self.hours_on(day, &official);
            let moments = self.moments(day, &of_day.hours).ok_or_else(out_of_time)?;
            days.push(CalendarDay {
                date: day.to_string(),
                weekday: DAY_WORDS[day_number(day.weekday())],
                reason: of_day.reason,
                open: moments.into_iter().filter_map(|span| self.open_span(span)).collect(),
            });
            day = day.tomorrow().map_err(|_| out_of_time())?;
        }
        Ok(days)
    }

    fn open_span(&self, (from, to): (i64, i64)) -> Option<OpenSpan> {
        Some(OpenSpan {
            opens: self.zone.clock_at(from)?,
            closes: self.zone.clock_at(to)?,
            from: Timestamp(u64::try_from(from).ok()?),
            to: Timestamp(u64::try_from(to).ok()?),
        })
    }
}
