//! What a node counts of the commands it has applied.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringmain_replication::{Applied, Replica};
use ringmain_routing::effect::{EndReason, OfferMode, WithdrawReason};
use ringmain_routing::plan::Answer;
use ringmain_routing::{Command, ContactId, Effect, Plan, QueueId, Router};
use ringmain_telemetry::{labels, names};

/// How many wait in the queue of a contact that waits there, itself included.
pub(crate) fn waiting_with(replica: &Replica, contact: ContactId) -> u64 {
    replica.read(|router| {
        let brief = router.brief(contact);
        u64::from(brief.map_or(0, |brief| router.waiting_in(brief.queue)))
    })
}

/// Counts what applied commands and their effects mean for contacts and offers.
pub(crate) fn applied(batch: &[Arc<Applied>], replica: &Replica) {
    let mut tally = Tally::default();
    for applied in batch {
        tally.add(names::COMMANDS_APPLIED, labels::COMMAND, applied.command.name());
        if let Err(refusal) = &applied.outcome.reply {
            tally.add(names::COMMANDS_REFUSED, labels::CODE, refusal.code());
        }
    }
    if batch.iter().any(|applied| !applied.outcome.effects.is_empty()) {
        replica.read(|router| {
            for applied in batch {
                applied.outcome.effects.iter().for_each(|effect| tally.count(effect, applied, router));
            }
            tally.name_queues(router);
        });
    }
    tally.report();
}

/// The counts of a batch: a metric is looked up once for all that it gets.
#[derive(Default)]
struct Tally {
    /// By metric, label and its value.
    counts: BTreeMap<(&'static str, &'static str, &'static str), u64>,
    ended: BTreeMap<(QueueId, &'static str), u64>,
    /// How long contacts had waited when they were connected, s.
    waits: BTreeMap<QueueId, Vec<f64>>,
    queues: BTreeMap<QueueId, String>,
}

impl Tally {
    fn add(&mut self, metric: &'static str, label: &'static str, value: &'static str) {
        *self.counts.entry((metric, label, value)).or_default() += 1;
    }

    fn count(&mut self, effect: &Effect, applied: &Applied, router: &Router) {
        match effect {
            Effect::AnnounceQueued { .. } | Effect::AnnounceAssigned { .. } => {}
            Effect::RingOperator { mode, .. } => {
                let answer = match mode {
                    OfferMode::Offered => "offered",
                    OfferMode::Confirmed => "confirmed",
                    OfferMode::Previewed => "previewed",
                };
                self.add(names::OFFERS, labels::ANSWER, answer);
            }
            Effect::ConnectContact { contact, .. } => self.connected(*contact, applied, router),
            Effect::WithdrawAssignment { reason, .. } => {
                self.add(names::OFFERS_WITHDRAWN, labels::REASON, withdraw_label(*reason));
            }
            Effect::AnnounceEnded { contact, reason, .. } => {
                // A contact that was forgotten meanwhile was counted by the nodes that were in time.
                let Some(brief) = router.brief(*contact) else { return };
                *self.ended.entry((brief.queue, end_label(*reason))).or_default() += 1;
            }
            Effect::StartWrapUp { .. }
            | Effect::ReleaseOperator { .. }
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
            | Effect::AnnouncePresence { .. }
            | Effect::EndStream { .. } => {}
        }
    }

    fn connected(&mut self, contact: ContactId, applied: &Applied, router: &Router) {
        let accepted = matches!(&applied.command, Command::AcceptOffer(answer) if answer.contact == contact);
        // As above.
        let Some(brief) = router.brief(contact) else { return };
        let queue = router.plan().queues.get(brief.queue.0 as usize);
        // What was previewed was counted when its operator was rung.
        let is_previewed = queue.is_some_and(|queue| matches!(queue.answer, Answer::Previewed { .. }));
        if !accepted && !is_previewed {
            self.add(names::OFFERS, labels::ANSWER, "automatic");
        }
        let waited_s = applied.at.since(brief.enqueued_at).0 as f64 / 1_000.0;
        self.waits.entry(brief.queue).or_default().push(waited_s);
    }

    fn name_queues(&mut self, router: &Router) {
        let met = self.waits.keys().copied().chain(self.ended.keys().map(|(queue, _)| *queue));
        self.queues = met.map(|queue| (queue, queue_name(router.plan(), queue))).collect();
    }

    fn report(self) {
        for ((metric, label, value), count) in self.counts {
            metrics::counter!(metric, label => value).increment(count);
        }
        let named = |queue: &QueueId| self.queues.get(queue).cloned().unwrap_or_default();
        for ((queue, reason), count) in &self.ended {
            let (queue, reason) = (named(queue), *reason);
            metrics::counter!(names::CONTACTS_ENDED, labels::QUEUE => queue, labels::REASON => reason)
                .increment(*count);
        }
        for (queue, waits) in &self.waits {
            let histogram = metrics::histogram!(names::CONTACT_WAIT, labels::QUEUE => named(queue));
            waits.iter().for_each(|waited_s| histogram.record(*waited_s));
        }
    }
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
        WithdrawReason::LifeSafety => "life-safety",
        WithdrawReason::PersonRequested => "person-requested",
        WithdrawReason::ConsultOver => "consult-over",
        WithdrawReason::HandedOver => "handed-over",
        WithdrawReason::ParkedOften => "parked-often",
        WithdrawReason::ReplyOverdue => "reply-overdue",
        WithdrawReason::NotResumed => "not-resumed",
    }
}

fn end_label(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Completed(_) => "completed",
        EndReason::Abandoned => "abandoned",
        EndReason::Merged(_) => "merged",
        EndReason::OperatorLost(_) => "operator-lost",
        EndReason::Closed(_) => "closed",
        EndReason::ConsultOver(_) => "consult-over",
        EndReason::Deflected(_) => "deflected",
    }
}
