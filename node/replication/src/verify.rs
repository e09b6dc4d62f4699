//! Reads and checks every file of a stopped node, and changes none.

use std::fs::File;
use std::path::{Path, PathBuf};

use ringmain_routing::LogIndex;

use crate::files::{FolderLock, SET_ASIDE, StorageError, list};
use crate::history;
use crate::identity::{self, Owner};
use crate::log_store;
use crate::machine::restore;
use crate::mark;
use crate::segments::{Cut, FrameReader, SegmentRef, scan};
use crate::snapshot_files::SnapshotFile;
use crate::type_config::GroupId;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Whose folder it is.
    Identity,
    /// How far the log once reached.
    Mark,
    /// Entries and votes.
    Log,
    /// The state at one entry.
    Snapshot,
    /// A part of the history.
    Segment,
    /// What is built again when it is lost: search index, reserve, lock.
    Rebuilt,
    /// Nothing of this program's, or left by a crash.
    Other,
}

impl FileKind {
    /// As a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            FileKind::Identity => "identity",
            FileKind::Mark => "mark",
            FileKind::Log => "log",
            FileKind::Snapshot => "snapshot",
            FileKind::Segment => "segment",
            FileKind::Rebuilt => "rebuilt",
            FileKind::Other => "other",
        }
    }
}

/// What was found of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Every sum fits.
    Sound,
    /// Its end is torn; the node cuts it off at its start and loses nothing that was acknowledged.
    Torn(String),
    /// It is not what was written, or is missing.
    Damaged(String),
    /// It was not looked into.
    NotChecked(&'static str),
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub path: PathBuf,
    /// What for.
    pub kind: FileKind,
    /// Which part of the log it holds, in words.
    pub range: String,
    /// How it is.
    pub state: FileState,
}

/// What was found in a data folder.
#[derive(Clone, Debug)]
pub struct Report {
    /// Whose it is, where that can be read.
    pub owner: Option<Owner>,
    /// Every file.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many files are damaged.
    #[must_use]
    pub fn damaged(&self) -> usize {
        self.findings.iter().filter(|finding| matches!(finding.state, FileState::Damaged(_))).count()
    }
}

/// Reads everything in the folder of a node that does not run.
pub fn verify(dir: &Path) -> Result<Report, StorageError> {
    let _folder = FolderLock::take(dir)?;
    let (owner, first) = look_at_owner(dir)?;
    let mut findings = vec![first];
    findings.extend(look_at_mark(dir)?);
    findings.extend(look_at_log(dir)?);
    let (snapshots, latest) = look_at_snapshots(dir)?;
    findings.extend(snapshots);
    findings.extend(look_at_history(dir, latest.as_ref())?);
    findings.extend(look_at_rest(dir)?);
    Ok(Report { owner, findings })
}

fn finding(path: &Path, kind: FileKind, range: String, state: FileState) -> Finding {
    Finding { path: path.to_path_buf(), kind, range, state }
}

/// Damage is a finding; that the disk cannot be read is an error.
fn found<T>(result: Result<T, StorageError>) -> Result<Result<T, String>, StorageError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(
            error @ (StorageError::Damaged { .. }
            | StorageError::Newer { .. }
            | StorageError::Foreign { .. }
            | StorageError::Diverged { .. }),
        ) => Ok(Err(error.to_string())),
        Err(error @ (StorageError::Io { .. } | StorageError::InUse { .. })) => Err(error),
    }
}

fn look_at_owner(dir: &Path) -> Result<(Option<Owner>, Finding), StorageError> {
    let path = dir.join("identity");
    let missing =
        || FileState::Damaged("it is missing: this is no data folder, or it was never started".into());
    let (owner, range, state) = match found(identity::owner(dir))? {
        Ok(Some(owner)) => {
            let words = format!("node {} of {}, format {}", owner.node, owner.cluster, owner.format);
            (Some(owner), words, FileState::Sound)
        }
        Ok(None) => (None, String::new(), missing()),
        Err(what) => (None, String::new(), FileState::Damaged(what)),
    };
    Ok((owner, finding(&path, FileKind::Identity, range, state)))
}

fn look_at_mark(dir: &Path) -> Result<Option<Finding>, StorageError> {
    let path = dir.join("mark");
    if !path.exists() {
        return Ok(None);
    }
    let (water, suspect, damage) = mark::inspect(&path)?;
    let reached = water.log.map_or(String::new(), |log| format!("raft {} of term {}", log.index, log.term));
    let state = match (damage, suspect) {
        (Some(what), _) => FileState::Damaged(what),
        (None, true) => FileState::Damaged("it says that the log lost its end: the node is suspect".into()),
        (None, false) => FileState::Sound,
    };
    Ok(Some(finding(&path, FileKind::Mark, reached, state)))
}

fn look_at_log(dir: &Path) -> Result<Vec<Finding>, StorageError> {
    let files = match found(log_store::inspect(dir))? {
        Ok(files) => files,
        Err(what) => {
            let state = FileState::Damaged(what);
            return Ok(vec![finding(&dir.join("log"), FileKind::Log, String::new(), state)]);
        }
    };
    let last = files.len().saturating_sub(1);
    let state = |place: usize, broken: Option<String>| match broken {
        None => FileState::Sound,
        // Whether acknowledged entries are gone with a torn end, the mark tells at the start.
        Some(what) if place == last => FileState::Torn(what),
        Some(what) => FileState::Damaged(what),
    };
    let words = |entries: Option<(u64, u64)>, records| match entries {
        Some((from, to)) => format!("raft {from} to {to}, {records} records"),
        None => format!("{records} records"),
    };
    let findings = files.into_iter().enumerate().map(|(place, file)| {
        let range = words(file.entries, file.records);
        finding(&file.path, FileKind::Log, range, state(place, file.broken))
    });
    Ok(findings.collect())
}

fn look_at_snapshots(dir: &Path) -> Result<(Vec<Finding>, Option<SnapshotFile>), StorageError> {
    let (mut findings, mut latest) = (Vec::new(), None);
    for path in files_in(&dir.join("snapshots"))? {
        if path.extension().is_none_or(|extension| extension != "rmp") {
            findings.push(leftover(&path));
            continue;
        }
        let opened = SnapshotFile::open(&path, GroupId::default());
        let opened = opened.and_then(|snapshot| restore(&snapshot).map(|_| snapshot));
        match found(opened)? {
            Ok(snapshot) => {
                let range = format!("up to log index {}", snapshot.head().index);
                findings.push(finding(&path, FileKind::Snapshot, range, FileState::Sound));
                latest = Some(snapshot);
            }
            Err(what) => {
                findings.push(finding(&path, FileKind::Snapshot, String::new(), FileState::Damaged(what)));
            }
        }
    }
    Ok((findings, latest))
}

fn look_at_history(dir: &Path, latest: Option<&SnapshotFile>) -> Result<Vec<Finding>, StorageError> {
    let dir = dir.join("history");
    let known = latest.map_or(&[][..], |snapshot| &snapshot.head().segments);
    let (mut findings, mut seen) = (Vec::new(), Vec::new());
    for path in files_in(&dir)? {
        match Cut::first_by_name(&path) {
            Some(first) => {
                seen.push(first);
                findings.push(look_at_segment(&path, first, known)?);
            }
            None if path.ends_with("oldest") => {
                let state = match found(history::oldest_in(&dir))? {
                    Ok(_) => FileState::Sound,
                    Err(what) => FileState::Damaged(what),
                };
                findings.push(finding(&path, FileKind::Segment, "where history begins".into(), state));
            }
            None => findings.push(leftover(&path)),
        }
    }
    for lost in known.iter().filter(|segment| !seen.contains(&segment.first)) {
        let path = dir.join(Cut::name_of(lost.first));
        let state = FileState::Damaged("it is missing, and the snapshot names it".into());
        findings.push(finding(&path, FileKind::Segment, words(lost.first, lost.last), state));
    }
    Ok(findings)
}

fn look_at_segment(path: &Path, first: LogIndex, known: &[SegmentRef]) -> Result<Finding, StorageError> {
    let Some(cut) = cut_of(path)? else {
        let state = FileState::Damaged("its header cannot be read".into());
        return Ok(finding(path, FileKind::Segment, String::new(), state));
    };
    let read = scan(path, first, &cut)?;
    let range = words(first, read.last);
    let needed = known.last().map_or(LogIndex(0), |last| last.last);
    let state = match found(history::check_against_snapshot(path, &read, known, needed, &cut))? {
        Err(what) => FileState::Damaged(what),
        Ok(()) => match &read.damage {
            Some(damage) => FileState::Torn(format!("{damage}; replay writes it again")),
            None => FileState::Sound,
        },
    };
    Ok(finding(path, FileKind::Segment, range, state))
}

/// How the segment says that its history is cut.
fn cut_of(path: &Path) -> Result<Option<Cut>, StorageError> {
    let file = File::open(path).map_err(StorageError::io(path, "open the file"))?;
    let mut frames = FrameReader::new(file, 0, u64::MAX).map_err(StorageError::io(path, "read the file"))?;
    Ok(frames.next_frame().ok().flatten().and_then(|header| Cut::of_header(header.content())))
}

fn look_at_rest(dir: &Path) -> Result<Vec<Finding>, StorageError> {
    let mut findings = Vec::new();
    for path in list(dir)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match name {
            "identity" | "mark" | "log" | "snapshots" | "history" => {}
            "search" | "reserve" | "LOCK" => {
                let state = FileState::NotChecked("it is made anew when it does not open");
                findings.push(finding(&path, FileKind::Rebuilt, String::new(), state));
            }
            _other_name => findings.push(leftover(&path)),
        }
    }
    Ok(findings)
}

fn leftover(path: &Path) -> Finding {
    let set_aside = path.extension().is_some_and(|extension| extension == SET_ASIDE);
    let why = if set_aside {
        "it was set aside as damaged, and is not used"
    } else {
        "it is none of this program's, or unfinished; it is not used"
    };
    finding(path, FileKind::Other, String::new(), FileState::NotChecked(why))
}

fn files_in(dir: &Path) -> Result<Vec<PathBuf>, StorageError> {
    if dir.is_dir() { list(dir) } else { Ok(Vec::new()) }
}

fn words(first: LogIndex, last: LogIndex) -> String {
    if last < first { "no whole record".into() } else { format!("log index {first} to {last}") }
}
