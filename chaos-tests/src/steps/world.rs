//! The small world in which steps happen: few names, short spans, so that everything meets everything.

use ringmain_routing::plan::{Answer, ChannelPlan, Orphan, QueuePlan, SessionPlan, UnitPlan};
use ringmain_routing::rules::{PlanRules, QueueRules, UnitRules};
use ringmain_routing::{Millis, Name, Plan, UnitId};

use super::rule_book::{self, PlanRuleSpec, QueueRuleSpec};

/// Skills of the world.
pub const SKILLS: [&str; 4] = ["russian", "kazakh", "billing", "meters"];
/// Queues of the world.
pub const QUEUES: [&str; 4] = ["calls", "chat", "post", "outage"];
/// Channels and their units.
pub const CHANNELS: [(&str, u32); 3] = [("voice", 3), ("text", 1), ("note", 0)];
/// Org units, each after its parent.
pub const UNITS: [(&str, Option<u32>); 4] =
    [("company", None), ("north", Some(0)), ("city", Some(1)), ("south", Some(0))];
/// Gateways of the world.
pub const GATEWAYS: [&str; 3] = ["pbx", "site", "kiosk"];
/// Operators of the world.
pub const OPERATORS: [&str; 6] = ["anna", "boris", "vera", "gleb", "dina", "egor"];

/// A queue in small numbers.
#[derive(Clone, Copy, Debug)]
pub struct QueueSpec {
    /// 0 automatic, 1 confirmed, 2 offered.
    pub answer: u8,
    /// Time to answer.
    pub within: u8,
    /// Wrap-up.
    pub wrap_up: u8,
    /// Longest wrap-up.
    pub wrap_up_max: u8,
    /// Closes orphans.
    pub close: bool,
    /// Few may wait.
    pub waiting_max: u8,
    /// A required skill, if any.
    pub required: Option<(u8, u8)>,
    /// A scope, if any.
    pub scope: Option<u8>,
    /// Takes contacts.
    pub open: bool,
    /// The rule book for it.
    pub rules: QueueRuleSpec,
}

/// Spans of sessions in small numbers.
#[derive(Clone, Copy, Debug)]
pub struct SessionSpec {
    /// Grace.
    pub grace: u8,
    /// Missed.
    pub missed: u8,
    /// Exclusion.
    pub exclusion: u8,
    /// Key window.
    pub key_window: u8,
}

/// An element of a list, by a number of any size.
#[must_use]
pub fn pick<T: Copy>(list: &[T], number: u8) -> T {
    list[usize::from(number) % list.len()]
}

/// Skills with levels 1 to 4 by the bits of a number: the low four bits say which, the high four how well.
#[must_use]
pub fn skills(bits: u8) -> Vec<(Name, u8)> {
    let level = 1 + (bits >> 4) % 4;
    let chosen = SKILLS.iter().enumerate().filter(|(place, _)| bits & (1 << place) != 0);
    chosen.map(|(_, name)| ((*name).into(), level)).collect()
}

/// The queue's plan.
#[must_use]
pub fn queue(name: &str, spec: QueueSpec) -> QueuePlan {
    let within = Millis(u64::from(spec.within));
    let rules = rule_book::queue_rules(&spec.rules);
    QueuePlan {
        answer: match (spec.answer % 3, spec.wrap_up_max % 2) {
            (0, _) => Answer::Automatic,
            (1, 0) if rules != QueueRules::default() => Answer::Previewed { within },
            (1, _) => Answer::Confirmed { within },
            _ => Answer::Offered { within },
        },
        wrap_up: Millis(u64::from(spec.wrap_up.min(spec.wrap_up_max))),
        wrap_up_max: Millis(u64::from(spec.wrap_up_max)),
        orphan: if spec.close { Orphan::Close } else { Orphan::Requeue },
        waiting_max: if spec.waiting_max > 12 { 1000 } else { u32::from(spec.waiting_max) },
        required: spec
            .required
            .iter()
            .map(|(skill, level)| (pick(&SKILLS, *skill).into(), 1 + level % 4))
            .collect(),
        scope: spec.scope.map(|unit| pick(&UNITS, unit).0.into()),
        open: spec.open,
        rules,
        ..QueuePlan::named(name)
    }
}

/// The spans of sessions.
#[must_use]
pub fn sessions(spec: SessionSpec) -> SessionPlan {
    let span = |number: u8| Millis(u64::from(number));
    SessionPlan {
        grace: span(spec.grace),
        missed: span(spec.missed),
        exclusion: span(spec.exclusion),
        key_window: Millis(4 * u64::from(spec.key_window)),
    }
}

/// Version 1 of a plan with these queues.
#[must_use]
pub fn plan(queues: &[QueueSpec], session_spec: SessionSpec, rules: Option<&PlanRuleSpec>) -> Plan {
    let mut plan = Plan {
        version: 1,
        queues: QUEUES.iter().zip(queues).map(|(name, spec)| queue(name, *spec)).collect(),
        skills: SKILLS.iter().map(|name| (*name).into()).collect(),
        channels: CHANNELS
            .iter()
            .map(|(name, units)| ChannelPlan { name: (*name).into(), units: *units })
            .collect(),
        units: UNITS
            .iter()
            .map(|(name, parent)| UnitPlan {
                name: (*name).into(),
                parent: parent.map(UnitId),
                rules: UnitRules::default(),
            })
            .collect(),
        sessions: sessions(session_spec),
        rules: PlanRules::default(),
    };
    if let Some(rules) = rules {
        rule_book::put_rules(&mut plan, rules);
    }
    rule_book::drop_unknown_hours(&mut plan);
    plan
}
