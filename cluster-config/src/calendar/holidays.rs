//! Official days off of a country, from data files that name their sources.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;

use super::hours::{DATE, DAY_MINUTES, DAY_OF_YEAR, day_number, parse_date, parse_day_of_year};
use crate::problem::Problems;
use crate::section::Section;
use crate::shape::{Field, Kind, Need, Shape};

/// Countries whose holidays we have. The place of a word is that of its variant.
pub(crate) const COUNTRY_WORDS: &[&str] = &["none", "ru", "kz"];

/// A country whose holidays we have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Country {
    Russia,
    Kazakhstan,
}

/// What the law makes of a day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum OfficialDay {
    /// A day on which nobody works.
    Holiday {
        /// Its name in English.
        name: String,
    },
    /// A working day of the week that is off instead of another one.
    DayOff {
        /// The day off that was moved here.
        instead_of: Date,
    },
    /// A day off of the week that is worked instead of another one.
    Working {
        /// The working day that is off.
        instead_of: Date,
    },
}

/// The rules of one country.
#[derive(Debug)]
pub(crate) struct Holidays {
    yearly: Vec<Yearly>,
    days_off: BTreeMap<Date, String>,
    moved: BTreeMap<Date, Date>,
    /// How much shorter the working day before a holiday is; 0 where it is not.
    pub(crate) eve_shorter_min: u16,
}

/// Holidays of each year, from one month and day to another of the same year.
#[derive(Debug)]
struct Yearly {
    name: String,
    from: (i8, i8),
    to: (i8, i8),
    carried: bool,
    since: i16,
    until: i16,
}

impl Country {
    /// The country of a word; `None` for "none".
    pub(crate) fn of_word(word: &str) -> Option<Country> {
        match word {
            "ru" => Some(Country::Russia),
            "kz" => Some(Country::Kazakhstan),
            _ => None,
        }
    }

    /// Its holidays.
    pub(crate) fn holidays(self) -> &'static Holidays {
        static RUSSIA: LazyLock<Holidays> =
            LazyLock::new(|| embedded("ru.toml", include_str!("../../calendars/ru.toml")));
        static KAZAKHSTAN: LazyLock<Holidays> =
            LazyLock::new(|| embedded("kz.toml", include_str!("../../calendars/kz.toml")));
        match self {
            Country::Russia => &RUSSIA,
            Country::Kazakhstan => &KAZAKHSTAN,
        }
    }
}

fn embedded(source: &str, text: &str) -> Holidays {
    Holidays::parse(source, text).expect("the files of the program are sound: a test reads them")
}

impl Holidays {
    fn parse(source: &str, text: &str) -> Result<Holidays, Problems> {
        crate::section::parse(source, text, &FILE, |file, _| read(file))
    }

    /// The days of the year that are not what their day of the week says.
    pub(crate) fn days_of(&self, year: i16) -> BTreeMap<Date, OfficialDay> {
        let mut days = BTreeMap::new();
        let mut carried = Vec::new();
        for holiday in &self.yearly {
            for date in holiday.days_of(year) {
                days.insert(date, OfficialDay::Holiday { name: holiday.name.clone() });
                if holiday.carried && is_weekend(date) && !self.moved.contains_key(&date) {
                    carried.push(date);
                }
            }
        }
        for (date, name) in self.days_off.iter().filter(|(date, _)| date.year() == year) {
            days.insert(*date, OfficialDay::Holiday { name: name.clone() });
        }
        for (from, to) in &self.moved {
            if to.year() == year {
                days.insert(*to, OfficialDay::DayOff { instead_of: *from });
            }
            if from.year() == year && !days.contains_key(from) {
                days.insert(*from, OfficialDay::Working { instead_of: *to });
            }
        }
        carried.sort_unstable();
        for date in carried {
            if let Some(next) = next_working_day(date, &days) {
                days.insert(next, OfficialDay::DayOff { instead_of: date });
            }
        }
        days
    }

    /// Years for which somebody wrote down what was decreed.
    #[cfg(test)]
    fn years_with_moves(&self) -> Vec<i16> {
        let mut years: Vec<i16> = self.moved.keys().map(|date| date.year()).collect();
        years.dedup();
        years
    }
}

impl Yearly {
    fn days_of(&self, year: i16) -> Vec<Date> {
        let date = |(month, day): (i8, i8)| Date::new(year, month, day).ok();
        if !(self.since..=self.until).contains(&year) {
            return Vec::new();
        }
        let (Some(first), Some(last)) = (date(self.from), date(self.to)) else { return Vec::new() };
        std::iter::successors(Some(first), |day| day.tomorrow().ok()).take_while(|day| *day <= last).collect()
    }
}

/// The next day behind that one which is worked: no Saturday, no Sunday, no day off.
fn next_working_day(date: Date, days: &BTreeMap<Date, OfficialDay>) -> Option<Date> {
    let is_free = |day: &Date| match days.get(day) {
        None => is_weekend(*day),
        Some(OfficialDay::Holiday { .. } | OfficialDay::DayOff { .. }) => true,
        Some(OfficialDay::Working { .. }) => false,
    };
    std::iter::successors(date.tomorrow().ok(), |day| day.tomorrow().ok()).find(|day| !is_free(day))
}

fn is_weekend(date: Date) -> bool {
    day_number(date.weekday()) >= 5
}

static FILE: Shape = Shape {
    doc: "Days off of a country.",
    exactly_one: false,
    fields: &[
        Field {
            name: "country",
            kind: Kind::Text(100),
            need: Need::Required,
            doc: "Its name, for whoever reads the file.",
        },
        Field {
            name: "eve_shorter_min",
            kind: Kind::Integer(0, DAY_MINUTES as u64),
            need: Need::Required,
            doc: "How many minutes shorter the working day before a holiday is.",
        },
        Field {
            name: "holidays",
            kind: Kind::List(&Kind::Table(&YEARLY), 100),
            need: Need::Required,
            doc: "Holidays of each year.",
        },
        Field {
            name: "years",
            kind: Kind::List(&Kind::Table(&YEAR), 200),
            need: Need::Required,
            doc: "What was decreed for single years.",
        },
    ],
};

static YEARLY: Shape = Shape {
    doc: "A holiday of each year.",
    exactly_one: false,
    fields: &[
        Field { name: "name", kind: Kind::Text(100), need: Need::Required, doc: "Its name in English." },
        Field { name: "from", kind: Kind::Formed(&DAY_OF_YEAR), need: Need::Required, doc: "Its first day." },
        Field {
            name: "to",
            kind: Kind::Formed(&DAY_OF_YEAR),
            need: Need::Optional,
            doc: "Its last day; one day without.",
        },
        Field {
            name: "carried",
            kind: Kind::Flag,
            need: Need::Flag(true),
            doc: "Whether a Saturday or Sunday on which it falls is off on the next working day.",
        },
        Field {
            name: "since",
            kind: Kind::Integer(2000, 2199),
            need: Need::Number(2000),
            doc: "The first year.",
        },
        Field {
            name: "until",
            kind: Kind::Integer(2000, 2199),
            need: Need::Number(2199),
            doc: "The last year.",
        },
    ],
};

static YEAR: Shape = Shape {
    doc: "What was decreed for a year.",
    exactly_one: false,
    fields: &[
        Field {
            name: "year",
            kind: Kind::Integer(2000, 2199),
            need: Need::Required,
            doc: "The year, for whoever reads the file.",
        },
        Field { name: "source", kind: Kind::Text(400), need: Need::Required, doc: "The decree." },
        Field {
            name: "moved",
            kind: Kind::Keyed(&DATE, &Kind::Formed(&DATE), 50),
            need: Need::Optional,
            doc: "Days off and the days to which they move.",
        },
        Field {
            name: "days_off",
            kind: Kind::Keyed(&DATE, &Kind::Text(100), 50),
            need: Need::Optional,
            doc: "Holidays of this year alone, with their names.",
        },
    ],
};

fn read(file: &Section<'_>) -> Holidays {
    let mut holidays = Holidays {
        yearly: file.sections("holidays").iter().filter_map(read_yearly).collect(),
        days_off: BTreeMap::new(),
        moved: BTreeMap::new(),
        eve_shorter_min: u16::try_from(file.number("eve_shorter_min")).unwrap_or(0),
    };
    for year in file.sections("years") {
        for (date, name) in year.keyed_texts("days_off") {
            if let (Ok(date), Some(name)) = (parse_date(date.value), name.first()) {
                holidays.days_off.insert(date, name.value.to_owned());
            }
        }
        for (from, to) in year.keyed_texts("moved") {
            if let (Ok(from), Some(Ok(to))) =
                (parse_date(from.value), to.first().map(|to| parse_date(to.value)))
            {
                holidays.moved.insert(from, to);
            }
        }
    }
    holidays
}

fn read_yearly(section: &Section<'_>) -> Option<Yearly> {
    let day = |key| section.text(key).and_then(|day| parse_day_of_year(day.value).ok());
    let year = |key| i16::try_from(section.number(key)).ok();
    let from = day("from")?;
    Some(Yearly {
        name: section.text("name")?.value.to_owned(),
        from,
        to: day("to").unwrap_or(from),
        carried: section.flag("carried"),
        since: year("since")?,
        until: year("until")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days that are off though their day of the week is worked, `mm-dd`.
    fn off(country: Country, year: i16) -> Vec<String> {
        let days = country.holidays().days_of(year);
        days.into_iter()
            .filter(|(date, day)| !matches!(day, OfficialDay::Working { .. }) && !is_weekend(*date))
            .map(|(date, _)| date.strftime("%m-%d").to_string())
            .collect()
    }

    /// Saturdays and Sundays that are worked, `mm-dd`.
    fn worked(country: Country, year: i16) -> Vec<String> {
        let days = country.holidays().days_of(year);
        days.into_iter()
            .filter(|(_, day)| matches!(day, OfficialDay::Working { .. }))
            .map(|(date, _)| date.strftime("%m-%d").to_string())
            .collect()
    }

    #[test]
    fn russia_in_2025_is_off_as_published() {
        // The government's release to its decree: 29 December to 8 January, 22 and 23 February, 8 and 9 March, 1 to 4 and
        // 8 to 11 May, 12 to 15 June, 2 to 4 November, 31 December.
        assert_eq!(
            off(Country::Russia, 2025).join(" "),
            "01-01 01-02 01-03 01-06 01-07 01-08 05-01 05-02 05-08 05-09 06-12 06-13 11-03 11-04 12-31"
        );
        assert_eq!(worked(Country::Russia, 2025), ["11-01"]);
    }

    #[test]
    fn russia_in_2026_is_off_as_published() {
        // 31 December to 11 January, 21 to 23 February, 7 to 9 March, 1 to 3 and 9 to 11 May, 12 to 14 June, 4 November, 31
        // December.
        assert_eq!(
            off(Country::Russia, 2026).join(" "),
            "01-01 01-02 01-05 01-06 01-07 01-08 01-09 02-23 03-09 05-01 05-11 06-12 11-04 12-31"
        );
        assert_eq!(worked(Country::Russia, 2026), Vec::<String>::new());
    }

    #[test]
    fn without_a_decree_the_labour_code_holds() {
        assert_eq!(
            off(Country::Russia, 2027).join(" "),
            "01-01 01-04 01-05 01-06 01-07 01-08 02-23 03-08 05-03 05-10 06-14 11-04"
        );
        assert_eq!(
            off(Country::Russia, 2042).join(" "),
            "01-01 01-02 01-03 01-06 01-07 01-08 02-24 03-10 05-01 05-09 06-12 11-04"
        );
    }

    #[test]
    fn kazakhstan_in_2025_is_off_as_published() {
        // 5 January to 3 January, 8 March to 10 March, 22 and 23 March to 24 and 25 March, 6 July to 7 July, 30 August to
        // 1 September, 25 October to 27 October; Kurban Ait on 6 June.
        assert_eq!(
            off(Country::Kazakhstan, 2025).join(" "),
            "01-01 01-02 01-03 01-07 03-10 03-21 03-24 03-25 05-01 05-07 05-09 06-06 07-07 09-01 10-27 12-16"
        );
        assert_eq!(worked(Country::Kazakhstan, 2025), ["01-05"]);
    }

    #[test]
    fn kazakhstan_in_2026_is_off_as_published_without_the_old_constitution_day() {
        // 8 to 9 March, 21 and 22 to 24 and 25 March, 9 to 11 May, 25 to 26 October; Kurban Ait on 27 May.
        assert_eq!(
            off(Country::Kazakhstan, 2026).join(" "),
            "01-01 01-02 01-07 03-09 03-23 03-24 03-25 05-01 05-07 05-11 05-27 07-06 10-26 12-16"
        );
    }

    #[test]
    fn kazakhstan_has_its_new_constitution_day_from_2027_on() {
        assert_eq!(
            off(Country::Kazakhstan, 2027).join(" "),
            "01-01 01-04 01-07 03-08 03-15 03-22 03-23 03-24 05-03 05-07 05-10 07-06 10-25 12-16"
        );
    }

    #[test]
    fn the_files_are_sound() {
        for (source, text) in [
            ("ru.toml", include_str!("../../calendars/ru.toml")),
            ("kz.toml", include_str!("../../calendars/kz.toml")),
        ] {
            let holidays = Holidays::parse(source, text).unwrap_or_else(|problems| panic!("{problems}"));
            assert!(!holidays.years_with_moves().is_empty());
            for (from, to) in &holidays.moved {
                assert!(is_weekend(*from), "{source}: {from} is no day off that could be moved");
                assert!(!is_weekend(*to), "{source}: {to} is off already");
            }
            for holiday in &holidays.yearly {
                assert!(
                    holiday.from <= holiday.to && holiday.since <= holiday.until,
                    "{source}: {holiday:?}"
                );
            }
        }
        for word in &COUNTRY_WORDS[1..] {
            assert!(Country::of_word(word).is_some(), "{word}");
        }
    }
}
