//! Who has been heard of, and when: the basis of read-only and of lost nodes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringmain_routing::{Incarnation, NodeId};

/// When a node last heard of others, on its monotonic clock.
#[derive(Debug)]
pub struct Liveness {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    leader_heard: Duration,
    /// By peer: the last answer to a ping of this reign.
    answered: BTreeMap<NodeId, Answered>,
}

/// A peer's last sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// When.
    pub at: Duration,
    /// Of which run; `None` before the first answer.
    pub run: Option<Incarnation>,
    /// Its loss has been proposed.
    pub lost: bool,
}

impl Liveness {
    /// Nothing heard yet, and nobody late yet.
    #[must_use]
    pub fn new(now: Duration) -> Self {
        Self { state: Mutex::new(State { leader_heard: now, ..State::default() }) }
    }

    /// The leader was heard.
    pub fn leader_heard(&self, now: Duration) {
        self.lock().leader_heard = now;
    }

    /// How long ago this follower heard its leader.
    #[must_use]
    pub fn since_leader(&self, now: Duration) -> Duration {
        now.saturating_sub(self.lock().leader_heard)
    }

    /// This node begins to lead: everybody has one full interval to answer.
    pub fn reign_began(&self, peers: impl Iterator<Item = NodeId>, now: Duration) {
        self.lock().answered =
            peers.map(|peer| (peer, Answered { at: now, run: None, lost: false })).collect();
    }

    /// This node leads no longer: it was last in touch when a majority last heard it.
    pub fn reign_ended(&self, now: Duration) {
        let age = self.since_majority(now);
        self.lock().leader_heard = now.saturating_sub(age);
    }

    /// A peer has answered a ping.
    pub fn answered(&self, peer: NodeId, run: Incarnation, now: Duration) {
        self.lock().answered.insert(peer, Answered { at: now, run: Some(run), lost: false });
    }

    /// Whether the peer has been silent for `silence` and nobody was told; from here on somebody was.
    #[must_use]
    pub fn take_lost(&self, peer: NodeId, silence: Duration, now: Duration) -> Option<Answered> {
        let mut state = self.lock();
        let answered = state.answered.get_mut(&peer)?;
        let lost = !answered.lost && now.saturating_sub(answered.at) >= silence;
        answered.lost |= lost;
        lost.then_some(*answered)
    }

    /// How long ago a leader last knew that a majority hears it: the age of the answer that completes it.
    #[must_use]
    pub fn since_majority(&self, now: Duration) -> Duration {
        let state = self.lock();
        let mut ages: Vec<_> = state.answered.values().map(|one| now.saturating_sub(one.at)).collect();
        ages.sort_unstable();
        let others_needed = ages.len().div_ceil(2);
        others_needed.checked_sub(1).and_then(|last| ages.get(last).copied()).unwrap_or(Duration::ZERO)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_millis(600);
    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn of_three() -> Liveness {
        let liveness = Liveness::new(ms(0));
        liveness.reign_began([NodeId(2), NodeId(3)].into_iter(), ms(1_000));
        liveness
    }

    #[test]
    fn a_new_leader_waits_one_full_interval_before_it_calls_a_node_lost() {
        let liveness = of_three();
        assert_eq!(liveness.take_lost(NodeId(2), SILENCE, ms(1_599)), None);
        assert!(liveness.take_lost(NodeId(2), SILENCE, ms(1_600)).is_some());
    }

    #[test]
    fn a_silent_node_is_lost_once_until_it_is_heard_again() {
        let liveness = of_three();
        liveness.answered(NodeId(2), Incarnation(7), ms(2_000));
        let lost = liveness.take_lost(NodeId(2), SILENCE, ms(2_600)).unwrap();
        assert_eq!(lost.run, Some(Incarnation(7)));
        assert_eq!(liveness.take_lost(NodeId(2), SILENCE, ms(9_000)), None);
        liveness.answered(NodeId(2), Incarnation(7), ms(9_100));
        assert!(liveness.take_lost(NodeId(2), SILENCE, ms(9_700)).is_some());
    }

    #[test]
    fn a_leader_is_as_old_as_its_majority() {
        let liveness = of_three();
        liveness.answered(NodeId(2), Incarnation(1), ms(5_000));
        assert_eq!(liveness.since_majority(ms(5_100)), ms(100), "of three, one other is enough");
        let of_five = Liveness::new(ms(0));
        of_five.reign_began((2..=5).map(NodeId), ms(0));
        of_five.answered(NodeId(2), Incarnation(1), ms(900));
        of_five.answered(NodeId(3), Incarnation(1), ms(700));
        assert_eq!(of_five.since_majority(ms(1_000)), ms(300), "of five, two others");
        let alone = Liveness::new(ms(0));
        assert_eq!(alone.since_majority(ms(1_000)), ms(0));
    }

    #[test]
    fn a_leader_that_steps_down_is_as_old_as_its_majority_was() {
        let liveness = of_three();
        liveness.answered(NodeId(3), Incarnation(1), ms(5_000));
        liveness.reign_ended(ms(5_100));
        assert_eq!(liveness.since_leader(ms(5_200)), ms(200));
    }
}
