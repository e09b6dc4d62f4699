//! What people did lately, by their own keys: the same key again gets the first answer (promise 3).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::effect::Reply;
use crate::ids::Timestamp;

/// One action and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deed {
    /// Stands for the action.
    pub body: u128,
    pub reply: Reply,
    /// Remembered until then.
    pub until: Timestamp,
}

/// The actions whose keys are remembered. What has run out counts as forgotten; it is dropped with the next
/// action, so that memory needs no timer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deeds {
    rows: BTreeMap<u128, Deed>,
    ends: BTreeSet<(Timestamp, u128)>,
}

/// The canonical form: by key.
pub(crate) type StoredDeeds = Vec<(u128, Deed)>;

impl Deeds {
    pub(crate) fn find(&self, key: u128, now: Timestamp) -> Option<&Deed> {
        self.rows.get(&key).filter(|deed| deed.until > now)
    }

    /// How many are remembered at this moment.
    pub(crate) fn count(&self, now: Timestamp) -> usize {
        self.rows.len() - self.ends.range(..=(now, u128::MAX)).count()
    }

    pub(crate) fn remember(&mut self, key: u128, deed: Deed, now: Timestamp) {
        while let Some(&(until, key)) = self.ends.first()
            && until <= now
        {
            self.ends.pop_first();
            self.rows.remove(&key);
        }
        self.ends.insert((deed.until, key));
        self.rows.insert(key, deed);
    }

    pub(crate) fn to_stored(&self) -> StoredDeeds {
        self.rows.iter().map(|(&key, &deed)| (key, deed)).collect()
    }

    pub(crate) fn from_stored(stored: StoredDeeds) -> Deeds {
        let ends = stored.iter().map(|&(key, deed)| (deed.until, key)).collect();
        Deeds { rows: stored.into_iter().collect(), ends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(until: u64) -> Deed {
        Deed { body: 1, reply: Reply::Done, until: Timestamp(until) }
    }

    #[test]
    fn a_deed_is_remembered_until_its_end_and_dropped_with_the_next() {
        let mut deeds = Deeds::default();
        deeds.remember(7, deed(10), Timestamp(0));
        assert_eq!(
            (deeds.find(7, Timestamp(9)).is_some(), deeds.find(7, Timestamp(10)).is_some()),
            (true, false)
        );
        assert_eq!((deeds.count(Timestamp(9)), deeds.count(Timestamp(10))), (1, 0));
        deeds.remember(8, deed(30), Timestamp(20));
        assert_eq!(deeds.to_stored(), [(8, deed(30))]);
    }
}
