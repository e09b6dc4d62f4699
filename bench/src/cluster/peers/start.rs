//! How servers of peers are started: from the distribution's packages, on loopback, in folders of the run, ended with
//! it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::clock::Stopwatch;
use crate::nodes::free_ports;

/// How long servers may take to be ready.
const SETTLE: Duration = Duration::from_secs(60);
/// A server that does not answer within this time is asked again.
const PATIENCE: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Folders of run and server: others may go through and not look.
const PASSAGE: u32 = 0o711;

/// Somebody else to run a server as, because it refuses to run as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// The first of these accounts that exists; `None` where this program is not root and needs nobody else.
    pub(super) fn instead_of_root(names: &[&str]) -> anyhow::Result<Option<Account>> {
        if fs::metadata("/proc/self").context("reading /proc")?.uid() != 0 {
            return Ok(None);
        }
        let accounts = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
        let found = names.iter().find_map(|name| Account::find(&accounts, name));
        Ok(Some(found.with_context(|| format!("there is no account {}", names.join(" or ")))?))
    }

    fn find(accounts: &str, name: &str) -> Option<Account> {
        let fields: Vec<&str> = accounts
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|fields| fields.first() == Some(&name))?;
        Some(Account { user: fields.get(2)?.parse().ok()?, group: fields.get(3)?.parse().ok()? })
    }
}

/// A program by the name of its file, where the system looks.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/bin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(usual)
        .find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file()))
}

/// A command that is told to end by a signal when this program ends, even if that is killed; as somebody else if need
/// be.
pub(super) fn tied(program: &Path, signal: &str, account: Option<Account>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", signal]);
    if let Some(Account { user, group }) = account {
        command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
    }
    command.arg("--").arg(program).stdin(std::process::Stdio::null());
    command
}

/// What a command prints once it has done its work.
pub(super) fn output(mut command: Command) -> anyhow::Result<String> {
    let words = format!("{command:?}");
    let output = command.output().with_context(|| format!("starting {words}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    ensure!(output.status.success(), "{words} failed: {}", text(&output.stderr));
    Ok(text(&output.stdout))
}

/// A new folder for a server, which belongs to an account.
pub(super) fn home(folder: &Path, name: &str, account: Option<Account>) -> anyhow::Result<PathBuf> {
    let home = folder.join(name);
    fs::create_dir_all(&home).with_context(|| format!("making {}", home.display()))?;
    if let Some(Account { user, group }) = account {
        fs::set_permissions(folder, fs::Permissions::from_mode(PASSAGE))?;
        chown(&home, Some(user), Some(group))?;
    }
    Ok(home)
}

/// Free ports, one for each server.
pub(super) fn ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    <[u16; N]>::try_from(free_ports(N)?).ok().context("as many ports as asked for")
}

/// Asks until the answer is yes.
///
/// # Errors
/// A server has ended, or a minute is over: with the last error, if there was one.
pub(super) async fn until(
    what: &str,
    mut check: impl FnMut() -> anyhow::Result<()>,
    mut is_ready: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let watch = Stopwatch::start();
    loop {
        check()?;
        let answer = tokio::time::timeout(PATIENCE, is_ready()).await;
        match answer.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer within {} s", PATIENCE.as_secs()))) {
            Ok(true) => return Ok(()),
            Ok(false) if watch.elapsed() > SETTLE => bail!("{what} within {} s: not so", SETTLE.as_secs()),
            Err(error) if watch.elapsed() > SETTLE => {
                return Err(error.context(format!("waiting for: {what}")));
            }
            Ok(false) | Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let accounts = "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104::/var/lib:/bin/sh\nbroken:x\n";
        assert_eq!(Account::find(accounts, "postgres"), Some(Account { user: 101, group: 104 }));
        assert_eq!(Account::find(accounts, "post"), None);
        assert_eq!(Account::find(accounts, "broken"), None);
    }
}
