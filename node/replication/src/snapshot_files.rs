//! Snapshots on disk: the router's canonical bytes, what openraft must know of them, and the history segments that
//! come before them. Written beside, fsynced, renamed; the last two are kept.
//!
//! **Invariant:** no byte of a snapshot is used before the hash over all of it was found right.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringmain_routing::{LogIndex, Router, Snapshot, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, OwnedMutexGuard};
use xxhash_rust::xxh3::Xxh3;

use crate::files::{
    StorageError, SyncMeter, list, put_frame, remove_unfinished, set_aside, take_frame, temp_path,
};
use crate::machine::restore;
use crate::segments::SegmentRef;
use crate::snapshot_digests::SnapshotDigest;
use crate::type_config::{GroupId, SnapshotMeta};

const MAGIC: [u8; 4] = *b"RMP1";
const HASH_BYTES: usize = 16;
/// Snapshots kept. The older one is what lagging peers and a repair start from; the log reaches back to it.
pub const SNAPSHOTS_KEPT: usize = 2;
/// What a snapshot on its way in ends with. It outlives a restart, so that the transfer goes on where it was.
const PARTIAL: &str = "part";
/// Bytes of a snapshot read or sent at a time.
pub const SNAPSHOT_CHUNK_BYTES: usize = 1 << 20;

pub use ringmain_routing::shell::forwarding::Origins;

/// What a snapshot says of itself. The same on every replica that takes one at the same entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotHead {
    /// Whose state.
    pub group: GroupId,
    /// For openraft: the last entry it holds, and the membership.
    pub meta: SnapshotMeta,
    /// The last command it holds.
    pub index: LogIndex,
    /// Replicated time after that command.
    pub now: Timestamp,
    /// The chain after that command.
    pub chain: u128,
    /// Which proposals it holds.
    pub origins: Origins,
    /// Bytes of log since the last point where all replicas take a snapshot.
    pub log_bytes: u64,
    /// History up to `index`.
    pub segments: Vec<SegmentRef>,
}

/// A whole snapshot in a file, checked. Cheap to clone; stays readable when the file's name is gone.
#[derive(Clone, Debug)]
pub struct SnapshotFile {
    path: PathBuf,
    file: Arc<File>,
    len: u64,
    head: Arc<SnapshotHead>,
    body: (u64, u64),
    hash: u128,
    digest: SnapshotDigest,
}

impl SnapshotFile {
    /// Opens a file and checks all of it.
    pub fn open(path: &Path, group: GroupId) -> Result<SnapshotFile, StorageError> {
        let file = File::open(path).map_err(StorageError::io(path, "open the file"))?;
        let len = file.metadata().map_err(StorageError::io(path, "read the file"))?.len();
        let Some(body_end) = len.checked_sub(HASH_BYTES as u64) else {
            return Err(StorageError::damaged(path, "it is too short"));
        };
        let (hash, body_hash) =
            hashes_of(&file, body_end).map_err(StorageError::io(path, "read the file"))?;
        let mut stored = [0; HASH_BYTES];
        file.read_exact_at(&mut stored, body_end).map_err(StorageError::io(path, "read the file"))?;
        if hash != u128::from_le_bytes(stored) {
            return Err(StorageError::damaged(path, "its hash is wrong"));
        }
        let (head, body_start) = read_head(&file, path, body_end)?;
        if head.group != group {
            return Err(StorageError::Foreign {
                path: path.to_path_buf(),
                found: format!("group {}", head.group),
                expected: format!("group {group}"),
            });
        }
        let body = (body_start, body_end);
        let form = form_of(&file, body).map_err(StorageError::io(path, "read the file"))?;
        let digest = digest_of(&head, form, body_hash, path)?;
        Ok(SnapshotFile {
            path: path.to_path_buf(),
            file: Arc::new(file),
            len,
            head: Arc::new(head),
            body,
            hash,
            digest,
        })
    }

    /// What it says of itself.
    #[must_use]
    pub fn head(&self) -> &SnapshotHead {
        &self.head
    }

    /// Where it is, or was.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the whole file.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Never: a snapshot has a head at least.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What replicas that have a snapshot at the same entry must agree on.
    #[must_use]
    pub(crate) fn digest(&self) -> SnapshotDigest {
        self.digest
    }

    /// Hash of all its bytes.
    #[must_use]
    pub fn hash(&self) -> u128 {
        self.hash
    }

    /// Up to [`SNAPSHOT_CHUNK_BYTES`] from `offset`; empty at the end.
    pub fn read_chunk(&self, offset: u64) -> Result<Vec<u8>, StorageError> {
        let len = self.len.saturating_sub(offset).min(SNAPSHOT_CHUNK_BYTES as u64);
        let mut chunk = vec![0; len as usize];
        self.file.read_exact_at(&mut chunk, offset).map_err(StorageError::io(&self.path, "read the file"))?;
        Ok(chunk)
    }

    /// The router's bytes.
    pub fn router_bytes(&self) -> Result<Vec<u8>, StorageError> {
        let mut bytes = vec![0; (self.body.1 - self.body.0) as usize];
        let read = self.file.read_exact_at(&mut bytes, self.body.0);
        read.map_err(StorageError::io(&self.path, "read the file"))?;
        Ok(bytes)
    }
}

/// Hashes of all up to `end`, and of the router's bytes in it. Where those begin stands in the file and is not checked
/// yet: if it is wrong, so is the first hash.
fn hashes_of(file: &File, end: u64) -> std::io::Result<(u128, u128)> {
    let (mut hash, mut body_hash) = (Xxh3::new(), Xxh3::new());
    let mut chunk = vec![0; SNAPSHOT_CHUNK_BYTES];
    let (mut at, mut body) = (0, end);
    while at < end {
        let len = chunk.len().min((end - at) as usize);
        file.read_exact_at(&mut chunk[..len], at)?;
        if at == 0 {
            let head_len =
                chunk.get(4..12).and_then(<[u8]>::first_chunk).map_or(0, |len| u64::from_le_bytes(*len));
            body = head_len.saturating_add(12);
        }
        hash.update(&chunk[..len]);
        let before_body = body.saturating_sub(at).min(len as u64) as usize;
        body_hash.update(&chunk[before_body..len]);
        at += len as u64;
    }
    Ok((hash.digest128(), body_hash.digest128()))
}

/// The form of the router's bytes, as they say themselves; 0 where they are none of the router's.
fn form_of(file: &File, body: (u64, u64)) -> std::io::Result<u16> {
    let mut start = [0; Snapshot::HEADER_BYTES];
    if body.1 - body.0 < start.len() as u64 {
        return Ok(0);
    }
    file.read_exact_at(&mut start, body.0)?;
    Ok(Snapshot::form_of(&start).unwrap_or(0))
}

/// Over all but the list of segments: how much history a node keeps is its own matter.
fn digest_of(
    head: &SnapshotHead,
    form: u16,
    body_hash: u128,
    path: &Path,
) -> Result<SnapshotDigest, StorageError> {
    let agreed = SnapshotHead { segments: Vec::new(), ..head.clone() };
    let mut hash = Xxh3::new();
    hash.update(&head_bytes(&agreed, path)?);
    hash.update(&body_hash.to_le_bytes());
    let raft_index = head.meta.last_log_id.map_or(0, |id| id.index);
    Ok(SnapshotDigest { raft_index, form, hash: hash.digest128() })
}

fn read_head(file: &File, path: &Path, end: u64) -> Result<(SnapshotHead, u64), StorageError> {
    let damaged = |what: &str| StorageError::damaged(path, what);
    let mut fixed = [0; 12];
    if end < fixed.len() as u64 {
        return Err(damaged("it is too short"));
    }
    file.read_exact_at(&mut fixed, 0).map_err(StorageError::io(path, "read the file"))?;
    let (magic, head_len) = fixed.split_at(4);
    let head_len = head_len.first_chunk().map_or(0, |len| u64::from_le_bytes(*len));
    if magic != MAGIC {
        return Err(damaged("it is no snapshot of a version that this program reads"));
    }
    if head_len > end - fixed.len() as u64 {
        return Err(damaged("its head is longer than the file"));
    }
    let mut frame = vec![0; head_len as usize];
    file.read_exact_at(&mut frame, 12).map_err(StorageError::io(path, "read the file"))?;
    let content = match take_frame(&mut frame.as_slice()) {
        Ok(Some(content)) => content.to_vec(),
        Ok(None) => return Err(damaged("it has no head")),
        Err(error) => return Err(damaged(&error.to_string())),
    };
    let head = postcard::from_bytes(&content).map_err(|error| damaged(&format!("its head: {error}")))?;
    Ok((head, 12 + head_len))
}

/// The folder of a group's snapshots on this node. Cheap to clone.
#[derive(Clone)]
pub struct Snapshots {
    dir: Arc<PathBuf>,
    group: GroupId,
    meter: SyncMeter,
    receiving: Arc<Mutex<()>>,
}

impl Snapshots {
    /// Opens `dir/snapshots` and removes what a crash left unfinished.
    pub fn open(dir: &Path, group: GroupId, meter: SyncMeter) -> Result<Snapshots, StorageError> {
        let dir = dir.join("snapshots");
        meter.create_dir(&dir)?;
        remove_unfinished(&dir)?;
        Ok(Snapshots { dir: Arc::new(dir), group, meter, receiving: Arc::default() })
    }

    /// The latest sound snapshot, or none, that a log which begins behind `purged` can go on from. Damaged ones later
    /// than that are set aside; where nothing would do, the first of them is the error.
    pub fn latest(&self, purged: Option<u64>) -> Result<Option<(SnapshotFile, Router)>, StorageError> {
        let mut damaged = Vec::new();
        let mut found = None;
        for path in self.paths()?.into_iter().rev() {
            match self.open_one(&path) {
                Ok(sound) => {
                    found = Some(sound);
                    break;
                }
                Err(StorageError::Damaged { path, what }) => damaged.push((path, what)),
                Err(
                    error @ (StorageError::Io { .. }
                    | StorageError::Foreign { .. }
                    | StorageError::Newer { .. }
                    | StorageError::InUse { .. }
                    | StorageError::Diverged { .. }),
                ) => return Err(error),
            }
        }
        let last = found.as_ref().and_then(|(file, _)| file.head().meta.last_log_id);
        let reached = purged <= last.map(|id| id.index);
        match damaged.first() {
            Some((path, what)) if !reached => return Err(StorageError::damaged(path, what.clone())),
            Some(_) | None => {}
        }
        for (path, what) in &damaged {
            set_aside(path, what)?;
        }
        Ok(found)
    }

    fn open_one(&self, path: &Path) -> Result<(SnapshotFile, Router), StorageError> {
        let file = SnapshotFile::open(path, self.group)?;
        let router = restore(&file)?;
        Ok((file, router))
    }

    fn paths(&self) -> Result<Vec<PathBuf>, StorageError> {
        let mut paths = list(&self.dir)?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "rmp"));
        Ok(paths)
    }

    /// The snapshots there are, oldest first, each checked. A damaged one is an error, not a gap.
    pub fn load(&self) -> Result<Vec<SnapshotFile>, StorageError> {
        self.paths()?.iter().map(|path| SnapshotFile::open(path, self.group)).collect()
    }

    /// Writes a snapshot. When it returns, the snapshot survives a power cut.
    pub fn save(&self, head: &SnapshotHead, router: &[u8]) -> Result<SnapshotFile, StorageError> {
        let path = self.path(head);
        let temp = temp_path(&path);
        let failed = || StorageError::io(&temp, "write the file");
        let mut file = File::create(&temp).map_err(failed())?;
        let start = head_bytes(head, &temp)?;
        let mut hash = Xxh3::new();
        hash.update(&start);
        hash.update(router);
        file.write_all(&start).map_err(failed())?;
        file.write_all(router).map_err(failed())?;
        file.write_all(&hash.digest128().to_le_bytes()).map_err(failed())?;
        self.meter.add_bytes(start.len() + router.len() + HASH_BYTES);
        self.meter.sync_file(&file, &temp)?;
        self.keep(&temp, &path)
    }

    /// Goes on taking in the snapshot with this hash, from where an earlier transfer broke. One at a time: `None` while
    /// another one is under way.
    pub fn receive(&self, hash: u128) -> Result<Option<SnapshotReceiver>, StorageError> {
        let Ok(alone) = Arc::clone(&self.receiving).try_lock_owned() else {
            return Ok(None);
        };
        let path = self.partial(hash);
        for other in list(&self.dir)? {
            if other != path && other.extension().is_some_and(|extension| extension == PARTIAL) {
                fs::remove_file(&other).map_err(StorageError::io(&other, "remove the file"))?;
            }
        }
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        let file = opened.map_err(StorageError::io(&path, "create the file"))?;
        let len = file.metadata().map_err(StorageError::io(&path, "read the file"))?.len();
        let (group, meter) = (self.group, self.meter.clone());
        Ok(Some(SnapshotReceiver { path, file, hash, group, meter, len, _alone: alone }))
    }

    /// How much of the snapshot with this hash is here.
    #[must_use]
    pub fn received(&self, hash: u128) -> u64 {
        fs::metadata(self.partial(hash)).map_or(0, |file| file.len())
    }

    fn partial(&self, hash: u128) -> PathBuf {
        self.dir.join(format!("incoming-{hash:032x}.{PARTIAL}"))
    }

    /// Makes a received snapshot one of ours. One that is ours already stays as it is.
    pub fn adopt(&self, snapshot: &SnapshotFile) -> Result<SnapshotFile, StorageError> {
        let path = self.path(snapshot.head());
        if snapshot.path() == path { Ok(snapshot.clone()) } else { self.keep(snapshot.path(), &path) }
    }

    fn keep(&self, from: &Path, path: &Path) -> Result<SnapshotFile, StorageError> {
        self.meter.rename_durably(from, path)?;
        // Read back whole: what is written wrong must be found before the log is cut.
        let saved = SnapshotFile::open(path, self.group)?;
        self.remove_old()?;
        Ok(saved)
    }

    fn remove_old(&self) -> Result<(), StorageError> {
        let mut named = self.paths()?;
        named.truncate(named.len().saturating_sub(SNAPSHOTS_KEPT));
        for path in named {
            fs::remove_file(&path).map_err(StorageError::io(&path, "remove the file"))?;
        }
        Ok(())
    }

    fn path(&self, head: &SnapshotHead) -> PathBuf {
        let (index, term) =
            head.meta.last_log_id.map_or((0, 0), |id| (id.index, id.committed_leader_id().term));
        self.dir.join(format!("snapshot-{index:020}-{term:020}.rmp"))
    }
}

/// All bytes of a snapshot's file.
pub(crate) fn file_bytes(head: &SnapshotHead, router: &[u8]) -> Result<Vec<u8>, StorageError> {
    let mut bytes = head_bytes(head, Path::new("snapshot"))?;
    bytes.reserve_exact(router.len() + HASH_BYTES);
    bytes.extend_from_slice(router);
    let hash = xxhash_rust::xxh3::xxh3_128(&bytes);
    bytes.extend_from_slice(&hash.to_le_bytes());
    Ok(bytes)
}

fn head_bytes(head: &SnapshotHead, path: &Path) -> Result<Vec<u8>, StorageError> {
    let content = postcard::to_allocvec(head)
        .map_err(|error| StorageError::io(path, "encode the head")(std::io::Error::other(error)))?;
    let mut frame = Vec::new();
    put_frame(&mut frame, &content);
    let mut out = Vec::with_capacity(12 + frame.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&(frame.len() as u64).to_le_bytes());
    out.extend_from_slice(&frame);
    Ok(out)
}

/// A snapshot on its way in. Dropped before it is finished, it can be gone on with.
pub struct SnapshotReceiver {
    path: PathBuf,
    file: File,
    hash: u128,
    group: GroupId,
    meter: SyncMeter,
    len: u64,
    _alone: OwnedMutexGuard<()>,
}

impl SnapshotReceiver {
    /// Bytes received; the offset of the next chunk.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was received yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds the next chunk.
    pub fn append(&mut self, chunk: &[u8]) -> Result<(), StorageError> {
        self.file.write_all(chunk).map_err(StorageError::io(&self.path, "write the file"))?;
        self.meter.add_bytes(chunk.len());
        self.len += chunk.len() as u64;
        Ok(())
    }

    /// Checks the whole and makes it durable. It becomes ours when it is installed. What is wrong is thrown away: to go
    /// on with it would never end.
    pub fn finish(self) -> Result<SnapshotFile, StorageError> {
        self.meter.sync_file(&self.file, &self.path)?;
        let checked = SnapshotFile::open(&self.path, self.group).and_then(|snapshot| {
            let right = snapshot.hash() == self.hash;
            if right {
                Ok(snapshot)
            } else {
                Err(StorageError::damaged(&self.path, "it is another snapshot"))
            }
        });
        if checked.is_err() {
            fs::remove_file(&self.path).map_err(StorageError::io(&self.path, "remove the file"))?;
        }
        checked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FrozenClock;
    use crate::type_config::LogId;
    use ringmain_routing::{Incarnation, NodeId};

    fn head(index: u64) -> SnapshotHead {
        SnapshotHead {
            group: GroupId(0),
            meta: SnapshotMeta {
                last_log_id: Some(LogId::new_term_index(1, index)),
                ..SnapshotMeta::default()
            },
            index: LogIndex(index * 2),
            now: Timestamp(5),
            chain: 9,
            origins: Origins::from([(NodeId(1), (Incarnation(2), 3))]),
            log_bytes: 4,
            segments: vec![],
        }
    }

    fn snapshots(dir: &Path) -> Snapshots {
        Snapshots::open(dir, GroupId(0), SyncMeter::new(Arc::new(FrozenClock))).unwrap()
    }

    #[test]
    fn the_last_two_snapshots_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let snapshots = snapshots(dir.path());
        for index in 1..=3 {
            snapshots.save(&head(index), b"router").unwrap();
        }
        let kept: Vec<_> = snapshots.load().unwrap().iter().map(|s| s.head().clone()).collect();
        assert_eq!(kept, [head(2), head(3)]);
    }

    #[test]
    fn the_digest_is_of_the_state_and_not_of_the_history_that_a_node_keeps() {
        let dir = tempfile::tempdir().unwrap();
        let snapshots = snapshots(dir.path());
        let digest = |head: SnapshotHead, router: &[u8]| snapshots.save(&head, router).unwrap().digest();
        let first = digest(head(1), &[7; 3 << 20]);
        assert_eq!((first.raft_index, first), (1, digest(head(1), &[7; 3 << 20])));
        let segment = SegmentRef { first: LogIndex(1), last: LogIndex(2), bytes: 3, hash: 4 };
        assert_eq!(digest(SnapshotHead { segments: vec![segment], ..head(1) }, &[7; 3 << 20]), first);
        let mut other = vec![7; 3 << 20];
        other[2 << 20] = 8;
        assert_ne!(digest(head(1), &other), first);
        assert_ne!(digest(SnapshotHead { log_bytes: 5, ..head(1) }, &[7; 3 << 20]), first);
    }

    #[test]
    fn a_flipped_bit_in_a_snapshot_is_detected_and_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let snapshots = snapshots(dir.path());
        let saved = snapshots.save(&head(1), b"router").unwrap();
        assert_eq!(saved.router_bytes().unwrap(), b"router");
        let sound = fs::read(saved.path()).unwrap();
        for byte in 0..sound.len() {
            let mut flipped = sound.clone();
            flipped[byte] ^= 16;
            fs::write(saved.path(), &flipped).unwrap();
            let error = snapshots.load().unwrap_err();
            assert!(
                matches!(&error, StorageError::Damaged { path, .. } if path == saved.path()),
                "{byte}: {error}"
            );
        }
    }

    #[test]
    fn a_received_snapshot_is_checked_before_it_is_ours() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let sent = snapshots(there.path()).save(&head(1), &[7; 3 << 20]).unwrap();
        let snapshots = snapshots(here.path());
        let mut receiver = snapshots.receive(sent.hash()).unwrap().unwrap();
        receiver.append(&sent.read_chunk(0).unwrap()).unwrap();
        assert!(snapshots.receive(sent.hash()).unwrap().is_none(), "one at a time");
        drop(receiver);
        assert_eq!(snapshots.received(sent.hash()), SNAPSHOT_CHUNK_BYTES as u64, "what came stays");
        let mut receiver = snapshots.receive(sent.hash()).unwrap().unwrap();
        while receiver.len() < sent.len() {
            receiver.append(&sent.read_chunk(receiver.len()).unwrap()).unwrap();
        }
        let received = receiver.finish().unwrap();
        assert_eq!((received.hash(), received.head()), (sent.hash(), sent.head()));
        assert!(snapshots.load().unwrap().is_empty());
        snapshots.adopt(&received).unwrap();
        assert_eq!(snapshots.load().unwrap().len(), 1);
        let mut broken = snapshots.receive(sent.hash()).unwrap().unwrap();
        broken.append(&sent.read_chunk(0).unwrap()).unwrap();
        assert!(broken.finish().is_err());
        assert_eq!(list(&here.path().join("snapshots")).unwrap().len(), 1);
    }
}
