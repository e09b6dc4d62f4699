//! A small set of slots in order, in memory that is used again: an event frees one or two rows, seldom hundreds.

use alloc::vec::Vec;

/// Slots, ascending.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots(Vec<u32>);

impl Slots {
    pub(crate) fn insert(&mut self, slot: u32) {
        if let Err(place) = self.0.binary_search(&slot) {
            self.0.insert(place, slot);
        }
    }

    pub(crate) fn extend(&mut self, slots: impl IntoIterator<Item = u32>) {
        slots.into_iter().for_each(|slot| self.insert(slot));
    }

    /// `true` when it was in.
    pub(crate) fn remove(&mut self, slot: u32) -> bool {
        let place = self.0.binary_search(&slot);
        place.map(|place| self.0.remove(place)).is_ok()
    }

    pub(crate) fn pop_first(&mut self) -> Option<u32> {
        if self.0.is_empty() { None } else { Some(self.0.remove(0)) }
    }

    /// The slot, if it is the only one.
    pub(crate) fn only(&self) -> Option<u32> {
        if let [slot] = self.0[..] { Some(slot) } else { None }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn slots_come_in_order_and_once() {
        let mut slots = Slots::default();
        for slot in [7, 2, 9, 2] {
            slots.insert(slot);
        }
        assert_eq!((slots.iter().collect::<Vec<_>>(), slots.only()), (Vec::from([2, 7, 9]), None));
        assert!(slots.remove(7) && !slots.remove(7));
        assert_eq!((slots.pop_first(), slots.only(), slots.pop_first()), (Some(2), Some(9), Some(9)));
        assert!(slots.is_empty() && slots.pop_first().is_none());
    }
}
