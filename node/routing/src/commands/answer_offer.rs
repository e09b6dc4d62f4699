//! The operator's answer to an offer (R3.1, R3.6).

use crate::command::AnswerOffer;
use crate::contact::{Contact, State};
use crate::effect::{OfferMode, Reply, WithdrawReason};
use crate::ids::OperatorId;
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    /// The contact that an answer is about, if the answer is about its latest assignment.
    pub(crate) fn answered_contact(&self, answer: &AnswerOffer) -> Result<&Contact, Refusal> {
        self.admit_operator(answer.operator, answer.epoch)?;
        let contact = self.known_contact(answer.contact)?;
        let is_latest = contact.assignment == answer.assignment || is(Planted::StaleAssignmentAccepted);
        if is_latest && contact.holder == Some(answer.operator) { Ok(contact) } else { Err(stale(contact)) }
    }

    pub(crate) fn accept_offer(&mut self, answer: &AnswerOffer) -> Result<Reply, Refusal> {
        let contact = self.answered_contact(answer)?;
        match contact.state {
            State::Waiting(_) => Err(stale(contact)),
            State::Handling { .. } | State::WrapUp { .. } => Ok(Reply::Done),
            State::Ended { .. } => ended_by_service(contact),
            State::Offered { operator, .. } => {
                self.take_up_offer(answer.contact.slot, operator);
                Ok(Reply::Done)
            }
        }
    }

    /// Nobody answered in time: a missed offer, but of a preview the beginning of the talk.
    pub(crate) fn offer_timer(&mut self, slot: u32, operator: OperatorId, mode: OfferMode) {
        match mode {
            OfferMode::Previewed if !is(Planted::PreviewMissed) => self.take_up_offer(slot, operator),
            OfferMode::Offered | OfferMode::Confirmed | OfferMode::Previewed => {
                self.take_back_offer(slot, WithdrawReason::Unanswered);
            }
        }
    }

    fn take_up_offer(&mut self, slot: u32, operator: OperatorId) {
        let since = self.now;
        self.tables.change_contact(slot, |row| {
            row.state = State::Handling { operator, since, on_hold: None };
        });
        self.connect(slot);
        if self.tables.directory.interrupts {
            // What was an offer is work that may be interrupted from here on.
            self.freed.operators.insert(operator.slot);
        }
    }

    pub(crate) fn decline_offer(&mut self, answer: &AnswerOffer) -> Result<Reply, Refusal> {
        let contact = self.answered_contact(answer)?;
        match contact.state {
            State::Waiting(_) | State::Ended { .. } => Ok(Reply::Done),
            State::Handling { .. } | State::WrapUp { .. } => Err(super::wrong_state(contact)),
            State::Offered { mode: OfferMode::Confirmed, .. } => Err(Refusal::CannotDecline(contact.id)),
            State::Offered { mode: OfferMode::Offered | OfferMode::Previewed, .. } => {
                self.take_back_offer(answer.contact.slot, WithdrawReason::Declined);
                Ok(Reply::Done)
            }
        }
    }
}

/// The answer is about an assignment that no longer holds.
pub(crate) fn stale(contact: &Contact) -> Refusal {
    Refusal::StaleAssignment { contact: contact.id, current: contact.assignment }
}

/// `Done` once more, if the contact ended in its operator's hands.
pub(crate) fn ended_by_service(contact: &Contact) -> Result<Reply, Refusal> {
    use crate::effect::EndReason;
    match contact.state {
        State::Ended {
            reason:
                EndReason::Completed(_)
                | EndReason::OperatorLost(_)
                | EndReason::Closed(Some(_))
                | EndReason::ConsultOver(Some(_)),
            ..
        } => Ok(Reply::Done),
        State::Ended {
            reason:
                EndReason::Abandoned
                | EndReason::Merged(_)
                | EndReason::Closed(None)
                | EndReason::Deflected(_)
                | EndReason::ConsultOver(None),
            ..
        }
        | State::Waiting(_)
        | State::Offered { .. }
        | State::Handling { .. }
        | State::WrapUp { .. } => Err(super::wrong_state(contact)),
    }
}
