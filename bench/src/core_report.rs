//! `ringmain-bench core`: how many commands per second the core carries out alone.

use std::time::Duration;

use clap::Args;
use ringmain_bench::core_load::{CoreLoad, Latencies, Measurement, record};

/// Commands per second that we aim for.
const GOAL_PER_S: f64 = 500_000.0;

/// What to run.
#[derive(Args)]
pub struct Options {
    /// Operators signed in
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    operators: u32,
    /// Queues; every second offers, the others answer automatically, every third has wrap-up
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    queues: u32,
    /// Skills; a contact needs one or two of them
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    skills: u32,
    /// Contacts kept waiting
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    waiting: u32,
    /// Commands measured
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=20_000_000))]
    commands: u32,
    /// Where the random numbers come from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How often the same commands are carried out; the fastest counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeats: u32,
}

/// Records the load, replays it and prints what it took.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let load = CoreLoad {
        operators: options.operators,
        queues: options.queues,
        skills: options.skills,
        waiting: options.waiting,
        commands: options.commands,
        seed: options.seed,
    };
    let bar = crate::progress_bar(u64::from(load.commands), "recording");
    let recorded = record(&load, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    let mut runs = Vec::new();
    for _ in 0..options.repeats {
        runs.push(recorded.measure()?);
    }
    runs.sort_by_key(|run| run.elapsed);
    println!(
        "core alone, one thread: {} operators, {} queues, {} skills, {} waiting, seed {}",
        load.operators, load.queues, load.skills, load.waiting, load.seed
    );
    if recorded.refused > 0 {
        println!("{} commands were refused: this load outgrows a limit of the core", recorded.refused);
    }
    print_rates(&runs);
    let kinds = recorded.kinds();
    let latencies = recorded.latencies()?;
    let rows = kinds.iter().map(|(kind, count)| cells(kind, *count, load.commands, &latencies)).collect();
    println!("time in the core by kind of command, in ns (reading the clock included):");
    println!("{}", crate::table(&["command", "share", "p50", "p99", "p99.9", "max"], rows));
    Ok(())
}

fn print_rates(runs: &[Measurement]) {
    let rate = |run: &Measurement| run.commands as f64 / seconds(run.elapsed);
    let (Some(fastest), Some(slowest)) = (runs.first(), runs.last()) else { return };
    println!(
        "{:.0} commands/s by the clock (slowest of {} runs {:.0}); goal {GOAL_PER_S:.0}: {}",
        rate(fastest),
        runs.len(),
        rate(slowest),
        if rate(fastest) >= GOAL_PER_S { "reached" } else { "missed" }
    );
    if let Some(processor) = runs.iter().filter_map(|run| run.processor).min() {
        println!(
            "{:.0} commands/s of processor time (differs from the clock where other programs run)",
            fastest.commands as f64 / seconds(processor)
        );
    }
    println!(
        "{:.0} ns per command, {:.0} ns per contact connected ({} connected, {} waiting at the end)",
        1e9 / rate(fastest),
        1e9 * seconds(fastest.elapsed) / fastest.connected.max(1) as f64,
        fastest.connected,
        fastest.waiting
    );
}

fn seconds(elapsed: Duration) -> f64 {
    elapsed.as_secs_f64().max(1e-9)
}

fn cells(kind: &str, count: u64, commands: u32, latencies: &Latencies) -> Vec<String> {
    let at = |share: f64| {
        latencies.get(kind).map_or(0, |histogram| histogram.value_at_quantile(share)).to_string()
    };
    vec![
        kind.to_owned(),
        format!("{:.1} %", 100.0 * count as f64 / f64::from(commands)),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
    ]
}
