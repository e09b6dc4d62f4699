//! The commands that this node has taken from its clients and not yet seen in the log.
//!
//! **Invariant:** commands go out in the order of their numbers. One that went out in an earlier term goes out
//! again only after this node has applied an entry of a later term: by then every entry of the earlier term that
//! will ever be committed has been applied here, so what is still open was lost.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringmain_routing::shell::forwarding::{OpenCommands, OpenLimits, Origin, ends_work};
use ringmain_routing::{Command, Incarnation, NodeId};
use tokio::sync::{oneshot, watch};

use crate::feed::Applied;
use crate::way::{self, Way, Ways};

pub use ringmain_routing::shell::forwarding::{Full, GivenUp, Numbered};

/// Commands that may be open at a time.
pub const OPEN_MAX: usize = 8_192;
/// Of these, kept for life safety and for commands that end work rather than bring it.
pub const OPEN_RESERVED: usize = 1_024;
/// Bytes of open commands.
pub const OPEN_BYTES_MAX: usize = 64 << 20;

const LIMITS: OpenLimits =
    OpenLimits { count_max: OPEN_MAX, reserved: OPEN_RESERVED, bytes_max: OPEN_BYTES_MAX };

/// What became of an open command.
#[derive(Clone, Debug)]
pub enum Settled {
    /// This node has applied it.
    Applied(Arc<Applied>),
    /// It was decided where this node did not see it: inside a snapshot, or as a repeat.
    Unseen,
}

/// The open commands of this run of this node.
#[derive(Debug)]
pub struct Pending {
    node: NodeId,
    incarnation: Incarnation,
    open: Mutex<OpenCommands<Waiter>>,
    last_seq: watch::Sender<u64>,
    ways: Ways,
}

/// Who waits for an open command, and its way so far.
#[derive(Debug)]
struct Waiter {
    settled: oneshot::Sender<Settled>,
    way: Way,
}

/// An open command's place; dropping it gives the command up.
#[derive(Debug)]
pub struct Ticket {
    pending: Arc<Pending>,
    seq: u64,
    settled: oneshot::Receiver<Settled>,
}

impl Pending {
    /// No open command yet.
    #[must_use]
    pub fn new(node: NodeId, incarnation: Incarnation) -> Arc<Self> {
        let open = Mutex::new(OpenCommands::default());
        Arc::new(Self { node, incarnation, open, last_seq: watch::Sender::new(0), ways: Ways::default() })
    }

    /// Takes a command in, or refuses while that is still harmless.
    pub fn take(self: &Arc<Self>, command: &Command) -> Result<Ticket, Full> {
        let frame: Arc<[u8]> = command.encode().into();
        let (settled, receiver) = oneshot::channel();
        let waiter = Waiter { settled, way: Way::begin(command) };
        let seq = self.lock().take(&LIMITS, ends_work(command), frame, waiter)?;
        // Two may finish in the other order: the mark only grows.
        self.last_seq.send_if_modified(|last| {
            let grown = *last < seq;
            *last = seq.max(*last);
            grown
        });
        Ok(Ticket { pending: Arc::clone(self), seq, settled: receiver })
    }

    /// The way of an open command of this node, if anybody follows ways.
    pub fn way(&self, origin: &Origin) -> Option<Way> {
        let wanted = way::is_wanted() && self.is_own(origin);
        let way_of = |open: MutexGuard<'_, OpenCommands<Waiter>>| {
            open.waiter(origin.seq).map(|waiter| waiter.way.clone())
        };
        wanted.then(|| way_of(self.lock())).flatten().filter(Way::is_followed)
    }

    /// The ways of commands that were applied and whose effects are still to be handed out.
    pub fn ways(&self) -> &Ways {
        &self.ways
    }

    /// The state machine has applied a command.
    pub fn applied(&self, origin: &Origin, applied: &Arc<Applied>) {
        if self.is_own(origin)
            && let Some(waiter) = self.remove(origin.seq)
        {
            waiter.settled.send(Settled::Applied(Arc::clone(applied))).ok();
        }
    }

    /// The state machine met a command that it had applied before.
    pub fn repeated(&self, origin: &Origin) {
        if self.is_own(origin)
            && let Some(waiter) = self.remove(origin.seq)
        {
            waiter.settled.send(Settled::Unseen).ok();
        }
    }

    /// A snapshot was installed that holds the effects of this origin and those before it.
    pub fn skipped(&self, last: &Origin) {
        if !self.is_own(last) {
            return;
        }
        let skipped = self.lock().skipped(last.seq);
        for waiter in skipped {
            waiter.settled.send(Settled::Unseen).ok();
        }
    }

    /// The next commands to go out, in order, marked as sent. At least one where one waits.
    #[must_use]
    pub fn next_to_send(&self, count_max: usize, bytes_max: usize) -> Vec<Numbered> {
        self.lock().next_to_send(count_max, bytes_max)
    }

    /// Everything open goes out again, from the first.
    pub fn rewind(&self) {
        self.lock().rewind();
    }

    /// Whether a command is open that has left this node.
    #[must_use]
    pub fn any_sent(&self) -> bool {
        self.lock().any_sent()
    }

    /// How many are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.lock().len()
    }

    /// Changes with each command taken in.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.last_seq.subscribe()
    }

    /// The node and run whose commands these are.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    fn is_own(&self, origin: &Origin) -> bool {
        origin.node == self.node && origin.incarnation == self.incarnation
    }

    fn remove(&self, seq: u64) -> Option<Waiter> {
        self.lock().remove(seq)
    }

    fn give_up(&self, seq: u64) -> GivenUp {
        self.lock().give_up(seq)
    }

    fn lock(&self) -> MutexGuard<'_, OpenCommands<Waiter>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Resolves when the command is settled; `None` when it never will be.
    pub async fn settled(&mut self) -> Option<Settled> {
        (&mut self.settled).await.ok()
    }

    /// The client waits no longer.
    #[must_use]
    pub fn give_up(self) -> GivenUp {
        self.pending.give_up(self.seq)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.pending.remove(self.seq);
    }
}

#[cfg(test)]
mod tests {
    use ringmain_routing::{Epoch, GatewayId, LogIndex, Outcome, Party, Reply, Timestamp, command};

    use super::*;

    const ME: NodeId = NodeId(1);
    const RUN: Incarnation = Incarnation(3);

    fn pending() -> Arc<Pending> {
        Pending::new(ME, RUN)
    }

    fn origin(seq: u64) -> Origin {
        Origin { node: ME, incarnation: RUN, seq }
    }

    fn applied() -> Arc<Applied> {
        let outcome = Outcome { reply: Ok(Reply::Done), effects: vec![] };
        let (index, at) = (LogIndex(1), Timestamp(0));
        Arc::new(Applied { index, raft_index: 1, term: 1, at, command: Command::Tick, outcome, chain: 0 })
    }

    /// A contact of this tier.
    fn push(tier: u8) -> Command {
        Command::EnqueueContact(Box::new(command::EnqueueContact {
            gateway: GatewayId { slot: 0, generation: 0 },
            epoch: Epoch(1),
            key: "k1".into(),
            queue: "calls".into(),
            channel: "voice".into(),
            tier,
            head_start: ringmain_routing::Millis(0),
            skills: vec![],
            scope: None,
            units: None,
            not_before: None,
            preferred: None,
            callback: None,
            details: command::ContactDetails::default(),
            facts: Default::default(),
        }))
    }

    fn seqs(batch: &[Numbered]) -> Vec<u64> {
        batch.iter().map(|one| one.seq).collect()
    }

    #[test]
    fn commands_go_out_in_order_and_again_after_a_rewind() {
        let pending = pending();
        let tickets: Vec<_> = (0..5).map(|_| pending.take(&Command::Tick).unwrap()).collect();
        assert_eq!(seqs(&pending.next_to_send(2, 1 << 20)), [1, 2]);
        assert_eq!(seqs(&pending.next_to_send(9, 0)), [3], "at least one, however large");
        assert_eq!(seqs(&pending.next_to_send(9, 1 << 20)), [4, 5]);
        assert_eq!(seqs(&pending.next_to_send(9, 1 << 20)), [0; 0]);
        pending.applied(&origin(2), &applied());
        pending.rewind();
        assert_eq!(seqs(&pending.next_to_send(9, 1 << 20)), [1, 3, 4, 5]);
        drop(tickets);
        assert_eq!(pending.open_count(), 0);
    }

    #[test]
    fn a_command_given_up_tells_whether_it_ever_left() {
        let pending = pending();
        let first = pending.take(&Command::Tick).unwrap();
        let second = pending.take(&Command::Tick).unwrap();
        assert!(!pending.any_sent());
        assert_eq!(seqs(&pending.next_to_send(1, 1 << 20)), [1]);
        assert!(pending.any_sent());
        assert_eq!(first.give_up(), GivenUp::Sent);
        assert!(!pending.any_sent());
        assert_eq!(second.give_up(), GivenUp::NeverSent);
    }

    #[tokio::test]
    async fn what_a_snapshot_holds_is_settled_unseen() {
        let pending = pending();
        let mut tickets: Vec<_> = (0..3).map(|_| pending.take(&Command::Tick).unwrap()).collect();
        pending.skipped(&Origin { node: NodeId(2), ..origin(3) });
        pending.skipped(&Origin { incarnation: Incarnation(2), ..origin(3) });
        assert_eq!(pending.open_count(), 3);
        pending.skipped(&origin(2));
        assert!(matches!(tickets[0].settled().await, Some(Settled::Unseen)));
        assert!(matches!(tickets[1].settled().await, Some(Settled::Unseen)));
        pending.applied(&origin(3), &applied());
        assert!(matches!(tickets[2].settled().await, Some(Settled::Applied(_))));
    }

    #[test]
    fn the_last_room_is_kept_for_life_safety_and_finished_work() {
        let pending = pending();
        let abandon = Command::AbandonContact(command::AbandonContact {
            gateway: GatewayId { slot: 0, generation: 0 },
            epoch: Epoch(1),
            contact: ringmain_routing::ContactId { slot: 0, generation: 0 },
        });
        let lose = Command::LoseSession(command::LoseSession {
            party: Party::Gateway(GatewayId { slot: 0, generation: 0 }),
            epoch: Epoch(1),
        });
        let put = Command::PutOperators(command::PutOperators { operators: vec![], by: None });
        let mut tickets = vec![];
        for _ in 0..OPEN_MAX - OPEN_RESERVED {
            tickets.push(pending.take(&put).unwrap());
        }
        assert_eq!(pending.take(&put).unwrap_err(), Full);
        assert_eq!(pending.take(&push(1)).unwrap_err(), Full);
        tickets.push(pending.take(&push(0)).unwrap());
        for _ in 1..OPEN_RESERVED {
            tickets.push(pending.take(&abandon).unwrap());
        }
        assert_eq!(pending.take(&lose).unwrap_err(), Full);
        tickets.pop();
        assert!(pending.take(&lose).is_ok());
    }
}
