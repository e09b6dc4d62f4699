//! Supervisors beside talks, and operators who ask for help (R3.13). Signals: nobody is given anything by them.

use ringmain_routing::command::AskForHelp;
use ringmain_routing::limits::{HELP_MAX, SEATS_MAX};
use ringmain_routing::{
    AssignmentEpoch, ContactId, Effect, HelpAsked, Name, OperatorId, Refusal, Reply, Seat, SupervisedBy,
};

use super::contacts::wrong_state;
use super::ladder::queue_of;
use super::state::{ContactState, SessionState};
use super::{Model, bounds};

/// A seat, and the assignment that it belongs to.
pub(super) type Seated = (ContactId, AssignmentEpoch, Seat);

impl Model {
    /// The action of a supervisor: how many things change by it.
    pub(super) fn supervise(
        &mut self,
        by: &Name,
        id: ContactId,
        how: Option<SupervisedBy>,
    ) -> Result<u32, Refusal> {
        let contact = self.contact(id).ok_or(Refusal::UnknownContact(id))?;
        let talks = matches!(contact.state, ContactState::Handling { on_hold: None, .. });
        let (gateway, assignment) = (contact.gateway(), contact.assignment);
        if how.is_some() && (!talks || contact.is_parked()) {
            return Err(wrong_state(contact));
        }
        let seats = self.seats(id);
        let own = seats.iter().find(|seat| seat.by == *by).cloned();
        let on = |model: &mut Model, seat: Seat, on: bool| {
            model.seats.retain(|(contact, _, other)| *contact != id || other.number != seat.number);
            let (number, how) = (seat.number, seat.how);
            if on {
                model.seats.push((id, assignment, seat));
            }
            let seat = number;
            model.effects.push(Effect::SuperviseContact { contact: id, gateway, assignment, seat, how, on });
        };
        match (own, how) {
            (None, None) => Ok(0),
            (Some(seat), None) => {
                on(self, seat, false);
                Ok(1)
            }
            (Some(seat), Some(how)) if seat.how == how => Ok(0),
            (Some(seat), Some(how)) => {
                on(self, Seat { how, ..seat }, true);
                Ok(1)
            }
            (None, Some(how)) => {
                let taken: Vec<u8> = seats.iter().map(|seat| seat.number).collect();
                let number = (0..SEATS_MAX as u8).find(|number| !taken.contains(number));
                let (what, limit) = ("supervisors of a contact".into(), SEATS_MAX as u64);
                let number = number.ok_or(Refusal::LimitReached { what, limit })?;
                on(self, Seat { number, by: by.clone(), how }, true);
                Ok(1)
            }
        }
    }

    /// Who sits beside a talk, by number.
    #[must_use]
    pub fn seats(&self, id: ContactId) -> Vec<Seat> {
        let mut seats: Vec<Seat> =
            self.seats.iter().filter(|row| row.0 == id).map(|row| row.2.clone()).collect();
        seats.sort_by_key(|seat| seat.number);
        seats
    }

    /// What an operator asks for help about.
    #[must_use]
    pub fn help(&self, operator: OperatorId) -> Option<HelpAsked> {
        self.help.get(&operator.slot).copied()
    }

    pub(super) fn ask_for_help(&mut self, command: &AskForHelp) -> Result<Reply, Refusal> {
        let id = command.operator;
        self.check_operator(id, command.epoch)?;
        if command.seq <= self.operators[id.slot as usize].presence_seq {
            return Ok(Reply::Done);
        }
        let mut about = None;
        if let Some(contact) = command.contact.filter(|_| command.on) {
            let row = self.contact(contact).ok_or(Refusal::UnknownContact(contact))?;
            if !matches!(row.state, ContactState::Handling { operator, .. } if operator == id) {
                return Err(wrong_state(row));
            }
            about = Some((contact, row.assignment));
        }
        let before = self.help(id);
        if command.on && before.is_none() && self.help.len() >= HELP_MAX {
            return Err(Refusal::LimitReached { what: "requests for help".into(), limit: HELP_MAX as u64 });
        }
        self.operator_mut(id).presence_seq = command.seq;
        if command.on && before.is_some_and(|before| before.about == about) {
            return Ok(Reply::Done);
        }
        self.end_help(id);
        if command.on {
            let asked = HelpAsked { since: self.now, about };
            self.help.insert(id.slot, asked);
            self.tell_of_help(id, asked, true);
        }
        Ok(Reply::Done)
    }

    /// The action of who helps.
    pub(super) fn answer_help(&mut self, login: &Name) -> Result<u32, Refusal> {
        bounds::check_name("login", login)?;
        let operator = self.called(login).ok_or_else(|| Refusal::UnknownOperator(login.clone()))?;
        let Some(asked) = self.help(operator) else { return Ok(0) };
        self.end_help(operator);
        let contact = asked.about.map(|about| about.0);
        self.effects.push(Effect::AnnounceHelp { operator, of: operator, contact, on: false });
        Ok(1)
    }

    /// Behind an event: what has nothing left to be beside of is over.
    pub(super) fn end_supervision(&mut self) {
        let seats = std::mem::take(&mut self.seats);
        self.seats = seats.into_iter().filter(|row| self.is_handled(row.0, row.1)).collect();
        let over: Vec<OperatorId> = self
            .operators
            .iter()
            .filter(|row| {
                let asked = self.help(row.id);
                asked.is_some_and(|asked| {
                    let talks = asked.about.is_none_or(|(contact, times)| self.is_handled(contact, times));
                    row.session.state == SessionState::None || !talks
                })
            })
            .map(|row| row.id)
            .collect();
        over.into_iter().for_each(|operator| self.end_help(operator));
    }

    fn is_handled(&self, id: ContactId, assignment: AssignmentEpoch) -> bool {
        self.contact(id).is_some_and(|row| {
            row.assignment == assignment && matches!(row.state, ContactState::Handling { .. })
        })
    }

    fn end_help(&mut self, operator: OperatorId) {
        if let Some(asked) = self.help.remove(&operator.slot) {
            self.tell_of_help(operator, asked, false);
        }
    }

    fn tell_of_help(&mut self, of: OperatorId, asked: HelpAsked, on: bool) {
        let contact = asked.about.map(|about| about.0);
        for operator in self.helpers(of, contact) {
            self.effects.push(Effect::AnnounceHelp { operator, of, contact, on });
        }
    }

    /// The queue's leads who are there, else the nearest head who is.
    fn helpers(&self, of: OperatorId, contact: Option<ContactId>) -> Vec<OperatorId> {
        let row = contact.and_then(|id| self.contact(id));
        let leads = row.map_or(&[][..], |row| &queue_of(&self.plan, &row.queue).rules.leads);
        let leads: Vec<OperatorId> = leads.iter().filter_map(|lead| self.is_there(lead)).collect();
        if !leads.is_empty() {
            return leads;
        }
        let own = self.operators[of.slot as usize].unit.clone();
        let mut here = self.plan.units.iter().find(|unit| Some(&unit.name) == own.as_ref());
        while let Some(unit) = here {
            let head = unit.rules.head.as_ref().and_then(|head| self.is_there(head));
            if let Some(head) = head.filter(|head| *head != of) {
                return vec![head];
            }
            here = unit.parent.and_then(|parent| self.plan.units.get(parent.0 as usize));
        }
        Vec::new()
    }
}
