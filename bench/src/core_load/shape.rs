//! What the centre of the benchmark is made of: its plan, what contacts of each class require, and what operators
//! of each profile can do.

use ringmain_routing::command::OperatorPlan;
use ringmain_routing::plan::{Answer, ChannelPlan, QueuePlan, SessionPlan, UnitPlan};
use ringmain_routing::{Millis, Name, Plan, UnitId};

/// Offers must be answered within this time.
const OFFER: Millis = Millis(15_000);
/// Wrap-up in the queues that have one.
const WRAP_UP: Millis = Millis(20_000);
/// Skills of the busy part of the centre, and languages beside them.
const SKILLS: u32 = 60;
const LANGUAGES: u32 = 4;
/// Skills of the calm part.
const CALM_SKILLS: u32 = 8;
/// One class and one profile of so many are calm.
const CALM_EVERY: u32 = 10;
const QUEUES_MIN: u32 = 4;
const PROFILES: std::ops::RangeInclusive<u32> = 10..=2_000;
/// Operators of one profile, as far as [`PROFILES`] allows.
const TEAM: u32 = 10;

/// How large the centre is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Operators signed in; in every tenth profile they serve calm classes alone.
    pub operators: u32,
    /// Distinct requirement sets: queue, units, skills and scope together. For contacts of every tenth, the calm
    /// ones, somebody is always free; those of the others wait.
    pub classes: u32,
    /// Where the random numbers come from.
    pub seed: u64,
}

impl Size {
    /// Distinct sets of skills, unit and ranks among the operators.
    #[must_use]
    pub fn profiles(&self) -> u32 {
        (self.operators / TEAM).clamp(*PROFILES.start(), *PROFILES.end()).min(self.operators.max(1))
    }

    pub(super) fn queues(&self) -> u32 {
        (self.classes / 10).max(QUEUES_MIN)
    }

    pub(super) fn queue_of(&self, class: u32) -> u32 {
        class * self.queues() / self.classes.max(1)
    }

    pub(super) fn has_wrap_up(&self, class: u32) -> bool {
        wrap_up_of(self.queue_of(class)).0 > 0
    }

    /// Memories are short, so that a run has forgetting in its mix too.
    pub(super) fn plan(&self) -> Plan {
        let unit = |name: &str, parent| UnitPlan { name: name.into(), parent, rules: Default::default() };
        let channel = |name: &str, units| ChannelPlan { name: name.into(), units };
        Plan {
            version: 1,
            queues: (0..self.queues()).map(queue).collect(),
            skills: (0..SKILLS + LANGUAGES + CALM_SKILLS).map(skill_name).collect(),
            channels: vec![channel("voice", 2), channel("mail", 1)],
            units: vec![
                unit("company", None),
                unit("north", Some(UnitId(0))),
                unit("south", Some(UnitId(0))),
            ],
            sessions: SessionPlan {
                missed: Millis(5_000),
                key_window: Millis(30_000),
                ..SessionPlan::default()
            },
            rules: Default::default(),
        }
    }

    /// Profile 0 is of those who can do everything that is not calm. The others know about a third of the skills,
    /// which is a ninth to a quarter of the classes.
    pub(super) fn operator(&self, number: u32) -> OperatorPlan {
        let profile = number % self.profiles();
        let known = |skill: u32| profile == 0 || mixed(self.seed, profile, skill).is_multiple_of(3);
        let level = |skill: u32| if profile == 0 { 10 } else { 1 + (mixed(1, profile, skill) % 5) as u8 };
        let skills: Vec<u32> = if is_calm(profile) {
            (SKILLS + LANGUAGES..SKILLS + LANGUAGES + CALM_SKILLS).collect()
        } else {
            (0..SKILLS + LANGUAGES).filter(|skill| known(*skill)).collect()
        };
        let rank = |place: u32| (mixed(2, profile, place) % u64::from(self.queues())) as u32;
        let mut ranked: Vec<u32> = (0..3).map(rank).collect();
        ranked.sort_unstable();
        ranked.dedup();
        OperatorPlan {
            login: operator_name(number),
            skills: skills.into_iter().map(|skill| (skill_name(skill), level(skill))).collect(),
            capacity: 2 + profile % 3,
            unit: Some(if profile.is_multiple_of(2) { "north".into() } else { "south".into() }),
            ranks: ranked.into_iter().map(|queue| (queue_name(queue), 1 + (profile % 2) as u8)).collect(),
            rules: Default::default(),
        }
    }
}

/// Whether a class or a profile, by its number, is of the calm part.
pub(super) fn is_calm(number: u32) -> bool {
    number % CALM_EVERY == CALM_EVERY - 1
}

/// What a contact of a class asks for: distinct within each queue.
pub(super) fn skills_of(class: u32) -> Vec<(Name, u8)> {
    if is_calm(class) {
        return vec![(skill_name(SKILLS + LANGUAGES + class % CALM_SKILLS), 1)];
    }
    let skill = (skill_name(class * 7 % SKILLS), 1 + (class % 3) as u8);
    let language = (class % 10 >= 5).then(|| (skill_name(SKILLS + class % LANGUAGES), 1));
    std::iter::once(skill).chain(language).collect()
}

pub(super) fn scope_of(class: u32) -> Option<Name> {
    (class % 7 == 3 && !is_calm(class)).then(|| "north".into())
}

pub(super) fn channel_of(class: u32) -> Name {
    if class % 4 == 3 { "mail".into() } else { "voice".into() }
}

/// Every third queue answers automatically, every third has wrap-up too, the others offer.
fn queue(number: u32) -> QueuePlan {
    let answer = if number % 3 == 2 { Answer::Offered { within: OFFER } } else { Answer::Automatic };
    QueuePlan { answer, wrap_up: wrap_up_of(number), ..QueuePlan::named(&queue_name(number)) }
}

fn wrap_up_of(queue: u32) -> Millis {
    if queue % 3 == 1 { WRAP_UP } else { Millis(0) }
}

pub(super) fn queue_name(number: u32) -> Name {
    format!("queue-{number:03}").into()
}

pub(super) fn operator_name(number: u32) -> Name {
    format!("operator-{number:05}").into()
}

fn skill_name(number: u32) -> Name {
    format!("skill-{number:03}").into()
}

/// A number that looks drawn by lot, always the same for the same three (SplitMix64).
fn mixed(a: u64, b: u32, c: u32) -> u64 {
    let mut z = a ^ (u64::from(b) << 32 | u64::from(c)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn classes_and_profiles_are_as_many_as_asked_for() {
        let size = Size { operators: 20_000, classes: 1_000, seed: 1 };
        let classes: BTreeSet<_> = (0..size.classes)
            .map(|class| (size.queue_of(class), channel_of(class), skills_of(class), scope_of(class)))
            .collect();
        assert_eq!(classes.len(), 1_000);
        let profiles: BTreeSet<_> = (0..size.profiles())
            .map(|profile| size.operator(profile))
            .map(|plan| (plan.skills, plan.unit, plan.ranks))
            .collect();
        assert_eq!((size.profiles(), profiles.len()), (2_000, 2_000));
    }
}
