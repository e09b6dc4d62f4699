//! A party signs out: as if its grace were over at once.

use crate::command::CloseSession;
use crate::effect::{Effect, Reply};
use crate::ids::Party;
use crate::refusal::Refusal;
use crate::router::Router;
use crate::session::{Session, SessionState};

impl Router {
    pub(crate) fn close_session(&mut self, command: &CloseSession) -> Result<Reply, Refusal> {
        let party = command.party;
        let session = self.session_of(party)?;
        if session.epoch != command.epoch {
            return Err(Refusal::StaleEpoch { current: session.epoch });
        }
        self.sign_out(party, session);
        Ok(Reply::Done)
    }

    /// Ends a party's session, if it has one.
    pub(crate) fn sign_out(&mut self, party: Party, session: Session) {
        if session.state == SessionState::None {
            return;
        }
        if session.is_live() {
            self.emit(Effect::EndStream { party, epoch: session.epoch });
        }
        match party {
            Party::Gateway(id) => self.gateway_timer(id.slot),
            Party::Operator(id) => self.operator_is_gone(id.slot),
        }
    }

    fn session_of(&self, party: Party) -> Result<Session, Refusal> {
        let session = match party {
            Party::Gateway(id) => self.tables.gateways.get(id.slot, id.generation).map(|row| row.session),
            Party::Operator(id) => self.tables.operators.get(id.slot, id.generation).map(|row| row.session),
        };
        session.ok_or(Refusal::UnknownParty)
    }
}
