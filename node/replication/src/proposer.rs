//! The leader's pen: what local clients and other nodes propose becomes entries of one term.
//!
//! An entry is sent at once while few are in flight. What comes meanwhile queues and goes out together, up to 64
//! commands at a time and [`IN_FLIGHT_MAX`] entries in flight.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use openraft::errors::ClientWriteError;
use openraft::impls::ProgressResponder;
use openraft::impls::leader_id_std::LeaderId;
use openraft::raft::ClientWriteResult;
use openraft::vote::RaftLeaderId;
use ringmain_routing::shell::forwarding::{Accepted, Origin};
use ringmain_routing::{Command, Incarnation, NodeId};
use tokio::sync::mpsc;

use crate::pending::Numbered;
use crate::shared::Shared;
use crate::type_config::{
    COMMANDS_PER_ENTRY_MAX, ENTRY_BYTES_TARGET, EntryBatch, GroupId, ProposedCommand, TypeConfig,
};

/// Entries proposed and not yet applied by the leader.
pub const IN_FLIGHT_MAX: usize = 16;
/// As long as fewer are in flight, an entry need not be full to go.
const EAGER_IN_FLIGHT: usize = 4;
/// Commands that wait for an entry on the leader. Who brings more waits, and refuses its own clients in time.
const INTAKE_MAX: usize = 4_096;
/// openraft refuses while it hands over or has lost its quorum; both end or cost the term.
const REFUSED_RETRY: Duration = Duration::from_millis(10);
/// Replicated time is asked again after so long, however far the next timer is.
const TICK_WAIT_MAX: Duration = Duration::from_secs(1);

/// This node's leadership of one term, as those see it who bring commands.
#[derive(Debug)]
pub struct Reign {
    term: u64,
    intake: mpsc::Sender<ProposedCommand>,
    /// The last command taken from each run of each node in this term.
    accepted: Mutex<Accepted>,
}

/// The reign is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over;

impl Reign {
    /// A reign that takes commands, and the place they come out.
    #[must_use]
    pub fn begin(term: u64) -> (Arc<Reign>, mpsc::Receiver<ProposedCommand>) {
        let (intake, receiver) = mpsc::channel(INTAKE_MAX);
        (Arc::new(Reign { term, intake, accepted: Mutex::default() }), receiver)
    }

    /// The term.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.term
    }

    /// Takes commands of one node's run, in order; those taken before in this term are left out, so that a node may
    /// send them again after its stream broke. Waits for room.
    pub async fn accept(&self, node: NodeId, run: Incarnation, batch: Vec<Numbered>) -> Result<(), Over> {
        let mut room = self.intake.reserve_many(batch.len()).await.map_err(|_| Over)?;
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        for Numbered { seq, frame } in batch {
            if accepted.accept(node, run, seq)
                && let Some(place) = room.next()
            {
                place.send(ProposedCommand { frame, origin: Some(Origin { node, incarnation: run, seq }) });
            }
        }
        Ok(())
    }

    /// Resolves when the reign takes nothing more, and what it took and did not write is lost.
    pub async fn over(&self) {
        self.intake.closed().await;
    }

    /// Takes a command of the leader itself. Nobody waits for its answer, and the next leader finds its own reasons.
    pub async fn accept_own(&self, command: &Command) -> Result<(), Over> {
        let frame = command.encode().into();
        self.intake.send(ProposedCommand { frame, origin: None }).await.map_err(|_| Over)
    }
}

/// What Raft said of one entry (`None`: it has stopped), and the entry's commands.
type Written = (Option<ClientWriteResult<TypeConfig>>, Arc<[ProposedCommand]>);

/// Writes entries until the reign is over.
pub async fn run(shared: &Shared, term: u64, intake: mpsc::Receiver<ProposedCommand>) -> Over {
    let mut proposer = Proposer { shared, term, intake, queue: Vec::new(), in_flight: FuturesOrdered::new() };
    loop {
        if let Err(over) = proposer.step().await {
            return over;
        }
    }
}

struct Proposer<'a> {
    shared: &'a Shared,
    term: u64,
    intake: mpsc::Receiver<ProposedCommand>,
    queue: Vec<ProposedCommand>,
    in_flight: FuturesOrdered<BoxFuture<'static, Written>>,
}

impl Proposer<'_> {
    async fn step(&mut self) -> Result<(), Over> {
        while self.may_send() {
            let commands = self.next_entry();
            self.send(commands).await?;
        }
        let room = (2 * COMMANDS_PER_ENTRY_MAX).saturating_sub(self.queue.len());
        let tick_in = self.tick_in();
        tokio::select! {
            biased;
            Some(written) = self.in_flight.next() => {
                if let Some(refused) = judge(written)? {
                    self.regroup(refused).await?;
                }
            }
            taken = self.intake.recv_many(&mut self.queue, room), if room > 0 => {
                if taken == 0 {
                    return Err(Over);
                }
            }
            () = tokio::time::sleep(tick_in.unwrap_or_default()), if tick_in.is_some() => {
                self.tick().await?;
            }
        }
        Ok(())
    }

    fn may_send(&self) -> bool {
        match self.in_flight.len() {
            _ if self.queue.is_empty() => false,
            0..EAGER_IN_FLIGHT => true,
            EAGER_IN_FLIGHT..IN_FLIGHT_MAX => self.queue.len() >= COMMANDS_PER_ENTRY_MAX,
            _ => false,
        }
    }

    /// The first commands of the queue, as many as one entry holds.
    fn next_entry(&mut self) -> Arc<[ProposedCommand]> {
        let mut bytes = 0;
        let fitting = self.queue.iter().take(COMMANDS_PER_ENTRY_MAX).take_while(|command| {
            let first = bytes == 0;
            bytes += command.frame.len();
            first || bytes <= ENTRY_BYTES_TARGET
        });
        let count = fitting.count();
        self.queue.drain(..count).collect()
    }

    async fn send(&mut self, commands: Arc<[ProposedCommand]>) -> Result<(), Over> {
        let batch = EntryBatch {
            group: GroupId::default(),
            at: self.shared.time.stamp(),
            commands: Arc::clone(&commands),
        };
        self.shared.counters.entry(commands.len());
        let (responder, receiver) = ProgressResponder::complete_only();
        let leader = LeaderId::new(self.term, self.shared.config.node.0).to_committed();
        let write = self.shared.raft.write(batch).with_leader(leader);
        write.responder(responder).await.map_err(|_| Over)?;
        self.in_flight.push_back(Box::pin(async move { (receiver.await.ok(), commands) }));
        Ok(())
    }

    /// Raft refused an entry, and perhaps those after it, but the term goes on: all go again, in order, once
    /// nothing is in flight.
    async fn regroup(&mut self, refused: Arc<[ProposedCommand]>) -> Result<(), Over> {
        let mut again = refused.to_vec();
        while let Some(written) = self.in_flight.next().await {
            if let Some(refused) = judge(written)? {
                again.extend(refused.iter().cloned());
            }
        }
        tokio::time::sleep(REFUSED_RETRY).await;
        again.append(&mut self.queue);
        self.queue = again;
        Ok(())
    }

    /// How long until a timer of the core is due; `None` while something is proposed, which fires it too.
    fn tick_in(&self) -> Option<Duration> {
        if !self.queue.is_empty() || !self.in_flight.is_empty() {
            return None;
        }
        let deadline = self.shared.machine.read(|router| router.next_deadline())?;
        let now = self.shared.time.now()?;
        Some(Duration::from_millis(deadline.since(now).0).min(TICK_WAIT_MAX))
    }

    async fn tick(&mut self) -> Result<(), Over> {
        let due = self.shared.machine.read(|router| router.next_deadline());
        if due.is_some_and(|due| self.shared.time.now().is_some_and(|now| now >= due)) {
            let tick = ProposedCommand { frame: Command::Tick.encode().into(), origin: None };
            self.send([tick].into()).await?;
        }
        Ok(())
    }
}

/// The commands that must go again, if Raft refused the entry before it was in the log.
fn judge((result, commands): Written) -> Result<Option<Arc<[ProposedCommand]>>, Over> {
    match result {
        Some(Ok(_)) => Ok(None),
        Some(Err(ClientWriteError::ForwardToLeader(_))) => Ok(Some(commands)),
        Some(Err(
            ClientWriteError::LogEntryDiscarded(_)
            | ClientWriteError::ChangeMembershipError(_)
            | ClientWriteError::PreconditionFailed(_),
        ))
        | None => Err(Over),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId(2);
    const RUN: Incarnation = Incarnation(1);

    fn batch(seqs: impl IntoIterator<Item = u64>) -> Vec<Numbered> {
        seqs.into_iter().map(|seq| Numbered { seq, frame: [].into() }).collect()
    }

    fn taken(intake: &mut mpsc::Receiver<ProposedCommand>) -> Vec<(u64, u64)> {
        let commands = std::iter::from_fn(|| intake.try_recv().ok());
        commands.filter_map(|command| command.origin.map(|origin| (origin.node.0, origin.seq))).collect()
    }

    #[tokio::test]
    async fn what_a_broken_stream_brings_again_is_taken_once_and_in_order() {
        let (reign, mut intake) = Reign::begin(5);
        reign.accept(NODE, RUN, batch(1..=4)).await.unwrap();
        // The new stream starts over; the old one still delivers what it held.
        reign.accept(NODE, RUN, batch(2..=6)).await.unwrap();
        reign.accept(NODE, RUN, batch(3..=5)).await.unwrap();
        reign.accept(NODE, RUN, batch([7, 9])).await.unwrap();
        assert_eq!(
            taken(&mut intake),
            [1, 2, 3, 4, 5, 6, 7, 9].map(|seq| (2, seq)),
            "numbers given up stay away"
        );
    }

    #[tokio::test]
    async fn each_node_and_each_of_its_runs_counts_for_itself() {
        let (reign, mut intake) = Reign::begin(5);
        reign.accept(NODE, RUN, batch([3])).await.unwrap();
        reign.accept(NodeId(3), RUN, batch([1])).await.unwrap();
        reign.accept(NODE, Incarnation(2), batch([1])).await.unwrap();
        assert_eq!(taken(&mut intake), [(2, 3), (3, 1), (2, 1)]);
    }

    #[tokio::test]
    async fn a_reign_that_is_over_takes_nothing() {
        let (reign, intake) = Reign::begin(5);
        drop(intake);
        assert_eq!(reign.accept(NODE, RUN, batch([1])).await, Err(Over));
        assert_eq!(reign.accept_own(&Command::Tick).await, Err(Over));
    }
}
