//! Switches to a new routing plan. Queues, skills, channels and units keep their places; a queue that goes is
//! closed, not removed. Given due dates, promises and places in line stay as they are.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use super::plan_rules::check_rules;
use crate::command::ApplyPlan;
use crate::directory::Directory;
use crate::effect::Reply;
use crate::fields::{check_name, check_span, invalid};
use crate::ids::{Millis, Name};
use crate::limits::{CAPACITY_MAX, CHANNELS_MAX, PLANS_REMEMBERED_MAX, QUEUES_MAX, SKILLS_MAX, UNITS_MAX};
use crate::plan::{Answer, Plan, QueuePlan};
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn apply_plan(&mut self, command: &ApplyPlan) -> Result<Reply, Refusal> {
        let (present, next) = (self.plan(), &command.plan);
        if next == present {
            return Ok(Reply::PlanApplied { version: present.version });
        }
        if next.version != present.version + 1 {
            return Err(Refusal::PlanVersion { current: present.version });
        }
        check_plan(next)?;
        check_places(present, next)?;
        let version = next.version;
        let triggers = self.triggers_under(next);
        let mut directory = Directory::new(next.clone());
        directory.follow_triggers(&triggers);
        let directory = Arc::new(directory);
        self.check_routes_kept(&directory)?;
        self.check_nobody_stranded(&directory)?;
        let present = self.tables.directory.clone();
        self.triggers = triggers;
        self.freed.lines = self.tables.replace_directory(directory);
        self.follow_estimated_queues();
        self.follow_rules_of_time(&present);
        self.follow_interruptions(&present);
        self.follow_threads(&present);
        self.follow_stranded();
        for slot in self.tables.held_unlike(&present) {
            self.freed.contacts.insert(slot);
            self.end_vain_hold(slot);
        }
        if is(Planted::DueChangedByPlan) {
            self.reckon_again();
        }
        if is(Planted::EnquiryFollowsPlan) {
            self.reckon_enquiries_again();
        }
        if self.format >= 3 {
            self.plans.push_back((version, self.index));
            if self.plans.len() > PLANS_REMEMBERED_MAX {
                self.plans.pop_front();
            }
        }
        Ok(Reply::PlanApplied { version })
    }
}

/// A plan that is sound in itself.
fn check_plan(plan: &Plan) -> Result<(), Refusal> {
    check_names("queues", plan.queues.iter().map(|queue| &queue.name), QUEUES_MAX)?;
    check_names("skills", plan.skills.iter(), SKILLS_MAX)?;
    check_names("channels", plan.channels.iter().map(|channel| &channel.name), CHANNELS_MAX)?;
    check_names("units", plan.units.iter().map(|unit| &unit.name), UNITS_MAX)?;
    if plan.channels.iter().any(|channel| channel.units > CAPACITY_MAX) {
        return Err(invalid("channels.units", "at most 1000000 units"));
    }
    for (place, unit) in (0u32..).zip(&plan.units) {
        if unit.parent.is_some_and(|parent| parent.0 >= place) {
            return Err(conflict(format!("unit {:?} must stand after its parent", unit.name)));
        }
    }
    let sessions = &plan.sessions;
    for (field, span) in [
        ("sessions.grace_ms", sessions.grace),
        ("sessions.missed_ms", sessions.missed),
        ("sessions.exclusion_ms", sessions.exclusion),
        ("sessions.key_window_ms", sessions.key_window),
    ] {
        check_span(field, span)?;
    }
    let directory = Directory::new(plan.clone());
    plan.queues.iter().try_for_each(|queue| check_queue(queue, &directory))?;
    check_rules(plan, &directory)
}

fn check_queue(queue: &QueuePlan, directory: &Directory) -> Result<(), Refusal> {
    directory.need(queue, &[], None)?;
    let within = match queue.answer {
        Answer::Automatic => Millis(1),
        Answer::Confirmed { within } | Answer::Offered { within } | Answer::Previewed { within } => within,
    };
    if within.0 == 0 {
        return Err(invalid("queues.answer", "the time to answer must be above 0 ms"));
    }
    for (field, span) in [
        ("queues.answer", within),
        ("queues.wrap_up_ms", queue.wrap_up),
        ("queues.wrap_up_max_ms", queue.wrap_up_max),
        ("queues.target.within_ms", queue.target.within),
    ] {
        check_span(field, span)?;
    }
    if queue.wrap_up > queue.wrap_up_max {
        return Err(conflict(format!("queue {:?}: wrap_up is above wrap_up_max", queue.name)));
    }
    if queue.target.percent > 100 {
        return Err(invalid("queues.target.percent", "0 to 100"));
    }
    Ok(())
}

pub(super) fn check_names<'a>(
    field: &str,
    names: impl ExactSizeIterator<Item = &'a Name>,
    max: usize,
) -> Result<(), Refusal> {
    if names.len() > max {
        return Err(invalid(field, &format!("{} of them; at most {max}", names.len())));
    }
    let mut seen = BTreeSet::new();
    for name in names {
        check_name(field, name)?;
        if !seen.insert(name) {
            return Err(conflict(format!("{field}: {name:?} stands twice")));
        }
    }
    Ok(())
}

/// What there is keeps its place, so that ids go on meaning the same.
fn check_places(present: &Plan, next: &Plan) -> Result<(), Refusal> {
    fn keeps<'a>(
        field: &str,
        mut next: impl Iterator<Item = &'a Name>,
        present: impl Iterator<Item = &'a Name>,
    ) -> Result<(), Refusal> {
        for name in present {
            if next.next() != Some(name) {
                return Err(conflict(format!(
                    "{field}: {name:?} must keep its place; close a queue instead of removing it"
                )));
            }
        }
        Ok(())
    }
    keeps("queues", next.queues.iter().map(|q| &q.name), present.queues.iter().map(|q| &q.name))?;
    keeps("skills", next.skills.iter(), present.skills.iter())?;
    keeps("channels", next.channels.iter().map(|c| &c.name), present.channels.iter().map(|c| &c.name))?;
    keeps("units", next.units.iter().map(|u| &u.name), present.units.iter().map(|u| &u.name))?;
    keeps("principals", next.rules.principals.iter(), present.rules.principals.iter())?;
    let moved = present.units.iter().zip(&next.units).find(|(was, is)| was.parent != is.parent);
    match moved {
        Some((unit, _)) => Err(conflict(format!("unit {:?} cannot move to another parent", unit.name))),
        None => Ok(()),
    }
}

pub(super) fn conflict(problem: String) -> Refusal {
    Refusal::PlanConflict(problem)
}
