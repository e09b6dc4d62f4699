//! Words of a drill file that stand for amounts: times, shares, bytes, and who is meant.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// No time of a drill is longer.
const SPAN_MAX: Duration = Duration::from_secs(3_600);
const SPEED_MAX: f64 = 1_000.0;

/// A span of time: `500ms`, `10s`, `2m`, `1h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A share in hundredths: `2%`, `0.5%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Percent(pub f64);

/// A speed in hundredths of the right one: `50%`, `200%`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Speed(pub f64);

/// An amount of memory or disk: `64MB`, `1GB`; the units are powers of 1024.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// Whom a fault strikes; found out when it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The node that leads.
    Leader,
    /// One that does not, another one each time.
    Follower,
    /// One after the other.
    Next,
    /// All nodes.
    All,
    /// The smallest number of nodes without which the others have no majority, the leader among them.
    Majority,
    /// The largest number of nodes without which the others have a majority, the leader among them.
    Minority,
    /// The same number of nodes that do not lead.
    Followers,
    /// The nodes of a region, counted from 1.
    Region(u64),
    /// A node, counted from 1.
    Node(u64),
}

impl Span {
    /// In milliseconds.
    #[must_use]
    pub fn ms(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        let wrong = || format!("{text:?} is no time; write a number and a unit, like 500ms, 10s or 2m");
        let (number, unit) = split(text).ok_or_else(wrong)?;
        let unit_ms = match unit {
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            _other => return Err(wrong()),
        };
        let span = Duration::from_micros((number * unit_ms * 1_000.0).round() as u64);
        if span > SPAN_MAX {
            return Err(format!("{text:?} is too long; a time of a drill is at most 1h"));
        }
        Ok(Span(span))
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Percent, String> {
        let number = split(text).filter(|(_, unit)| *unit == "%").map(|(number, _)| number);
        let is_share = |number: &f64| (0.0..=100.0).contains(number);
        number
            .filter(is_share)
            .map(Percent)
            .ok_or_else(|| format!("{text:?} is no share; write one from 0% to 100%, like 2% or 0.5%"))
    }
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Speed, String> {
        let number = split(text).filter(|(_, unit)| *unit == "%").map(|(number, _)| number);
        let is_speed = |number: &f64| (1.0..=SPEED_MAX).contains(number);
        number
            .filter(is_speed)
            .map(Speed)
            .ok_or_else(|| format!("{text:?} is no speed; write one from 1% to 1000%, like 90% or 200%"))
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Bytes, String> {
        let wrong = || format!("{text:?} is no amount of bytes; write a number and a unit, like 64MB or 1GB");
        let (number, unit) = split(text).ok_or_else(wrong)?;
        let unit_bytes = match unit {
            "B" => 1.0,
            "KB" => 1_024.0,
            "MB" => 1_048_576.0,
            "GB" => 1_073_741_824.0,
            _other => return Err(wrong()),
        };
        Ok(Bytes((number * unit_bytes).round() as u64))
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0);
        let numbered = match text.split_once(':') {
            Some(("region", place)) => number(place).map(Target::Region),
            Some(("node", place)) => number(place).map(Target::Node),
            Some(_) => None,
            None => Target::WORDS.iter().find(|(word, _)| *word == text).map(|(_, target)| *target),
        };
        let words: Vec<&str> = Target::WORDS.iter().map(|(word, _)| *word).collect();
        numbered.ok_or_else(|| {
            format!("{text:?} is nobody; write one of {}, region:1 or node:1", words.join(", "))
        })
    }
}

impl Target {
    const WORDS: [(&'static str, Target); 7] = [
        ("leader", Target::Leader),
        ("follower", Target::Follower),
        ("next", Target::Next),
        ("all", Target::All),
        ("majority", Target::Majority),
        ("minority", Target::Minority),
        ("followers", Target::Followers),
    ];
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Leader => f.write_str("leader"),
            Target::Follower => f.write_str("follower"),
            Target::Next => f.write_str("next node"),
            Target::All => f.write_str("all nodes"),
            Target::Majority => f.write_str("majority"),
            Target::Minority => f.write_str("minority"),
            Target::Followers => f.write_str("minority of followers"),
            Target::Region(number) => write!(f, "region {number}"),
            Target::Node(number) => write!(f, "node {number}"),
        }
    }
}

/// A number and the word behind it.
fn split(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = text[..end].parse().ok()?;
    Some((number, text[end..].trim()))
}

/// Reads what a text in the file stands for.
macro_rules! from_text {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

from_text!(Span, Percent, Speed, Bytes, Target);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        let ms = |text: &str| text.parse::<Span>().map(Span::ms);
        assert_eq!(ms("500ms"), Ok(500));
        assert_eq!(ms("1.5s"), Ok(1_500));
        assert_eq!(ms("2m"), Ok(120_000));
        assert_eq!(ms("1h"), Ok(3_600_000));
        for wrong in ["", "10", "s", "-1s", "10 seconds", "2h", "1..2s"] {
            assert!(ms(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shares_and_bytes_have_units_too() {
        assert_eq!("2%".parse(), Ok(Percent(2.0)));
        assert!("101%".parse::<Percent>().is_err());
        assert!("2".parse::<Percent>().is_err());
        assert_eq!("200%".parse(), Ok(Speed(200.0)));
        assert!("0%".parse::<Speed>().is_err());
        assert_eq!("64MB".parse(), Ok(Bytes(64 << 20)));
        assert!("64".parse::<Bytes>().is_err());
    }

    #[test]
    fn a_target_is_a_word_or_a_number_behind_one() {
        assert_eq!("leader".parse(), Ok(Target::Leader));
        assert_eq!("region:2".parse(), Ok(Target::Region(2)));
        assert_eq!("node:3".parse(), Ok(Target::Node(3)));
        for wrong in ["chief", "node", "node:0", "node:x", "rack:1"] {
            let error = wrong.parse::<Target>().expect_err(wrong);
            assert!(error.contains("leader"), "{error}");
        }
    }
}
