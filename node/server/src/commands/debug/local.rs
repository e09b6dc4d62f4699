//! What the bundle takes from this machine.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use ringmain_cluster_config::NodeConfig;
use serde_json::{Value, json};

/// Files of a data folder that are listed.
const FILES_MAX: usize = 10_000;

/// The program and the machine.
pub(super) fn versions() -> Value {
    let first_line = |path: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().next().unwrap_or_default().trim().to_owned()
    };
    json!({
        "ringmain": env!("CARGO_PKG_VERSION"),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "kernel": first_line("/proc/sys/kernel/osrelease"),
        "memory": first_line("/proc/meminfo"),
        "load": first_line("/proc/loadavg"),
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
    })
}

/// The config as the node reads it: comments are left out, and so is what stands before an `@` in a URL.
pub(super) fn config_text(config: &NodeConfig) -> String {
    let without_login = |line: &str| match (line.find("://"), line.find('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://***{}", &line[..scheme], &line[at..]),
        (Some(_) | None, Some(_) | None) => line.to_owned(),
    };
    config.to_toml().lines().map(|line| without_login(line) + "\n").collect()
}

/// Names and sizes of the files in the data folder.
///
/// # Errors
/// When the folder cannot be read.
pub(super) fn data_files(folder: &Path) -> Result<Value, String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = std::fs::read_dir(&next).map_err(|error| format!("{}: {error}", next.display()))?;
        for entry in entries.flatten() {
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() {
                folders.push(entry.path());
            } else if files.len() < FILES_MAX {
                let path = entry.path();
                let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
                files.push(json!({"file": name, "bytes": about.len()}));
            }
        }
    }
    Ok(json!({"files": files, "at_most": FILES_MAX}))
}

/// The last bytes of a log, from the start of a line.
///
/// # Errors
/// When it cannot be read.
pub(super) fn end_of(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let skipped = file.metadata()?.len().saturating_sub(bytes_max);
        file.seek(SeekFrom::Start(skipped))?;
        let mut end = Vec::new();
        file.take(bytes_max).read_to_end(&mut end)?;
        if skipped > 0 {
            let first_line = end.iter().position(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
            end.drain(..first_line);
        }
        Ok(end)
    };
    read().map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_starts_with_a_whole_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        std::fs::write(&path, "first line\nsecond\nthird\n").expect("written");
        assert_eq!(end_of(&path, 10).expect("read"), b"third\n");
        assert_eq!(end_of(&path, 1_000).expect("read"), b"first line\nsecond\nthird\n");
        end_of(&folder.path().join("none"), 10).expect_err("not there");
    }
}
