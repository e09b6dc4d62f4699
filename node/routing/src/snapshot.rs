//! Snapshots: a copy-on-write view that costs one pointer per 64 rows to take, and its canonical bytes. Equal
//! states have equal bytes (I8). Indexes are not stored; they are derived again when a snapshot is read.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::de::DeserializeOwned;

use crate::case::Case;
use crate::closures::Closures;
use crate::companions::Companions;
use crate::contact::Contact;
use crate::directory::Directory;
use crate::enquiry::Enquiry;
use crate::expected_wait::Estimate;
use crate::ids::{LogIndex, QueueId, Timestamp, hash_parts};
use crate::legs::{Leg, Legs};
use crate::memory::{Acquaintance, Deed, Memory, MemoryRows, Redialer};
use crate::operator::Operator;
use crate::plan::{Plan, RuleBook};
use crate::planted::{Planted, is};
use crate::reserve::Reservations;
use crate::router::{Job, QueueTotals, Router};
use crate::session::Gateway;
use crate::slab::Slab;
use crate::snapshot_v1::{HeadV1, RowsV1};
use crate::snapshot_v2::{HeadV2, RowsV2};
use crate::snapshot_v3::{Head, Rows};
use crate::supervision::Supervision;
use crate::tables::Tables;
use crate::threads::Threads;
use crate::triggers::TriggerState;
use crate::waits::{StoredWaits, Waits};

const MAGIC: &[u8; 6] = b"RMSNAP";
/// The format that is written; formats 1 and 2 are read too.
const VERSION: u16 = 3;
const HEADER_BYTES: usize = MAGIC.len() + 2;
const CHECKSUM_BYTES: usize = 16;

/// The state at one log index, to be encoded while the router goes on.
#[derive(Clone, Debug)]
pub struct Snapshot {
    index: LogIndex,
    now: Timestamp,
    chain: u128,
    directory: Arc<Directory>,
    contacts: Slab<Contact>,
    operators: Slab<Operator>,
    gateways: Slab<Gateway>,
    cases: Slab<Case>,
    enquiries: Slab<Enquiry>,
    totals: Vec<QueueTotals>,
    jobs: VecDeque<Job>,
    deeds: MemoryRows<Deed>,
    format: u8,
    turns: u64,
    life_support: Arc<BTreeSet<u128>>,
    redials: MemoryRows<Redialer>,
    breaks_deferred: bool,
    acquaintances: MemoryRows<Acquaintance>,
    legs: Vec<Leg>,
    supervision: Supervision,
    plans: VecDeque<(u64, LogIndex)>,
    reservations: Reservations,
    estimates: Vec<(QueueId, Estimate)>,
    companions: Companions,
    waits: Waits,
    threads: Threads,
    closures: Closures,
    triggers: Vec<TriggerState>,
}

/// Why a snapshot cannot be used. A node must not serve from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Not a snapshot of ours.
    #[error("this is not a Ringmain snapshot")]
    Foreign,
    /// Written by a newer version of the program.
    #[error("the snapshot has format version {found}; this program reads up to {known}")]
    Newer {
        /// In the file.
        found: u16,
        /// Known here.
        known: u16,
    },
    /// The checksum does not match the bytes.
    #[error("the snapshot is damaged: its checksum does not match")]
    Damaged,
    /// The bytes are whole but contradict each other.
    #[error("the snapshot contradicts itself: {0}")]
    Inconsistent(&'static str),
}

impl Snapshot {
    /// Bytes in front of a snapshot that say what it is.
    pub const HEADER_BYTES: usize = HEADER_BYTES;

    /// The format version of a snapshot that begins so; `None` when it is none of ours.
    #[must_use]
    pub fn form_of(start: &[u8; HEADER_BYTES]) -> Option<u16> {
        let (magic, version) = start.split_at(MAGIC.len());
        (magic == MAGIC).then(|| u16::from_le_bytes([version[0], version[1]]))
    }

    /// The last command in it.
    #[must_use]
    pub fn index(&self) -> LogIndex {
        self.index
    }

    /// Replicated time in it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The chain in it.
    #[must_use]
    pub fn chain(&self) -> u128 {
        self.chain
    }

    /// The canonical bytes: format version in front, checksum behind.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1024 + 200 * self.contacts.len() as usize);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        let head = Head {
            index: self.index,
            now: self.now,
            chain: self.chain,
            format: self.format,
            plan: self.directory.plan.clone(),
            rules: RuleBook::of(&self.directory.plan),
            totals: self.totals.clone(),
            jobs: unless(Planted::JobsLeftOut, self.jobs.clone()),
            deeds: unless(Planted::DeedsLeftOut, self.deeds.to_stored()),
            turns: self.turns,
            life_support: self.life_support.iter().copied().collect(),
            redials: self.redials.to_stored(),
            breaks_deferred: self.breaks_deferred,
            plans: self.plans.clone(),
            legs: self.legs.clone(),
            supervision: unless(Planted::SupervisionLeftOut, self.supervision.clone()),
            acquaintances: unless(Planted::AcquaintancesLeftOut, self.acquaintances.to_stored()),
            reservations: self.reservations.to_stored(),
            estimates: unless(Planted::EstimatesLeftOut, self.estimates.clone()),
            companions: unless(Planted::InvitationsLeftOut, self.companions.to_stored()),
            waits: self.waits.to_stored(),
            threads: self.threads.to_stored(),
            closures: unless(Planted::ClosuresLeftOut, self.closures.values().cloned().collect()),
            triggers: if is(Planted::TriggersLeftOut) {
                alloc::vec![TriggerState::default(); self.triggers.len()]
            } else {
                self.triggers.clone()
            },
        };
        crate::codec::append(&mut bytes, &head);
        // In the order of `Rows`, which reads them.
        crate::codec::append(&mut bytes, &self.contacts);
        crate::codec::append(&mut bytes, &self.operators);
        crate::codec::append(&mut bytes, &self.gateways);
        crate::codec::append(&mut bytes, &self.cases);
        crate::codec::append(&mut bytes, &self.enquiries);
        let checksum = hash_parts(&[&bytes]);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

impl Router {
    /// The state as it is now. Cheap: rows are shared until they change.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            index: self.index,
            now: self.now,
            chain: self.chain,
            directory: self.tables.directory.clone(),
            contacts: self.tables.contacts.clone(),
            operators: self.tables.operators.clone(),
            gateways: self.tables.gateways.clone(),
            cases: self.tables.cases.clone(),
            enquiries: self.tables.enquiries.clone(),
            totals: self.totals.clone(),
            jobs: self.jobs.clone(),
            deeds: self.deeds.rows(),
            format: self.format,
            turns: self.turns,
            life_support: self.life_support.clone(),
            redials: self.redials.rows(),
            breaks_deferred: self.breaks_deferred,
            acquaintances: self.acquaintances.rows(),
            legs: self.legs.to_stored(),
            supervision: self.supervision.clone(),
            plans: self.plans.clone(),
            reservations: self.reservations.clone(),
            estimates: self.stored_estimates(),
            companions: self.companions.clone(),
            waits: self.tables.waits.clone(),
            threads: self.tables.threads.clone(),
            closures: self.closures.clone(),
            triggers: self.triggers.clone(),
        }
    }

    /// The state of a snapshot's bytes.
    ///
    /// # Errors
    /// The bytes are not a snapshot, of a newer version, or damaged.
    pub fn restore(bytes: &[u8]) -> Result<Router, SnapshotError> {
        let (version, body) = open(bytes)?;
        let (mut head, rows) = match version {
            1 => read_parts::<HeadV1, RowsV1>(body)?,
            2 => read_parts::<HeadV2, RowsV2>(body)?,
            _ => read_parts::<Head, Rows>(body)?,
        };
        if !head.rules.put_into(&mut head.plan) {
            return Err(SnapshotError::Inconsistent("the rule book is of another plan"));
        }
        let mut router = Router::new();
        router.index = head.index;
        router.now = head.now;
        router.chain = head.chain;
        router.totals = head.totals;
        router.jobs = head.jobs;
        router.deeds = Memory::from_stored(head.deeds);
        router.format = head.format;
        router.turns = head.turns;
        router.life_support = Arc::new(head.life_support.into_iter().collect());
        router.redials = Memory::from_stored(head.redials);
        router.closures = crate::closures::from_stored(head.closures);
        router.breaks_deferred = head.breaks_deferred;
        router.plans = head.plans;
        router.acquaintances = Memory::from_stored(head.acquaintances);
        router.reservations = Reservations::from_stored(head.reservations);
        router.companions = Companions::from_stored(head.companions);
        router.legs = Legs::from_stored(head.legs);
        router.supervision = head.supervision;
        router.estimates = head.estimates.into_iter().collect();
        router.triggers = head.triggers;
        if router.triggers.len() != head.plan.rules.triggers.len() {
            return Err(SnapshotError::Inconsistent("its triggers are of another plan"));
        }
        router.tables = derive(head.plan, &router.triggers, rows, head.waits, head.now)?;
        router.tables.threads = Threads::from_stored(head.threads);
        router.check_rows().map_err(|violation| SnapshotError::Inconsistent(violation.what))?;
        Ok(router)
    }
}

/// What is written: the value, unless this mistake leaves it out.
fn unless<T: Default>(mistake: Planted, value: T) -> T {
    if is(mistake) { T::default() } else { value }
}

/// Head and rows in the form of one version, as the present one.
fn read_parts<H, R>(body: &[u8]) -> Result<(Head, Rows), SnapshotError>
where
    H: DeserializeOwned + Into<Head>,
    R: DeserializeOwned + Into<Rows>,
{
    let damaged = |_| SnapshotError::Damaged;
    let (head, rest) = postcard::take_from_bytes::<H>(body).map_err(damaged)?;
    let (rows, rest) = postcard::take_from_bytes::<R>(rest).map_err(damaged)?;
    if !rest.is_empty() {
        return Err(SnapshotError::Inconsistent("bytes are left over"));
    }
    Ok((head.into(), rows.into()))
}

/// The version, and what is between header and checksum.
fn open(bytes: &[u8]) -> Result<(u16, &[u8]), SnapshotError> {
    if bytes.len() < HEADER_BYTES + CHECKSUM_BYTES || &bytes[..MAGIC.len()] != MAGIC {
        return Err(SnapshotError::Foreign);
    }
    let (content, checksum) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
    if hash_parts(&[content]).to_le_bytes() != *checksum {
        return Err(SnapshotError::Damaged);
    }
    let found = u16::from_le_bytes([bytes[MAGIC.len()], bytes[MAGIC.len() + 1]]);
    if found > VERSION {
        return Err(SnapshotError::Newer { found, known: VERSION });
    }
    if found == 0 {
        return Err(SnapshotError::Inconsistent("its format version is 0"));
    }
    Ok((found, &content[HEADER_BYTES..]))
}

/// Rows with their indexes.
fn derive(
    plan: Plan,
    triggers: &[TriggerState],
    rows: Rows,
    waits: StoredWaits,
    now: Timestamp,
) -> Result<Tables, SnapshotError> {
    let slots = SnapshotError::Inconsistent("a table's slots");
    let mut directory = Directory::new(plan);
    directory.follow_triggers(triggers);
    let mut tables = Tables::new(Arc::new(directory));
    tables.contacts = Slab::from_stored(rows.contacts).ok_or_else(|| slots.clone())?;
    tables.operators = Slab::from_stored(rows.operators).ok_or_else(|| slots.clone())?;
    tables.gateways = Slab::from_stored(rows.gateways).ok_or_else(|| slots.clone())?;
    tables.cases = Slab::from_stored(rows.cases).ok_or_else(|| slots.clone())?;
    tables.enquiries = Slab::from_stored(rows.enquiries).ok_or(slots)?;
    tables.ix.classes.climbed_until = now;
    tables.waits = Waits::from_stored(waits);
    tables.derive_indexes();
    Ok(tables)
}
