//! Snapshots of format 2, read into the rows of format 3. Written by nothing any more; kept so that a node can be
//! upgraded in place.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::command::{CallbackOrder, ContactDetails};
use crate::contact::{Contact, Need, State, Text};
use crate::effect::PresenceState;
use crate::ids::{
    AssignmentEpoch, ChannelId, ContactId, GatewayId, LogIndex, Millis, Name, OperatorId, QueueId, SkillId,
    Timestamp, UnitId,
};
use crate::memory::{Deed, StoredMemory};
use crate::operator::{Exclusion, Operator, WrapUp};
use crate::plan::{Plan, RuleBook};
use crate::profiles::ProfileKey;
use crate::router::{Job, QueueTotals};
use crate::rules::Facts;
use crate::session::{Gateway, Session};
use crate::slab::StoredSlab;
use crate::snapshot_v3::{Head, Rows};
use crate::waits::StoredWaits;

/// Everything in front of the rows.
#[derive(Serialize, Deserialize)]
pub(crate) struct HeadV2 {
    index: LogIndex,
    now: Timestamp,
    chain: u128,
    format: u8,
    plan: Plan,
    totals: Vec<TotalsV2>,
    jobs: VecDeque<Job>,
    deeds: StoredMemory<Deed>,
}

#[derive(Deserialize)]
pub(crate) struct RowsV2 {
    contacts: StoredSlab<ContactV2>,
    operators: StoredSlab<OperatorV2>,
    gateways: StoredSlab<Gateway>,
}

#[derive(Serialize, Deserialize)]
struct TotalsV2 {
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
    transferred: u64,
    moved_in: u64,
    moved_out: u64,
    closed: u64,
}

#[derive(Serialize, Deserialize)]
struct ContactV2 {
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
    state: State,
    assignment: AssignmentEpoch,
    holder: Option<OperatorId>,
    excluded: bool,
    callback: Option<u128>,
    sources: u32,
    transfers: u32,
    passed: bool,
    text: TextV2,
}

/// What an operator must have, as formats 1 and 2 knew it.
#[derive(Serialize, Deserialize)]
pub(crate) struct NeedV2 {
    skills: Box<[(SkillId, u8)]>,
    scopes: Box<[UnitId]>,
}

#[derive(Serialize, Deserialize)]
struct TextV2 {
    key: Name,
    preferred: Option<(Name, Millis)>,
    callback: Option<CallbackOrder>,
    details: ContactDetails,
    own: Option<NeedV2>,
}

#[derive(Serialize, Deserialize)]
struct OperatorV2 {
    id: OperatorId,
    login: Name,
    profile_key: ProfileKeyV2,
    capacity: u32,
    used: u32,
    presence: PresenceState,
    session: Session,
    idle_since: Timestamp,
    exclusions: Vec<Exclusion>,
    wrap_ups: Vec<WrapUp>,
}

/// What made two operators alike in formats 1 and 2.
#[derive(Serialize, Deserialize)]
pub(crate) struct ProfileKeyV2 {
    skills: Box<[(SkillId, u8)]>,
    unit: Option<UnitId>,
    ranks: Box<[(QueueId, u8)]>,
}

impl From<HeadV2> for Head {
    fn from(head: HeadV2) -> Head {
        let HeadV2 { index, now, chain, format, plan, totals, jobs, deeds } = head;
        let rules = RuleBook::of(&plan);
        let totals = totals.into_iter().map(QueueTotals::from).collect();
        Head {
            index,
            now,
            chain,
            format,
            plan,
            rules,
            totals,
            jobs,
            deeds,
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

impl From<TotalsV2> for QueueTotals {
    fn from(old: TotalsV2) -> QueueTotals {
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
            transferred: old.transferred,
            moved_in: old.moved_in,
            moved_out: old.moved_out,
            closed: old.closed,
            deflected: 0,
        }
    }
}

impl From<RowsV2> for Rows {
    fn from(rows: RowsV2) -> Rows {
        Rows {
            contacts: rows.contacts.map(Contact::from),
            operators: rows.operators.map(Operator::from),
            gateways: rows.gateways,
            cases: StoredSlab::empty(),
            enquiries: StoredSlab::empty(),
        }
    }
}

impl From<NeedV2> for Need {
    fn from(old: NeedV2) -> Need {
        Need { skills: old.skills, scopes: old.scopes, ..Need::default() }
    }
}

impl From<ProfileKeyV2> for ProfileKey {
    fn from(old: ProfileKeyV2) -> ProfileKey {
        ProfileKey { skills: old.skills, unit: old.unit, ranks: old.ranks, ..ProfileKey::default() }
    }
}

impl From<ContactV2> for Contact {
    fn from(old: ContactV2) -> Contact {
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
            state: old.state,
            assignment: old.assignment,
            holder: old.holder,
            excluded: old.excluded,
            callback: old.callback,
            sources: old.sources,
            transfers: old.transfers,
            passed: old.passed,
            promoted: 0,
            promote_at: None,
            decision: None,
            case: None,
            text: Arc::new(old.text.into()),
        }
    }
}

impl From<TextV2> for Text {
    fn from(old: TextV2) -> Text {
        let TextV2 { key, preferred, callback, details, own } = old;
        let own = own.map(|own| Arc::new(own.into()));
        Text {
            key,
            preferred,
            callback,
            details,
            own,
            facts: Facts::default(),
            rule: None,
            owner: None,
            context: None,
            note: None,
            result: None,
        }
    }
}

impl From<OperatorV2> for Operator {
    fn from(old: OperatorV2) -> Operator {
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
            wrap_ups: old.wrap_ups,
            turn: 0,
            time: None,
            deputies: Box::default(),
            wrap_up: None,
            counts: Vec::new(),
        }
    }
}
