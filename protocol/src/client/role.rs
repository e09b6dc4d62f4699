//! What differs between the sessions of gateways and operators: the messages.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::future::Future;

use ringmain_routing::client::{self, Failure, Hello, OpId, StreamFailure, Subject};
use ringmain_routing::{Cursor, Millis, Name, Position};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use crate::v1::{Error, ErrorKind, NodeAddress, Receipt, StreamEndReason};

/// The messages of one kind of session.
pub(super) trait Role: Sized + Send + 'static {
    type Up: Send + 'static;
    type Down: Send + 'static;
    type Operation: Debug + Send + Sync + 'static;
    type Answer: Send + 'static;
    type Welcome: Send + 'static;
    type Event: Send + 'static;
    type Resync: Send + 'static;

    fn open(
        channel: Channel,
        request: Request<ReceiverStream<Self::Up>>,
    ) -> impl Future<Output = Result<Response<Streaming<Self::Down>>, Status>> + Send;

    fn hello(name: &str, capabilities: &[String], hello: Hello, cursor: String) -> Self::Up;
    fn heartbeat(seq: u64) -> Self::Up;
    fn ack(cursor: String) -> Self::Up;
    fn subject(operation: &Self::Operation) -> Subject;
    /// Bytes of the longest message that the operation takes, about.
    fn message_bytes(operation: &Self::Operation) -> usize;
    /// Appends the messages that make up the operation.
    fn operation(operation: &Self::Operation, op_id: u64, seq: u64, out: &mut VecDeque<Self::Up>);

    fn read(down: Self::Down) -> Incoming<Self>;
    /// Appends a later part of a list that was sent in parts.
    fn extend_resync(resync: &mut Self::Resync, part: Self::Resync);
    fn extend_answer(answer: &mut Self::Answer, part: Self::Answer);
    /// Whether this answer means that the session is over as its owner wanted.
    fn ends_session(operation: &Self::Operation) -> bool;
}

/// What has come down the stream, in the words of the logic.
pub(super) enum Incoming<R: Role> {
    Welcome {
        welcome: client::Welcome,
        message: Box<R::Welcome>,
    },
    Answered {
        op_id: OpId,
        answer: R::Answer,
        last: bool,
    },
    Failed {
        receipt: Receipt,
        error: Error,
    },
    Event {
        cursor: String,
        event: Box<R::Event>,
    },
    Resync {
        as_of: String,
        part: R::Resync,
        last: bool,
    },
    Credits(u32),
    Drain {
        within: Millis,
        hint: Option<Name>,
    },
    Ended(StreamFailure),
    /// An echo, or something that a newer node says and this client does not know.
    Heard,
}

/// A position as a cursor of the log that the client was last told of; empty for none.
pub(super) fn cursor_text(position: Position, last: Option<Cursor>) -> String {
    match last {
        Some(last) if position != Position::default() => Cursor { position, ..last }.to_text(),
        Some(_) | None => String::new(),
    }
}

pub(super) fn op_id(receipt: Option<&Receipt>) -> OpId {
    OpId(receipt.map_or(0, |receipt| receipt.op_id))
}

pub(super) fn hint(address: &str) -> Option<Name> {
    (!address.is_empty()).then(|| Name::from(address))
}

pub(super) fn addresses(nodes: &[NodeAddress]) -> Vec<Name> {
    nodes.iter().map(|node| Name::from(node.address.as_str())).collect()
}

pub(super) fn failed<R: Role>(receipt: Option<Receipt>, error: Option<Error>) -> Incoming<R> {
    Incoming::Failed { receipt: receipt.unwrap_or_default(), error: error.unwrap_or_default() }
}

pub(super) fn ended(reason: StreamEndReason, address: &str) -> StreamFailure {
    match reason {
        StreamEndReason::TakenOver => StreamFailure::TakenOver,
        StreamEndReason::SignedOut => StreamFailure::SignedOut,
        StreamEndReason::Lost | StreamEndReason::Unspecified => {
            StreamFailure::Unavailable { retry_after: Millis(0), hint: hint(address) }
        }
    }
}

/// What an operation's error means for the logic.
pub(super) fn failure(error: &Error) -> Failure {
    let retry_after = Millis(error.retry_after_ms);
    match error.kind() {
        ErrorKind::Unavailable => Failure::Unavailable { retry_after, hint: hint(&error.hint) },
        ErrorKind::Unknown => Failure::Unknown { retry_after },
        ErrorKind::Refusal if matches!(error.code.as_str(), "stale-epoch" | "not-signed-in") => {
            Failure::SessionOver
        }
        // A kind that only newer nodes know.
        ErrorKind::Unspecified if error.retryable => {
            Failure::Unavailable { retry_after, hint: hint(&error.hint) }
        }
        ErrorKind::Refusal | ErrorKind::Invalid | ErrorKind::Unauthorized | ErrorKind::Unspecified => {
            Failure::Final
        }
    }
}

/// What an error about the stream itself means for the logic.
pub(super) fn stream_failure(error: &Error) -> StreamFailure {
    match error.kind() {
        ErrorKind::Refusal if error.code == "already-signed-in" => StreamFailure::AlreadySignedIn,
        ErrorKind::Refusal if matches!(error.code.as_str(), "stale-epoch" | "not-signed-in") => {
            StreamFailure::Lost
        }
        ErrorKind::Unavailable | ErrorKind::Unknown | ErrorKind::Unspecified => {
            StreamFailure::Unavailable { retry_after: Millis(error.retry_after_ms), hint: hint(&error.hint) }
        }
        ErrorKind::Refusal if error.retryable => {
            StreamFailure::Unavailable { retry_after: Millis(error.retry_after_ms), hint: hint(&error.hint) }
        }
        ErrorKind::Refusal | ErrorKind::Invalid | ErrorKind::Unauthorized => StreamFailure::Final,
    }
}
