//! Instructions that each kind of command takes, counted by callgrind, and a file of counts that the core must not
//! outgrow. Counts hardly vary where times do: they tell on a busy machine too whether the core has become dearer.

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use anyhow::{Context as _, ensure};
use ringmain_routing::{Command, Outcome, Router, Timestamp};
use serde::{Deserialize, Serialize};

use super::centre::{Centre, Kind};
use super::shape::Size;

/// Version of the file.
const FORMAT: u32 = 1;
/// How much more a kind may take than the file says.
const TOLERANCE_PERCENT: u32 = 5;
/// The centre in which is counted.
const SIZE: Size = Size { operators: 2_000, classes: 300, seed: 1 };
const WAITING: u32 = 10_000;
const COMMANDS: u32 = 20_000;
/// A kind with fewer commands varies too much.
const COUNTED_MIN: u64 = 100;

/// The file of counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// Version of the file.
    pub format: u32,
    /// A kind may take so many percent more.
    pub tolerance_percent: u32,
    /// Instructions of one command, by kind in words.
    pub instructions: BTreeMap<String, u64>,
}

/// A kind that takes more than the file allows, or of which the file knows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dearer {
    /// Which kind, in words.
    pub kind: String,
    /// Instructions that the file gives it.
    pub before: Option<u64>,
    /// Instructions that were counted.
    pub counted: u64,
}

impl Guard {
    /// What was counted, as a file.
    #[must_use]
    pub fn of(instructions: BTreeMap<String, u64>) -> Guard {
        Guard { format: FORMAT, tolerance_percent: TOLERANCE_PERCENT, instructions }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// There is none, or it is not one of ours.
    pub fn read(path: &Path) -> anyhow::Result<Guard> {
        let text =
            fs::read_to_string(path).with_context(|| format!("--guard: reading {}", path.display()))?;
        let guard: Guard = serde_json::from_str(&text)
            .with_context(|| format!("--guard: {} is not such a file", path.display()))?;
        ensure!(
            guard.format == FORMAT,
            "--guard: {} is of format {}, not {FORMAT}",
            path.display(),
            guard.format
        );
        Ok(guard)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| format!("--guard: writing {}", path.display()))
    }

    /// What has become dearer than the file allows.
    #[must_use]
    pub fn dearer(&self, counted: &BTreeMap<String, u64>) -> Vec<Dearer> {
        let allowed = |before: u64| before + before * u64::from(self.tolerance_percent) / 100;
        let judge = |(kind, &counted): (&String, &u64)| {
            let before = self.instructions.get(kind).copied();
            let is_dearer = before.is_none_or(|before| counted > allowed(before));
            is_dearer.then(|| Dearer { kind: kind.clone(), before, counted })
        };
        counted.iter().filter_map(judge).collect()
    }
}

/// Whether callgrind is here.
#[must_use]
pub fn is_possible() -> bool {
    Process::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Runs this program under callgrind and reads what each kind took.
///
/// # Errors
/// callgrind fails, or writes what is not understood.
pub fn count() -> anyhow::Result<BTreeMap<String, u64>> {
    let folder = tempfile::tempdir()?;
    let file: PathBuf = folder.path().join("callgrind.out");
    let program = std::env::current_exe().context("finding this program")?;
    let output = Process::new("valgrind")
        .args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no", "--dump-line=no"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args(["core", "--counted"])
        .output()
        .context("running valgrind")?;
    ensure!(
        output.status.success(),
        "valgrind ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let counts = read_counts(&text);
    ensure!(!counts.is_empty(), "callgrind names none of the functions that are counted");
    Ok(counts)
}

/// What is run under callgrind: a centre, and commands of the mix, each kind through a function of its own.
pub fn run_counted() {
    let mut centre = Centre::open(SIZE);
    centre.grow(WAITING);
    for _ in 0..COMMANDS {
        centre.step(&mut apply_counted);
    }
}

macro_rules! counted {
    ($($kind:ident => $function:ident),*) => {
        /// Each kind calls the core through its own function, so that callgrind tells them apart.
        fn apply_counted(kind: Kind, router: &mut Router, at: Timestamp, command: &Command) -> Outcome {
            match kind { $(Kind::$kind => $function(router, at, command)),* }
        }

        $(
            #[inline(never)]
            fn $function(router: &mut Router, at: Timestamp, command: &Command) -> Outcome {
                // Equal functions would be made one.
                black_box(Kind::$kind);
                router.apply(at, command)
            }
        )*

        const FUNCTIONS: [(&str, Kind); Kind::ALL.len()] = [$((stringify!($function), Kind::$kind)),*];
    };
}

counted!(
    ArrivalWaits => counted_arrival_that_waits,
    ArrivalServed => counted_arrival_that_is_served,
    FreedTakes => counted_freed_operator_who_takes,
    FreedIdles => counted_freed_operator_who_idles,
    WrapUp => counted_talk_that_ends_in_wrap_up,
    Accept => counted_accept,
    Decline => counted_decline,
    Abandon => counted_abandon,
    Update => counted_update,
    Presence => counted_presence,
    Tick => counted_tick
);

/// Instructions of one command of each kind. A call in callgrind's file is three lines: `cfn=` with who is called,
/// `calls=` with how often, and a line that ends with what the calls took together.
fn read_counts(text: &str) -> BTreeMap<String, u64> {
    let mut totals: BTreeMap<Kind, (u64, u64)> = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("cfn=").and_then(kind_of) else { continue };
        let calls = lines.next().and_then(|line| line.strip_prefix("calls="));
        let calls = calls.and_then(|line| line.split(' ').next()).and_then(|calls| calls.parse::<u64>().ok());
        let cost =
            lines.next().and_then(|line| line.rsplit(' ').next()).and_then(|cost| cost.parse::<u64>().ok());
        if let (Some(calls), Some(cost)) = (calls, cost) {
            let total: &mut (u64, u64) = totals.entry(kind).or_default();
            *total = (total.0 + calls, total.1 + cost);
        }
    }
    let enough = totals.into_iter().filter(|(_, (calls, _))| *calls >= COUNTED_MIN);
    enough.map(|(kind, (calls, cost))| (kind.words().to_owned(), cost / calls)).collect()
}

fn kind_of(function: &str) -> Option<Kind> {
    FUNCTIONS.iter().find(|(name, _)| function.contains(name)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_read_from_the_calls_of_each_function() {
        let text = "fn=main\n0 5\ncfi=a.rs\ncfn=ringmain_bench::counted_accept::h1\ncalls=200 0\n0 5000\n\
                    cfn=other\ncalls=7 0\n0 99\ncfn=ringmain_bench::counted_accept::h1\ncalls=200 0\n0 7000\n\
                    cfn=ringmain_bench::counted_tick::h2\ncalls=3 0\n0 30\n";
        assert_eq!(read_counts(text), BTreeMap::from([("accept".to_owned(), 30)]));
    }

    #[test]
    fn what_is_dearer_than_the_tolerance_is_named() {
        let counts =
            |accept, tick| BTreeMap::from([("accept".to_owned(), accept), ("tick".to_owned(), tick)]);
        let guard = Guard::of(counts(1_000, 100));
        assert_eq!(guard.dearer(&counts(1_050, 90)), []);
        let dearer = guard.dearer(&counts(1_051, 100));
        let expected = Dearer { kind: "accept".to_owned(), before: Some(1_000), counted: 1_051 };
        assert_eq!(dearer, [expected]);
        assert_eq!(Guard::of(BTreeMap::new()).dearer(&counts(1, 1)).len(), 2);
    }
}
