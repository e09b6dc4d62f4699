//! Starts the sessions' actors, starts those that crash again from replicated state, and tells the log of streams
//! that are gone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use ringmain_replication::Replica;
use ringmain_routing::{Millis, Party, SessionState, SessionView};
use ringmain_telemetry::{labels, names};
use tokio::sync::oneshot;

use crate::admission::gateway_credits;
use crate::event::{SessionEvent, StreamEnd};
use crate::gateway::{GatewayActor, GatewayArgs, GatewayMessage};
use crate::handle::Shared;
use crate::hub::{Hub, role_label};
use crate::limits;
use crate::mailbox::Envelope;
use crate::offers::OfferTimes;
use crate::operator::{OperatorActor, OperatorArgs, OperatorMessage};
use crate::proposals::lose_session;
use crate::session::{Progress, SessionSeed, StreamMessage};
use crate::task::spawn_named;

/// Owns the sessions' actors of this node.
pub(crate) struct SessionSupervisor;

/// What the supervisor is told.
pub(crate) enum SupervisorMessage {
    /// Start the actor of a session that was opened in the log.
    Start { link: Link, started: oneshot::Sender<bool> },
    /// The client's stream has ended.
    Lost { party: Party, serial: u64 },
    /// Ask all clients to go elsewhere.
    Drain { within: Millis },
    /// By the timer: look at what the node has in hand.
    Look,
    /// End all sessions here; the log learns of it when the node starts again or is missed.
    Stop { done: oneshot::Sender<()> },
}

/// A session and the way to its actor, which a restart replaces.
#[derive(Clone)]
pub(crate) enum Link {
    Operator(Arc<Shared<OperatorMessage>>),
    Gateway(Arc<Shared<GatewayMessage>>),
}

pub(crate) struct SupervisorState {
    hub: Hub,
    replica: Replica,
    offers: OfferTimes,
    sessions: BTreeMap<ActorId, Session>,
    parties: BTreeMap<Party, ActorId>,
    /// What a gateway is granted at present.
    credits: Arc<AtomicU32>,
    stopping: bool,
    /// Who waits for the last session to end.
    stopped: Vec<oneshot::Sender<()>>,
}

struct Session {
    link: Link,
    progress: Arc<Progress>,
    restarts: u32,
}

impl Actor for SessionSupervisor {
    type Msg = Envelope<SupervisorMessage>;
    type State = SupervisorState;
    type Arguments = (Hub, Replica, OfferTimes, Arc<AtomicU32>);

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        (hub, replica, offers, credits): Self::Arguments,
    ) -> Result<SupervisorState, ActorProcessingErr> {
        let (sessions, parties) = (BTreeMap::new(), BTreeMap::new());
        let stopped = Vec::new();
        Ok(SupervisorState { hub, replica, offers, sessions, parties, credits, stopping: false, stopped })
    }

    async fn post_start(
        &self,
        myself: ActorRef<Self::Msg>,
        _: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        myself
            .send_interval(limits::LOAD_LOOK, || Envelope { message: SupervisorMessage::Look, permit: None });
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match envelope.message {
            SupervisorMessage::Start { link, started } => {
                let session = Session { link, progress: Arc::default(), restarts: 0 };
                let is_started = state.start(session, &myself.get_cell()).await;
                // A caller that is gone has dropped the stream, which ends the session.
                let _ = started.send(is_started);
            }
            SupervisorMessage::Lost { party, serial } => state.end(party, serial),
            SupervisorMessage::Drain { within } => state.tell_all(StreamMessage::Drain { within }),
            SupervisorMessage::Look => state.look(),
            SupervisorMessage::Stop { done } => {
                state.stopping = true;
                state.stopped.push(done);
                state.tell_all(StreamMessage::End);
                state.tell_stopped();
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(who, error) => {
                tracing::error!(actor = "session", error = %error, "actor failed");
                state.restart(who.get_id(), &myself.get_cell()).await;
            }
            SupervisionEvent::ActorTerminated(who, _, _) => state.ended(who.get_id()),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

impl SupervisorState {
    /// Starts a session's actor. An earlier stream of the same party on this node is told that it is over.
    async fn start(&mut self, session: Session, myself: &ActorCell) -> bool {
        if self.stopping || self.sessions.len() >= limits::SESSIONS_PER_NODE_MAX {
            return false;
        }
        let party = session.link.seed().party;
        if let Some(earlier) = self.parties.remove(&party).and_then(|id| self.sessions.get(&id)) {
            earlier.link.control(StreamMessage::End);
        }
        let role = role_label(party);
        session.link.grant(self.credits.load(Ordering::Relaxed));
        let spawned = self.spawn(session, myself).await;
        if spawned {
            metrics::counter!(names::SESSIONS_OPENED, labels::ROLE => role).increment(1);
            metrics::gauge!(names::SESSIONS_LIVE, labels::ROLE => role).increment(1.0);
        }
        spawned
    }

    /// Fewer credits while there is too much in hand, and all of them again when it is worked off.
    fn look(&mut self) {
        let granted = self.credits.load(Ordering::Relaxed);
        let credits = gateway_credits(granted, self.replica.status().open);
        if credits == granted {
            return;
        }
        self.credits.store(credits, Ordering::Relaxed);
        tracing::info!(count = credits, "gateways are granted so many credits each");
        for session in self.sessions.values() {
            session.link.grant(credits);
        }
    }

    async fn spawn(&mut self, session: Session, myself: &ActorCell) -> bool {
        let (hub, replica, offers) = (self.hub.clone(), self.replica.clone(), self.offers.clone());
        let (seed, progress) = (session.link.seed().clone(), Arc::clone(&session.progress));
        let party = seed.party;
        let spawned = match &session.link {
            Link::Operator(shared) => {
                let args = OperatorArgs { seed, hub, replica, offers, progress };
                let spawned = Actor::spawn_linked(None, OperatorActor, args, myself.clone()).await;
                spawned.map(|(actor, _)| shared.attach(actor))
            }
            Link::Gateway(shared) => {
                let args = GatewayArgs { seed, hub, replica, offers, progress };
                let spawned = Actor::spawn_linked(None, GatewayActor, args, myself.clone()).await;
                spawned.map(|(actor, _)| shared.attach(actor))
            }
        };
        let Ok(id) = spawned else { return false };
        self.parties.insert(party, id);
        self.sessions.insert(id, session);
        true
    }

    /// What the crashed actor held is in the log and in the ring: a new one goes on from there. Operations that
    /// were in its mailbox are answered "unknown".
    async fn restart(&mut self, failed: ActorId, myself: &ActorCell) {
        let Some(mut session) = self.sessions.remove(&failed) else { return };
        let party = session.link.seed().party;
        metrics::counter!(names::ACTOR_RESTARTS, labels::ACTOR => session.link.kind()).increment(1);
        session.restarts += 1;
        let replaced = self.parties.get(&party) != Some(&failed);
        if replaced || session.restarts > limits::SESSION_RESTARTS_MAX {
            return self.finish(failed, session);
        }
        let link = session.link.clone();
        if !self.spawn(session, myself).await {
            self.finish(failed, Session { link, progress: Arc::default(), restarts: 0 });
        }
    }

    fn end(&self, party: Party, serial: u64) {
        let session = self.parties.get(&party).and_then(|id| self.sessions.get(id));
        if let Some(session) = session
            && session.link.serial() == serial
        {
            session.link.control(StreamMessage::End);
        }
    }

    fn ended(&mut self, actor: ActorId) {
        if let Some(session) = self.sessions.remove(&actor) {
            self.finish(actor, session);
        }
    }

    /// The session has no actor any more: the client's stream ends and the log learns that it is gone.
    fn finish(&mut self, actor: ActorId, session: Session) {
        let seed = session.link.seed().clone();
        if self.parties.get(&seed.party) == Some(&actor) {
            self.parties.remove(&seed.party);
        }
        metrics::gauge!(names::SESSIONS_LIVE, labels::ROLE => role_label(seed.party)).decrement(1.0);
        session.link.over();
        // Another stream of the party is here, perhaps of the same opening: then the log has nothing to learn.
        let lost = !self.stopping && !self.parties.contains_key(&seed.party);
        spawn_named("end-session", end_session(self.replica.clone(), seed, lost));
        self.tell_stopped();
    }

    fn tell_stopped(&mut self) {
        if self.stopping && self.sessions.is_empty() {
            for stopped in self.stopped.drain(..) {
                // Who no longer waits need not know.
                let _ = stopped.send(());
            }
        }
    }

    fn tell_all(&self, message: StreamMessage) {
        for session in self.sessions.values() {
            session.link.control(message);
        }
    }
}

/// Tells the client that its session has ended here, and the log if it is to be told.
async fn end_session(replica: Replica, seed: SessionSeed, lost: bool) {
    let reason = stream_end(&replica, &seed);
    // The stream may be gone already.
    let _ = seed.outbox.say(SessionEvent::Ended { epoch: seed.epoch, reason }).await;
    if lost {
        lose_session(replica, seed.party, seed.epoch).await;
    }
}

fn stream_end(replica: &Replica, seed: &SessionSeed) -> StreamEnd {
    match replica.read(|router| router.session(seed.party)) {
        Some(session) if session.epoch != seed.epoch => StreamEnd::TakenOver,
        Some(SessionView { state: SessionState::None, .. }) => StreamEnd::SignedOut,
        Some(_) | None => StreamEnd::Lost,
    }
}

impl Link {
    pub(crate) fn seed(&self) -> &SessionSeed {
        match self {
            Link::Operator(shared) => shared.seed(),
            Link::Gateway(shared) => shared.seed(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Link::Operator(_) => "operator",
            Link::Gateway(_) => "conversation",
        }
    }

    fn serial(&self) -> u64 {
        match self {
            Link::Operator(shared) => shared.serial(),
            Link::Gateway(shared) => shared.serial(),
        }
    }

    fn control(&self, message: StreamMessage) {
        match self {
            Link::Operator(shared) => shared.control(OperatorMessage::Stream(message)),
            Link::Gateway(shared) => shared.control(GatewayMessage::Stream(message)),
        }
    }

    /// Operators keep theirs: what they do ends work.
    fn grant(&self, credits: u32) {
        match self {
            Link::Operator(_) => {}
            Link::Gateway(shared) => {
                shared.grant(credits, GatewayMessage::Stream(StreamMessage::Credits(credits)));
            }
        }
    }

    fn over(&self) {
        match self {
            Link::Operator(shared) => shared.over(),
            Link::Gateway(shared) => shared.over(),
        }
    }
}
