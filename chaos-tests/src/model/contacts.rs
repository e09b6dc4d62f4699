//! A contact arrives, is changed, goes; and how it ends and is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use ringmain_routing::command::{AbandonContact, EnqueueContact, UpdateContact};
use ringmain_routing::effect::{EndReason, WithdrawReason};
use ringmain_routing::limits::{CONTACTS_MAX, CONTACTS_RESERVED_FOR_TIER_0, REQUIRED_SKILLS_MAX};
use ringmain_routing::plan::QueuePlan;
use ringmain_routing::{
    AssignmentEpoch, CaseEnd, CaseId, ContactId, Effect, Epoch, GatewayId, Millis, Name, OperatorId, Refusal,
    Reply, Timestamp,
};

use super::entry::{Entrance, together};
use super::ladder::queue_of;
use super::state::{Contact, ContactState, Kept, Wish};
use super::{Freed, Model, bounds};

impl Model {
    pub(super) fn enqueue(&mut self, command: &EnqueueContact) -> Result<Reply, Refusal> {
        self.check_gateway(command.gateway, command.epoch)?;
        let body = EnqueueContact { epoch: Epoch(0), ..command.clone() };
        if let Some(known) = self.contact_by_key(body.gateway, &body.key) {
            let is_same = known.body == body && !known.is_made;
            return if is_same {
                Ok(known.first_answer)
            } else {
                Err(Refusal::KeyReused { contact: known.id })
            };
        }
        bounds::check_enqueue(&body)?;
        let entrance = self.entrance(&body)?;
        self.check_names(&body, &entrance)?;
        if let Some((call, operator)) = self.call_for(&body, &entrance) {
            return self.enter(body, &entrance, Some((call, operator)));
        }
        self.check_requirements(&body, &entrance)?;
        if let Some(open) = self.open_order_like(&body) {
            self.check_memory(&entrance)?;
            return Ok(self.merge(body, &entrance, open));
        }
        if let Some(to) = self.deflected(&self.arrival(&body, &entrance))? {
            self.check_memory(&entrance)?;
            return Ok(self.deflect(body, &entrance, to));
        }
        self.check_room(&entrance)?;
        self.enter(body, &entrance, None)
    }

    /// A contact comes to be, in line or as the companion of a call.
    fn enter(
        &mut self,
        body: EnqueueContact,
        entrance: &Entrance,
        call: Option<(ContactId, OperatorId)>,
    ) -> Result<Reply, Refusal> {
        self.check_memory(entrance)?;
        if entrance.route.is_some() {
            self.check_room_for_case()?;
        }
        let credit = self.credit(&body, entrance.tier);
        let head_start = self.granted(together(entrance.head_start, credit));
        let id = self.add_contact(body, entrance, head_start);
        self.totals_mut(id).entered += 1;
        let reply = Reply::Enqueued { contact: id };
        self.contact_mut(id).first_answer = reply;
        if let Some(route) = &entrance.route {
            let case = self.open_case(id, route);
            self.begin_stage(case, 0, id);
        }
        match call {
            Some((call, operator)) => {
                self.accompany(id, call, operator);
                self.settle(Freed::default());
            }
            None => self.settle(Freed::queued(id)),
        }
        Ok(reply)
    }

    /// The contact that a gateway's key stands for.
    #[must_use]
    pub fn contact_by_key(&self, gateway: GatewayId, key: &str) -> Option<&Contact> {
        let all = self.contacts.values().chain(self.ended.values());
        all.into_iter().find(|contact| contact.body.gateway == gateway && &*contact.body.key == key)
    }

    fn check_names(&self, body: &EnqueueContact, entrance: &Entrance) -> Result<(), Refusal> {
        let (plan, facts) = (&self.plan, &body.facts);
        if !plan.queues.iter().any(|queue| queue.name == entrance.queue) {
            return Err(Refusal::UnknownQueue(entrance.queue.clone()));
        }
        if !plan.channels.iter().any(|channel| channel.name == body.channel) {
            return Err(Refusal::UnknownChannel(body.channel.clone()));
        }
        let skills = body.skills.iter().chain(&entrance.skills).map(|(skill, _)| skill);
        known(skills, &plan.skills, Refusal::UnknownSkill)?;
        let units: Vec<Name> = plan.units.iter().map(|unit| unit.name.clone()).collect();
        known(body.scope.iter().chain(&facts.unit), &units, Refusal::UnknownUnit)?;
        known(&facts.language, &plan.skills, Refusal::UnknownSkill)?;
        known(&facts.principal, &plan.rules.principals, Refusal::UnknownPrincipal)
    }

    /// An arrival of format 3 wants no more than so many skills, its queue's included.
    fn check_requirements(&self, body: &EnqueueContact, entrance: &Entrance) -> Result<(), Refusal> {
        let by_queue = &queue_of(&self.plan, &entrance.queue).required;
        let wanted = highest(body.skills.iter().chain(&entrance.skills).chain(by_queue));
        bounds::check(self.format < 3 || wanted.len() <= REQUIRED_SKILLS_MAX, "skills")
    }

    fn check_room(&self, entrance: &Entrance) -> Result<(), Refusal> {
        let queue = queue_of(&self.plan, &entrance.queue);
        if entrance.tier > 0 && self.waiting_in(&queue.name) >= u64::from(queue.waiting_max) {
            return Err(Refusal::QueueFull { queue: queue.name.clone(), waiting_max: queue.waiting_max });
        }
        Ok(())
    }

    /// The memory of the group; the last rows of it are for tier 0 alone.
    pub(super) fn check_memory(&self, entrance: &Entrance) -> Result<(), Refusal> {
        let reserved = if entrance.tier == 0 { 0 } else { CONTACTS_RESERVED_FOR_TIER_0 };
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
        let waiting = waiting.filter(|contact| !contact.is_asleep());
        waiting.filter(|contact| &*contact.queue == queue).count() as u64
    }

    pub(super) fn add_contact(
        &mut self,
        body: EnqueueContact,
        entrance: &Entrance,
        head_start: Millis,
    ) -> ContactId {
        let mut contact = self.arrival(&body, entrance);
        contact.id = self.next_contact_id();
        contact.first_answer = Reply::Enqueued { contact: contact.id };
        contact.head_start = head_start;
        let id = contact.id;
        self.contacts.insert(id.slot, contact);
        self.set_promotion(id);
        id
    }

    /// The contact that an order would be; it has no id.
    pub(super) fn arrival(&self, body: &EnqueueContact, entrance: &Entrance) -> Contact {
        let id = ContactId { slot: u32::MAX, generation: u32::MAX };
        let queue = queue_of(&self.plan, &entrance.queue);
        let units = self.units_of(body, queue);
        let own_unit = body.facts.unit.iter().filter(|_| entrance.own_unit);
        let own_scopes: BTreeSet<Name> = body.scope.iter().chain(own_unit).cloned().collect();
        let own_skills = highest(body.skills.iter().chain(&entrance.skills));
        let follows_queue = self.format >= 3;
        let required = highest(body.skills.iter().chain(&queue.required));
        let scopes = body.scope.iter().chain(&queue.scope).cloned().collect();
        let wish = Wish {
            language: body.facts.language.clone(),
            any_language: body.facts.any_language && body.facts.language.is_some(),
            principal: body.facts.principal.clone(),
        };
        let later = body.not_before.filter(|time| *time > self.now);
        Contact {
            id,
            first_answer: Reply::Enqueued { contact: id },
            preferred: body.preferred.clone(),
            index: self.index,
            tier: entrance.tier,
            tier_given: entrance.tier,
            promote_at: None,
            head_start: Millis(0),
            enqueued_at: later.unwrap_or(self.now),
            not_before: body.not_before,
            due: later.is_none(),
            newly_due: later.is_none(),
            held_for: None,
            kept: Kept::WhileAvailable,
            units,
            taken: 0,
            parked: None,
            parks: 0,
            thread: None,
            is_of_rules: false,
            required: if follows_queue { BTreeMap::new() } else { required },
            scopes: if follows_queue { BTreeSet::new() } else { scopes },
            details: body.details.clone(),
            state: ContactState::Waiting,
            assignment: AssignmentEpoch(0),
            last_holder: None,
            sources: 1,
            queue: entrance.queue.clone(),
            own: (self.format >= 2).then_some((own_skills, own_scopes)),
            wish: follows_queue.then_some(wish),
            case: None,
            is_made: false,
            handed_over: false,
            rule_owner: entrance.owner.clone(),
            transfers: 0,
            passed: false,
            was_excluded: false,
            note: None,
            result: None,
            told: Millis(0),
            offered: BTreeSet::new(),
            duty_called: false,
            leg: None,
            wants_people: false,
            context: None,
            body: body.clone(),
        }
    }

    /// Given, else the queue's for the channel, else the channel's.
    fn units_of(&self, body: &EnqueueContact, queue: &QueuePlan) -> u32 {
        let by_queue = queue.rules.units.iter().find(|(channel, _)| *channel == body.channel);
        let channel = self.plan.channels.iter().find(|channel| channel.name == body.channel);
        let by_channel = channel.expect("the channel's name was checked").units;
        body.units.unwrap_or(by_queue.map_or(by_channel, |(_, units)| *units))
    }

    pub(super) fn next_contact_id(&mut self) -> ContactId {
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            self.slot_uses.push(0);
            self.slot_uses.len() as u32 - 1
        });
        let uses = &mut self.slot_uses[slot as usize];
        let generation = *uses;
        *uses += 1;
        ContactId { slot, generation }
    }

    pub(super) fn check_owner(&self, id: ContactId, gateway: GatewayId) -> Result<&Contact, Refusal> {
        let contact = self.contact(id).ok_or(Refusal::UnknownContact(id))?;
        if contact.gateway() == gateway { Ok(contact) } else { Err(Refusal::ForeignContact(id)) }
    }

    pub(super) fn update(&mut self, command: &UpdateContact) -> Result<Reply, Refusal> {
        self.check_gateway(command.gateway, command.epoch)?;
        bounds::check_update(command)?;
        let contact = self.check_owner(command.contact, command.gateway)?;
        let id = contact.id;
        let only_waiting = command.tier.is_some() || command.not_before.is_some();
        if contact.state.is_ended() || (only_waiting && contact.state != ContactState::Waiting) {
            return Err(wrong_state(contact));
        }
        bounds::check(!only_waiting || contact.leg.is_none(), "contact")?;
        let was_asleep = contact.is_asleep();
        if let Some(details) = &command.details {
            self.contact_mut(id).details = details.clone();
        }
        if let Some(tier) = command.tier {
            let row = self.contact_row(id);
            let is_granted = row.tier == 0 && !self.plan.rules.entry.is_empty();
            let tier = if is_granted { 0 } else { self.tier_of_hint(tier, &row.body.facts) };
            self.give_tier(id, tier);
        }
        if let Some(time) = command.not_before {
            self.move_to(id, time);
        }
        if only_waiting {
            let row = self.contact_row(id);
            let is_awake = was_asleep && !row.is_asleep() && row.due;
            let mut freed = if is_awake { Freed::queued(id) } else { Freed::contact(id) };
            freed.operators.extend(self.reserved_for(id).filter(|_| command.tier.is_some()));
            self.settle(freed);
        }
        Ok(Reply::Done)
    }

    /// A new earliest time for a contact that waits.
    pub(super) fn move_to(&mut self, id: ContactId, time: Timestamp) {
        let now = self.now;
        if time > now {
            self.wake(id);
        }
        let contact = self.contact_mut(id);
        if time > now {
            contact.not_before = Some(time);
            contact.due = false;
            contact.enqueued_at = time;
            contact.held_for = None;
            contact.promote_at = None;
        } else if !contact.due {
            contact.not_before = Some(time);
            contact.due = true;
            contact.newly_due = true;
            contact.enqueued_at = now;
            self.set_promotion(id);
        }
    }

    pub(super) fn abandon(&mut self, command: &AbandonContact) -> Result<Reply, Refusal> {
        self.check_gateway(command.gateway, command.epoch)?;
        let contact = self.check_owner(command.contact, command.gateway)?.clone();
        let (id, now) = (contact.id, self.now);
        let case = self.case_of_work(&contact);
        match contact.state {
            ContactState::Waiting => {
                if case.is_none() && contact.leg.is_none() {
                    self.remember(&contact);
                }
                self.end(id, EndReason::Abandoned, None);
                self.withdraw_case(case);
                self.settle(Freed::default());
            }
            ContactState::Offered { operator, at, idle_before, .. } => {
                if case.is_none() && contact.leg.is_none() {
                    self.remember(&contact);
                }
                self.withdraw(id, operator, WithdrawReason::Abandoned);
                let row = self.operator_mut(operator);
                row.idle_since = if row.idle_since == at { idle_before } else { now };
                self.end(id, EndReason::Abandoned, None);
                self.withdraw_case(case);
                self.settle(Freed::operator(operator));
            }
            ContactState::Handling { .. } | ContactState::WrapUp { .. } => return Err(wrong_state(&contact)),
            ContactState::Ended { .. } => {}
        }
        Ok(Reply::Done)
    }

    fn withdraw_case(&mut self, case: Option<CaseId>) {
        if let Some(case) = case {
            self.end_case(case, None, CaseEnd::Withdrawn);
        }
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
        let waited_ms = at.0.saturating_sub(self.contact_row(id).enqueued_at.0);
        let totals = self.totals_mut(id);
        match reason {
            EndReason::Completed(_) => totals.ended_completed += 1,
            EndReason::Abandoned => {
                totals.abandoned += 1;
                totals.abandoned_early += u64::from(waited_ms <= 5_000);
            }
            EndReason::Merged(_) => totals.merged += 1,
            EndReason::Deflected(_) => totals.deflected += 1,
            EndReason::OperatorLost(_) | EndReason::ConsultOver(_) => {}
            EndReason::Closed(_) => totals.closed += 1,
        }
        for operator in &mut self.operators {
            operator.exclusions.retain(|exclusion| exclusion.contact != id);
        }
        let mut contact = self.contacts.remove(&id.slot).expect("only an open contact ends");
        contact.state = ContactState::Ended { at, reason, by, forget_at };
        contact.held_for = None;
        contact.promote_at = None;
        contact.newly_due = false;
        contact.offered.clear();
        self.effects.push(Effect::AnnounceEnded { contact: id, gateway: contact.gateway(), reason });
        // Whoever asked by it may have work that can be parked from here on, where any work can.
        let parks = self.plan.queues.iter().any(|queue| queue.rules.interruptible.is_some());
        self.late.operators.extend(contact.leg.as_ref().filter(|_| parks).map(|leg| leg.asker));
        self.ended.insert((forget_at, id.slot), contact);
        self.let_lapse(id);
    }

    /// The key window is over: the key is free and the slot may be used again.
    pub(super) fn forget(&mut self, id: ContactId) {
        self.ended.retain(|_, contact| contact.id != id);
        self.free_slots.push(id.slot);
    }
}

/// All of these names are in the plan.
fn known<'a>(
    names: impl IntoIterator<Item = &'a Name>,
    of: &[Name],
    refusal: impl Fn(Name) -> Refusal,
) -> Result<(), Refusal> {
    let unknown = names.into_iter().find(|name| !of.contains(name));
    unknown.map_or(Ok(()), |name| Err(refusal(name.clone())))
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
    let state = if contact.is_parked() { "parked" } else { contact.state.word() };
    Refusal::WrongState { contact: contact.id, state: state.into() }
}
