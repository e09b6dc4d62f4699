//! What processes use, as Linux says.

use std::fs;
use std::ops::Range;

use anyhow::Context as _;

/// Ticks per second of the times in /proc: a constant of Linux for programs outside the kernel.
const TICKS_PER_S: f64 = 100.0;
/// Of the fields behind a process's name: the time that it had itself, in the kernel too, and the same of those below it that have ended.
const TIMES: Range<usize> = 11..15;

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

    /// What was used between an earlier reading and this one.
    #[must_use]
    pub fn since(&self, earlier: &Usage) -> Usage {
        Usage {
            processor_s: self.processor_s - earlier.processor_s,
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
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
        assert_eq!(usage.since(&earlier), Usage { processor_s: 2.0, written_bytes: 4_000 });
    }
}
