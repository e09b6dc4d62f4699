//! Snapshots of format 1, read into the rows of format 3. Written by nothing any more; kept so that a node can be
//! upgraded in place.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::command::{CallbackOrder, ContactDetails};
use crate::contact::{Contact, State, Text, Wait};
use crate::effect::{EndReason, OfferMode, PresenceState};
use crate::ids::{
    AssignmentEpoch, ChannelId, ContactId, GatewayId, Incarnation, LogIndex, Millis, Name, NodeId,
    OperatorId, QueueId, Timestamp,
};
use crate::operator::{Exclusion, Operator};
use crate::plan::{Plan, RuleBook};
use crate::router::{Job, LoseSessions, QueueTotals};
use crate::rules::Facts;
use crate::session::{Gateway, Session};
use crate::slab::StoredSlab;
use crate::snapshot_v2::{NeedV2, ProfileKeyV2};
use crate::snapshot_v3::{Head, Rows};
use crate::waits::StoredWaits;

/// Everything in front of the rows.
#[derive(Serialize, Deserialize)]
pub(crate) struct HeadV1 {
    index: LogIndex,
    now: Timestamp,
    chain: u128,
    plan: Plan,
    totals: Vec<TotalsV1>,
    jobs: Vec<JobV1>,
}

#[derive(Deserialize)]
pub(crate) struct RowsV1 {
    contacts: StoredSlab<ContactV1>,
    operators: StoredSlab<OperatorV1>,
    gateways: StoredSlab<Gateway>,
}

#[derive(Serialize, Deserialize)]
struct TotalsV1 {
    entered: u64,
    connected: u64,
    connected_in_target: u64,
    waited_ms: u64,
    completed: u64,
    abandoned: u64,
    abandoned_early: u64,
    merged: u64,
    requeued: u64,
    lost_operator: u64,
}

#[derive(Serialize, Deserialize)]
struct JobV1 {
    node: NodeId,
    incarnation: Incarnation,
    gateways: bool,
    next_slot: u32,
}

#[derive(Serialize, Deserialize)]
struct ContactV1 {
    id: ContactId,
    gateway: GatewayId,
    key: u128,
    body: u128,
    queue: QueueId,
    channel: ChannelId,
    tier: u8,
    enqueued_at: Timestamp,
    head_start: Millis,
    index: LogIndex,
    units: u32,
    need: NeedV2,
    not_before: Option<Timestamp>,
    state: StateV1,
    assignment: AssignmentEpoch,
    holder: Option<OperatorId>,
    excluded: bool,
    callback: Option<u128>,
    sources: u32,
    text: TextV1,
}

#[derive(Serialize, Deserialize)]
struct TextV1 {
    key: Name,
    preferred: Option<(Name, Millis)>,
    callback: Option<CallbackOrder>,
    details: ContactDetails,
}

#[derive(Serialize, Deserialize)]
enum StateV1 {
    Waiting(Wait),
    Offered {
        operator: OperatorId,
        at: Timestamp,
        deadline: Timestamp,
        mode: OfferMode,
        idle_before: Timestamp,
    },
    Handling {
        operator: OperatorId,
        since: Timestamp,
    },
    WrapUp {
        operator: OperatorId,
        since: Timestamp,
        until: Timestamp,
    },
    Ended {
        at: Timestamp,
        reason: EndReason,
        until: Timestamp,
    },
}

#[derive(Serialize, Deserialize)]
struct OperatorV1 {
    id: OperatorId,
    login: Name,
    profile_key: ProfileKeyV2,
    capacity: u32,
    used: u32,
    presence: PresenceState,
    session: Session,
    idle_since: Timestamp,
    exclusions: Vec<Exclusion>,
}

impl From<HeadV1> for Head {
    fn from(head: HeadV1) -> Head {
        let HeadV1 { index, now, chain, plan, totals, jobs } = head;
        Head {
            index,
            now,
            chain,
            format: 1,
            rules: RuleBook::of(&plan),
            plan,
            totals: totals.into_iter().map(QueueTotals::from).collect(),
            jobs: jobs.into_iter().map(Job::from).collect::<VecDeque<Job>>(),
            deeds: Vec::new(),
            turns: 0,
            life_support: Vec::new(),
            redials: Vec::new(),
            breaks_deferred: false,
            acquaintances: Vec::new(),
            legs: Vec::new(),
            supervision: crate::supervision::Supervision::default(),
            plans: VecDeque::new(),
            reservations: Vec::new(),
            estimates: Vec::new(),
            companions: Vec::new(),
            waits: StoredWaits::default(),
            threads: Vec::new(),
            closures: Vec::new(),
            triggers: Vec::new(),
        }
    }
}

impl From<RowsV1> for Rows {
    fn from(rows: RowsV1) -> Rows {
        Rows {
            contacts: rows.contacts.map(Contact::from),
            operators: rows.operators.map(Operator::from),
            gateways: rows.gateways,
            cases: StoredSlab::empty(),
            enquiries: StoredSlab::empty(),
        }
    }
}

impl From<TotalsV1> for QueueTotals {
    fn from(old: TotalsV1) -> QueueTotals {
        QueueTotals {
            entered: old.entered,
            connected: old.connected,
            connected_in_target: old.connected_in_target,
            waited_ms: old.waited_ms,
            completed: old.completed,
            abandoned: old.abandoned,
            abandoned_early: old.abandoned_early,
            merged: old.merged,
            requeued: old.requeued,
            lost_operator: old.lost_operator,
            ..QueueTotals::default()
        }
    }
}

impl From<JobV1> for Job {
    fn from(old: JobV1) -> Job {
        let JobV1 { node, incarnation, gateways, next_slot } = old;
        Job::LoseSessions(LoseSessions { node, incarnation, gateways, next_slot })
    }
}

impl From<ContactV1> for Contact {
    fn from(old: ContactV1) -> Contact {
        Contact {
            id: old.id,
            gateway: old.gateway,
            key: old.key,
            body: old.body,
            queue: old.queue,
            channel: old.channel,
            tier: old.tier,
            enqueued_at: old.enqueued_at,
            head_start: old.head_start,
            index: old.index,
            units: old.units,
            need: Arc::new(old.need.into()),
            class: None,
            not_before: old.not_before,
            state: old.state.into(),
            assignment: old.assignment,
            holder: old.holder,
            excluded: old.excluded,
            callback: old.callback,
            sources: old.sources,
            transfers: 0,
            passed: false,
            promoted: 0,
            promote_at: None,
            decision: None,
            case: None,
            text: Arc::new(old.text.into()),
        }
    }
}

impl From<TextV1> for Text {
    fn from(old: TextV1) -> Text {
        let TextV1 { key, preferred, callback, details } = old;
        Text {
            key,
            preferred,
            callback,
            details,
            own: None,
            facts: Facts::default(),
            rule: None,
            owner: None,
            context: None,
            note: None,
            result: None,
        }
    }
}

impl From<StateV1> for State {
    fn from(old: StateV1) -> State {
        match old {
            StateV1::Waiting(wait) => State::Waiting(wait),
            StateV1::Offered { operator, at, deadline, mode, idle_before } => {
                State::Offered { operator, at, deadline, mode, idle_before }
            }
            StateV1::Handling { operator, since } => State::Handling { operator, since, on_hold: None },
            StateV1::WrapUp { operator, since, until } => State::WrapUp { operator, since, until },
            StateV1::Ended { at, reason, until } => State::Ended { at, reason, until },
        }
    }
}

impl From<OperatorV1> for Operator {
    fn from(old: OperatorV1) -> Operator {
        Operator {
            id: old.id,
            login: old.login,
            profile_key: Arc::new(old.profile_key.into()),
            profile: 0,
            capacity: old.capacity,
            used: old.used,
            presence: old.presence,
            session: old.session,
            idle_since: old.idle_since,
            exclusions: old.exclusions,
            wrap_ups: Vec::new(),
            turn: 0,
            time: None,
            deputies: alloc::boxed::Box::default(),
            wrap_up: None,
            counts: Vec::new(),
        }
    }
}
