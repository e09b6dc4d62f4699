//! Warnings: what a plan may say and hardly means.

use std::collections::BTreeSet;

use ringmain_routing::command::OperatorPlan;
use ringmain_routing::plan::{Plan, QueuePlan};
use ringmain_routing::rules::Reach;

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
    // What the last step of the ladder allows counts: before that nobody waits for ever.
    let widest = queue.rules.ladder.last().copied().unwrap_or_default();
    let has = |(skill, least): &(_, u8)| {
        let least = least.saturating_sub(widest.levels_lowered).max(1);
        operator.skills.iter().any(|(name, level)| name == skill && *level >= least)
    };
    let rank = operator.ranks.iter().find(|(name, _)| *name == queue.name).map_or(0, |entry| entry.1);
    let is_near = match widest.reach {
        // What nobody is given by itself is handed out to the own.
        Reach::Nobody | Reach::Own | Reach::Neighbours | Reach::Up(_) => {
            is_in_scope(plan, operator, queue, widest.reach)
        }
        Reach::All => true,
    };
    rank <= widest.rank_max && queue.required.iter().all(has) && is_near
}

fn is_in_scope(plan: &Plan, operator: &OperatorPlan, queue: &QueuePlan, reach: Reach) -> bool {
    let Some(scope) = queue.scope.as_deref() else { return true };
    let Some(unit) = operator.unit.as_deref() else { return false };
    let of = |name: &str| plan.units.iter().find(|candidate| &*candidate.name == name);
    let neighbours = of(scope).map_or(&[][..], |unit| &unit.rules.neighbours);
    let is_helped = reach > Reach::Own && neighbours.iter().any(|near| is_below(plan, unit, near));
    let above = |name: &str| {
        let parent = of(name)?.parent?;
        plan.units.get(parent.0 as usize).map(|unit| unit.name.to_string())
    };
    let levels = if let Reach::Up(levels) = reach { levels } else { 0 };
    let widened = (0..levels).fold(scope.to_owned(), |at, _| above(&at).unwrap_or(at));
    is_helped || is_below(plan, unit, &widened)
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
