//! The plan with its names looked up: which queue, skill, channel and unit a name means.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::calendar::CalendarPlan;
use crate::contact::Need;
use crate::fields::invalid;
use crate::ids::{ChannelId, Name, PrincipalId, QueueId, SkillId, Timestamp, UnitId};
use crate::ladder::{QueueRule, steps_of};
use crate::limits::{LEVEL_MAX, REQUIRED_SKILLS_MAX};
use crate::parking::InterruptionRule;
use crate::plan::{ChannelPlan, Plan, QueuePlan};
use crate::refusal::Refusal;
use crate::rules::{BreakRule, Choice, Reach, Route};
use crate::threads::ThreadRule;

/// A plan in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    pub plan: Plan,
    /// The unit above each unit.
    pub parents: Vec<Option<UnitId>>,
    /// The units that help each unit out first.
    pub neighbours: Vec<Box<[UnitId]>>,
    /// Whether waiting alone may lead to anything besides another step.
    pub watches_waiting: bool,
    rules: Vec<QueueRule>,
    /// Whether work of some queue may be interrupted.
    pub interrupts: bool,
    /// Some queue asks for a result.
    pub asks_results: bool,
    /// Whether contacts of some queue are threads.
    pub threads: bool,
    /// Whether some queue says where those go whom nobody could serve.
    pub moves_stranded: bool,
    principals: BTreeMap<Name, u32>,
    calendars: BTreeMap<Name, u32>,
    breaks: BTreeMap<Name, u32>,
    routes: BTreeMap<Name, u32>,
    queues: BTreeMap<Name, u32>,
    skills: BTreeMap<Name, u32>,
    channels: BTreeMap<Name, u32>,
    units: BTreeMap<Name, u32>,
}

impl Directory {
    pub(crate) fn new(plan: Plan) -> Directory {
        fn places<'a>(names: impl Iterator<Item = &'a Name>) -> BTreeMap<Name, u32> {
            names.cloned().zip(0..).collect()
        }
        let mut directory = Directory {
            parents: plan.units.iter().map(|unit| unit.parent).collect(),
            neighbours: Vec::new(),
            watches_waiting: plan.rules.duty_after.is_some()
                || !plan.rules.triggers.is_empty()
                || plan.queues.iter().any(|queue| queue.rules.watches_waiting()),
            rules: Vec::new(),
            interrupts: false,
            asks_results: plan.queues.iter().any(|queue| queue.rules.results.is_some()),
            threads: false,
            moves_stranded: false,
            principals: places(plan.rules.principals.iter()),
            calendars: places(plan.rules.calendars.iter().map(|calendar| &calendar.name)),
            breaks: places(plan.rules.breaks.iter().map(|rule| &rule.name)),
            routes: places(plan.rules.routes.iter().map(|route| &route.name)),
            queues: places(plan.queues.iter().map(|queue| &queue.name)),
            skills: places(plan.skills.iter()),
            channels: places(plan.channels.iter().map(|channel| &channel.name)),
            units: places(plan.units.iter().map(|unit| &unit.name)),
            plan,
        };
        let units = directory.plan.units.iter();
        directory.neighbours = units.map(|unit| directory.units_named(&unit.rules.neighbours)).collect();
        directory.rules = directory.plan.queues.iter().map(|queue| directory.rule_of(queue)).collect();
        directory.interrupts = directory.rules.iter().any(|rule| rule.interruptible.is_some());
        directory.threads = directory.rules.iter().any(|rule| rule.thread.is_some());
        directory.moves_stranded = directory.rules.iter().any(|rule| rule.stranded_to.is_some());
        directory
    }

    /// The units with these names; names that the plan does not have are refused before a plan applies.
    fn units_named(&self, names: &[Name]) -> Box<[UnitId]> {
        names.iter().filter_map(|name| self.find_unit(name).ok()).collect()
    }

    fn rule_of(&self, queue: &QueuePlan) -> QueueRule {
        let rules = &queue.rules;
        let units = rules.units.iter();
        let mut units: Vec<_> =
            units.filter_map(|(name, units)| Some((self.find_channel(name).ok()?.0, *units))).collect();
        units.sort_unstable();
        let orphans = rules.orphans.iter();
        let orphans = orphans.filter_map(|(name, rule)| Some((self.find_channel(name).ok()?.0, *rule)));
        let steps = steps_of(&rules.ladder);
        QueueRule {
            required: self.find_skills(&queue.required).unwrap_or_default(),
            scope: queue.scope.as_ref().and_then(|name| self.find_unit(name).ok()),
            choice: rules.choice,
            first_reaching: steps.iter().position(|step| step.reach != Reach::Nobody).unwrap_or(0),
            steps: steps.into_boxed_slice(),
            promote_after: rules.promote_after,
            last_start: rules.last_start,
            units: units.into_boxed_slice(),
            orphans: orphans.collect(),
            cap: rules.cap,
            reserve_after: rules.reserve_after,
            interruptible: rules.interruptible.as_ref().map(|rule| {
                let channels = rule.by_channels.iter();
                InterruptionRule::new(rule, channels.filter_map(|name| Some(self.find_channel(name).ok()?.0)))
            }),
            thread: rules.thread.as_ref().map(|rule| {
                let channels = rule.channels.iter();
                let channels = channels.filter_map(|name| Some(self.find_channel(name).ok()?.0));
                ThreadRule { channels: channels.collect(), times: rule.times }
            }),
            stranded_to: rules.stranded_to.as_ref().and_then(|name| Some(self.find_queue(name).ok()?.0)),
            opened: 0,
            shifts: Box::default(),
        }
    }

    /// The choices that queues make beside idleness, which is always known.
    pub(crate) fn choices(&self) -> BTreeSet<Choice> {
        let ordered = |choice: &Choice| matches!(choice, Choice::LeastOccupied | Choice::RoundRobin);
        self.rules.iter().map(|rule| rule.choice).filter(ordered).collect()
    }

    /// Whether the other plan lets a queue's contacts be matched as this one does.
    pub(crate) fn routes_alike(&self, other: &Directory, queue: QueueId) -> bool {
        let (was, is) = (self.rule(queue), other.rule(queue));
        was.required == is.required
            && was.scope == is.scope
            && was.steps == is.steps
            && was.cap == is.cap
            && was.opened == is.opened
            && was.shifts == is.shifts
            && self.neighbours.iter().eq(other.neighbours.iter().take(self.neighbours.len()))
    }

    /// Whether operators may invite companions.
    pub(crate) fn invites(&self) -> bool {
        self.plan.rules.companion.is_some()
    }

    /// The rules of the queues whose work may be interrupted.
    pub(crate) fn interruptions(&self) -> impl Iterator<Item = &InterruptionRule> {
        self.rules.iter().filter_map(|rule| rule.interruptible.as_ref())
    }

    /// The rules of threads, by queue.
    pub(crate) fn thread_rules(&self) -> impl Iterator<Item = (usize, &ThreadRule)> {
        let rules = self.rules.iter().enumerate();
        rules.filter_map(|(queue, rule)| Some((queue, rule.thread.as_ref()?)))
    }

    /// Whether operators are reserved in some queue.
    pub(crate) fn reserves(&self) -> bool {
        self.rules.iter().any(|rule| rule.reserve_after.is_some())
    }

    /// A queue's rules with its names looked up.
    pub(crate) fn rule(&self, id: QueueId) -> &QueueRule {
        &self.rules[id.0 as usize]
    }

    pub(crate) fn rule_mut(&mut self, id: QueueId) -> &mut QueueRule {
        &mut self.rules[id.0 as usize]
    }

    pub(crate) fn find_calendar(&self, name: &Name) -> Result<&CalendarPlan, Refusal> {
        let place = self.calendars.get(name).map(|&place| &self.plan.rules.calendars[place as usize]);
        place.ok_or_else(|| Refusal::UnknownCalendar(name.clone()))
    }

    pub(crate) fn find_route(&self, name: &Name) -> Result<&Route, Refusal> {
        let place = self.routes.get(name).map(|&place| &self.plan.rules.routes[place as usize]);
        place.ok_or_else(|| Refusal::UnknownRoute(name.clone()))
    }

    /// What counts as working time for a case: the calendar of the unit or of the nearest one above it that has one,
    /// else the route's. `None` where every moment counts.
    pub(crate) fn working_calendar(&self, unit: Option<UnitId>, route: &Route) -> Option<&CalendarPlan> {
        let above = core::iter::successors(unit, |unit| self.parents[unit.0 as usize]);
        let of_units = above.filter_map(|unit| self.plan.units[unit.0 as usize].rules.calendar.as_ref());
        let name = of_units.into_iter().next().or(route.calendar.as_ref())?;
        self.find_calendar(name).ok()
    }

    pub(crate) fn find_break(&self, name: &Name) -> Option<&BreakRule> {
        self.breaks.get(name).map(|&place| &self.plan.rules.breaks[place as usize])
    }

    /// Whether a queue is open by hand and by its hours.
    pub(crate) fn is_open(&self, queue: &QueuePlan, at: Timestamp) -> bool {
        let hours = queue.rules.hours.as_ref().and_then(|name| self.find_calendar(name).ok());
        queue.open && hours.is_none_or(|calendar| calendar.is_open(at))
    }

    pub(crate) fn find_principal(&self, name: &Name) -> Result<PrincipalId, Refusal> {
        let place = self.principals.get(name).map(|&place| PrincipalId(place));
        place.ok_or_else(|| Refusal::UnknownPrincipal(name.clone()))
    }

    pub(crate) fn queue(&self, id: QueueId) -> &QueuePlan {
        &self.plan.queues[id.0 as usize]
    }

    pub(crate) fn find_queue(&self, name: &Name) -> Result<(QueueId, &QueuePlan), Refusal> {
        let place = *self.queues.get(name).ok_or_else(|| Refusal::UnknownQueue(name.clone()))?;
        Ok((QueueId(place), &self.plan.queues[place as usize]))
    }

    pub(crate) fn find_channel(&self, name: &Name) -> Result<(ChannelId, &ChannelPlan), Refusal> {
        let place = *self.channels.get(name).ok_or_else(|| Refusal::UnknownChannel(name.clone()))?;
        Ok((ChannelId(place), &self.plan.channels[place as usize]))
    }

    pub(crate) fn find_unit(&self, name: &Name) -> Result<UnitId, Refusal> {
        self.units.get(name).map(|&place| UnitId(place)).ok_or_else(|| Refusal::UnknownUnit(name.clone()))
    }

    pub(crate) fn find_skill(&self, name: &Name) -> Result<SkillId, Refusal> {
        let place = self.skills.get(name).map(|&place| SkillId(place));
        place.ok_or_else(|| Refusal::UnknownSkill(name.clone()))
    }

    /// Whether a contact with this need stays within the limits in the queue.
    pub(crate) fn check_want(&self, queue: QueueId, need: &Need) -> Result<(), Refusal> {
        if need.follows_queue && self.want(queue, need).skills.len() > REQUIRED_SKILLS_MAX {
            return Err(invalid("skills", "at most 16 skills with those of the queue"));
        }
        Ok(())
    }

    /// Skills by id, sorted; of a skill named twice the higher level counts.
    pub(crate) fn find_skills<'a>(
        &self,
        skills: impl IntoIterator<Item = &'a (Name, u8)>,
    ) -> Result<Box<[(SkillId, u8)]>, Refusal> {
        let mut found = Vec::new();
        for (name, level) in skills {
            let place = *self.skills.get(name).ok_or_else(|| Refusal::UnknownSkill(name.clone()))?;
            if *level == 0 || *level > LEVEL_MAX {
                return Err(invalid(
                    "skills",
                    &alloc::format!("level {level} of {name:?}: levels are 1 to 10"),
                ));
            }
            found.push((SkillId(place), *level));
        }
        found.sort_unstable_by_key(|&(skill, level)| (skill, core::cmp::Reverse(level)));
        found.dedup_by_key(|entry| entry.0);
        Ok(found.into_boxed_slice())
    }

    /// What a contact and its queue require together.
    pub(crate) fn need(
        &self,
        queue: &QueuePlan,
        skills: &[(Name, u8)],
        scope: Option<&Name>,
    ) -> Result<Need, Refusal> {
        let skills = self.find_skills(queue.required.iter().chain(skills))?;
        if skills.len() > REQUIRED_SKILLS_MAX {
            return Err(invalid("skills", "at most 16 skills with those of the queue"));
        }
        let mut scopes = Vec::new();
        for name in queue.scope.iter().chain(scope) {
            scopes.push(self.find_unit(name)?);
        }
        scopes.sort_unstable();
        scopes.dedup();
        Ok(Need { skills, scopes: scopes.into_boxed_slice(), ..Need::default() })
    }

    /// What a contact requires by itself, in no queue.
    pub(crate) fn own_need(&self, skills: &[(Name, u8)], scope: Option<&Name>) -> Result<Need, Refusal> {
        let scopes = scope.map(|name| self.find_unit(name)).transpose()?;
        Ok(Need {
            skills: self.find_skills(skills)?,
            scopes: scopes.into_iter().collect(),
            ..Need::default()
        })
    }

    /// What a contact that requires `own` by itself requires in a queue.
    pub(crate) fn need_in(&self, queue: &QueuePlan, own: &Need) -> Result<Need, Refusal> {
        let required = self.find_skills(&queue.required)?;
        let mut skills: Vec<_> = own.skills.iter().chain(&required).copied().collect();
        skills.sort_unstable_by_key(|&(skill, level)| (skill, core::cmp::Reverse(level)));
        skills.dedup_by_key(|entry| entry.0);
        if skills.len() > REQUIRED_SKILLS_MAX {
            return Err(invalid("skills", "at most 16 skills with those of the queue"));
        }
        let mut scopes = own.scopes.to_vec();
        if let Some(name) = &queue.scope {
            scopes.push(self.find_unit(name)?);
        }
        scopes.sort_unstable();
        scopes.dedup();
        Ok(Need { skills: skills.into_boxed_slice(), scopes: scopes.into_boxed_slice(), ..own.clone() })
    }

    /// What a contact of a queue requires beyond what the queue does; for arrivals of which it was not kept.
    pub(crate) fn need_beyond(&self, queue: &QueuePlan, need: &Need) -> Result<Need, Refusal> {
        let required = self.find_skills(&queue.required)?;
        let is_beyond = |entry: &&(SkillId, u8)| !required.iter().any(|r| r.0 == entry.0 && r.1 >= entry.1);
        let scope = queue.scope.as_ref().map(|name| self.find_unit(name)).transpose()?;
        Ok(Need {
            skills: need.skills.iter().filter(is_beyond).copied().collect(),
            scopes: need.scopes.iter().copied().filter(|unit| Some(*unit) != scope).collect(),
            ..need.clone()
        })
    }

    pub(crate) fn skill_name(&self, id: SkillId) -> Name {
        self.plan.skills[id.0 as usize].clone()
    }

    pub(crate) fn channel_name(&self, id: Option<ChannelId>) -> Option<Name> {
        id.map(|id| self.plan.channels[id.0 as usize].name.clone())
    }

    pub(crate) fn unit_name(&self, id: UnitId) -> Name {
        self.plan.units[id.0 as usize].name.clone()
    }
}
