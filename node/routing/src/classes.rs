//! Classes: waiting contacts with the same queue, need and cost stand in one line. A decision looks at the heads
//! of lines, never at contacts behind them.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::bitset::Bitset;
use crate::contact::{Contact, Need};
use crate::ids::QueueId;
use crate::order::OrderKey;

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
    heads: Vec<Option<OrderKey>>,
    waiting: Bitset,
    live: usize,
}

/// Empty classes are dropped when so many classes are known.
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

    pub(crate) fn head(&self, class: u32) -> Option<OrderKey> {
        self.heads[class as usize]
    }

    pub(crate) fn find(&self, contact: &Contact) -> Option<u32> {
        self.ids.get(&(contact.queue, contact.units, contact.need.clone())).copied()
    }

    pub(crate) fn find_key(&self, key: &ClassKey) -> Option<u32> {
        self.ids.get(key).copied()
    }

    /// Whether so many classes are known that the empty ones should go.
    pub(crate) fn is_crowded(&self) -> bool {
        self.list.len() >= KNOWN_MAX
    }

    /// Adds a class; the caller works out its fits.
    pub(crate) fn add(&mut self, key: ClassKey) -> u32 {
        let id = self.list.len() as u32;
        let (queue, units, need) = key.clone();
        self.list.push(Class { queue, units, need, line: BTreeSet::new(), profiles: Bitset::default() });
        self.heads.push(None);
        self.ids.insert(key, id);
        id
    }

    /// Keeps only classes with somebody waiting. All ids change: fits must be worked out anew.
    pub(crate) fn drop_empty(&mut self) {
        let kept: Vec<Class> =
            core::mem::take(&mut self.list).into_iter().filter(|c| !c.line.is_empty()).collect();
        self.ids.clear();
        self.heads.clear();
        self.waiting = Bitset::default();
        for (id, class) in (0u32..).zip(&kept) {
            self.ids.insert((class.queue, class.units, class.need.clone()), id);
            self.heads.push(class.line.first().copied());
            self.waiting.set(id, true);
        }
        self.list = kept;
        for class in &mut self.list {
            class.profiles = Bitset::default();
        }
    }

    pub(crate) fn set_fit(&mut self, class: u32, profile: u32, fits: bool) {
        self.list[class as usize].profiles.set(profile, fits);
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
        self.heads[class as usize] = line.first().copied();
        if was_empty != line.is_empty() {
            self.waiting.set(class, was_empty);
            self.live = if was_empty { self.live + 1 } else { self.live - 1 };
        }
    }
}
