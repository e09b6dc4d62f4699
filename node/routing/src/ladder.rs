//! Who fits whom (R3.1), and the ladder (R3.3): the longer the first of a line stands there, the further it may
//! reach. A step is a rule of the queue: it changes what a line may match, never the contacts in it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::contact::{Language, Need};
use crate::directory::Directory;
use crate::ids::{ChannelId, Millis, PrincipalId, QueueId, SkillId, Timestamp, UnitId};
use crate::order::OrderKey;
use crate::parking::InterruptionRule;
use crate::planted::{Planted, is};
use crate::profiles::ProfileKey;
use crate::rules::{Choice, OrphanRule, Reach, Step};
use crate::threads::ThreadRule;
use crate::triggers::RankShift;

/// A queue's rules with its names looked up.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueueRule {
    pub required: Box<[(SkillId, u8)]>,
    pub scope: Option<UnitId>,
    pub choice: Choice,
    /// At least one; the last reaches somebody.
    pub steps: Box<[Step]>,
    /// The first step that reaches somebody: whom a contact may be kept for or handed out to, whatever its own step.
    pub first_reaching: usize,
    pub promote_after: Option<Millis>,
    pub last_start: Option<Millis>,
    /// Units by channel, sorted.
    pub units: Box<[(ChannelId, u32)]>,
    /// What becomes of orphans, by channel.
    pub orphans: Box<[(ChannelId, OrphanRule)]>,
    pub cap: Option<u16>,
    pub reserve_after: Option<Millis>,
    pub interruptible: Option<InterruptionRule>,
    pub thread: Option<ThreadRule>,
    /// Where those go whom nobody could serve.
    pub stranded_to: Option<QueueId>,
    /// The step to which triggers have opened the ladder.
    pub opened: usize,
    /// Ranks that count instead of the operators' own, the first that concerns one.
    pub shifts: Box<[RankShift]>,
}

/// What contacts of one line require: their own need and, where they follow it, their queue's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Want {
    pub queue: QueueId,
    /// Sorted by skill.
    pub skills: Box<[(SkillId, u8)]>,
    pub scopes: Box<[UnitId]>,
    pub language: Option<Language>,
    pub principal: Option<PrincipalId>,
    pub channel: Option<ChannelId>,
    /// No bots.
    pub people: bool,
}

/// When a step begins to which waiting alone never leads.
const NEVER: Millis = Millis(u64::MAX);

/// A queue's steps as the router works by them. Where none reaches anybody, one more stands behind them, for those who
/// take, are handed out to, or save lives.
pub(crate) fn steps_of(ladder: &[Step]) -> Vec<Step> {
    let mut steps = ladder.to_vec();
    match steps.last() {
        None => steps.push(Step::default()),
        Some(last) if last.reach == Reach::Nobody => steps.push(Step { after: NEVER, ..Step::default() }),
        Some(_) => {}
    }
    steps
}

impl QueueRule {
    /// The step of a contact with this place in line, as the number of the step.
    pub(crate) fn step_of(&self, key: OrderKey, now: Timestamp) -> usize {
        if key.tier == 0 && !is(Planted::LifeSafetyClimbs) {
            return self.steps.len() - 1;
        }
        let waited = now.since(key.order);
        self.steps.iter().rposition(|step| step.after <= waited).unwrap_or(0).max(self.opened)
    }

    /// How many steps there are to which waiting leads.
    pub(crate) fn steps_by_time(&self) -> usize {
        self.steps.iter().filter(|step| step.after != NEVER).count()
    }

    /// The step at which it is judged whom a contact may be kept for or handed out to.
    pub(crate) fn step_by_hand(&self, key: OrderKey, now: Timestamp) -> usize {
        self.step_of(key, now).max(self.first_reaching)
    }

    /// When a contact with this place gets to another step, after `since`.
    pub(crate) fn next_step_at(&self, key: OrderKey, since: Timestamp) -> Option<Timestamp> {
        if key.tier == 0 {
            return None;
        }
        let steps = self.steps.iter().skip(1).filter(|step| step.after != NEVER);
        steps.map(|step| key.order + step.after).find(|&at| at > since)
    }

    pub(crate) fn units_of(&self, channel: ChannelId) -> Option<u32> {
        self.units.binary_search_by_key(&channel, |entry| entry.0).ok().map(|place| self.units[place].1)
    }
}

impl Directory {
    /// What a contact with this need requires in the queue.
    pub(crate) fn want(&self, queue: QueueId, need: &Need) -> Want {
        let rule = self.rule(queue);
        let (mut skills, mut scopes) = (need.skills.to_vec(), need.scopes.to_vec());
        if need.follows_queue {
            skills.extend(rule.required.iter().copied());
            skills.sort_unstable_by_key(|&(skill, level)| (skill, core::cmp::Reverse(level)));
            skills.dedup_by_key(|entry| entry.0);
            scopes.extend(rule.scope);
            scopes.sort_unstable();
            scopes.dedup();
        }
        Want {
            queue,
            skills: skills.into_boxed_slice(),
            scopes: scopes.into_boxed_slice(),
            language: need.language,
            principal: need.principal,
            channel: need.channel,
            people: need.people,
        }
    }

    /// Whether operators of a profile fit at a step (R3.1).
    pub(crate) fn fits(&self, profile: &ProfileKey, want: &Want, step: &Step) -> bool {
        step.reach != Reach::Nobody
            && self.rank(profile, want.queue) <= step.rank_max
            && want.skills.iter().all(|&(skill, level)| has_level(profile, skill, level, step))
            && self.is_in_reach(profile, want, step.reach)
            && speaks(profile, want.language, step)
            && answers_for(profile, want.principal, step)
            && want.channel.is_none_or(|channel| serves(profile, channel))
            && !(profile.bot && want.people && !is(Planted::BackToTheBot))
    }

    fn is_in_reach(&self, profile: &ProfileKey, want: &Want, reach: Reach) -> bool {
        let is_in = |scope: UnitId| profile.unit.is_some_and(|unit| self.is_within(unit, scope));
        is(Planted::ScopeIgnored)
            || want.scopes.iter().all(|&scope| match reach {
                Reach::Nobody => false,
                Reach::Own => is_in(scope),
                Reach::Neighbours => {
                    is_in(scope) || self.neighbours[scope.0 as usize].iter().any(|&unit| is_in(unit))
                }
                Reach::Up(levels) => {
                    is_in(self.above(scope, levels))
                        || self.neighbours[scope.0 as usize].iter().any(|&unit| is_in(unit))
                }
                Reach::All => true,
            })
    }

    /// The unit so many levels above, the company at most.
    fn above(&self, unit: UnitId, levels: u8) -> UnitId {
        (0..levels).fold(unit, |at, _| self.parents.get(at.0 as usize).copied().flatten().unwrap_or(at))
    }

    pub(crate) fn is_within(&self, unit: UnitId, scope: UnitId) -> bool {
        let mut at = Some(unit);
        while let Some(unit) = at {
            if unit == scope {
                return true;
            }
            // Parents stand before their children, so this walk ends.
            at = self.parents.get(unit.0 as usize).copied().flatten();
        }
        false
    }
}

/// What the levels of the required skills add up to, for the choice of the most skilled (R3.2).
pub(crate) fn skill_sum(profile: &ProfileKey, want: &Want) -> u32 {
    let language = want.language.map(|language| language.skill);
    let skills = want.skills.iter().map(|entry| entry.0).chain(language);
    skills.map(|skill| u32::from(profile.level(skill))).sum()
}

fn has_level(profile: &ProfileKey, skill: SkillId, level: u8, step: &Step) -> bool {
    profile.level(skill) >= level.saturating_sub(step.levels_lowered).max(1)
}

fn speaks(profile: &ProfileKey, language: Option<Language>, step: &Step) -> bool {
    language.is_none_or(|language| {
        let agreed = language.any || is(Planted::LanguageWithoutConsent);
        profile.level(language.skill) > 0 || (step.any_language && agreed)
    })
}

fn answers_for(profile: &ProfileKey, principal: Option<PrincipalId>, step: &Step) -> bool {
    let is_among = |list: &[PrincipalId], principal| list.binary_search(&principal).is_ok();
    principal.is_none_or(|principal| {
        let has_all = profile.principals.is_empty() && profile.lent.is_empty();
        has_all
            || is_among(&profile.principals, principal)
            || (is_among(&profile.lent, principal) && (step.lent || is(Planted::LentFromTheStart)))
    })
}

fn serves(profile: &ProfileKey, channel: ChannelId) -> bool {
    profile.channels.is_empty()
        || profile.channels.binary_search(&channel).is_ok()
        || is(Planted::ChannelIgnored)
}

/// Steps in the order in which they come, none of which narrows (R3.3); what is wrong otherwise.
pub(crate) fn check_ladder(steps: &[Step]) -> Result<(), &'static str> {
    let Some(first) = steps.first() else { return Ok(()) };
    if first.after.0 != 0 {
        return Err("the first step begins at 0 ms: it says whom the contact may reach at once");
    }
    for pair in steps.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        if after.after <= before.after {
            return Err("each step begins later than the one before");
        }
        let narrows = after.reach < before.reach
            || after.levels_lowered < before.levels_lowered
            || after.rank_max < before.rank_max
            || (before.lent && !after.lent)
            || (before.any_language && !after.any_language);
        if narrows {
            return Err("a step allows at least what the one before does");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::plan::{Plan, QueuePlan, UnitPlan};
    use crate::rules::UnitRules;

    /// company → (west → (perm, omsk), east → chita); perm's neighbour is chita.
    fn directory() -> Directory {
        let unit = |name: &str, parent: Option<u32>| UnitPlan {
            name: name.into(),
            parent: parent.map(UnitId),
            rules: UnitRules::default(),
        };
        let mut units = vec![
            unit("company", None),
            unit("west", Some(0)),
            unit("perm", Some(1)),
            unit("omsk", Some(1)),
            unit("east", Some(0)),
            unit("chita", Some(4)),
        ];
        units[2].rules.neighbours = vec!["chita".into()];
        let skills = vec!["voice".into(), "ru".into(), "kk".into()];
        let queues = vec![QueuePlan::named("any")];
        Directory::new(Plan { skills, units, queues, ..Plan::default() })
    }

    fn profile(skills: &[(u32, u8)], unit: u32) -> ProfileKey {
        let skills = skills.iter().map(|&(skill, level)| (SkillId(skill), level)).collect();
        ProfileKey { skills, unit: Some(UnitId(unit)), ..ProfileKey::default() }
    }

    fn want(skills: &[(u32, u8)], scopes: &[u32]) -> Want {
        Want {
            queue: QueueId(0),
            skills: skills.iter().map(|&(skill, level)| (SkillId(skill), level)).collect(),
            scopes: scopes.iter().map(|&unit| UnitId(unit)).collect(),
            language: None,
            principal: None,
            channel: None,
            people: false,
        }
    }

    #[test]
    fn r3_1_every_required_skill_at_its_level() {
        let (directory, step) = (directory(), Step::default());
        let has = profile(&[(0, 5), (1, 2)], 2);
        let fits = |skills: &[(u32, u8)]| directory.fits(&has, &want(skills, &[]), &step);
        assert!(fits(&[]) && fits(&[(0, 5), (1, 1)]));
        assert!(!fits(&[(1, 3)]) && !fits(&[(2, 1)]) && !fits(&[(0, 1), (2, 1)]));
        let lowered = Step { levels_lowered: 4, ..step };
        assert!(directory.fits(&has, &want(&[(1, 6)], &[]), &lowered));
        assert!(!directory.fits(&has, &want(&[(2, 1)], &[]), &lowered), "never without the skill");
    }

    #[test]
    fn r3_3_the_reach_widens_from_the_own_unit_to_all() {
        let directory = directory();
        let reaches = |from: u32, to: u32, reach| {
            let step = Step { reach, ..Step::default() };
            directory.fits(&profile(&[], to), &want(&[], &[from]), &step)
        };
        assert!(reaches(2, 2, Reach::Own) && !reaches(2, 3, Reach::Own) && !reaches(2, 1, Reach::Own));
        assert!(reaches(1, 3, Reach::Own), "a scope holds its unit and all below");
        assert!(reaches(2, 5, Reach::Neighbours) && !reaches(2, 3, Reach::Neighbours));
        assert!(reaches(2, 3, Reach::Up(1)) && reaches(2, 5, Reach::Up(1)), "neighbours stay within reach");
        assert!(!reaches(3, 5, Reach::Up(1)) && reaches(3, 5, Reach::Up(2)));
        assert!(reaches(2, 4, Reach::All) && reaches(2, 4, Reach::Up(200)));
    }

    #[test]
    fn r3_1_a_language_is_relaxed_only_with_consent() {
        let directory = directory();
        let has = profile(&[(1, 3)], 0);
        let asks = |any| Want { language: Some(Language { skill: SkillId(2), any }), ..want(&[], &[]) };
        let (narrow, wide) = (Step::default(), Step { any_language: true, ..Step::default() });
        assert!(!directory.fits(&has, &asks(true), &narrow));
        assert!(directory.fits(&has, &asks(true), &wide) && !directory.fits(&has, &asks(false), &wide));
    }

    #[test]
    fn r3_3_a_ladder_that_narrows_is_refused() {
        let step = |after, reach| Step { after: Millis(after), reach, ..Step::default() };
        assert!(check_ladder(&[]).is_ok());
        assert!(check_ladder(&[step(0, Reach::Own), step(5, Reach::All)]).is_ok());
        assert!(check_ladder(&[step(5, Reach::All)]).is_err());
        assert!(check_ladder(&[step(0, Reach::All), step(5, Reach::Own)]).is_err());
        assert!(check_ladder(&[step(0, Reach::Own), step(0, Reach::All)]).is_err());
    }
}
