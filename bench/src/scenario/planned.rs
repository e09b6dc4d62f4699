//! Holds contacts and operators against the routing plan they are to run by.

use std::collections::HashSet;

use ringmain_routing::Plan;

use super::{OPERATORS_FILE, Operator, contacts};
use crate::problem::{Place, Problems};

/// Reports each name that the plan does not know, once, at its first row.
pub(super) fn check(rows: &contacts::Parsed, operators: &[Operator], plan: &Plan, problems: &mut Problems) {
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
    for operator in operators {
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
