//! A gateway or operator opens its session, or resumes it on any node. The epoch fences what an earlier stream
//! may still send.

use crate::command::{OpenSession, Role};
use crate::effect::{Effect, PresenceState, Reply};
use crate::fields::check_name;
use crate::ids::{Epoch, GatewayId, OperatorId, Party};
use crate::limits::GATEWAYS_MAX;
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;
use crate::session::{Gateway, Session, SessionState};

impl Router {
    pub(crate) fn open_session(&mut self, command: &OpenSession) -> Result<Reply, Refusal> {
        check_name("name", &command.name)?;
        match command.role {
            Role::Gateway => self.open_gateway(command),
            Role::Operator => self.open_operator(command),
        }
    }

    fn open_gateway(&mut self, command: &OpenSession) -> Result<Reply, Refusal> {
        let slot = match self.tables.ix.gateway_names.get(&command.name) {
            Some(&slot) => slot,
            None if self.tables.gateways.len() >= GATEWAYS_MAX => {
                return Err(Refusal::LimitReached { what: "gateways".into(), limit: GATEWAYS_MAX });
            }
            None => {
                self.tables.add_gateway(Gateway { name: command.name.clone(), session: Session::default() })
            }
        };
        let generation = self.tables.gateways.generation(slot);
        let party = Party::Gateway(GatewayId { slot, generation });
        let session = self.tables.gateway(slot).session;
        let opened = next_session(&session, command)?;
        self.end_older_stream(party, &session, &opened);
        self.tables.change_gateway(slot, |row| row.session = opened);
        Ok(Reply::Opened { party, epoch: opened.epoch })
    }

    fn open_operator(&mut self, command: &OpenSession) -> Result<Reply, Refusal> {
        let operator = self.tables.find_login(&command.name);
        let id = operator.ok_or_else(|| Refusal::UnknownOperator(command.name.clone()))?;
        let session = self.tables.operator(id.slot).session;
        let opened = next_session(&session, command)?;
        let party = Party::Operator(id);
        if opened.epoch == session.epoch {
            return Ok(Reply::Opened { party, epoch: opened.epoch });
        }
        self.end_older_stream(party, &session, &opened);
        let was_available = self.tables.operator(id.slot).is_available();
        self.tables.change_operator(id.slot, |row| row.session = opened);
        self.greet(id, &session, was_available);
        Ok(Reply::Opened { party, epoch: opened.epoch })
    }

    /// A new arrival is not ready until it says so; one who resumes goes on as it was.
    fn greet(&mut self, id: OperatorId, before: &Session, was_available: bool) {
        if before.state == SessionState::None {
            self.start_clocks(id.slot);
            self.show_presence(id.slot, PresenceState::NotReady(0));
        } else {
            self.touch(id.slot);
            self.availability_changed(id.slot, was_available);
        }
    }

    fn end_older_stream(&mut self, party: Party, before: &Session, opened: &Session) {
        if before.is_live() && before.epoch != opened.epoch {
            self.emit(Effect::EndStream { party, epoch: before.epoch });
        }
    }
}

/// The session after an opening; the same one when this opening was carried out before.
fn next_session(session: &Session, command: &OpenSession) -> Result<Session, Refusal> {
    let live = SessionState::Live { node: command.node, incarnation: command.incarnation };
    let repeats = session.epoch.0 > 0 && session.nonce == command.nonce;
    if session.is_live() {
        if session.state == live && repeats {
            return Ok(*session);
        }
        if !command.takeover && command.resume != Some(session.epoch) && !repeats {
            return Err(Refusal::AlreadySignedIn);
        }
    }
    let is_same = is(Planted::EpochNotRaised) && session.epoch.0 > 0;
    let epoch = if is_same { session.epoch } else { Epoch(session.epoch.0 + 1) };
    Ok(Session { state: live, epoch, nonce: command.nonce, presence_seq: 0 })
}
