//! A customer who is on the phone with an operator also writes to the same one: the companion of a call (R3.9).

use ringmain_routing::command::{EnqueueContact, InviteCompanion};
use ringmain_routing::limits::INVITATIONS_MAX;
use ringmain_routing::{
    ChannelId, ContactId, Effect, InvitationView, Millis, Name, OperatorId, Refusal, Reply, Timestamp,
};

use super::answers::stale_assignment;
use super::bounds::{check, check_name};
use super::contacts::wrong_state;
use super::entry::Entrance;
use super::matching::key;
use super::state::{Contact, ContactState};
use super::{Freed, Model};

/// What a call's customer was invited to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Invitation {
    pub number: Name,
    pub channel: Name,
    /// When it lapses: known once the call is over.
    pub until: Option<Timestamp>,
    /// Who came.
    pub companion: Option<ContactId>,
}

impl Invitation {
    fn is_for(&self, number: &Name, channel: &Name) -> bool {
        self.number == *number && self.channel == *channel
    }

    fn has_lapsed(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    fn is_open(&self, now: Timestamp) -> bool {
        self.companion.is_none() && !self.has_lapsed(now)
    }
}

impl Model {
    /// What the customer of this call was invited to.
    #[must_use]
    pub fn invitation(&self, call: ContactId) -> Option<InvitationView> {
        let Invitation { number, channel, until, companion } = self.invitations.get(&call)?.clone();
        Some(InvitationView { number, channel, until, companion })
    }

    /// The call whose companion this is or was.
    #[must_use]
    pub fn companion_of(&self, contact: ContactId) -> Option<ContactId> {
        let of = self.invitations.iter().find(|(_, invitation)| invitation.companion == Some(contact));
        of.map(|(call, _)| *call)
    }

    pub(super) fn invite(&mut self, command: &InviteCompanion) -> Result<Reply, Refusal> {
        let InviteCompanion { answer, number, channel } = command;
        self.check_operator(answer.operator, answer.epoch)?;
        check_name("number", number)?;
        check_name("channel", channel)?;
        check(self.plan.rules.companion.is_some(), "companion")?;
        let place = self.plan.channels.iter().position(|row| row.name == *channel);
        let place = place.ok_or(Refusal::UnknownChannel(channel.clone()))?;
        let state = self.check_answer(answer)?;
        let call = self.contact_row(answer.contact);
        match state {
            ContactState::Handling { .. } if call.is_parked() => return Err(wrong_state(call)),
            ContactState::Handling { .. } | ContactState::WrapUp { .. } => {}
            ContactState::Waiting => return Err(stale_assignment(call)),
            ContactState::Offered { .. } | ContactState::Ended { .. } => return Err(wrong_state(call)),
        }
        let (call, gateway, now) = (call.id, call.gateway(), self.now);
        if let Some(known) = self.invitations.get(&call) {
            if known.is_for(number, channel) {
                return Ok(Reply::Done);
            }
            if known.companion.is_some() {
                return Err(Refusal::LimitReached { what: "companions".into(), limit: 1 });
            }
        }
        self.invitations.retain(|_, known| !known.has_lapsed(now));
        if self.invitations.len() >= INVITATIONS_MAX {
            return Err(Refusal::LimitReached { what: "invitations".into(), limit: INVITATIONS_MAX as u64 });
        }
        self.invitations.retain(|_, known| !(known.is_open(now) && known.is_for(number, channel)));
        let invitation =
            Invitation { number: number.clone(), channel: channel.clone(), until: None, companion: None };
        self.invitations.insert(call, invitation);
        self.effects.push(Effect::InviteCompanion {
            contact: call,
            gateway,
            operator: answer.operator,
            assignment: answer.assignment,
            channel: ChannelId(place as u32),
        });
        self.look_for_companion(call);
        self.settle_late();
        Ok(Reply::Done)
    }

    /// The operator of a call, who may get its companion at this moment.
    fn host(&self, call: ContactId) -> Option<OperatorId> {
        self.plan.rules.companion?;
        let row = self.contact(call)?;
        let operator = row.last_holder?;
        let host = &self.operators[operator.slot as usize];
        let may = match row.state {
            ContactState::Handling { .. } | ContactState::WrapUp { .. } => host.session.is_live(),
            ContactState::Ended { .. } => host.is_available(),
            ContactState::Waiting | ContactState::Offered { .. } => false,
        };
        may.then_some(operator)
    }

    /// The contact is what the call's customer was invited to.
    fn could_accompany(&self, contact: &Contact, call: ContactId, invitation: &Invitation) -> bool {
        contact.id != call
            && contact.leg.is_none()
            && contact.callback().is_none()
            && contact.channel() == Some(&invitation.channel)
            && contact.body.facts.phone.as_ref() == Some(&invitation.number)
            && self.companion_of(contact.id).is_none()
    }

    /// The call that an arrival accompanies, and who has it.
    pub(super) fn call_for(
        &self,
        body: &EnqueueContact,
        entrance: &Entrance,
    ) -> Option<(ContactId, OperatorId)> {
        let arrival = self.arrival(body, entrance);
        let open = self.invitations.iter().filter(|(_, invitation)| invitation.is_open(self.now));
        let mut calls =
            open.filter(|(call, known)| arrival.due && self.could_accompany(&arrival, **call, known));
        calls.find_map(|(call, _)| Some((*call, self.host(*call)?)))
    }

    /// Who waits already, or is with a bot, comes to the operator of the call.
    pub(super) fn look_for_companion(&mut self, call: ContactId) {
        let Some(invitation) = self.invitations.get(&call).filter(|known| known.is_open(self.now)) else {
            return;
        };
        let Some(operator) = self.host(call) else { return };
        let is_there = |row: &&Contact| match row.state {
            ContactState::Waiting => row.is_eligible(),
            ContactState::Offered { operator, .. } | ContactState::Handling { operator, .. } => {
                self.is_bot(operator)
            }
            ContactState::WrapUp { .. } | ContactState::Ended { .. } => false,
        };
        let able = self.contacts.values().filter(is_there);
        let able = able.filter(|row| self.could_accompany(row, call, invitation));
        let Some(id) = able.min_by_key(|row| key(row, 0)).map(|row| row.id) else { return };
        if self.contact_row(id).state.holder().is_some() {
            let freed = self.turn_to_people(id, false);
            self.late.join(freed);
        }
        self.accompany(id, call, operator);
    }

    /// Connected as companion, whatever else the operator has in hand.
    pub(super) fn accompany(&mut self, id: ContactId, call: ContactId, operator: OperatorId) {
        self.invitations.get_mut(&call).expect("it is open").companion = Some(id);
        self.give(id, operator);
        let contact = self.contact_mut(id);
        contact.taken = 0;
        contact.newly_due = false;
        self.connect(id, operator);
        self.notice_given(operator);
    }

    /// The call is over: its invitation is open for a while yet.
    pub(super) fn let_lapse(&mut self, call: ContactId) {
        let until = self.span_after_now(self.plan.rules.companion.unwrap_or(Millis(0)));
        if let Some(invitation) = self.invitations.get_mut(&call) {
            invitation.until = Some(until);
        }
    }

    /// Matches what companions have freed, where nothing else does.
    pub(super) fn settle_late(&mut self) {
        if !self.late.is_empty() {
            self.settle(Freed::default());
        }
    }
}
