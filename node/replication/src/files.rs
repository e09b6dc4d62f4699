//! Files that survive a power cut or say that they did not: whole files are written beside, fsynced, renamed, and
//! their folder fsynced; everything carries a checksum that is looked at before the content is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ringmain_telemetry::{alerts, labels, names};

use crate::clock::Clock;

/// Why storage cannot go on. All of them stop the node: it must not serve what it cannot vouch for.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The content is not what was written.
    #[error(
        "{}: damaged: {what}. The file is not served. Move the node's data folder away and add the node again \
         under a new id, or restore the file", path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The operating system refused.
    #[error("{}: cannot {doing}: {source}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Its answer.
        source: io::Error,
    },
    /// The data folder was made for another cluster, node or group.
    #[error("{}: belongs to {found}, not to {expected}; check the configured data folder", path.display())]
    Foreign {
        /// Which file says so.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Who wants to open it.
        expected: String,
    },
    /// A newer program has written it.
    #[error(
        "{}: of format {found}; this program reads up to format {known}: start the version that wrote it, or a later \
         one. Nothing was changed", path.display()
    )]
    Newer {
        /// Which file says so.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The latest format known here.
        known: u32,
    },
    /// Another process has the data folder open.
    #[error("{}: in use by another process; stop that one first", path.display())]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
    /// Two records of what happened disagree.
    #[error("{}: {what}. The node stops, because its state is not that of its cluster", path.display())]
    Diverged {
        /// Where it was seen.
        path: PathBuf,
        /// What disagrees.
        what: String,
    },
}

impl StorageError {
    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        StorageError::Damaged { path: path.to_path_buf(), what: what.into() }
    }

    pub(crate) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| StorageError::Io { path: path.to_path_buf(), doing, source }
    }
}

impl From<StorageError> for io::Error {
    fn from(error: StorageError) -> Self {
        let kind = match &error {
            StorageError::Damaged { .. } | StorageError::Diverged { .. } => io::ErrorKind::InvalidData,
            StorageError::Io { source, .. } => source.kind(),
            StorageError::Foreign { .. } | StorageError::Newer { .. } => io::ErrorKind::InvalidInput,
            StorageError::InUse { .. } => io::ErrorKind::WouldBlock,
        };
        io::Error::new(kind, error)
    }
}

/// Counts fsyncs and their time, for everything but the Raft log, which counts its own.
#[derive(Clone)]
pub struct SyncMeter {
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    syncs: AtomicU64,
    nanos: AtomicU64,
    bytes: AtomicU64,
}

/// What a [`SyncMeter`] has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncCounts {
    /// How many fsyncs.
    pub count: u64,
    /// How long they took together.
    pub total: Duration,
    /// Bytes written.
    pub bytes: u64,
}

impl SyncMeter {
    /// A meter at zero.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        SyncMeter { clock, counters: Arc::default() }
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> SyncCounts {
        SyncCounts {
            count: self.counters.syncs.load(Ordering::Relaxed),
            total: Duration::from_nanos(self.counters.nanos.load(Ordering::Relaxed)),
            bytes: self.counters.bytes.load(Ordering::Relaxed),
        }
    }

    /// By which it measures.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    pub(crate) fn add_bytes(&self, bytes: usize) {
        self.counters.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn timed(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let start = self.clock.monotonic();
        let result = sync();
        let took = self.clock.monotonic().saturating_sub(start);
        self.counters.syncs.fetch_add(1, Ordering::Relaxed);
        self.counters.nanos.fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
        result
    }

    /// Returns when the file's content is on the disk.
    pub fn sync_file(&self, file: &File, path: &Path) -> Result<(), StorageError> {
        self.timed(|| file.sync_all()).map_err(StorageError::io(path, "fsync the file"))
    }

    /// Returns when the folder's names are on the disk.
    pub fn sync_dir(&self, dir: &Path) -> Result<(), StorageError> {
        let folder = File::open(dir).map_err(StorageError::io(dir, "open the folder"))?;
        self.timed(|| folder.sync_all()).map_err(StorageError::io(dir, "fsync the folder"))
    }

    /// Replaces `path` as a whole: after a power cut it has the old content or the new.
    pub fn replace_file(&self, path: &Path, content: &[u8]) -> Result<(), StorageError> {
        let temp = temp_path(path);
        let mut file = File::create(&temp).map_err(StorageError::io(&temp, "create the file"))?;
        file.write_all(content).map_err(StorageError::io(&temp, "write the file"))?;
        self.add_bytes(content.len());
        self.sync_file(&file, &temp)?;
        drop(file);
        self.rename_durably(&temp, path)
    }

    /// Renames within one folder; when it returns, the new name survives a power cut.
    pub fn rename_durably(&self, from: &Path, to: &Path) -> Result<(), StorageError> {
        fs::rename(from, to).map_err(StorageError::io(from, "rename the file"))?;
        self.sync_dir(parent(to))
    }

    /// Makes the folder and its parents; their names survive a power cut.
    pub fn create_dir(&self, dir: &Path) -> Result<(), StorageError> {
        if dir.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(dir).map_err(StorageError::io(dir, "create the folder"))?;
        self.sync_dir(parent(dir))
    }
}

/// Name of the file that becomes `path` when it is complete. What carries it at start is unfinished.
#[must_use]
pub fn temp_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    path.with_file_name(name)
}

/// Removes what a crash left unfinished in `dir`.
pub fn remove_unfinished(dir: &Path) -> Result<(), StorageError> {
    for path in list(dir)? {
        if path.extension().is_some_and(|e| e == "tmp") {
            tracing::warn!(path = %path.display(), "unfinished file removed");
            fs::remove_file(&path).map_err(StorageError::io(&path, "remove the unfinished file"))?;
        }
    }
    Ok(())
}

/// What is behind the name of a file that was set aside.
pub const SET_ASIDE: &str = "damaged";

/// Gives a damaged file another name, so that it is out of the way and can be looked at, and raises the alert.
pub fn set_aside(path: &Path, what: &str) -> Result<(), StorageError> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(SET_ASIDE);
    alert_set_aside(path, what);
    fs::rename(path, path.with_file_name(name)).map_err(StorageError::io(path, "set the file aside"))
}

/// Says that a file is not what it should be, and comes anew.
pub fn alert_set_aside(path: &Path, what: &str) {
    metrics::counter!(names::ALERTS, labels::ALERT => alerts::FILE_SET_ASIDE).increment(1);
    tracing::error!(
        alert = alerts::FILE_SET_ASIDE,
        path = %path.display(),
        error = what,
        "damaged file set aside: it is made or fetched anew"
    );
}

/// The paths in a folder, in the order of their names.
pub fn list(dir: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let failed = || StorageError::io(dir, "list the folder");
    let entries = fs::read_dir(dir).map_err(failed())?;
    let mut paths =
        entries.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>().map_err(failed())?;
    paths.sort();
    Ok(paths)
}

pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        Some(_) | None => Path::new("."),
    }
}

/// Length and checksum before each frame's content.
pub const FRAME_HEADER_BYTES: usize = 12;

/// Appends `content` as a frame: length (u32), checksum of the length (u32), checksum of the content (u32), content.
/// The length has a checksum of its own, so that a flipped bit in it cannot pass for a torn tail.
pub fn put_frame(out: &mut Vec<u8>, content: &[u8]) {
    out.extend_from_slice(&frame_header(content));
    out.extend_from_slice(content);
}

/// The header that [`put_frame`] puts before `content`.
#[must_use]
pub fn frame_header(content: &[u8]) -> [u8; FRAME_HEADER_BYTES] {
    let len = (content.len() as u32).to_le_bytes();
    let mut header = [0; FRAME_HEADER_BYTES];
    header[..4].copy_from_slice(&len);
    header[4..8].copy_from_slice(&crc32fast::hash(&len).to_le_bytes());
    header[8..].copy_from_slice(&crc32fast::hash(content).to_le_bytes());
    header
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The bytes end before the frame does: a torn write, or cut off.
    #[error("it ends within a record")]
    Torn,
    /// The length is not what was written.
    #[error("checksum of a record's length is wrong")]
    Length,
    /// The content is not what was written.
    #[error("checksum of a record is wrong")]
    Content,
}

impl From<FrameError> for io::Error {
    fn from(error: FrameError) -> Self {
        let kind = match error {
            FrameError::Torn => io::ErrorKind::UnexpectedEof,
            FrameError::Length | FrameError::Content => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

/// Length of a frame's content, by its header.
pub fn frame_len(header: &[u8; FRAME_HEADER_BYTES]) -> Result<usize, FrameError> {
    let (len, rest) = header.split_at(4);
    if rest[..4] == crc32fast::hash(len).to_le_bytes() {
        Ok(u32::from_le_bytes([len[0], len[1], len[2], len[3]]) as usize)
    } else {
        Err(FrameError::Length)
    }
}

/// Whether `content` is what its header says.
pub fn check_frame(header: &[u8; FRAME_HEADER_BYTES], content: &[u8]) -> Result<(), FrameError> {
    if header[8..] == crc32fast::hash(content).to_le_bytes() { Ok(()) } else { Err(FrameError::Content) }
}

/// Takes the first frame off `bytes`; `None` at their end.
pub fn take_frame<'a>(bytes: &mut &'a [u8]) -> Result<Option<&'a [u8]>, FrameError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let (header, rest) = bytes.split_first_chunk::<FRAME_HEADER_BYTES>().ok_or(FrameError::Torn)?;
    let (content, rest) = rest.split_at_checked(frame_len(header)?).ok_or(FrameError::Torn)?;
    check_frame(header, content)?;
    *bytes = rest;
    Ok(Some(content))
}

/// The content of a file that is exactly one frame.
pub fn read_framed_file(path: &Path) -> Result<Vec<u8>, StorageError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(StorageError::io(path, "read the file"))?;
    let mut rest = bytes.as_slice();
    let content = match take_frame(&mut rest) {
        Ok(Some(content)) => content,
        Ok(None) => return Err(StorageError::damaged(path, "it is empty")),
        Err(error) => return Err(StorageError::damaged(path, error.to_string())),
    };
    if rest.is_empty() {
        Ok(content.to_vec())
    } else {
        Err(StorageError::damaged(path, "it is longer than its content"))
    }
}

/// Whether this user may write into the folder, or make it where it is not there yet.
#[must_use]
pub fn may_be_written(dir: &Path) -> bool {
    let here = Path::new(".");
    let named = dir.ancestors().map(|folder| if folder.as_os_str().is_empty() { here } else { folder });
    let nearest = named.into_iter().find(|folder| folder.exists()).unwrap_or(here);
    let entered = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    nearest.is_dir() && rustix::fs::access(nearest, entered).is_ok()
}

/// Holds the data folder against other processes for as long as it lives.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the folder, or says that somebody else has it.
    pub fn take(dir: &Path) -> Result<FolderLock, StorageError> {
        let path = dir.join("LOCK");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StorageError::io(&path, "open the lock file"))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock { _file: file }),
            Err(fs::TryLockError::WouldBlock) => Err(StorageError::InUse { path: dir.to_path_buf() }),
            Err(fs::TryLockError::Error(error)) => Err(StorageError::io(&path, "lock the folder")(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FrozenClock;

    #[test]
    fn every_flipped_bit_of_a_frame_is_noticed() {
        let mut frame = Vec::new();
        put_frame(&mut frame, b"contact");
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let result = take_frame(&mut flipped.as_slice());
            assert!(matches!(result, Err(FrameError::Length | FrameError::Content)), "bit {bit}: {result:?}");
        }
    }

    #[test]
    fn a_cut_frame_is_torn_not_damaged() {
        let mut frame = Vec::new();
        put_frame(&mut frame, b"contact");
        for len in 1..frame.len() {
            assert_eq!(take_frame(&mut &frame[..len]), Err(FrameError::Torn), "cut at {len}");
        }
        assert_eq!(take_frame(&mut frame.as_slice()), Ok(Some(b"contact".as_slice())));
    }

    #[test]
    fn a_folder_can_be_made_in_one_that_is_there_and_not_below_a_file() {
        let dir = tempfile::tempdir().unwrap();
        assert!(may_be_written(dir.path()) && may_be_written(&dir.path().join("a/b")));
        fs::write(dir.path().join("file"), b"").unwrap();
        assert!(!may_be_written(&dir.path().join("file/b")));
    }

    #[test]
    fn a_folder_is_held_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let held = FolderLock::take(dir.path()).unwrap();
        assert!(matches!(FolderLock::take(dir.path()), Err(StorageError::InUse { .. })));
        drop(held);
        FolderLock::take(dir.path()).unwrap();
    }

    #[test]
    fn a_replaced_file_is_fsynced_with_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let meter = SyncMeter::new(Arc::new(FrozenClock));
        let path = dir.path().join("file");
        let mut frame = Vec::new();
        put_frame(&mut frame, b"content");
        meter.replace_file(&path, &frame).unwrap();
        assert_eq!(read_framed_file(&path).unwrap(), b"content");
        assert_eq!(meter.counts().count, 2);
        assert_eq!(list(dir.path()).unwrap(), [path]);
    }
}
