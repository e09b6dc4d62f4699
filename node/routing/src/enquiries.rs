//! Rows of enquiries and what is derived from them. A row changes only through `change_enquiry`.

use alloc::collections::BTreeSet;

use crate::enquiry::Enquiry;
use crate::ids::{ContactId, EnquiryId, Timestamp};
use crate::tables::{Tables, TimerOf};

/// Where enquiries are found. `true` stands for closed.
#[derive(Debug, Default)]
pub(crate) struct EnquiryIndex {
    /// By the contact that they are about.
    about: BTreeSet<(ContactId, bool, u32)>,
    /// By the promised call-back.
    calls: BTreeSet<(ContactId, bool, u32)>,
    /// Open ones by asker.
    asked_by: BTreeSet<(u32, u32)>,
}

/// What an enquiry's row shows to the indexes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Facets {
    deadline: Option<Timestamp>,
    about: (ContactId, bool),
    call: Option<ContactId>,
    asker: u32,
}

impl EnquiryIndex {
    fn show(&mut self, slot: u32, facets: Facets, on: bool) {
        let set = |list: &mut BTreeSet<(ContactId, bool, u32)>, entry| {
            if on {
                list.insert(entry)
            } else {
                list.remove(&entry)
            };
        };
        let (about, closed) = facets.about;
        set(&mut self.about, (about, closed, slot));
        if let Some(call) = facets.call {
            set(&mut self.calls, (call, closed, slot));
        }
        if !closed {
            let entry = (facets.asker, slot);
            if on {
                self.asked_by.insert(entry)
            } else {
                self.asked_by.remove(&entry)
            };
        }
    }

    /// Open or closed ones about a contact, by slot.
    pub(crate) fn about(&self, contact: ContactId, closed: bool) -> impl Iterator<Item = u32> + '_ {
        self.about.range((contact, closed, 0)..=(contact, closed, u32::MAX)).map(|entry| entry.2)
    }

    /// Open or closed ones with this promised call-back, by slot.
    pub(crate) fn with_call(&self, call: ContactId, closed: bool) -> impl Iterator<Item = u32> + '_ {
        self.calls.range((call, closed, 0)..=(call, closed, u32::MAX)).map(|entry| entry.2)
    }

    /// Open ones of an operator, by slot.
    pub(crate) fn of_asker(&self, operator: u32) -> impl Iterator<Item = u32> + '_ {
        self.asked_by.range((operator, 0)..=(operator, u32::MAX)).map(|entry| entry.1)
    }
}

impl Tables {
    pub(crate) fn enquiry(&self, slot: u32) -> &Enquiry {
        self.enquiries.at(slot).expect("indexes name only enquiries that exist")
    }

    pub(crate) fn find_enquiry(&self, id: EnquiryId) -> Option<&Enquiry> {
        self.enquiries.get(id.slot, id.generation)
    }

    pub(crate) fn add_enquiry(&mut self, enquiry: Enquiry) {
        let slot = enquiry.id.slot;
        let inserted = self.enquiries.insert(enquiry);
        assert_eq!(inserted, slot, "the enquiry was given the slot's id");
        self.put_up_enquiry(slot);
    }

    pub(crate) fn change_enquiry(&mut self, slot: u32, change: impl FnOnce(&mut Enquiry)) {
        let row = self.enquiries.at_mut(slot).expect("indexes name only enquiries that exist");
        let before = facets(row);
        change(row);
        let after = facets(row);
        self.show_enquiry(slot, Some(before), Some(after));
    }

    /// Forgets a closed enquiry.
    pub(crate) fn remove_enquiry(&mut self, slot: u32) {
        let before = facets(self.enquiry(slot));
        self.show_enquiry(slot, Some(before), None);
        self.enquiries.remove(slot);
    }

    /// Puts up all enquiries of a snapshot that was read.
    pub(crate) fn derive_enquiries(&mut self) {
        for slot in 0..self.enquiries.slots() {
            if self.enquiries.at(slot).is_some() {
                self.put_up_enquiry(slot);
            }
        }
    }

    fn put_up_enquiry(&mut self, slot: u32) {
        let after = facets(self.enquiry(slot));
        self.show_enquiry(slot, None, Some(after));
    }

    fn show_enquiry(&mut self, slot: u32, before: Option<Facets>, after: Option<Facets>) {
        let deadline = |facets: Option<Facets>| facets.and_then(|facets| facets.deadline);
        self.move_timer(TimerOf::Enquiry, slot, deadline(before), deadline(after));
        for (facets, on) in [(before, false), (after, true)] {
            if let Some(facets) = facets {
                self.ix.enquiries.show(slot, facets, on);
            }
        }
    }
}

fn facets(row: &Enquiry) -> Facets {
    let about = (row.contact, !row.is_open());
    Facets { deadline: row.deadline(), about, call: row.call, asker: row.asker.slot }
}
