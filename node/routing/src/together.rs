//! Commands of people who work together, and with bots.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::command::AnswerOffer;
#[cfg(doc)]
use crate::command::Command;
use crate::ids::{ContactId, Epoch, GatewayId, Millis, Name};

/// See [`Command::RequestPerson`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestPerson {
    /// Who says so.
    pub by: Requester,
    /// What was learned so far; `None` leaves what an earlier request said.
    pub context: Option<Context>,
    /// The bot has heard of danger to life: tier 0 from here on. A gateway says so at arrival.
    pub danger: bool,
}

/// Who says that a customer wants a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Requester {
    /// The bot that has the contact in hand.
    Bot(AnswerOffer),
    /// The gateway that brought it.
    Gateway {
        /// Which.
        gateway: GatewayId,
        /// Its session.
        epoch: Epoch,
        /// Which contact.
        contact: ContactId,
    },
}

/// What a bot or the gateway has learned, carried on to whoever goes on with the contact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// What the customer wants.
    pub intent: Option<Name>,
    /// What was asked and answered, at most [`crate::limits::SLOTS_MAX`].
    pub slots: Vec<(Name, Name)>,
    /// Where the talk can be read.
    pub transcript: Option<Name>,
}

/// See [`Command::Consult`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consult {
    /// Who asks, and about which assignment.
    pub answer: AnswerOffer,
    /// Who is asked.
    pub to: ConsultTarget,
    /// Capacity that it takes of the asked one; `None` for the plan's.
    pub units: Option<u32>,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConsultTarget {
    /// Whoever takes it in this queue.
    Queue(Name),
    /// This operator and nobody else.
    Operator {
        /// Whom; must be available and fit.
        login: Name,
        /// How long it waits for an answer, 1 to [`crate::limits::TRANSFER_HOLD_MS_MAX`].
        hold: Millis,
    },
}

/// See [`Command::EndConsult`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndConsult {
    /// The contact that it is about, by whoever asked.
    pub answer: AnswerOffer,
    /// Which consultation.
    pub leg: ContactId,
}

/// See [`Command::JoinConsult`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinConsult {
    /// The contact that it is about, by whoever asked.
    pub answer: AnswerOffer,
    /// Which consultation.
    pub leg: ContactId,
    /// Whether the customer is in it from here on.
    pub on: bool,
}
