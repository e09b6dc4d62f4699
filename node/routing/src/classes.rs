//! Classes: waiting contacts with the same queue, need and cost stand in one line. A decision looks at the heads
//! of lines, never at contacts behind them.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::bitset::Bitset;
use crate::contact::{Contact, Need};
use crate::ids::{LogIndex, QueueId, Timestamp};
use crate::ladder::{QueueRule, Want};
use crate::order::{NOBODY, OrderKey, Place};

/// What makes two contacts alike for the router.
pub(crate) type ClassKey = (QueueId, u32, Arc<Need>);

#[derive(Clone, Debug)]
pub(crate) struct Class {
    pub queue: QueueId,
    pub units: u32,
    pub need: Arc<Need>,
    /// What they require by the plan in force.
    pub want: Want,
    /// Who of it waits, next first.
    pub line: BTreeSet<OrderKey>,
    /// For each step of the queue's ladder the profiles that fit.
    pub reach: Vec<Bitset>,
    /// Those in line that some operator is kept away from.
    marked: BTreeSet<OrderKey>,
    /// The first of each tier in line that nobody is kept away from.
    leads: BTreeMap<u8, OrderKey>,
}

impl Class {
    fn new(key: ClassKey, want: Want) -> Class {
        let (queue, units, need) = key;
        Class {
            queue,
            units,
            need,
            want,
            line: BTreeSet::new(),
            reach: Vec::new(),
            marked: BTreeSet::new(),
            leads: BTreeMap::new(),
        }
    }

    /// From which step on a profile fits.
    pub(crate) fn step_needed(&self, profile: u32) -> Option<usize> {
        self.reach.iter().position(|profiles| profiles.has(profile))
    }

    /// Whether it matters for how long its contacts have waited.
    fn climbs(&self) -> bool {
        self.reach.len() > 1
    }

    /// Those of a tier in line, next first.
    pub(crate) fn in_tier(&self, tier: u8) -> impl Iterator<Item = OrderKey> + '_ {
        self.line.range(first_of(tier)..).copied().take_while(move |key| key.tier == tier)
    }

    /// The tiers in line with the first of each.
    pub(crate) fn tiers(&self) -> impl Iterator<Item = OrderKey> + '_ {
        let next = |after: Option<u8>| {
            self.line.range(after.map_or(first_of(0), |tier| first_of(tier + 1))..).next()
        };
        core::iter::successors(next(None).copied(), move |key| next(Some(key.tier)).copied())
    }

    /// The first of a tier in line that nobody is kept away from.
    pub(crate) fn lead(&self, tier: u8) -> Option<OrderKey> {
        self.in_tier(tier).find(|key| !self.marked.contains(key))
    }

    /// The first of each tier that nobody is kept away from, and whoever somebody is kept away from: when anybody of
    /// the line can be matched, one of these can.
    pub(crate) fn foremost(&self) -> impl Iterator<Item = OrderKey> + '_ {
        self.tiers().filter_map(|key| self.lead(key.tier)).chain(self.marked.iter().copied())
    }
}

/// Before everybody of a tier.
fn first_of(tier: u8) -> OrderKey {
    OrderKey { tier, order: Timestamp(0), index: LogIndex(0), slot: 0 }
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
    /// How many contacts of tier 0 stand in line.
    pub life_safety: u32,
    /// Where the search for an empty class goes on, so that one that was used lately is kept longest.
    hand: usize,
    /// When somebody in line gets to another step: of each class the first of each tier, and those that somebody is
    /// kept away from. Whoever stands behind a first gets nobody by a step, for the first would have got that one.
    pub climbs: BTreeMap<(Timestamp, u32), u32>,
    climb_of: BTreeMap<u32, Timestamp>,
    /// Up to when steps have been looked at.
    pub climbed_until: Timestamp,
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
    pub(crate) fn replace(&mut self, class: u32, key: ClassKey, want: Want) {
        let row = &mut self.list[class as usize];
        assert!(row.line.is_empty(), "only a class in which nobody waits is given up");
        let before = core::mem::replace(row, Class::new(key.clone(), want));
        self.costs[class as usize] = key.1;
        self.ids.remove(&(before.queue, before.units, before.need));
        self.ids.insert(key, class);
    }

    /// Adds a class; the caller works out its fits.
    pub(crate) fn add(&mut self, key: ClassKey, want: Want) -> u32 {
        let id = self.list.len() as u32;
        self.list.push(Class::new(key.clone(), want));
        self.heads.push(NOBODY);
        self.costs.push(key.1);
        self.ids.insert(key, id);
        id
    }

    /// From which step on a profile fits; `None` for never.
    pub(crate) fn set_fit(&mut self, class: u32, profile: u32, from: Option<usize>) {
        for (step, profiles) in self.list[class as usize].reach.iter_mut().enumerate() {
            profiles.set(profile, from.is_some_and(|from| from <= step));
        }
    }

    /// The class has a ladder of so many steps; the caller works out its fits.
    pub(crate) fn set_steps(&mut self, class: u32, steps: usize) {
        self.list[class as usize].reach.resize_with(steps, Bitset::default);
    }

    /// Forgets a profile that is gone.
    pub(crate) fn forget_profile(&mut self, profile: u32) {
        for class in &mut self.list {
            class.reach.iter_mut().for_each(|profiles| profiles.set(profile, false));
        }
    }

    /// What contacts of the class require from here on; the caller works out its fits.
    pub(crate) fn set_want(&mut self, class: u32, want: Want) {
        self.list[class as usize].want = want;
    }

    /// Puts contacts into a line in which somebody waits already.
    pub(crate) fn join_line(&mut self, class: u32, keys: Vec<OrderKey>) {
        if keys.is_empty() {
            return;
        }
        self.life_safety += keys.iter().filter(|key| key.tier == 0).count() as u32;
        let line = &mut self.list[class as usize].line;
        *line = core::mem::take(line).into_iter().chain(keys).collect();
        self.heads[class as usize] = line.first().map_or(NOBODY, |key| key.place());
    }

    /// Notes that some operator is kept away from a contact in line, or puts it into no such list.
    fn mark(&mut self, class: u32, key: OrderKey, on: bool) {
        let marked = &mut self.list[class as usize].marked;
        if on {
            marked.insert(key);
        } else {
            marked.remove(&key);
        }
    }

    /// After a change at one tier of a line: whose steps are events.
    pub(crate) fn follow_line(&mut self, class: u32, key: OrderKey, rule: &QueueRule) {
        let row = &self.list[class as usize];
        if !row.climbs() {
            return;
        }
        let lead = row.lead(key.tier);
        let (is_marked, before) = (row.marked.contains(&key), row.leads.get(&key.tier).copied());
        self.set_climb(class, key, None);
        if is_marked {
            let at = rule.next_step_at(key, self.climbed_until);
            self.set_climb(class, key, at);
        }
        if let Some(before) = before.filter(|before| Some(*before) != lead && *before != key) {
            self.set_climb(class, before, None);
        }
        let row = &mut self.list[class as usize];
        match lead {
            Some(lead) => row.leads.insert(key.tier, lead),
            None => row.leads.remove(&key.tier),
        };
        if let Some(lead) = lead {
            self.set_climb(class, lead, rule.next_step_at(lead, self.climbed_until));
        }
    }

    /// After a change of the ladder: whose steps are events, in the whole line.
    pub(crate) fn follow_ladder(&mut self, class: u32, rule: &QueueRule) {
        let row = &mut self.list[class as usize];
        let followed: Vec<OrderKey> =
            core::mem::take(&mut row.leads).into_values().chain(row.marked.iter().copied()).collect();
        followed.into_iter().for_each(|key| self.set_climb(class, key, None));
        let again: Vec<OrderKey> = self.list[class as usize].foremost().collect();
        again.into_iter().for_each(|key| self.follow_line(class, key, rule));
    }

    /// A contact in line has been looked at for the step that came at `at`; its next one is an event.
    pub(crate) fn climb_on(&mut self, class: u32, key: OrderKey, rule: &QueueRule, at: Timestamp) {
        if self.list[class as usize].line.contains(&key) {
            self.set_climb(class, key, rule.next_step_at(key, at));
        }
    }

    /// The contact's next step is an event at that time; `None` for no more.
    fn set_climb(&mut self, class: u32, key: OrderKey, at: Option<Timestamp>) {
        if let Some(before) = self.climb_of.remove(&key.slot) {
            self.climbs.remove(&(before, key.slot));
        }
        if let Some(at) = at {
            self.climb_of.insert(key.slot, at);
            self.climbs.insert((at, key.slot), class);
        }
    }

    /// The first who gets to another step up to `now`, taken off the list.
    pub(crate) fn pop_climb(&mut self, now: Timestamp) -> Option<(Timestamp, u32)> {
        let (&(at, slot), _) = self.climbs.first_key_value().filter(|entry| entry.0.0 <= now)?;
        self.climbs.remove(&(at, slot));
        self.climb_of.remove(&slot);
        Some((at, slot))
    }

    /// Puts a contact into the line or takes it out; `marked` where some operator is kept away from it.
    pub(crate) fn set_in_line(&mut self, class: u32, key: OrderKey, marked: bool, on: bool) {
        if marked {
            self.mark(class, key, on);
        }
        if key.tier == 0 {
            self.life_safety = if on { self.life_safety + 1 } else { self.life_safety - 1 };
        }
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
