//! The way of a node's commands to the leader: what is open and goes out next, what a leader takes of it, and which
//! commands of the log are repeats.
//!
//! **Invariants:** commands go out in the order of their numbers. A leader takes each number of a run once in its
//! term. Whether a command of the log is a repeat is decided by replicated state alone.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::ids::{Incarnation, NodeId};
use crate::planted::{Planted, is};

/// Who proposed a command, and which of its proposals it is. State machines apply each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The node a client talked to.
    pub node: NodeId,
    /// That node's run.
    pub incarnation: Incarnation,
    /// Counts the proposals of that run from 1. Within a run they are appended in this order.
    pub seq: u64,
}

/// The last command applied of each node: its run, and its number there.
pub type Origins = BTreeMap<NodeId, (Incarnation, u64)>;

/// Whether a command of the log was not applied before; from here on it was.
pub fn is_first(origins: &mut Origins, origin: Origin) -> bool {
    let last = origins.entry(origin.node).or_default();
    let first = (origin.incarnation, origin.seq) > *last;
    if first {
        *last = (origin.incarnation, origin.seq);
    }
    first || is(Planted::RepeatApplied)
}

/// A command as it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its number in this run of the node.
    pub seq: u64,
    /// The frame of the log.
    pub frame: Arc<[u8]>,
}

/// How many commands may be open, and of how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenLimits {
    /// Commands at a time.
    pub count_max: usize,
    /// Of these, kept for life safety and for commands that end work rather than bring it.
    pub reserved: usize,
    /// Bytes of their frames.
    pub bytes_max: usize,
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

/// The commands that a run of a node has taken from its clients and not yet seen in the log, with who waits for each.
#[derive(Debug)]
pub struct OpenCommands<W> {
    rows: BTreeMap<u64, Row<W>>,
    bytes: usize,
    next_seq: u64,
    /// Sent in the present term, or on the present stream, up to here.
    sent: u64,
    /// Sent at any time up to here.
    ever_sent: u64,
}

#[derive(Debug)]
struct Row<W> {
    frame: Arc<[u8]>,
    waiter: W,
}

impl<W> Default for OpenCommands<W> {
    fn default() -> Self {
        OpenCommands { rows: BTreeMap::new(), bytes: 0, next_seq: 1, sent: 0, ever_sent: 0 }
    }
}

impl<W> OpenCommands<W> {
    /// Takes a command in and gives its number, or refuses while that is still harmless.
    ///
    /// # Errors
    /// [`Full`] when the limits are reached.
    pub fn take(
        &mut self,
        limits: &OpenLimits,
        ends_work: bool,
        frame: Arc<[u8]>,
        waiter: W,
    ) -> Result<u64, Full> {
        let room =
            if ends_work { limits.count_max } else { limits.count_max.saturating_sub(limits.reserved) };
        if self.rows.len() >= room || self.bytes + frame.len() > limits.bytes_max {
            return Err(Full);
        }
        let seq = self.next_seq;
        self.next_seq += 1;
        self.bytes += frame.len();
        self.rows.insert(seq, Row { frame, waiter });
        Ok(seq)
    }

    /// Who waits for an open command.
    #[must_use]
    pub fn waiter(&self, seq: u64) -> Option<&W> {
        self.rows.get(&seq).map(|row| &row.waiter)
    }

    /// A command was decided, or nobody waits for it any more; gives who waited.
    pub fn remove(&mut self, seq: u64) -> Option<W> {
        let row = self.rows.remove(&seq)?;
        self.bytes -= row.frame.len();
        Some(row.waiter)
    }

    /// A snapshot holds what became of the commands up to this one; gives who waited for them.
    pub fn skipped(&mut self, last: u64) -> Vec<W> {
        let later = self.rows.split_off(&(last + 1));
        let skipped = core::mem::replace(&mut self.rows, later);
        self.bytes = self.rows.values().map(|row| row.frame.len()).sum();
        skipped.into_values().map(|row| row.waiter).collect()
    }

    /// The next commands to go out, in order, marked as sent. At least one where one waits.
    pub fn next_to_send(&mut self, count_max: usize, bytes_max: usize) -> Vec<Numbered> {
        let mut bytes = 0;
        let mut batch = Vec::new();
        for (&seq, row) in self.rows.range(self.sent + 1..).take(count_max) {
            bytes += row.frame.len();
            if bytes > bytes_max && !batch.is_empty() {
                break;
            }
            batch.push(Numbered { seq, frame: Arc::clone(&row.frame) });
        }
        if let Some(last) = batch.last() {
            self.sent = last.seq;
            self.ever_sent = self.ever_sent.max(last.seq);
        }
        batch
    }

    /// Everything open goes out again, from the first.
    pub fn rewind(&mut self) {
        self.sent = 0;
    }

    /// Whether a command is open that has left this node. Then a later term gets what is open only after an entry of
    /// that term was applied here: by then every entry of the earlier terms that will ever be committed has been
    /// applied too, so what is still open was lost.
    #[must_use]
    pub fn any_sent(&self) -> bool {
        self.rows.first_key_value().is_some_and(|(&seq, _)| seq <= self.ever_sent)
    }

    /// How many are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Nobody waits for the command any more.
    pub fn give_up(&mut self, seq: u64) -> GivenUp {
        self.remove(seq);
        if seq <= self.ever_sent { GivenUp::Sent } else { GivenUp::NeverSent }
    }
}

/// What a leader has taken in its term: the last command of each run of each node.
#[derive(Clone, Debug, Default)]
pub struct Accepted {
    last: BTreeMap<(NodeId, Incarnation), u64>,
}

impl Accepted {
    /// Whether a command is new in this term; it counts as taken afterwards. A node may send commands again after
    /// its stream broke, and numbers that were given up stay away.
    pub fn accept(&mut self, node: NodeId, run: Incarnation, seq: u64) -> bool {
        let last = self.last.entry((node, run)).or_default();
        let is_new = seq > *last;
        *last = seq.max(*last);
        is_new
    }
}

/// Whether a command has the reserved room: life safety, and what frees people or room. Overload is met by
/// refusing new work, never by refusing to finish the old.
#[must_use]
pub fn ends_work(command: &Command) -> bool {
    match command {
        // What else may become tier 0 is known where the register is: in the core.
        Command::EnqueueContact(enqueue) => enqueue.tier == 0 || enqueue.facts.danger,
        Command::ApplyPlan(_)
        | Command::PutOperators(_)
        | Command::UpdateContact(_)
        | Command::PutLifeSupport(_) => false,
        Command::Tick
        | Command::AskForBreak(_)
        | Command::RequestPerson(_)
        | Command::InviteCompanion(_)
        | Command::Consult(_)
        | Command::EndConsult(_)
        | Command::JoinConsult(_)
        | Command::DeflectContact(_)
        | Command::BeginEnquiry(_)
        | Command::FreeCaller(_)
        | Command::CloseEnquiry(_)
        | Command::AskForHelp(_)
        | Command::NoteMessage(_)
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
        | Command::TakeNext(_)
        | Command::AssignContact(_)
        | Command::Act(_) => true,
    }
}
