//! Legs: contacts by which operators ask colleagues about a contact that they have in hand, the matter. A leg is
//! offered and served like a contact; what is different about it is asked here.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::contact::State;
use crate::effect::EndReason;
use crate::ids::{ContactId, OperatorId, QueueId};
use crate::planted::{Planted, is};
use crate::router::Router;

/// One open leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leg {
    pub id: ContactId,
    /// The contact that it is about.
    pub of: ContactId,
    pub asker: OperatorId,
    pub to: Asked,
    /// The customer is in it too.
    pub joined: bool,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Asked {
    /// Whoever of the queue.
    Queue(QueueId),
    /// This operator and nobody else.
    Operator(OperatorId),
}

/// All open legs. Few contacts have any, so whoever asks looks first whether there are some at all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Legs {
    /// By slot of the leg.
    legs: BTreeMap<u32, Leg>,
    /// Slots of the legs of a matter by its slot, in the order of their beginnings.
    matters: BTreeMap<u32, Vec<u32>>,
}

impl Legs {
    /// In the order of matters and of their beginnings.
    pub(crate) fn to_stored(&self) -> Vec<Leg> {
        self.matters.values().flatten().filter_map(|slot| self.find(*slot).copied()).collect()
    }

    pub(crate) fn from_stored(stored: Vec<Leg>) -> Legs {
        let mut legs = Legs::default();
        stored.into_iter().for_each(|leg| legs.add(leg));
        legs
    }

    pub(crate) fn add(&mut self, leg: Leg) {
        self.legs.insert(leg.id.slot, leg);
        self.matters.entry(leg.of.slot).or_default().push(leg.id.slot);
    }

    fn remove(&mut self, slot: u32) {
        let Some(leg) = self.legs.remove(&slot) else { return };
        if let Some(slots) = self.matters.get_mut(&leg.of.slot) {
            slots.retain(|other| *other != slot);
            if slots.is_empty() {
                self.matters.remove(&leg.of.slot);
            }
        }
    }

    pub(crate) fn find(&self, slot: u32) -> Option<&Leg> {
        if self.legs.is_empty() { None } else { self.legs.get(&slot) }
    }

    pub(crate) fn find_mut(&mut self, slot: u32) -> Option<&mut Leg> {
        if self.legs.is_empty() { None } else { self.legs.get_mut(&slot) }
    }

    /// Slots of the open legs of a contact.
    pub(crate) fn of(&self, matter: u32) -> &[u32] {
        if self.matters.is_empty() { &[] } else { self.matters.get(&matter).map_or(&[], Vec::as_slice) }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Leg> {
        self.legs.values()
    }
}

impl Router {
    /// Whether the contact is an open leg: it counts in no figure of customers.
    pub(crate) fn is_leg(&self, slot: u32) -> bool {
        self.legs.find(slot).is_some()
    }

    /// Whether the contact is a leg to one operator alone.
    pub(crate) fn is_leg_to_one(&self, slot: u32) -> bool {
        self.legs.find(slot).is_some_and(|leg| matches!(leg.to, Asked::Operator(_)))
    }

    /// A contact ended: if it was a leg, it is forgotten as one.
    pub(crate) fn forget_leg(&mut self, slot: u32) {
        let Some(asker) = self.legs.find(slot).map(|leg| leg.asker.slot) else { return };
        self.legs.remove(slot);
        if self.tables.directory.interrupts {
            // Work about which nobody is asked any more may be interrupted.
            self.freed.operators.insert(asker);
        }
    }

    /// The contact has left the hands of whoever asked about it: its legs end.
    pub(crate) fn end_legs_of(&mut self, matter: u32) {
        if is(Planted::LegOutlivesMatter) {
            return;
        }
        while let Some(&leg) = self.legs.of(matter).first() {
            self.end_leg(leg);
        }
    }

    /// Ends a leg, whoever has it.
    pub(crate) fn end_leg(&mut self, slot: u32) {
        let asked = match self.tables.contact(slot).state {
            State::Handling { operator, .. } | State::WrapUp { operator, .. } => Some(operator),
            State::Waiting(_) | State::Offered { .. } | State::Ended { .. } => None,
        };
        self.end_contact(slot, EndReason::ConsultOver(asked));
    }
}
