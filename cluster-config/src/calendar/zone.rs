//! Local time and UTC, by the time zone data that the program carries: two nodes of one version agree whatever their
//! systems have, and what an expansion gave stays as it is in the log.

use jiff::Timestamp as Instant;
use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use super::hours::DAY_MINUTES;
use crate::shape::Form;
use crate::suggest;

/// A name of the IANA database.
pub(crate) static ZONE: Form = Form {
    expected: "a time zone like \"Asia/Yekaterinburg\"",
    pattern: "^[A-Za-z][A-Za-z0-9_+/-]*$",
    check: |text| Zone::named(text).map(|_| ()),
};

/// A time zone with its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Zone(TimeZone);

/// Which end of a span a moment is, where a clock shows a time twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Edge {
    Opening,
    Closing,
}

impl Zone {
    /// The zone of that name.
    pub(crate) fn named(name: &str) -> Result<Zone, String> {
        let database = TimeZoneDatabase::bundled();
        match database.get(name) {
            Ok(zone) if !zone.is_unknown() => Ok(Zone(zone)),
            Ok(_) | Err(_) => {
                let names: Vec<String> = database.available().map(|name| name.as_str().to_owned()).collect();
                let hint = match suggest::nearest(name, names.iter().map(String::as_str)) {
                    Some(nearest) => format!("did you mean {nearest:?}?"),
                    None => "write its name in the IANA database, like \"Asia/Yekaterinburg\"".to_owned(),
                };
                Err(format!("{name:?} is no time zone; {hint}"))
            }
        }
    }

    /// Its name in the IANA database.
    pub(crate) fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The day that it is there; `None` outside of the years that calendars count.
    pub(crate) fn date_at(&self, ms: i64) -> Option<Date> {
        Some(self.0.to_datetime(Instant::from_millisecond(ms).ok()?).date())
    }

    /// Time of day there, as a clock shows it.
    pub(crate) fn clock_at(&self, ms: i64) -> Option<String> {
        let time = self.0.to_datetime(Instant::from_millisecond(ms).ok()?).time();
        Some(format!("{:02}:{:02}", time.hour(), time.minute()))
    }

    /// The moment (milliseconds since the Unix epoch) at which the clock shows so many minutes of the day; from
    /// [`DAY_MINUTES`] on it is the next day. A time that clocks leave out is the moment of their change. Of a time
    /// that they show twice an opening is the first and a closing the last, so that whoever comes at a time within the
    /// hours finds it open, whichever of the two it is.
    pub(crate) fn moment(&self, day: Date, minutes: u16, edge: Edge) -> Option<i64> {
        let day = if minutes >= DAY_MINUTES { day.tomorrow().ok()? } else { day };
        let minutes = minutes % DAY_MINUTES;
        let (hour, minute) = (i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?);
        let moment = self.0.to_ambiguous_timestamp(day.at(hour, minute, 0, 0));
        let instant = match (moment.offset(), edge) {
            (AmbiguousOffset::Unambiguous { .. }, _) => moment.unambiguous().ok()?,
            (AmbiguousOffset::Gap { .. }, _) => {
                let before_the_change = moment.earlier().ok()?;
                self.0.following(before_the_change).next()?.timestamp()
            }
            (AmbiguousOffset::Fold { .. }, Edge::Opening) => moment.earlier().ok()?,
            (AmbiguousOffset::Fold { .. }, Edge::Closing) => moment.later().ok()?,
        };
        Some(instant.as_millisecond())
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::named(name).expect("there is such a zone")
    }

    fn utc(zone_name: &str, day: Date, minutes: u16, edge: Edge) -> String {
        let ms = zone(zone_name).moment(day, minutes, edge).expect("within the years");
        Instant::from_millisecond(ms).expect("within the years").to_string()
    }

    #[test]
    fn kazakhstan_is_one_zone_since_march_2024() {
        for name in ["Asia/Almaty", "Asia/Qostanay", "Asia/Aqtobe", "Asia/Oral"] {
            assert_eq!(utc(name, date(2024, 3, 2), 720, Edge::Opening), "2024-03-02T07:00:00Z", "{name}");
            assert_eq!(utc(name, date(2027, 7, 1), 720, Edge::Opening), "2027-07-01T07:00:00Z", "{name}");
        }
        assert_eq!(utc("Asia/Almaty", date(2024, 2, 28), 720, Edge::Opening), "2024-02-28T06:00:00Z");
    }

    #[test]
    fn russia_has_no_summer_time() {
        for (name, winter, summer) in [
            ("Asia/Yekaterinburg", "2026-01-15T07:00:00Z", "2026-07-15T07:00:00Z"),
            ("Asia/Krasnoyarsk", "2026-01-15T05:00:00Z", "2026-07-15T05:00:00Z"),
            ("Europe/Moscow", "2026-01-15T09:00:00Z", "2026-07-15T09:00:00Z"),
        ] {
            assert_eq!(utc(name, date(2026, 1, 15), 720, Edge::Opening), winter);
            assert_eq!(utc(name, date(2026, 7, 15), 720, Edge::Closing), summer);
        }
    }

    #[test]
    fn a_time_that_clocks_leave_out_is_the_moment_of_their_change() {
        // Berlin goes from 02:00 to 03:00 at 01:00 UTC.
        for minutes in [120, 135, 150, 179, 180] {
            let moment = utc("Europe/Berlin", date(2026, 3, 29), minutes, Edge::Opening);
            assert_eq!(moment, "2026-03-29T01:00:00Z", "{minutes}");
        }
        assert_eq!(utc("Europe/Berlin", date(2026, 3, 29), 119, Edge::Closing), "2026-03-29T00:59:00Z");
        assert_eq!(
            utc("Europe/Berlin", date(2026, 3, 28), 1440 + 150, Edge::Closing),
            "2026-03-29T01:00:00Z"
        );
    }

    #[test]
    fn a_time_that_clocks_show_twice_opens_first_and_closes_last() {
        // Berlin goes from 03:00 back to 02:00 at 01:00 UTC.
        assert_eq!(utc("Europe/Berlin", date(2026, 10, 25), 150, Edge::Opening), "2026-10-25T00:30:00Z");
        assert_eq!(utc("Europe/Berlin", date(2026, 10, 25), 150, Edge::Closing), "2026-10-25T01:30:00Z");
        assert_eq!(utc("Europe/Berlin", date(2026, 10, 25), 180, Edge::Closing), "2026-10-25T02:00:00Z");
    }

    #[test]
    fn an_unknown_zone_is_told_its_neighbour() {
        let error = Zone::named("Asia/Ekaterinburg").expect_err("there is none");
        assert_eq!(error, "\"Asia/Ekaterinburg\" is no time zone; did you mean \"Asia/Yekaterinburg\"?");
        for name in ["", "Mars/Olympus Mons", "Etc/Unknown", "+05:00"] {
            assert!(Zone::named(name).is_err_and(|error| error.contains("is no time zone")), "{name}");
        }
    }
}
