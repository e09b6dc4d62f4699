//! The plan with its names looked up: which queue, skill, channel and unit a name means.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::contact::Need;
use crate::ids::{ChannelId, Name, QueueId, SkillId, UnitId};
use crate::limits::{LEVEL_MAX, REQUIRED_SKILLS_MAX};
use crate::plan::{ChannelPlan, Plan, QueuePlan};
use crate::refusal::Refusal;

/// A plan in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    pub plan: Plan,
    /// The unit above each unit.
    pub parents: Vec<Option<UnitId>>,
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
        Directory {
            parents: plan.units.iter().map(|unit| unit.parent).collect(),
            queues: places(plan.queues.iter().map(|queue| &queue.name)),
            skills: places(plan.skills.iter()),
            channels: places(plan.channels.iter().map(|channel| &channel.name)),
            units: places(plan.units.iter().map(|unit| &unit.name)),
            plan,
        }
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
        Ok(Need { skills, scopes: scopes.into_boxed_slice() })
    }

    /// What a contact requires by itself, in no queue.
    pub(crate) fn own_need(&self, skills: &[(Name, u8)], scope: Option<&Name>) -> Result<Need, Refusal> {
        let scopes = scope.map(|name| self.find_unit(name)).transpose()?;
        Ok(Need { skills: self.find_skills(skills)?, scopes: scopes.into_iter().collect() })
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
        Ok(Need { skills: skills.into_boxed_slice(), scopes: scopes.into_boxed_slice() })
    }

    /// What a contact of a queue requires beyond what the queue does; for arrivals of which it was not kept.
    pub(crate) fn need_beyond(&self, queue: &QueuePlan, need: &Need) -> Result<Need, Refusal> {
        let required = self.find_skills(&queue.required)?;
        let is_beyond = |entry: &&(SkillId, u8)| !required.iter().any(|r| r.0 == entry.0 && r.1 >= entry.1);
        let scope = queue.scope.as_ref().map(|name| self.find_unit(name)).transpose()?;
        Ok(Need {
            skills: need.skills.iter().filter(is_beyond).copied().collect(),
            scopes: need.scopes.iter().copied().filter(|unit| Some(*unit) != scope).collect(),
        })
    }

    pub(crate) fn skill_name(&self, id: SkillId) -> Name {
        self.plan.skills[id.0 as usize].clone()
    }

    pub(crate) fn unit_name(&self, id: UnitId) -> Name {
        self.plan.units[id.0 as usize].name.clone()
    }
}

/// The refusal of a field out of its bounds.
pub(crate) fn invalid(field: &str, problem: &str) -> Refusal {
    Refusal::InvalidField { field: field.into(), problem: problem.to_string() }
}

/// A name that may enter the state: 1 to [`crate::limits::NAME_BYTES_MAX`] bytes without control characters.
pub(crate) fn check_name(field: &str, name: &str) -> Result<(), Refusal> {
    check_text(field, name, crate::limits::NAME_BYTES_MAX)
}

/// A text of 1 to `bytes_max` bytes without control characters.
pub(crate) fn check_text(field: &str, text: &str, bytes_max: usize) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(invalid(field, "is empty"));
    }
    if text.len() > bytes_max {
        return Err(invalid(
            field,
            &alloc::format!("has {} bytes; at most {bytes_max} are allowed", text.len()),
        ));
    }
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !is_plain && text.chars().any(char::is_control) {
        return Err(invalid(field, "holds control characters"));
    }
    Ok(())
}

/// A span within [`crate::limits::SPAN_MS_MAX`].
pub(crate) fn check_span(field: &str, span: crate::ids::Millis) -> Result<(), Refusal> {
    if span.0 <= crate::limits::SPAN_MS_MAX {
        return Ok(());
    }
    Err(invalid(field, &alloc::format!("{} ms is more than two years", span.0)))
}
