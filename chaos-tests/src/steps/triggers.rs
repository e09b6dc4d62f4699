//! Triggers of the random worlds, in small numbers.

use ringmain_routing::rules::{GroupRank, Measure, Trigger};
use ringmain_routing::{Millis, Plan};

use super::world::{QUEUES, SKILLS, UNITS, pick};

/// Of which queue, for which unit, for which skill, to what.
pub type RankSpec = (u8, Option<u8>, Option<u8>, u8);

/// One trigger of the plan.
#[derive(Clone, Copy, Debug)]
pub struct TriggerSpec {
    /// Whose figure.
    pub queue: u8,
    /// Which figure.
    pub measure: u8,
    /// Where it is off, and how much worse it is where it goes on.
    pub room: (u8, u8),
    /// How many seconds between two looks, and how long it must have been good.
    pub times: (u8, u16),
    /// The step that it opens, where the ladder has it.
    pub step: u8,
    /// The ranks that it changes.
    pub ranks: [Option<RankSpec>; 2],
}

/// Puts triggers into a plan whose queues are known; what would change nothing is left out.
pub(super) fn put_into(plan: &mut Plan, specs: &[TriggerSpec]) {
    let queues = plan.queues.len().max(1) as u8;
    let triggers = (0..).zip(specs).map(|(number, spec)| trigger(plan, number, spec, queues));
    plan.rules.triggers = triggers.filter(|rule| rule.step.is_some() || !rule.ranks.is_empty()).collect();
}

fn trigger(plan: &Plan, number: u8, spec: &TriggerSpec, queues: u8) -> Trigger {
    let place = spec.queue % queues;
    let steps = plan.queues.get(usize::from(place)).map_or(0, |queue| queue.rules.ladder.len());
    let (off, on) = (spec.room.0, spec.room.0.saturating_add(1 + spec.room.1));
    let span = |ms: u8| Millis(8 * u64::from(ms));
    let measure = match spec.measure % 4 {
        0 => Measure::Waiting { on: u32::from(on % 8).max(u32::from(off % 4) + 1), off: u32::from(off % 4) },
        1 => Measure::LongestWait { on: span(on), off: span(off) },
        2 => Measure::ExpectedWait { on: span(on), off: span(off) },
        _ => Measure::ServiceLevel { on: off % 90, off: 90 + on % 11 },
    };
    let ranks = spec.ranks.into_iter().flatten().map(|(queue, unit, skill, rank)| GroupRank {
        queue: pick(&QUEUES, queue % queues).into(),
        unit: unit.map(|unit| pick(&UNITS, unit).0.into()),
        skill: skill.map(|skill| pick(&SKILLS, skill).into()),
        rank: rank % 3,
    });
    Trigger {
        name: format!("trigger {number}").into(),
        queue: pick(&QUEUES, place).into(),
        measure,
        every: Millis(1_000 * (1 + u64::from(spec.times.0 % 3))),
        calm: Millis(u64::from(spec.times.1)),
        step: (steps > 1).then(|| 1 + spec.step % (steps as u8 - 1)),
        ranks: ranks.filter(|shift| shift.unit.is_some() || shift.skill.is_some()).collect(),
    }
}
