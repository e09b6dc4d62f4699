//! A supervisor or administrator acts. Each action is judged without a change first, so that a dry run gives the
//! same answer, and carried out after that; its key gets the first answer again.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::assign_contact::check_hand_out;
use crate::command::{Act, Action, DeclaredPresence, MoveFrom};
use crate::contact::{Contact, State};
use crate::effect::{EndReason, PresenceState, Reply, WithdrawReason};
use crate::fields::{check_name, check_span, check_text, invalid};
use crate::ids::{ContactId, Millis, Name, OperatorId, Party, QueueId, hash_parts};
use crate::limits::{ACTIONS_MAX, KEY_BYTES_MAX, MOVED_PER_COMMAND_MAX, MOVES_MAX, NOTE_BYTES_MAX, TIER_MAX};
use crate::memory::Deed;
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::{Job, MoveLine, Router};
use crate::session::SessionState;

impl Router {
    pub(crate) fn act(&mut self, command: &Act) -> Result<Reply, Refusal> {
        let (key, body) = hashes(command);
        if let Some(deed) = self.earlier_deed(command)? {
            return Ok(deed.reply);
        }
        let reply = Reply::Acted { contacts: self.judge_action(&command.by, &command.action)? };
        self.carry_out_action(&command.by, &command.action);
        let until = self.now + self.tables.directory.plan.sessions.key_window;
        self.deeds.remember(key, Deed { body, reply, until }, self.now);
        Ok(reply)
    }

    /// What an action would be answered now, without carrying it out.
    ///
    /// # Errors
    /// The refusal that it would get.
    pub fn preview(&self, command: &Act) -> Result<Reply, Refusal> {
        if let Some(deed) = self.earlier_deed(command)? {
            return Ok(deed.reply);
        }
        Ok(Reply::Acted { contacts: self.judge_action(&command.by, &command.action)? })
    }

    /// The same action under the same key, if it was carried out before.
    fn earlier_deed(&self, command: &Act) -> Result<Option<Deed>, Refusal> {
        check_name("by", &command.by)?;
        check_text("key", &command.key, KEY_BYTES_MAX)?;
        let (key, body) = hashes(command);
        match self.deeds.find(key, self.now) {
            Some(deed) if deed.body == body && !is(Planted::ActionAppliedTwice) => Ok(Some(*deed)),
            Some(deed) if deed.body == body => Ok(None),
            Some(_) => Err(Refusal::ActionKeyReused { by: command.by.clone(), key: command.key.clone() }),
            None if self.deeds.count(self.now) >= ACTIONS_MAX => {
                Err(Refusal::LimitReached { what: "actions".into(), limit: ACTIONS_MAX as u64 })
            }
            None => Ok(None),
        }
    }

    /// Whether the action is possible, and how many contacts it concerns.
    fn judge_action(&self, by: &Name, action: &Action) -> Result<u32, Refusal> {
        match action {
            Action::ForcePresence { login, .. } => {
                let operator = self.operator_called(login)?;
                match self.tables.operator(operator.slot).session.state {
                    SessionState::None => Err(Refusal::NotSignedIn),
                    SessionState::Live { .. } | SessionState::Grace { .. } => Ok(0),
                }
            }
            Action::SignOut { login } => {
                let operator = self.operator_called(login)?;
                Ok(self.tables.in_hand(operator.slot).len() as u32)
            }
            Action::RequeueContact { contact } => judge_requeue(self.known_contact(*contact)?),
            Action::CloseContact { contact, reason } => {
                check_name("reason", reason)?;
                Ok(u32::from(self.known_contact(*contact)?.is_open()))
            }
            Action::MoveContacts { from, to } => self.judge_move(from, to),
            Action::LiftContact { contact, tier, head_start } => {
                self.judge_lift(*contact, *tier, *head_start)
            }
            Action::DeferBreaks { .. } => Ok(0),
            Action::HandOver(hand_over) => self.judge_shift_over(hand_over),
            Action::CloseEntry(close) => self.judge_close_entry(close),
            Action::OpenEntry { of } => self.judge_entry(of).map(|()| 0),
            Action::Supervise { contact, how } => self.judge_supervise(by, *contact, *how),
            Action::AnswerHelp { login } => self.judge_help(login),
            Action::CloseEnquiry { enquiry, answer } => self.judge_enquiry_over(*enquiry, answer.as_ref()),
            Action::Note { what, detail } => {
                check_name("what", what)?;
                if !detail.is_empty() {
                    check_text("detail", detail, NOTE_BYTES_MAX)?;
                }
                Ok(0)
            }
            Action::AssignContact { contact, to, hold } => {
                check_hand_out(to, *hold)?;
                self.judge_hand_out(*contact, to).map(u32::from)
            }
        }
    }

    pub(super) fn operator_called(&self, login: &Name) -> Result<OperatorId, Refusal> {
        check_name("login", login)?;
        self.tables.find_login(login).ok_or_else(|| Refusal::UnknownOperator(login.clone()))
    }

    fn judge_move(&self, from: &MoveFrom, to: &Name) -> Result<u32, Refusal> {
        let directory = &self.tables.directory;
        let (to, plan) = directory.find_queue(to)?;
        if !plan.open {
            return Err(Refusal::QueueClosed(plan.name.clone()));
        }
        match from {
            MoveFrom::Contacts(contacts) => self.judge_named(contacts, to),
            MoveFrom::Queue { name, count_max } => {
                let (from, _) = directory.find_queue(name)?;
                if from == to {
                    return Err(invalid("to", "the contacts are in this queue already"));
                }
                if *count_max == Some(0) {
                    return Err(invalid("count_max", "at least 1; leave it out for all"));
                }
                let moves = self.jobs.iter().filter(|job| matches!(job, Job::MoveLine(_))).count();
                if moves >= MOVES_MAX {
                    return Err(Refusal::LimitReached { what: "moves".into(), limit: MOVES_MAX as u64 });
                }
                Ok(self.count_to_move(from, *count_max))
            }
        }
    }

    fn judge_named(&self, contacts: &[ContactId], to: QueueId) -> Result<u32, Refusal> {
        if contacts.is_empty() || contacts.len() > MOVED_PER_COMMAND_MAX {
            return Err(invalid("contacts", "1 to 500 contacts in one action"));
        }
        let mut moving = BTreeSet::new();
        for &id in contacts {
            let contact = self.known_contact(id)?;
            if !matches!(contact.state, State::Waiting(_)) {
                return Err(super::wrong_state(contact));
            }
            if self.is_leg_to_one(id.slot) {
                return Err(invalid("contacts", "a question to one operator stays with that one"));
            }
            if contact.queue != to {
                self.need_in(contact, to)?;
                moving.insert(id);
            }
        }
        Ok(moving.len() as u32)
    }

    fn count_to_move(&self, from: QueueId, count_max: Option<u32>) -> u32 {
        let in_line = u32::try_from(self.in_line(from)).unwrap_or(u32::MAX);
        count_max.map_or(in_line, |max| max.min(in_line))
    }

    fn judge_lift(
        &self,
        contact: ContactId,
        tier: Option<u8>,
        head_start: Option<Millis>,
    ) -> Result<u32, Refusal> {
        if tier.is_none() && head_start.is_none() {
            return Err(invalid("tier", "say a tier, a head start or both"));
        }
        if tier.is_some_and(|tier| tier > TIER_MAX) {
            return Err(invalid("tier", "tiers are 0 to 9"));
        }
        if let Some(head_start) = head_start {
            check_span("head_start_ms", head_start)?;
        }
        let contact = self.known_contact(contact)?;
        if !matches!(contact.state, State::Waiting(_)) {
            return Err(super::wrong_state(contact));
        }
        let stays = tier.is_none_or(|tier| tier == contact.tier)
            && head_start.is_none_or(|head_start| head_start == contact.head_start);
        Ok(u32::from(!stays))
    }

    /// Does what was judged to be possible.
    fn carry_out_action(&mut self, by: &Name, action: &Action) {
        match action {
            Action::ForcePresence { login, presence } => self.force_presence(login, *presence),
            Action::SignOut { login } => {
                if let Some(operator) = self.tables.find_login(login) {
                    let session = self.tables.operator(operator.slot).session;
                    self.sign_out(Party::Operator(operator), session);
                }
            }
            Action::RequeueContact { contact } => self.take_from_hands(contact.slot),
            Action::CloseContact { contact, .. } => self.close_contact(contact.slot),
            Action::MoveContacts { from, to } => self.move_contacts(from, to),
            Action::LiftContact { contact, tier, head_start } => {
                if let Some(head_start) = *head_start {
                    self.tables.change_contact(contact.slot, |row| row.head_start = head_start);
                    self.look_again(contact.slot);
                }
                if let Some(tier) = *tier {
                    self.set_tier(contact.slot, tier);
                }
            }
            Action::DeferBreaks { on } => self.defer_breaks(*on),
            Action::HandOver(hand_over) => self.hand_over(hand_over),
            Action::CloseEntry(close) => self.close_entry(by, close),
            Action::OpenEntry { of } => self.open_entry(of),
            Action::Supervise { contact, how } => self.supervise(by, *contact, *how),
            Action::AnswerHelp { login } => self.answer_help(login),
            Action::CloseEnquiry { enquiry, answer } => self.end_enquiry(*enquiry, by, None, answer.as_ref()),
            Action::Note { .. } => {}
            Action::AssignContact { contact, to, hold } => {
                if self.judge_hand_out(*contact, to) == Ok(true) {
                    self.hand_out(*contact, to, *hold);
                }
            }
        }
    }

    fn force_presence(&mut self, login: &Name, presence: DeclaredPresence) {
        let Some(operator) = self.tables.find_login(login) else { return };
        let presence = match presence {
            DeclaredPresence::Ready => PresenceState::Ready,
            DeclaredPresence::NotReady(reason) => PresenceState::NotReady(reason),
        };
        if self.tables.operator(operator.slot).presence != presence {
            self.show_presence(operator.slot, presence);
        }
    }

    /// Back to its place, and away from that operator for a while; the operator is not to blame.
    fn take_from_hands(&mut self, slot: u32) {
        let row = self.tables.contact(slot);
        let (contact, Some(operator)) = (row.id, row.operator()) else { return };
        self.requeue(slot, WithdrawReason::Supervisor);
        if self.tables.contact(slot).is_open() {
            self.exclude(operator, contact);
        }
    }

    fn close_contact(&mut self, slot: u32) {
        let served_by = match self.tables.contact(slot).state {
            State::Ended { .. } => return,
            State::Handling { operator, .. } | State::WrapUp { operator, .. } => Some(operator),
            State::Waiting(_) | State::Offered { .. } => None,
        };
        self.end_contact(slot, EndReason::Closed(served_by));
    }

    fn move_contacts(&mut self, from: &MoveFrom, to: &Name) {
        let Ok((to, _)) = self.tables.directory.find_queue(to) else { return };
        match from {
            MoveFrom::Contacts(contacts) => {
                contacts.iter().for_each(|contact| self.move_contact(contact.slot, to));
            }
            MoveFrom::Queue { name, count_max } => {
                let Ok((from, _)) = self.tables.directory.find_queue(name) else { return };
                let remaining = self.count_to_move(from, *count_max);
                if remaining > 0 {
                    let arrived_by = self.index;
                    let job = MoveLine { from, to, arrived_by, remaining, after: None };
                    self.jobs.push_back(Job::MoveLine(job));
                }
            }
        }
    }
}

fn judge_requeue(contact: &Contact) -> Result<u32, Refusal> {
    match contact.state {
        State::Waiting(_) => Ok(0),
        State::Offered { .. } | State::Handling { .. } => Ok(1),
        State::WrapUp { .. } | State::Ended { .. } => Err(super::wrong_state(contact)),
    }
}

/// What stands for the key and for the action.
fn hashes(command: &Act) -> (u128, u128) {
    let mut body = Vec::with_capacity(64);
    crate::codec::append(&mut body, &command.action);
    (hash_parts(&[command.by.as_bytes(), command.key.as_bytes()]), hash_parts(&[&body]))
}
