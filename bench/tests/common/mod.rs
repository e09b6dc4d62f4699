//! Shared by the tests: small random scenarios, and a judge of results that knows only the format's rules.
#![allow(dead_code, reason = "each test uses a part of it")]

pub mod judge;

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use ringmain_bench::scenario::{Contact, Kind, Operator, Scenario, Shift, Text};
use ringmain_routing::command::OperatorPlan;

/// A contact with nothing special about it.
pub fn contact(id: usize, arrival_ms: u64, service_ms: u64) -> Contact {
    Contact {
        contact_id: format!("k{id}").into(),
        customer_id: format!("u{id}").into(),
        queue: "line".into(),
        channel: "voice".into(),
        priority: 2,
        required_skills: Arc::from([]),
        region: None,
        arrival_ms,
        service_ms,
        patience_ms: None,
        weight: 1,
        kind: Kind::Ordinary,
        preferred_operator: None,
        sticky_ms: None,
        language: None,
        topic: None,
        wrap_up_ms: None,
    }
}

/// An operator of capacity 1 who is always on duty.
pub fn operator(id: &str, skills: &[&str]) -> Operator {
    Operator {
        operator_id: id.into(),
        skills: skills.iter().map(|&skill| (skill.into(), 1)).collect(),
        capacity: 1,
        region: None,
        shifts: None,
    }
}

/// What a plan says of an operator.
pub fn planned(login: &str, skills: &[&str], capacity: u32, ranks: &[(&str, u8)]) -> OperatorPlan {
    OperatorPlan {
        login: login.into(),
        skills: skills.iter().map(|&skill| (skill.into(), 1)).collect(),
        capacity,
        unit: None,
        ranks: ranks.iter().map(|&(queue, rank)| (queue.into(), rank)).collect(),
        rules: Default::default(),
    }
}

/// A crowded little centre: tiers, skills, weights, patience, shifts, wrap-up and call-backs at random.
pub fn random_scenario(seed: u64, contacts: usize) -> Scenario {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let skills = ["a", "b", "c"];
    let operators = (0..rng.random_range(2..7u32)).map(|i| random_operator(i, &skills, &mut rng)).collect();
    let gap = rng.random_range(20..120u64);
    let mut at = 0;
    let made = (0..contacts).map(|i| {
        at += rng.random_range(0..gap);
        random_contact(i, at, &skills, &mut rng)
    });
    Scenario { contacts: made.collect(), operators, ..Scenario::default() }
}

fn random_operator(i: u32, skills: &[&str], rng: &mut ChaCha12Rng) -> Operator {
    let own: Vec<&str> = skills.iter().copied().filter(|_| rng.random_bool(0.7)).collect();
    let from_ms = rng.random_range(0..3_000);
    let shift = Shift { from_ms, to_ms: from_ms + rng.random_range(500..20_000) };
    let late = Shift { from_ms: shift.to_ms + 1_000, to_ms: shift.to_ms + 60_000 };
    Operator {
        capacity: rng.random_range(1..5),
        shifts: rng.random_bool(0.5).then(|| vec![shift, late]),
        ..operator(&format!("op{i}"), &own)
    }
}

fn random_contact(i: usize, at: u64, skills: &[&str], rng: &mut ChaCha12Rng) -> Contact {
    let required: Vec<Text> =
        skills.iter().filter(|_| rng.random_bool(0.3)).map(|&skill| skill.into()).collect();
    let is_callback = rng.random_bool(0.1);
    Contact {
        priority: rng.random_range(0..5),
        required_skills: required.into(),
        patience_ms: rng.random_bool(0.6).then(|| rng.random_range(0..2_000)),
        weight: rng.random_range(1..4),
        wrap_up_ms: rng.random_bool(0.3).then(|| rng.random_range(0..200)),
        kind: if is_callback { Kind::Callback } else { Kind::Ordinary },
        customer_id: if is_callback { format!("u{}", rng.random_range(0..4)) } else { format!("u{i}") }
            .into(),
        ..contact(i, at, rng.random_range(1..400))
    }
}
