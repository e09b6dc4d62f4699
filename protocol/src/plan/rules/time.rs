//! Breaks and rest between their two forms.

use ringmain_routing::Millis;
use ringmain_routing::rules::{BreakRule, RestRule};

use super::super::{problem, small, text};
use crate::v1::{self, FieldProblem};

pub(super) fn break_to_message(rule: &BreakRule) -> v1::BreakRule {
    v1::BreakRule {
        name: text(&rule.name),
        reason: u32::from(rule.reason),
        every_ms: rule.every.0,
        length_ms: rule.length.0,
        defer_max_ms: rule.defer_max.0,
        away_percent_max: u32::from(rule.away_percent_max),
        alone: rule.alone,
        on_request: rule.on_request,
        returns: rule.returns,
    }
}

pub(super) fn breaks_from_messages(
    rules: Vec<v1::BreakRule>,
    problems: &mut Vec<FieldProblem>,
) -> Vec<BreakRule> {
    let mut breaks = Vec::with_capacity(rules.len());
    for (at, rule) in rules.into_iter().enumerate() {
        let field = format!("plan.rules.breaks[{at}]");
        let reason = u16::try_from(rule.reason).unwrap_or_else(|_| {
            problems.push(problem(&format!("{field}.reason"), "reasons are 0 to 65535"));
            0
        });
        breaks.push(BreakRule {
            name: rule.name.into(),
            reason,
            every: Millis(rule.every_ms),
            length: Millis(rule.length_ms),
            defer_max: Millis(rule.defer_max_ms),
            away_percent_max: small(&format!("{field}.away_percent_max"), rule.away_percent_max, problems),
            alone: rule.alone,
            on_request: rule.on_request,
            returns: rule.returns,
        });
    }
    breaks
}

pub(super) fn rest_to_message(rule: RestRule) -> v1::RestRule {
    v1::RestRule { window_ms: rule.window.0, busy_percent_max: u32::from(rule.busy_percent_max) }
}

pub(super) fn rest_from_message(rule: v1::RestRule, problems: &mut Vec<FieldProblem>) -> RestRule {
    RestRule {
        window: Millis(rule.window_ms),
        busy_percent_max: small("plan.rules.rest.busy_percent_max", rule.busy_percent_max, problems),
    }
}
