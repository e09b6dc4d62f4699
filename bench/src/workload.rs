//! Makes scenarios of profiles: contacts and operators drawn from a seed. The same profile, selection and seed
//! give the same bytes.

mod arrivals;
mod customers;
mod duty;

use std::fmt;
use std::str::FromStr;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde_json::json;

use crate::intern::Interner;
use crate::profile::{Class, Profile, Topics};
use crate::scenario::{Contact, Kind, Scenario};
use arrivals::DayRate;
use customers::Customers;

/// Most contacts that one scenario may be expected to have.
pub const CONTACTS_EXPECTED_MAX: f64 = 2e7;
/// Most days that one scenario may have.
pub const DAYS_MAX: u32 = 366;
/// Largest scale.
pub const SCALE_MAX: f64 = 10_000.0;
/// The channel whose contacts are call-back orders.
pub const CALLBACK_CHANNEL: &str = "callback";

const DAY_MS: u64 = 86_400_000;
const MINUTE_MS: u64 = 60_000;

/// Which part of a profile's days, how large, and drawn from which seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selection {
    /// Where the random numbers come from.
    pub seed: u64,
    /// How many days.
    pub days: u32,
    /// The scenario holds what arrives from this time of each day on. Its time 0 is this time of the first day.
    pub from: DayTime,
    /// The end of each day's part.
    pub to: DayTime,
    /// Multiplies arrivals and the operators of each group; no group vanishes.
    pub scale: f64,
}

impl Selection {
    /// One whole day at full size.
    #[must_use]
    pub fn day(seed: u64) -> Selection {
        Selection { seed, days: 1, from: DayTime::START, to: DayTime::END, scale: 1.0 }
    }
}

/// A time of the day in whole minutes, 00:00 to 24:00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayTime(u32);

impl DayTime {
    /// 00:00.
    pub const START: DayTime = DayTime(0);
    /// 24:00.
    pub const END: DayTime = DayTime(24 * 60);

    /// The minute in which this many milliseconds since midnight have passed; 24:00 at the latest.
    #[must_use]
    pub fn from_ms(ms: u64) -> DayTime {
        u32::try_from(ms / MINUTE_MS).map_or(DayTime::END, |minute| DayTime(minute).min(DayTime::END))
    }

    /// Milliseconds since midnight.
    #[must_use]
    pub fn ms(self) -> u64 {
        u64::from(self.0) * MINUTE_MS
    }
}

impl fmt::Display for DayTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl FromStr for DayTime {
    type Err = InvalidDayTime;

    fn from_str(text: &str) -> Result<DayTime, InvalidDayTime> {
        let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        let invalid = || InvalidDayTime(text.to_owned());
        let (hour, minute) = text.split_once(':').ok_or_else(invalid)?;
        if !digits(hour) || !digits(minute) {
            return Err(invalid());
        }
        let number = |part: &str| part.parse::<u32>().map_err(|_| invalid());
        let (hour, minute) = (number(hour)?, number(minute)?);
        let time = DayTime(hour * 60 + minute);
        if minute < 60 && time <= DayTime::END { Ok(time) } else { Err(invalid()) }
    }
}

/// A text that is no time of the day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time of the day; write HH:MM from 00:00 to 24:00")]
pub struct InvalidDayTime(String);

/// A selection that cannot be generated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidSelection {
    /// No or too many days.
    #[error("--days: {0} days are out of bounds; write 1 to {DAYS_MAX}")]
    Days(u32),
    /// The part of the day is empty.
    #[error("--from {from} --to {to}: the part of the day is empty; write a later --to")]
    Window {
        /// Its begin.
        from: DayTime,
        /// Its end.
        to: DayTime,
    },
    /// Not above 0, or too large.
    #[error("--scale: {0} is out of bounds; write a number above 0 and up to {SCALE_MAX}")]
    Scale(f64),
    /// Too many contacts.
    #[error(
        "about {expected:.0} contacts would be drawn; ask for fewer days or a smaller --scale (at most {CONTACTS_EXPECTED_MAX:.0})"
    )]
    TooLarge {
        /// How many are expected.
        expected: f64,
    },
}

/// Draws a scenario.
///
/// # Errors
/// When the selection is out of its bounds.
pub fn generate(profile: &Profile, selection: &Selection) -> Result<Scenario, InvalidSelection> {
    check(profile, selection)?;
    let mut drawn: Vec<Drawn> = Vec::new();
    for day in 0..selection.days {
        for class in 0..profile.classes.len() {
            draw_class_day(profile, selection, day, class, &mut drawn);
        }
    }
    // Ties are broken by class and order of drawing, so that the order does not depend on the sort.
    drawn.sort_by_key(|contact| (contact.arrival_ms, contact.class));
    let mut names = Interner::default();
    let made: Vec<Contact> = drawn
        .iter()
        .enumerate()
        .map(|(i, drawn)| {
            let topic = profile.topics.zip(drawn.topic).map(|(topics, place)| topics.name(place));
            let topic = topic.map(|topic| names.text(&topic));
            Contact { topic, ..contact(i, drawn, &profile.classes[drawn.class], &mut names) }
        })
        .collect();
    Ok(Scenario {
        contacts: made,
        operators: duty::operators(profile, selection, &mut names),
        plan: None,
        planned: Vec::new(),
        notes: Some(json!({
            "profile": profile.title,
            "seed": selection.seed,
            "days": selection.days,
            "from": selection.from.to_string(),
            "to": selection.to.to_string(),
            "scale": selection.scale,
        })),
    })
}

/// How many contacts a profile is expected to give for a selection, the day's random volume set to its mean.
#[must_use]
pub fn expected_contacts(profile: &Profile, selection: &Selection) -> f64 {
    let window = (selection.from.ms(), selection.to.ms());
    (0..selection.days)
        .flat_map(|day| (0..profile.classes.len()).map(move |class| (day, class)))
        .map(|(day, class)| DayRate::new(profile, class, day, selection.scale).expected(window))
        .sum()
}

fn check(profile: &Profile, selection: &Selection) -> Result<(), InvalidSelection> {
    if !(1..=DAYS_MAX).contains(&selection.days) {
        return Err(InvalidSelection::Days(selection.days));
    }
    if selection.from >= selection.to {
        return Err(InvalidSelection::Window { from: selection.from, to: selection.to });
    }
    if !(selection.scale > 0.0 && selection.scale <= SCALE_MAX) {
        return Err(InvalidSelection::Scale(selection.scale));
    }
    let whole_days = Selection { from: DayTime::START, to: DayTime::END, ..*selection };
    let expected = expected_contacts(profile, &whole_days);
    if expected > CONTACTS_EXPECTED_MAX {
        return Err(InvalidSelection::TooLarge { expected });
    }
    Ok(())
}

/// What is random about a contact.
struct Drawn {
    class: usize,
    arrival_ms: u64,
    service_ms: u64,
    patience_ms: Option<u64>,
    topic: Option<u64>,
}

/// Draws a class's whole day from a stream of its own and keeps the part selected, so that a part of the day
/// holds the very contacts of the whole.
fn draw_class_day(profile: &Profile, selection: &Selection, day: u32, class: usize, drawn: &mut Vec<Drawn>) {
    let stream = u64::from(day) << 32 | (class as u64) << 1;
    let mut arrival_rng = ChaCha12Rng::seed_from_u64(selection.seed);
    arrival_rng.set_stream(stream);
    let mut customer_rng = ChaCha12Rng::seed_from_u64(selection.seed);
    customer_rng.set_stream(stream | 1);
    // Topics have a stream of their own: a profile that comes to know them keeps its contacts.
    let mut topic_rng = ChaCha12Rng::seed_from_u64(selection.seed);
    topic_rng.set_stream(stream | 1 << 63);
    let topics = profile.topics.as_ref().map(TopicChoice::of);
    let volume = arrivals::day_volume(profile.day_cv, &mut arrival_rng);
    let rate = DayRate::new(profile, class, day, selection.scale * volume);
    let customers = Customers::of(&profile.classes[class]);
    let (from, to) = (selection.from.ms(), selection.to.ms());
    rate.each_arrival(&mut arrival_rng, |day_ms| {
        let service_ms = customers.service_ms(&mut customer_rng);
        let patience_ms = customers.patience_ms(&mut customer_rng);
        let topic = topics.as_ref().map(|topics| topics.draw(&mut topic_rng));
        if (from..to).contains(&day_ms) {
            let arrival_ms = u64::from(day) * DAY_MS + day_ms - from;
            drawn.push(Drawn { class, arrival_ms, service_ms, patience_ms, topic });
        }
    });
}

/// Topics with what comes before each, for drawing.
struct TopicChoice {
    up_to: Vec<f64>,
}

impl TopicChoice {
    fn of(topics: &Topics) -> TopicChoice {
        let mut sum = 0.0;
        let up_to = (1..=topics.count).map(|rank| {
            sum += (rank as f64).powf(-topics.zipf_s);
            sum
        });
        TopicChoice { up_to: up_to.collect() }
    }

    fn draw(&self, rng: &mut ChaCha12Rng) -> u64 {
        let point = rng.random::<f64>() * self.up_to.last().copied().unwrap_or_default();
        let place = self.up_to.partition_point(|up_to| *up_to <= point);
        place.min(self.up_to.len().saturating_sub(1)) as u64
    }
}

fn contact(place: usize, drawn: &Drawn, class: &Class, names: &mut Interner) -> Contact {
    let skills: Vec<&str> = class.skills.iter().map(String::as_str).collect();
    Contact {
        contact_id: format!("c{:07}", place + 1).into(),
        customer_id: format!("p{:07}", place + 1).into(),
        queue: names.text(&class.queue),
        channel: names.text(&class.channel),
        priority: class.priority,
        required_skills: names.list(&skills),
        region: None,
        arrival_ms: drawn.arrival_ms,
        service_ms: drawn.service_ms,
        patience_ms: drawn.patience_ms,
        weight: class.weight,
        kind: if class.channel == CALLBACK_CHANNEL { Kind::Callback } else { Kind::Ordinary },
        preferred_operator: None,
        sticky_ms: None,
        language: None,
        topic: None,
        wrap_up_ms: None,
    }
}

/// A number of operators, scaled; a group that has any keeps at least one.
fn scaled_count(count: u64, scale: f64) -> u64 {
    if count == 0 { 0 } else { ((count as f64 * scale).round() as u64).max(1) }
}
