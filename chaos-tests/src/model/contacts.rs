//! A contact arrives, is changed, goes; and how it ends and is forgotten.

use std::collections::BTreeMap;

use ringmain_routing::command::{AbandonContact, EnqueueContact, UpdateContact};
use ringmain_routing::effect::{EndReason, WithdrawReason};
use ringmain_routing::limits::{CONTACTS_MAX, CONTACTS_RESERVED_FOR_TIER_0};
use ringmain_routing::{
    AssignmentEpoch, ContactId, Effect, Epoch, GatewayId, Name, OperatorId, Refusal, Reply, Timestamp,
};

use super::state::{Contact, ContactState};
use super::{Freed, Model};

impl Model {
    pub(super) fn enqueue(&mut self, command: &EnqueueContact) -> Result<Reply, Refusal> {
        self.check_gateway(command.gateway, command.epoch)?;
        let body = EnqueueContact { epoch: Epoch(0), ..command.clone() };
        if let Some(known) = self.contact_by_key(body.gateway, &body.key) {
            let is_same = known.body == body;
            return if is_same {
                Ok(known.first_answer)
            } else {
                Err(Refusal::KeyReused { contact: known.id })
            };
        }
        super::bounds::check_enqueue(&body)?;
        self.check_names(&body)?;
        if let Some(open) = self.open_order_like(&body) {
            self.check_memory(&body)?;
            return Ok(self.merge(body, open));
        }
        self.check_room(&body)?;
        self.check_memory(&body)?;
        let id = self.add_contact(body);
        self.totals_mut(id).entered += 1;
        let reply = Reply::Enqueued { contact: id };
        self.contact_mut(id).first_answer = reply;
        self.settle(Freed::queued(id));
        Ok(reply)
    }

    /// The contact that a gateway's key stands for.
    #[must_use]
    pub fn contact_by_key(&self, gateway: GatewayId, key: &str) -> Option<&Contact> {
        let all = self.contacts.values().chain(self.ended.values());
        all.into_iter().find(|contact| contact.body.gateway == gateway && &*contact.body.key == key)
    }

    fn check_names(&self, body: &EnqueueContact) -> Result<(), Refusal> {
        if !self.plan.queues.iter().any(|queue| queue.name == body.queue) {
            return Err(Refusal::UnknownQueue(body.queue.clone()));
        }
        if !self.plan.channels.iter().any(|channel| channel.name == body.channel) {
            return Err(Refusal::UnknownChannel(body.channel.clone()));
        }
        for (skill, _) in &body.skills {
            if !self.plan.skills.contains(skill) {
                return Err(Refusal::UnknownSkill(skill.clone()));
            }
        }
        match &body.scope {
            Some(scope) if !self.plan.units.iter().any(|unit| unit.name == *scope) => {
                Err(Refusal::UnknownUnit(scope.clone()))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_room(&self, body: &EnqueueContact) -> Result<(), Refusal> {
        let queue = self.plan.queues.iter().find(|queue| queue.name == body.queue);
        let queue = queue.expect("the queue's name was checked");
        if !queue.open {
            return Err(Refusal::QueueClosed(queue.name.clone()));
        }
        if body.tier > 0 && self.waiting_in(&queue.name) >= u64::from(queue.waiting_max) {
            return Err(Refusal::QueueFull { queue: queue.name.clone(), waiting_max: queue.waiting_max });
        }
        Ok(())
    }

    /// The memory of the group; the last rows of it are for tier 0 alone.
    fn check_memory(&self, body: &EnqueueContact) -> Result<(), Refusal> {
        let reserved = if body.tier == 0 { 0 } else { CONTACTS_RESERVED_FOR_TIER_0 };
        let limit = CONTACTS_MAX - reserved;
        if (self.contacts.len() + self.ended.len()) as u64 >= limit {
            return Err(Refusal::LimitReached { what: "contacts".into(), limit });
        }
        Ok(())
    }

    /// Contacts in the queue, those not yet due and those held included.
    #[must_use]
    pub fn waiting_in(&self, queue: &str) -> u64 {
        let waiting = self.contacts.values().filter(|contact| contact.state == ContactState::Waiting);
        waiting.filter(|contact| &*contact.queue == queue).count() as u64
    }

    pub(super) fn add_contact(&mut self, body: EnqueueContact) -> ContactId {
        let id = self.next_contact_id();
        let channel = self.plan.channels.iter().find(|channel| channel.name == body.channel);
        let channel = channel.expect("the channel's name was checked");
        let queue = self.plan.queues.iter().find(|queue| queue.name == body.queue);
        let queue = queue.expect("the queue's name was checked");
        let required = highest(body.skills.iter().chain(&queue.required));
        let scopes = body.scope.iter().chain(&queue.scope).cloned().collect();
        let later = body.not_before.filter(|time| *time > self.now);
        let contact = Contact {
            id,
            first_answer: Reply::Enqueued { contact: id },
            index: self.index,
            tier: body.tier,
            head_start: body.head_start,
            enqueued_at: later.unwrap_or(self.now),
            not_before: body.not_before,
            due: later.is_none(),
            newly_due: later.is_none(),
            held_for: None,
            units: body.units.unwrap_or(channel.units),
            required,
            scopes,
            details: body.details.clone(),
            state: ContactState::Waiting,
            assignment: AssignmentEpoch(0),
            last_holder: None,
            sources: 1,
            queue: body.queue.clone(),
            own: (self.format >= 2).then(|| {
                let scopes = body.scope.iter().cloned().collect();
                (highest(&body.skills), scopes)
            }),
            transfers: 0,
            passed: false,
            body,
        };
        self.contacts.insert(id.slot, contact);
        id
    }

    fn next_contact_id(&mut self) -> ContactId {
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            self.slot_uses.push(0);
            self.slot_uses.len() as u32 - 1
        });
        let uses = &mut self.slot_uses[slot as usize];
        let generation = *uses;
        *uses += 1;
        ContactId { slot, generation }
    }

    fn check_owner(&self, id: ContactId, gateway: GatewayId) -> Result<&Contact, Refusal> {
        let contact = self.contact(id).ok_or(Refusal::UnknownContact(id))?;
        if contact.gateway() == gateway { Ok(contact) } else { Err(Refusal::ForeignContact(id)) }
    }

    pub(super) fn update(&mut self, command: &UpdateContact) -> Result<Reply, Refusal> {
        self.check_gateway(command.gateway, command.epoch)?;
        super::bounds::check_update(command)?;
        let contact = self.check_owner(command.contact, command.gateway)?;
        let id = contact.id;
        let only_waiting = command.tier.is_some() || command.not_before.is_some();
        if contact.state.is_ended() || (only_waiting && contact.state != ContactState::Waiting) {
            return Err(wrong_state(contact));
        }
        if let Some(details) = &command.details {
            self.contact_mut(id).details = details.clone();
        }
        if let Some(tier) = command.tier {
            let contact = self.contact_mut(id);
            contact.tier = tier;
            contact.held_for = contact.held_for.filter(|_| tier > 0);
        }
        if let Some(time) = command.not_before {
            self.move_to(id, time);
        }
        if only_waiting {
            self.settle(Freed::contact(id));
        }
        Ok(Reply::Done)
    }

    /// A new earliest time for a contact that waits.
    pub(super) fn move_to(&mut self, id: ContactId, time: Timestamp) {
        let now = self.now;
        let contact = self.contact_mut(id);
        if time > now {
            contact.not_before = Some(time);
            contact.due = false;
            contact.enqueued_at = time;
            contact.held_for = None;
        } else if !contact.due {
            contact.not_before = Some(time);
            contact.due = true;
            contact.newly_due = true;
            contact.enqueued_at = now;
        }
    }

    pub(super) fn abandon(&mut self, command: &AbandonContact) -> Result<Reply, Refusal> {
        self.check_gateway(command.gateway, command.epoch)?;
        let contact = self.check_owner(command.contact, command.gateway)?;
        let (id, now) = (contact.id, self.now);
        match contact.state {
            ContactState::Waiting => {
                self.end(id, EndReason::Abandoned, None);
                self.settle(Freed::default());
            }
            ContactState::Offered { operator, at, idle_before, .. } => {
                self.withdraw(id, operator, WithdrawReason::Abandoned);
                let row = self.operator_mut(operator);
                row.idle_since = if row.idle_since == at { idle_before } else { now };
                self.end(id, EndReason::Abandoned, None);
                self.settle(Freed::operator(operator));
            }
            ContactState::Handling { .. } | ContactState::WrapUp { .. } => return Err(wrong_state(contact)),
            ContactState::Ended { .. } => {}
        }
        Ok(Reply::Done)
    }

    /// Tells both sides that the present assignment is void.
    pub(super) fn withdraw(&mut self, id: ContactId, operator: OperatorId, reason: WithdrawReason) {
        let contact = self.contact_row(id);
        let (gateway, assignment) = (contact.gateway(), contact.assignment);
        self.effects.push(Effect::WithdrawAssignment { contact: id, gateway, operator, assignment, reason });
    }

    /// The end of a contact; `by` is the operator whose assignment ended with it.
    pub(super) fn end(&mut self, id: ContactId, reason: EndReason, by: Option<OperatorId>) {
        let (at, forget_at) = (self.now, self.span_after_now(self.plan.sessions.key_window));
        let totals = self.totals_mut(id);
        match reason {
            EndReason::Completed(_) => totals.ended_completed += 1,
            EndReason::Abandoned => totals.abandoned += 1,
            EndReason::Merged(_) => totals.merged += 1,
            EndReason::OperatorLost(_) => {}
            EndReason::Closed(_) => totals.closed += 1,
        }
        for operator in &mut self.operators {
            operator.exclusions.retain(|exclusion| exclusion.contact != id);
        }
        let mut contact = self.contacts.remove(&id.slot).expect("only an open contact ends");
        contact.state = ContactState::Ended { at, reason, by, forget_at };
        contact.held_for = None;
        contact.newly_due = false;
        self.effects.push(Effect::AnnounceEnded { contact: id, gateway: contact.gateway(), reason });
        self.ended.insert((forget_at, id.slot), contact);
    }

    /// The key window is over: the key is free and the slot may be used again.
    pub(super) fn forget(&mut self, id: ContactId) {
        self.ended.retain(|_, contact| contact.id != id);
        self.free_slots.push(id.slot);
    }
}

/// Each skill once, at the highest level that is asked for.
pub(super) fn highest<'a>(skills: impl IntoIterator<Item = &'a (Name, u8)>) -> BTreeMap<Name, u8> {
    let mut required: BTreeMap<Name, u8> = BTreeMap::new();
    for (skill, level) in skills {
        let highest = required.entry(skill.clone()).or_default();
        *highest = (*highest).max(*level);
    }
    required
}

pub(super) fn wrong_state(contact: &Contact) -> Refusal {
    Refusal::WrongState { contact: contact.id, state: contact.state.word().into() }
}
