//! Routes of the random worlds, in small numbers.

use ringmain_routing::Millis;
use ringmain_routing::command::TransferTarget;
use ringmain_routing::rules::{PlanRules, Route, Stage};

use super::rule_book::{CALENDARS, chosen};
use super::world::{CHANNELS, OPERATORS, QUEUES, pick};

/// Routes of the world; the last one no plan has.
pub const ROUTES: [&str; 3] = ["claim", "complaint", "nowhere"];

/// Ways of answering.
pub const WAYS: [&str; 2] = ["call", "post"];

/// A route of the plan.
#[derive(Clone, Debug)]
pub struct RouteSpec {
    /// Its stages, one at least.
    pub stages: Vec<StageSpec>,
    /// Until all of it is due.
    pub term: Option<u8>,
    /// What counts as working time.
    pub calendar: Option<u8>,
}

/// A stage of a route.
#[derive(Clone, Copy, Debug)]
pub struct StageSpec {
    /// Where its contacts wait.
    pub queue: u8,
    /// Until it is due.
    pub term: u8,
    /// How long before that it is near.
    pub warn: u8,
    /// Where late work goes.
    pub escalate: Option<u8>,
    /// Who watches, by bits.
    pub watchers: u8,
}

/// Puts routes into a plan's rules.
pub(super) fn put_into(rules: &mut PlanRules, specs: &[RouteSpec], queues: u8) {
    let row = |(name, spec): (&&str, &RouteSpec)| Route {
        name: (*name).into(),
        stages: (0..).zip(&spec.stages).map(|(number, spec)| stage(number, spec, queues)).collect(),
        term: spec.term.map(|ms| Millis(4 * u64::from(ms) + 1)),
        calendar: spec.calendar.map(|number| pick(&CALENDARS, number).into()),
    };
    rules.routes = ROUTES.iter().take(2).zip(specs).map(row).collect();
    let last = rules.routes.len();
    for rule in &mut rules.entry {
        let is_there =
            rules.routes.iter().take(last).any(|route| Some(&route.name) == rule.then.route.as_ref());
        rule.then.route = rule.then.route.take().filter(|_| is_there);
        if rule.then.route.is_some() {
            rule.then.queue = None;
        }
    }
}

fn stage(number: u8, spec: &StageSpec, queues: u8) -> Stage {
    let term = 2 + u64::from(spec.term);
    Stage {
        name: format!("stage {number}").into(),
        queue: pick(&QUEUES, spec.queue % queues).into(),
        term: Millis(term),
        warn_before: Millis(u64::from(spec.warn) % term),
        escalate_to: spec.escalate.map(|queue| pick(&QUEUES, queue % queues).into()),
        watchers: chosen(OPERATORS.into_iter(), spec.watchers),
        reply_by: chosen(WAYS.into_iter(), if number == 0 && spec.warn < 78 { 0 } else { spec.warn % 8 }),
        channel: spec.term.is_multiple_of(3).then(|| pick(&CHANNELS, spec.term / 3).0.into()),
        call_back: (spec.term % 5 < 2)
            .then(|| if spec.term.is_multiple_of(5) { "all" } else { "retail" }.into()),
    }
}

/// The rest of a talk as a case.
pub(super) fn back_office(route: u8, channel: u8) -> TransferTarget {
    TransferTarget::BackOffice {
        route: pick(&ROUTES, route).into(),
        channel: pick(&CHANNELS, channel).0.into(),
        reply_by: WAYS.get(usize::from(channel)).map(|way| (*way).into()),
    }
}
