//! Takes what this node has applied and hands each effect to the actor that holds the party's stream here.
//!
//! **Invariant:** the hub waits for nobody. An actor without room lags and pulls from the ring when it has worked
//! off what it was handed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

    /// Whether the party must pull before it is handed more.
    pub(crate) fn is_lagging(&self, party: Party, id: SubscriptionId) -> bool {
        let inner = self.lock();
        inner.is_current(party, id) && inner.delivery.is_lagging(party)
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

pub(crate) fn count_delivered(party: Party) {
    metrics::counter!(names::EFFECTS_DELIVERED, labels::ROLE => role_label(party)).increment(1);
}
