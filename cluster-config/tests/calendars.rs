//! Calendars of a plan file, expanded to UTC.

use jiff::Timestamp as Instant;
use ringmain_cluster_config::calendar::{DAYS_AHEAD, DAYS_BEFORE, Reason};
use ringmain_cluster_config::plan::{calendar_changes, says_the_same};
use ringmain_cluster_config::{Calendar, Problems, RoutingPlan, schema};
use ringmain_routing::calendar::{CalendarPlan, WEEK_MS};
use ringmain_routing::{Millis, Timestamp};

mod json_schema;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

fn parse(fields: &str) -> Result<RoutingPlan, Problems> {
    let text = format!("channels = []\nqueues = []\n[[calendars]]\nname = \"office\"\n{fields}");
    RoutingPlan::parse("plan.toml", &text)
}

fn calendar(fields: &str) -> Calendar {
    parse(fields).unwrap_or_else(|problems| panic!("{problems}")).calendars.remove(0)
}

fn at(text: &str) -> Timestamp {
    let instant: Instant = text.parse().expect("a moment in RFC 3339");
    Timestamp(u64::try_from(instant.as_millisecond()).expect("after 1970"))
}

fn expand(fields: &str, now: &str) -> CalendarPlan {
    calendar(fields).expand(at(now)).unwrap_or_else(|error| panic!("{error}"))
}

/// Open spans that begin within the day from that moment on, in UTC.
fn spans(plan: &CalendarPlan, from: &str) -> Vec<String> {
    let text = |at: Timestamp| {
        Instant::from_millisecond(i64::try_from(at.0).expect("in this age")).expect("in this age").to_string()
    };
    let day = at(from)..at(from) + Millis(DAY);
    let within = plan.spans.iter().filter(|(open, _)| day.contains(open));
    within.map(|(open, close)| format!("{} {}", text(*open), text(*close))).collect()
}

const URAL: &str = r#"
zone = "Asia/Yekaterinburg"
hours = { mon-fri = "08:00-20:00", sat = ["09:00-12:00", "13:00-15:00"] }
"#;

const URAL_WITH_HOLIDAYS: &str = r#"
zone = "Asia/Yekaterinburg"
hours = { mon-fri = "08:00-20:00", sat = "09:00-15:00" }
holidays = "ru"
"#;

#[test]
fn hours_are_local_and_the_log_is_utc() {
    let plan = expand(URAL, "2026-11-22T17:00:00Z");
    assert_eq!(spans(&plan, "2026-11-22T19:00:00Z"), ["2026-11-23T03:00:00Z 2026-11-23T15:00:00Z"]);
    assert_eq!(
        spans(&plan, "2026-11-27T19:00:00Z"),
        ["2026-11-28T04:00:00Z 2026-11-28T07:00:00Z", "2026-11-28T08:00:00Z 2026-11-28T10:00:00Z"]
    );
    assert_eq!(spans(&plan, "2026-11-28T19:00:00Z"), Vec::<String>::new());
}

#[test]
fn an_expansion_reaches_back_and_far_ahead_to_a_monday() {
    // In Yekaterinburg it is 2026-11-22, and Monday there begins at 19:00 UTC on Sunday.
    let plan = expand(URAL, "2026-11-22T18:59:59Z");
    assert_eq!(plan.until, at("2027-12-26T19:00:00Z"));
    assert_eq!(plan.spans[0].0, at("2026-10-22T03:00:00Z"));
    let days = plan.until.since(at("2026-11-21T19:00:00Z")).0 / DAY;
    assert!((DAYS_AHEAD as u64..DAYS_AHEAD as u64 + 7).contains(&days), "{days}");
    assert_eq!(DAYS_BEFORE, 31);
}

#[test]
fn behind_the_horizon_the_regular_week_goes_on() {
    let plan = expand(URAL_WITH_HOLIDAYS, "2026-11-22T17:00:00Z");
    let mondays: Vec<bool> =
        (0..100).map(|week| plan.is_open(plan.until + Millis(week * WEEK_MS + 8 * HOUR))).collect();
    assert!(mondays.iter().all(|open| *open));
    assert!(!plan.is_open(plan.until + Millis(8 * HOUR - 1)));
    assert_eq!(plan.week[5], (Millis(5 * DAY + 9 * HOUR), Millis(5 * DAY + 15 * HOUR)));
    assert_eq!(plan.working_between(plan.until, plan.until + Millis(10 * WEEK_MS)), Millis(660 * HOUR));
}

#[test]
fn every_minute_is_open_as_the_clock_on_the_wall_says() {
    // Yekaterinburg is five hours ahead and never changes its clocks.
    let plan = expand(URAL, "2026-11-22T17:00:00Z");
    let monday = at("2026-11-22T19:00:00Z");
    for minute in 0..(21 * 24 * 60) {
        let (day, of_day) = (minute / 1440 % 7, minute % 1440);
        let open = match day {
            0..=4 => (480..1200).contains(&of_day),
            5 => (540..720).contains(&of_day) || (780..900).contains(&of_day),
            _ => false,
        };
        assert_eq!(plan.is_open(monday + Millis(minute * 60_000)), open, "minute {of_day} of day {day}");
    }
}

#[test]
fn what_was_expanded_later_says_the_same_of_the_days_that_both_know() {
    let (first, later) = (
        expand(URAL_WITH_HOLIDAYS, "2026-11-22T17:00:00Z"),
        expand(URAL_WITH_HOLIDAYS, "2026-12-30T20:00:00Z"),
    );
    assert!(later.until > first.until);
    let (from, to) = (at("2026-12-01T00:00:00Z"), first.until);
    let known = |plan: &CalendarPlan| -> Vec<_> {
        plan.spans.iter().filter(|(open, _)| *open >= from && *open < to).copied().collect()
    };
    assert_eq!(known(&first), known(&later));
    assert_eq!(first.week, later.week);
}

#[test]
fn holidays_close_and_the_day_before_is_an_hour_shorter() {
    let plan = expand(URAL_WITH_HOLIDAYS, "2026-10-22T17:00:00Z");
    assert_eq!(spans(&plan, "2026-11-02T19:00:00Z"), ["2026-11-03T03:00:00Z 2026-11-03T14:00:00Z"]);
    assert_eq!(spans(&plan, "2026-11-03T19:00:00Z"), Vec::<String>::new());
    assert_eq!(spans(&plan, "2026-11-04T19:00:00Z"), ["2026-11-05T03:00:00Z 2026-11-05T15:00:00Z"]);
    // 31 December 2026 is off instead of Sunday the 4th of January; an office that is closed on Sundays is closed.
    assert_eq!(spans(&plan, "2026-12-30T19:00:00Z"), Vec::<String>::new());
    // 30 December precedes no holiday.
    assert_eq!(spans(&plan, "2026-12-29T19:00:00Z"), ["2026-12-30T03:00:00Z 2026-12-30T15:00:00Z"]);

    let long_eves = expand(&format!("{URAL_WITH_HOLIDAYS}short_eves = false\n"), "2026-10-22T17:00:00Z");
    assert_eq!(spans(&long_eves, "2026-11-02T19:00:00Z"), ["2026-11-03T03:00:00Z 2026-11-03T15:00:00Z"]);
}

#[test]
fn a_day_with_which_another_was_swapped_has_the_hours_of_that_one() {
    let plan = expand(URAL_WITH_HOLIDAYS, "2025-04-20T17:00:00Z");
    // Friday 2 May is off instead of Saturday the 4th of January, and this office opens on Saturdays.
    assert_eq!(spans(&plan, "2025-05-01T19:00:00Z"), ["2025-05-02T04:00:00Z 2025-05-02T10:00:00Z"]);
    // Saturday 1 November is worked instead of Monday the 3rd, the eve of a holiday.
    assert_eq!(spans(&plan, "2025-10-31T19:00:00Z"), ["2025-11-01T03:00:00Z 2025-11-01T14:00:00Z"]);
    assert_eq!(spans(&plan, "2025-11-02T19:00:00Z"), ["2025-11-03T04:00:00Z 2025-11-03T10:00:00Z"]);
}

#[test]
fn dates_of_the_calendar_itself_go_before_week_and_law() {
    let plan = expand(
        &format!(
            "{URAL_WITH_HOLIDAYS}closed = [\"2026-11-25\", \"2026-11-26\"]\nspecial = {{ 2026-12-31 = \"09:00-14:00\", \
             \"2027-01-02\" = [\"10:00-11:00\", \"22:00-02:00\"] }}\nholiday_hours = \"12:00-13:00\"\n"
        ),
        "2026-11-22T17:00:00Z",
    );
    assert_eq!(spans(&plan, "2026-11-24T19:00:00Z"), Vec::<String>::new());
    assert_eq!(spans(&plan, "2026-11-25T19:00:00Z"), Vec::<String>::new());
    assert_eq!(spans(&plan, "2026-12-30T19:00:00Z"), ["2026-12-31T04:00:00Z 2026-12-31T09:00:00Z"]);
    assert_eq!(spans(&plan, "2026-12-31T19:00:00Z"), ["2027-01-01T07:00:00Z 2027-01-01T08:00:00Z"]);
    assert_eq!(
        spans(&plan, "2027-01-01T19:00:00Z"),
        ["2027-01-02T05:00:00Z 2027-01-02T06:00:00Z", "2027-01-02T17:00:00Z 2027-01-02T21:00:00Z"]
    );
}

#[test]
fn around_the_clock_is_one_span_whatever_clocks_do() {
    for zone in ["Asia/Almaty", "Europe/Berlin", "America/New_York"] {
        let plan =
            expand(&format!("zone = \"{zone}\"\nhours = {{ mon-sun = \"24h\" }}\n"), "2026-01-01T00:00:00Z");
        assert_eq!(plan.spans.len(), 1, "{zone}");
        assert_eq!(plan.week, [(Millis(0), Millis(WEEK_MS))]);
        assert_eq!(plan.next_change(at("2026-06-01T00:00:00Z")), None, "{zone}");
    }
    let with_holidays = expand(
        "zone = \"Asia/Yekaterinburg\"\nhours = { mon-sun = \"24h\" }\nholidays = \"ru\"\nholiday_hours = \"24h\"\n",
        "2026-01-01T00:00:00Z",
    );
    assert_eq!(with_holidays.spans.len(), 1, "the eve of a holiday is not shorter around the clock");
}

#[test]
fn nights_belong_to_the_day_on_which_they_begin() {
    let plan = expand(
        "zone = \"Asia/Yekaterinburg\"\nhours = { mon-sun = \"20:00-08:00\" }\nclosed = \"2026-12-02\"\n",
        "2026-11-22T17:00:00Z",
    );
    assert_eq!(spans(&plan, "2026-11-30T19:00:00Z"), ["2026-12-01T15:00:00Z 2026-12-02T03:00:00Z"]);
    assert_eq!(spans(&plan, "2026-12-01T19:00:00Z"), Vec::<String>::new());
    // The last night before the horizon is cut there, and the week begins with its rest.
    assert_eq!(plan.spans.last().map(|span| span.1), Some(plan.until));
    assert_eq!(plan.week[0], (Millis(0), Millis(8 * HOUR)));
    assert_eq!(plan.week[7], (Millis(6 * DAY + 20 * HOUR), Millis(WEEK_MS)));
    assert_eq!(plan.next_change(plan.until), Some(plan.until + Millis(8 * HOUR)));
}

#[test]
fn berlin_keeps_its_hours_on_the_clock_through_both_changes() {
    let plan = expand(
        "zone = \"Europe/Berlin\"\nhours = { mon-sun = [\"01:00-04:00\", \"09:00-17:00\"] }\n",
        "2026-03-01T00:00:00Z",
    );
    let of_day = |day: &str| spans(&plan, day);
    assert_eq!(
        of_day("2026-03-27T23:00:00Z"),
        ["2026-03-28T00:00:00Z 2026-03-28T03:00:00Z", "2026-03-28T08:00:00Z 2026-03-28T16:00:00Z"]
    );
    // Clocks leave out the hour from 2 to 3.
    assert_eq!(
        of_day("2026-03-28T23:00:00Z"),
        ["2026-03-29T00:00:00Z 2026-03-29T02:00:00Z", "2026-03-29T07:00:00Z 2026-03-29T15:00:00Z"]
    );
    // Clocks show the hour from 2 to 3 twice.
    assert_eq!(
        of_day("2026-10-24T22:00:00Z"),
        ["2026-10-24T23:00:00Z 2026-10-25T03:00:00Z", "2026-10-25T08:00:00Z 2026-10-25T16:00:00Z"]
    );
    assert_eq!(
        of_day("2026-10-25T23:00:00Z"),
        ["2026-10-26T00:00:00Z 2026-10-26T03:00:00Z", "2026-10-26T08:00:00Z 2026-10-26T16:00:00Z"]
    );
    // The horizon is a midnight of Berlin, in summer.
    assert_eq!(plan.until, at("2027-04-04T22:00:00Z"));
}

#[test]
fn hours_within_the_change_of_clocks_are_taken_as_a_clock_shows_them() {
    let night = |hours: &str, now: &str| {
        expand(&format!("zone = \"Europe/Berlin\"\nhours = {{ mon-sun = {hours} }}\n"), now)
    };
    let skipped = night("\"02:15-02:45\"", "2026-03-20T00:00:00Z");
    assert_eq!(spans(&skipped, "2026-03-28T23:00:00Z"), Vec::<String>::new());
    let half = night("\"01:30-02:30\"", "2026-03-20T00:00:00Z");
    assert_eq!(spans(&half, "2026-03-28T23:00:00Z"), ["2026-03-29T00:30:00Z 2026-03-29T01:00:00Z"]);
    let twice = night("[\"00:00-02:30\", \"02:30-06:00\"]", "2026-10-20T00:00:00Z");
    assert_eq!(spans(&twice, "2026-10-24T21:00:00Z"), ["2026-10-24T22:00:00Z 2026-10-25T05:00:00Z"]);
}

#[test]
fn the_most_hours_that_are_possible_keep_the_limits_of_the_core() {
    let eight: Vec<String> =
        (0..8).map(|place| format!("\"{:02}:00-{:02}:00\"", 3 * place, 3 * place + 2)).collect();
    let plan = expand(
        &format!("zone = \"UTC\"\nhours = {{ mon-sun = [{}] }}\n", eight.join(", ")),
        "2026-11-24T00:00:00Z",
    );
    assert_eq!(plan.check(), Ok(()));
    assert!(plan.spans.len() > 8 * 430, "{}", plan.spans.len());
}

#[test]
fn dates_alone_make_a_calendar_until_they_have_passed() {
    let fields = "zone = \"Asia/Almaty\"\nspecial = { 2026-12-31 = \"24h\" }\n";
    let plan = expand(fields, "2026-11-22T00:00:00Z");
    assert_eq!(plan.spans, [(at("2026-12-30T19:00:00Z"), at("2026-12-31T19:00:00Z"))]);
    assert_eq!(plan.week, []);
    let error = calendar(fields).expand(at("2027-06-01T00:00:00Z")).expect_err("it has passed");
    assert!(error.to_string().contains("calendar \"office\": it never opens"), "{error}");
    let error = calendar(fields).expand(Timestamp(u64::MAX)).expect_err("no such time");
    assert!(error.to_string().contains("is the clock right?"), "{error}");
    assert!(calendar(URAL).expand(Timestamp(0)).is_ok(), "time may begin at its beginning");
}

#[test]
fn days_are_shown_with_the_reason_for_their_hours() {
    let office = calendar(&format!("{URAL_WITH_HOLIDAYS}special = {{ 2025-11-05 = \"22:00-01:30\" }}\n"));
    let days = office.days(Some("2025-10-31"), Timestamp(0), 6).expect("sound");
    let lines: Vec<String> = days
        .iter()
        .map(|day| {
            let open: Vec<String> =
                day.open.iter().map(|span| format!("{}-{}", span.opens, span.closes)).collect();
            format!("{} {} {} ({})", day.date, day.weekday, open.join(" "), day.reason)
        })
        .collect();
    assert_eq!(
        lines,
        [
            "2025-10-31 fri 08:00-20:00 (as each week)",
            "2025-11-01 sat 08:00-19:00 (worked instead of 2025-11-03)",
            "2025-11-02 sun  (as each week)",
            "2025-11-03 mon 09:00-15:00 (off instead of 2025-11-01)",
            "2025-11-04 tue  (National Unity Day)",
            "2025-11-05 wed 22:00-01:30 (hours of its own)",
        ]
    );
    assert_eq!(days[5].open[0].to, at("2025-11-05T20:30:00Z"));
    assert_eq!(days[4].reason, Reason::Holiday("National Unity Day".to_owned()));
    let today = office.days(None, at("2026-11-02T19:00:00Z"), 1).expect("sound");
    assert_eq!((&*today[0].date, &today[0].reason), ("2026-11-03", &Reason::ShortEve));
    assert!(
        office.days(Some("31.12.2026"), Timestamp(0), 1).is_err_and(|error| error.contains("is no date"))
    );
}

/// `line field` and the message of each problem.
fn problems(fields: &str) -> Vec<String> {
    let problems = parse(fields).expect_err(fields);
    problems.list.iter().map(|problem| format!("{} {problem}", problem.field)).collect()
}

/// Fields of a calendar, the place of the mistake, and what is said of it.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("zone = \"UTC\"\n", "calendars[0].hours", "it never opens; give hours like"),
    ("zone = \"UTC\"\nhours = {}\nclosed = []\n", "calendars[0].hours", "it never opens"),
    ("hours = { mon = \"24h\" }\n", "calendars[0].zone", "is missing"),
    (
        "zone = \"Asia/Almata\"\nhours = { mon = \"24h\" }\n",
        "calendars[0].zone",
        "did you mean \"Asia/Almaty\"?",
    ),
    (
        "zone = \"UTC\"\nhours = { mon = \"24:00-08:00\" }\n",
        "calendars[0].hours.mon",
        "begins when the day is over",
    ),
    (
        "zone = \"UTC\"\nhours = { mon = \"00:00-00:00\" }\n",
        "calendars[0].hours.mon",
        "around the clock is \"24h\"",
    ),
    (
        "zone = \"UTC\"\nhours = { montag = \"24h\" }\n",
        "calendars[0].hours.montag",
        "is no day; there are mon, tue",
    ),
    (
        "zone = \"UTC\"\nhours = { mon-fri = \"24h\", wed = \"08:00-09:00\" }\n",
        "calendars[0].hours.wed",
        "names a day that \"mon-fri\" names already",
    ),
    (
        "zone = \"UTC\"\nhours = { mon = [\"08:00-12:00\", \"11:00-15:00\"] }\n",
        "calendars[0].hours.mon[1]",
        "\"11:00-15:00\" overlaps \"08:00-12:00\" on mon",
    ),
    (
        "zone = \"UTC\"\nhours = { sun = \"22:00-06:00\", mon = \"05:00-15:00\" }\n",
        "calendars[0].hours.mon",
        "\"05:00-15:00\" overlaps \"22:00-06:00\" on mon",
    ),
    (
        "zone = \"UTC\"\nhours = { mon = \"24h\" }\nclosed = \"2026-02-30\"\n",
        "calendars[0].closed",
        "there is no day \"2026-02-30\"",
    ),
    (
        "zone = \"UTC\"\nhours = { mon = \"24h\" }\nclosed = [\"2026-02-20\", \"2026-02-20\"]\n",
        "calendars[0].closed[1]",
        "names \"2026-02-20\" twice",
    ),
    (
        "zone = \"UTC\"\nhours = { mon = \"24h\" }\nclosed = 2026-02-20\n",
        "calendars[0].closed",
        "expected a date in quotes",
    ),
    (
        "zone = \"UTC\"\nhours = { mon = \"24h\" }\nclosed = \"2026-02-20\"\nspecial = { 2026-02-20 = \"24h\" }\n",
        "calendars[0].special.2026-02-20",
        "has hours and is closed; leave it out of closed, or out of special",
    ),
    (
        "zone = \"UTC\"\nspecial = { 2026-02-20 = [\"08:00-12:00\", \"08:00-09:00\"] }\n",
        "calendars[0].special.2026-02-20",
        "overlaps",
    ),
    (
        "zone = \"UTC\"\nspecial = { 20.02.2026 = \"24h\" }\n",
        "calendars[0].special",
        "is no date; write year, month and day",
    ),
    (
        "zone = \"UTC\"\nhours = { mon = 8 }\n",
        "calendars[0].hours.mon",
        "expected hours like \"08:00-20:00\"",
    ),
    (
        "zone = \"UTC\"\nhours = { mon = \"24h\" }\nholidays = \"de\"\n",
        "calendars[0].holidays",
        "expected one of \"none\", \"ru\", \"kz\"",
    ),
    (
        "zone = \"UTC\"\nhours = { mon = \"24h\" }\nholiday_hours = \"24h\"\n",
        "calendars[0].holiday_hours",
        "says nothing without holidays; name a country",
    ),
];

#[test]
fn every_mistake_in_a_calendar_is_named_with_its_remedy() {
    for (fields, place, message) in MISTAKES {
        let found = problems(fields);
        assert!(
            found.iter().any(|problem| problem.starts_with(*place) && problem.contains(*message)),
            "{fields}{found:#?}"
        );
        assert!(found.len() <= 3, "{fields}{found:#?}");
    }
}

#[test]
fn the_same_overlap_of_five_days_is_named_once() {
    let found = problems("zone = \"UTC\"\nhours = { mon-fri = [\"08:00-12:00\", \"11:00-15:00\"] }\n");
    assert_eq!(found.len(), 1, "{found:#?}");
}

#[test]
fn a_name_is_given_once() {
    let problems = RoutingPlan::parse(
        "plan.toml",
        "channels = []\nqueues = []\n[[calendars]]\nname = \"a\"\nzone = \"UTC\"\nhours = { mon = \"24h\" }\n\
         [[calendars]]\nname = \"a\"\nzone = \"UTC\"\nhours = { mon = \"24h\" }\n",
    )
    .expect_err("twice");
    assert_eq!((problems.list.len(), problems.list[0].line), (1, 8), "{problems}");
}

#[test]
fn the_sample_with_calendars_is_sound_and_opens_every_day_of_a_year() {
    let text = include_str!("../samples/calendars/plan.toml");
    let plan = RoutingPlan::parse("plan.toml", text).unwrap_or_else(|problems| panic!("{problems}"));
    let now = at("2026-11-22T17:00:00Z");
    let expanded = plan.expand_calendars(now).unwrap_or_else(|error| panic!("{error}"));
    let names: Vec<&str> = expanded.iter().map(|calendar| &*calendar.name).collect();
    assert_eq!(names, ["office", "advice", "night", "always"]);
    let open_hours: Vec<u64> = expanded
        .iter()
        .map(|calendar| calendar.working_between(now, now + Millis(365 * DAY)).0 / HOUR)
        .collect();
    assert!(open_hours[0] < open_hours[1], "{open_hours:?}");
    assert_eq!(open_hours[2..], [365 * 12, 365 * 24], "no clock changes in these zones");
    assert!(expanded[1].is_open(at("2026-12-16T06:00:00Z")), "Independence Day, at 11 in Almaty");
    assert!(!expanded[1].is_open(at("2026-12-16T12:00:00Z")), "... and not at 17");
}

#[test]
fn a_diff_says_what_changes_and_not_that_a_day_went_by() {
    let before = expand(URAL_WITH_HOLIDAYS, "2026-11-23T09:00:00Z");
    let lines =
        |fields: &str, now: &str| calendar_changes(std::slice::from_ref(&before), &[expand(fields, now)]);
    assert_eq!(lines(URAL_WITH_HOLIDAYS, "2026-11-23T17:00:00Z"), Vec::<String>::new());
    assert_eq!(
        lines(URAL_WITH_HOLIDAYS, "2026-12-01T17:00:00Z"),
        ["calendar \"office\": known until 2028-01-02 → 2028-01-09"]
    );
    let closed = format!(
        "{URAL_WITH_HOLIDAYS}closed = \"2026-11-27\"\nspecial = {{ 2026-12-31 = \"09:00-14:00\" }}\n"
    );
    assert_eq!(
        lines(&closed, "2026-11-24T17:00:00Z"),
        ["calendar \"office\": hours changed on 2 days from 2026-11-27"]
    );
    let longer = URAL_WITH_HOLIDAYS.replace("15:00", "16:00");
    let line = &lines(&longer, "2026-11-23T17:00:00Z")[0];
    assert!(line.contains(" days from 2026-10-24, regular week changed"), "{line}");
    assert_eq!(calendar_changes(&[], std::slice::from_ref(&before)), ["calendar \"office\" added"]);
    assert_eq!(calendar_changes(std::slice::from_ref(&before), &[]), ["calendar \"office\" left out"]);
}

#[test]
fn one_file_on_two_days_says_the_same() {
    let plan = |fields: &str, now: &str| parse(fields).expect("sound").plan_from(at(now)).expect("it opens");
    let before = plan(URAL_WITH_HOLIDAYS, "2026-11-23T09:00:00Z");
    let later = plan(URAL_WITH_HOLIDAYS, "2027-03-01T09:00:00Z");
    assert_ne!(before, later);
    assert!(says_the_same(&before, &later) && says_the_same(&later, &before));
    let closed = format!("{URAL_WITH_HOLIDAYS}closed = \"2027-06-01\"\n");
    assert!(!says_the_same(&before, &plan(&closed, "2026-11-23T09:00:00Z")));
    assert!(!says_the_same(&before, &plan(&URAL.replace("20:00", "21:00"), "2026-11-23T09:00:00Z")));
    let mut without = before.clone();
    without.rules.calendars.clear();
    assert!(!says_the_same(&before, &without) && !says_the_same(&without, &before));
    let mut other = before.clone();
    other.version = 7;
    assert!(!says_the_same(&before, &other));
}

#[test]
fn all_calendars_together_have_a_limit() {
    let eight: Vec<String> =
        (0..8).map(|place| format!("\"{:02}:00-{:02}:00\"", 3 * place, 3 * place + 2)).collect();
    let fields = format!("zone = \"UTC\"\nhours = {{ mon-sun = [{}] }}\n", eight.join(", "));
    let calendars: String =
        (0..12).map(|place| format!("[[calendars]]\nname = \"c{place}\"\n{fields}")).collect();
    let plan = RoutingPlan::parse("plan.toml", &format!("channels = []\nqueues = []\n{calendars}"));
    let error = plan.expect("sound").expand_calendars(at("2026-11-22T17:00:00Z")).expect_err("too many");
    assert!(error.to_string().starts_with("with calendar \"c11\" the plan has more than 40000"), "{error}");
}

#[test]
fn editors_judge_calendars_by_the_schema() {
    let judge = |fields: &str| {
        let text = format!("channels = []\nqueues = []\n[[calendars]]\nname = \"office\"\n{fields}");
        let instance: serde_json::Value = toml::from_str(&text).expect("it is TOML");
        json_schema::errors(&schema::routing_plan(), &instance)
    };
    assert_eq!(judge(URAL), Vec::<String>::new());
    assert_eq!(
        judge(
            "zone = \"UTC\"\nholidays = \"kz\"\nclosed = \"2026-01-01\"\nspecial = { 2026-02-20 = [\"20:00-24:00\"] }"
        ),
        Vec::<String>::new()
    );
    for wrong in [
        "zone = \"UTC\"\nhours = { montag = \"24h\" }",
        "zone = \"UTC\"\nhours = { mon = \"8-20\" }",
        "zone = \"UTC\"\nclosed = [\"31.12.2026\"]",
        "zone = \"\"",
    ] {
        assert!(!judge(wrong).is_empty(), "{wrong}");
    }
}
