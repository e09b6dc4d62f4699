//! Backups: the state at one log index and the history up to it, in one file.
//!
//! An archive is a chain of frames: a head that says what follows, the bytes of each part in order, and an end with
//! the hash of all before it. So it can be written to a pipe, and one that was cut short or changed is noticed.
//!
//! **Invariant:** nothing of an archive is used before its end was found right.

mod read;
mod restore;
mod take;

use std::path::{Path, PathBuf};

use ringmain_routing::LogIndex;
use serde::{Deserialize, Serialize};

use crate::files::StorageError;

pub use read::inspect;
pub use restore::{Restored, Target, can_restore, restore};
pub(crate) use restore::{alone, sessions_lost};
pub use take::Archive;
pub(crate) use take::Maker;

/// The archive format that this program writes; it reads this and older ones.
pub const ARCHIVE_VERSION: u16 = 1;

const TAG_HEAD: u8 = 1;
const TAG_DATA: u8 = 2;
const TAG_END: u8 = 3;
const MAGIC: [u8; 4] = *b"RMAR";
/// Bytes of a part in one frame: a message with one stays below what gRPC lets through.
const DATA_BYTES: usize = 512 << 10;
/// Name of the part that holds the state.
const SNAPSHOT: &str = "snapshot";

/// What an archive says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveHead {
    /// The cluster's name.
    pub cluster: String,
    /// Its generation.
    pub generation: u64,
    /// The node that made it.
    pub node: u64,
    /// Version of the program that made it.
    pub version: String,
    /// When, by that node's wall clock.
    pub made_ms: u64,
    /// The last Raft entry in it.
    pub raft_index: u64,
    /// That entry's term.
    pub raft_term: u64,
    /// The last command in it.
    pub log_index: u64,
    /// Replicated time after that command.
    pub at_ms: u64,
    /// The chain after that command, in hexadecimal digits.
    pub chain: String,
    /// The first command whose history it has.
    pub history_from: u64,
    /// Records in one history segment.
    pub segment_records: u64,
    /// What follows, in order: the state and then the segments.
    pub parts: Vec<ArchivePart>,
}

/// One part of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivePart {
    /// What it is: `snapshot`, or the name of a history segment.
    pub name: String,
    /// Of a segment: its first log index.
    pub first: u64,
    /// Of a segment: its last log index.
    pub last: u64,
    /// Its length.
    pub bytes: u64,
    /// Hash of its bytes, in hexadecimal digits.
    pub hash: String,
}

impl ArchiveHead {
    /// Bytes of all parts.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    /// The last command in it.
    #[must_use]
    pub fn last(&self) -> LogIndex {
        LogIndex(self.log_index)
    }
}

/// Why an archive cannot be used or restored. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file is no whole archive.
    #[error("{}: damaged archive: {what}. Nothing was restored from it; take another backup", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A newer program has made it.
    #[error(
        "{}: archive of format {found}; this program reads up to format {ARCHIVE_VERSION}: restore it with the version \
         that made it, or a later one", path.display()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its format.
        found: u16,
    },
    /// There is something in the folder that the restored data would go to.
    #[error(
        "data_dir: {} is not empty; a backup is restored into an empty folder only: name another one in the config, \
         or move this one away", path.display()
    )]
    NotEmpty {
        /// Which folder.
        path: PathBuf,
    },
    /// The disk has too little room.
    #[error(
        "data_dir: {} has {free} bytes free and {needed} are needed: make room, or restore to another disk",
        path.display()
    )]
    NoRoom {
        /// Which folder.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// The disk or a file in the new folder.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl ArchiveError {
    fn damaged(path: &Path, what: impl Into<String>) -> Self {
        ArchiveError::Damaged { path: path.to_path_buf(), what: what.into() }
    }
}

fn hex(hash: u128) -> String {
    format!("{hash:032x}")
}
