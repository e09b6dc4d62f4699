//! Routes of cases: their fields in the plan file, and from there to the core's form. Terms are working time, written
//! as people say it: `16h`, `2h 30m`.

use std::collections::BTreeSet;
use std::time::Duration;

use ringmain_routing::limits::{REPLY_WAYS_MAX, SPAN_MS_MAX, STAGES_MAX, WATCHERS_MAX};
use ringmain_routing::rules::{Route, Stage};
use ringmain_routing::{Millis, Name};

use super::names::Names;
use super::rules::{Known, each_once};
use super::shape::NAME;
use crate::problem::Sink;
use crate::section::Section;
use crate::shape::{Field, Kind, Need, Shape};

/// A span of working time as a text.
const TERM: Kind = Kind::Text(64);

pub(super) static ROUTE: Shape = Shape {
    doc: "A way that cases go: stages, each with a term in working time.",
    exactly_one: false,
    fields: &[
        Field { name: "name", kind: NAME, need: Need::Required, doc: "Its name." },
        Field {
            name: "term",
            kind: TERM,
            need: Need::Optional,
            doc: "Working time until all of it is due, like \"40h\"; none for no date of its own.",
        },
        Field {
            name: "calendar",
            kind: NAME,
            need: Need::Optional,
            doc: "What counts as working time where no unit of the customer says so; none for every moment.",
        },
        Field {
            name: "stages",
            kind: Kind::List(&Kind::Table(&STAGE), STAGES_MAX),
            need: Need::Required,
            doc: "In their order. Cases know their stage by its place: add stages behind the others.",
        },
    ],
};

static STAGE: Shape = Shape {
    doc: "A stage of a route.",
    exactly_one: false,
    fields: &[
        Field { name: "name", kind: NAME, need: Need::Required, doc: "Its name." },
        Field {
            name: "queue",
            kind: NAME,
            need: Need::Required,
            doc: "The queue in which its contact waits for an operator.",
        },
        Field {
            name: "term",
            kind: TERM,
            need: Need::Required,
            doc: "Working time until it is due, like \"8h\" or \"2h 30m\".",
        },
        Field {
            name: "warn_before",
            kind: TERM,
            need: Need::Optional,
            doc: "Working time before that at which gateway and watchers are warned; none for no warning.",
        },
        Field {
            name: "escalate_to",
            kind: NAME,
            need: Need::Optional,
            doc: "The queue to which its contact goes when it is due and nobody has it in hand.",
        },
        Field {
            name: "watchers",
            kind: Kind::List(&NAME, WATCHERS_MAX),
            need: Need::Optional,
            doc: "Logins of operators who hear of warning and deadline.",
        },
        Field {
            name: "reply_by",
            kind: Kind::List(&NAME, REPLY_WAYS_MAX),
            need: Need::Optional,
            doc: "Only cases whose customer wants the answer in one of these ways have the stage; left out: every case.",
        },
        Field {
            name: "channel",
            kind: NAME,
            need: Need::Optional,
            doc: "The channel of its contact; left out: that of the stage before.",
        },
        Field {
            name: "call_back",
            kind: NAME,
            need: Need::Optional,
            doc: "Its contact is a call-back order of the customer's phone for these principals.",
        },
    ],
};

/// The names of all routes.
pub(super) fn names(file: &Section<'_>, sink: &mut Sink<'_>) -> Names {
    let mut names = Names::new("route");
    for section in file.sections("routes") {
        if let Some(name) = section.text("name") {
            names.declare(&name, sink);
        }
    }
    names
}

/// The routes, each name once.
pub(super) fn read(file: &Section<'_>, known: &Known<'_>, sink: &mut Sink<'_>) -> Vec<Route> {
    let (mut routes, mut seen) = (Vec::new(), BTreeSet::new());
    for section in file.sections("routes") {
        let route = read_route(&section, known, sink);
        if let Some(name) = section.text("name").filter(|name| seen.insert(name.value.to_owned())) {
            routes.push(Route { name: name.value.into(), ..route });
        }
    }
    routes
}

fn read_route(section: &Section<'_>, known: &Known<'_>, sink: &mut Sink<'_>) -> Route {
    let calendar = section.text("calendar").filter(|name| known.calendars.resolve(name, sink));
    let mut names = Names::new("stage");
    let mut stages = Vec::new();
    let sections = section.sections("stages");
    if sections.is_empty() && section.has("stages") {
        let (span, path) = (section.span_of("stages"), section.path_of("stages"));
        sink.add_hint(&span, &path, "has no stage".to_owned(), "a route has at least one");
    }
    if let Some(first) = sections.first().filter(|first| first.has("reply_by")) {
        let (span, path) = (first.span_of("reply_by"), first.path_of("reply_by"));
        let hint = "every case begins with the first stage: put a stage for all before it";
        sink.add_hint(&span, &path, "stands in the first stage".to_owned(), hint);
    }
    for stage in &sections {
        let read = read_stage(stage, known, sink);
        if let Some(name) = stage.text("name").filter(|name| names.declare(name, sink)) {
            stages.push(Stage { name: name.value.into(), ..read });
        }
    }
    Route {
        name: Name::from(""),
        stages,
        term: read_term(section, "term", sink),
        calendar: calendar.map(|name| name.value.into()),
    }
}

fn read_stage(section: &Section<'_>, known: &Known<'_>, sink: &mut Sink<'_>) -> Stage {
    let queue = section.text("queue").filter(|name| known.queues.resolve(name, sink));
    let escalate_to = section.text("escalate_to").filter(|name| known.queues.resolve(name, sink));
    let term = read_term(section, "term", sink).unwrap_or(Millis(1));
    let warn_before = read_term(section, "warn_before", sink).unwrap_or(Millis(0));
    if warn_before >= term && section.has("term") && section.has("warn_before") {
        let (span, path) = (section.span_of("warn_before"), section.path_of("warn_before"));
        let hint = "the warning comes after the stage begins: make it shorter than the term";
        sink.add_hint(&span, &path, "is not below the term".to_owned(), hint);
    }
    let channel = section.text("channel").filter(|name| known.channels.resolve(name, sink));
    Stage {
        name: Name::from(""),
        queue: queue.map(|name| name.value.into()).unwrap_or_default(),
        term,
        warn_before,
        escalate_to: escalate_to.map(|name| name.value.into()),
        watchers: each_once(section, "watchers", sink),
        reply_by: each_once(section, "reply_by", sink),
        channel: channel.map(|name| name.value.into()),
        call_back: section.text("call_back").map(|principals| principals.value.into()),
    }
}

/// A span of working time above 0: hours, minutes and seconds. Days are not: a working day has as many hours as the
/// calendar says.
fn read_term(section: &Section<'_>, key: &'static str, sink: &mut Sink<'_>) -> Option<Millis> {
    let text = section.text(key)?;
    let says_days = text.value.chars().any(|letter| letter.is_alphabetic() && !"hmins".contains(letter));
    let span = humantime::parse_duration(text.value).ok().filter(|_| !says_days);
    let span = span.and_then(|span: Duration| u64::try_from(span.as_millis()).ok());
    match span {
        Some(ms) if (1..=SPAN_MS_MAX).contains(&ms) => Some(Millis(ms)),
        Some(_) | None => {
            let hint = "write working time in hours, minutes and seconds, like \"16h\" or \"2h 30m\"";
            sink.add_hint(&text.span, &text.path, format!("{:?} is no term", text.value), hint);
            None
        }
    }
}
