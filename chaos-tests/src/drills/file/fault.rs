//! Faults as a drill file writes them, and as they are carried out.

use serde::Deserialize;

use super::units::{Bytes, Percent, Span, Speed, Target};

/// A line of `faults`, as it stands in the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FaultText {
    /// Since the round began.
    pub(super) at: Span,
    /// How long it lasts.
    #[serde(rename = "for")]
    pub(super) lasts: Option<Span>,
    pub(super) fault: Word,
    pub(super) target: Option<Target>,
    // What some faults have and others have not.
    cut: Option<Cut>,
    flapping: Option<Span>,
    clients: Option<ClientSide>,
    delay: Option<Span>,
    jitter: Option<Span>,
    loss: Option<Percent>,
    duplicate: Option<Percent>,
    reorder: Option<Percent>,
    bytes_per_s: Option<Bytes>,
    iops: Option<u64>,
    file: Option<RotFile>,
    jump: Option<Span>,
    backwards: Option<bool>,
    speed: Option<Speed>,
    percent: Option<Percent>,
    bytes: Option<Bytes>,
    count: Option<u64>,
}

/// The word behind `fault:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    Kill,
    Pause,
    PowerLoss,
    Restart,
    Wipe,
    Partition,
    Network,
    RegionLoss,
    FsyncError,
    FsyncSlow,
    FsyncSkip,
    SlowDisk,
    DiskFull,
    ReadOnly,
    BitRot,
    Clock,
    Cpu,
    Memory,
    Descriptors,
}

/// Which ways of a cut link are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// Both.
    Both,
    /// What the struck ones send.
    Outbound,
    /// What is sent to the struck ones.
    Inbound,
    /// Each node reaches only its two neighbours.
    Ring,
}

/// What becomes of clients when their region's node is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientSide {
    /// They reach all nodes.
    Everywhere,
    /// They are on their region's side of the cut.
    Home,
}

/// Which file rots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RotFile {
    /// A record in the middle of the log: one bit is turned.
    Log,
    /// The log's end: cut off below the durable mark.
    LogTail,
    /// The vote.
    Vote,
    /// The newest snapshot.
    Snapshot,
    /// The oldest segment of history.
    History,
}

/// How packets travel from one host to another.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weather {
    /// One way.
    pub delay: Span,
    /// Added to the delay at random, up to this.
    pub jitter: Span,
    /// Packets that never arrive.
    pub loss: Percent,
    /// Packets that arrive twice.
    pub duplicate: Percent,
    /// Packets that overtake those before them.
    pub reorder: Percent,
    /// Bytes a second; none for no limit.
    pub bytes_per_s: Option<u64>,
}

/// What is done to those struck.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// kill -9; started again at the end.
    Kill,
    /// SIGSTOP, at the end SIGCONT.
    Pause,
    /// The disk forgets what was not synced, the process is killed; started again at the end.
    PowerLoss,
    /// SIGTERM, as for maintenance; started again at the end.
    Restart,
    /// The process is killed and its data is gone; it is removed, and comes back under a new id at the end.
    Wipe,
    /// Links are cut.
    Partition {
        /// Which ways.
        cut: Cut,
        /// The cut comes and goes, each for so long.
        flapping: Option<Span>,
        /// Whether clients are cut off with their region.
        clients: ClientSide,
    },
    /// Links between all hosts become bad.
    Network(Weather),
    /// Nodes lose power, and the clients of their region reach nobody.
    RegionLoss,
    /// Every fsync fails with EIO; the node is started again at the end.
    FsyncError,
    /// Every fsync takes so much longer.
    FsyncSlow(Span),
    /// fsync answers at once and does nothing; at the end the power fails, for this is when it shows.
    FsyncSkip,
    /// The disk does so many writes a second.
    SlowDisk {
        /// Writes a second.
        iops: u64,
    },
    /// The disk is full but for a little.
    DiskFull,
    /// Every write fails with EROFS, as on a file system that the kernel has turned read-only.
    ReadOnly,
    /// The node is killed, a file is damaged, and it is started again at the end.
    BitRot(RotFile),
    /// The wall clock jumps, and back at the end.
    ClockJump {
        /// By how much.
        by: Span,
        /// Into the past.
        backwards: bool,
    },
    /// The wall clock runs at this speed.
    ClockDrift {
        /// 100 % is right.
        speed: Speed,
    },
    /// This share of one processor, for all struck nodes each.
    Cpu {
        /// Hundredths of one processor.
        percent: Percent,
    },
    /// So much memory more than it has.
    Memory(Bytes),
    /// Nothing is opened that would be more than so many files; what is open stays.
    Descriptors {
        /// How many.
        count: u64,
    },
}

/// What a machine must have for a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The right to make namespaces and to mount.
    Root,
    /// Hosts of their own, each with its own network.
    Netns,
    /// Disks of their own.
    Disks,
    /// System calls that fail.
    Strace,
    /// Wall clocks that lie.
    Faketime,
    /// Limits on processor, memory and disk.
    Cgroup,
}

impl Word {
    fn text(self) -> &'static str {
        match self {
            Word::Kill => "kill",
            Word::Pause => "pause",
            Word::PowerLoss => "power-loss",
            Word::Restart => "restart",
            Word::Wipe => "wipe",
            Word::Partition => "partition",
            Word::Network => "network",
            Word::RegionLoss => "region-loss",
            Word::FsyncError => "fsync-error",
            Word::FsyncSlow => "fsync-slow",
            Word::FsyncSkip => "fsync-skip",
            Word::SlowDisk => "slow-disk",
            Word::DiskFull => "disk-full",
            Word::ReadOnly => "read-only",
            Word::BitRot => "bit-rot",
            Word::Clock => "clock",
            Word::Cpu => "cpu",
            Word::Memory => "memory",
            Word::Descriptors => "descriptors",
        }
    }
}

/// A field of the line and what is wrong with it.
pub(super) type Wrong = (&'static str, String);

impl FaultText {
    /// What it stands for.
    ///
    /// # Errors
    /// Fields that the fault lacks, or that it does not have.
    pub(super) fn read(mut self) -> Result<Fault, Vec<Wrong>> {
        let (mut wrong, word) = (Vec::new(), self.fault.text());
        let fault = self.take(&mut wrong);
        for field in self.left() {
            let message = format!("does not belong to `{word}`; take it out");
            wrong.push((field, message));
        }
        if wrong.is_empty() { Ok(fault) } else { Err(wrong) }
    }

    fn take(&mut self, wrong: &mut Vec<Wrong>) -> Fault {
        match self.fault {
            Word::Kill => Fault::Kill,
            Word::Pause => Fault::Pause,
            Word::PowerLoss => Fault::PowerLoss,
            Word::Restart => Fault::Restart,
            Word::Wipe => Fault::Wipe,
            Word::Partition => Fault::Partition {
                cut: self.cut.take().unwrap_or(Cut::Both),
                flapping: self.flapping.take(),
                clients: self.clients.take().unwrap_or(ClientSide::Everywhere),
            },
            Word::Network => Fault::Network(self.weather()),
            Word::RegionLoss => Fault::RegionLoss,
            Word::FsyncError => Fault::FsyncError,
            Word::FsyncSlow => Fault::FsyncSlow(need(&mut self.delay, "delay", "200ms", wrong)),
            Word::FsyncSkip => Fault::FsyncSkip,
            Word::SlowDisk => Fault::SlowDisk { iops: need(&mut self.iops, "iops", "20", wrong) },
            Word::DiskFull => Fault::DiskFull,
            Word::ReadOnly => Fault::ReadOnly,
            Word::BitRot => Fault::BitRot(self.file.take().unwrap_or_else(|| {
                wrong.push(("file", "is missing; write log, log-tail, vote, snapshot or history".to_owned()));
                RotFile::Log
            })),
            Word::Clock => self.clock(wrong),
            Word::Cpu => Fault::Cpu { percent: need(&mut self.percent, "percent", "10%", wrong) },
            Word::Memory => Fault::Memory(need(&mut self.bytes, "bytes", "64MB", wrong)),
            Word::Descriptors => Fault::Descriptors { count: need(&mut self.count, "count", "8", wrong) },
        }
    }

    fn weather(&mut self) -> Weather {
        Weather {
            delay: self.delay.take().unwrap_or_default(),
            jitter: self.jitter.take().unwrap_or_default(),
            loss: self.loss.take().unwrap_or_default(),
            duplicate: self.duplicate.take().unwrap_or_default(),
            reorder: self.reorder.take().unwrap_or_default(),
            bytes_per_s: self.bytes_per_s.take().map(|bytes| bytes.0),
        }
    }

    fn clock(&mut self, wrong: &mut Vec<Wrong>) -> Fault {
        match (self.jump.take(), self.speed.take()) {
            (Some(by), None) => Fault::ClockJump { by, backwards: self.backwards.take().unwrap_or_default() },
            (None, Some(speed)) => Fault::ClockDrift { speed },
            (Some(_), Some(_)) | (None, None) => {
                wrong.push(("jump", "or `speed` is needed, and only one of them, like jump: 1h".to_owned()));
                Fault::ClockDrift { speed: Speed(100.0) }
            }
        }
    }

    /// Fields that nobody has taken.
    fn left(&self) -> Vec<&'static str> {
        let fields = [
            ("cut", self.cut.is_some()),
            ("flapping", self.flapping.is_some()),
            ("clients", self.clients.is_some()),
            ("delay", self.delay.is_some()),
            ("jitter", self.jitter.is_some()),
            ("loss", self.loss.is_some()),
            ("duplicate", self.duplicate.is_some()),
            ("reorder", self.reorder.is_some()),
            ("bytes-per-s", self.bytes_per_s.is_some()),
            ("iops", self.iops.is_some()),
            ("file", self.file.is_some()),
            ("jump", self.jump.is_some()),
            ("backwards", self.backwards.is_some()),
            ("speed", self.speed.is_some()),
            ("percent", self.percent.is_some()),
            ("bytes", self.bytes.is_some()),
            ("count", self.count.is_some()),
        ];
        fields.into_iter().filter(|(_, is_left)| *is_left).map(|(name, _)| name).collect()
    }
}

fn need<T: Default>(field: &mut Option<T>, name: &'static str, like: &str, wrong: &mut Vec<Wrong>) -> T {
    field.take().unwrap_or_else(|| {
        wrong.push((name, format!("is missing; write one, like {name}: {like}")));
        T::default()
    })
}

impl Fault {
    /// For people: "kill -9", "network cut" …
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Fault::Kill => "kill -9".to_owned(),
            Fault::Pause => "paused".to_owned(),
            Fault::PowerLoss => "power lost".to_owned(),
            Fault::Restart => "restarted".to_owned(),
            Fault::Wipe => "disk lost".to_owned(),
            Fault::Partition { cut, flapping, .. } => {
                let ways = match cut {
                    Cut::Both => "cut off",
                    Cut::Outbound => "not heard by others",
                    Cut::Inbound => "hears nobody",
                    Cut::Ring => "only neighbours reach each other",
                };
                if flapping.is_some() { format!("{ways}, flapping") } else { ways.to_owned() }
            }
            Fault::Network(_) => "bad network".to_owned(),
            Fault::RegionLoss => "region lost".to_owned(),
            Fault::FsyncError => "fsync fails".to_owned(),
            Fault::FsyncSlow(by) => format!("fsync {} ms slower", by.ms()),
            Fault::FsyncSkip => "fsync skipped, then power lost".to_owned(),
            Fault::SlowDisk { iops } => format!("{iops} writes/s"),
            Fault::DiskFull => "disk full".to_owned(),
            Fault::ReadOnly => "read-only disk".to_owned(),
            Fault::BitRot(file) => format!("damaged {}", file.word()),
            Fault::ClockJump { by, backwards } => {
                format!("clock {}{} s", if *backwards { "-" } else { "+" }, by.0.as_secs())
            }
            Fault::ClockDrift { speed } => format!("clock at {} %", speed.0),
            Fault::Cpu { percent } => format!("{} % processor", percent.0),
            Fault::Memory(bytes) => format!("{} KB more memory", bytes.0 >> 10),
            Fault::Descriptors { count } => format!("{count} files at most"),
        }
    }

    /// What the machine must have.
    #[must_use]
    pub fn needs(&self) -> &'static [Need] {
        match self {
            Fault::Kill | Fault::Pause | Fault::Restart | Fault::Wipe | Fault::BitRot(_) => &[],
            Fault::PowerLoss | Fault::DiskFull | Fault::ReadOnly => &[Need::Root, Need::Disks],
            Fault::Partition { .. } | Fault::Network(_) => &[Need::Root, Need::Netns],
            Fault::RegionLoss => &[Need::Root, Need::Netns, Need::Disks],
            Fault::FsyncError | Fault::FsyncSlow(_) => &[Need::Strace],
            Fault::FsyncSkip => &[Need::Root, Need::Disks, Need::Strace],
            Fault::SlowDisk { .. } => &[Need::Root, Need::Disks, Need::Cgroup],
            Fault::ClockJump { .. } | Fault::ClockDrift { .. } => &[Need::Root, Need::Faketime],
            Fault::Cpu { .. } | Fault::Memory(_) => &[Need::Root, Need::Cgroup],
            Fault::Descriptors { .. } => &[],
        }
    }

    /// Whether those struck can lead no more as long as it lasts.
    #[must_use]
    pub fn silences(&self) -> bool {
        match self {
            Fault::Kill
            | Fault::Pause
            | Fault::PowerLoss
            | Fault::Restart
            | Fault::Wipe
            | Fault::RegionLoss
            | Fault::FsyncError
            | Fault::ReadOnly
            | Fault::BitRot(_) => true,
            Fault::Partition { cut, flapping, .. } => *cut != Cut::Ring && flapping.is_none(),
            Fault::Network(_)
            | Fault::FsyncSlow(_)
            | Fault::FsyncSkip
            | Fault::SlowDisk { .. }
            | Fault::DiskFull
            | Fault::ClockJump { .. }
            | Fault::ClockDrift { .. }
            | Fault::Cpu { .. }
            | Fault::Memory(_)
            | Fault::Descriptors { .. } => false,
        }
    }

    /// Whether the process of those struck may end by itself, and is started again at the end.
    #[must_use]
    pub fn may_end_nodes(&self) -> bool {
        match self {
            Fault::FsyncError
            | Fault::ReadOnly
            | Fault::BitRot(_)
            | Fault::Memory(_)
            | Fault::Descriptors { .. }
            | Fault::DiskFull => true,
            Fault::Kill
            | Fault::Pause
            | Fault::PowerLoss
            | Fault::Restart
            | Fault::Wipe
            | Fault::Partition { .. }
            | Fault::Network(_)
            | Fault::RegionLoss
            | Fault::FsyncSlow(_)
            | Fault::FsyncSkip
            | Fault::SlowDisk { .. }
            | Fault::ClockJump { .. }
            | Fault::ClockDrift { .. }
            | Fault::Cpu { .. } => false,
        }
    }
}

impl RotFile {
    /// The word in the file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            RotFile::Log => "log",
            RotFile::LogTail => "log-tail",
            RotFile::Vote => "vote",
            RotFile::Snapshot => "snapshot",
            RotFile::History => "history",
        }
    }
}
