//! Everything open in the hands of an operator, or of a unit, goes to a colleague or back to the line (R3.11), with a
//! note for whoever goes on.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::assign_contact::check_hand_out;
use crate::command::{HandOver, HandOverFrom};
use crate::contact::{State, Text, Wait};
use crate::effect::WithdrawReason;
use crate::fields::{check_name, check_text, invalid};
use crate::ids::{ContactId, Name, OperatorId};
use crate::limits::{MOVED_PER_COMMAND_MAX, NOTE_BYTES_MAX};
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    /// Whether it is possible, and how many contacts it concerns.
    pub(super) fn judge_shift_over(&self, command: &HandOver) -> Result<u32, Refusal> {
        check_hand_over(command)?;
        let from = self.operators_of(&command.from)?;
        if let Some(login) = &command.to {
            let to = self.operator_called(login)?;
            if from.contains(&to) {
                return Err(invalid("to", "is one of those whose contacts are handed over"));
            }
            if !self.tables.operator(to.slot).is_available() {
                return Err(Refusal::OperatorUnavailable(login.clone()));
            }
        }
        let contacts = self.open_of(&from);
        if contacts.len() > MOVED_PER_COMMAND_MAX {
            let (what, limit) = ("contacts".into(), MOVED_PER_COMMAND_MAX as u64);
            return Err(Refusal::LimitReached { what, limit });
        }
        if !command.notes.iter().all(|(id, _)| contacts.contains(id)) {
            return Err(invalid("notes", "a note is for a contact that is not handed over"));
        }
        Ok(contacts.len() as u32)
    }

    /// Does what was judged to be possible.
    pub(super) fn hand_over(&mut self, command: &HandOver) {
        let Ok(from) = self.operators_of(&command.from) else { return };
        let to = command.to.as_ref().and_then(|login| self.tables.find_login(login));
        for contact in self.open_of(&from) {
            self.leave_hands(contact);
            if let Some(to) = to
                && self.may_be_kept_for(self.tables.contact(contact.slot), to)
                && let Some(login) = &command.to
            {
                self.hand_out(contact, login, command.hold);
            }
        }
        if let Some(to) = to {
            self.hand_over_enquiries(&from, to);
        }
        for (contact, note) in command.notes.iter().filter(|_| !is(Planted::NoteOfHandOverLost)) {
            self.tables.change_contact(contact.slot, |row| {
                row.text = Arc::new(Text { note: Some(note.clone()), ..Text::clone(&row.text) });
            });
        }
    }

    /// Back into the line, whether somebody has it in hand or it waits for somebody.
    fn leave_hands(&mut self, contact: ContactId) {
        match self.tables.contact(contact.slot).operator() {
            Some(operator) => {
                self.requeue(contact.slot, WithdrawReason::HandedOver);
                self.exclude(operator, contact);
            }
            None => self.stand_in_line(contact.slot),
        }
    }

    /// By slot.
    fn operators_of(&self, from: &HandOverFrom) -> Result<Vec<OperatorId>, Refusal> {
        match from {
            HandOverFrom::Operator(login) => Ok([self.operator_called(login)?].to_vec()),
            HandOverFrom::Unit(name) => {
                let unit = self.tables.directory.find_unit(name)?;
                let operators = self.tables.operators.iter().map(|(_, row)| row);
                let of_unit = operators.filter(|row| row.profile_key.unit == Some(unit));
                Ok(of_unit.map(|row| row.id).collect())
            }
        }
    }

    /// What they have offered or in handling and what is held for them, consultations aside: of each in turn, by slot.
    fn open_of(&self, operators: &[OperatorId]) -> Vec<ContactId> {
        let mut open = Vec::new();
        for operator in operators {
            let held = self.tables.ix.held.get(&operator.slot);
            let mut slots: BTreeSet<u32> = held.into_iter().flatten().map(|key| key.slot).collect();
            slots.extend(self.tables.in_hand(operator.slot));
            let rows = slots.into_iter().map(|slot| self.tables.contact(slot));
            let open_rows = rows.filter(|row| match row.state {
                State::Offered { .. } | State::Handling { .. } | State::Waiting(Wait::Held { .. }) => {
                    !self.is_leg(row.id.slot)
                }
                State::Waiting(Wait::Later | Wait::InLine | Wait::ForCustomer)
                | State::WrapUp { .. }
                | State::Ended { .. } => false,
            });
            open.extend(open_rows.map(|row| row.id));
        }
        open
    }
}

fn check_hand_over(command: &HandOver) -> Result<(), Refusal> {
    match &command.from {
        HandOverFrom::Operator(name) | HandOverFrom::Unit(name) => check_name("from", name)?,
    }
    if let Some(to) = &command.to {
        check_hand_out(to, command.hold)?;
    }
    if command.notes.len() > MOVED_PER_COMMAND_MAX {
        return Err(invalid("notes", "at most 500 notes"));
    }
    let of: BTreeSet<&ContactId> = command.notes.iter().map(|note| &note.0).collect();
    if of.len() < command.notes.len() {
        return Err(invalid("notes", "a contact has two notes"));
    }
    command
        .notes
        .iter()
        .try_for_each(|(_, note): &(ContactId, Name)| check_text("notes", note, NOTE_BYTES_MAX))
}
