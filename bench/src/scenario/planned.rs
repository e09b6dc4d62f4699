//! Holds contacts and operators against the routing plan they are to run by.

use std::collections::{HashMap, HashSet};

use ringmain_routing::Plan;
use ringmain_routing::command::OperatorPlan;

use super::{OPERATORS_FILE, Operator, contacts};
use crate::problem::{Place, Problems};

/// What the plan says of operators of the scenario; others take no part.
pub(super) fn those_of(operators: &[Operator], planned: Vec<OperatorPlan>) -> Vec<OperatorPlan> {
    let logins: HashSet<&str> = operators.iter().map(|operator| &*operator.operator_id).collect();
    planned.into_iter().filter(|operator| logins.contains(&*operator.login)).collect()
}

/// What of a plan's operators and the scenario's does not go together, in words.
pub(super) fn staffing(operators: &[Operator], given: &[OperatorPlan]) -> Vec<String> {
    if given.is_empty() {
        return Vec::new();
    }
    let known: HashMap<&str, u32> =
        operators.iter().map(|operator| (&*operator.operator_id, operator.capacity)).collect();
    let said: HashSet<&str> = given.iter().map(|operator| &*operator.login).collect();
    let mut notes = Vec::new();
    let mut note = |names: Vec<&str>, what: &str| {
        if let Some(first) = names.first() {
            notes.push(format!("{} {what} (first: {first})", names.len()));
        }
    };
    let logins = || given.iter().map(|operator| &*operator.login);
    note(
        logins().filter(|login| !known.contains_key(login)).collect(),
        "operators of the plan are not in operators.json and take no part",
    );
    note(
        operators.iter().map(|operator| &*operator.operator_id).filter(|id| !said.contains(id)).collect(),
        "operators of operators.json are not in the plan and keep what the file says of them",
    );
    let changed = |operator: &&OperatorPlan| {
        known.get(&*operator.login).is_some_and(|&capacity| capacity != operator.capacity)
    };
    note(
        given.iter().filter(changed).map(|operator| &*operator.login).collect(),
        "operators have another capacity by the plan than by operators.json, in the unit of the contacts' weights",
    );
    notes
}

/// Reports each name that the plan does not know, once, at its first row. What the plan itself says of an operator stands
/// in place of the file's.
pub(super) fn check(
    rows: &contacts::Parsed,
    operators: &[Operator],
    plan: &Plan,
    planned: &[OperatorPlan],
    problems: &mut Problems,
) {
    let mut known = Known::of(plan);
    for (contact, &line) in rows.contacts.iter().zip(&rows.lines) {
        let place = contacts::place(line);
        known.queue.check(&contact.queue, &place.field("queue"), problems);
        known.channel.check(&contact.channel, &place.field("channel"), problems);
        for skill in &*contact.skills_needed() {
            known.skill.check(skill, &place.field("required_skills"), problems);
        }
    }
    let place = Place::file(OPERATORS_FILE);
    let replaced: HashSet<&str> = planned.iter().map(|operator| &*operator.login).collect();
    for operator in operators.iter().filter(|operator| !replaced.contains(&*operator.operator_id)) {
        for (skill, _) in &operator.skills {
            known.skill.check(skill, &place.field("skills"), problems);
        }
        if let Some(region) = operator.region.as_ref().filter(|_| !plan.units.is_empty()) {
            known.unit.check(region, &place.field("region"), problems);
        }
    }
}

/// The plan's names, and those already reported.
struct Known<'p> {
    queue: Names<'p>,
    channel: Names<'p>,
    skill: Names<'p>,
    unit: Names<'p>,
}

impl<'p> Known<'p> {
    fn of(plan: &'p Plan) -> Self {
        Known {
            queue: Names::new("queue", plan.queues.iter().map(|queue| &*queue.name)),
            channel: Names::new("channel", plan.channels.iter().map(|channel| &*channel.name)),
            skill: Names::new("skill", plan.skills.iter().map(|skill| &**skill)),
            unit: Names::new("org unit", plan.units.iter().map(|unit| &*unit.name)),
        }
    }
}

struct Names<'p> {
    what: &'static str,
    names: HashSet<&'p str>,
    reported: HashSet<Box<str>>,
}

impl<'p> Names<'p> {
    fn new(what: &'static str, names: impl Iterator<Item = &'p str>) -> Self {
        Names { what, names: names.collect(), reported: HashSet::new() }
    }

    fn check(&mut self, name: &str, place: &Place<'_>, problems: &mut Problems) {
        if self.names.contains(name) || !self.reported.insert(name.into()) {
            return;
        }
        let fix = format!("add the {} to the plan or use one that it has", self.what);
        problems.add(place, format!("the plan has no {} {name:?}", self.what), fix);
    }
}
