//! What happens in the simulated world, in the order of time.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

use ringmain_routing::client::{ConnectionId, Failure, Hello, OpId, StreamFailure};
use ringmain_routing::delivery::Delivered;
use ringmain_routing::rules::{Facts, Treatment, Writer};
use ringmain_routing::shell::forwarding::Numbered;
use ringmain_routing::shell::liveness::Said;
use ringmain_routing::{
    AssignmentEpoch, ContactId, ContactView, EnquiryId, Epoch, LogIndex, Millis, Name, Party, Position,
    Reply, Timestamp,
};

use super::cases::Word;
use super::centre;
use super::disk::Place;
use super::raft;
use super::talk::Turn;

/// A stream of a client to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StreamId {
    pub client: usize,
    /// Which run of the client's program.
    pub life: u32,
    pub connection: ConnectionId,
}

/// One thing that happens. What concerns a run of a node is dropped when the node has crashed since.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A node starts.
    NodeUp(usize),
    /// A node's clock goes on.
    NodeTick { node: usize, run: u64 },
    /// A message of another node arrives, at the run that it was sent to.
    Peer { from: usize, to: usize, run: u64, message: Box<PeerMessage> },
    /// A node's log is synced up to here.
    Synced { node: usize, run: u64, upto: Place },
    /// A node applies what is committed.
    Apply { node: usize, run: u64 },
    /// A node notices that its stream to the leader is broken.
    ForwardBroken { node: usize, run: u64, stream: u64 },
    /// A node waits no longer for its proposal.
    ProposalTimeout { node: usize, run: u64, seq: u64 },
    /// A message reaches a node.
    ToNode { node: usize, stream: StreamId, message: Box<Up> },
    /// A message reaches a client.
    ToClient { stream: StreamId, message: Box<Down> },
    /// A node notices that a stream is gone.
    StreamGone { node: usize, run: u64, stream: StreamId },
    /// A node goes on with a receiver that had no room.
    Pump { node: usize, run: u64, stream: StreamId },
    /// A client's deadline.
    Wake(usize),
    /// A client does what it meant to do.
    Act { client: usize, life: u32, act: Act },
    /// What the schedule says at this place happens.
    Planned(usize),
    /// A fault with an end is over.
    Over(Over),
    /// A supervisor tries her errand again, at another node.
    Errand { number: u64, attempt: u32 },
}

/// The end of a fault.
#[derive(Clone, Copy, Debug)]
pub(super) enum Over {
    SlowDisk(usize),
    FullDisk(usize),
    WallJump(usize, i64),
    Flap { node: usize, until: u64 },
    Behind(usize),
}

/// Between nodes.
#[derive(Clone, Debug)]
pub(super) enum PeerMessage {
    Raft(raft::Message),
    /// The leader's sign of life to the nodes' shells, and how long ago a majority had heard it.
    Ping {
        term: u64,
        now: Option<Timestamp>,
        alone: Duration,
    },
    Pong {
        term: u64,
        run: u64,
        said: Said,
    },
    /// What time is it? Asked by a leader that does not know.
    AskTime {
        term: u64,
    },
    TellTime {
        term: u64,
        wall_ms: u64,
        now: Option<Timestamp>,
        /// A note of the judge's: whoever answers must know the time.
        must_know: bool,
    },
    /// Commands of a node's clients, for the leader of this term; `place` counts the messages of the stream.
    Forward {
        term: u64,
        run: u64,
        stream: u64,
        place: u64,
        commands: Vec<Numbered>,
    },
    /// The leader takes no more on this stream.
    Refused {
        run: u64,
        stream: u64,
    },
}

/// From client to node.
#[derive(Clone, Debug)]
pub(super) enum Up {
    Hello(Hello),
    Operation { op_id: OpId, seq: u64, operation: Operation },
    Heartbeat,
    Close,
}

/// From node to client.
#[derive(Clone, Debug)]
pub(super) enum Down {
    Welcome { epoch: Epoch, party: Party },
    Answer { op_id: OpId, index: LogIndex, reply: Reply },
    Failed { op_id: OpId, failure: Failure, code: &'static str },
    Event(Delivered),
    Resync { as_of: Position, contacts: Vec<ContactView> },
    Echo,
    End(StreamFailure),
}

/// What clients ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Bring(Box<Order>),
    /// A key that means something else already.
    Misuse(Box<Order>),
    Abandon(ContactId),
    Ready,
    Pause,
    AskForBreak(Name),
    SignOut,
    Accept(ContactId, AssignmentEpoch),
    Decline(ContactId, AssignmentEpoch),
    Complete(ContactId, AssignmentEpoch),
    Extend(ContactId, AssignmentEpoch),
    EndWrapUp(ContactId, AssignmentEpoch),
    Transfer(ContactId, AssignmentEpoch, Name),
    Hold(ContactId, AssignmentEpoch),
    /// The next contact, of this queue or of all.
    TakeNext(Option<Name>),
    /// For one operator alone, for a while.
    HandOut(ContactId, Name, Millis),
    /// What is done with a case instead of its next stage.
    OfCase(ContactId, AssignmentEpoch, Word),
    /// What happens in the middle of a talk.
    InTalk(ContactId, AssignmentEpoch, Turn),
    /// A customer wants a person, says its gateway.
    WantPerson(ContactId),
    /// Somebody closes an enquiry, with this answer.
    CloseEnquiry(EnquiryId, Option<u8>),
    /// A customer takes what was offered instead of waiting.
    TakeOffer(ContactId, Treatment),
    /// A message of a thread, by the gateway's count.
    Write(ContactId, u64, Writer),
    /// An operator asks for help, about this contact or in general, or does no longer.
    AskForHelp(Option<ContactId>, bool),
    /// Something that makes no sense, by number.
    Garbage(u64),
}

impl Operation {
    /// The contact that it brings.
    pub(super) fn order(&self) -> Option<Order> {
        match self {
            Operation::Bring(order) => Some((**order).clone()),
            Operation::Misuse(order) => Some(centre::misused(order)),
            Operation::Abandon(_)
            | Operation::Ready
            | Operation::Pause
            | Operation::AskForBreak(_)
            | Operation::SignOut
            | Operation::Accept(..)
            | Operation::Decline(..)
            | Operation::Complete(..)
            | Operation::Extend(..)
            | Operation::EndWrapUp(..)
            | Operation::Transfer(..)
            | Operation::Hold(..)
            | Operation::TakeNext(_)
            | Operation::HandOut(..)
            | Operation::OfCase(..)
            | Operation::InTalk(..)
            | Operation::WantPerson(_)
            | Operation::CloseEnquiry(..)
            | Operation::TakeOffer(..)
            | Operation::Write(..)
            | Operation::AskForHelp(..)
            | Operation::Garbage(_) => None,
        }
    }
}

/// A contact as a gateway means it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub key: Name,
    pub queue: Name,
    pub channel: Name,
    pub tier: u8,
    pub skills: Vec<(Name, u8)>,
    pub not_before: Option<u64>,
    pub preferred: Option<(Name, u64)>,
    pub scope: Option<Name>,
    pub units: Option<u32>,
    pub number: Option<Name>,
    /// Whose the call-back is: orders of others to the same number are other orders.
    pub principals: Name,
    pub topic: Option<Name>,
    pub facts: Facts,
}

/// What a client means to do in a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// The customer loses patience.
    Abandon(ContactId),
    /// The operator answers a ring.
    AnswerRing(ContactId, AssignmentEpoch),
    /// The talk is over.
    EndTalk(ContactId, AssignmentEpoch),
    /// In the middle of a talk.
    InTalk(ContactId, AssignmentEpoch, Turn),
    /// The wrap-up is over.
    EndWrapUp(ContactId, AssignmentEpoch),
    /// Closes an enquiry, with this answer.
    CloseEnquiry(EnquiryId, Option<u8>),
    /// Somebody writes, so many messages.
    Write(ContactId, u8),
    /// The operator needs no help any more.
    NeedNoHelp,
    /// The operator is ready again.
    BeReady,
    /// The operator looks for something to take.
    Browse,
    /// A client that gave up is started anew.
    StartAnew,
}

/// Events by time, then in the order in which they were scheduled.
#[derive(Debug, Default)]
pub(super) struct Queue {
    events: BTreeMap<(u64, u64), Event>,
    scheduled: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at: u64, event: Event) {
        self.scheduled += 1;
        self.events.insert((at, self.scheduled), event);
    }

    /// The next one, when it happens, and its place among those of one moment.
    pub(super) fn pop(&mut self) -> Option<(u64, u64, Event)> {
        self.events.pop_first().map(|((at, place), event)| (at, place, event))
    }

    /// Puts one off that was taken: it stays before those that were scheduled after it.
    pub(super) fn put_off(&mut self, at: u64, place: u64, event: Event) {
        self.events.insert((at, place), event);
    }
}

impl Event {
    /// The node in which this happens.
    pub(super) fn node(&self) -> Option<usize> {
        match self {
            Event::NodeTick { node, .. }
            | Event::Synced { node, .. }
            | Event::Apply { node, .. }
            | Event::ForwardBroken { node, .. }
            | Event::ProposalTimeout { node, .. }
            | Event::ToNode { node, .. }
            | Event::StreamGone { node, .. }
            | Event::Pump { node, .. } => Some(*node),
            Event::Peer { to, .. } => Some(*to),
            Event::NodeUp(_)
            | Event::ToClient { .. }
            | Event::Wake(_)
            | Event::Act { .. }
            | Event::Planned(_)
            | Event::Over(_)
            | Event::Errand { .. } => None,
        }
    }

    /// Writes what happens, for the trace: all of it, but of Raft's entries only the places.
    pub(super) fn write(&self, text: &mut String) -> fmt::Result {
        let Event::Peer { from, to, message, .. } = self else { return write!(text, "{self:?}") };
        write!(text, "{from} {to} ")?;
        let PeerMessage::Raft(message) = &**message else { return write!(text, "{message:?}") };
        write_raft(text, message)
    }
}

fn write_raft(text: &mut String, message: &raft::Message) -> fmt::Result {
    match message {
        raft::Message::Append(append) => {
            let raft::Append { term, prev, entries, commit, last, for_run } = append;
            let ends = entries.last().map(|entry| entry.place);
            write!(text, "append {term} {prev:?} {ends:?} {commit} {last} {for_run}")
        }
        raft::Message::Install { term, snapshot } => {
            write!(text, "install {term} {:?} {}", snapshot.place, snapshot.state.len())
        }
        raft::Message::Ask { .. } | raft::Message::Vote { .. } | raft::Message::Appended(_) => {
            write!(text, "{message:?}")
        }
    }
}
