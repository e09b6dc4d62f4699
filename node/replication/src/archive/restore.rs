//! An archive becomes the data folder of the first node of a new cluster.
//!
//! The folder is made under another name, opened and checked as a node would, and renamed as the last step: what is
//! broken off before leaves nothing that a node would start from.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use openraft::storage::RaftLogStorage;
use openraft::{EntryPayload, Membership};
use ringmain_routing::command::NodeLost;
use ringmain_routing::{Command, Incarnation, LogIndex, NodeId, Timestamp};

use super::read::Reader;
use super::{ArchiveError, ArchiveHead, ArchivePart};
use crate::config::Peer;
use crate::disk::Room;
use crate::files::{StorageError, SyncMeter, parent};
use crate::generation;
use crate::identity::{Identity, Owner};
use crate::log_store::LogStore;
use crate::pending::Pending;
use crate::segments::{Cut, SegmentRef, seal};
use crate::snapshot_files::{Origins, SnapshotFile, SnapshotHead, Snapshots};
use crate::state_machine::{StateConfig, StateMachine};
use crate::type_config::{
    Entry, EntryBatch, GroupId, LogId, PeerNode, ProposedCommand, StoredMembership, Vote,
};

/// Room beyond the archive's content: log, identity, mark, search index at its start.
const ROOM_BYTES: u64 = 16 << 20;

/// Where a backup goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// The data folder; absent or empty.
    pub dir: PathBuf,
    /// Name of the new cluster.
    pub cluster: String,
    /// Its first node.
    pub me: Peer,
    /// The wall clock, for the generation.
    pub wall_ms: u64,
}

/// What was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The archive.
    pub head: ArchiveHead,
    /// Generation of the new cluster.
    pub generation: u64,
}

/// Looks whether [`restore`] would do it: the folder, every sum of the archive, the room. Nothing is written.
///
/// # Errors
/// What would keep it from being done.
pub fn can_restore(archive: &Path, target: &Target) -> Result<ArchiveHead, ArchiveError> {
    must_be_empty(&target.dir)?;
    let head = super::inspect(archive)?;
    must_have_room(&target.dir, head.content_bytes() + ROOM_BYTES)?;
    Ok(head)
}

/// Makes the data folder. `progress` is told how many bytes of the content are done.
pub async fn restore(
    archive: &Path,
    target: &Target,
    meter: &SyncMeter,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Restored, ArchiveError> {
    must_be_empty(&target.dir)?;
    let reader = Reader::open(archive)?;
    must_have_room(&target.dir, reader.head.content_bytes() + ROOM_BYTES)?;
    let staging = Staging::begin(&target.dir, meter)?;
    let head = unpack(reader, &staging.dir, progress)?;
    let generation = generation::next(head.generation, target.wall_ms);
    let snapshot = SnapshotFile::open(&staging.dir.join(UNPACKED), GroupId::default())?;
    must_agree(archive, &head, snapshot.head())?;
    put_snapshot(&staging.dir, &snapshot, target, meter)?;
    put_log(&staging.dir, &snapshot, target, meter).await?;
    put_identity(&staging.dir, snapshot.head(), target, generation, meter)?;
    check(&staging.dir, &head, meter)?;
    staging.finish(&target.dir, meter)?;
    Ok(Restored { head, generation })
}

/// The state as it came, until it is written anew for the new cluster.
const UNPACKED: &str = "unpacked";

fn must_be_empty(dir: &Path) -> Result<(), ArchiveError> {
    if !dir.exists() {
        return Ok(());
    }
    let mut rows = fs::read_dir(dir).map_err(StorageError::io(dir, "list the folder"))?;
    if rows.next().is_none() { Ok(()) } else { Err(ArchiveError::NotEmpty { path: dir.to_path_buf() }) }
}

fn must_have_room(dir: &Path, needed: u64) -> Result<(), ArchiveError> {
    let existing = dir.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("."));
    let free = Room::of(existing)?.free;
    if free < needed { Err(ArchiveError::NoRoom { path: dir.to_path_buf(), needed, free }) } else { Ok(()) }
}

/// The folder under its working name; removed when it is not finished.
struct Staging {
    dir: PathBuf,
    finished: bool,
}

impl Staging {
    fn begin(target: &Path, meter: &SyncMeter) -> Result<Staging, StorageError> {
        let mut name = target.file_name().unwrap_or_default().to_os_string();
        name.push(".restoring");
        let dir = target.with_file_name(name);
        if dir.exists() {
            // Only an earlier restore that was broken off makes a folder of this name.
            fs::remove_dir_all(&dir).map_err(StorageError::io(&dir, "remove the folder"))?;
        }
        fs::create_dir_all(&dir).map_err(StorageError::io(&dir, "create the folder"))?;
        meter.create_dir(&dir.join("history"))?;
        Ok(Staging { dir, finished: false })
    }

    fn finish(mut self, target: &Path, meter: &SyncMeter) -> Result<(), StorageError> {
        for dir in ["history", "snapshots", "log", ""] {
            meter.sync_dir(&self.dir.join(dir))?;
        }
        if target.exists() {
            fs::remove_dir(target).map_err(StorageError::io(target, "replace the empty folder"))?;
        }
        fs::rename(&self.dir, target).map_err(StorageError::io(&self.dir, "rename the folder"))?;
        self.finished = true;
        meter.sync_dir(parent(target))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = fs::remove_dir_all(&self.dir)
        {
            tracing::warn!(path = %self.dir.display(), %error, "unfinished restore could not be removed");
        }
    }
}

/// Writes the parts to their files; the whole archive is checked when it returns.
fn unpack(
    reader: Reader<'_>,
    dir: &Path,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<ArchiveHead, ArchiveError> {
    let cut = Cut { group: GroupId::default(), records: reader.head.segment_records };
    let mut open: Option<(usize, File, PathBuf)> = None;
    let mut done = 0;
    let head = reader.read_all(&mut |place, part, data| {
        if open.as_ref().is_none_or(|(current, ..)| *current != place) {
            let path = path_of(dir, &cut, place, part);
            let file = File::create_new(&path).map_err(StorageError::io(&path, "create the file"))?;
            open = Some((place, file, path));
        }
        if let Some((_, file, path)) = &mut open {
            file.write_all(data).map_err(StorageError::io(path, "write the file"))?;
        }
        done += data.len() as u64;
        progress(done);
        Ok(())
    })?;
    for (place, part) in head.parts.iter().enumerate().skip(1) {
        finish_segment(&path_of(dir, &cut, place, part), &cut, part)?;
    }
    Ok(head)
}

fn path_of(dir: &Path, cut: &Cut, place: usize, part: &ArchivePart) -> PathBuf {
    if place == 0 {
        dir.join(UNPACKED)
    } else {
        dir.join("history").join(cut.file_name(LogIndex(part.first)))
    }
}

/// A full segment gets its seal again; the bytes of both are on the disk on return.
fn finish_segment(path: &Path, cut: &Cut, part: &ArchivePart) -> Result<(), StorageError> {
    let failed = || StorageError::io(path, "finish the file");
    let mut file = OpenOptions::new().append(true).open(path).map_err(failed())?;
    let (first, last) = (LogIndex(part.first), LogIndex(part.last));
    if last == cut.last_of(first) {
        let hash = u128::from_str_radix(&part.hash, 16)
            .map_err(|error| StorageError::damaged(path, error.to_string()))?;
        let sealed = seal(&SegmentRef { first, last, bytes: part.bytes, hash });
        file.write_all(&sealed).map_err(failed())?;
    }
    file.sync_all().map_err(failed())
}

fn must_agree(archive: &Path, head: &ArchiveHead, state: &SnapshotHead) -> Result<(), ArchiveError> {
    let segments = state.segments.iter().map(|s| (s.first.0, s.last.0, s.bytes));
    let parts = head.parts.iter().skip(1).map(|part| (part.first, part.last, part.bytes));
    if state.index.0 == head.log_index && segments.eq(parts) {
        Ok(())
    } else {
        Err(ArchiveError::damaged(archive, "its head does not fit its state"))
    }
}

/// The state for the new cluster: this node is its one member, and proposals of nodes that no longer are do not count.
fn put_snapshot(
    dir: &Path,
    unpacked: &SnapshotFile,
    target: &Target,
    meter: &SyncMeter,
) -> Result<(), StorageError> {
    let old = unpacked.head();
    let mut head = SnapshotHead { origins: Origins::new(), ..old.clone() };
    head.meta.last_membership = StoredMembership::new(old.meta.last_log_id, alone(&target.me, dir)?);
    let snapshots = Snapshots::open(dir, old.group, meter.clone())?;
    snapshots.save(&head, &unpacked.router_bytes()?)?;
    let path = unpacked.path();
    fs::remove_file(path).map_err(StorageError::io(path, "remove the file"))
}

/// The log begins behind the state, with the sessions of all nodes of the old cluster lost.
async fn put_log(
    dir: &Path,
    snapshot: &SnapshotFile,
    target: &Target,
    meter: &SyncMeter,
) -> Result<(), StorageError> {
    let head = snapshot.head();
    let last = head.meta.last_log_id.unwrap_or_else(|| LogId::new_term_index(0, 0));
    let term = last.committed_leader_id().term + 1;
    let failed = || StorageError::io(dir, "write the log");
    let (mut log, _) = LogStore::open(dir, meter)?;
    log.save_vote(&Vote::new(term, target.me.node.0)).await.map_err(failed())?;
    if head.meta.last_log_id.is_some() {
        log.purge(last).await.map_err(failed())?;
    }
    let others = head.origins.iter().filter(|(node, _)| **node != target.me.node);
    let lost: Vec<_> = others.map(|(node, (run, _))| (*node, *run)).collect();
    if !lost.is_empty() {
        let entry = sessions_lost(LogId::new_term_index(term, last.index + 1), head.now, &lost);
        log.append_durably(vec![entry]).await?;
    }
    log.close();
    Ok(())
}

fn put_identity(
    dir: &Path,
    old: &SnapshotHead,
    target: &Target,
    generation: u64,
    meter: &SyncMeter,
) -> Result<(), StorageError> {
    let node = target.me.node;
    // The next run must be later than all whose sessions are in the state.
    let incarnation = old.origins.get(&node).map_or(Incarnation(0), |(run, _)| *run);
    let owner = Owner {
        cluster: target.cluster.clone(),
        node,
        incarnation,
        member: true,
        generation,
        format: crate::identity::FORMAT,
    };
    Identity::create(dir, &owner, meter.clone()).map(drop)
}

/// Opens what was made as a node would.
fn check(dir: &Path, head: &ArchiveHead, meter: &SyncMeter) -> Result<(), ArchiveError> {
    let config = StateConfig { segment_records: head.segment_records, ..StateConfig::new(dir, 1) };
    let pending = Pending::new(NodeId(head.node), Incarnation(0));
    let (_, machine) = StateMachine::open(&config, Arc::clone(&pending), meter)?;
    let (log, suspect) = LogStore::open(dir, meter)?;
    log.check_meets(machine.last_applied())?;
    log.close();
    match suspect {
        None => Ok(()),
        Some(suspect) => Err(StorageError::damaged(dir, suspect.to_string()).into()),
    }
}

/// The membership of a cluster of one.
pub(crate) fn alone(me: &Peer, path: &Path) -> Result<Membership<u64, PeerNode>, StorageError> {
    let node = PeerNode {
        peer_addr: me.peer_addr.clone(),
        api_addr: me.api_addr.clone(),
        region: me.region.clone(),
    };
    let nodes = BTreeMap::from([(me.node.0, node)]);
    Membership::new(vec![[me.node.0].into()], nodes)
        .map_err(|error| StorageError::damaged(path, error.to_string()))
}

/// An entry that ends the sessions that these runs of these nodes held.
pub(crate) fn sessions_lost(log_id: LogId, at: Timestamp, lost: &[(NodeId, Incarnation)]) -> Entry {
    let command = |&(node, incarnation): &(NodeId, Incarnation)| ProposedCommand {
        frame: Command::NodeLost(NodeLost { node, incarnation }).encode().into(),
        origin: None,
    };
    let batch = EntryBatch { group: GroupId::default(), at, commands: lost.iter().map(command).collect() };
    Entry { log_id, payload: EntryPayload::Normal(batch) }
}
