//! Matching, both ways in the same entry (R2.5): a contact that comes free goes to the longest idle operator who
//! fits (R3.2), an operator who comes free takes the best waiting contact (R2.1). After each event nobody waits for
//! whom somebody is free.

use alloc::vec::Vec;

use crate::contact::{Contact, State, Wait};
use crate::effect::Effect;
use crate::ids::{AssignmentEpoch, ContactId, Millis, OperatorId, Timestamp};
use crate::operator::Operator;
use crate::order::{OrderKey, RankedKey};
use crate::plan::Answer;
use crate::planted::{Planted, is};
use crate::profiles::Idle;
use crate::router::Router;

impl Router {
    /// Matches what the event has freed: contacts in their order first, then operators by slot.
    pub(crate) fn settle(&mut self) {
        if core::mem::take(&mut self.freed.exclusions) {
            self.free_excluded_contacts();
        }
        if !self.freed.contacts.is_empty() {
            self.settle_contacts();
        }
        while let Some(operator) = self.freed.operators.pop_first() {
            while let Some(contact) = self.best_contact_for(operator) {
                self.assign(contact, operator);
            }
        }
    }

    fn settle_contacts(&mut self) {
        let freed = core::mem::take(&mut self.freed.contacts);
        let mut announce = core::mem::take(&mut self.freed.announce);
        let alone = freed.len() == 1 && self.freed.operators.is_empty();
        let mut keys: Vec<OrderKey> =
            freed.into_iter().map(|slot| self.tables.contact(slot).order()).collect();
        keys.sort_unstable_by_key(|key| key.ranked(0));
        for key in keys {
            self.serve(key.slot, alone);
            let contact = self.tables.contact(key.slot);
            if announce.remove(&key.slot) && matches!(contact.state, State::Waiting(_)) {
                let (contact, gateway) = (contact.id, contact.gateway);
                self.emit(Effect::AnnounceQueued { contact, gateway });
            }
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

    /// Walks the profiles that fit and everybody in the order of idleness by turns, and stops at the first walk
    /// to finish: few profiles make the one short, many fitting operators the other.
    fn longest_idle_for(&self, contact: &Contact) -> Option<u32> {
        let class = self.tables.ix.classes.find(contact)?;
        let class = self.tables.ix.classes.at(class);
        let passes = |slot: u32| {
            let operator = self.tables.operator(slot);
            operator.has_room_for(contact.units) && !self.is_excluded(operator, contact)
        };
        let mut profiles = class.profiles.iter();
        let mut everyone = self.tables.ix.profiles.everyone();
        let mut best: Option<Idle> = None;
        loop {
            let Some(profile) = profiles.next() else { return best.map(|idle| idle.1) };
            let idle = self.tables.ix.profiles.longest_idle_of(profile, contact.units, passes);
            best = if is(Planted::LastFoundWins) {
                idle.or(best)
            } else {
                [best, idle].into_iter().flatten().min()
            };
            let (_, slot) = everyone.next()?;
            let operator = self.tables.operator(slot);
            if class.profiles.has(operator.profile) && passes(slot) {
                return Some(slot);
            }
        }
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

    fn best_in_lines(&self, operator: &Operator) -> Option<RankedKey> {
        let classes = &self.tables.ix.classes;
        let mut best: Option<RankedKey> = None;
        for (&rank, fits) in &self.tables.ix.profiles.at(operator.profile).fits {
            for class in fits.and(classes.waiting()) {
                let Some(head) = classes.head(class) else { continue };
                let is_better = best.is_none_or(|best| head.ranked(rank) < best);
                if !is_better || !operator.has_room_for(classes.at(class).units) {
                    continue;
                }
                if let Some(key) = self.first_not_excluded(operator, class, head) {
                    best = [best, Some(key.ranked(rank))].into_iter().flatten().min();
                }
            }
        }
        best
    }

    fn first_not_excluded(&self, operator: &Operator, class: u32, head: OrderKey) -> Option<OrderKey> {
        let line = &self.tables.ix.classes.at(class).line;
        if is(Planted::OrderOffByOne) {
            return line.iter().nth(1).copied().or(Some(head));
        }
        if operator.exclusions.is_empty() {
            return Some(head);
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
        self.tables
            .ix
            .profiles
            .iter()
            .filter(|(_, key)| key.fits(&contact.need, &self.tables.directory.parents))
            .any(|(profile, _)| self.tables.ix.profiles.longest_idle_of(profile, 0, other).is_some())
    }

    /// Contacts that somebody is kept away from are looked at again when exclusions may have become void.
    fn free_excluded_contacts(&mut self) {
        for &operator in &self.tables.ix.excluding {
            for exclusion in &self.tables.operator(operator).exclusions {
                let ContactId { slot, generation } = exclusion.contact;
                let waits = self.tables.contacts.get(slot, generation).is_some_and(|contact| {
                    matches!(contact.state, State::Waiting(Wait::InLine | Wait::Held { .. }))
                });
                if waits {
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
        self.tables.change_contact(contact, |row| {
            row.assignment = if is(Planted::AssignmentNotRaised) && row.assignment.0 > 0 {
                row.assignment
            } else {
                AssignmentEpoch(row.assignment.0 + 1)
            };
            row.holder = Some(operator_id);
            row.passed = false;
            row.state = state;
        });
        self.tables.change_operator(operator, |row| row.idle_since = now);
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
