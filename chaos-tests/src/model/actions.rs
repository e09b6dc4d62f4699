//! What supervisors and administrators do, each under a key of their own; and how contacts change queues.

use std::collections::{BTreeMap, BTreeSet};

use ringmain_routing::command::{Act, Action, DeclaredPresence, MoveFrom};
use ringmain_routing::effect::{EndReason, PresenceState, WithdrawReason};
use ringmain_routing::limits::{
    ACTIONS_MAX, KEY_BYTES_MAX, MOVED_PER_COMMAND_MAX, MOVES_MAX, NOTE_BYTES_MAX, REQUIRED_SKILLS_MAX,
    TIER_MAX,
};
use ringmain_routing::{
    CaseEnd, ContactId, Effect, Millis, Name, OperatorId, Party, QueueId, Refusal, Reply,
};

use super::bounds;
use super::contacts::{highest, wrong_state};
use super::ladder::queue_of;
use super::matching::{Key, key};
use super::state::{Contact, ContactState, Deed, Job, MoveLine, SessionState};
use super::{Freed, Model};

impl Model {
    pub(super) fn act(&mut self, command: &Act) -> Result<Reply, Refusal> {
        bounds::check_name("by", &command.by)?;
        bounds::check(!command.key.is_empty() && command.key.len() <= KEY_BYTES_MAX, "key")?;
        let now = self.now;
        self.deeds.retain(|_, deed| deed.until > now);
        let name = (command.by.clone(), command.key.clone());
        if let Some(deed) = self.deeds.get(&name) {
            return if deed.action == command.action {
                Ok(deed.reply)
            } else {
                Err(Refusal::ActionKeyReused { by: name.0, key: name.1 })
            };
        }
        if self.deeds.len() >= ACTIONS_MAX {
            return Err(Refusal::LimitReached { what: "actions".into(), limit: ACTIONS_MAX as u64 });
        }
        let reply = Reply::Acted { contacts: self.carry_out_action(&command.by, &command.action)? };
        let until = self.span_after_now(self.plan.sessions.key_window);
        self.deeds.insert(name, Deed { action: command.action.clone(), reply, until });
        Ok(reply)
    }

    fn carry_out_action(&mut self, by: &Name, action: &Action) -> Result<u32, Refusal> {
        match action {
            Action::ForcePresence { login, presence } => self.force_presence(login, *presence),
            Action::SignOut { login } => {
                let operator = self.operator_called(login)?;
                let in_hand = self.contacts_of(operator).count() as u32;
                self.end_session(Party::Operator(operator));
                Ok(in_hand)
            }
            Action::RequeueContact { contact } => self.take_from_hands(*contact),
            Action::CloseContact { contact, reason } => {
                bounds::check_name("reason", reason)?;
                self.close(*contact)
            }
            Action::MoveContacts { from, to } => {
                let to = self.open_queue(to)?;
                match from {
                    MoveFrom::Contacts(contacts) => self.move_named(contacts, &to),
                    MoveFrom::Queue { name, count_max } => self.move_line(name, &to, *count_max),
                }
            }
            Action::LiftContact { contact, tier, head_start } => self.lift(*contact, *tier, *head_start),
            Action::DeferBreaks { on } => Ok(self.defer_breaks(*on)),
            Action::AssignContact { contact, to, hold } => self.assign_by_supervisor(*contact, to, *hold),
            Action::HandOver(command) => self.hand_over(command),
            Action::CloseEntry(command) => self.close_entry(by, command),
            Action::OpenEntry { of } => self.open_entry(of),
            Action::Supervise { contact, how } => self.supervise(by, *contact, *how),
            Action::AnswerHelp { login } => self.answer_help(login),
            Action::CloseEnquiry { enquiry, answer } => self.close_enquiry_by(by, *enquiry, answer.as_ref()),
            Action::Note { what, detail } => {
                bounds::check_name("what", what)?;
                bounds::check(detail.len() <= NOTE_BYTES_MAX, "detail")?;
                Ok(0)
            }
        }
    }

    fn operator_called(&self, login: &Name) -> Result<OperatorId, Refusal> {
        bounds::check_name("login", login)?;
        let row = self.operators.iter().find(|row| row.login == *login);
        row.map(|row| row.id).ok_or(Refusal::UnknownOperator(login.clone()))
    }

    fn known(&self, id: ContactId) -> Result<&Contact, Refusal> {
        self.contact(id).ok_or(Refusal::UnknownContact(id))
    }

    fn force_presence(&mut self, login: &Name, presence: DeclaredPresence) -> Result<u32, Refusal> {
        let operator = self.operator_called(login)?;
        if self.session_mut(Party::Operator(operator)).state == SessionState::None {
            return Err(Refusal::NotSignedIn);
        }
        let presence = match presence {
            DeclaredPresence::Ready => PresenceState::Ready,
            DeclaredPresence::NotReady(reason) => PresenceState::NotReady(reason),
        };
        let mut freed = self.become_present(operator, presence);
        freed.join(Freed::operator(operator));
        self.settle(freed);
        Ok(0)
    }

    fn take_from_hands(&mut self, id: ContactId) -> Result<u32, Refusal> {
        let contact = self.known(id)?;
        let operator = match contact.state {
            ContactState::Waiting => return Ok(0),
            ContactState::Offered { operator, .. } | ContactState::Handling { operator, .. } => operator,
            ContactState::WrapUp { .. } | ContactState::Ended { .. } => return Err(wrong_state(contact)),
        };
        if contact.is_leg_to_operator() {
            let freed = self.end_leg(id);
            self.settle(freed);
            return Ok(1);
        }
        self.withdraw(id, operator, WithdrawReason::Supervisor);
        self.requeue(id, operator);
        let mut freed = Freed::queued(id);
        freed.join(Freed::operator(operator));
        freed.join(self.exclude(operator, id));
        freed.join(self.end_legs(id));
        self.settle(freed);
        Ok(1)
    }

    fn close(&mut self, id: ContactId) -> Result<u32, Refusal> {
        let contact = self.known(id)?;
        let (assignment, now) = (contact.assignment, self.now);
        let case = self.case_of_work(contact);
        let in_talk =
            contact.state.holder().filter(|_| matches!(contact.state, ContactState::Handling { .. }));
        let mut freed = match contact.state {
            ContactState::Ended { .. } => return Ok(0),
            ContactState::Waiting => {
                self.end(id, EndReason::Closed(None), None);
                Freed::default()
            }
            ContactState::Offered { operator, at, idle_before, .. } => {
                self.withdraw(id, operator, WithdrawReason::Supervisor);
                let row = self.operator_mut(operator);
                row.idle_since = if row.idle_since == at { idle_before } else { now };
                self.end(id, EndReason::Closed(None), None);
                Freed::operator(operator)
            }
            ContactState::Handling { operator, .. } | ContactState::WrapUp { operator, .. } => {
                self.operator_mut(operator).idle_since = now;
                self.effects.push(Effect::ReleaseOperator { contact: id, operator, assignment });
                self.end(id, EndReason::Closed(Some(operator)), Some(operator));
                Freed::operator(operator)
            }
        };
        if let Some(case) = case {
            self.end_case(case, in_talk, CaseEnd::ClosedEarly);
        }
        freed.join(self.end_legs(id));
        self.settle(freed);
        Ok(1)
    }

    fn lift(&mut self, id: ContactId, tier: Option<u8>, head_start: Option<Millis>) -> Result<u32, Refusal> {
        bounds::check(tier.is_some() || head_start.is_some(), "tier")?;
        bounds::check(tier.is_none_or(|tier| tier <= TIER_MAX), "tier")?;
        bounds::check_span("head_start", head_start)?;
        let contact = self.known(id)?;
        if contact.state != ContactState::Waiting {
            return Err(wrong_state(contact));
        }
        let (before, was_asleep) = ((contact.tier, contact.head_start), contact.is_asleep());
        if let Some(tier) = tier {
            self.give_tier(id, tier);
        }
        let contact = self.contact_mut(id);
        contact.head_start = head_start.unwrap_or(contact.head_start);
        let changed = before != (contact.tier, contact.head_start);
        let is_awake = was_asleep && !contact.is_asleep();
        let mut freed = if is_awake { Freed::queued(id) } else { Freed::contact(id) };
        freed.operators.extend(self.reserved_for(id));
        self.settle(freed);
        Ok(u32::from(changed))
    }

    fn open_queue(&self, name: &Name) -> Result<Name, Refusal> {
        match self.plan.queues.iter().find(|queue| queue.name == *name) {
            None => Err(Refusal::UnknownQueue(name.clone())),
            Some(queue) if !queue.open => Err(Refusal::QueueClosed(name.clone())),
            Some(_) => Ok(name.clone()),
        }
    }

    fn move_named(&mut self, contacts: &[ContactId], to: &Name) -> Result<u32, Refusal> {
        bounds::check((1..=MOVED_PER_COMMAND_MAX).contains(&contacts.len()), "contacts")?;
        for &id in contacts {
            let contact = self.known(id)?;
            if contact.state != ContactState::Waiting {
                return Err(wrong_state(contact));
            }
            bounds::check(!contact.is_leg_to_operator(), "contacts")?;
            bounds::check(contact.queue == *to || self.fits_into(contact, to), "skills")?;
        }
        let moving: BTreeSet<&ContactId> =
            contacts.iter().filter(|id| self.contact_row(**id).queue != *to).collect();
        let count = moving.len() as u32;
        let mut freed = Freed::default();
        for &id in contacts {
            freed.join(self.move_to_queue(id, to));
        }
        self.settle(freed);
        Ok(count)
    }

    fn move_line(&mut self, from: &Name, to: &Name, count_max: Option<u32>) -> Result<u32, Refusal> {
        if !self.plan.queues.iter().any(|queue| queue.name == *from) {
            return Err(Refusal::UnknownQueue(from.clone()));
        }
        bounds::check(from != to, "to")?;
        bounds::check(count_max != Some(0), "count_max")?;
        let moves = self.jobs.iter().filter(|job| matches!(job, Job::MoveLine(_))).count();
        if moves >= MOVES_MAX {
            return Err(Refusal::LimitReached { what: "moves".into(), limit: MOVES_MAX as u64 });
        }
        let in_line = self.line_of(from).len() as u32;
        let remaining = count_max.unwrap_or(in_line).min(in_line);
        if remaining > 0 {
            self.jobs.push_back(Job::MoveLine(MoveLine {
                from: from.clone(),
                to: to.clone(),
                arrived_by: self.index,
                remaining,
                after: None,
            }));
        }
        Ok(remaining)
    }

    /// Who stands in line in a queue, next first: eligible, and not kept for somebody.
    pub(super) fn line_of(&self, queue: &Name) -> Vec<(Key, ContactId)> {
        let rows = self.contacts.values().filter(|contact| contact.queue == *queue);
        let in_line = rows.filter(|contact| contact.is_eligible() && contact.held_for.is_none());
        let mut line: Vec<_> = in_line.map(|contact| (key(contact, 0), contact.id)).collect();
        line.sort();
        line
    }

    /// A contact that waits goes to another queue, if it does not require too much there.
    pub(super) fn move_to_queue(&mut self, id: ContactId, to: &Name) -> Freed {
        let contact = self.contact_row(id);
        if contact.queue == *to || !self.fits_into(contact, to) {
            return Freed::default();
        }
        let (required, scopes) = self.required_in(contact, to);
        // Moves count whatever it is, consultations too.
        let left = contact.queue.clone();
        self.totals.entry(left).or_default().moved_out += 1;
        let contact = self.contact_mut(id);
        contact.queue = to.clone();
        if contact.wish.is_none() {
            (contact.required, contact.scopes) = (required, scopes);
        }
        contact.held_for = None;
        contact.told = Millis(0);
        let gateway = contact.gateway();
        if !self.is_thread(self.contact_row(id)) {
            self.wake(id);
        }
        self.set_promotion(id);
        self.totals.entry(to.clone()).or_default().moved_in += 1;
        let place = self.plan.queues.iter().position(|queue| queue.name == *to);
        let queue = QueueId(place.expect("the queue's name was checked") as u32);
        self.effects.push(Effect::AnnounceMoved { contact: id, gateway, queue });
        Freed::queued(id)
    }

    pub(super) fn fits_into(&self, contact: &Contact, queue: &Name) -> bool {
        self.required_in(contact, queue).0.len() <= REQUIRED_SKILLS_MAX
    }

    /// What the contact requires in another queue: what it asks for itself, and what that queue requires. Of an
    /// arrival in a log of format 1: what it requires beyond its present queue.
    pub(super) fn required_in(
        &self,
        contact: &Contact,
        queue: &Name,
    ) -> (BTreeMap<Name, u8>, BTreeSet<Name>) {
        let (skills, mut scopes) = self.asked_for_itself(contact);
        let next = queue_of(&self.plan, queue);
        let skills: Vec<(Name, u8)> = skills.into_iter().chain(next.required.clone()).collect();
        scopes.extend(next.scope.clone());
        (highest(&skills), scopes)
    }

    /// Skills and scopes that the contact asks for whatever its queue requires.
    pub(super) fn asked_for_itself(&self, contact: &Contact) -> (BTreeMap<Name, u8>, BTreeSet<Name>) {
        match &contact.own {
            Some(own) => own.clone(),
            None => {
                let present = queue_of(&self.plan, &contact.queue);
                let by_queue = highest(&present.required);
                let mut skills = contact.required.clone();
                skills.retain(|skill, level| by_queue.get(skill).is_none_or(|needed| needed < level));
                let mut scopes = contact.scopes.clone();
                scopes.retain(|scope| Some(scope) != present.scope.as_ref());
                (skills, scopes)
            }
        }
    }
}
