//! What a session's client hands back to its owner.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ringmain_routing::client::StopReason;
use tokio::sync::oneshot;

use crate::v1::{Error, Receipt};

/// What a session's client tells its owner: welcome, events in order and each once, and the loss of the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice<W, E, R> {
    /// The session is open on a node.
    Online(Box<W>),
    /// Something happened.
    Event(Box<E>),
    /// This is what is live; it replaces all that was known, and events go on behind it.
    Resync(Box<R>),
    /// The stream is lost; the client is looking for another node.
    Offline,
    /// The client has given up, or was stopped; nothing follows.
    Stopped {
        /// Why.
        reason: StopReason,
        /// What the cluster said, when it refused the session.
        error: Option<Box<Error>>,
    },
}

/// Why an operation has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OperationError {
    /// The cluster's final no.
    #[error("{}: {}", .0.error.code, .0.error.message)]
    Refused(Box<Refused>),
    /// The client stopped first. Whether the operation was carried out is *unknown*: a new client may ask again with
    /// the same key.
    #[error("the client has stopped ({0:?}); whether this was carried out is not known")]
    Stopped(StopReason),
    /// The node does not keep to the protocol.
    #[error("the node answered with a message of another kind")]
    Mismatched,
}

/// A final no, with its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// Where in the log it was refused; index 0 when it never got there.
    pub receipt: Receipt,
    /// Why.
    pub error: Error,
}

/// The answer to an operation that is on its way. Dropping it does not take the operation back.
#[derive(Debug)]
pub struct PendingAnswer<A> {
    pub(super) answer: oneshot::Receiver<Result<A, OperationError>>,
}

impl<A> Future for PendingAnswer<A> {
    type Output = Result<A, OperationError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer)
            .poll(context)
            .map(|answer| answer.unwrap_or(Err(OperationError::Stopped(StopReason::Asked))))
    }
}
