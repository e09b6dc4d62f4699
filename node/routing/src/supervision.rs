//! What supervisors do beside a talk, and what operators ask of them (R3.13): signals that decide nothing. Seats belong
//! to an assignment, a request for help to an operator; both are looked over behind each event while there are any.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::iter;

use serde::{Deserialize, Serialize};

use crate::contact::{Contact, State};
use crate::effect::Effect;
use crate::ids::{AssignmentEpoch, ContactId, Name, OperatorId, Timestamp};
use crate::planted::{Planted, is};
use crate::router::Router;

/// How a supervisor takes part in a talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SupervisedBy {
    /// Hears both, and nobody hears it.
    Listening,
    /// Hears both, and the operator hears it.
    Whispering,
    /// Talks with both.
    Barging,
}

/// A supervisor's place beside a talk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Its number at this contact, from 0.
    pub number: u8,
    /// Who.
    pub by: Name,
    /// How.
    pub how: SupervisedBy,
}

/// An operator's request for help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelpAsked {
    /// Since when.
    pub since: Timestamp,
    /// About which contact, and which of its assignments; `None` for help in general.
    pub about: Option<(ContactId, AssignmentEpoch)>,
}

/// Seats and requests of the whole centre.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Supervision {
    /// By operator's slot.
    help: BTreeMap<u32, HelpAsked>,
    /// By number.
    seats: BTreeMap<ContactId, (AssignmentEpoch, Vec<Seat>)>,
}

impl Supervision {
    pub(crate) fn is_empty(&self) -> bool {
        self.help.is_empty() && self.seats.is_empty()
    }

    pub(crate) fn help_of(&self, operator: u32) -> Option<HelpAsked> {
        self.help.get(&operator).copied()
    }

    pub(crate) fn requests(&self) -> usize {
        self.help.len()
    }

    pub(crate) fn seats_at(&self, contact: ContactId) -> &[Seat] {
        self.seats.get(&contact).map_or(&[], |(_, seats)| seats.as_slice())
    }

    pub(crate) fn set_help(&mut self, operator: u32, asked: Option<HelpAsked>) {
        match asked {
            Some(asked) => self.help.insert(operator, asked),
            None => self.help.remove(&operator),
        };
    }

    /// Somebody sits down, changes the way, or leaves (`None`).
    pub(crate) fn set_seat(
        &mut self,
        (contact, assignment): (ContactId, AssignmentEpoch),
        number: u8,
        seat: Option<Seat>,
    ) {
        let seats = &mut self.seats.entry(contact).or_insert_with(|| (assignment, Vec::new())).1;
        seats.retain(|other| other.number != number);
        seats.extend(seat);
        seats.sort_by_key(|seat| seat.number);
        if seats.is_empty() {
            self.seats.remove(&contact);
        }
    }
}

impl Router {
    /// Ends what has nothing left to be beside of. Behind each event while there is anything.
    pub(crate) fn follow_supervision(&mut self) {
        let rows = &self.tables.contacts;
        let goes_on = |contact: ContactId, assignment: AssignmentEpoch| {
            let contact = rows.get(contact.slot, contact.generation);
            contact.is_some_and(|row| row.assignment == assignment && is_in_handling(row))
        };
        if !is(Planted::SeatOutlivesTalk) {
            self.supervision.seats.retain(|contact, (assignment, _)| goes_on(*contact, *assignment));
        }
        if is(Planted::HelpOutlivesTalk) {
            return;
        }
        let over = |(slot, asked): (&u32, &HelpAsked)| {
            let is_there = self.tables.operator(*slot).session.is_open();
            let talks = asked.about.is_none_or(|(contact, assignment)| goes_on(contact, assignment));
            (!is_there || !talks).then_some(*slot)
        };
        let over: Vec<u32> = self.supervision.help.iter().filter_map(over).collect();
        for operator in over {
            self.end_help(operator);
        }
    }

    /// A request for help is over: whoever would be told of it is told that.
    pub(crate) fn end_help(&mut self, operator: u32) {
        let Some(asked) = self.supervision.help_of(operator) else { return };
        self.supervision.set_help(operator, None);
        self.announce_help(operator, asked, false);
    }

    pub(crate) fn announce_help(&mut self, operator: u32, asked: HelpAsked, on: bool) {
        let (of, contact) = (self.tables.operator(operator).id, asked.about.map(|about| about.0));
        for told in self.helpers_of(operator, contact) {
            self.emit(Effect::AnnounceHelp { operator: told, of, contact, on });
        }
    }

    /// The leads of the contact's queue who are there; else the nearest head who is, another than the operator.
    fn helpers_of(&self, operator: u32, contact: Option<ContactId>) -> Vec<OperatorId> {
        let directory = &self.tables.directory;
        let is_there = |id: &OperatorId| self.tables.operator(id.slot).session.is_open();
        let called = |login: &Name| self.tables.find_login(login).filter(is_there);
        let contact = contact.and_then(|id| self.tables.contacts.get(id.slot, id.generation));
        let leads = contact.map(|contact| directory.queue(contact.queue).rules.leads.iter());
        let leads: Vec<OperatorId> = leads.into_iter().flatten().filter_map(called).collect();
        if !leads.is_empty() {
            return leads;
        }
        let unit = self.tables.operator(operator).profile_key.unit;
        let units = iter::successors(unit, |unit| directory.parents.get(unit.0 as usize).copied().flatten());
        let heads = units.filter_map(|unit| directory.plan.units.get(unit.0 as usize)?.rules.head.as_ref());
        heads.filter_map(called).find(|head| head.slot != operator).into_iter().collect()
    }
}

/// Customer and operator have to do with each other, parked or not.
pub(crate) fn is_in_handling(contact: &Contact) -> bool {
    match contact.state {
        State::Handling { .. } => true,
        State::Waiting(_) | State::Offered { .. } | State::WrapUp { .. } | State::Ended { .. } => false,
    }
}
