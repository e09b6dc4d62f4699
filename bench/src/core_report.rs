//! `ringmain-bench core`: what a decision of the core costs, from a quiet day to a national outage.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use indicatif::ProgressBar;
use ringmain_bench::clock::{self, Stopwatch};
use ringmain_bench::cluster::Machine;
use ringmain_bench::core_load::counting::{self, Dearer, Guard};
use ringmain_bench::core_load::{
    Cell, Centre, FORMAT, HeapFigures, Kind, Run, Size, Times, measure_cell, measure_heap, measure_views,
};
use ringmain_routing::CHECKS_INVARIANTS;

/// The program that counts bytes, beside this one.
const HEAP_PROGRAM: &str = "ringmain-bench-heap";
/// What a smoke run has instead of options.
const SMOKE: Size = Size { operators: 200, classes: 60, seed: 1 };
const SMOKE_WAITING: [u32; 2] = [200, 2_000];
const SMOKE_COMMANDS: u32 = 4_000;

/// What to run.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    ringmain-bench core --report core-report\n  \
    ringmain-bench core --waiting 1000,1000000 --operators 50000 --classes 1000\n  \
    GLIBC_TUNABLES=glibc.malloc.hugetlb=1 ringmain-bench core --waiting 1000000\n  \
    ringmain-bench core --guard bench/core-instructions.json\n  \
    ringmain-bench core --smoke\n\n\
    What is measured and how stands in docs/PERFORMANCE.md.")]
pub struct Options {
    /// A short run that checks counts, determinism and invariants, and no times
    #[arg(long, conflicts_with_all = ["waiting", "operators", "classes", "commands", "report"])]
    smoke: bool,
    /// Contacts that wait, one size after the other
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000, 1_000_000], value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    waiting: Vec<u32>,
    /// Operators, each number with every other size
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [100, 1_000, 10_000, 50_000], value_parser = clap::value_parser!(u32).range(10..=100_000))]
    operators: Vec<u32>,
    /// Distinct requirement sets, each number with every other size
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [10, 200, 1_000], value_parser = clap::value_parser!(u32).range(10..=1_900))]
    classes: Vec<u32>,
    /// Commands measured at each size
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1_000..=20_000_000))]
    commands: u32,
    /// Where the random numbers come from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the report: JSON, page and pictures
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Counts instructions by kind of command and holds them against this file, instead of measuring times
    #[arg(long, value_name = "FILE", conflicts_with_all = ["smoke", "report"])]
    guard: Option<PathBuf>,
    /// Writes the file of instructions anew
    #[arg(long, requires = "guard")]
    write: bool,
    /// What is run to be counted
    #[arg(long, hide = true)]
    counted: bool,
}

/// Measures each size, prints it, and writes the report.
pub fn run(options: &Options) -> anyhow::Result<()> {
    if options.counted {
        counting::run_counted();
        Ok(())
    } else if let Some(file) = &options.guard {
        guard(file, options.write)
    } else if options.smoke {
        smoke()
    } else {
        measure(options)
    }
}

fn measure(options: &Options) -> anyhow::Result<()> {
    let watch = Stopwatch::start();
    let mut run = Run {
        format: FORMAT,
        machine: Machine::here(env!("CARGO_PKG_VERSION")),
        huge_pages: huge_pages(),
        seed: options.seed,
        clock_ns: clock::reading_ns(),
        cells: Vec::new(),
        views: Vec::new(),
        heap: None,
        seconds: 0.0,
    };
    let cells = options.operators.len() * options.classes.len() * options.waiting.len();
    let bar = crate::progress_bar(cells as u64, "sizes");
    for operators in &options.operators {
        for classes in &options.classes {
            let size = Size { operators: *operators, classes: *classes, seed: options.seed };
            measure_size(options, size, &mut run, &bar)?;
        }
    }
    bar.finish_and_clear();
    run.heap = heap(options)?;
    run.seconds = watch.elapsed().as_secs_f64();
    print(&run);
    if let Some(folder) = &options.report {
        for path in run.write(folder)? {
            println!("{}", path.display());
        }
    }
    Ok(())
}

/// Whether the environment tells glibc's allocator to ask for huge pages.
fn huge_pages() -> bool {
    std::env::var("GLIBC_TUNABLES").is_ok_and(|told| told.contains("glibc.malloc.hugetlb=1"))
}

fn measure_size(options: &Options, size: Size, run: &mut Run, bar: &ProgressBar) -> anyhow::Result<()> {
    let mut waiting = options.waiting.clone();
    waiting.sort_unstable();
    let is_largest = options.operators.iter().all(|operators| *operators <= size.operators)
        && options.classes.iter().all(|classes| *classes <= size.classes);
    let mut centre = Centre::open(size);
    for wanted in waiting {
        run.cells.push(measure_cell(&mut centre, size, wanted, options.commands));
        if is_largest {
            run.views.push(measure_views(&mut centre, size, options.commands / 4)?);
        }
        bar.inc(1);
    }
    ensure!(centre.refused() == 0, "{} commands were refused: {size:?} outgrows a limit", centre.refused());
    Ok(())
}

/// What the largest size takes in memory, where the program that counts is there.
fn heap(options: &Options) -> anyhow::Result<Option<HeapFigures>> {
    let program = std::env::current_exe().context("finding this program")?.with_file_name(HEAP_PROGRAM);
    if !program.exists() {
        println!("memory is not counted: {HEAP_PROGRAM} is not beside this program");
        return Ok(None);
    }
    let largest = |of: &[u32]| of.iter().max().copied().unwrap_or_default().to_string();
    let waiting: Vec<String> = options.waiting.iter().map(u32::to_string).collect();
    let output = Command::new(&program)
        .args(["--operators", &largest(&options.operators), "--classes", &largest(&options.classes)])
        .args(["--waiting", &waiting.join(","), "--seed", &options.seed.to_string()])
        .output()
        .with_context(|| format!("running {}", program.display()))?;
    ensure!(output.status.success(), "{HEAP_PROGRAM}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(Some(
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("reading what {HEAP_PROGRAM} says"))?,
    ))
}

fn print(run: &Run) {
    for cell in &run.cells {
        println!(
            "{} waiting, {} operators in {} profiles, {} classes: {:.0} commands/s, chain {}",
            cell.waiting, cell.operators, cell.profiles, cell.classes, cell.commands_per_s, cell.chain
        );
        let rows = cell.kinds.iter().map(|(kind, times)| cells(*kind, times)).collect();
        println!(
            "{}",
            crate::table(&["ns in the core", "count", "mean", "p50", "p99", "p99.9", "max"], rows)
        );
    }
    let goals = run.goals();
    let word = |is_reached| if is_reached { "reached" } else { "missed" };
    let row = |goal: &ringmain_bench::core_load::Goal| {
        vec![goal.what.clone(), goal.measured.clone(), word(goal.is_reached).to_owned()]
    };
    println!("{}", crate::table(&["goal", "measured", ""], goals.iter().map(row).collect()));
}

fn cells(kind: Kind, times: &Times) -> Vec<String> {
    let Times { count, mean, p50, p99, p999, max } = times;
    let mut row = vec![kind.words().to_owned(), count.to_string(), format!("{mean:.0}")];
    row.extend([p50, p99, p999, max].map(u64::to_string));
    row
}

fn guard(file: &Path, write: bool) -> anyhow::Result<()> {
    ensure!(
        !CHECKS_INVARIANTS,
        "--guard: the core in this program checks itself after each command: build with --release"
    );
    if !counting::is_possible() {
        bail!(crate::Skipped("valgrind is not installed (Debian: apt-get install valgrind)".to_owned()));
    }
    let counted = counting::count()?;
    if write {
        Guard::of(counted).write(file)?;
        println!("written: {}", file.display());
        return Ok(());
    }
    let guard = Guard::read(file)?;
    let row = |(kind, count): (&String, &u64)| {
        let before = guard.instructions.get(kind).map_or_else(|| "–".to_owned(), u64::to_string);
        vec![kind.clone(), before, count.to_string()]
    };
    let rows = counted.iter().map(row).collect();
    println!("{}", crate::table(&["instructions of one command", "allowed for", "counted"], rows));
    let dearer = guard.dearer(&counted);
    for Dearer { kind, before, counted } in &dearer {
        let before = before.map_or_else(|| "nothing".to_owned(), |before| before.to_string());
        println!("dearer: {kind}: {counted} instructions, the file has {before}");
    }
    let percent = guard.tolerance_percent;
    ensure!(
        dearer.is_empty(),
        "the core has become dearer by more than {percent} %; if that is meant, or the compiler is another one, \
         write the file anew with --write"
    );
    println!("no kind of command takes {percent} % more than {} says", file.display());
    Ok(())
}

/// The same centre twice: equal chains, counts that add up, every kind there, sound states, snapshots that are read.
fn smoke() -> anyhow::Result<()> {
    let (first, second) = (smoke_once()?, smoke_once()?);
    let chains = |cells: &[Cell]| cells.iter().map(|cell| cell.chain.clone()).collect::<Vec<_>>();
    ensure!(
        chains(&first) == chains(&second),
        "the same commands led to another chain: the core is not deterministic"
    );
    for cell in &first {
        let counted: u64 = cell.kinds.values().map(|times| times.count).sum();
        ensure!(counted == cell.commands, "{counted} of {} commands were counted", cell.commands);
        let missing: Vec<_> = Kind::ALL.iter().filter(|kind| !cell.kinds.contains_key(kind)).collect();
        ensure!(missing.is_empty(), "no command of these kinds: {missing:?}");
        ensure!(
            cell.waiting >= cell.waiting_wanted / 2,
            "only {} wait, not {}",
            cell.waiting,
            cell.waiting_wanted
        );
    }
    let heap = measure_heap(Size { operators: 20, ..SMOKE }, &[50, 100], &|| 0);
    ensure!(heap.waiting.len() == 2, "the heap was looked at {} times", heap.waiting.len());
    let commands: u64 = first.iter().chain(&second).map(|cell| cell.commands).sum();
    println!(
        "core: {commands} commands of {} kinds: counts, chains, invariants and snapshots are right",
        Kind::ALL.len()
    );
    Ok(())
}

fn smoke_once() -> anyhow::Result<Vec<Cell>> {
    let mut centre = Centre::open(SMOKE);
    let mut cells = Vec::new();
    for waiting in SMOKE_WAITING {
        cells.push(measure_cell(&mut centre, SMOKE, waiting, SMOKE_COMMANDS));
        measure_views(&mut centre, SMOKE, SMOKE_COMMANDS / 10)?;
        centre.router().check_invariants()?;
    }
    ensure!(centre.refused() == 0, "{} commands were refused", centre.refused());
    Ok(cells)
}
