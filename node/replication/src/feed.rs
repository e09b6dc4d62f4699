//! What this node has applied, in order, for those who follow it. Pull, not push: a slow reader loses nothing
//! but its place in memory, and then reads the history.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use ringmain_routing::{Command, LogIndex, Outcome, Timestamp};
use tokio::sync::watch;

/// One applied command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its place among all commands of the group.
    pub index: LogIndex,
    /// The Raft entry that held it.
    pub raft_index: u64,
    /// The term of that entry.
    pub term: u64,
    /// When it was applied, in replicated time.
    pub at: Timestamp,
    /// What was asked.
    pub command: Command,
    /// What was decided.
    pub outcome: Outcome,
    /// The chain after it.
    pub chain: u128,
}

/// The latest applied commands of this node, as many as are kept in memory.
#[derive(Debug)]
pub struct Tail {
    kept: Mutex<VecDeque<Arc<Applied>>>,
    kept_max: usize,
    last: watch::Sender<LogIndex>,
}

impl Tail {
    /// A tail that keeps `kept_max` commands and stands at `last`.
    #[must_use]
    pub fn new(kept_max: usize, last: LogIndex) -> Self {
        Self { kept: Mutex::default(), kept_max, last: watch::Sender::new(last) }
    }

    /// Adds commands in order of their indexes, and wakes the followers.
    pub fn extend(&self, applied: impl IntoIterator<Item = Arc<Applied>>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for one in applied {
            kept.push_back(one);
        }
        let surplus = kept.len().saturating_sub(self.kept_max);
        kept.drain(..surplus);
        let last = kept.back().map(|one| one.index);
        drop(kept);
        if let Some(last) = last {
            self.last.send_replace(last);
        }
    }

    /// A snapshot replaced the state: what was kept has no successor here.
    pub fn restart(&self, last: LogIndex) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.last.send_replace(last);
    }

    /// A follower of this tail.
    #[must_use]
    pub fn feed(self: &Arc<Self>) -> Feed {
        Feed { tail: Arc::clone(self), changed: self.last.subscribe() }
    }

    fn since(&self, after: LogIndex, max: usize) -> FeedRead {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let last = *self.last.borrow();
        let oldest = kept.front().map_or(LogIndex(last.0 + 1), |one| one.index);
        if after.0 + 1 < oldest.0 {
            return FeedRead::Gone { oldest };
        }
        // Indexes are consecutive, so the place of one is its distance from the oldest.
        let skip = (after.0 + 1 - oldest.0) as usize;
        FeedRead::Entries(kept.iter().skip(skip).take(max).cloned().collect())
    }
}

/// Follows what this node applies.
#[derive(Clone, Debug)]
pub struct Feed {
    tail: Arc<Tail>,
    changed: watch::Receiver<LogIndex>,
}

/// What [`Feed::since`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedRead {
    /// The commands after the given one, in order; empty when there is none yet.
    Entries(Vec<Arc<Applied>>),
    /// The commands after the given one are not in memory any more: read the history, or start over.
    Gone {
        /// The oldest that is.
        oldest: LogIndex,
    },
}

impl Feed {
    /// Up to `max` commands after the one at `after`.
    #[must_use]
    pub fn since(&self, after: LogIndex, max: usize) -> FeedRead {
        self.tail.since(after, max)
    }

    /// Resolves when something was applied since this feed was made or last resolved. It may resolve once too
    /// often, never too seldom. Not again once the replica is gone.
    pub async fn changed(&mut self) -> LogIndex {
        if self.changed.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        *self.changed.borrow_and_update()
    }

    /// The index of the last applied command.
    #[must_use]
    pub fn last(&self) -> LogIndex {
        *self.changed.borrow()
    }
}

#[cfg(test)]
mod tests {
    use ringmain_routing::Reply;

    use super::*;

    fn applied(index: u64) -> Arc<Applied> {
        let outcome = Outcome { reply: Ok(Reply::Done), effects: vec![] };
        Arc::new(Applied {
            index: LogIndex(index),
            raft_index: index,
            term: 1,
            at: Timestamp(0),
            command: Command::Tick,
            outcome,
            chain: 0,
        })
    }

    #[test]
    fn a_reader_gets_what_it_lacks_or_learns_that_it_is_gone() {
        let tail = Arc::new(Tail::new(3, LogIndex(0)));
        let feed = tail.feed();
        assert_eq!(feed.since(LogIndex(0), 9), FeedRead::Entries(vec![]));
        tail.extend((1..=5).map(applied));
        assert_eq!(feed.since(LogIndex(1), 9), FeedRead::Gone { oldest: LogIndex(3) });
        assert_eq!(feed.since(LogIndex(2), 2), FeedRead::Entries(vec![applied(3), applied(4)]));
        assert_eq!(feed.since(LogIndex(5), 9), FeedRead::Entries(vec![]));
        assert_eq!(feed.since(LogIndex(9), 9), FeedRead::Entries(vec![]));
        tail.restart(LogIndex(40));
        assert_eq!(feed.since(LogIndex(5), 9), FeedRead::Gone { oldest: LogIndex(41) });
        assert_eq!(feed.last(), LogIndex(40));
    }
}
