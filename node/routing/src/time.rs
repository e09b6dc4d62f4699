//! An operator's time (R3.11): the clocks of its breaks, its rest, its shift. Whether an operator is kept free, rests or
//! nears the end of its shift follows from its row, the plan and the time alone; what begins breaks is in `breaks.rs`.
//!
//! **Invariant:** none of it is part of fit. It only keeps contacts from an operator, as a lack of room does, and never
//! life safety.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::directory::Directory;
use crate::ids::{Millis, Name, QueueId, Timestamp};
use crate::operator::Operator;
use crate::order::{BEHIND_LIFE_SAFETY, NOBODY, Place};
use crate::planted::{Planted, is};
use crate::profiles::ProfileKey;
use crate::router::Router;
use crate::rules::{BreakRule, OperatorRules, RestRule};

/// What is kept of an operator's time; operators whose rules say nothing of it have none.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct OperatorTime {
    /// In the order of the operator's rules.
    pub breaks: Vec<BreakClock>,
    /// The break that it is on, which goes on as it began whatever a plan says meanwhile.
    pub on: Option<OnBreak>,
    pub rests: bool,
    /// Of an operator who rests, while it has a session and the plan has a rule of rest.
    pub rest: Option<RestClock>,
    /// When time alone makes it worth looking at the operator next.
    pub look_at: Option<Timestamp>,
    /// When the first of its breaks is due; derived, so not stored.
    #[serde(skip)]
    pub due: Option<Timestamp>,
    /// From when on it is kept free for a break; derived, so not stored.
    #[serde(skip)]
    pub latest: Option<Timestamp>,
    /// Whether it took nothing but life safety when it was last looked at: whoever looks for somebody may pass it over
    /// until its timer has fired. Derived, so not stored.
    #[serde(skip)]
    pub is_kept: bool,
}

/// When a break comes due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BreakClock {
    pub name: Name,
    /// The session was opened, or the last break that counts for it was over.
    pub since: Timestamp,
    pub asked_at: Option<Timestamp>,
}

/// A break as it began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OnBreak {
    pub name: Name,
    pub since: Timestamp,
    /// When it had come due.
    pub due: Timestamp,
    pub length: Millis,
    pub returns: bool,
}

/// How busy an operator has been in the present window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RestClock {
    pub window_start: Timestamp,
    pub busy_ms: u64,
    /// It has had something in hand since then.
    pub busy_since: Option<Timestamp>,
}

impl BreakClock {
    /// When the break is due; `None` for one that nobody has asked for.
    pub(crate) fn due(&self, rule: &BreakRule) -> Option<Timestamp> {
        let by_clock = (!rule.on_request).then(|| self.since + rule.every);
        [by_clock, self.asked_at].into_iter().flatten().min()
    }
}

impl RestClock {
    pub(crate) fn starting(now: Timestamp, is_busy: bool) -> RestClock {
        RestClock { window_start: now, busy_ms: 0, busy_since: is_busy.then_some(now) }
    }

    /// The clock in the window of that moment: what was before counts no longer.
    pub(crate) fn at(&self, rule: RestRule, now: Timestamp) -> RestClock {
        let windows = now.since(self.window_start).0 / rule.window.0;
        if windows == 0 {
            return *self;
        }
        let window_start = self.window_start + Millis(windows * rule.window.0);
        let busy_since = self.busy_since.map(|since| since.max(window_start));
        RestClock { window_start, busy_ms: 0, busy_since }
    }

    /// Busy time in the window by that moment, if its hands stay as they are.
    fn busy_by(&self, moment: Timestamp) -> u64 {
        self.busy_ms + self.busy_since.map_or(0, |since| moment.since(since).0)
    }

    fn is_resting(&self, rule: RestRule, now: Timestamp) -> bool {
        self.at(rule, now).busy_by(now) >= busy_max(rule)
    }

    /// The end of the first window in which it comes to the cap, if its hands stay as they are.
    fn rests_until(&self, rule: RestRule, now: Timestamp) -> Option<Timestamp> {
        let clock = self.at(rule, now);
        let end = clock.window_start + rule.window;
        if clock.busy_by(end) >= busy_max(rule) {
            return Some(end);
        }
        clock.busy_since.map(|_| end + rule.window)
    }
}

/// Busy time of one window from which on an operator rests.
fn busy_max(rule: RestRule) -> u64 {
    rule.window.0 * u64::from(rule.busy_percent_max) / 100
}

impl Directory {
    /// The clocks of the breaks that the plan has, with their places in the operator's list.
    pub(crate) fn break_clocks<'a>(
        &'a self,
        time: &'a OperatorTime,
    ) -> impl Iterator<Item = (usize, &'a BreakClock, &'a BreakRule)> {
        let clocks = time.breaks.iter().enumerate();
        clocks.filter_map(|(place, clock)| Some((place, clock, self.find_break(&clock.name)?)))
    }

    /// Works out what follows from the clocks.
    pub(crate) fn reckon(&self, time: &mut OperatorTime) {
        let dues = || self.break_clocks(time).filter_map(|(_, clock, rule)| Some((clock.due(rule)?, rule)));
        let due = dues().map(|(due, _)| due).min();
        let latest = dues().map(|(due, rule)| due + rule.defer_max).min();
        (time.due, time.latest) = (due, latest);
    }

    /// The next moment after now at which time alone changes what the operator takes, or may begin a break.
    fn next_look(&self, row: &Operator, now: Timestamp) -> Option<Timestamp> {
        let time = row.time.as_deref().filter(|_| row.session.is_open())?;
        let dues = self.break_clocks(time).filter_map(|(_, clock, rule)| Some((clock.due(rule)?, rule)));
        let breaks = dues.flat_map(|(due, rule)| [due, due + rule.defer_max]);
        let rest = time.rest.zip(self.plan.rules.rest).and_then(|(rest, rule)| rest.rests_until(rule, now));
        let shift = self.shift_of(&row.profile_key).and_then(|calendar| {
            let closed = if calendar.is_open(now) { calendar.next_change(now)? } else { now };
            calendar.next_open(closed)
        });
        breaks.chain(rest).chain(shift).filter(|&moment| moment > now).min()
    }

    fn shift_of(&self, profile: &ProfileKey) -> Option<&crate::calendar::CalendarPlan> {
        // A calendar that the plan has no more keeps nobody from anything.
        self.find_calendar(profile.shift.as_ref()?).ok()
    }

    /// How long the shift of a profile goes on; `None` outside of it.
    fn shift_left(&self, profile: &ProfileKey, now: Timestamp) -> Option<Millis> {
        let Some(calendar) = self.shift_of(profile) else { return Some(Millis(u64::MAX)) };
        let left = || calendar.next_change(now).map_or(Millis(u64::MAX), |closes| closes.since(now));
        calendar.is_open(now).then(left)
    }

    /// Whether a contact of the queue may begin with so much left of a shift.
    fn may_begin(&self, queue: QueueId, left: Option<Millis>) -> bool {
        let last_start = self.rule(queue).last_start.filter(|_| !is(Planted::ShiftEndIgnored));
        last_start.is_none_or(|last_start| left.is_some_and(|left| left > last_start))
    }

    /// What an operator's time leaves room for.
    pub(crate) fn time_left(&self, row: &Operator, now: Timestamp) -> TimeLeft {
        TimeLeft { is_kept: self.is_kept(row, now), of_shift: self.shift_left(&row.profile_key, now) }
    }

    /// Where a line of the queue ends for an operator with so much time left: behind life safety, or not at all.
    pub(crate) fn end_of(&self, queue: QueueId, left: TimeLeft) -> Place {
        if left.is_kept || !self.may_begin(queue, left.of_shift) { BEHIND_LIFE_SAFETY } else { NOBODY }
    }

    /// Whether an operator takes nothing but life safety at that moment.
    pub(crate) fn is_kept(&self, row: &Operator, now: Timestamp) -> bool {
        row.time.as_deref().is_some_and(|time| self.is_kept_free(time, now) || self.is_resting(time, now))
    }

    /// Whether it is kept free for a break that can wait no longer.
    pub(crate) fn is_kept_free(&self, time: &OperatorTime, now: Timestamp) -> bool {
        time.latest.is_some_and(|latest| latest <= now) && !is(Planted::LatestIgnored)
    }

    pub(crate) fn is_resting(&self, time: &OperatorTime, now: Timestamp) -> bool {
        let rest = time.rest.zip(self.plan.rules.rest).filter(|_| !is(Planted::RestIgnored));
        rest.is_some_and(|(rest, rule)| rest.is_resting(rule, now))
    }

    /// When the present window of rest ends.
    pub(crate) fn window_ends(&self, time: &OperatorTime, now: Timestamp) -> Option<Timestamp> {
        let (rest, rule) = time.rest.zip(self.plan.rules.rest)?;
        Some(rest.at(rule, now).window_start + rule.window)
    }
}

impl Router {
    /// Whether time keeps the operator from a contact of the queue and tier.
    pub(crate) fn is_kept_from(&self, row: &Operator, queue: QueueId, tier: u8) -> bool {
        if tier == 0 || row.time.is_none() {
            return false;
        }
        self.tables.directory.is_kept(row, self.now) || self.shift_ends(&row.profile_key, queue)
    }

    /// Whether operators of the profile are at the end of their shift for a contact of the queue, life safety aside.
    pub(crate) fn shift_ends(&self, profile: &ProfileKey, queue: QueueId) -> bool {
        let directory = &self.tables.directory;
        directory.rule(queue).last_start.is_some()
            && profile.shift.is_some()
            && !directory.may_begin(queue, directory.shift_left(profile, self.now))
    }

    /// Whether timers that are due have not fired yet: what was last seen of an operator may hold no longer.
    pub(crate) fn is_behind(&self) -> bool {
        self.tables.ix.timers.first().is_some_and(|timer| timer.0 <= self.now)
    }

    /// Follows an operator's own state: busy or not, its next timer.
    pub(crate) fn follow_time(&mut self, slot: u32) {
        let (directory, now) = (self.tables.directory.clone(), self.now);
        let is_idle = self.tables.is_empty_handed(slot);
        self.tables.change_operator(slot, |row| {
            let is_open = row.session.is_open();
            let Some(time) = row.time.as_deref_mut() else { return };
            let rule = directory.plan.rules.rest.filter(|_| is_open && time.rests);
            time.rest = time.rest.zip(rule).map(|(rest, rule)| {
                let rest = rest.at(rule, now);
                match rest.busy_since {
                    Some(_) if is_idle => RestClock { busy_ms: rest.busy_by(now), busy_since: None, ..rest },
                    Some(_) | None => rest,
                }
            });
            row.look_anew(&directory, now);
        });
    }

    /// An operator has been given a contact: it is busy from here on.
    pub(crate) fn begin_busy_time(&mut self, slot: u32) {
        let row = self.tables.operator(slot);
        let Some(rest) = row.time.as_deref().and_then(|time| time.rest) else { return };
        let (directory, now) = (self.tables.directory.clone(), self.now);
        let Some(rule) = directory.plan.rules.rest.filter(|_| rest.busy_since.is_none()) else { return };
        let rest = RestClock { busy_since: Some(now), ..rest.at(rule, now) };
        self.tables.change_operator(slot, |row| {
            if let Some(time) = row.time.as_deref_mut() {
                time.rest = Some(rest);
                time.look_at = [time.look_at, rest.rests_until(rule, now)].into_iter().flatten().min();
            }
        });
    }
}

impl Operator {
    /// Whether its breaks and rest are those of the rules already.
    pub(crate) fn has_time_of(&self, rules: &OperatorRules) -> bool {
        let time = self.time.as_deref();
        let named = time.into_iter().flat_map(|time| &time.breaks).map(|clock| &clock.name);
        let is_wanted = !rules.breaks.is_empty() || rules.shift.is_some() || rules.rests;
        named.eq(&rules.breaks)
            && time.is_some_and(|time| time.rests) == rules.rests
            && (time.is_some() || !is_wanted)
    }

    /// Works out what follows from the row at this moment, and when to look at it next.
    fn look_anew(&mut self, directory: &Directory, now: Timestamp) {
        let (look_at, is_kept) = (directory.next_look(self, now), directory.is_kept(self, now));
        if let Some(time) = self.time.as_deref_mut() {
            (time.look_at, time.is_kept) = (look_at, is_kept);
        }
    }
}

/// What an operator's time leaves room for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLeft {
    is_kept: bool,
    /// `None` outside of its shift.
    of_shift: Option<Millis>,
}
