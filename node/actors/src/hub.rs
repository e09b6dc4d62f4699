//! Takes what this node has applied and hands each effect to the actor that holds the party's stream here.
//!
//! **Invariant:** the hub waits for nobody. An actor without room lags and pulls from the ring when it has worked
//! off what it was handed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::Counter;
use ringmain_replication::{Applied, FeedRead, Replica};
use ringmain_routing::delivery::{Delivered, Delivery, Handed, Pulled};
use ringmain_routing::{LogIndex, Party, Position};
use ringmain_telemetry::{labels, names};
use tokio::sync::watch;

use crate::gateway::GatewayMessage;
use crate::limits;
use crate::mailbox::{Mailbox, NotTold};
use crate::operator::OperatorMessage;
use crate::session::StreamMessage;

/// Which of the subscriptions of a party is meant; a later stream of the same party has another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SubscriptionId(u64);

/// The way to the actor that holds a party's stream.
#[derive(Clone)]
pub(crate) enum Outlet {
    Operator(Mailbox<OperatorMessage>),
    Gateway(Mailbox<GatewayMessage>),
}

impl Outlet {
    fn tell(&self, message: StreamMessage) -> Result<(), NotTold> {
        match self {
            Outlet::Operator(mailbox) => mailbox.try_tell(OperatorMessage::Stream(message)),
            Outlet::Gateway(mailbox) => mailbox.try_tell(GatewayMessage::Stream(message)),
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        match self {
            Outlet::Operator(mailbox) => mailbox.is_idle(),
            Outlet::Gateway(mailbox) => mailbox.is_idle(),
        }
    }
}

/// The node's deliveries, shared by the delivery task and the sessions' actors.
#[derive(Clone)]
pub(crate) struct Hub {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    delivery: Delivery,
    outlets: BTreeMap<Party, (SubscriptionId, Outlet)>,
    next: u64,
}

impl Hub {
    pub(crate) fn new(ring_effects_max: usize) -> Hub {
        let delivery = Delivery::new(ring_effects_max, LogIndex(0));
        Hub { inner: Arc::new(Mutex::new(Inner { delivery, outlets: BTreeMap::new(), next: 0 })) }
    }

    /// The party's stream is here from now on. Effects up to `cursor` count as seen; the actor must pull once.
    pub(crate) fn subscribe(&self, party: Party, cursor: Position, outlet: Outlet) -> SubscriptionId {
        let mut inner = self.lock();
        inner.next += 1;
        let id = SubscriptionId(inner.next);
        inner.delivery.subscribe(party, cursor);
        inner.outlets.insert(party, (id, outlet));
        id
    }

    /// Ends a subscription unless a later stream of the party has replaced it.
    pub(crate) fn unsubscribe(&self, party: Party, id: SubscriptionId) {
        let mut inner = self.lock();
        if inner.is_current(party, id) {
            inner.outlets.remove(&party);
            inner.delivery.unsubscribe(party);
        }
    }

    /// The next effects of a party that lags.
    pub(crate) fn pull(&self, party: Party, id: SubscriptionId) -> Pulled {
        let mut inner = self.lock();
        if !inner.is_current(party, id) {
            return Pulled::Unknown;
        }
        inner.delivery.pull(party, limits::PULL_EFFECTS_MAX)
    }

    /// The effects of a party behind a cursor, whether its client is here or not.
    pub(crate) fn read(&self, party: Party, cursor: Position, max: usize) -> Pulled {
        self.lock().delivery.read(party, cursor, max)
    }

    /// Whether the party lags and has dealt with all that was handed to it, so that the ring's next effects are the
    /// next ones. Both are looked at while nothing can be handed over: a party that was found idle a moment before may
    /// have a full mailbox since, and what it pulled would go past that.
    pub(crate) fn must_pull(&self, party: Party, id: SubscriptionId) -> bool {
        let inner = self.lock();
        let Some((current, outlet)) = inner.outlets.get(&party) else { return false };
        *current == id && inner.delivery.is_lagging(party) && outlet.is_idle()
    }

    /// The party was sent its live contacts as of `as_of`.
    pub(crate) fn resynced(&self, party: Party, id: SubscriptionId, as_of: Position) {
        let mut inner = self.lock();
        if inner.is_current(party, id) {
            inner.delivery.resynced(party, as_of);
        }
    }

    /// The last command whose effects were handed out.
    pub(crate) fn head(&self) -> LogIndex {
        self.lock().delivery.head()
    }

    fn applied(&self, batch: &[Arc<Applied>], replica: &Replica) {
        let mut inner = self.lock();
        let Inner { delivery, outlets, .. } = &mut *inner;
        for applied in batch {
            if applied.index.0 > delivery.head().0 + 1 {
                skip(delivery, outlets, LogIndex(applied.index.0 - 1));
            }
            let _handing_out = replica.delivering(applied.index).entered();
            delivery.applied(applied.index, applied.at, &applied.outcome.effects, |party, delivered| {
                hand(outlets, party, delivered)
            });
        }
    }

    fn skip_to(&self, index: LogIndex) {
        let mut inner = self.lock();
        let Inner { delivery, outlets, .. } = &mut *inner;
        skip(delivery, outlets, index);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn is_current(&self, party: Party, id: SubscriptionId) -> bool {
        self.outlets.get(&party).is_some_and(|(current, _)| *current == id)
    }
}

fn hand(outlets: &BTreeMap<Party, (SubscriptionId, Outlet)>, party: Party, delivered: Delivered) -> Handed {
    let Some((_, outlet)) = outlets.get(&party) else { return Handed::Full };
    match outlet.tell(StreamMessage::Effect(delivered)) {
        Ok(()) => Handed::Taken,
        Err(NotTold::Full | NotTold::Gone) => Handed::Full,
    }
}

/// Nothing up to `index` will be told: everybody must pull, also those who have nothing in their mailbox.
fn skip(delivery: &mut Delivery, outlets: &BTreeMap<Party, (SubscriptionId, Outlet)>, index: LogIndex) {
    delivery.skip_to(index);
    for (_, outlet) in outlets.values() {
        // An actor without room has messages to deal with and looks whether it lags after the last of them.
        let _ = outlet.tell(StreamMessage::Pull);
    }
}

/// Follows the feed until `stop` is told: the delivery task.
pub(crate) async fn deliver(hub: Hub, replica: Replica, mut stop: watch::Receiver<bool>) {
    let mut feed = replica.feed();
    loop {
        hand_out(&hub, &replica);
        tokio::select! {
            _ = feed.changed() => {}
            _ = stop.changed() => return,
        }
    }
}

/// Hands out all that was applied and not yet handed out.
fn hand_out(hub: &Hub, replica: &Replica) {
    let feed = replica.feed();
    loop {
        let head = hub.head();
        metrics::gauge!(names::FEED_LAG).set(feed.last().0.saturating_sub(head.0) as f64);
        match feed.since(head, limits::FEED_BATCH_MAX) {
            FeedRead::Entries(batch) if batch.is_empty() => return,
            FeedRead::Entries(batch) => {
                hub.applied(&batch, replica);
                crate::observe::applied(&batch, replica);
            }
            FeedRead::Gone { oldest } => {
                tracing::info!(log_index = oldest.0, "effects are retained from here on");
                hub.skip_to(LogIndex(oldest.0.saturating_sub(1)));
            }
        }
    }
}

pub(crate) fn role_label(party: Party) -> &'static str {
    match party {
        Party::Gateway(_) => "gateway",
        Party::Operator(_) => "operator",
    }
}

/// Counts what is delivered to a party.
pub(crate) fn delivered_to(party: Party) -> Counter {
    metrics::counter!(names::EFFECTS_DELIVERED, labels::ROLE => role_label(party))
}

#[cfg(test)]
mod tests {
    use ractor::{Actor, ActorProcessingErr, ActorRef};
    use ringmain_routing::{ContactId, Effect, GatewayId, Outcome, Reply, Timestamp};
    use tokio::sync::mpsc;

    use super::*;
    use crate::mailbox::Envelope;
    use crate::testing::Node;

    const GATEWAY: GatewayId = GatewayId { slot: 900, generation: 0 };
    const PARTY: Party = Party::Gateway(GATEWAY);

    /// Hands what it is told to the test, which deals with it when it likes.
    struct Slow;

    impl Actor for Slow {
        type Msg = Envelope<GatewayMessage>;
        type State = mpsc::Sender<Self::Msg>;
        type Arguments = Self::State;

        async fn pre_start(
            &self,
            _: ActorRef<Self::Msg>,
            test: Self::State,
        ) -> Result<Self::State, ActorProcessingErr> {
            Ok(test)
        }

        async fn handle(
            &self,
            _: ActorRef<Self::Msg>,
            message: Self::Msg,
            test: &mut Self::State,
        ) -> Result<(), ActorProcessingErr> {
            test.send(message).await.map_err(|_| "the test has ended".into())
        }
    }

    fn queued(index: u64) -> Arc<Applied> {
        let contact = ContactId { slot: index as u32, generation: 0 };
        let effects = vec![Effect::AnnounceQueued { contact, gateway: GATEWAY }];
        Arc::new(Applied {
            index: LogIndex(index),
            raft_index: index,
            term: 1,
            at: Timestamp(0),
            command: ringmain_routing::Command::Tick,
            outcome: Outcome { reply: Ok(Reply::Done), effects },
            chain: 0,
        })
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nobody_pulls_past_what_is_in_the_mailbox() {
        let node = Node::start(1_000).await;
        let (told, mut mailbox) = mpsc::channel(16);
        let (actor, _) = Actor::spawn(None, Slow, told).await.unwrap();
        let outlet = Outlet::Gateway(Mailbox::new(actor, 4, "conversation"));
        let hub = Hub::new(1_000);
        let id = hub.subscribe(PARTY, Position::default(), outlet.clone());
        assert!(hub.must_pull(PARTY, id), "a new stream pulls first");
        assert_eq!(hub.pull(PARTY, id), Pulled::CaughtUp);

        // This moment it was idle, and would have looked whether it lags.
        assert!(outlet.is_idle());
        hub.applied(&(1..=6).map(queued).collect::<Vec<_>>(), &node.replica);
        assert!(!hub.must_pull(PARTY, id), "it lags, and four effects are in its mailbox");
        for _ in 0..4 {
            assert!(!hub.must_pull(PARTY, id));
            drop(mailbox.recv().await.unwrap());
        }
        assert!(hub.must_pull(PARTY, id), "now the next effects are the ring's");
        let Pulled::Effects(rest) = hub.pull(PARTY, id) else { panic!("two effects had no room") };
        assert_eq!(rest.iter().map(|one| one.position.index.0).collect::<Vec<_>>(), [5, 6]);
    }
}
