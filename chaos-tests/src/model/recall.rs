//! Life safety that nobody has taken calls somebody back from a break (R2.2).

use ringmain_routing::effect::PresenceState;
use ringmain_routing::{ContactId, Millis, OperatorId, Timestamp};

use super::state::{Contact, Operator, SessionState};
use super::{Freed, Model};

impl Model {
    /// After which spans of waiting somebody is called back for the contact.
    pub(super) fn recalled_after(&self, contact: &Contact) -> Option<Millis> {
        self.plan.rules.recall_after.filter(|_| contact.tier == 0 && contact.is_eligible())
    }

    /// Another full span of waiting is over.
    pub(super) fn recall(&mut self, id: ContactId) {
        self.set_promotion(id);
        let contact = self.contact_row(id);
        if contact.promote_at.is_none() || contact.held_for.is_some() {
            return;
        }
        let Some(operator) = self.who_is_recalled(contact) else { return };
        self.operator_mut(operator).on_break = None;
        let mut freed = self.become_present(operator, PresenceState::Ready);
        self.touch_team(operator);
        freed.join(Freed::operator(operator));
        self.assign_unjudged(id, operator);
        self.settle(freed);
    }

    /// Of those on a break who could take it, whose break began first.
    fn who_is_recalled(&self, contact: &Contact) -> Option<OperatorId> {
        let could = |operator: &&Operator| {
            matches!(operator.session.state, SessionState::Live { .. })
                && self.is_qualified(operator, contact)
                && self.has_room(operator, contact)
                && !self.is_excluded(operator, contact)
        };
        let away: Vec<(Timestamp, &Operator)> = self
            .operators
            .iter()
            .filter_map(|operator| Some((operator.on_break.as_ref()?.since, operator)))
            .collect();
        let able = away.into_iter().filter(|(_, operator)| could(operator));
        able.min_by_key(|(since, operator)| (*since, operator.id.slot)).map(|(_, operator)| operator.id)
    }
}
