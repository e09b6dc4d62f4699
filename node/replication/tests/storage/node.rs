//! A node's storage without a network: entries are appended, committed and applied by hand.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, RaftLogReader};
use ringmain_replication::clock::Clock;
use ringmain_replication::files::{StorageError, SyncMeter};
use ringmain_replication::log_store::LogStore;
use ringmain_replication::mark::Suspect;
use ringmain_replication::pending::Pending;
use ringmain_replication::snapshot_files::SnapshotFile;
use ringmain_replication::state_machine::{Machine, StateConfig, StateMachine};
use ringmain_replication::type_config::{Entry, EntryBatch, GroupId, LogId, Origin, ProposedCommand};
use ringmain_routing::command::{OpenSession, Role};
use ringmain_routing::{Command, Incarnation, NodeId, Timestamp};

/// Segments are cut often, so that tests meet several.
pub const SEGMENT_RECORDS: u64 = 8;

struct FrozenClock;

impl Clock for FrozenClock {
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn wall_ms(&self) -> u64 {
        0
    }
}

pub struct Node {
    pub log: LogStore,
    pub state_machine: StateMachine,
    pub machine: Machine,
    pub suspect: Option<Suspect>,
}

pub fn meter() -> SyncMeter {
    SyncMeter::new(Arc::new(FrozenClock))
}

pub fn state_config(dir: &Path) -> StateConfig {
    StateConfig { segment_records: SEGMENT_RECORDS, ..StateConfig::new(dir, 1_000) }
}

pub fn open(dir: &Path) -> Result<Node, StorageError> {
    open_with(&state_config(dir))
}

pub fn open_with(config: &StateConfig) -> Result<Node, StorageError> {
    let meter = meter();
    let (log, suspect) = LogStore::open(&config.dir, &meter)?;
    let pending = Pending::new(NodeId(1), Incarnation(1));
    let (state_machine, machine) = StateMachine::open(config, pending, &meter)?;
    log.check_meets(machine.last_applied())?;
    Ok(Node { log, state_machine, machine, suspect })
}

/// The text of the error that opening ends with.
pub fn open_error(dir: &Path) -> String {
    match open(dir) {
        Ok(_) => panic!("opened in spite of the damage"),
        Err(error) => error.to_string(),
    }
}

pub fn log_id(term: u64, index: u64) -> LogId {
    LogId::new_term_index(term, index)
}

pub fn origin(seq: u64) -> Origin {
    Origin { node: NodeId(9), incarnation: Incarnation(1), seq }
}

/// A command that changes the state: a gateway of its own signs in.
pub fn open_gateway(n: u64) -> Command {
    Command::OpenSession(OpenSession {
        role: Role::Gateway,
        name: format!("gateway-{n}").into(),
        node: NodeId(1),
        incarnation: Incarnation(1),
        nonce: n,
        resume: None,
        takeover: false,
    })
}

/// The entry at `index` with one command of the same number.
pub fn entry(term: u64, index: u64) -> Entry {
    batch_entry(term, index, &[(Some(origin(index)), open_gateway(index))])
}

pub fn batch_entry(term: u64, index: u64, commands: &[(Option<Origin>, Command)]) -> Entry {
    let commands = commands
        .iter()
        .map(|(origin, c)| ProposedCommand { frame: c.encode().into(), origin: *origin })
        .collect();
    let batch = EntryBatch { group: GroupId(0), at: Timestamp(1_000 + index), commands };
    Entry { log_id: log_id(term, index), payload: EntryPayload::Normal(batch) }
}

impl Node {
    /// Appends durably.
    pub async fn append(&mut self, entries: Vec<Entry>) {
        self.log.blocking_append(entries).await.unwrap();
    }

    pub async fn apply(&mut self, entries: Vec<Entry>) -> std::io::Result<()> {
        let entries = entries.into_iter().map(|entry| Ok((entry, None)));
        self.state_machine.apply(stream::iter(entries)).await
    }

    /// Appends and applies the entries `from` to `to`, one command each.
    pub async fn run(&mut self, from: u64, to: u64) {
        let entries: Vec<_> = (from..=to).map(|index| entry(1, index)).collect();
        self.append(entries.clone()).await;
        self.log.save_committed(entries.last().map(|e| e.log_id)).await.unwrap();
        self.apply(entries).await.unwrap();
    }

    /// What openraft does at start: applies again what was committed behind the snapshot.
    pub async fn replay(&mut self) -> std::io::Result<()> {
        let (last, _) = self.state_machine.applied_state().await?;
        let Some(committed) = self.log.read_committed().await? else {
            return Ok(());
        };
        let from = last.map_or(0, |last| last.index + 1);
        let entries = self.log.try_get_log_entries(from..=committed.index).await?;
        self.apply(entries).await
    }

    pub async fn snapshot(&mut self) -> SnapshotFile {
        let mut builder = self.state_machine.get_snapshot_builder().await;
        builder.build_snapshot().await.unwrap().snapshot
    }

    pub fn state(&self) -> Vec<u8> {
        self.machine.view().encode()
    }

    /// The log index of each record and its chain.
    pub fn history(&self) -> Vec<(u64, u128)> {
        let mut found = Vec::new();
        loop {
            let after = ringmain_routing::LogIndex(found.last().map_or(0, |&(index, _)| index));
            let page = self.machine.history(after, 5).unwrap();
            if page.is_empty() {
                return found;
            }
            found.extend(page.iter().map(|record| (record.log_index.0, record.chain)));
        }
    }

    pub fn close(self) {
        self.log.close();
    }
}

/// Files of a folder of the node, in order of their names.
pub fn files(dir: &Path, folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(dir.join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    found.sort();
    found
}

pub fn flip(path: &Path, byte: usize, mask: u8) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[byte] ^= mask;
    std::fs::write(path, bytes).unwrap();
}
