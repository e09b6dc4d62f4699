//! An operator is lost for good or has signed out: what is in hand goes its ways, by queue and channel.

use alloc::vec::Vec;

use crate::contact::{KEPT_FOR_GOOD, State, Wait};
use crate::effect::{EndReason, PresenceState, WithdrawReason};
use crate::plan::Orphan;
use crate::planted::{Planted, is};
use crate::router::Router;
use crate::rules::OrphanRule;
use crate::session::SessionState;

/// A contact that waits for the operator who was lost, or for its customer.
struct Kept {
    slot: u32,
    wait: Wait,
}

impl Router {
    /// The operator is lost for good or has signed out: what is in hand goes its ways.
    pub(crate) fn operator_is_gone(&mut self, slot: u32) {
        let was_available = self.tables.operator(slot).is_available();
        self.tables.change_operator(slot, |row| row.session.state = SessionState::None);
        let mut kept: Vec<Kept> = Vec::new();
        for contact in self.tables.in_hand(slot) {
            kept.extend(self.leave_by_orphan_rule(contact));
        }
        self.end_wrap_ups(slot, |_| true);
        self.team_changed(slot);
        self.availability_changed(slot, was_available);
        if self.tables.operator(slot).presence != PresenceState::Offline {
            self.show_presence(slot, PresenceState::Offline);
        }
        // Kept only now: what was held before ends with the operator's availability, and this begins without it.
        for Kept { slot, wait } in kept {
            if wait == Wait::ForCustomer {
                self.fall_asleep(slot);
            } else {
                self.tables.change_contact(slot, |row| row.state = State::Waiting(wait));
                // It may have been changed while it had the contact in hand.
                self.end_vain_hold(slot);
            }
        }
    }

    /// What becomes of it; where it does not simply wait in line, how it waits.
    fn leave_by_orphan_rule(&mut self, slot: u32) -> Option<Kept> {
        let row = self.tables.contact(slot);
        match row.state {
            State::Offered { .. } => self.go_back(slot),
            State::Handling { operator, .. } => match self.orphan_rule(slot) {
                OrphanRule::Close => self.end_contact(slot, EndReason::OperatorLost(operator)),
                OrphanRule::Requeue | OrphanRule::Wait(_) | OrphanRule::Stay
                    if self.is_resting(row) && !is(Planted::SilentFloodsQueue) =>
                {
                    self.go_back(slot);
                    return Some(Kept { slot, wait: Wait::ForCustomer });
                }
                OrphanRule::Requeue => self.go_back(slot),
                OrphanRule::Wait(span) => {
                    self.go_back(slot);
                    let until = self.now + span;
                    return Some(Kept { slot, wait: Wait::Held { operator, until } });
                }
                OrphanRule::Stay => {
                    self.go_back(slot);
                    return Some(Kept { slot, wait: Wait::Held { operator, until: KEPT_FOR_GOOD } });
                }
            },
            State::WrapUp { operator, .. } => self.end_contact(slot, EndReason::Completed(operator)),
            State::Waiting(_) | State::Ended { .. } => {}
        }
        None
    }

    fn go_back(&mut self, slot: u32) {
        if !is(Planted::OrphanKept) {
            self.requeue(slot, WithdrawReason::SessionLost);
        }
    }

    /// The rule of the contact's channel, else of its queue. The work of a case must be finished by somebody.
    fn orphan_rule(&self, slot: u32) -> OrphanRule {
        if self.is_leg(slot) {
            return OrphanRule::Close;
        }
        let row = self.tables.contact(slot);
        let of_channel = self.tables.directory.rule(row.queue).orphans.iter();
        let of_channel = of_channel.filter(|_| !is(Planted::ChannelOfOrphanIgnored));
        let of_channel = of_channel.into_iter().find(|entry| entry.0 == row.channel).map(|entry| entry.1);
        let of_queue = match self.tables.directory.queue(row.queue).orphan {
            Orphan::Requeue => OrphanRule::Requeue,
            Orphan::Close => OrphanRule::Close,
        };
        let rule = of_channel.unwrap_or(of_queue);
        let is_of_case = row.case.is_some() && !is(Planted::CaseLostWithOperator);
        if is_of_case && rule == OrphanRule::Close { OrphanRule::Requeue } else { rule }
    }

    /// Whether the contact waits for its operator however long that one is away.
    pub(crate) fn stays_with_absent(&self, slot: u32) -> bool {
        matches!(self.tables.contact(slot).state, State::Waiting(Wait::Held { until: KEPT_FOR_GOOD, .. }))
            && !is(Planted::StayEndsWithAbsence)
    }
}
