//! The parts of a profile, each checked field by field.

use ringmain_routing::limits::OPERATOR_SKILLS_MAX;
use serde_json::{Map, Value};

use super::{
    CAPACITIES, CLASS_SKILLS_MAX, CONTACTS_PER_DAY_MAX, CV_MAX, Class, GROUP_COUNT_MAX, Group, Patience,
    SERVICE_MEAN_S_MAX, SURGE_FACTOR_MAX, Service, Surge, TIERS, TOPICS_MAX, Topics, ZIPF_MAX, name, skills,
};
use crate::fields::Fields;
use crate::problem::Problems;

const DAY_S: f64 = 86_400.0;
/// Surges may begin and last within this many hours.
const SURGE_H_MAX: f64 = 24.0 * 366.0;

/// The content of `arrivals`.
pub(super) struct Arrivals {
    pub(super) contacts_per_day: f64,
    pub(super) hourly_share: [f64; 24],
    pub(super) day_cv: f64,
    pub(super) surges: Vec<Surge>,
}

/// Checks `arrivals`.
pub(super) fn arrivals(mut fields: Fields<'_>, classes: &[Class], problems: &mut Problems) -> Arrivals {
    let contacts_per_day = fields.number("contacts_per_day", (0.0, CONTACTS_PER_DAY_MAX), problems);
    let arrivals = Arrivals {
        contacts_per_day: contacts_per_day.unwrap_or_default(),
        hourly_share: hourly_share(&mut fields, problems),
        day_cv: fields.optional_number("day_cv", (0.0, CV_MAX), problems).unwrap_or_default(),
        surges: surges(&mut fields, classes, problems),
    };
    expect_word(&mut fields, "process", "gamma-modulated NHPP", problems);
    fields.finish(problems);
    arrivals
}

/// An optional field that may say one thing only: what the generator does.
fn expect_word(fields: &mut Fields<'_>, field: &'static str, word: &str, problems: &mut Problems) {
    if let Some(other) = fields.optional_text(field, problems).filter(|&other| other != word) {
        let problem = format!("{other:?} is nothing that this build can honour");
        fields.problem(field, problems, problem, &format!("write {word:?} or leave it out"));
    }
}

fn hourly_share(fields: &mut Fields<'_>, problems: &mut Problems) -> [f64; 24] {
    let mut shares = [0.0; 24];
    let Some(list) = fields.list("hourly_share", problems) else { return shares };
    let numbers: Vec<f64> = list.iter().filter_map(Value::as_f64).filter(|&share| share >= 0.0).collect();
    let sum: f64 = numbers.iter().sum();
    if numbers.len() != 24 || list.len() != 24 || sum <= 0.0 {
        let problem = format!("has {} entries, of which {} can be used", list.len(), numbers.len());
        fields.problem("hourly_share", problems, problem, "write 24 numbers from 0 up that are not all 0");
        return shares;
    }
    shares.copy_from_slice(&numbers);
    shares
}

fn surges(fields: &mut Fields<'_>, classes: &[Class], problems: &mut Problems) -> Vec<Surge> {
    let mut surges = Vec::new();
    let list = fields.optional_list("surges", problems).unwrap_or_default();
    for (i, item) in list.iter().enumerate() {
        let path = fields.path(&format!("surges[{i}]"));
        let Some(mut surge) = Fields::open(item, fields.place(), &path, problems) else { continue };
        let class = surge.optional_text("class", problems).filter(|&class| class != "all");
        let place = class.and_then(|class| classes.iter().position(|known| known.name == class));
        if let (Some(class), None) = (class, place) {
            surge.problem(
                "class",
                problems,
                format!("there is no class {class:?}"),
                "name a class, or leave it out for all",
            );
        }
        let hours = (0.0, SURGE_H_MAX);
        surges.push(Surge {
            class: place,
            start_h: surge.number("start_h", hours, problems).unwrap_or_default(),
            ramp_h: surge.optional_number("ramp_h", hours, problems).unwrap_or_default(),
            hold_h: surge.optional_number("hold_h", hours, problems).unwrap_or_default(),
            factor: surge.number("factor", (0.0, SURGE_FACTOR_MAX), problems).unwrap_or(1.0),
            decay_h: surge.optional_number("decay_h", hours, problems).unwrap_or_default(),
        });
        surge.finish(problems);
    }
    surges
}

/// Checks `service`: named lognormal service times.
/// What contacts are about, where the profile says so.
pub(super) fn topics(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Topics> {
    fields.optional("types")?;
    let mut fields = fields.object("types", problems)?;
    let count = fields.number("count", (1.0, TOPICS_MAX), problems);
    let zipf_s = fields.number("zipf_s", (0.0, ZIPF_MAX), problems);
    let groups = fields.optional_number("skill_groups", (1.0, TOPICS_MAX), problems);
    fields.finish(problems);
    Some(Topics { count: count? as u64, zipf_s: zipf_s?, groups: groups.unwrap_or(1.0) as u64 })
}

pub(super) fn services(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<(String, Service)> {
    let Some(object) = named(fields, "service", problems) else { return Vec::new() };
    let mut services = Vec::new();
    for (name, item) in object {
        let path = format!("service.{name}");
        let Some(mut service) = Fields::open(item, fields.place(), &path, problems) else { continue };
        let mean_s = service.number("mean_s", (0.001, SERVICE_MEAN_S_MAX), problems).unwrap_or(1.0);
        let cv = service.optional_number("cv", (0.0, CV_MAX), problems).unwrap_or_default();
        expect_word(&mut service, "family", "lognormal", problems);
        service.finish(problems);
        services.push((name.clone(), Service { mean_s, cv }));
    }
    services
}

fn named<'a>(
    fields: &mut Fields<'a>,
    field: &'static str,
    problems: &mut Problems,
) -> Option<&'a Map<String, Value>> {
    let value = fields.required(field, problems)?;
    let object = value.as_object();
    if object.is_none() {
        fields.problem(field, problems, "is not an object", "write it as { \"name\": { … } }");
    }
    object
}

/// Checks `patience`: named hazards; optional, for a profile may have customers who never leave.
pub(super) fn patiences(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<(String, Patience)> {
    if fields.optional("patience").is_none() {
        return Vec::new();
    }
    let Some(object) = named(fields, "patience", problems) else { return Vec::new() };
    let mut patiences = Vec::new();
    for (name, item) in object {
        let path = format!("patience.{name}");
        let Some(mut patience) = Fields::open(item, fields.place(), &path, problems) else { continue };
        let hazard_per_s = hazards(&mut patience, problems);
        let spikes = spikes(&mut patience, problems);
        patience.finish(problems);
        patiences.push((name.clone(), Patience { hazard_per_s, spikes }));
    }
    patiences
}

fn hazards(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<(f64, f64)> {
    let mut hazards: Vec<(f64, f64)> = Vec::new();
    let list = fields.optional_list("hazard_per_s", problems).unwrap_or_default();
    for (i, item) in list.iter().enumerate() {
        let pair: Vec<f64> =
            item.as_array().map(|pair| pair.iter().filter_map(Value::as_f64).collect()).unwrap_or_default();
        let after = hazards.last().is_none_or(|&(from_s, _)| pair.first().is_some_and(|&next| next > from_s));
        match pair[..] {
            [from_s, rate]
                if after && (0.0..=DAY_S * 366.0).contains(&from_s) && (0.0..=1e3).contains(&rate) =>
            {
                hazards.push((from_s, rate));
            }
            _ => {
                let fix = "write [from_s, rate_per_s], neither negative, from_s ascending, rates up to 1000";
                fields.problem(
                    &format!("hazard_per_s[{i}]"),
                    problems,
                    format!("{item} is no step of hazard"),
                    fix,
                );
            }
        }
    }
    hazards
}

fn spikes(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<(f64, f64)> {
    let mut spikes: Vec<(f64, f64)> = Vec::new();
    let list = fields.optional_list("spikes", problems).unwrap_or_default();
    for (i, item) in list.iter().enumerate() {
        let path = fields.path(&format!("spikes[{i}]"));
        let Some(mut spike) = Fields::open(item, fields.place(), &path, problems) else { continue };
        let at_s = spike.number("at_s", (0.0, DAY_S * 366.0), problems).unwrap_or_default();
        let prob = spike.number("prob", (0.0, 1.0), problems).unwrap_or_default();
        if spikes.last().is_some_and(|&(before, _)| before >= at_s) {
            spike.problem(
                "at_s",
                problems,
                format!("{at_s} is not after the spike before"),
                "order spikes by time",
            );
        }
        spike.finish(problems);
        spikes.push((at_s, prob));
    }
    spikes
}

/// Checks `classes`.
pub(super) fn classes(
    fields: &mut Fields<'_>,
    services: &[(String, Service)],
    patiences: &[(String, Patience)],
    problems: &mut Problems,
) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    for (i, item) in fields.list("classes", problems).unwrap_or_default().iter().enumerate() {
        let path = format!("classes[{i}]");
        let Some(mut class) = Fields::open(item, fields.place(), &path, problems) else { continue };
        let name = name(&mut class, "name", problems);
        if classes.iter().any(|known| known.name == name) {
            class.problem(
                "name",
                problems,
                format!("{name:?} names two classes"),
                "give each class a name of its own",
            );
        }
        classes.push(Class {
            name,
            share: class.number("share", (0.0, 1.0), problems).unwrap_or_default(),
            queue: super::name(&mut class, "queue", problems),
            channel: super::name(&mut class, "channel", problems),
            priority: class.optional_whole("priority", TIERS, problems).unwrap_or_default() as u8,
            service: chosen(&mut class, "service", services, problems)
                .unwrap_or(Service { mean_s: 1.0, cv: 0.0 }),
            patience: optional_choice(&mut class, "patience", patiences, problems),
            skills: skills(&mut class, CLASS_SKILLS_MAX, problems),
            weight: class.optional_whole("weight", CAPACITIES, problems).unwrap_or(1) as u32,
        });
        class.finish(problems);
    }
    classes
}

/// The entry of `choices` that a required field names.
fn chosen<T: Clone>(
    fields: &mut Fields<'_>,
    field: &'static str,
    choices: &[(String, T)],
    problems: &mut Problems,
) -> Option<T> {
    let name = fields.text(field, problems)?;
    let found = choices.iter().find(|(known, _)| known == name);
    if found.is_none() {
        let fix = format!("describe it under `{field}` or name one that is there");
        fields.problem(field, problems, format!("there is no {field} {name:?}"), &fix);
    }
    found.map(|(_, choice)| choice.clone())
}

/// The entry that a field names; an absent or empty field chooses none.
fn optional_choice<T: Clone>(
    fields: &mut Fields<'_>,
    field: &'static str,
    choices: &[(String, T)],
    problems: &mut Problems,
) -> Option<T> {
    let value = fields.optional(field)?;
    if value.as_str().is_some_and(|name| name.trim().is_empty()) {
        return None;
    }
    chosen(fields, field, choices, problems)
}

/// Checks `operators`.
pub(super) fn groups(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (i, item) in fields.list("operators", problems).unwrap_or_default().iter().enumerate() {
        let path = format!("operators[{i}]");
        let Some(mut group) = Fields::open(item, fields.place(), &path, problems) else { continue };
        let name = name(&mut group, "name", problems);
        if groups.iter().any(|known| known.name == name) {
            group.problem(
                "name",
                problems,
                format!("{name:?} names two groups"),
                "give each group a name of its own",
            );
        }
        groups.push(Group {
            name,
            count: group.optional_whole("count", (0, GROUP_COUNT_MAX), problems).unwrap_or(1),
            skills: skills(&mut group, OPERATOR_SKILLS_MAX, problems),
            capacity: group.optional_whole("capacity", CAPACITIES, problems).unwrap_or(1) as u32,
            region: group.optional_text("region", problems).map(str::to_owned),
            hours: hours(&mut group, problems),
            break_min_per_hour: group
                .optional_number("break_min_per_hour", (0.0, 59.0), problems)
                .unwrap_or_default(),
        });
        group.finish(problems);
    }
    groups
}

fn hours(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<(f64, f64)> {
    let list = fields.optional_list("hours", problems)?;
    let numbers: Vec<f64> = list.iter().filter_map(Value::as_f64).collect();
    match numbers[..] {
        [from, to]
            if list.len() == 2 && (0.0..24.0).contains(&from) && (0.0..=24.0).contains(&to) && from != to =>
        {
            Some((from, to))
        }
        _ => {
            let fix =
                "write [from, to] in hours of the day from 0 to 24; a to before from is on the next day";
            fields.problem("hours", problems, "is no span of the day", fix);
            None
        }
    }
}
