//! What others may read of enquiries.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::enquiry::{Enquiry, EnquiryEnd};
use crate::ids::{ContactId, EnquiryId, GatewayId, Name, OperatorId, Timestamp};
use crate::router::Router;

/// An enquiry at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnquiryView {
    /// Its id.
    pub id: EnquiryId,
    /// What it is about; that contact may be forgotten.
    pub contact: ContactId,
    /// The gateway of that contact.
    pub gateway: Name,
    /// That gateway's id.
    pub gateway_id: GatewayId,
    /// Who asked, or has it from who did.
    pub asker: OperatorId,
    /// That one's login.
    pub asker_login: Name,
    /// The asker's org unit at the beginning.
    pub unit: Option<Name>,
    /// Who is asked.
    pub to: Name,
    /// What is asked.
    pub question: Name,
    /// When.
    pub begun_at: Timestamp,
    /// When an answer is due.
    pub due: Timestamp,
    /// When the asker is reminded.
    pub remind_at: Option<Timestamp>,
    /// Whether that has happened.
    pub reminded: bool,
    /// Whether the term was over before it was closed.
    pub overdue: bool,
    /// The promised call-back.
    pub call: Option<ContactId>,
    /// How it was closed; `None` while it is open.
    pub end: Option<EnquiryEnd>,
}

/// Which enquiries are wanted. What is not said does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnquiryFilter {
    /// The login of who asked.
    pub asker: Option<Name>,
    /// The asker's org unit.
    pub unit: Option<Name>,
    /// The contact that it is about, or whose call it promised.
    pub contact: Option<ContactId>,
    /// Open ones, or closed ones.
    pub open: Option<bool>,
    /// Only those whose term was over before they were closed.
    pub overdue: bool,
}

impl Router {
    /// One enquiry; closed ones within the key window.
    #[must_use]
    pub fn enquiry(&self, id: EnquiryId) -> Option<EnquiryView> {
        self.tables.find_enquiry(id).map(|row| self.view_enquiry(row))
    }

    /// Enquiries in slots from `from` on, at most `max` of those that the filter wants, looking at `slots_max` slots; and
    /// the slot to go on from if there are more.
    #[must_use]
    pub fn enquiries_from(
        &self,
        filter: &EnquiryFilter,
        from: u32,
        max: usize,
        slots_max: u32,
    ) -> (Vec<EnquiryView>, Option<u32>) {
        let (end, mut found) = (self.tables.enquiries.slots(), Vec::new());
        let until = from.saturating_add(slots_max).min(end);
        for slot in from..until {
            if found.len() >= max {
                return (found, Some(slot));
            }
            let view = self.tables.enquiries.at(slot).map(|row| self.view_enquiry(row));
            found.extend(view.filter(|view| filter.wants(view)));
        }
        (found, (until < end).then_some(until))
    }

    /// Enquiries about a contact, and those that promised it: open ones first.
    pub(crate) fn enquiries_of(&self, contact: ContactId) -> Vec<EnquiryId> {
        let index = &self.tables.ix.enquiries;
        let of = |closed| index.about(contact, closed).chain(index.with_call(contact, closed));
        of(false).chain(of(true)).map(|slot| self.tables.enquiry(slot).id).collect()
    }

    /// Of whom an answer is awaited that would bring the contact, a promised call, forward.
    pub(crate) fn answers_awaited(&self, contact: ContactId) -> Vec<Name> {
        let open = self.tables.ix.enquiries.with_call(contact, false);
        open.map(|slot| self.tables.enquiry(slot).to.clone()).collect()
    }

    fn view_enquiry(&self, row: &Enquiry) -> EnquiryView {
        EnquiryView {
            id: row.id,
            contact: row.contact,
            gateway: self.tables.gateway(row.gateway.slot).name.clone(),
            gateway_id: row.gateway,
            asker: row.asker,
            asker_login: self.tables.operator(row.asker.slot).login.clone(),
            unit: row.unit.map(|unit| self.tables.directory.unit_name(unit)),
            to: row.to.clone(),
            question: row.question.clone(),
            begun_at: row.begun_at,
            due: row.due,
            remind_at: row.remind_at,
            reminded: row.reminded,
            overdue: row.overdue,
            call: row.call,
            end: row.end.clone(),
        }
    }
}

impl EnquiryFilter {
    fn wants(&self, view: &EnquiryView) -> bool {
        self.asker.as_ref().is_none_or(|login| *login == view.asker_login)
            && self.unit.as_ref().is_none_or(|unit| view.unit.as_ref() == Some(unit))
            && self.contact.is_none_or(|id| view.contact == id || view.call == Some(id))
            && self.open.is_none_or(|open| open == view.end.is_none())
            && (!self.overdue || view.overdue)
    }
}
