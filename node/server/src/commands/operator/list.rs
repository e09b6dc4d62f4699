//! `operator list`.

use ringmain_protocol::v1::{
    ListOperatorsRequest, Operator, OperatorBreak, Presence, PresenceKind, ReadStamp, SessionState,
    SkillLevel,
};
use serde_json::json;

use crate::cli::ListArgs;
use crate::commands::stamp::{stamp_json, stamp_line};
use crate::commands::watch;
use crate::connection::{Clients, failed};
use crate::exit::Failure;
use crate::output::{Answer, Block, Column, Rows, span};

/// The operators of all pages.
pub(in crate::commands) async fn list(args: ListArgs) -> Result<(), Failure> {
    watch::show(&args, async |clients: &Clients| {
        let (operators, stamp) = all(clients).await?;
        Ok(answer(&operators, &stamp))
    })
    .await
}

/// All operators of the cluster.
pub(in crate::commands) async fn all(clients: &Clients) -> Result<(Vec<Operator>, ReadStamp), Failure> {
    let (mut operators, mut cursor) = (Vec::new(), String::new());
    loop {
        let request = ListOperatorsRequest { page_size: 0, page_cursor: cursor, presences: Vec::new() };
        let page = clients.supervisor.list_operators(request).await.map_err(|error| failed(&error))?;
        operators.extend(page.operators);
        if page.next_page_cursor.is_empty() {
            return Ok((operators, page.stamp.unwrap_or_default()));
        }
        cursor = page.next_page_cursor;
    }
}

/// Contacts in an operator's hands; parked ones in brackets.
pub(in crate::commands) fn in_hand(operator: &Operator) -> String {
    let shown = operator.contacts.iter().map(|contact| {
        if operator.parked.contains(contact) { format!("({contact})") } else { contact.clone() }
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// Skills as `name level`.
pub(in crate::commands) fn skills_text(skills: &[SkillLevel]) -> String {
    let words: Vec<String> = skills.iter().map(|skill| format!("{} {}", skill.skill, skill.level)).collect();
    if words.is_empty() { "–".to_owned() } else { words.join(", ") }
}

/// Skills for programs.
pub(in crate::commands) fn skills_json(skills: &[SkillLevel]) -> serde_json::Value {
    skills.iter().map(|skill| json!({"name": skill.skill, "level": skill.level})).collect()
}

/// A presence in a word, with what belongs to it.
pub(in crate::commands) fn presence_text(presence: &Presence, now_ms: u64) -> String {
    match presence.kind() {
        PresenceKind::Unspecified => "–".to_owned(),
        PresenceKind::Offline => "offline".to_owned(),
        PresenceKind::Ready => "ready".to_owned(),
        PresenceKind::NotReady => format!("not ready ({})", presence.not_ready_reason),
        PresenceKind::Missed => format!("missed ({} left)", span(presence.until_ms.saturating_sub(now_ms))),
        PresenceKind::Break => {
            let left = span(presence.until_ms.saturating_sub(now_ms));
            format!("break ({}, {left} left)", presence.not_ready_reason)
        }
    }
}

/// A presence for programs.
pub(in crate::commands) fn presence_json(presence: &Presence) -> serde_json::Value {
    match presence.kind() {
        PresenceKind::Unspecified => json!(null),
        PresenceKind::Offline => json!({"kind": "offline"}),
        PresenceKind::Ready => json!({"kind": "ready"}),
        PresenceKind::NotReady => json!({"kind": "not-ready", "reason": presence.not_ready_reason}),
        PresenceKind::Missed => json!({"kind": "missed", "until_ms": presence.until_ms}),
        PresenceKind::Break => {
            json!({"kind": "break", "reason": presence.not_ready_reason, "until_ms": presence.until_ms})
        }
    }
}

fn session_word(operator: &Operator) -> &'static str {
    match operator.session() {
        SessionState::Unspecified | SessionState::None => "none",
        SessionState::Live => "live",
        SessionState::Grace => "grace",
    }
}

fn answer(operators: &[Operator], stamp: &ReadStamp) -> Answer {
    let mut rows = Rows::new(&[
        Column::Words("operator"),
        Column::Words("login"),
        Column::Words("presence"),
        Column::Words("session"),
        Column::Number("used"),
        Column::Number("capacity"),
        Column::Words("contacts"),
        Column::Words("unit"),
        Column::Words("skills"),
    ])
    .like(operator_json(&Operator::default()));
    for operator in operators {
        let session = match operator.session() {
            SessionState::Live => format!("node {}", operator.node),
            SessionState::Unspecified | SessionState::None | SessionState::Grace => {
                session_word(operator).to_owned()
            }
        };
        rows.push([
            operator.operator.clone(),
            operator.login.clone(),
            presence_with_help(operator, stamp.at_ms),
            session,
            operator.used.to_string(),
            operator.capacity.to_string(),
            if operator.contacts.is_empty() { "–".to_owned() } else { in_hand(operator) },
            operator.unit.clone().unwrap_or_else(|| "–".to_owned()),
            skills_text(&operator.skills),
        ]);
    }
    let list: Vec<_> = operators.iter().map(operator_json).collect();
    Answer {
        json: json!({"operators": list, "stamp": stamp_json(stamp)}),
        text: vec![Block::Rows(rows), stamp_line(stamp)],
    }
}

fn presence_with_help(operator: &Operator, now_ms: u64) -> String {
    let presence = presence_text(&operator.presence.unwrap_or_default(), now_ms);
    let about = operator.help_contact.as_ref().map_or_else(String::new, |contact| format!(" with {contact}"));
    if operator.help_since_ms.is_some() { format!("{presence}, asks for help{about}") } else { presence }
}

/// An operator for programs.
pub(super) fn operator_json(operator: &Operator) -> serde_json::Value {
    json!({
        "operator": operator.operator,
        "login": operator.login,
        "presence": presence_json(&operator.presence.unwrap_or_default()),
        "session": session_word(operator),
        "node": operator.node,
        "epoch": operator.epoch,
        "used": operator.used,
        "capacity": operator.capacity,
        "contacts": operator.contacts,
        "parked": operator.parked,
        "unit": operator.unit,
        "skills": skills_json(&operator.skills),
        "breaks": operator.breaks.iter().map(break_json).collect::<Vec<_>>(),
        "on_break": operator.on_break,
        "shift": operator.shift,
        "rests_until_ms": operator.rests_until_ms,
        "bot": operator.bot,
        "help_since_ms": operator.help_since_ms,
        "help_contact": operator.help_contact,
    })
}

fn break_json(of: &OperatorBreak) -> serde_json::Value {
    json!({"name": of.name, "due_ms": of.due_ms, "latest_ms": of.latest_ms, "asked_at_ms": of.asked_at_ms})
}
