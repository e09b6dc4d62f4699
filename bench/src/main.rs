//! `ringmain-bench`: what the core and a cluster can do on this machine. Everything is reported, nothing
//! asserted about times: a machine may be busy, and the reader judges.

mod cluster_report;
mod core_report;
mod erlang_report;
mod failover_report;
mod idle_report;
mod load;
#[cfg(feature = "peers")]
mod peers_report;
mod scale_report;
mod surge_report;
mod theory_report;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Benchmarks of Ringmain: the core alone, a cluster under load and at rest, and the core held against queueing theory.
#[derive(Parser)]
#[command(name = "ringmain-bench", version)]
#[command(after_help = "Examples:\n  \
    ringmain-bench core\n  \
    ringmain-bench core --report core-report\n  \
    ringmain-bench erlang --seeds 10\n  \
    ringmain-bench theory\n  \
    ringmain-bench idle --for 30\n  \
    ringmain-bench cluster --report cluster-report\n  \
    ringmain-bench surge --report surge-report\n  \
    ringmain-bench failover --report failover-report\n  \
    ringmain-bench scale --report scale-report\n\n\
    Build with --release; a debug build checks every invariant after each command.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What a decision costs in the core alone, in one thread, from a quiet day to a national outage
    Core(core_report::Options),
    /// CPU and log writes of an idle three-node cluster, then offer times at a steady rate
    Idle(idle_report::Options),
    /// Three nodes under an open-loop load: latency, throughput and cost up to saturation and beyond
    Cluster(Box<cluster_report::Options>),
    /// A national outage: calls rise a hundredfold, customers dial again, the leader is killed at the peak
    Surge(Box<surge_report::Options>),
    /// The leader is killed again and again under a steady load; and loads under which nobody has to be elected
    Failover(Box<failover_report::Options>),
    /// Up to a million waiting contacts in a cluster: memory, snapshots, restarts, a node that joins
    Scale(Box<scale_report::Options>),
    /// The same work by real databases and queues, in turns with a cluster
    #[cfg(feature = "peers")]
    Peers(Box<peers_report::Options>),
    /// M/M/c through the whole core against Erlang C
    Erlang(erlang_report::Options),
    /// Small centres with tiers, patience and skills through the whole core against formulas and solved Markov chains
    Theory(theory_report::Options),
}

/// The exit code of a run that this machine lacks something for.
const SKIPPED: u8 = 3;

/// What this machine lacks for a run, and how it comes to it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Skipped(String);

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Core(options) => core_report::run(&options),
        Command::Idle(options) => idle_report::run(&options),
        Command::Cluster(options) => cluster_report::run(&options),
        Command::Surge(options) => surge_report::run(&options),
        Command::Failover(options) => failover_report::run(&options),
        Command::Scale(options) => scale_report::run(&options),
        #[cfg(feature = "peers")]
        Command::Peers(options) => peers_report::run(&options),
        Command::Erlang(options) => erlang_report::run(&options),
        Command::Theory(options) => theory_report::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Skipped>() => {
            eprintln!("skipped: {error}");
            ExitCode::from(SKIPPED)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A progress bar; indicatif hides it by itself where the output is no terminal.
fn progress_bar(length: u64, what: &'static str) -> indicatif::ProgressBar {
    let style = indicatif::ProgressStyle::with_template("{msg:12} {bar:40} {human_pos}/{human_len} {eta}");
    let bar = indicatif::ProgressBar::new(length).with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A table with a header and right-aligned cells after the first column.
fn table(header: &[&str], rows: Vec<Vec<String>>) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY);
    table.set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(comfy_table::CellAlignment::Right);
    }
    table
}
