//! Warnings: what a plan may say and hardly means.

use std::collections::BTreeSet;

use ringmain_routing::command::OperatorPlan;
use ringmain_routing::plan::{Plan, QueuePlan};

use super::RoutingPlan;
use crate::problem::{Problem, Sink};

/// Queues that no operator of the file can serve, skills that nobody has. A file without operators says nothing
/// about who serves, so nothing is missed there.
pub(super) fn warnings(text: &str, routing_plan: &RoutingPlan) -> Vec<Problem> {
    let mut sink = Sink::new(text);
    if routing_plan.operators.is_empty() {
        return Vec::new();
    }
    for queue in &routing_plan.plan.queues {
        if !routing_plan.operators.iter().any(|operator| may_serve(&routing_plan.plan, operator, queue)) {
            let span = place_of(text, &queue.name);
            let message = format!("no operator of the plan can serve queue {:?}", queue.name);
            sink.add_hint(
                &span,
                "queues",
                message,
                "its contacts will wait until one with its skills and unit is added",
            );
        }
    }
    let had: BTreeSet<&str> = routing_plan
        .operators
        .iter()
        .flat_map(|operator| operator.skills.iter().map(|(skill, _)| &**skill))
        .collect();
    for skill in routing_plan.plan.skills.iter().filter(|skill| !had.contains(&***skill)) {
        sink.add(&place_of(text, skill), "skills", format!("no operator of the plan has skill {skill:?}"));
    }
    sink.into_list()
}

fn may_serve(plan: &Plan, operator: &OperatorPlan, queue: &QueuePlan) -> bool {
    let has = |(skill, least): &(_, u8)| {
        operator.skills.iter().any(|(name, level)| name == skill && level >= least)
    };
    queue.required.iter().all(has)
        && queue
            .scope
            .as_deref()
            .is_none_or(|scope| operator.unit.as_deref().is_some_and(|unit| is_below(plan, unit, scope)))
}

fn is_below(plan: &Plan, unit: &str, scope: &str) -> bool {
    let mut at = plan.units.iter().find(|candidate| &*candidate.name == unit);
    while let Some(here) = at {
        if &*here.name == scope {
            return true;
        }
        at = here.parent.and_then(|parent| plan.units.get(parent.0 as usize));
    }
    false
}

/// Where the name is first written in quotes; the start of the file when it is written otherwise (escaped).
fn place_of(text: &str, name: &str) -> std::ops::Range<usize> {
    let at = text.find(&format!("{name:?}")).unwrap_or(0);
    at..at
}
