//! The last way out when a majority of the nodes is lost for good: one that survived becomes a cluster of one.
//!
//! Everything in its log counts as decided from then on. It holds each entry that was acknowledged while it was up to
//! date; what was acknowledged by others alone is lost, and no program can tell whether there was any.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use openraft::storage::RaftLogStorage;
use openraft::{EntryPayload, RaftLogReader};
use ringmain_routing::{Incarnation, LogIndex, NodeId, Timestamp};

use crate::archive::{alone, sessions_lost};
use crate::config::Peer;
use crate::files::{FolderLock, StorageError, SyncMeter};
use crate::generation;
use crate::identity::Identity;
use crate::log_store::LogStore;
use crate::mark::Suspect;
use crate::pending::Pending;
use crate::state_machine::{StateConfig, StateMachine};
use crate::type_config::{Entry, LogId, Vote};

/// Entries read at a time.
const PAGE: u64 = 256;

/// A stopped node's data, opened to be made a cluster of its own.
pub struct Survivor {
    dir: PathBuf,
    me: Peer,
    identity: Identity,
    log: LogStore,
    seen: Seen,
    survey: Survey,
    _folder: FolderLock,
}

/// What a survivor has, for the one who decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The last entry of its log: index and term.
    pub raft_last: u64,
    /// That entry's term.
    pub raft_term: u64,
    /// The last entry that it knew to be on a majority; those behind it may never have been acknowledged.
    pub raft_committed: u64,
    /// The last command in its latest snapshot.
    pub snapshot: LogIndex,
    /// Replicated time of the last entry.
    pub at: Timestamp,
    /// The other members, which this cluster loses.
    pub others: Vec<NodeId>,
    /// The cluster's generation.
    pub generation: u64,
    /// Why the node's log is not to be trusted, if it is not.
    pub suspect: Option<String>,
}

/// Why a node cannot become a cluster of its own. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The folder is empty, or the node was never let into the cluster.
    #[error(
        "data_dir: {} holds no member of the cluster: run this on a node that took part, the one with the longest \
         log; without one restore a backup", path.display()
    )]
    NoMember {
        /// Which folder.
        path: PathBuf,
    },
    /// The folder cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What the log says beyond the snapshot.
#[derive(Default)]
struct Seen {
    last: Option<LogId>,
    at: Timestamp,
    nodes: BTreeMap<u64, Incarnation>,
}

impl Survivor {
    /// Opens and checks everything the node has. Changes nothing but the folder's format, where that is an old one.
    pub async fn open(
        dir: &Path,
        cluster: &str,
        me: &Peer,
        meter: &SyncMeter,
    ) -> Result<Survivor, RecoverError> {
        let owner = if dir.is_dir() { crate::identity::owner(dir)? } else { None };
        if !owner.is_some_and(|owner| owner.member) {
            return Err(RecoverError::NoMember { path: dir.to_path_buf() });
        }
        let folder = FolderLock::take(dir)?;
        let identity = Identity::open_stopped(dir, cluster, me.node, meter.clone())?;
        let (mut log, suspect) = LogStore::open(dir, meter)?;
        let pending = Pending::new(me.node, identity.incarnation());
        let (_, machine) = StateMachine::open(&StateConfig::new(dir, 1), pending, meter)?;
        log.check_meets(machine.last_applied())?;
        let mut seen = Seen { last: machine.last_applied(), at: machine.now(), ..Seen::default() };
        for (node, (run, _)) in &machine.core().origins {
            seen.nodes.insert(node.0, *run);
        }
        for (node, _) in machine.core().membership.nodes() {
            seen.nodes.entry(*node).or_default();
        }
        seen.read(dir, &log).await?;
        let committed = log.read_committed().await.map_err(StorageError::io(dir, "read the log"))?;
        let survey = Survey {
            raft_last: seen.last.map_or(0, |id| id.index),
            raft_term: seen.last.map_or(0, |id| id.committed_leader_id().term),
            raft_committed: committed.max(machine.last_applied()).map_or(0, |id| id.index),
            snapshot: machine.index(),
            at: seen.at,
            others: seen.nodes.keys().map(|node| NodeId(*node)).filter(|node| *node != me.node).collect(),
            generation: identity.generation().get(),
            suspect: suspect.as_ref().map(Suspect::to_string),
        };
        Ok(Survivor { dir: dir.to_path_buf(), me: me.clone(), identity, log, seen, survey, _folder: folder })
    }

    /// What it has.
    #[must_use]
    pub fn survey(&self) -> &Survey {
        &self.survey
    }

    /// Makes it the one member of a new generation of its cluster; returns which. The other nodes come back with
    /// empty folders, as new ones. Broken off, it can be done again.
    pub async fn force_new_cluster(mut self, wall_ms: u64) -> Result<u64, RecoverError> {
        let dir = self.dir.clone();
        let failed = || StorageError::io(&dir, "write the log");
        let vote = self.log.read_vote().await.map_err(failed())?;
        let voted = vote.map_or(0, |vote| vote.leader_id().term);
        let term = voted.max(self.survey.raft_term) + 1;
        self.log.save_vote(&Vote::new(term, self.me.node.0)).await.map_err(failed())?;
        let next = self.seen.last.map_or(0, |id| id.index + 1);
        let membership = EntryPayload::Membership(alone(&self.me, &dir)?);
        let mut entries = vec![Entry { log_id: LogId::new_term_index(term, next), payload: membership }];
        // Every run of the others is over: none of them can speak for a session any more.
        let lost: Vec<_> = self.survey.others.iter().map(|node| (*node, Incarnation(u64::MAX))).collect();
        if !lost.is_empty() {
            entries.push(sessions_lost(LogId::new_term_index(term, next + 1), self.seen.at, &lost));
        }
        self.log.append_durably(entries).await?;
        self.log.trust()?;
        let generation = generation::next(self.survey.generation, wall_ms);
        self.identity.begin_generation(generation)?;
        self.log.close();
        Ok(generation)
    }
}

impl Seen {
    /// Reads the log behind the snapshot: members, time, and which nodes proposed.
    async fn read(&mut self, dir: &Path, log: &LogStore) -> Result<(), StorageError> {
        let mut reader = log.clone();
        let mut next = self.last.map_or(0, |id| id.index + 1);
        loop {
            let page = reader.try_get_log_entries(next..next + PAGE).await;
            let page = page.map_err(StorageError::io(dir, "read the log"))?;
            let Some(last) = page.last() else { return Ok(()) };
            next = last.log_id.index + 1;
            for entry in &page {
                self.entry(entry);
            }
        }
    }

    fn entry(&mut self, entry: &Entry) {
        self.last = Some(entry.log_id);
        match &entry.payload {
            EntryPayload::Blank => {}
            EntryPayload::Membership(membership) => {
                for (node, _) in membership.nodes() {
                    self.nodes.entry(*node).or_default();
                }
            }
            EntryPayload::Normal(batch) => {
                self.at = self.at.max(batch.at);
                for origin in batch.commands.iter().filter_map(|command| command.origin) {
                    let run = self.nodes.entry(origin.node.0).or_default();
                    *run = origin.incarnation.max(*run);
                }
            }
        }
    }
}
