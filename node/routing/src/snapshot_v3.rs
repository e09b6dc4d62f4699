//! Snapshots of format 3, which is the one that is written. What they hold beyond format 2 stands in the head.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::action::Closure;
use crate::case::Case;
use crate::companions::Invitation;
use crate::contact::Contact;
use crate::enquiry::Enquiry;
use crate::expected_wait::Estimate;
use crate::ids::{ContactId, LogIndex, OperatorId, QueueId, Timestamp};
use crate::legs::Leg;
use crate::memory::{Acquaintance, Deed, Redialer, StoredMemory};
use crate::operator::Operator;
use crate::plan::{Plan, RuleBook};
use crate::router::{Job, QueueTotals};
use crate::session::Gateway;
use crate::slab::StoredSlab;
#[cfg(doc)]
use crate::snapshot::Snapshot;
use crate::supervision::Supervision;
use crate::threads::Thread;
use crate::triggers::TriggerState;
use crate::waits::StoredWaits;

#[derive(Serialize, Deserialize)]
pub(crate) struct Head {
    pub index: LogIndex,
    pub now: Timestamp,
    pub chain: u128,
    pub format: u8,
    pub plan: Plan,
    pub rules: RuleBook,
    pub totals: Vec<QueueTotals>,
    pub jobs: VecDeque<Job>,
    pub deeds: StoredMemory<Deed>,
    pub turns: u64,
    pub life_support: Vec<u128>,
    pub redials: StoredMemory<Redialer>,
    pub breaks_deferred: bool,
    pub acquaintances: StoredMemory<Acquaintance>,
    pub legs: Vec<Leg>,
    pub supervision: Supervision,
    pub plans: VecDeque<(u64, LogIndex)>,
    pub reservations: Vec<(OperatorId, ContactId)>,
    pub estimates: Vec<(QueueId, Estimate)>,
    pub companions: Vec<(ContactId, Invitation)>,
    pub waits: StoredWaits,
    pub threads: Vec<(ContactId, Thread)>,
    pub closures: Vec<Closure>,
    pub triggers: Vec<TriggerState>,
}

/// The rows as they are read; [`Snapshot::encode`] writes the same from the tables themselves.
#[derive(Deserialize)]
pub(crate) struct Rows {
    pub contacts: StoredSlab<Contact>,
    pub operators: StoredSlab<Operator>,
    pub gateways: StoredSlab<Gateway>,
    pub cases: StoredSlab<Case>,
    pub enquiries: StoredSlab<Enquiry>,
}
