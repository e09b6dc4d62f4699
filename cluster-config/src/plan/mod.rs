//! The routing plan as a person writes it, and what it becomes for the core.

mod calendar_diff;
mod calendars;
mod coverage;
mod diff;
mod diff_rules;
mod enquiries;
mod names;
mod operators;
mod parking;
mod place;
mod read;
mod room;
mod routes;
mod rule_shape;
mod rules;
mod shape;
mod thread;
mod time;
mod together;
mod triggers;
mod waits;

pub use diff::{calendar_changes, changes, operator_changes, says_the_same};
pub use place::{PlaceError, place_onto};
pub use shape::FILE;

use ringmain_routing::calendar::CalendarPlan;
use ringmain_routing::command::OperatorPlan;
use ringmain_routing::{Plan, Timestamp};

use crate::calendar::{CALENDAR_SPANS_TOTAL_MAX, Calendar, ExpandError};
use crate::problem::{Problem, Problems};

/// Longest plan file.
pub const PLAN_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A plan file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutingPlan {
    /// Version 0, ids in the order of the file: [`place_onto`] gives it the version and places that a running
    /// cluster goes on with.
    pub plan: Plan,
    /// Operators, groups spelled out.
    pub operators: Vec<OperatorPlan>,
    /// Calendars as the file defines them; [`RoutingPlan::expand_calendars`] makes of them what the log carries.
    pub calendars: Vec<Calendar>,
    /// What is allowed and yet looks like a mistake.
    pub warnings: Vec<Problem>,
}

impl RoutingPlan {
    /// Reads the file's text; `source` is its name for errors.
    ///
    /// # Errors
    /// Every problem of the file, with its line.
    pub fn parse(source: &str, text: &str) -> Result<RoutingPlan, Problems> {
        if text.len() > PLAN_BYTES_MAX {
            let mut sink = crate::problem::Sink::new("");
            sink.add(
                &(0..0),
                "",
                format!("the file has {} bytes; at most {PLAN_BYTES_MAX} are possible", text.len()),
            );
            if let Some(problems) = sink.into_problems(source) {
                return Err(problems);
            }
        }
        let mut routing_plan = crate::section::parse(source, text, &FILE, read::read)?;
        routing_plan.warnings = coverage::warnings(text, &routing_plan);
        Ok(routing_plan)
    }

    /// The same plan with all calendars in the time of a scenario, whose days begin at 0: a clock on the wall is read as
    /// it is wherever the centre stands.
    #[must_use]
    pub fn in_scenario_time(mut self) -> RoutingPlan {
        self.calendars.iter_mut().for_each(Calendar::read_in_utc);
        self
    }

    /// The plan as it enters the log, with its calendars in UTC from the day of `now` on. Whoever proposes the plan
    /// expands them once: two nodes may carry different zone data.
    ///
    /// # Errors
    /// A calendar that does not open any more, or a moment beyond the years of calendars.
    pub fn plan_from(&self, now: Timestamp) -> Result<Plan, ExpandError> {
        let mut plan = self.plan.clone();
        plan.rules.calendars = self.expand_calendars(now)?;
        Ok(plan)
    }

    /// The calendars in UTC, from the day of `now` on.
    ///
    /// # Errors
    /// A calendar that does not open any more, a moment beyond the years of calendars, or more than
    /// [`CALENDAR_SPANS_TOTAL_MAX`] spans in all of them.
    pub fn expand_calendars(&self, now: Timestamp) -> Result<Vec<CalendarPlan>, ExpandError> {
        let mut expanded = Vec::with_capacity(self.calendars.len());
        let mut spans = 0;
        for calendar in &self.calendars {
            let calendar = calendar.expand(now)?;
            spans += calendar.spans.len() + calendar.week.len();
            if spans > CALENDAR_SPANS_TOTAL_MAX {
                return Err(ExpandError::TooManySpans { calendar: calendar.name });
            }
            expanded.push(calendar);
        }
        Ok(expanded)
    }
}
