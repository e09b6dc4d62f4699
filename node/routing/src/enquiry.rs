//! An enquiry (R3.10): an operator asks somebody without a seat, with a term. The rules of the plan, the commands and
//! the row; what they come to is in `commands/begin_enquiry.rs` and `commands/close_enquiry.rs`.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use crate::command::{Action, Command};
use crate::command::{AnswerOffer, CallbackOrder};
use crate::ids::{
    AssignmentEpoch, ContactId, EnquiryId, Epoch, GatewayId, Millis, Name, OperatorId, Timestamp, UnitId,
};

/// How enquiries go; without it nobody begins one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnquiryRule {
    /// A promised call-back is kept so long for who asked; above 0, at most
    /// [`crate::limits::ENQUIRY_KEEP_MS_MAX`].
    pub keep_for: Millis,
    /// After so much of the term the asker is reminded, in percent, 0 to 99; 0 for never.
    pub remind_percent: u8,
    /// Who is asked by name; at most [`crate::limits::ADDRESSEES_MAX`], names once.
    pub addressees: Vec<Addressee>,
}

/// Somebody without a seat who is asked often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressee {
    /// Its name.
    pub name: Name,
    /// When an answer is due, where the operator does not say; above 0.
    pub term: Millis,
    /// What counts as working time; `None` for every moment.
    pub calendar: Option<Name>,
}

/// See [`Command::BeginEnquiry`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginEnquiry {
    /// The contact that it is about, by whoever has it in handling.
    pub answer: AnswerOffer,
    /// Who is asked: an addressee of the plan, or anybody.
    pub to: Name,
    /// What is asked, at most [`crate::limits::NOTE_BYTES_MAX`].
    pub question: Name,
    /// When an answer is due; `None` for the addressee's.
    pub term: Option<Millis>,
    /// Frees the caller with the promise to be called; `None` if it stays.
    pub call: Option<PromisedCall>,
}

/// The promise to call back with which a caller is freed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromisedCall {
    /// What makes it one with other orders.
    pub order: CallbackOrder,
    /// Through which channel.
    pub channel: Name,
    /// When it is made without an answer.
    pub not_before: Timestamp,
    /// Wrap-up wanted behind the talk that ends, instead of the queue's; cut at the queue's longest.
    pub wrap_up: Option<Millis>,
}

/// See [`Command::FreeCaller`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeCaller {
    /// The contact, by whoever asked and has it in handling.
    pub answer: AnswerOffer,
    /// Which enquiry about it.
    pub enquiry: EnquiryId,
    /// The promise.
    pub call: PromisedCall,
}

/// See [`Command::CloseEnquiry`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseEnquiry {
    /// Who says so: the asker, or a colleague of its unit.
    pub operator: OperatorId,
    /// Its session.
    pub epoch: Epoch,
    /// Which.
    pub enquiry: EnquiryId,
    /// What was answered, at most [`crate::limits::NOTE_BYTES_MAX`]; `None` withdraws the question.
    pub answer: Option<Name>,
}

/// What happens to an enquiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnquiryNews {
    /// Somebody is asked.
    Begun,
    /// An answer is due before long.
    Reminded,
    /// An answer was due.
    Overdue,
    /// It is answered.
    Answered,
    /// It is closed without an answer.
    Withdrawn,
    /// It was handed over to the operator who is told.
    Yours,
}

/// One enquiry. The row is the truth; every index is derived from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Enquiry {
    pub id: EnquiryId,
    /// What it is about, and which assignment of that.
    pub contact: ContactId,
    pub assignment: AssignmentEpoch,
    pub gateway: GatewayId,
    pub asker: OperatorId,
    /// The asker's at the beginning.
    pub unit: Option<UnitId>,
    pub to: Name,
    pub question: Name,
    pub begun_at: Timestamp,
    pub due: Timestamp,
    pub remind_at: Option<Timestamp>,
    pub reminded: bool,
    pub overdue: bool,
    /// What the plan said of a promised call when it began.
    pub keep_for: Millis,
    /// The promised call-back.
    pub call: Option<ContactId>,
    /// `None` while it is open.
    pub end: Option<EnquiryEnd>,
}

/// How an enquiry was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnquiryEnd {
    /// When.
    pub at: Timestamp,
    /// By whom: a login, or the name of who acted.
    pub by: Name,
    /// What was answered; `None` for withdrawn.
    pub answer: Option<Name>,
    /// Until then it is remembered.
    pub until: Timestamp,
}

impl Enquiry {
    pub(crate) fn is_open(&self) -> bool {
        self.end.is_none()
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.answer.is_some())
    }

    /// When time alone changes it next.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        match &self.end {
            Some(end) => Some(end.until),
            None => {
                let reminder = self.remind_at.filter(|_| !self.reminded);
                let term = (!self.overdue).then_some(self.due);
                [reminder, term].into_iter().flatten().min()
            }
        }
    }
}
