//! Who has been heard of, and when: the basis of read-only and of lost nodes.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

use crate::ids::{Incarnation, Millis, NodeId};

/// When a node last heard of others, on its monotonic clock.
#[derive(Clone, Debug, Default)]
pub struct Liveness {
    leader_heard: Duration,
    /// How long ago a majority had heard the leader, as it said last, and the term in which it leads.
    leader_alone: (u64, Duration),
    /// By peer: the last answer to a ping of this reign.
    answered: BTreeMap<NodeId, Answered>,
    /// What each peer said of itself with it.
    said: BTreeMap<NodeId, Said>,
    /// By node: its last answer to a question of this node's own, asked while it heard no leader.
    met: BTreeMap<NodeId, Met>,
}

/// A node, as the leader sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Which.
    pub node: NodeId,
    /// Entries that it lacks, if known.
    pub lag: Option<u64>,
    /// How long ago it was heard, if it was in this reign.
    pub heard: Option<Millis>,
    /// What it says of itself.
    pub said: Said,
}

/// What a node says of itself with each answer to a ping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// It lost part of its log and grants no vote.
    pub suspect: bool,
    /// It sends its clients elsewhere and wants no leadership.
    pub draining: bool,
    /// How its disk is.
    pub disk: DiskState,
}

/// How a node's disk is, as it tells others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskState {
    /// There is room.
    #[default]
    Room,
    /// Nearly full: the node takes no commands and does not lead.
    Full,
    /// Full, and the reserve is given up: what is written comes out of the last of it.
    OnReserve,
}

/// A node's answer to one that hears no leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met {
    /// When it came.
    pub at: Duration,
    /// The node hears a majority, directly or through its leader.
    pub in_touch: bool,
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
    pub fn new(now: Duration) -> Liveness {
        Liveness { leader_heard: now, ..Liveness::default() }
    }

    /// The leader of a term was heard. One that has lost the majority itself is no proof of one: this node is as far
    /// from it as that leader said last. What the leader of an earlier term said is nothing to a later one, whom a
    /// majority has just elected.
    pub fn leader_heard(&mut self, term: u64, now: Duration) {
        let (said_in, alone) = self.leader_alone;
        let alone = if term > said_in { Duration::ZERO } else { alone };
        self.leader_heard = self.leader_heard.max(now.saturating_sub(alone));
    }

    /// The leader of a term was heard, and said that a majority had heard it so long ago.
    pub fn leader_said(&mut self, term: u64, alone: Duration, now: Duration) {
        self.leader_alone = (term, alone);
        self.leader_heard(term, now);
    }

    /// How long ago this follower heard its leader.
    #[must_use]
    pub fn since_leader(&self, now: Duration) -> Duration {
        now.saturating_sub(self.leader_heard)
    }

    /// This node begins to lead: everybody has one full interval to answer.
    pub fn reign_began(&mut self, peers: impl Iterator<Item = NodeId>, now: Duration) {
        self.answered.clear();
        self.said.clear();
        self.watched(peers, now);
    }

    /// The leader watches these and no others: one that is new has one full interval to answer.
    pub fn watched(&mut self, peers: impl Iterator<Item = NodeId>, now: Duration) {
        let mut before = core::mem::take(&mut self.answered);
        let unheard = Answered { at: now, run: None, lost: false };
        self.answered = peers.map(|peer| (peer, before.remove(&peer).unwrap_or(unheard))).collect();
    }

    /// This node leads no longer: it was last in touch when a majority of `voters` last heard it.
    pub fn reign_ended(&mut self, me: NodeId, voters: &[BTreeSet<NodeId>], now: Duration) {
        let age = self.since_majority(me, voters, now);
        self.leader_heard = now.saturating_sub(age);
    }

    /// A peer has answered a ping.
    pub fn answered(&mut self, peer: NodeId, run: Incarnation, said: Said, now: Duration) {
        self.answered.insert(peer, Answered { at: now, run: Some(run), lost: false });
        self.said.insert(peer, said);
    }

    /// A node has answered a question of this node's own, and said whether it hears a majority.
    pub fn met(&mut self, node: NodeId, in_touch: bool, now: Duration) {
        self.met.insert(node, Met { at: now, in_touch });
    }

    /// A node's last answer to a question of this node's own, unless it is as old as `within`.
    #[must_use]
    pub fn last_met(&self, node: NodeId, within: Duration, now: Duration) -> Option<Met> {
        self.met.get(&node).copied().filter(|met| now.saturating_sub(met.at) < within)
    }

    /// Whether every peer has answered in this reign.
    #[must_use]
    pub fn heard_all(&self) -> bool {
        self.answered.values().all(|answered| answered.run.is_some())
    }

    /// How long ago a peer answered in this reign, and what it said of itself; `None` when it has not.
    #[must_use]
    pub fn last_word(&self, peer: NodeId, now: Duration) -> Option<(Duration, Said)> {
        let answered = self.answered.get(&peer).filter(|answered| answered.run.is_some())?;
        let said = self.said.get(&peer).copied().unwrap_or_default();
        Some((now.saturating_sub(answered.at), said))
    }

    /// The peer, when it has been silent for `silence` and its loss is not yet told.
    #[must_use]
    pub fn lost(&self, peer: NodeId, silence: Duration, now: Duration) -> Option<Answered> {
        let answered = *self.answered.get(&peer)?;
        (!answered.lost && now.saturating_sub(answered.at) >= silence).then_some(answered)
    }

    /// The peer's loss has been told: not again until it was heard.
    pub fn loss_told(&mut self, peer: NodeId) {
        if let Some(answered) = self.answered.get_mut(&peer) {
            answered.lost = true;
        }
    }

    /// How long ago a leader last knew that a majority hears it: the age of the answer that completes it, in each of
    /// the sets of voters.
    #[must_use]
    pub fn since_majority(&self, me: NodeId, voters: &[BTreeSet<NodeId>], now: Duration) -> Duration {
        let age = |voter: &NodeId| match self.answered.get(voter) {
            _ if *voter == me => Duration::ZERO,
            Some(answered) => now.saturating_sub(answered.at),
            None => Duration::MAX,
        };
        let completing = |set: &BTreeSet<NodeId>| {
            let mut ages: Vec<_> = set.iter().map(age).collect();
            ages.sort_unstable();
            ages.get(ages.len() / 2).copied().unwrap_or(Duration::ZERO)
        };
        voters.iter().map(completing).max().unwrap_or(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const ME: NodeId = NodeId(1);

    fn voters(size: u64) -> Vec<BTreeSet<NodeId>> {
        vec![(1..=size).map(NodeId).collect()]
    }

    const SILENCE: Duration = Duration::from_millis(600);
    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn of_three() -> Liveness {
        let mut liveness = Liveness::new(ms(0));
        liveness.reign_began([NodeId(2), NodeId(3)].into_iter(), ms(1_000));
        liveness
    }

    #[test]
    fn who_hears_only_a_leader_that_is_cut_off_is_cut_off_as_well() {
        let mut liveness = Liveness::new(ms(0));
        liveness.leader_said(1, ms(50), ms(1_000));
        assert_eq!(liveness.since_leader(ms(1_000)), ms(50));
        liveness.leader_said(1, ms(1_050), ms(2_000));
        liveness.leader_heard(1, ms(2_000));
        assert_eq!(liveness.since_leader(ms(2_000)), ms(1_050), "its entries prove nothing either");
        liveness.leader_said(1, ms(0), ms(2_100));
        assert_eq!(liveness.since_leader(ms(2_100)), ms(0));
    }

    #[test]
    fn a_new_leader_is_not_charged_with_the_loneliness_of_the_old_one() {
        let mut liveness = Liveness::new(ms(0));
        liveness.leader_said(1, ms(1_050), ms(2_000));
        liveness.leader_heard(2, ms(2_100));
        assert_eq!(liveness.since_leader(ms(2_100)), ms(0));
        liveness.leader_heard(1, ms(9_000));
        assert_eq!(liveness.since_leader(ms(9_000)), ms(1_050), "the old one is as lonely as it said");
    }

    #[test]
    fn a_node_that_was_met_is_known_for_a_while_and_by_its_last_word() {
        let mut liveness = Liveness::new(ms(0));
        assert_eq!(liveness.last_met(NodeId(2), ms(500), ms(100)), None);
        liveness.met(NodeId(2), true, ms(100));
        liveness.met(NodeId(2), false, ms(200));
        assert_eq!(
            liveness.last_met(NodeId(2), ms(500), ms(699)),
            Some(Met { at: ms(200), in_touch: false })
        );
        assert_eq!(liveness.last_met(NodeId(2), ms(500), ms(700)), None);
    }

    #[test]
    fn a_new_leader_waits_one_full_interval_before_it_calls_a_node_lost() {
        let liveness = of_three();
        assert_eq!(liveness.lost(NodeId(2), SILENCE, ms(1_599)), None);
        assert!(liveness.lost(NodeId(2), SILENCE, ms(1_600)).is_some());
    }

    #[test]
    fn a_silent_node_is_lost_once_until_it_is_heard_again() {
        let mut liveness = of_three();
        liveness.answered(NodeId(2), Incarnation(7), Said::default(), ms(2_000));
        let lost = liveness.lost(NodeId(2), SILENCE, ms(2_600)).unwrap();
        assert_eq!(lost.run, Some(Incarnation(7)));
        liveness.loss_told(NodeId(2));
        assert_eq!(liveness.lost(NodeId(2), SILENCE, ms(9_000)), None);
        liveness.answered(NodeId(2), Incarnation(7), Said::default(), ms(9_100));
        assert!(liveness.lost(NodeId(2), SILENCE, ms(9_700)).is_some());
    }

    #[test]
    fn a_leader_is_as_old_as_its_majority() {
        let mut liveness = of_three();
        liveness.answered(NodeId(2), Incarnation(1), Said::default(), ms(5_000));
        assert_eq!(
            liveness.since_majority(ME, &voters(3), ms(5_100)),
            ms(100),
            "of three, one other is enough"
        );
        let mut of_five = Liveness::new(ms(0));
        of_five.reign_began((2..=5).map(NodeId), ms(0));
        of_five.answered(NodeId(2), Incarnation(1), Said::default(), ms(900));
        of_five.answered(NodeId(3), Incarnation(1), Said::default(), ms(700));
        assert_eq!(of_five.since_majority(ME, &voters(5), ms(1_000)), ms(300), "of five, two others");
        let alone = Liveness::new(ms(0));
        assert_eq!(alone.since_majority(ME, &voters(1), ms(1_000)), ms(0));
    }

    #[test]
    fn a_leader_that_steps_down_is_as_old_as_its_majority_was() {
        let mut liveness = of_three();
        liveness.answered(NodeId(3), Incarnation(1), Said::default(), ms(5_000));
        liveness.reign_ended(ME, &voters(3), ms(5_100));
        assert_eq!(liveness.since_leader(ms(5_200)), ms(200));
    }

    #[test]
    fn a_learner_that_answers_makes_no_majority() {
        let mut liveness = of_three();
        liveness.watched((2..=4).map(NodeId), ms(1_000));
        liveness.answered(NodeId(4), Incarnation(1), Said::default(), ms(9_000));
        assert_eq!(liveness.since_majority(ME, &voters(3), ms(9_000)), ms(8_000));
        assert!(liveness.last_word(NodeId(2), ms(9_000)).is_none(), "it has not answered in this reign");
        assert_eq!(liveness.last_word(NodeId(4), ms(9_100)), Some((ms(100), Said::default())));
    }

    #[test]
    fn a_node_that_is_watched_anew_has_one_full_interval_and_one_that_left_is_forgotten() {
        let mut liveness = of_three();
        liveness.answered(NodeId(2), Incarnation(7), Said::default(), ms(2_000));
        liveness.watched([NodeId(2), NodeId(4)].into_iter(), ms(5_000));
        assert_eq!(liveness.lost(NodeId(2), SILENCE, ms(5_100)).unwrap().run, Some(Incarnation(7)));
        assert_eq!(liveness.lost(NodeId(4), SILENCE, ms(5_599)), None);
        assert_eq!(liveness.lost(NodeId(3), SILENCE, ms(99_000)), None);
    }
}
