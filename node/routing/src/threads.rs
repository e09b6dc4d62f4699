//! Digital threads (R1.4): targets for the first and the next reply, a thread whose operator is silent goes back to its
//! place, one whose customer is silent rests until the customer writes again, and ends when that is too long.
//!
//! What is noted stands beside the rows, under the contact's slot; the row has the next moment as its timer. Resting is
//! parking (`parking.rs`) without a claim on room; a wanted thread is parked work that goes before new contacts.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::contact::{Contact, State, Wait};
use crate::directory::Directory;
use crate::effect::{Effect, EndReason, ThreadNews, WithdrawReason};
use crate::ids::{ChannelId, ContactId, Millis, QueueId, Timestamp};
use crate::invariants::{Violation, violated};
use crate::planted::{Planted, is};
use crate::router::Router;
use crate::rules::{ThreadTimes, Writer};

/// A queue's rule of threads with its channels looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ThreadRule {
    /// None for every channel.
    pub channels: Box<[ChannelId]>,
    pub times: ThreadTimes,
}

/// What is noted of a contact's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Thread {
    /// Of the last message, by the gateway's count.
    pub number: u64,
    /// Who wrote last; the customer, before anybody did.
    pub wrote: Writer,
    /// Whether an operator has ever written.
    pub answered: bool,
    /// From when on the present silence counts.
    pub since: Timestamp,
    pub told: Told,
    pub rest: Rest,
}

/// What was said of a reply that is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Told {
    Nothing,
    Soon,
    Overdue,
}

/// Whether a parked thread rests for its customer. Counts only while the contact is parked and a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Rest {
    No,
    /// Until the customer writes.
    Resting,
    /// The customer has written: its operator goes on with it until then, or it goes back.
    Wanted {
        until: Timestamp,
    },
}

/// What a thread's next moment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    ReplySoon { due: Timestamp },
    ReplyOverdue,
    Requeue,
    Rest,
    Close,
    NotResumed,
}

impl Thread {
    pub(crate) fn starting(now: Timestamp) -> Thread {
        let (wrote, told, rest) = (Writer::Customer, Told::Nothing, Rest::No);
        Thread { number: 0, wrote, answered: false, since: now, told, rest }
    }

    fn start_clock(&mut self, now: Timestamp) {
        (self.since, self.told) = (now, Told::Nothing);
    }

    /// When a reply is due, by the targets.
    pub(crate) fn reply_due(&self, times: &ThreadTimes) -> Option<Timestamp> {
        let target = if self.answered { times.next_reply } else { times.first_reply };
        target.filter(|_| self.wrote == Writer::Customer).map(|target| self.since + target)
    }

    fn next_of_reply(&self, times: &ThreadTimes) -> Option<(Timestamp, Moment)> {
        let due = self.reply_due(times)?;
        match self.told {
            Told::Nothing if times.warn_before.0 > 0 => {
                Some((due.minus(times.warn_before), Moment::ReplySoon { due }))
            }
            Told::Nothing | Told::Soon => Some((due, Moment::ReplyOverdue)),
            Told::Overdue => times.requeue_after.map(|after| (due + after, Moment::Requeue)),
        }
    }
}

/// Threads by contact, for as long as the contact is remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Threads(BTreeMap<u32, (ContactId, Thread)>);

impl Threads {
    pub(crate) fn of(&self, slot: u32) -> Option<&Thread> {
        self.0.get(&slot).map(|entry| &entry.1)
    }

    pub(crate) fn note(&mut self, contact: ContactId, now: Timestamp) -> &mut Thread {
        &mut self.0.entry(contact.slot).or_insert_with(|| (contact, Thread::starting(now))).1
    }

    fn set_rest(&mut self, slot: u32, rest: Rest) {
        if let Some((_, thread)) = self.0.get_mut(&slot) {
            thread.rest = rest;
        }
    }

    /// The customer has asked for a person, so it is silent no longer.
    pub(crate) fn customer_asks(&mut self, slot: u32, now: Timestamp) {
        if let Some((_, thread)) = self.0.get_mut(&slot) {
            thread.wrote = Writer::Customer;
            thread.start_clock(now);
        }
    }

    /// The contact is remembered no longer.
    pub(crate) fn forget(&mut self, slot: u32) {
        if !self.0.is_empty() {
            self.0.remove(&slot);
        }
    }

    pub(crate) fn to_stored(&self) -> Vec<(ContactId, Thread)> {
        if is(Planted::ThreadsLeftOut) { Vec::new() } else { self.0.values().copied().collect() }
    }

    pub(crate) fn from_stored(stored: Vec<(ContactId, Thread)>) -> Threads {
        Threads(stored.into_iter().map(|entry| (entry.0.slot, entry)).collect())
    }
}

impl Directory {
    /// The times of a thread in that queue, where contacts of the channel are threads.
    pub(crate) fn thread_times(&self, queue: QueueId, channel: ChannelId) -> Option<&ThreadTimes> {
        let rule = self.rule(queue).thread.as_ref()?;
        let is_meant = rule.channels.is_empty() || rule.channels.contains(&channel);
        is_meant.then_some(&rule.times)
    }

    fn threads_alike(&self, other: &Directory) -> bool {
        self.thread_rules().eq(other.thread_rules())
    }
}

impl Router {
    /// The times by which a contact is a thread, if it is one.
    pub(crate) fn thread_times(&self, contact: &Contact) -> Option<&ThreadTimes> {
        let directory = &self.tables.directory;
        if !directory.threads || self.is_leg(contact.id.slot) {
            return None;
        }
        directory.thread_times(contact.queue, contact.channel)
    }

    /// How the parked contact rests, as a thread.
    pub(crate) fn rest_of(&self, contact: &Contact) -> Rest {
        if !contact.is_parked() || self.thread_times(contact).is_none() {
            return Rest::No;
        }
        self.tables.threads.of(contact.id.slot).map_or(Rest::No, |thread| thread.rest)
    }

    /// Whether the parked contact is a thread whose customer has written: it goes before new contacts.
    pub(crate) fn is_wanted_thread(&self, contact: &Contact) -> bool {
        matches!(self.rest_of(contact), Rest::Wanted { .. }) && !is(Planted::ThreadBehindNew)
    }

    /// Whether the parked contact rests for its customer, so that nobody goes on with it.
    pub(crate) fn is_resting(&self, contact: &Contact) -> bool {
        self.rest_of(contact) == Rest::Resting
    }

    /// Whether the customer of a thread in handling has had no answer yet.
    pub(crate) fn owes_reply(&self, contact: &Contact) -> bool {
        let thread = self.tables.threads.of(contact.id.slot);
        self.thread_times(contact).is_some()
            && thread.is_none_or(|thread| thread.wrote == Writer::Customer)
            && !is(Planted::HeldUnanswered)
    }

    /// The contact has come into its operator's hands, or goes on there: the operator's time begins.
    pub(crate) fn begin_thread(&mut self, slot: u32) {
        let (row, now) = (self.tables.contact(slot), self.now);
        let contact = row.id;
        if self.thread_times(row).is_none() {
            return;
        }
        let thread = self.tables.threads.note(contact, now);
        thread.rest = Rest::No;
        if thread.wrote == Writer::Customer {
            thread.start_clock(now);
        }
        self.follow_thread(slot);
    }

    /// Interrupted work rests for somebody else and not for its customer.
    pub(crate) fn interrupt_thread(&mut self, slot: u32) {
        self.tables.threads.set_rest(slot, Rest::No);
        self.follow_thread(slot);
    }

    /// Somebody has written.
    pub(crate) fn note_message(&mut self, contact: ContactId, number: u64, by: Writer) {
        let (slot, now) = (contact.slot, self.now);
        let row = self.tables.contact(slot);
        let (rest, is_asleep) = (self.rest_of(row), is_asleep(row));
        let keep_for = self.thread_times(row).map_or(Millis(0), |times| times.keep_for);
        let operator = row.operator();
        let thread = self.tables.threads.note(contact, now);
        thread.number = number;
        match by {
            Writer::Operator => {
                thread.answered = true;
                thread.start_clock(now);
                if rest != Rest::No {
                    thread.rest = Rest::Resting;
                }
            }
            Writer::Customer => {
                if thread.wrote == Writer::Operator || rest == Rest::Resting {
                    thread.start_clock(now);
                }
                if rest == Rest::Resting {
                    thread.rest = Rest::Wanted { until: now + keep_for };
                    self.freed.operators.extend(operator.map(|operator| operator.slot));
                }
            }
        }
        thread.wrote = by;
        if is_asleep && by == Writer::Customer {
            self.wake(slot);
        } else {
            self.follow_thread(slot);
        }
    }

    /// A customer whose operator was lost has written: the thread waits for that operator if it is there, else in line.
    pub(crate) fn wake(&mut self, slot: u32) {
        let row = self.tables.contact(slot);
        let keep_for = self.thread_times(row).map_or(Millis(0), |times| times.keep_for);
        let holder = row.holder.filter(|_| row.tier > 0 && keep_for.0 > 0);
        let present = holder.filter(|holder| {
            let operator = self.tables.operators.get(holder.slot, holder.generation);
            operator.is_some_and(|operator| operator.is_available() && self.fits_now(operator, row))
        });
        let until = self.now + keep_for;
        self.wait(slot, present.map_or(Wait::InLine, |operator| Wait::Held { operator, until }));
        self.freed.contacts.insert(slot);
        self.freed.announce.insert(slot);
    }

    /// The operator is lost, and the customer is silent: the thread is nobody's until the customer writes.
    pub(crate) fn fall_asleep(&mut self, slot: u32) {
        self.tables.change_contact(slot, |row| row.state = State::Waiting(Wait::ForCustomer));
        self.freed.contacts.remove(slot);
        self.freed.announce.remove(slot);
        self.follow_thread(slot);
    }

    /// Works out when time alone does something to the thread next.
    pub(crate) fn follow_thread(&mut self, slot: u32) {
        let row = self.tables.contact(slot);
        if !may_have_moment(row) {
            return;
        }
        let at = self.next_of_thread(row).map(|moment| moment.0);
        if row.promote_at != at {
            self.tables.change_contact(slot, |row| row.promote_at = at);
        }
    }

    fn next_of_thread(&self, row: &Contact) -> Option<(Timestamp, Moment)> {
        let (times, thread) = (self.thread_times(row)?, self.tables.threads.of(row.id.slot)?);
        let rest = self.rest_of(row);
        if let Rest::Wanted { until } = rest {
            return Some((until, Moment::NotResumed));
        }
        match thread.wrote {
            // Interrupted: what is owed cannot be done now.
            Writer::Customer if row.is_parked() => None,
            Writer::Customer => thread.next_of_reply(times),
            Writer::Operator if row.tier == 0 && !is(Planted::LifeSafetySilenced) => None,
            Writer::Operator => {
                let may_rest = rest == Rest::No && row.decision.is_some() && !is_asleep(row);
                let rests = times.park_after.filter(|_| may_rest && !is(Planted::ThreadNeverRests));
                let closes = times.close_after.filter(|_| !self.is_work_of_stage(row));
                let at = |span: Millis, moment| (thread.since + span, moment);
                rests
                    .map(|span| at(span, Moment::Rest))
                    .or_else(|| closes.map(|span| at(span, Moment::Close)))
            }
        }
    }

    /// Whether an open case goes on with it.
    fn is_work_of_stage(&self, row: &Contact) -> bool {
        let case = row.case.and_then(|id| self.tables.find_case(id));
        case.is_some_and(|case| case.contact == Some(row.id))
    }

    /// What time does to a thread.
    pub(crate) fn thread_timer(&mut self, slot: u32) {
        let row = self.tables.contact(slot);
        let Some((_, moment)) = self.next_of_thread(row) else { return self.follow_thread(slot) };
        let is_consulted_about = !self.legs.of(slot).is_empty();
        match moment {
            Moment::ReplySoon { due } => self.tell_of_reply(slot, Told::Soon, ThreadNews::ReplySoon { due }),
            Moment::ReplyOverdue => self.tell_of_reply(slot, Told::Overdue, ThreadNews::ReplyOverdue),
            Moment::Requeue | Moment::Rest | Moment::Close if is_consulted_about => self.put_off(slot),
            Moment::Requeue => self.take_from_silent(slot),
            Moment::Rest => self.rest(slot),
            Moment::Close => self.close_silent(slot),
            Moment::NotResumed => self.requeue(slot, WithdrawReason::NotResumed),
        }
    }

    fn tell_of_reply(&mut self, slot: u32, told: Told, news: ThreadNews) {
        let (contact, now) = (self.tables.contact(slot).id, self.now);
        self.tables.threads.note(contact, now).told = told;
        self.notify_thread(slot, news);
        self.follow_thread(slot);
    }

    /// A colleague is asked: the clock starts anew.
    fn put_off(&mut self, slot: u32) {
        let (contact, now) = (self.tables.contact(slot).id, self.now);
        self.tables.threads.note(contact, now).start_clock(now);
        self.follow_thread(slot);
    }

    /// The operator owes a reply for too long: somebody else may give it.
    fn take_from_silent(&mut self, slot: u32) {
        let row = self.tables.contact(slot);
        let (contact, operator) = (row.id, row.operator());
        if is(Planted::SilentKeepsThread) {
            return self.tables.change_contact(slot, |row| row.promote_at = None);
        }
        self.requeue(slot, WithdrawReason::ReplyOverdue);
        if let Some(operator) = operator.filter(|_| !is(Planted::SilentNotExcluded)) {
            self.exclude(operator, contact);
        }
    }

    /// The customer is silent: the thread leaves its operator's room, and stays that one's.
    fn rest(&mut self, slot: u32) {
        let row = self.tables.contact(slot);
        let (contact, gateway, assignment) = (row.id, row.gateway, row.assignment);
        let Some(operator) = row.operator() else { return };
        let (now, was_parked) = (self.now, row.is_parked());
        self.tables.threads.set_rest(slot, Rest::Resting);
        if !was_parked {
            self.tables.change_contact(slot, |row| {
                if let Some(decision) = &mut row.decision {
                    decision.parked = Some(now);
                }
            });
            self.freed.operators.insert(operator.slot);
            self.touch(operator.slot);
            self.emit(Effect::ParkContact { contact, gateway, operator, assignment, on: true });
        }
        self.follow_thread(slot);
    }

    fn close_silent(&mut self, slot: u32) {
        let Some(holder) = self.tables.contact(slot).holder else { return };
        self.notify_thread(slot, ThreadNews::Closed);
        self.end_contact(slot, EndReason::Completed(holder));
    }

    fn notify_thread(&mut self, slot: u32, news: ThreadNews) {
        let row = self.tables.contact(slot);
        let (contact, gateway, assignment) = (row.id, row.gateway, row.assignment);
        let Some(operator) = row.holder else { return };
        self.emit(Effect::NotifyThread { contact, gateway, operator, assignment, news });
    }

    /// Another plan: moments of threads are others, and contacts become threads or are none any more.
    pub(crate) fn follow_threads(&mut self, before: &Directory) {
        if self.tables.directory.threads_alike(before) {
            return;
        }
        let rows = self.tables.contacts.iter().filter(|(_, row)| may_have_moment(row));
        let rows: Vec<u32> = rows.map(|(slot, _)| slot).collect();
        for slot in rows {
            let row = self.tables.contact(slot);
            let (contact, is_asleep) = (row.id, is_asleep(row));
            let was = before.thread_times(row.queue, row.channel).is_some();
            match self.thread_times(row) {
                None if is_asleep => self.wake(slot),
                Some(_) if !was => {
                    let now = self.now;
                    let thread = self.tables.threads.note(contact, now);
                    thread.start_clock(now);
                    thread.rest = Rest::No;
                    self.follow_thread(slot);
                }
                Some(_) | None => self.follow_thread(slot),
            }
        }
        for slot in 0..self.tables.operators.slots() {
            if self.tables.operators.at(slot).is_some() {
                self.freed.operators.insert(slot);
            }
        }
    }

    /// A thread's timer is its next moment, and only silent customers are waited for.
    pub(crate) fn check_thread(&self, slot: u32, row: &Contact) -> Result<(), Violation> {
        if !may_have_moment(row) {
            return Ok(());
        }
        if row.promote_at != self.next_of_thread(row).map(|moment| moment.0)
            && !is(Planted::SilentKeepsThread)
        {
            return violated("I11", "a thread's timer is not its next moment", slot);
        }
        let wrote = self.tables.threads.of(slot).map(|thread| thread.wrote);
        if is_asleep(row)
            && (self.thread_times(row).is_none() || wrote != Some(Writer::Operator) || row.tier == 0)
        {
            return violated("I4", "a contact waits for a customer who is not silent", slot);
        }
        Ok(())
    }
}

/// Whether it waits for its customer to write.
pub(crate) fn is_asleep(row: &Contact) -> bool {
    matches!(row.state, State::Waiting(Wait::ForCustomer))
}

fn may_have_moment(row: &Contact) -> bool {
    match row.state {
        State::Handling { .. } | State::Waiting(Wait::ForCustomer) => true,
        State::Waiting(Wait::Later | Wait::Held { .. } | Wait::InLine)
        | State::Offered { .. }
        | State::WrapUp { .. }
        | State::Ended { .. } => false,
    }
}
