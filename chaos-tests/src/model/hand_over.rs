//! Everything open of one operator, or of a unit's, goes to a colleague or back to the line (R3.11).

use std::collections::BTreeSet;

use ringmain_routing::command::{HandOver, HandOverFrom};
use ringmain_routing::effect::WithdrawReason;
use ringmain_routing::limits::{MOVED_PER_COMMAND_MAX, NOTE_BYTES_MAX};
use ringmain_routing::{ContactId, Name, OperatorId, Refusal};

use super::hand_out::check_hand_out;
use super::state::{Contact, ContactState, Kept};
use super::{Freed, Model, bounds};

impl Model {
    pub(super) fn hand_over(&mut self, command: &HandOver) -> Result<u32, Refusal> {
        check_words(command)?;
        let from = self.who_hands_over(&command.from)?;
        let to = command.to.as_ref().map(|login| self.receiver(login, &from)).transpose()?;
        let open: Vec<ContactId> = from.iter().flat_map(|operator| self.open_of(*operator)).collect();
        if open.len() > MOVED_PER_COMMAND_MAX {
            return Err(Refusal::LimitReached {
                what: "contacts".into(),
                limit: MOVED_PER_COMMAND_MAX as u64,
            });
        }
        bounds::check(command.notes.iter().all(|(contact, _)| open.contains(contact)), "notes")?;
        let mut freed = Freed::default();
        for &id in &open {
            freed.join(self.let_go_of(id));
            if let Some(to) = to.filter(|to| self.may_be_kept_for(*to, self.contact_row(id))) {
                let until = self.span_after_now(command.hold);
                self.contact_mut(id).held_for = Some((to, until));
                self.operator_mut(to).exclusions.retain(|exclusion| exclusion.contact != id);
            }
        }
        for (contact, note) in &command.notes {
            self.contact_mut(*contact).note = Some(note.clone());
        }
        if let Some(to) = to {
            self.hand_enquiries_over(&from, to);
        }
        self.settle(freed);
        Ok(open.len() as u32)
    }

    fn who_hands_over(&self, from: &HandOverFrom) -> Result<Vec<OperatorId>, Refusal> {
        match from {
            HandOverFrom::Operator(login) => {
                let operator = self.called(login).ok_or(Refusal::UnknownOperator(login.clone()))?;
                Ok(vec![operator])
            }
            HandOverFrom::Unit(unit) => {
                if !self.plan.units.iter().any(|row| row.name == *unit) {
                    return Err(Refusal::UnknownUnit(unit.clone()));
                }
                let of_unit = self.operators.iter().filter(|row| row.unit.as_ref() == Some(unit));
                Ok(of_unit.map(|row| row.id).collect())
            }
        }
    }

    fn receiver(&self, login: &Name, from: &[OperatorId]) -> Result<OperatorId, Refusal> {
        let to = self.called(login).ok_or(Refusal::UnknownOperator(login.clone()))?;
        bounds::check(!from.contains(&to), "to")?;
        if !self.operators[to.slot as usize].is_available() {
            return Err(Refusal::OperatorUnavailable(login.clone()));
        }
        Ok(to)
    }

    /// By slot: what is offered to the operator, what it has in handling, what waits for it alone.
    fn open_of(&self, operator: OperatorId) -> Vec<ContactId> {
        let is_open = |contact: &&Contact| match contact.state {
            _ if contact.leg.is_some() => false,
            ContactState::Waiting => contact.held_for.is_some_and(|(known, _)| known == operator),
            ContactState::Offered { operator: holder, .. }
            | ContactState::Handling { operator: holder, .. } => holder == operator,
            ContactState::WrapUp { .. } | ContactState::Ended { .. } => false,
        };
        self.contacts.values().filter(is_open).map(|contact| contact.id).collect()
    }

    fn let_go_of(&mut self, id: ContactId) -> Freed {
        let holder = self.contact_row(id).state.holder();
        self.contact_mut(id).held_for = None;
        self.contact_mut(id).kept = Kept::WhileAvailable;
        let Some(operator) = holder else { return Freed::contact(id) };
        self.withdraw(id, operator, WithdrawReason::HandedOver);
        self.requeue(id, operator);
        let mut freed = Freed::queued(id);
        freed.join(Freed::operator(operator));
        freed.join(self.exclude(operator, id));
        freed.join(self.end_legs(id));
        freed
    }
}

fn check_words(command: &HandOver) -> Result<(), Refusal> {
    match &command.from {
        HandOverFrom::Operator(name) | HandOverFrom::Unit(name) => bounds::check_name("from", name)?,
    }
    if let Some(to) = &command.to {
        check_hand_out(to, command.hold)?;
    }
    let notes = &command.notes;
    let named: BTreeSet<&ContactId> = notes.iter().map(|(contact, _)| contact).collect();
    bounds::check(notes.len() <= MOVED_PER_COMMAND_MAX && named.len() == notes.len(), "notes")?;
    bounds::check(notes.iter().all(|(_, note)| note.len() <= NOTE_BYTES_MAX), "notes")
}
