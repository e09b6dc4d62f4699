//! Who waits for long goes up, tier by tier (R2.4).

use ringmain_routing::{ContactId, Millis, Timestamp};

use super::Model;
use super::ladder::queue_of;
use super::state::Contact;

/// Nobody goes up further than to this tier.
const HIGHEST_TIER: u8 = 2;

impl Model {
    /// How long the contact waits for each tier in its queue, where it can go up at all.
    fn promoted_after(&self, contact: &Contact) -> Option<Millis> {
        let after = queue_of(&self.plan, &contact.queue).rules.promote_after;
        after.filter(|after| after.0 > 0 && contact.tier > HIGHEST_TIER && contact.is_eligible())
    }

    /// Sets the moment of the next promotion: the next full span of true waiting from now on.
    pub(super) fn set_promotion(&mut self, id: ContactId) {
        let contact = self.contact_row(id);
        let after = self.promoted_after(contact).or_else(|| self.recalled_after(contact));
        let promote_at = after.map(|after| {
            let waited = self.now.0.saturating_sub(contact.enqueued_at.0);
            contact.enqueued_at + Millis((waited / after.0 + 1) * after.0)
        });
        self.contact_mut(id).promote_at = promote_at;
    }

    /// The moment has come. Whether there is a promotion: a plan that came meanwhile may know none.
    pub(super) fn promote(&mut self, id: ContactId, at: Timestamp) -> bool {
        if self.contact_row(id).tier == 0 {
            self.recall(id);
            return false;
        }
        let is_promoted = self.promoted_after(self.contact_row(id)).is_some();
        if is_promoted {
            self.contact_mut(id).tier -= 1;
        }
        let next = self.promoted_after(self.contact_row(id)).map(|after| at + after);
        self.contact_mut(id).promote_at = next;
        is_promoted
    }

    /// A tier that somebody gives it.
    pub(super) fn give_tier(&mut self, id: ContactId, tier: u8) {
        let contact = self.contact_mut(id);
        contact.tier = tier;
        contact.tier_given = tier;
        contact.held_for = contact.held_for.filter(|_| tier > 0);
        if tier == 0 {
            self.wake(id);
        }
        self.set_promotion(id);
    }
}
