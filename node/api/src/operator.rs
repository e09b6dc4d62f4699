//! The stream of an operator's desktop.

use std::sync::Arc;

use ringmain_actors::limits::OPERATOR_CREDITS;
use ringmain_actors::{NoCredit, NodeFull, OperatorSession, Resync, SessionEvent, SessionSeed, Unanswered};
use ringmain_protocol::v1::operator_service_server::OperatorService;
use ringmain_protocol::v1::operator_service_session_request::Message as Up;
use ringmain_protocol::v1::operator_service_session_response::Message as Down;
use ringmain_protocol::v1::{self, Error};
use ringmain_replication::Answer;
use ringmain_routing::command::Role;
use ringmain_routing::{OperatorId, Party};
use tonic::{Request, Response, Status, Streaming};

use crate::auth::Caller;
use crate::convert::contact::{contact, presence, stream_end};
use crate::convert::{command, cursor, event, no_receipt, receipt, skills};
use crate::shared::Shared;
use crate::stream::{Dialect, Heeded, Hello, Outbound, serve, unexpected};
use crate::validate::cursor as read_cursor;
use crate::{error, measure};

const METHOD: &str = "/ringmain.v1.OperatorService/Session";

/// `OperatorService`.
pub(crate) struct Operators {
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl OperatorService for Operators {
    type SessionStream = Outbound<v1::OperatorServiceSessionResponse>;

    async fn session(
        &self,
        request: Request<Streaming<v1::OperatorServiceSessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let caller = request.extensions().get::<Caller>().cloned();
        let stream = serve::<OperatorStream>(Arc::clone(&self.shared), caller, request.into_inner());
        Ok(Response::new(stream))
    }
}

/// One operator's stream.
struct OperatorStream {
    shared: Arc<Shared>,
    session: OperatorSession,
    opened: Answer,
    operator: OperatorId,
}

impl Dialect for OperatorStream {
    type Up = v1::OperatorServiceSessionRequest;
    type Down = v1::OperatorServiceSessionResponse;
    const ROLE: Role = Role::Operator;
    const FIELD: &'static str = "login";

    fn hello(up: Self::Up) -> Option<Hello> {
        let Some(Up::Hello(hello)) = up.message else { return None };
        Some(Hello {
            name: hello.login,
            cursor: hello.cursor,
            nonce: hello.nonce,
            resume_epoch: hello.resume_epoch,
            takeover: hello.takeover,
        })
    }

    async fn start(shared: Arc<Shared>, seed: SessionSeed, opened: Answer) -> Result<Self, NodeFull> {
        let Party::Operator(operator) = seed.party else { return Err(NodeFull) };
        let session = shared.sessions.start_operator(seed).await?;
        Ok(OperatorStream { shared, session, opened, operator })
    }

    fn heed(&mut self, up: Self::Up) -> Heeded<Self::Down> {
        match up.message {
            Some(Up::Heartbeat(heartbeat)) => say(down(Down::Heartbeat(self.echo(heartbeat.seq)))),
            Some(Up::Ack(ack)) => match read_cursor(&ack.cursor) {
                Ok(_) => Heeded::Nothing,
                Err(error) => say(Self::failed(0, error)),
            },
            Some(message) => self.command(message),
            None => Heeded::End(Box::new(unexpected())),
        }
    }

    fn tell(&self, event: SessionEvent) -> Vec<Self::Down> {
        match event {
            SessionEvent::Welcome { resumed } => vec![down(Down::Welcome(self.welcome(resumed)))],
            SessionEvent::Answered { op, answer, .. } => vec![down(self.answer(op, answer))],
            SessionEvent::Effect(delivered) => {
                let event = self.shared.replica.read(|router| event::for_operator(&delivered, router));
                event.into_iter().map(|event| down(Down::Event(event))).collect()
            }
            SessionEvent::Resync(resync) => vec![down(Down::Resync(self.resync(&resync)))],
            // Only gateways reconcile.
            SessionEvent::Reconciled(_) => Vec::new(),
            SessionEvent::Drain { within } => {
                let hint = self.shared.nodes.other_than_me().to_owned();
                vec![down(Down::Drain(v1::OperatorDrain { hint, within_ms: within.0 }))]
            }
            SessionEvent::Ended { epoch, reason } => {
                let hint = self.shared.nodes.other_than_me().to_owned();
                let (epoch, reason) = (epoch.0, stream_end(reason).into());
                vec![down(Down::StreamEnded(v1::OperatorStreamEnded { epoch, hint, reason }))]
            }
        }
    }

    fn failed(op_id: u64, error: Error) -> Self::Down {
        down(failed(no_receipt(op_id), error))
    }

    async fn over(&self) {
        self.session.over().await;
    }
}

fn failed(receipt: v1::Receipt, error: Error) -> Down {
    measure::count(METHOD, Some(&error));
    Down::Failed(v1::OperatorFailed { receipt: Some(receipt), error: Some(error) })
}

fn down(message: Down) -> v1::OperatorServiceSessionResponse {
    v1::OperatorServiceSessionResponse { message: Some(message) }
}

fn say(message: v1::OperatorServiceSessionResponse) -> Heeded<v1::OperatorServiceSessionResponse> {
    Heeded::Say(Box::new(message))
}

impl OperatorStream {
    fn command(&self, message: Up) -> Heeded<v1::OperatorServiceSessionResponse> {
        let epoch = self.session.seed().epoch;
        let Some((op, read)) = command::operator_command(message, self.operator, epoch) else {
            return Heeded::End(Box::new(unexpected()));
        };
        match read.map(|command| self.session.request(op, command)) {
            Ok(Ok(())) => Heeded::Nothing,
            Ok(Err(NoCredit)) => say(Self::failed(op, error::no_credit())),
            Err(error) => say(Self::failed(op, error)),
        }
    }

    fn answer(&self, op: u64, answer: Result<Answer, Unanswered>) -> Down {
        let answer = match answer {
            Ok(answer) => answer,
            Err(unanswered) => {
                return failed(no_receipt(op), error::unanswered(&unanswered, &self.shared.nodes));
            }
        };
        let receipt = receipt(op, &answer);
        match &answer.reply {
            Ok(_) => {
                measure::count(METHOD, None);
                Down::Done(v1::OperatorDone { receipt: Some(receipt) })
            }
            Err(refusal) => failed(receipt, error::refused(refusal)),
        }
    }

    fn welcome(&self, resumed: bool) -> v1::OperatorWelcome {
        let shared = &self.shared;
        let status = shared.replica.status();
        let view = shared.replica.read(|router| router.operator(self.operator));
        v1::OperatorWelcome {
            party: self.operator.to_string(),
            epoch: self.session.seed().epoch.0,
            credits: OPERATOR_CREDITS,
            heartbeat_ms: shared.heartbeat.as_millis() as u64,
            leader_hint: error::leader_hint(status.leader, &shared.nodes),
            node: shared.nodes.me().0,
            nodes: shared.nodes.addresses(),
            presence: view.as_ref().map(|view| presence(view.presence)),
            capacity: view.as_ref().map_or(0, |view| view.capacity),
            skills: view.map(|view| skills(&view.skills)).unwrap_or_default(),
            receipt: Some(receipt(0, &self.opened)),
            resumed,
        }
    }

    fn resync(&self, resync: &Resync) -> v1::OperatorResync {
        let contacts = self
            .shared
            .replica
            .read(|router| resync.contacts.iter().map(|view| contact(view, router)).collect());
        v1::OperatorResync {
            as_of: cursor(resync.as_of),
            contacts,
            presence: resync.operator.as_ref().map(|operator| presence(operator.presence)),
            last: resync.last,
        }
    }

    fn echo(&self, seq: u64) -> v1::OperatorHeartbeatEcho {
        let status = self.shared.replica.status();
        v1::OperatorHeartbeatEcho { seq, log_index: status.applied.0, age_ms: status.age.0 }
    }
}
