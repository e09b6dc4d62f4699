//! What the core's state takes in memory, counted by an allocator. A program of its own: counting costs time, which
//! would be in all that `ringmain-bench` measures. `ringmain-bench core` runs it and reads what it prints.

use clap::Parser;
use peak_alloc::PeakAlloc;
use ringmain_bench::core_load::{Size, measure_heap};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Prints as JSON what the core holds while more and more contacts wait.
#[derive(Parser)]
#[command(name = "ringmain-bench-heap", version)]
struct Options {
    /// Operators
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    operators: u32,
    /// Distinct requirement sets
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..=1_900))]
    classes: u32,
    /// Contacts that wait, one number after the other
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000, 1_000_000], value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    waiting: Vec<u32>,
    /// Where the random numbers come from
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> anyhow::Result<()> {
    let Options { operators, classes, waiting, seed } = Options::parse();
    let figures = measure_heap(Size { operators, classes, seed }, &waiting, &|| HEAP.current_usage() as u64);
    println!("{}", serde_json::to_string_pretty(&figures)?);
    Ok(())
}
