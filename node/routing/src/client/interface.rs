//! What goes into a client's logic and what comes out of it.

use alloc::vec::Vec;

use crate::ids::{Epoch, Millis, Name, Position};

/// How a client is set up.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// API addresses of the nodes that are known at first, in the order in which they are tried. Not empty.
    pub addresses: Vec<Name>,
    /// What nonces and jitter are made from. Two clients, and two runs of one client, must have different seeds.
    pub seed: u64,
    /// Take the session over from a stream that still lives; holds until the first welcome.
    pub takeover: bool,
    /// The last event taken in by an earlier run; the default when there was none.
    pub cursor: Position,
    /// The epoch of the session of an earlier run.
    pub resume: Option<Epoch>,
    /// Bounds of waiting and of what is kept.
    pub limits: ClientLimits,
}

/// Bounds of waiting and of what is kept.
#[derive(Clone, Copy, Debug)]
pub struct ClientLimits {
    /// Operations that may be unanswered at once, sent or not.
    pub pending_max: usize,
    /// From the attempt to connect to the welcome.
    pub opening: Millis,
    /// First delay before something is tried again; doubles with each attempt.
    pub backoff_min: Millis,
    /// Longest delay before something is tried again.
    pub backoff_max: Millis,
    /// How long "already signed in" is taken for the echo of an own stream that was lost.
    pub signed_in_patience: Millis,
    /// Events that may be taken in before they are acknowledged; a heartbeat acknowledges what there is.
    pub ack_every: u32,
}

impl Default for ClientLimits {
    fn default() -> Self {
        ClientLimits {
            pending_max: 10_000,
            opening: Millis(2_000),
            backoff_min: Millis(50),
            backoff_max: Millis(2_000),
            signed_in_patience: Millis(10_000),
            ack_every: 64,
        }
    }
}

/// Number of an operation: in the order of submission, from 1, the same for each retry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OpId(pub u64);

/// Number of an attempt to connect, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u64);

/// What an operation is about. Of one subject at most one operation is under way.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// The session itself: presence, signing out.
    Session,
    /// One contact, by the key or id that the client uses for it.
    Contact(Name),
}

/// The first message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Chosen anew for each attempt.
    pub nonce: u64,
    /// The session to be resumed.
    pub resume: Option<Epoch>,
    /// The last event taken in; the default when there was none.
    pub cursor: Position,
    /// Take the session over.
    pub takeover: bool,
    /// Nonces of earlier attempts that nobody answered: one of them may have opened the session.
    pub unanswered: Vec<u64>,
}

/// What the welcome says to the logic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Of the session as opened.
    pub epoch: Epoch,
    /// How often to send a heartbeat; three of these in silence mean that the stream is lost.
    pub heartbeat: Millis,
    /// Operations that may be unanswered on the stream at once.
    pub credits: u32,
    /// API addresses of the nodes.
    pub addresses: Vec<Name>,
}

/// Why an operation was not carried out, as far as it matters for what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Refused, or wrong in itself: the answer is final.
    Final,
    /// Not carried out now.
    Unavailable {
        /// Not sooner than this.
        retry_after: Millis,
        /// A node that would rather be asked.
        hint: Option<Name>,
    },
    /// Perhaps carried out.
    Unknown {
        /// Not sooner than this.
        retry_after: Millis,
    },
    /// The session is over on this stream; it must be opened anew.
    SessionOver,
}

/// Why a stream could not be opened or has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamFailure {
    /// No connection, a cut, or the end of the stream.
    Lost,
    /// The node cannot serve now.
    Unavailable {
        /// Not sooner than this.
        retry_after: Millis,
        /// A node that would rather be asked.
        hint: Option<Name>,
    },
    /// The session is live on another stream.
    AlreadySignedIn,
    /// Another client has taken the session over.
    TakenOver,
    /// The session was ended as asked.
    SignedOut,
    /// No attempt can succeed: not known here, no valid identity.
    Final,
}

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<O> {
    /// It is answered for good; whoever waits for it may be told.
    Settled(O),
    /// It will be sent again under the same number.
    Retrying,
    /// It is not pending: it was answered before, or never was one.
    NotPending,
}

/// Why the client gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The owner said so.
    Asked,
    /// The session stays live on another stream.
    AlreadySignedIn,
    /// Another client has taken the session over.
    TakenOver,
    /// The cluster refused the session for good.
    Refused,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<O> {
    /// Open a stream to this node and send the hello.
    Connect {
        /// Names the attempt in what is handed in about it.
        connection: ConnectionId,
        /// Where to.
        address: Name,
        /// What to begin with.
        hello: Hello,
    },
    /// Send an operation on the stream.
    Send {
        /// Its number.
        op_id: OpId,
        /// Counts the operations of this opening of the session from 1; the same when it is sent again within it.
        seq: u64,
        /// The operation.
        operation: O,
    },
    /// Say that the client lives.
    Heartbeat {
        /// Counts the heartbeats of the stream.
        seq: u64,
    },
    /// Say how far events have been taken in.
    Ack {
        /// The last one.
        cursor: Position,
    },
    /// Let go of the stream, or of the attempt to open it.
    Close {
        /// Which.
        connection: ConnectionId,
    },
    /// It is over; what is still pending stays unknown ([`super::Client::take_pending`]).
    Stop {
        /// Why.
        reason: StopReason,
    },
}

/// The client could not take the operation: too many are pending, or it has stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRoom<O>(pub O);
