//! Why a contact waits or has its operator, and why an operator gets none, as clients see it.

use ringmain_protocol::plan::choice_to_message;
use ringmain_protocol::v1;
use ringmain_routing::{ContactState, ContactWhy, Decision, Name, OperatorWhy, Router, Side, WhyNot};

use super::contact::{contact, login, operator};

/// Reasons listed at most; the operators behind the others are only counted.
const KEPT_MAX: usize = 200;

/// What is to be said of a contact. Logins are looked up in the state it was read from.
pub(crate) fn of_contact(why: &ContactWhy, router: &Router) -> v1::ExplainContactResponse {
    let (kept, kept_unlisted) = kept(&why.kept_from);
    let held_for = why.contact.held_for.filter(|_| matches!(why.contact.state, ContactState::Waiting));
    v1::ExplainContactResponse {
        contact: Some(contact(&why.contact, router)),
        plan_version: why.plan,
        entry_rule: why.rule.as_ref().map(ToString::to_string),
        promotions: u32::from(why.promoted),
        promote_at_ms: why.promote_at.map(|at| at.0),
        head_start_ms: why.head_start.0,
        step: u32::from(why.step.0) + 1,
        steps: u32::from(why.step.1),
        next_step_at_ms: why.next_step_at.map(|at| at.0),
        ahead: u64::from(why.ahead),
        held_for_login: held_for.and_then(|(operator, _)| login(operator, router)),
        kept,
        kept_unlisted,
        decision: why.decision.as_ref().map(|decided| decision(decided, router)),
        awaits: why.awaits.iter().map(ToString::to_string).collect(),
        stamp: None,
    }
}

/// What is to be said of an operator.
pub(crate) fn of_operator(why: &OperatorWhy, router: &Router) -> v1::ExplainOperatorResponse {
    let queues = why.queues.iter().map(|(queue, waiting, reason)| v1::QueueWhyNot {
        queue: queue.to_string(),
        waiting: u64::from(*waiting),
        why_not: Some(why_not(reason)),
    });
    v1::ExplainOperatorResponse {
        operator: router.operator(why.operator).as_ref().map(operator),
        at_all: why.at_all.as_ref().map(why_not),
        queues: queues.collect(),
        stamp: None,
    }
}

/// The reasons, nearest to taking the contact first, and how many operators stand behind those left out.
fn kept(reasons: &[(WhyNot, u32)]) -> (Vec<v1::KeptOperators>, u64) {
    let nearest_first = reasons.iter().rev();
    let unlisted = nearest_first.clone().skip(KEPT_MAX).map(|(_, operators)| u64::from(*operators)).sum();
    let listed = nearest_first.take(KEPT_MAX).map(|(reason, operators)| v1::KeptOperators {
        why_not: Some(why_not(reason)),
        operators: u64::from(*operators),
    });
    (listed.collect(), unlisted)
}

fn why_not(reason: &WhyNot) -> v1::WhyNot {
    use v1::WhyNotReason as Reason;
    let plain = |reason: Reason| v1::WhyNot { reason: reason.into(), ..v1::WhyNot::default() };
    let named = |reason, name: &Name| v1::WhyNot { name: name.to_string(), ..plain(reason) };
    match reason {
        WhyNot::Skill(skill) => named(Reason::Skill, skill),
        WhyNot::Level(skill, level) => v1::WhyNot { level: u32::from(*level), ..named(Reason::Level, skill) },
        WhyNot::Language(language) => named(Reason::Language, language),
        WhyNot::Principal(principal) => named(Reason::Principal, principal),
        WhyNot::Channel(channel) => named(Reason::Channel, channel),
        WhyNot::Bot => plain(Reason::Bot),
        WhyNot::Reach => plain(Reason::Reach),
        WhyNot::Rank(rank) => v1::WhyNot { rank: u32::from(*rank), ..plain(Reason::Rank) },
        WhyNot::NotSignedIn => plain(Reason::NotSignedIn),
        WhyNot::StreamLost => plain(Reason::StreamLost),
        WhyNot::NotReady(reason) => {
            v1::WhyNot { not_ready_reason: u32::from(*reason), ..plain(Reason::NotReady) }
        }
        WhyNot::Missed => plain(Reason::Missed),
        WhyNot::OnBreak(until) => v1::WhyNot { until_ms: until.0, ..plain(Reason::OnBreak) },
        WhyNot::BreakDue => plain(Reason::BreakDue),
        WhyNot::ShiftEnds => plain(Reason::ShiftEnds),
        WhyNot::Resting(until) => v1::WhyNot { until_ms: until.0, ..plain(Reason::Resting) },
        WhyNot::NoRoom(units) => v1::WhyNot { units: *units, ..plain(Reason::NoRoom) },
        WhyNot::Cap(channel) => named(Reason::Cap, channel),
        WhyNot::QueueCap => plain(Reason::QueueCap),
        WhyNot::Reserved => plain(Reason::Reserved),
        WhyNot::KeptAway => plain(Reason::KeptAway),
        WhyNot::HeldForAnother => plain(Reason::HeldForAnother),
        WhyNot::HandedOut => plain(Reason::HandedOut),
        WhyNot::NotDue => plain(Reason::NotDue),
        WhyNot::CustomerSilent => plain(Reason::CustomerSilent),
        WhyNot::NotWaiting => plain(Reason::NotWaiting),
        WhyNot::Nothing => plain(Reason::Nothing),
    }
}

fn decision(decided: &Decision, router: &Router) -> v1::Decision {
    let (side, choice) = match decided.side {
        Side::Contact(choice) => (v1::DecisionSide::Contact, choice_to_message(choice)),
        Side::Operator => (v1::DecisionSide::Operator, v1::OperatorChoice::Unspecified),
        Side::Held => (v1::DecisionSide::Held, v1::OperatorChoice::Unspecified),
        Side::Taken => (v1::DecisionSide::Taken, v1::OperatorChoice::Unspecified),
        Side::LifeSafety => (v1::DecisionSide::LifeSafety, v1::OperatorChoice::Unspecified),
        Side::Companion => (v1::DecisionSide::Companion, v1::OperatorChoice::Unspecified),
        Side::Recalled => (v1::DecisionSide::Recalled, v1::OperatorChoice::Unspecified),
    };
    v1::Decision {
        at_ms: decided.at.0,
        log_index: decided.index.0,
        plan_version: decided.plan,
        operator: decided.operator.to_string(),
        operator_login: login(decided.operator, router).unwrap_or_default(),
        side: side.into(),
        choice: choice.into(),
        tier: u32::from(decided.tier),
        order_ms: decided.order.0,
        rank: u32::from(decided.rank),
        step: u32::from(decided.step) + 1,
        idle_since_ms: decided.idle_since.0,
        fitting: decided.fitting.map(u64::from),
        available: decided.available.map(u64::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearest_stands_first_and_what_is_too_much_is_counted() {
        let mut reasons: Vec<_> = (0..=KEPT_MAX as u16).map(|n| (WhyNot::NotReady(n), 2)).collect();
        reasons.push((WhyNot::NoRoom(100), 3));
        let (listed, unlisted) = kept(&reasons);
        assert_eq!((listed.len(), unlisted), (KEPT_MAX, 4));
        let first = listed[0].why_not.clone().unwrap();
        assert_eq!((first.reason(), first.units), (v1::WhyNotReason::NoRoom, 100));
    }
}
