//! What processes use and disks do, as Linux says.

#[cfg(feature = "peers")]
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Ticks per second of the times in /proc: a constant of Linux for programs outside the kernel.
const TICKS_PER_S: f64 = 100.0;
/// Of the fields behind a process's name: its parent ...
#[cfg(feature = "peers")]
const PARENT: usize = 1;
/// ... and the time that it had itself, in the kernel too, and the same of those below it that have ended.
const TIMES: Range<usize> = 11..15;

/// Disks are counted in sectors of this size, whatever theirs is.
const SECTOR_BYTES: u64 = 512;

/// What one process has used since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Processor time in seconds.
    pub processor_s: f64,
    /// Bytes handed to the disk.
    pub written_bytes: u64,
}

impl Usage {
    /// What a process has used; of this program by `std::process::id()`.
    ///
    /// # Errors
    /// The system does not say: this needs Linux's /proc.
    pub fn of(process: u32) -> anyhow::Result<Usage> {
        let read = |file: &str| {
            let path = format!("/proc/{process}/{file}");
            fs::read_to_string(&path).with_context(|| format!("reading {path}"))
        };
        Ok(Usage::parse(&read("stat")?, &read("io")?))
    }

    /// What a process and all processes below it have used, those included that have ended.
    ///
    /// # Errors
    /// The system does not say, or the process is gone.
    #[cfg(feature = "peers")]
    pub fn of_tree(root: u32) -> anyhow::Result<Usage> {
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for entry in fs::read_dir("/proc").context("reading /proc")? {
            let process = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
            let stat = |process: u32| fs::read_to_string(format!("/proc/{process}/stat")).ok();
            if let Some((process, stat)) = process.and_then(|process| Some((process, stat(process)?)))
                && let Some(parent) = fields(&stat).get(PARENT).and_then(|text| text.parse().ok())
            {
                children.entry(parent).or_default().push(process);
            }
        }
        let mut total = Usage::of(root)?;
        let mut left = children.remove(&root).unwrap_or_default();
        while let Some(process) = left.pop() {
            left.extend(children.remove(&process).unwrap_or_default());
            // One that has ended meanwhile is counted by its parent.
            if let Ok(usage) = Usage::of(process) {
                total.processor_s += usage.processor_s;
                total.written_bytes += usage.written_bytes;
            }
        }
        Ok(total)
    }

    fn parse(stat: &str, io: &str) -> Usage {
        let fields = fields(stat);
        let ticks =
            |field: usize| fields.get(field).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
        Usage {
            processor_s: TIMES.map(ticks).sum::<u64>() as f64 / TICKS_PER_S,
            written_bytes: written.and_then(|text| text.trim().parse().ok()).unwrap_or_default(),
        }
    }

    /// What two processes have used together.
    #[must_use]
    pub fn plus(&self, other: &Usage) -> Usage {
        Usage {
            processor_s: self.processor_s + other.processor_s,
            written_bytes: self.written_bytes + other.written_bytes,
        }
    }

    /// What was used between an earlier reading and this one.
    #[must_use]
    pub fn since(&self, earlier: &Usage) -> Usage {
        Usage {
            processor_s: self.processor_s - earlier.processor_s,
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
        }
    }
}

/// Memory that a process has in use.
///
/// # Errors
/// The system does not say, or the process is gone.
pub fn resident_bytes(process: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    Ok(kib.map_or(0, |kib: u64| kib * 1_024))
}

/// The disk below a folder, with all that the machine does to it.
#[derive(Clone, Debug)]
pub struct Disk {
    counters: PathBuf,
}

/// What a disk has done since the machine was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskUse {
    /// Bytes written.
    pub written_bytes: u64,
    /// How often it was told to make all of it lasting.
    pub flushes: u64,
}

impl Disk {
    /// The disk below a folder.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn below(folder: &Path) -> anyhow::Result<Disk> {
        let device = fs::metadata(folder).with_context(|| format!("reading {}", folder.display()))?.dev();
        // As Linux packs them: the lower parts of both first.
        let major = (device >> 8) & 0xfff | (device >> 32) & 0xffff_f000;
        let minor = device & 0xff | (device >> 12) & 0xffff_ff00;
        Ok(Disk { counters: PathBuf::from(format!("/sys/dev/block/{major}:{minor}/stat")) })
    }

    /// What it has done; `None` where the system does not say, as for a file system over several disks.
    #[must_use]
    pub fn read(&self) -> Option<DiskUse> {
        DiskUse::parse(&fs::read_to_string(&self.counters).ok()?)
    }
}

impl DiskUse {
    /// By `Documentation/block/stat.rst` of Linux.
    fn parse(stat: &str) -> Option<DiskUse> {
        let fields: Vec<u64> = stat.split_whitespace().map_while(|text| text.parse().ok()).collect();
        Some(DiskUse { written_bytes: fields.get(6)? * SECTOR_BYTES, flushes: *fields.get(15)? })
    }

    /// What it did between an earlier reading and this one.
    #[must_use]
    pub fn since(&self, earlier: &DiskUse) -> DiskUse {
        DiskUse {
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
            flushes: self.flushes.saturating_sub(earlier.flushes),
        }
    }
}

/// The fields behind a process's name, which stands in brackets and may hold blanks.
fn fields(stat: &str) -> Vec<&str> {
    stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_of_a_process_is_read_behind_its_name() {
        let stat = "77 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 9 0 12345";
        let io = "rchar: 9\nwchar: 8\nwrite_bytes: 4096\ncancelled_write_bytes: 0\n";
        let usage = Usage::parse(stat, io);
        assert_eq!(usage, Usage { processor_s: 3.0, written_bytes: 4_096 });
        let earlier = Usage { processor_s: 1.0, written_bytes: 96 };
        let since = Usage { processor_s: 2.0, written_bytes: 4_000 };
        assert_eq!(usage.since(&earlier), since);
        assert_eq!(earlier.plus(&since), usage);
    }

    #[test]
    fn a_disk_tells_what_was_written_and_how_often_it_was_flushed() {
        let stat =
            "  409780 39315 69574626 1039620 10018779 973767 2000 6445644 0 1365028 8314119 7 0 8 9 30 5\n";
        let before = DiskUse::parse(stat).expect("it is one");
        assert_eq!(before, DiskUse { written_bytes: 1_024_000, flushes: 30 });
        let after = DiskUse { written_bytes: 1_024_512, flushes: 33 };
        assert_eq!(after.since(&before), DiskUse { written_bytes: 512, flushes: 3 });
        assert_eq!(DiskUse::parse("1 2 3"), None, "a kernel that does not count flushes");
    }
}
