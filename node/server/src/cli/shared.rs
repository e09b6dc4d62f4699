//! What many commands have in common: which node, as whom, how the answer is printed.

use std::time::Duration;

use clap::{Args, ValueEnum};

/// Where the command line looks for a node when it is told nothing.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:7111";

/// Id of `--context`, by which commands that talk to a cluster are known.
pub(crate) const CONTEXT_ARG: &str = "context-in-use";

/// Which node to ask, and as whom.
#[derive(Clone, Debug, Args)]
pub struct NodeArgs {
    /// API addresses of one or more nodes, with commas; the first that answers is asked
    #[arg(long, env = "RINGMAIN_ADDR", value_name = "HOST:PORT", value_delimiter = ',', default_value = DEFAULT_ADDRESS)]
    pub address: Vec<String>,
    /// The context whose addresses and token are taken; --address and RINGMAIN_ADDR go before the one in use
    #[arg(long = "context", id = CONTEXT_ARG, env = "RINGMAIN_CONTEXT", value_name = "NAME")]
    pub context: Option<String>,
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
    /// The same as YAML.
    Yaml,
    /// A row for each member of a list.
    Csv,
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

/// Again and again, for what is on this machine.
#[derive(Clone, Copy, Debug, Args)]
pub struct WatchArgs {
    /// Show it again and again until interrupted
    #[arg(long)]
    pub watch: bool,
    /// How often, with --watch
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_interval)]
    pub every: Duration,
}

pub(super) fn parse_interval(text: &str) -> Result<Duration, String> {
    let every =
        humantime::parse_duration(text).map_err(|error| format!("{error}; write it like 2s or 500ms"))?;
    if every < Duration::from_millis(100) {
        return Err("at least 100ms".to_owned());
    }
    Ok(every)
}
