//! `ringmain-bench scale`: what size does to a cluster.

use std::path::PathBuf;

use clap::Args;
use ringmain_bench::nodes;
use ringmain_bench::scale::{Asked, Comeback, NodeSnapshot, Run, Size, Voice, judge, measure};

use crate::load;

/// The longest pause of applying that a snapshot may make, as a goal, ms.
const GOAL_PAUSE_MS: f64 = 20.0;
/// Within which time a node should serve again, as a goal, s.
const GOAL_SERVING_S: f64 = 5.0;
/// What a smoke run has: waiting, operators, queues, gateways.
const SMOKE: Asked = Asked { waiting: 2_000, operators: 200, queues: 50, gateways: 100 };

/// What to run.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    ringmain-bench scale --report scale-report\n  \
    ringmain-bench scale --waiting 100000 --operators 5000 --gateways 1000\n  \
    ringmain-bench scale --smoke\n\n\
    It is measured with a hundredth, a tenth and three tenths of the contacts as well. What is done stands in \
    docs/PERFORMANCE.md.")]
pub struct Options {
    /// Contacts that wait in the end
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(10_000..=3_900_000))]
    waiting: u64,
    /// Operators, all of whom sign in
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(500..=100_000))]
    operators: u32,
    /// Queues of the plan
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(10..=5_000))]
    queues: u32,
    /// Streams of gateways
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(10..=19_000))]
    gateways: u32,
    /// A short run that checks counts and promises, and no times
    #[arg(long, conflicts_with_all = ["waiting", "operators", "queues", "gateways"])]
    smoke: bool,
    /// Folder for the report: JSON, page and pictures; written anew after each part
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// The program to run as nodes; without it, `ringmain` beside this program
    #[arg(long, value_name = "FILE")]
    ringmain: Option<PathBuf>,
    /// Where the nodes keep their data, a new or empty folder; without it one that goes with the run
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Runs the benchmark; the nodes end with it, however it ends.
pub fn run(options: &Options) -> anyhow::Result<()> {
    load::run(grow(options))
}

async fn grow(options: &Options) -> anyhow::Result<()> {
    let scratch = tempfile::Builder::new().prefix("ringmain-bench-").tempdir()?;
    let folder = match &options.data {
        Some(folder) => load::empty_folder(folder)?,
        None => scratch.path().to_owned(),
    };
    let program = nodes::program(options.ringmain.as_deref())?;
    let voice = Voice::new()?;
    let report = |run: &Run| options.report.as_deref().map_or(Ok(()), |folder| run.write(folder).map(drop));
    let asked = (&options.asked(), options.smoke);
    let run = measure(asked, (&program, &folder), &voice, report).await?;
    drop(voice);
    if let Some(folder) = &options.report {
        run.write(folder)?.iter().for_each(|path| println!("{}", path.display()));
    }
    print(&run);
    judge(&run)?;
    if options.smoke {
        println!("smoke: every part was measured, every count adds up and every promise was kept");
    }
    Ok(())
}

impl Options {
    fn asked(&self) -> Asked {
        if self.smoke {
            return SMOKE;
        }
        Asked {
            waiting: self.waiting,
            operators: self.operators as usize,
            queues: self.queues as usize,
            gateways: self.gateways as usize,
        }
    }
}

fn print(run: &Run) {
    let header = [
        "waiting",
        "accepted/s",
        "node MiB",
        "snapshot",
        "view",
        "restart",
        "with log",
        "p99 offer",
        "p99 next",
    ];
    println!("{}", crate::table(&header, run.sizes.iter().map(cells).collect()));
    run.facts.iter().for_each(|fact| println!("{}: {}", fact.about, fact.words));
    let Some(last) = run.sizes.last() else { return };
    let pause = last.snapshots.iter().map(NodeSnapshot::longest_ms_at_most).fold(0.0, f64::max);
    let serving = last.with_snapshot.serving_s.max(last.with_log.serving_s);
    let word = |holds: bool| if holds { "reached" } else { "missed" };
    println!(
        "goals with {} waiting: no entry around a snapshot takes more than {GOAL_PAUSE_MS} ms: {} (at most {pause:.1} ms); a node serves \
         again within {GOAL_SERVING_S} s: {} ({serving:.2} s)",
        last.waiting,
        word(pause <= GOAL_PAUSE_MS),
        word(serving <= GOAL_SERVING_S)
    );
}

fn cells(size: &Size) -> Vec<String> {
    let most = |of: fn(&NodeSnapshot) -> f64| size.snapshots.iter().map(of).fold(0.0, f64::max);
    let resident = size.resident.iter().max().copied().unwrap_or_default();
    let back = |back: &Comeback| format!("{:.2} s", back.serving_s);
    vec![
        size.waiting.to_string(),
        format!("{:.0}", size.accepted_per_s()),
        (resident >> 20).to_string(),
        format!("{:.0} ms", most(|one| one.write_ms)),
        format!("{:.2} ms", most(|one| one.pause_ms)),
        back(&size.with_snapshot),
        back(&size.with_log),
        format!("{:.1} ms", load::offer_of(&size.express).p99_ms),
        format!("{:.1} ms", size.to_next.p99_ms),
    ]
}
