//! Breaks as hard rules (R3.11): they come due, begin when the team can spare the operator, at their latest moment in any
//! case, and end by themselves.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::directory::Directory;
use crate::effect::PresenceState;
use crate::ids::{Name, Timestamp, UnitId};
use crate::operator::Operator;
use crate::planted::{Planted, is};
use crate::router::Router;
use crate::rules::{BreakRule, OperatorRules};
use crate::time::{BreakClock, OnBreak, OperatorTime, RestClock};

impl Router {
    /// The event has touched the operator's own state.
    pub(crate) fn touch(&mut self, slot: u32) {
        if self.tables.operator(slot).time.is_some() {
            self.freed.looks.insert(slot);
        }
    }

    /// Looks at whom the event has touched, and at those whose break is due in teams in which more may be away: in the
    /// order in which their breaks came due, each with those before it already gone.
    pub(crate) fn look_at_operators(&mut self) {
        if self.freed.looks.is_empty() && self.freed.teams.is_empty() {
            return;
        }
        let (looks, teams) = (core::mem::take(&mut self.freed.looks), core::mem::take(&mut self.freed.teams));
        let mut due = BTreeSet::new();
        for slot in looks.iter() {
            self.follow_time(slot);
            let first = self.tables.operator(slot).time.as_deref().and_then(|time| time.due);
            due.extend(first.filter(|&due| due <= self.now).map(|due| (due, slot)));
        }
        for unit in teams {
            due.extend(self.tables.ix.teams.due_in(unit, self.now));
        }
        for (_, slot) in due {
            if self.tables.is_empty_handed(slot)
                && let Some((place, due)) = self.next_break(slot)
            {
                self.begin_break(slot, place, due);
            }
        }
    }

    /// The break that would begin if the operator's hands are empty: of those that are due and may, the first due.
    pub(crate) fn next_break(&self, slot: u32) -> Option<(usize, Timestamp)> {
        let row = self.tables.operator(slot);
        let time = row.time.as_deref().filter(|_| row.session.is_live())?;
        let clocks = self.tables.directory.break_clocks(time);
        let may = clocks.filter_map(|(place, clock, rule)| {
            let due = clock.due(rule).filter(|&due| due <= self.now)?;
            let may_leave = match row.presence {
                PresenceState::Ready | PresenceState::Missed { .. } => true,
                PresenceState::NotReady(_) => clock.asked_at.is_some(),
                PresenceState::Offline | PresenceState::Break { .. } => false,
            };
            let is_last_moment = due + rule.defer_max <= self.now && !is(Planted::LatestIgnored);
            let may_begin =
                is_last_moment || (!self.breaks_deferred && self.team_allows(row.profile_key.unit, rule));
            (may_leave && may_begin).then_some((due, place))
        });
        may.min().map(|(due, place)| (place, due))
    }

    /// Whether one more of the team may be away.
    fn team_allows(&self, unit: Option<UnitId>, rule: &BreakRule) -> bool {
        let (size, away) = self.tables.ix.teams.counts(unit);
        let away_then = u64::from(away) + 1;
        let is_first = away == 0 && (size > 1 || rule.alone);
        let is_within = away_then * 100 <= u64::from(size) * u64::from(rule.away_percent_max);
        is_first || (is_within && away_then < u64::from(size)) || is(Planted::TeamLimitIgnored)
    }

    fn begin_break(&mut self, slot: u32, place: usize, due: Timestamp) {
        let directory = self.tables.directory.clone();
        let row = self.tables.operator(slot);
        let clock = row.time.as_deref().and_then(|time| time.breaks.get(place));
        let Some(rule) = clock.and_then(|clock| directory.find_break(&clock.name)) else { return };
        let (until, since) = (self.now + rule.length, self.now);
        let on = OnBreak { name: rule.name.clone(), since, due, length: rule.length, returns: rule.returns };
        let presence = PresenceState::Break { reason: rule.reason, until };
        self.tables.change_operator(slot, |row| {
            if let Some(time) = row.time.as_deref_mut() {
                time.on = Some(on);
            }
        });
        self.show_presence(slot, presence);
        // It was looked at already: nothing of its own is left to do in this event.
        self.freed.looks.remove(slot);
    }

    /// The time of a break is over.
    pub(crate) fn return_from_break(&mut self, slot: u32, reason: u16) {
        let on = self.tables.operator(slot).time.as_deref().and_then(|time| time.on.as_ref());
        let returns = on.is_some_and(|on| on.returns);
        let presence = if returns { PresenceState::Ready } else { PresenceState::NotReady(reason) };
        self.show_presence(slot, presence);
    }

    /// A break is over, however it ended: it counts as those that are no longer than it was.
    pub(crate) fn break_is_over(&mut self, slot: u32) {
        let (directory, now) = (self.tables.directory.clone(), self.now);
        let unit = self.tables.operator(slot).profile_key.unit;
        self.tables.change_operator(slot, |row| {
            let Some(time) = row.time.as_deref_mut() else { return };
            let Some(on) = time.on.take() else { return };
            let counts = |clock: &BreakClock| {
                let rule = directory.find_break(&clock.name);
                clock.name == on.name || rule.is_some_and(|rule| rule.length <= on.length)
            };
            let starts = time.breaks.iter_mut().filter(|clock| counts(clock));
            starts.filter(|_| !is(Planted::BreakClockRunsOn)).for_each(|clock| clock.start(now));
            directory.reckon(time);
        });
        self.freed.teams.insert(unit);
    }

    /// An operator has opened a session from none: all its clocks start.
    pub(crate) fn start_clocks(&mut self, slot: u32) {
        let (directory, now) = (self.tables.directory.clone(), self.now);
        let is_busy = !self.tables.is_empty_handed(slot);
        self.tables.change_operator(slot, |row| {
            let Some(time) = row.time.as_deref_mut() else { return };
            time.breaks.iter_mut().for_each(|clock| clock.start(now));
            let rests = time.rests && directory.plan.rules.rest.is_some();
            time.rest = rests.then(|| RestClock::starting(now, is_busy));
            directory.reckon(time);
        });
        self.team_changed(slot);
    }

    /// The operator's team has another size or another number away.
    pub(crate) fn team_changed(&mut self, slot: u32) {
        let unit = self.tables.operator(slot).profile_key.unit;
        self.freed.teams.insert(unit);
        self.touch(slot);
    }

    /// Breaks wait until their latest moment from here on, or no longer do.
    pub(crate) fn defer_breaks(&mut self, on: bool) {
        if core::mem::replace(&mut self.breaks_deferred, on) && !on {
            self.freed.teams.extend(self.tables.ix.teams.units());
        }
    }

    /// The time of an operator with these rules; breaks that it had already keep their clocks.
    pub(crate) fn time_by(&self, rules: &OperatorRules, row: Option<&Operator>) -> Option<Box<OperatorTime>> {
        let before = row.and_then(|row| row.time.as_deref());
        let on = before.and_then(|time| time.on.clone());
        if rules.breaks.is_empty() && rules.shift.is_none() && !rules.rests && on.is_none() {
            return None;
        }
        let clocks: BTreeMap<&Name, &BreakClock> =
            before.into_iter().flat_map(|time| &time.breaks).map(|clock| (&clock.name, clock)).collect();
        let clock = |name: &Name| {
            let new = || BreakClock { name: name.clone(), since: self.now, asked_at: None };
            clocks.get(name).map_or_else(new, |&clock| clock.clone())
        };
        let breaks: Vec<BreakClock> = rules.breaks.iter().map(clock).collect();
        let rest = row.filter(|row| {
            rules.rests && row.session.is_open() && self.tables.directory.plan.rules.rest.is_some()
        });
        let rest = rest.map(|row| {
            let is_busy = !self.tables.is_empty_handed(row.id.slot);
            let kept = before.and_then(|time| time.rest);
            kept.unwrap_or_else(|| RestClock::starting(self.now, is_busy))
        });
        let look_at = before.and_then(|time| time.look_at);
        let mut time =
            OperatorTime { breaks, on, rests: rules.rests, rest, look_at, ..OperatorTime::default() };
        self.tables.directory.reckon(&mut time);
        Some(Box::new(time))
    }

    /// Another plan is in force: what follows from its rules of time is worked out again for everybody.
    pub(crate) fn follow_rules_of_time(&mut self, before: &Directory) {
        let directory = self.tables.directory.clone();
        if !directory.has_other_time(before) {
            return;
        }
        let (now, rests_anew) = (self.now, directory.plan.rules.rest != before.plan.rules.rest);
        for slot in 0..self.tables.operators.slots() {
            let Some(row) = self.tables.operators.at(slot).filter(|row| row.time.is_some()) else { continue };
            let is_open = row.session.is_open();
            let is_busy = !self.tables.is_empty_handed(slot);
            self.tables.change_operator(slot, |row| {
                let Some(time) = row.time.as_deref_mut() else { return };
                if rests_anew {
                    let rests = time.rests && is_open && directory.plan.rules.rest.is_some();
                    time.rest = rests.then(|| RestClock::starting(now, is_busy));
                }
                directory.reckon(time);
            });
            self.touch(slot);
            self.freed.operators.insert(slot);
        }
    }
}

impl BreakClock {
    fn start(&mut self, now: Timestamp) {
        (self.since, self.asked_at) = (now, None);
    }
}

impl Directory {
    /// Whether operators' time goes by other rules than under the plan before.
    fn has_other_time(&self, before: &Directory) -> bool {
        let (was, is) = (&before.plan, &self.plan);
        let last_starts = |plan: &crate::plan::Plan| -> Vec<_> {
            plan.queues.iter().map(|queue| queue.rules.last_start).collect()
        };
        was.rules.breaks != is.rules.breaks
            || was.rules.rest != is.rules.rest
            || was.rules.calendars != is.rules.calendars
            || last_starts(was) != last_starts(is)
    }
}
