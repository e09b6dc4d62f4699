//! A plan's rule book is judged before it applies: every name exists, no ladder narrows, life safety is granted for a
//! reason.

use alloc::format;

use super::apply_plan::{check_names, conflict};
use super::routes::check_routes;
use crate::directory::Directory;
use crate::entry::may_grant_tier_0;
use crate::fields::{check_name, check_span, invalid};
use crate::ids::{Millis, Name};
use crate::ladder::check_ladder;
use crate::limits::{
    ADDRESSEES_MAX, BANDS_MAX, BREAKS_MAX, BY_CHANNELS_MAX, CALENDARS_MAX, CAPACITY_MAX, CHANNELS_MAX,
    CONDITION_VALUES_MAX, DEFLECTIONS_MAX, ENQUIRY_KEEP_MS_MAX, ENTRY_RULES_MAX, LADDER_STEPS_MAX, LEADS_MAX,
    NEIGHBOURS_MAX, ORPHAN_RULES_MAX, PARKS_MAX, PRINCIPALS_MAX, REQUIRED_SKILLS_MAX, REST_WINDOW_MS_MAX,
    REST_WINDOW_MS_MIN, RESULTS_MAX, TIER_MAX, TRIGGER_EVERY_MS_MAX, TRIGGER_EVERY_MS_MIN, TRIGGER_RANKS_MAX,
    TRIGGERS_MAX, WAIT_RULES_MAX,
};
use crate::plan::{Plan, QueuePlan, UnitPlan};
use crate::refusal::Refusal;
use crate::rules::{
    DeflectWhen, EnquiryRule, EntryRule, GroupRank, Measure, OrphanRule, QueueRules, SamePerson, Treatment,
    Trigger, When,
};

/// The rule book of a plan that is sound otherwise.
pub(super) fn check_rules(plan: &Plan, directory: &Directory) -> Result<(), Refusal> {
    let rules = &plan.rules;
    check_names("rules.principals", rules.principals.iter(), PRINCIPALS_MAX)?;
    if let Some(queue) = &rules.default_queue {
        directory.find_queue(queue)?;
    }
    let spans = [
        ("rules.redial.within_ms", rules.redial.map(|redial| redial.within)),
        ("rules.head_start_max_ms", rules.head_start_max),
        ("rules.remember.customer_ms", rules.remember.customer),
        ("rules.remember.case_ms", rules.remember.case),
        ("rules.companion_ms", rules.companion),
        ("rules.recall_after_ms", rules.recall_after),
        ("rules.duty_after_ms", rules.duty_after),
    ];
    for (field, span) in spans {
        span.map_or(Ok(()), |span| check_span(field, span))?;
    }
    if rules.companion == Some(Millis(0)) {
        return Err(invalid("rules.companion_ms", "above 0 ms; leave it out where nobody is invited"));
    }
    if rules.recall_after == Some(Millis(0)) {
        return Err(invalid(
            "rules.recall_after_ms",
            "above 0 ms; leave it out where breaks are not cut short",
        ));
    }
    if rules.duty_after == Some(Millis(0)) {
        return Err(invalid("rules.duty_after_ms", "above 0 ms; leave it out for no duty number"));
    }
    check_names("rules.calendars", rules.calendars.iter().map(|calendar| &calendar.name), CALENDARS_MAX)?;
    for calendar in &rules.calendars {
        calendar.check().map_err(|problem| conflict(format!("calendar {:?}: {problem}", calendar.name)))?;
    }
    check_routes(&rules.routes, directory)?;
    check_breaks(plan)?;
    check_names("rules.entry", rules.entry.iter().map(|rule| &rule.name), ENTRY_RULES_MAX)?;
    rules.entry.iter().try_for_each(|rule| check_entry(rule, directory))?;
    plan.queues.iter().try_for_each(|queue| check_queue_rules(queue, directory))?;
    plan.units.iter().try_for_each(|unit| check_unit(unit, directory))?;
    check_triggers(&rules.triggers, directory)?;
    rules.enquiries.as_ref().map_or(Ok(()), |rule| check_enquiries(rule, directory))
}

/// How enquiries go, and who is asked by name.
fn check_enquiries(rule: &EnquiryRule, directory: &Directory) -> Result<(), Refusal> {
    if !(1..=ENQUIRY_KEEP_MS_MAX).contains(&rule.keep_for.0) {
        return Err(invalid("rules.enquiries.keep_for_ms", "1 to 86400000 ms"));
    }
    if rule.remind_percent > 99 {
        return Err(invalid("rules.enquiries.remind_percent", "0 to 99; 0 for no reminder"));
    }
    let names = rule.addressees.iter().map(|addressee| &addressee.name);
    check_names("rules.enquiries.addressees", names, ADDRESSEES_MAX)?;
    rule.addressees.iter().try_for_each(|addressee| {
        check_span("rules.enquiries.term_ms", addressee.term)?;
        if addressee.term.0 == 0 {
            return Err(invalid("rules.enquiries.term_ms", "above 0 ms"));
        }
        addressee.calendar.iter().try_for_each(|name| directory.find_calendar(name).map(drop))
    })
}

fn check_breaks(plan: &Plan) -> Result<(), Refusal> {
    let rules = &plan.rules;
    check_names("rules.breaks", rules.breaks.iter().map(|rule| &rule.name), BREAKS_MAX)?;
    for rule in &rules.breaks {
        [rule.every, rule.length, rule.defer_max]
            .into_iter()
            .try_for_each(|span| check_span("rules.breaks", span))?;
        let comes_due = rule.every.0 > 0 || rule.on_request;
        if !comes_due || rule.length.0 == 0 {
            return Err(invalid("rules.breaks", "the time between breaks and their length are above 0 ms"));
        }
        if rule.away_percent_max > 100 {
            return Err(invalid("rules.breaks", "away_percent_max is 0 to 100"));
        }
    }
    let Some(rest) = rules.rest else { return Ok(()) };
    if !(REST_WINDOW_MS_MIN..=REST_WINDOW_MS_MAX).contains(&rest.window.0) {
        return Err(invalid("rules.rest", "a window is 60000 to 86400000 ms"));
    }
    if !(1..=100).contains(&rest.busy_percent_max) {
        return Err(invalid("rules.rest", "busy_percent_max is 1 to 100"));
    }
    Ok(())
}

fn check_entry(rule: &EntryRule, directory: &Directory) -> Result<(), Refusal> {
    check_when(&rule.when, directory)?;
    let then = &rule.then;
    if let Some(queue) = &then.queue {
        directory.find_queue(queue)?;
    }
    if let Some(route) = &then.route {
        directory.find_route(route)?;
        if then.queue.is_some() {
            let rule = &rule.name;
            return Err(conflict(format!(
                "entry rule {rule:?} names a route and a queue; the route has its own"
            )));
        }
    }
    if then.skills.len() > REQUIRED_SKILLS_MAX {
        return Err(invalid("rules.entry.skills", "at most 16 skills"));
    }
    directory.find_skills(&then.skills)?;
    check_span("rules.entry.head_start_ms", then.head_start)?;
    then.owner.iter().try_for_each(|login| check_name("rules.entry.owner", login))?;
    match then.tier {
        Some(tier) if tier > TIER_MAX => Err(invalid("rules.entry.tier", "tiers are 0 to 9")),
        Some(0) if !may_grant_tier_0(rule) => Err(conflict(format!(
            "entry rule {:?} grants tier 0 without cause: ask for danger, or for the register together with topics",
            rule.name
        ))),
        Some(_) | None => Ok(()),
    }
}

fn check_when(when: &When, directory: &Directory) -> Result<(), Refusal> {
    let texts = [
        &when.queues,
        &when.channels,
        &when.gateways,
        &when.principals,
        &when.units,
        &when.languages,
        &when.topics,
        &when.intents,
    ];
    let longest = texts.iter().map(|list| list.len()).chain([when.applicants.len(), when.attributes.len()]);
    if longest.max().unwrap_or(0) > CONDITION_VALUES_MAX {
        return Err(invalid("rules.entry.when", "at most 1000 values in one part of a condition"));
    }
    let pairs = when.attributes.iter().flat_map(|(key, value)| [key, value]);
    texts.into_iter().flatten().chain(pairs).try_for_each(|name| check_name("rules.entry.when", name))?;
    when.queues.iter().try_for_each(|name| directory.find_queue(name).map(drop))?;
    when.channels.iter().try_for_each(|name| directory.find_channel(name).map(drop))?;
    when.principals.iter().try_for_each(|name| directory.find_principal(name).map(drop))?;
    when.units.iter().try_for_each(|name| directory.find_unit(name).map(drop))?;
    when.languages.iter().try_for_each(|name| directory.find_skill(name).map(drop))?;
    when.calendar.iter().try_for_each(|(name, _)| directory.find_calendar(name).map(drop))
}

fn check_queue_rules(queue: &QueuePlan, directory: &Directory) -> Result<(), Refusal> {
    let rules = &queue.rules;
    if rules.ladder.len() > LADDER_STEPS_MAX {
        return Err(invalid("rules.ladder", "at most 16 steps"));
    }
    rules.ladder.iter().try_for_each(|step| check_span("rules.ladder", step.after))?;
    check_ladder(&rules.ladder)
        .map_err(|problem| conflict(format!("queue {:?}, ladder: {problem}", queue.name)))?;
    check_span("rules.promote_after_ms", rules.promote_after.unwrap_or_default())?;
    if rules.promote_after == Some(Millis(0)) {
        return Err(invalid("rules.promote_after_ms", "above 0 ms; leave it out for no promotion"));
    }
    check_span("rules.last_start_ms", rules.last_start.unwrap_or_default())?;
    rules.hours.iter().try_for_each(|name| directory.find_calendar(name).map(drop))?;
    if rules.deflections.len() > DEFLECTIONS_MAX {
        return Err(invalid("rules.deflections", "at most 16 deflections"));
    }
    for rule in &rules.deflections {
        if let DeflectWhen::ExpectedWait(above) = rule.when {
            check_span("rules.deflections", above)?;
        }
    }
    check_same_person(&rules.same_person)?;
    check_names("rules.leads", rules.leads.iter(), LEADS_MAX)?;
    check_names("rules.units", rules.units.iter().map(|entry| &entry.0), CHANNELS_MAX)?;
    for (channel, units) in &rules.units {
        directory.find_channel(channel)?;
        if *units > CAPACITY_MAX {
            return Err(invalid("rules.units", "at most 1000000 units"));
        }
    }
    rules.people_queue.iter().try_for_each(|name| directory.find_queue(name).map(drop))?;
    check_orphans(rules, directory)?;
    if rules.consult_units.is_some_and(|units| units > CAPACITY_MAX) {
        return Err(invalid("rules.consult_units", "at most 1000000 units"));
    }
    check_room(rules)?;
    check_bands(&rules.bands)?;
    check_interruptible(rules, directory)?;
    check_thread(rules, directory)?;
    if let Some(to) = &rules.stranded_to {
        directory.find_queue(to)?;
        if *to == queue.name {
            return Err(conflict(format!("queue {to:?}: `stranded_to` is another queue")));
        }
    }
    Ok(())
}

/// What customers hear grows with the wait.
fn check_bands(bands: &[Millis]) -> Result<(), Refusal> {
    if bands.len() > BANDS_MAX {
        return Err(invalid("rules.bands", "at most 8 bands"));
    }
    bands.iter().try_for_each(|&from| check_span("rules.bands", from))?;
    let grows = bands.is_sorted_by(|before, after| before < after);
    if !grows || bands.first() == Some(&Millis(0)) {
        return Err(invalid("rules.bands", "above 0 ms, each longer than the one before"));
    }
    Ok(())
}

/// For whom work is parked, and how often.
fn check_interruptible(rules: &QueueRules, directory: &Directory) -> Result<(), Refusal> {
    let Some(rule) = &rules.interruptible else { return Ok(()) };
    check_names("rules.interruptible", rule.by_channels.iter(), BY_CHANNELS_MAX)?;
    if rule.parks_max == 0 || rule.parks_max > PARKS_MAX {
        return Err(invalid("rules.interruptible", "`parks_max` is 1 to 1000"));
    }
    rule.by_channels.iter().try_for_each(|channel| directory.find_channel(channel).map(drop))
}

/// Targets and spans of threads.
fn check_thread(rules: &QueueRules, directory: &Directory) -> Result<(), Refusal> {
    let Some(rule) = &rules.thread else { return Ok(()) };
    let times = &rule.times;
    let targets = [times.first_reply, times.next_reply];
    let above_0 = [times.first_reply, times.next_reply, times.park_after, times.close_after];
    let spans = above_0.into_iter().flatten().chain(times.requeue_after);
    spans.chain([times.warn_before, times.keep_for]).try_for_each(|span| check_span("rules.thread", span))?;
    let wrong = |problem| Err(invalid("rules.thread", problem));
    if above_0.contains(&Some(Millis(0))) {
        return wrong("targets, `park_after` and `close_after` are above 0 ms; leave out what is not to be");
    }
    if targets.into_iter().flatten().any(|target| target <= times.warn_before) {
        return wrong("`warn_before` is shorter than each target");
    }
    if times.requeue_after.is_some() && targets == [None, None] {
        return wrong("`requeue_after` counts from a target, and there is none");
    }
    if times.park_after.zip(times.close_after).is_some_and(|(parks, closes)| closes <= parks) {
        return wrong("`close_after` is longer than `park_after`");
    }
    check_names("rules.thread", rule.channels.iter(), BY_CHANNELS_MAX)?;
    rule.channels.iter().try_for_each(|channel| directory.find_channel(channel).map(drop))
}

fn check_orphans(rules: &QueueRules, directory: &Directory) -> Result<(), Refusal> {
    check_names("rules.orphans", rules.orphans.iter().map(|entry| &entry.0), ORPHAN_RULES_MAX)?;
    for (channel, rule) in &rules.orphans {
        directory.find_channel(channel)?;
        if let OrphanRule::Wait(span) = rule {
            check_span("rules.orphans", *span)?;
            if span.0 == 0 {
                return Err(invalid("rules.orphans", "a wait is above 0 ms; requeue for none"));
            }
        }
    }
    Ok(())
}

/// Caps, reservations, and what completions say.
fn check_room(rules: &QueueRules) -> Result<(), Refusal> {
    if rules.cap == Some(0) {
        return Err(invalid("rules.cap", "1 to 65535; leave it out for no cap"));
    }
    check_span("rules.reserve_after_ms", rules.reserve_after.unwrap_or_default())?;
    if rules.reserve_after == Some(Millis(0)) {
        return Err(invalid("rules.reserve_after_ms", "above 0 ms; leave it out for no reservation"));
    }
    if let Some(results) = &rules.results {
        check_names("rules.results", results.topics.iter(), RESULTS_MAX)?;
        check_names("rules.results", results.outcomes.iter(), RESULTS_MAX)?;
    }
    check_waits(rules)
}

/// Rules by waiting, and the alarm.
fn check_waits(rules: &QueueRules) -> Result<(), Refusal> {
    if rules.waits.len() > WAIT_RULES_MAX {
        return Err(invalid("rules.waits", "at most 16 rules"));
    }
    let mut before = Millis(0);
    for (place, rule) in rules.waits.iter().enumerate() {
        check_span("rules.waits", rule.after)?;
        if rule.after <= before {
            return Err(invalid("rules.waits", "above 0 ms, and each later than the one before"));
        }
        if matches!(rule.to, Treatment::Queue | Treatment::Refuse) {
            return Err(invalid("rules.waits", "call-back, voicemail or message"));
        }
        if rule.leave && place + 1 < rules.waits.len() {
            return Err(invalid("rules.waits", "nobody is left behind a rule by which all leave"));
        }
        before = rule.after;
    }
    check_span("rules.alarm_after_ms", rules.alarm_after.unwrap_or_default())?;
    if rules.alarm_after == Some(Millis(0)) {
        return Err(invalid("rules.alarm_after_ms", "above 0 ms; leave it out for no alarm"));
    }
    Ok(())
}

fn check_same_person(rule: &SamePerson) -> Result<(), Refusal> {
    for hold in [rule.owner, rule.first_handler, rule.last_operator].into_iter().flatten() {
        check_span("rules.same_person", hold)?;
        if hold.0 == 0 {
            return Err(invalid("rules.same_person", "above 0 ms; leave it out for no hold"));
        }
    }
    Ok(())
}

fn check_unit(unit: &UnitPlan, directory: &Directory) -> Result<(), Refusal> {
    unit.rules.head.iter().try_for_each(|login| check_name("rules.head", login))?;
    check_names("rules.neighbours", unit.rules.neighbours.iter(), NEIGHBOURS_MAX)?;
    let find = |name: &Name| directory.find_unit(name).map(drop);
    unit.rules.neighbours.iter().try_for_each(find)?;
    unit.rules.calendar.iter().try_for_each(|name| directory.find_calendar(name).map(drop))
}

/// What triggers measure and change.
fn check_triggers(triggers: &[Trigger], directory: &Directory) -> Result<(), Refusal> {
    check_names("rules.triggers", triggers.iter().map(|trigger| &trigger.name), TRIGGERS_MAX)?;
    triggers.iter().try_for_each(|trigger| check_trigger(trigger, directory))
}

fn check_trigger(trigger: &Trigger, directory: &Directory) -> Result<(), Refusal> {
    let wrong = |problem: &str| Err(invalid("rules.triggers", problem));
    let ladder = &directory.find_queue(&trigger.queue)?.1.rules.ladder;
    let has_room = match trigger.measure {
        Measure::Waiting { on, off } => off < on,
        Measure::LongestWait { on, off } | Measure::ExpectedWait { on, off } => {
            check_span("rules.triggers", on)?;
            off < on
        }
        Measure::ServiceLevel { on, off } => on < off && off <= 100,
    };
    if !has_room {
        return wrong("`off` is below `on`; of a service level above it, and at most 100");
    }
    if !(TRIGGER_EVERY_MS_MIN..=TRIGGER_EVERY_MS_MAX).contains(&trigger.every.0) {
        return wrong("`every` is 1000 to 3600000 ms");
    }
    check_span("rules.triggers", trigger.calm)?;
    if trigger.step.is_none() && trigger.ranks.is_empty() {
        return wrong("a step or ranks: it changes nothing");
    }
    if trigger.step.is_some_and(|step| step == 0 || usize::from(step) >= ladder.len()) {
        return wrong("`step` is a place in the queue's ladder behind the first one, which is 0");
    }
    if trigger.ranks.len() > TRIGGER_RANKS_MAX {
        return wrong("at most 64 ranks");
    }
    trigger.ranks.iter().try_for_each(|shift| check_group_rank(shift, directory))
}

fn check_group_rank(shift: &GroupRank, directory: &Directory) -> Result<(), Refusal> {
    let (queue, _) = directory.find_queue(&shift.queue)?;
    shift.unit.iter().try_for_each(|name| directory.find_unit(name).map(drop))?;
    shift.skill.iter().try_for_each(|name| directory.find_skill(name).map(drop))?;
    if shift.unit.is_none() && shift.skill.is_none() {
        return Err(invalid("rules.triggers", "a rank is for a unit, for those with a skill, or for both"));
    }
    let reached = directory.rule(queue).steps.last().map_or(u8::MAX, |step| step.rank_max);
    if shift.rank > reached {
        return Err(invalid("rules.triggers", "no step of the queue's ladder reaches such a rank"));
    }
    Ok(())
}
