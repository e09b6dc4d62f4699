//! Frames of the log: a tag and a version in front of a compact payload. Tags are given here by hand and never
//! reused; payload versions grow when a struct changes. Enums inside payloads only ever get variants appended;
//! `golden_frames` in the tests holds both rules.

use alloc::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::command::{
    AbandonContact, AnswerOffer, ApplyPlan, CloseSession, Command, CompleteContact, EnqueueContact,
    ExtendWrapUp, LoseSession, NodeLost, NodeStarted, OpenSession, PutOperators, SetPresence, UpdateContact,
};
use crate::effect::Outcome;

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

const VERSION: u8 = 1;
const OUTCOME_TAG: u16 = 100;

impl Command {
    fn tag(&self) -> u16 {
        match self {
            Command::Tick => 1,
            Command::ApplyPlan(_) => 2,
            Command::PutOperators(_) => 3,
            Command::OpenSession(_) => 4,
            Command::LoseSession(_) => 5,
            Command::CloseSession(_) => 6,
            Command::NodeStarted(_) => 7,
            Command::NodeLost(_) => 8,
            Command::EnqueueContact(_) => 9,
            Command::UpdateContact(_) => 10,
            Command::AbandonContact(_) => 11,
            Command::SetPresence(_) => 12,
            Command::AcceptOffer(_) => 13,
            Command::DeclineOffer(_) => 14,
            Command::CompleteContact(_) => 15,
            Command::ExtendWrapUp(_) => 16,
            Command::EndWrapUp(_) => 17,
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
        header(frame, self.tag());
        match self {
            Command::Tick => {}
            Command::ApplyPlan(payload) => append(frame, payload),
            Command::PutOperators(payload) => append(frame, payload),
            Command::OpenSession(payload) => append(frame, payload),
            Command::LoseSession(payload) => append(frame, payload),
            Command::CloseSession(payload) => append(frame, payload),
            Command::NodeStarted(payload) => append(frame, payload),
            Command::NodeLost(payload) => append(frame, payload),
            Command::EnqueueContact(payload) => append(frame, payload),
            Command::UpdateContact(payload) => append(frame, payload),
            Command::AbandonContact(payload) => append(frame, payload),
            Command::SetPresence(payload) => append(frame, payload),
            Command::AcceptOffer(payload) | Command::DeclineOffer(payload) | Command::EndWrapUp(payload) => {
                append(frame, payload);
            }
            Command::CompleteContact(payload) => append(frame, payload),
            Command::ExtendWrapUp(payload) => append(frame, payload),
        }
    }

    /// The command that a frame holds.
    ///
    /// # Errors
    /// The frame is short, damaged, or of a newer version of the program.
    pub fn decode(frame: &[u8]) -> Result<Command, DecodeError> {
        let (tag, body) = open(frame)?;
        Ok(match tag {
            1 => Command::Tick,
            2 => Command::ApplyPlan(alloc::boxed::Box::new(payload::<ApplyPlan>(tag, body)?)),
            3 => Command::PutOperators(payload::<PutOperators>(tag, body)?),
            4 => Command::OpenSession(payload::<OpenSession>(tag, body)?),
            5 => Command::LoseSession(payload::<LoseSession>(tag, body)?),
            6 => Command::CloseSession(payload::<CloseSession>(tag, body)?),
            7 => Command::NodeStarted(payload::<NodeStarted>(tag, body)?),
            8 => Command::NodeLost(payload::<NodeLost>(tag, body)?),
            9 => Command::EnqueueContact(alloc::boxed::Box::new(payload::<EnqueueContact>(tag, body)?)),
            10 => Command::UpdateContact(alloc::boxed::Box::new(payload::<UpdateContact>(tag, body)?)),
            11 => Command::AbandonContact(payload::<AbandonContact>(tag, body)?),
            12 => Command::SetPresence(payload::<SetPresence>(tag, body)?),
            13 => Command::AcceptOffer(payload::<AnswerOffer>(tag, body)?),
            14 => Command::DeclineOffer(payload::<AnswerOffer>(tag, body)?),
            15 => Command::CompleteContact(payload::<CompleteContact>(tag, body)?),
            16 => Command::ExtendWrapUp(payload::<ExtendWrapUp>(tag, body)?),
            17 => Command::EndWrapUp(payload::<AnswerOffer>(tag, body)?),
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
        header(frame, OUTCOME_TAG);
        append(frame, self);
    }

    /// The outcome that a frame holds.
    ///
    /// # Errors
    /// The frame is short, damaged, or of a newer version of the program.
    pub fn decode(frame: &[u8]) -> Result<Outcome, DecodeError> {
        let (tag, body) = open(frame)?;
        if tag == OUTCOME_TAG { payload(tag, body) } else { Err(DecodeError::UnknownTag(tag)) }
    }
}

fn header(frame: &mut Vec<u8>, tag: u16) {
    frame.extend_from_slice(&tag.to_le_bytes());
    frame.push(VERSION);
}

fn open(frame: &[u8]) -> Result<(u16, &[u8]), DecodeError> {
    let [low, high, version, body @ ..] = frame else { return Err(DecodeError::Short(frame.len())) };
    let tag = u16::from_le_bytes([*low, *high]);
    if *version != VERSION {
        return Err(DecodeError::UnknownVersion { tag, version: *version, known: VERSION });
    }
    Ok((tag, body))
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
    struct Appender<'a>(&'a mut Vec<u8>);
    impl Extend<u8> for Appender<'_> {
        fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
            self.0.extend(bytes);
        }
    }
    let written = postcard::to_extend(value, Appender(frame)).is_ok();
    assert!(written, "writing a value of ours into memory cannot fail");
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
