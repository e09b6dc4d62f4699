//! `ringmain-chaos sim`: many seeds on all cores, each seed in one thread.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use clap::builder::PossibleValuesParser;

use super::schedule::{self, Schedule};
use super::{Rule, SimFailure, SimReport, run_twice, shrink};
use crate::clock::Stopwatch;
use crate::scenario;

/// From so many seeds on, a fault that never came is an error.
const COVERAGE_SEEDS: u64 = 200;
/// So many failing seeds are made small; more of them rarely say more.
const SHRUNK_MAX: usize = 3;

/// Simulates one seed after the other, each twice: nodes, disks, network, clocks and people go wrong, then everything
/// heals and everybody must be served
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ringmain-chaos sim --seeds 1000\n  ringmain-chaos sim --from 4711 --seeds 1 \
                        --nodes 5 --out found\n  ringmain-chaos sim --replay found/seed-4711.schedule.txt"
)]
pub struct SimArgs {
    /// How many seeds
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Begin no seed after so many minutes
    #[arg(long)]
    minutes: Option<u64>,
    /// Nodes of the cluster; by the seed when it is left out
    #[arg(long, value_parser = PossibleValuesParser::new(["3", "5"]))]
    nodes: Option<String>,
    /// Where the schedule and the log of a failing seed are written
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Make each of the first failing seeds small for so many seconds; 0 leaves them as they are
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    shrink: u64,
    /// Run the schedule of this file instead
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "from", "minutes", "nodes"])]
    replay: Option<PathBuf>,
}

/// Simulates fresh seeds until the time is over
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ringmain-chaos soak --minutes 60 --out found")]
pub struct SoakArgs {
    /// How long, in minutes
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Where the schedule and the log of a failing seed are written
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Make each of the first failing seeds small for so many seconds; 0 leaves them as they are
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    shrink: u64,
}

/// Runs the seeds, or the schedule of a file; true when nothing was found.
///
/// # Errors
/// A file that cannot be read or written; a fault that never came in many seeds.
pub fn carry_out(args: &SimArgs) -> Result<bool> {
    let shrink = Duration::from_secs(args.shrink);
    if let Some(file) = &args.replay {
        return replay(file, &args.out);
    }
    let nodes = args.nodes.as_ref().map(|nodes| nodes.parse()).transpose()?;
    let end = args.from.saturating_add(args.seeds);
    run_seeds(Seeds { from: args.from, end, minutes: args.minutes, nodes, out: &args.out, shrink })
}

/// Runs fresh seeds until the time is over; true when nothing was found.
///
/// # Errors
/// A file that cannot be written; a fault that never came in many seeds.
pub fn soak(args: &SoakArgs) -> Result<bool> {
    let from = crate::clock::fresh_seed();
    println!("fresh seeds from {from} on");
    let minutes = Some(args.minutes);
    run_seeds(Seeds {
        from,
        end: u64::MAX,
        minutes,
        nodes: None,
        out: &args.out,
        shrink: Duration::from_secs(args.shrink),
    })
}

struct Seeds<'a> {
    from: u64,
    end: u64,
    minutes: Option<u64>,
    nodes: Option<usize>,
    out: &'a Path,
    shrink: Duration,
}

fn run_seeds(seeds: Seeds<'_>) -> Result<bool> {
    let watch = Stopwatch::start();
    let next = AtomicU64::new(seeds.from);
    let limit = seeds.minutes.map(|minutes| Duration::from_secs(60 * minutes));
    let done = Mutex::new(Done::new(seeds.end.saturating_sub(seeds.from), limit));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || limit.is_some_and(|limit| watch.elapsed() >= limit) {
                        return;
                    }
                    let outcome = run_twice(&Schedule::of(seed, seeds.nodes));
                    done.lock().expect("no thread panics with it").note(outcome, &watch);
                }
            });
        }
    });
    let done = done.into_inner().expect("no thread panics with it");
    done.finish(&watch, &seeds)
}

/// What is done so far.
struct Done {
    bar: indicatif::ProgressBar,
    timed: Option<Duration>,
    seeds: u64,
    sum: SimReport,
    failures: Vec<SimFailure>,
}

impl Done {
    fn new(seeds: u64, timed: Option<Duration>) -> Done {
        let bar = indicatif::ProgressBar::new(timed.map_or(seeds, |timed| timed.as_secs()));
        let style = indicatif::ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}");
        bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()));
        Done { bar, timed, seeds: 0, sum: SimReport::default(), failures: Vec::new() }
    }

    fn note(&mut self, outcome: Result<SimReport, SimFailure>, watch: &Stopwatch) {
        self.seeds += 1;
        match outcome {
            Ok(report) => self.sum.add(&report),
            Err(failure) => {
                let text = shortened(&failure.to_string());
                self.bar.suspend(|| println!("{text}"));
                self.failures.push(failure);
            }
        }
        let at = self.timed.map_or(self.seeds, |_| watch.elapsed().as_secs());
        self.bar.set_position(at);
        self.bar.set_message(format!("{} seeds, {} failed", self.seeds, self.failures.len()));
    }

    fn finish(mut self, watch: &Stopwatch, seeds: &Seeds<'_>) -> Result<bool> {
        self.bar.finish_and_clear();
        self.failures.sort_by_key(|failure| failure.seed);
        for (place, failure) in self.failures.iter().enumerate() {
            let limit = if place < SHRUNK_MAX { seeds.shrink } else { Duration::ZERO };
            write_failure(seeds.out, &Schedule::of(failure.seed, seeds.nodes), failure, limit)?;
        }
        // Each seed runs twice.
        let rate = (2 * self.sum.events) as f64 / watch.elapsed().as_secs_f64().max(0.001);
        println!(
            "{} seeds, {} failed; {} events ({rate:.0}/s), {} commands, {} contacts served",
            self.seeds,
            self.failures.len(),
            2 * self.sum.events,
            self.sum.commands,
            self.sum.accepted
        );
        let counts: Vec<String> =
            self.sum.counts.iter().map(|(what, count)| format!("{what} {count}")).collect();
        println!("{}", counts.join(", "));
        let missing = self.sum.missing();
        let must_cover = self.seeds >= COVERAGE_SEEDS && self.failures.is_empty();
        ensure!(
            !must_cover || missing.is_empty(),
            "never came in {} seeds: {}",
            self.seeds,
            missing.join(", ")
        );
        Ok(self.failures.is_empty())
    }
}

/// The first part of a long finding.
fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 1_200;
    if text.chars().count() <= CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(CHARS_MAX).chain(" …".chars()).collect()
}

/// Makes a failing run small, writes its schedule and its log, and says where they are.
fn write_failure(out: &Path, schedule: &Schedule, failure: &SimFailure, limit: Duration) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let seed = failure.seed;
    let is_small = limit.is_zero() || failure.rule == Rule::Repeatable;
    let bar = indicatif::ProgressBar::new_spinner();
    let tell = |text: &str| bar.set_message(format!("seed {seed}: {text}"));
    let shrunk = (!is_small).then(|| shrink::shrink(schedule, failure, limit, &tell));
    bar.finish_and_clear();
    let (schedule, failure) =
        shrunk.as_ref().map_or((schedule, failure), |shrunk| (&shrunk.schedule, &shrunk.failure));
    let about = shortened(&failure.to_string());
    let mut files =
        vec![("schedule", schedule::write(schedule, &about)), ("log", scenario::write(&failure.log))];
    if let Some(commands) = shrunk.as_ref().and_then(|shrunk| shrunk.commands.as_ref()) {
        files.push(("commands", scenario::write(commands)));
    }
    println!("seed {seed}: {}; {about}", shrink::summary(schedule));
    for (kind, text) in files {
        let path = out.join(format!("seed-{seed}.{kind}.txt"));
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        println!("seed {seed}: its {kind} is in {}", path.display());
    }
    Ok(())
}

fn replay(file: &Path, out: &Path) -> Result<bool> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let schedule = schedule::read(&text).with_context(|| file.display().to_string())?;
    match run_twice(&schedule) {
        Ok(report) => {
            println!("nothing is broken: {} events, {} commands", report.events, report.commands);
            Ok(true)
        }
        Err(failure) => {
            println!("{}", shortened(&failure.to_string()));
            let path = out.join(format!("seed-{}.log.txt", failure.seed));
            std::fs::write(&path, scenario::write(&failure.log))
                .with_context(|| path.display().to_string())?;
            println!("its log is in {}", path.display());
            Ok(false)
        }
    }
}
