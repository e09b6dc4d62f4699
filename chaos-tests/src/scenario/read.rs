//! Reads scenarios.

use anyhow::{Context, Result, bail, ensure};
use ringmain_routing::command::{
    AbandonContact, Act, Action, AnswerOffer, ApplyPlan, CallbackOrder, CloseSession, CompleteContact,
    ContactDetails, DeclaredPresence, EnqueueContact, ExtendWrapUp, HoldContact, LoseSession, MoveFrom,
    NodeLost, NodeStarted, OpenSession, OperatorPlan, PutOperators, Role, SetPresence, TransferContact,
    TransferTarget, UpdateContact,
};
use ringmain_routing::plan::{ChannelPlan, QueuePlan, SessionPlan, Target, UnitPlan};
use ringmain_routing::rules::UnitRules;
use ringmain_routing::{
    AssignmentEpoch, Command, ContactId, Epoch, Incarnation, Millis, NodeId, Party, Plan, Timestamp, UnitId,
};

use super::words::{Words, read_answer, read_orphan};
use super::{Entry, Scenario, enquiries, hand_out, rule_book, supervision, threads, time, together};

/// The scenario of a text.
///
/// # Errors
/// The first line that is not understood, with its number.
pub fn read(text: &str) -> Result<Scenario> {
    let mut scenario = Scenario::default();
    // A file may have come by way of another system, and end without the last line's end.
    for (number, line) in text.lines().map(|line| line.trim_end_matches('\r')).enumerate() {
        read_line(&mut scenario, line).with_context(|| format!("line {}: {line}", number + 1))?;
    }
    Ok(scenario)
}

fn read_line(scenario: &mut Scenario, line: &str) -> Result<()> {
    // Nobody sees them, and what is cut off or kept at the end of a line must not depend on them.
    if let Some(letter) = line.chars().find(|letter| letter.is_control()) {
        bail!("the character {letter:?} has no place in a scenario: words are parted by spaces");
    }
    if line.trim().is_empty() {
        return Ok(());
    }
    if let Some(remark) = line.strip_prefix('#') {
        if scenario.entries.is_empty() {
            scenario.about.push(remark.trim().to_owned());
        }
        return Ok(());
    }
    if let Some(rest) = line.strip_prefix("at ") {
        let (at, command) = rest.split_once(' ').context("at MS COMMAND is expected")?;
        let at = Timestamp(at.parse()?);
        scenario.entries.push(Entry { at, command: command_of(&Words::of(command)?)?, trace: Vec::new() });
        return Ok(());
    }
    let entry = scenario.entries.last_mut().context("the first line must be a command")?;
    if line.starts_with("> ") || line.starts_with("! ") {
        entry.trace.push(line.to_owned());
        return Ok(());
    }
    ensure!(line.starts_with(' '), "a command begins with `at`, a reply with `>`, an effect with `!`");
    let words = Words::of(line)?;
    if let Command::ApplyPlan(command) = &mut entry.command {
        return add_to_plan(&mut command.plan, &words);
    }
    let Command::PutOperators(command) = &mut entry.command else {
        bail!("only plans and operators have more lines");
    };
    command.operators.push(operator(&words)?);
    Ok(())
}

fn command_of(words: &Words) -> Result<Command> {
    Ok(match words.plain(0)? {
        "tick" => Command::Tick,
        "plan" => {
            let by = words.text("by").map(Into::into);
            Command::ApplyPlan(Box::new(ApplyPlan { plan: empty_plan(words.number("version")?), by }))
        }
        "put-operators" => {
            let by = words.text("by").map(Into::into);
            Command::PutOperators(PutOperators { operators: Vec::new(), by })
        }
        "open-session" => Command::OpenSession(open(words)?),
        "lose-session" => {
            Command::LoseSession(LoseSession { party: party(words.plain(1)?)?, epoch: epoch(words)? })
        }
        "close-session" => {
            Command::CloseSession(CloseSession { party: party(words.plain(1)?)?, epoch: epoch(words)? })
        }
        "node-started" => {
            let (node, incarnation) = run(words)?;
            Command::NodeStarted(NodeStarted { node, incarnation })
        }
        "node-lost" => {
            let (node, incarnation) = run(words)?;
            Command::NodeLost(NodeLost { node, incarnation })
        }
        "enqueue" => Command::EnqueueContact(Box::new(enqueue(words)?)),
        "update" => Command::UpdateContact(Box::new(update(words)?)),
        "abandon" => {
            let (contact, gateway) = (words.plain(1)?.parse()?, words.plain(3)?.parse()?);
            Command::AbandonContact(AbandonContact { gateway, epoch: epoch(words)?, contact })
        }
        "presence" => Command::SetPresence(presence(words)?),
        "accept" => Command::AcceptOffer(answer(words)?),
        "decline" => Command::DeclineOffer(answer(words)?),
        "complete" => {
            let wrap_up = words.optional("wrap-up")?.map(Millis);
            Command::CompleteContact(CompleteContact {
                answer: answer(words)?,
                wrap_up,
                step: rule_book::case_step(words)?,
                result: rule_book::result(words)?,
            })
        }
        "extend" => {
            let until = Timestamp(words.number("until")?);
            Command::ExtendWrapUp(ExtendWrapUp { answer: answer(words)?, until })
        }
        "end-wrap-up" => Command::EndWrapUp(answer(words)?),
        "transfer" => Command::TransferContact(Box::new(transfer(words)?)),
        "hold" => Command::HoldContact(HoldContact { answer: answer(words)?, on: words.has("on") }),
        "act" => Command::Act(Box::new(Act {
            by: words.name("by")?,
            key: words.name("key")?,
            action: action(words)?,
        })),
        _ => rule_book_command(words)?,
    })
}

/// Commands of the rule book.
fn rule_book_command(words: &Words) -> Result<Command> {
    Ok(match words.plain(0)? {
        "ask-for-break" => Command::AskForBreak(time::ask_for_break(words)?),
        "take-next" => Command::TakeNext(hand_out::take_next(words)?),
        "hand-out" => Command::AssignContact(hand_out::by_lead(words)?),
        "deflect-contact" => Command::DeflectContact(together::deflect_contact(words)?),
        "request-person" => Command::RequestPerson(Box::new(together::request_person(words)?)),
        "consult" => Command::Consult(together::consult(words)?),
        "end-consult" => Command::EndConsult(together::end_consult(words)?),
        "join-consult" => Command::JoinConsult(together::join_consult(words)?),
        "invite-companion" => Command::InviteCompanion(Box::new(together::invite(words)?)),
        "begin-enquiry" => Command::BeginEnquiry(Box::new(enquiries::begin(words)?)),
        "free-caller" => Command::FreeCaller(Box::new(enquiries::free_caller(words)?)),
        "close-enquiry" => Command::CloseEnquiry(Box::new(enquiries::close(words)?)),
        "ask-for-help" => Command::AskForHelp(supervision::ask_for_help(words)?),
        "note-message" => Command::NoteMessage(threads::note_message(words)?),
        "life-support" => Command::PutLifeSupport(rule_book::life_support(words)?),
        other => bail!("{other} is no command"),
    })
}

fn transfer(words: &Words) -> Result<TransferContact> {
    let queue = words.text("queue").map(Into::into);
    if let Some(leg) = words.text("leg") {
        let to = TransferTarget::Consulted { leg: leg.parse()? };
        let wrap_up = words.optional("wrap-up")?.map(Millis);
        return Ok(TransferContact { answer: answer(words)?, to, wrap_up });
    }
    let to = match (words.text("operator"), words.text("route")) {
        (_, Some(route)) => {
            let channel = words.text("channel").context("channel= is missing")?.into();
            let reply_by = words.text("reply-by").map(Into::into);
            TransferTarget::BackOffice { route: route.into(), channel, reply_by }
        }
        (Some(login), None) => {
            let hold = Millis(words.number("hold")?);
            TransferTarget::Operator { login: login.into(), hold, queue }
        }
        (None, None) => TransferTarget::Queue(queue.context("queue= or operator= is missing")?),
    };
    let wrap_up = words.optional("wrap-up")?.map(Millis);
    Ok(TransferContact { answer: answer(words)?, to, wrap_up })
}

fn action(words: &Words) -> Result<Action> {
    let subject = words.plain(2)?;
    Ok(match words.plain(1)? {
        "force" => {
            let reason = words.optional("reason")?;
            let presence = reason.map_or(DeclaredPresence::Ready, DeclaredPresence::NotReady);
            Action::ForcePresence { login: subject.into(), presence }
        }
        "sign-out" => Action::SignOut { login: subject.into() },
        "requeue" => Action::RequeueContact { contact: subject.parse()? },
        "close" => Action::CloseContact { contact: subject.parse()?, reason: words.name("because")? },
        "move" => {
            let ids = subject.split(',').filter(|id| !id.is_empty());
            let contacts = ids.map(|id| Ok(id.parse()?)).collect::<Result<_>>()?;
            Action::MoveContacts { from: MoveFrom::Contacts(contacts), to: words.name("to")? }
        }
        "move-line" => {
            let from = MoveFrom::Queue { name: subject.into(), count_max: words.optional("count-max")? };
            Action::MoveContacts { from, to: words.name("to")? }
        }
        "lift" => Action::LiftContact {
            contact: subject.parse()?,
            tier: words.optional("tier")?,
            head_start: words.optional("head-start")?.map(Millis),
        },
        "defer-breaks" => Action::DeferBreaks { on: subject == "on" },
        "hand-out" => hand_out::by_supervisor(words)?,
        "hand-over" => hand_out::hand_over(words)?,
        "close-entry" => hand_out::close_entry(words)?,
        "open-entry" => Action::OpenEntry { of: hand_out::entry(words)? },
        "close-enquiry" => enquiries::close_action(words)?,
        "supervise" => supervision::supervise(words)?,
        "answer-help" => Action::AnswerHelp { login: subject.into() },
        "note" => Action::Note { what: subject.into(), detail: words.name("detail")? },
        other => bail!("{other} is no action"),
    })
}

fn empty_plan(version: u64) -> Plan {
    Plan { version, ..Plan::default() }
}

fn add_to_plan(plan: &mut Plan, words: &Words) -> Result<()> {
    if rule_book::add_to_plan(plan, words)? {
        return Ok(());
    }
    match words.plain(0)? {
        "skill" => plan.skills.push(words.plain(1)?.into()),
        "channel" => {
            plan.channels.push(ChannelPlan { name: words.plain(1)?.into(), units: words.number("units")? });
        }
        "unit" => {
            let parent = words.optional("parent")?.map(UnitId);
            let rules = UnitRules {
                neighbours: words.names("neighbours"),
                calendar: words.text("calendar").map(Into::into),
                head: words.text("head").map(Into::into),
            };
            plan.units.push(UnitPlan { name: words.plain(1)?.into(), parent, rules });
        }
        "queue" => plan.queues.push(queue(words)?),
        "sessions" => {
            plan.sessions = SessionPlan {
                grace: Millis(words.number("grace")?),
                missed: Millis(words.number("missed")?),
                exclusion: Millis(words.number("exclusion")?),
                key_window: Millis(words.number("key-window")?),
            };
        }
        other => bail!("{other} is no part of a plan"),
    }
    Ok(())
}

fn queue(words: &Words) -> Result<QueuePlan> {
    let target = words.text("target").context("target= is missing")?;
    let (within, percent) = target.split_once(':').context("target=MS:PERCENT")?;
    Ok(QueuePlan {
        name: words.plain(1)?.into(),
        answer: read_answer(words.text("answer").context("answer= is missing")?)?,
        wrap_up: Millis(words.number("wrap-up")?),
        wrap_up_max: Millis(words.number("wrap-up-max")?),
        orphan: read_orphan(words.text("orphan").context("orphan= is missing")?)?,
        waiting_max: words.number("waiting-max")?,
        target: Target { within: Millis(within.parse()?), percent: percent.parse()? },
        required: words.levels("required")?,
        scope: words.text("scope").map(Into::into),
        open: !words.has("closed"),
        rules: together::queue_rules(rule_book::queue_rules(words)?, words)?,
    })
}

fn operator(words: &Words) -> Result<OperatorPlan> {
    ensure!(words.plain(0)? == "operator", "operator LOGIN is expected");
    Ok(OperatorPlan {
        login: words.plain(1)?.into(),
        skills: words.levels("skills")?,
        capacity: words.number("capacity")?,
        unit: words.text("unit").map(Into::into),
        ranks: words.levels("ranks")?,
        rules: rule_book::operator_rules(words)?,
    })
}

pub(super) fn epoch(words: &Words) -> Result<Epoch> {
    Ok(Epoch(words.number("epoch")?))
}

fn run(words: &Words) -> Result<(NodeId, Incarnation)> {
    Ok((NodeId(words.number("node")?), Incarnation(words.number("incarnation")?)))
}

fn party(text: &str) -> Result<Party> {
    if let Ok(id) = text.parse() {
        return Ok(Party::Gateway(id));
    }
    Ok(Party::Operator(text.parse()?))
}

fn open(words: &Words) -> Result<OpenSession> {
    let role = match words.plain(1)? {
        "gateway" => Role::Gateway,
        "operator" => Role::Operator,
        other => bail!("{other} is no role"),
    };
    let (node, incarnation) = run(words)?;
    Ok(OpenSession {
        role,
        name: words.plain(2)?.into(),
        node,
        incarnation,
        nonce: words.number("nonce")?,
        resume: words.optional("resume")?.map(Epoch),
        takeover: words.has("takeover"),
    })
}

fn enqueue(words: &Words) -> Result<EnqueueContact> {
    let preferred = match words.text("preferred") {
        Some(text) => {
            let (login, hold) = text.rsplit_once(':').context("preferred=LOGIN:MS")?;
            Some((login.into(), Millis(hold.parse()?)))
        }
        None => None,
    };
    let callback = match words.text("number") {
        Some(number) => Some(CallbackOrder { number: number.into(), principals: words.name("principals")? }),
        None => None,
    };
    Ok(EnqueueContact {
        gateway: words.plain(3)?.parse()?,
        epoch: epoch(words)?,
        key: words.plain(1)?.into(),
        queue: words.name("queue")?,
        channel: words.name("channel")?,
        tier: words.number("tier")?,
        head_start: Millis(words.optional("head-start")?.unwrap_or(0)),
        skills: words.levels("skills")?,
        scope: words.text("scope").map(Into::into),
        units: words.optional("units")?,
        not_before: words.optional("not-before")?.map(Timestamp),
        preferred,
        callback,
        details: details(words)?,
        facts: rule_book::facts(words)?,
    })
}

fn details(words: &Words) -> Result<ContactDetails> {
    let text = words.text("attributes").unwrap_or("");
    let digits = |place: usize| text.get(place..place + 2).context("attributes= wants pairs of hex digits");
    let bytes = (0..text.len()).step_by(2).map(|place| Ok(u8::from_str_radix(digits(place)?, 16)?));
    Ok(ContactDetails {
        customer: words.text("customer").map(Into::into),
        topic: words.text("topic").map(Into::into),
        language: words.text("language").map(Into::into),
        attributes: bytes.collect::<Result<_>>()?,
    })
}

fn update(words: &Words) -> Result<UpdateContact> {
    Ok(UpdateContact {
        gateway: words.plain(3)?.parse()?,
        epoch: epoch(words)?,
        contact: words.plain(1)?.parse()?,
        details: if words.has("details") { Some(details(words)?) } else { None },
        tier: words.optional("tier")?,
        not_before: words.optional("not-before")?.map(Timestamp),
    })
}

fn presence(words: &Words) -> Result<SetPresence> {
    let reason = words.optional("reason")?;
    Ok(SetPresence {
        operator: words.plain(1)?.parse()?,
        epoch: epoch(words)?,
        seq: words.number("seq")?,
        presence: reason.map_or(DeclaredPresence::Ready, DeclaredPresence::NotReady),
    })
}

pub(super) fn answer(words: &Words) -> Result<AnswerOffer> {
    let contact: ContactId = words.plain(1)?.parse()?;
    Ok(AnswerOffer {
        operator: words.plain(3)?.parse()?,
        epoch: epoch(words)?,
        contact,
        assignment: AssignmentEpoch(words.number("assignment")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_lines_of_other_systems_are_no_part_of_them() {
        for ends in ["\n", "\r\n", "\r\r\n", "\r"] {
            let scenario = read(&format!("at 1 tick\r\n> done{ends}")).unwrap();
            assert_eq!(scenario.entries[0].trace, ["> done"]);
        }
    }
}
