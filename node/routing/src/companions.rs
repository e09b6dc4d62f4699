//! The companion channel (R3.9): while an operator has a call in hand, the customer is invited into another channel. What
//! comes from that number there goes straight to this operator, whatever room it has, and takes nothing of it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::command::EnqueueContact;
use crate::contact::{Contact, State, Wait};
use crate::ids::{ChannelId, ContactId, Name, OperatorId, Timestamp, hash_parts};
use crate::planted::{Planted, is};
use crate::router::Router;
use crate::tables::Tables;
use crate::why::Side;

/// The invitation of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invitation {
    /// The customer's number there.
    pub number: Name,
    /// Into which channel.
    pub channel: ChannelId,
    /// When it lapses; `None` while the call goes on.
    pub until: Option<Timestamp>,
    /// Who came.
    pub companion: Option<ContactId>,
}

impl Invitation {
    fn hash(&self) -> u128 {
        phone_hash(&self.number, self.channel)
    }

    fn has_lapsed(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// Stands for a customer's number in a channel.
fn phone_hash(number: &Name, channel: ChannelId) -> u128 {
    hash_parts(&[b"companion", number.as_bytes(), &channel.0.to_le_bytes()])
}

/// Invitations by call, and who came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Companions {
    invitations: BTreeMap<ContactId, Invitation>,
    /// Number and channel → the call whose invitation nobody has followed yet.
    open: BTreeMap<u128, ContactId>,
    /// Companion → call.
    calls: BTreeMap<ContactId, ContactId>,
}

impl Companions {
    pub(crate) fn is_empty(&self) -> bool {
        self.invitations.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.invitations.len()
    }

    pub(crate) fn of_call(&self, call: ContactId) -> Option<&Invitation> {
        self.invitations.get(&call)
    }

    /// The call whose companion a contact is or was.
    pub(crate) fn call_of(&self, companion: ContactId) -> Option<ContactId> {
        self.calls.get(&companion).copied()
    }

    /// A call invites; what it invited before, and another call's open invitation of the same, is over.
    pub(crate) fn invite(&mut self, call: ContactId, invitation: Invitation) {
        self.forget(call);
        let hash = invitation.hash();
        if let Some(other) = self.open.get(&hash).copied() {
            self.forget(other);
        }
        self.open.insert(hash, call);
        self.invitations.insert(call, invitation);
    }

    fn forget(&mut self, call: ContactId) {
        let Some(invitation) = self.invitations.remove(&call) else { return };
        match invitation.companion {
            Some(companion) => {
                self.calls.remove(&companion);
            }
            None => {
                self.open.remove(&invitation.hash());
            }
        }
    }

    /// Forgets what has lapsed.
    pub(crate) fn forget_lapsed(&mut self, now: Timestamp) {
        let lapsed = self.invitations.iter().filter(|entry| entry.1.has_lapsed(now));
        let lapsed: Vec<ContactId> = lapsed.map(|entry| *entry.0).collect();
        lapsed.into_iter().for_each(|call| self.forget(call));
    }

    fn came(&mut self, call: ContactId, companion: ContactId) {
        let Some(invitation) = self.invitations.get_mut(&call) else { return };
        invitation.companion = Some(companion);
        self.open.remove(&invitation.hash());
        self.calls.insert(companion, call);
    }

    /// All of them, by call.
    pub(crate) fn to_stored(&self) -> Vec<(ContactId, Invitation)> {
        self.invitations.iter().map(|(call, invitation)| (*call, invitation.clone())).collect()
    }

    pub(crate) fn from_stored(stored: Vec<(ContactId, Invitation)>) -> Companions {
        let mut companions = Companions::default();
        for (call, invitation) in stored {
            match invitation.companion {
                Some(companion) => companions.calls.insert(companion, call),
                None => companions.open.insert(invitation.hash(), call),
            };
            companions.invitations.insert(call, invitation);
        }
        companions
    }
}

impl Tables {
    /// A contact with a phone has come or is over, where companions may be invited.
    pub(crate) fn follow_phone(&mut self, slot: u32, is_open: bool) {
        let row = self.contact(slot);
        let phone = row.text.facts.phone.as_ref().filter(|_| row.callback.is_none());
        let (Some(phone), Some(channel)) = (phone, row.need.channel) else { return };
        let entry = (phone_hash(phone, channel), slot);
        if is_open {
            self.ix.phones.insert(entry);
        } else {
            self.ix.phones.remove(&entry);
        }
    }

    /// Everybody's phones, under another plan or in a state that was read.
    pub(crate) fn derive_phones(&mut self) {
        self.ix.phones.clear();
        if !self.directory.invites() {
            return;
        }
        let open = self.contacts.iter().filter(|(_, row)| row.is_open());
        let open: Vec<u32> = open.map(|(slot, _)| slot).collect();
        open.into_iter().for_each(|slot| self.follow_phone(slot, true));
    }
}

impl Router {
    /// The call that an arrival is the companion of, and its operator, if it comes to that one at once.
    pub(crate) fn call_to_join(
        &self,
        command: &EnqueueContact,
        channel: ChannelId,
    ) -> Option<(ContactId, OperatorId)> {
        if self.companions.is_empty() || self.format < 3 || command.callback.is_some() {
            return None;
        }
        let is_later = command.not_before.is_some_and(|time| time > self.now);
        let phone = command.facts.phone.as_ref().filter(|_| !is_later)?;
        let call = *self.companions.open.get(&phone_hash(phone, channel))?;
        Some((call, self.who_takes_companion(call)?))
    }

    /// The operator to whom the call's companion comes at this moment.
    fn who_takes_companion(&self, call: ContactId) -> Option<OperatorId> {
        let invitation = self.companions.of_call(call)?;
        let is_off = !self.tables.directory.invites() || invitation.companion.is_some();
        if is_off || (invitation.has_lapsed(self.now) && !is(Planted::InvitationNeverLapses)) {
            return None;
        }
        let row = self.tables.contacts.get(call.slot, call.generation)?;
        let operator = row.holder?;
        let holder = self.tables.operators.get(operator.slot, operator.generation)?;
        let may = match row.state {
            State::Handling { .. } | State::WrapUp { .. } => holder.session.is_live(),
            State::Ended { .. } => holder.is_available(),
            State::Waiting(_) | State::Offered { .. } => false,
        };
        may.then_some(operator)
    }

    /// Connects the companion of a call.
    pub(crate) fn join_call(&mut self, slot: u32, call: ContactId, operator: OperatorId) {
        let companion = self.tables.contact(slot).id;
        self.companions.came(call, companion);
        self.assign(slot, operator.slot, Side::Companion);
    }

    /// Of those who wait already, or are with a bot, and would be the call's companion, the first comes.
    pub(crate) fn look_for_companion(&mut self, call: ContactId) {
        let Some(operator) = self.who_takes_companion(call) else { return };
        let Some(hash) = self.companions.of_call(call).map(Invitation::hash) else { return };
        let phones = self.tables.ix.phones.range((hash, 0)..=(hash, u32::MAX));
        let rows = phones.map(|entry| self.tables.contact(entry.1));
        let free = rows
            .filter(|row| row.id != call && self.may_come(row) && self.companions.call_of(row.id).is_none());
        let Some(first) = free.map(Contact::order).min() else { return };
        if self.tables.contact(first.slot).operator().is_some() {
            self.pass_to_people(first.slot, false);
        }
        self.join_call(first.slot, call, operator);
    }

    /// Whether the contact is a customer's who waits for an operator, or whom a bot has.
    fn may_come(&self, row: &Contact) -> bool {
        if self.is_leg(row.id.slot) {
            return false;
        }
        match row.state {
            State::Waiting(Wait::InLine | Wait::Held { .. }) => true,
            State::Offered { operator, .. } | State::Handling { operator, .. } => self.is_bot(operator),
            State::Waiting(Wait::Later | Wait::ForCustomer) | State::WrapUp { .. } | State::Ended { .. } => {
                false
            }
        }
    }

    /// A contact is over: its invitation lapses after the plan's time.
    pub(crate) fn call_is_over(&mut self, call: ContactId) {
        let span = self.plan().rules.companion.unwrap_or_default();
        let until = self.now + span;
        if let Some(invitation) = self.companions.invitations.get_mut(&call) {
            invitation.until = Some(until);
        }
    }
}
