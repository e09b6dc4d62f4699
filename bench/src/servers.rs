//! Server processes of a benchmark: started here, watched, and ended by their process id, however the benchmark ends.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use anyhow::{Context as _, bail};

/// Lines of a server's log that are shown when it ends by itself.
const LOG_LINES_SHOWN: usize = 10;

/// A running server. Dropping it ends its process.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    log: PathBuf,
    process: Child,
}

impl Server {
    /// Starts a command whose output goes to a log in `home`.
    ///
    /// # Errors
    /// The log cannot be written or the process not started.
    pub(crate) fn start(name: String, mut command: Command, home: &Path) -> anyhow::Result<Server> {
        let log = home.join("server.log");
        let output = File::create(&log).with_context(|| format!("making {}", log.display()))?;
        command.stdout(output.try_clone()?).stderr(output);
        let process = command
            .spawn()
            .with_context(|| format!("starting {}", Path::new(command.get_program()).display()))?;
        Ok(Server { name, log, process })
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
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself is as good as one ended here.
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}
