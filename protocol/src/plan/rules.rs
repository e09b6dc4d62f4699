//! The rule book between its two forms. Parts that say nothing do not travel.

pub(super) mod deflection;
mod enquiry;
mod orphan;
mod route;
mod thread;
mod time;
pub(super) mod trigger;

use std::collections::BTreeMap;

use ringmain_routing::rules::{
    Applicant, Choice, EntryRule, Facts, Interruptible, OperatorRules, PlanRules, QueueRules, Reach, Redial,
    Remember, ResultRule, SamePerson, Step, Then, When,
};
use ringmain_routing::{Millis, Name};

use super::{problem, skills_from_message, skills_to_message, small, text};
use crate::v1::{self, FieldProblem};

pub(super) fn names(names: Vec<String>) -> Vec<Name> {
    names.into_iter().map(Name::from).collect()
}

fn texts(names: &[Name]) -> Vec<String> {
    names.iter().map(text).collect()
}

pub(super) fn plan_to_message(rules: &PlanRules) -> Option<v1::PlanRules> {
    (*rules != PlanRules::default()).then(|| v1::PlanRules {
        principals: texts(&rules.principals),
        entry: rules.entry.iter().map(entry_to_message).collect(),
        default_queue: rules.default_queue.as_ref().map(text),
        redial_within_ms: rules.redial.map(|redial| redial.within.0),
        head_start_max_ms: rules.head_start_max.map(|max| max.0),
        calendars: rules.calendars.iter().map(deflection::calendar_to_message).collect(),
        remember_customer_ms: rules.remember.customer.map(|span| span.0),
        remember_case_ms: rules.remember.case.map(|span| span.0),
        routes: rules.routes.iter().map(route::to_message).collect(),
        breaks: rules.breaks.iter().map(time::break_to_message).collect(),
        rest: rules.rest.map(time::rest_to_message),
        companion_ms: rules.companion.map(|span| span.0),
        recall_after_ms: rules.recall_after.map(|span| span.0),
        duty_after_ms: rules.duty_after.map(|span| span.0),
        triggers: rules.triggers.iter().map(trigger::trigger_to_message).collect(),
        enquiries: rules.enquiries.as_ref().map(enquiry::to_message),
    })
}

pub(super) fn plan_from_message(rules: v1::PlanRules, problems: &mut Vec<FieldProblem>) -> PlanRules {
    let entry = rules.entry.into_iter().enumerate();
    PlanRules {
        principals: names(rules.principals),
        entry: entry.map(|(at, rule)| entry_from_message(at, rule, problems)).collect(),
        default_queue: rules.default_queue.map(Name::from),
        redial: rules.redial_within_ms.map(|within| Redial { within: Millis(within) }),
        head_start_max: rules.head_start_max_ms.map(Millis),
        calendars: rules.calendars.into_iter().map(deflection::calendar_from_message).collect(),
        remember: Remember {
            customer: rules.remember_customer_ms.map(Millis),
            case: rules.remember_case_ms.map(Millis),
        },
        routes: rules.routes.into_iter().map(route::from_message).collect(),
        breaks: time::breaks_from_messages(rules.breaks, problems),
        rest: rules.rest.map(|rest| time::rest_from_message(rest, problems)),
        companion: rules.companion_ms.map(Millis),
        recall_after: rules.recall_after_ms.map(Millis),
        duty_after: rules.duty_after_ms.map(Millis),
        triggers: trigger::from_messages(rules.triggers, problems),
        enquiries: rules.enquiries.map(|rule| enquiry::from_message(rule, problems)),
    }
}

fn entry_to_message(rule: &EntryRule) -> v1::EntryRule {
    let EntryRule { name, when, then } = rule;
    v1::EntryRule {
        name: text(name),
        when: Some(v1::EntryCondition {
            queues: texts(&when.queues),
            channels: texts(&when.channels),
            gateways: texts(&when.gateways),
            principals: texts(&when.principals),
            units: texts(&when.units),
            applicants: when.applicants.iter().map(|kind| applicant(*kind).into()).collect(),
            languages: texts(&when.languages),
            topics: texts(&when.topics),
            intents: texts(&when.intents),
            attributes: when.attributes.iter().map(|(key, value)| (text(key), text(value))).collect(),
            registered: when.registered,
            danger: when.danger,
            calendar: when.calendar.as_ref().map(|(name, _)| text(name)),
            calendar_open: when.calendar.as_ref().is_some_and(|(_, open)| *open),
        }),
        then: Some(v1::EntryEffect {
            queue: then.queue.as_ref().map(text),
            tier: then.tier.map(u32::from),
            skills: skills_to_message(&then.skills),
            own_unit: then.own_unit,
            head_start_ms: then.head_start.0,
            owner: then.owner.as_ref().map(text),
            route: then.route.as_ref().map(text),
        }),
    }
}

fn entry_from_message(at: usize, rule: v1::EntryRule, problems: &mut Vec<FieldProblem>) -> EntryRule {
    let field = format!("plan.rules.entry[{at}]");
    let (when, then) = (rule.when.unwrap_or_default(), rule.then.unwrap_or_default());
    let mut applicants = Vec::new();
    for kind in when.applicants() {
        match known_applicant(kind) {
            Some(kind) => applicants.push(kind),
            None => problems.push(problem(&format!("{field}.when.applicants"), "say HOME, FIRM or OFFICIAL")),
        }
    }
    let skills = skills_from_message(&format!("{field}.then.skills"), then.skills, problems);
    EntryRule {
        name: rule.name.into(),
        when: When {
            queues: names(when.queues),
            channels: names(when.channels),
            gateways: names(when.gateways),
            principals: names(when.principals),
            units: names(when.units),
            applicants,
            languages: names(when.languages),
            topics: names(when.topics),
            intents: names(when.intents),
            attributes: pairs(when.attributes, Name::from),
            registered: when.registered,
            danger: when.danger,
            calendar: when.calendar.map(|name| (Name::from(name), when.calendar_open)),
        },
        then: Then {
            queue: then.queue.map(Name::from),
            tier: then.tier.map(|tier| small(&format!("{field}.then.tier"), tier, problems)),
            skills,
            own_unit: then.own_unit,
            head_start: Millis(then.head_start_ms),
            owner: then.owner.map(Name::from),
            route: then.route.map(Name::from),
        },
    }
}

/// How a queue chooses of several operators.
#[must_use]
pub fn choice_to_message(choice: Choice) -> v1::OperatorChoice {
    match choice {
        Choice::LongestIdle => v1::OperatorChoice::LongestIdle,
        Choice::LeastOccupied => v1::OperatorChoice::LeastOccupied,
        Choice::MostSkilled => v1::OperatorChoice::MostSkilled,
        Choice::RoundRobin => v1::OperatorChoice::RoundRobin,
    }
}

pub(super) fn queue_to_message(rules: &QueueRules) -> Option<v1::QueueRules> {
    (*rules != QueueRules::default()).then(|| v1::QueueRules {
        choice: choice_to_message(rules.choice).into(),
        ladder: rules.ladder.iter().map(step_to_message).collect(),
        promote_after_ms: rules.promote_after.map(|after| after.0),
        units: rules.units.iter().map(|(channel, units)| (text(channel), *units)).collect(),
        hours: rules.hours.as_ref().map(text),
        deflections: rules.deflections.iter().map(deflection::to_message).collect(),
        wait_for_owner_ms: rules.same_person.owner.map(|hold| hold.0),
        wait_for_first_handler_ms: rules.same_person.first_handler.map(|hold| hold.0),
        wait_for_last_operator_ms: rules.same_person.last_operator.map(|hold| hold.0),
        leads: texts(&rules.leads),
        hard: rules.hard,
        passes_max: rules.passes_max,
        last_start_ms: rules.last_start.map(|last_start| last_start.0),
        people_queue: rules.people_queue.as_ref().map(text),
        stranded_to: rules.stranded_to.as_ref().map(text),
        consult_units: rules.consult_units,
        orphans: rules.orphans.iter().map(orphan::to_message).collect(),
        cap: rules.cap.map(u32::from),
        reserve_after_ms: rules.reserve_after.map(|after| after.0),
        results: rules.results.as_ref().map(|results| v1::ResultRule {
            topics: texts(&results.topics),
            outcomes: texts(&results.outcomes),
        }),
        bands_ms: rules.bands.iter().map(|from| from.0).collect(),
        waits: rules.waits.iter().map(deflection::wait_to_message).collect(),
        alarm_after_ms: rules.alarm_after.map(|after| after.0),
        interruptible: rules.interruptible.as_ref().map(|rule| v1::InterruptibleRule {
            by_tier: u32::from(rule.by_tier),
            by_channels: texts(&rule.by_channels),
            parks_max: u32::from(rule.parks_max),
        }),
        thread: rules.thread.as_ref().map(thread::to_message),
    })
}

pub(super) fn queue_from_message(
    field: &str,
    rules: v1::QueueRules,
    problems: &mut Vec<FieldProblem>,
) -> QueueRules {
    let choice = match rules.choice() {
        v1::OperatorChoice::Unspecified | v1::OperatorChoice::LongestIdle => Choice::LongestIdle,
        v1::OperatorChoice::LeastOccupied => Choice::LeastOccupied,
        v1::OperatorChoice::MostSkilled => Choice::MostSkilled,
        v1::OperatorChoice::RoundRobin => Choice::RoundRobin,
    };
    let deflections = deflection::from_messages(field, rules.deflections.clone(), problems);
    let waits = deflection::waits_from_messages(field, &rules.waits, problems);
    let orphans = orphan::from_messages(field, &rules.orphans, problems);
    let ladder = rules.ladder.into_iter().enumerate();
    let step = |(at, step)| step_from_message(&format!("{field}.rules.ladder[{at}]"), step, problems);
    QueueRules {
        choice,
        ladder: ladder.map(step).collect(),
        promote_after: rules.promote_after_ms.map(Millis),
        units: pairs(rules.units, |units| units),
        hours: rules.hours.map(Name::from),
        deflections,
        same_person: SamePerson {
            owner: rules.wait_for_owner_ms.map(Millis),
            first_handler: rules.wait_for_first_handler_ms.map(Millis),
            last_operator: rules.wait_for_last_operator_ms.map(Millis),
        },
        leads: names(rules.leads),
        hard: rules.hard,
        passes_max: rules.passes_max,
        last_start: rules.last_start_ms.map(Millis),
        people_queue: rules.people_queue.map(Name::from),
        stranded_to: rules.stranded_to.map(Name::from),
        consult_units: rules.consult_units,
        orphans,
        cap: rules.cap.map(|cap| of_u16(&format!("{field}.rules.cap"), cap, problems)),
        reserve_after: rules.reserve_after_ms.map(Millis),
        results: rules
            .results
            .map(|results| ResultRule { topics: names(results.topics), outcomes: names(results.outcomes) }),
        bands: rules.bands_ms.into_iter().map(Millis).collect(),
        waits,
        alarm_after: rules.alarm_after_ms.map(Millis),
        interruptible: rules.interruptible.map(|rule| {
            let at = format!("{field}.rules.interruptible");
            Interruptible {
                by_tier: small(&format!("{at}.by_tier"), rule.by_tier, problems),
                by_channels: names(rule.by_channels),
                parks_max: of_u16(&format!("{at}.parks_max"), rule.parks_max, problems),
            }
        }),
        thread: rules.thread.map(thread::from_message),
    }
}

fn step_to_message(step: &Step) -> v1::LadderStep {
    let (reach, up) = match step.reach {
        Reach::Nobody => (v1::Reach::Nobody, 0),
        Reach::Own => (v1::Reach::Own, 0),
        Reach::Neighbours => (v1::Reach::Neighbours, 0),
        Reach::Up(levels) => (v1::Reach::Up, levels),
        Reach::All => (v1::Reach::All, 0),
    };
    v1::LadderStep {
        after_ms: step.after.0,
        reach: reach.into(),
        up: u32::from(up),
        levels_lowered: u32::from(step.levels_lowered),
        rank_max: u32::from(step.rank_max),
        lent: step.lent,
        any_language: step.any_language,
    }
}

fn step_from_message(field: &str, step: v1::LadderStep, problems: &mut Vec<FieldProblem>) -> Step {
    let reach = match step.reach() {
        v1::Reach::Nobody => Reach::Nobody,
        v1::Reach::Own => Reach::Own,
        v1::Reach::Neighbours => Reach::Neighbours,
        v1::Reach::Up => Reach::Up(small(&format!("{field}.up"), step.up, problems)),
        v1::Reach::All => Reach::All,
        v1::Reach::Unspecified => {
            problems.push(problem(&format!("{field}.reach"), "say NOBODY, OWN, NEIGHBOURS, UP or ALL"));
            Reach::Own
        }
    };
    Step {
        after: Millis(step.after_ms),
        reach,
        levels_lowered: small(&format!("{field}.levels_lowered"), step.levels_lowered, problems),
        rank_max: small(&format!("{field}.rank_max"), step.rank_max, problems),
        lent: step.lent,
        any_language: step.any_language,
    }
}

pub(super) fn operator_to_message(rules: &OperatorRules) -> Option<v1::OperatorRules> {
    (*rules != OperatorRules::default()).then(|| v1::OperatorRules {
        channels: texts(&rules.channels),
        principals: texts(&rules.principals),
        lent_principals: texts(&rules.lent_principals),
        caps: rules.caps.iter().map(|(channel, cap)| (text(channel), u32::from(*cap))).collect(),
        deputies: texts(&rules.deputies),
        breaks: texts(&rules.breaks),
        shift: rules.shift.as_ref().map(text),
        rests: rules.rests,
        bot: rules.bot,
        units: rules.units.iter().map(|(channel, units)| (text(channel), *units)).collect(),
        queue_caps: rules.queue_caps.iter().map(|(queue, cap)| (text(queue), u32::from(*cap))).collect(),
        wrap_up_ms: rules.wrap_up.map(|span| span.0),
    })
}

pub(super) fn operator_from_message(
    field: &str,
    rules: v1::OperatorRules,
    problems: &mut Vec<FieldProblem>,
) -> OperatorRules {
    let mut cap = |list: &str, cap: u32| of_u16(&format!("{field}.rules.{list}"), cap, problems);
    OperatorRules {
        channels: names(rules.channels),
        principals: names(rules.principals),
        lent_principals: names(rules.lent_principals),
        caps: pairs(rules.caps, |units| cap("caps", units)),
        deputies: names(rules.deputies),
        breaks: names(rules.breaks),
        shift: rules.shift.map(Name::from),
        rests: rules.rests,
        bot: rules.bot,
        units: pairs(rules.units, |units| units),
        queue_caps: pairs(rules.queue_caps, |units| cap("queue_caps", units)),
        wrap_up: rules.wrap_up_ms.map(Millis),
    }
}

/// A number of contacts.
fn of_u16(field: &str, number: u32, problems: &mut Vec<FieldProblem>) -> u16 {
    u16::try_from(number).unwrap_or_else(|_| {
        let message = format!("{number} is far too much; at most 65535 can be meant here");
        problems.push(problem(field, &message));
        0
    })
}

/// What a gateway knows about an arrival, as the core decides by it.
#[must_use]
pub fn facts_from_message(facts: v1::ContactFacts) -> Facts {
    Facts {
        applicant: known_applicant(facts.applicant()),
        principal: facts.principal.map(Name::from),
        unit: facts.unit.map(Name::from),
        language: facts.language.map(Name::from),
        any_language: facts.any_language,
        phone: facts.phone.map(Name::from),
        account: facts.account.map(Name::from),
        supply_point: facts.supply_point.map(Name::from),
        intent: facts.intent.map(Name::from),
        danger: facts.danger,
        attributes: pairs(facts.attributes, Name::from),
        case: facts.case.map(Name::from),
        reply_by: facts.reply_by.map(Name::from),
    }
}

fn applicant(kind: Applicant) -> v1::Applicant {
    match kind {
        Applicant::Home => v1::Applicant::Home,
        Applicant::Firm => v1::Applicant::Firm,
        Applicant::Official => v1::Applicant::Official,
    }
}

fn known_applicant(kind: v1::Applicant) -> Option<Applicant> {
    match kind {
        v1::Applicant::Unspecified => None,
        v1::Applicant::Home => Some(Applicant::Home),
        v1::Applicant::Firm => Some(Applicant::Firm),
        v1::Applicant::Official => Some(Applicant::Official),
    }
}

/// The pairs of a map, in the order of their keys: commands are hashed.
fn pairs<V, T>(map: BTreeMap<String, V>, mut value: impl FnMut(V) -> T) -> Vec<(Name, T)> {
    map.into_iter().map(|(key, given)| (Name::from(key), value(given))).collect()
}
