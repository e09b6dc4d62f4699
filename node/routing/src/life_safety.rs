//! Life safety gets through (R2.2): where nobody has room for a contact of tier 0, wrap-ups end for it and offers of others
//! go back. It never cuts a talk.

use crate::contact::{Contact, State, Wait};
use crate::effect::{EndReason, WithdrawReason};
use crate::operator::Operator;
use crate::order::RankedKey;
use crate::planted::{Planted, is};
use crate::router::Router;
use crate::why::Side;

/// What must leave an operator's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Clearing {
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

impl Router {
    /// Looks for somebody who has room for a contact of tier 0 when wrap-ups end and offers go back: whom the least is
    /// taken from, then the longest idle.
    pub(crate) fn reach_through(&mut self, slot: u32) {
        let contact = self.tables.contact(slot);
        if !self.is_let_through(contact) {
            return;
        }
        let Some(class) = self.tables.ix.classes.find(contact) else { return };
        let class = self.tables.ix.classes.at(class);
        let Some(fitting) = class.reach.last() else { return };
        let available = fitting.iter().flat_map(|profile| self.tables.ix.profiles.available(profile));
        let cleared = available.filter_map(|idle| {
            let operator = self.tables.operator(idle.1);
            let clearing = self.clearing_for(operator, contact)?;
            (!self.is_excluded(operator, contact)).then_some((clearing, idle))
        });
        if let Some((clearing, (_, operator))) = cleared.min() {
            self.clear_hands(operator, clearing);
            self.assign(slot, operator, Side::LifeSafety);
        }
    }

    /// An operator whose hands have changed takes a waiting contact of tier 0 for which they can be cleared.
    pub(crate) fn reach_through_with(&mut self, slot: u32) {
        while let Some((contact, clearing)) = self.best_to_reach(self.tables.operator(slot)) {
            self.clear_hands(slot, clearing);
            self.assign(contact, slot, Side::LifeSafety);
        }
    }

    /// Whether contacts of tier 0 wait that may be let through.
    pub(crate) fn life_safety_waits(&self) -> bool {
        self.format >= 3 && self.tables.ix.classes.life_safety > 0 && !is(Planted::LifeSafetyWaitsForWrapUp)
    }

    fn is_let_through(&self, contact: &Contact) -> bool {
        self.life_safety_waits() && contact.tier == 0 && matches!(contact.state, State::Waiting(Wait::InLine))
    }

    fn best_to_reach(&self, operator: &Operator) -> Option<(u32, Clearing)> {
        if !self.life_safety_waits() || !operator.is_available() {
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
        best.map(|(ranked, clearing)| (ranked.key.slot, clearing))
    }

    /// What must go for the contact to have room; `None` where even that is not enough.
    fn clearing_for(&self, operator: &Operator, contact: &Contact) -> Option<Clearing> {
        let (wrap_ups, offers) = self.parts_to_clear(operator, contact);
        let both = Part {
            units: wrap_ups.units + offers.units,
            of_channel: wrap_ups.of_channel + offers.of_channel,
            of_queue: wrap_ups.of_queue + offers.of_queue,
        };
        let has_room = |part: Part| {
            let in_use = u64::from(operator.used - part.units) + u64::from(operator.cost_of(contact));
            in_use <= u64::from(operator.capacity)
                && operator.is_below_cap(contact.need.channel, part.of_channel)
                && !self.tables.is_full_of_queue_without(operator, contact.queue, part.of_queue)
        };
        if has_room(wrap_ups) {
            return Some(Clearing::WrapUps);
        }
        has_room(both).then_some(Clearing::Offers)
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
            part.units += row.taken();
            part.of_queue += usize::from(row.queue == contact.queue);
            part.of_channel += u16::from(row.need.channel == contact.need.channel);
        }
        (wrap_ups, offers)
    }

    fn clear_hands(&mut self, slot: u32, clearing: Clearing) {
        for contact in self.tables.in_hand(slot) {
            if let State::WrapUp { operator, .. } = self.tables.contact(contact).state {
                self.end_contact(contact, EndReason::Completed(operator));
            }
        }
        self.end_wrap_ups(slot, |_| true);
        if clearing == Clearing::WrapUps {
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
