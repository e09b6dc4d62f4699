//! What changes from one plan to the next, in words.

use std::collections::BTreeMap;
use std::fmt::Display;

use ringmain_routing::Name;
use ringmain_routing::calendar::CalendarPlan;
use ringmain_routing::command::OperatorPlan;
use ringmain_routing::plan::{Answer, Orphan, Plan, QueuePlan, SessionPlan, UnitPlan};
use ringmain_routing::rules::PlanRules;

use super::{calendar_diff, diff_rules};

/// One line for each change, in the order queues, skills, channels, units, entry, sessions; none when both say the same.
#[must_use]
pub fn changes(before: &Plan, after: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    let (old, new) = (by_name(&before.queues, |q| &q.name), by_name(&after.queues, |q| &q.name));
    each(&old, &new, "queue", &mut lines, queue_changes);
    let (old, new) = (by_name(&before.skills, |s| s), by_name(&after.skills, |s| s));
    each(&old, &new, "skill", &mut lines, |_, _| Vec::new());
    let (old, new) = (by_name(&before.channels, |c| &c.name), by_name(&after.channels, |c| &c.name));
    each(&old, &new, "channel", &mut lines, |old, new| {
        let mut words = Words::default();
        words.compare("units", &old.units, &new.units);
        words.list
    });
    let (old, new) = (by_name(&before.units, |u| &u.name), by_name(&after.units, |u| &u.name));
    each(&old, &new, "unit", &mut lines, |old, new| {
        let mut words = Words::default();
        words.compare("parent", &parent(before, old), &parent(after, new));
        let neighbours = |unit: &UnitPlan| diff_rules::list(&unit.rules.neighbours);
        words.compare("neighbours", &neighbours(old), &neighbours(new));
        words.compare("head", &named(old.rules.head.as_deref()), &named(new.rules.head.as_deref()));
        let calendar = |unit: &UnitPlan| named(unit.rules.calendar.as_deref());
        words.compare("calendar", &calendar(old), &calendar(new));
        words.list
    });
    diff_rules::plan_changes(before, after, &mut lines);
    let words = session_changes(&before.sessions, &after.sessions);
    if !words.is_empty() {
        lines.push(format!("sessions: {}", words.join(", ")));
    }
    lines
}

/// One line for each operator added or changed; operators that `after` does not name stay as they are.
#[must_use]
pub fn operator_changes(before: &[OperatorPlan], after: &[OperatorPlan]) -> Vec<String> {
    let known = by_name(before, |operator| &operator.login);
    let mut lines = Vec::new();
    for operator in after {
        match known.get(&operator.login) {
            None => lines.push(format!("operator {:?} added", operator.login)),
            Some(old) => {
                let mut words = Words::default();
                words.compare("skills", &levels(&old.skills), &levels(&operator.skills));
                words.compare("capacity", &old.capacity, &operator.capacity);
                words.compare("unit", &named(old.unit.as_deref()), &named(operator.unit.as_deref()));
                words.compare("ranks", &levels(&old.ranks), &levels(&operator.ranks));
                diff_rules::operator_words(&old.rules, &operator.rules, &mut words);
                if !words.list.is_empty() {
                    lines.push(format!("operator {:?}: {}", operator.login, words.list.join(", ")));
                }
            }
        }
    }
    lines
}

/// Whether both say the same, apart from how far ahead their calendars were worked out: one file on two days.
#[must_use]
pub fn says_the_same(one: &Plan, other: &Plan) -> bool {
    let (old, new) = (
        by_name(&one.rules.calendars, |calendar| &calendar.name),
        by_name(&other.rules.calendars, |calendar| &calendar.name),
    );
    let same_calendars = old.len() == new.len()
        && old.iter().all(|(name, old)| {
            new.get(name).is_some_and(|new| calendar_diff::hour_changes(old, new).is_empty())
        });
    let calendars = one.rules.calendars.clone();
    same_calendars && *one == Plan { rules: PlanRules { calendars, ..other.rules.clone() }, ..other.clone() }
}

/// One line for each calendar that changes, in the order of their names.
#[must_use]
pub fn calendar_changes(before: &[CalendarPlan], after: &[CalendarPlan]) -> Vec<String> {
    let (old, new) = (by_name(before, |calendar| &calendar.name), by_name(after, |calendar| &calendar.name));
    let mut lines = Vec::new();
    each(&old, &new, "calendar", &mut lines, calendar_diff::changes);
    lines
}

fn by_name<T>(list: &[T], name: impl Fn(&T) -> &Name) -> BTreeMap<Name, &T> {
    list.iter().map(|one| (name(one).clone(), one)).collect()
}

fn each<T>(
    old: &BTreeMap<Name, &T>,
    new: &BTreeMap<Name, &T>,
    kind: &str,
    lines: &mut Vec<String>,
    compare: impl Fn(&T, &T) -> Vec<String>,
) {
    for (name, one) in new {
        match old.get(name) {
            None => lines.push(format!("{kind} {name:?} added")),
            Some(before) => {
                let words = compare(before, one);
                if !words.is_empty() {
                    lines.push(format!("{kind} {name:?}: {}", words.join(", ")));
                }
            }
        }
    }
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        lines.push(format!("{kind} {name:?} left out"));
    }
}

fn queue_changes(old: &QueuePlan, new: &QueuePlan) -> Vec<String> {
    let mut words = Words::default();
    words.compare("answer", &answer(old.answer), &answer(new.answer));
    words.compare("wrap-up", &ms(old.wrap_up.0), &ms(new.wrap_up.0));
    words.compare("longest wrap-up", &ms(old.wrap_up_max.0), &ms(new.wrap_up_max.0));
    words.compare("orphans", &orphan(old.orphan), &orphan(new.orphan));
    words.compare("most waiting", &old.waiting_max, &new.waiting_max);
    let target = |queue: &QueuePlan| format!("{} % in {}", queue.target.percent, ms(queue.target.within.0));
    words.compare("target", &target(old), &target(new));
    words.compare("required skills", &levels(&old.required), &levels(&new.required));
    words.compare("scope", &named(old.scope.as_deref()), &named(new.scope.as_deref()));
    words.compare("state", &state(old.open), &state(new.open));
    diff_rules::queue_words(&old.rules, &new.rules, &mut words);
    words.list
}

fn session_changes(old: &SessionPlan, new: &SessionPlan) -> Vec<String> {
    let mut words = Words::default();
    words.compare("grace", &ms(old.grace.0), &ms(new.grace.0));
    words.compare("missed", &ms(old.missed.0), &ms(new.missed.0));
    words.compare("exclusion", &ms(old.exclusion.0), &ms(new.exclusion.0));
    words.compare("key window", &ms(old.key_window.0), &ms(new.key_window.0));
    words.list
}

/// What differs, one phrase for each.
#[derive(Default)]
pub(super) struct Words {
    pub(super) list: Vec<String>,
}

impl Words {
    pub(super) fn compare<T: PartialEq + Display>(&mut self, what: &str, old: &T, new: &T) {
        if old != new {
            self.list.push(format!("{what} {old} → {new}"));
        }
    }
}

fn parent(plan: &Plan, unit: &UnitPlan) -> String {
    named(unit.parent.and_then(|parent| plan.units.get(parent.0 as usize)).map(|unit| &*unit.name))
}

pub(super) fn named(name: Option<&str>) -> String {
    name.map_or_else(|| "none".to_owned(), |name| format!("{name:?}"))
}

pub(super) fn levels(levels: &[(Name, u8)]) -> String {
    if levels.is_empty() {
        return "none".to_owned();
    }
    let mut sorted: Vec<_> = levels.iter().collect();
    sorted.sort();
    sorted.iter().map(|(name, level)| format!("{name} {level}")).collect::<Vec<_>>().join(" + ")
}

fn answer(answer: Answer) -> String {
    match answer {
        Answer::Automatic => "automatic".to_owned(),
        Answer::Confirmed { within } => format!("automatic, confirmed in {}", ms(within.0)),
        Answer::Offered { within } => format!("offered for {}", ms(within.0)),
        Answer::Previewed { within } => format!("previewed for {}", ms(within.0)),
    }
}

fn orphan(orphan: Orphan) -> &'static str {
    match orphan {
        Orphan::Requeue => "back to the queue",
        Orphan::Close => "closed",
    }
}

fn state(open: bool) -> &'static str {
    if open { "open" } else { "closed" }
}

pub(super) fn ms(ms: u64) -> String {
    if ms > 0 && ms.is_multiple_of(1000) { format!("{} s", ms / 1000) } else { format!("{ms} ms") }
}
