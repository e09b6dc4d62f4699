//! The bounds of the rule book's fields: what a gateway knows, what an operator may be given, what a plan says.

use std::collections::BTreeSet;

use ringmain_routing::limits::{
    BANDS_MAX, BREAKS_MAX, BREAKS_PER_OPERATOR_MAX, BY_CHANNELS_MAX, CALENDARS_MAX, CAPACITY_MAX, CAPS_MAX,
    CONDITION_VALUES_MAX, DEFLECTIONS_MAX, DEPUTIES_MAX, ENTRY_RULES_MAX, FACT_ATTRIBUTES_MAX,
    LADDER_STEPS_MAX, LEADS_MAX, NEIGHBOURS_MAX, OPERATOR_RULES_MAX, ORPHAN_RULES_MAX, OWN_UNITS_MAX,
    PARKS_MAX, PRINCIPALS_MAX, QUEUE_CAPS_MAX, REPLY_WAYS_MAX, REQUIRED_SKILLS_MAX, REST_WINDOW_MS_MAX,
    REST_WINDOW_MS_MIN, RESULTS_MAX, ROUTES_MAX, STAGES_MAX, TIER_MAX, WAIT_RULES_MAX, WATCHERS_MAX,
};
use ringmain_routing::plan::QueuePlan;
use ringmain_routing::rules::{
    DeflectWhen, EntryRule, Facts, OperatorRules, OrphanRule, PlanRules, Step, Then, ThreadTimes, Treatment,
    WaitRule, When,
};
use ringmain_routing::{Millis, Name, Plan, Refusal};

use super::bounds::{check, check_levels, check_name, check_once, check_span};

pub(super) fn check_facts(facts: &Facts) -> Result<(), Refusal> {
    let texts = [
        ("facts.principal", &facts.principal),
        ("facts.unit", &facts.unit),
        ("facts.language", &facts.language),
        ("facts.phone", &facts.phone),
        ("facts.account", &facts.account),
        ("facts.supply_point", &facts.supply_point),
        ("facts.intent", &facts.intent),
        ("facts.case", &facts.case),
        ("facts.reply_by", &facts.reply_by),
    ];
    for (field, text) in texts {
        text.as_ref().map_or(Ok(()), |text| check_name(field, text))?;
    }
    check(facts.attributes.len() <= FACT_ATTRIBUTES_MAX, "facts.attributes")?;
    for (key, value) in &facts.attributes {
        check_name("facts.attributes", key)?;
        check_name("facts.attributes", value)?;
    }
    Ok(())
}

pub(super) fn check_operator_rules(rules: &OperatorRules) -> Result<(), Refusal> {
    let lists = [
        ("rules.channels", &rules.channels),
        ("rules.principals", &rules.principals),
        ("rules.lent_principals", &rules.lent_principals),
    ];
    for (field, names) in lists {
        check(names.len() <= OPERATOR_RULES_MAX, field)?;
    }
    check(rules.breaks.len() <= BREAKS_PER_OPERATOR_MAX, "rules.breaks")?;
    let breaks: BTreeSet<&Name> = rules.breaks.iter().collect();
    check(breaks.len() == rules.breaks.len(), "rules.breaks")?;
    check(rules.deputies.len() <= DEPUTIES_MAX, "rules.deputies")?;
    rules.deputies.iter().try_for_each(|login| check_name("rules.deputies", login))?;
    check(rules.caps.len() <= CAPS_MAX, "rules.caps")?;
    check(is_each_once(&rules.caps), "rules.caps")
}

/// What a channel costs the operator.
pub(super) fn check_own_units(units: &[(Name, u32)]) -> Result<(), Refusal> {
    let are_sound = units.iter().all(|(_, units)| (1..=CAPACITY_MAX).contains(units));
    check(units.len() <= OWN_UNITS_MAX && is_each_once(units) && are_sound, "rules.units")
}

/// The operator's own caps of queues, and its wrap-up behind them.
pub(super) fn check_queue_caps(rules: &OperatorRules) -> Result<(), Refusal> {
    let caps = &rules.queue_caps;
    check(caps.len() <= QUEUE_CAPS_MAX && is_each_once(caps), "rules.queue_caps")?;
    check_span("rules.wrap_up_ms", rules.wrap_up)
}

/// A bot has neither breaks nor rest.
pub(super) fn check_bot(rules: &OperatorRules) -> Result<(), Refusal> {
    check(!rules.bot || (rules.breaks.is_empty() && !rules.rests), "rules.bot")
}

fn is_each_once<T>(list: &[(Name, T)]) -> bool {
    list.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len() == list.len()
}

/// What a plan's rules may say, and that every name in them is there.
pub(super) fn check_rules(plan: &Plan) -> Result<(), Refusal> {
    let rules = &plan.rules;
    check(rules.principals.len() <= PRINCIPALS_MAX, "rules.principals")?;
    check_once("rules.principals", rules.principals.iter())?;
    check_queue_name(plan, rules.default_queue.iter())?;
    check_spans(rules)?;
    check(rules.calendars.len() <= CALENDARS_MAX, "rules.calendars")?;
    check_once("rules.calendars", rules.calendars.iter().map(|calendar| &calendar.name))?;
    if let Some(calendar) = rules.calendars.iter().find(|calendar| calendar.check().is_err()) {
        return Err(Refusal::PlanConflict(format!("calendar {:?}", calendar.name)));
    }
    check_routes(plan)?;
    check_time(rules)?;
    check(rules.entry.len() <= ENTRY_RULES_MAX, "rules.entry")?;
    check_once("rules.entry", rules.entry.iter().map(|rule| &rule.name))?;
    rules.entry.iter().try_for_each(|rule| check_rule(plan, rule))?;
    plan.queues.iter().try_for_each(|queue| check_queue_rules(plan, queue))?;
    for unit in &plan.units {
        let neighbours = &unit.rules.neighbours;
        check(neighbours.len() <= NEIGHBOURS_MAX, "rules.neighbours")?;
        check_once("rules.neighbours", neighbours.iter())?;
        check_units(plan, neighbours)?;
        check_calendar(plan, unit.rules.calendar.as_ref())?;
        unit.rules.head.as_ref().map_or(Ok(()), |login| check_name("rules.head", login))?;
    }
    super::triggers::check_triggers(plan)?;
    super::enquiries::check_enquiries(plan)
}

/// Spans of the plan as a whole.
fn check_spans(rules: &PlanRules) -> Result<(), Refusal> {
    let spans = [
        ("rules.redial.within_ms", rules.redial.map(|redial| redial.within)),
        ("rules.head_start_max_ms", rules.head_start_max),
        ("rules.remember", rules.remember.customer),
        ("rules.remember", rules.remember.case),
        ("rules.companion_ms", rules.companion),
        ("rules.recall_after_ms", rules.recall_after),
        ("rules.duty_after_ms", rules.duty_after),
    ];
    spans.into_iter().try_for_each(|(field, span)| check_span(field, span))?;
    spans[4..].iter().try_for_each(|(field, span)| check(*span != Some(Millis(0)), field))
}

fn check_routes(plan: &Plan) -> Result<(), Refusal> {
    let routes = &plan.rules.routes;
    check(routes.len() <= ROUTES_MAX, "rules.routes")?;
    check_once("rules.routes", routes.iter().map(|route| &route.name))?;
    for route in routes {
        check((1..=STAGES_MAX).contains(&route.stages.len()), "rules.routes")?;
        check_once("rules.routes", route.stages.iter().map(|stage| &stage.name))?;
        check_term(route.term.unwrap_or(Millis(1)))?;
        check_calendar(plan, route.calendar.as_ref())?;
        for stage in &route.stages {
            check_queue_name(plan, std::iter::once(&stage.queue))?;
            check_term(stage.term)?;
            if stage.warn_before >= stage.term {
                return Err(Refusal::PlanConflict(format!("route {:?}, warning", route.name)));
            }
            check_queue_name(plan, stage.escalate_to.iter())?;
            check(stage.watchers.len() <= WATCHERS_MAX, "rules.routes")?;
            check_once("rules.routes", stage.watchers.iter())?;
            check_channels(plan, stage.channel.iter())?;
            stage.call_back.iter().try_for_each(|principals| check_name("rules.routes", principals))?;
            check(stage.reply_by.len() <= REPLY_WAYS_MAX, "rules.routes")?;
            check_once("rules.routes", stage.reply_by.iter())?;
        }
        if route.stages.first().is_some_and(|first| !first.reply_by.is_empty()) {
            return Err(Refusal::PlanConflict(format!("route {:?}, first stage", route.name)));
        }
    }
    Ok(())
}

fn check_term(term: Millis) -> Result<(), Refusal> {
    check(term.0 > 0, "rules.routes")?;
    check_span("rules.routes", Some(term))
}

fn check_time(rules: &PlanRules) -> Result<(), Refusal> {
    check(rules.breaks.len() <= BREAKS_MAX, "rules.breaks")?;
    check_once("rules.breaks", rules.breaks.iter().map(|rule| &rule.name))?;
    for rule in &rules.breaks {
        for span in [rule.every, rule.length, rule.defer_max] {
            check_span("rules.breaks", Some(span))?;
        }
        check(rule.on_request || rule.every.0 > 0, "rules.breaks")?;
        check(rule.length.0 > 0 && rule.away_percent_max <= 100, "rules.breaks")?;
    }
    rules.rest.map_or(Ok(()), |rest| {
        check((REST_WINDOW_MS_MIN..=REST_WINDOW_MS_MAX).contains(&rest.window.0), "rules.rest")?;
        check((1..=100).contains(&rest.busy_percent_max), "rules.rest")
    })
}

fn check_rule(plan: &Plan, rule: &EntryRule) -> Result<(), Refusal> {
    check_when(plan, &rule.when)?;
    check_then(plan, &rule.then)?;
    let of_danger = rule.when.danger == Some(true);
    let of_register = rule.when.registered == Some(true) && !rule.when.topics.is_empty();
    if rule.then.tier == Some(0) && !of_danger && !of_register {
        return Err(Refusal::PlanConflict(format!("{:?} gives tier 0 without danger to life", rule.name)));
    }
    Ok(())
}

fn check_when(plan: &Plan, when: &When) -> Result<(), Refusal> {
    let lists = [
        &when.queues,
        &when.channels,
        &when.gateways,
        &when.principals,
        &when.units,
        &when.languages,
        &when.topics,
        &when.intents,
    ];
    for names in lists {
        check(names.len() <= CONDITION_VALUES_MAX, "rules.entry")?;
        names.iter().try_for_each(|name| check_name("rules.entry", name))?;
    }
    check(when.applicants.len() <= CONDITION_VALUES_MAX, "rules.entry")?;
    check(when.attributes.len() <= CONDITION_VALUES_MAX, "rules.entry")?;
    for (key, value) in &when.attributes {
        check_name("rules.entry", key)?;
        check_name("rules.entry", value)?;
    }
    check_queue_name(plan, when.queues.iter())?;
    check_channels(plan, when.channels.iter())?;
    if let Some(name) = when.principals.iter().find(|name| !plan.rules.principals.contains(name)) {
        return Err(Refusal::UnknownPrincipal(name.clone()));
    }
    check_units(plan, &when.units)?;
    check_skills(plan, when.languages.iter())?;
    check_calendar(plan, when.calendar.as_ref().map(|(name, _)| name))
}

fn check_then(plan: &Plan, then: &Then) -> Result<(), Refusal> {
    check_queue_name(plan, then.queue.iter())?;
    if let Some(route) = &then.route {
        if super::cases::route_of(plan, route).is_none() {
            return Err(Refusal::UnknownRoute(route.clone()));
        }
        if then.queue.is_some() {
            return Err(Refusal::PlanConflict(format!("route {route:?} and a queue")));
        }
    }
    check(then.tier.is_none_or(|tier| tier <= TIER_MAX), "rules.entry")?;
    check(then.skills.len() <= REQUIRED_SKILLS_MAX, "rules.entry")?;
    check_levels("rules.entry", &then.skills)?;
    check_skills(plan, then.skills.iter().map(|(skill, _)| skill))?;
    then.owner.as_ref().map_or(Ok(()), |login| check_name("rules.entry", login))?;
    check_span("rules.entry", Some(then.head_start))
}

fn check_queue_rules(plan: &Plan, queue: &QueuePlan) -> Result<(), Refusal> {
    let rules = &queue.rules;
    check(rules.ladder.len() <= LADDER_STEPS_MAX, "rules.ladder")?;
    for step in &rules.ladder {
        check_span("rules.ladder", Some(step.after))?;
    }
    let begins_at_once = rules.ladder.first().is_none_or(|first| first.after.0 == 0);
    let goes_on = |pair: &[Step]| pair[0].after < pair[1].after && is_no_narrower(pair[0], pair[1]);
    if !begins_at_once || !rules.ladder.windows(2).all(goes_on) {
        return Err(Refusal::PlanConflict(format!("queue {:?}, ladder", queue.name)));
    }
    check_span("rules.promote_after_ms", rules.promote_after)?;
    check(rules.promote_after.is_none_or(|after| after.0 > 0), "rules.promote_after_ms")?;
    check_span("rules.last_start_ms", rules.last_start)?;
    check_calendar(plan, rules.hours.as_ref())?;
    check(rules.deflections.len() <= DEFLECTIONS_MAX, "rules.deflections")?;
    for row in &rules.deflections {
        if let DeflectWhen::ExpectedWait(above) = row.when {
            check_span("rules.deflections", Some(above))?;
        }
    }
    let same_person = rules.same_person;
    for time in [same_person.owner, same_person.first_handler, same_person.last_operator] {
        check_span("rules.same_person", time)?;
        check(time.is_none_or(|time| time.0 > 0), "rules.same_person")?;
    }
    check(rules.leads.len() <= LEADS_MAX, "rules.leads")?;
    check_once("rules.leads", rules.leads.iter())?;
    check_once("rules.units", rules.units.iter().map(|(channel, _)| channel))?;
    check(rules.units.iter().all(|(_, units)| *units <= CAPACITY_MAX), "rules.units")?;
    check_channels(plan, rules.units.iter().map(|(channel, _)| channel))?;
    check_queue_name(plan, rules.people_queue.iter())?;
    check_orphans(plan, &rules.orphans)?;
    check(rules.consult_units.is_none_or(|units| units <= CAPACITY_MAX), "rules.consult_units")?;
    check(rules.cap != Some(0), "rules.cap")?;
    check_span("rules.reserve_after_ms", rules.reserve_after)?;
    check(rules.reserve_after.is_none_or(|after| after.0 > 0), "rules.reserve_after_ms")?;
    if let Some(results) = &rules.results {
        for list in [&results.topics, &results.outcomes] {
            check(list.len() <= RESULTS_MAX, "rules.results")?;
            check_once("rules.results", list.iter())?;
        }
    }
    check_waits(&rules.waits)?;
    check_span("rules.alarm_after_ms", rules.alarm_after)?;
    check(rules.alarm_after != Some(Millis(0)), "rules.alarm_after_ms")?;
    check(rules.bands.len() <= BANDS_MAX, "rules.bands")?;
    check(rules.bands.first().is_none_or(|first| first.0 > 0), "rules.bands")?;
    check(rules.bands.windows(2).all(|pair| pair[0] < pair[1]), "rules.bands")?;
    check_span("rules.bands", rules.bands.last().copied())?;
    check_interruptible(plan, queue)?;
    check_thread(plan, queue)?;
    check_queue_name(plan, rules.stranded_to.iter())?;
    if rules.stranded_to.as_ref() == Some(&queue.name) {
        return Err(Refusal::PlanConflict("the stranded go where they are".to_owned()));
    }
    Ok(())
}

fn check_interruptible(plan: &Plan, queue: &QueuePlan) -> Result<(), Refusal> {
    let Some(rule) = &queue.rules.interruptible else { return Ok(()) };
    check(rule.by_channels.len() <= BY_CHANNELS_MAX, "rules.interruptible")?;
    check_once("rules.interruptible", rule.by_channels.iter())?;
    check((1..=PARKS_MAX).contains(&rule.parks_max), "rules.interruptible")?;
    check_channels(plan, rule.by_channels.iter())
}

fn check_thread(plan: &Plan, queue: &QueuePlan) -> Result<(), Refusal> {
    let Some(rules) = &queue.rules.thread else { return Ok(()) };
    let field = "rules.thread";
    let ThreadTimes {
        first_reply,
        next_reply,
        warn_before,
        requeue_after,
        park_after,
        close_after,
        keep_for,
    } = rules.times;
    let above_0 = [first_reply, next_reply, park_after, close_after];
    for span in above_0.into_iter().chain([Some(warn_before), requeue_after, Some(keep_for)]) {
        check_span(field, span)?;
    }
    check(above_0.iter().all(|span| span.is_none_or(|span| span.0 > 0)), field)?;
    let targets: Vec<Millis> = first_reply.into_iter().chain(next_reply).collect();
    check(targets.iter().all(|target| warn_before < *target), field)?;
    check(requeue_after.is_none() || !targets.is_empty(), field)?;
    check(park_after.zip(close_after).is_none_or(|(park, close)| close > park), field)?;
    check(rules.channels.len() <= BY_CHANNELS_MAX, field)?;
    check_once(field, rules.channels.iter())?;
    check_channels(plan, rules.channels.iter())
}

fn check_waits(waits: &[WaitRule]) -> Result<(), Refusal> {
    check(waits.len() <= WAIT_RULES_MAX, "rules.waits")?;
    for rule in waits {
        check_span("rules.waits", Some(rule.after))?;
        let may_be_offered = match rule.to {
            Treatment::CallBack | Treatment::Voicemail | Treatment::Message => true,
            Treatment::Queue | Treatment::Refuse => false,
        };
        check(rule.after.0 > 0 && may_be_offered, "rules.waits")?;
    }
    let goes_on = |pair: &[WaitRule]| pair[0].after < pair[1].after && !pair[0].leave;
    check(waits.windows(2).all(goes_on), "rules.waits")
}

fn check_orphans(plan: &Plan, orphans: &[(Name, OrphanRule)]) -> Result<(), Refusal> {
    check(orphans.len() <= ORPHAN_RULES_MAX, "rules.orphans")?;
    check_once("rules.orphans", orphans.iter().map(|(channel, _)| channel))?;
    for (channel, rule) in orphans {
        check_channels(plan, std::iter::once(channel))?;
        match rule {
            OrphanRule::Wait(span) => {
                check_span("rules.orphans", Some(*span))?;
                check(span.0 > 0, "rules.orphans")?;
            }
            OrphanRule::Close | OrphanRule::Requeue | OrphanRule::Stay => {}
        }
    }
    Ok(())
}

fn is_no_narrower(one: Step, next: Step) -> bool {
    one.reach <= next.reach
        && one.levels_lowered <= next.levels_lowered
        && one.rank_max <= next.rank_max
        && one.lent <= next.lent
        && one.any_language <= next.any_language
}

fn check_queue_name<'a>(plan: &Plan, mut names: impl Iterator<Item = &'a Name>) -> Result<(), Refusal> {
    let unknown = names.find(|name| !plan.queues.iter().any(|row| row.name == **name));
    unknown.map_or(Ok(()), |name| Err(Refusal::UnknownQueue(name.clone())))
}

fn check_channels<'a>(plan: &Plan, mut names: impl Iterator<Item = &'a Name>) -> Result<(), Refusal> {
    let unknown = names.find(|name| !plan.channels.iter().any(|row| row.name == **name));
    unknown.map_or(Ok(()), |name| Err(Refusal::UnknownChannel(name.clone())))
}

fn check_calendar(plan: &Plan, name: Option<&Name>) -> Result<(), Refusal> {
    let unknown = name.filter(|name| !plan.rules.calendars.iter().any(|row| row.name == **name));
    unknown.map_or(Ok(()), |name| Err(Refusal::UnknownCalendar(name.clone())))
}

fn check_units(plan: &Plan, names: &[Name]) -> Result<(), Refusal> {
    let unknown = names.iter().find(|name| !plan.units.iter().any(|row| row.name == **name));
    unknown.map_or(Ok(()), |name| Err(Refusal::UnknownUnit(name.clone())))
}

fn check_skills<'a>(plan: &Plan, mut names: impl Iterator<Item = &'a Name>) -> Result<(), Refusal> {
    let unknown = names.find(|name| !plan.skills.contains(name));
    unknown.map_or(Ok(()), |name| Err(Refusal::UnknownSkill(name.clone())))
}
