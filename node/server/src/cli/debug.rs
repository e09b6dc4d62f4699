//! `debug`: what somebody else needs to help.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::NodeArgs;

/// Commands for finding out.
#[derive(Debug, Subcommand)]
pub enum DebugCommand {
    /// Put what is needed to find a fault into one file: no contact, no customer, no operator, no token is in it
    #[command(
        after_help = "Example:\n  ringmain debug bundle fault.tar.gz --config node-1.toml --http 10.0.0.1:7113,10.0.0.2:7113 --log node-1.log"
    )]
    Bundle(BundleArgs),
}

/// See [`DebugCommand::Bundle`].
#[derive(Debug, Args)]
pub struct BundleArgs {
    /// Which node; the others are found through it.
    #[command(flatten)]
    pub node: NodeArgs,
    /// The file to write, a .tar.gz; one that exists is not touched
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The config of the node on this machine: goes in without what could be secret, and says where its HTTP port and
    /// data folder are
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// HTTP addresses of nodes whose metrics and readiness go in, with commas
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    pub http: Vec<String>,
    /// A log of a node, of which the end goes in; may be given again
    #[arg(long = "log", value_name = "FILE")]
    pub logs: Vec<PathBuf>,
    /// How much of the end of each log, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1_024))]
    pub log_mib: u64,
}
