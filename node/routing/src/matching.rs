//! Matching, both ways in the same entry (R2.5): a contact that comes free goes to the longest idle operator who
//! fits (R3.2), an operator who comes free takes the best waiting contact (R2.1). After each event nobody waits for
//! whom somebody is free.

use alloc::vec::Vec;

use crate::contact::{Contact, State, Wait};
use crate::effect::Effect;
use crate::ids::{AssignmentEpoch, ContactId, Millis, OperatorId, Timestamp};
use crate::operator::Operator;
use crate::order::{NOBODY, OrderKey, RankedKey};
use crate::plan::Answer;
use crate::planted::{Planted, is};
use crate::profiles::Idle;
use crate::router::Router;
use crate::tables::Indexes;

impl Router {
    /// Matches what the event has freed: contacts in their order first, then operators by slot.
    pub(crate) fn settle(&mut self) {
        if core::mem::take(&mut self.freed.exclusions) {
            self.free_excluded_contacts();
        }
        if let Some(contact) = self.freed.contacts.only() {
            self.freed.contacts.clear();
            self.settle_contact(contact, self.freed.operators.is_empty());
            self.freed.announce.clear();
        } else if !self.freed.contacts.is_empty() {
            self.settle_contacts();
        }
        while let Some(operator) = self.freed.operators.pop_first() {
            while let Some(contact) = self.best_contact_for(operator) {
                self.assign(contact, operator);
            }
        }
    }

    fn settle_contacts(&mut self) {
        let slots = self.freed.contacts.iter();
        let mut keys: Vec<OrderKey> = slots.map(|slot| self.tables.contact(slot).order()).collect();
        self.freed.contacts.clear();
        keys.sort_unstable_by_key(|key| key.ranked(0));
        for key in keys {
            self.settle_contact(key.slot, false);
        }
        self.freed.announce.clear();
    }

    fn settle_contact(&mut self, slot: u32, alone: bool) {
        self.serve(slot, alone);
        let contact = self.tables.contact(slot);
        if self.freed.announce.remove(slot) && matches!(contact.state, State::Waiting(_)) {
            let (contact, gateway) = (contact.id, contact.gateway);
            self.emit(Effect::AnnounceQueued { contact, gateway });
        }
    }

    /// Looks for an operator until the contact has one or nobody fits. The operator found takes its own best
    /// contact, which is another one where several came free at once (I4).
    fn serve(&mut self, contact: u32, alone: bool) {
        while let Some(operator) = self.best_operator_for(contact) {
            let best = if alone { Some(contact) } else { self.best_contact_for(operator) };
            let Some(best) = best else { return };
            self.assign(best, operator);
            if best == contact {
                return;
            }
        }
    }

    /// The longest idle operator who fits, ties by slot; for a held contact only the one it is held for.
    fn best_operator_for(&self, slot: u32) -> Option<u32> {
        let contact = self.tables.contact(slot);
        match contact.state {
            State::Waiting(Wait::Held { operator, .. }) => {
                let row = self.tables.operator(operator.slot);
                let fits = row.is_available()
                    && row.has_room_for(contact.units)
                    && self.has_skills_and_scope(row, contact)
                    && !self.is_excluded(row, contact);
                fits.then_some(operator.slot)
            }
            State::Waiting(Wait::InLine) => self.longest_idle_for(contact),
            State::Waiting(Wait::Later)
            | State::Offered { .. }
            | State::Handling { .. }
            | State::WrapUp { .. }
            | State::Ended { .. } => None,
        }
    }

    /// Looks at the longest idle of each fitting profile; within a profile only where that one is ahead of the best so
    /// far. In a full house no profile has one, and there is nothing to look at.
    fn longest_idle_for(&self, contact: &Contact) -> Option<u32> {
        let class = self.tables.ix.classes.find(contact)?;
        let fitting = &self.tables.ix.classes.at(class).profiles;
        let profiles = &self.tables.ix.profiles;
        if contact.units == 0 {
            return self.longest_idle_among(fitting.iter(), contact, None);
        }
        let with_room = || fitting.and(profiles.with_room());
        let first = with_room().min_by_key(|&profile| profiles.head(profile))?;
        let best = self.longest_idle_in(first, contact);
        if best == Some(profiles.head(first)) && !is(Planted::LastFoundWins) {
            return best.map(|idle| idle.1);
        }
        self.longest_idle_among(with_room().filter(|&profile| profile != first), contact, best)
    }

    /// The longest idle of these profiles and of the one that is known already.
    fn longest_idle_among(
        &self,
        mut profiles: impl Iterator<Item = u32>,
        contact: &Contact,
        known: Option<Idle>,
    ) -> Option<u32> {
        let mut best = known;
        for profile in profiles.by_ref() {
            let is_ahead = best.is_none_or(|best| self.tables.ix.profiles.head(profile) < best);
            if is_ahead || contact.units == 0 || is(Planted::LastFoundWins) {
                let idle = self.longest_idle_in(profile, contact);
                best = if is(Planted::LastFoundWins) {
                    idle.or(best)
                } else {
                    [best, idle].into_iter().flatten().min()
                };
            }
        }
        best.map(|idle| idle.1)
    }

    fn longest_idle_in(&self, profile: u32, contact: &Contact) -> Option<Idle> {
        self.tables.ix.profiles.longest_idle_of(profile, contact.units, |slot| {
            let operator = self.tables.operator(slot);
            operator.has_room_for(contact.units) && !self.is_excluded(operator, contact)
        })
    }

    /// The waiting contact with the smallest key for this operator among those that fit.
    pub(crate) fn best_contact_for(&self, slot: u32) -> Option<u32> {
        let operator = self.tables.operator(slot);
        if !operator.is_available() {
            return None;
        }
        let in_line = self.best_in_lines(operator);
        let held = self.best_held(operator);
        [in_line, held].into_iter().flatten().min().map(|ranked| ranked.key.slot)
    }

    /// Within a rank the smallest place wins, and places are numbers side by side; between ranks the key decides.
    fn best_in_lines(&self, operator: &Operator) -> Option<RankedKey> {
        let classes = &self.tables.ix.classes;
        let room = operator.room()?;
        if room == 0 && self.tables.ix.costless == 0 {
            return None;
        }
        let mut best: Option<RankedKey> = None;
        for (&rank, fits) in &self.tables.ix.profiles.at(operator.profile).fits {
            let mut first = (NOBODY, None);
            fits.for_each_in_both(classes.waiting(), |class| {
                if classes.head(class) < first.0
                    && classes.cost(class) <= room
                    && let Some(key) = self.first_not_excluded(operator, class)
                    && key.place() < first.0
                {
                    first = (key.place(), Some(key));
                }
            });
            let first = first.1.map(|key| key.ranked(rank));
            best = [best, first].into_iter().flatten().min();
        }
        best
    }

    fn first_not_excluded(&self, operator: &Operator, class: u32) -> Option<OrderKey> {
        let line = &self.tables.ix.classes.at(class).line;
        if is(Planted::OrderOffByOne) {
            return line.iter().nth(1).or(line.first()).copied();
        }
        if operator.exclusions.is_empty() {
            return line.first().copied();
        }
        line.iter().find(|key| !self.is_excluded(operator, self.tables.contact(key.slot))).copied()
    }

    fn best_held(&self, operator: &Operator) -> Option<RankedKey> {
        let held = self.tables.ix.held.get(&operator.id.slot)?;
        let profile = &operator.profile_key;
        let fitting = held.iter().filter(|key| {
            let contact = self.tables.contact(key.slot);
            operator.has_room_for(contact.units)
                && self.has_skills_and_scope(operator, contact)
                && !self.is_excluded(operator, contact)
        });
        fitting.map(|key| key.ranked(profile.rank(self.tables.contact(key.slot).queue))).min()
    }

    pub(crate) fn has_skills_and_scope(&self, operator: &Operator, contact: &Contact) -> bool {
        operator.profile_key.fits(&contact.need, &self.tables.directory.parents)
    }

    /// Whether the operator is kept away from the contact (R3.1). It is not while nobody else is there who fits,
    /// whatever the others' load, and who is not kept away too.
    pub(crate) fn is_excluded(&self, operator: &Operator, contact: &Contact) -> bool {
        let is_forgotten = is(Planted::ExclusionForgottenAfterTransfer) && contact.transfers > 0;
        if is_forgotten || !contact.excluded || !operator.excludes(contact.id) {
            return false;
        }
        let other = |slot: u32| slot != operator.id.slot && !self.tables.operator(slot).excludes(contact.id);
        let Indexes { classes, profiles, .. } = &self.tables.ix;
        match classes.find(contact) {
            Some(class) => classes.at(class).profiles.iter().any(|profile| profiles.has_any(profile, other)),
            None => profiles
                .iter()
                .filter(|(_, key)| key.fits(&contact.need, &self.tables.directory.parents))
                .any(|(profile, _)| profiles.has_any(profile, other)),
        }
    }

    /// Contacts that somebody is kept away from are looked at again when exclusions may have become void. While the
    /// event has freed nobody who has room, only those whom one who is kept away has room for can come to anything.
    fn free_excluded_contacts(&mut self) {
        let has_room = |slot| {
            let operator = self.tables.operator(slot);
            operator.is_available() && operator.has_room_for(0)
        };
        let waits =
            |contact: &Contact| matches!(contact.state, State::Waiting(Wait::InLine | Wait::Held { .. }));
        let Indexes { kept_away, excluding, costless, .. } = &self.tables.ix;
        if self.freed.operators.iter().any(has_room) {
            for &(slot, _) in kept_away {
                if waits(self.tables.contact(slot)) {
                    self.freed.contacts.insert(slot);
                }
            }
            return;
        }
        for &(_, operator) in excluding.range((false, 0)..=(*costless > 0, u32::MAX)) {
            for exclusion in &self.tables.operator(operator).exclusions {
                let ContactId { slot, generation } = exclusion.contact;
                if self.tables.contacts.get(slot, generation).is_some_and(waits) {
                    self.freed.contacts.insert(slot);
                }
            }
        }
    }

    /// Gives a waiting contact to an operator who fits.
    fn assign(&mut self, contact: u32, operator: u32) {
        let now = self.now;
        let (operator_id, idle_before) = {
            let row = self.tables.operator(operator);
            (row.id, row.idle_since)
        };
        let answer = self.tables.directory.queue(self.tables.contact(contact).queue).answer;
        let state = match answer {
            Answer::Automatic => State::Handling { operator: operator_id, since: now, on_hold: None },
            Answer::Confirmed { within } => offered(operator_id, now, within, true, idle_before),
            Answer::Offered { within } => offered(operator_id, now, within, false, idle_before),
        };
        self.tables.change_contact_since(contact, Some(now), |row| {
            row.assignment = if is(Planted::AssignmentNotRaised) && row.assignment.0 > 0 {
                row.assignment
            } else {
                AssignmentEpoch(row.assignment.0 + 1)
            };
            row.holder = Some(operator_id);
            row.passed = false;
            row.state = state;
        });
        self.announce_assignment(contact);
    }

    fn announce_assignment(&mut self, slot: u32) {
        let row = self.tables.contact(slot);
        let (contact, gateway, assignment) = (row.id, row.gateway, row.assignment);
        match row.state {
            State::Offered { operator, deadline, automatic, .. } => {
                self.emit(Effect::RingOperator { contact, operator, assignment, deadline, automatic });
                self.emit(Effect::AnnounceAssigned { contact, gateway, operator, assignment });
            }
            State::Handling { .. } => self.connect(slot),
            State::Waiting(_) | State::WrapUp { .. } | State::Ended { .. } => {}
        }
    }

    /// Tells gateway and operator to connect, and counts the answer.
    pub(crate) fn connect(&mut self, slot: u32) {
        let row = self.tables.contact(slot);
        let State::Handling { operator, since, .. } = row.state else { return };
        let (contact, gateway, assignment) = (row.id, row.gateway, row.assignment);
        let waited = since.since(row.enqueued_at);
        let in_target = waited <= self.tables.directory.queue(row.queue).target.within;
        let totals = self.totals_of(slot);
        totals.connected += 1;
        totals.connected_in_target += u64::from(in_target);
        totals.waited_ms += waited.0;
        self.emit(Effect::ConnectContact { contact, gateway, operator, assignment });
    }
}

fn offered(
    operator: OperatorId,
    now: Timestamp,
    within: Millis,
    automatic: bool,
    idle_before: Timestamp,
) -> State {
    State::Offered { operator, at: now, deadline: now + within, automatic, idle_before }
}
