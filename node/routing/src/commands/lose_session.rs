//! A stream is gone: the grace begins. Offers go back to their places at once, talks wait for their operator.

use crate::command::LoseSession;
use crate::contact::State;
use crate::effect::{Effect, PresenceState, Reply, WithdrawReason};
use crate::ids::{GatewayId, OperatorId, Party};
use crate::planted::{Planted, is};
use crate::router::Router;
use crate::session::{Session, SessionState};

impl Router {
    pub(crate) fn lose_session(&mut self, command: &LoseSession) -> Reply {
        let session = match command.party {
            Party::Gateway(id) => self.tables.gateways.get(id.slot, id.generation).map(|row| row.session),
            Party::Operator(id) => self.tables.operators.get(id.slot, id.generation).map(|row| row.session),
        };
        if session.is_some_and(|session| session.is_live() && session.epoch == command.epoch) {
            self.start_grace(command.party);
        }
        Reply::Done
    }

    /// Begins the grace of a party whose session is live.
    pub(crate) fn start_grace(&mut self, party: Party) {
        let until = self.now + self.tables.directory.plan.sessions.grace;
        let grace = |session: &mut Session| session.state = SessionState::Grace { until };
        match party {
            Party::Gateway(GatewayId { slot, .. }) => {
                let epoch = self.tables.gateway(slot).session.epoch;
                self.emit(Effect::EndStream { party, epoch });
                self.tables.change_gateway(slot, |row| grace(&mut row.session));
            }
            Party::Operator(OperatorId { slot, .. }) => {
                let epoch = self.tables.operator(slot).session.epoch;
                self.emit(Effect::EndStream { party, epoch });
                let was_available = self.tables.operator(slot).is_available();
                self.tables.change_operator(slot, |row| grace(&mut row.session));
                self.withdraw_offers(slot);
                if is(Planted::BreakCutByGrace)
                    && let PresenceState::Break { reason, .. } = self.tables.operator(slot).presence
                {
                    self.return_from_break(slot, reason);
                }
                self.touch(slot);
                self.availability_changed(slot, was_available);
            }
        }
    }

    fn withdraw_offers(&mut self, operator: u32) {
        for contact in self.tables.in_hand(operator) {
            let is_offered = matches!(self.tables.contact(contact).state, State::Offered { .. });
            if is_offered && !is(Planted::OfferKeptInGrace) {
                self.requeue(contact, WithdrawReason::SessionLost);
            }
        }
    }
}
