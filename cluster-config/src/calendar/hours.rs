//! Hours, days and dates as a person writes them.

use jiff::civil::{Date, Weekday};

use crate::shape::Form;

/// Minutes of a day on a clock that is not changed.
pub(crate) const DAY_MINUTES: u16 = 24 * 60;

/// Years that dates may be of; a slip of the pen is more likely than a plan for another age.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2199;

/// `08:00-20:00`, `22:00-06:00`, `24h`.
pub(crate) static HOURS: Form = Form {
    expected: "hours like \"08:00-20:00\", or \"24h\"",
    pattern: "^(24h|([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00))$",
    check: |text| parse_hours(text).map(|_| ()),
};

/// `mon`, `mon-fri`.
pub(crate) static DAYS: Form = Form {
    expected: "days like \"mon-fri\" or \"sat\"",
    pattern: "^(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?$",
    check: |text| parse_days(text).map(|_| ()),
};

/// `2026-12-31`.
pub(crate) static DATE: Form = Form {
    expected: "a date in quotes, like \"2026-12-31\"",
    pattern: "^2[01][0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
    check: |text| parse_date(text).map(|_| ()),
};

/// `12-31`: a day of each year.
pub(crate) static DAY_OF_YEAR: Form = Form {
    expected: "a day of the year in quotes, like \"12-31\"",
    pattern: "^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
    check: |text| parse_day_of_year(text).map(|_| ()),
};

/// A span of opening hours, in minutes from the start of the day on which it begins. One that goes on behind midnight
/// ends above [`DAY_MINUTES`], and never a whole day later than it began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Hours {
    pub(crate) from: u16,
    pub(crate) to: u16,
}

/// Reads hours. Those that end at or before their beginning go on behind midnight.
pub(crate) fn parse_hours(text: &str) -> Result<Hours, String> {
    if text == "24h" {
        return Ok(Hours { from: 0, to: DAY_MINUTES });
    }
    let parts = text.split_once('-').and_then(|(from, to)| Some((minutes(from)?, minutes(to)?)));
    let Some((from, to)) = parts else {
        return Err(format!("{text:?} is not understood; write hours like \"08:00-20:00\", or \"24h\""));
    };
    if from == DAY_MINUTES {
        return Err(format!("{text:?} begins when the day is over; the next day begins at 00:00"));
    }
    if from == to {
        return Err(format!("{text:?} has no length; around the clock is \"24h\""));
    }
    Ok(Hours { from, to: if to > from { to } else { to + DAY_MINUTES } })
}

/// `08:30` as minutes; 24:00 is the end of a day.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    (hours < 24 && minutes < 60 || (hours, minutes) == (24, 0)).then_some(hours * 60 + minutes)
}

fn two_digits(text: &str) -> Option<u16> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Words of the days, Monday first.
pub(crate) const DAY_WORDS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Reads a day or a range of days, which may go on behind Sunday; as offsets from Monday.
pub(crate) fn parse_days(text: &str) -> Result<Vec<usize>, String> {
    let place = |word: &str| DAY_WORDS.iter().position(|known| *known == word);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (place(first), place(last)) {
        (Some(first), Some(last)) if first == last && text.contains('-') => {
            Err(format!("{text:?} is a range of one day; write \"{}\"", DAY_WORDS[first]))
        }
        (Some(first), Some(last)) => {
            let count = (last + 7 - first) % 7 + 1;
            Ok((0..count).map(|offset| (first + offset) % 7).collect())
        }
        (None, _) | (_, None) => Err(format!(
            "{text:?} is no day; there are {}, and ranges like \"mon-fri\"",
            DAY_WORDS.join(", ")
        )),
    }
}

/// Days from Monday.
pub(crate) fn day_number(weekday: Weekday) -> usize {
    usize::try_from(weekday.to_monday_zero_offset()).unwrap_or(0)
}

/// Reads a date.
pub(crate) fn parse_date(text: &str) -> Result<Date, String> {
    let number = |part: Option<&str>| part.filter(|part| part.len() == 2).and_then(two_digits);
    let (year, rest) = text.split_at_checked(4).unwrap_or((text, ""));
    let mut parts = rest.split('-').skip(1);
    let (month, day) = (number(parts.next()), number(parts.next()));
    let year = year.parse::<i16>().ok().filter(|_| year.bytes().all(|byte| byte.is_ascii_digit()));
    match (year, month, day, parts.next()) {
        (Some(year), Some(month), Some(day), None) if rest.starts_with('-') => {
            if !YEARS.contains(&year) {
                let (first, last) = (YEARS.start(), YEARS.end());
                return Err(format!(
                    "{text:?} is not within the years {first} to {last}; is the year right?"
                ));
            }
            date(year, month, day).ok_or_else(|| format!("there is no day {text:?} in the calendar"))
        }
        _ => Err(format!("{text:?} is no date; write year, month and day like \"2026-12-31\"")),
    }
}

/// Reads a day of the year as month and day, which every year has.
pub(crate) fn parse_day_of_year(text: &str) -> Result<(i8, i8), String> {
    let parts = text.split_once('-').and_then(|(month, day)| Some((two_digits(month)?, two_digits(day)?)));
    match parts {
        // 2001 has no 29th of February: a day of every year is none that most years lack.
        Some((month, day)) => match date(2001, month, day) {
            Some(date) => Ok((date.month(), date.day())),
            None => Err(format!("not every year has a day {text:?}")),
        },
        None => Err(format!("{text:?} is no day of the year; write month and day like \"12-31\"")),
    }
}

fn date(year: i16, month: u16, day: u16) -> Option<Date> {
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(text: &str) -> Result<(u16, u16), String> {
        parse_hours(text).map(|hours| (hours.from, hours.to))
    }

    #[test]
    fn hours_may_end_at_midnight_and_behind_it() {
        assert_eq!(hours("08:00-20:30"), Ok((480, 1230)));
        assert_eq!(hours("24h"), Ok((0, 1440)));
        assert_eq!(hours("00:00-24:00"), Ok((0, 1440)));
        assert_eq!(hours("20:00-24:00"), Ok((1200, 1440)));
        assert_eq!(hours("20:00-00:00"), Ok((1200, 1440)));
        assert_eq!(hours("22:00-06:00"), Ok((1320, 1800)));
    }

    #[test]
    fn hours_that_are_none_say_what_to_write() {
        for (text, expected) in [
            ("00:00-00:00", "around the clock is \"24h\""),
            ("08:00-08:00", "has no length"),
            ("24:00-08:00", "begins when the day is over"),
            ("24:00-24:00", "begins when the day is over"),
            ("8-20", "like \"08:00-20:00\""),
            ("8:00-20:00", "like \"08:00-20:00\""),
            ("08:60-20:00", "like \"08:00-20:00\""),
            ("08:00-24:01", "like \"08:00-20:00\""),
            ("08:00-25:00", "like \"08:00-20:00\""),
            ("08:00–20:00", "like \"08:00-20:00\""),
            ("+8:00-20:00", "like \"08:00-20:00\""),
            ("", "like \"08:00-20:00\""),
        ] {
            let error = hours(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn days_are_words_and_ranges() {
        assert_eq!(parse_days("mon-fri"), Ok(vec![0, 1, 2, 3, 4]));
        assert_eq!(parse_days("sat-mon"), Ok(vec![5, 6, 0]));
        assert_eq!(parse_days("sun"), Ok(vec![6]));
        assert!(parse_days("mon-mon").is_err_and(|error| error.contains("write \"mon\"")));
        for wrong in ["", "monday", "Mon", "mon-", "-fri", "mon-wed-fri", "пн"] {
            assert!(parse_days(wrong).is_err_and(|error| error.contains("is no day")), "{wrong}");
        }
    }

    #[test]
    fn a_date_is_one_that_there_is() {
        assert_eq!(parse_date("2026-12-31"), Ok(jiff::civil::date(2026, 12, 31)));
        assert_eq!(parse_date("2028-02-29"), Ok(jiff::civil::date(2028, 2, 29)));
        for (text, expected) in [
            ("2026-02-29", "there is no day"),
            ("2026-13-01", "there is no day"),
            ("2026-00-10", "there is no day"),
            ("1926-01-01", "is the year right"),
            ("2200-01-01", "is the year right"),
            ("2026-1-1", "is no date"),
            ("31.12.2026", "is no date"),
            ("2026-12-31-1", "is no date"),
            ("2026/12/31", "is no date"),
            ("", "is no date"),
            ("янв-01-01", "is no date"),
        ] {
            let error = parse_date(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert_eq!(parse_day_of_year("12-31"), Ok((12, 31)));
        assert!(parse_day_of_year("02-29").is_err_and(|error| error.contains("not every year")));
        assert!(parse_day_of_year("1-1").is_err());
    }
}
