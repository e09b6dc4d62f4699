//! Enquiries in scenarios.

use anyhow::{Context, Result};
use ringmain_routing::command::{
    Action, BeginEnquiry, CallbackOrder, CloseEnquiry, FreeCaller, PromisedCall,
};
use ringmain_routing::rules::{Addressee, EnquiryRule};
use ringmain_routing::{Effect, EnquiryNews, Millis, Timestamp};

use super::read::{answer, epoch};
use super::words::{Words, quoted};
use super::write::{self, optional};

/// The plan's rule; its addressees stand behind it, a line each.
pub(super) fn rule(words: &Words) -> Result<EnquiryRule> {
    Ok(EnquiryRule {
        keep_for: Millis(words.number("keep")?),
        remind_percent: words.number("remind")?,
        addressees: Vec::new(),
    })
}

pub(super) fn add_addressee(rule: Option<&mut EnquiryRule>, words: &Words) -> Result<()> {
    let rule = rule.context("an addressee stands behind the rule of enquiries")?;
    rule.addressees.push(Addressee {
        name: words.plain(1)?.into(),
        term: Millis(words.number("term")?),
        calendar: words.text("calendar").map(Into::into),
    });
    Ok(())
}

/// The lines of a plan about enquiries.
pub(super) fn lines(rule: &EnquiryRule) -> Vec<String> {
    let first = format!("enquiries keep={} remind={}", rule.keep_for.0, rule.remind_percent);
    let addressees = rule.addressees.iter().map(|addressee| {
        format!("addressee {} term={}", quoted(&addressee.name), addressee.term.0)
            + &optional("calendar", addressee.calendar.as_ref())
    });
    std::iter::once(first).chain(addressees).collect()
}

pub(super) fn begin(words: &Words) -> Result<BeginEnquiry> {
    let call = words.has("freed").then(|| promise(words)).transpose()?;
    Ok(BeginEnquiry {
        answer: answer(words)?,
        to: words.name("to")?,
        question: words.name("question")?,
        term: words.optional("term")?.map(Millis),
        call,
    })
}

pub(super) fn write_begin(command: &BeginEnquiry) -> String {
    write::answer("begin-enquiry", &command.answer)
        + &format!(" to={} question={}", quoted(&command.to), quoted(&command.question))
        + &optional("term", command.term.map(|term| term.0))
        + &command.call.as_ref().map_or_else(String::new, |call| format!(" freed{}", write_promise(call)))
}

pub(super) fn free_caller(words: &Words) -> Result<FreeCaller> {
    let enquiry = words.text("enquiry").context("enquiry= is missing")?.parse()?;
    Ok(FreeCaller { answer: answer(words)?, enquiry, call: promise(words)? })
}

pub(super) fn write_free_caller(command: &FreeCaller) -> String {
    let enquiry = format!(" enquiry={}{}", command.enquiry, write_promise(&command.call));
    write::answer("free-caller", &command.answer) + &enquiry
}

fn promise(words: &Words) -> Result<PromisedCall> {
    Ok(PromisedCall {
        order: CallbackOrder { number: words.name("number")?, principals: words.name("principals")? },
        channel: words.name("channel")?,
        not_before: Timestamp(words.number("not-before")?),
        wrap_up: words.optional("wrap-up")?.map(Millis),
    })
}

fn write_promise(call: &PromisedCall) -> String {
    let PromisedCall { order, channel, not_before, wrap_up } = call;
    let (number, principals) = (quoted(&order.number), quoted(&order.principals));
    format!(
        " number={number} principals={principals} channel={} not-before={}{}",
        quoted(channel),
        not_before.0,
        optional("wrap-up", wrap_up.map(|span| span.0))
    )
}

pub(super) fn close(words: &Words) -> Result<CloseEnquiry> {
    Ok(CloseEnquiry {
        enquiry: words.plain(1)?.parse()?,
        operator: words.plain(3)?.parse()?,
        epoch: epoch(words)?,
        answer: words.text("answer").map(Into::into),
    })
}

pub(super) fn write_close(command: &CloseEnquiry) -> String {
    format!(
        "close-enquiry {} by {} epoch={}{}",
        command.enquiry,
        command.operator,
        command.epoch,
        optional("answer", command.answer.as_ref())
    )
}

pub(super) fn close_action(words: &Words) -> Result<Action> {
    let answer = words.text("answer").map(Into::into);
    Ok(Action::CloseEnquiry { enquiry: words.plain(2)?.parse()?, answer })
}

/// What is told of enquiries; of any other effect nothing.
pub(super) fn effect(effect: &Effect) -> String {
    if let Effect::AnnounceEnquiry { enquiry, contact, gateway, news } = *effect {
        return format!("enquiry {enquiry} {} about {contact} ({gateway})", word(news));
    }
    let Effect::NotifyEnquiry { operator, enquiry, news } = *effect else { return String::new() };
    format!("notify-enquiry {operator} {enquiry} {}", word(news))
}

fn word(news: EnquiryNews) -> &'static str {
    match news {
        EnquiryNews::Begun => "begun",
        EnquiryNews::Reminded => "reminded",
        EnquiryNews::Overdue => "overdue",
        EnquiryNews::Answered => "answered",
        EnquiryNews::Withdrawn => "withdrawn",
        EnquiryNews::Yours => "yours",
    }
}

#[cfg(test)]
mod tests {
    use super::super::{read, write};

    #[test]
    fn enquiries_are_read_and_written_back() {
        let text = "\
at 1 plan version=1
  queue calls answer=automatic wrap-up=0 wrap-up-max=0 orphan=requeue waiting-max=9 target=1:80
  enquiries keep=9 remind=50
  addressee \"the dispatcher\" term=5
  addressee foreman term=7 calendar=day
  sessions grace=1 missed=1 exclusion=1 key-window=1
at 2 begin-enquiry c1.0 by o2.0 epoch=1 assignment=1 to=foreman question=\"how long\" term=9
at 3 begin-enquiry c1.0 by o2.0 epoch=1 assignment=1 to=foreman question=why freed number=+7 principals=grid channel=voice not-before=9 wrap-up=1
at 4 free-caller c1.0 by o2.0 epoch=1 assignment=1 enquiry=q0.0 number=+7 principals=grid channel=voice not-before=9
at 5 close-enquiry q0.0 by o2.0 epoch=1 answer=\"at six\"
at 6 close-enquiry q0.0 by o2.0 epoch=1
at 7 act close-enquiry q1.0 answer=later by=system key=1
";
        let scenario = read(text).expect("it is a scenario");
        let written = write(&scenario);
        assert_eq!(read(&written).expect("it is read again").entries, scenario.entries);
        for part in ["addressee foreman term=7 calendar=day", "freed number=+7", "answer=later"] {
            assert!(written.contains(part), "{written}");
        }
    }
}
