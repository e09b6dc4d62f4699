//! The invariants by name, and which of them a difference between the rules and the core breaks.

use std::collections::BTreeMap;
use std::fmt;

use ringmain_routing::command::Action;
use ringmain_routing::effect::EndReason;
use ringmain_routing::{Command, ContactId, Effect, OperatorId, Outcome, Refusal, Reply, Timestamp};

use crate::model::{Model, Reason};

/// What must hold at every log index, and in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Every acknowledged contact is queued, offered, handled or ended with a reason.
    I1,
    /// At most one active assignment per contact, fenced by epoch.
    I2,
    /// Load within the capacity of each operator.
    I3,
    /// The best fitting contact first, and nobody waits for whom somebody is free.
    I4,
    /// What is acknowledged is on a majority; a retry has one effect.
    I5,
    /// One open call-back per number and principals; a merge keeps all sources.
    I6,
    /// Commands and audit records match one to one, in a chain.
    I7,
    /// Equal chain and equal state at equal index on all replicas.
    I8,
    /// Ended contacts never reopen.
    I9,
    /// Nothing crosses principals without a grant.
    I10,
    /// Everything that is given has an end; after healing every waiting contact moves.
    I11,
    /// Replicated time never goes back and keeps to true time.
    I12,
    /// The same seed gives the same run.
    Repeatable,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Repeatable => f.write_str("determinism"),
            Rule::I1
            | Rule::I2
            | Rule::I3
            | Rule::I4
            | Rule::I5
            | Rule::I6
            | Rule::I7
            | Rule::I8
            | Rule::I9
            | Rule::I10
            | Rule::I11
            | Rule::I12 => write!(f, "{self:?}"),
        }
    }
}

impl Rule {
    /// The rule that a text of the core or of the comparison begins with.
    pub(super) fn named(text: &str) -> Option<Rule> {
        let all = [
            Rule::I1,
            Rule::I2,
            Rule::I3,
            Rule::I4,
            Rule::I5,
            Rule::I6,
            Rule::I7,
            Rule::I8,
            Rule::I9,
            Rule::I10,
            Rule::I11,
            Rule::I12,
        ];
        let is_word = |rule: &Rule| {
            let name = format!("{rule:?}");
            text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == name)
        };
        all.into_iter().find(is_word)
    }
}

/// A rule that is broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub rule: Rule,
    /// How.
    pub what: String,
}

impl Breach {
    pub(super) fn new(rule: Rule, what: impl Into<String>) -> Breach {
        Breach { rule, what: what.into() }
    }
}

/// Which rule the core breaks whose outcome is not the one that the rules give. `before` is the naive model without
/// the command, `after` with it.
pub(super) fn rule_of_outcome(
    (before, after): (&Model, &Model),
    at: Timestamp,
    command: &Command,
    expected: &Outcome,
    got: &Outcome,
) -> Rule {
    if expected.reply != got.reply && (is_fence(&expected.reply) || is_fence(&got.reply)) {
        return Rule::I2;
    }
    // What is due fires first: look at the state behind it.
    let mut due = before.clone();
    due.apply(at, &Command::Tick);
    let strange: Vec<&Effect> =
        got.effects.iter().filter(|effect| !expected.effects.contains(effect)).collect();
    let assigned = strange.iter().filter_map(|effect| assignment_of(effect));
    if let Some(rule) = assigned.filter_map(|pair| rule_of_assignment(&due, after, expected, pair)).min() {
        return rule;
    }
    if expected.reply.is_ok() != got.reply.is_ok() || expected.reply != got.reply {
        return rule_of_reply(before, command, expected, got);
    }
    let missing: Vec<&Effect> =
        expected.effects.iter().filter(|effect| !got.effects.contains(effect)).collect();
    if is_about_a_deadline(&strange, &missing, expected) {
        return Rule::I11;
    }
    let all = strange.into_iter().chain(missing);
    all.map(rule_of_effect).min().or_else(|| rule_of_repeat(expected, got)).unwrap_or(Rule::I8)
}

/// The rule of an effect that is told more or less often than it should be.
fn rule_of_repeat(expected: &Outcome, got: &Outcome) -> Option<Rule> {
    let times = |of: &Outcome, wanted: &Effect| of.effects.iter().filter(|effect| *effect == wanted).count();
    let odd = got.effects.iter().find(|effect| times(got, effect) != times(expected, effect));
    odd.map(rule_of_effect)
}

/// A stage that begins with another date, or whose late work is not moved.
fn is_about_a_deadline(strange: &[&Effect], missing: &[&Effect], expected: &Outcome) -> bool {
    let stage = |effect: &Effect| {
        let Effect::AnnounceStage { case, contact, stage, .. } = *effect else { return None };
        Some((case, contact, stage))
    };
    let begun = |effects: &[&Effect]| effects.iter().find_map(|effect| stage(effect));
    let is_moved = missing.iter().any(|effect| matches!(effect, Effect::AnnounceMoved { .. }));
    let is_late = expected.effects.iter().any(|effect| matches!(effect, Effect::EscalateCase { .. }));
    (begun(strange).is_some() && begun(strange) == begun(missing)) || (is_moved && is_late)
}

/// The contact and the operator that an effect brings together.
fn assignment_of(effect: &Effect) -> Option<(ContactId, OperatorId)> {
    match *effect {
        Effect::RingOperator { contact, operator, .. } | Effect::ConnectContact { contact, operator, .. } => {
            Some((contact, operator))
        }
        Effect::AnnounceQueued { .. }
        | Effect::AnnounceAssigned { .. }
        | Effect::WithdrawAssignment { .. }
        | Effect::StartWrapUp { .. }
        | Effect::ReleaseOperator { .. }
        | Effect::AnnounceEnded { .. }
        | Effect::AnnouncePresence { .. }
        | Effect::EndStream { .. }
        | Effect::AnnounceStage { .. }
        | Effect::WarnCase { .. }
        | Effect::EscalateCase { .. }
        | Effect::AnnounceCaseClosed { .. }
        | Effect::NotifyWatcher { .. }
        | Effect::AnnounceConsult { .. }
        | Effect::JoinConsult { .. }
        | Effect::AnnounceMoved { .. }
        | Effect::InviteCompanion { .. }
        | Effect::AnnounceExpectedWait { .. }
        | Effect::OfferDeflection { .. }
        | Effect::CallDuty { .. }
        | Effect::AnnounceEnquiry { .. }
        | Effect::NotifyEnquiry { .. }
        | Effect::SuperviseContact { .. }
        | Effect::AnnounceHelp { .. }
        | Effect::AnnounceAlarm { .. }
        | Effect::NotifyThread { .. }
        | Effect::ParkContact { .. }
        | Effect::HoldContact { .. } => None,
    }
}

/// An assignment that the rules do not give: what speaks against it, before the command or behind it.
fn rule_of_assignment(
    due: &Model,
    after: &Model,
    expected: &Outcome,
    (contact, operator): (ContactId, OperatorId),
) -> Option<Rule> {
    let is_given = expected.effects.iter().any(|effect| assignment_of(effect) == Some((contact, operator)));
    if is_given {
        // The same two, under another epoch or until another time.
        return Some(Rule::I2);
    }
    let speak = |model: &Model| {
        let reasons = model.objections(contact, operator);
        if reasons.contains(&Reason::OutOfScope) || reasons.contains(&Reason::OtherPrincipal) {
            return Some(Rule::I10);
        }
        reasons.iter().filter_map(|reason| rule_of_reason(reason, operator)).min()
    };
    if let Some(rule) = speak(due) {
        return Some(rule);
    }
    // Behind the command the rules may have given the contact to somebody else: then the wrong one was taken.
    let is_waiting = after.contact(contact).is_some_and(|row| row.state.holder().is_none());
    if is_waiting && let Some(rule) = speak(after) {
        return Some(rule);
    }
    let holds = due.contact(contact).is_some_and(|row| row.state.holder() == Some(operator));
    (!holds).then_some(Rule::I4)
}

fn rule_of_reason(reason: &Reason, operator: OperatorId) -> Option<Rule> {
    match reason {
        Reason::HeldBy(other) if *other == operator => None,
        Reason::HeldBy(_) => Some(Rule::I2),
        Reason::NoRoom => Some(Rule::I3),
        Reason::OutOfScope | Reason::OtherPrincipal => Some(Rule::I10),
        Reason::NoTime
        | Reason::NotSkilled
        | Reason::NotItsTurn
        | Reason::OtherLanguage
        | Reason::OtherChannel
        | Reason::Bot
        | Reason::Excluded
        | Reason::HeldForOther
        | Reason::Overtakes(_) => Some(Rule::I4),
        Reason::UnknownContact | Reason::UnknownOperator | Reason::NotEligible | Reason::NotAvailable => None,
    }
}

fn rule_of_reply(before: &Model, command: &Command, expected: &Outcome, got: &Outcome) -> Rule {
    if is_fence(&expected.reply) || is_fence(&got.reply) {
        return Rule::I2;
    }
    if let (Command::EnqueueContact(body), Ok(Reply::Merged { into, .. })) = (command, &got.reply) {
        let joined = before.contact(*into).and_then(|contact| contact.callback());
        let asked = body.callback.as_ref();
        if joined.map(|order| &order.principals) != asked.map(|order| &order.principals) {
            return Rule::I10;
        }
    }
    if let (Some(expected), Some(got)) = (contact_of(&expected.reply), contact_of(&got.reply))
        && expected.slot == got.slot
        && expected.generation != got.generation
    {
        // Whoever had this id and ended would come back.
        return Rule::I9;
    }
    if matches!(got.reply, Ok(Reply::Merged { .. })) || matches!(expected.reply, Ok(Reply::Merged { .. })) {
        return Rule::I6;
    }
    match expected.reply {
        Err(Refusal::WouldStrand { .. }) => return Rule::I11,
        Err(Refusal::NotALead(_)) => return Rule::I10,
        Err(Refusal::PassedOften { .. }) => return Rule::I4,
        Ok(_) | Err(_) => {}
    }
    match command {
        Command::Act(act) if matches!(act.action, Action::CloseEnquiry { .. }) => Rule::I4,
        Command::EnqueueContact(_) | Command::Act(_) => Rule::I5,
        // Who asks twice is heard twice; what others close is lost to who asked.
        Command::BeginEnquiry(_) | Command::FreeCaller(_) => Rule::I7,
        Command::CloseEnquiry(_) => Rule::I1,
        // Who waits on hold is not served.
        Command::HoldContact(_) => Rule::I1,
        Command::AbandonContact(_) | Command::UpdateContact(_) => Rule::I9,
        Command::TakeNext(_)
        | Command::AssignContact(_)
        | Command::RequestPerson(_)
        | Command::InviteCompanion(_)
        | Command::DeflectContact(_)
        | Command::AskForHelp(_)
        | Command::NoteMessage(_) => Rule::I4,
        Command::Consult(_) | Command::EndConsult(_) | Command::JoinConsult(_) => Rule::I2,
        Command::Tick
        | Command::ApplyPlan(_)
        | Command::PutOperators(_)
        | Command::OpenSession(_)
        | Command::LoseSession(_)
        | Command::CloseSession(_)
        | Command::NodeStarted(_)
        | Command::NodeLost(_)
        | Command::SetPresence(_)
        | Command::AcceptOffer(_)
        | Command::DeclineOffer(_)
        | Command::CompleteContact(_)
        | Command::ExtendWrapUp(_)
        | Command::EndWrapUp(_)
        | Command::TransferContact(_)
        | Command::PutLifeSupport(_)
        | Command::AskForBreak(_) => Rule::I2,
    }
}

/// The new contact that was promised.
fn contact_of(reply: &Result<Reply, Refusal>) -> Option<ContactId> {
    match reply {
        Ok(Reply::Enqueued { contact } | Reply::Merged { contact, .. }) => Some(*contact),
        Ok(_) | Err(_) => None,
    }
}

fn is_fence(reply: &Result<Reply, Refusal>) -> bool {
    matches!(
        reply,
        Err(Refusal::StaleEpoch { .. }
            | Refusal::StaleAssignment { .. }
            | Refusal::NotSignedIn
            | Refusal::AlreadySignedIn)
    )
}

/// The rule that an effect stands for which is there and should not be, or the other way round.
fn rule_of_effect(effect: &Effect) -> Rule {
    match effect {
        Effect::WithdrawAssignment { .. } | Effect::AnnounceQueued { .. } => Rule::I1,
        Effect::RingOperator { .. } | Effect::ConnectContact { .. } | Effect::AnnounceAssigned { .. } => {
            Rule::I4
        }
        // To be turned away is to lose one's place in line.
        Effect::AnnounceEnded { reason: EndReason::Deflected(_), .. } => Rule::I4,
        Effect::AnnounceEnded { .. } => Rule::I9,
        Effect::StartWrapUp { .. }
        | Effect::ReleaseOperator { .. }
        | Effect::AnnouncePresence { .. }
        | Effect::EndStream { .. } => Rule::I11,
        // The work of a case that nobody does, and an end that nobody hears of, are a case that is lost.
        Effect::AnnounceStage { .. } | Effect::AnnounceCaseClosed { .. } => Rule::I1,
        // So is a question of which nobody hears.
        Effect::NotifyEnquiry { .. } => Rule::I1,
        Effect::WarnCase { .. }
        | Effect::EscalateCase { .. }
        | Effect::NotifyWatcher { .. }
        | Effect::AnnounceConsult { .. }
        | Effect::JoinConsult { .. } => Rule::I11,
        Effect::AnnounceMoved { .. }
        | Effect::HoldContact { .. }
        | Effect::NotifyThread { .. }
        | Effect::InviteCompanion { .. }
        | Effect::AnnounceExpectedWait { .. }
        | Effect::OfferDeflection { .. }
        | Effect::CallDuty { .. }
        | Effect::AnnounceEnquiry { .. }
        | Effect::AnnounceAlarm { .. } => Rule::I7,
        // Who has the room is a matter of order.
        Effect::ParkContact { .. } => Rule::I4,
        // A seat and a request for help end with the talk.
        Effect::SuperviseContact { .. } | Effect::AnnounceHelp { .. } => Rule::I11,
    }
}

/// Which rule a difference between two states breaks, by the field that the comparison names.
pub(super) fn rule_of_state(difference: &str) -> Rule {
    let head = difference.split(':').next().unwrap_or(difference);
    if head.starts_with("enquiry") && (head.ends_with(" due") || head.ends_with(" remind_at")) {
        // Its dates were given.
        return Rule::I9;
    }
    let fields = [
        ("seats", Rule::I11),
        ("help", Rule::I11),
        ("parked", Rule::I4),
        ("now", Rule::I12),
        ("next deadline", Rule::I11),
        ("warned", Rule::I11),
        ("escalated", Rule::I11),
        ("due", Rule::I11),
        ("wrap-ups", Rule::I11),
        ("used", Rule::I3),
        ("capacity", Rule::I3),
        ("sources", Rule::I6),
        ("callback", Rule::I6),
        ("epoch", Rule::I2),
        ("assignment", Rule::I2),
        ("session", Rule::I2),
        ("holder", Rule::I2),
        ("exclusions", Rule::I4),
        ("held_for", Rule::I4),
        ("order", Rule::I4),
        ("enqueued_at", Rule::I4),
        ("tier", Rule::I4),
        ("idle_since", Rule::I4),
        ("contacts", Rule::I1),
        ("state", Rule::I1),
        ("queue", Rule::I1),
        ("stage", Rule::I1),
        ("begun", Rule::I1),
        ("history", Rule::I1),
        ("contact", Rule::I1),
        ("case", Rule::I1),
        ("enquir", Rule::I1),
    ];
    let found = fields.into_iter().find(|(field, _)| head.contains(field));
    found.map_or(Rule::I8, |(_, rule)| rule)
}

/// A contact that had ended before. Those that end now are noted, with the time until which they are remembered.
pub(super) fn ended_twice(
    endings: &mut BTreeMap<ContactId, Timestamp>,
    forgotten_at: Timestamp,
    effects: &[Effect],
) -> Option<ContactId> {
    effects.iter().find_map(|effect| match effect {
        Effect::AnnounceEnded { contact, .. } => {
            endings.insert(*contact, forgotten_at).is_some().then_some(*contact)
        }
        Effect::AnnounceQueued { .. }
        | Effect::AnnounceAssigned { .. }
        | Effect::RingOperator { .. }
        | Effect::ConnectContact { .. }
        | Effect::WithdrawAssignment { .. }
        | Effect::StartWrapUp { .. }
        | Effect::ReleaseOperator { .. }
        | Effect::AnnouncePresence { .. }
        | Effect::EndStream { .. }
        | Effect::AnnounceStage { .. }
        | Effect::WarnCase { .. }
        | Effect::EscalateCase { .. }
        | Effect::AnnounceCaseClosed { .. }
        | Effect::NotifyWatcher { .. }
        | Effect::AnnounceConsult { .. }
        | Effect::JoinConsult { .. }
        | Effect::AnnounceMoved { .. }
        | Effect::InviteCompanion { .. }
        | Effect::AnnounceExpectedWait { .. }
        | Effect::OfferDeflection { .. }
        | Effect::CallDuty { .. }
        | Effect::AnnounceEnquiry { .. }
        | Effect::NotifyEnquiry { .. }
        | Effect::SuperviseContact { .. }
        | Effect::AnnounceHelp { .. }
        | Effect::AnnounceAlarm { .. }
        | Effect::NotifyThread { .. }
        | Effect::ParkContact { .. }
        | Effect::HoldContact { .. } => None,
    })
}
