//! Profiles: operators with the same skills, unit and ranks share one, so that fitting is worked out once for
//! each pair of profile and class and not for each operator and contact.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::bitset::Bitset;
use crate::ids::{ChannelId, Name, PrincipalId, QueueId, SkillId, Timestamp, UnitId};
use crate::operator::Operator;
use crate::planted::{Planted, is};
use crate::rules::Choice;

/// What makes two operators alike for the router.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ProfileKey {
    /// Sorted by skill.
    pub skills: Box<[(SkillId, u8)]>,
    pub unit: Option<UnitId>,
    /// Ranks other than 0, sorted by queue.
    pub ranks: Box<[(QueueId, u8)]>,
    /// Channels that it serves, sorted; none means all.
    pub channels: Box<[ChannelId]>,
    /// Companies for which it answers, sorted; none means all.
    pub principals: Box<[PrincipalId]>,
    /// Companies lent to it, sorted.
    pub lent: Box<[PrincipalId]>,
    /// At most so many contacts of a channel at once, sorted by channel.
    pub caps: Box<[(ChannelId, u16)]>,
    /// The calendar of its shifts.
    pub shift: Option<Name>,
    /// A program, not a person (R3.13).
    pub bot: bool,
    /// What a contact of a channel costs, where it is not the contact's own units; sorted by channel.
    pub units: Box<[(ChannelId, u32)]>,
    /// At most so many contacts of a queue at once, sorted by queue.
    pub queue_caps: Box<[(QueueId, u16)]>,
}

impl ProfileKey {
    /// What a contact of this channel and these units costs (R3.5).
    pub(crate) fn cost(&self, channel: Option<ChannelId>, units: u32) -> u32 {
        if self.units.is_empty() || is(Planted::OwnUnitsIgnored) {
            return units;
        }
        let place = channel.and_then(|channel| self.units.binary_search_by_key(&channel, |own| own.0).ok());
        place.map_or(units, |place| self.units[place].1)
    }

    /// The operator's own cap for a queue.
    pub(crate) fn queue_cap(&self, queue: QueueId) -> Option<u16> {
        self.queue_caps.binary_search_by_key(&queue, |cap| cap.0).ok().map(|place| self.queue_caps[place].1)
    }

    pub(crate) fn rank(&self, queue: QueueId) -> u8 {
        self.ranks.binary_search_by_key(&queue, |entry| entry.0).map_or(0, |at| self.ranks[at].1)
    }

    pub(crate) fn level(&self, skill: SkillId) -> u8 {
        self.skills.binary_search_by_key(&skill, |entry| entry.0).map_or(0, |at| self.skills[at].1)
    }

    /// The bit of a channel among those with a cap.
    pub(crate) fn cap_bit(&self, channel: Option<ChannelId>) -> Option<u32> {
        self.caps.binary_search_by_key(&channel?, |cap| cap.0).ok().map(|place| 1 << place)
    }
}

/// An operator in the order of idleness.
pub(crate) type Idle = (Timestamp, u32);

/// Behind everybody in the order of idleness.
const NOBODY: Idle = (Timestamp(u64::MAX), u32::MAX);

/// The bit, beside those of channels, of an operator who takes nothing but life safety.
const KEPT: u32 = 1 << 31;

/// How an available operator stands among those of its profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Units free.
    pub free: u32,
    /// The channels with a cap that are full, a bit for each, and [`KEPT`].
    pub full: u32,
    pub idle: Idle,
    /// Which of all assignments was its last.
    pub turn: u64,
    /// The part of the capacity in use, in thousandths.
    pub load: u64,
}

impl Standing {
    pub(crate) fn of(operator: &Operator) -> Standing {
        Standing {
            free: operator.free(),
            full: operator.full_channels() | if operator.was_kept() { KEPT } else { 0 },
            idle: (operator.idle_since, operator.id.slot),
            turn: operator.turn,
            load: operator.load(),
        }
    }

    /// The place by a choice that does not go by idleness alone, smallest first.
    fn place(&self, choice: Choice) -> ChoicePlace {
        match choice {
            Choice::LongestIdle | Choice::MostSkilled => (0, self.idle),
            Choice::LeastOccupied => (self.load, self.idle),
            Choice::RoundRobin => (self.turn, self.idle),
        }
    }
}

/// A place by choice: load or turn, then idleness.
pub(crate) type ChoicePlace = (u64, Idle);

/// Operators by the channels that are full and by free units.
type Levels<P> = BTreeMap<(u32, u32), BTreeSet<P>>;

/// Operators of one profile.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProfileCounts {
    pub operators: u32,
    /// With a session, live or in grace.
    pub signed_in: u32,
    /// With a live session, and ready.
    pub available: u32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Profile {
    pub key: Arc<ProfileKey>,
    /// How many of them are there.
    counts: ProfileCounts,
    /// For each rank the classes that fit.
    pub fits: BTreeMap<u8, Bitset>,
    /// Available operators, longest idle first.
    idle: Levels<Idle>,
    /// The same by other choices, where the plan has them.
    by_choice: BTreeMap<Choice, Levels<ChoicePlace>>,
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
    /// Choices beside idleness that some queue makes.
    choices: BTreeSet<Choice>,
    /// Available operators who were seen to take nothing but life safety.
    kept: u32,
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

    /// Counts one more operator; `true` when the profile is new and its fits must be worked out. From here on the key is
    /// the one that all operators of the profile share: a copy for each would not stay near the processor.
    pub(crate) fn join(&mut self, key: &mut Arc<ProfileKey>) -> (u32, bool) {
        if let Some(&id) = self.ids.get(key) {
            let profile = &mut self.list[id as usize];
            profile.counts.operators += 1;
            *key = profile.key.clone();
            return (id, false);
        }
        let counts = ProfileCounts { operators: 1, ..ProfileCounts::default() };
        let profile = Profile { key: key.clone(), counts, ..Profile::default() };
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
        profile.counts.operators -= 1;
        if profile.counts.operators > 0 {
            return false;
        }
        let key = profile.key.clone();
        *profile = Profile::default();
        self.ids.remove(&key);
        self.spare.push(id);
        true
    }

    /// The class fits at this rank; `None` for not at all.
    pub(crate) fn set_fit(&mut self, profile: u32, class: u32, rank: Option<u8>) {
        let fits = &mut self.list[profile as usize].fits;
        fits.values_mut().for_each(|classes| classes.set(class, false));
        if let Some(rank) = rank {
            fits.entry(rank).or_default().set(class, true);
        }
    }

    /// Puts an available operator into its profile's orders or takes it out.
    pub(crate) fn set_idle(&mut self, profile: u32, standing: Standing, on: bool) {
        let Standing { free, full, idle, .. } = standing;
        let row = &mut self.list[profile as usize];
        if full & KEPT != 0 {
            self.kept = if on { self.kept + 1 } else { self.kept - 1 };
        }
        row.counts.available = if on { row.counts.available + 1 } else { row.counts.available - 1 };
        set_in_level(&mut row.idle, (full, free), idle, on);
        for &choice in &self.choices {
            let levels = row.by_choice.entry(choice).or_default();
            set_in_level(levels, (full, free), standing.place(choice), on);
        }
        if free == 0 {
            return;
        }
        let head = &mut self.heads[profile as usize];
        if on {
            *head = idle.min(*head);
        } else if *head == idle {
            let with_room = row.idle.iter().filter(|(level, _)| level.1 > 0);
            *head = with_room.filter_map(|(_, level)| level.first()).min().copied().unwrap_or(NOBODY);
        }
        self.with_room.set(profile, *head != NOBODY);
    }

    /// The plan makes these choices from here on; `true` when the orders must be made anew.
    pub(crate) fn set_choices(&mut self, choices: BTreeSet<Choice>) -> bool {
        if self.choices == choices {
            return false;
        }
        self.list.iter_mut().for_each(|row| row.by_choice.clear());
        self.choices = choices;
        true
    }

    /// Puts an available operator into the orders of choices that the plan has begun to make.
    pub(crate) fn set_chosen(&mut self, profile: u32, standing: Standing) {
        let by_choice = &mut self.list[profile as usize].by_choice;
        for &choice in &self.choices {
            let levels = by_choice.entry(choice).or_default();
            set_in_level(levels, (standing.full, standing.free), standing.place(choice), true);
        }
    }

    /// How many operators a profile has, and how many are there.
    pub(crate) fn counts(&self, profile: u32) -> ProfileCounts {
        self.list[profile as usize].counts
    }

    /// Counts an operator who has a session, or has none any more.
    pub(crate) fn set_signed_in(&mut self, profile: u32, on: bool) {
        let counts = &mut self.list[profile as usize].counts;
        counts.signed_in = if on { counts.signed_in + 1 } else { counts.signed_in - 1 };
    }

    /// Whether some available operator was seen to take nothing but life safety.
    pub(crate) fn has_kept(&self) -> bool {
        self.kept > 0
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
        demand: Demand,
        passes: impl Fn(u32) -> bool,
    ) -> Option<Idle> {
        let row = &self.list[profile as usize];
        let levels = with_room(&row.idle, demand.of(&row.key), row.key.cap_bit(demand.channel));
        levels.filter_map(|level| level.iter().find(|idle| passes(idle.1)).copied()).min()
    }

    /// The first by choice among the available operators of one profile with room who pass.
    pub(crate) fn first_by_choice_of(
        &self,
        profile: u32,
        choice: Choice,
        demand: Demand,
        passes: impl Fn(u32) -> bool,
    ) -> Option<ChoicePlace> {
        let row = &self.list[profile as usize];
        let levels =
            with_room(row.by_choice.get(&choice)?, demand.of(&row.key), row.key.cap_bit(demand.channel));
        levels.filter_map(|level| level.iter().find(|place| passes(place.1.1)).copied()).min()
    }

    /// The available operators of a profile, whatever their load.
    pub(crate) fn available(&self, profile: u32) -> impl Iterator<Item = Idle> + '_ {
        self.list[profile as usize].idle.values().flatten().copied()
    }

    /// Whether an available operator of the profile passes, whatever its load.
    pub(crate) fn has_any(&self, profile: u32, passes: impl Fn(u32) -> bool) -> bool {
        self.list[profile as usize].idle.values().any(|level| level.iter().any(|idle| passes(idle.1)))
    }
}

/// What a contact takes of an operator's room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    pub units: u32,
    pub channel: Option<ChannelId>,
    /// Whether those who were seen to take nothing but life safety are passed over.
    pub passes_kept: bool,
}

impl Demand {
    /// What it is of operators with a profile.
    fn of(self, key: &ProfileKey) -> Demand {
        Demand { units: key.cost(self.channel, self.units), ..self }
    }
}

fn set_in_level<P: Ord>(levels: &mut Levels<P>, level: (u32, u32), place: P, on: bool) {
    if on {
        levels.entry(level).or_default().insert(place);
    } else if let Some(places) = levels.get_mut(&level) {
        places.remove(&place);
        if places.is_empty() {
            levels.remove(&level);
        }
    }
}

/// The levels with room for a contact: units free, and its channel not full.
fn with_room<P>(levels: &Levels<P>, demand: Demand, bit: Option<u32>) -> impl Iterator<Item = &BTreeSet<P>> {
    let bit =
        bit.filter(|_| !is(Planted::CapIgnored)).unwrap_or(0) | if demand.passes_kept { KEPT } else { 0 };
    // As a rule nobody is full of anything, and there is one group to look at.
    let last = levels.last_key_value().map_or(0, |(level, _)| level.0);
    let group = move |from: u32| match last {
        0 => (from == 0).then_some(0),
        _ => levels.range((from, 0)..).next().map(|(level, _)| level.0),
    };
    let groups = core::iter::successors(group(0), move |full| group(full + 1));
    let open = groups.filter(move |full| full & bit == 0);
    open.flat_map(move |full| levels.range((full, demand.units)..=(full, u32::MAX)).map(|(_, level)| level))
}
