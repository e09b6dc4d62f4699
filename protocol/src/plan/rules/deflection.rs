//! Opening hours and what arrivals get when nobody can serve them, between their two forms.

use ringmain_routing::calendar::CalendarPlan;
use ringmain_routing::rules::{DeflectWhen, Deflection, Treatment, WaitRule};
use ringmain_routing::{Millis, Timestamp};

use super::super::{problem, text};
use crate::v1::{self, CalendarSpan, FieldProblem};

pub(super) fn calendar_to_message(calendar: &CalendarPlan) -> v1::Calendar {
    let spans = calendar.spans.iter().map(|(from, to)| CalendarSpan { from_ms: from.0, to_ms: to.0 });
    let week = calendar.week.iter().map(|(from, to)| CalendarSpan { from_ms: from.0, to_ms: to.0 });
    v1::Calendar {
        name: text(&calendar.name),
        spans: spans.collect(),
        until_ms: calendar.until.0,
        week: week.collect(),
    }
}

pub(super) fn calendar_from_message(calendar: v1::Calendar) -> CalendarPlan {
    let spans = calendar.spans.iter().map(|span| (Timestamp(span.from_ms), Timestamp(span.to_ms)));
    let week = calendar.week.iter().map(|span| (Millis(span.from_ms), Millis(span.to_ms)));
    CalendarPlan {
        spans: spans.collect(),
        until: Timestamp(calendar.until_ms),
        week: week.collect(),
        name: calendar.name.into(),
    }
}

pub(super) fn to_message(deflection: &Deflection) -> v1::Deflection {
    let mut ewt_above_ms = 0;
    let (when, waiting) = match deflection.when {
        DeflectWhen::Closed => (v1::DeflectWhen::Closed, 0),
        DeflectWhen::NobodySignedIn => (v1::DeflectWhen::NobodySignedIn, 0),
        DeflectWhen::NobodyReady => (v1::DeflectWhen::NobodyReady, 0),
        DeflectWhen::Waiting(waiting) => (v1::DeflectWhen::Waiting, waiting),
        DeflectWhen::ExpectedWait(above) => {
            ewt_above_ms = above.0;
            (v1::DeflectWhen::ExpectedWait, 0)
        }
    };
    let to = treatment_to_message(deflection.to);
    v1::Deflection { when: when.into(), waiting, to: to.into(), ewt_above_ms }
}

pub(super) fn from_messages(
    field: &str,
    deflections: Vec<v1::Deflection>,
    problems: &mut Vec<FieldProblem>,
) -> Vec<Deflection> {
    let mut known = Vec::with_capacity(deflections.len());
    for (at, deflection) in deflections.into_iter().enumerate() {
        let field = format!("{field}.rules.deflections[{at}]");
        match (when(&deflection), treatment_from_message(deflection.to())) {
            (Some(when), Some(to)) => known.push(Deflection { when, to }),
            (None, _) => problems.push(problem(
                &format!("{field}.when"),
                "say CLOSED, NOBODY_SIGNED_IN, NOBODY_READY, WAITING or EXPECTED_WAIT",
            )),
            (Some(_), None) => problems
                .push(problem(&format!("{field}.to"), "say QUEUE, CALL_BACK, VOICEMAIL, MESSAGE or REFUSE")),
        }
    }
    known
}

fn when(deflection: &v1::Deflection) -> Option<DeflectWhen> {
    match deflection.when() {
        v1::DeflectWhen::Unspecified => None,
        v1::DeflectWhen::Closed => Some(DeflectWhen::Closed),
        v1::DeflectWhen::NobodySignedIn => Some(DeflectWhen::NobodySignedIn),
        v1::DeflectWhen::NobodyReady => Some(DeflectWhen::NobodyReady),
        v1::DeflectWhen::Waiting => Some(DeflectWhen::Waiting(deflection.waiting)),
        v1::DeflectWhen::ExpectedWait => Some(DeflectWhen::ExpectedWait(Millis(deflection.ewt_above_ms))),
    }
}

/// What somebody gets instead of a place in line.
#[must_use]
pub fn treatment_to_message(treatment: Treatment) -> v1::Treatment {
    match treatment {
        Treatment::Queue => v1::Treatment::Queue,
        Treatment::CallBack => v1::Treatment::CallBack,
        Treatment::Voicemail => v1::Treatment::Voicemail,
        Treatment::Message => v1::Treatment::Message,
        Treatment::Refuse => v1::Treatment::Refuse,
    }
}

pub(super) fn wait_to_message(rule: &WaitRule) -> v1::WaitRule {
    let to = treatment_to_message(rule.to).into();
    v1::WaitRule { after_ms: rule.after.0, to, leave: rule.leave }
}

pub(super) fn waits_from_messages(
    field: &str,
    rules: &[v1::WaitRule],
    problems: &mut Vec<FieldProblem>,
) -> Vec<WaitRule> {
    let mut known = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        match treatment_from_message(rule.to()) {
            Some(to) => known.push(WaitRule { after: Millis(rule.after_ms), to, leave: rule.leave }),
            None => {
                let field = format!("{field}.rules.waits[{at}].to");
                problems.push(problem(&field, "say CALL_BACK, VOICEMAIL or MESSAGE"));
            }
        }
    }
    known
}

/// What a message says that somebody gets; `None` where it does not say it.
#[must_use]
pub fn treatment_from_message(treatment: v1::Treatment) -> Option<Treatment> {
    match treatment {
        v1::Treatment::Unspecified => None,
        v1::Treatment::Queue => Some(Treatment::Queue),
        v1::Treatment::CallBack => Some(Treatment::CallBack),
        v1::Treatment::Voicemail => Some(Treatment::Voicemail),
        v1::Treatment::Message => Some(Treatment::Message),
        v1::Treatment::Refuse => Some(Treatment::Refuse),
    }
}
