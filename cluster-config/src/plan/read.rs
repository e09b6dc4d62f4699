//! From the file's tables to the core's plan.

use std::collections::BTreeMap;

use ringmain_routing::plan::{Answer, ChannelPlan, Orphan, Plan, QueuePlan, SessionPlan, Target, UnitPlan};
use ringmain_routing::rules::{PlanRules, QueueRules, UnitRules};
use ringmain_routing::{Millis, Name, UnitId};

use super::names::Names;
use super::rules::Known;
use super::{RoutingPlan, calendars, operators, routes, rules, shape, time};
use crate::problem::Sink;
use crate::section::{Placed, Section};

/// Reads the whole file. References are held against all declarations, wherever in the file they stand.
pub(super) fn read(file: &Section<'_>, sink: &mut Sink<'_>) -> RoutingPlan {
    let mut skills = Names::new("skill");
    for skill in file.list("skills").iter().filter_map(Placed::text) {
        skills.declare(&skill, sink);
    }
    let mut principals = Names::new("principal");
    for principal in file.texts("principals") {
        principals.declare(&principal, sink);
    }
    let (channel_names, channels) = read_channels(file, sink);
    let (unit_names, mut units) = read_units(file, sink);
    let (calendar_names, calendars) = calendars::read(file, sink);
    read_unit_rules(file, (&unit_names, &calendar_names), &mut units, sink);
    let (break_names, breaks) = time::read_breaks(file, sink);
    let named = QueueNames {
        skills: &skills,
        channels: &channel_names,
        units: &unit_names,
        calendars: &calendar_names,
    };
    let (queue_names, queues) = read_queues(file, &named, sink);
    let route_names = routes::names(file, sink);
    let known = Known {
        skills: &skills,
        channels: &channel_names,
        units: &unit_names,
        queues: &queue_names,
        principals: &principals,
        calendars: &calendar_names,
        routes: &route_names,
        breaks: &break_names,
    };
    let operators = operators::read(file, &known, sink);
    let triggers = super::triggers::read(file, &known, &queues, sink);
    let plan = Plan {
        version: 0,
        queues,
        skills: skills.iter().map(Name::from).collect(),
        channels,
        units,
        sessions: read_sessions(file),
        rules: PlanRules { breaks, triggers, ..rules::read(file, &known, sink) },
    };
    RoutingPlan { plan, operators, calendars, warnings: Vec::new() }
}

/// Names with levels, as queues require and operators have them.
pub(super) fn read_levels(
    section: &Section<'_>,
    key: &'static str,
    known: &Names,
    sink: &mut Sink<'_>,
) -> Vec<(Name, u8)> {
    let mut mine = Names::new("skill");
    let mut levels = Vec::new();
    for entry in section.list(key) {
        let (name, level) = match (entry.text(), entry.section(&shape::SKILL)) {
            (Some(name), _) => (Some(name), 1),
            (None, Some(table)) => (table.text("name"), table.number("level")),
            (None, None) => (None, 0),
        };
        let Some(name) = name else { continue };
        if !known.resolve(&name, sink) {
            continue;
        }
        if mine.iter().any(|other| other == name.value) {
            sink.add(&name.span, &name.path, format!("names skill {:?} twice", name.value));
        } else {
            mine.declare(&name, sink);
            levels.push((Name::from(name.value), u8::try_from(level).unwrap_or(u8::MAX)));
        }
    }
    levels
}

/// The unit of that key, if the plan has it.
pub(super) fn read_unit(
    section: &Section<'_>,
    key: &'static str,
    units: &Names,
    sink: &mut Sink<'_>,
) -> Option<Name> {
    let unit = section.text(key)?;
    units.resolve(&unit, sink).then(|| Name::from(unit.value))
}

fn read_channels(file: &Section<'_>, sink: &mut Sink<'_>) -> (Names, Vec<ChannelPlan>) {
    let mut names = Names::new("channel");
    let mut channels = Vec::new();
    for section in file.sections("channels") {
        let Some(name) = section.text("name") else { continue };
        if names.declare(&name, sink) {
            channels.push(ChannelPlan { name: name.value.into(), units: small(section.number("units")) });
        }
    }
    (names, channels)
}

fn read_unit_rules(
    file: &Section<'_>,
    (names, calendars): (&Names, &Names),
    units: &mut [UnitPlan],
    sink: &mut Sink<'_>,
) {
    for section in file.sections("units") {
        let neighbours = rules::declared(&section, "neighbours", names, sink);
        let calendar = section.text("calendar").filter(|name| calendars.resolve(name, sink));
        let calendar = calendar.map(|name| Name::from(name.value));
        let Some(name) = section.text("name") else { continue };
        if let Some(unit) = units.iter_mut().find(|unit| &*unit.name == name.value) {
            let head = section.text("head").map(|login| login.value.into());
            unit.rules = UnitRules { neighbours, head, calendar };
        }
    }
}

/// Units in an order in which each stands after its parent, otherwise in that of the file.
fn read_units(file: &Section<'_>, sink: &mut Sink<'_>) -> (Names, Vec<UnitPlan>) {
    let mut names = Names::new("unit");
    let sections = file.sections("units");
    let mut waiting: Vec<(Placed<&str>, Option<Placed<&str>>)> = Vec::new();
    for section in &sections {
        let Some(name) = section.text("name") else { continue };
        if names.declare(&name, sink) {
            waiting.push((name, section.text("parent")));
        }
    }
    waiting.retain(|(_, parent)| parent.as_ref().is_none_or(|parent| names.resolve(parent, sink)));
    let mut places: BTreeMap<&str, UnitId> = BTreeMap::new();
    let mut units = Vec::new();
    loop {
        let before = units.len();
        waiting.retain(|(name, parent)| {
            let parent = match parent {
                None => None,
                Some(parent) => match places.get(parent.value) {
                    Some(place) => Some(*place),
                    None => return true,
                },
            };
            places.insert(name.value, UnitId(small(units.len() as u64)));
            units.push(UnitPlan { name: name.value.into(), parent, rules: UnitRules::default() });
            false
        });
        if units.len() == before {
            break;
        }
    }
    // What is left hangs below itself, or below a unit that does or that was a problem already.
    let on_circle: Vec<usize> = (0..waiting.len()).filter(|start| is_on_circle(&waiting, *start)).collect();
    for place in on_circle {
        if let (name, Some(parent)) = &waiting[place] {
            let message = format!("unit {:?} hangs below itself through {:?}", name.value, parent.value);
            sink.add_hint(
                &parent.span,
                &parent.path,
                message,
                "one unit of the circle needs another parent or none",
            );
        }
    }
    (names, units)
}

fn is_on_circle(units: &[(Placed<&str>, Option<Placed<&str>>)], start: usize) -> bool {
    let mut at = start;
    for _ in 0..units.len() {
        let Some(parent) = &units[at].1 else { return false };
        let Some(next) = units.iter().position(|(name, _)| name.value == parent.value) else { return false };
        if next == start {
            return true;
        }
        at = next;
    }
    false
}

/// What queues refer to.
struct QueueNames<'n> {
    skills: &'n Names,
    channels: &'n Names,
    units: &'n Names,
    calendars: &'n Names,
}

fn read_queues(file: &Section<'_>, named: &QueueNames<'_>, sink: &mut Sink<'_>) -> (Names, Vec<QueuePlan>) {
    let mut names = Names::new("queue");
    let mut queues = Vec::new();
    for section in file.sections("queues") {
        let rules = rules::read_queue(&section, named.channels, named.calendars, sink);
        let queue = QueuePlan { rules, ..read_queue(&section, named.skills, named.units, sink) };
        let Some(name) = section.text("name") else { continue };
        if names.declare(&name, sink) {
            queues.push(QueuePlan { name: name.value.into(), ..queue });
        }
    }
    for section in file.sections("queues") {
        section.text("people_queue").map(|queue| names.resolve(&queue, sink));
        let Some(to) = section.text("stranded_to").filter(|queue| names.resolve(queue, sink)) else {
            continue;
        };
        if section.text("name").is_some_and(|name| name.value == to.value) {
            let hint = "name the queue whose operators take over";
            sink.add_hint(
                &to.span,
                &section.path_of("stranded_to"),
                "it is this very queue".to_owned(),
                hint,
            );
        }
    }
    (names, queues)
}

fn read_queue(section: &Section<'_>, skills: &Names, units: &Names, sink: &mut Sink<'_>) -> QueuePlan {
    let (wrap_up, wrap_up_max) = (section.number("wrap_up_ms"), section.number("wrap_up_max_ms"));
    if wrap_up > wrap_up_max {
        let message = format!("{wrap_up} is above wrap_up_max_ms ({wrap_up_max})");
        let hint = "raise wrap_up_max_ms or shorten the wrap-up";
        sink.add_hint(&section.span_of("wrap_up_ms"), &section.path_of("wrap_up_ms"), message, hint);
    }
    let standard = QueuePlan::named("");
    QueuePlan {
        name: Name::from(""),
        answer: read_answer(section),
        wrap_up: Millis(wrap_up),
        wrap_up_max: Millis(wrap_up_max),
        orphan: if section.word("orphan") == "close" { Orphan::Close } else { Orphan::Requeue },
        waiting_max: small(section.number("waiting_max")),
        target: match section.section("target") {
            Some(target) => Target {
                within: Millis(target.number("within_ms")),
                percent: u8::try_from(target.number("percent")).unwrap_or(u8::MAX),
            },
            None => standard.target,
        },
        required: read_levels(section, "required", skills, sink),
        scope: read_unit(section, "scope", units, sink),
        open: section.flag("open"),
        rules: QueueRules::default(),
    }
}

fn read_answer(section: &Section<'_>) -> Answer {
    let Some(table) = section.section("answer") else { return Answer::Automatic };
    let within = |key| table.optional_number(key).map(Millis);
    let confirmed = within("confirmed_ms").map(|within| Answer::Confirmed { within });
    let offered = || within("offered_ms").map(|within| Answer::Offered { within });
    let previewed = || within("preview_ms").map(|within| Answer::Previewed { within });
    confirmed.or_else(offered).or_else(previewed).unwrap_or(Answer::Automatic)
}

fn read_sessions(file: &Section<'_>) -> SessionPlan {
    match file.section("sessions") {
        None => SessionPlan::default(),
        Some(section) => SessionPlan {
            grace: Millis(section.number("grace_ms")),
            missed: Millis(section.number("missed_ms")),
            exclusion: Millis(section.number("exclusion_ms")),
            key_window: Millis(section.number("key_window_ms")),
        },
    }
}

/// Bounds of the shapes keep these numbers below 2³²; one beyond is a problem already.
pub(super) fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
