//! The calendars of the plan file.

use std::collections::BTreeMap;

use jiff::civil::Date;
use ringmain_routing::Name;
use ringmain_routing::limits::NAME_BYTES_MAX;

use super::names::Names;
use crate::calendar::holidays::{COUNTRY_WORDS, Country};
use crate::calendar::hours::{
    DATE, DAY_MINUTES, DAY_WORDS, DAYS, HOURS, Hours, parse_date, parse_days, parse_hours,
};
use crate::calendar::zone::{ZONE, Zone};
use crate::calendar::{Calendar, HOURS_PER_DAY_MAX};
use crate::problem::Sink;
use crate::section::{Placed, Section};
use crate::shape::{Field, Kind, Need, Shape};

/// Most dates of one calendar that have hours of their own, and most that are closed.
const DATES_MAX: usize = 1_000;

const HOURS_OF_DAY: Kind = Kind::OneOrMore(&HOURS, HOURS_PER_DAY_MAX);

/// The fields of a calendar.
pub(super) static CALENDAR: Shape = Shape {
    doc: "When work is done, or when queues take contacts.",
    exactly_one: false,
    fields: &[
        Field { name: "name", kind: Kind::Text(NAME_BYTES_MAX), need: Need::Required, doc: "Its name." },
        Field {
            name: "zone",
            kind: Kind::Formed(&ZONE),
            need: Need::Required,
            doc: "The time zone of its hours, by its name in the IANA database.",
        },
        Field {
            name: "hours",
            kind: Kind::Keyed(&DAYS, &HOURS_OF_DAY, 7),
            need: Need::Optional,
            doc: "Hours of the regular week; days that are not named are closed. Hours that end before they begin go on \
                  behind midnight.",
        },
        Field {
            name: "holidays",
            kind: Kind::Choice(COUNTRY_WORDS),
            need: Need::Word("none"),
            doc: "The country whose holidays and moved days off hold.",
        },
        Field {
            name: "holiday_hours",
            kind: HOURS_OF_DAY,
            need: Need::Optional,
            doc: "Hours on holidays; closed without.",
        },
        Field {
            name: "short_eves",
            kind: Kind::Flag,
            need: Need::Flag(true),
            doc: "Whether the day before a holiday is shorter where the law says so (in Russia by an hour).",
        },
        Field {
            name: "closed",
            kind: Kind::OneOrMore(&DATE, DATES_MAX),
            need: Need::Optional,
            doc: "Dates on which it does not open.",
        },
        Field {
            name: "special",
            kind: Kind::Keyed(&DATE, &HOURS_OF_DAY, DATES_MAX),
            need: Need::Optional,
            doc: "Dates with hours of their own, whatever the week and the law say.",
        },
    ],
};

/// Hours and where the file gives them.
type PlacedHours<'d> = (Hours, Placed<&'d str>);

/// All calendars of the file, in its order.
pub(super) fn read(file: &Section<'_>, sink: &mut Sink<'_>) -> (Names, Vec<Calendar>) {
    let mut names = Names::new("calendar");
    let mut calendars = Vec::new();
    for section in file.sections("calendars") {
        let calendar = read_calendar(&section, sink);
        let Some(name) = section.text("name") else { continue };
        if names.declare(&name, sink)
            && let Some(calendar) = calendar
        {
            calendars.push(Calendar { name: name.value.into(), ..calendar });
        }
    }
    (names, calendars)
}

fn read_calendar(section: &Section<'_>, sink: &mut Sink<'_>) -> Option<Calendar> {
    let country = Country::of_word(section.word("holidays"));
    if section.has("holiday_hours") && country.is_none() {
        let (span, path) = (section.span_of("holiday_hours"), section.path_of("holiday_hours"));
        sink.add_hint(&span, &path, "says nothing without holidays", "name a country under holidays");
    }
    let zone = section.text("zone").and_then(|zone| Zone::named(zone.value).ok());
    let calendar = Calendar {
        name: Name::from(""),
        week: read_week(section, sink),
        country,
        holiday_hours: read_day(&section.texts("holiday_hours"), sink),
        short_eves: section.flag("short_eves"),
        own_days: read_own_days(section, sink),
        zone: zone?,
    };
    // Hours that are wrong are a problem already, and meant to open.
    let means_to_open = ["hours", "special"]
        .iter()
        .any(|key| section.keyed_texts(key).iter().any(|(_, texts)| !texts.is_empty()));
    let opens = means_to_open || !calendar.holiday_hours.is_empty();
    if !opens {
        let (span, path) = (section.span_of("hours"), section.path_of("hours"));
        sink.add_hint(&span, &path, "it never opens", "give hours like { mon-fri = \"08:00-20:00\" }");
    }
    Some(calendar)
}

/// The week, Monday first. A day may be named once; hours that go on behind midnight must leave room on the next day.
fn read_week(section: &Section<'_>, sink: &mut Sink<'_>) -> [Vec<Hours>; 7] {
    let mut named: BTreeMap<usize, &str> = BTreeMap::new();
    let mut placed: Vec<(u16, PlacedHours<'_>)> = Vec::new();
    for (key, texts) in section.keyed_texts("hours") {
        let Ok(days) = parse_days(key.value) else { continue };
        if let Some(before) = days.iter().find_map(|day| named.get(day)) {
            let message = format!("{:?} names a day that {before:?} names already", key.value);
            sink.add_hint(&key.span, &key.path, message, "each day may be named once");
            continue;
        }
        named.extend(days.iter().map(|day| (*day, key.value)));
        let of_day = hours_of(&texts);
        placed.extend(
            days.iter()
                .flat_map(|day| of_day.iter().map(move |hours| (small(*day) * DAY_MINUTES, hours.clone()))),
        );
    }
    placed.sort_by_key(|(start, (hours, _))| start + hours.from);
    note_overlaps(&placed, Some(7 * DAY_MINUTES), sink);
    let mut week = [const { Vec::new() }; 7];
    for (start, (hours, _)) in placed {
        week[usize::from(start / DAY_MINUTES)].push(hours);
    }
    week
}

fn read_own_days(section: &Section<'_>, sink: &mut Sink<'_>) -> BTreeMap<Date, Vec<Hours>> {
    let mut own_days = BTreeMap::new();
    for text in section.texts("closed") {
        let Ok(date) = parse_date(text.value) else { continue };
        if own_days.insert(date, Vec::new()).is_some() {
            let message = format!("names {:?} twice", text.value);
            sink.add_hint(&text.span, &text.path, message, "leave one out");
        }
    }
    for (key, texts) in section.keyed_texts("special") {
        let Ok(date) = parse_date(key.value) else { continue };
        if own_days.insert(date, read_day(&texts, sink)).is_some() {
            let message = format!("{:?} has hours and is closed", key.value);
            sink.add_hint(&key.span, &key.path, message, "leave it out of closed, or out of special");
        }
    }
    own_days
}

/// Hours of one day, in their order.
fn read_day(texts: &[Placed<&str>], sink: &mut Sink<'_>) -> Vec<Hours> {
    let mut placed: Vec<(u16, PlacedHours<'_>)> =
        hours_of(texts).into_iter().map(|hours| (0, hours)).collect();
    placed.sort_by_key(|(_, (hours, _))| hours.from);
    note_overlaps(&placed, None, sink);
    placed.into_iter().map(|(_, (hours, _))| hours).collect()
}

fn hours_of<'d>(texts: &[Placed<&'d str>]) -> Vec<PlacedHours<'d>> {
    texts.iter().filter_map(|text| Some((parse_hours(text.value).ok()?, text.clone()))).collect()
}

/// Notes hours that begin before others end. They are in order, each with the minute at which its day starts; behind
/// `round` minutes it begins again with the first.
fn note_overlaps(placed: &[(u16, PlacedHours<'_>)], round: Option<u16>, sink: &mut Sink<'_>) {
    let mut noted = Vec::new();
    let again = placed.first().zip(round).map(|((start, hours), round)| (start + round, hours.clone()));
    let mut last: Option<(u16, &PlacedHours<'_>)> = None;
    for (start, hours) in placed.iter().chain(&again) {
        let (from, to) = (start + hours.0.from, start + hours.0.to);
        if let Some((end, before)) = last.filter(|(end, _)| from < *end) {
            let text = &hours.1;
            if !noted.contains(&text.span.start) {
                noted.push(text.span.start);
                let day = DAY_WORDS[usize::from(start / DAY_MINUTES) % DAY_WORDS.len()];
                let on = if round.is_some() { format!(" on {day}") } else { String::new() };
                let message = format!("{:?} overlaps {:?}{on}", text.value, before.1.value);
                sink.add_hint(
                    &text.span,
                    &text.path,
                    message,
                    "join them, or let one end before the other begins",
                );
            }
            last = Some((end.max(to), if to > end { hours } else { before }));
        } else {
            last = Some((to, hours));
        }
    }
}

fn small(day: usize) -> u16 {
    u16::try_from(day).unwrap_or(0)
}
