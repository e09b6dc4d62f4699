//! From the file's tables to the core's rule book. References are held against all declarations.

use std::collections::BTreeSet;

use ringmain_routing::rules::{
    Applicant, Choice, DeflectWhen, Deflection, EntryRule, OperatorRules, PlanRules, QueueRules, Reach,
    Redial, Remember, SamePerson, Step, Then, Treatment, When,
};
use ringmain_routing::{Millis, Name};

use super::names::Names;
use super::read::{read_levels, small};
use super::{room, routes};
use crate::problem::Sink;
use crate::section::{Placed, Section};

/// Every name that the file declares.
pub(super) struct Known<'n> {
    pub(super) skills: &'n Names,
    pub(super) channels: &'n Names,
    pub(super) units: &'n Names,
    pub(super) queues: &'n Names,
    pub(super) principals: &'n Names,
    pub(super) calendars: &'n Names,
    pub(super) routes: &'n Names,
    pub(super) breaks: &'n Names,
}

/// The rules of the whole centre.
pub(super) fn read(file: &Section<'_>, known: &Known<'_>, sink: &mut Sink<'_>) -> PlanRules {
    let mut names = Names::new("entry rule");
    let mut entry = Vec::new();
    for section in file.sections("entry") {
        let rule = read_entry(&section, known, sink);
        let Some(name) = section.text("name") else { continue };
        if names.declare(&name, sink) {
            entry.push(EntryRule { name: name.value.into(), ..rule });
        }
    }
    let default_queue = file.text("default_queue").filter(|queue| known.queues.resolve(queue, sink));
    PlanRules {
        principals: known.principals.iter().map(Name::from).collect(),
        entry,
        default_queue: default_queue.map(|queue| queue.value.into()),
        redial: file.optional_number("redial_ms").map(|within| Redial { within: Millis(within) }),
        head_start_max: file.optional_number("head_start_max_ms").map(Millis),
        calendars: Vec::new(),
        routes: routes::read(file, known, sink),
        breaks: Vec::new(),
        triggers: Vec::new(),
        enquiries: super::enquiries::read(file, known, sink),
        rest: super::time::read_rest(file),
        companion: file.optional_number("companion_ms").map(Millis),
        recall_after: file.optional_number("recall_after_ms").map(Millis),
        duty_after: file.optional_number("duty_after_ms").map(Millis),
        remember: file.section("remember").map(|table| read_remember(&table)).unwrap_or_default(),
    }
}

fn read_remember(table: &Section<'_>) -> Remember {
    let span = |key| table.optional_number(key).map(Millis);
    Remember { customer: span("customer_ms"), case: span("case_ms") }
}

fn read_same_person(table: &Section<'_>) -> SamePerson {
    let span = |key| table.optional_number(key).map(Millis);
    SamePerson {
        owner: span("owner_ms"),
        first_handler: span("first_handler_ms"),
        last_operator: span("last_operator_ms"),
    }
}

fn read_entry(section: &Section<'_>, known: &Known<'_>, sink: &mut Sink<'_>) -> EntryRule {
    let when = section.section("when").map(|when| read_when(&when, known, sink)).unwrap_or_default();
    let then = section.section("then").map(|then| read_then(&then, known, sink)).unwrap_or_default();
    let has_cause = when.danger == Some(true) || (when.registered == Some(true) && !when.topics.is_empty());
    if then.tier == Some(0) && !has_cause {
        sink.add_hint(
            &section.span_of("then"),
            &section.path_of("then"),
            "grants tier 0 without cause".to_owned(),
            "tier 0 is life safety: ask for danger = true, or for registered = true together with topics",
        );
    }
    EntryRule { name: Name::from(""), when, then }
}

fn read_when(when: &Section<'_>, known: &Known<'_>, sink: &mut Sink<'_>) -> When {
    let applicants = when.texts("applicants").into_iter().filter_map(|kind| match kind.value {
        "home" => Some(Applicant::Home),
        "firm" => Some(Applicant::Firm),
        "official" => Some(Applicant::Official),
        _ => None,
    });
    When {
        queues: declared(when, "queues", known.queues, sink),
        channels: declared(when, "channels", known.channels, sink),
        gateways: any_names(when, "gateways"),
        principals: declared(when, "principals", known.principals, sink),
        units: declared(when, "units", known.units, sink),
        applicants: applicants.collect(),
        languages: declared(when, "languages", known.skills, sink),
        topics: any_names(when, "topics"),
        intents: any_names(when, "intents"),
        attributes: when
            .pairs("attributes")
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect(),
        registered: when.optional_flag("registered"),
        danger: when.optional_flag("danger"),
        calendar: read_calendar(when, known, sink),
    }
}

/// A calendar that must be open, or closed, at the moment of arrival.
fn read_calendar(when: &Section<'_>, known: &Known<'_>, sink: &mut Sink<'_>) -> Option<(Name, bool)> {
    if when.has("open") && when.has("closed") {
        let message = "names a calendar for `open` and one for `closed`".to_owned();
        sink.add_hint(&when.span, &when.path, message, "one of the two; make two rules of it");
    }
    let mut named = |key| when.text(key).filter(|name| known.calendars.resolve(name, sink));
    let open = named("open").map(|name| (Name::from(name.value), true));
    open.or_else(|| named("closed").map(|name| (Name::from(name.value), false)))
}

fn read_then(then: &Section<'_>, known: &Known<'_>, sink: &mut Sink<'_>) -> Then {
    let queue = then.text("queue").filter(|queue| known.queues.resolve(queue, sink));
    let route = then.text("route").filter(|route| known.routes.resolve(route, sink));
    if let (Some(queue), Some(_)) = (&queue, &route) {
        let hint = "leave out one of the two: the case begins in the queue of the route's first stage";
        sink.add_hint(&queue.span, &queue.path, "stands beside a route".to_owned(), hint);
    }
    Then {
        route: route.map(|route| route.value.into()),
        queue: queue.map(|queue| queue.value.into()),
        tier: then.optional_number("tier").map(|tier| u8::try_from(tier).unwrap_or(u8::MAX)),
        skills: read_levels(then, "skills", known.skills, sink),
        own_unit: then.flag("own_unit"),
        head_start: Millis(then.number("head_start_ms")),
        owner: then.text("owner").map(|login| login.value.into()),
    }
}

/// The rules of a queue.
pub(super) fn read_queue(
    section: &Section<'_>,
    channels: &Names,
    calendars: &Names,
    sink: &mut Sink<'_>,
) -> QueueRules {
    let hours = section.text("hours").filter(|name| calendars.resolve(name, sink));
    let choice = match section.word("choice") {
        "least_occupied" => Choice::LeastOccupied,
        "most_skilled" => Choice::MostSkilled,
        "round_robin" => Choice::RoundRobin,
        _ => Choice::LongestIdle,
    };
    let units = section.numbers("units").into_iter().filter(|(channel, _)| channels.resolve(channel, sink));
    QueueRules {
        choice,
        units: units.map(|(channel, units)| (channel.value.into(), small(units))).collect(),
        ladder: read_ladder(section, sink),
        promote_after: section.optional_number("promote_after_ms").map(Millis),
        hours: hours.map(|name| name.value.into()),
        deflections: section.sections("deflect").iter().filter_map(read_deflection).collect(),
        same_person: section.section("same_person").map(|table| read_same_person(&table)).unwrap_or_default(),
        leads: each_once(section, "leads", sink),
        hard: section.flag("hard"),
        passes_max: section.optional_number("passes_max").map(small),
        last_start: section.optional_number("last_start_ms").map(Millis),
        people_queue: section.text("people_queue").map(|queue| queue.value.into()),
        stranded_to: section.text("stranded_to").map(|queue| queue.value.into()),
        orphans: super::together::read_orphans(section, channels, sink),
        cap: section.optional_number("cap").map(room::cap),
        reserve_after: section.optional_number("reserve_after_ms").map(Millis),
        results: section.section("results").map(|table| room::read_results(&table, sink)),
        waits: super::waits::read(section, sink),
        alarm_after: section.optional_number("alarm_after_ms").map(Millis),
        consult_units: section.optional_number("consult_units").map(small),
        bands: room::read_bands(section, sink),
        interruptible: section
            .section("interruptible")
            .map(|table| super::parking::read_interruptible(&table, channels, sink)),
        thread: section.section("thread").map(|table| super::thread::read(&table, channels, sink)),
    }
}

fn read_deflection(table: &Section<'_>) -> Option<Deflection> {
    let when = match table.section("when") {
        Some(when) => match when.optional_number("ewt_above_ms") {
            Some(above) => DeflectWhen::ExpectedWait(Millis(above)),
            None => DeflectWhen::Waiting(small(when.optional_number("waiting")?)),
        },
        None => match table.word("when") {
            "closed" => DeflectWhen::Closed,
            "nobody_signed_in" => DeflectWhen::NobodySignedIn,
            "nobody_ready" => DeflectWhen::NobodyReady,
            _ => return None,
        },
    };
    let to = match table.word("to") {
        "queue" => Treatment::Queue,
        "call_back" => Treatment::CallBack,
        "voicemail" => Treatment::Voicemail,
        "message" => Treatment::Message,
        "refuse" => Treatment::Refuse,
        _ => return None,
    };
    Some(Deflection { when, to })
}

/// Steps, each with what the one before allows unless it says more.
fn read_ladder(section: &Section<'_>, sink: &mut Sink<'_>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for table in section.sections("ladder") {
        let before = steps.last().copied();
        let step = read_step(&table, before.unwrap_or_default());
        let begins_late = before.map_or(step.after.0 > 0, |before| step.after <= before.after);
        if begins_late {
            let hint = "the first step begins at 0 ms, each other one later than the one before";
            let message = format!("{} ms is not the time of this step", step.after.0);
            sink.add_hint(&table.span_of("after_ms"), &table.path_of("after_ms"), message, hint);
        }
        if before.is_some_and(|before| narrows(&before, &step)) {
            let hint = "a step allows at least what the one before does; leave out what does not change";
            sink.add_hint(&table.span, &table.path, "allows less than the step before".to_owned(), hint);
        }
        steps.push(step);
    }
    steps
}

fn read_step(table: &Section<'_>, before: Step) -> Step {
    let byte = |key| table.optional_number(key).map(|number| u8::try_from(number).unwrap_or(u8::MAX));
    let reach = match table.word("reach") {
        "nobody" => Reach::Nobody,
        "own" => Reach::Own,
        "neighbours" => Reach::Neighbours,
        "up" => Reach::Up(byte("up").unwrap_or(1)),
        "all" => Reach::All,
        _ => before.reach,
    };
    Step {
        after: Millis(table.number("after_ms")),
        reach,
        levels_lowered: byte("levels_lowered").unwrap_or(before.levels_lowered),
        rank_max: byte("rank_max").unwrap_or(before.rank_max),
        lent: table.optional_flag("lent").unwrap_or(before.lent),
        any_language: table.optional_flag("any_language").unwrap_or(before.any_language),
    }
}

fn narrows(before: &Step, after: &Step) -> bool {
    after.reach < before.reach
        || after.levels_lowered < before.levels_lowered
        || after.rank_max < before.rank_max
        || (before.lent && !after.lent)
        || (before.any_language && !after.any_language)
}

/// The rules of an operator.
pub(super) fn read_operator(section: &Section<'_>, known: &Known<'_>, sink: &mut Sink<'_>) -> OperatorRules {
    let shift = section.text("shift").filter(|name| known.calendars.resolve(name, sink));
    let caps =
        section.numbers("caps").into_iter().filter(|(channel, _)| known.channels.resolve(channel, sink));
    OperatorRules {
        caps: caps
            .map(|(channel, cap)| (channel.value.into(), u16::try_from(cap).unwrap_or(u16::MAX)))
            .collect(),
        channels: declared(section, "channels", known.channels, sink),
        principals: declared(section, "principals", known.principals, sink),
        lent_principals: declared(section, "lent_principals", known.principals, sink),
        deputies: each_once(section, "deputies", sink),
        breaks: declared(section, "breaks", known.breaks, sink),
        shift: shift.map(|name| name.value.into()),
        rests: section.flag("rests"),
        bot: section.flag("bot"),
        units: room::read_units(section, known, sink),
        queue_caps: room::read_queue_caps(section, known, sink),
        wrap_up: section.optional_number("wrap_up_ms").map(Millis),
    }
}

/// The names of a list that the plan declares; each may be given once.
pub(super) fn declared(
    section: &Section<'_>,
    key: &'static str,
    known: &Names,
    sink: &mut Sink<'_>,
) -> Vec<Name> {
    let known: BTreeSet<&str> =
        section.texts(key).iter().filter(|name| known.resolve(name, sink)).map(|name| name.value).collect();
    let mut names = each_once(section, key, sink);
    names.retain(|name| known.contains(&**name));
    names
}

/// The names of a list, each of which may be given once.
pub(super) fn each_once(section: &Section<'_>, key: &'static str, sink: &mut Sink<'_>) -> Vec<Name> {
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    for name in &section.texts(key) {
        if seen.insert(name.value) {
            names.push(name.value.into());
        } else {
            sink.add(&name.span, &name.path, format!("names {:?} twice", name.value));
        }
    }
    names
}

fn any_names(section: &Section<'_>, key: &'static str) -> Vec<Name> {
    section.texts(key).into_iter().map(|name: Placed<&str>| name.value.into()).collect()
}
