//! `cluster`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Format, ListArgs, NodeArgs};

/// Commands on the cluster.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Show the nodes, their roles and how far behind they are
    #[command(after_help = "Example:\n  ringmain cluster status --watch")]
    Status(ListArgs),
    /// Form a new cluster of this one node, in its empty data folder; others are added to it
    #[command(after_help = "Example:\n  ringmain cluster init --config node-1.toml")]
    Init(InitArgs),
    /// Take the node of a config into a running cluster; it runs already, with `start --join`
    #[command(after_help = "Example:\n  ringmain cluster join --config node-4.toml --via 10.0.0.1:7111")]
    Join(JoinArgs),
    /// Take a node in: it runs with `start --join`, catches up, then votes. The same again goes on where it was
    #[command(
        after_help = "Example:\n  ringmain cluster add 4 --peer 10.0.0.4:7112 --api 10.0.0.4:7111 --region north"
    )]
    Add(AddArgs),
    /// Take a node out for good; its id never comes back. A leader hands over first
    #[command(after_help = "Example:\n  ringmain cluster remove 4")]
    Remove(RemoveArgs),
    /// Send a node's clients elsewhere and keep leadership from it; it goes on voting
    #[command(after_help = "Example:\n  ringmain cluster drain 2 --within 30s")]
    Drain(DrainArgs),
    /// Hand leadership to another voter, and say how long nobody led
    #[command(after_help = "Example:\n  ringmain cluster transfer-leader --to 2")]
    TransferLeader(TransferLeaderArgs),
}

/// See [`ClusterCommand::Init`].
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The node's config
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Form it of this node alone though the config lists more
    #[arg(long)]
    pub solo: bool,
    /// Only check config and data folder, and say what would come of it
    #[arg(long)]
    pub dry_run: bool,
    /// How the answer is printed
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// See [`ClusterCommand::Join`].
#[derive(Debug, Args)]
pub struct JoinArgs {
    /// The new node's config
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// API addresses of one or more nodes of the running cluster, with commas
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',', required = true)]
    pub via: Vec<String>,
    /// The token to call with
    #[arg(long, env = "RINGMAIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Only check it against the cluster and say what would come of it
    #[arg(long)]
    pub dry_run: bool,
    /// How the answer is printed
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// How long to try
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration)]
    pub timeout: Duration,
}

/// See [`ClusterCommand::Add`].
#[derive(Debug, Args)]
pub struct AddArgs {
    /// The new node's id, never used before in this cluster
    #[arg(value_name = "NODE", value_parser = clap::value_parser!(u64).range(1..=4_294_967_295))]
    pub id: u64,
    /// Where other nodes reach it
    #[arg(long, value_name = "HOST:PORT")]
    pub peer: String,
    /// Where clients reach it
    #[arg(long, value_name = "HOST:PORT")]
    pub api: String,
    /// Its business area
    #[arg(long, value_name = "NAME")]
    pub region: String,
    /// Only check it against the cluster and say what would come of it
    #[arg(long)]
    pub dry_run: bool,
    /// Which node to ask.
    #[command(flatten)]
    pub node: NodeArgs,
    /// How long to try
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration)]
    pub timeout: Duration,
}

/// See [`ClusterCommand::Remove`].
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// The node
    #[arg(value_name = "NODE")]
    pub id: u64,
    /// Only check it against the cluster and say what would come of it
    #[arg(long)]
    pub dry_run: bool,
    /// Which node to ask.
    #[command(flatten)]
    pub node: NodeArgs,
    /// How long to try
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = humantime::parse_duration)]
    pub timeout: Duration,
}

/// See [`ClusterCommand::Drain`].
#[derive(Debug, Args)]
pub struct DrainArgs {
    /// The node
    #[arg(value_name = "NODE")]
    pub id: u64,
    /// Take clients again
    #[arg(long)]
    pub undo: bool,
    /// How long its clients have to leave; without it, as long as when the node stops
    #[arg(long, value_name = "TIME", conflicts_with = "undo", value_parser = humantime::parse_duration)]
    pub within: Option<Duration>,
    /// Only check it against the cluster and say what would come of it
    #[arg(long)]
    pub dry_run: bool,
    /// Which node to ask.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// See [`ClusterCommand::TransferLeader`].
#[derive(Debug, Args)]
pub struct TransferLeaderArgs {
    /// Who is to lead; without it the voter that lacks least
    #[arg(long, value_name = "NODE", value_parser = clap::value_parser!(u64).range(1..))]
    pub to: Option<u64>,
    /// Only check it against the cluster and say what would come of it
    #[arg(long)]
    pub dry_run: bool,
    /// Which node to ask.
    #[command(flatten)]
    pub node: NodeArgs,
}
