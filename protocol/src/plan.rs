//! The routing plan and its operators between their two forms: as the core works by them and as they travel.
//! Whether a plan makes sense is judged elsewhere; here only what the core's form cannot hold is refused.

mod rules;

use ringmain_routing::command::OperatorPlan;
use ringmain_routing::plan::{Answer, ChannelPlan, Orphan, Plan, QueuePlan, SessionPlan, Target, UnitPlan};
use ringmain_routing::rules::UnitRules;
use ringmain_routing::{Millis, Name, UnitId};

pub use rules::deflection::{treatment_from_message, treatment_to_message};
pub use rules::trigger::trigger_to_message;
pub use rules::{choice_to_message, facts_from_message};

use crate::v1::{self, AnswerMode, FieldProblem, OrphanRule, QueueRank, SkillLevel};

/// The plan as it travels.
#[must_use]
pub fn to_message(plan: &Plan) -> v1::Plan {
    let channel = |channel: &ChannelPlan| v1::ChannelPlan { name: text(&channel.name), units: channel.units };
    let unit = |unit: &UnitPlan| v1::UnitPlan {
        name: text(&unit.name),
        parent: unit.parent.map(|parent| parent.0),
        neighbours: unit.rules.neighbours.iter().map(text).collect(),
        head: unit.rules.head.as_ref().map(text),
        calendar: unit.rules.calendar.as_ref().map(text),
    };
    v1::Plan {
        version: plan.version,
        queues: plan.queues.iter().map(queue_to_message).collect(),
        skills: plan.skills.iter().map(text).collect(),
        channels: plan.channels.iter().map(channel).collect(),
        units: plan.units.iter().map(unit).collect(),
        sessions: Some(v1::SessionPlan {
            grace_ms: plan.sessions.grace.0,
            missed_ms: plan.sessions.missed.0,
            exclusion_ms: plan.sessions.exclusion.0,
            key_window_ms: plan.sessions.key_window.0,
        }),
        rules: rules::plan_to_message(&plan.rules),
    }
}

/// The plan as the core works by it. A plan without a session part gets the usual one.
///
/// # Errors
/// Every field that the core's form cannot hold.
pub fn from_message(plan: v1::Plan) -> Result<Plan, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let queues =
        plan.queues.into_iter().enumerate().map(|(at, queue)| queue_from_message(at, queue, &mut problems));
    let queues = queues.collect();
    let channels = plan.channels.into_iter();
    let units = plan.units.into_iter();
    let rules = rules::plan_from_message(plan.rules.unwrap_or_default(), &mut problems);
    let plan = Plan {
        version: plan.version,
        queues,
        skills: plan.skills.into_iter().map(Name::from).collect(),
        channels: channels
            .map(|channel| ChannelPlan { name: channel.name.into(), units: channel.units })
            .collect(),
        units: units
            .map(|unit| UnitPlan {
                name: unit.name.into(),
                parent: unit.parent.map(UnitId),
                rules: UnitRules {
                    neighbours: rules::names(unit.neighbours),
                    head: unit.head.map(Name::from),
                    calendar: unit.calendar.map(Name::from),
                },
            })
            .collect(),
        sessions: plan.sessions.map_or_else(SessionPlan::default, |sessions| SessionPlan {
            grace: Millis(sessions.grace_ms),
            missed: Millis(sessions.missed_ms),
            exclusion: Millis(sessions.exclusion_ms),
            key_window: Millis(sessions.key_window_ms),
        }),
        rules,
    };
    if problems.is_empty() { Ok(plan) } else { Err(problems) }
}

/// An operator of the plan as it travels.
#[must_use]
pub fn operator_to_message(operator: &OperatorPlan) -> v1::OperatorPlan {
    let rank = |(queue, rank): &(Name, u8)| QueueRank { queue: text(queue), rank: u32::from(*rank) };
    v1::OperatorPlan {
        login: text(&operator.login),
        skills: skills_to_message(&operator.skills),
        capacity: operator.capacity,
        unit: operator.unit.as_ref().map(text),
        ranks: operator.ranks.iter().map(rank).collect(),
        rules: rules::operator_to_message(&operator.rules),
    }
}

/// An operator of the plan as the core works by it; `field` is the path of the operator in the request.
///
/// # Errors
/// Every field that the core's form cannot hold.
pub fn operator_from_message(
    field: &str,
    operator: v1::OperatorPlan,
) -> Result<OperatorPlan, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let skills = skills_from_message(&format!("{field}.skills"), operator.skills, &mut problems);
    let ranks = operator.ranks.into_iter().enumerate().map(|(at, rank)| {
        let value = small(&format!("{field}.ranks[{at}].rank"), rank.rank, &mut problems);
        (rank.queue.into(), value)
    });
    let ranks = ranks.collect();
    let rules = rules::operator_from_message(field, operator.rules.unwrap_or_default(), &mut problems);
    let operator = OperatorPlan {
        login: operator.login.into(),
        skills,
        capacity: operator.capacity,
        unit: operator.unit.map(Name::from),
        ranks,
        rules,
    };
    if problems.is_empty() { Ok(operator) } else { Err(problems) }
}

/// Skills as they travel.
#[must_use]
pub fn skills_to_message(skills: &[(Name, u8)]) -> Vec<SkillLevel> {
    skills.iter().map(|(skill, level)| SkillLevel { skill: text(skill), level: u32::from(*level) }).collect()
}

/// Skills as the core works by them; a level that it cannot hold is added to the problems.
#[must_use]
pub fn skills_from_message(
    field: &str,
    skills: Vec<SkillLevel>,
    problems: &mut Vec<FieldProblem>,
) -> Vec<(Name, u8)> {
    let skill = |(at, skill): (usize, SkillLevel)| {
        let level = small(&format!("{field}[{at}].level"), skill.level, problems);
        (Name::from(skill.skill), level)
    };
    skills.into_iter().enumerate().map(skill).collect()
}

fn queue_to_message(queue: &QueuePlan) -> v1::QueuePlan {
    let (answer, answer_within_ms) = match queue.answer {
        Answer::Automatic => (AnswerMode::Automatic, 0),
        Answer::Confirmed { within } => (AnswerMode::Confirmed, within.0),
        Answer::Offered { within } => (AnswerMode::Offered, within.0),
        Answer::Previewed { within } => (AnswerMode::Previewed, within.0),
    };
    let orphan = match queue.orphan {
        Orphan::Requeue => OrphanRule::Requeue,
        Orphan::Close => OrphanRule::Close,
    };
    v1::QueuePlan {
        name: text(&queue.name),
        answer: answer.into(),
        answer_within_ms,
        wrap_up_ms: queue.wrap_up.0,
        wrap_up_max_ms: queue.wrap_up_max.0,
        orphan: orphan.into(),
        waiting_max: queue.waiting_max,
        target_within_ms: queue.target.within.0,
        target_percent: u32::from(queue.target.percent),
        required: skills_to_message(&queue.required),
        scope: queue.scope.as_ref().map(text),
        open: queue.open,
        rules: rules::queue_to_message(&queue.rules),
    }
}

fn queue_from_message(at: usize, queue: v1::QueuePlan, problems: &mut Vec<FieldProblem>) -> QueuePlan {
    let field = format!("plan.queues[{at}]");
    let within = Millis(queue.answer_within_ms);
    let answer = match queue.answer() {
        AnswerMode::Automatic => Answer::Automatic,
        AnswerMode::Confirmed => Answer::Confirmed { within },
        AnswerMode::Offered => Answer::Offered { within },
        AnswerMode::Previewed => Answer::Previewed { within },
        AnswerMode::Unspecified => {
            problems
                .push(problem(&format!("{field}.answer"), "say AUTOMATIC, CONFIRMED, OFFERED or PREVIEWED"));
            Answer::Automatic
        }
    };
    let orphan = match queue.orphan() {
        OrphanRule::Requeue => Orphan::Requeue,
        OrphanRule::Close => Orphan::Close,
        OrphanRule::Unspecified => {
            problems.push(problem(&format!("{field}.orphan"), "say REQUEUE or CLOSE"));
            Orphan::Requeue
        }
    };
    let percent = small(&format!("{field}.target_percent"), queue.target_percent, problems);
    QueuePlan {
        answer,
        wrap_up: Millis(queue.wrap_up_ms),
        wrap_up_max: Millis(queue.wrap_up_max_ms),
        orphan,
        waiting_max: queue.waiting_max,
        target: Target { within: Millis(queue.target_within_ms), percent },
        required: skills_from_message(&format!("{field}.required"), queue.required, problems),
        scope: queue.scope.map(Name::from),
        open: queue.open,
        name: queue.name.into(),
        rules: rules::queue_from_message(&field, queue.rules.unwrap_or_default(), problems),
    }
}

pub(super) fn small(field: &str, value: u32, problems: &mut Vec<FieldProblem>) -> u8 {
    u8::try_from(value).unwrap_or_else(|_| {
        problems.push(problem(field, &format!("{value} is far too much; at most 255 can be meant here")));
        0
    })
}

pub(super) fn problem(field: &str, problem: &str) -> FieldProblem {
    FieldProblem { field: field.to_owned(), problem: problem.to_owned() }
}

pub(super) fn text(name: &Name) -> String {
    name.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_the_same_after_the_way_there_and_back() {
        let plan = plan();
        assert_eq!(from_message(to_message(&plan)), Ok(plan));
    }

    #[test]
    fn an_operator_is_the_same_after_the_way_there_and_back() {
        let operator = OperatorPlan {
            login: "anna".into(),
            skills: vec![("russian".into(), 10), ("billing".into(), 3)],
            capacity: 100,
            unit: Some("ural".into()),
            ranks: vec![("outage".into(), 1)],
            rules: Default::default(),
        };
        assert_eq!(operator_from_message("operators[0]", operator_to_message(&operator)), Ok(operator));
    }

    #[test]
    fn every_field_that_does_not_fit_is_named() {
        let mut message = to_message(&plan());
        message.queues[0].answer = 0;
        message.queues[0].target_percent = 300;
        message.queues[1].orphan = 99;
        message.queues[1].required[0].level = 1_000;
        let problems = from_message(message).expect_err("it does not fit");
        let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
        let expected = [
            "plan.queues[0].answer",
            "plan.queues[0].target_percent",
            "plan.queues[1].orphan",
            "plan.queues[1].required[0].level",
        ];
        assert_eq!(fields, expected);
    }

    fn plan() -> Plan {
        Plan {
            version: 3,
            queues: vec![
                QueuePlan {
                    answer: Answer::Offered { within: Millis(15_000) },
                    ..QueuePlan::named("outage")
                },
                QueuePlan {
                    answer: Answer::Confirmed { within: Millis(3_000) },
                    orphan: Orphan::Close,
                    required: vec![("billing".into(), 2)],
                    scope: Some("ural".into()),
                    open: false,
                    ..QueuePlan::named("billing")
                },
                QueuePlan::named("plain"),
            ],
            skills: vec!["billing".into(), "russian".into()],
            channels: vec![ChannelPlan { name: "voice".into(), units: 100 }],
            units: vec![
                UnitPlan { name: "company".into(), parent: None, rules: Default::default() },
                UnitPlan { name: "ural".into(), parent: Some(UnitId(0)), rules: Default::default() },
            ],
            sessions: SessionPlan { grace: Millis(1), ..SessionPlan::default() },
            rules: Default::default(),
        }
    }
}
