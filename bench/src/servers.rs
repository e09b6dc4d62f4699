//! Server processes of a benchmark: started here, watched, and ended by their process id, however the benchmark ends.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
#[cfg(feature = "peers")]
use std::time::Duration;

use anyhow::{Context as _, bail};

#[cfg(feature = "peers")]
use crate::clock::Stopwatch;

/// Lines of a server's log that are shown when it ends by itself.
const LOG_LINES_SHOWN: usize = 10;
#[cfg(feature = "peers")]
/// How long a server may take to end when it was asked to.
const GRACE: Duration = Duration::from_secs(5);
#[cfg(feature = "peers")]
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running server. Dropping it ends its process.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    log: PathBuf,
    process: Child,
    end: End,
}

/// How a server is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// At once.
    Kill,
    /// By this signal, because it has processes or shared memory of its own to clear away; at once if it does not heed.
    #[cfg(feature = "peers")]
    Ask(&'static str),
}

impl Server {
    /// Starts a command whose output goes to a log in `home`, behind that of an earlier run.
    ///
    /// # Errors
    /// The log cannot be written or the process not started.
    pub(crate) fn start(name: String, mut command: Command, home: &Path, end: End) -> anyhow::Result<Server> {
        let log = home.join("server.log");
        let output = OpenOptions::new().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("making {}", log.display()))?;
        command.stdout(output.try_clone()?).stderr(output);
        let process = command
            .spawn()
            .with_context(|| format!("starting {}", Path::new(command.get_program()).display()))?;
        Ok(Server { name, log, process, end })
    }

    /// Its process id.
    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }

    /// Fails with the end of its log when it has ended by itself.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn check_running(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.process.try_wait()? {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n");
            bail!("{} has ended by itself ({status}); the end of its log:\n{tail}", self.name);
        }
        Ok(())
    }

    /// Whether it ended within a time after it was asked to.
    #[cfg(feature = "peers")]
    fn heeds(&mut self, signal: &str) -> bool {
        let process = self.process.id().to_string();
        let is_asked =
            Command::new("kill").args(["-s", signal, &process]).status().is_ok_and(|end| end.success());
        let watch = Stopwatch::start();
        while is_asked && watch.elapsed() < GRACE {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let has_ended = match self.end {
            End::Kill => false,
            #[cfg(feature = "peers")]
            End::Ask(signal) => self.heeds(signal),
        };
        if !has_ended {
            // One that has ended by itself is as good as one ended here.
            let _ended = self.process.kill().and_then(|()| self.process.wait());
        }
    }
}
