//! What is kept of a drill: enough to draw and to judge it again.

use std::fs;

use serde::{Deserialize, Serialize};

use crate::clock::unix_seconds;
use crate::drills::exercise::Ground;
use crate::drills::file::Drill;
use crate::drills::report::Report;

/// Version of the file.
pub const FORMAT: u32 = 1;

/// What is kept of a drill.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Version of the file: [`FORMAT`].
    pub format: u32,
    /// What was believed.
    pub hypothesis: String,
    /// Nodes at the beginning.
    pub nodes: usize,
    /// Contacts a second, of all gateways together.
    pub rate: u32,
    /// How many times longer than usual everything might take.
    pub patience: u64,
    /// Where chance came from.
    pub seed: u64,
    /// When the drill ended, in seconds since 1970.
    pub ended_unix_s: u64,
    /// On what it ran.
    pub machine: Machine,
    /// Why it was broken off, when it was.
    pub broken_off: Option<String>,
    /// Packets that cuts kept back.
    pub packets_cut: u64,
    /// Packets lost on bad lines.
    pub packets_lost: u64,
    /// Requests that nodes refused with the code that the drill asks for.
    pub refused: u64,
    /// What had to hold, and whether it did.
    pub checks: Vec<Check>,
    /// Second by second.
    pub seconds: Vec<Second>,
    /// Figures and verdict.
    pub report: Report,
}

/// A machine.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    /// Processors.
    pub processors: usize,
    /// Its kernel.
    pub kernel: String,
    /// Whether this program was built without optimisation, and probably the nodes' too.
    pub debug_build: bool,
}

/// Something that had to hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// What was wanted.
    pub wanted: String,
    /// What was found.
    pub found: String,
    /// Whether it held.
    pub holds: bool,
}

/// A second of a drill, as clients saw it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Since the drill began.
    pub second: u64,
    /// Contacts brought.
    pub pushed: u64,
    /// Contacts assigned for the first time.
    pub assigned: u64,
    /// Half of those brought in this second were assigned within so many ms.
    pub p50_ms: Option<f64>,
    /// 99 of 100 of them.
    pub p99_ms: Option<f64>,
    /// Who led at its end; 0 for nobody.
    pub leader: u64,
    /// In which term.
    pub term: u64,
}

impl Record {
    pub(super) fn of(drill: &Drill, nodes: usize, rate: u32, ground: &Ground<'_>, report: Report) -> Record {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        let debug_build = cfg!(debug_assertions);
        Record {
            format: FORMAT,
            hypothesis: drill.hypothesis.clone(),
            nodes,
            rate,
            patience: ground.patience,
            seed: ground.salt,
            ended_unix_s: unix_seconds(),
            machine: Machine { processors, kernel: kernel.trim().to_owned(), debug_build },
            broken_off: None,
            packets_cut: 0,
            packets_lost: 0,
            refused: 0,
            checks: Vec::new(),
            seconds: Vec::new(),
            report,
        }
    }

    /// Whether everything held.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.report.clean
    }

    /// The figures for people.
    pub fn print(&self) {
        self.report.print();
        for Check { name, wanted, found, holds } in &self.checks {
            println!("{} {name}: {found} (wanted {wanted})", if *holds { "ok  " } else { "FAIL" });
        }
    }
}
