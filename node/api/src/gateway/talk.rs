//! What a gateway's session hears and says.

use std::sync::Arc;

use ringmain_actors::limits::RECONCILE_KEYS_MAX;
use ringmain_actors::{
    GatewayRequest, GatewaySession, NoCredit, NodeFull, ReconcileReport, Resync, SessionEvent, SessionSeed,
    Unanswered,
};
use ringmain_protocol::v1::gateway_service_session_request::Message as Up;
use ringmain_protocol::v1::gateway_service_session_response::Message as Down;
use ringmain_protocol::v1::{self, Error};
use ringmain_replication::Answer;
use ringmain_routing::command::Role;
use ringmain_routing::{GatewayId, Name, Party, Refusal, Reply};

use crate::convert::contact::{contact, end_reason_of, stream_end};
use crate::convert::{command, event, no_receipt, receipt, together};
use crate::error;
use crate::gateway::hello_of;
use crate::opening::Hello;
use crate::shared::Shared;
use crate::stream::{Dialect, Heeded, unexpected};
use crate::validate::{Problems, cursor as read_cursor};

/// One gateway's session.
pub(crate) struct GatewayTalk {
    shared: Arc<Shared>,
    session: GatewaySession,
    opened: Answer,
    gateway: GatewayId,
    reconciling: Reconciling,
}

/// The reconciliation under way: its number, how many keys it has named, and whether it has failed.
#[derive(Default)]
struct Reconciling {
    op: u64,
    keys: usize,
    failed: bool,
}

impl Dialect for GatewayTalk {
    type Up = v1::GatewayServiceSessionRequest;
    type Down = v1::GatewayServiceSessionResponse;
    const ROLE: Role = Role::Gateway;
    const FIELD: &'static str = "gateway";
    const METHOD: &'static str = "/ringmain.v1.GatewayService/Session";

    fn hello(up: Self::Up) -> Option<Hello> {
        let Some(Up::Hello(hello)) = up.message else { return None };
        Some(hello_of(hello))
    }

    async fn start(shared: Arc<Shared>, seed: SessionSeed, opened: Answer) -> Result<Self, NodeFull> {
        let Party::Gateway(gateway) = seed.party else { return Err(NodeFull) };
        let session = shared.sessions.start_gateway(seed).await?;
        Ok(GatewayTalk { shared, session, opened, gateway, reconciling: Reconciling::default() })
    }

    fn heed(&mut self, up: Self::Up) -> Heeded<Self::Down> {
        let epoch = self.session.seed().epoch;
        match up.message {
            Some(Up::Push(push)) => self.request(push.op_id, command::push(push, self.gateway, epoch)),
            Some(Up::Update(update)) => self.request(update.op_id, command::update(update)),
            Some(Up::Abandon(abandon)) => self.request(abandon.op_id, command::abandon(&abandon)),
            Some(Up::RequestPerson(asked)) => self.request(asked.op_id, together::person_by_gateway(asked)),
            Some(Up::Deflect(deflect)) => self.request(deflect.op_id, command::deflect(&deflect)),
            Some(Up::NoteMessage(note)) => self.request(note.op_id, command::note_message(&note)),
            Some(Up::Ack(ack)) => match read_cursor(&ack.cursor, self.shared.life()) {
                Ok(_) => Heeded::Nothing,
                Err(error) => say(Self::failed(0, error)),
            },
            Some(Up::Heartbeat(heartbeat)) => say(down(Down::Heartbeat(self.echo(heartbeat.seq)))),
            Some(Up::Reconcile(reconcile)) => self.reconcile(reconcile),
            Some(Up::Hello(_)) | None => Heeded::End(Box::new(unexpected())),
        }
    }

    fn tell(&self, event: SessionEvent) -> Vec<Self::Down> {
        match event {
            SessionEvent::Welcome { resumed } => {
                vec![down(Down::Welcome(self.welcome(resumed)))]
            }
            SessionEvent::Answered { op, answer, waiting, key } => {
                vec![down(self.answer(op, answer, waiting, key))]
            }
            SessionEvent::Effect(delivered) => {
                let life = self.shared.life();
                let event = self.shared.replica.read(|router| event::for_gateway(&delivered, router, life));
                event.into_iter().map(|event| down(Down::Event(event))).collect()
            }
            SessionEvent::Resync(resync) => vec![down(Down::Resync(self::resync(&resync, &self.shared)))],
            SessionEvent::Reconciled(report) => vec![down(Down::ReconcileReport(self.report(&report)))],
            SessionEvent::Credits(credits) => vec![down(Down::Credits(v1::GatewayCredits { credits }))],
            SessionEvent::Drain { within } => {
                let hint = self.shared.nodes.other_than_me();
                vec![down(Down::Drain(v1::GatewayDrain { hint, within_ms: within.0 }))]
            }
            SessionEvent::Ended { epoch, reason } => {
                let hint = self.shared.nodes.other_than_me();
                let (epoch, reason) = (epoch.0, stream_end(reason).into());
                vec![down(Down::StreamEnded(v1::GatewayStreamEnded { epoch, hint, reason }))]
            }
        }
    }

    fn failed(op_id: u64, error: Error) -> Self::Down {
        down(failed(no_receipt(op_id), error))
    }

    fn error(down: &Self::Down) -> Option<&Error> {
        let Some(Down::Failed(failed)) = &down.message else { return None };
        failed.error.as_ref()
    }

    fn op_id(up: &mut Self::Up) -> Option<&mut u64> {
        match up.message.as_mut()? {
            Up::Push(push) => Some(&mut push.op_id),
            Up::Update(update) => Some(&mut update.op_id),
            Up::Abandon(abandon) => Some(&mut abandon.op_id),
            Up::RequestPerson(asked) => Some(&mut asked.op_id),
            Up::Deflect(deflect) => Some(&mut deflect.op_id),
            Up::NoteMessage(note) => Some(&mut note.op_id),
            Up::Hello(_) | Up::Ack(_) | Up::Heartbeat(_) | Up::Reconcile(_) => None,
        }
    }

    fn renumber(down: &mut Self::Down, op_id: u64) {
        let receipt = match down.message.as_mut() {
            Some(Down::Accepted(accepted)) => accepted.receipt.as_mut(),
            Some(Down::Merged(merged)) => merged.receipt.as_mut(),
            Some(Down::Done(done)) => done.receipt.as_mut(),
            Some(Down::Failed(failed)) => failed.receipt.as_mut(),
            Some(
                Down::Welcome(_)
                | Down::Event(_)
                | Down::Resync(_)
                | Down::ReconcileReport(_)
                | Down::Credits(_)
                | Down::Drain(_)
                | Down::Heartbeat(_)
                | Down::StreamEnded(_),
            )
            | None => None,
        };
        if let Some(receipt) = receipt {
            receipt.op_id = op_id;
        }
    }

    fn over(&self) -> impl Future<Output = ()> + Send + use<> {
        self.session.over()
    }
}

fn failed(receipt: v1::Receipt, error: Error) -> Down {
    Down::Failed(v1::GatewayFailed { receipt: Some(receipt), error: Some(error) })
}

/// A part of what is live.
pub(crate) fn resync(resync: &Resync, shared: &Shared) -> v1::GatewayResync {
    let contacts =
        shared.replica.read(|router| resync.contacts.iter().map(|view| contact(view, router)).collect());
    v1::GatewayResync { as_of: shared.life().cursor(resync.as_of), contacts, last: resync.last }
}

fn down(message: Down) -> v1::GatewayServiceSessionResponse {
    v1::GatewayServiceSessionResponse { message: Some(message) }
}

fn say(message: v1::GatewayServiceSessionResponse) -> Heeded<v1::GatewayServiceSessionResponse> {
    Heeded::Say(Box::new(message))
}

impl GatewayTalk {
    fn request(
        &self,
        op: u64,
        read: Result<GatewayRequest, Error>,
    ) -> Heeded<v1::GatewayServiceSessionResponse> {
        match read.map(|request| self.session.request(op, request)) {
            Ok(Ok(())) => Heeded::Nothing,
            Ok(Err(NoCredit)) => say(Self::failed(op, error::no_credit())),
            Err(error) => say(Self::failed(op, error)),
        }
    }

    fn reconcile(&mut self, part: v1::GatewayReconcile) -> Heeded<v1::GatewayServiceSessionResponse> {
        let op = part.op_id;
        if self.reconciling.op != op {
            self.reconciling = Reconciling { op, keys: 0, failed: false };
        }
        if self.reconciling.failed {
            return Heeded::Nothing;
        }
        let passed_on = self.read_keys(&part).and_then(|keys| {
            self.session.reconcile(op, keys, part.last).map_err(|NoCredit| error::no_credit())
        });
        if part.last {
            self.reconciling = Reconciling::default();
        }
        match passed_on {
            Ok(()) => Heeded::Nothing,
            Err(error) => {
                self.reconciling.failed = !part.last;
                say(Self::failed(op, error))
            }
        }
    }

    fn read_keys(&mut self, part: &v1::GatewayReconcile) -> Result<Vec<Name>, Error> {
        let mut problems = Problems::default();
        problems.op_id(part.op_id);
        self.reconciling.keys += part.keys.len();
        if self.reconciling.keys > RECONCILE_KEYS_MAX {
            problems.add("keys", format!("more than {RECONCILE_KEYS_MAX} keys in one reconciliation"));
        }
        let named = part.keys.iter().enumerate();
        let keys = named.map(|(place, key)| problems.key(&format!("keys[{place}]"), key)).collect();
        problems.into_result(keys)
    }

    fn welcome(&self, resumed: bool) -> v1::GatewayWelcome {
        let shared = &self.shared;
        let status = shared.replica.status();
        v1::GatewayWelcome {
            party: self.gateway.to_string(),
            epoch: self.session.seed().epoch.0,
            credits: self.session.credits(),
            key_window_ms: shared.replica.read(|router| router.plan().sessions.key_window.0),
            heartbeat_ms: shared.heartbeat.as_millis() as u64,
            leader_hint: error::leader_hint(status.leader, &shared.nodes),
            node: shared.nodes.me().0,
            nodes: shared.nodes.addresses(),
            receipt: Some(receipt(0, &self.opened)),
            resumed,
        }
    }

    fn answer(&self, op: u64, answer: Result<Answer, Unanswered>, waiting: u64, key: Option<Name>) -> Down {
        let key = key.map(|key| key.to_string()).unwrap_or_default();
        let answer = match answer {
            Ok(answer) => answer,
            Err(unanswered) => {
                return failed(no_receipt(op), error::unanswered(&unanswered, &self.shared.nodes));
            }
        };
        let receipt = receipt(op, &answer);
        match &answer.reply {
            Ok(Reply::Enqueued { contact }) => {
                let (queue, ended) = self.queue_and_end_of(*contact);
                let opens_at_ms = self.opens_at(*contact, ended);
                let (contact, ended) = (contact.to_string(), ended.into());
                let receipt = Some(receipt);
                let position = waiting;
                Down::Accepted(v1::GatewayAccepted {
                    receipt,
                    key,
                    contact,
                    queue,
                    position,
                    ended,
                    opens_at_ms,
                })
            }
            Ok(Reply::Merged { contact, into }) => {
                let (contact, into) = (contact.to_string(), into.to_string());
                let receipt = Some(receipt);
                Down::Merged(v1::GatewayMerged { receipt, key, contact, into })
            }
            Ok(
                Reply::Done
                | Reply::Opened { .. }
                | Reply::PlanApplied { .. }
                | Reply::Acted { .. }
                | Reply::Taken { .. }
                | Reply::Asked { .. }
                | Reply::Break(_),
            ) => Down::Done(v1::GatewayDone { receipt: Some(receipt) }),
            Err(refusal) => failed(receipt, self.refused(refusal)),
        }
    }

    /// A closed queue says when it opens.
    fn refused(&self, refusal: &Refusal) -> Error {
        let mut error = error::refused(refusal);
        if let Refusal::QueueClosed(queue) = refusal {
            let opens_at = self.shared.replica.read(|router| router.opens_at(queue, None));
            error.opens_at_ms = opens_at.map_or(0, |at| at.0);
        }
        error
    }

    /// When the queue of a contact that was deflected at arrival opens next.
    fn opens_at(&self, contact: ringmain_routing::ContactId, ended: v1::EndReason) -> Option<u64> {
        match ended {
            v1::EndReason::CallBack | v1::EndReason::Voicemail | v1::EndReason::Message => {}
            v1::EndReason::Unspecified
            | v1::EndReason::Completed
            | v1::EndReason::Abandoned
            | v1::EndReason::Merged
            | v1::EndReason::OperatorLost
            | v1::EndReason::Closed
            | v1::EndReason::ConsultOver => return None,
        }
        self.shared.replica.read(|router| router.opens_for(contact)).map(|at| at.0)
    }

    fn queue_and_end_of(&self, contact: ringmain_routing::ContactId) -> (String, v1::EndReason) {
        self.shared.replica.read(|router| {
            let brief = router.brief(contact);
            let queue = brief.and_then(|brief| router.plan().queues.get(brief.queue.0 as usize));
            let ended = brief.and_then(|brief| brief.ended);
            let ended = ended.map_or(v1::EndReason::Unspecified, |reason| end_reason_of(reason).0);
            (queue.map(|queue| queue.name.to_string()).unwrap_or_default(), ended)
        })
    }

    fn report(&self, report: &ReconcileReport) -> v1::GatewayReconcileReport {
        let orphans = report.unknown_to_cluster.iter().map(|orphan| {
            let ended = orphan.ended.map(|(contact, reason)| (contact.to_string(), end_reason_of(reason).0));
            let (contact, reason) =
                ended.map_or((None, v1::EndReason::Unspecified), |(id, why)| (Some(id), why));
            v1::ReconcileOrphan { key: orphan.key.to_string(), contact, reason: reason.into() }
        });
        v1::GatewayReconcileReport {
            receipt: Some(v1::Receipt {
                op_id: report.op,
                log_index: report.as_of.0,
                term: 0,
                at_ms: report.at.0,
            }),
            unknown_to_gateway: self.contacts(&report.unknown_to_gateway),
            unknown_to_cluster: orphans.collect(),
            last: report.last,
        }
    }

    fn contacts(&self, views: &[ringmain_routing::ContactView]) -> Vec<v1::Contact> {
        self.shared.replica.read(|router| views.iter().map(|view| contact(view, router)).collect())
    }

    fn echo(&self, seq: u64) -> v1::GatewayHeartbeatEcho {
        let status = self.shared.replica.status();
        v1::GatewayHeartbeatEcho { seq, log_index: status.applied.0, age_ms: status.age.0 }
    }
}
