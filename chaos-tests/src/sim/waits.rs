//! Those who wait, and room, in a simulated centre: offers, leaving, alarms, the duty number, bands, caps, reservations.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::Millis;
use ringmain_routing::rules::{PlanRules, QueueRules, Treatment, WaitRule};

fn sometimes(rng: &mut ChaCha8Rng, most: u64) -> Option<Millis> {
    rng.random_bool(0.4).then(|| Millis(rng.random_range(1..most)))
}

/// What a queue says of those who wait, and how much of it one operator has.
pub(super) fn put_into_queue(rng: &mut ChaCha8Rng, rules: &mut QueueRules) {
    let mut after = 0;
    for _ in 0..rng.random_range(0..3) {
        after += rng.random_range(100..3_000);
        let treatments = [Treatment::CallBack, Treatment::Voicemail, Treatment::Message];
        let to = treatments[rng.random_range(0..treatments.len())];
        rules.waits.push(WaitRule { after: Millis(after), to, leave: false });
    }
    if rng.random_bool(0.2) {
        rules.waits.push(WaitRule { after: Millis(after + 4_000), to: Treatment::Message, leave: true });
    }
    rules.alarm_after = sometimes(rng, 3_000);
    rules.bands = sometimes(rng, 2_000).into_iter().collect();
    rules.cap = rng.random_bool(0.3).then(|| rng.random_range(1..4));
    rules.reserve_after = sometimes(rng, 2_000);
}

/// The duty number.
pub(super) fn put_into_plan(rng: &mut ChaCha8Rng, rules: &mut PlanRules) {
    rules.duty_after = sometimes(rng, 3_000);
}
