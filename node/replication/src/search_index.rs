//! Finds ended contacts by customer, operator and time. An index only: everything in it comes from the history and
//! can be made again, so it is written in large batches behind the state, without fsync, and one that cannot be used
//! is set aside and built anew.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringmain_routing::command::{ContactResult, EnqueueContact};
use ringmain_routing::effect::EndReason;
use ringmain_routing::{
    Command, ContactId, Effect, GatewayId, LogIndex, Name, OperatorId, Outcome, Reply, Timestamp, hash_parts,
};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::feed::Feed;
use crate::files::StorageError;
use crate::machine::{BrokenOff, Machine, blocking};
use crate::segments::HistoryRecord;

const VERSION: u64 = 2;
/// Records taken into one batch.
const BATCH_RECORDS: usize = 20_000;
const PAGE_RECORDS: usize = 4_000;
const CACHE_BYTES: u64 = 16 << 20;
/// How long the index lets records gather before it takes them in.
const GATHER: Duration = Duration::from_millis(500);
/// It rests so many times as long as the last batch took: routing comes first, and the history loses nothing meanwhile.
const REST: u32 = 19;
const REST_MAX: Duration = Duration::from_secs(60);

const KEY_CURSOR: &[u8] = b"m";
const OPEN: u8 = b'o';
const BY_TIME: u8 = b't';
const BY_CUSTOMER: u8 = b'c';
const BY_OPERATOR: u8 = b'p';

/// A contact that has ended, as the index knows it. The whole story is in the history from `enqueued` on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedContact {
    /// Which.
    pub contact: ContactId,
    /// The command that brought it.
    pub enqueued: LogIndex,
    /// When it came.
    pub enqueued_at: Timestamp,
    /// The command that ended it.
    pub ended: LogIndex,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why.
    pub reason: EndReason,
    /// Who brought it.
    pub gateway: GatewayId,
    /// The gateway's key.
    pub key: Name,
    /// Into which queue.
    pub queue: Name,
    /// The customer, where known.
    pub customer: Option<Name>,
    /// What came of it, where its operator has said.
    pub result: Option<ContactResult>,
}

impl EndedContact {
    /// Who served it, or lost it.
    #[must_use]
    pub fn operator(&self) -> Option<OperatorId> {
        match self.reason {
            EndReason::Completed(operator) | EndReason::OperatorLost(operator) => Some(operator),
            EndReason::Closed(operator) | EndReason::ConsultOver(operator) => operator,
            EndReason::Abandoned | EndReason::Merged(_) | EndReason::Deflected(_) => None,
        }
    }
}

/// A contact that has not ended yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OpenContact {
    enqueued: LogIndex,
    enqueued_at: Timestamp,
    gateway: GatewayId,
    key: Name,
    queue: Name,
    customer: Option<Name>,
    result: Option<ContactResult>,
}

/// Why the index cannot answer. Asking again later helps.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The index was found unusable and is being built anew.
    #[error("the search index is being built anew: {0}")]
    Rebuilding(String),
    /// The history it is built from cannot be read.
    #[error("the search index cannot be built: {0}")]
    History(String),
    /// Not even an empty index can be made.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<BrokenOff> for SearchError {
    fn from(error: BrokenOff) -> Self {
        SearchError::Rebuilding(error.to_string())
    }
}

/// The index of this node. Cheap to clone.
#[derive(Clone)]
pub struct SearchIndex {
    dir: Arc<PathBuf>,
    machine: Machine,
    db: Arc<Mutex<Option<sled::Db>>>,
}

impl SearchIndex {
    /// Opens the index in `dir/search`, or an empty one where the old one is unusable.
    pub fn open(dir: &Path, machine: Machine) -> Result<SearchIndex, StorageError> {
        let index = SearchIndex { dir: Arc::new(dir.join("search")), machine, db: Arc::default() };
        let opened = guarded(|| open_db(&index.dir));
        let db = match opened {
            Ok(db) => db,
            Err(why) => index.start_anew(&why)?,
        };
        *index.lock() = Some(db);
        Ok(index)
    }

    /// Takes in what was applied, until the replica is gone: a batch, then a rest, so that it uses a twentieth of one
    /// processor at most (but for batches of more than three seconds). Under a load that lasts it is further behind,
    /// and comes after.
    pub async fn run(self, mut feed: Feed, clock: Arc<dyn Clock>) {
        loop {
            let (index, begun) = (self.clone(), clock.monotonic());
            let has_more = match blocking(move || index.take_batch()).await {
                Ok(Ok(done)) => {
                    let behind = feed.last().0.saturating_sub(done.0);
                    metrics::gauge!(ringmain_telemetry::names::SEARCH_INDEX_BEHIND).set(behind as f64);
                    behind > 0
                }
                // How far it is behind is not known, so nothing is said of it; the next command is a reason to try again.
                Ok(Err(error)) => {
                    tracing::warn!(%error, "search index is behind");
                    false
                }
                Err(_) => return,
            };
            let took = clock.monotonic().saturating_sub(begun);
            if !has_more {
                feed.changed().await;
            }
            tokio::time::sleep(took.saturating_mul(REST).clamp(GATHER, REST_MAX)).await;
        }
    }

    /// Takes in everything applied so far and returns up to where that is. Reads and writes the disk.
    pub fn catch_up(&self) -> Result<LogIndex, SearchError> {
        let mut cursor = self.with(cursor)?;
        loop {
            let next = self.take_batch()?;
            if next == cursor {
                return Ok(cursor);
            }
            cursor = next;
        }
    }

    /// Takes in one batch, if there is anything, and returns how far the index goes then.
    fn take_batch(&self) -> Result<LogIndex, SearchError> {
        let cursor = self.with(cursor)?;
        let (batch, next) = self.gather(cursor)?;
        if next > cursor {
            self.with(|db| db.apply_batch(batch))?;
        }
        Ok(next)
    }

    /// Ended contacts of a customer, the latest first.
    pub fn by_customer(&self, customer: &str, max: usize) -> Result<Vec<EndedContact>, SearchError> {
        self.find(&customer_prefix(customer), max)
    }

    /// Ended contacts that an operator served, the latest first.
    pub fn by_operator(&self, operator: OperatorId, max: usize) -> Result<Vec<EndedContact>, SearchError> {
        self.find(&operator_prefix(operator), max)
    }

    /// Contacts that ended at `from` or later and before `to`, the latest first.
    pub fn by_time(
        &self,
        from: Timestamp,
        to: Timestamp,
        max: usize,
    ) -> Result<Vec<EndedContact>, SearchError> {
        let (from, to) = (key(&[BY_TIME], from, None), key(&[BY_TIME], to, None));
        self.with(|db| {
            db.range(from.clone()..to.clone()).rev().take(max).map(|row| decode(&row?.1)).collect()
        })
    }

    fn find(&self, prefix: &[u8], max: usize) -> Result<Vec<EndedContact>, SearchError> {
        self.with(|db| {
            let mut found = Vec::new();
            for row in db.scan_prefix(prefix).rev().take(max) {
                let (row, _) = row?;
                let place = [&[BY_TIME], &row[prefix.len()..]].concat();
                let stored = db.get(place)?.ok_or_else(|| corrupt("a row is missing"))?;
                found.push(decode(&stored)?);
            }
            Ok(found)
        })
    }

    /// Works with the database; one that fails is set aside.
    fn with<R>(&self, work: impl FnOnce(&sled::Db) -> sled::Result<R>) -> Result<R, SearchError> {
        let mut slot = self.lock();
        let db = match &*slot {
            Some(db) => db.clone(),
            None => slot.insert(self.start_anew("it could not be opened")?).clone(),
        };
        let result = guarded(|| work(&db));
        result.map_err(|why| {
            drop(db);
            *slot = None;
            SearchError::Rebuilding(why)
        })
    }

    fn start_anew(&self, why: &str) -> Result<sled::Db, StorageError> {
        let dir = self.dir.as_path();
        let aside = dir.with_extension("unusable");
        metrics::counter!(ringmain_telemetry::names::SEARCH_INDEX_REBUILDS).increment(1);
        metrics::counter!(ringmain_telemetry::names::ALERTS, ringmain_telemetry::labels::ALERT => ringmain_telemetry::alerts::SEARCH_INDEX_SET_ASIDE).increment(1);
        tracing::warn!(alert = ringmain_telemetry::alerts::SEARCH_INDEX_SET_ASIDE, path = %dir.display(), error = why, "search index is unusable: set aside, and built anew");
        if aside.exists() {
            std::fs::remove_dir_all(&aside).map_err(StorageError::io(&aside, "remove the folder"))?;
        }
        if dir.exists() {
            std::fs::rename(dir, &aside).map_err(StorageError::io(dir, "rename the folder"))?;
        }
        guarded(|| open_db(dir)).map_err(|why| StorageError::damaged(dir, why))
    }

    fn gather(&self, cursor: LogIndex) -> Result<(sled::Batch, LogIndex), SearchError> {
        let mut draft = Draft { batch: sled::Batch::default(), opened: BTreeMap::new() };
        let (mut next, mut records) = (cursor, 0);
        while records < BATCH_RECORDS {
            let history = |error: &dyn std::fmt::Display| SearchError::History(error.to_string());
            let page = self.machine.history(next, PAGE_RECORDS).map_err(|error| history(&error))?;
            let Some(last) = page.last() else {
                break;
            };
            (next, records) = (last.log_index, records + page.len());
            let decoded = page.iter().map(Told::of).collect::<Result<Vec<_>, _>>();
            let decoded = decoded.map_err(|error| history(&error))?;
            self.with(|db| decoded.iter().try_for_each(|told| draft.take_in(db, told)))?;
        }
        Ok((draft.finish(next), next))
    }

    fn lock(&self) -> MutexGuard<'_, Option<sled::Db>> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_db(dir: &Path) -> sled::Result<sled::Db> {
    let db = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None).open()?;
    cursor(&db)?;
    Ok(db)
}

/// sled panics on some kinds of damage; that must cost the index, not the node.
fn guarded<R>(work: impl FnOnce() -> sled::Result<R>) -> Result<R, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("it panicked".into()),
    }
}

fn corrupt(what: &str) -> sled::Error {
    sled::Error::ReportableBug(what.into())
}

/// Up to where the index is complete.
fn cursor(db: &sled::Db) -> sled::Result<LogIndex> {
    let Some(stored) = db.get(KEY_CURSOR)? else {
        return if db.is_empty() { Ok(LogIndex(0)) } else { Err(corrupt("it does not say how far it goes")) };
    };
    let words: [u64; 2] = decode(&stored)?;
    if words[0] == VERSION { Ok(LogIndex(words[1])) } else { Err(corrupt("it is of another version")) }
}

fn decode<'a, T: Deserialize<'a>>(stored: &'a [u8]) -> sled::Result<T> {
    postcard::from_bytes(stored).map_err(|error| corrupt(&error.to_string()))
}

fn encode(row: &impl Serialize) -> Vec<u8> {
    // Encoding plain data into memory cannot fail.
    postcard::to_allocvec(row).unwrap_or_default()
}

fn customer_prefix(customer: &str) -> Vec<u8> {
    [&[BY_CUSTOMER], &hash_parts(&[customer.as_bytes()]).to_be_bytes()[..]].concat()
}

fn operator_prefix(operator: OperatorId) -> Vec<u8> {
    [&[BY_OPERATOR], &operator.to_bits().to_be_bytes()[..]].concat()
}

fn key(prefix: &[u8], at: Timestamp, contact: Option<ContactId>) -> Vec<u8> {
    let mut key = [prefix, &at.0.to_be_bytes()].concat();
    if let Some(contact) = contact {
        key.extend_from_slice(&contact.to_bits().to_be_bytes());
    }
    key
}

fn open_key(contact: ContactId) -> Vec<u8> {
    [&[OPEN], &contact.to_bits().to_be_bytes()[..]].concat()
}

/// What a record tells.
struct Told {
    index: LogIndex,
    at: Timestamp,
    command: Command,
    outcome: Outcome,
}

impl Told {
    fn of(record: &HistoryRecord) -> Result<Told, ringmain_routing::DecodeError> {
        Ok(Told {
            index: record.log_index,
            at: record.at,
            command: Command::decode(&record.command)?,
            outcome: Outcome::decode(&record.outcome)?,
        })
    }
}

/// One batch in the making. A contact that comes and ends within it is written once.
struct Draft {
    batch: sled::Batch,
    /// What became of open contacts in this batch; `None` for one that ended.
    opened: BTreeMap<ContactId, Option<OpenContact>>,
}

impl Draft {
    fn take_in(&mut self, db: &sled::Db, told: &Told) -> sled::Result<()> {
        if let Command::EnqueueContact(enqueue) = &told.command
            && let Some(contact) = brought(&told.outcome)
            && !self.opened.contains_key(&contact)
            && db.get(open_key(contact))?.is_none()
        {
            self.opened.insert(contact, Some(OpenContact::of(told, enqueue)));
        }
        if let Command::UpdateContact(update) = &told.command
            && let (Some(details), Ok(_)) = (&update.details, &told.outcome.reply)
            && let Some(mut open) = self.open(db, update.contact)?
        {
            open.customer.clone_from(&details.customer);
            self.opened.insert(update.contact, Some(open));
        }
        if let Command::CompleteContact(completion) = &told.command
            && let (Some(result), Ok(_)) = (&completion.result, &told.outcome.reply)
            && finishes(&told.outcome, completion.answer.contact)
            && let Some(mut open) = self.open(db, completion.answer.contact)?
        {
            open.result = Some(result.clone());
            self.opened.insert(completion.answer.contact, Some(open));
        }
        for effect in &told.outcome.effects {
            if let Effect::AnnounceEnded { contact, reason, .. } = *effect
                && let Some(open) = self.open(db, contact)?
            {
                self.opened.insert(contact, None);
                self.put(&open.end(contact, told, reason));
            }
        }
        Ok(())
    }

    fn open(&self, db: &sled::Db, contact: ContactId) -> sled::Result<Option<OpenContact>> {
        match self.opened.get(&contact) {
            Some(open) => Ok(open.clone()),
            None => db.get(open_key(contact))?.map(|stored| decode(&stored)).transpose(),
        }
    }

    fn put(&mut self, ended: &EndedContact) {
        let place = |prefix: &[u8]| key(prefix, ended.ended_at, Some(ended.contact));
        self.batch.insert(place(&[BY_TIME]), encode(ended));
        if let Some(customer) = &ended.customer {
            self.batch.insert(place(&customer_prefix(customer)), &[]);
        }
        if let Some(operator) = ended.operator() {
            self.batch.insert(place(&operator_prefix(operator)), &[]);
        }
    }

    fn finish(mut self, next: LogIndex) -> sled::Batch {
        for (contact, open) in self.opened {
            match open {
                Some(open) => self.batch.insert(open_key(contact), encode(&open)),
                None => self.batch.remove(open_key(contact)),
            }
        }
        self.batch.insert(KEY_CURSOR, encode(&[VERSION, next.0]));
        self.batch
    }
}

/// The contact that an `EnqueueContact` brought; `None` when it was refused or only repeated an earlier one: then
/// nobody is told of it.
fn brought(outcome: &Outcome) -> Option<ContactId> {
    let named = match outcome.reply {
        Ok(Reply::Enqueued { contact } | Reply::Merged { contact, .. }) => contact,
        Ok(
            Reply::Done
            | Reply::Opened { .. }
            | Reply::PlanApplied { .. }
            | Reply::Acted { .. }
            | Reply::Taken { .. }
            | Reply::Asked { .. }
            | Reply::Break(_),
        )
        | Err(_) => {
            return None;
        }
    };
    outcome.effects.iter().any(|effect| is_about(effect, named)).then_some(named)
}

/// Whether a completion was carried out, and not only repeated.
fn finishes(outcome: &Outcome, named: ContactId) -> bool {
    outcome.effects.iter().any(|effect| {
        let completed = matches!(effect, Effect::AnnounceEnded { reason: EndReason::Completed(_), .. });
        let ended = completed && is_about(effect, named);
        ended || matches!(effect, Effect::StartWrapUp { contact, .. } if *contact == named)
    })
}

fn is_about(effect: &Effect, named: ContactId) -> bool {
    match *effect {
        Effect::AnnounceQueued { contact, .. }
        | Effect::RingOperator { contact, .. }
        | Effect::AnnounceAssigned { contact, .. }
        | Effect::ConnectContact { contact, .. }
        | Effect::AnnounceEnded { contact, .. } => contact == named,
        Effect::WithdrawAssignment { .. }
        | Effect::StartWrapUp { .. }
        | Effect::ReleaseOperator { .. }
        | Effect::AnnouncePresence { .. }
        | Effect::NotifyThread { .. }
        | Effect::ParkContact { .. }
        | Effect::HoldContact { .. }
        | Effect::AnnounceStage { .. }
        | Effect::WarnCase { .. }
        | Effect::EscalateCase { .. }
        | Effect::AnnounceCaseClosed { .. }
        | Effect::NotifyWatcher { .. }
        | Effect::InviteCompanion { .. }
        | Effect::OfferDeflection { .. }
        | Effect::CallDuty { .. }
        | Effect::AnnounceEnquiry { .. }
        | Effect::NotifyEnquiry { .. }
        | Effect::SuperviseContact { .. }
        | Effect::AnnounceHelp { .. }
        | Effect::AnnounceAlarm { .. }
        | Effect::AnnounceConsult { .. }
        | Effect::JoinConsult { .. }
        | Effect::AnnounceExpectedWait { .. }
        | Effect::AnnounceMoved { .. }
        | Effect::EndStream { .. } => false,
    }
}

impl OpenContact {
    fn of(told: &Told, enqueue: &EnqueueContact) -> OpenContact {
        OpenContact {
            enqueued: told.index,
            enqueued_at: told.at,
            gateway: enqueue.gateway,
            key: enqueue.key.clone(),
            queue: enqueue.queue.clone(),
            customer: enqueue.details.customer.clone(),
            result: None,
        }
    }

    fn end(self, contact: ContactId, told: &Told, reason: EndReason) -> EndedContact {
        EndedContact {
            contact,
            enqueued: self.enqueued,
            enqueued_at: self.enqueued_at,
            ended: told.index,
            ended_at: told.at,
            reason,
            gateway: self.gateway,
            key: self.key,
            queue: self.queue,
            customer: self.customer,
            result: self.result,
        }
    }
}
