//! An event, for people and for programs.

use ringmain_protocol::v1::event::Event as What;
use ringmain_protocol::v1::{
    CaseName, CompanionInvited, ConsultChange, ConsultChanged, ContactWithdrawn, Event, QueueAlarm,
    ThreadNews, Treatment, WithdrawReason, WrapUpStarted,
};
use serde_json::{Map, Value, json};

use super::contact::end_word;
use super::operator::{presence_json, presence_text};
use super::{enquiry, supervision};
use crate::output::formats::cell;
use crate::output::moment;

/// One line.
pub(super) fn event_line(event: &Event) -> String {
    let (name, rest) = match &event.event {
        None => ("unknown", String::new()),
        Some(What::Queued(_)) => ("queued", String::new()),
        Some(What::Rung(rung)) => {
            ("rung", format!("{}, until {}", rung.operator_login, moment(rung.deadline_ms)))
        }
        Some(What::Assigned(assigned)) => ("assigned", assigned.operator_login.clone()),
        Some(What::Connect(connect)) => ("connected", connect.operator_login.clone()),
        Some(What::Withdrawn(withdrawn)) => {
            ("withdrawn", format!("{}: {}", withdrawn.operator_login, withdraw_word(withdrawn.reason())))
        }
        Some(What::WrapUpStarted(wrap_up)) => {
            ("wrap-up", format!("{}, until {}", wrap_up.operator_login, moment(wrap_up.until_ms)))
        }
        Some(What::Freed(freed)) => ("freed", freed.operator_login.clone()),
        Some(What::Ended(ended)) => ("ended", end_word(ended.reason()).unwrap_or("unknown").to_owned()),
        Some(What::PresenceChanged(changed)) => {
            let presence = presence_text(&changed.presence.unwrap_or_default(), event.at_ms);
            ("presence", format!("{}: {presence}", changed.operator_login))
        }
        Some(What::StreamEnded(ended)) => ("stream-ended", format!("{}, epoch {}", ended.name, ended.epoch)),
        Some(What::Held(held)) => (if held.on { "on-hold" } else { "off-hold" }, held.operator_login.clone()),
        Some(What::Parked(parked)) => {
            (if parked.on { "parked" } else { "goes-on" }, parked.operator_login.clone())
        }
        Some(What::Thread(thread)) => (thread_word(thread.news()), thread.operator_login.clone()),
        Some(What::Moved(moved)) => ("moved", format!("to {}", moved.queue)),
        Some(What::ExpectedWait(wait)) => ("expected-wait", format!("band {}", wait.band)),
        Some(What::CompanionInvited(invited)) => {
            ("invited", format!("{}, into {}", invited.operator_login, invited.channel))
        }
        Some(What::DeflectionOffered(offered)) => {
            ("deflection-offered", treatment_word(offered.to()).to_owned())
        }
        Some(What::DutyCalled(_)) => ("duty-called", String::new()),
        Some(What::QueueAlarm(alarm)) => {
            (alarm_word(alarm), format!("{}, to {}", alarm_of(alarm), alarm.operator_login))
        }
        Some(What::Consult(consult)) => {
            (consult_word(consult.change()), format!("about {}: {}", consult.of, consult.operator_login))
        }
        Some(What::Enquiry(changed)) => enquiry::changed_text(changed),
        Some(What::EnquiryTold(told)) => enquiry::told_text(told),
        Some(What::Supervised(supervised)) => supervision::supervised_text(supervised),
        Some(What::Help(help)) => supervision::help_text(help),
        Some(What::StageBegun(begun)) => (
            "stage",
            format!("{} {}, due {}", case_text(begun.name.as_ref()), begun.stage, moment(begun.due_ms)),
        ),
        Some(What::CaseWarned(warned)) => {
            ("case-due-soon", format!("{}, due {}", case_text(warned.name.as_ref()), moment(warned.due_ms)))
        }
        Some(What::CaseEscalated(late)) => ("case-late", case_text(late.name.as_ref())),
        Some(What::CaseClosed(closed)) => {
            let term = if closed.in_term { "in term" } else { "late" };
            let end = super::case::end_word(closed.end()).unwrap_or("unknown");
            ("case-closed", format!("{}: {end}, {term}", case_text(closed.name.as_ref())))
        }
        Some(What::CaseWatched(watched)) => {
            ("case-watched", format!("{} by {}", case_text(watched.name.as_ref()), watched.operator_login))
        }
    };
    let subject = match (event.contact.as_str(), event.queue.as_str()) {
        ("", _) => String::new(),
        (contact, queue) => format!("{contact} {queue} "),
    };
    format!("{}  {:<12} {subject}{rest}", moment(event.at_ms), name).trim_end().to_owned()
}

/// One object.
pub(super) fn event_json(event: &Event) -> Value {
    let (kind, more) = match &event.event {
        None => ("unknown", json!({})),
        Some(What::Queued(_)) => ("queued", json!({})),
        Some(What::Rung(rung)) => (
            "rung",
            json!({
                "operator": rung.operator, "operator_login": rung.operator_login, "assignment": rung.assignment,
                "deadline_ms": rung.deadline_ms, "automatic": rung.automatic, "preview": rung.preview,
            }),
        ),
        Some(What::Assigned(assigned)) => {
            ("assigned", assignment(&assigned.operator, &assigned.operator_login, assigned.assignment))
        }
        Some(What::Connect(connect)) => {
            ("connected", assignment(&connect.operator, &connect.operator_login, connect.assignment))
        }
        Some(What::Withdrawn(withdrawn)) => ("withdrawn", withdrawn_json(withdrawn)),
        Some(What::WrapUpStarted(wrap_up)) => ("wrap-up", wrap_up_json(wrap_up)),
        Some(What::Freed(freed)) => {
            ("freed", assignment(&freed.operator, &freed.operator_login, freed.assignment))
        }
        Some(What::Ended(ended)) => (
            "ended",
            json!({"reason": end_word(ended.reason()), "operator": ended.operator, "merged_into": ended.merged_into}),
        ),
        Some(What::PresenceChanged(changed)) => (
            "presence",
            json!({
                "operator": changed.operator, "operator_login": changed.operator_login,
                "presence": presence_json(&changed.presence.unwrap_or_default()),
            }),
        ),
        Some(What::StreamEnded(ended)) => {
            ("stream-ended", json!({"party": ended.party, "name": ended.name, "epoch": ended.epoch}))
        }
        Some(What::Held(held)) => (
            if held.on { "on-hold" } else { "off-hold" },
            assignment(&held.operator, &held.operator_login, held.assignment),
        ),
        Some(What::Parked(parked)) => (
            if parked.on { "parked" } else { "goes-on" },
            assignment(&parked.operator, &parked.operator_login, parked.assignment),
        ),
        Some(What::Thread(thread)) => {
            let mut of = assignment(&thread.operator, &thread.operator_login, thread.assignment);
            of["due_ms"] = json!(thread.due_ms);
            (thread_word(thread.news()), of)
        }
        Some(What::Moved(moved)) => ("moved", json!({"to": moved.queue})),
        Some(What::ExpectedWait(wait)) => ("expected-wait", json!({"band": wait.band})),
        Some(What::CompanionInvited(invited)) => ("invited", invited_json(invited)),
        Some(What::DeflectionOffered(offered)) => {
            ("deflection-offered", json!({"to": treatment_word(offered.to())}))
        }
        Some(What::DutyCalled(_)) => ("duty-called", json!({})),
        Some(What::QueueAlarm(alarm)) => (alarm_word(alarm), alarm_json(alarm)),
        Some(What::Consult(consult)) => (consult_word(consult.change()), consult_json(consult)),
        Some(What::Enquiry(changed)) => enquiry::changed_json(changed),
        Some(What::EnquiryTold(told)) => enquiry::told_json(told),
        Some(What::Supervised(supervised)) => supervision::supervised_json(supervised),
        Some(What::Help(help)) => supervision::help_json(help),
        Some(
            of_case @ (What::StageBegun(_)
            | What::CaseWarned(_)
            | What::CaseEscalated(_)
            | What::CaseClosed(_)
            | What::CaseWatched(_)),
        ) => case_event_json(of_case),
    };
    with_common(event, kind, more)
}

fn alarm_json(alarm: &QueueAlarm) -> Value {
    json!({
        "queue": alarm.queue,
        "trigger": alarm.trigger,
        "operator": alarm.operator,
        "operator_login": alarm.operator_login,
    })
}

fn withdrawn_json(withdrawn: &ContactWithdrawn) -> Value {
    let mut more = assignment(&withdrawn.operator, &withdrawn.operator_login, withdrawn.assignment);
    more["reason"] = json!(withdraw_word(withdrawn.reason()));
    more
}

fn wrap_up_json(wrap_up: &WrapUpStarted) -> Value {
    let mut more = assignment(&wrap_up.operator, &wrap_up.operator_login, wrap_up.assignment);
    more["until_ms"] = json!(wrap_up.until_ms);
    more
}

fn invited_json(invited: &CompanionInvited) -> Value {
    let mut more = assignment(&invited.operator, &invited.operator_login, invited.assignment);
    more["channel"] = json!(invited.channel);
    more
}

/// What only events of cases have.
fn case_event_json(event: &What) -> (&'static str, Value) {
    match event {
        What::StageBegun(begun) => (
            "stage",
            json!({
                "case": case_json(begun.name.as_ref()), "place": begun.place, "stage": begun.stage,
                "due_ms": begun.due_ms,
            }),
        ),
        What::CaseWarned(warned) => {
            ("case-due-soon", json!({"case": case_json(warned.name.as_ref()), "due_ms": warned.due_ms}))
        }
        What::CaseEscalated(late) => {
            ("case-late", json!({"case": case_json(late.name.as_ref()), "whole": late.whole}))
        }
        What::CaseClosed(closed) => (
            "case-closed",
            json!({
                "case": case_json(closed.name.as_ref()), "reason": super::case::end_word(closed.end()),
                "in_term": closed.in_term,
            }),
        ),
        What::CaseWatched(watched) => (
            "case-watched",
            json!({
                "case": case_json(watched.name.as_ref()), "operator": watched.operator,
                "operator_login": watched.operator_login, "escalated": watched.escalated,
            }),
        ),
        What::Queued(_)
        | What::Rung(_)
        | What::Assigned(_)
        | What::Connect(_)
        | What::Withdrawn(_)
        | What::WrapUpStarted(_)
        | What::Freed(_)
        | What::Ended(_)
        | What::PresenceChanged(_)
        | What::StreamEnded(_)
        | What::Held(_)
        | What::Parked(_)
        | What::Thread(_)
        | What::Consult(_)
        | What::Enquiry(_)
        | What::EnquiryTold(_)
        | What::Supervised(_)
        | What::Help(_)
        | What::CompanionInvited(_)
        | What::ExpectedWait(_)
        | What::DeflectionOffered(_)
        | What::DutyCalled(_)
        | What::QueueAlarm(_)
        | What::Moved(_) => ("unknown", json!({})),
    }
}

fn thread_word(news: ThreadNews) -> &'static str {
    match news {
        ThreadNews::Unspecified => "thread",
        ThreadNews::ReplySoon => "reply-due-soon",
        ThreadNews::ReplyOverdue => "reply-overdue",
        ThreadNews::Closed => "closed-by-silence",
    }
}

fn treatment_word(treatment: Treatment) -> &'static str {
    match treatment {
        Treatment::Unspecified => "unknown",
        Treatment::Queue => "queue",
        Treatment::CallBack => "call-back",
        Treatment::Voicemail => "voicemail",
        Treatment::Message => "message",
        Treatment::Refuse => "refuse",
    }
}

fn case_text(name: Option<&CaseName>) -> String {
    let name = name.cloned().unwrap_or_default();
    format!("{} {} {}", name.case, name.route, name.reference).trim_end().to_owned()
}

fn case_json(name: Option<&CaseName>) -> Value {
    let name = name.cloned().unwrap_or_default();
    json!({"case": name.case, "reference": name.reference, "route": name.route})
}

/// Columns of an event as CSV; what only some events have is JSON in the last.
pub(super) const CSV_HEAD: [&str; 11] = [
    "cursor",
    "event",
    "at_ms",
    "log_index",
    "contact",
    "gateway",
    "key",
    "queue",
    "operator_login",
    "reason",
    "more",
];

/// One record of [`CSV_HEAD`], from the object of the event.
pub(super) fn event_csv(event: Value) -> Vec<String> {
    let mut object = match event {
        Value::Object(object) => object,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    let [columns @ .., _] = CSV_HEAD;
    let mut record: Vec<String> =
        columns.iter().map(|name| object.remove(*name).map_or(String::new(), |value| cell(&value))).collect();
    record.push(if object.is_empty() { String::new() } else { Value::Object(object).to_string() });
    record
}

fn with_common(event: &Event, kind: &str, more: Value) -> Value {
    let mut object = Map::new();
    object.insert("cursor".into(), json!(event.cursor));
    object.insert("event".into(), json!(kind));
    object.insert("at_ms".into(), json!(event.at_ms));
    object.insert("log_index".into(), json!(event.log_index));
    for (name, value) in [
        ("contact", &event.contact),
        ("gateway", &event.gateway),
        ("key", &event.key),
        ("queue", &event.queue),
    ] {
        if !value.is_empty() {
            object.insert(name.into(), json!(value));
        }
    }
    if let Value::Object(more) = more {
        object.extend(more);
    }
    Value::Object(object)
}

fn assignment(operator: &str, login: &str, assignment: u32) -> Value {
    json!({"operator": operator, "operator_login": login, "assignment": assignment})
}

fn consult_json(consult: &ConsultChanged) -> Value {
    json!({
        "of": consult.of, "of_key": consult.of_key, "operator": consult.operator,
        "operator_login": consult.operator_login,
    })
}

fn alarm_word(alarm: &QueueAlarm) -> &'static str {
    match (alarm.trigger.is_empty(), alarm.on) {
        (true, true) => "alarm",
        (true, false) => "alarm-over",
        (false, true) => "trigger-on",
        (false, false) => "trigger-off",
    }
}

/// The queue, and the trigger where it is one that went on or off.
fn alarm_of(alarm: &QueueAlarm) -> String {
    match alarm.trigger.as_str() {
        "" => alarm.queue.clone(),
        trigger => format!("{trigger} of {}", alarm.queue),
    }
}

fn consult_word(change: ConsultChange) -> &'static str {
    match change {
        ConsultChange::Unspecified => "unknown",
        ConsultChange::Begun => "consult",
        ConsultChange::Joined => "conference",
        ConsultChange::Left => "conference-over",
    }
}

fn withdraw_word(reason: WithdrawReason) -> &'static str {
    match reason {
        WithdrawReason::Unspecified => "unknown",
        WithdrawReason::Abandoned => "abandoned",
        WithdrawReason::Unanswered => "unanswered",
        WithdrawReason::Declined => "declined",
        WithdrawReason::SessionLost => "session lost",
        WithdrawReason::Transferred => "transferred",
        WithdrawReason::Supervisor => "supervisor",
        WithdrawReason::LifeSafety => "life-safety",
        WithdrawReason::PersonRequested => "person requested",
        WithdrawReason::ConsultOver => "consultation over",
        WithdrawReason::HandedOver => "handed over",
        WithdrawReason::ParkedOften => "parked too often",
        WithdrawReason::ReplyOverdue => "no reply in time",
        WithdrawReason::NotResumed => "not gone on with in time",
    }
}
