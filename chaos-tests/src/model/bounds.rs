//! The bounds of fields (routing/limits.rs). Texts of refusals are the core's own; only their kind is compared.

use std::collections::BTreeSet;

use ringmain_routing::command::{
    ContactDetails, EnqueueContact, OperatorPlan, PutLifeSupport, UpdateContact,
};
use ringmain_routing::limits::{
    ATTRIBUTES_BYTES_MAX, CAPACITY_MAX, CHANNELS_MAX, KEY_BYTES_MAX, LEVEL_MAX, LIFE_SUPPORT_PER_COMMAND_MAX,
    NAME_BYTES_MAX, OPERATOR_SKILLS_MAX, OPERATORS_PER_COMMAND_MAX, QUEUES_MAX, REQUIRED_SKILLS_MAX,
    SKILLS_MAX, SPAN_MS_MAX, TIER_MAX, TIMESTAMP_MS_MAX, UNITS_MAX,
};
use ringmain_routing::plan::{Answer, QueuePlan};
use ringmain_routing::{Millis, Name, Plan, Refusal, Timestamp};

use super::rule_bounds;

pub(super) fn check(holds: bool, field: &str) -> Result<(), Refusal> {
    let problem = "out of bounds".to_owned();
    if holds { Ok(()) } else { Err(Refusal::InvalidField { field: field.into(), problem }) }
}

pub(super) fn check_name(field: &str, name: &str) -> Result<(), Refusal> {
    check(!name.is_empty() && name.len() <= NAME_BYTES_MAX, field)
}

pub(super) fn check_span(field: &str, span: Option<Millis>) -> Result<(), Refusal> {
    check(span.is_none_or(|span| span.0 <= SPAN_MS_MAX), field)
}

pub(super) fn check_time(field: &str, time: Option<Timestamp>) -> Result<(), Refusal> {
    check(time.is_none_or(|time| time.0 <= TIMESTAMP_MS_MAX), field)
}

pub(super) fn check_levels(field: &str, skills: &[(Name, u8)]) -> Result<(), Refusal> {
    check(skills.iter().all(|(_, level)| (1..=LEVEL_MAX).contains(level)), field)
}

fn check_details(details: &ContactDetails) -> Result<(), Refusal> {
    let texts = [&details.customer, &details.topic, &details.language];
    check(texts.into_iter().flatten().all(|text| text.len() <= NAME_BYTES_MAX), "details")?;
    check(details.attributes.len() <= ATTRIBUTES_BYTES_MAX, "attributes")
}

pub(super) fn check_enqueue(body: &EnqueueContact) -> Result<(), Refusal> {
    check(!body.key.is_empty() && body.key.len() <= KEY_BYTES_MAX, "key")?;
    check(body.tier <= TIER_MAX, "tier")?;
    check_span("head_start", Some(body.head_start))?;
    check(body.skills.len() <= REQUIRED_SKILLS_MAX, "skills")?;
    check_levels("skills", &body.skills)?;
    check(body.units.is_none_or(|units| units <= CAPACITY_MAX), "units")?;
    check_time("not_before", body.not_before)?;
    if let Some((login, hold)) = &body.preferred {
        check_name("preferred", login)?;
        check_span("preferred", Some(*hold))?;
    }
    if let Some(order) = &body.callback {
        check_name("callback", &order.number)?;
        check_name("callback", &order.principals)?;
    }
    check_details(&body.details)?;
    rule_bounds::check_facts(&body.facts)
}

pub(super) fn check_life_support(command: &PutLifeSupport) -> Result<(), Refusal> {
    check_name("by", &command.by)?;
    check(command.add.len() + command.remove.len() <= LIFE_SUPPORT_PER_COMMAND_MAX, "references")
}

pub(super) fn check_update(command: &UpdateContact) -> Result<(), Refusal> {
    check(command.tier.is_none_or(|tier| tier <= TIER_MAX), "tier")?;
    check_time("not_before", command.not_before)?;
    command.details.as_ref().map_or(Ok(()), check_details)
}

pub(super) fn check_operators(plans: &[OperatorPlan]) -> Result<(), Refusal> {
    check(plans.len() <= OPERATORS_PER_COMMAND_MAX, "operators")?;
    let logins: BTreeSet<_> = plans.iter().map(|plan| &plan.login).collect();
    check(logins.len() == plans.len(), "operators")
}

pub(super) fn check_operator(plan: &OperatorPlan) -> Result<(), Refusal> {
    check_name("login", &plan.login)?;
    check(plan.skills.len() <= OPERATOR_SKILLS_MAX, "skills")?;
    check_levels("skills", &plan.skills)?;
    check(plan.capacity <= CAPACITY_MAX, "capacity")?;
    rule_bounds::check_operator_rules(&plan.rules)
}

pub(super) fn check_plan(plan: &Plan) -> Result<(), Refusal> {
    check(plan.queues.len() <= QUEUES_MAX, "queues")?;
    check(plan.skills.len() <= SKILLS_MAX, "skills")?;
    check(plan.channels.len() <= CHANNELS_MAX, "channels")?;
    check(plan.units.len() <= UNITS_MAX, "units")?;
    check_once("queues", plan.queues.iter().map(|row| &row.name))?;
    check_once("skills", plan.skills.iter())?;
    check_once("channels", plan.channels.iter().map(|row| &row.name))?;
    check_once("units", plan.units.iter().map(|row| &row.name))?;
    for (place, unit) in plan.units.iter().enumerate() {
        if unit.parent.is_some_and(|parent| parent.0 as usize >= place) {
            return Err(Refusal::PlanConflict("a unit stands before its parent".to_owned()));
        }
    }
    for channel in &plan.channels {
        check(channel.units <= CAPACITY_MAX, "channels")?;
    }
    let sessions = &plan.sessions;
    for span in [sessions.grace, sessions.missed, sessions.exclusion, sessions.key_window] {
        check_span("sessions", Some(span))?;
    }
    plan.queues.iter().try_for_each(|queue| check_queue(plan, queue))
}

/// Each name is one, and stands once.
pub(super) fn check_once<'a>(field: &str, names: impl Iterator<Item = &'a Name>) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for name in names {
        check_name(field, name)?;
        if !seen.insert(name) {
            return Err(Refusal::PlanConflict(format!("{field}: {name:?} stands twice")));
        }
    }
    Ok(())
}

fn check_queue(plan: &Plan, queue: &QueuePlan) -> Result<(), Refusal> {
    let within = match queue.answer {
        Answer::Automatic => Millis(1),
        Answer::Confirmed { within } | Answer::Offered { within } | Answer::Previewed { within } => within,
    };
    check(within.0 > 0, "queues")?;
    for span in [within, queue.wrap_up, queue.wrap_up_max, queue.target.within] {
        check_span("queues", Some(span))?;
    }
    if queue.wrap_up > queue.wrap_up_max {
        return Err(Refusal::PlanConflict("a wrap-up is above the longest".to_owned()));
    }
    check(queue.target.percent <= 100, "queues")?;
    check(queue.required.len() <= REQUIRED_SKILLS_MAX, "queues")?;
    check_levels("queues", &queue.required)?;
    if let Some((skill, _)) = queue.required.iter().find(|(skill, _)| !plan.skills.contains(skill)) {
        return Err(Refusal::UnknownSkill(skill.clone()));
    }
    match &queue.scope {
        Some(scope) if !plan.units.iter().any(|unit| unit.name == *scope) => {
            Err(Refusal::UnknownUnit(scope.clone()))
        }
        Some(_) | None => Ok(()),
    }
}
