//! Writes scenarios.

use std::fmt::{Display, Write};

use ringmain_routing::command::{
    Act, Action, AnswerOffer, ContactDetails, DeclaredPresence, EnqueueContact, MoveFrom, OpenSession,
    OperatorPlan, Role, TransferContact, TransferTarget, UpdateContact,
};
use ringmain_routing::effect::{EndReason, OfferMode, PresenceState, WithdrawReason};
use ringmain_routing::plan::QueuePlan;
use ringmain_routing::{CaseEnd, Command, Effect, Name, Outcome, Plan, Refusal, Reply, Timestamp};

use super::words::{quoted, write_answer, write_levels, write_orphan};
use super::{Scenario, enquiries, hand_out, rule_book, supervision, threads, time, together};

/// The scenario as text.
#[must_use]
pub fn write(scenario: &Scenario) -> String {
    let mut text = String::new();
    for line in &scenario.about {
        text += &format!("# {line}\n");
    }
    for entry in &scenario.entries {
        for line in command_lines(entry.at, &entry.command).iter().chain(&entry.trace) {
            text += line;
            text.push('\n');
        }
    }
    text
}

/// A command as the lines of a scenario.
#[must_use]
pub fn command_lines(at: Timestamp, command: &Command) -> Vec<String> {
    let (first, rest) = parts(command);
    let mut lines = vec![format!("at {} {first}", at.0)];
    lines.extend(rest.into_iter().map(|line| format!("  {line}")));
    lines
}

fn parts(command: &Command) -> (String, Vec<String>) {
    let line = match command {
        Command::Tick => "tick".to_owned(),
        Command::ApplyPlan(command) => {
            let by = optional("by", command.by.as_ref());
            return (format!("plan version={}{by}", command.plan.version), plan(&command.plan));
        }
        Command::PutOperators(command) => {
            let by = optional("by", command.by.as_ref());
            return (format!("put-operators{by}"), command.operators.iter().map(operator).collect());
        }
        Command::OpenSession(command) => open(command),
        Command::LoseSession(command) => format!("lose-session {} epoch={}", command.party, command.epoch),
        Command::CloseSession(command) => format!("close-session {} epoch={}", command.party, command.epoch),
        Command::NodeStarted(command) => {
            format!("node-started node={} incarnation={}", command.node, command.incarnation)
        }
        Command::NodeLost(command) => {
            format!("node-lost node={} incarnation={}", command.node, command.incarnation)
        }
        Command::EnqueueContact(command) => enqueue(command),
        Command::UpdateContact(command) => update(command),
        Command::AbandonContact(command) => {
            format!("abandon {} by {} epoch={}", command.contact, command.gateway, command.epoch)
        }
        Command::SetPresence(command) => {
            let presence = match command.presence {
                DeclaredPresence::Ready => "ready".to_owned(),
                DeclaredPresence::NotReady(reason) => format!("reason={reason}"),
            };
            format!("presence {} epoch={} seq={} {presence}", command.operator, command.epoch, command.seq)
        }
        Command::AcceptOffer(command) => answer("accept", command),
        Command::DeclineOffer(command) => answer("decline", command),
        Command::CompleteContact(command) => {
            answer("complete", &command.answer)
                + &optional("wrap-up", command.wrap_up.map(|span| span.0))
                + &rule_book::write_case_step(command.step)
                + &rule_book::write_result(command.result.as_ref())
        }
        Command::ExtendWrapUp(command) => {
            answer("extend", &command.answer) + &format!(" until={}", command.until.0)
        }
        Command::EndWrapUp(command) => answer("end-wrap-up", command),
        Command::TransferContact(command) => transfer(command),
        Command::HoldContact(command) => {
            answer("hold", &command.answer) + if command.on { " on" } else { " off" }
        }
        Command::Act(command) => act(command),
        Command::PutLifeSupport(command) => rule_book::write_life_support(command),
        Command::AskForBreak(command) => time::write_ask(command),
        Command::TakeNext(command) => hand_out::write_take_next(command),
        Command::AssignContact(command) => hand_out::write_by_lead(command),
        Command::RequestPerson(command) => together::write_request_person(command),
        Command::Consult(command) => together::write_consult(command),
        Command::EndConsult(command) => together::write_end_consult(command),
        Command::JoinConsult(command) => together::write_join_consult(command),
        Command::InviteCompanion(command) => together::write_invite(command),
        Command::BeginEnquiry(command) => enquiries::write_begin(command),
        Command::FreeCaller(command) => enquiries::write_free_caller(command),
        Command::CloseEnquiry(command) => enquiries::write_close(command),
        Command::AskForHelp(command) => supervision::write_ask_for_help(command),
        Command::DeflectContact(command) => together::write_deflect_contact(command),
        Command::NoteMessage(command) => threads::write_note_message(command),
    };
    (line, Vec::new())
}

pub(super) fn optional(name: &str, value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| format!(" {name}={}", quoted(&value.to_string())))
}

pub(super) fn flag(name: &str, holds: bool) -> String {
    if holds { format!(" {name}") } else { String::new() }
}

pub(super) fn levels<T: Display>(name: &str, levels: &[(Name, T)]) -> String {
    optional(name, (!levels.is_empty()).then(|| write_levels(levels)))
}

fn plan(plan: &Plan) -> Vec<String> {
    let mut lines: Vec<String> = plan.skills.iter().map(|name| format!("skill {}", quoted(name))).collect();
    for row in &plan.channels {
        lines.push(format!("channel {} units={}", quoted(&row.name), row.units));
    }
    for row in &plan.units {
        let rules = rule_book::names("neighbours", &row.rules.neighbours)
            + &optional("head", row.rules.head.as_ref())
            + &optional("calendar", row.rules.calendar.as_ref());
        lines.push(format!("unit {}{}{rules}", quoted(&row.name), optional("parent", row.parent)));
    }
    lines.extend(rule_book::plan_lines(&plan.rules));
    lines.extend(plan.queues.iter().flat_map(|row| rule_book::queue_lines(queue(row), row)));
    lines.extend(rule_book::entry_lines(&plan.rules));
    let sessions = &plan.sessions;
    lines.push(format!(
        "sessions grace={} missed={} exclusion={} key-window={}",
        sessions.grace.0, sessions.missed.0, sessions.exclusion.0, sessions.key_window.0
    ));
    lines
}

fn queue(row: &QueuePlan) -> String {
    format!(
        "queue {} answer={} wrap-up={} wrap-up-max={} orphan={} waiting-max={} target={}:{}{}{}{}",
        quoted(&row.name),
        write_answer(row.answer),
        row.wrap_up.0,
        row.wrap_up_max.0,
        write_orphan(row.orphan),
        row.waiting_max,
        row.target.within.0,
        row.target.percent,
        levels("required", &row.required),
        optional("scope", row.scope.as_ref()),
        flag("closed", !row.open),
    )
}

fn operator(row: &OperatorPlan) -> String {
    let mut line = format!("operator {} capacity={}", quoted(&row.login), row.capacity);
    line += &levels("skills", &row.skills);
    line += &optional("unit", row.unit.as_ref());
    line + &levels("ranks", &row.ranks) + &rule_book::write_operator_rules(&row.rules)
}

fn open(command: &OpenSession) -> String {
    let role = match command.role {
        Role::Gateway => "gateway",
        Role::Operator => "operator",
    };
    let place = format!("node={} incarnation={} nonce={}", command.node, command.incarnation, command.nonce);
    format!(
        "open-session {role} {} {place}{}{}",
        quoted(&command.name),
        optional("resume", command.resume),
        flag("takeover", command.takeover)
    )
}

fn enqueue(command: &EnqueueContact) -> String {
    let mut line = format!(
        "enqueue {} by {} epoch={} queue={} channel={} tier={}",
        quoted(&command.key),
        command.gateway,
        command.epoch,
        quoted(&command.queue),
        quoted(&command.channel),
        command.tier
    );
    line += &optional("head-start", (command.head_start.0 > 0).then_some(command.head_start.0));
    line += &levels("skills", &command.skills);
    line += &optional("scope", command.scope.as_ref());
    line += &optional("units", command.units);
    line += &optional("not-before", command.not_before.map(|time| time.0));
    if let Some((login, hold)) = &command.preferred {
        line += &format!(" preferred={login}:{}", hold.0);
    }
    if let Some(order) = &command.callback {
        line += &format!(" number={} principals={}", quoted(&order.number), quoted(&order.principals));
    }
    line + &details(&command.details) + &rule_book::write_facts(&command.facts)
}

fn details(details: &ContactDetails) -> String {
    let mut line = optional("customer", details.customer.as_ref());
    line += &optional("topic", details.topic.as_ref());
    line += &optional("language", details.language.as_ref());
    if !details.attributes.is_empty() {
        line += " attributes=";
        for byte in &details.attributes {
            let _ = write!(line, "{byte:02x}");
        }
    }
    line
}

fn update(command: &UpdateContact) -> String {
    let mut line = format!("update {} by {} epoch={}", command.contact, command.gateway, command.epoch);
    line += &optional("tier", command.tier);
    line += &optional("not-before", command.not_before.map(|time| time.0));
    if let Some(new) = &command.details {
        line += &flag("details", true);
        line += &details(new);
    }
    line
}

pub(super) fn answer(verb: &str, answer: &AnswerOffer) -> String {
    format!(
        "{verb} {} by {} epoch={} assignment={}",
        answer.contact, answer.operator, answer.epoch, answer.assignment
    )
}

fn transfer(command: &TransferContact) -> String {
    let to = match &command.to {
        TransferTarget::Queue(queue) => format!(" queue={}", quoted(queue)),
        TransferTarget::Operator { login, hold, queue } => {
            format!(" operator={} hold={}{}", quoted(login), hold.0, optional("queue", queue.as_ref()))
        }
        TransferTarget::BackOffice { route, channel, reply_by } => {
            let way = optional("reply-by", reply_by.as_ref());
            format!(" route={} channel={}{way}", quoted(route), quoted(channel))
        }
        TransferTarget::Consulted { leg } => format!(" leg={leg}"),
    };
    answer("transfer", &command.answer) + &to + &optional("wrap-up", command.wrap_up.map(|span| span.0))
}

fn act(command: &Act) -> String {
    let action = match &command.action {
        Action::ForcePresence { login, presence } => {
            let presence = match presence {
                DeclaredPresence::Ready => "ready".to_owned(),
                DeclaredPresence::NotReady(reason) => format!("reason={reason}"),
            };
            format!("force {} {presence}", quoted(login))
        }
        Action::SignOut { login } => format!("sign-out {}", quoted(login)),
        Action::RequeueContact { contact } => format!("requeue {contact}"),
        Action::CloseContact { contact, reason } => format!("close {contact} because={}", quoted(reason)),
        Action::MoveContacts { from: MoveFrom::Contacts(contacts), to } => {
            let ids: Vec<String> = contacts.iter().map(ToString::to_string).collect();
            format!("move {} to={}", quoted(&ids.join(",")), quoted(to))
        }
        Action::MoveContacts { from: MoveFrom::Queue { name, count_max }, to } => {
            format!("move-line {} to={}{}", quoted(name), quoted(to), optional("count-max", *count_max))
        }
        Action::LiftContact { contact, tier, head_start } => {
            let head_start = optional("head-start", head_start.map(|span| span.0));
            format!("lift {contact}{}{head_start}", optional("tier", *tier))
        }
        Action::DeferBreaks { on } => format!("defer-breaks {}", if *on { "on" } else { "off" }),
        Action::AssignContact { contact, to, hold } => {
            format!("hand-out {contact} to={} hold={}", quoted(to), hold.0)
        }
        Action::HandOver(command) => hand_out::write_hand_over(command),
        Action::CloseEntry(command) => hand_out::write_close_entry(command),
        Action::OpenEntry { of } => format!("open-entry all {}", hand_out::write_entry(of)),
        Action::CloseEnquiry { enquiry, answer } => {
            format!("close-enquiry {enquiry}{}", optional("answer", answer.as_ref()))
        }
        Action::Supervise { .. } | Action::AnswerHelp { .. } => supervision::write_action(&command.action),
        Action::Note { what, detail } => format!("note {} detail={}", quoted(what), quoted(detail)),
    };
    format!("act {action} by={} key={}", quoted(&command.by), quoted(&command.key))
}

/// What followed a command, as the lines of a scenario.
#[must_use]
pub fn outcome_lines(outcome: &Outcome) -> Vec<String> {
    let reply = match &outcome.reply {
        Ok(reply) => self::reply(*reply),
        Err(refusal) => self::refusal(refusal),
    };
    let effects = outcome.effects.iter().map(|row| format!("! {}", effect(row)));
    std::iter::once(format!("> {reply}")).chain(effects).collect()
}

/// The wording of some refusals is for people and may change; the code may not.
fn refusal(refusal: &Refusal) -> String {
    let code = refusal.code();
    match refusal {
        Refusal::StaleEpoch { current } => format!("refused {code} current={current}"),
        Refusal::KeyReused { contact } => format!("refused {code} {contact}"),
        Refusal::WrongState { contact, state } => format!("refused {code} {contact} {state}"),
        Refusal::StaleAssignment { contact, current } => {
            format!("refused {code} {contact} current={current}")
        }
        Refusal::PlanVersion { current } => format!("refused {code} current={current}"),
        Refusal::WouldStrand { queue, contacts } => {
            format!("refused {code} queue={} contacts={contacts}", quoted(queue))
        }
        Refusal::RouteInUse { route, cases } => {
            format!("refused {code} route={} cases={cases}", quoted(route))
        }
        Refusal::InvalidField { .. }
        | Refusal::UnknownQueue(_)
        | Refusal::UnknownSkill(_)
        | Refusal::UnknownChannel(_)
        | Refusal::UnknownUnit(_)
        | Refusal::UnknownOperator(_)
        | Refusal::UnknownContact(_)
        | Refusal::UnknownParty
        | Refusal::AlreadySignedIn
        | Refusal::NotSignedIn
        | Refusal::QueueClosed(_)
        | Refusal::QueueFull { .. }
        | Refusal::LimitReached { .. }
        | Refusal::CannotDecline(_)
        | Refusal::PlanConflict(_)
        | Refusal::ForeignContact(_)
        | Refusal::ActionKeyReused { .. }
        | Refusal::OperatorUnavailable(_)
        | Refusal::UnknownPrincipal(_)
        | Refusal::NoQueue
        | Refusal::NobodyThere(_)
        | Refusal::UnknownRoute(_)
        | Refusal::UnknownCalendar(_)
        | Refusal::UnknownEnquiry(_)
        | Refusal::UnknownBreak(_)
        | Refusal::NothingWaits
        | Refusal::NotALead(_)
        | Refusal::PassedOften { .. } => format!("refused {code}"),
    }
}

fn reply(reply: Reply) -> String {
    match reply {
        Reply::Done => "done".to_owned(),
        Reply::Enqueued { contact } => format!("enqueued {contact}"),
        Reply::Merged { contact, into } => format!("merged {contact} into {into}"),
        Reply::Opened { party, epoch } => format!("opened {party} epoch={epoch}"),
        Reply::PlanApplied { version } => format!("plan applied version={version}"),
        Reply::Acted { contacts } => format!("acted contacts={contacts}"),
        Reply::Break(answer) => time::write_answer(answer),
        Reply::Taken { contact } => format!("taken {contact}"),
        Reply::Asked { enquiry } => format!("asked {enquiry}"),
    }
}

fn effect(effect: &Effect) -> String {
    match *effect {
        Effect::AnnounceQueued { contact, gateway } => format!("queued {contact} to {gateway}"),
        Effect::RingOperator { contact, operator, assignment, deadline, mode } => {
            let mode = offer_mode(mode);
            format!("ring {operator} for {contact} assignment={assignment} {mode} until {}", deadline.0)
        }
        Effect::AnnounceAssigned { contact, gateway, operator, assignment } => {
            format!("assigned {contact} to {operator} assignment={assignment} ({gateway})")
        }
        Effect::ConnectContact { contact, gateway, operator, assignment } => {
            format!("connect {contact} with {operator} assignment={assignment} ({gateway})")
        }
        Effect::WithdrawAssignment { contact, gateway, operator, assignment, reason } => {
            let why = withdraw(reason);
            format!("withdraw {contact} from {operator} assignment={assignment} {why} ({gateway})")
        }
        Effect::StartWrapUp { contact, operator, assignment, until } => {
            format!("wrap-up {contact} by {operator} assignment={assignment} until {}", until.0)
        }
        Effect::ReleaseOperator { contact, operator, assignment } => {
            format!("release {operator} of {contact} assignment={assignment}")
        }
        Effect::AnnounceEnded { contact, gateway, reason } => {
            format!("ended {contact} {} ({gateway})", end(reason))
        }
        Effect::AnnouncePresence { operator, presence } => {
            format!("presence {operator} {}", self::presence(presence))
        }
        Effect::EndStream { party, epoch } => format!("end-stream {party} epoch={epoch}"),
        Effect::HoldContact { contact, gateway, operator, assignment, on } => {
            format!("hold {contact} by {operator} assignment={assignment} {} ({gateway})", on_or_off(on))
        }
        Effect::ParkContact { contact, gateway, operator, assignment, on } => {
            format!("park {contact} with {operator} assignment={assignment} {} ({gateway})", on_or_off(on))
        }
        Effect::AnnounceMoved { contact, gateway, queue } => {
            format!("moved {contact} queue={queue} ({gateway})")
        }
        Effect::AnnounceExpectedWait { contact, gateway, band } => {
            format!("expected-wait {contact} band={band} ({gateway})")
        }
        Effect::OfferDeflection { contact, gateway, to } => {
            format!("offer-deflection {contact} to={to:?} ({gateway})")
        }
        Effect::NotifyThread { contact, gateway, operator, assignment, news } => {
            let news = threads::write_news(news);
            format!("thread {contact} with {operator} assignment={assignment} {news} ({gateway})")
        }
        Effect::CallDuty { contact, gateway } => format!("call-duty {contact} ({gateway})"),
        Effect::AnnounceAlarm { operator, queue, trigger: None, on } => {
            format!("alarm {queue} on={on} ({operator})")
        }
        Effect::AnnounceAlarm { operator, queue, trigger: Some(trigger), on } => {
            format!("trigger {trigger} of {queue} on={on} ({operator})")
        }
        Effect::InviteCompanion { contact, gateway, operator, assignment, channel } => {
            format!("invite {contact} by {operator} assignment={assignment} channel={channel} ({gateway})")
        }
        Effect::AnnounceEnquiry { .. } | Effect::NotifyEnquiry { .. } => enquiries::effect(effect),
        Effect::SuperviseContact { .. } | Effect::AnnounceHelp { .. } => supervision::effect(effect),
        Effect::AnnounceStage { .. }
        | Effect::WarnCase { .. }
        | Effect::EscalateCase { .. }
        | Effect::AnnounceCaseClosed { .. }
        | Effect::NotifyWatcher { .. }
        | Effect::AnnounceConsult { .. }
        | Effect::JoinConsult { .. } => case_effect(effect),
    }
}

const fn offer_mode(mode: OfferMode) -> &'static str {
    match mode {
        OfferMode::Offered => "offer",
        OfferMode::Confirmed => "confirm",
        OfferMode::Previewed => "preview",
    }
}

const fn on_or_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn case_effect(effect: &Effect) -> String {
    match *effect {
        Effect::AnnounceStage { case, gateway, contact, stage, due } => {
            format!("stage {case} {stage} {contact} due={} ({gateway})", due.0)
        }
        Effect::WarnCase { case, gateway, due } => format!("warn-case {case} due={} ({gateway})", due.0),
        Effect::EscalateCase { case, gateway, contact } => {
            let late = contact.map_or_else(|| "whole".to_owned(), |contact| contact.to_string());
            format!("escalate-case {case} {late} ({gateway})")
        }
        Effect::AnnounceCaseClosed { case, gateway, end, in_term } => {
            let end = match end {
                CaseEnd::Done => "done",
                CaseEnd::Withdrawn => "withdrawn",
                CaseEnd::ClosedEarly => "closed-early",
            };
            format!("case-closed {case} {end} in-term={in_term} ({gateway})")
        }
        Effect::NotifyWatcher { operator, case, escalated } => {
            format!("notify-watcher {operator} {case} {}", if escalated { "late" } else { "near" })
        }
        Effect::AnnounceConsult { contact, of, gateway, operator } => {
            format!("consult {contact} of={of} {operator} ({gateway})")
        }
        Effect::JoinConsult { contact, of, gateway, operator, on } => {
            let word = if on { "join" } else { "leave" };
            format!("{word}-consult {contact} of={of} {operator} ({gateway})")
        }
        Effect::AnnounceQueued { .. }
        | Effect::RingOperator { .. }
        | Effect::AnnounceAssigned { .. }
        | Effect::ConnectContact { .. }
        | Effect::WithdrawAssignment { .. }
        | Effect::StartWrapUp { .. }
        | Effect::ReleaseOperator { .. }
        | Effect::AnnounceEnded { .. }
        | Effect::AnnouncePresence { .. }
        | Effect::EndStream { .. }
        | Effect::ParkContact { .. }
        | Effect::HoldContact { .. }
        | Effect::InviteCompanion { .. }
        | Effect::AnnounceExpectedWait { .. }
        | Effect::OfferDeflection { .. }
        | Effect::CallDuty { .. }
        | Effect::AnnounceEnquiry { .. }
        | Effect::NotifyEnquiry { .. }
        | Effect::SuperviseContact { .. }
        | Effect::AnnounceHelp { .. }
        | Effect::NotifyThread { .. }
        | Effect::AnnounceAlarm { .. }
        | Effect::AnnounceMoved { .. } => String::new(),
    }
}

fn withdraw(reason: WithdrawReason) -> &'static str {
    match reason {
        WithdrawReason::Abandoned => "abandoned",
        WithdrawReason::Unanswered => "unanswered",
        WithdrawReason::Declined => "declined",
        WithdrawReason::SessionLost => "session-lost",
        WithdrawReason::Transferred => "transferred",
        WithdrawReason::Supervisor => "supervisor",
        WithdrawReason::LifeSafety => "life-safety",
        WithdrawReason::PersonRequested => "person-requested",
        WithdrawReason::ConsultOver => "consult-over",
        WithdrawReason::HandedOver => "handed-over",
        WithdrawReason::ParkedOften => "parked-often",
        WithdrawReason::ReplyOverdue => "reply-overdue",
        WithdrawReason::NotResumed => "not-resumed",
    }
}

fn end(reason: EndReason) -> String {
    match reason {
        EndReason::Completed(operator) => format!("completed by {operator}"),
        EndReason::Abandoned => "abandoned".to_owned(),
        EndReason::Merged(into) => format!("merged into {into}"),
        EndReason::Deflected(to) => format!("deflected {}", rule_book::treatment(to)),
        EndReason::OperatorLost(operator) => format!("operator-lost {operator}"),
        EndReason::Closed(operator) => {
            operator.map_or("closed".to_owned(), |operator| format!("closed with {operator}"))
        }
        EndReason::ConsultOver(operator) => {
            operator.map_or("consult-over".to_owned(), |operator| format!("consult-over with {operator}"))
        }
    }
}

fn presence(presence: PresenceState) -> String {
    match presence {
        PresenceState::Offline => "offline".to_owned(),
        PresenceState::Ready => "ready".to_owned(),
        PresenceState::NotReady(reason) => format!("not-ready reason={reason}"),
        PresenceState::Missed { until } => format!("missed until {}", until.0),
        PresenceState::Break { reason, until } => format!("break reason={reason} until {}", until.0),
    }
}
