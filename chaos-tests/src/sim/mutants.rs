//! `ringmain-chaos mutants`: plants one mistake after the other and looks whether the simulation finds it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use clap::Args;
use ringmain_routing::planted::{ALL, Planted, plant};

use super::schedule::Schedule;
use super::{Rule, SimFailure, run_schedule};

/// Plants one mistake after the other into the core, the delivery, the clients' logic and the nodes' shell, and fails
/// when the simulation does not find one of them
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ringmain-chaos mutants --seeds 200 --markdown mutants.md")]
pub struct MutantsArgs {
    /// Seeds within which each mistake must be found
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// Plant only the mistake of this name
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Write the table to this file too
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// How a mistake was found.
struct Found {
    seed: u64,
    rule: Rule,
    events: u64,
}

/// Plants them all; true when each was found.
///
/// # Errors
/// A name that no mistake has; a table that cannot be written.
pub fn carry_out(args: &MutantsArgs) -> Result<bool> {
    // A core that checks itself panics by the dozen here; each is a finding.
    std::panic::set_hook(Box::new(|_| {}));
    let wanted = |planted: &Planted| args.only.as_ref().is_none_or(|only| *only == format!("{planted:?}"));
    let chosen: Vec<_> = ALL.iter().filter(|(planted, _, _)| wanted(planted)).collect();
    let names: Vec<String> = ALL.iter().map(|(planted, _, _)| format!("{planted:?}")).collect();
    anyhow::ensure!(!chosen.is_empty(), "--only: one of {}", names.join(", "));
    let mut table = String::from(
        "| mistake | where | what is wrong | broken rule | seed | events |\n|---|---|---|---|---|---|\n",
    );
    let mut survivors = Vec::new();
    for (planted, place, what) in chosen {
        plant(Some(*planted));
        let found = search(args.seeds);
        plant(None);
        let row = match found {
            Some(Found { seed, rule, events }) => {
                format!("| {planted:?} | {place} | {what} | {rule} | {seed} | {events} |")
            }
            None => {
                survivors.push(format!("{planted:?}"));
                format!("| {planted:?} | {place} | {what} | **not found** | | |")
            }
        };
        println!("{row}");
        writeln!(table, "{row}")?;
    }
    if let Some(path) = &args.markdown {
        write_table(path, &table)?;
    }
    if survivors.is_empty() {
        println!("all {} were found", table.lines().count() - 2);
    } else {
        println!("not found within {} seeds: {}", args.seeds, survivors.join(", "));
    }
    Ok(survivors.is_empty())
}

fn write_table(path: &Path, table: &str) -> Result<()> {
    std::fs::write(path, table).with_context(|| path.display().to_string())
}

/// The first seed that shows the mistake.
fn search(seeds: u64) -> Option<Found> {
    let next = AtomicU64::new(0);
    let best: Mutex<Option<(u64, SimFailure)>> = Mutex::new(None);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let known =
                        best.lock().expect("no thread panics with it").as_ref().map(|(seed, _)| *seed);
                    if seed >= seeds || known.is_some_and(|known| known < seed) {
                        return;
                    }
                    if let Err(failure) = run_schedule(&Schedule::of(seed, None)) {
                        let mut best = best.lock().expect("no thread panics with it");
                        if best.as_ref().is_none_or(|(known, _)| seed < *known) {
                            *best = Some((seed, failure));
                        }
                    }
                }
            });
        }
    });
    let best = best.into_inner().expect("no thread panics with it");
    best.map(|(seed, failure)| Found { seed, rule: failure.rule, events: failure.events })
}
