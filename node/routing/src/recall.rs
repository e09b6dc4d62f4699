//! Life safety that nobody takes calls somebody back from a break (R2.2).

use crate::contact::{Contact, State, Wait};
use crate::effect::PresenceState;
use crate::ids::Timestamp;
use crate::planted::{Planted, is};
use crate::router::Router;
use crate::why::Side;

impl Router {
    /// When it is looked at next whether somebody is to be called back for the contact: the next full period of its true
    /// waiting.
    pub(crate) fn next_recall(&self, enqueued_at: Timestamp) -> Option<Timestamp> {
        let every = self.tables.directory.plan.rules.recall_after?;
        Some(enqueued_at.after_full(every, self.now))
    }

    /// The contact has waited for another full period: who has been away longest is called back for it.
    pub(crate) fn recall(&mut self, slot: u32) {
        let enqueued_at = self.tables.contact(slot).enqueued_at;
        let next = self.next_recall(enqueued_at);
        self.tables.change_contact(slot, |row| row.promote_at = next);
        let contact = self.tables.contact(slot);
        if next.is_none() || contact.state != State::Waiting(Wait::InLine) {
            return;
        }
        let Some(operator) =
            self.tables.ix.teams.away().find(|&operator| self.may_be_recalled(operator, contact))
        else {
            return;
        };
        if !is(Planted::RecallEndsBreak) {
            self.tables.change_operator(operator, |row| {
                if let Some(time) = row.time.as_deref_mut() {
                    time.on = None;
                }
            });
        }
        self.show_presence(operator, PresenceState::Ready);
        self.assign(slot, operator, Side::Recalled);
    }

    fn may_be_recalled(&self, slot: u32, contact: &Contact) -> bool {
        let operator = self.tables.operator(slot);
        operator.session.is_live()
            && self.fits_now(operator, contact)
            && self.has_room(operator, contact)
            && !self.is_excluded(operator, contact)
    }
}
