//! Life safety gets through (R2.2): where nobody has room for a contact of tier 0, wrap-ups end for it and offers of others
//! go back. It never cuts a talk.

use crate::contact::{Contact, State, Wait};
use crate::effect::{EndReason, WithdrawReason};
use crate::operator::Operator;
use crate::order::RankedKey;
use crate::planted::{Planted, is};
use crate::router::Router;
use crate::why::Side;

/// What must leave an operator's hands: the less the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Clearing {
    step: Step,
    /// So much work rests or goes back.
    works: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// Interruptible work rests.
    Parks,
    /// Its wrap-ups end.
    WrapUps,
    /// And its offers of contacts that are not life safety go back.
    Offers,
}

/// A part of what is in an operator's hands.
#[derive(Clone, Copy, Default)]
struct Part {
    units: u32,
    /// Contacts of the channel that is asked about.
    of_channel: u16,
    /// Contacts of the queue that is asked about.
    of_queue: usize,
}

impl Part {
    /// One more contact goes, where there is to be room for another.
    fn add(&mut self, gone: &Contact, contact: &Contact) {
        self.units += gone.taken();
        self.of_queue += usize::from(gone.queue == contact.queue);
        self.of_channel += u16::from(gone.need.channel == contact.need.channel);
    }

    fn join(&mut self, other: Part) {
        self.units += other.units;
        self.of_channel += other.of_channel;
        self.of_queue += other.of_queue;
    }
}

impl Router {
    /// Looks for somebody who has room for an urgent contact when hands are cleared: whom the least is taken from, then
    /// the longest idle.
    pub(crate) fn reach_through(&mut self, slot: u32) {
        let contact = self.tables.contact(slot);
        if !self.is_let_through(contact) {
            return;
        }
        let found = match contact.state {
            State::Waiting(Wait::Held { operator, .. }) => {
                let row = self.tables.operator(operator.slot);
                let clearing = self.clearing_for_held(row, contact);
                clearing.map(|clearing| (clearing, operator.slot))
            }
            State::Waiting(Wait::InLine) => self.best_to_clear(contact),
            State::Waiting(Wait::Later | Wait::ForCustomer)
            | State::Offered { .. }
            | State::Handling { .. }
            | State::WrapUp { .. }
            | State::Ended { .. } => None,
        };
        if let Some((clearing, operator)) = found {
            let choice = self.tables.directory.rule(contact.queue).choice;
            let side = if self.is_life_safety(contact) { Side::LifeSafety } else { Side::Contact(choice) };
            self.clear_hands(operator, slot, clearing);
            self.assign(slot, operator, side);
        }
    }

    fn best_to_clear(&self, contact: &Contact) -> Option<(Clearing, u32)> {
        let class = self.tables.ix.classes.at(self.tables.ix.classes.find(contact)?);
        let is_life_safety = self.is_life_safety(contact);
        let step = self.tables.directory.rule(contact.queue).step_of(contact.order(), self.now);
        let reach = if is_life_safety { class.reach.last() } else { class.reach.get(step) };
        let available = reach?.iter().flat_map(|profile| self.tables.ix.profiles.available(profile));
        let cleared = available.filter_map(|idle| {
            let operator = self.tables.operator(idle.1);
            if !is_life_safety && !self.may_be_reached(operator, contact) {
                return None;
            }
            let clearing = self.clearing_for(operator, contact)?;
            (!self.is_excluded(operator, contact)).then_some((clearing, idle))
        });
        cleared.min().map(|(clearing, idle)| (clearing, idle.1))
    }

    /// A held contact has its own operator's work parked and nothing more.
    fn clearing_for_held(&self, operator: &Operator, contact: &Contact) -> Option<Clearing> {
        let fits = operator.is_available()
            && self.may_be_reached(operator, contact)
            && !self.is_excluded(operator, contact);
        let clearing = if fits { self.clearing_for(operator, contact) } else { None };
        clearing.filter(|clearing| clearing.step == Step::Parks)
    }

    /// An operator whose hands have changed takes the first urgent contact for which they can be cleared, again and
    /// again.
    pub(crate) fn reach_through_with(&mut self, slot: u32) {
        while let Some((contact, clearing)) = self.best_to_reach(self.tables.operator(slot)) {
            let is_life_safety = self.is_life_safety(self.tables.contact(contact));
            self.clear_hands(slot, contact, clearing);
            self.assign(contact, slot, if is_life_safety { Side::LifeSafety } else { Side::Operator });
        }
    }

    /// Whether contacts of tier 0 wait that may be let through.
    pub(crate) fn life_safety_waits(&self) -> bool {
        self.format >= 3 && self.tables.ix.classes.life_safety > 0 && !is(Planted::LifeSafetyWaitsForWrapUp)
    }

    fn is_life_safety(&self, contact: &Contact) -> bool {
        contact.tier == 0 && self.life_safety_waits() && matches!(contact.state, State::Waiting(Wait::InLine))
    }

    fn is_let_through(&self, contact: &Contact) -> bool {
        self.is_life_safety(contact) || self.interrupts(contact)
    }

    fn best_to_reach(&self, operator: &Operator) -> Option<(u32, Clearing)> {
        let interrupts = self.tables.directory.interrupts;
        if (!self.life_safety_waits() && !interrupts) || !operator.is_available() {
            return None;
        }
        let mut best = self.best_life_to_reach(operator);
        if interrupts {
            self.for_each_interrupter(operator, |contact, key| {
                if best.is_none_or(|best| key < best.0)
                    && let Some(clearing) = self.clearing_for(operator, contact)
                {
                    best = Some((key, clearing));
                }
            });
        }
        best.map(|(ranked, clearing)| (ranked.key.slot, clearing))
    }

    fn best_life_to_reach(&self, operator: &Operator) -> Option<(RankedKey, Clearing)> {
        if !self.life_safety_waits() {
            return None;
        }
        let mut best: Option<(RankedKey, Clearing)> = None;
        for (&rank, fits) in &self.tables.ix.profiles.at(operator.profile).fits {
            fits.for_each_in_both(self.tables.ix.classes.waiting(), |class| {
                let of_tier_0 = self.tables.ix.classes.at(class).in_tier(0);
                let mut open = of_tier_0.map(|key| (key, self.tables.contact(key.slot)));
                let first = open.find(|(_, contact)| !self.is_excluded(operator, contact));
                if let Some((key, contact)) = first
                    && let Some(clearing) = self.clearing_for(operator, contact)
                {
                    let found = (key.ranked(rank), clearing);
                    best = Some(best.map_or(found, |best| if found.0 < best.0 { found } else { best }));
                }
            });
        }
        best
    }

    /// What must go for the contact to have room; `None` where even that is not enough.
    fn clearing_for(&self, operator: &Operator, contact: &Contact) -> Option<Clearing> {
        let has_room = |part: Part| {
            let in_use = u64::from(operator.used - part.units) + u64::from(operator.cost_of(contact));
            in_use <= u64::from(operator.capacity)
                && operator.is_below_cap(contact.need.channel, part.of_channel)
                && !self.tables.is_full_of_queue_without(operator, contact.queue, part.of_queue)
        };
        let (mut gone, mut works) = (Part::default(), 0);
        if self.tables.directory.interrupts {
            let work = self.interruptible_for(operator, contact);
            while !has_room(gone) && works < work.len() {
                gone.add(self.tables.contact(work[works]), contact);
                works += 1;
            }
        }
        // Nothing more is taken from an operator who has room: one who had declined, and is the last who is left.
        if has_room(gone) {
            return Some(Clearing { step: Step::Parks, works });
        }
        if !self.is_life_safety(contact) {
            return None;
        }
        let (wrap_ups, offers) = self.parts_to_clear(operator, contact);
        gone.join(wrap_ups);
        if has_room(gone) {
            return Some(Clearing { step: Step::WrapUps, works });
        }
        gone.join(offers);
        has_room(gone).then_some(Clearing { step: Step::Offers, works })
    }

    fn parts_to_clear(&self, operator: &Operator, contact: &Contact) -> (Part, Part) {
        let mut wrap_ups = Part { units: operator.wrap_up_units(), ..Part::default() };
        let mut offers = Part::default();
        for slot in self.tables.in_hand(operator.id.slot) {
            let row = self.tables.contact(slot);
            let part = match row.state {
                State::WrapUp { .. } => &mut wrap_ups,
                State::Offered { .. } if row.tier > 0 => &mut offers,
                State::Offered { .. } | State::Handling { .. } | State::Waiting(_) | State::Ended { .. } => {
                    continue;
                }
            };
            part.add(row, contact);
        }
        (wrap_ups, offers)
    }

    fn clear_hands(&mut self, slot: u32, incoming: u32, clearing: Clearing) {
        if self.tables.directory.interrupts {
            let work = self.interruptible_for(self.tables.operator(slot), self.tables.contact(incoming));
            work.into_iter().take(clearing.works).for_each(|work| self.park(work));
        }
        if clearing.step == Step::Parks {
            return;
        }
        for contact in self.tables.in_hand(slot) {
            if let State::WrapUp { operator, .. } = self.tables.contact(contact).state {
                self.end_contact(contact, EndReason::Completed(operator));
            }
        }
        self.end_wrap_ups(slot, |_| true);
        if clearing.step == Step::WrapUps {
            return;
        }
        for contact in self.tables.in_hand(slot) {
            let row = self.tables.contact(contact);
            if matches!(row.state, State::Offered { .. }) && row.tier > 0 {
                self.requeue(contact, WithdrawReason::LifeSafety);
            }
        }
    }
}
