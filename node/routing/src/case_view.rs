//! What others may read of cases.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::case::{Case, CaseState, StageDone};
use crate::ids::{CaseId, ContactId, GatewayId, Name, Timestamp};
use crate::router::Router;
use crate::rules::Route;

/// A case at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseView {
    /// Its id.
    pub id: CaseId,
    /// The gateway that brought it.
    pub gateway: Name,
    /// That gateway's id.
    pub gateway_id: GatewayId,
    /// The key of the contact that it came with.
    pub reference: Name,
    /// The route that it goes.
    pub route: Name,
    /// The place of its stage in the route, from 0.
    pub stage: u16,
    /// The stage's name.
    pub stage_name: Name,
    /// Where the customer belongs.
    pub unit: Option<Name>,
    /// How the customer wants the answer.
    pub reply_by: Option<Name>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When all of it is due.
    pub due: Option<Timestamp>,
    /// When the stage began.
    pub stage_since: Timestamp,
    /// When the stage is due.
    pub stage_due: Timestamp,
    /// Whether the stage's deadline was said to be near.
    pub warned: bool,
    /// Whether the stage's deadline has passed.
    pub escalated: bool,
    /// Whether a deadline of the open case has passed: the stage's or that of the whole.
    pub overdue: bool,
    /// Stages begun so far.
    pub begun: u32,
    /// The contact that is the work of the stage; `None` when it is closed.
    pub contact: Option<ContactId>,
    /// The contact that was handed to the back office; `None` where an arrival opened it.
    pub opened_by: Option<ContactId>,
    /// Stages that are over, oldest first.
    pub history: Vec<StageDone>,
    /// Whether it is open, or how it was closed.
    pub state: CaseState,
    /// Whether it was closed within its term; `None` while it is open.
    pub in_term: Option<bool>,
}

impl CaseView {
    /// How many stages of the route such a case has: of those for ways of answering only the one that is wanted.
    #[must_use]
    pub fn stages_in(&self, route: &Route) -> u64 {
        route.stages.iter().filter(|stage| stage.is_for(self.reply_by.as_ref())).count() as u64
    }
}

/// Which cases are wanted. What is not said does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// The route that they go.
    pub route: Option<Name>,
    /// The stage that they are in, by name.
    pub stage: Option<Name>,
    /// Open ones, or closed ones.
    pub open: Option<bool>,
    /// Only those with a deadline that has passed.
    pub overdue: bool,
}

/// Open cases of one stage of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseTally {
    /// Which route.
    pub route: Name,
    /// The stage's place in it, from 0.
    pub stage: u16,
    /// The stage's name.
    pub stage_name: Name,
    /// How many are open there.
    pub open: u32,
    /// Of those, the ones with a deadline that has passed.
    pub overdue: u32,
}

impl Router {
    /// One case; closed ones within the key window.
    #[must_use]
    pub fn case(&self, id: CaseId) -> Option<CaseView> {
        self.tables.find_case(id).map(|row| self.view_case(row))
    }

    /// Cases in slots from `from` on, at most `max` of those that the filter wants, looking at `slots_max` slots; and the
    /// slot to go on from if there are more.
    #[must_use]
    pub fn cases_from(
        &self,
        filter: &CaseFilter,
        from: u32,
        max: usize,
        slots_max: u32,
    ) -> (Vec<CaseView>, Option<u32>) {
        let (end, mut found) = (self.tables.cases.slots(), Vec::new());
        let until = from.saturating_add(slots_max).min(end);
        for slot in from..until {
            if found.len() >= max {
                return (found, Some(slot));
            }
            let Some(row) = self.tables.cases.at(slot).filter(|row| self.is_wanted(row, filter)) else {
                continue;
            };
            found.push(self.view_case(row));
        }
        (found, (until < end).then_some(until))
    }

    /// How many cases are in each stage where any are, by route and stage.
    #[must_use]
    pub fn case_tally(&self) -> Vec<CaseTally> {
        let routes = self.tables.ix.cases_at.iter();
        let stages = routes.flat_map(|(route, stages)| stages.iter().map(move |stage| (route, stage)));
        let tally = stages.map(|(route, (&stage, count))| CaseTally {
            route: route.clone(),
            stage,
            stage_name: self.stage_name(route, stage),
            open: count.open,
            overdue: count.overdue,
        });
        tally.collect()
    }

    fn is_wanted(&self, row: &Case, filter: &CaseFilter) -> bool {
        filter.route.as_ref().is_none_or(|route| *route == row.route)
            && filter.open.is_none_or(|open| open == row.is_open())
            && (!filter.overdue || row.is_overdue())
            && filter.stage.as_ref().is_none_or(|stage| *stage == self.stage_name(&row.route, row.stage))
    }

    fn stage_name(&self, route: &Name, stage: u16) -> Name {
        let route = self.tables.directory.find_route(route).ok();
        let stage = route.and_then(|route| route.stages.get(usize::from(stage)));
        stage.map(|stage| stage.name.clone()).unwrap_or_default()
    }

    fn view_case(&self, row: &Case) -> CaseView {
        let in_term = match row.state {
            CaseState::Open => None,
            CaseState::Closed { at, .. } => Some(row.is_in_term(at)),
        };
        CaseView {
            id: row.id,
            gateway: self.tables.gateway(row.gateway.slot).name.clone(),
            gateway_id: row.gateway,
            reference: row.reference.clone(),
            route: row.route.clone(),
            stage: row.stage,
            stage_name: self.stage_name(&row.route, row.stage),
            unit: row.unit.map(|unit| self.tables.directory.unit_name(unit)),
            reply_by: row.reply_by.clone(),
            opened_at: row.opened_at,
            due: row.due,
            stage_since: row.stage_since,
            stage_due: row.stage_due,
            warned: row.warned,
            escalated: row.escalated,
            overdue: row.is_overdue(),
            begun: row.begun,
            contact: row.contact,
            opened_by: row.opened_by,
            history: row.history.clone(),
            state: row.state,
            in_term,
        }
    }
}
