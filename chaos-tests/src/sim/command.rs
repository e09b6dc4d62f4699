//! `ringmain-chaos sim`: many seeds, one after the other.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use super::{SimFailure, SimReport, run_twice};
use crate::clock::Stopwatch;
use crate::scenario;

/// How often progress is told.
const PROGRESS: Duration = Duration::from_secs(2);

/// Runs the simulation of one seed after the other, each twice.
#[derive(Debug, Args)]
pub struct SimArgs {
    /// How many seeds
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Where the log of a failing seed is written, as a scenario
    #[arg(long, default_value = ".")]
    scenarios: PathBuf,
}

/// Runs the seeds; true when nothing was found.
///
/// # Errors
/// A failing log that cannot be written.
pub fn carry_out(args: &SimArgs) -> Result<bool> {
    let watch = Stopwatch::start();
    let mut told = Duration::ZERO;
    let mut sum = SimReport::default();
    let mut failures = 0;
    for seed in args.from..args.from.saturating_add(args.seeds) {
        match run_twice(seed) {
            Ok(report) => add(&mut sum, &report),
            Err(failure) => {
                failures += 1;
                println!("{failure}");
                write_log(args, &failure)?;
            }
        }
        if watch.elapsed() - told >= PROGRESS {
            told = watch.elapsed();
            println!("{}", line(seed + 1 - args.from, failures, &sum, told));
        }
    }
    println!("{}", line(args.seeds, failures, &sum, watch.elapsed()));
    Ok(failures == 0)
}

fn add(sum: &mut SimReport, report: &SimReport) {
    // Each seed runs twice.
    sum.events += 2 * report.events;
    sum.commands += report.commands;
    sum.accepted += report.accepted;
    sum.crashes += report.crashes;
    sum.partitions += report.partitions;
    sum.cuts += report.cuts;
    sum.resumes += report.resumes;
    sum.resyncs += report.resyncs;
    sum.unknown += report.unknown;
    sum.doubled += report.doubled;
}

fn line(seeds: u64, failures: u64, sum: &SimReport, took: Duration) -> String {
    let rate = sum.events as f64 / took.as_secs_f64().max(0.001);
    format!(
        "{seeds} seeds, {failures} failed; {} events ({rate:.0}/s), {} commands, {} contacts served, {} crashes, \
         {} partitions, {} streams cut, {} resumed, {} full lists, {} unknown, {} doubled",
        sum.events,
        sum.commands,
        sum.accepted,
        sum.crashes,
        sum.partitions,
        sum.cuts,
        sum.resumes,
        sum.resyncs,
        sum.unknown,
        sum.doubled
    )
}

fn write_log(args: &SimArgs, failure: &SimFailure) -> Result<()> {
    let path = args.scenarios.join(format!("sim-seed-{}.txt", failure.seed));
    std::fs::write(&path, scenario::write(&failure.log)).with_context(|| path.display().to_string())?;
    println!("its log is in {}", path.display());
    Ok(())
}
