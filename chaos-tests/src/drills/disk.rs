//! Disks of their own for nodes: ext4 in a file. Such a disk can lose power and can be small.
//!
//! They are mounted in a mount namespace that only this drill and its nodes have. The kernel unmounts them and frees
//! their loop devices when the last of these processes ends, however it ends.

use std::ffi::c_ulong;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

use anyhow::{Context, Result, bail, ensure};

/// Says that this process already has mounts of its own.
const IN_OWN_MOUNTS: &str = "RINGMAIN_DRILL_IN_OWN_MOUNTS";
const TOOLS: [&str; 4] = ["unshare", "mkfs.ext4", "mount", "umount"];

/// `EXT4_IOC_SHUTDOWN`: the file system takes nothing more.
const EXT4_IOC_SHUTDOWN: c_ulong = 0x8004_587d;
/// `EXT4_GOING_FLAGS_NOLOGFLUSH`: not even what stands in its journal in memory goes to the disk.
static NO_LOG_FLUSH: u32 = 2;

/// Starts this program again in a mount namespace of its own, unless it is in one.
///
/// # Errors
/// It may not: not root, or a tool is missing. The message says that the drill is skipped.
pub(super) fn enter_own_mounts() -> Result<()> {
    if env::var_os(IN_OWN_MOUNTS).is_some() {
        return Ok(());
    }
    ensure!(is_root()?, "skipped: this drill mounts disks, which needs root");
    for tool in TOOLS {
        ensure!(is_installed(tool), "skipped: this drill mounts disks, which needs `{tool}`");
    }
    let own = env::current_exe().context("finding this program's own file")?;
    let mut again = Command::new("unshare");
    again.args(["--mount", "--propagation", "private", "--"]).arg(own).args(env::args_os().skip(1));
    let error = again.env(IN_OWN_MOUNTS, "1").exec();
    Err(error).context("skipped: `unshare --mount` does not start")
}

/// A tool on the path, or in the folders where Debian keeps those of root.
pub(super) fn is_installed(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.into_iter().any(|folder| folder.join(tool).is_file())
}

fn is_root() -> Result<bool> {
    let status = fs::read_to_string("/proc/self/status").context("skipped: this drill needs Linux")?;
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    Ok(ids.split_whitespace().nth(1) == Some("0"))
}

/// One disk.
pub(super) struct Disk {
    image: PathBuf,
    mounted_at: PathBuf,
}

impl Disk {
    /// Makes an empty disk in a file beside `mounted_at` and mounts it there.
    pub(super) fn make(mounted_at: &Path, bytes: u64) -> Result<Disk> {
        let image = mounted_at.with_extension("ext4");
        let file = File::create_new(&image).with_context(|| format!("making {}", image.display()))?;
        file.set_len(bytes)?;
        fs::create_dir_all(mounted_at)?;
        succeed(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image))?;
        let disk = Disk { image, mounted_at: mounted_at.to_owned() };
        disk.mount()?;
        Ok(disk)
    }

    /// From here on nothing reaches the disk; what was synced is on it, what was not is gone after the next mount.
    pub(super) fn lose_power(&self) -> Result<()> {
        let folder = File::open(&self.mounted_at)?;
        #[expect(unsafe_code, reason = "no safe call tells a file system to forget what it has not written")]
        // SAFETY: the descriptor lives until after the call, and this request reads one u32 behind the pointer.
        let answer = unsafe { libc::ioctl(folder.as_raw_fd(), EXT4_IOC_SHUTDOWN, &raw const NO_LOG_FLUSH) };
        if answer != 0 {
            let error = io::Error::last_os_error();
            bail!("{}: the disk does not lose power: {error}", self.mounted_at.display());
        }
        Ok(())
    }

    /// Takes a disk that nobody uses away and puts it back, as a machine does that starts again.
    pub(super) fn remount(&self) -> Result<()> {
        succeed(Command::new("umount").arg(&self.mounted_at))?;
        self.mount()
    }

    fn mount(&self) -> Result<()> {
        succeed(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.mounted_at))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What does not come off here comes off when the namespace ends.
        let _unmounted = succeed(Command::new("umount").arg(&self.mounted_at));
    }
}

/// Runs a command; an error with what it said when it fails.
pub(super) fn succeed(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {}", said.trim());
    Ok(())
}
