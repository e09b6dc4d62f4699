//! Classes: waiting contacts with the same queue, need and cost stand in one line. A decision looks at the heads
//! of lines, never at contacts behind them.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::bitset::Bitset;
use crate::contact::{Contact, Need};
use crate::ids::QueueId;
use crate::order::{NOBODY, OrderKey, Place};

/// What makes two contacts alike for the router.
pub(crate) type ClassKey = (QueueId, u32, Arc<Need>);

#[derive(Clone, Debug)]
pub(crate) struct Class {
    pub queue: QueueId,
    pub units: u32,
    pub need: Arc<Need>,
    /// Who of it waits, next first.
    pub line: BTreeSet<OrderKey>,
    /// The profiles that fit.
    pub profiles: Bitset,
}

/// All classes, also empty ones that may be used again soon. Which empty ones are kept decides nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Classes {
    ids: BTreeMap<ClassKey, u32>,
    list: Vec<Class>,
    /// The place of each class's first, side by side so that looking at all is cheap.
    heads: Vec<Place>,
    /// What a contact of each class costs, in units.
    costs: Vec<u32>,
    waiting: Bitset,
    live: usize,
    /// Where the search for an empty class goes on, so that one that was used lately is kept longest.
    hand: usize,
}

/// An empty class is given up for a new one when so many classes are known.
const KNOWN_MAX: usize = 2 * crate::limits::CLASSES_MAX;

impl Classes {
    /// Classes with somebody waiting.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    pub(crate) fn at(&self, class: u32) -> &Class {
        &self.list[class as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Class)> {
        (0u32..).zip(&self.list)
    }

    /// The classes with somebody waiting.
    pub(crate) fn waiting(&self) -> &Bitset {
        &self.waiting
    }

    pub(crate) fn head(&self, class: u32) -> Place {
        self.heads[class as usize]
    }

    /// What a contact of the class costs, in units.
    pub(crate) fn cost(&self, class: u32) -> u32 {
        self.costs[class as usize]
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self, class: u32) -> bool {
        !self.waiting.has(class)
    }

    pub(crate) fn find(&self, contact: &Contact) -> Option<u32> {
        let remembered = contact.class.filter(|&class| {
            self.list.get(class as usize).is_some_and(|row| {
                Arc::ptr_eq(&row.need, &contact.need)
                    && row.queue == contact.queue
                    && row.units == contact.units
            })
        });
        remembered.or_else(|| self.find_key(&(contact.queue, contact.units, contact.need.clone())))
    }

    pub(crate) fn find_key(&self, key: &ClassKey) -> Option<u32> {
        self.ids.get(key).copied()
    }

    /// An empty class to be given up for a new one, when many are known.
    pub(crate) fn give_up(&mut self) -> Option<u32> {
        if self.list.len() < KNOWN_MAX {
            return None;
        }
        let places = (self.hand..self.list.len()).chain(0..self.hand);
        let found = places.map(|place| place as u32).find(|&class| !self.waiting.has(class))?;
        self.hand = found as usize + 1;
        Some(found)
    }

    /// Makes an empty class another one; the caller has taken down its fits and works them out anew.
    pub(crate) fn replace(&mut self, class: u32, key: ClassKey) {
        let (queue, units, need) = key.clone();
        let row = &mut self.list[class as usize];
        assert!(row.line.is_empty(), "only a class in which nobody waits is given up");
        let before = core::mem::replace(
            row,
            Class { queue, units, need, line: BTreeSet::new(), profiles: Bitset::default() },
        );
        self.costs[class as usize] = units;
        self.ids.remove(&(before.queue, before.units, before.need));
        self.ids.insert(key, class);
    }

    /// Adds a class; the caller works out its fits.
    pub(crate) fn add(&mut self, key: ClassKey) -> u32 {
        let id = self.list.len() as u32;
        let (queue, units, need) = key.clone();
        self.list.push(Class { queue, units, need, line: BTreeSet::new(), profiles: Bitset::default() });
        self.heads.push(NOBODY);
        self.costs.push(units);
        self.ids.insert(key, id);
        id
    }

    pub(crate) fn set_fit(&mut self, class: u32, profile: u32, fits: bool) {
        self.list[class as usize].profiles.set(profile, fits);
    }

    /// Puts contacts into a line in which somebody waits already.
    pub(crate) fn join_line(&mut self, class: u32, keys: Vec<OrderKey>) {
        if keys.is_empty() {
            return;
        }
        let line = &mut self.list[class as usize].line;
        *line = core::mem::take(line).into_iter().chain(keys).collect();
        self.heads[class as usize] = line.first().map_or(NOBODY, |key| key.place());
    }

    /// Puts a contact into the line or takes it out.
    pub(crate) fn set_in_line(&mut self, class: u32, key: OrderKey, on: bool) {
        let line = &mut self.list[class as usize].line;
        let was_empty = line.is_empty();
        if on {
            line.insert(key);
        } else {
            line.remove(&key);
        }
        self.heads[class as usize] = line.first().map_or(NOBODY, |key| key.place());
        if was_empty != line.is_empty() {
            self.waiting.set(class, was_empty);
            self.live = if was_empty { self.live + 1 } else { self.live - 1 };
        }
    }
}
