//! An operator's client: the desktop's side of the session.

use std::collections::VecDeque;

use prost::Message;
use ringmain_routing::client::{self, Hello, Subject};
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
use crate::v1::operator_service_client::OperatorServiceClient;
use crate::v1::operator_service_session_request::Message as Up;
use crate::v1::operator_service_session_response::Message as Down;
use crate::v1::{
    CaseStep, ContactContext, ContactResult, OperatorAccept, OperatorAck, OperatorAskColleague,
    OperatorAskForBreak, OperatorAskForHelp, OperatorAssignContact, OperatorBeginEnquiry,
    OperatorCloseEnquiry, OperatorComplete, OperatorDecline, OperatorDone, OperatorEndConsult,
    OperatorEndWrapUp, OperatorEvent, OperatorExtendWrapUp, OperatorFreeCaller, OperatorHeartbeat,
    OperatorHello, OperatorHold, OperatorInviteCompanion, OperatorJoinConsult, OperatorRequestPerson,
    OperatorResync, OperatorServiceSessionRequest, OperatorServiceSessionResponse, OperatorSetPresence,
    OperatorSignOut, OperatorTakeNext, OperatorTransfer, OperatorWelcome, PresenceKind, PromisedCall,
    Receipt,
};

/// What an operator's client tells its owner.
pub type OperatorNotice = Notice<OperatorWelcome, OperatorEvent, OperatorResync>;

/// The answer to an operation that was carried out.
pub type OperatorAnswer = OperatorDone;

/// What an operator can ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum OperatorOperation {
    /// Takes contacts from here on.
    Ready,
    /// Takes none, for this reason of the centre (AUX code).
    NotReady(u16),
    /// Takes the contact, or confirms an automatic one.
    Accept(AssignmentOf),
    /// Does not take it.
    Decline(AssignmentOf),
    /// The talk is over.
    Complete {
        /// Which.
        of: AssignmentOf,
        /// Wrap-up wanted instead of the queue's.
        wrap_up: Option<Millis>,
        /// Where its case goes, if the contact is the work of one.
        step: CaseStep,
        /// What came of it; some queues ask for it.
        result: Option<ContactResult>,
    },
    /// Needs more wrap-up.
    ExtendWrapUp {
        /// Which.
        of: AssignmentOf,
        /// The new end, in replicated time.
        until_ms: u64,
    },
    /// The wrap-up is over.
    EndWrapUp(AssignmentOf),
    /// Passes the customer on.
    Transfer {
        /// Which.
        of: AssignmentOf,
        /// To whom.
        to: TransferTo,
        /// Wrap-up wanted instead of the queue's.
        wrap_up: Option<Millis>,
    },
    /// Puts the customer on hold, or goes on talking.
    Hold {
        /// Which.
        of: AssignmentOf,
        /// Whether on hold from here on.
        on: bool,
    },
    /// Takes the next contact of those that nobody is given by itself, of this queue or of all.
    TakeNext(Option<String>),
    /// Hands a waiting contact out, as a lead of its queue.
    AssignContact {
        /// Id of the contact.
        contact: String,
        /// The receiver's login.
        to: String,
        /// How long nobody else may take it.
        hold: Millis,
    },
    /// Asks for this one of the operator's breaks.
    AskForBreak(String),
    /// Passes a contact of a bot on to people.
    RequestPerson {
        /// Which.
        of: AssignmentOf,
        /// What was learned; `None` leaves what was said before.
        context: Option<ContactContext>,
        /// Danger to life was heard.
        danger: bool,
    },
    /// Invites the customer of a call into another channel.
    InviteCompanion {
        /// The call.
        of: AssignmentOf,
        /// The customer's number in the other channel.
        number: String,
        /// Into which channel.
        channel: String,
    },
    /// Asks a colleague while the contact stays.
    Consult {
        /// About which.
        of: AssignmentOf,
        /// Whom.
        to: Asked,
        /// Capacity that it takes of whoever is asked; `None` for the plan's.
        units: Option<u32>,
    },
    /// Ends a consultation.
    EndConsult {
        /// The contact that it is about.
        of: AssignmentOf,
        /// Id of the consultation.
        leg: String,
    },
    /// Lets the customer join a consultation, or leave it.
    JoinConsult {
        /// The contact that it is about.
        of: AssignmentOf,
        /// Id of the consultation.
        leg: String,
        /// Whether the customer is in it from here on.
        on: bool,
    },
    /// Asks somebody without a seat about a contact.
    BeginEnquiry {
        /// About which.
        of: AssignmentOf,
        /// Whom: an addressee of the plan, or anybody.
        to: String,
        /// What.
        question: String,
        /// When an answer is due; `None` for the addressee's term.
        term: Option<Millis>,
        /// Frees the caller with the promise to be called.
        call: Option<PromisedCall>,
    },
    /// Frees the caller about whom somebody was asked.
    FreeCaller {
        /// Which.
        of: AssignmentOf,
        /// Id of the enquiry.
        enquiry: String,
        /// The promise.
        call: PromisedCall,
    },
    /// Closes an enquiry.
    CloseEnquiry {
        /// Its id.
        enquiry: String,
        /// What was answered; `None` withdraws the question.
        answer: Option<String>,
    },
    /// Asks for help, or no longer does.
    AskForHelp {
        /// Id of the contact that it is about; `None` for help in general.
        contact: Option<String>,
        /// Whether help is asked for from here on.
        on: bool,
    },
    /// Ends the session, and the client with it.
    SignOut,
}

/// Who is asked about a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Whoever takes it in this queue.
    Queue(String),
    /// This colleague and nobody else.
    Colleague {
        /// The colleague's login.
        login: String,
        /// How long it waits for an answer.
        hold: Millis,
    },
}

/// Where a customer is passed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferTo {
    /// Into the line of this queue.
    Queue(String),
    /// To a colleague alone for a while, then into the line of a queue.
    Colleague {
        /// The colleague's login.
        login: String,
        /// How long nobody else may take the contact.
        hold: Millis,
        /// The queue after that; `None` for the contact's own.
        queue: Option<String>,
    },
    /// The talk is over, and a case opens that goes this route.
    BackOffice {
        /// Which way it goes.
        route: String,
        /// The channel of its contacts.
        channel: String,
        /// How the customer wants the answer; `None` for as was known before.
        reply_by: Option<String>,
    },
    /// To the colleague who was asked in this consultation, at once.
    Asked(String),
}

/// One assignment of one contact, as ring and connect name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentOf {
    /// Id of the contact.
    pub contact: String,
    /// Which of its assignments.
    pub assignment: u32,
}

impl AssignmentOf {
    /// The assignment of this contact.
    #[must_use]
    pub fn new(contact: &str, assignment: u32) -> AssignmentOf {
        AssignmentOf { contact: contact.to_owned(), assignment }
    }
}

/// An operator's session. Clones speak for the same session. When the last one is dropped the stream ends without a
/// sign-out: the session may be resumed within its grace.
#[derive(Clone)]
pub struct OperatorClient {
    handle: Handle<Desktop>,
}

impl OperatorClient {
    /// Begins to connect, and goes on for as long as the client lives. The first notice is `Online`. Take the notices
    /// in a task of their own: when they are full, answers wait too, and dropping them ends the client. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// [`BadConfig`] when no client can be made of it.
    pub fn connect(
        config: SessionConfig,
    ) -> Result<(OperatorClient, mpsc::Receiver<OperatorNotice>), BadConfig> {
        let (handle, notices) = driver::start(config)?;
        Ok((OperatorClient { handle }, notices))
    }

    /// Carries out one operation and waits for its answer.
    ///
    /// # Errors
    /// The cluster's final no, or the end of the client with an unknown outcome.
    pub async fn ask(&self, operation: OperatorOperation) -> Result<Receipt, OperationError> {
        Ok(self.begin(operation).await?.await?.receipt.unwrap_or_default())
    }

    /// Has an operation on its way and returns without waiting for its answer.
    ///
    /// # Errors
    /// The end of the client.
    pub async fn begin(
        &self,
        operation: OperatorOperation,
    ) -> Result<PendingAnswer<OperatorAnswer>, OperationError> {
        self.handle.submit(operation).await
    }
}

/// The messages of an operator's session.
pub(super) struct Desktop;

impl Role for Desktop {
    type Up = OperatorServiceSessionRequest;
    type Down = OperatorServiceSessionResponse;
    type Operation = OperatorOperation;
    type Answer = OperatorAnswer;
    type Welcome = OperatorWelcome;
    type Event = OperatorEvent;
    type Resync = OperatorResync;

    async fn open(
        channel: Channel,
        request: Request<ReceiverStream<Self::Up>>,
    ) -> Result<Response<Streaming<Self::Down>>, Status> {
        OperatorServiceClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
            .session(request)
            .await
    }

    fn hello(name: &str, capabilities: &[String], hello: Hello, cursor: String) -> Self::Up {
        up(Up::Hello(OperatorHello {
            login: name.to_owned(),
            capabilities: capabilities.to_vec(),
            cursor,
            nonce: hello.nonce,
            resume_epoch: hello.resume.map(|epoch| epoch.0),
            takeover: hello.takeover,
            unanswered_nonces: hello.unanswered,
        }))
    }

    fn heartbeat(seq: u64) -> Self::Up {
        up(Up::Heartbeat(OperatorHeartbeat { seq }))
    }

    fn ack(cursor: String) -> Self::Up {
        up(Up::Ack(OperatorAck { cursor }))
    }

    fn subject(operation: &OperatorOperation) -> Subject {
        match operation {
            OperatorOperation::Ready
            | OperatorOperation::NotReady(_)
            | OperatorOperation::TakeNext(_)
            | OperatorOperation::AskForBreak(_)
            | OperatorOperation::CloseEnquiry { .. }
            | OperatorOperation::AskForHelp { .. }
            | OperatorOperation::SignOut => Subject::Session,
            OperatorOperation::AssignContact { contact, .. } => Subject::Contact(contact.as_str().into()),
            OperatorOperation::Accept(of)
            | OperatorOperation::Decline(of)
            | OperatorOperation::Complete { of, .. }
            | OperatorOperation::ExtendWrapUp { of, .. }
            | OperatorOperation::Transfer { of, .. }
            | OperatorOperation::Hold { of, .. }
            | OperatorOperation::RequestPerson { of, .. }
            | OperatorOperation::InviteCompanion { of, .. }
            | OperatorOperation::Consult { of, .. }
            | OperatorOperation::EndConsult { of, .. }
            | OperatorOperation::JoinConsult { of, .. }
            | OperatorOperation::BeginEnquiry { of, .. }
            | OperatorOperation::FreeCaller { of, .. }
            | OperatorOperation::EndWrapUp(of) => Subject::Contact(of.contact.as_str().into()),
        }
    }

    fn message_bytes(operation: &OperatorOperation) -> usize {
        up(message(operation, u64::MAX, u64::MAX)).encoded_len()
    }

    fn operation(operation: &OperatorOperation, op_id: u64, seq: u64, out: &mut VecDeque<Self::Up>) {
        out.push_back(up(message(operation, op_id, seq)));
    }

    fn read(down: Self::Down) -> Incoming<Self> {
        match down.message {
            Some(Down::Welcome(message)) => welcome(message),
            Some(Down::Done(done)) => {
                Incoming::Answered { op_id: role::op_id(done.receipt.as_ref()), answer: done, last: true }
            }
            Some(Down::Failed(failed)) => role::failed(failed.receipt, failed.error),
            Some(Down::Event(event)) => {
                Incoming::Event { cursor: event.cursor.clone(), event: Box::new(event) }
            }
            Some(Down::Resync(part)) => Incoming::Resync { as_of: part.as_of.clone(), last: part.last, part },
            Some(Down::Drain(drain)) => {
                Incoming::Drain { within: Millis(drain.within_ms), hint: role::hint(&drain.hint) }
            }
            Some(Down::StreamEnded(end)) => Incoming::Ended(role::ended(end.reason(), &end.hint)),
            Some(Down::Heartbeat(_)) | None => Incoming::Heard,
        }
    }

    fn extend_resync(resync: &mut OperatorResync, part: OperatorResync) {
        resync.contacts.extend(part.contacts);
        resync.as_of = part.as_of;
        resync.presence = part.presence.or(resync.presence);
        resync.last = part.last;
    }

    fn extend_answer(answer: &mut OperatorAnswer, part: OperatorAnswer) {
        *answer = part;
    }

    fn ends_session(operation: &OperatorOperation) -> bool {
        *operation == OperatorOperation::SignOut
    }
}

fn up(message: Up) -> OperatorServiceSessionRequest {
    OperatorServiceSessionRequest { message: Some(message) }
}

fn message(operation: &OperatorOperation, op_id: u64, seq: u64) -> Up {
    let presence = |presence: PresenceKind, reason: u16| {
        let not_ready_reason = u32::from(reason);
        Up::SetPresence(OperatorSetPresence { op_id, seq, presence: presence.into(), not_ready_reason })
    };
    match operation.clone() {
        OperatorOperation::Ready => presence(PresenceKind::Ready, 0),
        OperatorOperation::NotReady(reason) => presence(PresenceKind::NotReady, reason),
        OperatorOperation::Accept(AssignmentOf { contact, assignment }) => {
            Up::Accept(OperatorAccept { op_id, contact, assignment })
        }
        OperatorOperation::Decline(AssignmentOf { contact, assignment }) => {
            Up::Decline(OperatorDecline { op_id, contact, assignment })
        }
        OperatorOperation::Complete { of: AssignmentOf { contact, assignment }, wrap_up, step, result } => {
            let (wrap_up_ms, step) = (wrap_up.map(|wrap_up| wrap_up.0), step.into());
            Up::Complete(OperatorComplete { op_id, contact, assignment, wrap_up_ms, step, result })
        }
        OperatorOperation::InviteCompanion { of: AssignmentOf { contact, assignment }, number, channel } => {
            Up::InviteCompanion(OperatorInviteCompanion { op_id, contact, assignment, number, channel })
        }
        OperatorOperation::ExtendWrapUp { of: AssignmentOf { contact, assignment }, until_ms } => {
            Up::ExtendWrapUp(OperatorExtendWrapUp { op_id, contact, assignment, until_ms })
        }
        OperatorOperation::EndWrapUp(AssignmentOf { contact, assignment }) => {
            Up::EndWrapUp(OperatorEndWrapUp { op_id, contact, assignment })
        }
        OperatorOperation::Transfer { of, to, wrap_up } => Up::Transfer(transfer(op_id, of, to, wrap_up)),
        OperatorOperation::Hold { of: AssignmentOf { contact, assignment }, on } => {
            Up::Hold(OperatorHold { op_id, contact, assignment, on })
        }
        OperatorOperation::TakeNext(queue) => Up::TakeNext(OperatorTakeNext { op_id, seq, queue }),
        OperatorOperation::AssignContact { contact, to, hold } => {
            Up::AssignContact(OperatorAssignContact { op_id, contact, to, hold_ms: hold.0 })
        }
        OperatorOperation::AskForBreak(name) => Up::AskForBreak(OperatorAskForBreak { op_id, seq, name }),
        OperatorOperation::RequestPerson { of: AssignmentOf { contact, assignment }, context, danger } => {
            Up::RequestPerson(OperatorRequestPerson { op_id, contact, assignment, context, danger })
        }
        OperatorOperation::Consult { of, to, units } => Up::Consult(consult(op_id, of, to, units)),
        OperatorOperation::EndConsult { of: AssignmentOf { contact, assignment }, leg } => {
            Up::EndConsult(OperatorEndConsult { op_id, contact, assignment, leg })
        }
        OperatorOperation::JoinConsult { of: AssignmentOf { contact, assignment }, leg, on } => {
            Up::JoinConsult(OperatorJoinConsult { op_id, contact, assignment, leg, on })
        }
        OperatorOperation::BeginEnquiry { of, to, question, term, call } => {
            let AssignmentOf { contact, assignment } = of;
            let term_ms = term.map(|term| term.0);
            let asked = OperatorBeginEnquiry { op_id, contact, assignment, to, question, term_ms, call };
            Up::BeginEnquiry(asked)
        }
        OperatorOperation::FreeCaller { of: AssignmentOf { contact, assignment }, enquiry, call } => {
            let call = Some(call);
            Up::FreeCaller(OperatorFreeCaller { op_id, contact, assignment, enquiry, call })
        }
        OperatorOperation::CloseEnquiry { enquiry, answer } => {
            Up::CloseEnquiry(OperatorCloseEnquiry { op_id, enquiry, answer })
        }
        OperatorOperation::AskForHelp { contact, on } => {
            Up::AskForHelp(OperatorAskForHelp { op_id, seq, contact, on })
        }
        OperatorOperation::SignOut => Up::SignOut(OperatorSignOut { op_id }),
    }
}

fn consult(op_id: u64, of: AssignmentOf, to: Asked, units: Option<u32>) -> OperatorAskColleague {
    let AssignmentOf { contact, assignment } = of;
    let asked = OperatorAskColleague { op_id, contact, assignment, units, ..OperatorAskColleague::default() };
    match to {
        Asked::Queue(queue) => OperatorAskColleague { queue, ..asked },
        Asked::Colleague { login, hold } => OperatorAskColleague { login, hold_ms: hold.0, ..asked },
    }
}

fn transfer(op_id: u64, of: AssignmentOf, to: TransferTo, wrap_up: Option<Millis>) -> OperatorTransfer {
    let AssignmentOf { contact, assignment } = of;
    let wrap_up_ms = wrap_up.map(|wrap_up| wrap_up.0);
    let pass = OperatorTransfer { op_id, contact, assignment, wrap_up_ms, ..OperatorTransfer::default() };
    match to {
        TransferTo::Queue(queue) => OperatorTransfer { queue, ..pass },
        TransferTo::Colleague { login, hold, queue } => {
            OperatorTransfer { login, hold_ms: hold.0, queue: queue.unwrap_or_default(), ..pass }
        }
        TransferTo::BackOffice { route, channel, reply_by } => {
            OperatorTransfer { route, channel, reply_by: reply_by.unwrap_or_default(), ..pass }
        }
        TransferTo::Asked(leg) => OperatorTransfer { leg, ..pass },
    }
}

fn welcome(message: OperatorWelcome) -> Incoming<Desktop> {
    let welcome = client::Welcome {
        epoch: Epoch(message.epoch),
        heartbeat: Millis(message.heartbeat_ms),
        credits: message.credits,
        addresses: role::addresses(&message.nodes),
    };
    Incoming::Welcome { welcome, message: Box::new(message) }
}
