//! Contacts that are taken or handed out by hand, in scenarios.

use anyhow::{Context, Result};
use ringmain_routing::command::{
    Action, AssignContact, CloseEntry, EntryOf, HandOver, HandOverFrom, TakeNext,
};
use ringmain_routing::{Millis, Timestamp};

use super::read::epoch;
use super::words::{Words, quoted};
use super::write::optional;

pub(super) fn take_next(words: &Words) -> Result<TakeNext> {
    Ok(TakeNext {
        operator: words.plain(1)?.parse()?,
        epoch: epoch(words)?,
        seq: words.number("seq")?,
        queue: words.text("queue").map(Into::into),
    })
}

pub(super) fn write_take_next(command: &TakeNext) -> String {
    let TakeNext { operator, epoch, seq, queue } = command;
    format!("take-next {operator} epoch={epoch} seq={seq}{}", optional("queue", queue.as_ref()))
}

pub(super) fn by_lead(words: &Words) -> Result<AssignContact> {
    Ok(AssignContact {
        operator: words.plain(3)?.parse()?,
        epoch: epoch(words)?,
        contact: words.plain(1)?.parse()?,
        to: words.name("to")?,
        hold: Millis(words.number("hold")?),
    })
}

pub(super) fn write_by_lead(command: &AssignContact) -> String {
    let AssignContact { operator, epoch, contact, to, hold } = command;
    format!("hand-out {contact} by {operator} epoch={epoch} to={} hold={}", quoted(to), hold.0)
}

pub(super) fn by_supervisor(words: &Words) -> Result<Action> {
    let contact = words.plain(2)?.parse()?;
    Ok(Action::AssignContact { contact, to: words.name("to")?, hold: Millis(words.number("hold")?) })
}

pub(super) fn hand_over(words: &Words) -> Result<Action> {
    let from = match (words.text("unit"), words.text("from")) {
        (Some(unit), _) => HandOverFrom::Unit(unit.into()),
        (None, login) => HandOverFrom::Operator(login.context("from= or unit= is missing")?.into()),
    };
    let notes = words.pairs("notes")?.into_iter().map(|(contact, note)| Ok((contact.parse()?, note)));
    Ok(Action::HandOver(Box::new(HandOver {
        from,
        to: words.text("to").map(Into::into),
        hold: Millis(words.number("hold")?),
        notes: notes.collect::<Result<_>>()?,
    })))
}

pub(super) fn write_hand_over(command: &HandOver) -> String {
    let from = match &command.from {
        HandOverFrom::Operator(login) => format!("from={}", quoted(login)),
        HandOverFrom::Unit(unit) => format!("unit={}", quoted(unit)),
    };
    let to = optional("to", command.to.as_ref().map(|login| quoted(login)));
    let notes = command.notes.iter().map(|(contact, note)| format!("{contact}:{note}"));
    let notes = quoted(&notes.collect::<Vec<_>>().join(","));
    format!("hand-over all {from}{to} hold={} notes={notes}", command.hold.0)
}

pub(super) fn entry(words: &Words) -> Result<EntryOf> {
    Ok(match words.text("unit") {
        Some(unit) => EntryOf::Unit(unit.into()),
        None => EntryOf::Queue(words.name("queue")?),
    })
}

pub(super) fn write_entry(of: &EntryOf) -> String {
    match of {
        EntryOf::Queue(name) => format!("queue={}", quoted(name)),
        EntryOf::Unit(name) => format!("unit={}", quoted(name)),
    }
}

pub(super) fn close_entry(words: &Words) -> Result<Action> {
    let until = words.optional("until")?.map(Timestamp);
    Ok(Action::CloseEntry(Box::new(CloseEntry { of: entry(words)?, why: words.name("because")?, until })))
}

pub(super) fn write_close_entry(command: &CloseEntry) -> String {
    let CloseEntry { of, why, until } = command;
    let until = optional("until", until.map(|until| until.0));
    format!("close-entry all {} because={}{until}", write_entry(of), quoted(why))
}
