//! What reached clients: each event follows from a command, reaches its client once, and no contact is in the hands of
//! two.

use std::collections::{BTreeMap, BTreeSet};

use ringmain_routing::Effect;

use super::client_records::{ClientOp, ClientOpKind, HistoryEntry, OpResult, SeenEvent, SeenEventKind};
use super::effects::contact_of;
use super::log::entry_at;
use super::parties::Parties;
use super::verdict::Verdict;
use super::walk::Books;

/// Checks everything that clients saw.
pub(super) fn check(
    ops: &[ClientOp],
    seen: &[SeenEvent],
    history: &[HistoryEntry],
    parties: &Parties,
    books: &Books,
    verdict: &mut Verdict,
) {
    let mut told = BTreeSet::new();
    for event in seen {
        if !told.insert((&event.client, event.log_index, &event.key, event.kind, event.assignment)) {
            verdict.handled_twice += 1;
            verdict.tell(|| format!("{} saw the same event twice: {event:?}", event.client));
        }
        let entry = entry_at(history, event.log_index);
        let effects = entry.map_or(&[][..], |entry| &entry.outcome.effects);
        if !effects.iter().any(|effect| is_seen(effect, event, parties, books)) {
            verdict.unfounded_events += 1;
            verdict.tell(|| format!("{} saw what no command led to: {event:?}", event.client));
        }
    }
    check_completions(ops, verdict);
}

/// A contact is completed by one operator.
fn check_completions(ops: &[ClientOp], verdict: &mut Verdict) {
    let mut completed: BTreeMap<&str, &str> = BTreeMap::new();
    for op in ops {
        if let (ClientOpKind::Complete { contact, .. }, OpResult::Done { .. }) = (&op.op, &op.result) {
            let first = *completed.entry(contact).or_insert(&op.client);
            if first != op.client {
                verdict.handled_twice += 1;
                verdict.tell(|| format!("{contact} was completed by {first} and by {}", op.client));
            }
        }
    }
}

fn is_seen(effect: &Effect, event: &SeenEvent, parties: &Parties, books: &Books) -> bool {
    let row = contact_of(effect).and_then(|id| books.rows.get(&id));
    let is_told = effect.gateway().is_some_and(|id| parties.gateway(id) == event.client)
        || effect.operator().is_some_and(|id| parties.operator(id) == event.client);
    let (kind, assignment) = match *effect {
        Effect::RingOperator { assignment, .. } => (SeenEventKind::Offered, assignment.0),
        Effect::ConnectContact { assignment, .. } => (SeenEventKind::Connected, assignment.0),
        Effect::WithdrawAssignment { assignment, .. } => (SeenEventKind::Withdrawn, assignment.0),
        Effect::AnnounceEnded { .. } => (SeenEventKind::Ended, 0),
        Effect::AnnounceQueued { .. }
        | Effect::AnnounceAssigned { .. }
        | Effect::StartWrapUp { .. }
        | Effect::ReleaseOperator { .. }
        | Effect::AnnouncePresence { .. }
        | Effect::NotifyThread { .. }
        | Effect::ParkContact { .. }
        | Effect::HoldContact { .. }
        | Effect::AnnounceStage { .. }
        | Effect::WarnCase { .. }
        | Effect::EscalateCase { .. }
        | Effect::AnnounceCaseClosed { .. }
        | Effect::NotifyWatcher { .. }
        | Effect::InviteCompanion { .. }
        | Effect::OfferDeflection { .. }
        | Effect::CallDuty { .. }
        | Effect::AnnounceEnquiry { .. }
        | Effect::NotifyEnquiry { .. }
        | Effect::SuperviseContact { .. }
        | Effect::AnnounceHelp { .. }
        | Effect::AnnounceAlarm { .. }
        | Effect::AnnounceConsult { .. }
        | Effect::JoinConsult { .. }
        | Effect::AnnounceExpectedWait { .. }
        | Effect::AnnounceMoved { .. }
        | Effect::EndStream { .. } => return false,
    };
    is_told
        && kind == event.kind
        && assignment == event.assignment
        && row.is_some_and(|row| *row.key == *event.key)
}
