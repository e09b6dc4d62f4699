//! Who has been heard of, and when, shared by the tasks of a node.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringmain_routing::shell::liveness;
use ringmain_routing::{Incarnation, NodeId};

pub use ringmain_routing::shell::liveness::{Answered, Met, Report, Said};

/// [`liveness::Liveness`] behind a lock: see there what each call means.
#[derive(Debug)]
pub struct Liveness {
    state: Mutex<liveness::Liveness>,
}

impl Liveness {
    /// Nothing heard yet, and nobody late yet.
    #[must_use]
    pub fn new(now: Duration) -> Self {
        Self { state: Mutex::new(liveness::Liveness::new(now)) }
    }

    /// The leader of a term was heard.
    pub fn leader_heard(&self, term: u64, now: Duration) {
        self.lock().leader_heard(term, now);
    }

    /// The leader of a term was heard, and said that a majority had heard it so long ago.
    pub fn leader_said(&self, term: u64, alone: Duration, now: Duration) {
        self.lock().leader_said(term, alone, now);
    }

    /// How long ago this follower heard its leader.
    #[must_use]
    pub fn since_leader(&self, now: Duration) -> Duration {
        self.lock().since_leader(now)
    }

    /// This node begins to lead: everybody has one full interval to answer.
    pub fn reign_began(&self, peers: impl Iterator<Item = NodeId>, now: Duration) {
        self.lock().reign_began(peers, now);
    }

    /// The leader watches these and no others: one that is new has one full interval to answer.
    pub fn watched(&self, peers: impl Iterator<Item = NodeId>, now: Duration) {
        self.lock().watched(peers, now);
    }

    /// This node leads no longer: it was last in touch when a majority of `voters` last heard it.
    pub fn reign_ended(&self, me: NodeId, voters: &[BTreeSet<NodeId>], now: Duration) {
        self.lock().reign_ended(me, voters, now);
    }

    /// A peer has answered a ping.
    pub fn answered(&self, peer: NodeId, run: Incarnation, said: Said, now: Duration) {
        self.lock().answered(peer, run, said, now);
    }

    /// A node has answered a question of this node's own, and said whether it hears a majority.
    pub fn met(&self, node: NodeId, in_touch: bool, now: Duration) {
        self.lock().met(node, in_touch, now);
    }

    /// A node's last answer to a question of this node's own, unless it is as old as `within`.
    #[must_use]
    pub fn last_met(&self, node: NodeId, within: Duration, now: Duration) -> Option<Met> {
        self.lock().last_met(node, within, now)
    }

    /// Whether every peer has answered in this reign.
    #[must_use]
    pub fn heard_all(&self) -> bool {
        self.lock().heard_all()
    }

    /// How long ago a peer answered in this reign, and what it said of itself; `None` when it has not.
    #[must_use]
    pub fn last_word(&self, peer: NodeId, now: Duration) -> Option<(Duration, Said)> {
        self.lock().last_word(peer, now)
    }

    /// The peer, when it has been silent for `silence` and its loss is not yet told.
    #[must_use]
    pub fn lost(&self, peer: NodeId, silence: Duration, now: Duration) -> Option<Answered> {
        self.lock().lost(peer, silence, now)
    }

    /// The peer's loss has been told: not again until it was heard.
    pub fn loss_told(&self, peer: NodeId) {
        self.lock().loss_told(peer);
    }

    /// How long ago a leader last knew that a majority hears it: the age of the answer that completes it, in each of
    /// the sets of voters.
    #[must_use]
    pub fn since_majority(&self, me: NodeId, voters: &[BTreeSet<NodeId>], now: Duration) -> Duration {
        self.lock().since_majority(me, voters, now)
    }

    fn lock(&self) -> MutexGuard<'_, liveness::Liveness> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
