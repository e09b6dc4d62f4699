//! A drill that is ended by force leaves nothing behind on the machine. Needs root; says so where there is none.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Hosts and disks of their own, and a fault early on.
const DRILL: &str = "region-loss";
const BEGUN: &str = "region lost: ";

/// Files of a kind below a folder of the kernel's, as texts with their names.
fn texts(folder: &str, file: &str) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let of = |entry: fs::DirEntry| {
        let path = entry.path().join(file);
        let bytes = fs::read(&path).ok()?;
        Some((path, String::from_utf8_lossy(&bytes).into_owned()))
    };
    entries.filter_map(of).collect()
}

fn holding(texts: Vec<(PathBuf, String)>, word: &str) -> Vec<PathBuf> {
    texts.into_iter().filter(|(_, text)| text.contains(word)).map(|(path, _)| path).collect()
}

#[test]
fn a_drill_that_is_killed_leaves_no_process_mount_disk_group_or_file() {
    let program = Path::new(env!("CARGO_BIN_EXE_ringmain-chaos"));
    if !program.with_file_name("ringmain").is_file() {
        eprintln!("skipped: the node's program is not built beside {}", program.display());
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().canonicalize().unwrap().display().to_string();
    let mut drill = Command::new(program)
        .args(["drill", "run", DRILL, "--patience", "10", "--rate", "10"])
        .env("TMPDIR", &place)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(drill.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains(BEGUN) {
        line.clear();
        if said.read_line(&mut line).unwrap() == 0 || line.starts_with("skipped") {
            eprintln!("skipped: the drill did not begin here: {line}");
            drill.wait().unwrap();
            return;
        }
    }
    assert_ne!(holding(texts("/proc", "environ"), &place), [] as [PathBuf; 0], "nodes run");
    drill.kill().unwrap();
    drill.wait().unwrap();
    // Everybody who was started, the last one included who cleans up, writes there: its end is theirs.
    said.read_to_string(&mut line).unwrap();

    assert_eq!(holding(texts("/proc", "environ"), &place), [] as [PathBuf; 0]);
    assert_eq!(holding(texts("/sys/block", "loop/backing_file"), &place), [] as [PathBuf; 0]);
    assert!(!fs::read_to_string("/proc/self/mounts").unwrap().contains(&place));
    let left: Vec<_> = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [] as [PathBuf; 0]);
}
