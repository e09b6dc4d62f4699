//! Parking (R3.5, R2.2): interruptible work in an operator's hands gives its room to who is urgent, and goes on when
//! there is room again. Parked is a mark on the handling: the work keeps holder and assignment, and takes no units.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::contact::{Contact, State, Wait};
use crate::directory::Directory;
use crate::effect::{Effect, WithdrawReason};
use crate::ids::ChannelId;
use crate::invariants::{Violation, violated};
use crate::operator::Operator;
use crate::order::RankedKey;
use crate::planted::{Planted, is};
use crate::router::Router;
use crate::rules::Interruptible;
use crate::tables::Tables;
use crate::why::Side;

/// A queue's rule of interruption with its channels looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InterruptionRule {
    pub by_tier: u8,
    pub channels: Box<[ChannelId]>,
    pub parks_max: u16,
}

impl InterruptionRule {
    pub(crate) fn new(rule: &Interruptible, channels: impl Iterator<Item = ChannelId>) -> InterruptionRule {
        InterruptionRule { by_tier: rule.by_tier, channels: channels.collect(), parks_max: rule.parks_max }
    }
}

/// What an operator goes on with.
enum Next {
    Contact(u32),
    Parked(u32),
}

impl Contact {
    /// Whether it is in handling and rests for the sake of another one.
    pub(crate) fn is_parked(&self) -> bool {
        matches!(self.state, State::Handling { .. })
            && self.decision.as_deref().is_some_and(|decision| decision.parked.is_some())
    }
}

impl Tables {
    /// Whether an operator has nothing in hand but parked work: no contact, and no wrap-up of one passed on.
    pub(crate) fn is_empty_handed(&self, operator: u32) -> bool {
        let mut in_hand = self.ix.in_hand.range((operator, 0)..=(operator, u32::MAX));
        self.operator(operator).wrap_ups.is_empty() && in_hand.all(|entry| self.ix.parked.contains(entry))
    }

    /// Contacts in an operator's hands of each channel with a cap, without parked ones.
    pub(crate) fn counts_of(&self, operator: u32, caps: &[(ChannelId, u16)]) -> Vec<u16> {
        let in_hand = self.in_hand(operator).into_iter().map(|slot| self.contact(slot));
        let channels: Vec<_> = in_hand.filter(|row| !row.is_parked()).map(|row| row.need.channel).collect();
        let count = |channel| channels.iter().filter(|held| **held == Some(channel)).count();
        caps.iter().map(|cap| u16::try_from(count(cap.0)).unwrap_or(u16::MAX)).collect()
    }
}

impl Router {
    /// Whether anybody could be interrupted for such a contact.
    pub(crate) fn interrupts(&self, contact: &Contact) -> bool {
        let directory = &self.tables.directory;
        directory.interrupts
            && directory.interruptions().any(|rule| {
                contact.tier <= rule.by_tier
                    || (rule.channels.contains(&contact.channel)
                        && directory.rule(contact.queue).interruptible.is_none())
            })
    }

    /// Whether this work is interrupted for the contact: by a smaller tier, or by its channel where its queue cannot be
    /// interrupted itself.
    pub(crate) fn goes_before_work(&self, contact: &Contact, work: &Contact) -> bool {
        let directory = &self.tables.directory;
        let Some(rule) = &directory.rule(work.queue).interruptible else { return false };
        let by_tier = contact.tier < work.tier && contact.tier <= rule.by_tier;
        let by_channel = contact.tier <= work.tier
            && rule.channels.contains(&contact.channel)
            && directory.rule(contact.queue).interruptible.is_none();
        (by_tier || by_channel) && !is(Planted::WorkNotInterrupted)
    }

    /// Work in the operator's hands that would be parked for the contact, the last first. What was assigned before
    /// format 3 has no record that could say so.
    pub(crate) fn interruptible_for(&self, operator: &Operator, contact: &Contact) -> Vec<u32> {
        let directory = &self.tables.directory;
        let rows = self.tables.in_hand(operator.id.slot).into_iter().map(|slot| self.tables.contact(slot));
        let handled = rows.filter(|row| {
            matches!(row.state, State::Handling { .. }) && row.decision.is_some() && row.taken() > 0
        });
        let work = handled.filter(|row| self.goes_before_work(contact, row) && !self.is_consulted_about(row));
        let mut work: Vec<RankedKey> = work.map(|row| ranked(directory, operator, row)).collect();
        work.sort_unstable_by(|one, other| other.cmp(one));
        work.into_iter().map(|ranked| ranked.key.slot).collect()
    }

    /// Whether it is a consultation, or somebody is asked about it.
    fn is_consulted_about(&self, row: &Contact) -> bool {
        self.is_leg(row.id.slot) || !self.legs.of(row.id.slot).is_empty()
    }

    /// The work rests; once more than its queue allows, and it goes back to its place instead.
    pub(crate) fn park(&mut self, slot: u32) {
        let row = self.tables.contact(slot);
        let (contact, gateway, assignment) = (row.id, row.gateway, row.assignment);
        let Some(operator) = row.operator() else { return };
        self.freed.operators.insert(operator.slot);
        let parks = row.decision.as_deref().map_or(0, |decision| decision.parks);
        let max =
            self.tables.directory.rule(row.queue).interruptible.as_ref().map_or(0, |rule| rule.parks_max);
        if parks >= max && !is(Planted::ParkedForEver) {
            return self.requeue(slot, WithdrawReason::ParkedOften);
        }
        let now = self.now;
        self.tables.change_contact(slot, |row| {
            if let Some(decision) = &mut row.decision {
                decision.parked = Some(now);
                decision.parks += 1;
            }
        });
        if self.tables.directory.threads {
            self.interrupt_thread(slot);
        }
        self.emit(Effect::ParkContact { contact, gateway, operator, assignment, on: true });
    }

    fn resume(&mut self, slot: u32) {
        let row = self.tables.contact(slot);
        let (contact, gateway, assignment) = (row.id, row.gateway, row.assignment);
        let Some(operator) = row.operator() else { return };
        let now = self.now;
        self.tables.change_contact_since(slot, Some(now), |row| {
            if let Some(decision) = &mut row.decision {
                decision.parked = None;
            }
        });
        self.begin_busy_time(operator.slot);
        if self.tables.directory.threads {
            self.begin_thread(slot);
        }
        self.emit(Effect::ParkContact { contact, gateway, operator, assignment, on: false });
    }

    /// Whether the operator has parked work.
    fn has_parked(&self, operator: u32) -> bool {
        self.parked_of(operator).any(|work| !self.is_resting(work))
    }

    fn parked_of(&self, operator: u32) -> impl Iterator<Item = &Contact> {
        let parked = self.tables.ix.parked.range((operator, 0)..=(operator, u32::MAX));
        parked.map(|entry| self.tables.contact(entry.1))
    }

    /// Whether its operator could take the work up: there, with room, and not reserved for somebody before it.
    fn may_go_on(&self, operator: &Operator, work: &Contact) -> bool {
        operator.is_available()
            && !self.is_resting(work)
            && operator.has_room_for(units_of(work))
            && !operator.is_full_of(work.need.channel)
            && !self.tables.is_full_of_queue(operator, work.queue)
            && !self.is_reserved_from(operator, work)
    }

    /// Work that its operator could not take up with empty hands goes back to its place.
    fn give_up_parked(&mut self, operator: u32) {
        let row = self.tables.operator(operator);
        let lost = |work: &&Contact| {
            let caps = &row.profile_key.caps;
            let no_channel = caps.iter().any(|cap| cap.1 == 0 && Some(cap.0) == work.need.channel);
            units_of(work) > row.capacity || no_channel || row.profile_key.queue_cap(work.queue) == Some(0)
        };
        let parked = self.parked_of(operator).filter(|work| !self.is_resting(work));
        let lost: Vec<u32> = parked.filter(lost).map(|work| work.id.slot).collect();
        if !is(Planted::ParkedBeyondCapacity) {
            lost.into_iter().for_each(|work| self.requeue(work, WithdrawReason::ParkedOften));
        }
    }

    /// An operator whose hands have changed goes on with what has the smallest key, its parked work included; who may
    /// interrupt that goes before it.
    pub(crate) fn take_up(&mut self, operator: u32) {
        if !self.tables.ix.parked.is_empty() && self.has_parked(operator) {
            self.give_up_parked(operator);
            self.reach_through_with(operator);
        }
        while let Some(next) = self.next_for(operator) {
            match next {
                Next::Contact(contact) => self.assign(contact, operator, Side::Operator),
                Next::Parked(work) => self.resume(work),
            }
        }
        self.reach_through_with(operator);
    }

    fn next_for(&self, operator: u32) -> Option<Next> {
        let contact = self.first_for(operator);
        if self.tables.ix.parked.is_empty() || is(Planted::NothingResumed) {
            return contact.map(Next::Contact);
        }
        let (row, directory) = (self.tables.operator(operator), &self.tables.directory);
        let resting = self.parked_of(operator).filter(|work| self.may_go_on(row, work));
        let work =
            resting.map(|work| (standing(directory, row, work, self.is_wanted_thread(work)), work.id.slot));
        let before = |contact| standing(directory, row, self.tables.contact(contact), false);
        match (contact, work.min()) {
            (Some(contact), Some((key, _))) if before(contact) < key => Some(Next::Contact(contact)),
            (_, Some((_, work))) => Some(Next::Parked(work)),
            (contact, None) => contact.map(Next::Contact),
        }
    }

    /// The best contact for an operator. Nobody begins with work for which it would be interrupted at once.
    pub(crate) fn first_for(&self, operator: u32) -> Option<u32> {
        let best = self.best_contact_for(operator)?;
        let directory = &self.tables.directory;
        if !directory.interrupts || directory.rule(self.tables.contact(best).queue).interruptible.is_none() {
            return Some(best);
        }
        let work = self.tables.contact(best);
        let row = self.tables.operator(operator);
        let mut first: Option<RankedKey> = None;
        self.for_each_interrupter(row, |contact, key| {
            if self.goes_before_work(contact, work) && self.has_room(row, contact) {
                first = Some(first.map_or(key, |first| first.min(key)));
            }
        });
        Some(first.map_or(best, |first| first.key.slot))
    }

    /// Calls for the first of each line and tier that might interrupt work and that this operator may serve, room aside.
    pub(crate) fn for_each_interrupter(
        &self,
        operator: &Operator,
        mut visit: impl FnMut(&Contact, RankedKey),
    ) {
        if !operator.is_available() {
            return;
        }
        let classes = &self.tables.ix.classes;
        for (&rank, fits) in &self.tables.ix.profiles.at(operator.profile).fits {
            fits.for_each_in_both(classes.waiting(), |class| {
                let class = classes.at(class);
                for first in class.tiers() {
                    let mut open = class.in_tier(first.tier).map(|key| (key, self.tables.contact(key.slot)));
                    let Some((key, contact)) = open.find(|(_, contact)| !self.is_excluded(operator, contact))
                    else {
                        continue;
                    };
                    if self.interrupts(contact) && self.may_be_reached(operator, contact) {
                        visit(contact, key.ranked(rank));
                    }
                }
            });
        }
        let held = self.tables.ix.held.get(&operator.id.slot).into_iter().flatten();
        for contact in held.map(|key| self.tables.contact(key.slot)) {
            if self.interrupts(contact)
                && self.may_be_reached(operator, contact)
                && !self.is_excluded(operator, contact)
            {
                visit(contact, ranked(&self.tables.directory, operator, contact));
            }
        }
    }

    /// Whether the contact may come to the operator at its step and now, room and exclusion aside; a held one to its own.
    pub(crate) fn may_be_reached(&self, operator: &Operator, contact: &Contact) -> bool {
        if matches!(contact.state, State::Waiting(Wait::Held { .. })) {
            return self.fits_now(operator, contact)
                && !self.is_kept_from(operator, contact.queue, contact.tier);
        }
        let classes = &self.tables.ix.classes;
        let Some(class) = classes.find(contact).map(|class| classes.at(class)) else { return false };
        let step = self.tables.directory.rule(contact.queue).step_of(contact.order(), self.now);
        class.reach[step].has(operator.profile)
            && !self.is_kept_from(operator, contact.queue, contact.tier)
            && !self.is_reserved_from(operator, contact)
    }

    /// Under another rule of interruption somebody may be let through who was not.
    pub(crate) fn follow_interruptions(&mut self, before: &Directory) {
        if self.tables.directory.interruptions().eq(before.interruptions()) {
            return;
        }
        for slot in 0..self.tables.operators.slots() {
            if self.tables.operators.at(slot).is_some() {
                self.freed.operators.insert(slot);
            }
        }
    }

    /// Interrupted work goes on as soon as its operator has room.
    pub(crate) fn check_parked(&self, slot: u32, contact: &Contact) -> Result<(), Violation> {
        let Some(operator) = contact.operator().filter(|_| contact.is_parked()) else { return Ok(()) };
        let was_parked = contact.decision.as_deref().is_some_and(|decision| decision.parks > 0);
        if !was_parked && self.tables.threads.of(slot).is_none() {
            return violated("I1", "parked work was never parked", slot);
        }
        if self.may_go_on(self.tables.operator(operator.slot), contact) {
            return violated("I4", "work stays parked although its operator has room", slot);
        }
        if !self.tables.ix.parked.contains(&(operator.slot, slot)) {
            return violated("I2", "an operator does not know of its parked work", slot);
        }
        Ok(())
    }
}

/// Where it stands among what an operator goes on with: behind urgency, a thread whose customer has written again goes
/// before all else.
fn standing(
    directory: &Directory,
    operator: &Operator,
    row: &Contact,
    is_wanted: bool,
) -> (u8, bool, RankedKey) {
    (row.tier.min(2), !is_wanted, ranked(directory, operator, row))
}

/// Its key for the operator.
fn ranked(directory: &Directory, operator: &Operator, row: &Contact) -> RankedKey {
    row.order().ranked(directory.rank(&operator.profile_key, row.queue))
}

/// What the work takes of its operator when it goes on.
fn units_of(work: &Contact) -> u32 {
    work.decision.as_deref().map_or(work.units, |decision| decision.units)
}
