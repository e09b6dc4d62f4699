//! Rows in pages of 64, shared copy-on-write: a snapshot clones one pointer per page, and a change after it
//! copies one page. The prototype's figures are in docs/adr/0008.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::marker::PhantomData;
use core::{array, fmt};

use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, SerializeStruct};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::planted::{Planted, is};

const PAGE_ROWS: usize = 64;

#[derive(Clone, Debug)]
struct Slot<T> {
    generation: u32,
    row: Option<T>,
}

/// A table whose rows keep their slot while they live. A slot is used again under the next generation.
#[derive(Clone, Debug)]
pub(crate) struct Slab<T> {
    pages: Vec<Arc<[Slot<T>; PAGE_ROWS]>>,
    /// Last freed, first used again: part of the state, because it decides ids.
    free: Vec<u32>,
    slots: u32,
    rows: u64,
}

/// The canonical form: what each slot holds, then the order of reuse.
#[derive(Deserialize)]
pub(crate) struct StoredSlab<T> {
    slots: StoredSlots<T>,
    free: Vec<u32>,
}

/// What each slot holds, read straight into pages: a list of a million rows would move whenever it grows, and then once
/// more into its pages.
struct StoredSlots<T> {
    pages: Vec<Arc<[Slot<T>; PAGE_ROWS]>>,
    slots: u32,
    rows: u64,
}

impl<T> StoredSlab<T> {
    /// No slot was ever used.
    pub(crate) fn empty() -> StoredSlab<T> {
        StoredSlab { slots: StoredSlots { pages: Vec::new(), slots: 0, rows: 0 }, free: Vec::new() }
    }

    /// The same slots with rows of another form.
    pub(crate) fn map<U>(self, into: impl Fn(T) -> U) -> StoredSlab<U> {
        let StoredSlots { pages, slots, rows } = self.slots;
        let owned = pages.into_iter().filter_map(Arc::into_inner);
        let changed =
            owned.map(|page| page.map(|Slot { generation, row }| Slot { generation, row: row.map(&into) }));
        let pages = changed.map(Arc::new).collect();
        StoredSlab { slots: StoredSlots { pages, slots, rows }, free: self.free }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for StoredSlots<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StoredSlots<T>, D::Error> {
        deserializer.deserialize_seq(SlotsInPages(PhantomData))
    }
}

struct SlotsInPages<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SlotsInPages<T> {
    type Value = StoredSlots<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("generations and rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<StoredSlots<T>, A::Error> {
        let mut read = StoredSlots { pages: Vec::new(), slots: 0, rows: 0 };
        let mut page = Vec::with_capacity(PAGE_ROWS);
        while let Some((generation, row)) = list.next_element::<(u32, Option<T>)>()? {
            read.slots = read.slots.checked_add(1).ok_or_else(|| A::Error::custom("too many slots"))?;
            read.rows += u64::from(row.is_some());
            page.push(Slot { generation, row });
            if page.len() == PAGE_ROWS {
                read.pages.push(full_page(page.drain(..)));
            }
        }
        if !page.is_empty() {
            read.pages.push(full_page(page.drain(..)));
        }
        Ok(read)
    }
}

/// A page of these slots; those behind them were never used.
fn full_page<T>(mut slots: impl Iterator<Item = Slot<T>>) -> Arc<[Slot<T>; PAGE_ROWS]> {
    Arc::new(array::from_fn(|_| slots.next().unwrap_or(Slot { generation: 0, row: None })))
}

impl<T: Clone> Slab<T> {
    pub(crate) fn new() -> Slab<T> {
        Slab { pages: Vec::new(), free: Vec::new(), slots: 0, rows: 0 }
    }

    /// Rows in use.
    pub(crate) fn len(&self) -> u64 {
        self.rows
    }

    /// The slot and generation that the next row will have.
    pub(crate) fn next_id(&self) -> (u32, u32) {
        match self.free.last() {
            Some(&slot) => (slot, self.slot(slot).map_or(0, |s| s.generation)),
            None => (self.slots, 0),
        }
    }

    /// Puts a row where [`Self::next_id`] said.
    pub(crate) fn insert(&mut self, row: T) -> u32 {
        self.rows += 1;
        if let Some(slot) = self.free.pop() {
            self.slot_mut(slot).row = Some(row);
            return slot;
        }
        let slot = self.slots;
        if slot as usize / PAGE_ROWS == self.pages.len() {
            self.pages.push(full_page(core::iter::empty()));
        }
        self.slots += 1;
        self.slot_mut(slot).row = Some(row);
        slot
    }

    /// Frees the slot; its next row has the next generation.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        self.at(slot)?;
        let place = self.slot_mut(slot);
        place.generation += u32::from(!is(Planted::GenerationNotRaised));
        let row = place.row.take();
        self.free.push(slot);
        self.rows -= 1;
        row
    }

    /// The row of this slot and generation.
    pub(crate) fn get(&self, slot: u32, generation: u32) -> Option<&T> {
        let place = self.slot(slot)?;
        if place.generation == generation { place.row.as_ref() } else { None }
    }

    /// The row that is in the slot now.
    pub(crate) fn at(&self, slot: u32) -> Option<&T> {
        self.slot(slot)?.row.as_ref()
    }

    /// The row that is in the slot now, to be changed.
    pub(crate) fn at_mut(&mut self, slot: u32) -> Option<&mut T> {
        if slot >= self.slots {
            return None;
        }
        self.slot_mut(slot).row.as_mut()
    }

    /// The generation of the row that is or was last in the slot.
    pub(crate) fn generation(&self, slot: u32) -> u32 {
        self.slot(slot).map_or(0, |place| place.generation)
    }

    /// All rows in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..self.slots).filter_map(|slot| Some((slot, self.at(slot)?)))
    }

    /// One above the highest slot ever used.
    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }

    /// `None` when the free list does not match the empty slots.
    pub(crate) fn from_stored(stored: StoredSlab<T>) -> Option<Slab<T>> {
        let StoredSlots { pages, slots, rows } = stored.slots;
        let mut slab = Slab { pages, free: Vec::new(), slots, rows };
        let free_are_empty = stored.free.iter().all(|&slot| slot < slab.slots && slab.at(slot).is_none());
        if !free_are_empty || slab.rows + stored.free.len() as u64 != u64::from(slab.slots) {
            return None;
        }
        slab.free = stored.free;
        Some(slab)
    }

    fn slot(&self, slot: u32) -> Option<&Slot<T>> {
        if slot >= self.slots {
            return None;
        }
        Some(&self.pages[slot as usize / PAGE_ROWS][slot as usize % PAGE_ROWS])
    }

    fn slot_mut(&mut self, slot: u32) -> &mut Slot<T> {
        &mut Arc::make_mut(&mut self.pages[slot as usize / PAGE_ROWS])[slot as usize % PAGE_ROWS]
    }
}

/// Written as a [`StoredSlab`] is read, without a copy of the rows.
impl<T: Clone + Serialize> Serialize for Slab<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut stored = serializer.serialize_struct("StoredSlab", 2)?;
        stored.serialize_field("slots", &Slots(self))?;
        stored.serialize_field("free", &self.free)?;
        stored.end()
    }
}

struct Slots<'a, T>(&'a Slab<T>);

impl<T: Serialize> Serialize for Slots<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let slots = self.0.pages.iter().flat_map(|page| page.iter()).take(self.0.slots as usize);
        let mut list = serializer.serialize_seq(Some(self.0.slots as usize))?;
        for slot in slots {
            list.serialize_element(&(slot.generation, slot.row.as_ref()))?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_used_again_under_the_next_generation() {
        let mut slab = Slab::new();
        assert_eq!((slab.insert('a'), slab.insert('b')), (0, 1));
        assert_eq!(slab.remove(0), Some('a'));
        assert_eq!(slab.next_id(), (0, 1));
        assert_eq!(slab.insert('c'), 0);
        assert_eq!(slab.get(0, 0), None);
        assert_eq!(slab.get(0, 1), Some(&'c'));
    }

    #[test]
    fn a_copy_does_not_see_later_changes() {
        let mut slab = Slab::new();
        for n in 0..200 {
            slab.insert(n);
        }
        let copy = slab.clone();
        *slab.at_mut(100).expect("inserted above") = 7;
        assert_eq!((copy.at(100), slab.at(100)), (Some(&100), Some(&7)));
    }

    #[test]
    fn a_stored_slab_gives_the_same_ids_next() {
        let mut slab = Slab::new();
        for n in 0..70 {
            slab.insert(n);
        }
        slab.remove(3);
        slab.remove(66);
        let bytes = postcard::to_allocvec(&slab).expect("a slab of numbers is written");
        let stored = postcard::from_bytes(&bytes).expect("written just now");
        let mut back = Slab::from_stored(stored).expect("stored just now");
        assert_eq!(back.next_id(), slab.next_id());
        assert_eq!(back.insert(1), slab.insert(1));
        assert_eq!(back.len(), slab.len());
    }
}
