//! The rows and the indexes derived from them. A row changes only through `change_contact`, `change_operator` or
//! `change_gateway`: each takes down what the row showed to the indexes before, and puts up what it shows after.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::case::Case;
use crate::classes::Classes;
use crate::contact::{Contact, State, Wait};
use crate::directory::Directory;
use crate::enquiries::EnquiryIndex;
use crate::enquiry::Enquiry;
use crate::expected_wait::Lines;
use crate::gauges::{Gauges, NO_STATE, gauge_of, state_number};
use crate::ids::{LogIndex, Name, OperatorId, Timestamp};
use crate::operator::{Exclusion, Operator};
use crate::order::OrderKey;
use crate::planted::{Planted, is};
use crate::profiles::{Profiles, Standing};
use crate::reserve::Asking;
use crate::session::Gateway;
use crate::slab::Slab;
use crate::teams::{TeamFacet, Teams};
use crate::threads::Threads;
use crate::waits::Waits;

/// Whose timer it is; timers due at the same moment fire in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerOf {
    Contact,
    Operator,
    Gateway,
    Case,
    Enquiry,
}

/// Open cases of one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CaseCount {
    pub open: u32,
    /// Of those, the ones whose deadline has passed.
    pub overdue: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Indexes {
    /// (gateway name, key) → contact.
    pub keys: BTreeMap<u128, u32>,
    /// Open call-back orders: (number and principals, arrival, order). The last one of a number is the one that
    /// others join.
    pub callbacks: BTreeSet<(u128, LogIndex, u32)>,
    pub logins: BTreeMap<Name, u32>,
    pub gateway_names: BTreeMap<Name, u32>,
    pub timers: BTreeSet<(Timestamp, TimerOf, u32)>,
    pub classes: Classes,
    pub profiles: Profiles,
    /// Who asks for a reservation.
    pub asking: Asking,
    /// Who stands in the lines of queues whose wait is estimated.
    pub lines: Lines,
    /// (number and channel, contact that has not ended), where companions may be invited.
    pub phones: BTreeSet<(u128, u32)>,
    /// Operator → contacts that wait for it alone.
    pub held: BTreeMap<u32, BTreeSet<OrderKey>>,
    /// (operator, contact in its hands).
    pub in_hand: BTreeSet<(u32, u32)>,
    /// (operator, parked work in its hands).
    pub parked: BTreeSet<(u32, u32)>,
    /// (gateway, its contact that has not ended).
    pub brought: BTreeSet<(u32, u32)>,
    /// (contact, operator who is kept away from it).
    pub kept_away: BTreeSet<(u32, u32)>,
    /// Available operators who are kept away from some contact: (has no unit free, operator).
    pub excluding: BTreeSet<(bool, u32)>,
    /// Operators with a session, by unit.
    pub teams: Teams,
    /// Contacts of no units that have not ended: these fit operators without a unit free.
    pub costless: u32,
    /// Some operator is or was a bot, or has or had a wrap-up of its own.
    pub own_wrap_ups: bool,
    pub gauges: Vec<Gauges>,
    /// Open cases by route and stage.
    pub cases_at: BTreeMap<Name, BTreeMap<u16, CaseCount>>,
    pub enquiries: EnquiryIndex,
}

#[derive(Debug)]
pub(crate) struct Tables {
    pub directory: Arc<Directory>,
    pub contacts: Slab<Contact>,
    pub operators: Slab<Operator>,
    pub gateways: Slab<Gateway>,
    pub cases: Slab<Case>,
    pub enquiries: Slab<Enquiry>,
    pub waits: Waits,
    pub threads: Threads,
    pub ix: Indexes,
}

/// What a contact's row shows to the indexes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ContactFacets {
    deadline: Option<Timestamp>,
    /// The place, and whether some operator is kept away from the contact.
    in_line: Option<(OrderKey, bool)>,
    held: Option<(u32, OrderKey)>,
    /// In whose hands, the units that it takes of them, and whether it is parked there.
    in_hand: Option<(u32, u32, bool)>,
    open: bool,
    state: u8,
}

/// What an operator's row shows to the indexes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct OperatorFacets {
    deadline: Option<Timestamp>,
    /// The profile, where it has a session.
    signed_in: Option<u32>,
    /// The profile, and how it stands there.
    idle: Option<(u32, Standing)>,
    /// Whether it has no unit free, where it is available and kept away from somebody.
    excluding: Option<bool>,
    /// What its team sees, where it has a session.
    team: Option<TeamFacet>,
}

impl Tables {
    pub(crate) fn new(directory: Arc<Directory>) -> Tables {
        let mut tables = Tables {
            directory,
            contacts: Slab::new(),
            operators: Slab::new(),
            gateways: Slab::new(),
            cases: Slab::new(),
            enquiries: Slab::new(),
            waits: Waits::default(),
            threads: Threads::default(),
            ix: Indexes::default(),
        };
        tables.follow_choices();
        tables
    }

    pub(crate) fn contact(&self, slot: u32) -> &Contact {
        self.contacts.at(slot).expect("indexes name only contacts that exist")
    }

    pub(crate) fn operator(&self, slot: u32) -> &Operator {
        self.operators.at(slot).expect("indexes name only operators that exist")
    }

    pub(crate) fn gateway(&self, slot: u32) -> &Gateway {
        self.gateways.at(slot).expect("indexes name only gateways that exist")
    }

    pub(crate) fn add_contact(&mut self, contact: Contact) {
        let slot = contact.id.slot;
        let inserted = self.contacts.insert(contact);
        assert_eq!(inserted, slot, "the contact was given the slot's id");
        self.index_contact(slot);
    }

    /// Forgets an ended contact and its key.
    pub(crate) fn remove_contact(&mut self, slot: u32) {
        self.take_down_contact(slot);
        if let Some(contact) = self.contacts.remove(slot) {
            self.ix.keys.remove(&contact.key);
            self.threads.forget(slot);
        }
    }

    pub(crate) fn change_contact<R>(&mut self, slot: u32, change: impl FnOnce(&mut Contact) -> R) -> R {
        self.change_contact_since(slot, None, change)
    }

    /// Changes a contact's row; an operator into whose hands it comes, or out of whose hands it goes, is idle since
    /// then.
    pub(crate) fn change_contact_since<R>(
        &mut self,
        slot: u32,
        idle_since: Option<Timestamp>,
        change: impl FnOnce(&mut Contact) -> R,
    ) -> R {
        let row = self.contacts.at_mut(slot).expect("indexes name only contacts that exist");
        let before = Self::contact_facets(row);
        let result = change(row);
        let after = Self::contact_facets(row);
        self.show_contact(slot, Some(before), Some(after), idle_since);
        result
    }

    /// Changes a contact's row where the queue or the need changes too.
    pub(crate) fn replace_contact(&mut self, slot: u32, change: impl FnOnce(&mut Contact)) {
        self.take_down_contact(slot);
        change(self.contacts.at_mut(slot).expect("indexes name only contacts that exist"));
        self.index_contact(slot);
    }

    pub(crate) fn put_up_contact(&mut self, slot: u32) {
        let facets = Self::contact_facets(self.contact(slot));
        self.show_contact(slot, None, Some(facets), None);
    }

    fn take_down_contact(&mut self, slot: u32) {
        let facets = Self::contact_facets(self.contact(slot));
        self.show_contact(slot, Some(facets), None, None);
    }

    fn contact_facets(contact: &Contact) -> ContactFacets {
        let (in_line, held) = match contact.state {
            State::Waiting(Wait::InLine) => (Some((contact.order(), contact.excluded)), None),
            State::Waiting(Wait::Held { operator, .. }) => (None, Some((operator.slot, contact.order()))),
            State::Waiting(Wait::Later | Wait::ForCustomer)
            | State::Offered { .. }
            | State::Handling { .. }
            | State::WrapUp { .. }
            | State::Ended { .. } => (None, None),
        };
        ContactFacets {
            deadline: contact.deadline(),
            in_line,
            held,
            in_hand: contact.operator().map(|operator| (operator.slot, contact.taken(), contact.is_parked())),
            open: contact.is_open(),
            state: state_number(&contact.state),
        }
    }

    fn show_contact(
        &mut self,
        slot: u32,
        before: Option<ContactFacets>,
        after: Option<ContactFacets>,
        idle_since: Option<Timestamp>,
    ) {
        let deadline = |facets: &Option<ContactFacets>| facets.and_then(|f| f.deadline);
        self.move_timer(TimerOf::Contact, slot, deadline(&before), deadline(&after));
        let (was, is) = (before.and_then(|f| f.in_line), after.and_then(|f| f.in_line));
        if was != is {
            let class = self.class_of(slot);
            for ((key, marked), on) in was.map(|was| (was, false)).into_iter().chain(is.map(|is| (is, true)))
            {
                self.ix.classes.set_in_line(class, key, marked, on);
                let rule = self.directory.rule(self.ix.classes.at(class).queue);
                self.ix.classes.follow_line(class, key, rule);
            }
            self.follow_asking(slot, is.is_some());
            self.follow_lines(slot, was.is_some(), is.is_some());
            if self.directory.watches_waiting {
                self.follow_waiting(slot, is.is_some());
            }
        }
        let (was, is) = (before.and_then(|f| f.held), after.and_then(|f| f.held));
        if was != is {
            self.move_held(was, is);
        }
        let (was, is) = (before.and_then(|f| f.in_hand), after.and_then(|f| f.in_hand));
        if was != is {
            self.move_in_hand(slot, was, is, idle_since);
        }
        self.count(slot, before.map(|f| f.state), after.map(|f| f.state));
        let (was, is) = (before.is_some_and(|f| f.open), after.is_some_and(|f| f.open));
        if was != is {
            self.move_open(slot, is);
        }
    }

    fn move_held(&mut self, was: Option<(u32, OrderKey)>, is: Option<(u32, OrderKey)>) {
        if let Some((operator, key)) = was
            && let Some(held) = self.ix.held.get_mut(&operator)
        {
            held.remove(&key);
            if held.is_empty() {
                self.ix.held.remove(&operator);
            }
        }
        if let Some((operator, key)) = is {
            self.ix.held.entry(operator).or_default().insert(key);
        }
    }

    fn move_in_hand(
        &mut self,
        slot: u32,
        was: Option<(u32, u32, bool)>,
        is: Option<(u32, u32, bool)>,
        idle_since: Option<Timestamp>,
    ) {
        let channel = self.contact(slot).need.channel;
        if let Some((operator, units, parked)) = was {
            self.ix.in_hand.remove(&(operator, slot));
            if parked {
                self.ix.parked.remove(&(operator, slot));
            }
            self.change_operator(operator, |row| {
                row.used -= units;
                if !parked {
                    row.count_channel(channel, false);
                }
                row.idle_since = idle_since.unwrap_or(row.idle_since);
            });
        }
        if let Some((operator, units, parked)) = is {
            self.ix.in_hand.insert((operator, slot));
            if parked {
                self.ix.parked.insert((operator, slot));
            }
            self.change_operator(operator, |row| {
                row.used += units;
                if !parked {
                    row.count_channel(channel, true);
                }
                row.idle_since = idle_since.unwrap_or(row.idle_since);
            });
        }
    }

    fn move_open(&mut self, slot: u32, open: bool) {
        let (gateway, callback, is_costless) = {
            let contact = self.contact(slot);
            (contact.gateway.slot, order_of(slot, contact), contact.units == 0)
        };
        if self.directory.invites() {
            self.follow_phone(slot, open);
        }
        if open {
            self.ix.brought.insert((gateway, slot));
            self.ix.costless += u32::from(is_costless);
            return;
        }
        self.ix.brought.remove(&(gateway, slot));
        self.ix.costless -= u32::from(is_costless);
        if let Some(callback) = callback {
            self.ix.callbacks.remove(&callback);
        }
    }

    fn count(&mut self, slot: u32, was: Option<u8>, is: Option<u8>) {
        if was == is {
            return;
        }
        let queue = self.contact(slot).queue.0 as usize;
        if self.ix.gauges.len() <= queue {
            self.ix.gauges.resize(queue + 1, Gauges::default());
        }
        let gauges = &mut self.ix.gauges[queue];
        if let Some(gauge) = was.and_then(|state| gauge_of(gauges, state)) {
            *gauge -= 1;
        }
        if let Some(gauge) = is.and_then(|state| gauge_of(gauges, state)) {
            *gauge += 1;
        }
    }

    pub(crate) fn move_timer(
        &mut self,
        of: TimerOf,
        slot: u32,
        was: Option<Timestamp>,
        is: Option<Timestamp>,
    ) {
        if was == is {
            return;
        }
        if let Some(at) = was {
            self.ix.timers.remove(&(at, of, slot));
        }
        if let Some(at) = is {
            self.ix.timers.insert((at, of, slot));
        }
    }

    pub(crate) fn add_operator(&mut self, mut operator: Operator) {
        let (slot, login) = (operator.id.slot, operator.login.clone());
        self.join_profile(&mut operator);
        let inserted = self.operators.insert(operator);
        assert_eq!(inserted, slot, "the operator was given the slot's id");
        self.ix.logins.insert(login, slot);
        self.put_up_operator(slot);
    }

    pub(crate) fn change_operator<R>(&mut self, slot: u32, change: impl FnOnce(&mut Operator) -> R) -> R {
        let row = self.operators.at_mut(slot).expect("indexes name only operators that exist");
        let before = operator_facets(row);
        let result = change(row);
        let after = operator_facets(row);
        self.show_operator(slot, Some(before), after);
        result
    }

    /// Changes from which contacts an operator is kept away.
    pub(crate) fn change_exclusions(&mut self, slot: u32, change: impl FnOnce(&mut Vec<Exclusion>)) {
        for exclusion in &self.operators.at(slot).expect("indexes name only operators that exist").exclusions
        {
            self.ix.kept_away.remove(&(exclusion.contact.slot, slot));
        }
        self.change_operator(slot, |row| change(&mut row.exclusions));
        self.show_exclusions(slot);
    }

    fn show_exclusions(&mut self, slot: u32) {
        for exclusion in &self.operators.at(slot).expect("indexes name only operators that exist").exclusions
        {
            self.ix.kept_away.insert((exclusion.contact.slot, slot));
        }
    }

    /// Operators who are kept away from a contact, by slot.
    pub(crate) fn kept_away_from(&self, contact: u32) -> Vec<u32> {
        self.ix.kept_away.range((contact, 0)..=(contact, u32::MAX)).map(|entry| entry.1).collect()
    }

    pub(crate) fn put_up_operator(&mut self, slot: u32) {
        let facets = operator_facets(self.operator(slot));
        self.show_operator(slot, None, facets);
        self.show_exclusions(slot);
    }

    fn show_operator(&mut self, slot: u32, before: Option<OperatorFacets>, after: OperatorFacets) {
        self.move_timer(TimerOf::Operator, slot, before.and_then(|f| f.deadline), after.deadline);
        let was = before.and_then(|f| f.idle);
        if was != after.idle {
            if let Some((profile, standing)) = was {
                self.ix.profiles.set_idle(profile, standing, false);
            }
            if let Some((profile, standing)) = after.idle {
                self.ix.profiles.set_idle(profile, standing, true);
            }
        }
        let was = before.and_then(|f| f.signed_in);
        if was != after.signed_in {
            was.into_iter().for_each(|profile| self.ix.profiles.set_signed_in(profile, false));
            after.signed_in.into_iter().for_each(|profile| self.ix.profiles.set_signed_in(profile, true));
        }
        let was = before.and_then(|f| f.team);
        if was != after.team {
            was.into_iter().for_each(|facet| self.ix.teams.set(slot, facet, false));
            after.team.into_iter().for_each(|facet| self.ix.teams.set(slot, facet, true));
        }
        let was = before.and_then(|f| f.excluding);
        if was != after.excluding {
            was.into_iter().for_each(|full| {
                self.ix.excluding.remove(&(full, slot));
            });
            after.excluding.into_iter().for_each(|full| {
                self.ix.excluding.insert((full, slot));
            });
        }
    }

    pub(crate) fn add_gateway(&mut self, gateway: Gateway) -> u32 {
        let name = gateway.name.clone();
        let slot = self.gateways.insert(gateway);
        self.ix.gateway_names.insert(name, slot);
        self.put_up_gateway(slot);
        slot
    }

    pub(crate) fn change_gateway<R>(&mut self, slot: u32, change: impl FnOnce(&mut Gateway) -> R) -> R {
        let before = self.gateway(slot).session.deadline();
        let row = self.gateways.at_mut(slot).expect("indexes name only gateways that exist");
        let result = change(row);
        let after = self.gateway(slot).session.deadline();
        self.move_timer(TimerOf::Gateway, slot, before, after);
        result
    }

    pub(crate) fn put_up_gateway(&mut self, slot: u32) {
        let after = self.gateway(slot).session.deadline();
        self.move_timer(TimerOf::Gateway, slot, None, after);
    }

    /// Puts up all rows of a snapshot that was read.
    pub(crate) fn derive_indexes(&mut self) {
        for slot in 0..self.operators.slots() {
            let Some(mut operator) = self.operators.at(slot).cloned() else { continue };
            self.join_profile(&mut operator);
            self.ix.logins.insert(operator.login, slot);
            if let Some(row) = self.operators.at_mut(slot) {
                // Units of contacts in hand are counted again with the contacts.
                (row.profile, row.used) = (operator.profile, row.wrap_up_units());
                row.profile_key = operator.profile_key;
                row.counts = vec![0; row.profile_key.caps.len()];
                row.time.iter_mut().for_each(|time| self.directory.reckon(time));
            }
            self.put_up_operator(slot);
        }
        for slot in 0..self.gateways.slots() {
            if let Some(name) = self.gateways.at(slot).map(|row| row.name.clone()) {
                self.ix.gateway_names.insert(name, slot);
                self.put_up_gateway(slot);
            }
        }
        self.derive_contacts();
        self.derive_cases();
        self.derive_enquiries();
    }

    /// Open call-back orders of a number and principals, the last one first.
    pub(crate) fn orders_of(&self, callback: u128) -> impl Iterator<Item = u32> + '_ {
        let all = (callback, LogIndex(0), 0)..=(callback, LogIndex(u64::MAX), u32::MAX);
        self.ix.callbacks.range(all).rev().map(|entry| entry.2)
    }

    /// Puts up all contacts. The trees that hold nearly all of them are made of what was gathered for each, which takes a
    /// third of the time of one entry after the other.
    fn derive_contacts(&mut self) {
        self.ix.keys = self.contacts.iter().map(|(slot, contact)| (contact.key, slot)).collect();
        let open = || self.contacts.iter().filter(|(_, contact)| contact.is_open());
        self.ix.brought = open().map(|(slot, contact)| (contact.gateway.slot, slot)).collect();
        self.ix.costless = open().filter(|(_, contact)| contact.units == 0).count() as u32;
        self.ix.callbacks = open().filter_map(|(slot, contact)| order_of(slot, contact)).collect();
        let mut lines: Vec<Vec<OrderKey>> = Vec::new();
        for slot in 0..self.contacts.slots() {
            let Some(after) = self.contacts.at(slot).map(Self::contact_facets) else { continue };
            if let Some((key, marked)) = after.in_line {
                let class = self.class_of(slot);
                // From the first on somebody waits in the class, so that it is not given up for another one.
                if self.ix.classes.is_empty(class) || marked {
                    self.ix.classes.set_in_line(class, key, marked, true);
                } else {
                    lines.resize_with(lines.len().max(class as usize + 1), Vec::new);
                    lines[class as usize].push(key);
                }
            }
            let done = ContactFacets { deadline: None, held: None, in_hand: None, state: NO_STATE, ..after };
            self.show_contact(slot, Some(done), Some(after), None);
            if is(Planted::TimersLostAtRestore)
                && let Some(at) = after.deadline
            {
                self.ix.timers.remove(&(at, TimerOf::Contact, slot));
            }
        }
        for (class, keys) in (0..).zip(lines) {
            self.ix.classes.join_line(class, keys);
        }
        for class in self.class_ids() {
            let rule = self.directory.rule(self.ix.classes.at(class).queue);
            self.ix.classes.follow_ladder(class, rule);
        }
        self.derive_asking();
        self.derive_lines();
        self.derive_waiting();
        self.derive_phones();
    }

    fn index_contact(&mut self, slot: u32) {
        let contact = self.contact(slot);
        let (key, callback) = (contact.key, order_of(slot, contact).filter(|_| contact.is_open()));
        self.ix.keys.insert(key, slot);
        if let Some(callback) = callback {
            self.ix.callbacks.insert(callback);
        }
        self.put_up_contact(slot);
    }

    /// Contacts in an operator's hands, by slot.
    pub(crate) fn in_hand(&self, operator: u32) -> Vec<u32> {
        self.ix.in_hand.range((operator, 0)..=(operator, u32::MAX)).map(|entry| entry.1).collect()
    }

    pub(crate) fn find_login(&self, login: &Name) -> Option<OperatorId> {
        self.ix.logins.get(login).map(|&slot| self.operator(slot).id)
    }
}

/// What a call-back order is found by.
fn order_of(slot: u32, contact: &Contact) -> Option<(u128, LogIndex, u32)> {
    Some((contact.callback?, contact.index, slot))
}

fn operator_facets(operator: &Operator) -> OperatorFacets {
    OperatorFacets {
        deadline: operator.deadline(),
        signed_in: operator.session.is_open().then_some(operator.profile),
        idle: operator.is_available().then(|| (operator.profile, Standing::of(operator))),
        excluding: (!operator.exclusions.is_empty() && operator.is_available())
            .then_some(operator.free() == 0),
        team: (operator.session.is_open() && !operator.profile_key.bot).then(|| TeamFacet {
            unit: operator.profile_key.unit,
            away_since: operator.away_since(),
            due: operator.time.as_deref().and_then(|time| time.due),
        }),
    }
}
