//! System calls of a node that fail, take long, or do nothing: `strace` watches its process and meddles.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// What strace says when every thread is watched.
const ATTACHED: &str = "attached";
const SYNCS: &str = "fsync,fdatasync,sync_file_range,msync";

/// What becomes of a node's syncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syncs {
    /// They fail with EIO.
    Fail,
    /// They take so much longer.
    TakeLonger(Duration),
    /// They answer at once and do nothing.
    DoNothing,
}

/// A watcher of a node's process. The calls are as they were when it is dropped.
pub(super) struct Injection {
    watcher: Child,
    /// Kept open: the watcher must not end because nobody listens to it.
    _says: BufReader<ChildStderr>,
}

impl Syncs {
    fn expression(self) -> String {
        match self {
            Syncs::Fail => format!("inject={SYNCS}:error=EIO"),
            Syncs::TakeLonger(by) => format!("inject={SYNCS}:delay_enter={}", by.as_micros()),
            Syncs::DoNothing => format!("inject={SYNCS}:retval=0"),
        }
    }
}

impl Injection {
    /// Comes back once it is in force.
    pub(super) fn begin(pid: u32, syncs: Syncs) -> Result<Injection> {
        let traced = format!("trace={SYNCS}");
        let mut watcher = Command::new("strace")
            .args(["-f", "-o", "/dev/null", "-e", &traced, "-e", &syncs.expression(), "-p"])
            .arg(pid.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting strace")?;
        let mut says = BufReader::new(watcher.stderr.take().context("what strace says")?);
        let mut line = String::new();
        while !line.contains(ATTACHED) {
            line.clear();
            let read = says.read_line(&mut line)?;
            ensure!(read > 0, "strace does not watch process {pid}: it may lack the right to (ptrace)");
        }
        Ok(Injection { watcher, _says: says })
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        // Ended by a signal that it can catch, strace lets go of the process first. One that has ended cannot be.
        let _asked = super::nodes::signal(self.watcher.id(), "INT");
        let _ended = self.watcher.wait();
    }
}
