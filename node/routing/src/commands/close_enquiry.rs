//! How an enquiry goes on and ends (R3.10): the reminder, the term, the answer. An answer is the note of whoever talks
//! to the customer next, and brings the promised call forward.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::iter;

use crate::command::CloseEnquiry;
use crate::contact::{State, Text, Wait};
use crate::effect::{Effect, Reply};
use crate::enquiry::{Enquiry, EnquiryEnd, EnquiryNews};
use crate::fields::{check_text, invalid};
use crate::ids::{ContactId, EnquiryId, Name, OperatorId, QueueId, Timestamp};
use crate::limits::NOTE_BYTES_MAX;
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn close_enquiry(&mut self, command: &CloseEnquiry) -> Result<Reply, Refusal> {
        self.admit_operator(command.operator, command.epoch)?;
        let answer = command.answer.as_ref();
        check_answer(answer)?;
        let enquiry = self.known_enquiry(command.enquiry)?;
        let operator = self.tables.operator(command.operator.slot);
        let concerns = enquiry.asker == command.operator || enquiry.unit == operator.profile_key.unit;
        if !concerns && !is(Planted::EnquiryClosedByAnybody) {
            return Err(invalid("operator", "only who asked, or a colleague of its unit, closes an enquiry"));
        }
        judge_closing(enquiry, answer)?;
        let by = operator.login.clone();
        self.end_enquiry(command.enquiry, &by, Some(command.operator), answer);
        Ok(Reply::Done)
    }

    /// Whether an action may close an enquiry, and how many calls that brings forward.
    pub(super) fn judge_enquiry_over(&self, id: EnquiryId, answer: Option<&Name>) -> Result<u32, Refusal> {
        check_answer(answer)?;
        let enquiry = self.known_enquiry(id)?;
        judge_closing(enquiry, answer)?;
        Ok(u32::from(enquiry.is_open() && self.call_to_release(enquiry, answer.is_some()).is_some()))
    }

    /// Closes an open enquiry. `closer` is the operator who does it, who needs not hear of it.
    pub(super) fn end_enquiry(
        &mut self,
        id: EnquiryId,
        by: &Name,
        closer: Option<OperatorId>,
        answer: Option<&Name>,
    ) {
        let Some(row) = self.tables.find_enquiry(id).filter(|row| row.is_open()) else { return };
        let (contact, gateway, call) = (row.contact, row.gateway, row.call);
        let release = self.call_to_release(row, answer.is_some());
        let told = self.told_of_end(row, closer);
        let (at, until) = (self.now, self.now + self.tables.directory.plan.sessions.key_window);
        let end = EnquiryEnd { at, by: by.clone(), answer: answer.cloned(), until };
        self.tables.change_enquiry(id.slot, |row| row.end = Some(end));
        let news = if answer.is_some() { EnquiryNews::Answered } else { EnquiryNews::Withdrawn };
        self.emit(Effect::AnnounceEnquiry { enquiry: id, contact, gateway, news });
        for operator in told {
            self.emit(Effect::NotifyEnquiry { operator, enquiry: id, news });
        }
        if let Some(answer) = answer {
            self.leave_answer(call.unwrap_or(contact), answer);
        }
        if let Some(call) = release {
            self.reschedule(call.slot, self.now);
        }
    }

    /// The promised call that is made at once when the enquiry is closed so: it waits for its time, nothing else that it
    /// is promised for is open, and something was answered.
    fn call_to_release(&self, row: &Enquiry, answered: bool) -> Option<ContactId> {
        let call = row.call?;
        let waits = |id: ContactId| {
            let contact = self.tables.contacts.get(id.slot, id.generation)?;
            matches!(contact.state, State::Waiting(Wait::Later)).then_some(id)
        };
        let index = &self.tables.ix.enquiries;
        let others_are_open = index.with_call(call, false).any(|slot| slot != row.id.slot);
        let was_answered = || index.with_call(call, true).any(|slot| self.tables.enquiry(slot).is_answered());
        let is_over = !others_are_open || is(Planted::PromiseByFirstAnswer);
        let has_answer = answered || was_answered() || is(Planted::WithdrawalReleases);
        waits(call).filter(|_| is_over && has_answer)
    }

    /// A contact that has not ended carries the answer from here on.
    fn leave_answer(&mut self, id: ContactId, answer: &Name) {
        let known = self.tables.contacts.get(id.slot, id.generation);
        if known.is_none_or(|contact| !contact.is_open()) || is(Planted::AnswerNotNoted) {
            return;
        }
        self.tables.change_contact(id.slot, |row| {
            row.text = Arc::new(Text { note: Some(answer.clone()), ..Text::clone(&row.text) });
        });
    }

    /// What time does to an enquiry up to `due`: the reminder, then the end of its term; a closed one is forgotten.
    pub(crate) fn enquiry_timer(&mut self, slot: u32, due: Timestamp) {
        let row = self.tables.enquiry(slot);
        if !row.is_open() {
            return self.tables.remove_enquiry(slot);
        }
        let reminds = !row.reminded && row.remind_at.is_some_and(|at| at <= due);
        let is_overdue = !row.overdue && row.due <= due;
        let (enquiry, contact, gateway) = (row.id, row.contact, row.gateway);
        let told = self.told_of(row);
        self.tables.change_enquiry(slot, |row| {
            row.reminded |= reminds;
            row.overdue |= is_overdue;
        });
        for (news, is_now) in [(EnquiryNews::Reminded, reminds), (EnquiryNews::Overdue, is_overdue)] {
            if is_now {
                self.emit(Effect::AnnounceEnquiry { enquiry, contact, gateway, news });
                for &operator in &told {
                    self.emit(Effect::NotifyEnquiry { operator, enquiry, news });
                }
            }
        }
    }

    /// Who must hear of an enquiry: the asker; while it is not there the nearest head who is, or the queue's leads.
    fn told_of(&self, row: &Enquiry) -> Vec<OperatorId> {
        let is_there = |id: &OperatorId| {
            let operator = self.tables.operators.get(id.slot, id.generation);
            operator.is_some_and(|operator| operator.session.is_open())
        };
        if is_there(&row.asker) || is(Planted::ReminderToNobody) {
            return [row.asker].to_vec();
        }
        let directory = &self.tables.directory;
        let called = |login: &Name| self.tables.find_login(login).filter(is_there);
        let units =
            iter::successors(row.unit, |unit| directory.parents.get(unit.0 as usize).copied().flatten());
        let heads = units.filter_map(|unit| directory.plan.units.get(unit.0 as usize)?.rules.head.as_ref());
        if let Some(head) = heads.filter_map(called).next() {
            return [head].to_vec();
        }
        let queue = self.queue_of(row);
        let leads = queue.map(|queue| directory.queue(queue).rules.leads.iter()).into_iter().flatten();
        leads.filter_map(called).collect()
    }

    /// Where its promised call is, or what it is about.
    fn queue_of(&self, row: &Enquiry) -> Option<QueueId> {
        let known = |id: ContactId| self.tables.contacts.get(id.slot, id.generation);
        let call = row.call.and_then(known).filter(|call| call.is_open());
        call.or_else(|| known(row.contact)).map(|contact| contact.queue)
    }

    /// Who must hear that it is over, each once, and not the one who closes it.
    fn told_of_end(&self, row: &Enquiry, closer: Option<OperatorId>) -> Vec<OperatorId> {
        let mut told = self.told_of(row);
        for id in [Some(row.contact), row.call].into_iter().flatten() {
            let contact = self.tables.contacts.get(id.slot, id.generation);
            told.extend(contact.and_then(|contact| contact.operator()));
        }
        let mut once = Vec::new();
        for operator in told {
            if Some(operator) != closer && !once.contains(&operator) {
                once.push(operator);
            }
        }
        once
    }

    /// The open enquiries of operators who are handed over are a colleague's from here on, and so are their calls.
    pub(super) fn hand_over_enquiries(&mut self, from: &[OperatorId], to: OperatorId) {
        let login = self.tables.operator(to.slot).login.clone();
        for operator in from {
            let before = self.tables.operator(operator.slot).login.clone();
            let open: Vec<u32> = self.tables.ix.enquiries.of_asker(operator.slot).collect();
            for slot in open {
                self.tables.change_enquiry(slot, |row| row.asker = to);
                let row = self.tables.enquiry(slot);
                let (enquiry, call, keep_for) = (row.id, row.call, row.keep_for);
                self.emit(Effect::NotifyEnquiry { operator: to, enquiry, news: EnquiryNews::Yours });
                let known = call.and_then(|id| self.tables.contacts.get(id.slot, id.generation));
                let prefers = |(name, _): &(Name, _)| *name == before;
                let Some(call) = known.filter(|call| {
                    matches!(call.state, State::Waiting(Wait::Later))
                        && call.text.preferred.as_ref().is_some_and(prefers)
                }) else {
                    continue;
                };
                let preferred = Some((login.clone(), keep_for));
                self.tables.change_contact(call.id.slot, |row| {
                    row.text = Arc::new(Text { preferred, ..Text::clone(&row.text) });
                });
            }
        }
    }
}

fn check_answer(answer: Option<&Name>) -> Result<(), Refusal> {
    answer.map_or(Ok(()), |answer| check_text("answer", answer, NOTE_BYTES_MAX))
}

/// An enquiry that is closed stays as it was closed.
fn judge_closing(enquiry: &Enquiry, answer: Option<&Name>) -> Result<(), Refusal> {
    match &enquiry.end {
        None => Ok(()),
        Some(end) if end.answer.as_ref() == answer => Ok(()),
        Some(_) => Err(invalid("enquiry", "it was closed in another way; `ringmain enquiry show` tells how")),
    }
}
