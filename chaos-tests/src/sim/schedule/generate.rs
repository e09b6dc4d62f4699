//! The schedule of a seed.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::Name;
use ringmain_routing::command::Role;

use super::{Client, Errand, Fault, HABITS, Intent, Planned, Schedule, Step, What};
use crate::sim::net::rng_of;

/// How long things go wrong.
const SPAN_MS: u64 = 16_000;
const GATEWAYS: usize = 3;
const OPERATORS: usize = 4;
const HOUR_MS: i64 = 3_600_000;

pub(super) fn schedule(seed: u64, nodes: Option<usize>) -> Schedule {
    let mut rng = rng_of(seed, "schedule", 0);
    let by_seed = if rng.random_bool(0.5) { 3 } else { 5 };
    let nodes = nodes.unwrap_or(by_seed);
    let clients = clients();
    let mut events = Vec::new();
    faults(seed, nodes, &clients, &mut events);
    for client in &clients {
        intents(seed, client, &mut events);
    }
    errands(seed, &mut events);
    events.sort_by_key(|event| event.at);
    let habits = HABITS.iter().map(|(habit, _)| *habit).collect();
    Schedule { seed, nodes, span: SPAN_MS, clients, habits, events }
}

fn clients() -> Vec<Client> {
    let name = |word: &str, number: usize| Name::from(format!("{word}-{number}"));
    let gateways = (0..GATEWAYS).map(|n| Client { role: Role::Gateway, name: name("gateway", n) });
    let operators = (0..OPERATORS).map(|n| Client { role: Role::Operator, name: name("operator", n) });
    gateways.chain(operators).collect()
}

fn faults(seed: u64, nodes: usize, clients: &[Client], events: &mut Vec<Planned>) {
    let mut rng = rng_of(seed, "faults", 0);
    let mut at = 500;
    loop {
        at += rng.random_range(50..1_200);
        if at >= SPAN_MS {
            return;
        }
        let what = What::Fault(fault(&mut rng, nodes, clients));
        events.push(Planned { at, what });
    }
}

fn fault(rng: &mut ChaCha8Rng, nodes: usize, clients: &[Client]) -> Fault {
    let node = rng.random_range(0..nodes);
    let client = clients[rng.random_range(0..clients.len())].name.clone();
    let salt = rng.random_range(0..1 << 32);
    let down = rng.random_range(20..3_000);
    let span = rng.random_range(100..3_500);
    match rng.random_range(0..107) {
        0..8 => Fault::Crash { node, down, salt },
        8..17 => {
            let steps = [Step::Synced, Step::Applied, Step::Elected, Step::AtWork];
            let step = steps[rng.random_range(0..steps.len())];
            Fault::CrashAt { node, step, down, salt }
        }
        17..20 => Fault::CrashAll { down, salt },
        20..26 => Fault::Pause { node, span },
        26..33 => Fault::Isolate { node, span },
        33..38 => Fault::Halves { mask: rng.random_range(1..(1 << nodes) - 1), span },
        38..40 => Fault::Ring { span },
        40..45 => {
            let to = (node + rng.random_range(1..nodes)) % nodes;
            Fault::OneWay { from: node, to, span }
        }
        45..48 => Fault::Flap { node, span },
        48..53 => {
            let (loss, twice) = (rng.random_range(1..30), rng.random_range(1..15));
            Fault::Noise { loss, twice, span }
        }
        53..56 => Fault::SlowDisk { node, span },
        56..59 => Fault::FullDisk { node, span },
        59..63 => Fault::Flip { node, salt },
        63..67 => {
            let by = rng.random_range(-HOUR_MS..HOUR_MS);
            Fault::WallJump { node, by, span: 2 * span }
        }
        67..70 => Fault::Drift { node, ppm: rng.random_range(-300..300) },
        70..77 => Fault::Snapshot { node },
        77..89 => Fault::CutStream { client },
        89..95 => Fault::Mute { client, up: rng.random_bool(0.5), span },
        95..100 => Fault::EndProgram { client },
        100..102 => Fault::WallsBehind { by: rng.random_range(2_000..60_000), down, salt },
        _ => Fault::Behind { node, span: rng.random_range(200..900) },
    }
}

fn intents(seed: u64, client: &Client, events: &mut Vec<Planned>) {
    let mut rng = rng_of(seed, &format!("intents of {}", client.name), 0);
    let (mut at, mut number) = (0, 0);
    loop {
        at += rng.random_range(20..800);
        if at >= SPAN_MS {
            return;
        }
        number += 1;
        let intent = match client.role {
            Role::Gateway => Some(gateways_intent(&mut rng, number)),
            Role::Operator => operators_intent(&mut rng, number),
        };
        if let Some(intent) = intent {
            events.push(Planned { at, what: What::Intent { client: client.name.clone(), intent } });
        }
    }
}

fn gateways_intent(rng: &mut ChaCha8Rng, number: u64) -> Intent {
    match rng.random_range(0..100) {
        0..80 => Intent::Bring(number),
        80..85 => Intent::BringAgain,
        85..88 => Intent::ReuseKey,
        88..95 => Intent::Leave,
        _ => Intent::Garbage(number),
    }
}

fn operators_intent(rng: &mut ChaCha8Rng, number: u64) -> Option<Intent> {
    match rng.random_range(0..100) {
        0..5 => Some(Intent::Pause),
        5..7 => Some(Intent::SignOut),
        7..13 => Some(Intent::Garbage(number)),
        13..21 => Some(Intent::HandOut),
        _ => None,
    }
}

fn errands(seed: u64, events: &mut Vec<Planned>) {
    let mut rng = rng_of(seed, "errands", 0);
    let (mut at, mut number) = (300, 0);
    loop {
        at += rng.random_range(100..1_600);
        if at >= SPAN_MS {
            return;
        }
        number += 1;
        let errand = match rng.random_range(0..10) {
            0..6 => Errand::Act,
            6 => Errand::Register,
            7..9 => Errand::Plan,
            _ => Errand::Staff,
        };
        events.push(Planned { at, what: What::Errand(errand, number) });
    }
}
