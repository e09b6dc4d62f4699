//! What a session says to its client, and the promise that every operation gets exactly one answer.

use std::sync::Arc;
use std::time::Duration;

use ringmain_replication::{Answer, ProposeError, way};
use ringmain_routing::delivery::Delivered;
use ringmain_routing::effect::EndReason;
use ringmain_routing::{
    ContactId, ContactView, Epoch, LogIndex, Millis, Name, OperatorView, Position, Timestamp,
};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tracing::Span;

use crate::admission::Credit;
use crate::limits;

/// One thing a session says to its client, in the order of the stream.
#[derive(Clone, Debug)]
pub enum SessionEvent {
    /// The first event: the session is open, and whether events go on from the client's cursor.
    Welcome {
        /// Otherwise a [`SessionEvent::Resync`] follows.
        resumed: bool,
    },
    /// An operation's answer.
    Answered {
        /// The operation as the client numbered it.
        op: u64,
        /// How it ended.
        answer: Result<Answer, Unanswered>,
        /// How many waited in the queue of the contact that was accepted, itself included.
        waiting: u64,
        /// The gateway's key that the operation was about.
        key: Option<Name>,
    },
    /// Something happened that concerns the party.
    Effect(Delivered),
    /// Effects are missing up to `as_of`: this is what is live instead.
    Resync(Arc<Resync>),
    /// Answer to a gateway's list of its live contacts.
    Reconciled(Arc<ReconcileReport>),
    /// So many operations may be unanswered at once, from now on.
    Credits(u32),
    /// The node will cut the stream soon.
    Drain {
        /// When.
        within: Millis,
    },
    /// The session has ended on this stream; nothing follows.
    Ended {
        /// Which opening is over.
        epoch: Epoch,
        /// Why.
        reason: StreamEnd,
    },
}

/// Why a session has ended on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// Another stream has opened the session anew.
    TakenOver,
    /// The stream counts as lost; the session may be resumed.
    Lost,
    /// The party signed out.
    SignedOut,
}

/// A part of what is live for a party as of a position.
#[derive(Clone, Debug)]
pub struct Resync {
    /// Effects go on behind this position.
    pub as_of: Position,
    /// A part of the party's contacts that have not ended. Later parts of a long list may be ahead of `as_of`;
    /// the effects that follow lead to the same end.
    pub contacts: Vec<ContactView>,
    /// The operator, where the party is one.
    pub operator: Option<OperatorView>,
    /// Whether this is the last part.
    pub last: bool,
}

/// A part of what a gateway and the cluster disagree on.
#[derive(Clone, Debug)]
pub struct ReconcileReport {
    /// The operation as the gateway numbered it.
    pub op: u64,
    /// As of this command.
    pub as_of: LogIndex,
    /// Replicated time there.
    pub at: Timestamp,
    /// A part of those live in the cluster, not named by the gateway.
    pub unknown_to_gateway: Vec<ContactView>,
    /// A part of those named by the gateway, ended or never known in the cluster.
    pub unknown_to_cluster: Vec<Orphan>,
    /// Whether this is the last part.
    pub last: bool,
}

/// A contact that its gateway believes to be live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The gateway's key.
    pub key: Name,
    /// The contact and why it ended, when the cluster still remembers it.
    pub ended: Option<(ContactId, EndReason)>,
}

/// Why an operation has no answer of the core.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// Not carried out, or not known whether it was.
    #[error(transparent)]
    Propose(#[from] ProposeError),
    /// The gateway has no contact of this key in the cluster's memory.
    #[error("key: no contact of this gateway is known by it; push it first")]
    UnknownKey,
}

/// The way to a client's stream. A client that takes nothing for [`limits::CLIENT_STUCK`] is given up.
#[derive(Clone, Debug)]
pub struct Outbox {
    events: mpsc::Sender<SessionEvent>,
    stuck_after: Duration,
}

/// The client's stream is gone or stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client's stream is gone")]
pub struct StreamGone;

impl Outbox {
    /// An outbox and the end from which the client's stream takes the events.
    #[must_use]
    pub fn new() -> (Outbox, mpsc::Receiver<SessionEvent>) {
        Outbox::with_room(limits::OUTBOX_EVENTS_MAX, limits::CLIENT_STUCK)
    }

    /// As [`Outbox::new`], with room for so many events and for a client that may be stuck for so long.
    #[must_use]
    pub fn with_room(events_max: usize, stuck_after: Duration) -> (Outbox, mpsc::Receiver<SessionEvent>) {
        let (events, receiver) = mpsc::channel(events_max);
        (Outbox { events, stuck_after }, receiver)
    }

    /// Says something as soon as there is room.
    ///
    /// # Errors
    /// When the stream is gone or has been stuck for too long.
    pub async fn say(&self, event: SessionEvent) -> Result<(), StreamGone> {
        // There is room nearly always; then no time is looked at.
        let event = match self.events.try_send(event) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(StreamGone),
            Err(TrySendError::Full(event)) => event,
        };
        match tokio::time::timeout(self.stuck_after, self.events.send(event)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(StreamGone),
        }
    }

    fn try_say(&self, event: SessionEvent) {
        // A stream without room for it ends or is read on; the client's own deadline covers the lost answer.
        drop(self.events.try_send(event));
    }

    /// Whether the client's stream has gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.events.is_closed()
    }
}

/// An operation that waits for its answer. Dropped without one (its actor panicked), it answers *unknown*: the
/// client asks again with the same key.
#[derive(Debug)]
pub struct Ticket {
    op: u64,
    key: Option<Name>,
    outbox: Outbox,
    _credit: Credit,
    answered: bool,
    span: Span,
}

impl Ticket {
    pub(crate) fn new(
        op: u64,
        key: Option<Name>,
        outbox: Outbox,
        credit: Credit,
        role: &'static str,
    ) -> Ticket {
        Ticket { op, key, outbox, _credit: credit, answered: false, span: way::rpc(role) }
    }

    /// The span from the client's message to its answer.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Says how the operation ended.
    ///
    /// # Errors
    /// When the stream is gone.
    pub async fn answer(
        mut self,
        answer: Result<Answer, Unanswered>,
        waiting: u64,
    ) -> Result<(), StreamGone> {
        self.answered = true;
        let event = SessionEvent::Answered { op: self.op, answer, waiting, key: self.key.take() };
        self.outbox.say(event).await
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.answered {
            let answer = Err(Unanswered::Propose(ProposeError::Unknown));
            let key = self.key.take();
            self.outbox.try_say(SessionEvent::Answered { op: self.op, answer, waiting: 0, key });
        }
    }
}
