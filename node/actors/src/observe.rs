//! What a node counts of the commands it has applied.

use std::sync::Arc;

use ringmain_replication::{Applied, Replica};
use ringmain_routing::effect::{EndReason, WithdrawReason};
use ringmain_routing::{Command, ContactId, Effect, Plan, QueueId, Router};
use ringmain_telemetry::{labels, names};

/// How many wait in the queue of a contact that waits there, itself included.
pub(crate) fn waiting_with(replica: &Replica, contact: ContactId) -> u64 {
    replica.read(|router| {
        let brief = router.brief(contact);
        u64::from(brief.map_or(0, |brief| router.waiting_in(brief.queue)))
    })
}

/// Counts what the effects of applied commands mean for contacts and offers.
pub(crate) fn applied(batch: &[Arc<Applied>], replica: &Replica) {
    for applied in batch {
        metrics::counter!(names::COMMANDS_APPLIED, labels::COMMAND => applied.command.name()).increment(1);
        if let Err(refusal) = &applied.outcome.reply {
            metrics::counter!(names::COMMANDS_REFUSED, labels::CODE => refusal.code()).increment(1);
        }
    }
    if batch.iter().all(|applied| applied.outcome.effects.is_empty()) {
        return;
    }
    replica.read(|router| {
        for applied in batch {
            for effect in &applied.outcome.effects {
                count(effect, applied, router);
            }
        }
    });
}

fn count(effect: &Effect, applied: &Applied, router: &Router) {
    match effect {
        Effect::AnnounceQueued { .. } | Effect::AnnounceAssigned { .. } => {}
        Effect::RingOperator { automatic, .. } => {
            let answer = if *automatic { "confirmed" } else { "offered" };
            metrics::counter!(names::OFFERS, labels::ANSWER => answer).increment(1);
        }
        Effect::ConnectContact { contact, .. } => connected(*contact, applied, router),
        Effect::WithdrawAssignment { reason, .. } => {
            let reason = withdraw_label(*reason);
            metrics::counter!(names::OFFERS_WITHDRAWN, labels::REASON => reason).increment(1);
        }
        Effect::AnnounceEnded { contact, reason, .. } => ended(*contact, *reason, router),
        Effect::StartWrapUp { .. }
        | Effect::ReleaseOperator { .. }
        | Effect::HoldContact { .. }
        | Effect::AnnounceMoved { .. }
        | Effect::AnnouncePresence { .. }
        | Effect::EndStream { .. } => {}
    }
}

fn connected(contact: ContactId, applied: &Applied, router: &Router) {
    let accepted = matches!(&applied.command, Command::AcceptOffer(answer) if answer.contact == contact);
    if !accepted {
        metrics::counter!(names::OFFERS, labels::ANSWER => "automatic").increment(1);
    }
    // A contact that was forgotten meanwhile was counted by the nodes that were in time.
    let Some(brief) = router.brief(contact) else { return };
    let waited_s = applied.at.since(brief.enqueued_at).0 as f64 / 1_000.0;
    let queue = queue_name(router.plan(), brief.queue);
    metrics::histogram!(names::CONTACT_WAIT, labels::QUEUE => queue).record(waited_s);
}

fn ended(contact: ContactId, reason: EndReason, router: &Router) {
    let Some(brief) = router.brief(contact) else { return };
    let queue = queue_name(router.plan(), brief.queue);
    let reason = end_label(reason);
    metrics::counter!(names::CONTACTS_ENDED, labels::QUEUE => queue, labels::REASON => reason).increment(1);
}

fn queue_name(plan: &Plan, queue: QueueId) -> String {
    plan.queues.get(queue.0 as usize).map(|queue| queue.name.to_string()).unwrap_or_default()
}

fn withdraw_label(reason: WithdrawReason) -> &'static str {
    match reason {
        WithdrawReason::Abandoned => "abandoned",
        WithdrawReason::Unanswered => "unanswered",
        WithdrawReason::Declined => "declined",
        WithdrawReason::SessionLost => "session-lost",
        WithdrawReason::Transferred => "transferred",
        WithdrawReason::Supervisor => "supervisor",
    }
}

fn end_label(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Completed(_) => "completed",
        EndReason::Abandoned => "abandoned",
        EndReason::Merged(_) => "merged",
        EndReason::OperatorLost(_) => "operator-lost",
        EndReason::Closed(_) => "closed",
    }
}
