//! Questions to people without a seat, in small numbers.

use ringmain_routing::command::{BeginEnquiry, CallbackOrder, CloseEnquiry, FreeCaller, PromisedCall};
use ringmain_routing::limits::NOTE_BYTES_MAX;
use ringmain_routing::rules::{Addressee, EnquiryRule};
use ringmain_routing::{Command, EnquiryId, Epoch, Millis, Name, OperatorId, Timestamp};

use super::resolve::{answer_offer, choose};
use super::rule_book::CALENDARS;
use super::world::{CHANNELS, OPERATORS, pick};
use super::{ContactPick, Flaw};
use crate::model::{Contact, ContactState, Enquiry, Model};

/// Those whom the plan may name, and one whom it never does.
const ASKED: [&str; 3] = ["foreman", "dispatcher", "the mayor"];

/// What the plan says of enquiries.
#[derive(Clone, Copy, Debug)]
pub struct EnquiryRuleSpec {
    /// For how long calls are kept for the asker; not at all is a mistake.
    pub keep_for: u8,
    /// After which part of the term the asker is reminded; more than all of it is a mistake.
    pub remind_percent: u8,
    /// Terms and calendars of those who are named. No term is a mistake, as is the third calendar.
    pub addressees: [Option<(u8, Option<u8>)>; 2],
}

/// An operator asks.
#[derive(Clone, Copy, Debug)]
pub struct AskSpec {
    /// About which contact.
    pub pick: ContactPick,
    /// Whom; nobody beyond 2.
    pub to: u8,
    /// What: few questions, so that they repeat; too long a one beyond 2.
    pub question: u8,
    /// By when.
    pub term: Option<u8>,
    /// The promise with which the caller goes.
    pub call: Option<CallSpec>,
}

/// A promise to call back.
#[derive(Clone, Copy, Debug)]
pub struct CallSpec {
    /// The number, of those of other orders.
    pub number: u8,
    /// The channel; beyond the world's an unknown one.
    pub channel: u8,
    /// By when, relative to now minus 5.
    pub not_before: u8,
    /// Wrap-up wanted.
    pub wrap_up: Option<u8>,
}

/// The caller is freed later.
#[derive(Clone, Copy, Debug)]
pub struct FreeSpec {
    /// Which contact.
    pub pick: ContactPick,
    /// Which of the enquiries about it; beyond 7 any.
    pub which: u8,
    /// The promise.
    pub call: CallSpec,
}

/// An enquiry is closed.
#[derive(Clone, Copy, Debug)]
pub struct CloseSpec {
    /// Which of those that are open; beyond 24 any.
    pub which: u8,
    /// By whom instead of who asked.
    pub who: Option<u8>,
    /// With which answer; too long a one beyond 2.
    pub answer: Option<u8>,
    /// What is wrong with it.
    pub flaw: Flaw,
}

pub(super) fn rule(spec: &EnquiryRuleSpec) -> EnquiryRule {
    let addressees = ASKED.iter().zip(spec.addressees).filter_map(|(name, row)| {
        let (term, calendar) = row?;
        let calendar = calendar.map(|place| CALENDARS.get(usize::from(place)).copied().unwrap_or("never"));
        let term = Millis(u64::from(term));
        Some(Addressee { name: (*name).into(), term, calendar: calendar.map(Into::into) })
    });
    EnquiryRule {
        keep_for: Millis(u64::from(spec.keep_for)),
        remind_percent: spec.remind_percent,
        addressees: addressees.collect(),
    }
}

pub(super) fn begin(spec: &AskSpec, model: &Model) -> Command {
    let contact = choose(spec.pick, model, |row| is_in_talk(row) && row.leg.is_none());
    Command::BeginEnquiry(Box::new(BeginEnquiry {
        answer: answer_offer(spec.pick, model, contact),
        to: ASKED.get(usize::from(spec.to)).copied().unwrap_or("").into(),
        question: text("how long", spec.question),
        term: spec.term.map(|ms| Millis(u64::from(ms))),
        call: spec.call.map(|call| promise(call, model)),
    }))
}

pub(super) fn free(spec: &FreeSpec, model: &Model) -> Command {
    let about = |row: &Contact| of_contact(model, row).next().is_some();
    let contact = choose(spec.pick, model, |row| is_in_talk(row) && about(row));
    let own: Vec<EnquiryId> =
        contact.map(|row| of_contact(model, row).map(|known| known.id).collect()).unwrap_or_default();
    let own = own.get(usize::from(spec.which) % own.len().max(1)).copied().filter(|_| spec.which < 8);
    Command::FreeCaller(Box::new(FreeCaller {
        answer: answer_offer(spec.pick, model, contact),
        enquiry: own.unwrap_or_else(|| any(spec.which, model, |_| true)),
        call: promise(spec.call, model),
    }))
}

pub(super) fn close(spec: &CloseSpec, model: &Model) -> Command {
    let enquiry = picked(spec.which, model);
    let asker = model.enquiry(enquiry).map(|known| known.asker);
    let by_name = |who: u8| model.operators().iter().find(|row| &*row.login == pick(&OPERATORS, who));
    let by = spec.who.and_then(by_name).map(|row| row.id).or(asker);
    let by = by.unwrap_or(OperatorId { slot: 0, generation: 0 });
    let row = model.operators().iter().find(|row| row.id == by);
    let epoch = row.map_or(Epoch(1), |row| row.session.epoch);
    let epoch = if spec.flaw == Flaw::Epoch { Epoch(epoch.0 + 1) } else { epoch };
    let generation = enquiry.generation + u32::from(spec.flaw == Flaw::Unknown);
    Command::CloseEnquiry(Box::new(CloseEnquiry {
        operator: by,
        epoch,
        enquiry: EnquiryId { generation, ..enquiry },
        answer: spec.answer.map(|answer| text("at six", answer)),
    }))
}

/// What a supervisor or the addressee's system closes, and how.
pub(super) fn closed_by_action(which: u8, answer: Option<u8>, model: &Model) -> (EnquiryId, Option<Name>) {
    (picked(which, model), answer.map(|answer| text("at six", answer)))
}

/// Somebody whose question is open.
pub(super) fn some_asker(model: &Model) -> Option<Name> {
    let open = model.enquiries().find(|known| known.end.is_none())?;
    model.operators().iter().find(|row| row.id == open.asker).map(|row| row.login.clone())
}

fn is_in_talk(row: &Contact) -> bool {
    matches!(row.state, ContactState::Handling { .. })
}

fn of_contact<'a>(model: &'a Model, row: &Contact) -> impl Iterator<Item = &'a Enquiry> {
    let contact = row.id;
    model.enquiries().filter(move |known| known.contact == contact)
}

fn picked(which: u8, model: &Model) -> EnquiryId {
    any(which, model, |known| which > 24 || known.end.is_none())
}

fn any(which: u8, model: &Model, suits: impl Fn(&Enquiry) -> bool) -> EnquiryId {
    let ids: Vec<EnquiryId> = model.enquiries().filter(|known| suits(known)).map(|known| known.id).collect();
    let nobody = EnquiryId { slot: 0, generation: 99 };
    ids.get(usize::from(which) % ids.len().max(1)).copied().unwrap_or(nobody)
}

fn promise(spec: CallSpec, model: &Model) -> PromisedCall {
    let channel = CHANNELS.get(usize::from(spec.channel)).map_or("pigeon", |(name, _)| *name);
    PromisedCall {
        order: CallbackOrder { number: format!("+7{}", spec.number % 3).into(), principals: "all".into() },
        channel: channel.into(),
        not_before: Timestamp((model.now().0 + u64::from(spec.not_before)).saturating_sub(5)),
        wrap_up: spec.wrap_up.map(|ms| Millis(u64::from(ms))),
    }
}

fn text(word: &str, number: u8) -> Name {
    if number > 2 { word.repeat(NOTE_BYTES_MAX).into() } else { format!("{word} {number}").into() }
}
