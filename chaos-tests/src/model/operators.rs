//! Operators: how they come to be known and what they declare.

use std::collections::BTreeSet;

use ringmain_routing::command::{DeclaredPresence, OperatorPlan, SetPresence};
use ringmain_routing::effect::PresenceState;
use ringmain_routing::limits::OPERATORS_MAX;
use ringmain_routing::{ContactId, Effect, Name, OperatorId, Refusal, Reply};

use super::Model;
use super::matching::Freed;
use super::rule_bounds;
use super::state::{Operator, Session};

impl Model {
    pub(super) fn put_operators(&mut self, plans: &[OperatorPlan]) -> Result<Reply, Refusal> {
        super::bounds::check_operators(plans)?;
        for plan in plans {
            super::bounds::check_operator(plan)?;
            self.check_operator_names(plan)?;
        }
        let logins: BTreeSet<_> = self.operators.iter().map(|row| &row.login).collect();
        let new = plans.iter().filter(|plan| !logins.contains(&plan.login)).count();
        if (self.operators.len() + new) as u64 > OPERATORS_MAX {
            return Err(Refusal::LimitReached { what: "operators".into(), limit: OPERATORS_MAX });
        }
        let mut freed = Freed::default();
        for plan in plans {
            freed.join(self.put_operator(plan));
        }
        self.follow_stranded();
        self.settle(freed);
        Ok(Reply::Done)
    }

    fn check_operator_names(&self, plan: &OperatorPlan) -> Result<(), Refusal> {
        if let Some(unit) = &plan.unit
            && !self.plan.units.iter().any(|row| row.name == *unit)
        {
            return Err(Refusal::UnknownUnit(unit.clone()));
        }
        for (skill, _) in &plan.skills {
            if !self.plan.skills.contains(skill) {
                return Err(Refusal::UnknownSkill(skill.clone()));
            }
        }
        for (queue, _) in &plan.ranks {
            if !self.plan.queues.iter().any(|row| row.name == *queue) {
                return Err(Refusal::UnknownQueue(queue.clone()));
            }
        }
        let rules = &plan.rules;
        self.check_channel_names(rules.channels.iter())?;
        for principal in rules.principals.iter().chain(&rules.lent_principals) {
            if !self.plan.rules.principals.contains(principal) {
                return Err(Refusal::UnknownPrincipal(principal.clone()));
            }
        }
        self.check_channel_names(rules.caps.iter().map(|(channel, _)| channel))?;
        self.check_channel_names(rules.units.iter().map(|(channel, _)| channel))?;
        rule_bounds::check_own_units(&rules.units)?;
        for (queue, _) in &rules.queue_caps {
            if !self.plan.queues.iter().any(|row| row.name == *queue) {
                return Err(Refusal::UnknownQueue(queue.clone()));
            }
        }
        rule_bounds::check_queue_caps(rules)?;
        rule_bounds::check_bot(rules)?;
        for name in &rules.breaks {
            if !self.plan.rules.breaks.iter().any(|row| row.name == *name) {
                return Err(Refusal::UnknownBreak(name.clone()));
            }
        }
        if let Some(shift) = &rules.shift
            && !self.plan.rules.calendars.iter().any(|row| row.name == *shift)
        {
            return Err(Refusal::UnknownCalendar(shift.clone()));
        }
        Ok(())
    }

    fn check_channel_names<'a>(&self, mut names: impl Iterator<Item = &'a Name>) -> Result<(), Refusal> {
        let unknown = names.find(|name| !self.plan.channels.iter().any(|row| row.name == **name));
        unknown.map_or(Ok(()), |name| Err(Refusal::UnknownChannel(name.clone())))
    }

    fn put_operator(&mut self, plan: &OperatorPlan) -> Freed {
        let (plan, format) = (plan.clone(), self.format);
        if let Some(row) = self.operators.iter_mut().find(|row| row.login == plan.login) {
            let mut freed = Freed::operator(row.id);
            let by_rules = row.ranks != plan.ranks || row.rules != plan.rules;
            freed.exclusions =
                row.skills != plan.skills || row.unit != plan.unit || (format >= 3 && by_rules);
            row.skills = plan.skills;
            let unit_before = row.unit.clone();
            row.ranks = plan.ranks;
            let (id, before, has_moved) = (row.id, row.rules.clone(), row.unit != plan.unit);
            let other_team = has_moved || before.bot != plan.rules.bot;
            let is_changed = has_moved || freed.exclusions || by_rules || row.capacity != plan.capacity;
            row.unit = plan.unit;
            row.capacity = plan.capacity;
            row.rules = plan.rules;
            self.follow_triggers();
            self.keep_clocks(id, &before);
            if is_changed {
                self.touch(id);
            }
            if other_team {
                self.touch_teams(id, unit_before);
            }
            if is_changed {
                let held = self.contacts.values().filter(|row| row.held_for.is_some_and(|held| held.0 == id));
                let held: Vec<ContactId> = held.map(|row| row.id).collect();
                freed.contacts.extend(self.end_vain_holds(&held));
            }
            return freed;
        }
        let id = OperatorId { slot: self.operators.len() as u32, generation: 0 };
        self.operators.push(Operator {
            id,
            login: plan.login,
            skills: plan.skills,
            capacity: plan.capacity,
            unit: plan.unit,
            ranks: plan.ranks,
            shifted: Vec::new(),
            rules: plan.rules,
            session: Session::default(),
            presence: PresenceState::Offline,
            presence_seq: 0,
            idle_since: self.now,
            last_turn: 0,
            exclusions: Vec::new(),
            wrap_ups: Vec::new(),
            breaks: Vec::new(),
            on_break: None,
            rest: None,
            touched_at: self.now,
            hands: BTreeSet::new(),
        });
        self.begin_clocks(id);
        self.follow_triggers();
        Freed::operator(id)
    }

    pub(super) fn set_presence(&mut self, command: &SetPresence) -> Result<Reply, Refusal> {
        self.check_operator(command.operator, command.epoch)?;
        let row = self.operator_mut(command.operator);
        if command.seq <= row.presence_seq {
            return Ok(Reply::Done);
        }
        row.presence_seq = command.seq;
        let presence = match command.presence {
            DeclaredPresence::Ready => PresenceState::Ready,
            DeclaredPresence::NotReady(reason) => PresenceState::NotReady(reason),
        };
        if row.presence == presence {
            return Ok(Reply::Done);
        }
        let mut freed = self.become_present(command.operator, presence);
        freed.join(Freed::operator(command.operator));
        self.settle(freed);
        Ok(Reply::Done)
    }

    /// The presence changes (each missed offer is announced, also two of one moment); what was held for an operator who is not ready any more is held no longer.
    pub(super) fn become_present(&mut self, operator: OperatorId, presence: PresenceState) -> Freed {
        let now = self.now;
        let row = self.operator_mut(operator);
        let is_missed = matches!(presence, PresenceState::Missed { .. });
        if row.presence == presence && !is_missed {
            return Freed::default();
        }
        let was_available = row.is_available();
        row.presence = presence;
        self.end_break(operator);
        self.touch(operator);
        self.effects.push(Effect::AnnouncePresence { operator, presence });
        if presence == PresenceState::Ready {
            self.operator_mut(operator).idle_since = now;
            Freed::default()
        } else {
            let mut freed = self.release_holds(operator, was_available);
            self.end_vain_legs(&mut freed);
            if was_available {
                freed.join(Freed::exclusions());
            }
            freed
        }
    }
}
