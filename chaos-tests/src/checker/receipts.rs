//! Each answer that a client got names a place in the log: the command must stand there with that outcome, and the
//! places must agree with the order in real time.

use std::collections::BTreeSet;

use ringmain_routing::command::{AnswerOffer, DeclaredPresence};
use ringmain_routing::{Command, Reply};

use super::client_records::{ClientOp, ClientOpKind, HistoryEntry, OpResult};
use super::log::entry_at;
use super::parties::Parties;
use super::verdict::Verdict;
use super::walk::Books;

/// Checks that every answer's place holds what was answered, and nothing else's answer.
pub(super) fn check(
    ops: &[ClientOp],
    history: &[HistoryEntry],
    parties: &Parties,
    books: &Books,
    verdict: &mut Verdict,
) {
    let mut taken: BTreeSet<u64> = BTreeSet::new();
    for op in ops {
        let Some((index, term)) = op.result.receipt() else { continue };
        let problem = match entry_at(history, index) {
            None => Some("there is no such place in the history"),
            Some(entry) if entry.term != term => Some("it has another term there"),
            Some(entry) if !is_asked(op, entry, parties, books) => Some("another command stands there"),
            Some(entry) if !is_answered(op, entry) => Some("another outcome stands there"),
            Some(_) if !taken.insert(index) => Some("another operation has the same place"),
            Some(_) => None,
        };
        if let Some(problem) = problem {
            verdict.receipt_violations += 1;
            verdict.tell(|| {
                format!("{}: {:?} was answered at log index {index}, but {problem}", op.client, op.op)
            });
        }
    }
}

/// The client and the operation that became the command of a record, when clients ask for such.
pub(super) fn asked_by(
    entry: &HistoryEntry,
    parties: &Parties,
    books: &Books,
) -> Option<(String, ClientOpKind)> {
    let by = |answer: &AnswerOffer, op: fn(String, u32) -> ClientOpKind| {
        let login = parties.operator(answer.operator).to_owned();
        Some((login, op(answer.contact.to_string(), answer.assignment.0)))
    };
    match &entry.command {
        Command::EnqueueContact(command) => {
            let gateway = parties.gateway(command.gateway).to_owned();
            Some((gateway, ClientOpKind::Push { key: command.key.to_string() }))
        }
        Command::AbandonContact(command) => {
            let key = books.rows.get(&command.contact)?.key.to_string();
            Some((parties.gateway(command.gateway).to_owned(), ClientOpKind::Abandon { key }))
        }
        Command::SetPresence(command) => {
            let ready = command.presence == DeclaredPresence::Ready;
            Some((parties.operator(command.operator).to_owned(), ClientOpKind::Presence { ready }))
        }
        Command::AcceptOffer(answer) => {
            by(answer, |contact, assignment| ClientOpKind::Accept { contact, assignment })
        }
        Command::DeclineOffer(answer) => {
            by(answer, |contact, assignment| ClientOpKind::Decline { contact, assignment })
        }
        Command::CompleteContact(command) => {
            by(&command.answer, |contact, assignment| ClientOpKind::Complete { contact, assignment })
        }
        Command::EndWrapUp(answer) => {
            by(answer, |contact, assignment| ClientOpKind::EndWrapUp { contact, assignment })
        }
        Command::Tick
        | Command::ApplyPlan(_)
        | Command::PutOperators(_)
        | Command::OpenSession(_)
        | Command::LoseSession(_)
        | Command::CloseSession(_)
        | Command::NodeStarted(_)
        | Command::NodeLost(_)
        | Command::UpdateContact(_)
        | Command::ExtendWrapUp(_)
        | Command::TransferContact(_)
        | Command::HoldContact(_)
        | Command::Act(_)
        | Command::PutLifeSupport(_)
        | Command::AskForBreak(_)
        | Command::InviteCompanion(_)
        | Command::DeflectContact(_)
        | Command::NoteMessage(_)
        | Command::BeginEnquiry(_)
        | Command::FreeCaller(_)
        | Command::CloseEnquiry(_)
        | Command::AskForHelp(_)
        | Command::TakeNext(_)
        | Command::AssignContact(_)
        | Command::RequestPerson(_)
        | Command::Consult(_)
        | Command::EndConsult(_)
        | Command::JoinConsult(_) => None,
    }
}

fn is_asked(op: &ClientOp, entry: &HistoryEntry, parties: &Parties, books: &Books) -> bool {
    asked_by(entry, parties, books).is_some_and(|(client, asked)| client == op.client && asked == op.op)
}

fn is_answered(op: &ClientOp, entry: &HistoryEntry) -> bool {
    match (&op.result, &entry.outcome.reply) {
        (OpResult::Done { contact: Some(contact), .. }, Ok(reply)) => match reply {
            Reply::Enqueued { contact: meant }
            | Reply::Merged { contact: meant, .. }
            | Reply::Taken { contact: meant } => meant == contact,
            Reply::Done
            | Reply::Opened { .. }
            | Reply::PlanApplied { .. }
            | Reply::Acted { .. }
            | Reply::Asked { .. }
            | Reply::Break(_) => false,
        },
        (OpResult::Done { contact: None, .. }, Ok(reply)) => *reply == Reply::Done,
        (OpResult::Refused { code, .. }, Err(refusal)) => refusal.code() == code,
        (OpResult::Done { .. }, Err(_)) | (OpResult::Refused { .. } | OpResult::Unknown, _) => false,
    }
}

/// What was answered before something else began stands before it in the log.
pub(super) fn check_real_time(ops: &[ClientOp], verdict: &mut Verdict) {
    let placed = || ops.iter().filter_map(|op| op.result.receipt().map(|(index, _)| (op, index)));
    let mut by_return: Vec<_> = placed().collect();
    by_return.sort_by_key(|(op, _)| op.returned_ns);
    let mut by_begin: Vec<_> = placed().collect();
    by_begin.sort_by_key(|(op, _)| op.invoked_ns);
    let mut returned = by_return.into_iter().peekable();
    let mut latest: Option<(&ClientOp, u64)> = None;
    for (op, index) in by_begin {
        while let Some(earlier) = returned.next_if(|(earlier, _)| earlier.returned_ns < op.invoked_ns) {
            latest = latest.filter(|(_, latest)| *latest >= earlier.1).or(Some(earlier));
        }
        if let Some((earlier, behind)) = latest.filter(|(_, latest)| *latest >= index) {
            verdict.realtime_violations += 1;
            verdict.tell(|| {
                format!(
                    "{} {:?} at log index {index} began after the answer to {} {:?} at log index {behind}",
                    op.client, op.op, earlier.client, earlier.op
                )
            });
        }
    }
}

/// Operations without an answer: how many there are, and how many of them the history holds. What an operator declared
/// more than once cannot be told apart, so presence is not looked for.
pub(super) fn count_unknown(
    ops: &[ClientOp],
    history: &[HistoryEntry],
    parties: &Parties,
    books: &Books,
    verdict: &mut Verdict,
) {
    let unknown: Vec<&ClientOp> = ops.iter().filter(|op| op.result == OpResult::Unknown).collect();
    verdict.unknown_ops = unknown.len() as u64;
    if unknown.is_empty() {
        return;
    }
    let carried_out = history.iter().filter(|entry| entry.outcome.reply.is_ok());
    let asked: BTreeSet<_> = carried_out.filter_map(|entry| asked_by(entry, parties, books)).collect();
    let is_applied = |op: &&&ClientOp| {
        !matches!(op.op, ClientOpKind::Presence { .. }) && asked.contains(&(op.client.clone(), op.op.clone()))
    };
    verdict.unknown_applied = unknown.iter().filter(is_applied).count() as u64;
}
