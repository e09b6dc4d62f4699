//! The routing plan as a person writes it, and what it becomes for the core.

mod coverage;
mod diff;
mod names;
mod operators;
mod place;
mod read;
mod shape;

pub use diff::{changes, operator_changes};
pub use place::{PlaceError, place_onto};
pub use shape::FILE;

use ringmain_routing::Plan;
use ringmain_routing::command::OperatorPlan;

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
}
