//! Breaks and rest in the plan file: fields, what they become, and how they change.

use ringmain_routing::limits::{REST_WINDOW_MS_MAX, REST_WINDOW_MS_MIN, SPAN_MS_MAX};
use ringmain_routing::rules::{BreakRule, PlanRules, RestRule};
use ringmain_routing::{Millis, Name};

use super::diff::{Words, ms};
use super::names::Names;
use super::shape::{NAME, SPAN};
use crate::problem::Sink;
use crate::section::Section;
use crate::shape::{Field, Kind, Need, Shape};

pub(super) static BREAK: Shape = Shape {
    doc: "A break that comes due by itself, or for which operators ask.",
    exactly_one: false,
    fields: &[
        Field { name: "name", kind: NAME, need: Need::Required, doc: "Its name." },
        Field {
            name: "reason",
            kind: Kind::Integer(0, u16::MAX as u64),
            need: Need::Number(0),
            doc: "The not-ready reason that it shows.",
        },
        Field {
            name: "every_ms",
            kind: Kind::Integer(1, SPAN_MS_MAX),
            need: Need::Optional,
            doc: "Due so long after the session was opened or the last such break was over.",
        },
        Field {
            name: "length_ms",
            kind: Kind::Integer(1, SPAN_MS_MAX),
            need: Need::Required,
            doc: "How long it is.",
        },
        Field {
            name: "defer_max_ms",
            kind: SPAN,
            need: Need::Number(0),
            doc: "It begins at the latest so long after it was due, whoever else is away.",
        },
        Field {
            name: "away_percent_max",
            kind: Kind::Integer(0, 100),
            need: Need::Number(0),
            doc: "Before that, so much of the team may be away, and one where the team has more than one.",
        },
        Field {
            name: "alone",
            kind: Kind::Flag,
            need: Need::Flag(false),
            doc: "Also where the operator is all of the team that is signed in.",
        },
        Field {
            name: "on_request",
            kind: Kind::Flag,
            need: Need::Flag(false),
            doc: "Due only when the operator asks for it.",
        },
        Field {
            name: "returns",
            kind: Kind::Flag,
            need: Need::Flag(true),
            doc: "The operator is ready when it is over; otherwise not ready, for the same reason.",
        },
    ],
};

pub(super) static REST: Shape = Shape {
    doc: "How busy operators who rest may be at most.",
    exactly_one: false,
    fields: &[
        Field {
            name: "window_ms",
            kind: Kind::Integer(REST_WINDOW_MS_MIN, REST_WINDOW_MS_MAX),
            need: Need::Number(3_600_000),
            doc: "The length of a window; windows follow each other from the opening of the session.",
        },
        Field {
            name: "busy_percent_max",
            kind: Kind::Integer(1, 100),
            need: Need::Required,
            doc: "Who had something in hand for so much of a window takes nothing new until it ends, life safety aside.",
        },
    ],
};

/// The breaks of the plan, in the order of the file.
pub(super) fn read_breaks(file: &Section<'_>, sink: &mut Sink<'_>) -> (Names, Vec<BreakRule>) {
    let (mut names, mut breaks) = (Names::new("break"), Vec::new());
    for section in file.sections("breaks") {
        let every = section.optional_number("every_ms");
        let on_request = section.flag("on_request");
        if every.is_none() && !on_request {
            let hint = "say every_ms, or on_request = true for one that operators ask for";
            sink.add_hint(&section.span, &section.path, "never comes due".to_owned(), hint);
        }
        let Some(name) = section.text("name") else { continue };
        if names.declare(&name, sink) {
            breaks.push(BreakRule {
                name: name.value.into(),
                reason: u16::try_from(section.number("reason")).unwrap_or(u16::MAX),
                every: Millis(every.unwrap_or(0)),
                length: Millis(section.number("length_ms")),
                defer_max: Millis(section.number("defer_max_ms")),
                away_percent_max: percent(section.number("away_percent_max")),
                alone: section.flag("alone"),
                on_request,
                returns: section.flag("returns"),
            });
        }
    }
    (names, breaks)
}

/// The occupancy cap.
pub(super) fn read_rest(file: &Section<'_>) -> Option<RestRule> {
    let section = file.section("rest")?;
    Some(RestRule {
        window: Millis(section.number("window_ms")),
        busy_percent_max: percent(section.number("busy_percent_max")),
    })
}

fn percent(number: u64) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// One line for each break that changes, one for the occupancy cap.
pub(super) fn changes(old: &PlanRules, new: &PlanRules, lines: &mut Vec<String>) {
    let find = |list: &[BreakRule], name: &Name| list.iter().find(|rule| rule.name == *name).cloned();
    for rule in &new.breaks {
        match find(&old.breaks, &rule.name) {
            None => lines.push(format!("break {:?} added", rule.name)),
            Some(before) => {
                let mut words = Words::default();
                break_words(&before, rule, &mut words);
                if !words.list.is_empty() {
                    lines.push(format!("break {:?}: {}", rule.name, words.list.join(", ")));
                }
            }
        }
    }
    for rule in old.breaks.iter().filter(|rule| find(&new.breaks, &rule.name).is_none()) {
        lines.push(format!("break {:?} left out", rule.name));
    }
    let mut words = Words::default();
    words.compare("busy at most", &rest(old.rest), &rest(new.rest));
    if !words.list.is_empty() {
        lines.push(format!("rest: {}", words.list.join(", ")));
    }
}

fn break_words(old: &BreakRule, new: &BreakRule, words: &mut Words) {
    let due = |rule: &BreakRule| match (rule.on_request, rule.every.0) {
        (true, _) => "on request".to_owned(),
        (false, every) => format!("every {}", ms(every)),
    };
    words.compare("reason", &old.reason, &new.reason);
    words.compare("due", &due(old), &due(new));
    words.compare("length", &ms(old.length.0), &ms(new.length.0));
    words.compare("deferred by at most", &ms(old.defer_max.0), &ms(new.defer_max.0));
    words.compare("away at most in %", &old.away_percent_max, &new.away_percent_max);
    words.compare("alone", &yes(old.alone), &yes(new.alone));
    words.compare("returns ready", &yes(old.returns), &yes(new.returns));
}

fn rest(rest: Option<RestRule>) -> String {
    rest.map_or_else(
        || "as it comes".to_owned(),
        |rest| format!("{} % of {}", rest.busy_percent_max, ms(rest.window.0)),
    )
}

pub(super) fn yes(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::super::{RoutingPlan, changes as plan_changes};

    const PLAN: &str = r#"
        channels = [{ name = "voice" }]
        queues = [{ name = "a", last_start_ms = 600_000 }]
        breaks = [
            { name = "short", reason = 11, every_ms = 3_600_000, length_ms = 300_000, away_percent_max = 20 },
            { name = "smoke", length_ms = 300_000, on_request = true },
        ]
        rest = { busy_percent_max = 85 }
        [[operators]]
        login = "anna"
        breaks = ["short", "smoke"]
        rests = true
    "#;

    #[test]
    fn breaks_and_rest_are_read() {
        let read = RoutingPlan::parse("plan.toml", PLAN).expect("it is sound");
        let rules = &read.plan.rules;
        assert_eq!(rules.breaks.len(), 2);
        assert!(rules.breaks[0].returns && rules.breaks[1].on_request);
        assert_eq!(rules.rest.map(|rest| (rest.window.0, rest.busy_percent_max)), Some((3_600_000, 85)));
        assert_eq!(read.plan.queues[0].rules.last_start.map(|span| span.0), Some(600_000));
        assert_eq!((read.operators[0].rules.breaks.len(), read.operators[0].rules.rests), (2, true));
    }

    #[test]
    fn a_break_that_never_comes_due_and_an_unknown_one_are_told() {
        let never = PLAN.replace("every_ms = 3_600_000, ", "");
        let problems = RoutingPlan::parse("plan.toml", &never).expect_err("it never comes due").to_string();
        assert!(problems.contains("never comes due"), "{problems}");
        let unknown = PLAN.replace("[\"short\", \"smoke\"]", "[\"shor\"]");
        let problems = RoutingPlan::parse("plan.toml", &unknown).expect_err("it is unknown").to_string();
        assert!(problems.contains("shor"), "{problems}");
    }

    #[test]
    fn a_change_of_breaks_is_told_in_words() {
        let before = RoutingPlan::parse("plan.toml", PLAN).expect("it is sound").plan;
        let after =
            PLAN.replace("length_ms = 300_000, away", "length_ms = 600_000, away").replace("85", "80");
        let after = RoutingPlan::parse("plan.toml", &after).expect("it is sound").plan;
        assert_eq!(
            plan_changes(&before, &after),
            ["break \"short\": length 300 s → 600 s", "rest: busy at most 85 % of 3600 s → 80 % of 3600 s"]
        );
    }
}
