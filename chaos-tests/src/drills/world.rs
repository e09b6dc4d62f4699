//! A world of its own for a drill: processes, mounts and networks that end with it, however it ends.
//!
//! The program starts itself again as the first process of a new process namespace, with mounts and a network of its
//! own. When that first process ends, the kernel ends all others in it, and with the last of them go mounts, loop
//! devices and networks. It is ended when the program outside ends. What the kernel does not take back (the scratch
//! folder, control groups) a shell outside removes, which waits for the end of its input for that.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

use super::disk::{is_installed, succeed};
use super::file::Need;

/// Says that this process is inside, and where its scratch folder is.
const INSIDE: &str = "RINGMAIN_DRILL_WORLD";
/// Where Debian's libfaketime is; another place is told by this variable.
const FAKETIME: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
];
const FAKETIME_VARIABLE: &str = "RINGMAIN_DRILL_FAKETIME";
const SHARED_MEMORY: &str = "/dev/shm";
pub(super) const CGROUPS: &str = "/sys/fs/cgroup";
/// Waits until all is over, disks included, then removes the control groups of the name and the scratch folder.
const JANITOR: &str = "trap '' INT TERM HUP\n\
    cat >/dev/null\n\
    for try in $(seq 100); do\n\
      left=0\n\
      for group in /sys/fs/cgroup/*/\"$2\"/* /sys/fs/cgroup/*/\"$2\"; do\n\
        if [ -d \"$group\" ] && ! rmdir \"$group\" 2>/dev/null; then left=1; fi\n\
      done\n\
      if grep -qs \"^$1/\" /sys/block/loop*/loop/backing_file; then left=1; fi\n\
      [ $left = 0 ] && break\n\
      sleep 0.1\n\
    done\n\
    rm -rf \"${1:?}\"\n";

/// What a run of the program is, where a drill needs a world of its own.
pub(super) enum World {
    /// It is inside, or needs no world.
    Here,
    /// The drill has run inside, and this is how it ended.
    WasInside(ExitStatus),
}

/// What the machine lacks of what a drill needs, as a sentence.
pub(super) fn lacking(needs: &BTreeSet<Need>) -> Option<String> {
    needs.iter().find_map(|need| match need {
        Need::Root => {
            let tools = ["unshare", "setpriv", "mount", "umount"];
            if is_root() { missing(&tools) } else { Some("needs root".to_owned()) }
        }
        Need::Netns => {
            let has_devices = Path::new("/dev/net/tun").exists();
            let none = (!has_devices).then(|| "needs /dev/net/tun".to_owned());
            none.or_else(|| missing(&["ip", "nsenter"]))
        }
        Need::Disks => missing(&["mkfs.ext4", "fallocate", "df"]),
        Need::Strace => missing(&["strace"]),
        Need::Faketime => faketime()
            .is_none()
            .then(|| format!("needs libfaketime; name the file of the library by {FAKETIME_VARIABLE}")),
        Need::Cgroup => {
            let has = |name: &str| Path::new(CGROUPS).join(name).join("tasks").exists();
            let has_all = ["cpu", "memory", "blkio"].into_iter().all(has);
            (!has_all).then(|| format!("needs control groups of version 1 at {CGROUPS}"))
        }
    })
}

fn missing(tools: &[&str]) -> Option<String> {
    tools.iter().find(|tool| !is_installed(tool)).map(|tool| format!("needs `{tool}`"))
}

/// The library by which a node's wall clock can lie.
pub(super) fn faketime() -> Option<PathBuf> {
    let told = env::var_os(FAKETIME_VARIABLE).map(PathBuf::from);
    told.into_iter().chain(FAKETIME.map(PathBuf::from)).find(|path| path.is_file())
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    ids.split_whitespace().nth(1) == Some("0")
}

/// The scratch folder of a process that is inside.
pub(super) fn scratch() -> Option<PathBuf> {
    env::var_os(INSIDE).map(PathBuf::from)
}

/// Name of the control groups of a scratch folder.
pub(super) fn group_name(scratch: &Path) -> String {
    scratch.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Runs this program again inside, unless it is inside. Comes back when that run has ended.
pub(super) async fn enter() -> Result<World> {
    // Whoever interrupts the drill means the process inside, which ends in order and reports.
    let _caught = signal(SignalKind::interrupt())?;
    if scratch().is_some() {
        succeed(Command::new("ip").args(["link", "set", "lo", "up"]))?;
        // Wall clocks that lie keep their state there, and leave it behind when their process is killed.
        succeed(Command::new("mount").args(["-t", "tmpfs", "tmpfs", SHARED_MEMORY]))?;
        return Ok(World::Here);
    }
    let scratch = tempfile::Builder::new().prefix("ringmain-drill-").tempdir()?.keep();
    let janitor = Janitor::start(&scratch)?;
    let own = env::current_exe().context("finding this program's own file")?;
    let mut inside = Command::new("setpriv");
    inside.args(["--pdeathsig", "KILL", "--", "unshare", "--mount", "--propagation", "private"]);
    inside.args(["--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"]);
    let mut child = inside.arg(own).args(env::args_os().skip(1)).env(INSIDE, &scratch).spawn()?;
    let status = tokio::task::spawn_blocking(move || child.wait()).await??;
    janitor.finish()?;
    Ok(World::WasInside(status))
}

/// Cleans up after everybody else.
struct Janitor(Child);

impl Janitor {
    fn start(scratch: &Path) -> Result<Janitor> {
        let mut shell = Command::new("sh");
        shell.args(["-c", JANITOR, "sh"]).arg(scratch).arg(group_name(scratch)).stdin(Stdio::piped());
        // Of a group of its own, so that Ctrl-C does not reach it.
        Ok(Janitor(shell.process_group(0).spawn().context("starting sh")?))
    }

    fn finish(mut self) -> Result<()> {
        drop(self.0.stdin.take());
        self.0.wait()?;
        Ok(())
    }
}
