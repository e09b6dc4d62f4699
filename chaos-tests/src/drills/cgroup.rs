//! Limits on processor, memory and disk of a node, by control groups of version 1.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::world::{CGROUPS, group_name};

const PERIOD_US: u64 = 100_000;

/// A limit on a process. It goes when this is dropped.
pub(super) struct Limit {
    folder: PathBuf,
    controller: PathBuf,
}

/// What is limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Limited {
    /// Thousandths of one processor.
    Cpu {
        /// How many.
        thousandths: u64,
    },
    /// Bytes of memory.
    Memory {
        /// How many.
        bytes: u64,
    },
    /// Writes a second to a device, by its numbers.
    Writes {
        /// Like `7:0`.
        device: String,
        /// How many.
        per_s: u64,
    },
}

impl Limit {
    /// Puts a process under a limit.
    pub(super) fn begin(scratch: &Path, node: u64, pid: u32, what: &Limited) -> Result<Limit> {
        let (controller, settings) = match what {
            Limited::Cpu { thousandths } => (
                "cpu",
                vec![
                    ("cpu.cfs_period_us", PERIOD_US.to_string()),
                    ("cpu.cfs_quota_us", (PERIOD_US * thousandths / 1_000).max(1_000).to_string()),
                ],
            ),
            Limited::Memory { bytes } => ("memory", vec![("memory.limit_in_bytes", bytes.to_string())]),
            Limited::Writes { device, per_s } => {
                ("blkio", vec![("blkio.throttle.write_iops_device", format!("{device} {per_s}"))])
            }
        };
        let controller = Path::new(CGROUPS).join(controller);
        let folder = controller.join(group_name(scratch)).join(format!("node-{node}"));
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        let limit = Limit { folder, controller };
        for (file, value) in settings {
            limit.write(&limit.folder.join(file), &value)?;
        }
        limit.write(&limit.folder.join("cgroup.procs"), &pid.to_string())?;
        Ok(limit)
    }

    /// How often the limit held the process back, so far; for memory, how often the kernel ended one for it.
    pub(super) fn reached(&self) -> u64 {
        let count = |file: &str, name: &str| {
            let text = fs::read_to_string(self.folder.join(file)).unwrap_or_default();
            let line =
                text.lines().find_map(|line| line.strip_prefix(name).map(str::trim).map(str::to_owned));
            line.and_then(|value| value.parse().ok()).unwrap_or(0)
        };
        count("cpu.stat", "nr_throttled ") + count("memory.oom_control", "oom_kill ")
    }

    fn write(&self, file: &Path, value: &str) -> Result<()> {
        fs::write(file, value).with_context(|| format!("writing {value} to {}", file.display()))
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        let left = fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
        for pid in left.lines() {
            // A process that has just ended cannot be moved.
            let _moved = fs::write(self.controller.join("cgroup.procs"), pid);
        }
        // A group with a process that still ends is removed with the drill.
        let _removed = fs::remove_dir(&self.folder);
    }
}
