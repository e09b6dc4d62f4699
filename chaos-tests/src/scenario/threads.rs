//! Threads in scenarios: their rules, what is noted, and what is told.

use anyhow::{Context as _, Result, bail};
use ringmain_routing::command::NoteMessage;
use ringmain_routing::effect::ThreadNews;
use ringmain_routing::rules::{QueueRules, ThreadRules, ThreadTimes, Writer};
use ringmain_routing::{Millis, Name};

use super::read::epoch;
use super::rule_book::names;
use super::words::{Words, quoted};
use super::write::optional;

/// The line behind a queue that says what silence means there.
pub(super) fn rules(words: &Words) -> Result<ThreadRules> {
    let span = |name: &str| -> Result<Option<Millis>> { Ok(words.optional(name)?.map(Millis)) };
    Ok(ThreadRules {
        channels: words.names("channels"),
        times: ThreadTimes {
            first_reply: span("first-reply")?,
            next_reply: span("next-reply")?,
            warn_before: span("warn-before")?.unwrap_or_default(),
            requeue_after: span("requeue-after")?,
            park_after: span("park-after")?,
            close_after: span("close-after")?,
            keep_for: span("keep-for")?.unwrap_or_default(),
        },
    })
}

pub(super) fn write_rules(queue: &Name, rules: &QueueRules) -> Option<String> {
    let ThreadRules { channels, times } = rules.thread.as_ref()?;
    let span = |name: &str, span: Option<Millis>| optional(name, span.map(|span| span.0));
    let above_0 = |span: Millis| Some(span).filter(|span| span.0 > 0);
    let spans = span("first-reply", times.first_reply)
        + &span("next-reply", times.next_reply)
        + &span("warn-before", above_0(times.warn_before))
        + &span("requeue-after", times.requeue_after)
        + &span("park-after", times.park_after)
        + &span("close-after", times.close_after)
        + &span("keep-for", above_0(times.keep_for));
    Some(format!("thread {}{}{spans}", quoted(queue), names("channels", channels)))
}

pub(super) fn note_message(words: &Words) -> Result<NoteMessage> {
    let by = match words.text("wrote").context("wrote= is missing")? {
        "customer" => Writer::Customer,
        "operator" => Writer::Operator,
        other => bail!("{other}: nobody writes so"),
    };
    Ok(NoteMessage {
        gateway: words.plain(3)?.parse()?,
        epoch: epoch(words)?,
        contact: words.plain(1)?.parse()?,
        number: words.number("number")?,
        by,
    })
}

pub(super) fn write_note_message(command: &NoteMessage) -> String {
    let NoteMessage { gateway, epoch, contact, number, by } = command;
    let wrote = match by {
        Writer::Customer => "customer",
        Writer::Operator => "operator",
    };
    format!("note-message {contact} by {gateway} epoch={epoch} number={number} wrote={wrote}")
}

pub(super) fn write_news(news: ThreadNews) -> String {
    match news {
        ThreadNews::ReplySoon { due } => format!("reply-soon until {}", due.0),
        ThreadNews::ReplyOverdue => "reply-is-overdue".to_owned(),
        ThreadNews::Closed => "silent-customer".to_owned(),
    }
}
