//! What many commands have in common: which node, as whom, how the answer is printed.

use std::time::Duration;

use clap::{Args, ValueEnum};

/// Where the command line looks for a node when it is told nothing.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:7111";

/// Which node to ask, and as whom.
#[derive(Clone, Debug, Args)]
pub struct NodeArgs {
    /// API addresses of one or more nodes, with commas; the first that answers is asked
    #[arg(long, env = "RINGMAIN_ADDR", value_name = "HOST:PORT", value_delimiter = ',', default_value = DEFAULT_ADDRESS)]
    pub address: Vec<String>,
    /// The token to call with
    #[arg(long, env = "RINGMAIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// How the answer is printed
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people.
    Table,
    /// JSON for programs.
    Json,
}

/// A list, once or again and again.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Show it again and again until interrupted
    #[arg(long)]
    pub watch: bool,
    /// How often, with --watch
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_interval)]
    pub every: Duration,
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    let every =
        humantime::parse_duration(text).map_err(|error| format!("{error}; write it like 2s or 500ms"))?;
    if every < Duration::from_millis(100) {
        return Err("at least 100ms".to_owned());
    }
    Ok(every)
}
