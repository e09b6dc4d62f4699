//! Who takes what. After each event first the contacts it freed choose in the order of their keys, then the
//! operators it freed choose by slot; at the end no eligible contact waits while an operator fits it (R2.5).

use std::collections::BTreeMap;

use ringmain_routing::effect::OfferMode;
use ringmain_routing::plan::Answer;
use ringmain_routing::{AssignmentEpoch, ContactId, Effect, OperatorId, Timestamp};

use super::Model;
use super::interrupt::Next;
use super::ladder::{Fit, queue_of, step_by_hand, step_of};
use super::room::cost;
use super::state::{Contact, ContactState, Kept, Operator};
use super::threads::Rest;

/// What one event freed.
#[derive(Clone, Debug, Default)]
pub(super) struct Freed {
    pub contacts: Vec<ContactId>,
    pub operators: Vec<OperatorId>,
    /// Those of the contacts whose gateway hears of it if they then wait.
    pub announced: Vec<ContactId>,
    /// Somebody has left, changed skills or was excluded, so that an exclusion may count no longer.
    pub exclusions: bool,
}

impl Freed {
    pub(super) fn contact(id: ContactId) -> Freed {
        Freed { contacts: vec![id], ..Freed::default() }
    }

    /// A contact that arrived or came back.
    pub(super) fn queued(id: ContactId) -> Freed {
        Freed { contacts: vec![id], announced: vec![id], ..Freed::default() }
    }

    /// Exclusions may count no longer.
    pub(super) fn exclusions() -> Freed {
        Freed { exclusions: true, ..Freed::default() }
    }

    pub(super) fn operator(id: OperatorId) -> Freed {
        Freed { operators: vec![id], ..Freed::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.contacts.is_empty() && self.operators.is_empty() && !self.exclusions
    }

    pub(super) fn join(&mut self, other: Freed) {
        self.contacts.extend(other.contacts);
        self.operators.extend(other.operators);
        self.announced.extend(other.announced);
        self.exclusions |= other.exclusions;
    }
}

/// The order in which contacts are served (R2.1), smallest first.
pub(super) type Key = (u8, u8, u8, Timestamp, u64);

/// R2.1 for a queue of this rank.
pub(super) fn key(contact: &Contact, rank: u8) -> Key {
    let urgency = if contact.tier <= 1 { contact.tier } else { 2 };
    (urgency, rank, contact.tier, contact.order(), contact.index.0)
}

impl Model {
    /// Matches what an event freed, and then what life safety has freed meanwhile, until nothing is.
    pub(super) fn settle(&mut self, mut freed: Freed) {
        freed.join(std::mem::take(&mut self.late));
        for id in freed.contacts.clone() {
            self.start_hold(id);
        }
        self.end_vain_legs(&mut freed);
        self.look(&mut freed);
        freed.join(std::mem::take(&mut self.late));
        while !freed.is_empty() {
            freed = self.settle_once(freed);
            freed.join(std::mem::take(&mut self.late));
        }
    }

    fn settle_once(&mut self, mut freed: Freed) -> Freed {
        let mut cleared = Freed::default();
        if freed.exclusions {
            freed.contacts.extend(self.marked_contacts());
        }
        self.sort_by_key(&mut freed.contacts);
        for id in freed.contacts {
            self.place(id, &mut cleared);
            let row = self.contact_row(id);
            let is_waiting = row.state == ContactState::Waiting && !row.is_asleep();
            if is_waiting && freed.announced.contains(&id) {
                let gateway = self.contact_row(id).gateway();
                self.effects.push(Effect::AnnounceQueued { contact: id, gateway });
                self.announce_expected_wait(id);
            }
        }
        freed.operators.append(&mut cleared.operators);
        freed.operators.append(&mut self.late.operators);
        freed.operators.sort();
        for id in freed.operators {
            cleared.join(self.send_back_stuck(id));
            while self.has_parked(id) && self.clear_by_operator(id, &mut cleared) {}
            while {
                while self.go_on_with_next(id) {}
                let mut is_cleared = false;
                while self.clear_by_operator(id, &mut cleared) {
                    is_cleared = true;
                }
                is_cleared
            } {}
        }
        cleared
    }

    /// Contacts in line that some operator is kept away from.
    fn marked_contacts(&self) -> Vec<ContactId> {
        let marks = self.operators.iter().flat_map(|operator| &operator.exclusions);
        marks.map(|mark| mark.contact).filter(|id| self.contact_row(*id).is_eligible()).collect()
    }

    /// Sorts by R2.1 with rank 0 and removes repeats.
    pub(super) fn sort_by_key(&self, contacts: &mut Vec<ContactId>) {
        contacts.sort_by_key(|id| key(self.contact_row(*id), 0));
        contacts.dedup();
    }

    /// Finds an operator for a waiting contact: the one whom its queue's choice names takes the best contact, which is
    /// this one unless another freed by the same event is better for that operator.
    fn place(&mut self, id: ContactId, cleared: &mut Freed) {
        while let Some(operator) = self.chosen_for(id) {
            self.take_best(operator);
        }
        self.clear_for_contact(id, cleared);
    }

    fn chosen_for(&self, id: ContactId) -> Option<OperatorId> {
        let contact = self.contact_row(id);
        if !contact.is_eligible() {
            return None;
        }
        let open = self.open_operators();
        let fitting = open.iter().filter(|(operator, free)| self.suits(operator, *free, contact));
        let chosen = fitting.min_by_key(|(operator, _)| self.merit(operator, contact));
        chosen.map(|(operator, _)| operator.id)
    }

    /// Gives the operator the waiting contact with the smallest key, if one fits.
    fn take_best(&mut self, id: OperatorId) {
        if let Some(best) = self.best_contact_for(id) {
            let operator = &self.operators[id.slot as usize];
            self.assign_in_stead(best, self.in_its_stead(operator, best), id);
        }
    }

    fn assign_in_stead(&mut self, best: ContactId, taken: ContactId, id: OperatorId) {
        if taken == best { self.assign(taken, id) } else { self.assign_cleared(taken, id) }
    }

    /// The operator goes on with parked work or takes a contact; whether there was anything.
    fn go_on_with_next(&mut self, id: OperatorId) -> bool {
        match self.next_for(id) {
            Some(Next::Resume(work)) => self.resume(work, id),
            Some(Next::Take(contact)) => {
                let best = self.best_contact_for(id).unwrap_or(contact);
                self.assign_in_stead(best, contact, id);
            }
            None => return false,
        }
        true
    }

    pub(super) fn best_contact_for(&self, id: OperatorId) -> Option<ContactId> {
        let operator = self.operator_row(id)?;
        let free = self.free_units(operator)?;
        let eligible = self.contacts.values().filter(|contact| contact.is_eligible());
        let fitting = eligible.filter(|contact| self.suits(operator, free, contact));
        let best = fitting.min_by_key(|contact| key(contact, operator.rank(&contact.queue)));
        best.map(|contact| contact.id)
    }

    /// The contact's time has come: from here on it may be one operator's alone (R3.4).
    fn start_hold(&mut self, id: ContactId) {
        let contact = self.contact_row(id);
        if !contact.newly_due {
            return;
        }
        let held_for = self.waited_for(contact);
        let contact = self.contact_mut(id);
        contact.newly_due = false;
        contact.held_for = held_for;
        contact.kept = Kept::WhileAvailable;
    }

    /// Available operators with their free units; one loaded beyond the capacity takes not even 0 units.
    pub(super) fn open_operators(&self) -> Vec<(&Operator, u64)> {
        let mut loads: BTreeMap<OperatorId, u64> = BTreeMap::new();
        for contact in self.contacts.values() {
            if let Some(operator) = contact.state.holder().filter(|_| !contact.is_parked()) {
                *loads.entry(operator).or_default() += u64::from(contact.taken);
            }
        }
        for operator in &self.operators {
            let wrap_ups: u64 = operator.wrap_ups.iter().map(|wrap_up| u64::from(wrap_up.units)).sum();
            *loads.entry(operator.id).or_default() += wrap_ups;
        }
        let available = self.operators.iter().filter(|operator| operator.is_available());
        let with_room = available.filter_map(|operator| {
            let load = loads.get(&operator.id).copied().unwrap_or(0);
            u64::from(operator.capacity).checked_sub(load).map(|free| (operator, free))
        });
        with_room.collect()
    }

    /// What an available operator has free; `None` for one who takes nothing.
    fn free_units(&self, operator: &Operator) -> Option<u64> {
        let open = self.open_operators();
        open.iter().find(|(row, _)| row.id == operator.id).map(|(_, free)| *free)
    }

    /// The available operator may take the contact here and at this moment.
    pub(super) fn suits(&self, operator: &Operator, free: u64, contact: &Contact) -> bool {
        u64::from(cost(operator, contact)) <= free
            && contact.held_for.is_none_or(|(known, _)| known == operator.id)
            && self.has_place(operator, contact)
            && self.is_not_reserved_from(operator, contact)
            && self.has_time_for(operator, contact)
            && self.fit_to_take(operator, contact).holds()
            && !self.is_excluded(operator, contact)
    }

    /// Fit at the contact's present step, whatever the load.
    pub(super) fn is_qualified(&self, operator: &Operator, contact: &Contact) -> bool {
        self.fit(operator, contact).holds()
    }

    fn opened_for(&self, contact: &Contact) -> usize {
        self.opened.get(&contact.queue).copied().unwrap_or(0)
    }

    /// The questions of fit, at the contact's present step.
    pub(super) fn fit<'a>(&'a self, operator: &'a Operator, contact: &'a Contact) -> Fit<'a> {
        Fit {
            plan: &self.plan,
            operator,
            contact,
            step: step_of(&self.plan, self.opened_for(contact), contact, self.now),
        }
    }

    /// The questions of fit for one whom the contact is kept for.
    pub(super) fn fit_to_keep<'a>(&'a self, operator: &'a Operator, contact: &'a Contact) -> Fit<'a> {
        Fit {
            plan: &self.plan,
            operator,
            contact,
            step: step_by_hand(&self.plan, self.opened_for(contact), contact, self.now),
        }
    }

    /// The questions of fit for one who looks for a contact: one whom it is kept for, or one of many.
    pub(super) fn fit_to_take<'a>(&'a self, operator: &'a Operator, contact: &'a Contact) -> Fit<'a> {
        let is_kept = contact.held_for.is_some_and(|(known, _)| known == operator.id);
        if is_kept { self.fit_to_keep(operator, contact) } else { self.fit(operator, contact) }
    }

    /// An exclusion counts only while somebody else, not excluded too, could serve the contact.
    pub(super) fn is_excluded(&self, operator: &Operator, contact: &Contact) -> bool {
        let asks = contact.leg.as_ref().is_some_and(|leg| leg.asker == operator.id);
        asks || operator.is_marked(contact.id)
            && self.operators.iter().any(|other| {
                other.id != operator.id
                    && other.is_available()
                    && self.is_qualified(other, contact)
                    && !other.is_marked(contact.id)
            })
    }

    /// The contact goes to the operator as its queue says.
    fn assign(&mut self, id: ContactId, to: OperatorId) {
        self.judge_assignment(id, to);
        self.assign_unjudged(id, to);
    }

    /// The same for a contact for which hands were cleared, whoever stood before it.
    pub(super) fn assign_cleared(&mut self, id: ContactId, to: OperatorId) {
        self.judge_cleared(id, to);
        self.assign_unjudged(id, to);
    }

    pub(super) fn assign_unjudged(&mut self, id: ContactId, to: OperatorId) {
        let now = self.now;
        let idle_before = self.operators[to.slot as usize].idle_since;
        let answer = queue_of(&self.plan, &self.contact_row(id).queue).answer;
        self.give(id, to);
        match answer {
            Answer::Automatic => self.connect(id, to),
            Answer::Confirmed { within } => {
                self.offer(id, to, now + within, OfferMode::Confirmed, idle_before)
            }
            Answer::Offered { within } => self.offer(id, to, now + within, OfferMode::Offered, idle_before),
            Answer::Previewed { within } => {
                self.offer(id, to, now + within, OfferMode::Previewed, idle_before);
            }
        }
        self.notice_given(to);
    }

    /// The one place where a contact gets an operator; how they come together is the caller's.
    pub(super) fn give(&mut self, id: ContactId, to: OperatorId) {
        let now = self.now;
        self.turns += u64::from(self.format >= 3);
        let (turn, is_of_rules) = (self.turns, self.format >= 3);
        let taken = cost(&self.operators[to.slot as usize], self.contact_row(id));
        let operator = self.operator_mut(to);
        operator.idle_since = now;
        operator.last_turn = turn;
        let contact = self.contact_mut(id);
        contact.held_for = None;
        contact.promote_at = None;
        contact.taken = taken;
        contact.parked = None;
        contact.is_of_rules = is_of_rules;
        contact.thread.iter_mut().for_each(|thread| thread.rest = Rest::No);
        contact.assignment = AssignmentEpoch(contact.assignment.0 + 1);
        contact.last_holder = Some(to);
        contact.passed = false;
        contact.leg.iter_mut().for_each(|leg| leg.joined = false);
    }

    fn offer(
        &mut self,
        id: ContactId,
        operator: OperatorId,
        deadline: Timestamp,
        mode: OfferMode,
        idle_before: Timestamp,
    ) {
        let at = self.now;
        let contact = self.contact_mut(id);
        contact.state = ContactState::Offered { operator, at, deadline, mode, idle_before };
        let (gateway, assignment) = (contact.gateway(), contact.assignment);
        self.effects.push(Effect::RingOperator { contact: id, operator, assignment, deadline, mode });
        self.effects.push(Effect::AnnounceAssigned { contact: id, gateway, operator, assignment });
    }

    /// Customer and operator talk from here on.
    pub(super) fn connect(&mut self, id: ContactId, operator: OperatorId) {
        let since = self.now;
        let contact = self.contact_mut(id);
        contact.state = ContactState::Handling { operator, since, on_hold: None };
        self.begin_turn(id);
        let contact = self.contact_row(id);
        let (gateway, assignment) = (contact.gateway(), contact.assignment);
        self.effects.push(Effect::ConnectContact { contact: id, gateway, operator, assignment });
        let contact = self.contact_row(id);
        let target = queue_of(&self.plan, &contact.queue).target.within;
        let is_in_time = since.since(contact.enqueued_at) <= target;
        let totals = self.totals_mut(id);
        totals.connected += 1;
        totals.connected_in_target += u64::from(is_in_time);
        self.acquaint(id, operator);
        self.look_for_companion(id);
    }

    /// The same where the customer has been connected before.
    pub(super) fn tell_connected(&mut self, id: ContactId, operator: OperatorId) {
        self.begin_turn(id);
        let contact = self.contact_row(id);
        let (gateway, assignment) = (contact.gateway(), contact.assignment);
        self.effects.push(Effect::ConnectContact { contact: id, gateway, operator, assignment });
        self.acquaint(id, operator);
        self.look_for_companion(id);
    }
}
