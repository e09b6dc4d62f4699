//! What must hold at every log index (RELIABILITY I1–I4, I9, I12), checked after each command in tests and debug
//! builds. The check reads rows, not the indexes that decisions use, so that a wrong index shows.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::case::Case;
use crate::contact::{Contact, State, Wait};
use crate::effect::PresenceState;
use crate::enquiry::Enquiry;
use crate::ids::{OperatorId, QueueId, Timestamp};
use crate::legs::Leg;
use crate::operator::Operator;
use crate::profiles::ProfileKey;
use crate::router::Router;
use crate::tables::TimerOf;

/// An invariant that does not hold: a bug of the core. A node stops rather than go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant} is violated: {what} (slot {slot})")]
pub struct Violation {
    /// Which invariant, as docs name it.
    pub invariant: &'static str,
    /// What was found.
    pub what: &'static str,
    /// Which row.
    pub slot: u32,
}

pub(crate) fn violated<T>(invariant: &'static str, what: &'static str, slot: u32) -> Result<T, Violation> {
    Err(Violation { invariant, what, slot })
}

/// Whether the core checks its state after each command, which makes it many times as slow: debug builds do.
pub const CHECKS_INVARIANTS: bool = cfg!(debug_assertions);

/// Below so many rows the whole state is checked after each command of a debug build, above it now and then.
#[cfg(debug_assertions)]
const ROWS_CHECKED_EACH_TIME: u64 = 256;

impl Router {
    /// Checks the whole state, in time that grows with its rows.
    ///
    /// # Errors
    /// The first violation found.
    pub fn check_invariants(&self) -> Result<(), Violation> {
        self.tables.contacts.iter().try_for_each(|(slot, contact)| self.check_found(slot, contact))?;
        #[cfg(debug_assertions)]
        if !self.tables.waits.is_of(&self.tables) {
            return violated("I4", "a contact's next moment of waiting is not that of its rules", 0);
        }
        self.check_rows()
    }

    /// Checks the rows against each other. Enough for a state whose indexes were made of its rows this moment.
    ///
    /// # Errors
    /// The first violation found.
    pub(crate) fn check_rows(&self) -> Result<(), Violation> {
        // Of two contacts with one key, the index knows one.
        if self.tables.ix.keys.len() as u64 != self.tables.contacts.len() {
            return violated("I1", "two contacts have the same key, or a key leads to none", 0);
        }
        let mut loads = vec![Load::default(); self.tables.operators.slots() as usize];
        for (slot, contact) in self.tables.contacts.iter() {
            self.check_contact(slot, contact)?;
            if let Some(load) = contact.operator().and_then(|operator| loads.get_mut(operator.slot as usize))
            {
                load.units += contact.taken();
                load.contacts += 1;
            }
        }
        for (slot, operator) in self.tables.operators.iter() {
            self.check_load(slot, operator, loads[slot as usize])?;
        }
        self.tables.cases.iter().try_for_each(|(slot, case)| self.check_case(slot, case))?;
        self.legs.iter().try_for_each(|leg| self.check_leg(leg))?;
        self.tables.enquiries.iter().try_for_each(|(slot, row)| self.check_enquiry(slot, row))?;
        self.check_nobody_waits_in_vain()
    }

    /// Whoever asks about a contact has it in hand, and the consultation is open.
    fn check_leg(&self, leg: &Leg) -> Result<(), Violation> {
        let open = self.tables.contacts.get(leg.id.slot, leg.id.generation).is_some_and(Contact::is_open);
        let matter = self.tables.contacts.get(leg.of.slot, leg.of.generation);
        let asks = matter.is_some_and(|matter| match matter.state {
            State::Handling { operator, .. } => operator == leg.asker,
            State::Waiting(_) | State::Offered { .. } | State::WrapUp { .. } | State::Ended { .. } => false,
        });
        if open && asks {
            Ok(())
        } else {
            violated("I1", "a consultation outlives what it is about", leg.id.slot)
        }
    }

    /// An open case has one contact that works for it, and that contact names it.
    fn check_case(&self, slot: u32, case: &Case) -> Result<(), Violation> {
        if case.id.slot != slot || self.tables.find_case(case.id).is_none() {
            return violated("I1", "a case is not where its id says", slot);
        }
        let contact = case.contact.and_then(|id| self.tables.contacts.get(id.slot, id.generation));
        let has_work = contact.is_some_and(|contact| is_at_work(contact) && contact.case == Some(case.id));
        if case.is_open() != has_work || case.is_open() != case.contact.is_some() {
            return violated("I1", "an open case has no contact, or a closed one has", slot);
        }
        Ok(())
    }

    /// A promised call that waits for its time is a call-back order, and the indexes lead to the enquiry.
    fn check_enquiry(&self, slot: u32, row: &Enquiry) -> Result<(), Violation> {
        let index = &self.tables.ix.enquiries;
        let is_found = index.about(row.contact, !row.is_open()).any(|found| found == slot);
        if row.id.slot != slot || self.tables.find_enquiry(row.id).is_none() || !is_found {
            return violated("I1", "an enquiry is not where its id or its contact says", slot);
        }
        let call = row.call.and_then(|id| self.tables.contacts.get(id.slot, id.generation));
        let waits = call.filter(|call| matches!(call.state, State::Waiting(Wait::Later)));
        if waits.is_some_and(|call| call.callback.is_none()) {
            return violated("I1", "a promised call is no call-back order", slot);
        }
        let timer = row.deadline().map(|at| (at, TimerOf::Enquiry, slot));
        if timer.is_some_and(|timer| !self.tables.ix.timers.contains(&timer)) {
            return violated("I9", "an enquiry's timer is not set", slot);
        }
        Ok(())
    }

    /// A contact that names a case, and has not been served, is the one that the case names.
    fn check_work(&self, slot: u32, contact: &Contact) -> Result<(), Violation> {
        let Some(id) = contact.case.filter(|_| is_at_work(contact)) else { return Ok(()) };
        if self.tables.find_case(id).is_some_and(|case| case.contact == Some(contact.id)) {
            return Ok(());
        }
        violated("I1", "a contact works for a case that knows nothing of it", slot)
    }

    #[cfg(debug_assertions)]
    pub(crate) fn assert_invariants(&self) {
        let rows = self.tables.contacts.len() + self.tables.operators.len();
        if rows > ROWS_CHECKED_EACH_TIME && !self.index.0.is_multiple_of(257) {
            return;
        }
        if let Err(violation) = self.check_invariants() {
            panic!("at {:?}: {violation}", self.index);
        }
    }

    fn check_contact(&self, slot: u32, contact: &Contact) -> Result<(), Violation> {
        if contact.id.slot != slot || self.tables.contacts.get(slot, contact.id.generation).is_none() {
            return violated("I1", "a contact is not where its id says", slot);
        }
        if let Some(operator) = contact.operator()
            && contact.holder != Some(operator)
        {
            return violated("I2", "a contact is in other hands than its assignment says", slot);
        }
        let is_later = contact.not_before.is_some_and(|time| time > self.now);
        if is_later && matches!(contact.state, State::Waiting(Wait::InLine | Wait::Held { .. })) {
            return violated("I4", "a contact is in line before its time", slot);
        }
        self.check_work(slot, contact)
    }

    /// Whether the indexes lead to a contact.
    fn check_found(&self, slot: u32, contact: &Contact) -> Result<(), Violation> {
        if self.tables.ix.keys.get(&contact.key) != Some(&slot) {
            return violated("I1", "a contact cannot be found by its key", slot);
        }
        if let Some(operator) = contact.operator()
            && !self.tables.ix.in_hand.contains(&(operator.slot, slot))
        {
            return violated("I2", "an operator does not know of its contact", slot);
        }
        let brought = self.tables.ix.brought.contains(&(contact.gateway.slot, slot));
        if contact.is_open() != brought {
            return violated("I1", "a gateway's list of live contacts is wrong", slot);
        }
        self.check_parked(slot, contact)?;
        self.check_thread(slot, contact)
    }

    fn check_load(&self, slot: u32, operator: &Operator, in_hand: Load) -> Result<(), Violation> {
        let used = operator.wrap_up_units() + in_hand.units;
        if used != operator.used || in_hand.contacts != self.tables.in_hand(slot).len() {
            return violated(
                "I3",
                "an operator's load is not that of the contacts in hand and the wrap-ups",
                slot,
            );
        }
        let is_away = matches!(operator.presence, PresenceState::Break { .. });
        if is_away != operator.time.as_deref().is_some_and(|time| time.on.is_some()) {
            return violated("I11", "an operator's presence and its break are not the same", slot);
        }
        if operator.idle_since > self.now {
            return violated("I12", "an operator is idle since a time to come", slot);
        }
        Ok(())
    }

    /// R2.5: no eligible contact waits while an operator fits it, unless timers are still due or a job runs. Alike
    /// contacts and alike operators are compared once, so that a full house takes no longer than its rows.
    fn check_nobody_waits_in_vain(&self) -> Result<(), Violation> {
        let overdue = self.tables.ix.timers.first().is_some_and(|timer| timer.0 <= self.now);
        if overdue || !self.jobs.is_empty() || self.now == Timestamp(0) {
            return Ok(());
        }
        let mut alike: BTreeMap<&ProfileKey, Vec<&Operator>> = BTreeMap::new();
        for (_, operator) in self.tables.operators.iter() {
            if operator.is_available() && operator.has_room_for(0) {
                alike.entry(&operator.profile_key).or_default().push(operator);
            }
        }
        if alike.is_empty() {
            return Ok(());
        }
        let mut lines: BTreeMap<(QueueId, usize, u32), Vec<&Contact>> = BTreeMap::new();
        for (_, contact) in self.tables.contacts.iter() {
            match contact.state {
                State::Waiting(Wait::InLine) => {
                    let need = Arc::as_ptr(&contact.need) as usize;
                    lines.entry((contact.queue, need, contact.units)).or_default().push(contact);
                }
                State::Waiting(Wait::Held { operator, .. }) => self.check_held(operator, contact)?,
                State::Waiting(Wait::Later | Wait::ForCustomer)
                | State::Offered { .. }
                | State::Handling { .. }
                | State::WrapUp { .. }
                | State::Ended { .. } => {}
            }
        }
        for line in lines.values() {
            for (profile, operators) in &alike {
                self.check_line(profile, operators, line)?;
            }
        }
        Ok(())
    }

    fn check_held(&self, held_for: OperatorId, contact: &Contact) -> Result<(), Violation> {
        let operator = self.tables.operators.get(held_for.slot, held_for.generation);
        let in_vain = operator.is_some_and(|row| {
            row.is_available()
                && self.fits_now(row, contact)
                && self.has_room(row, contact)
                && !self.is_kept_from(row, contact.queue, contact.tier)
                && !self.is_excluded(row, contact)
        });
        if in_vain { waits_in_vain(held_for.slot) } else { Ok(()) }
    }

    /// Contacts with the same need and cost against operators of one profile.
    fn check_line(
        &self,
        profile: &ProfileKey,
        operators: &[&Operator],
        line: &[&Contact],
    ) -> Result<(), Violation> {
        let Some(first) = line.first() else { return Ok(()) };
        let directory = &self.tables.directory;
        let (want, rule) = (directory.want(first.queue, &first.need), directory.rule(first.queue));
        let from = rule.steps.iter().position(|step| directory.fits(profile, &want, step));
        let Some(from) = from else { return Ok(()) };
        let reaches = |contact: &&&Contact| rule.step_of(contact.order(), self.now) >= from;
        for operator in operators.iter().filter(|operator| self.has_room(operator, first)) {
            let may = |contact: &Contact| {
                !self.is_kept_from(operator, contact.queue, contact.tier)
                    && !self.is_reserved_from(operator, contact)
                    && !self.is_excluded(operator, contact)
            };
            if line.iter().filter(reaches).any(|contact| may(contact)) {
                return waits_in_vain(operator.id.slot);
            }
        }
        Ok(())
    }
}

/// Whether the contact is still to be served.
fn is_at_work(contact: &Contact) -> bool {
    match contact.state {
        State::Waiting(_) | State::Offered { .. } | State::Handling { .. } => true,
        State::WrapUp { .. } | State::Ended { .. } => false,
    }
}

fn waits_in_vain(operator: u32) -> Result<(), Violation> {
    violated("I4", "a contact waits although this operator fits", operator)
}

/// What contacts in an operator's hands come to.
#[derive(Clone, Copy, Default)]
struct Load {
    units: u32,
    contacts: usize,
}
