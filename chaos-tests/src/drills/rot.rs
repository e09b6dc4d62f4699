//! Files that are not what they were: one bit is turned, or an end is missing.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::file::RotFile;

/// Within the first record of a log file, which repeats the vote.
const VOTE_AT: u64 = 20;
/// So much of the log's newest file goes: far more than a second's worth of marks.
const TAIL_SHARE: u64 = 2;

/// Damages a file of a stopped node's data folder; which one, and how.
pub(super) fn damage(data: &Path, what: RotFile) -> Result<String> {
    let (folder, newest) = match what {
        RotFile::Log | RotFile::LogTail | RotFile::Vote => ("log", true),
        RotFile::Snapshot => ("snapshots", true),
        RotFile::History => ("history", false),
    };
    let mut files = files(&data.join(folder))?;
    let place = if newest { files.len().checked_sub(1) } else { (!files.is_empty()).then_some(0) };
    let place = place.with_context(|| format!("{}: no file in it to damage", data.join(folder).display()))?;
    let path = files.swap_remove(place);
    let bytes = fs::metadata(&path)?.len();
    ensure!(bytes > VOTE_AT, "{}: too short to damage", path.display());
    match what {
        RotFile::Log | RotFile::Snapshot | RotFile::History => turn_bit(&path, bytes / 2),
        RotFile::Vote => turn_bit(&path, VOTE_AT),
        RotFile::LogTail => cut(&path, bytes - bytes / TAIL_SHARE),
    }
}

/// Files with something in them, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        if entry.metadata()?.is_file() && entry.metadata()?.len() > VOTE_AT {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn turn_bit(path: &Path, at: u64) -> Result<String> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    byte[0] ^= 0x10;
    file.write_all_at(&byte, at)?;
    file.sync_all()?;
    Ok(format!("{}: a bit turned at {at}", path.display()))
}

fn cut(path: &Path, bytes: u64) -> Result<String> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(bytes)?;
    file.sync_all()?;
    Ok(format!("{}: cut to {bytes} bytes", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_of_the_right_file_is_another() {
        let here = tempfile::tempdir().unwrap();
        fs::create_dir(here.path().join("log")).unwrap();
        let file = |name: &str| here.path().join("log").join(name);
        fs::write(file("a"), [0; 100]).unwrap();
        fs::write(file("b"), [0; 100]).unwrap();
        fs::write(file("empty"), []).unwrap();
        damage(here.path(), RotFile::Log).unwrap();
        assert_eq!(fs::read(file("a")).unwrap(), [0; 100]);
        let turned: Vec<usize> = (0..100).filter(|at| fs::read(file("b")).unwrap()[*at] != 0).collect();
        assert_eq!(turned, [50]);
        damage(here.path(), RotFile::LogTail).unwrap();
        assert_eq!(fs::metadata(file("b")).unwrap().len(), 50);
    }
}
