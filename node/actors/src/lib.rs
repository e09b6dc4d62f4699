//! The actors of a node: they hold what must not be replicated (streams, credits, operations under way, live
//! views) and own no truth, so that any of them may crash and be started again from the replicated state.
//!
//! [`NodeActors::start`] starts all of them beside a [`Replica`]. The API opens a session in the log and then hands
//! its stream to [`Sessions`]; the delivery task brings the effects.

mod admission;
mod board;
mod conversation;
mod event;
mod gateway;
mod handle;
mod hub;
pub mod limits;
pub mod mailbox;
mod observe;
mod offers;
mod operator;
mod poll;
mod proposals;
mod queue;
mod session;
mod supervisor;
pub mod task;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use admission::answers_reads;
pub use board::Board;
pub use conversation::{GatewayRequest, UpdateByKey};
pub use event::{
    Orphan, Outbox, ReconcileReport, Resync, SessionEvent, StreamEnd, StreamGone, Ticket, Unanswered,
};
pub use handle::{GatewaySession, NoCredit, NodeFull, OperatorSession, Sessions};
pub use poll::{LivePart, Polled};
pub use proposals::propose;
pub use queue::{QueueLive, average_wait, service_level_permille};
pub use session::{Manner, SessionSeed};

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use ractor::{Actor, ActorRef};
use ringmain_replication::{Clock, Replica};
use tokio::sync::watch;

use crate::board::{BoardMessage, BoardSupervisor};
use crate::hub::Hub;
use crate::mailbox::Envelope;
use crate::offers::OfferTimes;
use crate::supervisor::{SessionSupervisor, SupervisorMessage};

/// The actors could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the node's actors could not be started: {0}")]
pub struct StartError(#[from] ractor::SpawnErr);

/// The actors while they start.
pub type Starting = Pin<Box<dyn Future<Output = Result<NodeActors, StartError>> + Send>>;

/// How the actors of a node are set up.
pub struct ActorsConfig {
    /// Recent effects retained for parties that lag or come back.
    pub ring_effects_max: usize,
    /// The node's clock; without one, how long offers and requests take is not measured.
    pub clock: Option<Arc<dyn Clock>>,
}

impl Default for ActorsConfig {
    fn default() -> Self {
        ActorsConfig { ring_effects_max: limits::RING_EFFECTS_MAX, clock: None }
    }
}

/// All actors of one node, and the task that brings them the effects.
pub struct NodeActors {
    sessions: Sessions,
    board: Board,
    session_supervisor: ActorRef<Envelope<SupervisorMessage>>,
    board_supervisor: ActorRef<Envelope<BoardMessage>>,
    clock: Option<Arc<dyn Clock>>,
    stop: watch::Sender<bool>,
}

impl NodeActors {
    /// Starts the supervisors and the delivery task, with everything by default.
    ///
    /// # Errors
    /// When ractor cannot start an actor.
    pub async fn start(replica: Replica) -> Result<NodeActors, StartError> {
        NodeActors::start_with(replica, ActorsConfig::default()).await
    }

    /// Starts the supervisors and the delivery task. Boxed, so that the actors are compiled with this crate.
    ///
    /// # Errors
    /// When ractor cannot start an actor.
    pub fn start_with(replica: Replica, config: ActorsConfig) -> Starting {
        Box::pin(NodeActors::start_all(replica, config))
    }

    async fn start_all(replica: Replica, config: ActorsConfig) -> Result<NodeActors, StartError> {
        let ActorsConfig { ring_effects_max, clock } = config;
        let hub = Hub::new(ring_effects_max);
        let board = Board::default();
        let credits = Arc::new(AtomicU32::new(limits::GATEWAY_CREDITS));
        let args = (hub.clone(), replica.clone(), OfferTimes::new(clock.clone()), Arc::clone(&credits));
        let (session_supervisor, _) = Actor::spawn(None, SessionSupervisor, args).await?;
        let args = (replica.clone(), board.clone());
        let (board_supervisor, _) = Actor::spawn(None, BoardSupervisor, args).await?;
        let (stop, stopped) = watch::channel(false);
        task::spawn_named("delivery", hub::deliver(hub.clone(), replica.clone(), stopped));
        let sessions = Sessions::new(session_supervisor.clone(), replica, hub, credits);
        Ok(NodeActors { sessions, board, session_supervisor, board_supervisor, clock, stop })
    }

    /// The sessions whose streams are on this node.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The clock by which this node measures, if it does.
    #[must_use]
    pub fn clock(&self) -> Option<&Arc<dyn Clock>> {
        self.clock.as_ref()
    }

    /// The live view of the queues.
    #[must_use]
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Ends all sessions, the delivery task and the actors.
    pub async fn stop(&self) {
        self.sessions.stop().await;
        self.stop.send_replace(true);
        self.board_supervisor.stop(None);
        self.session_supervisor.stop(None);
    }
}
