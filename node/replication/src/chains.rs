//! Compares what the log led to here with what it led to at the leader (I8). The leader's pings carry its chain; a
//! node compares it once it has applied the same command.
//!
//! **Invariant:** a node goes on only while its chain equals the leader's wherever both are known.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use ringmain_routing::LogIndex;

use crate::feed::{Feed, FeedRead};

/// A command, and the chain after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which command.
    pub index: LogIndex,
    /// The chain after it.
    pub chain: u128,
}

/// The same command has led to two states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// After which command.
    pub index: LogIndex,
    /// The chain at the leader.
    pub there: u128,
    /// The chain here.
    pub here: u128,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { index, there, here } = self;
        write!(f, "after the command at {index} the chain is {there:032x} there and {here:032x} here")
    }
}

/// What the leader last said and this node could not yet compare.
#[derive(Debug, Default)]
pub struct Chains {
    open: Mutex<Option<Checkpoint>>,
}

impl Chains {
    /// Compares the open checkpoint if its command has been applied here, and takes the next one in its place. One
    /// that is no longer at hand here is let go: the next comes with the next ping.
    pub fn heard(&self, feed: &Feed, said: Checkpoint) -> Option<Difference> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let due = *open.get_or_insert(said);
        if feed.last() < due.index {
            return None;
        }
        *open = Some(said);
        let before = LogIndex(due.index.0.checked_sub(1)?);
        let FeedRead::Entries(entries) = feed.since(before, 1) else { return None };
        let here = entries.first().filter(|applied| applied.index == due.index)?.chain;
        (here != due.chain).then_some(Difference { index: due.index, there: due.chain, here })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ringmain_routing::{Command, Outcome, Reply, Timestamp};

    use super::*;
    use crate::feed::{Applied, Tail};

    fn applied(index: u64, chain: u128) -> Arc<Applied> {
        let outcome = Outcome { reply: Ok(Reply::Done), effects: vec![] };
        let (index, at) = (LogIndex(index), Timestamp(0));
        Arc::new(Applied { index, raft_index: 1, term: 1, at, command: Command::Tick, outcome, chain })
    }

    fn said(index: u64, chain: u128) -> Checkpoint {
        Checkpoint { index: LogIndex(index), chain }
    }

    #[test]
    fn i8_a_difference_is_found_once_the_command_is_applied_here() {
        let tail = Arc::new(Tail::new(8, LogIndex(0)));
        let (feed, chains) = (tail.feed(), Chains::default());
        assert_eq!(chains.heard(&feed, said(2, 20)), None);
        assert_eq!(chains.heard(&feed, said(3, 30)), None, "nothing is applied here yet");
        tail.extend([applied(1, 10), applied(2, 21)]);
        let difference = Difference { index: LogIndex(2), there: 20, here: 21 };
        assert_eq!(chains.heard(&feed, said(3, 30)), Some(difference));
    }

    #[test]
    fn equal_chains_and_those_no_longer_at_hand_pass() {
        let tail = Arc::new(Tail::new(2, LogIndex(0)));
        let (feed, chains) = (tail.feed(), Chains::default());
        tail.extend([applied(1, 10), applied(2, 20), applied(3, 30)]);
        assert_eq!(chains.heard(&feed, said(3, 30)), None);
        assert_eq!(chains.heard(&feed, said(1, 99)), None);
        assert_eq!(chains.heard(&feed, said(0, 0)), None, "the first is no longer at hand");
        assert_eq!(
            chains.heard(&feed, said(3, 31)),
            None,
            "before the first command there is nothing to compare"
        );
        assert!(chains.heard(&feed, said(3, 30)).is_some());
    }
}
