//! A case as a row: a request that goes a route of stages, each the work of one contact, each with a term.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{CaseId, ContactId, GatewayId, Name, OperatorId, Timestamp, UnitId};
use crate::planted::{Planted, is};
use crate::rules::Stage;

/// One case. The row is the truth; every index is derived from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Case {
    pub id: CaseId,
    /// Who brought it; contacts of its stages are this one's.
    pub gateway: GatewayId,
    /// The key of the contact that it came with; keys of its stages begin with it.
    pub reference: Name,
    pub route: Name,
    /// The stage that it is in, by its place in the route.
    pub stage: u16,
    /// Where the customer belongs; its calendar counts.
    pub unit: Option<UnitId>,
    /// How the customer wants the answer.
    pub reply_by: Option<Name>,
    pub opened_at: Timestamp,
    /// When all of it is due.
    pub due: Option<Timestamp>,
    pub stage_since: Timestamp,
    pub stage_due: Timestamp,
    /// When the stage's deadline is near; `None` where nobody is warned.
    pub warn_at: Option<Timestamp>,
    pub warned: bool,
    pub escalated: bool,
    pub overdue_told: bool,
    /// A stage ended after its deadline.
    pub late: bool,
    /// Stages begun so far.
    pub begun: u32,
    /// The contact that is the work of the stage; `None` when it is closed.
    pub contact: Option<ContactId>,
    /// The contact that was handed to the back office; `None` where an arrival opened it.
    pub opened_by: Option<ContactId>,
    /// Oldest first; of more than [`crate::limits::CASE_HISTORY_MAX`] the oldest go.
    pub history: Vec<StageDone>,
    pub state: CaseState,
}

/// A stage that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageDone {
    /// Its place in the route, from 0.
    pub stage: u16,
    /// Its name, by the plan in force when it ended.
    pub name: Name,
    /// When it began.
    pub since: Timestamp,
    /// When it was due.
    pub due: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Who completed it, or had it in hand when a supervisor closed it.
    pub operator: Option<OperatorId>,
    /// Whether its deadline had passed and been told.
    pub escalated: bool,
}

/// Where a case is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CaseState {
    /// A stage is being worked on, or waits for somebody.
    Open,
    /// Over, and remembered until `until`.
    Closed {
        /// Since when.
        at: Timestamp,
        /// Why.
        why: CaseEnd,
        /// Until then it is remembered.
        until: Timestamp,
    },
}

/// Why a case is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CaseEnd {
    /// Its last stage is done.
    Done,
    /// The customer took it back.
    Withdrawn,
    /// An operator or supervisor closed it before its last stage was done.
    ClosedEarly,
}

impl Case {
    /// Whether a stage of its route is one of its own.
    pub(crate) fn has(&self, stage: &Stage) -> bool {
        stage.is_for(self.reply_by.as_ref()) || is(Planted::EveryAnswerGiven)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state == CaseState::Open
    }

    /// When time alone changes it next.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            CaseState::Closed { until, .. } => Some(until),
            CaseState::Open => {
                let warning = self.warn_at.filter(|_| !self.warned);
                let stage = (!self.escalated).then_some(self.stage_due);
                let due = self.due.filter(|_| !self.overdue_told);
                [warning, stage, due].into_iter().flatten().min()
            }
        }
    }

    /// Whether a deadline has passed, the stage's or that of the whole, and nothing is done about it yet.
    pub(crate) fn is_overdue(&self) -> bool {
        self.is_open() && (self.escalated || self.overdue_told)
    }

    /// Whether it was closed within its term: by its due date, or without one each stage by its own.
    pub(crate) fn is_in_term(&self, at: Timestamp) -> bool {
        self.due.map_or(!self.late, |due| at <= due)
    }
}
