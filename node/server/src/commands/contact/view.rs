//! A contact, for people and for programs.

use ringmain_protocol::v1::{Contact, ContactState, ContactThread, EndReason, ReadStamp, ThreadWriter};
use serde_json::json;

use crate::commands::operator::{skills_json, skills_text};
use crate::commands::stamp::{stamp_json, stamp_line};
use crate::commands::supervision::seat_json;
use crate::output::{Answer, Block, moment, span};

/// The contact with how old this is.
pub(in crate::commands) fn answer(contact: &Contact, stamp: &ReadStamp) -> Answer {
    let mut text: Vec<Block> = lines(contact, stamp)
        .into_iter()
        .map(|(name, value)| Block::Line(format!("{name:<10}  {value}")))
        .collect();
    text.push(stamp_line(stamp));
    Answer { json: json!({"contact": contact_json(contact), "stamp": stamp_json(stamp)}), text }
}

/// A state in a word.
pub(in crate::commands) fn state_word(state: ContactState) -> &'static str {
    match state {
        ContactState::Unspecified => "unknown",
        ContactState::Waiting => "waiting",
        ContactState::Offered => "offered",
        ContactState::Handling => "handling",
        ContactState::WrapUp => "wrap-up",
        ContactState::Ended => "ended",
    }
}

/// Why a contact ended, in a word.
pub(in crate::commands) fn end_word(reason: EndReason) -> Option<&'static str> {
    match reason {
        EndReason::Unspecified => None,
        EndReason::Completed => Some("completed"),
        EndReason::Abandoned => Some("abandoned"),
        EndReason::Merged => Some("merged"),
        EndReason::OperatorLost => Some("operator lost"),
        EndReason::Closed => Some("closed"),
        EndReason::CallBack => Some("deflected to a call-back"),
        EndReason::Voicemail => Some("deflected to voicemail"),
        EndReason::Message => Some("deflected by a message"),
        EndReason::ConsultOver => Some("consultation over"),
    }
}

fn lines(contact: &Contact, stamp: &ReadStamp) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("contact", contact.contact.clone()),
        ("state", state_line(contact, stamp)),
        ("queue", format!("{}, channel {}, tier {}", contact.queue, contact.channel, contact.tier)),
        ("gateway", format!("{}, key {}", contact.gateway, contact.key)),
        ("arrived", format!("{} (log index {})", moment(contact.enqueued_at_ms), contact.log_index)),
        ("requires", skills_text(&contact.skills)),
        ("units", contact.units.to_string()),
    ];
    if let Some(operator) = &contact.operator {
        let login = contact.operator_login.as_deref().unwrap_or("–");
        lines.push(("operator", format!("{operator} ({login}), assignment {}", contact.assignment)));
    }
    if let Some(scope) = &contact.scope {
        lines.push(("scope", scope.clone()));
    }
    if let Some(not_before) = contact.not_before_ms {
        lines.push(("not before", moment(not_before)));
    }
    if let Some(held) = &contact.held_for {
        lines.push((
            "held for",
            format!("{held} until {}", moment(contact.held_until_ms.unwrap_or_default())),
        ));
    }
    lines.extend(contact.thread.as_ref().map(|thread| ("thread", thread_line(thread, stamp))));
    lines.extend(contact.case.clone().map(|case| ("case", case)));
    lines.extend(super::together::context_lines(contact));
    if let Some(callback) = &contact.callback {
        lines.push(("call-back", format!("for {}, {} orders in one", callback.principals, contact.sources)));
    }
    let details = contact.details.clone().unwrap_or_default();
    for (name, value) in
        [("customer", details.customer), ("topic", details.topic), ("language", details.language)]
    {
        if let Some(value) = value {
            lines.push((name, value));
        }
    }
    if !details.attributes.is_empty() {
        lines.push(("attributes", String::from_utf8_lossy(&details.attributes).into_owned()));
    }
    lines
}

fn state_line(contact: &Contact, stamp: &ReadStamp) -> String {
    let mut line = state_word(contact.state()).to_owned();
    if let Some(reason) = end_word(contact.end_reason()) {
        line = format!("{line}: {reason}");
    }
    if let Some(into) = &contact.merged_into {
        line = format!("{line} into {into}");
    }
    if let Some(since) = contact.state_since_ms {
        line = format!("{line} for {}", span(stamp.at_ms.saturating_sub(since)));
    } else if contact.state() == ContactState::Waiting {
        line = format!("{line} for {}", span(stamp.at_ms.saturating_sub(contact.enqueued_at_ms)));
    }
    if let Some(since) = contact.on_hold_since_ms {
        line = format!("{line}, on hold for {}", span(stamp.at_ms.saturating_sub(since)));
    }
    if let Some(since) = contact.parked_since_ms {
        line = format!("{line}, parked for {}", span(stamp.at_ms.saturating_sub(since)));
    }
    if let Some(until) = contact.state_until_ms {
        line = format!("{line}, {} left", span(until.saturating_sub(stamp.at_ms)));
    }
    line
}

fn writer_word(writer: ThreadWriter) -> &'static str {
    match writer {
        ThreadWriter::Unspecified => "nobody",
        ThreadWriter::Customer => "customer",
        ThreadWriter::Operator => "operator",
    }
}

fn thread_line(thread: &ContactThread, stamp: &ReadStamp) -> String {
    let silent = span(stamp.at_ms.saturating_sub(thread.since_ms));
    let mut line = format!("{} messages, the {} wrote last", thread.messages, writer_word(thread.wrote()));
    if thread.rests {
        line = format!("{line}; the customer has been silent for {silent}");
    }
    if let Some(until) = thread.wanted_until_ms {
        line = format!("{line}; waits for its operator until {}", moment(until));
    } else if let Some(due) = thread.reply_due_ms {
        line = format!("{line}; a reply is due at {}", moment(due));
    }
    line
}

fn thread_json(thread: &ContactThread) -> serde_json::Value {
    json!({
        "messages": thread.messages,
        "wrote": writer_word(thread.wrote()),
        "answered": thread.answered,
        "since_ms": thread.since_ms,
        "reply_due_ms": thread.reply_due_ms,
        "rests": thread.rests,
        "wanted_until_ms": thread.wanted_until_ms,
    })
}

/// A contact for programs.
pub(super) fn contact_json(contact: &Contact) -> serde_json::Value {
    let details = contact.details.clone().unwrap_or_default();
    let mut object = json!({
        "contact": contact.contact,
        "gateway": contact.gateway,
        "key": contact.key,
        "queue": contact.queue,
        "channel": contact.channel,
        "tier": contact.tier,
        "enqueued_at_ms": contact.enqueued_at_ms,
        "order_ms": contact.order_ms,
        "log_index": contact.log_index,
        "units": contact.units,
        "not_before_ms": contact.not_before_ms,
        "skills": skills_json(&contact.skills),
        "scope": contact.scope,
        "state": state_word(contact.state()),
        "state_since_ms": contact.state_since_ms,
        "state_until_ms": contact.state_until_ms,
        "assignment": contact.assignment,
        "operator": contact.operator,
        "operator_login": contact.operator_login,
        "automatic": contact.automatic,
        "on_hold_since_ms": contact.on_hold_since_ms,
        "parked_since_ms": contact.parked_since_ms,
        "thread": contact.thread.as_ref().map(thread_json),
        "transfers": contact.transfers,
        "case": contact.case,
        "wants_people": contact.wants_people,
        "legs": contact.legs,
        "leg_of": contact.leg_of,
        "joined": contact.joined,
        "context": contact.context.as_ref().map(super::together::context_json),
        "note": contact.note,
        "end_reason": end_word(contact.end_reason()),
        "merged_into": contact.merged_into,
        "sources": contact.sources,
        "callback": contact.callback.as_ref().map(|order| json!({"number": order.number, "principals": order.principals})),
        "held_for": contact.held_for,
        "held_until_ms": contact.held_until_ms,
        "customer": details.customer,
        "topic": details.topic,
        "language": details.language,
        "attributes": String::from_utf8_lossy(&details.attributes),
    });
    object["preview"] = json!(contact.preview);
    object["enquiries"] = json!(contact.enquiries);
    object["seats"] = contact.seats.iter().map(seat_json).collect();
    object
}
