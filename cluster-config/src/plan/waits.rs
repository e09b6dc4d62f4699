//! Rules by waiting in the plan file: what a shape cannot say.

use ringmain_routing::Millis;
use ringmain_routing::limits::SPAN_MS_MAX;
use ringmain_routing::rules::{Treatment, WaitRule};

use super::diff::ms;
use crate::problem::Sink;
use crate::section::Section;
use crate::shape::{Field, Kind, Need, Shape};

pub(super) static WAIT: Shape = Shape {
    doc: "What a contact in line gets that has waited so long. Tier 0 and the work of cases get nothing of it.",
    exactly_one: false,
    fields: &[
        Field {
            name: "after_ms",
            kind: Kind::Integer(1, SPAN_MS_MAX),
            need: Need::Required,
            doc: "True waiting; each later than the one before.",
        },
        Field {
            name: "to",
            kind: Kind::Choice(&["call_back", "voicemail", "message"]),
            need: Need::Required,
            doc: "A call-back, voicemail or a message.",
        },
        Field {
            name: "leave",
            kind: Kind::Flag,
            need: Need::Flag(false),
            doc: "The contact leaves by it, unasked; otherwise it is offered, and the contact stays in line.",
        },
    ],
};

/// The rules of a queue, sooner first, with nothing behind one by which all leave.
pub(super) fn read(queue: &Section<'_>, sink: &mut Sink<'_>) -> Vec<WaitRule> {
    let mut rules: Vec<WaitRule> = Vec::new();
    for table in queue.sections("waits") {
        let to = match table.word("to") {
            "call_back" => Treatment::CallBack,
            "voicemail" => Treatment::Voicemail,
            "message" => Treatment::Message,
            _ => continue,
        };
        let rule = WaitRule { after: Millis(table.number("after_ms")), to, leave: table.flag("leave") };
        if let Some(before) = rules.last() {
            if before.leave {
                let hint = "put the rule with `leave` last: nobody is left behind it";
                sink.add_hint(
                    &table.span,
                    &table.path,
                    "stands behind a rule by which all leave".to_owned(),
                    hint,
                );
            }
            if rule.after <= before.after {
                let hint = "begin with the shortest wait";
                sink.add_hint(&table.span, &table.path, "is not later than the one before".to_owned(), hint);
            }
        }
        rules.push(rule);
    }
    rules
}

pub(super) fn words(rules: &[WaitRule]) -> String {
    if rules.is_empty() {
        return "nothing".to_owned();
    }
    let words = rules.iter().map(|rule| {
        let to = match rule.to {
            Treatment::Queue => "queue",
            Treatment::CallBack => "call-back",
            Treatment::Voicemail => "voicemail",
            Treatment::Message => "message",
            Treatment::Refuse => "refuse",
        };
        let how = if rule.leave { "leaves by" } else { "is offered" };
        format!("after {} {how} {to}", ms(rule.after.0))
    });
    words.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::super::{RoutingPlan, changes};
    use super::*;

    const PLAN: &str = r#"
        duty_after_ms = 30_000
        channels = [{ name = "voice" }]
        [[queues]]
        name = "calls"
        alarm_after_ms = 180_000
        waits = [{ after_ms = 60_000, to = "call_back" }, { after_ms = 600_000, to = "message", leave = true }]
    "#;

    #[test]
    fn rules_by_waiting_are_read() {
        let plan = RoutingPlan::parse("plan.toml", PLAN).expect("it is sound").plan;
        let rules = &plan.queues[0].rules;
        let rule = |after, to, leave| WaitRule { after: Millis(after), to, leave };
        let wanted = [rule(60_000, Treatment::CallBack, false), rule(600_000, Treatment::Message, true)];
        assert_eq!((rules.waits.as_slice(), rules.alarm_after), (&wanted[..], Some(Millis(180_000))));
        assert_eq!(plan.rules.duty_after, Some(Millis(30_000)));
    }

    #[test]
    fn what_stands_in_the_wrong_order_is_told_at_once() {
        let wrong = PLAN.replace(
            "{ after_ms = 60_000, to = \"call_back\" }",
            "{ after_ms = 700_000, to = \"call_back\", leave = true }",
        );
        let problems = RoutingPlan::parse("plan.toml", &wrong).expect_err("two mistakes").to_string();
        assert!(problems.contains("all leave") && problems.contains("not later"), "{problems}");
    }

    #[test]
    fn a_change_is_told_in_words() {
        let before = RoutingPlan::parse("plan.toml", PLAN).expect("it is sound").plan;
        let after = PLAN.replace(", leave = true", "").replace("alarm_after_ms = 180_000", "");
        let after = RoutingPlan::parse("plan.toml", &after).expect("it is sound").plan;
        let told = changes(&before, &after).join("\n");
        assert!(told.contains("leaves by message") && told.contains("alarm"), "{told}");
    }
}
