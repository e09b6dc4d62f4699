//! `ringmain-bench erlang`: simulated M/M/c queues beside Erlang C.

use anyhow::Context as _;
use clap::Args;
use ringmain_bench::clock::Stopwatch;
use ringmain_bench::mmc::{Measured, Mmc, SERVICE_MS, measure};
use ringmain_bench::simulate::{Options as Simulation, simulate};

/// What to run.
#[derive(Args)]
pub struct Options {
    /// Equal servers
    #[arg(long, default_value_t = 10)]
    servers: u32,
    /// Load per server, above 0 and below 1
    #[arg(long, default_value_t = 0.9)]
    load: f64,
    /// Contacts of each run
    #[arg(long, default_value_t = 200_000)]
    contacts: usize,
    /// Runs, with the seeds 1, 2, …
    #[arg(long, default_value_t = 10)]
    seeds: u64,
}

struct Run {
    seed: u64,
    measured: Measured,
    seconds: f64,
    commands: u64,
}

/// Runs all seeds and prints each beside the theory.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let theory = queue(options, 1).theory()?;
    let (wait, probability) = (theory.mean_wait(), theory.wait_probability());
    let runs: Vec<Run> =
        (1..=options.seeds).map(|seed| run_seed(options, seed)).collect::<anyhow::Result<_>>()?;
    println!(
        "M/M/{} at load {}, {} contacts a run; waits in mean service times. Erlang C (A. K. Erlang 1917; Gross and \
         Harris, Fundamentals of Queueing Theory, M/M/c): mean wait {wait:.4}, P(wait) {probability:.4}",
        options.servers, options.load, options.contacts
    );
    let rows = runs.iter().map(|run| cells(run, wait, probability)).collect();
    println!(
        "{}",
        crate::table(
            &["seed", "mean wait ± 95 %", "holds", "P(wait) ± 95 %", "holds", "commands", "s"],
            rows
        )
    );
    let covered = runs.iter().filter(|run| in_services(run).covers(wait)).count();
    let slowest = runs.iter().map(|run| run.seconds).fold(0.0, f64::max);
    println!(
        "{covered} of {} intervals hold Erlang's mean wait (19 of 20 are expected to); slowest run {slowest:.2} s",
        runs.len()
    );
    Ok(())
}

fn queue(options: &Options, seed: u64) -> Mmc {
    Mmc { servers: options.servers, load: options.load, contacts: options.contacts, seed }
}

/// The time counted is that of the simulation, the drawing of the scenario aside.
fn run_seed(options: &Options, seed: u64) -> anyhow::Result<Run> {
    let scenario = queue(options, seed).scenario();
    let bar = crate::progress_bar(options.contacts as u64, "simulating");
    let watch = Stopwatch::start();
    let simulated = simulate(&scenario, Simulation::default(), &mut |ended| bar.set_position(ended))?;
    let seconds = watch.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let measured = measure(&simulated.rows).context("--contacts: too few for an interval")?;
    Ok(Run { seed, measured, seconds, commands: simulated.commands })
}

fn in_services(run: &Run) -> ringmain_bench::stats::Interval {
    let wait = run.measured.mean_wait_ms;
    ringmain_bench::stats::Interval {
        mean: wait.mean / SERVICE_MS,
        half_width: wait.half_width / SERVICE_MS,
        ..wait
    }
}

fn cells(run: &Run, wait: f64, probability: f64) -> Vec<String> {
    let (waits, waited) = (in_services(run), run.measured.wait_probability);
    let holds = |holds: bool| if holds { "yes" } else { "no" }.to_owned();
    vec![
        run.seed.to_string(),
        format!("{:.4} ± {:.4}", waits.mean, waits.half_width),
        holds(waits.covers(wait)),
        format!("{:.4} ± {:.4}", waited.mean, waited.half_width),
        holds(waited.covers(probability)),
        run.commands.to_string(),
        format!("{:.2}", run.seconds),
    ]
}
