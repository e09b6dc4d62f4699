//! A real one-node replica with a plan, an operator and a gateway, for the tests of this crate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringmain_replication::{Answer, Clock, Peer, Replica, ReplicaConfig};
use ringmain_routing::command::{
    AnswerOffer, ApplyPlan, CaseStep, CompleteContact, ContactDetails, DeclaredPresence, EnqueueContact,
    OpenSession, OperatorPlan, PutOperators, Role, SetPresence,
};
use ringmain_routing::plan::{Answer as AnswerMode, ChannelPlan, QueuePlan};
use ringmain_routing::{
    AssignmentEpoch, Command, ContactId, Epoch, GatewayId, Millis, NodeId, OperatorId, Party, Plan, Position,
    Reply,
};
use tokio::sync::mpsc;

use crate::event::{Outbox, SessionEvent};
use crate::session::{Manner, SessionSeed};
use crate::{ActorsConfig, GatewaySession, NodeActors, OperatorSession};

/// Little room, so that a client that does not read lags soon.
pub(crate) const OUTBOX_EVENTS_MAX: usize = 8;

/// What a test waits for comes long before this, or never.
const NEVER: Duration = Duration::from_secs(60);

struct RealClock {
    started: Instant,
}

impl Clock for RealClock {
    fn monotonic(&self) -> Duration {
        #[expect(clippy::disallowed_methods, reason = "the replica under test runs in real time")]
        self.started.elapsed()
    }

    fn wall_ms(&self) -> u64 {
        1_700_000_000_000
    }
}

/// A node with queue `calls` (offered, 60 s), channel `voice` and operator `anna`.
pub(crate) struct Node {
    pub(crate) replica: Replica,
    pub(crate) actors: NodeActors,
    _dir: tempfile::TempDir,
}

impl Node {
    pub(crate) async fn start(ring_effects_max: usize) -> Node {
        let dir = tempfile::tempdir().unwrap();
        let me = Peer {
            node: NodeId(1),
            peer_addr: "127.0.0.1:1".into(),
            api_addr: "127.0.0.1:2".into(),
            region: "north".into(),
        };
        let config = ReplicaConfig::new("test", NodeId(1), dir.path(), vec![me]);
        #[expect(clippy::disallowed_methods, reason = "the replica under test runs in real time")]
        let clock: Arc<dyn Clock> = Arc::new(RealClock { started: Instant::now() });
        let replica = Replica::start(config, Arc::clone(&clock)).await.unwrap();
        let mut leadership = replica.watch_leadership();
        leadership.wait_for(|leadership| leadership.leader.is_some()).await.unwrap();
        let actors = ActorsConfig { ring_effects_max, clock: Some(clock) };
        let actors = NodeActors::start_with(replica.clone(), actors).await.unwrap();
        let node = Node { replica, actors, _dir: dir };
        node.set_up().await;
        node
    }

    async fn set_up(&self) {
        let mut queue = QueuePlan::named("calls");
        queue.answer = AnswerMode::Offered { within: Millis(60_000) };
        let channels = vec![ChannelPlan { name: "voice".into(), units: 1 }];
        let plan = Plan { version: 1, queues: vec![queue], channels, ..Plan::default() };
        self.carry_out(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None }))).await;
        let anna = OperatorPlan {
            login: "anna".into(),
            skills: vec![],
            capacity: 1,
            unit: None,
            ranks: vec![],
            rules: Default::default(),
        };
        self.carry_out(Command::PutOperators(PutOperators { operators: vec![anna], by: None })).await;
    }

    /// Proposes a command until the node has its leader, and expects it to be accepted.
    pub(crate) async fn carry_out(&self, command: Command) -> Answer {
        loop {
            match self.replica.propose(command.clone(), Millis(5_000)).await {
                Ok(answer) => {
                    assert!(answer.reply.is_ok(), "{:?}", answer.reply);
                    return answer;
                }
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }

    pub(crate) async fn open(
        &self,
        role: Role,
        name: &str,
        cursor: Option<Position>,
    ) -> (SessionSeed, mpsc::Receiver<SessionEvent>) {
        let status = self.replica.status();
        let open = OpenSession {
            role,
            name: name.into(),
            node: status.node,
            incarnation: status.incarnation,
            nonce: status.applied.0,
            resume: None,
            takeover: true,
        };
        let answer = self.carry_out(Command::OpenSession(open)).await;
        let Ok(Reply::Opened { party, epoch }) = answer.reply else { panic!("{:?}", answer.reply) };
        let (outbox, events) = Outbox::with_room(OUTBOX_EVENTS_MAX, Duration::from_secs(3_600));
        let (name, opened, manner) = (name.into(), answer.index, Manner::Streamed);
        let seed = SessionSeed { party, name, epoch, opened, cursor, outbox, manner };
        (seed, events)
    }

    pub(crate) async fn operator(&self, cursor: Option<Position>) -> (OperatorSession, Events) {
        let (seed, events) = self.open(Role::Operator, "anna", cursor).await;
        (self.actors.sessions().start_operator(seed).await.unwrap(), Events { events })
    }

    pub(crate) async fn gateway(&self, cursor: Option<Position>) -> (GatewaySession, Events) {
        let (seed, events) = self.open(Role::Gateway, "sip", cursor).await;
        (self.actors.sessions().start_gateway(seed).await.unwrap(), Events { events })
    }
}

/// What a session says.
pub(crate) struct Events {
    events: mpsc::Receiver<SessionEvent>,
}

impl Events {
    pub(crate) async fn next(&mut self) -> SessionEvent {
        let event = tokio::time::timeout(NEVER, self.events.recv()).await;
        event.expect("an event comes").expect("the session says its end before it ends")
    }

    /// The next event that the picker takes; what comes before it is passed over.
    pub(crate) async fn find<T>(&mut self, pick: impl Fn(&SessionEvent) -> Option<T>) -> T {
        loop {
            let event = self.next().await;
            if let Some(picked) = pick(&event) {
                return picked;
            }
        }
    }
}

pub(crate) fn operator_of(session: &OperatorSession) -> OperatorId {
    match session.seed().party {
        Party::Operator(id) => id,
        Party::Gateway(_) => panic!("an operator's session"),
    }
}

pub(crate) fn gateway_of(session: &GatewaySession) -> GatewayId {
    match session.seed().party {
        Party::Gateway(id) => id,
        Party::Operator(_) => panic!("a gateway's session"),
    }
}

pub(crate) fn contact(key: &str, gateway: GatewayId, epoch: Epoch) -> Box<EnqueueContact> {
    Box::new(EnqueueContact {
        gateway,
        epoch,
        key: key.into(),
        queue: "calls".into(),
        channel: "voice".into(),
        tier: 5,
        head_start: Millis(0),
        skills: vec![],
        scope: None,
        units: None,
        not_before: None,
        preferred: None,
        callback: None,
        details: ContactDetails::default(),
        facts: Default::default(),
    })
}

pub(crate) fn ready(session: &OperatorSession, seq: u64) -> Command {
    let (operator, epoch) = (operator_of(session), session.seed().epoch);
    Command::SetPresence(SetPresence { operator, epoch, seq, presence: DeclaredPresence::Ready })
}

pub(crate) fn offer(
    session: &OperatorSession,
    contact: ContactId,
    assignment: AssignmentEpoch,
) -> AnswerOffer {
    AnswerOffer { operator: operator_of(session), epoch: session.seed().epoch, contact, assignment }
}

pub(crate) fn complete(
    session: &OperatorSession,
    contact: ContactId,
    assignment: AssignmentEpoch,
) -> Command {
    let answer = offer(session, contact, assignment);
    Command::CompleteContact(CompleteContact { answer, wrap_up: None, step: CaseStep::Next, result: None })
}
