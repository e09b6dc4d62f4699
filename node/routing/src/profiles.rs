//! Profiles: operators with the same skills, unit and ranks share one, so that fitting is worked out once for
//! each pair of profile and class and not for each operator and contact.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::bitset::Bitset;
use crate::contact::Need;
use crate::ids::{QueueId, SkillId, Timestamp, UnitId};
use crate::planted::{Planted, is};

/// What makes two operators alike for the router.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ProfileKey {
    /// Sorted by skill.
    pub skills: Box<[(SkillId, u8)]>,
    pub unit: Option<UnitId>,
    /// Ranks other than 0, sorted by queue.
    pub ranks: Box<[(QueueId, u8)]>,
}

impl ProfileKey {
    pub(crate) fn rank(&self, queue: QueueId) -> u8 {
        self.ranks.binary_search_by_key(&queue, |entry| entry.0).map_or(0, |at| self.ranks[at].1)
    }

    /// Skills at their levels, and the unit within the scopes (R3.1).
    pub(crate) fn fits(&self, need: &Need, parents: &[Option<UnitId>]) -> bool {
        has_skills(&self.skills, &need.skills)
            && (is(Planted::ScopeIgnored)
                || need
                    .scopes
                    .iter()
                    .all(|&scope| self.unit.is_some_and(|unit| is_within(unit, scope, parents))))
    }
}

/// An operator in the order of idleness.
pub(crate) type Idle = (Timestamp, u32);

/// Behind everybody in the order of idleness.
const NOBODY: Idle = (Timestamp(u64::MAX), u32::MAX);

#[derive(Clone, Debug, Default)]
pub(crate) struct Profile {
    pub key: Arc<ProfileKey>,
    operators: u32,
    /// For each rank the classes that fit.
    pub fits: BTreeMap<u8, Bitset>,
    /// Available operators by free units, longest idle first.
    idle: BTreeMap<u32, BTreeSet<Idle>>,
}

/// All profiles in use, and the available operators in each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profiles {
    ids: BTreeMap<Arc<ProfileKey>, u32>,
    list: Vec<Profile>,
    spare: Vec<u32>,
    /// For each profile the longest idle with at least one unit free, side by side so that looking at all is cheap.
    heads: Vec<Idle>,
    /// The profiles that have one.
    with_room: Bitset,
}

impl Profiles {
    /// Distinct profiles among operators.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn knows(&self, key: &ProfileKey) -> bool {
        self.ids.contains_key(key)
    }

    pub(crate) fn at(&self, profile: u32) -> &Profile {
        &self.list[profile as usize]
    }

    /// All profiles in use.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Arc<ProfileKey>)> {
        self.ids.iter().map(|(key, &id)| (id, key))
    }

    /// Counts one more operator; `true` when the profile is new and its fits must be worked out.
    pub(crate) fn join(&mut self, key: &Arc<ProfileKey>) -> (u32, bool) {
        if let Some(&id) = self.ids.get(key) {
            self.list[id as usize].operators += 1;
            return (id, false);
        }
        let profile = Profile { key: key.clone(), operators: 1, ..Profile::default() };
        let id = if let Some(id) = self.spare.pop() {
            self.list[id as usize] = profile;
            id
        } else {
            self.list.push(profile);
            self.heads.push(NOBODY);
            (self.list.len() - 1) as u32
        };
        self.ids.insert(key.clone(), id);
        (id, true)
    }

    /// Counts one operator less; `true` when the profile is gone.
    pub(crate) fn leave(&mut self, id: u32) -> bool {
        let profile = &mut self.list[id as usize];
        profile.operators -= 1;
        if profile.operators > 0 {
            return false;
        }
        let key = profile.key.clone();
        *profile = Profile::default();
        self.ids.remove(&key);
        self.spare.push(id);
        true
    }

    pub(crate) fn set_fit(&mut self, profile: u32, class: u32, queue: QueueId, fits: bool) {
        let profile = &mut self.list[profile as usize];
        let rank = profile.key.rank(queue);
        profile.fits.entry(rank).or_default().set(class, fits);
    }

    pub(crate) fn set_idle(&mut self, profile: u32, free: u32, idle: Idle, on: bool) {
        let levels = &mut self.list[profile as usize].idle;
        if on {
            levels.entry(free).or_default().insert(idle);
        } else if let Some(level) = levels.get_mut(&free) {
            level.remove(&idle);
            if level.is_empty() {
                levels.remove(&free);
            }
        }
        if free == 0 {
            return;
        }
        let head = &mut self.heads[profile as usize];
        if on {
            *head = idle.min(*head);
        } else if *head == idle {
            *head = levels.range(1..).filter_map(|(_, level)| level.first()).min().copied().unwrap_or(NOBODY);
        }
        self.with_room.set(profile, *head != NOBODY);
    }

    /// The profiles with an available operator who has at least one unit free.
    pub(crate) fn with_room(&self) -> &Bitset {
        &self.with_room
    }

    /// The longest idle of a profile among those with at least one unit free: no contact that costs anything finds
    /// somebody there who is idle for longer.
    pub(crate) fn head(&self, profile: u32) -> Idle {
        self.heads[profile as usize]
    }

    /// The longest idle available operator of one profile with room who passes.
    pub(crate) fn longest_idle_of(
        &self,
        profile: u32,
        units: u32,
        passes: impl Fn(u32) -> bool,
    ) -> Option<Idle> {
        let levels = self.list[profile as usize].idle.range(units..);
        levels.filter_map(|(_, level)| level.iter().find(|idle| passes(idle.1)).copied()).min()
    }

    /// Whether an available operator of the profile passes, whatever its load.
    pub(crate) fn has_any(&self, profile: u32, passes: impl Fn(u32) -> bool) -> bool {
        self.list[profile as usize].idle.values().any(|level| level.iter().any(|idle| passes(idle.1)))
    }
}

fn has_skills(have: &[(SkillId, u8)], need: &[(SkillId, u8)]) -> bool {
    let mut have = have.iter();
    need.iter().all(|&(skill, level)| {
        have.by_ref().find(|entry| entry.0 >= skill).is_some_and(|entry| entry.0 == skill && entry.1 >= level)
    })
}

fn is_within(unit: UnitId, scope: UnitId, parents: &[Option<UnitId>]) -> bool {
    let mut at = Some(unit);
    while let Some(unit) = at {
        if unit == scope {
            return true;
        }
        // Parents stand before their children, so this walk ends.
        at = parents.get(unit.0 as usize).copied().flatten();
    }
    false
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn skills(list: &[(u32, u8)]) -> Box<[(SkillId, u8)]> {
        list.iter().map(|&(skill, level)| (SkillId(skill), level)).collect()
    }

    #[test]
    fn r3_1_every_required_skill_at_its_level() {
        let have = skills(&[(1, 5), (3, 2), (7, 10)]);
        assert!(has_skills(&have, &skills(&[])));
        assert!(has_skills(&have, &skills(&[(1, 5), (7, 1)])));
        assert!(!has_skills(&have, &skills(&[(3, 3)])));
        assert!(!has_skills(&have, &skills(&[(2, 1)])));
        assert!(!has_skills(&have, &skills(&[(7, 1), (8, 1)])));
    }

    #[test]
    fn r3_1_a_scope_holds_its_unit_and_all_below() {
        let parents = vec![None, Some(UnitId(0)), Some(UnitId(1)), Some(UnitId(0))];
        assert!(is_within(UnitId(2), UnitId(0), &parents));
        assert!(is_within(UnitId(2), UnitId(1), &parents));
        assert!(!is_within(UnitId(2), UnitId(3), &parents));
        assert!(!is_within(UnitId(0), UnitId(1), &parents));
    }
}
