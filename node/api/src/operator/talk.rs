//! What an operator's session hears and says.

use std::sync::Arc;

use ringmain_actors::limits::OPERATOR_CREDITS;
use ringmain_actors::{NoCredit, NodeFull, OperatorSession, Resync, SessionEvent, SessionSeed, Unanswered};
use ringmain_protocol::v1::operator_service_session_request::Message as Up;
use ringmain_protocol::v1::operator_service_session_response::Message as Down;
use ringmain_protocol::v1::{self, Error};
use ringmain_replication::Answer;
use ringmain_routing::command::Role;
use ringmain_routing::effect::BreakAnswer;
use ringmain_routing::{OperatorId, Party, Reply};

use crate::convert::contact::{contact, presence, stream_end};
use crate::convert::{command, event, no_receipt, receipt, skills};
use crate::error;
use crate::opening::Hello;
use crate::operator::hello_of;
use crate::shared::Shared;
use crate::stream::{Dialect, Heeded, unexpected};
use crate::validate::cursor as read_cursor;

/// One operator's session.
pub(crate) struct OperatorTalk {
    shared: Arc<Shared>,
    session: OperatorSession,
    opened: Answer,
    operator: OperatorId,
}

impl Dialect for OperatorTalk {
    type Up = v1::OperatorServiceSessionRequest;
    type Down = v1::OperatorServiceSessionResponse;
    const ROLE: Role = Role::Operator;
    const FIELD: &'static str = "login";
    const METHOD: &'static str = "/ringmain.v1.OperatorService/Session";

    fn hello(up: Self::Up) -> Option<Hello> {
        let Some(Up::Hello(hello)) = up.message else { return None };
        Some(hello_of(hello))
    }

    async fn start(shared: Arc<Shared>, seed: SessionSeed, opened: Answer) -> Result<Self, NodeFull> {
        let Party::Operator(operator) = seed.party else { return Err(NodeFull) };
        let session = shared.sessions.start_operator(seed).await?;
        Ok(OperatorTalk { shared, session, opened, operator })
    }

    fn heed(&mut self, up: Self::Up) -> Heeded<Self::Down> {
        match up.message {
            Some(Up::Heartbeat(heartbeat)) => say(down(Down::Heartbeat(self.echo(heartbeat.seq)))),
            Some(Up::Ack(ack)) => match read_cursor(&ack.cursor, self.shared.life()) {
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
                let life = self.shared.life();
                let event = self.shared.replica.read(|router| event::for_operator(&delivered, router, life));
                event.into_iter().map(|event| down(Down::Event(event))).collect()
            }
            SessionEvent::Resync(resync) => vec![down(Down::Resync(self::resync(&resync, &self.shared)))],
            // Only gateways reconcile, and have credits that change.
            SessionEvent::Reconciled(_) | SessionEvent::Credits(_) => Vec::new(),
            SessionEvent::Drain { within } => {
                let hint = self.shared.nodes.other_than_me();
                vec![down(Down::Drain(v1::OperatorDrain { hint, within_ms: within.0 }))]
            }
            SessionEvent::Ended { epoch, reason } => {
                let hint = self.shared.nodes.other_than_me();
                let (epoch, reason) = (epoch.0, stream_end(reason).into());
                vec![down(Down::StreamEnded(v1::OperatorStreamEnded { epoch, hint, reason }))]
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
            Up::SetPresence(set) => Some(&mut set.op_id),
            Up::Accept(accept) => Some(&mut accept.op_id),
            Up::Decline(decline) => Some(&mut decline.op_id),
            Up::Complete(complete) => Some(&mut complete.op_id),
            Up::ExtendWrapUp(extend) => Some(&mut extend.op_id),
            Up::EndWrapUp(end) => Some(&mut end.op_id),
            Up::Transfer(transfer) => Some(&mut transfer.op_id),
            Up::Hold(hold) => Some(&mut hold.op_id),
            Up::TakeNext(take) => Some(&mut take.op_id),
            Up::AssignContact(assign) => Some(&mut assign.op_id),
            Up::AskForBreak(ask) => Some(&mut ask.op_id),
            Up::RequestPerson(asked) => Some(&mut asked.op_id),
            Up::InviteCompanion(invite) => Some(&mut invite.op_id),
            Up::Consult(consult) => Some(&mut consult.op_id),
            Up::EndConsult(end) => Some(&mut end.op_id),
            Up::JoinConsult(join) => Some(&mut join.op_id),
            Up::BeginEnquiry(begin) => Some(&mut begin.op_id),
            Up::FreeCaller(free) => Some(&mut free.op_id),
            Up::CloseEnquiry(close) => Some(&mut close.op_id),
            Up::AskForHelp(ask) => Some(&mut ask.op_id),
            Up::SignOut(sign_out) => Some(&mut sign_out.op_id),
            Up::Hello(_) | Up::Ack(_) | Up::Heartbeat(_) => None,
        }
    }

    fn renumber(down: &mut Self::Down, op_id: u64) {
        let receipt = match down.message.as_mut() {
            Some(Down::Done(done)) => done.receipt.as_mut(),
            Some(Down::Failed(failed)) => failed.receipt.as_mut(),
            Some(
                Down::Welcome(_)
                | Down::Event(_)
                | Down::Resync(_)
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
    Down::Failed(v1::OperatorFailed { receipt: Some(receipt), error: Some(error) })
}

/// What came of asking for a break, and until when it goes on.
fn break_answer(reply: Reply) -> (v1::BreakAnswer, u64) {
    match reply {
        Reply::Break(BreakAnswer::Begun { until }) => (v1::BreakAnswer::Begun, until.0),
        Reply::Break(BreakAnswer::WhenFree) => (v1::BreakAnswer::WhenFree, 0),
        Reply::Break(BreakAnswer::WhenOthersReturn) => (v1::BreakAnswer::WhenOthersReturn, 0),
        Reply::Done
        | Reply::Enqueued { .. }
        | Reply::Merged { .. }
        | Reply::Opened { .. }
        | Reply::PlanApplied { .. }
        | Reply::Acted { .. }
        | Reply::Taken { .. }
        | Reply::Asked { .. } => (v1::BreakAnswer::Unspecified, 0),
    }
}

/// A part of what is in hand.
pub(crate) fn resync(resync: &Resync, shared: &Shared) -> v1::OperatorResync {
    let contacts =
        shared.replica.read(|router| resync.contacts.iter().map(|view| contact(view, router)).collect());
    v1::OperatorResync {
        as_of: shared.life().cursor(resync.as_of),
        contacts,
        presence: resync.operator.as_ref().map(|operator| presence(operator.presence)),
        last: resync.last,
    }
}

fn down(message: Down) -> v1::OperatorServiceSessionResponse {
    v1::OperatorServiceSessionResponse { message: Some(message) }
}

fn say(message: v1::OperatorServiceSessionResponse) -> Heeded<v1::OperatorServiceSessionResponse> {
    Heeded::Say(Box::new(message))
}

impl OperatorTalk {
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
            Ok(reply) => {
                let contact = if let Reply::Taken { contact } | Reply::Enqueued { contact } = reply {
                    Some(contact.to_string())
                } else {
                    None
                };
                let enquiry =
                    if let Reply::Asked { enquiry } = reply { Some(enquiry.to_string()) } else { None };
                let (answer, until_ms) = break_answer(*reply);
                let (receipt, break_answer) = (Some(receipt), answer.into());
                Down::Done(v1::OperatorDone { receipt, contact, break_answer, until_ms, enquiry })
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

    fn echo(&self, seq: u64) -> v1::OperatorHeartbeatEcho {
        let status = self.shared.replica.status();
        v1::OperatorHeartbeatEcho { seq, log_index: status.applied.0, age_ms: status.age.0 }
    }
}
