//! A gateway's client.

use std::collections::VecDeque;

use prost::Message;
use ringmain_routing::client::{self, Hello, OpId, Subject};
use ringmain_routing::{Epoch, Millis};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use super::driver::{self, Handle};
use super::outcome::{Notice, OperationError, PendingAnswer};
use super::role::{self, Incoming, Role};
use super::{BadConfig, SessionConfig};
use crate::MESSAGE_BYTES_MAX;
use crate::v1::gateway_service_client::GatewayServiceClient;
use crate::v1::gateway_service_session_request::Message as Up;
use crate::v1::gateway_service_session_response::Message as Down;
use crate::v1::{
    ContactContext, GatewayAbandon, GatewayAccepted, GatewayAck, GatewayDeflect, GatewayDone, GatewayEvent,
    GatewayHeartbeat, GatewayHello, GatewayMerged, GatewayNoteMessage, GatewayPush, GatewayReconcile,
    GatewayReconcileReport, GatewayRequestPerson, GatewayResync, GatewayServiceSessionRequest,
    GatewayServiceSessionResponse, GatewayUpdate, GatewayWelcome, Receipt, ThreadWriter, Treatment,
};

/// Keys in one part of a reconciliation, in bytes with what frames them.
const RECONCILE_PART_BYTES: usize = MESSAGE_BYTES_MAX / 2;
const KEY_FRAME_BYTES: usize = 6;

/// What a gateway's client tells its owner.
pub type GatewayNotice = Notice<GatewayWelcome, GatewayEvent, GatewayResync>;

/// A gateway's session. Clones speak for the same session, which ends when the last one is dropped.
#[derive(Clone)]
pub struct GatewayClient {
    handle: Handle<Gateway>,
}

/// What became of a pushed contact.
#[derive(Clone, Debug, PartialEq)]
pub enum Pushed {
    /// It is in the care of the cluster.
    Accepted(GatewayAccepted),
    /// The call-back order joined an open one.
    Merged(GatewayMerged),
}

impl Pushed {
    /// The number of the operation and its place in the log.
    #[must_use]
    pub fn receipt(&self) -> Receipt {
        match self {
            Pushed::Accepted(accepted) => accepted.receipt,
            Pushed::Merged(merged) => merged.receipt,
        }
        .unwrap_or_default()
    }

    /// Id of the contact.
    #[must_use]
    pub fn contact(&self) -> &str {
        match self {
            Pushed::Accepted(accepted) => &accepted.contact,
            Pushed::Merged(merged) => &merged.contact,
        }
    }
}

impl GatewayClient {
    /// Begins to connect, and goes on for as long as the client lives. The first notice is `Online`. Take the notices
    /// in a task of their own: when they are full, answers wait too, and dropping them ends the client. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// [`BadConfig`] when no client can be made of it.
    pub fn connect(
        config: SessionConfig,
    ) -> Result<(GatewayClient, mpsc::Receiver<GatewayNotice>), BadConfig> {
        let (handle, notices) = driver::start(config)?;
        Ok((GatewayClient { handle }, notices))
    }

    /// Brings a contact; the answer comes when it is on a majority of nodes. `op_id` is filled in.
    ///
    /// # Errors
    /// The cluster's final no, or the end of the client with an unknown outcome.
    pub async fn push(&self, push: GatewayPush) -> Result<Pushed, OperationError> {
        match self.begin(GatewayOperation::Push(Box::new(push))).await?.await? {
            GatewayAnswer::Pushed(pushed) => Ok(pushed),
            GatewayAnswer::Done(_) | GatewayAnswer::Report(_) => Err(OperationError::Mismatched),
        }
    }

    /// Says more about a contact that has not ended.
    ///
    /// # Errors
    /// As for [`GatewayClient::push`].
    pub async fn update(&self, update: GatewayUpdate) -> Result<Receipt, OperationError> {
        done(self.begin(GatewayOperation::Update(update)).await?.await?)
    }

    /// Says that the customer has gone.
    ///
    /// # Errors
    /// As for [`GatewayClient::push`].
    pub async fn abandon(&self, key: &str) -> Result<Receipt, OperationError> {
        let abandon = GatewayAbandon { op_id: 0, key: key.to_owned() };
        done(self.begin(GatewayOperation::Abandon(abandon)).await?.await?)
    }

    /// Says that customer or operator has written in a thread. Messages of a contact are counted from 1.
    ///
    /// # Errors
    /// As for [`GatewayClient::push`].
    pub async fn note_message(
        &self,
        key: &str,
        number: u64,
        by: ThreadWriter,
    ) -> Result<Receipt, OperationError> {
        let note = GatewayNoteMessage { op_id: 0, key: key.to_owned(), number, by: by.into() };
        done(self.begin(GatewayOperation::NoteMessage(note)).await?.await?)
    }

    /// Says that the customer takes what was offered to it while it waited.
    ///
    /// # Errors
    /// As for [`GatewayClient::push`].
    pub async fn deflect(&self, key: &str, to: Treatment) -> Result<Receipt, OperationError> {
        let deflect = GatewayDeflect { op_id: 0, key: key.to_owned(), to: to.into() };
        done(self.begin(GatewayOperation::Deflect(deflect)).await?.await?)
    }

    /// Says that the customer wants a person instead of a bot, and what was learned so far.
    ///
    /// # Errors
    /// As for [`GatewayClient::push`].
    pub async fn request_person(
        &self,
        key: &str,
        context: Option<ContactContext>,
    ) -> Result<Receipt, OperationError> {
        let request = GatewayRequestPerson { op_id: 0, key: key.to_owned(), context };
        done(self.begin(GatewayOperation::RequestPerson(request)).await?.await?)
    }

    /// Compares the contacts that the gateway has in hand with those the cluster has for it.
    ///
    /// # Errors
    /// As for [`GatewayClient::push`].
    pub async fn reconcile(&self, keys: Vec<String>) -> Result<GatewayReconcileReport, OperationError> {
        match self.begin(GatewayOperation::Reconcile(keys)).await?.await? {
            GatewayAnswer::Report(report) => Ok(report),
            GatewayAnswer::Done(_) | GatewayAnswer::Pushed(_) => Err(OperationError::Mismatched),
        }
    }

    /// Has an operation on its way and returns without waiting for its answer: many may be under way at once, in the
    /// order of these calls.
    ///
    /// # Errors
    /// The end of the client.
    pub async fn begin(
        &self,
        operation: GatewayOperation,
    ) -> Result<PendingAnswer<GatewayAnswer>, OperationError> {
        self.handle.submit(operation).await
    }
}

/// What a gateway can ask for. The fields `op_id` are filled in by the client.
#[derive(Clone, Debug, PartialEq)]
pub enum GatewayOperation {
    /// A contact arrives.
    Push(Box<GatewayPush>),
    /// More is known about a contact.
    Update(GatewayUpdate),
    /// The customer has gone.
    Abandon(GatewayAbandon),
    /// The customer wants a person instead of a bot.
    RequestPerson(GatewayRequestPerson),
    /// The customer takes what was offered to it while it waited.
    Deflect(GatewayDeflect),
    /// Customer or operator has written in a thread.
    NoteMessage(GatewayNoteMessage),
    /// Compare these keys of live contacts.
    Reconcile(Vec<String>),
}

/// The answer to an operation that was carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum GatewayAnswer {
    /// To a push.
    Pushed(Pushed),
    /// To an update or abandon.
    Done(GatewayDone),
    /// To a reconciliation.
    Report(GatewayReconcileReport),
}

fn done(answer: GatewayAnswer) -> Result<Receipt, OperationError> {
    match answer {
        GatewayAnswer::Done(done) => Ok(done.receipt.unwrap_or_default()),
        GatewayAnswer::Pushed(_) | GatewayAnswer::Report(_) => Err(OperationError::Mismatched),
    }
}

/// The messages of a gateway's session.
pub(super) struct Gateway;

impl Role for Gateway {
    type Up = GatewayServiceSessionRequest;
    type Down = GatewayServiceSessionResponse;
    type Operation = GatewayOperation;
    type Answer = GatewayAnswer;
    type Welcome = GatewayWelcome;
    type Event = GatewayEvent;
    type Resync = GatewayResync;

    async fn open(
        channel: Channel,
        request: Request<ReceiverStream<Self::Up>>,
    ) -> Result<Response<Streaming<Self::Down>>, Status> {
        GatewayServiceClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
            .session(request)
            .await
    }

    fn hello(name: &str, capabilities: &[String], hello: Hello, cursor: String) -> Self::Up {
        up(Up::Hello(GatewayHello {
            gateway: name.to_owned(),
            capabilities: capabilities.to_vec(),
            cursor,
            nonce: hello.nonce,
            resume_epoch: hello.resume.map(|epoch| epoch.0),
            takeover: hello.takeover,
            unanswered_nonces: hello.unanswered,
        }))
    }

    fn heartbeat(seq: u64) -> Self::Up {
        up(Up::Heartbeat(GatewayHeartbeat { seq }))
    }

    fn ack(cursor: String) -> Self::Up {
        up(Up::Ack(GatewayAck { cursor }))
    }

    fn subject(operation: &GatewayOperation) -> Subject {
        match operation {
            GatewayOperation::Push(push) => Subject::Contact(push.key.as_str().into()),
            GatewayOperation::Update(update) => Subject::Contact(update.key.as_str().into()),
            GatewayOperation::Abandon(abandon) => Subject::Contact(abandon.key.as_str().into()),
            GatewayOperation::RequestPerson(request) => Subject::Contact(request.key.as_str().into()),
            GatewayOperation::Deflect(deflect) => Subject::Contact(deflect.key.as_str().into()),
            GatewayOperation::NoteMessage(note) => Subject::Contact(note.key.as_str().into()),
            GatewayOperation::Reconcile(_) => Subject::Session,
        }
    }

    fn message_bytes(operation: &GatewayOperation) -> usize {
        let frame = 32;
        frame
            + match operation {
                GatewayOperation::Push(push) => push.encoded_len(),
                GatewayOperation::Update(update) => update.encoded_len(),
                GatewayOperation::Abandon(abandon) => abandon.encoded_len(),
                GatewayOperation::RequestPerson(request) => request.encoded_len(),
                GatewayOperation::Deflect(deflect) => deflect.encoded_len(),
                GatewayOperation::NoteMessage(note) => note.encoded_len(),
                GatewayOperation::Reconcile(keys) => {
                    RECONCILE_PART_BYTES.max(keys.iter().map(String::len).max().unwrap_or(0))
                }
            }
    }

    fn operation(operation: &GatewayOperation, op_id: u64, _seq: u64, out: &mut VecDeque<Self::Up>) {
        match operation {
            GatewayOperation::Push(push) => {
                out.push_back(up(Up::Push(GatewayPush { op_id, ..(**push).clone() })));
            }
            GatewayOperation::Update(update) => {
                out.push_back(up(Up::Update(GatewayUpdate { op_id, ..update.clone() })));
            }
            GatewayOperation::Abandon(abandon) => {
                out.push_back(up(Up::Abandon(GatewayAbandon { op_id, ..abandon.clone() })));
            }
            GatewayOperation::RequestPerson(request) => {
                out.push_back(up(Up::RequestPerson(GatewayRequestPerson { op_id, ..request.clone() })));
            }
            GatewayOperation::Deflect(deflect) => {
                out.push_back(up(Up::Deflect(GatewayDeflect { op_id, ..deflect.clone() })));
            }
            GatewayOperation::NoteMessage(note) => {
                out.push_back(up(Up::NoteMessage(GatewayNoteMessage { op_id, ..note.clone() })));
            }
            GatewayOperation::Reconcile(keys) => reconcile(op_id, keys, out),
        }
    }

    fn read(down: Self::Down) -> Incoming<Self> {
        match down.message {
            Some(Down::Welcome(message)) => welcome(message),
            Some(Down::Accepted(accepted)) => {
                answered(accepted.receipt, GatewayAnswer::Pushed(Pushed::Accepted(accepted)))
            }
            Some(Down::Merged(merged)) => {
                answered(merged.receipt, GatewayAnswer::Pushed(Pushed::Merged(merged)))
            }
            Some(Down::Done(done)) => answered(done.receipt, GatewayAnswer::Done(done)),
            Some(Down::Failed(failed)) => role::failed(failed.receipt, failed.error),
            Some(Down::Event(event)) => {
                Incoming::Event { cursor: event.cursor.clone(), event: Box::new(event) }
            }
            Some(Down::Resync(part)) => Incoming::Resync { as_of: part.as_of.clone(), last: part.last, part },
            Some(Down::ReconcileReport(report)) => Incoming::Answered {
                op_id: role::op_id(report.receipt.as_ref()),
                last: report.last,
                answer: GatewayAnswer::Report(report),
            },
            Some(Down::Credits(credits)) => Incoming::Credits(credits.credits),
            Some(Down::Drain(drain)) => {
                Incoming::Drain { within: Millis(drain.within_ms), hint: role::hint(&drain.hint) }
            }
            Some(Down::StreamEnded(end)) => Incoming::Ended(role::ended(end.reason(), &end.hint)),
            Some(Down::Heartbeat(_)) | None => Incoming::Heard,
        }
    }

    fn extend_resync(resync: &mut GatewayResync, part: GatewayResync) {
        resync.as_of = part.as_of;
        resync.contacts.extend(part.contacts);
        resync.last = part.last;
    }

    fn extend_answer(answer: &mut GatewayAnswer, part: GatewayAnswer) {
        match (answer, part) {
            (GatewayAnswer::Report(report), GatewayAnswer::Report(part)) => {
                report.receipt = part.receipt;
                report.unknown_to_gateway.extend(part.unknown_to_gateway);
                report.unknown_to_cluster.extend(part.unknown_to_cluster);
                report.last = part.last;
            }
            (answer, part) => *answer = part,
        }
    }

    fn ends_session(_operation: &GatewayOperation) -> bool {
        false
    }
}

fn up(message: Up) -> GatewayServiceSessionRequest {
    GatewayServiceSessionRequest { message: Some(message) }
}

/// At least one part, each well below the message limit.
fn reconcile(op_id: u64, keys: &[String], out: &mut VecDeque<GatewayServiceSessionRequest>) {
    let mut part = GatewayReconcile { op_id, keys: Vec::new(), last: false };
    let mut bytes = 0;
    for key in keys {
        if bytes + key.len() > RECONCILE_PART_BYTES && !part.keys.is_empty() {
            bytes = 0;
            let next = GatewayReconcile { op_id, keys: Vec::new(), last: false };
            out.push_back(up(Up::Reconcile(std::mem::replace(&mut part, next))));
        }
        bytes += key.len() + KEY_FRAME_BYTES;
        part.keys.push(key.clone());
    }
    part.last = true;
    out.push_back(up(Up::Reconcile(part)));
}

fn welcome(message: GatewayWelcome) -> Incoming<Gateway> {
    let welcome = client::Welcome {
        epoch: Epoch(message.epoch),
        heartbeat: Millis(message.heartbeat_ms),
        credits: message.credits,
        addresses: role::addresses(&message.nodes),
    };
    Incoming::Welcome { welcome, message: Box::new(message) }
}

fn answered(receipt: Option<Receipt>, answer: GatewayAnswer) -> Incoming<Gateway> {
    let op_id: OpId = role::op_id(receipt.as_ref());
    Incoming::Answered { op_id, answer, last: true }
}
