//! Why a contact waits or has its operator, in sentences.

use std::fmt::Display;

use ringmain_protocol::v1::{
    Contact, ContactState, Decision, DecisionSide, EndReason, ExplainContactResponse, KeptOperators,
    OperatorChoice, WhyNotReason,
};

use crate::commands::why_words::{fits, kept};
use crate::output::moment;
use crate::words::{Key, Language};

/// What is to be said, line by line.
pub(super) fn text(why: &ExplainContactResponse, language: Language) -> Vec<String> {
    let contact = why.contact.clone().unwrap_or_default();
    let now = why.stamp.unwrap_or_default().at_ms;
    let waits = contact.state() == ContactState::Waiting;
    let mut lines = vec![state(&contact, now, language)];
    lines.extend(parking(&contact, now, language));
    if waits {
        lines.extend(waiting(why, &contact, now, language));
    }
    match &why.decision {
        None if waits => {}
        None if contact.assignment == 0 => lines.push(language.say(Key::NeverGiven, &[])),
        None => lines.push(language.say(Key::NotRecorded, &[])),
        Some(decision) => {
            let head = if waits { Key::DecisionBefore } else { Key::DecisionHead };
            lines.push(language.say(head, &[("login", login(decision))]));
            lines.extend(of_decision(decision, language).into_iter().map(|line| format!("  {line}")));
        }
    }
    lines
}

/// Who chose, for programs.
pub(super) fn side_word(side: DecisionSide) -> &'static str {
    match side {
        DecisionSide::Unspecified => "unknown",
        DecisionSide::Contact => "contact",
        DecisionSide::Operator => "operator",
        DecisionSide::Held => "held",
        DecisionSide::Taken => "taken",
        DecisionSide::LifeSafety => "life-safety",
        DecisionSide::Companion => "companion",
        DecisionSide::Recalled => "recalled",
    }
}

/// How the queue chose, for programs.
pub(super) fn choice_word(choice: OperatorChoice) -> Option<&'static str> {
    match choice {
        OperatorChoice::Unspecified => None,
        OperatorChoice::LongestIdle => Some("longest-idle"),
        OperatorChoice::LeastOccupied => Some("least-occupied"),
        OperatorChoice::MostSkilled => Some("most-skilled"),
        OperatorChoice::RoundRobin => Some("round-robin"),
    }
}

fn state(contact: &Contact, now: u64, language: Language) -> String {
    let login = contact.operator_login.as_deref().unwrap_or("–");
    let due = contact.not_before_ms.filter(|due| *due > now);
    let since = |at: Option<u64>| language.span(now.saturating_sub(at.unwrap_or(now)));
    let until = |at: Option<u64>| language.span(at.unwrap_or(now).saturating_sub(now));
    let (key, span) = match (contact.state(), due) {
        (ContactState::Waiting, None) => (Key::ContactWaits, since(Some(contact.enqueued_at_ms))),
        (ContactState::Waiting, Some(due)) => (Key::ContactLater, until(Some(due))),
        (ContactState::Offered, _) => (Key::ContactRings, until(contact.state_until_ms)),
        (ContactState::Handling, _) => (Key::ContactHandled, since(contact.state_since_ms)),
        (ContactState::WrapUp, _) => (Key::ContactWrapUp, until(contact.state_until_ms)),
        (ContactState::Ended, _) => (Key::ContactOver, String::new()),
        (ContactState::Unspecified, _) => (Key::ContactUnknown, String::new()),
    };
    let values: [(&str, &dyn Display); 6] = [
        ("contact", &contact.contact),
        ("queue", &contact.queue),
        ("channel", &contact.channel),
        ("login", &login),
        ("span", &span),
        ("reason", &language.text(end(contact.end_reason()))),
    ];
    language.say(key, &values)
}

/// Why it takes no room of its operator, or is nobody's; and the reply that is owed.
fn parking(contact: &Contact, now: u64, language: Language) -> Vec<String> {
    let thread = contact.thread.unwrap_or_default();
    let since = |at: u64| language.span(now.saturating_sub(at));
    let until = |at: u64| language.span(at.saturating_sub(now));
    let (key, span) = match (contact.parked_since_ms, thread.wanted_until_ms, thread.reply_due_ms) {
        (None, _, _) if thread.rests => (Key::WaitsForCustomer, since(thread.since_ms)),
        (Some(_), _, _) if thread.rests => (Key::RestsForCustomer, since(thread.since_ms)),
        (Some(_), Some(at), _) => (Key::WantedAgain, until(at)),
        (Some(at), None, _) => (Key::ParkedForUrgent, since(at)),
        (None, _, Some(due)) if due > now => (Key::ReplyDue, until(due)),
        (None, _, Some(due)) => (Key::ReplyLate, since(due)),
        (None, _, None) => return Vec::new(),
    };
    vec![language.say(key, &[("span", &span)])]
}

fn end(reason: EndReason) -> Key {
    match reason {
        EndReason::Unspecified => Key::EndUnknown,
        EndReason::Completed => Key::EndCompleted,
        EndReason::Abandoned => Key::EndAbandoned,
        EndReason::Merged => Key::EndMerged,
        EndReason::OperatorLost => Key::EndOperatorLost,
        EndReason::Closed => Key::EndClosed,
        EndReason::CallBack => Key::EndCallBack,
        EndReason::Voicemail => Key::EndVoicemail,
        EndReason::Message => Key::EndMessage,
        EndReason::ConsultOver => Key::EndConsultOver,
    }
}

fn waiting(why: &ExplainContactResponse, contact: &Contact, now: u64, language: Language) -> Vec<String> {
    let awaits = why.awaits.iter().map(|who| language.say(Key::AwaitsAnswer, &[("login", who)]));
    let mut lines: Vec<String> = awaits.collect();
    let somebody_fits = why.kept.iter().any(|kept| fits(reason(kept))) || why.kept_unlisted > 0;
    let more_to_come = why.next_step_at_ms.is_some();
    if !somebody_fits {
        let key = if more_to_come { Key::NobodyFitsYet } else { Key::NobodyFits };
        lines.push(language.say(key, &[]));
    }
    lines.push(match why.ahead {
        0 => language.say(Key::First, &[]),
        ahead => language.count(Key::Ahead, ahead, &[]),
    });
    if let (Some(login), Some(until)) = (&why.held_for_login, contact.held_until_ms) {
        let span = language.span(until.saturating_sub(now));
        lines.push(language.say(Key::HeldFor, &[("login", login), ("span", &span)]));
    }
    lines.push(tier(why, contact, now, language));
    lines.push(entry(why, language));
    lines.push(ladder(why, now, language));
    if !why.kept.is_empty() {
        lines.push(language.say(Key::KeptHead, &[]));
        lines.extend(kept_lines(why, language).into_iter().map(|line| format!("  {line}")));
    }
    lines
}

fn tier(why: &ExplainContactResponse, contact: &Contact, now: u64, language: Language) -> String {
    let mut parts = vec![language.say(Key::Tier, &[("tier", &contact.tier)])];
    if why.promotions > 0 {
        parts.push(language.count(Key::Promoted, u64::from(why.promotions), &[]));
    }
    if let Some(at) = why.promote_at_ms {
        let span = language.span(at.saturating_sub(now));
        parts.push(language.say(Key::PromoteNext, &[("span", &span)]));
    }
    parts.join(" ")
}

fn entry(why: &ExplainContactResponse, language: Language) -> String {
    let mut parts = vec![match &why.entry_rule {
        Some(rule) => language.say(Key::EntryRule, &[("rule", rule)]),
        None => language.say(Key::NoEntryRule, &[]),
    }];
    if why.head_start_ms > 0 {
        parts.push(language.say(Key::HeadStart, &[("span", &language.span(why.head_start_ms))]));
    }
    parts.join(" ")
}

fn ladder(why: &ExplainContactResponse, now: u64, language: Language) -> String {
    if why.steps <= 1 {
        return language.say(Key::NoLadder, &[]);
    }
    let step = language.say(Key::Step, &[("step", &why.step), ("steps", &why.steps)]);
    let next = match why.next_step_at_ms {
        Some(at) => language.say(Key::StepNext, &[("span", &language.span(at.saturating_sub(now)))]),
        None => language.say(Key::StepLast, &[]),
    };
    format!("{step} {next}")
}

/// The most useful first: who is about to take it, then those who fit, then the others; in each the most first.
fn kept_lines(why: &ExplainContactResponse, language: Language) -> Vec<String> {
    let mut groups: Vec<&KeptOperators> = why.kept.iter().collect();
    let place = |kept: &KeptOperators| {
        let reason = reason(kept);
        (reason != WhyNotReason::Nothing, !fits(reason))
    };
    // A stable order: of equally many, what is nearest to taking it stays first.
    groups.sort_by_key(|kept| (place(kept), std::cmp::Reverse(kept.operators)));
    let say =
        |group: &&KeptOperators| kept(language, &group.why_not.clone().unwrap_or_default(), group.operators);
    let mut lines: Vec<String> = groups.iter().map(say).collect();
    if why.kept_unlisted > 0 {
        lines.push(language.count(Key::KeptUnlisted, why.kept_unlisted, &[]));
    }
    lines
}

fn reason(kept: &KeptOperators) -> WhyNotReason {
    kept.why_not.as_ref().map_or(WhyNotReason::Unspecified, |why_not| why_not.reason())
}

fn of_decision(decision: &Decision, language: Language) -> Vec<String> {
    let rank = if decision.rank == 0 { Key::OwnQueue } else { Key::OtherQueue };
    let idle = language.span(decision.at_ms.saturating_sub(decision.idle_since_ms));
    let given: [(&str, &dyn Display); 3] = [
        ("moment", &moment(decision.at_ms)),
        ("index", &decision.log_index),
        ("plan", &decision.plan_version),
    ];
    let place: [(&str, &dyn Display); 3] =
        [("step", &decision.step), ("tier", &decision.tier), ("moment", &moment(decision.order_ms))];
    vec![
        language.say(Key::GivenTo, &given),
        language.say(side(decision), &[]),
        language.say(Key::Idle, &[("span", &idle)]),
        language.say(rank, &[("rank", &decision.rank)]),
        language.say(Key::DecisionPlace, &place),
        match (decision.fitting, decision.available) {
            (Some(fitting), Some(available)) => {
                language.count(Key::Fitted, fitting, &[("available", &available)])
            }
            (None, _) | (_, None) => language.say(Key::NotCounted, &[]),
        },
    ]
}

fn side(decision: &Decision) -> Key {
    match (decision.side(), decision.choice()) {
        (DecisionSide::Contact, OperatorChoice::Unspecified | OperatorChoice::LongestIdle) => {
            Key::SideLongestIdle
        }
        (DecisionSide::Contact, OperatorChoice::LeastOccupied) => Key::SideLeastOccupied,
        (DecisionSide::Contact, OperatorChoice::MostSkilled) => Key::SideMostSkilled,
        (DecisionSide::Contact, OperatorChoice::RoundRobin) => Key::SideRoundRobin,
        (DecisionSide::Operator, _) => Key::SideOperator,
        (DecisionSide::Held, _) => Key::SideHeld,
        (DecisionSide::Taken, _) => Key::SideTaken,
        (DecisionSide::LifeSafety, _) => Key::SideLifeSafety,
        (DecisionSide::Companion, _) => Key::SideCompanion,
        (DecisionSide::Recalled, _) => Key::SideRecalled,
        (DecisionSide::Unspecified, _) => Key::SideUnknown,
    }
}

/// Somebody who left the plan has an id yet.
fn login(decision: &Decision) -> &String {
    if decision.operator_login.is_empty() { &decision.operator } else { &decision.operator_login }
}

#[cfg(test)]
#[path = "why_text_tests.rs"]
mod tests;
