//! Enquiries in the plan file: who is asked that has no seat, and how long an answer may take.

use ringmain_routing::limits::{ADDRESSEES_MAX, ENQUIRY_KEEP_MS_MAX, SPAN_MS_MAX};
use ringmain_routing::rules::{Addressee, EnquiryRule};
use ringmain_routing::{Millis, Name};

use super::diff::{ms, named};
use super::names::Names;
use super::rules::Known;
use super::shape::NAME;
use crate::problem::Sink;
use crate::section::Section;
use crate::shape::{Field, Kind, Need, Shape};

pub(super) static ENQUIRIES: Shape = Shape {
    doc: "Questions of operators to people without a seat, each with a term (R3.10).",
    exactly_one: false,
    fields: &[
        Field {
            name: "keep_for_ms",
            kind: Kind::Integer(1, ENQUIRY_KEEP_MS_MAX),
            need: Need::Number(300_000),
            doc: "When the answer is there, the promised call waits so long for whoever asked.",
        },
        Field {
            name: "remind_percent",
            kind: Kind::Integer(0, 99),
            need: Need::Number(75),
            doc: "After so much of the term the asker is reminded; 0 for never.",
        },
        Field {
            name: "addressees",
            kind: Kind::List(&Kind::Table(&ADDRESSEE), ADDRESSEES_MAX),
            need: Need::Optional,
            doc: "Who is asked by name; others may be asked with a term.",
        },
    ],
};

static ADDRESSEE: Shape = Shape {
    doc: "Somebody without a seat who is asked often.",
    exactly_one: false,
    fields: &[
        Field { name: "name", kind: NAME, need: Need::Required, doc: "The name." },
        Field {
            name: "term_ms",
            kind: Kind::Integer(1, SPAN_MS_MAX),
            need: Need::Required,
            doc: "When an answer is due, where the operator does not say.",
        },
        Field {
            name: "calendar",
            kind: NAME,
            need: Need::Optional,
            doc: "The calendar in whose open time terms count; every moment without it.",
        },
    ],
};

/// The part `enquiries` of the file, if there is one.
pub(super) fn read(file: &Section<'_>, known: &Known<'_>, sink: &mut Sink<'_>) -> Option<EnquiryRule> {
    let table = file.section("enquiries")?;
    let (mut names, mut addressees) = (Names::new("addressee"), Vec::new());
    for section in table.sections("addressees") {
        let calendar = section.text("calendar").filter(|name| known.calendars.resolve(name, sink));
        let Some(name) = section.text("name") else { continue };
        if names.declare(&name, sink) {
            addressees.push(Addressee {
                name: name.value.into(),
                term: Millis(section.number("term_ms")),
                calendar: calendar.map(|name| Name::from(name.value)),
            });
        }
    }
    Some(EnquiryRule {
        keep_for: Millis(table.number("keep_for_ms")),
        remind_percent: u8::try_from(table.number("remind_percent")).unwrap_or(u8::MAX),
        addressees,
    })
}

/// What changes, a line each.
pub(super) fn changes(old: Option<&EnquiryRule>, new: Option<&EnquiryRule>, lines: &mut Vec<String>) {
    let words = |rule: &EnquiryRule| {
        format!("calls kept for {}, reminder at {} % of the term", ms(rule.keep_for.0), rule.remind_percent)
    };
    match (old, new) {
        (None, Some(new)) => lines.push(format!("enquiries: {}", words(new))),
        (Some(_), None) => lines.push("enquiries left out: nobody begins one any more".to_owned()),
        (Some(old), Some(new)) if words(old) != words(new) => {
            lines.push(format!("enquiries: {} instead of {}", words(new), words(old)));
        }
        (Some(_) | None, _) => {}
    }
    let list =
        |rule: Option<&'_ EnquiryRule>| rule.map_or(&[][..], |rule| rule.addressees.as_slice()).to_vec();
    let (old, new) = (list(old), list(new));
    let term = |of: &Addressee| format!("{}, calendar {}", ms(of.term.0), named(of.calendar.as_deref()));
    for addressee in &new {
        let name = &addressee.name;
        match old.iter().find(|known| known.name == *name) {
            None => lines.push(format!("addressee {name:?} added: {}", term(addressee))),
            Some(known) if known != addressee => {
                lines.push(format!("addressee {name:?}: {} instead of {}", term(addressee), term(known)));
            }
            Some(_) => {}
        }
    }
    for addressee in old.iter().filter(|known| !new.iter().any(|other| other.name == known.name)) {
        lines.push(format!("addressee {:?} left out", addressee.name));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RoutingPlan, changes};

    const PLAN: &str = r#"
        channels = [{ name = "voice" }]
        queues = [{ name = "calls" }]
        calendars = [{ name = "day", zone = "Asia/Novosibirsk", hours = { mon-fri = "08:00-17:00" } }]
        [enquiries]
        addressees = [{ name = "dispatcher", term_ms = 1_200_000 }, { name = "foreman", term_ms = 3_600_000, calendar = "day" }]
    "#;

    #[test]
    fn who_is_asked_has_a_term_and_perhaps_a_calendar() {
        let plan = RoutingPlan::parse("plan.toml", PLAN).expect("it is sound").plan;
        let rule = plan.rules.enquiries.as_ref().expect("is there");
        assert_eq!((rule.keep_for.0, rule.remind_percent, rule.addressees.len()), (300_000, 75, 2));
        let other =
            PLAN.replace("1_200_000", "1_800_000").replace("[enquiries]", "[enquiries]\nremind_percent = 50");
        let other = RoutingPlan::parse("plan.toml", &other).expect("it is sound").plan;
        let lines = changes(&plan, &other);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[1].contains("1800 s") && lines[1].contains("dispatcher"), "{lines:?}");
    }

    #[test]
    fn what_is_wrong_with_enquiries_is_named_all_at_once() {
        let wrong =
            PLAN.replace("\"foreman\"", "\"dispatcher\"").replace("\"day\" }]\n    ", "\"night\" }]\n    ");
        let problems = RoutingPlan::parse("plan.toml", &wrong).expect_err("two mistakes").to_string();
        for part in ["dispatcher", "night"] {
            assert!(problems.contains(part), "{part}: {problems}");
        }
    }
}
