//! Triggers (R3.12): while a queue's figure is bad, other ranks count and its ladder is open further, until the figure is
//! good again. What is in force is the plan with the changes of those that are on.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::directory::Directory;
use crate::ids::{Millis, QueueId, SkillId, Timestamp, UnitId};
use crate::plan::Plan;
use crate::planted::{Planted, is};
use crate::profiles::ProfileKey;
use crate::router::{QueueTotals, Router};
use crate::rules::{Measure, Trigger};

/// What is kept of a trigger, by its place in the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TriggerState {
    on_since: Option<Timestamp>,
    /// Since when the figure of one that is on has been good at each look.
    calm_since: Option<Timestamp>,
    /// At the last look.
    seen: Counted,
}

/// What service level counts of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    ended: u64,
    in_target: u64,
}

impl Counted {
    fn of(totals: &QueueTotals) -> Counted {
        let ended = totals.connected + totals.abandoned - totals.abandoned_early;
        Counted { ended, in_target: totals.connected_in_target }
    }

    /// The service level in percent since then; `None` where nothing has happened.
    fn since(self, before: Counted) -> Option<u64> {
        let ended = self.ended - before.ended;
        ((self.in_target - before.in_target) * 100).checked_div(ended)
    }
}

/// A trigger as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerView<'a> {
    /// What the plan says.
    pub rule: &'a Trigger,
    /// Since when it is on.
    pub on_since: Option<Timestamp>,
    /// The figure now, in the measure's unit; `None` where it is not known.
    pub figure: Option<u64>,
}

/// Another rank for some operators, in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RankShift {
    unit: Option<UnitId>,
    skill: Option<SkillId>,
    rank: u8,
}

impl Measure {
    fn is_bad(self, figure: u64) -> bool {
        match self {
            Measure::Waiting { on, .. } => figure >= u64::from(on),
            Measure::LongestWait { on, .. } | Measure::ExpectedWait { on, .. } => figure >= on.0,
            Measure::ServiceLevel { on, .. } => figure <= u64::from(on),
        }
    }

    fn is_good(self, figure: u64) -> bool {
        if is(Planted::TriggerWithoutHysteresis) {
            return !self.is_bad(figure);
        }
        match self {
            Measure::Waiting { off, .. } => figure < u64::from(off),
            Measure::LongestWait { off, .. } | Measure::ExpectedWait { off, .. } => figure < off.0,
            Measure::ServiceLevel { off, .. } => figure >= u64::from(off),
        }
    }
}

impl Directory {
    /// The rank of a queue for operators of a profile (R2.1).
    pub(crate) fn rank(&self, profile: &ProfileKey, queue: QueueId) -> u8 {
        let shifts = &self.rule(queue).shifts;
        if shifts.is_empty() {
            return profile.rank(queue);
        }
        let is_in = |scope| profile.unit.is_some_and(|unit| self.is_within(unit, scope));
        let concerns = |shift: &&RankShift| {
            shift.unit.is_none_or(is_in) && shift.skill.is_none_or(|skill| profile.level(skill) > 0)
        };
        shifts.iter().find(concerns).map_or_else(|| profile.rank(queue), |shift| shift.rank)
    }

    /// Puts the changes of the triggers that are on into force, and takes back those of the others.
    pub(crate) fn follow_triggers(&mut self, states: &[TriggerState]) {
        let triggers = self.plan.rules.triggers.iter().zip(states);
        let on: Vec<Trigger> = triggers
            .filter(|(_, state)| state.on_since.is_some())
            .map(|(trigger, _)| trigger.clone())
            .collect();
        for place in 0..self.plan.queues.len() {
            let name = &self.plan.queues[place].name;
            let steps = on.iter().filter(|trigger| trigger.queue == *name).filter_map(|trigger| trigger.step);
            let opened = steps.max().unwrap_or(0) as usize;
            let shifts = on.iter().flat_map(|trigger| &trigger.ranks).filter(|shift| shift.queue == *name);
            let shifts: Box<[RankShift]> = shifts
                .map(|shift| RankShift {
                    unit: shift.unit.as_ref().and_then(|name| self.find_unit(name).ok()),
                    skill: shift.skill.as_ref().and_then(|name| self.find_skill(name).ok()),
                    rank: shift.rank,
                })
                .collect();
            let rule = self.rule_mut(QueueId(place as u32));
            (rule.opened, rule.shifts) = (opened, shifts);
        }
    }
}

impl Router {
    /// The plan's triggers, in its order.
    pub fn triggers(&self) -> impl Iterator<Item = TriggerView<'_>> {
        let rules = self.plan().rules.triggers.iter().zip(&self.triggers);
        rules.map(|(rule, state)| {
            let figure = self.figure(rule, state.seen);
            TriggerView { rule, on_since: state.on_since, figure }
        })
    }

    /// When time alone has a trigger looked at: while it is on, or somebody stands in line in its queue.
    pub(crate) fn next_look(&self) -> Option<Timestamp> {
        let rules = self.plan().rules.triggers.iter().zip(&self.triggers);
        let awake = rules.filter(|(rule, state)| {
            let queue = self.tables.directory.find_queue(&rule.queue);
            state.on_since.is_some() || queue.is_ok_and(|(queue, _)| self.tables.waits.in_line(queue) > 0)
        });
        awake.map(|(rule, _)| Timestamp((self.now.0 / rule.every.0 + 1) * rule.every.0)).min()
    }

    /// Looks at each trigger of which a full multiple of its time has passed.
    pub(crate) fn look_at_triggers(&mut self, before: Timestamp) {
        if self.triggers.is_empty() {
            return;
        }
        for place in 0..self.plan().rules.triggers.len() {
            let every = self.plan().rules.triggers[place].every.0;
            if self.now.0 / every > before.0 / every && self.look_at_trigger(place) {
                self.follow_switch(place);
                self.settle();
            }
        }
    }

    /// Whether it goes on or off by this look.
    fn look_at_trigger(&mut self, place: usize) -> bool {
        let (now, rule, before) = (self.now, &self.plan().rules.triggers[place], self.triggers[place]);
        let (measure, calm) = (rule.measure, rule.calm);
        let mut state = before;
        state.seen = self.counted(rule);
        if let Some(figure) = self.figure(rule, before.seen) {
            if before.on_since.is_none() {
                state.on_since = measure.is_bad(figure).then_some(now);
            } else if measure.is_good(figure) {
                let since = before.calm_since.unwrap_or(now);
                let is_over = now.since(since) >= calm || is(Planted::TriggerEndsAtOnce);
                state.calm_since = Some(since).filter(|_| !is_over);
                state.on_since = before.on_since.filter(|_| !is_over);
            } else {
                state.calm_since = None;
            }
        }
        self.triggers[place] = state;
        before.on_since.is_some() != state.on_since.is_some()
    }

    /// Other rules are in force from here on: who waits and may be matched by others is matched again.
    fn follow_switch(&mut self, place: usize) {
        let present = self.tables.directory.clone();
        let mut directory = (*present).clone();
        directory.follow_triggers(&self.triggers);
        let queue = directory.find_queue(&directory.plan.rules.triggers[place].queue).map(|found| found.0);
        let lines = self.tables.refit(Arc::new(directory));
        self.freed.lines = if is(Planted::TriggerMatchesNobody) { Vec::new() } else { lines };
        if let Ok(queue) = queue {
            let on = self.triggers[place].on_since.is_some();
            self.announce_alarm(queue, Some(place as u32), on);
        }
        let held = self.tables.held_unlike(&present);
        for slot in held {
            self.freed.contacts.insert(slot);
            self.end_vain_hold(slot);
        }
        // With other ranks, those who are reserved may take others before the one for whom they are.
        for (operator, _) in self.reservations.to_stored() {
            self.freed.operators.insert(operator.slot);
        }
    }

    /// States under the next plan: a trigger of the same name, queue and kind of measure goes on as it is.
    pub(crate) fn triggers_under(&self, next: &Plan) -> Vec<TriggerState> {
        let rules = &self.plan().rules.triggers;
        let state_of = |trigger: &Trigger| {
            let place = rules.iter().position(|before| before.is_of(trigger))?;
            self.triggers.get(place).copied()
        };
        let fresh = |trigger| TriggerState { seen: self.counted(trigger), ..TriggerState::default() };
        next.rules
            .triggers
            .iter()
            .map(|trigger| state_of(trigger).unwrap_or_else(|| fresh(trigger)))
            .collect()
    }

    fn counted(&self, trigger: &Trigger) -> Counted {
        let queue = self.tables.directory.find_queue(&trigger.queue).ok();
        let totals = queue.and_then(|(queue, _)| self.totals.get(queue.0 as usize));
        totals.map_or_else(Counted::default, Counted::of)
    }

    fn figure(&self, trigger: &Trigger, seen: Counted) -> Option<u64> {
        let (queue, _) = self.tables.directory.find_queue(&trigger.queue).ok()?;
        match trigger.measure {
            Measure::Waiting { .. } => Some(self.tables.waits.in_line(queue) as u64),
            Measure::LongestWait { .. } => {
                let first = self.tables.waits.longest_in_line(queue);
                Some(first.map_or(0, |enqueued_at| self.now.since(enqueued_at).0))
            }
            Measure::ExpectedWait { .. } => self.expected_wait(queue).map(|Millis(wait)| wait),
            Measure::ServiceLevel { .. } => self.counted(trigger).since(seen),
        }
    }
}

impl Trigger {
    /// Whether it is the same one in another plan.
    fn is_of(&self, other: &Trigger) -> bool {
        let kind = core::mem::discriminant(&self.measure) == core::mem::discriminant(&other.measure);
        self.name == other.name && self.queue == other.queue && kind
    }
}
