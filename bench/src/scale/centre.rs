//! The centre: many lines that require a skill each, and one queue for which somebody is always free.

use ringmain_protocol::v1::GatewayPush;
use ringmain_routing::Plan;
use ringmain_routing::command::OperatorPlan;
use ringmain_routing::limits::WAITING_PER_QUEUE_MAX;
use ringmain_routing::plan::{ChannelPlan, QueuePlan};

use super::figures::{BESIDE_LINES, Setup};
use crate::cluster::{ADMIN, CHANNEL, QUEUE, Seat, seat};
use crate::nodes::Token;

/// Skills of the lines.
const SKILLS: usize = 500;
/// Each operator has three, far from each other, so that a few operators serve many lines.
const SKILLS_OF_ONE: [usize; 3] = [0, 167, 333];
/// The skill of those who serve the queue in which nobody waits.
const EXPRESS: &str = "express";

/// A queue that nobody serves, and the skill that nobody has.
pub(super) const UNSERVED: &str = "unserved";

/// Who calls, beside the gateways that bring contacts.
pub(super) struct People {
    pub(super) admin: Seat,
    pub(super) gateways: Vec<Seat>,
    /// One at each node, for the queue in which nobody waits.
    pub(super) express_gateways: Vec<Seat>,
    /// All operators; the first of them serve the queue in which nobody waits.
    pub(super) operators: Vec<Seat>,
}

impl People {
    pub(super) fn of(setup: &Setup) -> People {
        let seats = |role: &str, word: &str, count: usize| {
            (0..count).map(|place| seat(role, format!("{word}-{place}"))).collect()
        };
        People {
            admin: seat("admin", ADMIN.to_owned()),
            gateways: seats("gateway", "gateway", setup.gateways),
            express_gateways: seats("gateway", "express", setup.nodes),
            operators: seats("operator", "operator", setup.operators),
        }
    }

    pub(super) fn tokens(&self) -> Vec<Token> {
        let of = |role: &'static str| move |seat: &Seat| (role, seat.name.clone(), seat.token.clone());
        let gateways = self.gateways.iter().chain(&self.express_gateways).map(of("gateway"));
        let admin = [of("admin")(&self.admin)];
        admin.into_iter().chain(gateways).chain(self.operators.iter().map(of("operator"))).collect()
    }

    /// Operators who serve the queue in which nobody waits.
    pub(super) fn express(&self, setup: &Setup) -> &[Seat] {
        &self.operators[..setup.express.min(self.operators.len())]
    }

    /// Operators who serve the lines.
    pub(super) fn crew(&self, setup: &Setup) -> &[Seat] {
        let from = setup.express.min(self.operators.len());
        &self.operators[from..(from + setup.crew).min(self.operators.len())]
    }
}

/// The plan of an empty centre, with which a cluster shows that it has a leader.
pub(super) fn first_plan() -> Plan {
    Plan {
        version: 1,
        queues: vec![QueuePlan::named(QUEUE)],
        channels: vec![ChannelPlan { name: CHANNEL.into(), units: 1 }],
        ..Plan::default()
    }
}

/// The plan with all queues.
pub(super) fn plan(setup: &Setup) -> Plan {
    let express = QueuePlan { required: vec![(EXPRESS.into(), 1)], ..QueuePlan::named(QUEUE) };
    let unserved = QueuePlan { required: vec![(UNSERVED.into(), 1)], ..QueuePlan::named(UNSERVED) };
    let line = |place: usize| QueuePlan {
        required: vec![(skill(place).into(), 1)],
        waiting_max: WAITING_PER_QUEUE_MAX,
        ..QueuePlan::named(&line_name(place))
    };
    let skills = (0..SKILLS).map(|place| skill(place).into());
    Plan {
        version: 2,
        queues: [express, unserved].into_iter().chain((0..setup.queues - BESIDE_LINES).map(line)).collect(),
        skills: [EXPRESS.into(), UNSERVED.into()].into_iter().chain(skills).collect(),
        ..first_plan()
    }
}

/// All operators.
pub(super) fn operators(setup: &Setup, people: &People) -> Vec<OperatorPlan> {
    let plan = |(place, seat): (usize, &Seat)| {
        let skills = if place < setup.express {
            vec![(EXPRESS.into(), 5)]
        } else {
            SKILLS_OF_ONE.iter().map(|more| (skill(place + more).into(), 5)).collect()
        };
        OperatorPlan {
            login: seat.name.as_str().into(),
            skills,
            capacity: 1,
            unit: None,
            ranks: Vec::new(),
            rules: Default::default(),
        }
    };
    people.operators.iter().enumerate().map(plan).collect()
}

/// The contact with a number: numbers go round the lines.
pub(super) fn push(setup: &Setup, number: u64) -> GatewayPush {
    let line = number as usize % setup.lines;
    GatewayPush {
        key: format!("w{number}"),
        queue: line_name(line),
        channel: CHANNEL.to_owned(),
        tier: 2 + (number % 3) as u32,
        ..GatewayPush::default()
    }
}

fn line_name(place: usize) -> String {
    format!("line-{place}")
}

fn skill(place: usize) -> String {
    format!("skill-{}", place % SKILLS)
}
