//! `ringmain-chaos mutants`: plants one mistake after the other and looks whether the simulation finds it.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use clap::Args;
use ringmain_routing::planted::{ALL, Mistake, plant};

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
    /// Plant only the mistakes of these names
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Write the table to this file too
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// The first run that broke a rule which the mistake breaks.
struct Found {
    seed: u64,
    rule: Rule,
    events: u64,
}

/// What came of a search.
#[derive(Default)]
struct Search {
    found: Option<Found>,
    /// An earlier run that broke something else, or only panicked: its seed and what was said.
    stray: Option<(u64, String)>,
}

/// Plants them all; true when each was found.
///
/// # Errors
/// A name that no mistake has; a table that cannot be written.
pub fn carry_out(args: &MutantsArgs) -> Result<bool> {
    // A core that checks itself panics by the dozen here; each is noted.
    std::panic::set_hook(Box::new(|_| {}));
    let name = |mistake: &Mistake| format!("{:?}", mistake.planted);
    let wanted = |mistake: &&Mistake| args.only.is_empty() || args.only.contains(&name(mistake));
    let chosen: Vec<&Mistake> = ALL.iter().filter(wanted).collect();
    let unknown = args.only.iter().find(|only| !ALL.iter().any(|mistake| name(mistake) == **only));
    if let Some(unknown) = unknown {
        anyhow::bail!("--only {unknown}: one of {}", ALL.iter().map(name).collect::<Vec<_>>().join(", "));
    }
    let mut table = String::from(
        "| mistake | where | what is wrong | breaks | broken rule | seed | events |\n|---|---|---|---|---|---|---|\n",
    );
    let mut survivors = Vec::new();
    for mistake in chosen {
        plant(Some(mistake.planted));
        let search = search(args.seeds, mistake.breaks);
        plant(None);
        if search.found.is_none() {
            survivors.push(name(mistake));
        }
        let row = row(mistake, &search);
        println!("{row}");
        writeln!(table, "{row}")?;
    }
    if let Some(path) = &args.markdown {
        std::fs::write(path, &table).with_context(|| path.display().to_string())?;
    }
    if survivors.is_empty() {
        println!("all {} were found", table.lines().count() - 2);
    } else {
        println!("not found within {} seeds: {}", args.seeds, survivors.join(", "));
    }
    Ok(survivors.is_empty())
}

fn row(mistake: &Mistake, search: &Search) -> String {
    let Mistake { planted, place, what, breaks } = mistake;
    let breaks = breaks.join(", ");
    let stray = search.stray.as_ref().map(|(seed, said)| format!(" (seed {seed}: {said})"));
    let stray = stray.unwrap_or_default();
    match &search.found {
        Some(Found { seed, rule, events }) => {
            format!("| {planted:?} | {place} | {what} | {breaks} | {rule}{stray} | {seed} | {events} |")
        }
        None => format!("| {planted:?} | {place} | {what} | {breaks} | **not found**{stray} | | |"),
    }
}

/// The first seed that breaks one of these rules.
fn search(seeds: u64, breaks: &[&str]) -> Search {
    let next = AtomicU64::new(0);
    let best: Mutex<Search> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let hunt = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let known = best.lock().expect("no thread panics with it").found.as_ref().map(|found| found.seed);
            if seed >= seeds || known.is_some_and(|known| known < seed) {
                return;
            }
            if let Err(failure) = run_schedule(&Schedule::of(seed, None)) {
                note(&mut best.lock().expect("no thread panics with it"), seed, &failure, breaks);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(hunt);
        }
    });
    let mut search = best.into_inner().expect("no thread panics with it");
    let found_at = search.found.as_ref().map_or(u64::MAX, |found| found.seed);
    search.stray = search.stray.filter(|(seed, _)| *seed < found_at);
    search
}

fn note(search: &mut Search, seed: u64, failure: &SimFailure, breaks: &[&str]) {
    let SimFailure { rule, events, has_panicked, .. } = *failure;
    if !has_panicked && breaks.contains(&rule.to_string().as_str()) {
        if search.found.as_ref().is_none_or(|found| seed < found.seed) {
            search.found = Some(Found { seed, rule, events });
        }
    } else if search.stray.as_ref().is_none_or(|(known, _)| seed < *known) {
        let said = if has_panicked { "a panic".to_owned() } else { rule.to_string() };
        search.stray = Some((seed, said));
    }
}
