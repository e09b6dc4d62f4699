//! Contacts in which people write to each other, and what their silence means (R1.4).

use ringmain_routing::command::NoteMessage;
use ringmain_routing::effect::{EndReason, ThreadNews, WithdrawReason};
use ringmain_routing::rules::{ThreadRules, ThreadTimes, Writer};
use ringmain_routing::{ContactId, Effect, Plan, Refusal, Reply, ThreadView, Timestamp};

use super::bounds::check;
use super::contacts::wrong_state;
use super::ladder::queue_of;
use super::state::{Contact, ContactState, Kept};
use super::{Freed, Model};

/// What is noted of a contact in which somebody has written, or may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The last message, by the gateway's count.
    pub number: u64,
    /// Who wrote last.
    pub wrote: Writer,
    /// An operator has ever written.
    pub answered: bool,
    /// From when on the present silence counts.
    pub since: Timestamp,
    /// What has been said of this silence.
    pub told: Told,
    /// Whether it rests, while it is parked.
    pub rest: Rest,
    /// It waits for its customer.
    pub is_asleep: bool,
}

/// What has been said of a silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    #[default]
    Nothing,
    /// A reply is due soon.
    Soon,
    /// It was due.
    Overdue,
}

/// Why a thread is parked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rest {
    /// Not for its customer's silence.
    #[default]
    No,
    /// Its customer is silent.
    Resting,
    /// Its customer has written again: its operator goes on with it until then.
    Wanted(Timestamp),
}

impl Default for Thread {
    fn default() -> Thread {
        Thread {
            number: 0,
            wrote: Writer::Customer,
            answered: false,
            since: Timestamp(0),
            told: Told::Nothing,
            rest: Rest::No,
            is_asleep: false,
        }
    }
}

/// What comes of a silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Warn(Timestamp),
    Overdue,
    Requeue,
    Rest,
    Close,
    NotResumed,
}

fn rules_in<'a>(plan: &'a Plan, contact: &Contact) -> Option<&'a ThreadRules> {
    let rules = queue_of(plan, &contact.queue).rules.thread.as_ref()?;
    let is_named = rules.channels.is_empty() || rules.channels.contains(&contact.body.channel);
    (is_named && contact.leg.is_none()).then_some(rules)
}

impl Contact {
    /// Whether it rests, and why; nothing of that counts while it is not parked.
    pub(super) fn rest(&self) -> Rest {
        self.thread.filter(|_| self.is_parked()).map_or(Rest::No, |thread| thread.rest)
    }

    /// Parked work that its operator may go on with: all but what rests.
    pub(super) fn is_to_be_resumed(&self) -> bool {
        self.is_parked() && self.rest() != Rest::Resting
    }

    /// Its customer has written again while it rested.
    pub(super) fn is_wanted(&self) -> bool {
        matches!(self.rest(), Rest::Wanted(_))
    }

    /// It waits for its customer: it is nobody's.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        self.state == ContactState::Waiting && self.thread.is_some_and(|thread| thread.is_asleep)
    }

    fn wrote(&self) -> Writer {
        self.thread.map_or(Writer::Customer, |thread| thread.wrote)
    }

    fn thread_mut(&mut self) -> &mut Thread {
        self.thread.get_or_insert_default()
    }

    fn begin_silence(&mut self, now: Timestamp) {
        let thread = self.thread_mut();
        thread.since = now;
        thread.told = Told::Nothing;
    }
}

impl Model {
    pub(super) fn is_thread(&self, contact: &Contact) -> bool {
        self.times_of(contact).is_some()
    }

    fn times_of(&self, contact: &Contact) -> Option<ThreadTimes> {
        rules_in(&self.plan, contact).map(|rules| rules.times)
    }

    /// What others see of a thread.
    #[must_use]
    pub fn thread(&self, contact: &Contact) -> Option<ThreadView> {
        let (times, thread) = self.times_of(contact).zip(contact.thread)?;
        let is_in_hand = matches!(contact.state, ContactState::Handling { .. });
        let owes = is_in_hand && (!contact.is_parked() || contact.is_wanted());
        Some(ThreadView {
            messages: thread.number,
            wrote: thread.wrote,
            answered: thread.answered,
            since: thread.since,
            reply_due: self.reply_due(thread, times).filter(|_| owes),
            rests: contact.rest() == Rest::Resting || contact.is_asleep(),
            wanted_until: match contact.rest() {
                Rest::Wanted(until) => Some(until),
                Rest::No | Rest::Resting => None,
            },
        })
    }

    fn reply_due(&self, thread: Thread, times: ThreadTimes) -> Option<Timestamp> {
        let target = if thread.answered { times.next_reply } else { times.first_reply };
        target.filter(|_| thread.wrote == Writer::Customer).map(|target| thread.since + target)
    }

    pub(super) fn note_message(&mut self, command: &NoteMessage) -> Result<Reply, Refusal> {
        self.check_gateway(command.gateway, command.epoch)?;
        check(command.number > 0, "number")?;
        let contact = self.check_owner(command.contact, command.gateway)?;
        check(contact.leg.is_none() || contact.state.is_ended(), "contact")?;
        if contact.thread.is_some_and(|thread| command.number <= thread.number) {
            return Ok(Reply::Done);
        }
        match contact.state {
            ContactState::WrapUp { .. } | ContactState::Ended { .. } => return Err(wrong_state(contact)),
            ContactState::Waiting | ContactState::Offered { .. } | ContactState::Handling { .. } => {}
        }
        let (now, is_first) = (self.now, contact.thread.is_none());
        let contact = self.contact_mut(command.contact);
        contact.thread_mut().number = command.number;
        if is_first {
            contact.begin_silence(now);
        }
        match command.by {
            Writer::Operator => self.operator_writes(command.contact),
            Writer::Customer => self.customer_writes(command.contact),
        }
        Ok(Reply::Done)
    }

    fn operator_writes(&mut self, id: ContactId) {
        let now = self.now;
        let contact = self.contact_mut(id);
        let is_wanted = contact.is_wanted();
        contact.begin_silence(now);
        let thread = contact.thread_mut();
        thread.wrote = Writer::Operator;
        thread.answered = true;
        if is_wanted {
            thread.rest = Rest::Resting;
        }
    }

    fn customer_writes(&mut self, id: ContactId) {
        let now = self.now;
        let keep_for = self.times_of(self.contact_row(id)).map(|times| times.keep_for);
        let wanted_until = self.span_after_now(keep_for.unwrap_or_default());
        let contact = self.contact_mut(id);
        let (is_resting, is_asleep) = (contact.rest() == Rest::Resting, contact.is_asleep());
        if contact.wrote() == Writer::Operator || is_resting {
            contact.begin_silence(now);
        }
        contact.thread_mut().wrote = Writer::Customer;
        if is_resting {
            contact.thread_mut().rest = Rest::Wanted(wanted_until);
            let holder = contact.state.holder();
            self.settle(Freed { operators: holder.into_iter().collect(), ..Freed::default() });
        } else if is_asleep {
            self.wake(id);
            let contact = self.contact_row(id);
            let may = contact.tier > 0 && wanted_until > now;
            let known = contact.last_holder.filter(|_| may).filter(|known| {
                let row = &self.operators[known.slot as usize];
                row.is_available() && self.fit_to_keep(row, contact).holds()
            });
            self.contact_mut(id).held_for = known.map(|known| (known, wanted_until));
            self.settle(Freed::queued(id));
        }
    }

    /// It waits for its customer no longer, and stands in line.
    pub(super) fn wake(&mut self, id: ContactId) {
        let contact = self.contact_mut(id);
        if !contact.is_asleep() {
            return;
        }
        contact.thread_mut().is_asleep = false;
        contact.kept = Kept::WhileAvailable;
        self.set_promotion(id);
    }

    /// Its operator is lost: it waits for its customer, nobody's and not in line.
    pub(super) fn fall_asleep(&mut self, id: ContactId) {
        let contact = self.contact_mut(id);
        contact.thread_mut().is_asleep = true;
        contact.promote_at = None;
    }

    /// The contact has come into somebody's hands, or is gone on with.
    pub(super) fn begin_turn(&mut self, id: ContactId) {
        let now = self.now;
        let is_thread = self.times_of(self.contact_row(id)).is_some();
        let contact = self.contact_mut(id);
        if is_thread && contact.wrote() == Writer::Customer {
            contact.begin_silence(now);
        }
    }

    /// People owe the customer a reply from here on.
    pub(super) fn begin_for_people(&mut self, id: ContactId) {
        let now = self.now;
        let contact = self.contact_mut(id);
        if let Some(thread) = &mut contact.thread {
            thread.wrote = Writer::Customer;
            thread.is_asleep = false;
            contact.begin_silence(now);
        }
    }

    /// An operator owes a reply in a thread: nobody is put on hold without one.
    pub(super) fn is_unanswered(&self, contact: &Contact) -> bool {
        self.is_thread(contact) && contact.wrote() == Writer::Customer
    }

    /// When silence has a consequence next.
    pub(super) fn thread_deadline(&self, contact: &Contact) -> Option<Timestamp> {
        self.next_moment(contact).map(|(at, _)| at)
    }

    fn next_moment(&self, contact: &Contact) -> Option<(Timestamp, Moment)> {
        let (times, thread) = self.times_of(contact).zip(contact.thread)?;
        let closes = || {
            let may = contact.tier > 0 && self.case_of_work(contact).is_none();
            times.close_after.filter(|_| may).map(|after| (thread.since + after, Moment::Close))
        };
        match contact.state {
            ContactState::Waiting => contact.is_asleep().then(closes).flatten(),
            ContactState::Handling { .. } => match (thread.wrote, contact.rest()) {
                (Writer::Customer, Rest::Wanted(until)) => Some((until, Moment::NotResumed)),
                (Writer::Customer, _) if contact.is_parked() => None,
                (Writer::Customer, _) => self.moment_of_debt(thread, times),
                (Writer::Operator, Rest::Resting) => closes(),
                (Writer::Operator, Rest::No | Rest::Wanted(_)) => {
                    let may = contact.tier > 0 && contact.is_of_rules;
                    let rests = times.park_after.filter(|_| may);
                    rests.map(|after| (thread.since + after, Moment::Rest)).or_else(closes)
                }
            },
            ContactState::Offered { .. } | ContactState::WrapUp { .. } | ContactState::Ended { .. } => None,
        }
    }

    fn moment_of_debt(&self, thread: Thread, times: ThreadTimes) -> Option<(Timestamp, Moment)> {
        let due = self.reply_due(thread, times)?;
        match thread.told {
            Told::Nothing if times.warn_before.0 > 0 => {
                Some((due.minus(times.warn_before), Moment::Warn(due)))
            }
            Told::Nothing | Told::Soon => Some((due, Moment::Overdue)),
            Told::Overdue => times.requeue_after.map(|after| (due + after, Moment::Requeue)),
        }
    }

    /// The customer or the operator has been silent for so long.
    pub(super) fn fire_thread(&mut self, id: ContactId) {
        let now = self.now;
        let Some((_, moment)) = self.next_moment(self.contact_row(id)) else { return };
        let is_asked_about = !self.legs_of(id).is_empty();
        match moment {
            Moment::Warn(due) => {
                self.contact_mut(id).thread_mut().told = Told::Soon;
                self.notify(id, ThreadNews::ReplySoon { due });
            }
            Moment::Overdue => {
                self.contact_mut(id).thread_mut().told = Told::Overdue;
                self.notify(id, ThreadNews::ReplyOverdue);
            }
            Moment::Requeue | Moment::Rest | Moment::Close if is_asked_about => {
                self.contact_mut(id).begin_silence(now);
            }
            Moment::Requeue => self.give_back(id, WithdrawReason::ReplyOverdue),
            Moment::NotResumed => self.give_back(id, WithdrawReason::NotResumed),
            Moment::Rest => self.come_to_rest(id),
            Moment::Close => self.close_silent(id),
        }
    }

    fn notify(&mut self, id: ContactId, news: ThreadNews) {
        let row = self.contact_row(id);
        let Some(operator) = row.last_holder else { return };
        let (gateway, assignment) = (row.gateway(), row.assignment);
        self.effects.push(Effect::NotifyThread { contact: id, gateway, operator, assignment, news });
    }

    /// Back to its old place: its operator owes a reply, or did not go on with it.
    fn give_back(&mut self, id: ContactId, reason: WithdrawReason) {
        let Some(operator) = self.contact_row(id).state.holder() else { return };
        self.withdraw(id, operator, reason);
        self.requeue(id, operator);
        let mut freed = Freed::queued(id);
        freed.join(Freed::operator(operator));
        if reason == WithdrawReason::ReplyOverdue {
            freed.join(self.exclude(operator, id));
        }
        self.settle(freed);
    }

    fn come_to_rest(&mut self, id: ContactId) {
        let now = self.now;
        let Some(operator) = self.contact_row(id).state.holder() else { return };
        let was_parked = self.contact_row(id).is_parked();
        let contact = self.contact_mut(id);
        contact.thread_mut().rest = Rest::Resting;
        if !was_parked {
            contact.parked = Some(now);
            self.tell_parked(id, operator, true);
        }
        self.touch(operator);
        self.settle(Freed::operator(operator));
    }

    fn close_silent(&mut self, id: ContactId) {
        self.notify(id, ThreadNews::Closed);
        let contact = self.contact_row(id);
        if let Some(operator) = contact.state.holder() {
            self.finish(id, operator);
            self.settle(Freed::operator(operator));
        } else if let Some(operator) = contact.last_holder {
            self.end(id, EndReason::Completed(operator), Some(operator));
            self.settle(Freed::default());
        }
    }

    /// Under a plan with other such rules moments are others, threads begin and are none any more, and everybody is
    /// looked at.
    pub(super) fn change_threads(&mut self, before: &Plan) -> Freed {
        let mut freed = Freed::default();
        let rules = |plan: &Plan| -> Vec<Option<ThreadRules>> {
            plan.queues.iter().map(|queue| queue.rules.thread.clone()).collect()
        };
        let mut changed = rules(before);
        let after = rules(&self.plan);
        changed.resize(after.len(), None);
        if changed == after {
            return freed;
        }
        let (now, plan) = (self.now, self.plan.clone());
        let mut awake = Vec::new();
        for contact in self.contacts.values_mut() {
            let was_thread = rules_in(before, contact).is_some();
            let is_thread = rules_in(&plan, contact).is_some();
            let is_in_hand = matches!(contact.state, ContactState::Handling { .. });
            if is_thread && !was_thread && is_in_hand {
                contact.begin_silence(now);
            }
            if !is_thread && contact.thread.is_some() {
                contact.thread_mut().rest = Rest::No;
                if contact.is_asleep() {
                    awake.push(contact.id);
                }
            }
        }
        for id in awake {
            self.wake(id);
            freed.join(Freed::queued(id));
        }
        freed.operators.extend(self.operators.iter().map(|row| row.id));
        freed
    }
}
