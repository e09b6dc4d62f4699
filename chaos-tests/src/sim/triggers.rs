//! Triggers of a simulated centre: they open ladders and change ranks while lines are long.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::rules::{GroupRank, Measure, Trigger};
use ringmain_routing::{Millis, Name, Plan};

use super::centre::{QUEUES, SKILLS, UNITS};

/// Up to two triggers.
pub(super) fn put_into(rng: &mut ChaCha8Rng, plan: &mut Plan) {
    let triggers: Vec<Trigger> =
        (0..rng.random_range(0..3)).map(|number| trigger(rng, plan, number)).collect();
    plan.rules.triggers = triggers;
}

fn trigger(rng: &mut ChaCha8Rng, plan: &Plan, number: u32) -> Trigger {
    let queue = &plan.queues[rng.random_range(0..QUEUES.len())];
    let off = rng.random_range(0..2_000);
    let measure = match rng.random_range(0..4) {
        0 => Measure::Waiting { on: rng.random_range(2..6), off: rng.random_range(0..2) },
        1 => Measure::LongestWait { on: Millis(off + rng.random_range(1..2_000)), off: Millis(off) },
        2 => Measure::ExpectedWait { on: Millis(off + rng.random_range(1..2_000)), off: Millis(off) },
        _ => Measure::ServiceLevel { on: rng.random_range(20..90), off: rng.random_range(90..=100) },
    };
    let steps = queue.rules.ladder.len() as u8;
    let step = (steps > 1).then(|| rng.random_range(1..steps));
    let shifts = if step.is_none() { 1 } else { rng.random_range(0..3) };
    Trigger {
        name: format!("trigger-{number}").into(),
        queue: queue.name.clone(),
        measure,
        every: Millis(rng.random_range(1..4) * 1_000),
        calm: Millis(if rng.random_bool(0.5) { 0 } else { rng.random_range(1..4_000) }),
        step,
        ranks: (0..shifts).map(|_| rank(rng, plan)).collect(),
    }
}

/// Whatever the ladder reaches last, rank 0 is within.
fn rank(rng: &mut ChaCha8Rng, plan: &Plan) -> GroupRank {
    let queue = &plan.queues[rng.random_range(0..QUEUES.len())];
    let reached = queue.rules.ladder.last().map_or(u8::MAX, |step| step.rank_max);
    let unit = (!plan.units.is_empty() && rng.random_bool(0.5))
        .then(|| Name::from(UNITS[rng.random_range(0..UNITS.len())].0));
    let skill = (unit.is_none() || rng.random_bool(0.3))
        .then(|| Name::from(SKILLS[rng.random_range(0..SKILLS.len())]));
    GroupRank { queue: queue.name.clone(), unit, skill, rank: rng.random_range(0..3).min(reached) }
}
