//! What nodes say about themselves during a drill, asked a few times a second over lines that no fault touches.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringmain_protocol::client::AdminClient;
use ringmain_protocol::v1::ClusterStatusResponse;

use crate::drills::exercise::Exercise;
use crate::drills::journal::Journal;
use crate::drills::task::Owned;

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Words of one node that are kept: more than two hours of them.
const WORDS_MAX: usize = 100_000;

/// What a node said once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// When, since the drill began.
    pub(super) at_ms: u64,
    /// Its id.
    pub(super) node: u64,
    /// Who leads, as far as it knows; 0 for nobody.
    pub(super) leader: u64,
    /// Raft term.
    pub(super) term: u64,
    /// Log index applied.
    pub(super) applied: u64,
    /// Whether it says that it can only be read.
    pub(super) read_only: bool,
}

/// Asks all nodes until it is dropped.
pub(super) struct Watch {
    words: Arc<Mutex<Vec<Vec<Word>>>>,
    _tasks: Vec<Owned>,
}

impl Watch {
    pub(super) fn begin(exercise: &Exercise) -> Watch {
        let words = Arc::new(Mutex::new(vec![Vec::new(); exercise.admins.len()]));
        let ask = |(place, admin): (usize, &AdminClient)| {
            Owned::start(ask(place, admin.clone(), exercise.journal.clone(), Arc::clone(&words)))
        };
        let tasks = exercise.admins.iter().enumerate().map(ask).collect();
        Watch { words, _tasks: tasks }
    }

    /// Everything so far, by place of the node.
    pub(super) fn words(&self) -> Words {
        Words(self.words.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// The last word of each node, when it is no older than a second.
    pub(super) fn last(&self, now_ms: u64) -> Vec<Word> {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let last = words.iter().filter_map(|words| words.last().copied());
        last.filter(|word| word.at_ms + 1_000 >= now_ms).collect()
    }
}

async fn ask(place: usize, admin: AdminClient, journal: Journal, words: Arc<Mutex<Vec<Vec<Word>>>>) {
    loop {
        let answer = admin.cluster_status().await;
        if let Ok(status) = answer {
            let word = Word::of(&status, journal.now_ns() / 1_000_000);
            let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(words) = words.get_mut(place).filter(|words| words.len() < WORDS_MAX) {
                words.push(word);
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl Word {
    fn of(status: &ClusterStatusResponse, at_ms: u64) -> Word {
        Word {
            at_ms,
            node: status.node,
            leader: status.leader,
            term: status.term,
            applied: status.stamp.map_or(0, |stamp| stamp.log_index),
            read_only: status.read_only,
        }
    }
}

/// Who leads: the node that says so itself in the latest term.
pub(super) fn leader(words: &[Word]) -> Option<(u64, u64)> {
    let leaders = words.iter().filter(|word| word.leader == word.node);
    leaders.max_by_key(|word| word.term).map(|word| (word.node, word.term))
}

/// Words of all nodes, by place.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(pub(super) Vec<Vec<Word>>);

impl Words {
    fn within(&self, from_ms: u64, until_ms: u64) -> impl Iterator<Item = &Word> {
        self.0.iter().flatten().filter(move |word| (from_ms..until_ms).contains(&word.at_ms))
    }

    /// Terms begun within a span of time.
    pub(super) fn elections(&self, before: u64, from_ms: u64, until_ms: u64) -> u64 {
        let last = self.within(from_ms, until_ms).map(|word| word.term).max().unwrap_or(before);
        last.saturating_sub(before)
    }

    /// Milliseconds until each of the nodes had said that it can only be read, within a span of time.
    pub(super) fn read_only_after(&self, nodes: &[u64], from_ms: u64, until_ms: u64) -> Option<u64> {
        let first = |node: &u64| {
            let mut words = self.within(from_ms, until_ms).filter(|word| word.node == *node);
            words.find(|word| word.read_only).map(|word| word.at_ms - from_ms)
        };
        let all: Option<Vec<u64>> = nodes.iter().map(first).collect();
        all?.into_iter().max()
    }

    /// Milliseconds until each of the nodes had applied what any node had at a moment.
    pub(super) fn caught_up_after(&self, nodes: &[u64], from_ms: u64) -> Option<u64> {
        let goal = self.within(0, from_ms + 1).map(|word| word.applied).max().unwrap_or_default();
        let first = |node: &u64| {
            let mut words = self.within(from_ms, u64::MAX).filter(|word| word.node == *node);
            words.find(|word| word.applied >= goal).map(|word| word.at_ms - from_ms)
        };
        let all: Option<Vec<u64>> = nodes.iter().map(first).collect();
        all?.into_iter().max()
    }

    /// Who led in each second, and in which term.
    pub(super) fn leaders(&self, seconds: u64) -> Vec<Option<(u64, u64)>> {
        let of = |second: u64| {
            let words: Vec<Word> = self.within(second * 1_000, (second + 1) * 1_000).copied().collect();
            leader(&words)
        };
        (0..seconds).map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(at_ms: u64, node: u64, leader: u64, term: u64, applied: u64, read_only: bool) -> Word {
        Word { at_ms, node, leader, term, applied, read_only }
    }

    fn words() -> Words {
        Words(vec![
            vec![
                word(0, 1, 1, 1, 10, false),
                word(1_200, 1, 1, 1, 10, true),
                word(3_000, 1, 2, 3, 40, false),
            ],
            vec![word(0, 2, 1, 1, 9, false), word(900, 2, 2, 3, 20, false), word(2_000, 2, 2, 3, 30, false)],
        ])
    }

    #[test]
    fn elections_are_terms_begun() {
        assert_eq!(words().elections(1, 100, 2_500), 2);
        assert_eq!(words().elections(3, 2_500, 9_000), 0);
    }

    #[test]
    fn a_minority_says_so_when_all_of_it_does() {
        assert_eq!(words().read_only_after(&[1], 200, 2_000), Some(1_000));
        assert_eq!(words().read_only_after(&[1, 2], 200, 2_000), None);
    }

    #[test]
    fn a_node_has_caught_up_with_what_anybody_had() {
        assert_eq!(words().caught_up_after(&[1], 2_000), Some(1_000));
    }

    #[test]
    fn of_two_who_say_that_they_lead_the_later_term_counts() {
        assert_eq!(words().leaders(4), [Some((2, 3)), Some((1, 1)), Some((2, 3)), None]);
    }
}
