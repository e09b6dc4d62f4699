//! Threads with targets for replies, in the plan file.

use ringmain_routing::Millis;
use ringmain_routing::limits::{BY_CHANNELS_MAX, SPAN_MS_MAX};
use ringmain_routing::rules::{ThreadRules, ThreadTimes};

use super::diff::ms;
use super::names::Names;
use super::shape::{NAME, SPAN};
use crate::problem::Sink;
use crate::section::Section;
use crate::shape::{Field, Kind, Need, Shape};

const ABOVE_0: Kind = Kind::Integer(1, SPAN_MS_MAX);

pub(super) static THREAD: Shape = Shape {
    doc: "Which contacts are threads, and how long customer and operator may be silent.",
    exactly_one: false,
    fields: &[
        Field {
            name: "channels",
            kind: Kind::List(&NAME, BY_CHANNELS_MAX),
            need: Need::Optional,
            doc: "Contacts of these channels. Left out: of every channel.",
        },
        Field {
            name: "first_reply_ms",
            kind: ABOVE_0,
            need: Need::Optional,
            doc: "The first reply is due so long after the contact came into its operator's hands.",
        },
        Field {
            name: "next_reply_ms",
            kind: ABOVE_0,
            need: Need::Optional,
            doc: "Each next reply is due so long after the customer wrote.",
        },
        Field {
            name: "warn_before_ms",
            kind: SPAN,
            need: Need::Number(0),
            doc: "Operator and gateway hear of it so long before a reply is due; shorter than each target.",
        },
        Field {
            name: "requeue_after_ms",
            kind: SPAN,
            need: Need::Optional,
            doc: "So long behind its target the contact goes back to its place. Left out: it stays.",
        },
        Field {
            name: "park_after_ms",
            kind: ABOVE_0,
            need: Need::Optional,
            doc: "So long after the operator's last message a silent customer's thread takes no room any more.",
        },
        Field {
            name: "close_after_ms",
            kind: ABOVE_0,
            need: Need::Optional,
            doc: "So long after it the thread ends; longer than `park_after_ms`.",
        },
        Field {
            name: "keep_for_ms",
            kind: SPAN,
            need: Need::Number(60_000),
            doc: "So long a customer who writes again waits for the same operator, then for anyone.",
        },
    ],
};

/// The rule, with each channel known and named once.
pub(super) fn read(table: &Section<'_>, channels: &Names, sink: &mut Sink<'_>) -> ThreadRules {
    let span = |name| table.optional_number(name).map(Millis);
    let times = ThreadTimes {
        first_reply: span("first_reply_ms"),
        next_reply: span("next_reply_ms"),
        warn_before: Millis(table.number("warn_before_ms")),
        requeue_after: span("requeue_after_ms"),
        park_after: span("park_after_ms"),
        close_after: span("close_after_ms"),
        keep_for: Millis(table.number("keep_for_ms")),
    };
    check(table, &times, sink);
    let mut known = Vec::new();
    for channel in table.texts("channels") {
        if known.iter().any(|known: &ringmain_routing::Name| **known == *channel.value) {
            sink.add(&channel.span, &channel.path, format!("names {:?} twice", channel.value));
        } else if channels.resolve(&channel, sink) {
            known.push(channel.value.into());
        }
    }
    ThreadRules { channels: known, times }
}

fn check(table: &Section<'_>, times: &ThreadTimes, sink: &mut Sink<'_>) {
    let mut add = |key: &str, message: &str, hint: &str| {
        sink.add_hint(&table.span_of(key), &table.path_of(key), message.to_owned(), hint);
    };
    let targets = [times.first_reply, times.next_reply];
    if targets.into_iter().flatten().any(|target| target <= times.warn_before) {
        add("warn_before_ms", "is not shorter than each target", "warn after the target has begun");
    }
    if times.requeue_after.is_some() && targets == [None, None] {
        add(
            "requeue_after_ms",
            "counts from a target, and there is none",
            "say `first_reply_ms` or `next_reply_ms`",
        );
    }
    if times.park_after.zip(times.close_after).is_some_and(|(parks, closes)| closes <= parks) {
        add("close_after_ms", "is not longer than `park_after_ms`", "a thread rests before it ends");
    }
}

pub(super) fn words(rule: Option<&ThreadRules>) -> String {
    let Some(ThreadRules { channels, times }) = rule else { return "none".to_owned() };
    let of = channels.iter().map(|channel| format!("{channel:?}")).collect::<Vec<_>>().join(" + ");
    let mut words = vec![if of.is_empty() { "all channels".to_owned() } else { of }];
    let warned = Some(times.warn_before).filter(|warned| warned.0 > 0);
    for (name, span) in [
        ("first reply", times.first_reply),
        ("next reply", times.next_reply),
        ("warned before", warned),
        ("back after", times.requeue_after),
        ("parked after", times.park_after),
        ("closed after", times.close_after),
        ("kept for", Some(times.keep_for)),
    ] {
        words.extend(span.map(|span| format!("{name} {}", ms(span.0))));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::{RoutingPlan, changes};
    use super::*;

    const PLAN: &str = r#"
        channels = [{ name = "chat" }]
        [[queues]]
        name = "chats"
        thread = { channels = ["chat"], first_reply_ms = 30_000, park_after_ms = 120_000, close_after_ms = 3_600_000 }
    "#;

    #[test]
    fn rules_of_threads_are_read() {
        let plan = RoutingPlan::parse("plan.toml", PLAN).expect("it is sound").plan;
        let times = ThreadTimes {
            first_reply: Some(Millis(30_000)),
            park_after: Some(Millis(120_000)),
            close_after: Some(Millis(3_600_000)),
            keep_for: Millis(60_000),
            ..ThreadTimes::default()
        };
        let channels = vec!["chat".into()];
        assert_eq!(plan.queues[0].rules.thread, Some(ThreadRules { channels, times }));
    }

    #[test]
    fn a_change_is_told_in_words() {
        let before = RoutingPlan::parse("plan.toml", PLAN).expect("it is sound").plan;
        let after = PLAN.replace("first_reply_ms = 30_000", "first_reply_ms = 45_000");
        let after = RoutingPlan::parse("plan.toml", &after).expect("it is sound").plan;
        let told = changes(&before, &after).join("\n");
        assert!(told.contains("first reply 30") && told.contains("first reply 45"), "{told}");
    }
}
