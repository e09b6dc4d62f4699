//! The commands that this node has taken from its clients and not yet seen in the log.
//!
//! **Invariant:** commands go out in the order of their numbers. One that went out in an earlier term goes out
//! again only after this node has applied an entry of a later term: by then every entry of the earlier term that
//! will ever be committed has been applied here, so what is still open was lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringmain_routing::{Command, Incarnation, NodeId};
use tokio::sync::{oneshot, watch};

use crate::feed::Applied;
use crate::type_config::Origin;
use crate::way::{self, Way, Ways};

/// Commands that may be open at a time.
pub const OPEN_MAX: usize = 8_192;
/// Of these, kept for life safety and for commands that end work rather than bring it.
pub const OPEN_RESERVED: usize = 1_024;
/// Bytes of open commands.
pub const OPEN_BYTES_MAX: usize = 64 << 20;

/// What became of an open command.
#[derive(Clone, Debug)]
pub enum Settled {
    /// This node has applied it.
    Applied(Arc<Applied>),
    /// It was decided where this node did not see it: inside a snapshot, or as a repeat.
    Unseen,
}

/// A command refused before it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// What was known of a command when its client stopped waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenUp {
    /// It never left this node and never will.
    NeverSent,
    /// It may yet be carried out, or has been.
    Sent,
}

/// A command as it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its number in this run of this node.
    pub seq: u64,
    /// The frame of the log.
    pub frame: Arc<[u8]>,
}

/// The open commands of this run of this node.
#[derive(Debug)]
pub struct Pending {
    node: NodeId,
    incarnation: Incarnation,
    open: Mutex<Open>,
    last_seq: watch::Sender<u64>,
    ways: Ways,
}

#[derive(Debug, Default)]
struct Open {
    rows: BTreeMap<u64, Row>,
    bytes: usize,
    next_seq: u64,
    /// Sent in the present term, or on the present stream, up to here.
    sent: u64,
    /// Sent at any time up to here.
    ever_sent: u64,
}

#[derive(Debug)]
struct Row {
    frame: Arc<[u8]>,
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
        let open = Mutex::new(Open { next_seq: 1, ..Open::default() });
        Arc::new(Self { node, incarnation, open, last_seq: watch::Sender::new(0), ways: Ways::default() })
    }

    /// Takes a command in, or refuses while that is still harmless.
    pub fn take(self: &Arc<Self>, command: &Command) -> Result<Ticket, Full> {
        let frame: Arc<[u8]> = command.encode().into();
        let room = if ends_work(command) { OPEN_MAX } else { OPEN_MAX - OPEN_RESERVED };
        let (settled, receiver) = oneshot::channel();
        let way = Way::begin(command);
        let mut open = self.lock();
        if open.rows.len() >= room || open.bytes + frame.len() > OPEN_BYTES_MAX {
            return Err(Full);
        }
        let seq = open.next_seq;
        open.next_seq += 1;
        open.bytes += frame.len();
        open.rows.insert(seq, Row { frame, settled, way });
        drop(open);
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
        let row_way = |open: MutexGuard<'_, Open>| open.rows.get(&origin.seq).map(|row| row.way.clone());
        wanted.then(|| row_way(self.lock())).flatten().filter(Way::is_followed)
    }

    /// The ways of commands that were applied and whose effects are still to be handed out.
    pub fn ways(&self) -> &Ways {
        &self.ways
    }

    /// The state machine has applied a command.
    pub fn applied(&self, origin: &Origin, applied: &Arc<Applied>) {
        if self.is_own(origin)
            && let Some(row) = self.remove(origin.seq)
        {
            row.settled.send(Settled::Applied(Arc::clone(applied))).ok();
        }
    }

    /// The state machine met a command that it had applied before.
    pub fn repeated(&self, origin: &Origin) {
        if self.is_own(origin)
            && let Some(row) = self.remove(origin.seq)
        {
            row.settled.send(Settled::Unseen).ok();
        }
    }

    /// A snapshot was installed that holds the effects of this origin and those before it.
    pub fn skipped(&self, last: &Origin) {
        if !self.is_own(last) {
            return;
        }
        let mut open = self.lock();
        let later = open.rows.split_off(&(last.seq + 1));
        let skipped = std::mem::replace(&mut open.rows, later);
        open.bytes = open.rows.values().map(|row| row.frame.len()).sum();
        drop(open);
        for row in skipped.into_values() {
            row.settled.send(Settled::Unseen).ok();
        }
    }

    /// The next commands to go out, in order, marked as sent. At least one where one waits.
    #[must_use]
    pub fn next_to_send(&self, count_max: usize, bytes_max: usize) -> Vec<Numbered> {
        let mut open = self.lock();
        let mut bytes = 0;
        let mut batch = Vec::new();
        for (&seq, row) in open.rows.range(open.sent + 1..).take(count_max) {
            bytes += row.frame.len();
            if bytes > bytes_max && !batch.is_empty() {
                break;
            }
            batch.push(Numbered { seq, frame: Arc::clone(&row.frame) });
        }
        if let Some(last) = batch.last() {
            open.sent = last.seq;
            open.ever_sent = open.ever_sent.max(last.seq);
        }
        batch
    }

    /// Everything open goes out again, from the first.
    pub fn rewind(&self) {
        self.lock().sent = 0;
    }

    /// Whether a command is open that has left this node.
    #[must_use]
    pub fn any_sent(&self) -> bool {
        let open = self.lock();
        open.rows.first_key_value().is_some_and(|(&seq, _)| seq <= open.ever_sent)
    }

    /// How many are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.lock().rows.len()
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

    fn remove(&self, seq: u64) -> Option<Row> {
        let mut open = self.lock();
        let row = open.rows.remove(&seq)?;
        open.bytes -= row.frame.len();
        Some(row)
    }

    fn give_up(&self, seq: u64) -> GivenUp {
        self.remove(seq);
        if seq <= self.lock().ever_sent { GivenUp::Sent } else { GivenUp::NeverSent }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
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

/// Whether a command has the reserved room: life safety, and what frees people or room. Overload is met by
/// refusing new work, never by refusing to finish the old.
fn ends_work(command: &Command) -> bool {
    match command {
        Command::EnqueueContact(enqueue) => enqueue.tier == 0,
        Command::ApplyPlan(_) | Command::PutOperators(_) | Command::UpdateContact(_) => false,
        Command::Tick
        | Command::OpenSession(_)
        | Command::LoseSession(_)
        | Command::CloseSession(_)
        | Command::NodeStarted(_)
        | Command::NodeLost(_)
        | Command::AbandonContact(_)
        | Command::SetPresence(_)
        | Command::AcceptOffer(_)
        | Command::DeclineOffer(_)
        | Command::CompleteContact(_)
        | Command::ExtendWrapUp(_)
        | Command::EndWrapUp(_)
        | Command::TransferContact(_)
        | Command::HoldContact(_)
        | Command::Act(_) => true,
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
