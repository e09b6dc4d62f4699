//! Triggers (R3.12): a queue's figure, looked at every so often, opens its ladder and changes ranks for as long as it is
//! bad. What is in force is worked out anew whenever a trigger, the plan or an operator changes.

use ringmain_routing::limits::{TRIGGER_EVERY_MS_MAX, TRIGGER_EVERY_MS_MIN, TRIGGER_RANKS_MAX, TRIGGERS_MAX};
use ringmain_routing::rules::{GroupRank, Measure, Trigger};
use ringmain_routing::{Effect, Name, Plan, QueueId, Refusal, Timestamp};

use super::bounds::{check, check_once, check_span};
use super::ladder::last_step;
use super::state::{Contact, Operator, SessionState, is_within};
use super::{Freed, Model};

/// What is known of a trigger.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    on_since: Option<Timestamp>,
    calm_since: Option<Timestamp>,
    /// Contacts that count for service level, and those of them in time, at the last look.
    seen: (u64, u64),
}

/// The changes in force, queue by queue, to tell whose lines they concern.
pub(super) type InForce = Vec<(usize, Vec<GroupRank>)>;

/// What a plan's triggers may say.
pub(super) fn check_triggers(plan: &Plan) -> Result<(), Refusal> {
    let triggers = &plan.rules.triggers;
    check(triggers.len() <= TRIGGERS_MAX, "rules.triggers")?;
    check_once("rules.triggers", triggers.iter().map(|trigger| &trigger.name))?;
    triggers.iter().try_for_each(|trigger| check_trigger(plan, trigger))
}

fn check_trigger(plan: &Plan, trigger: &Trigger) -> Result<(), Refusal> {
    let is_known = |queue: &Name| plan.queues.iter().any(|row| row.name == *queue);
    let known =
        |queue: &Name| if is_known(queue) { Ok(()) } else { Err(Refusal::UnknownQueue(queue.clone())) };
    known(&trigger.queue)?;
    let has_room = match trigger.measure {
        Measure::Waiting { on, off } => off < on,
        Measure::LongestWait { on, off } | Measure::ExpectedWait { on, off } => off < on,
        Measure::ServiceLevel { on, off } => on < off && off <= 100,
    };
    check(has_room, "rules.triggers")?;
    check((TRIGGER_EVERY_MS_MIN..=TRIGGER_EVERY_MS_MAX).contains(&trigger.every.0), "rules.triggers")?;
    check_span("rules.triggers", Some(trigger.calm))?;
    check(trigger.step.is_some() || !trigger.ranks.is_empty(), "rules.triggers")?;
    let ladder = &plan.queues.iter().find(|row| row.name == trigger.queue).expect("it is known").rules.ladder;
    let is_a_step = |step: u8| step > 0 && usize::from(step) < ladder.len();
    check(trigger.step.is_none_or(is_a_step), "rules.triggers")?;
    check(trigger.ranks.len() <= TRIGGER_RANKS_MAX, "rules.triggers")?;
    for shift in &trigger.ranks {
        known(&shift.queue)?;
        if let Some(unit) =
            shift.unit.as_ref().filter(|unit| !plan.units.iter().any(|row| row.name == **unit))
        {
            return Err(Refusal::UnknownUnit(unit.clone()));
        }
        if let Some(skill) = shift.skill.as_ref().filter(|skill| !plan.skills.contains(skill)) {
            return Err(Refusal::UnknownSkill(skill.clone()));
        }
        check(shift.unit.is_some() || shift.skill.is_some(), "rules.triggers")?;
        check(shift.rank <= last_step(plan, &shift.queue).rank_max, "rules.triggers")?;
    }
    Ok(())
}

impl Model {
    /// Each trigger of which a full multiple of its time has passed since the previous command.
    pub(super) fn look_at_triggers(&mut self, before: Timestamp) {
        for place in 0..self.plan.rules.triggers.len() {
            let rule = self.plan.rules.triggers[place].clone();
            if self.now.0 / rule.every.0 > before.0 / rule.every.0 {
                self.look_at_trigger(place, &rule);
            }
        }
    }

    fn look_at_trigger(&mut self, place: usize, rule: &Trigger) {
        let (now, counted) = (self.now, self.counted(&rule.queue));
        let (known, before) = (self.triggers[place].clone(), self.in_force(&self.plan, &self.triggers));
        let figure = self.figure(rule, known.seen);
        let row = &mut self.triggers[place];
        row.seen = counted;
        let Some(figure) = figure else { return };
        match known.on_since {
            None if is_bad(rule.measure, figure) => row.on_since = Some(now),
            None => return,
            Some(_) if is_good(rule.measure, figure) => {
                let since = known.calm_since.unwrap_or(now);
                row.calm_since = Some(since);
                if now.0 - since.0 < rule.calm.0 {
                    return;
                }
                (row.on_since, row.calm_since) = (None, None);
            }
            Some(_) => {
                row.calm_since = None;
                return;
            }
        }
        self.switch(place, rule, &before);
    }

    /// Other rules are in force: the leads hear of it, and who waits where they changed is matched again.
    fn switch(&mut self, place: usize, rule: &Trigger, before: &InForce) {
        self.follow_triggers();
        let after = self.in_force(&self.plan, &self.triggers);
        let queue = self.plan.queues.iter().position(|row| row.name == rule.queue).expect("it is known");
        let on = self.triggers[place].on_since.is_some();
        for login in &self.plan.queues[queue].rules.leads {
            let lead = self.operators.iter().find(|row| row.login == *login);
            if let Some(lead) = lead.filter(|row| row.session.state != SessionState::None) {
                let (operator, queue, trigger) = (lead.id, QueueId(queue as u32), Some(place as u32));
                self.effects.push(Effect::AnnounceAlarm { operator, queue, trigger, on });
            }
        }
        let changed = |contact: &&Contact| {
            let queue = self.plan.queues.iter().position(|row| row.name == contact.queue);
            contact.is_eligible() && queue.is_some_and(|queue| before[queue] != after[queue])
        };
        let contacts: Vec<_> = self.contacts.values().filter(changed).map(|contact| contact.id).collect();
        self.end_vain_holds(&contacts);
        let operators = self.reservations.iter().map(|(_, operator)| *operator).collect();
        self.settle(Freed { contacts, operators, ..Freed::default() });
        self.end_event();
    }

    /// Works out what is in force after any change of triggers, plan or operators.
    pub(super) fn follow_triggers(&mut self) {
        let in_force = self.in_force(&self.plan, &self.triggers);
        self.opened = self
            .plan
            .queues
            .iter()
            .map(|row| row.name.clone())
            .zip(in_force.iter().map(|row| row.0))
            .collect();
        for place in 0..self.operators.len() {
            self.operators[place].shifted = shifted(&self.plan, &in_force, &self.operators[place]);
        }
    }

    /// For each queue of the plan, how far its ladder is open and which ranks count, with these triggers.
    pub(super) fn in_force(&self, plan: &Plan, triggers: &[Known]) -> InForce {
        let rules = plan.rules.triggers.iter().zip(triggers);
        let on: Vec<&Trigger> =
            rules.filter(|(_, known)| known.on_since.is_some()).map(|(rule, _)| rule).collect();
        let of_queue = |queue: &Name| {
            let steps = on.iter().filter(|rule| rule.queue == *queue).filter_map(|rule| rule.step);
            let ranks = on.iter().flat_map(|rule| &rule.ranks).filter(|shift| shift.queue == *queue);
            (steps.max().map_or(0, usize::from), ranks.cloned().collect())
        };
        plan.queues.iter().map(|row| of_queue(&row.name)).collect()
    }

    /// What the triggers of the next plan begin with.
    pub(super) fn triggers_under(&self, next: &Plan) -> Vec<Known> {
        let goes_on = |rule: &Trigger| {
            let mut known = self.plan.rules.triggers.iter().zip(&self.triggers);
            let same = known.find(|(old, _)| {
                old.name == rule.name && old.queue == rule.queue && kind(old.measure) == kind(rule.measure)
            });
            same.map(|(_, known)| known.clone())
        };
        let begins = |rule: &Trigger| Known { seen: self.counted(&rule.queue), ..Known::default() };
        next.rules.triggers.iter().map(|rule| goes_on(rule).unwrap_or_else(|| begins(rule))).collect()
    }

    /// The operators as they are under a plan with these triggers.
    pub(super) fn operators_under(&self, plan: &Plan, triggers: &[Known]) -> Vec<Operator> {
        let in_force = self.in_force(plan, triggers);
        let under = |row: &Operator| Operator { shifted: shifted(plan, &in_force, row), ..row.clone() };
        self.operators.iter().map(under).collect()
    }

    /// When a trigger that matters is looked at next.
    pub(super) fn next_look(&self) -> Option<Timestamp> {
        let rules = self.plan.rules.triggers.iter().zip(&self.triggers);
        let awake = rules.filter(|(rule, known)| {
            known.on_since.is_some() || self.in_line_of(&rule.queue).next().is_some()
        });
        awake.map(|(rule, _)| Timestamp((self.now.0 / rule.every.0 + 1) * rule.every.0)).min()
    }

    fn in_line_of(&self, queue: &Name) -> impl Iterator<Item = &Contact> {
        let of_queue = self.contacts.values().filter(move |contact| contact.queue == *queue);
        of_queue.filter(|contact| contact.is_eligible() && contact.held_for.is_none())
    }

    fn counted(&self, queue: &Name) -> (u64, u64) {
        let totals = self.totals(queue);
        (totals.connected + totals.abandoned - totals.abandoned_early, totals.connected_in_target)
    }

    fn figure(&self, rule: &Trigger, seen: (u64, u64)) -> Option<u64> {
        match rule.measure {
            Measure::Waiting { .. } => Some(self.in_line_of(&rule.queue).count() as u64),
            Measure::LongestWait { .. } => {
                let waits = self.in_line_of(&rule.queue).map(|contact| self.now.0 - contact.enqueued_at.0);
                Some(waits.max().unwrap_or(0))
            }
            Measure::ExpectedWait { .. } => self.expected_wait(&rule.queue).map(|wait| wait.0),
            Measure::ServiceLevel { .. } => {
                let (ended, in_time) = self.counted(&rule.queue);
                (ended > seen.0).then(|| (in_time - seen.1) * 100 / (ended - seen.0))
            }
        }
    }
}

/// The first rank for each queue that concerns the operator.
fn shifted(plan: &Plan, in_force: &InForce, operator: &Operator) -> Vec<(Name, u8)> {
    let concerns = |shift: &&GroupRank| {
        let unit = shift.unit.as_ref();
        let in_unit = unit
            .is_none_or(|unit| operator.unit.as_ref().is_some_and(|own| is_within(&plan.units, own, unit)));
        in_unit && shift.skill.as_ref().is_none_or(|skill| operator.has_skill(skill, 1))
    };
    let first = |(_, ranks): &(usize, Vec<GroupRank>)| {
        ranks.iter().find(concerns).map(|shift| (shift.queue.clone(), shift.rank))
    };
    in_force.iter().filter_map(first).collect()
}

fn kind(measure: Measure) -> u8 {
    match measure {
        Measure::Waiting { .. } => 0,
        Measure::LongestWait { .. } => 1,
        Measure::ExpectedWait { .. } => 2,
        Measure::ServiceLevel { .. } => 3,
    }
}

fn is_bad(measure: Measure, figure: u64) -> bool {
    match measure {
        Measure::Waiting { on, .. } => figure >= u64::from(on),
        Measure::LongestWait { on, .. } | Measure::ExpectedWait { on, .. } => figure >= on.0,
        Measure::ServiceLevel { on, .. } => figure <= u64::from(on),
    }
}

fn is_good(measure: Measure, figure: u64) -> bool {
    match measure {
        Measure::Waiting { off, .. } => figure < u64::from(off),
        Measure::LongestWait { off, .. } | Measure::ExpectedWait { off, .. } => figure < off.0,
        Measure::ServiceLevel { off, .. } => figure >= u64::from(off),
    }
}
