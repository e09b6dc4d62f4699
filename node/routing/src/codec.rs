//! Frames of the log: a tag and a version in front of a compact payload. Tags are given here by hand and never
//! reused; payload versions grow when a struct changes. Enums inside payloads only ever get variants appended;
//! `golden_frames` in the tests holds both rules.
//!
//! **Invariant:** a command is written in the lowest version that can say it. So a frame that was read is written
//! again byte for byte, and the chain over an old log stays what it was.

use alloc::boxed::Box;
use alloc::vec::Vec;

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::command::{
    AbandonContact, Act, AnswerOffer, ApplyPlan, AskForBreak, AskForHelp, AssignContact, BeginEnquiry,
    CaseStep, CloseEnquiry, CloseSession, Command, CompleteContact, Consult, ContactResult, DeflectContact,
    EndConsult, EnqueueContact, ExtendWrapUp, FreeCaller, HoldContact, InviteCompanion, JoinConsult,
    LoseSession, NodeLost, NodeStarted, NoteMessage, OpenSession, OperatorPlan, PutLifeSupport, PutOperators,
    RequestPerson, SetPresence, TakeNext, TransferContact, TransferTarget, UpdateContact,
};
use crate::effect::Outcome;
use crate::plan::{Plan, RuleBook};
use crate::rules::{Facts, OperatorRules};

/// Why a frame cannot be read. On a node this is fatal: it must not guess at its log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Less than a header.
    #[error("the frame has {0} bytes, fewer than its header of 3")]
    Short(usize),
    /// A tag of a newer version of the program.
    #[error("frame tag {0} is not known to this version of the program")]
    UnknownTag(u16),
    /// A payload version of a newer version of the program.
    #[error("frame tag {tag} has payload version {version}, this program knows up to {known}")]
    UnknownVersion {
        /// Which frame.
        tag: u16,
        /// What it says.
        version: u8,
        /// What is known here.
        known: u8,
    },
    /// The payload does not parse.
    #[error("the payload of frame tag {0} is damaged")]
    Damaged(u16),
}

const OUTCOME_TAG: u16 = 100;
const APPLY_PLAN: u16 = 2;
const PUT_OPERATORS: u16 = 3;
const ENQUEUE_CONTACT: u16 = 9;
const COMPLETE_CONTACT: u16 = 15;
/// The first tag of format 2.
const TRANSFER_CONTACT: u16 = 18;
const ACT: u16 = 20;
/// The first tag of format 3.
const PUT_LIFE_SUPPORT: u16 = 21;
const ASK_FOR_BREAK: u16 = 22;
const REQUEST_PERSON: u16 = 40;
const INVITE_COMPANION: u16 = 60;
const CONSULT: u16 = 41;
const END_CONSULT: u16 = 42;
const JOIN_CONSULT: u16 = 43;
const DEFLECT_CONTACT: u16 = 70;
const NOTE_MESSAGE: u16 = 80;
const BEGIN_ENQUIRY: u16 = 90;
const FREE_CALLER: u16 = 91;
const CLOSE_ENQUIRY: u16 = 92;
const ASK_FOR_HELP: u16 = 95;

/// The highest payload version known for a tag.
fn known_version(tag: u16) -> u8 {
    match tag {
        APPLY_PLAN | PUT_OPERATORS => 3,
        ENQUEUE_CONTACT | COMPLETE_CONTACT | TRANSFER_CONTACT | ACT => 2,
        _ => 1,
    }
}

impl Command {
    fn tag(&self) -> u16 {
        match self {
            Command::Tick => 1,
            Command::ApplyPlan(_) => APPLY_PLAN,
            Command::PutOperators(_) => PUT_OPERATORS,
            Command::OpenSession(_) => 4,
            Command::LoseSession(_) => 5,
            Command::CloseSession(_) => 6,
            Command::NodeStarted(_) => 7,
            Command::NodeLost(_) => 8,
            Command::EnqueueContact(_) => ENQUEUE_CONTACT,
            Command::UpdateContact(_) => 10,
            Command::AbandonContact(_) => 11,
            Command::SetPresence(_) => 12,
            Command::AcceptOffer(_) => 13,
            Command::DeclineOffer(_) => 14,
            Command::CompleteContact(_) => COMPLETE_CONTACT,
            Command::ExtendWrapUp(_) => 16,
            Command::EndWrapUp(_) => 17,
            Command::TransferContact(_) => TRANSFER_CONTACT,
            Command::HoldContact(_) => 19,
            Command::Act(_) => ACT,
            Command::PutLifeSupport(_) => PUT_LIFE_SUPPORT,
            Command::TakeNext(_) => 23,
            Command::AssignContact(_) => 24,
            Command::AskForBreak(_) => ASK_FOR_BREAK,
            Command::RequestPerson(_) => REQUEST_PERSON,
            Command::InviteCompanion(_) => INVITE_COMPANION,
            Command::Consult(_) => CONSULT,
            Command::EndConsult(_) => END_CONSULT,
            Command::JoinConsult(_) => JOIN_CONSULT,
            Command::DeflectContact(_) => DEFLECT_CONTACT,
            Command::NoteMessage(_) => NOTE_MESSAGE,
            Command::BeginEnquiry(_) => BEGIN_ENQUIRY,
            Command::FreeCaller(_) => FREE_CALLER,
            Command::CloseEnquiry(_) => CLOSE_ENQUIRY,
            Command::AskForHelp(_) => ASK_FOR_HELP,
        }
    }

    /// The lowest payload version that can say the command.
    fn version(&self) -> u8 {
        match self {
            Command::ApplyPlan(command) if command.plan.has_rules() => 3,
            Command::PutOperators(command) if has_rules(command) => 3,
            Command::ApplyPlan(command) if command.by.is_some() => 2,
            Command::PutOperators(command) if command.by.is_some() => 2,
            Command::EnqueueContact(command) if command.facts != Facts::default() => 2,
            Command::Act(command) if command.action.is_of_the_rule_book() => 2,
            Command::CompleteContact(command)
                if command.step != CaseStep::Next || command.result.is_some() =>
            {
                2
            }
            Command::TransferContact(command) if is_transfer_of_format_3(command) => 2,
            Command::Tick
            | Command::ApplyPlan(_)
            | Command::PutOperators(_)
            | Command::OpenSession(_)
            | Command::LoseSession(_)
            | Command::CloseSession(_)
            | Command::NodeStarted(_)
            | Command::NodeLost(_)
            | Command::EnqueueContact(_)
            | Command::UpdateContact(_)
            | Command::AbandonContact(_)
            | Command::SetPresence(_)
            | Command::AcceptOffer(_)
            | Command::DeclineOffer(_)
            | Command::CompleteContact(_)
            | Command::ExtendWrapUp(_)
            | Command::EndWrapUp(_)
            | Command::TransferContact(_)
            | Command::HoldContact(_)
            | Command::Act(_)
            | Command::PutLifeSupport(_)
            | Command::TakeNext(_)
            | Command::AssignContact(_)
            | Command::AskForBreak(_)
            | Command::Consult(_)
            | Command::EndConsult(_)
            | Command::JoinConsult(_)
            | Command::RequestPerson(_)
            | Command::InviteCompanion(_)
            | Command::DeflectContact(_)
            | Command::NoteMessage(_)
            | Command::BeginEnquiry(_)
            | Command::FreeCaller(_)
            | Command::CloseEnquiry(_)
            | Command::AskForHelp(_) => 1,
        }
    }

    /// The format of the log that the command needs. A state that has carried out a command of a format keeps
    /// what only that format knows.
    pub(crate) fn format(&self) -> u8 {
        match (self.tag(), self.version()) {
            (APPLY_PLAN | PUT_OPERATORS, version) => version,
            (ENQUEUE_CONTACT | COMPLETE_CONTACT | TRANSFER_CONTACT | ACT, 2) | (PUT_LIFE_SUPPORT.., _) => 3,
            (TRANSFER_CONTACT.., _) => 2,
            _ => 1,
        }
    }

    /// The command's name, for logs and metrics: a bounded set.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Command::Tick => "tick",
            Command::ApplyPlan(_) => "apply_plan",
            Command::PutOperators(_) => "put_operators",
            Command::OpenSession(_) => "open_session",
            Command::LoseSession(_) => "lose_session",
            Command::CloseSession(_) => "close_session",
            Command::NodeStarted(_) => "node_started",
            Command::NodeLost(_) => "node_lost",
            Command::EnqueueContact(_) => "enqueue_contact",
            Command::UpdateContact(_) => "update_contact",
            Command::AbandonContact(_) => "abandon_contact",
            Command::SetPresence(_) => "set_presence",
            Command::AcceptOffer(_) => "accept_offer",
            Command::DeclineOffer(_) => "decline_offer",
            Command::CompleteContact(_) => "complete_contact",
            Command::ExtendWrapUp(_) => "extend_wrap_up",
            Command::EndWrapUp(_) => "end_wrap_up",
            Command::TransferContact(_) => "transfer_contact",
            Command::HoldContact(_) => "hold_contact",
            Command::Act(_) => "act",
            Command::PutLifeSupport(_) => "put_life_support",
            Command::TakeNext(_) => "take_next",
            Command::AssignContact(_) => "assign_contact",
            Command::AskForBreak(_) => "ask_for_break",
            Command::RequestPerson(_) => "request_person",
            Command::InviteCompanion(_) => "invite_companion",
            Command::Consult(_) => "consult",
            Command::EndConsult(_) => "end_consult",
            Command::JoinConsult(_) => "join_consult",
            Command::DeflectContact(_) => "deflect_contact",
            Command::NoteMessage(_) => "note_message",
            Command::BeginEnquiry(_) => "begin_enquiry",
            Command::FreeCaller(_) => "free_caller",
            Command::CloseEnquiry(_) => "close_enquiry",
            Command::AskForHelp(_) => "ask_for_help",
        }
    }

    /// The command as a frame of the log.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut frame = Vec::with_capacity(128);
        self.encode_into(&mut frame);
        frame
    }

    pub(crate) fn encode_into(&self, frame: &mut Vec<u8>) {
        let version = self.version();
        header(frame, self.tag(), version);
        match self {
            Command::Tick => {}
            Command::ApplyPlan(payload) => match version {
                1 => append(frame, &payload.plan),
                2 => append(frame, payload),
                _ => append(frame, &(payload, RuleBook::of(&payload.plan))),
            },
            Command::PutOperators(payload) => match version {
                1 => append(frame, &payload.operators),
                2 => append(frame, payload),
                _ => append(frame, &(payload, rules_of(payload))),
            },
            Command::OpenSession(payload) => append(frame, payload),
            Command::LoseSession(payload) => append(frame, payload),
            Command::CloseSession(payload) => append(frame, payload),
            Command::NodeStarted(payload) => append(frame, payload),
            Command::NodeLost(payload) => append(frame, payload),
            Command::EnqueueContact(payload) => {
                append(frame, payload);
                if version > 1 {
                    append(frame, &payload.facts);
                }
            }
            Command::UpdateContact(payload) => append(frame, payload),
            Command::AbandonContact(payload) => append(frame, payload),
            Command::SetPresence(payload) => append(frame, payload),
            Command::AcceptOffer(payload) | Command::DeclineOffer(payload) | Command::EndWrapUp(payload) => {
                append(frame, payload);
            }
            Command::CompleteContact(payload) => {
                append(frame, payload);
                if version > 1 {
                    append(frame, &(payload.step, &payload.result));
                }
            }
            Command::ExtendWrapUp(payload) => append(frame, payload),
            Command::TransferContact(payload) => append(frame, payload),
            Command::HoldContact(payload) => append(frame, payload),
            Command::Act(payload) => append(frame, payload),
            Command::PutLifeSupport(payload) => append(frame, payload),
            Command::TakeNext(payload) => append(frame, payload),
            Command::AssignContact(payload) => append(frame, payload),
            Command::AskForBreak(payload) => append(frame, payload),
            Command::RequestPerson(payload) => append(frame, payload),
            Command::InviteCompanion(payload) => append(frame, payload),
            Command::Consult(payload) => append(frame, payload),
            Command::EndConsult(payload) => append(frame, payload),
            Command::JoinConsult(payload) => append(frame, payload),
            Command::DeflectContact(payload) => append(frame, payload),
            Command::NoteMessage(payload) => append(frame, payload),
            Command::BeginEnquiry(payload) => append(frame, payload),
            Command::FreeCaller(payload) => append(frame, payload),
            Command::CloseEnquiry(payload) => append(frame, payload),
            Command::AskForHelp(payload) => append(frame, payload),
        }
    }

    /// The command that a frame holds.
    ///
    /// # Errors
    /// The frame is short, damaged, or of a newer version of the program.
    pub fn decode(frame: &[u8]) -> Result<Command, DecodeError> {
        let (tag, version, body) = open(frame)?;
        Ok(match tag {
            1 => Command::Tick,
            APPLY_PLAN => Command::ApplyPlan(Box::new(plan_of(version, body)?)),
            PUT_OPERATORS => Command::PutOperators(operators_of(version, body)?),
            4 => Command::OpenSession(payload::<OpenSession>(tag, body)?),
            5 => Command::LoseSession(payload::<LoseSession>(tag, body)?),
            6 => Command::CloseSession(payload::<CloseSession>(tag, body)?),
            7 => Command::NodeStarted(payload::<NodeStarted>(tag, body)?),
            8 => Command::NodeLost(payload::<NodeLost>(tag, body)?),
            ENQUEUE_CONTACT => Command::EnqueueContact(Box::new(contact_of(version, body)?)),
            10 => Command::UpdateContact(Box::new(payload::<UpdateContact>(tag, body)?)),
            11 => Command::AbandonContact(payload::<AbandonContact>(tag, body)?),
            12 => Command::SetPresence(payload::<SetPresence>(tag, body)?),
            13 => Command::AcceptOffer(payload::<AnswerOffer>(tag, body)?),
            14 => Command::DeclineOffer(payload::<AnswerOffer>(tag, body)?),
            COMPLETE_CONTACT => Command::CompleteContact(completion_of(version, body)?),
            16 => Command::ExtendWrapUp(payload::<ExtendWrapUp>(tag, body)?),
            17 => Command::EndWrapUp(payload::<AnswerOffer>(tag, body)?),
            TRANSFER_CONTACT => Command::TransferContact(Box::new(transfer_of(version, body)?)),
            19 => Command::HoldContact(payload::<HoldContact>(tag, body)?),
            ACT => Command::Act(Box::new(payload::<Act>(tag, body)?)),
            PUT_LIFE_SUPPORT => Command::PutLifeSupport(payload::<PutLifeSupport>(tag, body)?),
            23 => Command::TakeNext(payload::<TakeNext>(tag, body)?),
            24 => Command::AssignContact(payload::<AssignContact>(tag, body)?),
            ASK_FOR_BREAK => Command::AskForBreak(payload::<AskForBreak>(tag, body)?),
            REQUEST_PERSON => Command::RequestPerson(Box::new(payload::<RequestPerson>(tag, body)?)),
            DEFLECT_CONTACT => Command::DeflectContact(payload::<DeflectContact>(tag, body)?),
            NOTE_MESSAGE => Command::NoteMessage(payload::<NoteMessage>(tag, body)?),
            BEGIN_ENQUIRY => Command::BeginEnquiry(Box::new(payload::<BeginEnquiry>(tag, body)?)),
            FREE_CALLER => Command::FreeCaller(Box::new(payload::<FreeCaller>(tag, body)?)),
            ASK_FOR_HELP => Command::AskForHelp(payload::<AskForHelp>(tag, body)?),
            CLOSE_ENQUIRY => Command::CloseEnquiry(Box::new(payload::<CloseEnquiry>(tag, body)?)),
            INVITE_COMPANION => Command::InviteCompanion(Box::new(payload::<InviteCompanion>(tag, body)?)),
            CONSULT => Command::Consult(payload::<Consult>(tag, body)?),
            END_CONSULT => Command::EndConsult(payload::<EndConsult>(tag, body)?),
            JOIN_CONSULT => Command::JoinConsult(payload::<JoinConsult>(tag, body)?),
            unknown => return Err(DecodeError::UnknownTag(unknown)),
        })
    }
}

impl Outcome {
    /// The outcome as a frame of the history.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut frame = Vec::with_capacity(64);
        self.encode_into(&mut frame);
        frame
    }

    pub(crate) fn encode_into(&self, frame: &mut Vec<u8>) {
        header(frame, OUTCOME_TAG, 1);
        append(frame, self);
    }

    /// The outcome that a frame holds.
    ///
    /// # Errors
    /// The frame is short, damaged, or of a newer version of the program.
    pub fn decode(frame: &[u8]) -> Result<Outcome, DecodeError> {
        let (tag, _, body) = open(frame)?;
        if tag == OUTCOME_TAG { payload(tag, body) } else { Err(DecodeError::UnknownTag(tag)) }
    }
}

/// The plan of a frame; format 1 does not say who applied it, formats before 3 have no rule book.
fn plan_of(version: u8, body: &[u8]) -> Result<ApplyPlan, DecodeError> {
    match version {
        1 => Ok(ApplyPlan { plan: payload::<Plan>(APPLY_PLAN, body)?, by: None }),
        2 => payload(APPLY_PLAN, body),
        _ => {
            let (mut command, rules) = payload::<(ApplyPlan, RuleBook)>(APPLY_PLAN, body)?;
            let is_sound = rules.put_into(&mut command.plan);
            is_sound.then_some(command).ok_or(DecodeError::Damaged(APPLY_PLAN))
        }
    }
}

/// The operators of a frame; format 1 does not say who put them, formats before 3 know no rules of theirs.
fn operators_of(version: u8, body: &[u8]) -> Result<PutOperators, DecodeError> {
    match version {
        1 => Ok(PutOperators { operators: payload::<Vec<OperatorPlan>>(PUT_OPERATORS, body)?, by: None }),
        2 => payload(PUT_OPERATORS, body),
        _ => {
            let (mut command, rules) = payload::<(PutOperators, Vec<OperatorRules>)>(PUT_OPERATORS, body)?;
            if rules.len() != command.operators.len() {
                return Err(DecodeError::Damaged(PUT_OPERATORS));
            }
            command.operators.iter_mut().zip(rules).for_each(|(operator, rules)| operator.rules = rules);
            Ok(command)
        }
    }
}

/// The contact of a frame; formats before 3 have no facts.
fn contact_of(version: u8, body: &[u8]) -> Result<EnqueueContact, DecodeError> {
    if version == 1 {
        return payload(ENQUEUE_CONTACT, body);
    }
    let (contact, facts) = payload::<(EnqueueContact, Facts)>(ENQUEUE_CONTACT, body)?;
    Ok(EnqueueContact { facts, ..contact })
}

/// The completion of a frame; formats before 3 have no step of a case.
fn completion_of(version: u8, body: &[u8]) -> Result<CompleteContact, DecodeError> {
    if version == 1 {
        return payload(COMPLETE_CONTACT, body);
    }
    let (completion, (step, result)) =
        payload::<(CompleteContact, (CaseStep, Option<ContactResult>))>(COMPLETE_CONTACT, body)?;
    Ok(CompleteContact { step, result, ..completion })
}

/// The transfer of a frame; formats before 3 know no back office and no consultation.
fn transfer_of(version: u8, body: &[u8]) -> Result<TransferContact, DecodeError> {
    let transfer = payload::<TransferContact>(TRANSFER_CONTACT, body)?;
    let is_sound = is_transfer_of_format_3(&transfer) == (version == 2);
    is_sound.then_some(transfer).ok_or(DecodeError::Damaged(TRANSFER_CONTACT))
}

fn is_transfer_of_format_3(command: &TransferContact) -> bool {
    match command.to {
        TransferTarget::BackOffice { .. } | TransferTarget::Consulted { .. } => true,
        TransferTarget::Queue(_) | TransferTarget::Operator { .. } => false,
    }
}

fn has_rules(command: &PutOperators) -> bool {
    command.operators.iter().any(|operator| operator.rules != OperatorRules::default())
}

fn rules_of(command: &PutOperators) -> Vec<OperatorRules> {
    command.operators.iter().map(|operator| operator.rules.clone()).collect()
}

fn header(frame: &mut Vec<u8>, tag: u16, version: u8) {
    frame.extend_from_slice(&tag.to_le_bytes());
    frame.push(version);
}

fn open(frame: &[u8]) -> Result<(u16, u8, &[u8]), DecodeError> {
    let [low, high, version, body @ ..] = frame else { return Err(DecodeError::Short(frame.len())) };
    let (tag, version) = (u16::from_le_bytes([*low, *high]), *version);
    let known = known_version(tag);
    if version == 0 || version > known {
        return Err(DecodeError::UnknownVersion { tag, version, known });
    }
    Ok((tag, version, body))
}

fn payload<T: DeserializeOwned>(tag: u16, body: &[u8]) -> Result<T, DecodeError> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        Ok(_) | Err(_) => Err(DecodeError::Damaged(tag)),
    }
}

/// Appends the compact form of a value. Writing into memory cannot fail, and no type of ours refuses to be
/// serialised.
pub(crate) fn append<T: Serialize + ?Sized>(frame: &mut Vec<u8>, value: &T) {
    let written = postcard::serialize_with_flavor(value, Appender(frame)).is_ok();
    assert!(written, "writing a value of ours into memory cannot fail");
}

struct Appender<'a>(&'a mut Vec<u8>);

impl Flavor for Appender<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
