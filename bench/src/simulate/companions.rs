//! A stated share of calls gets a companion contact (R3.9): the operator invites while it talks, and the customer writes a
//! little later. Which calls, and when, follows from their ids alone: the same scenario gives the same companions.

use ringmain_routing::command::InviteCompanion;
use ringmain_routing::rules::Facts;
use ringmain_routing::{Command, ContactId, Timestamp};
use serde::Serialize;

use super::schedule::Event;
use super::{CannotSimulate, Run};
use crate::scenario::{Contact, Kind, Text};

/// Of what channel the calls are.
pub const CALLS: &str = "voice";

/// Which share of calls gets a companion, and where from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Companions {
    /// So many of a hundred calls.
    pub percent: u8,
    /// The channel in which their customers are invited to write.
    pub channel: String,
}

/// What came of invitations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CompanionFigures {
    /// Calls whose customer was invited.
    pub invited: u64,
    /// Customers who wrote.
    pub came: u64,
    /// Of those, contacts that went straight to the call's operator.
    pub linked: u64,
    /// What the linked ones took together, from their connection to their completion, in ms.
    pub handling_ms: u64,
}

impl CompanionFigures {
    /// How long a linked contact took on average, in ms.
    #[must_use]
    pub fn mean_handling_ms(&self) -> u64 {
        self.handling_ms.checked_div(self.linked).unwrap_or_default()
    }
}

/// A number for a contact and a purpose, always the same.
fn drawn(contact: &Text, purpose: &str, below: u64) -> u64 {
    let hash =
        ringmain_routing::hash_parts(&[b"simulated companion", purpose.as_bytes(), contact.as_bytes()]);
    (hash % u128::from(below.max(1))) as u64
}

impl Run<'_> {
    /// The plan must let operators invite into the channel.
    pub(super) fn check_companions(&self) -> Result<(), CannotSimulate> {
        let Some(wanted) = &self.options.companions else { return Ok(()) };
        let plan = self.router.plan();
        let has_channel = plan.channels.iter().any(|channel| *channel.name == *wanted.channel);
        if plan.rules.companion.is_some() && has_channel {
            return Ok(());
        }
        Err(CannotSimulate::NoCompanions { channel: wanted.channel.clone() })
    }

    /// A call is connected: its operator may invite in the first quarter of the talk.
    pub(super) fn plan_invitation(&mut self, at: Timestamp, contact: usize, talk_ms: u64) {
        let Some(wanted) = &self.options.companions else { return };
        let row = self.row(contact);
        let after = drawn(&row.contact_id, "invitation", talk_ms / 4 + 1);
        let is_call = &*row.channel == CALLS && contact < self.scenario.contacts.len();
        let is_drawn = drawn(&row.contact_id, "share", 100) < u64::from(wanted.percent);
        if is_call && is_drawn && self.invited.insert(contact) {
            self.schedule.push(at.0.saturating_add(after), Event::Invite { contact });
        }
    }

    /// The customer writes within as long as a talk from the invitation on: mostly while it lasts.
    pub(super) fn invite(&mut self, at: Timestamp, contact: usize) -> Result<(), CannotSimulate> {
        let Some(wanted) = self.options.companions.clone() else { return Ok(()) };
        let Some(attempt) = self.ledger.in_hand(contact).filter(|attempt| attempt.is_connected()) else {
            return Ok(());
        };
        let answer = self.answer(attempt);
        let row = self.row(contact).clone();
        let (number, channel) = ((&*row.contact_id).into(), wanted.channel.as_str().into());
        let invitation = InviteCompanion { answer, number, channel };
        self.apply(at, &Command::InviteCompanion(Box::new(invitation)))?;
        self.companions.invited += 1;
        let comes = at.0.saturating_add(1 + drawn(&row.contact_id, "answer", row.service_ms));
        let companion = self.scenario.contacts.len() + self.made.len();
        self.made.push(Contact {
            contact_id: Text::from(format!("{}+companion", row.contact_id)),
            channel: wanted.channel.as_str().into(),
            arrival_ms: comes,
            service_ms: row.service_ms / 2 + drawn(&row.contact_id, "service", row.service_ms),
            patience_ms: None,
            weight: 1,
            kind: Kind::Ordinary,
            preferred_operator: None,
            sticky_ms: None,
            wrap_up_ms: Some(0),
            ..row.clone()
        });
        self.ledger.ahead();
        self.phones.insert(companion, row.contact_id);
        self.schedule.push(comes, Event::ArriveMade { contact: companion });
        Ok(())
    }

    /// What the gateway knows of an arrival that was invited.
    pub(super) fn facts_of(&self, contact: usize, facts: Facts) -> Facts {
        let phone = self.phones.get(&contact).map(|number| (&**number).into());
        Facts { phone: phone.or(facts.phone), ..facts }
    }

    /// An invited customer has come.
    pub(super) fn count_companion(&mut self, at: Timestamp, contact: usize, id: ContactId) {
        if !self.phones.contains_key(&contact) {
            return;
        }
        self.companions.came += 1;
        if self.router.contact(id).is_some_and(|view| view.companion_of.is_some()) {
            self.companions.linked += 1;
            self.linked.insert(contact, at);
        }
    }

    /// The talk of a companion is over.
    pub(super) fn end_companion(&mut self, at: Timestamp, contact: usize) {
        if let Some(since) = self.linked.remove(&contact) {
            self.companions.handling_ms += at.since(since).0;
        }
    }
}
