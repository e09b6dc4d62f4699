//! Working time as a person writes it, and its expansion to what the log carries.
//!
//! **Invariant:** an expansion depends on the definition and on the moment that the caller names, on nothing else: no clock,
//! no zone data of the machine.

pub(crate) mod holidays;
pub(crate) mod hours;
mod view;
pub(crate) mod zone;

pub use view::{CalendarDay, OpenSpan, Reason};

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use ringmain_routing::calendar::{CalendarPlan, InvalidCalendar};
use ringmain_routing::{Millis, Name, Timestamp};

use holidays::{Country, OfficialDay};
use hours::{DAY_MINUTES, Hours, day_number};
use zone::{Edge, Zone};

/// Days ahead of the day of applying that are expanded at least; they are filled up to the next Monday.
pub const DAYS_AHEAD: usize = 400;
/// Days before the day of applying that are expanded too: what has waited since then is counted rightly.
pub const DAYS_BEFORE: usize = 31;
/// Most spans of opening hours of one day, so that an expansion keeps the core's limit.
pub const HOURS_PER_DAY_MAX: usize = 8;

/// Most open spans of all calendars of a plan together: some 130 offices with holidays. A plan with them still fits a
/// message to a node (1 MiB, 16 bytes a span).
pub const CALENDAR_SPANS_TOTAL_MAX: usize = 40_000;

const MINUTE_MS: u64 = 60_000;

/// A calendar as the plan file defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    pub(crate) name: Name,
    pub(crate) zone: Zone,
    /// Hours of the regular week, Monday first; those of a day in their order and apart from each other.
    pub(crate) week: [Vec<Hours>; 7],
    pub(crate) country: Option<Country>,
    pub(crate) holiday_hours: Vec<Hours>,
    /// Whether the day before a holiday is shorter where the law says so.
    pub(crate) short_eves: bool,
    /// Days with hours of their own; none of them: closed.
    pub(crate) own_days: BTreeMap<Date, Vec<Hours>>,
}

/// A calendar that cannot be expanded from that moment on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// The moment is none that calendars count.
    #[error("calendar {calendar:?} cannot be expanded from a moment {ms} ms after 1970; is the clock right?")]
    OutOfTime {
        /// Which.
        calendar: Name,
        /// The moment.
        ms: u64,
    },
    /// The calendars of the plan are more than a plan can hold.
    #[error(
        "with calendar {calendar:?} the plan has more than {CALENDAR_SPANS_TOTAL_MAX} open spans in its calendars; \
         leave out calendars that nobody uses, or join hours of a day"
    )]
    TooManySpans {
        /// The first for which there is no room.
        calendar: Name,
    },
    /// What came out does not fit the core.
    #[error("calendar {calendar:?}: {cause}")]
    Invalid {
        /// Which.
        calendar: Name,
        /// Why.
        cause: InvalidCalendar,
    },
}

/// The hours of a day and why it has them.
pub(crate) struct DayHours {
    pub(crate) hours: Vec<Hours>,
    pub(crate) reason: Reason,
}

/// Days that the law changes, of the years that an expansion touches.
type OfficialDays = BTreeMap<Date, OfficialDay>;

impl Calendar {
    /// Takes its hours for those of UTC.
    pub(crate) fn read_in_utc(&mut self) {
        if let Ok(utc) = Zone::named("UTC") {
            self.zone = utc;
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of its time zone in the IANA database.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        self.zone.name()
    }

    /// The calendar in UTC: [`DAYS_BEFORE`] days before that of `now`, [`DAYS_AHEAD`] days behind it and the rest of that
    /// week, and the regular week from then on, at the offset that the zone has there.
    ///
    /// # Errors
    /// When `now` is beyond the years of calendars, or the calendar does not open any more: it has no regular hours, and its
    /// dates have passed.
    pub fn expand(&self, now: Timestamp) -> Result<CalendarPlan, ExpandError> {
        let plan = self.expanded(now);
        let plan = plan.ok_or_else(|| ExpandError::OutOfTime { calendar: self.name.clone(), ms: now.0 })?;
        match plan.check() {
            Ok(()) => Ok(plan),
            Err(cause) => Err(ExpandError::Invalid { calendar: self.name.clone(), cause }),
        }
    }

    fn expanded(&self, now: Timestamp) -> Option<CalendarPlan> {
        let today = self.zone.date_at(i64::try_from(now.0).ok()?)?;
        let first = days_from(today, Date::yesterday, DAYS_BEFORE)?;
        let mut horizon = days_from(today, Date::tomorrow, DAYS_AHEAD)?;
        while horizon.weekday() != Weekday::Monday {
            horizon = horizon.tomorrow().ok()?;
        }
        let until = self.zone.moment(horizon, 0, Edge::Opening)?;
        let official = self.official_days(first, horizon);
        let mut spans = Vec::new();
        let mut day = first;
        while day < horizon {
            for (open, close) in self.moments(day, &self.hours_on(day, &official).hours)? {
                spans.push((open, close.min(until)));
            }
            day = day.tomorrow().ok()?;
        }
        let since_epoch = |ms: i64| u64::try_from(ms).unwrap_or(0);
        let spans = spans.into_iter().map(|(open, close)| (since_epoch(open), since_epoch(close))).collect();
        Some(CalendarPlan {
            name: self.name.clone(),
            spans: joined(spans)
                .into_iter()
                .map(|(open, close)| (Timestamp(open), Timestamp(close)))
                .collect(),
            until: Timestamp(since_epoch(until)),
            week: self.regular_week(),
        })
    }

    /// What the law makes of the days from `first` to `last` and of the one behind.
    pub(crate) fn official_days(&self, first: Date, last: Date) -> OfficialDays {
        let years = first.year()..=last.year().saturating_add(1);
        let Some(country) = self.country else { return OfficialDays::new() };
        years.flat_map(|year| country.holidays().days_of(year)).collect()
    }

    /// The hours that begin on that day: its own, else those that the law leaves of the week's.
    pub(crate) fn hours_on(&self, day: Date, official: &OfficialDays) -> DayHours {
        if let Some(own) = self.own_days.get(&day) {
            return DayHours { hours: own.clone(), reason: Reason::OwnHours };
        }
        let of_week = |day: Date| self.week[day_number(day.weekday())].clone();
        match official.get(&day) {
            Some(OfficialDay::Holiday { name }) => {
                DayHours { hours: self.holiday_hours.clone(), reason: Reason::Holiday(name.clone()) }
            }
            // A day off is served as the day off that was moved there: an office that opens on Saturdays opens then too.
            Some(OfficialDay::DayOff { instead_of }) => {
                DayHours { hours: of_week(*instead_of), reason: Reason::OffInsteadOf(instead_of.to_string()) }
            }
            Some(OfficialDay::Working { instead_of }) => {
                let reason = Reason::WorkedInsteadOf(instead_of.to_string());
                self.before_a_holiday(*instead_of, DayHours { hours: of_week(*instead_of), reason }, official)
            }
            None => {
                let regular = DayHours { hours: of_week(day), reason: Reason::Regular };
                self.before_a_holiday(day, regular, official)
            }
        }
    }

    /// Takes off what the law takes off if `day` is the eve of a holiday. Who is open around the clock stays so.
    fn before_a_holiday(&self, day: Date, day_hours: DayHours, official: &OfficialDays) -> DayHours {
        let next = day.tomorrow().ok().and_then(|next| official.get(&next));
        let shorter = self.country.map_or(0, |country| country.holidays().eve_shorter_min);
        if !matches!(next, Some(OfficialDay::Holiday { .. })) || !self.short_eves || shorter == 0 {
            return day_hours;
        }
        let length: u16 = day_hours.hours.iter().map(|hours| hours.to - hours.from).sum();
        if length == 0 || length >= DAY_MINUTES {
            return day_hours;
        }
        let hours = shortened(day_hours.hours, shorter);
        match day_hours.reason {
            Reason::Regular => DayHours { hours, reason: Reason::ShortEve },
            reason @ (Reason::ShortEve
            | Reason::OwnHours
            | Reason::Holiday(_)
            | Reason::OffInsteadOf(_)
            | Reason::WorkedInsteadOf(_)) => DayHours { hours, reason },
        }
    }

    /// The hours of a day as moments (milliseconds since the Unix epoch); those that clocks leave out are none.
    pub(crate) fn moments(&self, day: Date, hours: &[Hours]) -> Option<Vec<(i64, i64)>> {
        let mut moments = Vec::new();
        for hours in hours {
            let open = self.zone.moment(day, hours.from, Edge::Opening)?;
            let close = self.zone.moment(day, hours.to, Edge::Closing)?;
            if open < close {
                moments.push((open, close));
            }
        }
        Some(moments)
    }

    fn regular_week(&self) -> Vec<(Millis, Millis)> {
        const WEEK: u64 = 7 * DAY_MINUTES as u64;
        let mut spans = Vec::new();
        for (day, hours) in (0..).zip(&self.week) {
            for hours in hours {
                let from = day * u64::from(DAY_MINUTES) + u64::from(hours.from);
                let to = day * u64::from(DAY_MINUTES) + u64::from(hours.to);
                spans.push((from, to.min(WEEK)));
                if to > WEEK {
                    spans.push((0, to - WEEK));
                }
            }
        }
        let ms = |minutes: u64| Millis(minutes * MINUTE_MS);
        joined(spans).into_iter().map(|(from, to)| (ms(from), ms(to))).collect()
    }
}

fn days_from(day: Date, step: fn(Date) -> Result<Date, jiff::Error>, count: usize) -> Option<Date> {
    (0..count).try_fold(day, |day, _| step(day).ok())
}

/// Spans in their order, with those joined that touch or overlap; empty ones are left out.
fn joined(mut spans: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    spans.retain(|(from, to)| from < to);
    spans.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            Some(_) | None => joined.push((from, to)),
        }
    }
    joined
}

/// The hours without their last so many minutes.
fn shortened(mut hours: Vec<Hours>, minutes: u16) -> Vec<Hours> {
    let mut left = minutes;
    while let Some(last) = hours.last_mut() {
        let length = last.to - last.from;
        if length > left {
            last.to -= left;
            break;
        }
        left -= length;
        hours.pop();
    }
    hours
}
