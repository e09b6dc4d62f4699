//! The operator asks for a break (R3.11): the router grants it, or says what it waits for.

use crate::command::AskForBreak;
use crate::effect::{BreakAnswer, PresenceState, Reply};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn ask_for_break(&mut self, command: &AskForBreak) -> Result<Reply, Refusal> {
        self.admit_operator(command.operator, command.epoch)?;
        let slot = command.operator.slot;
        let row = self.tables.operator(slot);
        if command.seq <= row.session.presence_seq {
            return Ok(Reply::Done);
        }
        let directory = self.tables.directory.clone();
        let clocks = row.time.as_deref().into_iter().flat_map(|time| directory.break_clocks(time));
        let place = clocks.into_iter().find(|(_, clock, _)| clock.name == command.name).map(|found| found.0);
        let place = place.ok_or_else(|| Refusal::UnknownBreak(command.name.clone()))?;
        let is_away = matches!(row.presence, PresenceState::Break { .. });
        let now = self.now;
        self.tables.change_operator(slot, |row| {
            row.session.presence_seq = command.seq;
            let time = row.time.as_deref_mut().filter(|_| !is_away);
            if let Some(time) = time {
                time.breaks[place].asked_at.get_or_insert(now);
                directory.reckon(time);
            }
        });
        if is_away {
            return Ok(Reply::Done);
        }
        self.touch(slot);
        self.look_at_operators();
        Ok(Reply::Break(self.break_answer(slot)))
    }

    fn break_answer(&self, slot: u32) -> BreakAnswer {
        match self.tables.operator(slot).presence {
            PresenceState::Break { until, .. } => BreakAnswer::Begun { until },
            PresenceState::Offline
            | PresenceState::Ready
            | PresenceState::NotReady(_)
            | PresenceState::Missed { .. } => match self.next_break(slot) {
                Some(_) => BreakAnswer::WhenFree,
                None => BreakAnswer::WhenOthersReturn,
            },
        }
    }
}
