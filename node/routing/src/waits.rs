//! Rules by waiting: what is offered to those who wait for long, or that they leave (R3.3, R1.3); the external duty number
//! (R2.2); the alarm of a queue whose first has waited for too long (R2.1).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::contact::{Contact, State, Wait};
use crate::directory::Directory;
use crate::effect::{Effect, EndReason};
use crate::ids::{ContactId, Millis, QueueId, Timestamp};
use crate::limits::WAITS_PER_ENTRY_MAX;
use crate::planted::{Planted, is};
use crate::router::Router;
use crate::rules::Treatment;
use crate::tables::Tables;

/// What a contact that has not ended has met by waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// Its queue's rules up to this wait are done.
    pub told: Millis,
    /// What was offered to it.
    pub offered: BTreeSet<Treatment>,
    /// The duty number was told of it.
    pub duty: bool,
}

/// What is stored of all this.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct StoredWaits {
    marks: Vec<(ContactId, Mark)>,
    alarms: Vec<(QueueId, Timestamp)>,
}

/// Who has met what by waiting, whose moment comes next, and which queues are alarmed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waits {
    marks: BTreeMap<u32, (ContactId, Mark)>,
    /// Alarmed queues, and since when.
    alarms: BTreeMap<QueueId, Timestamp>,
    /// The next moment of each contact in line that has one.
    moments: BTreeSet<(Timestamp, u32)>,
    moment_of: BTreeMap<u32, Timestamp>,
    /// Contacts in line of queues with an alarm or a trigger, by arrival.
    lines: BTreeMap<QueueId, Watched>,
    line_of: BTreeMap<u32, (QueueId, Timestamp)>,
    /// When the first of each of these lines has waited for too long, where the queue has an alarm.
    firsts: BTreeSet<(Timestamp, QueueId)>,
}

/// The line of a queue, and when somebody in it has waited for too long.
#[derive(Clone, Debug, Default)]
struct Watched {
    alarm_after: Option<Millis>,
    line: BTreeSet<(Timestamp, u32)>,
}

impl Watched {
    fn late_at(&self) -> Option<Timestamp> {
        Some(self.line.first()?.0 + self.alarm_after?)
    }
}

impl Waits {
    /// How many stand in the line of a queue with a trigger.
    pub(crate) fn in_line(&self, queue: QueueId) -> usize {
        self.lines.get(&queue).map_or(0, |watched| watched.line.len())
    }

    /// When the one came who has waited for longest in the line of a queue with a trigger.
    pub(crate) fn longest_in_line(&self, queue: QueueId) -> Option<Timestamp> {
        self.lines.get(&queue)?.line.first().map(|first| first.0)
    }

    pub(crate) fn mark(&self, slot: u32) -> Option<&Mark> {
        self.marks.get(&slot).map(|entry| &entry.1)
    }

    /// Since when the queue is alarmed.
    pub(crate) fn alarm_of(&self, queue: QueueId) -> Option<Timestamp> {
        self.alarms.get(&queue).copied()
    }

    fn mark_of(&mut self, contact: ContactId) -> &mut Mark {
        &mut self.marks.entry(contact.slot).or_insert_with(|| (contact, Mark::default())).1
    }

    /// The contact has ended.
    pub(crate) fn forget(&mut self, slot: u32) {
        if !self.marks.is_empty() {
            self.marks.remove(&slot);
        }
    }

    /// The contact changes queue: the other queue's rules begin from the first.
    pub(crate) fn begin_again(&mut self, slot: u32) {
        if let Some((_, mark)) = self.marks.get_mut(&slot) {
            mark.told = Millis(0);
        }
    }

    /// When time alone does something next.
    pub(crate) fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        let moment = self.moments.first().map(|first| first.0);
        let alarm = self.firsts.range((Timestamp(now.0 + 1), QueueId(0))..).next().map(|first| first.0);
        [moment, alarm].into_iter().flatten().min()
    }

    fn due(&self, now: Timestamp) -> Option<u32> {
        self.moments.first().filter(|first| first.0 <= now).map(|first| first.1)
    }

    fn set_moment(&mut self, slot: u32, at: Option<Timestamp>) {
        if let Some(before) = self.moment_of.remove(&slot) {
            self.moments.remove(&(before, slot));
        }
        if let Some(at) = at {
            self.moment_of.insert(slot, at);
            self.moments.insert((at, slot));
        }
    }

    fn set_line(&mut self, slot: u32, is: Option<(QueueId, Timestamp)>) {
        let was = self.line_of.remove(&slot);
        self.line_of.extend(is.map(|is| (slot, is)));
        for ((queue, at), on) in was.map(|was| (was, false)).into_iter().chain(is.map(|is| (is, true))) {
            let Some(watched) = self.lines.get_mut(&queue) else { continue };
            let before = watched.late_at();
            if on {
                watched.line.insert((at, slot));
            } else {
                watched.line.remove(&(at, slot));
            }
            let after = watched.late_at();
            if before == after {
                continue;
            }
            before.into_iter().for_each(|at| {
                self.firsts.remove(&(at, queue));
            });
            self.firsts.extend(after.map(|at| (at, queue)));
        }
    }

    fn is_quiet(&self) -> bool {
        self.firsts.is_empty() && self.alarms.is_empty()
    }

    /// Alarms that are over, and queues to be alarmed.
    fn changed_alarms(&self, now: Timestamp) -> (Vec<QueueId>, Vec<QueueId>) {
        let late: BTreeSet<QueueId> =
            self.firsts.range(..=(now, QueueId(u32::MAX))).map(|first| first.1).collect();
        let over = self.alarms.keys().filter(|queue| !late.contains(queue));
        let begun =
            late.iter().filter(|queue| !self.alarms.contains_key(queue) || is(Planted::AlarmRepeated));
        (over.copied().collect(), begun.copied().collect())
    }

    pub(crate) fn to_stored(&self) -> StoredWaits {
        if is(Planted::WaitsLeftOut) {
            return StoredWaits::default();
        }
        let marks = self.marks.values().cloned().collect();
        StoredWaits { marks, alarms: self.alarms.iter().map(|(queue, since)| (*queue, *since)).collect() }
    }

    pub(crate) fn from_stored(stored: StoredWaits) -> Waits {
        let marks = stored.marks.into_iter().map(|entry| (entry.0.slot, entry)).collect();
        Waits { marks, alarms: stored.alarms.into_iter().collect(), ..Waits::default() }
    }

    /// What rows and indexes say of each other: whose marks are kept, and who is in line for what.
    #[cfg(debug_assertions)]
    pub(crate) fn is_of(&self, tables: &Tables) -> bool {
        let is_open =
            |id: &ContactId| tables.contacts.get(id.slot, id.generation).is_some_and(Contact::is_open);
        self.marks.values().all(|(id, _)| is_open(id))
            && tables.contacts.iter().all(|(slot, row)| {
                let in_line = matches!(row.state, State::Waiting(Wait::InLine));
                let at = self.next_of(row, &tables.directory).filter(|_| in_line);
                let is_watched = in_line && self.lines.contains_key(&row.queue);
                let line = is_watched.then_some((row.queue, row.enqueued_at));
                self.moment_of.get(&slot).copied() == at && self.line_of.get(&slot).copied() == line
            })
    }

    /// When time does something next to a contact in line.
    fn next_of(&self, row: &Contact, directory: &Directory) -> Option<Timestamp> {
        let mark = self.mark(row.id.slot);
        if row.tier == 0 && !is(Planted::LifeSafetyLeaves) {
            let after = directory.plan.rules.duty_after.filter(|_| mark.is_none_or(|mark| !mark.duty));
            return after.map(|after| row.enqueued_at + after);
        }
        let told = mark.map_or(Millis(0), |mark| mark.told);
        let rules = directory.plan.queues[row.queue.0 as usize].rules.waits.iter();
        let next = rules.filter(|_| row.case.is_none()).find(|rule| rule.after > told);
        next.map(|rule| row.enqueued_at + rule.after)
    }
}

impl Directory {
    /// Queues with an alarm or a trigger, and when their alarm begins.
    fn watched_queues(&self) -> impl Iterator<Item = (QueueId, Option<Millis>)> + '_ {
        let queues = (0u32..).zip(&self.plan.queues).map(|(place, queue)| (QueueId(place), queue));
        let triggers = &self.plan.rules.triggers;
        let watched = queues.filter(|(_, queue)| {
            queue.rules.alarm_after.is_some() || triggers.iter().any(|trigger| trigger.queue == queue.name)
        });
        watched.map(|(id, queue)| (id, queue.rules.alarm_after))
    }
}

impl Tables {
    /// A contact came into line or left it.
    pub(crate) fn follow_waiting(&mut self, slot: u32, is_in_line: bool) {
        let row = self.contacts.at(slot).filter(|_| is_in_line);
        let moment = row.and_then(|row| self.waits.next_of(row, &self.directory));
        let line = row
            .map(|row| (row.queue, row.enqueued_at))
            .filter(|(queue, _)| self.waits.lines.contains_key(queue));
        self.waits.set_moment(slot, moment);
        self.waits.set_line(slot, line);
    }

    /// Everybody in line, under another plan or in a state that was read.
    pub(crate) fn derive_waiting(&mut self) {
        let (marks, alarms) =
            (core::mem::take(&mut self.waits.marks), core::mem::take(&mut self.waits.alarms));
        self.waits = Waits { marks, alarms, ..Waits::default() };
        if !self.directory.watches_waiting {
            return;
        }
        let watched = self.directory.watched_queues();
        let watched =
            watched.map(|(queue, alarm_after)| (queue, Watched { alarm_after, line: BTreeSet::new() }));
        self.waits.lines = watched.collect();
        for class in self.class_ids() {
            let line: Vec<u32> = self.ix.classes.at(class).line.iter().map(|key| key.slot).collect();
            line.into_iter().for_each(|slot| self.follow_waiting(slot, true));
        }
    }
}

impl Router {
    /// Carries out what is due by waiting. Each is an event of its own.
    pub(crate) fn follow_waits(&mut self) {
        for _ in 0..WAITS_PER_ENTRY_MAX {
            let Some(slot) = self.tables.waits.due(self.now) else { return };
            if self.is_leg(slot) {
                self.pass_over(slot);
            } else if self.tables.contact(slot).tier == 0 && !is(Planted::LifeSafetyLeaves) {
                self.call_duty(slot);
            } else {
                self.carry_out_rule(slot);
            }
            let in_line = matches!(self.tables.contact(slot).state, State::Waiting(Wait::InLine));
            self.tables.follow_waiting(slot, in_line);
            self.settle();
        }
    }

    /// Nobody is offered anything instead of a colleague.
    fn pass_over(&mut self, slot: u32) {
        let contact = self.tables.contact(slot).id;
        let mark = self.tables.waits.mark_of(contact);
        (mark.told, mark.duty) = (Millis(u64::MAX), true);
    }

    fn call_duty(&mut self, slot: u32) {
        let row = self.tables.contact(slot);
        let (contact, gateway) = (row.id, row.gateway);
        self.tables.waits.mark_of(contact).duty = !is(Planted::DutyCalledAgain);
        self.emit(Effect::CallDuty { contact, gateway });
    }

    /// The last of the rules that are due; those before it are passed over.
    fn carry_out_rule(&mut self, slot: u32) {
        let row = self.tables.contact(slot);
        let (contact, gateway, waited) = (row.id, row.gateway, self.now.since(row.enqueued_at));
        let rules = &self.tables.directory.queue(row.queue).rules.waits;
        let Some(rule) = rules.iter().rfind(|rule| rule.after <= waited).copied() else { return };
        let mark = self.tables.waits.mark_of(contact);
        mark.told = if is(Planted::OfferedAgain) { Millis(0) } else { rule.after };
        if rule.leave {
            return self.end_contact(slot, EndReason::Deflected(rule.to));
        }
        mark.offered.insert(rule.to);
        self.emit(Effect::OfferDeflection { contact, gateway, to: rule.to });
    }

    /// What the entry has made of the alarms.
    pub(crate) fn follow_alarms(&mut self) {
        if self.tables.waits.is_quiet() {
            return;
        }
        let (over, begun) = self.tables.waits.changed_alarms(self.now);
        for queue in over {
            self.tables.waits.alarms.remove(&queue);
            self.announce_alarm(queue, None, false);
        }
        for queue in begun {
            self.tables.waits.alarms.insert(queue, self.now);
            self.announce_alarm(queue, None, true);
        }
    }

    /// Tells the queue's leads of its alarm, or of a trigger.
    pub(crate) fn announce_alarm(&mut self, queue: QueueId, trigger: Option<u32>, on: bool) {
        let directory = self.tables.directory.clone();
        for login in &directory.queue(queue).rules.leads {
            let Some(operator) = self.tables.find_login(login) else { continue };
            if self.tables.operator(operator.slot).session.is_open() {
                self.emit(Effect::AnnounceAlarm { operator, queue, trigger, on });
            }
        }
    }
}
