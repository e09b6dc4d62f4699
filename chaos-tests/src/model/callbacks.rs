//! Call-back orders of the same number and principals are one while the first is open (R4.1).

use ringmain_routing::command::EnqueueContact;
use ringmain_routing::effect::EndReason;
use ringmain_routing::{ContactId, Reply};

use super::entry::Entrance;
use super::state::ContactState;
use super::{Freed, Model};

impl Model {
    pub(super) fn open_order_like(&self, body: &EnqueueContact) -> Option<ContactId> {
        let order = body.callback.as_ref()?;
        let open = self.contacts.values().filter(|contact| contact.callback() == Some(order));
        open.max_by_key(|contact| contact.index).map(|contact| contact.id)
    }

    /// The new order is remembered as ended, the open one stands for one more.
    pub(super) fn merge(&mut self, body: EnqueueContact, entrance: &Entrance, into: ContactId) -> Reply {
        let (not_before, head_start) = (body.not_before, self.granted(entrance.head_start));
        let contact = self.add_contact(body, entrance, head_start);
        let reply = Reply::Merged { contact, into };
        self.contact_mut(contact).first_answer = reply;
        self.end(contact, EndReason::Merged(into), None);
        let open = self.contact_mut(into);
        open.sources += 1;
        let waits = open.state == ContactState::Waiting;
        match not_before {
            Some(time) if waits && !open.due => self.move_to(into, time),
            Some(_) | None if waits => open.head_start = open.head_start.max(head_start),
            Some(_) | None => {}
        }
        self.settle(Freed::contact(into));
        reply
    }
}
