//! Room on the disk: a reserve file that is given up when the rest runs out, and a node that stops proposing before.
//!
//! **Invariant:** [`next`] decides by numbers alone. A full disk stops what is new; what is under way is written from
//! the reserve.

use std::fs::{self, OpenOptions};
use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ringmain_telemetry::{alerts, labels, names};

pub use ringmain_routing::shell::liveness::DiskState;

use crate::files::{StorageError, SyncMeter};
use crate::handover;
use crate::machine::blocking;
use crate::shared::Shared;

/// How long the look at the disk waits for a change of leader.
const OFFER_MAX: Duration = Duration::from_secs(1);

const FILE: &str = "reserve";
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So many looks pass before a full leader offers its place again, so that full nodes do not pass it round and round.
const LOOKS_PER_OFFER: u32 = 10;
/// Where so many reserves are free, the share that is used says nothing: a tenth of a large disk is plenty.
const PLENTY: u64 = 16;
/// Percent below the limit at which a full disk counts as free again.
const FALL_PERCENT: u64 = 2;

/// When a disk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskLimits {
    /// Size of the reserve file; 0 for none, and then the disk is never found full before it is.
    pub reserve_bytes: u64,
    /// The share that may be used.
    pub used_percent_max: u8,
}

impl Default for DiskLimits {
    fn default() -> Self {
        Self { reserve_bytes: 64 << 20, used_percent_max: 90 }
    }
}

/// What the file system says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes in use, the reserve among them.
    pub used: u64,
    /// Bytes that this process may still write.
    pub free: u64,
}

impl Room {
    /// Of the file system that holds `dir`.
    pub fn of(dir: &Path) -> Result<Room, StorageError> {
        let found = rustix::fs::statvfs(dir).map_err(|error| StorageError::Io {
            path: dir.to_path_buf(),
            doing: "ask how much room there is",
            source: error.into(),
        })?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Room { used: bytes(found.f_blocks.saturating_sub(found.f_bfree)), free: bytes(found.f_bavail) })
    }

    fn is_used_to(self, percent: u64) -> bool {
        let total = u128::from(self.used) + u128::from(self.free);
        u128::from(self.used) * 100 >= total * u128::from(percent)
    }
}

/// Where a node learns how much room there is in a folder.
pub type RoomOf = fn(&Path) -> Result<Room, StorageError>;

/// How a node stands with its disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stand {
    /// It proposes nothing.
    pub full: bool,
    /// The reserve file is there.
    pub held: bool,
}

/// What is to be done about the reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make it.
    Hold,
    /// Give it up.
    Release,
}

/// How the node stands from here on, and what is to be done.
#[must_use]
pub fn next(limits: DiskLimits, room: Room, stand: Stand) -> (bool, Option<Step>) {
    let reserve = limits.reserve_bytes;
    if reserve == 0 {
        return (false, stand.held.then_some(Step::Release));
    }
    let percent = u64::from(limits.used_percent_max);
    let plenty = room.free >= reserve.saturating_mul(PLENTY);
    let wanted = if stand.held { 2 * reserve } else { 3 * reserve };
    let full = if stand.full {
        room.free < wanted || room.is_used_to(percent.saturating_sub(FALL_PERCENT)) && !plenty
    } else {
        room.free < reserve || room.is_used_to(percent) && !plenty
    };
    let step = if stand.held && room.free < reserve / 2 {
        Some(Step::Release)
    } else if !stand.held && room.free >= wanted {
        Some(Step::Hold)
    } else {
        None
    };
    (full, step)
}

/// A node's disk. Cheap to clone.
#[derive(Clone)]
pub struct Disk {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    limits: DiskLimits,
    room: RoomOf,
    meter: SyncMeter,
    full: AtomicBool,
    held: AtomicBool,
    free: AtomicU64,
}

impl Disk {
    /// Looks for the first time, and makes the reserve where there is room.
    pub fn open(
        dir: &Path,
        limits: DiskLimits,
        room: RoomOf,
        meter: SyncMeter,
    ) -> Result<Disk, StorageError> {
        let (full, held, free) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(u64::MAX));
        let dir = dir.to_path_buf();
        let disk = Disk { inner: Arc::new(Inner { dir, limits, room, meter, full, held, free }) };
        disk.look()?;
        Ok(disk)
    }

    /// Whether nothing new may be taken.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.inner.full.load(Ordering::Relaxed)
    }

    /// How the disk is, for others.
    #[must_use]
    pub fn state(&self) -> DiskState {
        match (self.is_full(), self.inner.held.load(Ordering::Relaxed)) {
            (false, true | false) => DiskState::Room,
            (true, true) => DiskState::Full,
            (true, false) => DiskState::OnReserve,
        }
    }

    /// Bytes free at the last look, beside the reserve.
    #[must_use]
    pub fn free(&self) -> u64 {
        self.inner.free.load(Ordering::Relaxed)
    }

    /// Whether so many bytes may be written beside what is under way. Looks anew.
    pub fn has_room_for(&self, bytes: u64) -> Result<bool, StorageError> {
        let free = (self.inner.room)(&self.inner.dir)?.free;
        Ok(free >= bytes.saturating_add(self.inner.limits.reserve_bytes))
    }

    /// Looks at the disk and acts on what is seen. Touches the disk.
    pub fn look(&self) -> Result<(), StorageError> {
        let inner = &self.inner;
        let room = (inner.room)(&inner.dir)?;
        let stand = Stand { full: self.is_full(), held: self.reserve_path().exists() };
        let (full, step) = next(inner.limits, room, stand);
        inner.free.store(room.free, Ordering::Relaxed);
        metrics::gauge!(names::DISK_BYTES).set(room.used.saturating_add(room.free) as f64);
        metrics::gauge!(names::DISK_FREE).set(room.free as f64);
        metrics::gauge!(names::DISK_FULL).set(f64::from(u8::from(full)));
        if full != stand.full {
            self.turn(full, room);
        }
        let done = match step {
            Some(Step::Hold) => self.hold(),
            Some(Step::Release) => self.release(),
            None => Ok(()),
        };
        inner.held.store(self.reserve_path().exists(), Ordering::Relaxed);
        done
    }

    fn turn(&self, full: bool, room: Room) {
        self.inner.full.store(full, Ordering::Relaxed);
        if full {
            metrics::counter!(names::ALERTS, labels::ALERT => alerts::DISK_FULL).increment(1);
            tracing::error!(
                alert = alerts::DISK_FULL,
                bytes = room.free,
                path = %self.inner.dir.display(),
                "disk is nearly full: this node takes no commands"
            );
        } else {
            tracing::info!(bytes = room.free, "disk has room again: this node takes commands");
        }
    }

    fn hold(&self) -> Result<(), StorageError> {
        let path = self.reserve_path();
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = opened.map_err(StorageError::io(&path, "create the reserve"))?;
        let bytes = self.inner.limits.reserve_bytes;
        match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
            Ok(()) => self.inner.meter.sync_file(&file, &path),
            Err(error) => {
                tracing::warn!(%error, "no reserve could be made; the next look tries again");
                self.release()
            }
        }
    }

    fn release(&self) -> Result<(), StorageError> {
        let path = self.reserve_path();
        fs::remove_file(&path).map_err(StorageError::io(&path, "give up the reserve"))?;
        tracing::warn!(bytes = self.inner.limits.reserve_bytes, "reserve on the disk given up");
        Ok(())
    }

    fn reserve_path(&self) -> PathBuf {
        self.inner.dir.join(FILE)
    }
}

impl Shared {
    /// Whether this node may lead. One that lost part of its log, was removed, or has a full disk stands for no
    /// election, however complete its log is; it goes on voting, a full one too. The only voter has nobody to leave
    /// it to.
    pub fn may_lead(&self) -> bool {
        let only = self.members().voter_ids().len() < 2;
        self.suspect.is_none() && !self.is_removed() && (only || !self.disk.is_full())
    }

    /// Makes Raft go by [`Self::may_lead`].
    pub fn settle_candidacy(&self) {
        self.raft.runtime_config().elect(self.may_lead());
    }
}

/// Looks each second for as long as the replica lives. A full leader hands its place to the node that lacks least.
pub(crate) async fn watch(shared: Arc<Shared>) {
    let mut looks_until_offer = 0;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let disk = shared.disk.clone();
        if let Ok(Err(error)) = blocking(move || disk.look()).await {
            tracing::warn!(%error, "disk could not be looked at");
        }
        shared.settle_candidacy();
        looks_until_offer = if !shared.disk.is_full() {
            0
        } else if looks_until_offer > 0 {
            looks_until_offer - 1
        } else {
            offer_leadership(&shared).await;
            LOOKS_PER_OFFER
        };
    }
}

async fn offer_leadership(shared: &Shared) {
    if shared.leadership.borrow().leader != Some(shared.config.node) || shared.members().voter_ids().len() < 2
    {
        return;
    }
    // What comes of it shows in the leadership; this task has a disk to look at.
    let moved = tokio::time::timeout(OFFER_MAX, handover::move_leader(shared, None, ready(()))).await;
    if let Ok(Err(error)) = moved {
        tracing::warn!(%error, "leadership could not be handed over");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FrozenClock;

    const GB: u64 = 1 << 30;
    const MB: u64 = 1 << 20;
    const LIMITS: DiskLimits = DiskLimits { reserve_bytes: 64 * MB, used_percent_max: 90 };
    const WELL: Stand = Stand { full: false, held: true };
    const FULL: Stand = Stand { full: true, held: true };

    #[test]
    fn a_small_disk_is_full_at_its_share_and_a_large_one_is_not() {
        assert_eq!(next(LIMITS, Room { used: 899 * MB, free: 101 * MB }, WELL), (false, None));
        assert_eq!(next(LIMITS, Room { used: 900 * MB, free: 100 * MB }, WELL), (true, None));
        assert_eq!(next(LIMITS, Room { used: 950 * GB, free: 50 * GB }, WELL), (false, None));
    }

    #[test]
    fn with_little_more_than_the_reserve_left_the_disk_is_full_and_then_the_reserve_goes() {
        let generous = DiskLimits { used_percent_max: 100, ..LIMITS };
        assert_eq!(next(generous, Room { used: GB, free: 64 * MB }, WELL), (false, None));
        assert_eq!(next(generous, Room { used: GB, free: 63 * MB }, WELL), (true, None));
        assert_eq!(next(generous, Room { used: GB, free: 31 * MB }, FULL), (true, Some(Step::Release)));
        let released = Stand { full: true, held: false };
        assert_eq!(next(generous, Room { used: GB, free: 95 * MB }, released), (true, None));
    }

    #[test]
    fn a_full_disk_counts_as_free_again_only_with_room_for_the_reserve_and_as_much_on_top() {
        let room = |free| Room { used: 100 * MB, free };
        let released = Stand { full: true, held: false };
        assert_eq!(next(LIMITS, room(191 * MB), released), (true, None));
        assert_eq!(next(LIMITS, room(192 * MB), released), (false, Some(Step::Hold)));
        assert_eq!(next(LIMITS, room(127 * MB), FULL), (true, None));
        assert_eq!(next(LIMITS, room(128 * MB), FULL), (false, None));
        let at_the_share = Room { used: 885 * MB, free: 115 * MB };
        assert!(next(LIMITS, at_the_share, FULL).0, "not at once below the share");
    }

    #[test]
    fn without_a_reserve_nothing_is_judged() {
        let off = DiskLimits { reserve_bytes: 0, ..LIMITS };
        let nothing_left = Room { used: GB, free: 0 };
        assert_eq!(next(off, nothing_left, Stand::default()), (false, None));
        assert_eq!(next(off, nothing_left, WELL), (false, Some(Step::Release)));
    }

    #[test]
    fn the_reserve_takes_real_room_and_gives_it_back() {
        let dir = tempfile::tempdir().unwrap();
        let limits = DiskLimits { reserve_bytes: MB, used_percent_max: 100 };
        let meter = SyncMeter::new(Arc::new(FrozenClock));
        let disk = Disk::open(dir.path(), limits, Room::of, meter.clone()).unwrap();
        assert_eq!(disk.state(), DiskState::Room);
        let reserve = dir.path().join(FILE);
        let held = rustix::fs::stat(&reserve).unwrap();
        assert!(held.st_blocks as u64 * 512 >= MB, "its blocks are its own: {}", held.st_blocks);
        Disk::open(dir.path(), DiskLimits { reserve_bytes: 0, ..limits }, Room::of, meter).unwrap();
        assert!(!reserve.exists());
    }
}
