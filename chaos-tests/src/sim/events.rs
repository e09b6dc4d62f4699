//! What happens in the simulated world, in the order of time.

use std::collections::BTreeMap;

use ringmain_routing::client::{ConnectionId, Failure, Hello, OpId, StreamFailure};
use ringmain_routing::delivery::Delivered;
use ringmain_routing::{
    AssignmentEpoch, Command, ContactId, ContactView, Epoch, Incarnation, LogIndex, Name, Party, Position,
    Reply,
};

/// A stream of a client to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StreamId {
    pub client: usize,
    /// Which run of the client's program.
    pub life: u32,
    pub connection: ConnectionId,
}

/// A command on its way to the log, and who waits for it.
#[derive(Clone, Debug)]
pub(super) struct Proposal {
    pub node: usize,
    pub incarnation: Incarnation,
    pub request: u64,
    pub command: Command,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A node starts.
    NodeUp(usize),
    /// A node applies what is committed.
    CatchUp(usize),
    /// A command reaches the log.
    Append(Box<Proposal>),
    /// A node waits no longer for its proposal.
    ProposalTimeout { node: usize, incarnation: Incarnation, request: u64 },
    /// The others have not heard of a node for long.
    NodeSilent { node: usize, incarnation: Incarnation },
    /// A node that is cut off sends its clients elsewhere.
    StepAside(usize),
    /// The leader looks whether a deadline has come.
    LeaderClock,
    /// A message reaches a node.
    ToNode { node: usize, stream: StreamId, message: Box<Up> },
    /// A message reaches a client.
    ToClient { stream: StreamId, message: Box<Down> },
    /// A node notices that a stream is gone.
    StreamGone { node: usize, stream: StreamId },
    /// A node goes on with a receiver that had no room.
    Pump { node: usize, stream: StreamId },
    /// A client's deadline.
    Wake(usize),
    /// A client thinks of something to do.
    Live(usize),
    /// A client does what it meant to do.
    Act { client: usize, intent: Intent },
    /// Something goes wrong.
    Fault,
    /// A node is in touch again.
    PartitionOver(usize),
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
    Abandon(ContactId),
    Ready,
    Pause,
    Accept(ContactId, AssignmentEpoch),
    Decline(ContactId, AssignmentEpoch),
    Complete(ContactId, AssignmentEpoch),
    Extend(ContactId, AssignmentEpoch),
    EndWrapUp(ContactId, AssignmentEpoch),
    Transfer(ContactId, AssignmentEpoch, Name),
    Hold(ContactId, AssignmentEpoch),
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
    pub number: Option<Name>,
}

/// What a client means to do in a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    /// The customer loses patience.
    Abandon(ContactId),
    /// The operator answers a ring.
    AnswerRing(ContactId, AssignmentEpoch),
    /// The talk is over.
    EndTalk(ContactId, AssignmentEpoch),
    /// The wrap-up is over.
    EndWrapUp(ContactId, AssignmentEpoch),
    /// The operator is ready again.
    BeReady,
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

    pub(super) fn pop(&mut self) -> Option<(u64, Event)> {
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }
}
