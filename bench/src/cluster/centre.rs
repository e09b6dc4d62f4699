//! The centre that is loaded: one queue that connects at once, operators who are always free for it, gateways at every
//! node.

use ringmain_routing::command::OperatorPlan;
use ringmain_routing::plan::{ChannelPlan, QueuePlan, SessionPlan};
use ringmain_routing::{Millis, Plan};

use super::figures::{Class, Setup};
use crate::nodes::Token;

pub(crate) const QUEUE: &str = "bench";
pub(crate) const CHANNEL: &str = "bench";
pub(crate) const ADMIN: &str = "bench";
/// How long the keys of ended contacts are remembered. Shorter than usual, so that a sweep of many rates does not fill
/// the memory of the nodes with contacts that are over.
const KEY_WINDOW: Millis = Millis(120_000);

/// One gateway or operator.
pub(crate) struct Seat {
    pub(crate) name: String,
    pub(crate) token: String,
}

/// Gateways that bring a class.
pub(super) fn gateways(setup: &Setup, class: Class) -> Vec<Seat> {
    let (word, count) = match class {
        Class::Tier0 => ("urgent", setup.gateways_of_tier_0),
        Class::Others => ("gateway", setup.gateways),
    };
    (0..count).map(|place| seat("gateway", format!("{word}-{place}"))).collect()
}

/// All operators.
pub(super) fn operators(setup: &Setup) -> Vec<Seat> {
    (0..setup.operators).map(|place| seat("operator", format!("operator-{place}"))).collect()
}

pub(super) fn admin() -> Seat {
    seat("admin", ADMIN.to_owned())
}

/// Tokens of everybody who may call.
pub(super) fn tokens(setup: &Setup) -> Vec<Token> {
    let of = |role: &'static str| move |seat: Seat| (role, seat.name, seat.token);
    let gateways = Class::ALL.into_iter().flat_map(|class| gateways(setup, class)).map(of("gateway"));
    [admin()]
        .into_iter()
        .map(of("admin"))
        .chain(gateways)
        .chain(operators(setup).into_iter().map(of("operator")))
        .collect()
}

/// What the cluster is told of the centre.
pub(super) fn plan(setup: &Setup) -> Plan {
    Plan {
        version: 1,
        queues: vec![QueuePlan { waiting_max: setup.waiting_max, ..QueuePlan::named(QUEUE) }],
        channels: vec![ChannelPlan { name: CHANNEL.into(), units: 1 }],
        sessions: SessionPlan { key_window: KEY_WINDOW, ..SessionPlan::default() },
        ..Plan::default()
    }
}

/// ... and of its operators.
pub(super) fn operator_plans(setup: &Setup) -> Vec<OperatorPlan> {
    let plan = |seat: Seat| OperatorPlan {
        login: seat.name.into(),
        skills: Vec::new(),
        capacity: setup.capacity,
        unit: None,
        ranks: Vec::new(),
        rules: Default::default(),
    };
    operators(setup).into_iter().map(plan).collect()
}

/// A token for one run on one machine: whoever can read the folder may call anyway.
pub(crate) fn seat(role: &str, name: String) -> Seat {
    let token = format!("bench-{}-{role}-{name}", std::process::id());
    Seat { name, token }
}
