//! How a contact ends: who hears of it, what is forgotten with it, and how it is counted.

use crate::contact::State;
use crate::effect::{Effect, EndReason, WithdrawReason};
use crate::ids::ContactId;
use crate::router::Router;

/// Abandoned within this time does not count against the service level.
const ABANDONED_EARLY_MS: u64 = 5_000;

impl Router {
    /// Ends a contact, tells who must hear of it, frees its operator. Ended never reopens (I9).
    pub(crate) fn end_contact(&mut self, slot: u32, reason: EndReason) {
        let row = self.tables.contact(slot);
        let (contact, gateway, assignment, before) = (row.id, row.gateway, row.assignment, row.state);
        let ended = self.ended(reason);
        // Who had it in hand is idle from now on; the end of an offer gives the place in the idle order back below.
        let freed_at = (!matches!(before, State::Offered { .. })).then_some(self.now);
        self.tables.change_contact_since(slot, freed_at, |row| row.state = ended);
        self.count_end(slot, reason);
        self.tables.waits.forget(slot);
        self.drop_exclusions_of(contact);
        match before {
            State::Offered { operator, at: offered_at, idle_before, .. } => {
                self.give_back_idle_place(operator, offered_at, idle_before);
                let reason = match reason {
                    EndReason::Closed(_) => WithdrawReason::Supervisor,
                    EndReason::ConsultOver(_) => WithdrawReason::ConsultOver,
                    EndReason::Completed(_)
                    | EndReason::Abandoned
                    | EndReason::Merged(_)
                    | EndReason::OperatorLost(_)
                    | EndReason::Deflected(_) => WithdrawReason::Abandoned,
                };
                self.emit(Effect::WithdrawAssignment { contact, gateway, operator, assignment, reason });
            }
            State::Handling { operator, .. } | State::WrapUp { operator, .. } => {
                self.hands_are_emptier(operator);
                self.emit(Effect::ReleaseOperator { contact, operator, assignment });
            }
            State::Waiting(_) | State::Ended { .. } => {}
        }
        self.emit(Effect::AnnounceEnded { contact, gateway, reason });
        if !self.companions.is_empty() {
            self.call_is_over(contact);
        }
        self.leave_case(slot, reason);
        self.forget_leg(slot);
        self.end_legs_of(slot);
    }

    fn drop_exclusions_of(&mut self, contact: ContactId) {
        if !self.tables.contact(contact.slot).excluded {
            return;
        }
        for operator in self.tables.kept_away_from(contact.slot) {
            self.tables.change_exclusions(operator, |exclusions| {
                exclusions.retain(|entry| entry.contact != contact);
            });
        }
    }

    /// The state of a contact that ends now: remembered with its key for the plan's key window.
    pub(crate) fn ended(&self, reason: EndReason) -> State {
        State::Ended {
            at: self.now,
            reason,
            until: self.now + self.tables.directory.plan.sessions.key_window,
        }
    }

    fn count_end(&mut self, slot: u32, reason: EndReason) {
        let waited = self.now.since(self.tables.contact(slot).enqueued_at);
        if self.is_leg(slot) {
            return;
        }
        let totals = self.totals_of(slot);
        match reason {
            EndReason::Completed(_) => totals.completed += 1,
            EndReason::Abandoned => {
                totals.abandoned += 1;
                totals.abandoned_early += u64::from(waited.0 <= ABANDONED_EARLY_MS);
            }
            EndReason::Merged(_) => totals.merged += 1,
            EndReason::OperatorLost(_) => totals.lost_operator += 1,
            EndReason::Closed(_) => totals.closed += 1,
            EndReason::Deflected(_) => totals.deflected += 1,
            EndReason::ConsultOver(_) => {}
        }
    }
}
