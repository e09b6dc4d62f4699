//! A contact as a row: what it needs, where it stands, who has it.

use alloc::boxed::Box;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::{CallbackOrder, ContactDetails, ContactResult, Context};
use crate::effect::{EndReason, OfferMode};
use crate::ids::{
    AssignmentEpoch, CaseId, ChannelId, ContactId, GatewayId, LogIndex, Millis, Name, OperatorId,
    PrincipalId, QueueId, SkillId, Timestamp, UnitId,
};
use crate::order::OrderKey;
use crate::planted::{Planted, is};
use crate::rules::Facts;
use crate::why::Decision;

/// One contact. The row is the truth; every index is derived from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Contact {
    pub id: ContactId,
    pub gateway: GatewayId,
    /// Stands for (gateway name, key).
    pub key: u128,
    /// Stands for all of the command but its epoch.
    pub body: u128,
    pub queue: QueueId,
    pub channel: ChannelId,
    pub tier: u8,
    pub enqueued_at: Timestamp,
    pub head_start: Millis,
    pub index: LogIndex,
    pub units: u32,
    pub need: Arc<Need>,
    /// Where its class was last; derived, so not stored.
    #[serde(skip)]
    pub class: Option<u32>,
    pub not_before: Option<Timestamp>,
    pub state: State,
    pub assignment: AssignmentEpoch,
    /// The operator of the latest assignment.
    pub holder: Option<OperatorId>,
    /// Whether any operator may be kept away from it.
    pub excluded: bool,
    /// Set for a call-back order: stands for (number, principals).
    pub callback: Option<u128>,
    /// Orders that this one stands for, itself included.
    pub sources: u32,
    /// How often an operator passed it on.
    pub transfers: u32,
    /// Waits because its latest operator passed it on.
    pub passed: bool,
    /// How many tiers it has gone up by waiting; `tier` is what is left (R2.4).
    pub promoted: u8,
    /// When it goes up next, while it waits for an operator; of tier 0, when somebody is called back from a break for it.
    /// In handling, or while it waits for its customer: its next moment as a thread.
    pub promote_at: Option<Timestamp>,
    /// How it came to the operator of its latest assignment.
    pub decision: Option<Box<Decision>>,
    /// The case whose work it is or was, or that opened when it was handed to the back office.
    pub case: Option<CaseId>,
    pub text: Arc<Text>,
}

/// What an operator must have to serve a contact. Contacts with equal needs share one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Need {
    /// Sorted by skill.
    pub skills: Box<[(SkillId, u8)]>,
    /// The operator's unit must be within all of them, as far as the ladder does not reach further.
    pub scopes: Box<[UnitId]>,
    pub language: Option<Language>,
    /// The company that is meant.
    pub principal: Option<PrincipalId>,
    /// Not known of arrivals before format 3.
    pub channel: Option<ChannelId>,
    /// What the queue requires at the moment counts too. Of arrivals before format 3 what it required then is among
    /// the skills and scopes, and does not change.
    pub follows_queue: bool,
    /// A person was requested: no bot fits any more (R3.13).
    pub people: bool,
}

/// A language that the operator must speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Language {
    pub skill: SkillId,
    /// The customer has agreed to another one.
    pub any: bool,
}

/// What is kept for others or seldom decided by; apart from the row so that rows stay small.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Text {
    pub key: Name,
    pub preferred: Option<(Name, Millis)>,
    pub callback: Option<CallbackOrder>,
    pub details: ContactDetails,
    /// What it asks for itself, without its queue; not known of arrivals in logs of format 1. From format 3 on that is
    /// its need.
    pub own: Option<Arc<Need>>,
    pub facts: Facts,
    /// The entry rule that sent it where it is.
    pub rule: Option<Name>,
    /// The login of the operator who owns what comes in so.
    pub owner: Option<Name>,
    /// What a bot or the gateway has learned, for whoever goes on with it.
    pub context: Option<Box<Context>>,
    /// What whoever had it wants the next one to know.
    pub note: Option<Name>,
    /// What came of it, as its operator said.
    pub result: Option<ContactResult>,
}

/// Where a contact is in its life (R1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Waiting(Wait),
    Offered {
        operator: OperatorId,
        at: Timestamp,
        deadline: Timestamp,
        mode: OfferMode,
        idle_before: Timestamp,
    },
    Handling {
        operator: OperatorId,
        since: Timestamp,
        /// Since when the customer is on hold.
        on_hold: Option<Timestamp>,
    },
    WrapUp {
        operator: OperatorId,
        since: Timestamp,
        until: Timestamp,
    },
    /// Remembered with its key until `until`.
    Ended {
        at: Timestamp,
        reason: EndReason,
        until: Timestamp,
    },
}

/// Until when a contact is kept for an operator that has no end of waiting for it.
pub(crate) const KEPT_FOR_GOOD: Timestamp = Timestamp(crate::limits::TIMESTAMP_MS_MAX);

/// How a waiting contact waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Wait {
    /// For its `not_before`.
    Later,
    /// For one operator alone (R3.4).
    Held { operator: OperatorId, until: Timestamp },
    /// For anyone who fits.
    InLine,
    /// For its customer to write again; its operator was lost (R1.4).
    ForCustomer,
}

impl Contact {
    /// The key of R2.1 without the rank, which belongs to the operator.
    pub(crate) fn order(&self) -> OrderKey {
        OrderKey {
            tier: self.tier,
            order: if is(Planted::HeadStartForgotten) {
                self.enqueued_at
            } else {
                self.enqueued_at.minus(self.head_start)
            },
            index: self.index,
            slot: self.id.slot,
        }
    }

    /// Who has it in hand and how much of the capacity it takes.
    pub(crate) fn operator(&self) -> Option<OperatorId> {
        match self.state {
            State::Offered { operator, .. }
            | State::Handling { operator, .. }
            | State::WrapUp { operator, .. } => Some(operator),
            State::Waiting(_) | State::Ended { .. } => None,
        }
    }

    /// Units that it takes of the operator in whose hands it is: what it cost when it was assigned, none while parked.
    pub(crate) fn taken(&self) -> u32 {
        match self.decision.as_deref() {
            None => self.units,
            Some(decision) if decision.parked.is_some() => 0,
            Some(decision) => decision.units,
        }
    }

    /// Why it is over, if it is.
    pub(crate) fn end_reason(&self) -> Option<EndReason> {
        match self.state {
            State::Ended { reason, .. } => Some(reason),
            State::Waiting(_) | State::Offered { .. } | State::Handling { .. } | State::WrapUp { .. } => None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.state, State::Ended { .. })
    }

    /// When time alone changes it next.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            State::Waiting(Wait::Later) => self.not_before,
            State::WrapUp { .. } if is(Planted::WrapUpNeverEnds) => None,
            State::Waiting(Wait::Held { until, .. }) => {
                Some(self.promote_at.map_or(until, |at| at.min(until)))
            }
            State::Waiting(Wait::InLine) => self.promote_at,
            State::WrapUp { until, .. } | State::Ended { until, .. } => Some(until),
            State::Handling { .. } | State::Waiting(Wait::ForCustomer) => self.promote_at,
            State::Offered { deadline, .. } => Some(deadline),
        }
    }

    /// The state in a word, for refusals.
    pub(crate) fn state_name(&self) -> &'static str {
        match self.state {
            State::Waiting(_) => "waiting",
            State::Offered { .. } => "offered",
            State::Handling { .. } if self.is_parked() => "parked",
            State::Handling { .. } => "handling",
            State::WrapUp { .. } => "wrap-up",
            State::Ended { .. } => "ended",
        }
    }
}
