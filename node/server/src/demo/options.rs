//! What `demo` can be asked for.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ringmain_bench::workload::DayTime;

/// See [`crate::cli::Command::Demo`].
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Whose day is played: a built-in profile (rosseti_siberia, uralenergosbyt, beeline_kz, energosbyt_plus,
    /// national_outage) or the file of one
    #[arg(long, value_name = "PROFILE", default_value = "rosseti_siberia")]
    pub workload: String,
    /// The time of day at which it begins
    #[arg(long, value_name = "HH:MM", default_value = "10:00")]
    pub at: DayTime,
    /// Multiplies arrivals and operators
    #[arg(long, value_name = "F", default_value_t = 1.0)]
    pub scale: f64,
    /// How much faster than real time the day passes
    #[arg(long, value_name = "N", default_value_t = 60.0, value_parser = parse_speed)]
    pub speed: f64,
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = parse_nodes)]
    pub nodes: usize,
    /// Contacts per second of the probe, from which offer times and failover are measured
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub probe_rate: u32,
    /// End by itself after this time
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub length: Option<Duration>,
    /// Kill the leader's process at this time; it is started again 10 s later. May be given again
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub kill_leader_at: Vec<Duration>,
    /// Write the report here, as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Keep data, configs and logs of the nodes in this folder, new or empty; without it they go with the demo
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where the random numbers come from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

fn parse_speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=10_000.0).contains(&speed) => Ok(speed),
        Ok(_) | Err(_) => Err("write a number from 0.1 to 10000".to_owned()),
    }
}

fn parse_nodes(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(nodes @ (1 | 3 | 5)) => Ok(nodes),
        Ok(_) | Err(_) => {
            Err("1, 3 or 5 nodes: an even number survives no more losses than one less".to_owned())
        }
    }
}
