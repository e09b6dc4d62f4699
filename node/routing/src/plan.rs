//! The routing plan: queues, skills, channels, org units and targets, as data. A plan enters the log whole and
//! versioned; queues, skills, channels and units keep their place for ever, so that an id means one thing.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{Millis, Name, UnitId};
use crate::rules::{PlanRules, QueueRules, UnitRules};

/// What a centre's routing works by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Grows by one with each change; 0 is the empty plan of a new cluster.
    pub version: u64,
    /// Queues; the place in the list is the queue's id.
    pub queues: Vec<QueuePlan>,
    /// Names of skills (languages are skills too); the place in the list is the skill's id.
    pub skills: Vec<Name>,
    /// Channels and what they cost.
    pub channels: Vec<ChannelPlan>,
    /// Org units, each after its parent.
    pub units: Vec<UnitPlan>,
    /// How the sessions of operators and gateways end.
    pub sessions: SessionPlan,
    /// The rule book, as far as it is not said above. Logs before format 3 know none.
    #[serde(skip)]
    pub rules: PlanRules,
}

/// One queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuePlan {
    /// Its name.
    pub name: Name,
    /// How a contact reaches the operator.
    pub answer: Answer,
    /// Wrap-up after each contact; 0 for none.
    pub wrap_up: Millis,
    /// Longest wrap-up with all extensions.
    pub wrap_up_max: Millis,
    /// What becomes of a contact whose operator is lost for good.
    pub orphan: Orphan,
    /// How many contacts may wait at once.
    pub waiting_max: u32,
    /// What the centre has promised.
    pub target: Target,
    /// Skills that every contact of the queue requires besides its own.
    pub required: Vec<(Name, u8)>,
    /// Only operators of this unit or below serve the queue; `None` for all.
    pub scope: Option<Name>,
    /// A closed queue takes no new contact; those that wait are served.
    pub open: bool,
    /// The rule book for this queue. Logs before format 3 know none.
    #[serde(skip)]
    pub rules: QueueRules,
}

/// How a contact reaches the operator (R3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Connected in the log entry that assigns it.
    Automatic,
    /// Connected by the desktop, which confirms within the time; no right to decline. Silence is RONA.
    Confirmed {
        /// Time to confirm.
        within: Millis,
    },
    /// The operator accepts or declines within the time. Silence is RONA.
    Offered {
        /// Time to decide.
        within: Millis,
    },
    /// The operator sees what it is before they are connected, and may begin sooner or decline. Logs before format 3
    /// know none.
    Previewed {
        /// Time to look; then they are connected.
        within: Millis,
    },
}

/// What becomes of a contact whose operator does not come back within the grace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Orphan {
    /// Back to the queue at its old place.
    Requeue,
    /// Closed with the reason `OperatorLost`.
    Close,
}

/// Service level: `percent` of the contacts answered within `within`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Time to the answer.
    pub within: Millis,
    /// Share of contacts, 0 to 100.
    pub percent: u8,
}

/// One channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelPlan {
    /// Its name.
    pub name: Name,
    /// Units of an operator's capacity that a contact takes unless it says otherwise.
    pub units: u32,
}

/// One org unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitPlan {
    /// Its name, one of a kind in the plan.
    pub name: Name,
    /// The unit above; `None` for the company.
    pub parent: Option<UnitId>,
    /// The rule book for this unit. Logs before format 3 know none.
    #[serde(skip)]
    pub rules: UnitRules,
}

/// How sessions and memories end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionPlan {
    /// How long a lost stream may take to come back on any node.
    pub grace: Millis,
    /// How long a missed offer keeps the operator from new ones; a click ends it earlier.
    pub missed: Millis,
    /// How long a contact that was declined or missed stays away from that operator.
    pub exclusion: Millis,
    /// How long an ended contact's key still gets its first answer.
    pub key_window: Millis,
}

impl Default for SessionPlan {
    fn default() -> Self {
        SessionPlan {
            grace: Millis(15_000),
            missed: Millis(60_000),
            exclusion: Millis(30_000),
            key_window: Millis(3_600_000),
        }
    }
}

impl QueuePlan {
    /// A queue with the defaults of a plan: automatic answer, no wrap-up, 80 % in 20 s.
    #[must_use]
    pub fn named(name: &str) -> QueuePlan {
        QueuePlan {
            name: name.into(),
            answer: Answer::Automatic,
            wrap_up: Millis(0),
            wrap_up_max: Millis(600_000),
            orphan: Orphan::Requeue,
            waiting_max: crate::limits::WAITING_PER_QUEUE_MAX,
            target: Target { within: Millis(20_000), percent: 80 },
            required: Vec::new(),
            scope: None,
            open: true,
            rules: QueueRules::default(),
        }
    }
}

/// All of a plan's rule book, apart from the plan: the second half of a plan's frame in format 3.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RuleBook {
    plan: PlanRules,
    queues: Vec<QueueRules>,
    units: Vec<UnitRules>,
}

impl RuleBook {
    pub(crate) fn of(plan: &Plan) -> RuleBook {
        RuleBook {
            plan: plan.rules.clone(),
            queues: plan.queues.iter().map(|queue| queue.rules.clone()).collect(),
            units: plan.units.iter().map(|unit| unit.rules.clone()).collect(),
        }
    }

    /// Puts the rules into a plan that was read without them; `false` when they belong to another one.
    pub(crate) fn put_into(self, plan: &mut Plan) -> bool {
        let fits = self.queues.len() == plan.queues.len() && self.units.len() == plan.units.len();
        plan.rules = self.plan;
        plan.queues.iter_mut().zip(self.queues).for_each(|(queue, rules)| queue.rules = rules);
        plan.units.iter_mut().zip(self.units).for_each(|(unit, rules)| unit.rules = rules);
        fits
    }
}

impl Plan {
    /// Whether it says anything that only format 3 can.
    pub(crate) fn has_rules(&self) -> bool {
        self.rules != PlanRules::default()
            || self.queues.iter().any(|queue| {
                queue.rules != QueueRules::default() || matches!(queue.answer, Answer::Previewed { .. })
            })
            || self.units.iter().any(|unit| unit.rules != UnitRules::default())
    }
}
