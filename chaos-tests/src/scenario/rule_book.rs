//! The rule book in scenarios: entry rules, ladders, what operators may be given, what a gateway knows, the register.

use anyhow::{Context, Result, bail, ensure};
use ringmain_routing::calendar::CalendarPlan;
use ringmain_routing::command::{CaseStep, ContactResult, PutLifeSupport, Reference, life_support_hash};
use ringmain_routing::plan::QueuePlan;
use ringmain_routing::rules::{
    Applicant, Choice, DeflectWhen, Deflection, EntryRule, Facts, OperatorRules, OrphanRule, PlanRules,
    QueueRules, Reach, Redial, Remember, ResultRule, Route, SamePerson, Stage, Step, Then, Treatment, When,
};
use ringmain_routing::{Millis, Name, Plan, Timestamp};

use super::words::{Words, quoted, write_levels};
use super::write::{flag, levels, optional};
use super::{enquiries, threads, time, together, triggers};

/// Reads a line of a plan that is about rules; `false` when it is about something else.
pub(super) fn add_to_plan(plan: &mut Plan, words: &Words) -> Result<bool> {
    match words.plain(0)? {
        "principal" => plan.rules.principals.push(words.plain(1)?.into()),
        "rules" => {
            let within = words.optional("redial")?.map(Millis);
            plan.rules = PlanRules {
                default_queue: words.text("default-queue").map(Into::into),
                redial: within.map(|within| Redial { within }),
                recall_after: words.optional("recall-after")?.map(Millis),
                duty_after: words.optional("duty-after")?.map(Millis),
                companion: words.optional("companion")?.map(Millis),
                head_start_max: words.optional("head-start-max")?.map(Millis),
                remember: Remember {
                    customer: words.optional("remember-customer")?.map(Millis),
                    case: words.optional("remember-case")?.map(Millis),
                },
                ..std::mem::take(&mut plan.rules)
            };
        }
        "calendar" => plan.rules.calendars.push(calendar(words)?),
        "break" => plan.rules.breaks.push(time::break_rule(words)?),
        "trigger" => plan.rules.triggers.push(triggers::trigger(words)?),
        "enquiries" => plan.rules.enquiries = Some(enquiries::rule(words)?),
        "addressee" => enquiries::add_addressee(plan.rules.enquiries.as_mut(), words)?,
        "shifted-rank" => triggers::add_rank(&mut plan.rules.triggers, words)?,
        "rest" => plan.rules.rest = Some(time::rest_rule(words)?),
        "entry" => plan.rules.entry.push(entry(words)?),
        "route" => plan.rules.routes.push(route(words)?),
        "stage" => {
            let route = plan.rules.routes.last_mut().context("a stage stands behind its route")?;
            route.stages.push(stage(words)?);
        }
        "deflect" => rules_of(plan, words)?.deflections.push(deflection(words)?),
        "wait" => rules_of(plan, words)?.waits.push(together::wait_rule(words)?),
        "step" => rules_of(plan, words)?.ladder.push(step(words)?),
        "thread" => rules_of(plan, words)?.thread = Some(threads::rules(words)?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// The rules of the queue that a line names.
fn rules_of<'a>(plan: &'a mut Plan, words: &Words) -> Result<&'a mut QueueRules> {
    let name = words.plain(1)?;
    let queue = plan.queues.iter_mut().rfind(|queue| &*queue.name == name);
    Ok(&mut queue.with_context(|| format!("{name}: this stands behind its queue"))?.rules)
}

fn calendar(words: &Words) -> Result<CalendarPlan> {
    let span = |part: &str| -> Result<(u64, u64)> {
        let (from, to) = part.split_once('-').with_context(|| format!("{part}: MS-MS is expected"))?;
        Ok((from.parse()?, to.parse()?))
    };
    let spans = |name: &str| words.parts(name).map(span).collect::<Result<Vec<_>>>();
    let at = |(from, to)| (Timestamp(from), Timestamp(to));
    let within = |(from, to)| (Millis(from), Millis(to));
    Ok(CalendarPlan {
        name: words.plain(1)?.into(),
        spans: spans("open")?.into_iter().map(at).collect(),
        until: Timestamp(words.number("until")?),
        week: spans("week")?.into_iter().map(within).collect(),
    })
}

fn deflection(words: &Words) -> Result<Deflection> {
    let when = words.text("when").context("when= is missing")?;
    let when = match when.split_once(':') {
        None if when == "closed" => DeflectWhen::Closed,
        None if when == "nobody-signed-in" => DeflectWhen::NobodySignedIn,
        None if when == "nobody-ready" => DeflectWhen::NobodyReady,
        Some(("waiting", least)) => DeflectWhen::Waiting(least.parse()?),
        Some(("ewt-above", above)) => DeflectWhen::ExpectedWait(Millis(above.parse()?)),
        None | Some(_) => {
            bail!("when={when}: closed, nobody-signed-in, nobody-ready, waiting:N or ewt-above:MS")
        }
    };
    Ok(Deflection { when, to: read_treatment(words)? })
}

pub(super) fn read_treatment(words: &Words) -> Result<Treatment> {
    Ok(match words.text("to") {
        Some("queue") => Treatment::Queue,
        Some("call-back") => Treatment::CallBack,
        Some("voicemail") => Treatment::Voicemail,
        Some("message") => Treatment::Message,
        Some("refuse") => Treatment::Refuse,
        other => bail!("to={other:?}: queue, call-back, voicemail, message or refuse"),
    })
}

fn entry(words: &Words) -> Result<EntryRule> {
    let applicants = words.parts("applicants").map(applicant).collect::<Result<_>>()?;
    let when = When {
        queues: words.names("queues"),
        channels: words.names("channels"),
        gateways: words.names("gateways"),
        principals: words.names("principals"),
        units: words.names("units"),
        applicants,
        languages: words.names("languages"),
        topics: words.names("topics"),
        intents: words.names("intents"),
        attributes: words.pairs("says")?,
        registered: words.answer("registered")?,
        danger: words.answer("danger")?,
        calendar: calendar_asked(words),
    };
    let then = Then {
        queue: words.text("to").map(Into::into),
        tier: words.optional("tier")?,
        skills: words.levels("skills")?,
        own_unit: words.has("own-unit"),
        owner: words.text("owner").map(Into::into),
        head_start: Millis(words.optional("head-start")?.unwrap_or(0)),
        route: words.text("route").map(Into::into),
    };
    Ok(EntryRule { name: words.plain(1)?.into(), when, then })
}

fn route(words: &Words) -> Result<Route> {
    Ok(Route {
        name: words.plain(1)?.into(),
        stages: Vec::new(),
        term: words.optional("term")?.map(Millis),
        calendar: words.text("calendar").map(Into::into),
    })
}

fn stage(words: &Words) -> Result<Stage> {
    Ok(Stage {
        name: words.plain(1)?.into(),
        queue: words.name("queue")?,
        term: Millis(words.number("term")?),
        warn_before: Millis(words.optional("warn")?.unwrap_or(0)),
        escalate_to: words.text("escalate").map(Into::into),
        watchers: words.names("watchers"),
        reply_by: words.names("reply-by"),
        channel: words.text("channel").map(Into::into),
        call_back: words.text("call-back").map(Into::into),
    })
}

/// Where the case of a completed contact goes.
pub(super) fn case_step(words: &Words) -> Result<CaseStep> {
    Ok(match words.text("step") {
        None => CaseStep::Next,
        Some("return") => CaseStep::Return,
        Some("close") => CaseStep::Close,
        Some(other) => bail!("step={other}: return or close, or nothing for the next"),
    })
}

/// ` step=return`
pub(super) fn write_case_step(step: CaseStep) -> String {
    let word = match step {
        CaseStep::Next => None,
        CaseStep::Return => Some("return"),
        CaseStep::Close => Some("close"),
    };
    optional("step", word)
}

fn route_lines(route: &Route) -> Vec<String> {
    let first = format!("route {}", quoted(&route.name))
        + &optional("term", route.term.map(|term| term.0))
        + &optional("calendar", route.calendar.as_ref());
    let stages = route.stages.iter().map(|stage| {
        let warn = (stage.warn_before.0 > 0).then_some(stage.warn_before.0);
        format!("stage {} queue={} term={}", quoted(&stage.name), quoted(&stage.queue), stage.term.0)
            + &optional("warn", warn)
            + &optional("escalate", stage.escalate_to.as_ref())
            + &names("watchers", &stage.watchers)
            + &names("reply-by", &stage.reply_by)
            + &optional("channel", stage.channel.as_ref())
            + &optional("call-back", stage.call_back.as_ref())
    });
    std::iter::once(first).chain(stages).collect()
}

fn calendar_asked(words: &Words) -> Option<(Name, bool)> {
    let open = words.text("open").map(|name| (name.into(), true));
    open.or_else(|| words.text("shut").map(|name| (name.into(), false)))
}

fn step(words: &Words) -> Result<Step> {
    let plain = Step::default();
    Ok(Step {
        after: Millis(words.number("after")?),
        reach: words.text("reach").map_or(Ok(Reach::Own), reach)?,
        levels_lowered: words.optional("lowered")?.unwrap_or(0),
        rank_max: words.optional("rank-max")?.unwrap_or(plain.rank_max),
        lent: words.has("lent"),
        any_language: words.has("any-language"),
    })
}

fn reach(text: &str) -> Result<Reach> {
    Ok(match text.split_once(':') {
        None if text == "nobody" => Reach::Nobody,
        None if text == "own" => Reach::Own,
        None if text == "neighbours" => Reach::Neighbours,
        None if text == "all" => Reach::All,
        Some(("up", levels)) => Reach::Up(levels.parse().with_context(|| format!("reach={text}"))?),
        None | Some(_) => bail!("reach={text}: nobody, own, neighbours, up:LEVELS or all"),
    })
}

fn applicant(text: &str) -> Result<Applicant> {
    Ok(match text {
        "home" => Applicant::Home,
        "firm" => Applicant::Firm,
        "official" => Applicant::Official,
        _ => bail!("{text}: home, firm or official"),
    })
}

/// The rules in a queue's line; the ladder has lines of its own.
pub(super) fn queue_rules(words: &Words) -> Result<QueueRules> {
    let choice = match words.text("choice") {
        None | Some("longest-idle") => Choice::LongestIdle,
        Some("least-occupied") => Choice::LeastOccupied,
        Some("most-skilled") => Choice::MostSkilled,
        Some("round-robin") => Choice::RoundRobin,
        Some(other) => bail!("choice={other}: longest-idle, least-occupied, most-skilled or round-robin"),
    };
    let promote_after = words.optional("promote-after")?.map(Millis);
    Ok(QueueRules {
        choice,
        promote_after,
        units: words.levels("units")?,
        hours: words.text("hours").map(Into::into),
        last_start: words.optional("last-start")?.map(Millis),
        same_person: same_person(words)?,
        leads: words.names("leads"),
        hard: words.has("hard"),
        passes_max: words.optional("passes-max")?,
        orphans: orphans(words)?,
        cap: words.optional("cap")?,
        reserve_after: words.optional("reserve-after")?.map(Millis),
        results: words
            .has("results")
            .then(|| ResultRule { topics: words.names("topics"), outcomes: words.names("outcomes") }),
        ..QueueRules::default()
    })
}

fn write_results(rule: Option<&ResultRule>) -> String {
    let list = |rule: &ResultRule| names("topics", &rule.topics) + &names("outcomes", &rule.outcomes);
    rule.map_or(String::new(), |rule| flag("results", true) + &list(rule))
}

/// What a completion says.
pub(super) fn result(words: &Words) -> Result<Option<ContactResult>> {
    let Some(topic) = words.text("topic") else { return Ok(None) };
    Ok(Some(ContactResult { topic: topic.into(), outcome: words.name("outcome")? }))
}

pub(super) fn write_result(result: Option<&ContactResult>) -> String {
    result.map_or(String::new(), |result| {
        optional("topic", Some(&result.topic)) + &optional("outcome", Some(&result.outcome))
    })
}

/// `chat:stay,call:wait:50`
fn orphans(words: &Words) -> Result<Vec<(Name, OrphanRule)>> {
    let rule = |(channel, text): (Name, Name)| {
        let rule = match text.split_once(':') {
            Some(("wait", span)) => {
                OrphanRule::Wait(Millis(span.parse().with_context(|| format!("orphans={text}"))?))
            }
            None if &*text == "close" => OrphanRule::Close,
            None if &*text == "requeue" => OrphanRule::Requeue,
            None if &*text == "stay" => OrphanRule::Stay,
            None | Some(_) => bail!("orphans={text}: close, requeue, wait:MS or stay"),
        };
        Ok((channel, rule))
    };
    words.pairs("orphans")?.into_iter().map(rule).collect()
}

fn write_orphans(rules: &[(Name, OrphanRule)]) -> String {
    let text = |rule: OrphanRule| match rule {
        OrphanRule::Close => "close".to_owned(),
        OrphanRule::Requeue => "requeue".to_owned(),
        OrphanRule::Wait(span) => format!("wait:{}", span.0),
        OrphanRule::Stay => "stay".to_owned(),
    };
    let list: Vec<(Name, Name)> =
        rules.iter().map(|(channel, rule)| (channel.clone(), text(*rule).into())).collect();
    pairs("orphans", &list)
}

fn same_person(words: &Words) -> Result<SamePerson> {
    Ok(SamePerson {
        owner: words.optional("wait-for-owner")?.map(Millis),
        first_handler: words.optional("wait-for-first-handler")?.map(Millis),
        last_operator: words.optional("wait-for-last-operator")?.map(Millis),
    })
}

pub(super) fn operator_rules(words: &Words) -> Result<OperatorRules> {
    let rules = OperatorRules {
        channels: words.names("channels"),
        principals: words.names("principals"),
        lent_principals: words.names("lent"),
        caps: words.levels("caps")?,
        deputies: words.names("deputies"),
        wrap_up: words.optional("own-wrap-up")?.map(Millis),
        units: words.levels("own-units")?,
        queue_caps: words.levels("queue-caps")?,
        bot: words.has("bot"),
        ..OperatorRules::default()
    };
    Ok(time::operator_rules(rules, words))
}

pub(super) fn facts(words: &Words) -> Result<Facts> {
    let text = |name: &str| words.text(name).map(Name::from);
    Ok(Facts {
        principal: text("principal"),
        unit: text("unit"),
        applicant: words.text("applicant").map(applicant).transpose()?,
        language: text("speaks"),
        any_language: words.has("any-language"),
        phone: text("phone"),
        account: text("account"),
        supply_point: text("supply-point"),
        intent: text("intent"),
        danger: words.has("danger"),
        attributes: words.pairs("says")?,
        case: text("case"),
        reply_by: text("reply-by"),
    })
}

pub(super) fn life_support(words: &Words) -> Result<PutLifeSupport> {
    let hashes = |name: &str| words.parts(name).map(hash).collect::<Result<_>>();
    Ok(PutLifeSupport { by: words.name("by")?, add: hashes("add")?, remove: hashes("remove")? })
}

fn hash(part: &str) -> Result<u128> {
    let (kind, text) = part.split_once(':').with_context(|| format!("{part}: phone:TEXT is expected"))?;
    let kind = match kind {
        "phone" => Reference::Phone,
        "account" => Reference::Account,
        "supply-point" => Reference::SupplyPoint,
        "hash" => {
            let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
            ensure!(digits, "{part}: hash: and hex digits");
            return u128::from_str_radix(text, 16).with_context(|| part.to_owned());
        }
        _ => bail!("{part}: phone, account, supply-point or hash"),
    };
    Ok(life_support_hash(kind, text))
}

/// The lines of a plan that stand before its queues.
pub(super) fn plan_lines(rules: &PlanRules) -> Vec<String> {
    let principals = rules.principals.iter().map(|name| format!("principal {}", quoted(name)));
    principals.chain(rules.calendars.iter().map(write_calendar)).collect()
}

fn write_calendar(calendar: &CalendarPlan) -> String {
    let spans = |name: &str, spans: Vec<(u64, u64)>| {
        let spans: Vec<Name> = spans.iter().map(|(from, to)| format!("{from}-{to}").into()).collect();
        names(name, &spans)
    };
    let open = spans("open", calendar.spans.iter().map(|span| (span.0.0, span.1.0)).collect());
    let week = spans("week", calendar.week.iter().map(|span| (span.0.0, span.1.0)).collect());
    format!("calendar {}{open} until={}{week}", quoted(&calendar.name), calendar.until.0)
}

/// The lines of a plan that stand behind its queues.
pub(super) fn entry_lines(rules: &PlanRules) -> Vec<String> {
    let mut line = optional("default-queue", rules.default_queue.as_ref());
    line += &optional("redial", rules.redial.map(|redial| redial.within.0));
    line += &optional("recall-after", rules.recall_after.map(|span| span.0));
    line += &optional("duty-after", rules.duty_after.map(|span| span.0));
    line += &optional("companion", rules.companion.map(|span| span.0));
    line += &optional("head-start-max", rules.head_start_max.map(|most| most.0));
    line += &optional("remember-customer", rules.remember.customer.map(|span| span.0));
    line += &optional("remember-case", rules.remember.case.map(|span| span.0));
    let whole = (!line.is_empty()).then(|| format!("rules{line}"));
    let routes = rules.routes.iter().flat_map(route_lines);
    let time = time::lines(rules);
    let triggers =
        triggers::lines(&rules.triggers).into_iter().chain(rules.enquiries.iter().flat_map(enquiries::lines));
    whole
        .into_iter()
        .chain(routes)
        .chain(time)
        .chain(triggers)
        .chain(rules.entry.iter().map(write_entry))
        .collect()
}

fn write_entry(rule: &EntryRule) -> String {
    let (when, then) = (&rule.when, &rule.then);
    let applicants: Vec<Name> = when.applicants.iter().map(|kind| write_applicant(*kind).into()).collect();
    let lists = [
        ("queues", &when.queues),
        ("channels", &when.channels),
        ("gateways", &when.gateways),
        ("principals", &when.principals),
        ("units", &when.units),
        ("applicants", &applicants),
        ("languages", &when.languages),
        ("topics", &when.topics),
        ("intents", &when.intents),
    ];
    let mut line = format!("entry {}", quoted(&rule.name));
    lists.into_iter().for_each(|(name, list)| line += &names(name, list));
    line += &pairs("says", &when.attributes);
    line += &answer("registered", when.registered);
    line += &answer("danger", when.danger);
    if let Some((name, open)) = &when.calendar {
        line += &optional(if *open { "open" } else { "shut" }, Some(name));
    }
    line += &optional("to", then.queue.as_ref());
    line += &optional("tier", then.tier);
    line += &levels("skills", &then.skills);
    line += &flag("own-unit", then.own_unit);
    line += &optional("route", then.route.as_ref());
    line += &optional("owner", then.owner.as_ref());
    line + &optional("head-start", (then.head_start.0 > 0).then_some(then.head_start.0))
}

/// A queue's line goes on with its rules; the steps of its ladder follow.
pub(super) fn queue_lines(line: String, queue: &QueuePlan) -> Vec<String> {
    let rules = &queue.rules;
    let choice = match rules.choice {
        Choice::LongestIdle => None,
        Choice::LeastOccupied => Some("least-occupied"),
        Choice::MostSkilled => Some("most-skilled"),
        Choice::RoundRobin => Some("round-robin"),
    };
    let promote_after = optional("promote-after", rules.promote_after.map(|after| after.0));
    let first = line + &optional("choice", choice) + &promote_after + &levels("units", &rules.units);
    let first = first + &optional("last-start", rules.last_start.map(|last_start| last_start.0));
    let first = first + &optional("hours", rules.hours.as_ref()) + &write_same_person(rules.same_person);
    let first = first + &names("leads", &rules.leads) + &flag("hard", rules.hard);
    let first = first + &optional("passes-max", rules.passes_max) + &write_orphans(&rules.orphans);
    let reserve_after = optional("reserve-after", rules.reserve_after.map(|after| after.0));
    let first = first + &optional("cap", rules.cap) + &reserve_after;
    let first = first + &write_results(rules.results.as_ref()) + &together::write_queue_rules(rules);
    let steps = rules.ladder.iter().map(|step| write_step(&queue.name, *step));
    let deflections = rules.deflections.iter().map(|row| write_deflection(&queue.name, *row));
    let waits = rules.waits.iter().map(|row| together::write_wait_rule(&queue.name, *row));
    let thread = threads::write_rules(&queue.name, rules);
    std::iter::once(first).chain(steps).chain(deflections).chain(waits).chain(thread).collect()
}

fn write_same_person(times: SamePerson) -> String {
    optional("wait-for-owner", times.owner.map(|time| time.0))
        + &optional("wait-for-first-handler", times.first_handler.map(|time| time.0))
        + &optional("wait-for-last-operator", times.last_operator.map(|time| time.0))
}

fn write_deflection(queue: &Name, deflection: Deflection) -> String {
    let when = match deflection.when {
        DeflectWhen::Closed => "closed".to_owned(),
        DeflectWhen::NobodySignedIn => "nobody-signed-in".to_owned(),
        DeflectWhen::NobodyReady => "nobody-ready".to_owned(),
        DeflectWhen::Waiting(least) => format!("waiting:{least}"),
        DeflectWhen::ExpectedWait(above) => format!("ewt-above:{}", above.0),
    };
    format!("deflect {} when={when} to={}", quoted(queue), treatment(deflection.to))
}

/// What an arrival gets, in a word.
pub(super) fn treatment(treatment: Treatment) -> &'static str {
    match treatment {
        Treatment::Queue => "queue",
        Treatment::CallBack => "call-back",
        Treatment::Voicemail => "voicemail",
        Treatment::Message => "message",
        Treatment::Refuse => "refuse",
    }
}

fn write_step(queue: &Name, step: Step) -> String {
    let reach = match step.reach {
        Reach::Nobody => "nobody".to_owned(),
        Reach::Own => "own".to_owned(),
        Reach::Neighbours => "neighbours".to_owned(),
        Reach::Up(levels) => format!("up:{levels}"),
        Reach::All => "all".to_owned(),
    };
    let rank_max = (step.rank_max < u8::MAX).then_some(step.rank_max);
    let mut line = format!("step {} after={} reach={reach}", quoted(queue), step.after.0);
    line += &optional("lowered", (step.levels_lowered > 0).then_some(step.levels_lowered));
    line += &optional("rank-max", rank_max);
    line + &flag("lent", step.lent) + &flag("any-language", step.any_language)
}

pub(super) fn write_operator_rules(rules: &OperatorRules) -> String {
    names("channels", &rules.channels)
        + &names("principals", &rules.principals)
        + &names("lent", &rules.lent_principals)
        + &levels("caps", &rules.caps)
        + &time::write_operator_rules(rules)
        + &names("deputies", &rules.deputies)
        + &optional("own-wrap-up", rules.wrap_up.map(|wrap_up| wrap_up.0))
        + &levels("own-units", &rules.units)
        + &levels("queue-caps", &rules.queue_caps)
        + &flag("bot", rules.bot)
}

pub(super) fn write_facts(facts: &Facts) -> String {
    let mut line = optional("principal", facts.principal.as_ref());
    line += &optional("unit", facts.unit.as_ref());
    line += &optional("applicant", facts.applicant.map(write_applicant));
    line += &optional("speaks", facts.language.as_ref());
    line += &flag("any-language", facts.any_language);
    line += &optional("phone", facts.phone.as_ref());
    line += &optional("account", facts.account.as_ref());
    line += &optional("supply-point", facts.supply_point.as_ref());
    line += &optional("intent", facts.intent.as_ref());
    line += &flag("danger", facts.danger);
    line + &pairs("says", &facts.attributes) + &optional("case", facts.case.as_ref())
}

pub(super) fn write_life_support(command: &PutLifeSupport) -> String {
    let hashes = |name: &str, list: &[u128]| {
        let list: Vec<Name> = list.iter().map(|hash| format!("hash:{hash:032x}").into()).collect();
        names(name, &list)
    };
    let (add, remove) = (hashes("add", &command.add), hashes("remove", &command.remove));
    format!("life-support by={}{add}{remove}", quoted(&command.by))
}

/// ` neighbours=a,b`
pub(super) fn names(name: &str, list: &[Name]) -> String {
    optional(name, (!list.is_empty()).then(|| list.join(",")))
}

pub(super) fn pairs(name: &str, list: &[(Name, Name)]) -> String {
    optional(name, (!list.is_empty()).then(|| write_levels(list)))
}

fn answer(name: &str, holds: Option<bool>) -> String {
    optional(name, holds.map(|holds| if holds { "yes" } else { "no" }))
}

fn write_applicant(applicant: Applicant) -> &'static str {
    match applicant {
        Applicant::Home => "home",
        Applicant::Firm => "firm",
        Applicant::Official => "official",
    }
}
