//! Why an operator may not take a contact, and the judgement of the model's own steps against I3, I4 and R2.5.

use ringmain_routing::{ContactId, OperatorId};

use super::Model;
use super::matching::key;

/// Why a contact was not for an operator at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The contact is not known.
    UnknownContact,
    /// The operator is not known.
    UnknownOperator,
    /// It does not wait, or not yet.
    NotEligible,
    /// Somebody has it.
    HeldBy(OperatorId),
    /// The operator is not live or not ready.
    NotAvailable,
    /// No room for its units, or for one more of its channel.
    NoRoom,
    /// A break, rest or the end of the shift keeps the operator free.
    NoTime,
    /// Skills are missing.
    NotSkilled,
    /// The queue's rank for the operator is above what the step allows.
    NotItsTurn,
    /// Does not speak the language.
    OtherLanguage,
    /// Answers for other companies.
    OtherPrincipal,
    /// Serves other channels.
    OtherChannel,
    /// The operator belongs to another part of the company than those who may serve it.
    OutOfScope,
    /// A person is wanted.
    Bot,
    /// Declined or missed before.
    Excluded,
    /// Kept for an operator the customer knows.
    HeldForOther,
    /// This one stood before it.
    Overtakes(ContactId),
}

impl Model {
    /// Everything that speaks against giving this contact to this operator at this moment.
    #[must_use]
    pub fn objections(&self, contact: ContactId, operator: OperatorId) -> Vec<Reason> {
        let Some(contact) = self.contact(contact) else { return vec![Reason::UnknownContact] };
        let Some(operator) = self.operator_row(operator) else { return vec![Reason::UnknownOperator] };
        let mut reasons = Vec::new();
        if let Some(holder) = contact.state.holder() {
            reasons.push(Reason::HeldBy(holder));
        } else if !contact.is_eligible() {
            reasons.push(Reason::NotEligible);
        }
        let fit = self.fit_to_take(operator, contact);
        let facts = [
            (!operator.is_available(), Reason::NotAvailable),
            (!self.has_room(operator, contact), Reason::NoRoom),
            (!self.has_time_for(operator, contact), Reason::NoTime),
            (!fit.by_skills(), Reason::NotSkilled),
            (!fit.by_scopes(), Reason::OutOfScope),
            (!fit.by_rank(), Reason::NotItsTurn),
            (!fit.by_language(), Reason::OtherLanguage),
            (!fit.by_principal(), Reason::OtherPrincipal),
            (!fit.by_channel(), Reason::OtherChannel),
            (!fit.by_people(), Reason::Bot),
            (self.is_excluded(operator, contact), Reason::Excluded),
            (contact.held_for.is_some_and(|(known, _)| known != operator.id), Reason::HeldForOther),
        ];
        reasons.extend(facts.into_iter().filter(|(holds, _)| *holds).map(|(_, reason)| reason));
        if let Some(better) = self.best_contact_for(operator.id) {
            let rank = |id: ContactId| {
                let row = self.contact_row(id);
                key(row, operator.rank(&row.queue))
            };
            if rank(better) < rank(contact.id) {
                reasons.push(Reason::Overtakes(better));
            }
        }
        reasons
    }

    /// I2, I3 and I4 at the moment of an assignment of the model's own.
    pub(super) fn judge_assignment(&mut self, contact: ContactId, operator: OperatorId) {
        for reason in self.objections(contact, operator) {
            self.breaches.push(format!("{}: {contact} to {operator}: {reason:?}", self.index));
        }
    }

    /// The same where hands were cleared for life safety: whoever else finds room by that comes later.
    pub(super) fn judge_cleared(&mut self, contact: ContactId, operator: OperatorId) {
        for reason in self.objections(contact, operator) {
            if !matches!(reason, Reason::Overtakes(_)) {
                self.breaches.push(format!("{}: {contact} to {operator}, cleared: {reason:?}", self.index));
            }
        }
    }

    /// R2.5 after each command.
    pub(super) fn judge_work_conserving(&mut self) {
        let mut breaches = Vec::new();
        let open = self.open_operators();
        for contact in self.contacts.values().filter(|contact| contact.is_eligible()) {
            if let Some((operator, _)) = open.iter().find(|(row, free)| self.suits(row, *free, contact)) {
                breaches.push(format!("{}: {} waits though {} fits", self.index, contact.id, operator.id));
            }
        }
        self.breaches.extend(breaches);
    }
}
