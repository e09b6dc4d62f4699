//! An operator asks a colleague while the contact stays in its hands: consultation, conference, and transfer to whoever
//! was asked.

use std::collections::{BTreeMap, BTreeSet};

use ringmain_routing::command::{
    Consult, ConsultTarget, EndConsult, EnqueueContact, JoinConsult, TransferContact,
};
use ringmain_routing::effect::{EndReason, WithdrawReason};
use ringmain_routing::limits::{
    CAPACITY_MAX, EXCLUSIONS_PER_OPERATOR_MAX, LEGS_MAX, TIMESTAMP_MS_MAX, TRANSFER_HOLD_MS_MAX,
};
use ringmain_routing::{ContactId, Effect, Epoch, Millis, Name, OperatorId, Refusal, Reply, Timestamp};

use super::answers::stale_assignment;
use super::bounds::{check, check_name};
use super::contacts::wrong_state;
use super::entry::Entrance;
use super::ladder::queue_of;
use super::room::cost;
use super::state::{Contact, ContactState, Exclusion, Wish};
use super::{Freed, Model};

/// What makes a contact a consultation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// What it is about.
    pub of: ContactId,
    /// Who asks.
    pub asker: OperatorId,
    /// The queue or the operator that was asked.
    pub to: Asked,
    /// The customer is in it.
    pub joined: bool,
}

/// Who was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A queue.
    Queue(Name),
    /// An operator.
    Operator(OperatorId),
}

impl Contact {
    /// It is a consultation of one operator and nobody else.
    pub(super) fn is_leg_to_operator(&self) -> bool {
        self.leg.as_ref().is_some_and(|leg| matches!(leg.to, Asked::Operator(_)))
    }
}

impl Model {
    /// Open consultations about a contact, in the order of their beginnings.
    #[must_use]
    pub fn legs_of(&self, matter: ContactId) -> Vec<ContactId> {
        let of = |row: &&Contact| row.leg.as_ref().is_some_and(|leg| leg.of == matter);
        let mut legs: Vec<&Contact> = self.contacts.values().filter(of).collect();
        legs.sort_by_key(|row| row.index);
        legs.iter().map(|row| row.id).collect()
    }

    /// What an open consultation is about, and whether the customer is in it.
    #[must_use]
    pub fn leg_of(&self, contact: &Contact) -> Option<(ContactId, bool)> {
        contact.leg.as_ref().filter(|_| !contact.state.is_ended()).map(|leg| (leg.of, leg.joined))
    }

    pub(super) fn consult(&mut self, command: &Consult) -> Result<Reply, Refusal> {
        let answer = &command.answer;
        self.check_operator(answer.operator, answer.epoch)?;
        check_consult(command)?;
        match self.check_answer(answer)? {
            ContactState::Handling { .. } if self.contact_row(answer.contact).is_parked() => {
                return self.wrong_state_of(answer.contact);
            }
            ContactState::Handling { .. } => {}
            ContactState::Waiting => return Err(stale_assignment(self.contact_row(answer.contact))),
            ContactState::Offered { .. } | ContactState::WrapUp { .. } | ContactState::Ended { .. } => {
                return self.wrong_state_of(answer.contact);
            }
        }
        let matter = self.contact_row(answer.contact).clone();
        check(matter.leg.is_none(), "contact")?;
        let to = self.asked(answer.operator, &command.to)?;
        let legs = self.legs_of(matter.id);
        let same = legs.iter().find(|id| self.contact_row(**id).leg.as_ref().is_some_and(|leg| leg.to == to));
        if let Some(&contact) = same {
            return Ok(Reply::Enqueued { contact });
        }
        if legs.len() >= LEGS_MAX {
            return Err(Refusal::LimitReached { what: "legs".into(), limit: LEGS_MAX as u64 });
        }
        let queue = match &to {
            Asked::Queue(queue) => queue.clone(),
            Asked::Operator(_) => matter.queue.clone(),
        };
        let entrance = plain_entrance(&queue, matter.tier_given);
        self.check_memory(&entrance)?;
        let leg = Leg { of: matter.id, asker: answer.operator, to, joined: false };
        let row = self.leg_row(&matter, &entrance, leg, command.units);
        let mut held_for = None;
        if let ConsultTarget::Operator { login, hold } = &command.to {
            let to = self.called(login).ok_or(Refusal::UnknownOperator(login.clone()))?;
            if !self.may_be_kept_for(to, &row) {
                return Err(Refusal::OperatorUnavailable(login.clone()));
            }
            held_for = Some((to, self.span_after_now(*hold)));
        }
        let id = self.begin_leg(row, held_for);
        Ok(Reply::Enqueued { contact: id })
    }

    fn asked(&self, asker: OperatorId, to: &ConsultTarget) -> Result<Asked, Refusal> {
        match to {
            ConsultTarget::Queue(name) => {
                let queue = self.plan.queues.iter().find(|queue| queue.name == *name);
                let queue = queue.ok_or(Refusal::UnknownQueue(name.clone()))?;
                if queue.open {
                    Ok(Asked::Queue(name.clone()))
                } else {
                    Err(Refusal::QueueClosed(name.clone()))
                }
            }
            ConsultTarget::Operator { login, .. } => {
                let to = self.called(login).ok_or(Refusal::UnknownOperator(login.clone()))?;
                check(to != asker, "to.operator")?;
                Ok(Asked::Operator(to))
            }
        }
    }

    /// The leg as a contact that has no id yet.
    fn leg_row(&self, matter: &Contact, entrance: &Entrance, leg: Leg, units: Option<u32>) -> Contact {
        let gateway = matter.gateway();
        let key = |n: u32| Name::from(format!("{}+{n}", matter.body.key));
        let is_free = |n: &u32| self.contact_by_key(gateway, &key(*n)).is_none();
        let n = (1..).find(is_free).expect("there are fewer contacts than numbers");
        let units = units.or(queue_of(&self.plan, &entrance.queue).rules.consult_units);
        let body = EnqueueContact {
            gateway,
            epoch: Epoch(0),
            key: key(n),
            queue: entrance.queue.clone(),
            channel: matter.body.channel.clone(),
            tier: entrance.tier,
            head_start: Millis(0),
            skills: Vec::new(),
            scope: None,
            units,
            not_before: None,
            preferred: None,
            callback: None,
            details: matter.details.clone(),
            facts: matter.body.facts.clone(),
        };
        let principal = matter.wish.as_ref().and_then(|wish| wish.principal.clone());
        let mut row = self.arrival(&body, entrance);
        row.own = Some((BTreeMap::new(), BTreeSet::new()));
        row.wish = Some(Wish { principal, ..Wish::default() });
        row.newly_due = false;
        row.is_made = true;
        row.wants_people = true;
        row.context = matter.context.clone();
        row.note = matter.note.clone();
        row.leg = Some(leg);
        row
    }

    fn begin_leg(&mut self, mut row: Contact, held_for: Option<(OperatorId, Timestamp)>) -> ContactId {
        let leg = row.leg.clone().expect("it is one");
        row.id = self.next_contact_id();
        row.first_answer = Reply::Enqueued { contact: row.id };
        row.held_for = held_for;
        row.was_excluded = true;
        let (id, gateway) = (row.id, row.gateway());
        self.contacts.insert(id.slot, row);
        self.set_promotion(id);
        let exclusions = &mut self.operator_mut(leg.asker).exclusions;
        if exclusions.len() == EXCLUSIONS_PER_OPERATOR_MAX {
            exclusions.remove(0);
        }
        exclusions.push(Exclusion { contact: id, until: Timestamp(TIMESTAMP_MS_MAX) });
        self.effects.push(Effect::AnnounceConsult { contact: id, of: leg.of, gateway, operator: leg.asker });
        self.settle(Freed::queued(id));
        id
    }

    /// All consultations about a contact end, because its handling has.
    pub(super) fn end_legs(&mut self, matter: ContactId) -> Freed {
        let mut freed = Freed::default();
        for leg in self.legs_of(matter) {
            freed.join(self.end_leg(leg));
        }
        freed
    }

    /// One ends, with the effects of how contacts end.
    pub(super) fn end_leg(&mut self, id: ContactId) -> Freed {
        let contact = self.contact_row(id);
        let (assignment, now) = (contact.assignment, self.now);
        match contact.state {
            ContactState::Waiting => {
                self.end(id, EndReason::ConsultOver(None), None);
                Freed::default()
            }
            ContactState::Offered { operator, at, idle_before, .. } => {
                self.withdraw(id, operator, WithdrawReason::ConsultOver);
                let row = self.operator_mut(operator);
                row.idle_since = if row.idle_since == at { idle_before } else { now };
                self.end(id, EndReason::ConsultOver(None), None);
                Freed::operator(operator)
            }
            ContactState::Handling { operator, .. } | ContactState::WrapUp { operator, .. } => {
                self.operator_mut(operator).idle_since = now;
                self.effects.push(Effect::ReleaseOperator { contact: id, operator, assignment });
                self.end(id, EndReason::ConsultOver(Some(operator)), Some(operator));
                Freed::operator(operator)
            }
            ContactState::Ended { .. } => Freed::default(),
        }
    }

    /// Who was asked alone does not come, or no more: the consultation is over, and nobody else is asked.
    pub(super) fn end_vain_legs(&mut self, freed: &mut Freed) {
        let vain = |row: &&Contact| row.is_leg_to_operator() && row.is_in_line();
        let mut vain: Vec<ContactId> = self.contacts.values().filter(vain).map(|row| row.id).collect();
        self.sort_by_key(&mut vain);
        for id in vain {
            self.end(id, EndReason::ConsultOver(None), None);
            freed.contacts.retain(|row| *row != id);
            freed.announced.retain(|row| *row != id);
        }
    }

    /// The leg, if it is an open one of this matter.
    fn open_leg(&self, matter: ContactId, leg: ContactId) -> Result<&Contact, Refusal> {
        let row = self.contact(leg).ok_or(Refusal::UnknownContact(leg))?;
        check(self.legs_of(matter).contains(&leg), "leg")?;
        Ok(row)
    }

    pub(super) fn end_consult(&mut self, command: &EndConsult) -> Result<Reply, Refusal> {
        self.check_answer(&command.answer)?;
        let leg = self.contact(command.leg).ok_or(Refusal::UnknownContact(command.leg))?;
        if leg.state.is_ended() {
            return Ok(Reply::Done);
        }
        self.open_leg(command.answer.contact, command.leg)?;
        let freed = self.end_leg(command.leg);
        self.settle(freed);
        Ok(Reply::Done)
    }

    pub(super) fn join_consult(&mut self, command: &JoinConsult) -> Result<Reply, Refusal> {
        self.check_answer(&command.answer)?;
        let (of, id, on) = (command.answer.contact, command.leg, command.on);
        let row = self.open_leg(of, id)?;
        let ContactState::Handling { operator, .. } = row.state else { return Err(wrong_state(row)) };
        let gateway = row.gateway();
        let leg = self.contact_mut(id).leg.as_mut();
        let leg = leg.expect("it is an open one");
        if leg.joined != on {
            leg.joined = on;
            self.effects.push(Effect::JoinConsult { contact: id, of, gateway, operator, on });
        }
        Ok(Reply::Done)
    }

    /// The matter becomes that of whoever was asked; the asker's state and its legs were checked as for all transfers.
    pub(super) fn transfer_to_asked(
        &mut self,
        command: &TransferContact,
        leg: ContactId,
    ) -> Result<Reply, Refusal> {
        let (id, asker) = (command.answer.contact, command.answer.operator);
        let row = self.open_leg(id, leg)?;
        let ContactState::Handling { operator: to, .. } = row.state else { return Err(wrong_state(row)) };
        let matter = self.contact_row(id);
        let receiver = &self.operators[to.slot as usize];
        let staying = self.used_units(to) - u64::from(row.taken);
        if staying + u64::from(cost(receiver, matter)) > u64::from(receiver.capacity) {
            return Err(Refusal::OperatorUnavailable(receiver.login.clone()));
        }
        let wrap_up = self.wrap_up_after(matter, command.wrap_up);
        self.totals_mut(id).transferred += 1;
        self.withdraw(id, asker, WithdrawReason::Transferred);
        self.contact_mut(id).transfers += 1;
        let mut freed = self.end_legs(id);
        self.give(id, to);
        let since = self.now;
        self.contact_mut(id).state = ContactState::Handling { operator: to, since, on_hold: None };
        if wrap_up.until > self.now {
            freed.join(self.keep_wrap_up(asker, wrap_up));
        }
        self.operator_mut(asker).idle_since = self.now;
        freed.join(Freed::operator(asker));
        freed.join(Freed::operator(to));
        self.tell_connected(id, to);
        self.notice_given(to);
        self.settle(freed);
        Ok(Reply::Done)
    }
}

fn plain_entrance(queue: &Name, tier: u8) -> Entrance {
    Entrance {
        queue: queue.clone(),
        tier,
        head_start: Millis(0),
        skills: Vec::new(),
        own_unit: false,
        owner: None,
        route: None,
    }
}

fn check_consult(command: &Consult) -> Result<(), Refusal> {
    match &command.to {
        ConsultTarget::Queue(queue) => check_name("to", queue)?,
        ConsultTarget::Operator { login, hold } => {
            check_name("to", login)?;
            check((1..=TRANSFER_HOLD_MS_MAX).contains(&hold.0), "to")?;
        }
    }
    check(command.units.is_none_or(|units| units <= CAPACITY_MAX), "units")
}
