//! The operator is ready, or is not and why.

use crate::command::{DeclaredPresence, SetPresence};
use crate::effect::{PresenceState, Reply};
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn set_presence(&mut self, command: &SetPresence) -> Result<Reply, Refusal> {
        self.admit_operator(command.operator, command.epoch)?;
        let slot = command.operator.slot;
        let row = self.tables.operator(slot);
        if command.seq <= row.session.presence_seq && !is(Planted::PresenceOvertaken) {
            return Ok(Reply::Done);
        }
        let presence = match command.presence {
            DeclaredPresence::Ready => PresenceState::Ready,
            DeclaredPresence::NotReady(reason) => PresenceState::NotReady(reason),
        };
        let changes = row.presence != presence;
        self.tables.change_operator(slot, |row| row.session.presence_seq = command.seq);
        if changes {
            self.show_presence(slot, presence);
        }
        Ok(Reply::Done)
    }
}
