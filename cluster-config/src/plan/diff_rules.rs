//! What changes in the rule book, in words.

use ringmain_routing::plan::Plan;
use ringmain_routing::rules::{
    Choice, DeflectWhen, Deflection, EntryRule, OperatorRules, QueueRules, Reach, ResultRule, Route,
    SamePerson, Stage, Step, Treatment,
};
use ringmain_routing::{Millis, Name};

use super::diff::{Words, calendar_changes, ms, named};

/// The rules of the whole centre: one line for each change.
pub(super) fn plan_changes(before: &Plan, after: &Plan, lines: &mut Vec<String>) {
    let (old, new) = (&before.rules, &after.rules);
    for principal in new.principals.iter().filter(|name| !old.principals.contains(name)) {
        lines.push(format!("principal {principal:?} added"));
    }
    lines.extend(calendar_changes(&old.calendars, &new.calendars));
    route_changes(&old.routes, &new.routes, lines);
    super::time::changes(old, new, lines);
    super::triggers::changes(&old.triggers, &new.triggers, lines);
    super::enquiries::changes(old.enquiries.as_ref(), new.enquiries.as_ref(), lines);
    entry_changes(&old.entry, &new.entry, lines);
    let mut words = Words::default();
    words.compare(
        "default queue",
        &named(old.default_queue.as_deref()),
        &named(new.default_queue.as_deref()),
    );
    let span = |span: Option<u64>| span.map_or_else(|| "none".to_owned(), ms);
    let redial = |plan: &Plan| span(plan.rules.redial.map(|redial| redial.within.0));
    words.compare("credit for calling again within", &redial(before), &redial(after));
    let recall = |plan: &Plan| span(plan.rules.recall_after.map(|after| after.0));
    words.compare("life safety calls back from breaks after", &recall(before), &recall(after));
    let most = |plan: &Plan| span(plan.rules.head_start_max.map(|max| max.0));
    words.compare("most head start", &most(before), &most(after));
    let customers = |plan: &Plan| span(plan.rules.remember.customer.map(|span| span.0));
    words.compare("customers' operators remembered for", &customers(before), &customers(after));
    let cases = |plan: &Plan| span(plan.rules.remember.case.map(|span| span.0));
    words.compare("cases' operators remembered for", &cases(before), &cases(after));
    let companion = |plan: &Plan| span(plan.rules.companion.map(|span| span.0));
    words.compare("companions until after the call", &companion(before), &companion(after));
    let duty = |plan: &Plan| span(plan.rules.duty_after.map(|span| span.0));
    words.compare("duty number after", &duty(before), &duty(after));
    if !words.list.is_empty() {
        lines.push(format!("entry: {}", words.list.join(", ")));
    }
}

/// Routes by name, with what changes in their stages.
fn route_changes(old: &[Route], new: &[Route], lines: &mut Vec<String>) {
    for route in new {
        let Some(known) = old.iter().find(|known| known.name == route.name) else {
            lines.push(format!("route {:?} added", route.name));
            continue;
        };
        let mut words = Words::default();
        let term = |term: Option<ringmain_routing::Millis>| {
            term.map_or_else(|| "none".to_owned(), |term| ms(term.0))
        };
        words.compare("term", &term(known.term), &term(route.term));
        words.compare("calendar", &named(known.calendar.as_deref()), &named(route.calendar.as_deref()));
        words.compare("stages", &stages(&known.stages), &stages(&route.stages));
        if !words.list.is_empty() {
            lines.push(format!("route {:?}: {}", route.name, words.list.join(", ")));
        }
    }
    for route in old.iter().filter(|route| !new.iter().any(|other| other.name == route.name)) {
        lines.push(format!("route {:?} left out", route.name));
    }
}

fn stages(stages: &[Stage]) -> String {
    let words = stages.iter().map(|stage| {
        let mut parts = vec![format!("{} {} in {}", stage.name, ms(stage.term.0), stage.queue)];
        if stage.warn_before.0 > 0 {
            parts.push(format!("warns {} before", ms(stage.warn_before.0)));
        }
        parts.extend(stage.escalate_to.as_ref().map(|queue| format!("then {queue}")));
        if !stage.watchers.is_empty() {
            parts.push(format!("watched by {}", list(&stage.watchers)));
        }
        if !stage.reply_by.is_empty() {
            parts.push(format!("for {}", list(&stage.reply_by)));
        }
        parts.extend(stage.channel.as_ref().map(|channel| format!("by {channel}")));
        parts.extend(stage.call_back.as_ref().map(|principals| format!("calls back for {principals}")));
        parts.join(", ")
    });
    words.collect::<Vec<_>>().join("; ")
}

/// Entry rules by name; their order is the order in which they are asked.
fn entry_changes(old: &[EntryRule], new: &[EntryRule], lines: &mut Vec<String>) {
    for rule in new {
        match old.iter().find(|known| known.name == rule.name) {
            None => lines.push(format!("entry rule {:?} added", rule.name)),
            Some(known) if known.when != rule.when && known.then != rule.then => {
                lines.push(format!("entry rule {:?}: its condition and what it gives", rule.name));
            }
            Some(known) if known.when != rule.when => {
                lines.push(format!("entry rule {:?}: its condition", rule.name));
            }
            Some(known) if known.then != rule.then => {
                lines.push(format!("entry rule {:?}: what it gives", rule.name));
            }
            Some(_) => {}
        }
    }
    let is_kept = |rule: &&EntryRule| new.iter().any(|other| other.name == rule.name);
    for rule in old.iter().filter(|rule| !is_kept(rule)) {
        lines.push(format!("entry rule {:?} left out", rule.name));
    }
    let order = |rules: &[EntryRule], others: &[EntryRule]| -> Vec<Name> {
        let kept = rules.iter().filter(|rule| others.iter().any(|other| other.name == rule.name));
        kept.map(|rule| rule.name.clone()).collect()
    };
    if order(old, new) != order(new, old) {
        lines.push("entry rules: asked in another order".to_owned());
    }
}

pub(super) fn queue_words(old: &QueueRules, new: &QueueRules, words: &mut Words) {
    words.compare("choice", &choice(old.choice), &choice(new.choice));
    words.compare("ladder", &ladder(&old.ladder), &ladder(&new.ladder));
    let after =
        |rules: &QueueRules| rules.promote_after.map_or_else(|| "never".to_owned(), |after| ms(after.0));
    words.compare("promotion after", &after(old), &after(new));
    words.compare("units by channel", &by_channel(&old.units), &by_channel(&new.units));
    words.compare("hours", &named(old.hours.as_deref()), &named(new.hours.as_deref()));
    words.compare("deflections", &deflections(&old.deflections), &deflections(&new.deflections));
    words.compare("waits for", &same_person(&old.same_person), &same_person(&new.same_person));
    words.compare("leads", &list(&old.leads), &list(&new.leads));
    words.compare("hard", &old.hard.to_string(), &new.hard.to_string());
    let passes =
        |rules: &QueueRules| rules.passes_max.map_or_else(|| "any".to_owned(), |max| max.to_string());
    words.compare("passes", &passes(old), &passes(new));
    let last = |rules: &QueueRules| rules.last_start.map_or_else(|| "none".to_owned(), |last| ms(last.0));
    words.compare("last start before the end of a shift", &last(old), &last(new));
    let orphans = |rules: &QueueRules| super::together::orphan_words(&rules.orphans);
    words.compare("orphans", &orphans(old), &orphans(new));
    let asked = |rules: &QueueRules| {
        rules.consult_units.map_or_else(|| "as a contact".to_owned(), |units| units.to_string())
    };
    words.compare("units of a consultation", &asked(old), &asked(new));
    words.compare("people", &named(old.people_queue.as_deref()), &named(new.people_queue.as_deref()));
    words.compare("stranded to", &named(old.stranded_to.as_deref()), &named(new.stranded_to.as_deref()));
    let cap = |rules: &QueueRules| rules.cap.map_or_else(|| "none".to_owned(), |cap| cap.to_string());
    words.compare("cap", &cap(old), &cap(new));
    let reserve =
        |rules: &QueueRules| rules.reserve_after.map_or_else(|| "never".to_owned(), |after| ms(after.0));
    words.compare("reservation after", &reserve(old), &reserve(new));
    words.compare("bands", &spans(&old.bands), &spans(&new.bands));
    words.compare("who waits", &super::waits::words(&old.waits), &super::waits::words(&new.waits));
    let alarm =
        |rules: &QueueRules| rules.alarm_after.map_or_else(|| "never".to_owned(), |after| ms(after.0));
    words.compare("alarm after", &alarm(old), &alarm(new));
    words.compare("results", &results(old.results.as_ref()), &results(new.results.as_ref()));
    let parking = |rules: &QueueRules| super::parking::interruptible_words(rules.interruptible.as_ref());
    words.compare("interruptible", &parking(old), &parking(new));
    let thread = |rules: &QueueRules| super::thread::words(rules.thread.as_ref());
    words.compare("thread", &thread(old), &thread(new));
}

pub(super) fn operator_words(old: &OperatorRules, new: &OperatorRules, words: &mut Words) {
    words.compare("channels", &or_all(&old.channels), &or_all(&new.channels));
    words.compare("principals", &or_all(&old.principals), &or_all(&new.principals));
    words.compare("lent principals", &list(&old.lent_principals), &list(&new.lent_principals));
    words.compare("caps", &by_channel(&old.caps), &by_channel(&new.caps));
    words.compare("deputies", &list(&old.deputies), &list(&new.deputies));
    words.compare("breaks", &list(&old.breaks), &list(&new.breaks));
    words.compare("shift", &named(old.shift.as_deref()), &named(new.shift.as_deref()));
    words.compare("rests", &super::time::yes(old.rests), &super::time::yes(new.rests));
    words.compare("bot", &super::time::yes(old.bot), &super::time::yes(new.bot));
    words.compare("units", &by_channel(&old.units), &by_channel(&new.units));
    words.compare("caps by queue", &by_channel(&old.queue_caps), &by_channel(&new.queue_caps));
    let wrap_up =
        |rules: &OperatorRules| rules.wrap_up.map_or_else(|| "the queue's".to_owned(), |span| ms(span.0));
    words.compare("wrap-up", &wrap_up(old), &wrap_up(new));
}

fn results(rule: Option<&ResultRule>) -> String {
    rule.map_or_else(
        || "not asked for".to_owned(),
        |rule| format!("topics {}, outcomes {}", or_all(&rule.topics), or_all(&rule.outcomes)),
    )
}

pub(super) fn list(names: &[Name]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" + ")
}

fn spans(spans: &[Millis]) -> String {
    if spans.is_empty() {
        return "none".to_owned();
    }
    spans.iter().map(|span| ms(span.0)).collect::<Vec<_>>().join(" + ")
}

fn or_all(names: &[Name]) -> String {
    if names.is_empty() { "all".to_owned() } else { list(names) }
}

fn by_channel<T: std::fmt::Display>(pairs: &[(Name, T)]) -> String {
    if pairs.is_empty() {
        return "none".to_owned();
    }
    pairs.iter().map(|(channel, value)| format!("{channel} {value}")).collect::<Vec<_>>().join(" + ")
}

fn same_person(rule: &SamePerson) -> String {
    let ways =
        [("owner", rule.owner), ("first handler", rule.first_handler), ("last operator", rule.last_operator)];
    let ways = ways.into_iter().filter_map(|(who, hold)| Some(format!("{who} {}", ms(hold?.0))));
    let ways = ways.collect::<Vec<_>>();
    if ways.is_empty() { "nobody".to_owned() } else { ways.join(", ") }
}

fn deflections(deflections: &[Deflection]) -> String {
    if deflections.is_empty() {
        return "none".to_owned();
    }
    let words = deflections.iter().map(|deflection| {
        let when = match deflection.when {
            DeflectWhen::Closed => "closed".to_owned(),
            DeflectWhen::NobodySignedIn => "nobody signed in".to_owned(),
            DeflectWhen::NobodyReady => "nobody ready".to_owned(),
            DeflectWhen::Waiting(waiting) => format!("{waiting} waiting"),
            DeflectWhen::ExpectedWait(above) => format!("expected wait above {}", ms(above.0)),
        };
        let to = match deflection.to {
            Treatment::Queue => "queue",
            Treatment::CallBack => "call-back",
            Treatment::Voicemail => "voicemail",
            Treatment::Message => "message",
            Treatment::Refuse => "refuse",
        };
        format!("{when}: {to}")
    });
    words.collect::<Vec<_>>().join("; ")
}

fn choice(choice: Choice) -> &'static str {
    match choice {
        Choice::LongestIdle => "longest idle",
        Choice::LeastOccupied => "least occupied",
        Choice::MostSkilled => "most skilled",
        Choice::RoundRobin => "round robin",
    }
}

fn ladder(steps: &[Step]) -> String {
    if steps.is_empty() {
        return "none".to_owned();
    }
    steps.iter().map(step).collect::<Vec<_>>().join("; ")
}

fn step(step: &Step) -> String {
    let reach = match step.reach {
        Reach::Nobody => "nobody".to_owned(),
        Reach::Own => "own unit".to_owned(),
        Reach::Neighbours => "neighbours".to_owned(),
        Reach::Up(up) => format!("{up} up"),
        Reach::All => "all".to_owned(),
    };
    let mut parts = vec![format!("{} {reach}", ms(step.after.0))];
    if step.levels_lowered > 0 {
        parts.push(format!("levels -{}", step.levels_lowered));
    }
    if step.rank_max < u8::MAX {
        parts.push(format!("ranks to {}", step.rank_max));
    }
    if step.lent {
        parts.push("lent".to_owned());
    }
    if step.any_language {
        parts.push("any language".to_owned());
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use ringmain_routing::Millis;
    use ringmain_routing::plan::QueuePlan;

    use super::*;

    #[test]
    fn a_change_of_the_rule_book_is_told_in_words() {
        let mut before = Plan { queues: vec![QueuePlan::named("a")], ..Plan::default() };
        let rule =
            |name: &str| EntryRule { name: name.into(), when: Default::default(), then: Default::default() };
        before.rules.entry = vec![rule("one"), rule("two")];
        let mut after = before.clone();
        after.rules.entry = vec![rule("two"), rule("one"), rule("three")];
        after.rules.entry[1].then.tier = Some(3);
        after.queues[0].rules.promote_after = Some(Millis(60_000));
        let step = Step::default();
        after.queues[0].rules.ladder =
            vec![step, Step { after: Millis(30_000), reach: Reach::All, levels_lowered: 2, ..step }];
        assert_eq!(
            super::super::changes(&before, &after),
            [
                "queue \"a\": ladder none → 0 ms own unit; 30 s all, levels -2, promotion after never → 60 s",
                "entry rule \"one\": what it gives",
                "entry rule \"three\" added",
                "entry rules: asked in another order",
            ]
        );
    }
}
