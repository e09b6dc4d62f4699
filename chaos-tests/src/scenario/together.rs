//! People together in scenarios: bots, consultations, companions; and those who wait.

use anyhow::{Context as _, Result, bail};
use ringmain_routing::command::{
    Consult, ConsultTarget, Context, DeflectContact, EndConsult, InviteCompanion, JoinConsult, RequestPerson,
    Requester,
};
use ringmain_routing::rules::{Interruptible, QueueRules, WaitRule};
use ringmain_routing::{GatewayId, Millis, Name};

use super::read::{answer, epoch};
use super::rule_book::{names, pairs, read_treatment, treatment};
use super::words::{Words, quoted};
use super::write::{self, flag, optional};

/// A queue's rules with those of people together and of those who wait.
pub(super) fn queue_rules(rules: QueueRules, words: &Words) -> Result<QueueRules> {
    let interruptible = words.has("interruptible").then(|| interruptible(words)).transpose()?;
    let bands = words.parts("bands").map(|part| Ok(Millis(part.parse()?)));
    Ok(QueueRules {
        people_queue: words.text("people-queue").map(Into::into),
        consult_units: words.optional("consult-units")?,
        alarm_after: words.optional("alarm-after")?.map(Millis),
        bands: bands.collect::<Result<_>>()?,
        stranded_to: words.text("stranded-to").map(Into::into),
        interruptible,
        ..rules
    })
}

fn interruptible(words: &Words) -> Result<Interruptible> {
    Ok(Interruptible {
        by_tier: words.number("by-tier")?,
        by_channels: words.names("by-channels"),
        parks_max: words.number("parks-max")?,
    })
}

pub(super) fn write_queue_rules(rules: &QueueRules) -> String {
    let bands: Vec<Name> = rules.bands.iter().map(|band| band.0.to_string().into()).collect();
    let interruptible = rules.interruptible.as_ref().map_or(String::new(), |rule| {
        let channels = names("by-channels", &rule.by_channels);
        format!(" interruptible by-tier={}{channels} parks-max={}", rule.by_tier, rule.parks_max)
    });
    optional("people-queue", rules.people_queue.as_ref())
        + &optional("consult-units", rules.consult_units)
        + &optional("alarm-after", rules.alarm_after.map(|after| after.0))
        + &names("bands", &bands)
        + &optional("stranded-to", rules.stranded_to.as_ref())
        + &interruptible
}

pub(super) fn wait_rule(words: &Words) -> Result<WaitRule> {
    Ok(WaitRule {
        after: Millis(words.number("after")?),
        to: read_treatment(words)?,
        leave: words.has("leave"),
    })
}

pub(super) fn write_wait_rule(queue: &Name, rule: WaitRule) -> String {
    let leave = flag("leave", rule.leave);
    format!("wait {} after={} to={}{leave}", quoted(queue), rule.after.0, treatment(rule.to))
}

pub(super) fn deflect_contact(words: &Words) -> Result<DeflectContact> {
    Ok(DeflectContact {
        gateway: words.plain(3)?.parse()?,
        epoch: epoch(words)?,
        contact: words.plain(1)?.parse()?,
        to: read_treatment(words)?,
    })
}

pub(super) fn write_deflect_contact(command: &DeflectContact) -> String {
    let DeflectContact { gateway, epoch, contact, to } = command;
    format!("deflect-contact {contact} by {gateway} epoch={epoch} to={}", treatment(*to))
}

pub(super) fn request_person(words: &Words) -> Result<RequestPerson> {
    let by = match words.plain(3)?.parse::<GatewayId>() {
        Ok(gateway) => {
            Requester::Gateway { gateway, epoch: epoch(words)?, contact: words.plain(1)?.parse()? }
        }
        Err(_) => Requester::Bot(answer(words)?),
    };
    let context = Context {
        intent: words.text("intent").map(Into::into),
        slots: words.pairs("slots")?,
        transcript: words.text("transcript").map(Into::into),
    };
    let context = words.has("knowing").then_some(context);
    Ok(RequestPerson { by, context, danger: words.has("danger") })
}

pub(super) fn write_request_person(command: &RequestPerson) -> String {
    let by = match &command.by {
        Requester::Bot(answer) => write::answer("request-person", answer),
        Requester::Gateway { gateway, epoch, contact } => {
            format!("request-person {contact} by {gateway} epoch={epoch}")
        }
    };
    let context = command.context.as_ref().map_or(String::new(), |context| {
        let intent = optional("intent", context.intent.as_ref());
        let slots = pairs("slots", &context.slots);
        format!(" knowing{intent}{slots}{}", optional("transcript", context.transcript.as_ref()))
    });
    by + &context + &flag("danger", command.danger)
}

pub(super) fn consult(words: &Words) -> Result<Consult> {
    let to = match (words.text("queue"), words.text("operator")) {
        (Some(queue), _) => ConsultTarget::Queue(queue.into()),
        (None, Some(login)) => {
            ConsultTarget::Operator { login: login.into(), hold: Millis(words.number("hold")?) }
        }
        (None, None) => bail!("queue= or operator= is missing"),
    };
    Ok(Consult { answer: answer(words)?, to, units: words.optional("units")? })
}

pub(super) fn write_consult(command: &Consult) -> String {
    let to = match &command.to {
        ConsultTarget::Queue(queue) => format!(" queue={}", quoted(queue)),
        ConsultTarget::Operator { login, hold } => format!(" operator={} hold={}", quoted(login), hold.0),
    };
    write::answer("consult", &command.answer) + &to + &optional("units", command.units)
}

pub(super) fn end_consult(words: &Words) -> Result<EndConsult> {
    let leg = words.text("leg").context("leg= is missing")?.parse()?;
    Ok(EndConsult { answer: answer(words)?, leg })
}

pub(super) fn write_end_consult(command: &EndConsult) -> String {
    write::answer("end-consult", &command.answer) + &format!(" leg={}", command.leg)
}

pub(super) fn join_consult(words: &Words) -> Result<JoinConsult> {
    let leg = words.text("leg").context("leg= is missing")?.parse()?;
    Ok(JoinConsult { answer: answer(words)?, leg, on: words.has("on") })
}

pub(super) fn write_join_consult(command: &JoinConsult) -> String {
    let on = if command.on { "on" } else { "off" };
    write::answer("join-consult", &command.answer) + &format!(" leg={} {on}", command.leg)
}

pub(super) fn invite(words: &Words) -> Result<InviteCompanion> {
    Ok(InviteCompanion {
        answer: answer(words)?,
        number: words.name("number")?,
        channel: words.name("channel")?,
    })
}

pub(super) fn write_invite(command: &InviteCompanion) -> String {
    let number = format!(" number={} channel={}", quoted(&command.number), quoted(&command.channel));
    write::answer("invite-companion", &command.answer) + &number
}
