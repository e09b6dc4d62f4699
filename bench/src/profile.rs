//! Workload profiles: what a centre's day looks like, as numbers to draw contacts and operators from. Each field
//! is an input, a known fact for readers, or refused by name.

use std::fs;
use std::path::Path;

use ringmain_routing::limits::{CAPACITY_MAX, NAME_BYTES_MAX, REQUIRED_SKILLS_MAX, TIER_MAX};
use serde_json::Value;

use crate::fields::{Fields, is_plain};
use crate::problem::{InvalidInput, Place, Problems};

mod parts;

/// Most operators that one group may have.
pub const GROUP_COUNT_MAX: u64 = 100_000;
/// Most contacts that a profile may ask for in a day.
pub const CONTACTS_PER_DAY_MAX: f64 = 1e8;
/// Largest factor of a surge.
pub const SURGE_FACTOR_MAX: f64 = 1e5;
/// Longest mean service time.
pub const SERVICE_MEAN_S_MAX: f64 = 30.0 * 86_400.0;
/// Most topics.
pub const TOPICS_MAX: f64 = 10_000.0;
/// Largest exponent of Zipf's law.
pub const ZIPF_MAX: f64 = 10.0;
/// Largest coefficient of variation.
pub const CV_MAX: f64 = 20.0;

/// A checked profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// What it describes.
    pub title: String,
    /// Expected contacts of all classes in a day without surge.
    pub contacts_per_day: f64,
    /// Relative weights of the 24 hours.
    pub hourly_share: [f64; 24],
    /// Coefficient of variation of a day's volume, per class.
    pub day_cv: f64,
    /// Peaks on top.
    pub surges: Vec<Surge>,
    /// The kinds of contacts.
    pub classes: Vec<Class>,
    /// The groups of operators.
    pub groups: Vec<Group>,
    /// What contacts are about; `None` where that is not known.
    pub topics: Option<Topics>,
}

/// What contacts are about: topics in groups, some asked for far more often than others (Zipf's law).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Topics {
    /// How many.
    pub count: u64,
    /// The exponent: topic n is asked for in proportion to n to the power of minus this.
    pub zipf_s: f64,
    /// Topics go round these groups.
    pub groups: u64,
}

impl Topics {
    /// The name of a topic by its place in the order of demand, from 0: its group, then its number.
    #[must_use]
    pub fn name(&self, place: u64) -> String {
        format!("g{:02}.t{:03}", place % self.groups.max(1), place)
    }
}

/// A peak: the rate of a class times `factor`.
#[derive(Clone, Debug, PartialEq)]
pub struct Surge {
    /// Which class, by its place; `None` for all.
    pub class: Option<usize>,
    /// Hour of the day at which the rate begins to grow.
    pub start_h: f64,
    /// Hours of linear growth to the factor.
    pub ramp_h: f64,
    /// Hours at the factor.
    pub hold_h: f64,
    /// What the rate is multiplied by at the height.
    pub factor: f64,
    /// Time constant in hours of the exponential way back; 0 for at once.
    pub decay_h: f64,
}

/// One kind of contacts.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// Its part of the day's contacts.
    pub share: f64,
    /// The queue they enter.
    pub queue: String,
    /// The channel they come by. Contacts of the channel `callback` are call-back orders.
    pub channel: String,
    /// Their tier.
    pub priority: u8,
    /// How long handling takes.
    pub service: Service,
    /// How long they wait; `None` for ever.
    pub patience: Option<Patience>,
    /// Skills required.
    pub skills: Vec<String>,
    /// Capacity units each takes.
    pub weight: u32,
}

/// A lognormal service time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Service {
    /// Mean in seconds.
    pub mean_s: f64,
    /// Coefficient of variation.
    pub cv: f64,
}

/// When waiting customers leave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patience {
    /// From each time on (seconds of waiting, ascending), the hazard per second.
    pub hazard_per_s: Vec<(f64, f64)>,
    /// At each time (ascending), the probability of leaving then.
    pub spikes: Vec<(f64, f64)>,
}

/// A group of equal operators.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What their ids begin with.
    pub name: String,
    /// How many.
    pub count: u64,
    /// Skills of each.
    pub skills: Vec<String>,
    /// Capacity of each, in the unit of the weights.
    pub capacity: u32,
    /// Where they are.
    pub region: Option<String>,
    /// Local hours on duty, from and to; a `to` not after `from` is on the next day. `None` for always.
    pub hours: Option<(f64, f64)>,
    /// Minutes off in each hour.
    pub break_min_per_hour: f64,
}

impl Profile {
    /// Reads a profile file.
    ///
    /// # Errors
    /// Every problem with its field and remedy, all at once.
    pub fn read(path: &Path) -> Result<Profile, InvalidInput> {
        let file =
            path.file_name().map_or_else(|| path.display().to_string(), |name| name.display().to_string());
        match fs::read_to_string(path) {
            Ok(text) => Profile::parse(&text, &file),
            Err(error) => {
                let mut problems = Problems::default();
                let problem = format!("cannot be read: {error}");
                problems.add(&Place::file(&path.display().to_string()), problem, "name a profile file");
                problems.unless_any(()).and_then(|()| Profile::parse("", &file))
            }
        }
    }

    /// Reads a profile's text; `file` names it in problems.
    ///
    /// # Errors
    /// Every problem with its field and remedy, all at once.
    pub fn parse(text: &str, file: &str) -> Result<Profile, InvalidInput> {
        let mut problems = Problems::default();
        let place = Place::file(file);
        let value: Value = serde_json::from_str(text).unwrap_or_else(|error| {
            let place = place.line(error.line() as u64);
            problems.add(&place, format!("is not JSON: {error}"), "write the profile as a JSON object");
            Value::Null
        });
        let profile = if problems.count() == 0 { Profile::check(&value, place, &mut problems) } else { None };
        match (problems.unless_any(()), profile) {
            (Ok(()), Some(profile)) => Ok(profile),
            (Err(invalid), _) => Err(invalid),
            (Ok(()), None) => Err(InvalidInput { problems: Vec::new(), more: 0 }),
        }
    }

    fn check(value: &Value, place: Place<'_>, problems: &mut Problems) -> Option<Profile> {
        let mut fields = Fields::open(value, place, "", problems)?;
        let title = fields.optional_text("title", problems).unwrap_or("untitled").to_owned();
        for fact in ["provenance", "limits", "rules", "distribution_modes", "repeat_share"] {
            fields.fact(fact);
        }
        fields.fact("expected_as_reported");
        let topics = parts::topics(&mut fields, problems);
        let services = parts::services(&mut fields, problems);
        let patiences = parts::patiences(&mut fields, problems);
        let classes = parts::classes(&mut fields, &services, &patiences, problems);
        let arrivals = fields.object("arrivals", problems);
        let arrivals = arrivals.map(|fields| parts::arrivals(fields, &classes, problems));
        let groups = parts::groups(&mut fields, problems);
        fields.finish(problems);
        let arrivals = arrivals?;
        Some(Profile {
            title,
            contacts_per_day: arrivals.contacts_per_day,
            hourly_share: arrivals.hourly_share,
            day_cv: arrivals.day_cv,
            surges: arrivals.surges,
            classes,
            groups,
            topics,
        })
    }
}

/// A list of distinct skill names.
fn skills(fields: &mut Fields<'_>, most: usize, problems: &mut Problems) -> Vec<String> {
    let mut skills: Vec<String> = Vec::new();
    for (i, item) in fields.list("skills", problems).unwrap_or_default().iter().enumerate() {
        let path = format!("skills[{i}]");
        match item.as_str().map(str::trim) {
            Some(name)
                if is_name(name) && !name.contains('|') && !skills.iter().any(|known| known == name) =>
            {
                skills.push(name.to_owned());
            }
            Some(_) | None => {
                let fix = format!("write distinct names of 1 to {NAME_BYTES_MAX} bytes without |");
                fields.problem(&path, problems, format!("{item} is no skill's name here"), &fix);
            }
        }
    }
    if skills.len() > most {
        let problem = format!("{} skills are too many", skills.len());
        fields.problem("skills", problems, problem, &format!("name at most {most}"));
    }
    skills
}

fn is_name(text: &str) -> bool {
    is_plain(text) && text.len() <= NAME_BYTES_MAX
}

/// A required name within the core's bounds.
fn name(fields: &mut Fields<'_>, field: &'static str, problems: &mut Problems) -> String {
    let Some(name) = fields.text(field, problems) else { return String::new() };
    if name.len() > NAME_BYTES_MAX {
        let fix = format!("use at most {NAME_BYTES_MAX} bytes");
        fields.problem(field, problems, format!("is {} bytes long", name.len()), &fix);
    }
    name.to_owned()
}

const TIERS: (u64, u64) = (0, TIER_MAX as u64);
const CAPACITIES: (u64, u64) = (0, CAPACITY_MAX as u64);
const CLASS_SKILLS_MAX: usize = REQUIRED_SKILLS_MAX;
