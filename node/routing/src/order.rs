//! Who is served next (R2.1): the key of a waiting contact, all integers, smallest first.

use serde::{Deserialize, Serialize};

use crate::ids::{LogIndex, Timestamp};

/// A contact's place among the contacts of one queue. The log index makes places unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct OrderKey {
    pub tier: u8,
    pub order: Timestamp,
    pub index: LogIndex,
    pub slot: u32,
}

/// A place among the contacts of one queue as one number, smallest first: tier, time and log index. Behind everybody
/// stands [`NOBODY`].
pub(crate) type Place = u128;

/// Behind every place.
pub(crate) const NOBODY: Place = Place::MAX;

/// Behind all of tier 0 and before everybody else.
pub(crate) const BEHIND_LIFE_SAFETY: Place = 1 << (TIME_BITS + 64);

/// Bits for the time: 36 million years.
const TIME_BITS: u32 = 60;

/// A contact's place for one operator: urgency (tiers 0 and 1) pierces the ranks of the queues; below that the
/// rank counts, then tier, then waiting time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RankedKey {
    urgency: u8,
    rank: u8,
    pub key: OrderKey,
}

impl OrderKey {
    pub(crate) fn place(self) -> Place {
        let time = self.order.0.min((1 << TIME_BITS) - 1);
        Place::from(u64::from(self.tier) << TIME_BITS | time) << 64 | Place::from(self.index.0)
    }

    pub(crate) fn ranked(self, rank: u8) -> RankedKey {
        RankedKey { urgency: self.tier.min(2), rank, key: self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tier: u8, order: u64, index: u64) -> OrderKey {
        OrderKey { tier, order: Timestamp(order), index: LogIndex(index), slot: 0 }
    }

    #[test]
    fn places_are_in_the_order_of_their_keys() {
        let keys = [key(0, 9, 1), key(0, 9, 2), key(0, 10, 1), key(1, 0, 0), key(9, 7, 3)];
        assert!(keys.is_sorted() && keys.map(OrderKey::place).is_sorted());
        assert!(keys.iter().all(|key| key.place() < NOBODY));
    }

    #[test]
    fn r2_1_urgency_pierces_ranks_and_rank_goes_before_tier() {
        let life = key(0, 50, 5).ranked(9);
        let urgent = key(1, 50, 4).ranked(9);
        let primary = key(5, 50, 3).ranked(0);
        let backup = key(2, 1, 1).ranked(1);
        let backup_later = key(2, 1, 2).ranked(1);
        let mut keys = [backup_later, backup, primary, urgent, life];
        keys.sort();
        assert_eq!(keys, [life, urgent, primary, backup, backup_later]);
    }
}
