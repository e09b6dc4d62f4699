//! What is remembered for a while under a key: what people did lately, which customers hung up, who served whom.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::effect::Reply;
use crate::ids::{Millis, OperatorId, Timestamp};
use crate::slab::Slab;

/// One action and its answer: the same key again gets the first answer (promise 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deed {
    /// Stands for the action.
    pub body: u128,
    pub reply: Reply,
    /// Remembered until then.
    pub until: Timestamp,
}

/// A customer who hung up before being served (R2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Redialer {
    /// How long it had truly waited.
    pub waited: Millis,
    /// In which tier it had come in.
    pub tier: u8,
    /// Remembered until then.
    pub until: Timestamp,
}

/// Somebody who served a customer or a case (R3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Acquaintance {
    pub operator: OperatorId,
    /// Remembered until then.
    pub until: Timestamp,
}

/// Something that is remembered until a time.
pub(crate) trait Remembered: Copy {
    fn until(&self) -> Timestamp;
}

impl Remembered for Deed {
    fn until(&self) -> Timestamp {
        self.until
    }
}

impl Remembered for Acquaintance {
    fn until(&self) -> Timestamp {
        self.until
    }
}

impl Remembered for Redialer {
    fn until(&self) -> Timestamp {
        self.until
    }
}

/// Rows under 128-bit keys. What has run out counts as forgotten; it is dropped when the next one comes, so that
/// memory needs no timer.
#[derive(Clone, Debug)]
pub(crate) struct Memory<T> {
    /// Shared with snapshots page by page; in which slot a row is decides nothing.
    rows: MemoryRows<T>,
    slots: BTreeMap<u128, u32>,
    ends: BTreeSet<(Timestamp, u128)>,
}

/// The rows of a memory with their keys.
pub(crate) type MemoryRows<T> = Slab<(u128, T)>;

/// The canonical form: by key.
pub(crate) type StoredMemory<T> = Vec<(u128, T)>;

impl<T: Remembered> Default for Memory<T> {
    fn default() -> Memory<T> {
        Memory { rows: Slab::new(), slots: BTreeMap::new(), ends: BTreeSet::new() }
    }
}

impl<T: Remembered> Memory<T> {
    pub(crate) fn find(&self, key: u128, now: Timestamp) -> Option<&T> {
        let row = self.rows.at(*self.slots.get(&key)?)?;
        Some(&row.1).filter(|row| row.until() > now)
    }

    /// How many are remembered at this moment.
    pub(crate) fn count(&self, now: Timestamp) -> usize {
        self.slots.len() - self.ends.range(..=(now, u128::MAX)).count()
    }

    pub(crate) fn remember(&mut self, key: u128, row: T, now: Timestamp) {
        while let Some(&(until, key)) = self.ends.first()
            && until <= now
        {
            self.forget(key);
        }
        self.forget(key);
        self.ends.insert((row.until(), key));
        self.slots.insert(key, self.rows.insert((key, row)));
    }

    pub(crate) fn forget(&mut self, key: u128) {
        if let Some(slot) = self.slots.remove(&key)
            && let Some((_, row)) = self.rows.remove(slot)
        {
            self.ends.remove(&(row.until(), key));
        }
    }

    /// Forgets whose memory ends first, where there are more than so many.
    pub(crate) fn keep_at_most(&mut self, rows_max: usize) {
        while self.slots.len() > rows_max
            && let Some(&(_, key)) = self.ends.first()
        {
            self.forget(key);
        }
    }

    /// The rows, to be stored while the memory goes on.
    pub(crate) fn rows(&self) -> MemoryRows<T> {
        self.rows.clone()
    }

    pub(crate) fn from_stored(stored: StoredMemory<T>) -> Memory<T> {
        let mut memory = Memory::default();
        for (key, row) in stored {
            memory.ends.insert((row.until(), key));
            memory.slots.insert(key, memory.rows.insert((key, row)));
        }
        memory
    }
}

impl<T: Remembered> MemoryRows<T> {
    pub(crate) fn to_stored(&self) -> StoredMemory<T> {
        let mut stored: StoredMemory<T> = self.iter().map(|(_, &row)| row).collect();
        stored.sort_unstable_by_key(|row| row.0);
        stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(until: u64) -> Deed {
        Deed { body: 1, reply: Reply::Done, until: Timestamp(until) }
    }

    #[test]
    fn a_row_is_remembered_until_its_end_and_dropped_with_the_next() {
        let mut deeds = Memory::default();
        deeds.remember(7, deed(10), Timestamp(0));
        assert_eq!(
            (deeds.find(7, Timestamp(9)).is_some(), deeds.find(7, Timestamp(10)).is_some()),
            (true, false)
        );
        assert_eq!((deeds.count(Timestamp(9)), deeds.count(Timestamp(10))), (1, 0));
        deeds.remember(8, deed(30), Timestamp(20));
        assert_eq!(deeds.rows().to_stored(), [(8, deed(30))]);
    }

    #[test]
    fn of_a_key_the_last_time_counts_and_of_too_many_the_first_to_end_goes() {
        let mut deeds = Memory::default();
        for (key, until) in [(1, 50), (2, 40), (1, 60)] {
            deeds.remember(key, deed(until), Timestamp(0));
        }
        deeds.keep_at_most(1);
        assert_eq!(deeds.rows().to_stored(), [(1, deed(60))]);
    }
}
