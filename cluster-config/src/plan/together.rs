//! People together, and bots, in the plan file: what a shape cannot say.

use ringmain_routing::limits::SPAN_MS_MAX;
use ringmain_routing::rules::OrphanRule;
use ringmain_routing::{Millis, Name};

use super::diff::ms;
use super::names::Names;
use super::shape::NAME;
use crate::problem::Sink;
use crate::section::Section;
use crate::shape::{Field, Kind, Need, Shape};

pub(super) static CHANNEL_ORPHAN: Shape = Shape {
    doc: "What becomes of a contact in handling whose operator is lost for good, by its channel.",
    exactly_one: false,
    fields: &[
        Field { name: "channel", kind: NAME, need: Need::Required, doc: "The channel." },
        Field {
            name: "to",
            kind: Kind::Choice(&["close", "requeue", "wait", "stay"]),
            need: Need::Word("wait"),
            doc: "Closed; back at its old place; waiting for that operator for a while, or until somebody gives it to another.",
        },
        Field {
            name: "wait_ms",
            kind: Kind::Integer(1, SPAN_MS_MAX),
            need: Need::Optional,
            doc: "With `wait`: how long it waits for that operator alone.",
        },
    ],
};

/// What becomes of orphans, each channel once.
pub(super) fn read_orphans(
    queue: &Section<'_>,
    channels: &Names,
    sink: &mut Sink<'_>,
) -> Vec<(Name, OrphanRule)> {
    let mut rules: Vec<(Name, OrphanRule)> = Vec::new();
    for table in queue.sections("orphans") {
        let wait = table.optional_number("wait_ms").map(Millis);
        let rule = match table.word("to") {
            "close" => OrphanRule::Close,
            "requeue" => OrphanRule::Requeue,
            "stay" => OrphanRule::Stay,
            _ => OrphanRule::Wait(wait.unwrap_or_default()),
        };
        let waits = matches!(rule, OrphanRule::Wait(_));
        if waits != wait.is_some() {
            let hint = "`wait_ms` goes with `to = \"wait\"`, and with nothing else";
            let message =
                if waits { "does not say for how long" } else { "has a time that counts for nothing" };
            sink.add_hint(&table.span, &table.path, message.to_owned(), hint);
        }
        let Some(channel) = table.text("channel") else { continue };
        if rules.iter().any(|known| *known.0 == *channel.value) {
            sink.add(&channel.span, &channel.path, format!("names {:?} twice", channel.value));
        } else if channels.resolve(&channel, sink) {
            rules.push((channel.value.into(), rule));
        }
    }
    rules
}

pub(super) fn orphan_words(rules: &[(Name, OrphanRule)]) -> String {
    if rules.is_empty() {
        return "as the queue says".to_owned();
    }
    let words = rules.iter().map(|(channel, rule)| match rule {
        OrphanRule::Close => format!("{channel:?} closed"),
        OrphanRule::Requeue => format!("{channel:?} requeued"),
        OrphanRule::Wait(span) => format!("{channel:?} waits {}", ms(span.0)),
        OrphanRule::Stay => format!("{channel:?} stays"),
    });
    words.collect::<Vec<_>>().join(" + ")
}

/// A bot has no time of people.
pub(super) fn check_bot(operator: &Section<'_>, sink: &mut Sink<'_>) {
    if !operator.flag("bot") {
        return;
    }
    for key in ["breaks", "rests"] {
        if operator.has(key) {
            let hint = "leave it out: a bot has no breaks and no rest";
            sink.add_hint(
                &operator.span_of(key),
                &operator.path_of(key),
                "stands beside `bot`".to_owned(),
                hint,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RoutingPlan, changes};
    use super::*;

    const PLAN: &str = r#"
        channels = [{ name = "voice" }, { name = "chat" }]
        queues = [{ name = "bots", people_queue = "people" }, { name = "people", orphans = [{ channel = "chat", wait_ms = 60_000 }] }]
        [[operators]]
        login = "robot"
        bot = true
        capacity = 20_000
    "#;

    #[test]
    fn bots_and_the_queue_of_people_are_read() {
        let read = RoutingPlan::parse("plan.toml", PLAN).expect("it is sound");
        assert_eq!(read.plan.queues[0].rules.people_queue.as_deref(), Some("people"));
        assert!(read.operators[0].rules.bot);
        let orphans = &read.plan.queues[1].rules.orphans;
        assert_eq!(orphans[..], [("chat".into(), OrphanRule::Wait(Millis(60_000)))]);
    }

    #[test]
    fn orphans_that_wait_say_how_long_and_each_channel_stands_once() {
        let wrong = PLAN.replace(
            "{ channel = \"chat\", wait_ms = 60_000 }",
            "{ channel = \"chat\" }, { channel = \"chat\", to = \"stay\" }, { channel = \"fax\", to = \"stay\" }",
        );
        let problems = RoutingPlan::parse("plan.toml", &wrong).expect_err("three mistakes").to_string();
        for part in ["for how long", "twice", "fax"] {
            assert!(problems.contains(part), "{part}: {problems}");
        }
    }

    #[test]
    fn a_bot_with_breaks_and_an_unknown_queue_of_people_are_told_at_once() {
        let wrong = PLAN
            .replace("= \"people\" }, {", "= \"peopel\" }, {")
            .replace("bot = true", "bot = true\nrests = true");
        let problems = RoutingPlan::parse("plan.toml", &wrong).expect_err("two mistakes").to_string();
        assert!(problems.contains("peopel") && problems.contains("no breaks and no rest"), "{problems}");
    }

    #[test]
    fn a_change_of_the_queue_of_people_is_told_in_words() {
        let before = RoutingPlan::parse("plan.toml", PLAN).expect("it is sound").plan;
        let after = PLAN.replace(", people_queue = \"people\"", "");
        let after = RoutingPlan::parse("plan.toml", &after).expect("it is sound").plan;
        assert_eq!(changes(&before, &after), ["queue \"bots\": people \"people\" → none"]);
    }
}
