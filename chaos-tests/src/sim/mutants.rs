//! `ringmain-chaos mutants`: plants one mistake after the other and looks whether the simulation finds it.

use std::fmt::{self, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use clap::Args;
use ringmain_routing::planted::{ALL, Mistake, Planted, plant};

use super::official::Official;
use super::schedule::Schedule;
use super::{Rule, SimFailure, run_schedule};
use crate::scenario;

/// What a simulated centre does not come to: its first operator can serve everybody.
const SCENARIOS: [(&str, &str); 2] = [
    ("plan-asks-for-less", include_str!("../../scenarios/plan-asks-for-less.txt")),
    ("stranded-go-elsewhere", include_str!("../../scenarios/stranded-go-elsewhere.txt")),
];

/// Mistakes that no simulated centre comes to, or few do: nobody has so little room or so small a cap that parked work could
/// never go on, an invitation lapses while somebody comes by it, a thread is written to again while another contact waits, a
/// node starts anew while somebody sits beside a talk. Tests of the core (`node/routing/tests/planted_*.rs`) show each.
const SHOWN_BY_THE_CORE: &[Planted] = &[
    Planted::StayEndsWithAbsence,
    Planted::InvitationNeverLapses,
    Planted::ParkedBeyondCapacity,
    Planted::ThreadBehindNew,
    Planted::SupervisionLeftOut,
];

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
    run: Run,
    rule: Rule,
    events: u64,
}

/// What found a mistake; seeds before scenarios.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Run {
    Seed(u64),
    Scenario(&'static str),
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Run::Seed(seed) => write!(f, "{seed}"),
            Run::Scenario(name) => f.write_str(name),
        }
    }
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
    let is_drawn = |mistake: &Mistake| !SHOWN_BY_THE_CORE.contains(&mistake.planted);
    let wanted = |mistake: &&Mistake| {
        if args.only.is_empty() { is_drawn(mistake) } else { args.only.contains(&name(mistake)) }
    };
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
        let mut search = search(args.seeds, mistake.breaks);
        if search.found.is_none() {
            search.found = found_by_scenario(mistake.breaks)?;
        }
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
        let found = table.lines().count() - 2;
        println!(
            "all {found} were found; {} more are shown by tests of the core alone",
            SHOWN_BY_THE_CORE.len()
        );
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
        Some(Found { run, rule, events }) => {
            format!("| {planted:?} | {place} | {what} | {breaks} | {rule}{stray} | {run} | {events} |")
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
            let known = best.lock().expect("no thread panics with it").found.as_ref().map(|found| found.run);
            if seed >= seeds || known.is_some_and(|known| known < Run::Seed(seed)) {
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
    let found_at = search.found.as_ref().map_or(Run::Seed(u64::MAX), |found| found.run);
    search.stray = search.stray.filter(|(seed, _)| Run::Seed(*seed) < found_at);
    search
}

/// The first scenario in which the core breaks one of these rules.
fn found_by_scenario(breaks: &[&str]) -> Result<Option<Found>> {
    for (name, text) in SCENARIOS {
        let mut official = Official::new();
        for (events, entry) in (1..).zip(scenario::read(text)?.entries) {
            if let Err(breach) = official.judge(entry.at, entry.command) {
                let rule = breach.rule;
                let found = Found { run: Run::Scenario(name), rule, events };
                return Ok(breaks.contains(&rule.to_string().as_str()).then_some(found));
            }
        }
    }
    Ok(None)
}

fn note(search: &mut Search, seed: u64, failure: &SimFailure, breaks: &[&str]) {
    let SimFailure { rule, events, has_panicked, .. } = *failure;
    if !has_panicked && breaks.contains(&rule.to_string().as_str()) {
        if search.found.as_ref().is_none_or(|found| Run::Seed(seed) < found.run) {
            search.found = Some(Found { run: Run::Seed(seed), rule, events });
        }
    } else if search.stray.as_ref().is_none_or(|(known, _)| seed < *known) {
        let said = if has_panicked { "a panic".to_owned() } else { rule.to_string() };
        search.stray = Some((seed, said));
    }
}
