//! The live view of all queues on this node: an actor per queue, refreshed from the replicated state as the node
//! applies commands, at a fixed cost per refresh however many look at it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use ringmain_replication::Replica;
use ringmain_routing::{LogIndex, QueueId, QueueView};
use ringmain_telemetry::{labels, names};
use tokio::sync::watch;

use crate::limits;
use crate::mailbox::{Envelope, Mailbox};
use crate::queue::{QueueActor, QueueLive, QueueMessage, QueueRefresh, QueueWindow};

/// Where the live views of this node's queues are read.
#[derive(Clone, Default)]
pub struct Board {
    windows: Arc<Mutex<BTreeMap<QueueId, QueueWindow>>>,
}

impl Board {
    /// One queue's live view; `None` until its actor has seen it once.
    #[must_use]
    pub fn queue(&self, id: QueueId) -> Option<QueueLive> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.get(&id).and_then(|window| window.borrow().clone())
    }

    /// All queues, in the order of the plan.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueLive> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.values().filter_map(|window| window.borrow().clone()).collect()
    }

    fn window(&self, id: QueueId) -> QueueWindow {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(windows.entry(id).or_insert_with(|| Arc::new(watch::Sender::new(None))))
    }
}

/// Owns the queues' actors of this node.
pub(crate) struct BoardSupervisor;

/// What the board's supervisor is told.
pub(crate) enum BoardMessage {
    /// By the timer: look what has changed.
    Refresh,
    #[cfg(test)]
    Crash(QueueId),
}

pub(crate) struct BoardState {
    replica: Replica,
    board: Board,
    queues: BTreeMap<QueueId, Queue>,
    as_of: Option<LogIndex>,
}

struct Queue {
    actor: ActorId,
    mailbox: Mailbox<QueueMessage>,
    told: Option<QueueView>,
}

impl Actor for BoardSupervisor {
    type Msg = Envelope<BoardMessage>;
    type State = BoardState;
    type Arguments = (Replica, Board);

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        (replica, board): (Replica, Board),
    ) -> Result<BoardState, ActorProcessingErr> {
        myself.send_interval(limits::BOARD_REFRESH, || Envelope {
            message: BoardMessage::Refresh,
            permit: None,
        });
        Ok(BoardState { replica, board, queues: BTreeMap::new(), as_of: None })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut BoardState,
    ) -> Result<(), ActorProcessingErr> {
        match envelope.message {
            BoardMessage::Refresh => state.refresh(&myself.get_cell()).await,
            #[cfg(test)]
            BoardMessage::Crash(id) => {
                let queue = state.queues.get(&id).expect("the test knows its queue");
                queue.mailbox.try_tell(QueueMessage::Panic).expect("an idle queue has room");
            }
        }
        Ok(())
    }

    /// A queue's actor that failed is made anew with the next refresh.
    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut BoardState,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(who, error) = event {
            metrics::counter!(names::ACTOR_RESTARTS, labels::ACTOR => "queue").increment(1);
            tracing::error!(actor = "queue", error = %error, "actor failed");
            state.queues.retain(|_, queue| queue.actor != who.get_id());
            state.as_of = None;
        }
        Ok(())
    }
}

impl BoardState {
    async fn refresh(&mut self, myself: &ActorCell) {
        let index = self.replica.read(ringmain_routing::Router::index);
        if self.as_of == Some(index) {
            return;
        }
        self.as_of = Some(index);
        let (refreshes, presences) = self.replica.read(|router| {
            let (as_of, at) = (router.index(), router.now());
            let targets = router.plan().queues.iter().map(|queue| queue.target);
            let refresh = |(view, target)| QueueRefresh { view, target, as_of, at };
            let refreshes: Vec<_> = router.queues().into_iter().zip(targets).map(refresh).collect();
            (refreshes, router.presence_counts())
        });
        count_presences(presences);
        let open = |view: &QueueView| view.waiting + view.offered + view.handling + view.wrap_up;
        let open: u64 = refreshes.iter().map(|refresh| u64::from(open(&refresh.view))).sum();
        metrics::gauge!(names::CONTACTS_OPEN).set(open as f64);
        for refresh in refreshes {
            self.tell(refresh, myself).await;
        }
    }

    /// Tells a queue's actor what is new; one in which nothing happened and nobody waits is left alone.
    async fn tell(&mut self, refresh: QueueRefresh, myself: &ActorCell) {
        let id = refresh.view.id;
        if !self.queues.contains_key(&id) {
            let window = self.board.window(id);
            let spawned = Actor::spawn_linked(None, QueueActor, window, myself.clone()).await;
            let Ok((actor, _)) = spawned else { return };
            let actor_id = actor.get_id();
            let mailbox = Mailbox::new(actor, limits::QUEUE_CHANGES_MAX, "queue");
            self.queues.insert(id, Queue { actor: actor_id, mailbox, told: None });
        }
        let Some(queue) = self.queues.get_mut(&id) else { return };
        if refresh.view.waiting == 0 && queue.told.as_ref() == Some(&refresh.view) {
            return;
        }
        let view = refresh.view.clone();
        if queue.mailbox.try_tell(QueueMessage::Refresh(Box::new(refresh))).is_ok() {
            queue.told = Some(view);
        }
    }
}

fn count_presences([offline, ready, not_ready, missed, on_break]: [u32; 5]) {
    let named = [
        ("offline", offline),
        ("ready", ready),
        ("not-ready", not_ready),
        ("missed", missed),
        ("break", on_break),
    ];
    for (presence, count) in named {
        metrics::gauge!(names::OPERATORS, labels::PRESENCE => presence).set(f64::from(count));
    }
}
