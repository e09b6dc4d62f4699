//! Disks of their own for nodes: ext4 in a file. Such a disk can lose power and can be small.
//!
//! They are mounted in a mount namespace that only this drill and its nodes have (`world.rs`). The kernel unmounts them
//! and frees their loop devices when the last of these processes ends, however it ends; the files behind them have lost
//! their names by then, so that they go as well.

use std::ffi::c_ulong;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

use anyhow::{Context, Result, bail, ensure};

/// What a file system does that finds itself damaged.
const ON_ERROR: &str = "errors=remount-ro";
const MOUNT_OPTIONS: &str = "loop,errors=remount-ro";
/// A file that takes the room on a disk that is to be full.
const BALLAST: &str = "ballast";

/// `EXT4_IOC_SHUTDOWN`: the file system takes nothing more.
const EXT4_IOC_SHUTDOWN: c_ulong = 0x8004_587d;
/// `EXT4_GOING_FLAGS_NOLOGFLUSH`: not even what stands in its journal in memory goes to the disk.
static NO_LOG_FLUSH: u32 = 2;

/// A tool on the path, or in the folders where Debian keeps those of root.
pub(super) fn is_installed(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.into_iter().any(|folder| folder.join(tool).is_file())
}

/// One disk.
pub(super) struct Disk {
    /// The loop device; open, so that it stays while the disk is not mounted.
    _held: File,
    device: PathBuf,
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
        succeed(Command::new("mount").args(["-o", MOUNT_OPTIONS]).arg(&image).arg(mounted_at))?;
        let device = device_of(mounted_at)?;
        let held = File::open(&device).with_context(|| format!("opening {}", device.display()))?;
        fs::remove_file(&image)?;
        Ok(Disk { _held: held, device, mounted_at: mounted_at.to_owned() })
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

    /// Makes the kernel believe that it found the file system damaged: nothing can be written until it is mounted again.
    pub(super) fn become_read_only(&self) -> Result<()> {
        let name = self.device.file_name().unwrap_or_default();
        let trigger = Path::new("/sys/fs/ext4").join(name).join("trigger_fs_error");
        fs::write(&trigger, "drill").with_context(|| format!("writing to {}", trigger.display()))
    }

    /// The device's two numbers, as control groups name it.
    pub(super) fn numbers(&self) -> Result<String> {
        let name = self.device.file_name().unwrap_or_default();
        let path = Path::new("/sys/block").join(name).join("dev");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(text.trim().to_owned())
    }

    /// Takes what is free, but for a little.
    pub(super) fn fill(&self, left_bytes: u64) -> Result<()> {
        let output = Command::new("df").args(["--output=avail", "-B1"]).arg(&self.mounted_at).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let free: u64 =
            said.lines().nth(1).and_then(|line| line.trim().parse().ok()).context("what df says")?;
        ensure!(free > left_bytes, "{}: full already", self.mounted_at.display());
        let bytes = (free - left_bytes).to_string();
        succeed(Command::new("fallocate").args(["-l", &bytes]).arg(self.mounted_at.join(BALLAST)))
    }

    /// Gives it back.
    pub(super) fn make_room(&self) -> Result<()> {
        fs::remove_file(self.mounted_at.join(BALLAST)).context("making room on a disk")
    }

    fn mount(&self) -> Result<()> {
        // Without `loop`: the device is there already.
        succeed(Command::new("mount").args(["-o", ON_ERROR]).arg(&self.device).arg(&self.mounted_at))
    }
}

/// The device that is mounted at a folder.
fn device_of(mounted_at: &Path) -> Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let place = mounted_at.to_string_lossy();
    let line = mounts.lines().find(|line| line.split(' ').nth(1) == Some(&place));
    let device = line.and_then(|line| line.split(' ').next());
    device.map(PathBuf::from).with_context(|| format!("{place}: nothing is mounted there"))
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
