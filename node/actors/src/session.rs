//! The part that every session has: the client's stream, how far it has got, and how it catches up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::Counter;
use ractor::ActorRef;
use ringmain_replication::Replica;
use ringmain_routing::delivery::{Delivered, Pulled, Seen};
use ringmain_routing::{
    ContactId, ContactView, Effect, Epoch, LogIndex, Millis, Name, OperatorView, Party, Position, Router,
    SessionState,
};
use ringmain_telemetry::{labels, names};
use tokio::sync::watch;

use crate::event::{Outbox, Resync, SessionEvent, StreamGone};
use crate::hub::{Hub, Outlet, SubscriptionId, delivered_to, role_label};
use crate::limits;
use crate::offers::OfferTimes;

/// What the delivery task and the supervisor say to a session.
#[derive(Clone, Copy, Debug)]
pub enum StreamMessage {
    /// An effect for the client.
    Effect(Delivered),
    /// Look whether effects are to be pulled.
    Pull,
    /// The node stops: ask the client to go elsewhere.
    Drain {
        /// How long until the stream is cut.
        within: Millis,
    },
    /// So many operations may be unanswered from now on.
    Credits(u32),
    /// End the session here.
    End,
}

/// How a session's client hears of what happens.
#[derive(Clone, Debug)]
pub enum Manner {
    /// Each event goes into the client's stream.
    Streamed,
    /// The client asks ([`crate::Sessions::poll`]). The session says only how far there is something to ask for.
    Polled {
        /// The last position that concerns the party.
        news: watch::Sender<Position>,
    },
}

/// A session that was opened in the log and whose client is on this node.
#[derive(Clone, Debug)]
pub struct SessionSeed {
    /// Whose.
    pub party: Party,
    /// Name of the gateway or login.
    pub name: Name,
    /// The opening, as the log gave it.
    pub epoch: Epoch,
    /// Log index of the opening.
    pub opened: LogIndex,
    /// What the client has seen; `None` when it starts with nothing.
    pub cursor: Option<Position>,
    /// The way to the client.
    pub outbox: Outbox,
    /// Whether events go that way too.
    pub manner: Manner,
}

/// What outlives a crash of the session's actor: how far the client's stream has got.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    reached: Mutex<Option<Position>>,
}

impl Progress {
    pub(crate) fn reached(&self) -> Option<Position> {
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reach(&self, position: Position) {
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = Some(position);
    }
}

/// Why a session's actor goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// The client is gone or stuck.
    StreamGone,
    /// The log says that this opening is over.
    Ended,
}

impl From<StreamGone> for Over {
    fn from(_: StreamGone) -> Over {
        Over::StreamGone
    }
}

/// The stream of one session, held by its actor.
pub(crate) struct Stream {
    pub(crate) seed: SessionSeed,
    hub: Hub,
    replica: Replica,
    offers: OfferTimes,
    outlet: Outlet,
    subscription: SubscriptionId,
    seen: Seen,
    progress: Arc<Progress>,
    delivered: Counter,
}

impl Stream {
    /// Subscribes the session. A fresh one starts from the client's cursor, a restarted one from where the stream
    /// had got to.
    pub(crate) fn open(
        seed: SessionSeed,
        hub: Hub,
        replica: Replica,
        offers: OfferTimes,
        outlet: Outlet,
        progress: Arc<Progress>,
    ) -> Stream {
        let cursor = progress.reached().or(seed.cursor).unwrap_or_default();
        let subscription = hub.subscribe(seed.party, cursor, outlet.clone());
        let (seen, delivered) = (Seen::up_to(cursor), delivered_to(seed.party));
        Stream { seed, hub, replica, offers, outlet, subscription, seen, progress, delivered }
    }

    /// Welcomes the client, unless a crashed actor already has, and sends what it has missed.
    pub(crate) async fn start(&mut self) -> Result<(), Over> {
        if self.progress.reached().is_some() {
            return self.catch_up().await;
        }
        let first = match self.seed.cursor {
            Some(cursor) if cursor.index <= self.seed.opened => {
                self.hub.pull(self.seed.party, self.subscription)
            }
            Some(_) | None => Pulled::TooOld,
        };
        let resumed = !matches!(first, Pulled::TooOld);
        self.say(SessionEvent::Welcome { resumed }).await?;
        self.progress.reach(self.seen.last());
        self.take(first).await?;
        self.catch_up().await
    }

    /// Deals with a message of the delivery task or the supervisor.
    pub(crate) async fn heed(&mut self, message: StreamMessage) -> Result<(), Over> {
        match message {
            StreamMessage::Effect(delivered) => self.deliver(delivered).await,
            StreamMessage::Pull => Ok(()),
            StreamMessage::Drain { within } => self.say(SessionEvent::Drain { within }).await,
            StreamMessage::Credits(credits) => self.say(SessionEvent::Credits(credits)).await,
            StreamMessage::End => Err(Over::Ended),
        }
    }

    /// To be called when a message was dealt with: pulls if the session lags and has worked off its mailbox.
    pub(crate) async fn settle(&mut self) -> Result<(), Over> {
        // The first look spares the hub's lock; only the second counts.
        if self.outlet.is_idle() && self.hub.must_pull(self.seed.party, self.subscription) {
            return self.catch_up().await;
        }
        Ok(())
    }

    /// Says something that is no effect.
    pub(crate) async fn say(&self, event: SessionEvent) -> Result<(), Over> {
        self.seed.outbox.say(event).await.map_err(Over::from)
    }

    /// Ends the subscription.
    pub(crate) fn close(&self) {
        self.hub.unsubscribe(self.seed.party, self.subscription);
    }

    async fn catch_up(&mut self) -> Result<(), Over> {
        loop {
            let pulled = self.hub.pull(self.seed.party, self.subscription);
            if matches!(pulled, Pulled::CaughtUp) {
                return Ok(());
            }
            self.take(pulled).await?;
        }
    }

    async fn take(&mut self, pulled: Pulled) -> Result<(), Over> {
        match pulled {
            Pulled::Effects(effects) => {
                for delivered in effects {
                    self.deliver(delivered).await?;
                }
                Ok(())
            }
            Pulled::CaughtUp => Ok(()),
            Pulled::TooOld => self.resync().await,
            Pulled::Unknown => Err(Over::Ended),
        }
    }

    async fn deliver(&mut self, delivered: Delivered) -> Result<(), Over> {
        if !self.seen.accept(delivered.position) {
            return Ok(());
        }
        if let Effect::EndStream { epoch, .. } = delivered.effect {
            // An earlier opening's end is of no concern to this one.
            return if epoch == self.seed.epoch { Err(Over::Ended) } else { Ok(()) };
        }
        match &self.seed.manner {
            Manner::Streamed => {
                self.say(SessionEvent::Effect(delivered)).await?;
                self.measure(&delivered);
            }
            Manner::Polled { news } => {
                news.send_replace(delivered.position);
            }
        }
        self.progress.reach(delivered.position);
        Ok(())
    }

    fn measure(&self, delivered: &Delivered) {
        self.delivered.increment(1);
        let offer = matches!(delivered.effect, Effect::RingOperator { .. } | Effect::ConnectContact { .. });
        if offer && matches!(self.seed.party, Party::Operator(_)) {
            self.offers.offered(delivered.position.index);
        }
    }

    async fn resync(&mut self) -> Result<(), Over> {
        let (party, epoch) = (self.seed.party, self.seed.epoch);
        let (as_of, live) =
            self.replica.read(|router| (Position::end_of(router.index()), is_live(router, party, epoch)));
        // The end of this opening may be among the effects that were missed.
        if !live {
            return Err(Over::Ended);
        }
        let as_of = match &self.seed.manner {
            Manner::Streamed => self.tell_live().await?,
            Manner::Polled { news } => {
                news.send_replace(as_of);
                as_of
            }
        };
        self.hub.resynced(party, self.subscription, as_of);
        self.seen.accept(as_of);
        self.progress.reach(as_of);
        Ok(())
    }

    /// Tells the client all that is live, in parts, and gives the position behind which effects go on.
    async fn tell_live(&self) -> Result<Position, Over> {
        let party = self.seed.party;
        let (as_of, first, mut rest, operator) = self.replica.read(|router| {
            let mut ids: VecDeque<ContactId> = router.live_contact_ids(party).into();
            let first = next_part(router, &mut ids);
            (Position::end_of(router.index()), first, ids, operator_of(router, party))
        });
        let mut contacts = first;
        loop {
            let last = rest.is_empty();
            let part = Resync { as_of, contacts, operator: operator.clone(), last };
            self.say(SessionEvent::Resync(Arc::new(part))).await?;
            if last {
                break;
            }
            contacts = self.replica.read(|router| next_part(router, &mut rest));
        }
        metrics::counter!(names::RESYNCS, labels::ROLE => role_label(party)).increment(1);
        Ok(as_of)
    }
}

/// The contacts that fit into one part of a list, taken off the front of `ids`.
pub(crate) fn next_part(router: &Router, ids: &mut VecDeque<ContactId>) -> Vec<ContactView> {
    let mut part = Vec::new();
    let mut bytes = 0;
    while part.len() < limits::PART_CONTACTS_MAX && bytes < limits::PART_ATTRIBUTES_BYTES_MAX {
        let Some(id) = ids.pop_front() else { break };
        if let Some(contact) = router.contact(id) {
            bytes += contact.details.attributes.len();
            part.push(contact);
        }
    }
    part
}

/// Ends the actor when its session goes no further. The supervisor tells the client and the log.
pub(crate) fn stop_if_over<M: ractor::Message>(myself: &ActorRef<M>, heeded: Result<(), Over>) {
    match heeded {
        Ok(()) => {}
        Err(Over::StreamGone) => myself.stop(Some("stream-gone".into())),
        Err(Over::Ended) => myself.stop(Some("ended".into())),
    }
}

/// Whether the log says that this opening of the party's session has a stream.
pub(crate) fn is_live(router: &Router, party: Party, epoch: Epoch) -> bool {
    router
        .session(party)
        .is_some_and(|session| session.epoch == epoch && matches!(session.state, SessionState::Live { .. }))
}

pub(crate) fn operator_of(router: &Router, party: Party) -> Option<OperatorView> {
    match party {
        Party::Operator(id) => router.operator(id),
        Party::Gateway(_) => None,
    }
}
