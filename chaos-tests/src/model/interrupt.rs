//! Work that is parked when somebody more urgent needs its room, and goes on afterwards (R3.5, R2.2).

use ringmain_routing::effect::WithdrawReason;
use ringmain_routing::rules::Interruptible;
use ringmain_routing::{ContactId, Effect, OperatorId, Plan, Timestamp};

use super::ladder::queue_of;
use super::matching::{Key, key};
use super::state::{Contact, ContactState, Operator};
use super::threads::Rest;
use super::{Freed, Model};

/// What an operator goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Next {
    /// Work that was parked.
    Resume(ContactId),
    /// A contact that waits.
    Take(ContactId),
}

/// Who writes again goes before all that is not urgent: the first of a key, whether it is one of those, the key.
type Precedence = (u8, bool, Key);

fn precedence(operator: &Operator, contact: &Contact) -> Precedence {
    let key = key(contact, operator.rank(&contact.queue));
    (key.0, !contact.is_wanted(), key)
}

impl Contact {
    /// In handling, and without room.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.parked_since().is_some()
    }

    /// Since when it is parked.
    #[must_use]
    pub fn parked_since(&self) -> Option<Timestamp> {
        self.parked.filter(|_| matches!(self.state, ContactState::Handling { .. }))
    }
}

impl Model {
    fn rule_of(&self, contact: &Contact) -> Option<&Interruptible> {
        queue_of(&self.plan, &contact.queue).rules.interruptible.as_ref()
    }

    pub(super) fn has_interruptible(&self) -> bool {
        self.plan.queues.iter().any(|queue| queue.rules.interruptible.is_some())
    }

    /// By the rule of the queue in which the work is, or would be.
    fn rule_lets(&self, contact: &Contact, work: &Contact) -> bool {
        let Some(rule) = self.rule_of(work) else { return false };
        let by_tier = contact.tier <= rule.by_tier && contact.tier < work.tier;
        let by_channel = rule.by_channels.contains(&contact.body.channel)
            && contact.tier <= work.tier
            && self.rule_of(contact).is_none();
        by_tier || by_channel
    }

    fn may_be_parked(&self, work: &Contact) -> bool {
        matches!(work.state, ContactState::Handling { .. })
            && !work.is_parked()
            && work.is_of_rules
            && work.taken > 0
            && work.leg.is_none()
            && self.legs_of(work.id).is_empty()
    }

    /// Some queue's rule lets it interrupt work of whatever tier.
    fn is_interrupter(&self, contact: &Contact) -> bool {
        let mut rules = self.plan.queues.iter().filter_map(|queue| queue.rules.interruptible.as_ref());
        rules.any(|rule| {
            let is_named = rule.by_channels.contains(&contact.body.channel);
            contact.tier <= rule.by_tier || (is_named && self.rule_of(contact).is_none())
        })
    }

    /// What the contact may interrupt in the operator's hands, greatest key first.
    pub(super) fn works_for(&self, operator: &Operator, contact: &Contact) -> Vec<ContactId> {
        let in_hand = self.contacts_of(operator.id);
        let mut works: Vec<&Contact> =
            in_hand.filter(|work| self.may_be_parked(work) && self.rule_lets(contact, work)).collect();
        works.sort_by_key(|work| key(work, operator.rank(&work.queue)));
        works.iter().rev().map(|work| work.id).collect()
    }

    /// Who is looked at in reach: in line or held for this operator, and one who may interrupt.
    pub(super) fn may_reach(&self, operator: &Operator, contact: &Contact) -> bool {
        contact.is_eligible()
            && contact.held_for.is_none_or(|(known, _)| known == operator.id)
            && self.is_interrupter(contact)
    }

    /// The work leaves its room for somebody: parked, or back to its place where it was parked often.
    pub(super) fn interrupt(&mut self, id: ContactId, operator: OperatorId) -> Freed {
        let work = self.contact_row(id);
        let parks_max = self.rule_of(work).map_or(0, |rule| rule.parks_max);
        if work.parks >= parks_max {
            return self.send_back(id, operator);
        }
        let now = self.now;
        let work = self.contact_mut(id);
        work.parks += 1;
        work.parked = Some(now);
        self.tell_parked(id, operator, true);
        Freed::default()
    }

    pub(super) fn tell_parked(&mut self, contact: ContactId, operator: OperatorId, on: bool) {
        let row = self.contact_row(contact);
        let (gateway, assignment) = (row.gateway(), row.assignment);
        self.effects.push(Effect::ParkContact { contact, gateway, operator, assignment, on });
    }

    fn send_back(&mut self, id: ContactId, operator: OperatorId) -> Freed {
        self.withdraw(id, operator, WithdrawReason::ParkedOften);
        self.requeue(id, operator);
        Freed::queued(id)
    }

    /// Parked work that the operator could not take even with empty hands goes back.
    pub(super) fn send_back_stuck(&mut self, id: OperatorId) -> Freed {
        let row = &self.operators[id.slot as usize];
        let is_stuck = |work: &&Contact| {
            work.is_to_be_resumed() && (work.taken > row.capacity || !self.is_below_caps(row, work, &[]))
        };
        let stuck: Vec<ContactId> = self.contacts_of(id).filter(is_stuck).map(|work| work.id).collect();
        let mut freed = Freed::default();
        for work in stuck {
            freed.join(self.send_back(work, id));
        }
        freed
    }

    pub(super) fn has_parked(&self, operator: OperatorId) -> bool {
        self.contacts_of(operator).any(Contact::is_to_be_resumed)
    }

    /// Of the parked work that the operator has room for what it goes on with first.
    fn resumable(&self, operator: &Operator) -> Option<(Precedence, ContactId)> {
        let may = |work: &&Contact| {
            work.is_to_be_resumed()
                && operator.is_available()
                && self.used_units(operator.id) + u64::from(work.taken) <= u64::from(operator.capacity)
                && self.has_place(operator, work)
                && self.is_not_reserved_from(operator, work)
        };
        let able = self.contacts_of(operator.id).filter(may);
        able.map(|work| (precedence(operator, work), work.id)).min()
    }

    /// The best contact that waits or the work that may be resumed, whichever goes first; at the same key the work.
    pub(super) fn next_for(&self, id: OperatorId) -> Option<Next> {
        let operator = self.operator_row(id)?;
        let work = self.resumable(operator);
        let waiting = self.best_contact_for(id).map(|contact| {
            let row = self.contact_row(contact);
            (precedence(operator, row), contact)
        });
        match (work, waiting) {
            (Some((work_key, work)), Some((waiting_key, _))) if work_key <= waiting_key => {
                Some(Next::Resume(work))
            }
            (Some((_, work)), None) => Some(Next::Resume(work)),
            (Some(_) | None, Some((_, waiting))) => Some(Next::Take(self.in_its_stead(operator, waiting))),
            (None, None) => None,
        }
    }

    /// Nobody begins with work that would be parked at once.
    pub(super) fn in_its_stead(&self, operator: &Operator, best: ContactId) -> ContactId {
        let work = self.contact_row(best);
        let Some(free) = u64::from(operator.capacity).checked_sub(self.used_units(operator.id)) else {
            return best;
        };
        let may = |row: &&Contact| {
            row.id != best
                && self.may_reach(operator, row)
                && self.rule_lets(row, work)
                && self.suits(operator, free, row)
        };
        let others = self.contacts.values().filter(may);
        let first = others.min_by_key(|row| key(row, operator.rank(&row.queue)));
        first.map_or(best, |row| row.id)
    }

    pub(super) fn resume(&mut self, id: ContactId, operator: OperatorId) {
        self.contact_mut(id).parked = None;
        self.contact_mut(id).thread.iter_mut().for_each(|thread| thread.rest = Rest::No);
        self.begin_turn(id);
        self.tell_parked(id, operator, false);
        self.operator_mut(operator).idle_since = self.now;
        self.notice_given(operator);
    }

    /// A plan has changed what may be interrupted: everybody is looked at.
    pub(super) fn change_interruptible(&self, before: &Plan) -> Freed {
        let rules = |plan: &Plan| -> Vec<Option<Interruptible>> {
            plan.queues.iter().map(|queue| queue.rules.interruptible.clone()).collect()
        };
        let mut changed = rules(before);
        let now = rules(&self.plan);
        changed.resize(now.len(), None);
        if changed == now {
            return Freed::default();
        }
        Freed { operators: self.operators.iter().map(|row| row.id).collect(), ..Freed::default() }
    }
}
