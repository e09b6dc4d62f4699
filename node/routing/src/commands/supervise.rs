//! Supervisors listen, whisper and barge, and operators ask them for help (R3.13). Neither decides anything: the gateway
//! does the one, people the other.

use crate::command::AskForHelp;
use crate::contact::State;
use crate::effect::{Effect, Reply};
use crate::ids::{ContactId, Name};
use crate::limits::{HELP_MAX, SEATS_MAX};
use crate::refusal::Refusal;
use crate::router::Router;
use crate::supervision::{HelpAsked, Seat, SupervisedBy, is_in_handling};

impl Router {
    /// Whether somebody may take part in a talk so, and whether that changes anything.
    pub(super) fn judge_supervise(
        &self,
        by: &Name,
        id: ContactId,
        how: Option<SupervisedBy>,
    ) -> Result<u32, Refusal> {
        let contact = self.known_contact(id)?;
        let seats = self.supervision.seats_at(id);
        let own = seats.iter().find(|seat| seat.by == *by);
        if how.is_none() {
            return Ok(u32::from(own.is_some()));
        }
        match contact.state {
            State::Handling { on_hold: None, .. } if !contact.is_parked() => {}
            State::Waiting(_)
            | State::Offered { .. }
            | State::Handling { .. }
            | State::WrapUp { .. }
            | State::Ended { .. } => return Err(super::wrong_state(contact)),
        }
        if own.is_none() && seats.len() >= SEATS_MAX {
            return Err(Refusal::LimitReached {
                what: "supervisors of a contact".into(),
                limit: SEATS_MAX as u64,
            });
        }
        Ok(u32::from(own.map(|seat| seat.how) != how))
    }

    /// Does what was judged to be possible.
    pub(super) fn supervise(&mut self, by: &Name, id: ContactId, how: Option<SupervisedBy>) {
        let Ok(row) = self.known_contact(id) else { return };
        let (gateway, assignment) = (row.gateway, row.assignment);
        let seats = self.supervision.seats_at(id);
        let own = seats.iter().find(|seat| seat.by == *by).map(|seat| (seat.number, seat.how));
        let free = (0..).find(|number| seats.iter().all(|seat| seat.number != *number));
        let changed = match (own, how) {
            (Some((number, before)), None) => Some((number, before, false)),
            (Some((number, before)), Some(how)) => (before != how).then_some((number, how, true)),
            (None, Some(how)) => free.map(|number| (number, how, true)),
            (None, None) => None,
        };
        let Some((seat, how, on)) = changed else { return };
        let sits = on.then(|| Seat { number: seat, by: by.clone(), how });
        self.supervision.set_seat((id, assignment), seat, sits);
        self.emit(Effect::SuperviseContact { contact: id, gateway, assignment, seat, how, on });
    }

    pub(crate) fn ask_for_help(&mut self, command: &AskForHelp) -> Result<Reply, Refusal> {
        self.admit_operator(command.operator, command.epoch)?;
        let slot = command.operator.slot;
        if command.seq <= self.tables.operator(slot).session.presence_seq {
            return Ok(Reply::Done);
        }
        let before = self.supervision.help_of(slot);
        let about = command.contact.filter(|_| command.on).map(|id| self.known_contact(id)).transpose()?;
        if let Some(contact) = about
            && !(is_in_handling(contact) && contact.operator() == Some(command.operator))
        {
            return Err(super::wrong_state(contact));
        }
        let about = about.map(|contact| (contact.id, contact.assignment));
        if command.on && before.is_none() && self.supervision.requests() >= HELP_MAX {
            return Err(Refusal::LimitReached { what: "requests for help".into(), limit: HELP_MAX as u64 });
        }
        self.tables.change_operator(slot, |row| row.session.presence_seq = command.seq);
        if !command.on {
            self.end_help(slot);
        } else if before.is_none_or(|before| before.about != about) {
            self.end_help(slot);
            let asked = HelpAsked { since: self.now, about };
            self.supervision.set_help(slot, Some(asked));
            self.announce_help(slot, asked, true);
        }
        Ok(Reply::Done)
    }

    /// How many requests for help an answer would end.
    pub(super) fn judge_help(&self, login: &Name) -> Result<u32, Refusal> {
        let operator = self.operator_called(login)?;
        Ok(u32::from(self.supervision.help_of(operator.slot).is_some()))
    }

    /// Somebody helps: who asked hears of it last.
    pub(super) fn answer_help(&mut self, login: &Name) {
        let Some(operator) = self.tables.find_login(login) else { return };
        let Some(asked) = self.supervision.help_of(operator.slot) else { return };
        self.end_help(operator.slot);
        let contact = asked.about.map(|about| about.0);
        self.emit(Effect::AnnounceHelp { operator, of: operator, contact, on: false });
    }
}
