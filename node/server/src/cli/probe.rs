//! `probe`.

use std::time::Duration;

use clap::{ArgGroup, Args};

/// See [`crate::cli::Command::Probe`](super::Command::Probe).
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("question").required(true).args(["live", "ready"])))]
pub struct ProbeArgs {
    /// Does the process run and has not failed for good? Never a question of the majority
    #[arg(long)]
    pub live: bool,
    /// Should clients be sent to it?
    #[arg(long)]
    pub ready: bool,
    /// Address of the node's HTTP port
    #[arg(value_name = "HOST:PORT", default_value = "127.0.0.1:7113")]
    pub address: String,
    /// How long the node may take to connect, and to answer
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    pub timeout: Duration,
}
