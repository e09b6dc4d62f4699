//! The steps of a contact's life that several rules share: becoming eligible, going back to the line, being
//! connected; and what time alone does to contacts, operators and gateways.

use crate::contact::{State, Wait};
use crate::effect::{Effect, EndReason, PresenceState, WithdrawReason};
use crate::ids::{ContactId, OperatorId, QueueId, Timestamp};
use crate::limits::EXCLUSIONS_PER_OPERATOR_MAX;
use crate::operator::Exclusion;
use crate::planted::{Planted, is};
use crate::router::Router;
use crate::session::SessionState;

/// Waiting alone leads up to this tier; the two above are granted.
const PROMOTED_TO: u8 = 2;

impl Router {
    /// What time does to a contact.
    pub(crate) fn contact_timer(&mut self, slot: u32, due: Timestamp) {
        match self.tables.contact(slot).state {
            State::Waiting(Wait::Later) => self.become_eligible(slot),
            State::Waiting(Wait::Held { until, .. }) => {
                self.promote(slot, due);
                if until <= due {
                    self.stand_in_line(slot);
                }
            }
            State::Waiting(Wait::InLine) => self.promote(slot, due),
            State::Offered { operator, mode, .. } => self.offer_timer(slot, operator, mode),
            State::WrapUp { operator, .. } => self.end_contact(slot, EndReason::Completed(operator)),
            State::Ended { .. } => self.tables.remove_contact(slot),
            State::Handling { .. } | State::Waiting(Wait::ForCustomer) => self.thread_timer(slot),
        }
    }

    /// One tier up, never above tier 2 (R2.4). For life safety it is the moment at which somebody is called back.
    fn promote(&mut self, slot: u32, due: Timestamp) {
        let contact = self.tables.contact(slot);
        let Some(at) = contact.promote_at.filter(|&at| at <= due) else { return };
        if contact.tier == 0 {
            return self.recall(slot);
        }
        let every = self.tables.directory.rule(contact.queue).promote_after.filter(|every| every.0 > 0);
        let Some(every) = every else {
            // A plan that came meanwhile promotes nobody here.
            return self.tables.change_contact(slot, |row| row.promote_at = None);
        };
        let (tier, lowest) = (contact.tier - 1, if is(Planted::PromotedToUrgent) { 1 } else { PROMOTED_TO });
        let next = (tier > lowest).then(|| at + every);
        self.tables.change_contact(slot, |row| {
            row.tier = tier;
            row.promoted += 1;
            row.promote_at = next;
        });
        self.freed.contacts.insert(slot);
    }

    /// When a contact that waits from here on goes up a tier: the next full period of its true waiting (R2.4).
    pub(crate) fn next_promotion(
        &self,
        queue: QueueId,
        tier: u8,
        enqueued_at: Timestamp,
    ) -> Option<Timestamp> {
        if tier == 0 {
            return self.next_recall(enqueued_at);
        }
        let every = self.tables.directory.rule(queue).promote_after.filter(|every| every.0 > 0)?;
        (tier > PROMOTED_TO).then(|| enqueued_at.after_full(every, self.now))
    }

    /// The contact waits from here on, in whatever way.
    pub(crate) fn wait(&mut self, slot: u32, wait: Wait) {
        let row = self.tables.contact(slot);
        let promote_at = self.next_promotion(row.queue, row.tier, row.enqueued_at);
        self.tables.change_contact(slot, |row| {
            row.promote_at = promote_at;
            row.state = State::Waiting(wait);
        });
    }

    /// What time does to an operator up to `due`: the grace, a missed offer or a break, exclusions, wrap-ups of contacts
    /// passed on, in this order.
    pub(crate) fn operator_timer(&mut self, slot: u32, due: Timestamp) {
        if let SessionState::Grace { until } = self.tables.operator(slot).session.state
            && until <= due
        {
            self.operator_is_gone(slot);
        }
        if let PresenceState::Missed { until } = self.tables.operator(slot).presence
            && until <= due
        {
            self.show_presence(slot, PresenceState::Ready);
        }
        if let PresenceState::Break { reason, until } = self.tables.operator(slot).presence
            && until <= due
        {
            self.return_from_break(slot, reason);
        }
        self.tables
            .change_exclusions(slot, |exclusions| exclusions.retain(|exclusion| exclusion.until > due));
        self.end_wrap_ups(slot, |wrap_up| wrap_up.until <= due);
        self.freed.operators.insert(slot);
        self.touch(slot);
    }

    /// What time does to a gateway: its grace is over. Its contacts stay; it reconciles when it comes back.
    pub(crate) fn gateway_timer(&mut self, slot: u32) {
        self.tables.change_gateway(slot, |row| row.session.state = SessionState::None);
    }

    /// The contact may be routed from now on: to one operator alone for a while (R3.4), or to anyone.
    pub(crate) fn become_eligible(&mut self, slot: u32) {
        let wait = match self.somebody_to_wait_for(self.tables.contact(slot)) {
            Some((operator, until)) if !is(Planted::HoldIgnored) => Wait::Held { operator, until },
            Some(_) | None => Wait::InLine,
        };
        self.wait(slot, wait);
        self.freed.contacts.insert(slot);
    }

    /// Ends an affinity hold: the contact stands in line with its own key.
    pub(crate) fn stand_in_line(&mut self, slot: u32) {
        if self.is_leg_to_one(slot) {
            return self.end_leg(slot);
        }
        self.tables.change_contact(slot, |row| row.state = State::Waiting(Wait::InLine));
        self.freed.contacts.insert(slot);
    }

    /// A plan or a change of the operator may have made it one who does not fit what is held for it.
    pub(crate) fn end_vain_hold(&mut self, slot: u32) {
        let contact = self.tables.contact(slot);
        let State::Waiting(Wait::Held { operator, .. }) = contact.state else { return };
        let fits = self.fits_now(self.tables.operator(operator.slot), contact);
        if !fits && self.format >= 3 && !is(Planted::HeldForUnfit) {
            self.stand_in_line(slot);
        }
    }

    /// Sends the contact back to its old place.
    pub(crate) fn requeue(&mut self, slot: u32, reason: WithdrawReason) {
        if self.is_leg_to_one(slot) {
            return self.end_leg(slot);
        }
        let row = self.tables.contact(slot);
        let (contact, gateway, assignment) = (row.id, row.gateway, row.assignment);
        let Some(operator) = row.operator() else { return };
        if let Some(leg) = self.legs.find_mut(slot) {
            leg.joined = false;
        } else {
            self.totals_of(slot).requeued += 1;
        }
        let row = self.tables.contact(slot);
        let wait = if is(Planted::RequeueLost) { Wait::Later } else { Wait::InLine };
        let now = self.now;
        let promote_at = self.next_promotion(row.queue, row.tier, row.enqueued_at);
        self.tables.change_contact_since(slot, Some(now), |row| {
            row.promote_at = promote_at;
            row.state = State::Waiting(wait);
        });
        self.hands_are_emptier(operator);
        self.freed.contacts.insert(slot);
        self.freed.announce.insert(slot);
        if !is(Planted::WithdrawalNotTold) {
            self.emit(Effect::WithdrawAssignment { contact, gateway, operator, assignment, reason });
        }
        self.end_legs_of(slot);
    }

    /// Declined or missed (R3.1): the contact goes back and keeps away from the operator; the operator gets
    /// nothing new for a while.
    pub(crate) fn take_back_offer(&mut self, slot: u32, reason: WithdrawReason) {
        let row = self.tables.contact(slot);
        let (contact, operator) = (row.id, row.operator());
        let Some(operator) = operator else { return };
        if self.is_leg_to_one(slot) {
            return self.end_leg(slot);
        }
        // Before it is back in line, which would have to note it.
        self.exclude(operator, contact);
        self.requeue(slot, reason);
        let missed = self.tables.directory.plan.sessions.missed;
        let row = self.tables.operator(operator.slot);
        let (presence, is_bot) = (row.presence, row.profile_key.bot);
        if missed.0 > 0 && !is_bot && matches!(presence, PresenceState::Ready | PresenceState::Missed { .. })
        {
            let until = self.now + missed;
            self.show_presence(operator.slot, PresenceState::Missed { until });
        }
    }

    /// Keeps the contact away from the operator for a while (R3.1).
    pub(crate) fn exclude(&mut self, operator: OperatorId, contact: ContactId) {
        let span = self.tables.directory.plan.sessions.exclusion;
        if span.0 == 0 {
            return;
        }
        let until = self.now + span;
        self.tables.change_contact(contact.slot, |row| row.excluded = true);
        self.tables.change_exclusions(operator.slot, |exclusions| {
            exclusions.retain(|exclusion| exclusion.contact != contact);
            if exclusions.len() == EXCLUSIONS_PER_OPERATOR_MAX {
                exclusions.remove(0);
            }
            exclusions.push(Exclusion { contact, until });
        });
        self.freed.exclusions = true;
    }

    pub(crate) fn free_operator(&mut self, operator: OperatorId) {
        let now = self.now;
        self.tables.change_operator(operator.slot, |row| row.idle_since = now);
        self.hands_are_emptier(operator);
    }

    /// A contact has left the operator's hands, which set since when it is idle.
    pub(crate) fn hands_are_emptier(&mut self, operator: OperatorId) {
        self.freed.operators.insert(operator.slot);
        self.touch(operator.slot);
    }

    /// An offer that the customer ended costs the operator nothing: its place in the idle order comes back,
    /// unless something else has moved it since.
    pub(crate) fn give_back_idle_place(
        &mut self,
        operator: OperatorId,
        offered_at: Timestamp,
        idle_before: Timestamp,
    ) {
        let now = self.now;
        self.tables.change_operator(operator.slot, |row| {
            row.idle_since = if row.idle_since == offered_at { idle_before } else { now };
        });
        self.freed.operators.insert(operator.slot);
        self.touch(operator.slot);
    }

    /// Sets an operator's presence and says so. One who becomes unavailable releases what was held for it; one
    /// who becomes ready stands at the end of the idle order and takes work.
    pub(crate) fn show_presence(&mut self, slot: u32, presence: PresenceState) {
        let now = self.now;
        let was_available = self.tables.operator(slot).is_available();
        let was_away = matches!(self.tables.operator(slot).presence, PresenceState::Break { .. });
        self.tables.change_operator(slot, |row| {
            if presence == PresenceState::Ready && row.presence != PresenceState::Ready {
                row.idle_since = now;
            }
            row.presence = presence;
        });
        let operator = self.tables.operator(slot).id;
        self.emit(Effect::AnnouncePresence { operator, presence });
        if was_away {
            self.break_is_over(slot);
        }
        self.touch(slot);
        self.availability_changed(slot, was_available);
    }

    /// Follows up a change of an operator's availability.
    pub(crate) fn availability_changed(&mut self, slot: u32, was_available: bool) {
        if self.tables.operator(slot).is_available() {
            self.freed.operators.insert(slot);
            return;
        }
        if !was_available {
            return;
        }
        self.freed.exclusions = true;
        let held = self.tables.ix.held.get(&slot).cloned().unwrap_or_default();
        for key in held {
            if !self.stays_with_absent(key.slot) {
                self.stand_in_line(key.slot);
            }
        }
    }
}
