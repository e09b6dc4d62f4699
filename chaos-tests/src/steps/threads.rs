//! Threads of random worlds: what silence means in a queue, and who writes.

use ringmain_routing::command::NoteMessage;
use ringmain_routing::rules::{ThreadRules, ThreadTimes, Writer};
use ringmain_routing::{Command, Millis};

use super::ContactPick;
use super::resolve::contact_of_gateway;
use super::rule_book::chosen;
use super::world::CHANNELS;
use crate::model::{Contact, ContactState, Model};

/// What silence means in a queue.
#[derive(Clone, Copy, Debug)]
pub struct ThreadSpec {
    /// Channels by bits; none for all.
    pub channels: u8,
    /// The target of the first reply and of the next ones.
    pub replies: [Option<u8>; 2],
    /// How long before that somebody hears of it, and how long behind it the thread goes back.
    pub around: (u8, Option<u8>),
    /// When a silent customer's thread rests, and how long behind that it ends.
    pub silence: [Option<u8>; 2],
    /// How long a customer who writes again waits for the operator.
    pub keep_for: u8,
}

/// The rule of a queue; now and then not a sound one.
pub(super) fn rules(spec: ThreadSpec) -> ThreadRules {
    let span = |ms: u8| Millis(u64::from(ms));
    let [park_after, close_behind] = spec.silence;
    let close_after = close_behind.map(|ms| Millis(u64::from(ms) + u64::from(park_after.unwrap_or(0))));
    ThreadRules {
        channels: chosen(CHANNELS.into_iter().map(|(name, _)| name), spec.channels),
        times: ThreadTimes {
            first_reply: spec.replies[0].map(span),
            next_reply: spec.replies[1].map(span),
            warn_before: span(spec.around.0),
            requeue_after: spec.around.1.map(span),
            park_after: park_after.map(span),
            close_after,
            keep_for: span(spec.keep_for),
        },
    }
}

/// Somebody has written.
#[derive(Clone, Copy, Debug)]
pub struct NoteSpec {
    /// In which contact.
    pub pick: ContactPick,
    /// By how much the number is above the last one; 0 says the last one again.
    pub above: u8,
    /// The operator, and not the customer.
    pub by_operator: bool,
}

pub(super) fn note(spec: &NoteSpec, model: &Model) -> Command {
    let may_be_one = |row: &Contact| match row.state {
        ContactState::Handling { .. } => true,
        ContactState::Waiting => row.is_asleep(),
        ContactState::Offered { .. } | ContactState::WrapUp { .. } | ContactState::Ended { .. } => false,
    };
    let (contact, gateway, epoch) = contact_of_gateway(spec.pick, model, may_be_one);
    let last = model.contact(contact).and_then(|row| row.thread).map_or(0, |thread| thread.number);
    let by = if spec.by_operator { Writer::Operator } else { Writer::Customer };
    Command::NoteMessage(NoteMessage { gateway, epoch, contact, number: last + u64::from(spec.above), by })
}
