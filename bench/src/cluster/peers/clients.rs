//! Gateways and desks at a peer: the same load, the same records; only how a contact gets in, to an operator and out
//! again differs from peer to peer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::Context as _;
use futures::future::BoxFuture;
use tokio::sync::{Notify, mpsc};

use super::super::book::{Answer, Book, Hand};
use super::super::figures::Setup;
use super::super::port::ContactNumber;
use super::super::port::{Arrival, Port};
use crate::play::Stage;
use crate::task::Owned;

/// Contacts that go into a peer, to operators or out again in one piece, at most.
pub(super) const BATCH_MAX: usize = 256;
/// The code of contacts that a gateway refuses because too many are waiting already; those of tier 0 never are.
const QUEUE_FULL: &str = "queue-full";

/// A contact in the hand of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) contact: ContactNumber,
    pub(super) operator: u32,
    /// What the peer wants to hear when it is completed, if anything.
    pub(super) receipt: i64,
}

/// Brings contacts into a peer, over a connection of its own.
pub(super) trait Gate: Send {
    /// Answers when all of them are as durable as the peer promises.
    fn enqueue<'a>(&'a mut self, contacts: &'a [Arrival]) -> BoxFuture<'a, anyhow::Result<Answer>>;
}

/// Hears of contacts that are in the hand of an operator of its desk.
pub(super) trait Taker: Send {
    /// Waits for the next ones. What it returns is as durable as the peer promises.
    fn take(&mut self) -> BoxFuture<'_, anyhow::Result<Vec<Offer>>>;
}

/// Completes contacts.
pub(super) trait Closer: Send {
    /// Answers when all of them are completed, as durably as the peer promises.
    fn complete<'a>(&'a mut self, offers: &'a [Offer]) -> BoxFuture<'a, anyhow::Result<()>>;
}

/// A server of some operators' desktops.
pub(super) struct Desk {
    pub(super) taker: Box<dyn Taker>,
    pub(super) closer: Box<dyn Closer>,
}

/// Something else that has to be at work.
pub(super) struct Agent {
    name: &'static str,
    work: BoxFuture<'static, anyhow::Result<()>>,
}

/// All connections to a peer.
#[derive(Default)]
pub(super) struct Clients {
    /// One for each gateway.
    pub(super) gates: Vec<Box<dyn Gate>>,
    pub(super) desks: Vec<Desk>,
    pub(super) agents: Vec<Agent>,
}

impl Agent {
    pub(super) fn new(
        name: &'static str,
        work: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) -> Agent {
        Agent { name, work: Box::pin(work) }
    }
}

/// What all clients share.
#[derive(Clone)]
pub(super) struct Shop {
    pub(super) stage: Stage,
    pub(super) book: Book,
    /// Contacts that were accepted and not shown; the bound is the load generator's own and costs the peer nothing.
    waiting: Arc<AtomicI64>,
    waiting_max: i64,
    capacity: usize,
    /// Why a client has ended.
    fault: Arc<OnceLock<String>>,
}

impl Shop {
    pub(super) fn new(stage: &Stage, book: &Book, setup: &Setup) -> Shop {
        Shop {
            stage: stage.clone(),
            book: book.clone(),
            waiting: Arc::default(),
            waiting_max: setup.waiting_max.into(),
            capacity: setup.operators * setup.capacity as usize,
            fault: Arc::default(),
        }
    }

    /// Fails when a client has ended.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        self.fault.get().map_or(Ok(()), |words| Err(anyhow::anyhow!("{words}")))
    }

    /// Puts a gateway to work.
    pub(super) fn gateway(&self, gate: Box<dyn Gate>, (number, window): (u32, u32)) -> (Port, Owned) {
        let (port, inbox) = Port::new(number, window);
        let (shop, answering) = (self.clone(), port.clone());
        let work = async move {
            let end = shop.bring(gate, inbox, answering).await;
            shop.ended(&format!("gateway {number}"), end);
        };
        (port, Owned::start(work))
    }

    /// Puts a desk to work.
    pub(super) fn desk(&self, desk: Desk, number: usize) -> [Owned; 2] {
        let (hand_over, in_hand) = mpsc::channel(self.capacity.max(1));
        let Desk { taker, closer } = desk;
        let (taking, closing) = (self.clone(), self.clone());
        let take = async move {
            let end = taking.take(taker, hand_over).await;
            taking.ended(&format!("desk {number}, taking"), end);
        };
        let close = async move {
            let end = closing.close(closer, in_hand).await;
            closing.ended(&format!("desk {number}, completing"), end);
        };
        [Owned::start(take), Owned::start(close)]
    }

    /// Puts somebody else to work.
    pub(super) fn agent(&self, agent: Agent) -> Owned {
        let (shop, Agent { name, work }) = (self.clone(), agent);
        Owned::start(async move { shop.ended(name, work.await) })
    }

    fn ended(&self, who: &str, end: anyhow::Result<()>) {
        if let Err(error) = end {
            // The first word counts: what fails after it fails because of it.
            self.fault.get_or_init(|| format!("{who}: {error:#}"));
        }
    }

    /// Brings what has gathered while the batch before was on its way.
    async fn bring(
        &self,
        mut gate: Box<dyn Gate>,
        mut inbox: mpsc::Receiver<Arrival>,
        port: Port,
    ) -> anyhow::Result<()> {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while inbox.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let is_urgent = batch.iter().any(|arrival| arrival.tier == 0);
            let is_full = !is_urgent && self.waiting.load(Ordering::Relaxed) >= self.waiting_max;
            let answer =
                if is_full { Answer::Refused(QUEUE_FULL.to_owned()) } else { gate.enqueue(&batch).await? };
            if answer == Answer::Accepted {
                self.waiting.fetch_add(batch.len() as i64, Ordering::Relaxed);
            }
            let now_ns = self.stage.now_ns();
            for arrival in batch.drain(..) {
                port.answered();
                self.book.answered(arrival.contact, now_ns, answer.clone());
            }
        }
        Ok(())
    }

    async fn take(
        &self,
        mut taker: Box<dyn Taker>,
        hand_over: mpsc::Sender<(Offer, u64)>,
    ) -> anyhow::Result<()> {
        loop {
            let offers = taker.take().await?;
            let now_ns = self.stage.now_ns();
            self.waiting.fetch_sub(offers.len() as i64, Ordering::Relaxed);
            for offer in offers {
                self.book.shown_once(offer.contact, now_ns, offer.hand());
                hand_over.send((offer, now_ns)).await.context("nobody completes contacts any more")?;
            }
        }
    }

    async fn close(
        &self,
        mut closer: Box<dyn Closer>,
        mut in_hand: mpsc::Receiver<(Offer, u64)>,
    ) -> anyhow::Result<()> {
        let (mut batch, mut offers) = (Vec::new(), Vec::new());
        while in_hand.recv_many(&mut batch, BATCH_MAX).await > 0 {
            offers.extend(batch.iter().map(|(offer, _)| *offer));
            closer.complete(&offers).await?;
            offers.clear();
            let now_ns = self.stage.now_ns();
            for (offer, shown_ns) in batch.drain(..) {
                self.book.completed(offer.contact, (shown_ns, now_ns), offer.hand());
                self.book.ended(offer.contact, true);
            }
        }
        Ok(())
    }
}

impl Offer {
    /// A peer assigns a contact once.
    fn hand(&self) -> Hand {
        Hand { operator: self.operator, assignment: 1 }
    }
}

/// Operators of one desk with room for another contact, those first who have had it longest. A peer that does not keep
/// them itself is told whom to give a contact to.
#[derive(Clone, Default)]
pub(super) struct Slots {
    shared: Arc<(Mutex<VecDeque<u32>>, Notify)>,
}

impl Slots {
    /// The operators of a desk with all their room.
    pub(super) fn of(operators: impl Iterator<Item = u32> + Clone, capacity: u32) -> Slots {
        let slots = Slots::default();
        slots.give_back((0..capacity).flat_map(|_| operators.clone()));
        slots
    }

    /// Waits until somebody has room, and takes as many as there are, up to a number.
    pub(super) async fn take(&self, count_max: usize) -> Vec<u32> {
        loop {
            let taken: Vec<u32> = {
                let mut free = self.free();
                let count = count_max.min(free.len());
                free.drain(..count).collect()
            };
            if !taken.is_empty() {
                return taken;
            }
            self.shared.1.notified().await;
        }
    }

    pub(super) fn give_back(&self, operators: impl Iterator<Item = u32>) {
        self.free().extend(operators);
        self.shared.1.notify_one();
    }

    /// They were taken and not needed: they stay first.
    pub(super) fn give_back_first(&self, operators: impl DoubleEndedIterator<Item = u32>) {
        let mut free = self.free();
        operators.rev().for_each(|operator| free.push_front(operator));
    }

    fn free(&self) -> MutexGuard<'_, VecDeque<u32>> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
