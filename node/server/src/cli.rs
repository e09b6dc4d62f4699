//! What can be asked of the binary. Each command's help ends with an example that a test parses.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Where the command line looks for a node when it is told nothing.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:7111";

/// Ringmain routes every contact to a person, through the loss of any node or region.
#[derive(Debug, Parser)]
#[command(name = "ringmain", version, arg_required_else_help = true, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 done, 2 wrong input, 3 refused, 4 unavailable, 5 outcome unknown, 6 not authorized, \
                        7 node cannot run, 1 anything else.\n\nExample:\n  ringmain queue list --watch"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a cluster of real nodes, play a centre's day on it, break it, and judge it
    #[command(after_help = "Example:\n  ringmain demo --for 60s --kill-leader-at 20s --report report.json")]
    Demo(crate::demo::DemoArgs),
    /// Run a node of a cluster until it is told to stop
    #[command(after_help = "Example:\n  ringmain start --config node-1.toml --plan plan.toml")]
    Start(StartArgs),
    /// Run a scenario through the routing core in virtual time
    #[command(after_help = "Example:\n  ringmain simulate ./monday --out result.csv")]
    Simulate(SimulateArgs),
    /// Make scenarios of a centre's day
    #[command(subcommand, arg_required_else_help = true)]
    Workload(WorkloadCommand),
    /// Queues
    #[command(subcommand, arg_required_else_help = true)]
    Queue(QueueCommand),
    /// Operators
    #[command(subcommand, arg_required_else_help = true)]
    Operator(OperatorCommand),
    /// Contacts
    #[command(subcommand, arg_required_else_help = true)]
    Contact(ContactCommand),
    /// Show what happened, and with --follow what happens
    #[command(after_help = "Example:\n  ringmain events --follow --queue outage -o json")]
    Events(EventsArgs),
    /// The cluster
    #[command(subcommand, arg_required_else_help = true)]
    Cluster(ClusterCommand),
    /// The routing plan
    #[command(subcommand, arg_required_else_help = true)]
    Plan(PlanCommand),
}

/// Commands on workloads.
#[derive(Debug, Subcommand)]
pub enum WorkloadCommand {
    /// Draw a scenario from a profile; the same seed gives the same bytes
    #[command(
        after_help = "Example:\n  ringmain workload generate rosseti_siberia --seed 7 --from 09:00 --to 12:00 --scale 2 --out ./morning"
    )]
    Generate(GenerateArgs),
}

/// Commands on queues.
#[derive(Debug, Subcommand)]
pub enum QueueCommand {
    /// List the queues with what waits in them
    #[command(after_help = "Example:\n  ringmain queue list --watch --every 1s")]
    List(ListArgs),
}

/// Commands on operators.
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// List the operators with what they do
    #[command(after_help = "Example:\n  ringmain operator list -o json")]
    List(ListArgs),
}

/// Commands on contacts.
#[derive(Debug, Subcommand)]
pub enum ContactCommand {
    /// Push a contact as a gateway; the same key again gets the first answer
    #[command(
        after_help = "Example:\n  ringmain contact push --gateway web --key order-4711 --queue outage --channel voice --tier 2 --skill voice:3"
    )]
    Push(PushArgs),
    /// Show a contact by its id, or by its gateway's key
    #[command(after_help = "Example:\n  ringmain contact show --gateway web --key order-4711")]
    Show(ShowArgs),
}

/// Commands on the cluster.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Show the nodes, their roles and how far behind they are
    #[command(after_help = "Example:\n  ringmain cluster status --watch")]
    Status(ListArgs),
}

/// Commands on the plan.
#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// Switch to the plan in a file and put its operators
    #[command(after_help = "Example:\n  ringmain plan apply plan.toml --dry-run")]
    Apply(PlanApplyArgs),
}

/// See [`Command::Start`].
#[derive(Debug, Args)]
pub struct StartArgs {
    /// The node's config
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// A plan for a cluster that has none yet; one that has keeps its own
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Stop when standard input closes: the demo's nodes end with the demo
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

/// See [`Command::Simulate`].
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// The scenario's folder
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,
    /// Where the result goes, a CSV
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// How the summary is printed
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// See [`WorkloadCommand::Generate`].
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// A profile's file, or the name of a built-in one: rosseti_siberia, uralenergosbyt, beeline_kz,
    /// energosbyt_plus, national_outage
    #[arg(value_name = "PROFILE")]
    pub profile: String,
    /// Where the random numbers come from
    #[arg(long, value_name = "N")]
    pub seed: u64,
    /// How many days
    #[arg(long, value_name = "D", default_value_t = 1)]
    pub days: u32,
    /// Only what arrives from this time of each day on
    #[arg(long, value_name = "HH:MM", default_value = "00:00")]
    pub from: ringmain_bench::workload::DayTime,
    /// Only what arrives before this time of each day
    #[arg(long, value_name = "HH:MM", default_value = "24:00")]
    pub to: ringmain_bench::workload::DayTime,
    /// Multiplies arrivals and operators
    #[arg(long, value_name = "F", default_value_t = 1.0)]
    pub scale: f64,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

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
    pub every: std::time::Duration,
}

/// See [`ContactCommand::Push`].
#[derive(Debug, Args)]
pub struct PushArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Name of the gateway that the token was made for
    #[arg(long, env = "RINGMAIN_GATEWAY", value_name = "NAME")]
    pub gateway: String,
    /// The gateway's own key of the contact
    #[arg(long)]
    pub key: String,
    /// Into which queue
    #[arg(long)]
    pub queue: String,
    /// Through which channel
    #[arg(long)]
    pub channel: String,
    /// 0 (life safety) to 9
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=9))]
    pub tier: u32,
    /// A skill with its least level, as NAME or NAME:LEVEL; may be given again
    #[arg(long = "skill", value_name = "NAME[:LEVEL]", value_parser = parse_skill)]
    pub skills: Vec<(String, u32)>,
    /// Only operators of this org unit or below
    #[arg(long, value_name = "UNIT")]
    pub scope: Option<String>,
    /// Capacity it takes, instead of the channel's
    #[arg(long)]
    pub units: Option<u32>,
    /// Waiting time granted in advance
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub head_start: Option<std::time::Duration>,
    /// The customer
    #[arg(long)]
    pub customer: Option<String>,
    /// What it is about
    #[arg(long)]
    pub topic: Option<String>,
    /// The customer's language, for display
    #[arg(long)]
    pub language: Option<String>,
    /// Opaque text for the operator, at most 16 KiB
    #[arg(long, value_name = "TEXT")]
    pub attributes: Option<String>,
    /// Take the session over from a live stream of this gateway
    #[arg(long)]
    pub takeover: bool,
    /// Only show what would be pushed
    #[arg(long)]
    pub dry_run: bool,
}

/// See [`ContactCommand::Show`].
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// The contact's id, like c12.0
    #[arg(value_name = "CONTACT", required_unless_present_all = ["gateway", "key"], conflicts_with_all = ["gateway", "key"])]
    pub contact: Option<String>,
    /// The gateway that brought it
    #[arg(long, value_name = "NAME", requires = "key")]
    pub gateway: Option<String>,
    /// That gateway's key of it
    #[arg(long, requires = "gateway")]
    pub key: Option<String>,
}

/// See [`Command::Events`].
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Go on with what happens, until interrupted
    #[arg(long, short = 'f')]
    pub follow: bool,
    /// Only events behind this cursor; with --follow and without a cursor: what happens from now on
    #[arg(long, value_name = "CURSOR")]
    pub after: Option<String>,
    /// Only of this queue; may be given again
    #[arg(long = "queue", value_name = "NAME")]
    pub queues: Vec<String>,
    /// Only of this contact
    #[arg(long, value_name = "CONTACT")]
    pub contact: Option<String>,
    /// Only of this operator
    #[arg(long, value_name = "LOGIN")]
    pub operator: Option<String>,
    /// Without --follow: at most so many
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub limit: usize,
}

/// See [`PlanCommand::Apply`].
#[derive(Debug, Args)]
pub struct PlanApplyArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// The plan
    #[arg(value_name = "FILE")]
    pub plan: PathBuf,
    /// Only show what would change
    #[arg(long)]
    pub dry_run: bool,
}

fn parse_interval(text: &str) -> Result<std::time::Duration, String> {
    let every =
        humantime::parse_duration(text).map_err(|error| format!("{error}; write it like 2s or 500ms"))?;
    if every < std::time::Duration::from_millis(100) {
        return Err("at least 100ms".to_owned());
    }
    Ok(every)
}

fn parse_skill(text: &str) -> Result<(String, u32), String> {
    let (name, level) = match text.rsplit_once(':') {
        None => (text, 1),
        Some((name, level)) => match level.parse() {
            Ok(level @ 1..=10) => (name, level),
            Ok(_) | Err(_) => return Err(format!("{level:?} is no level; write 1 to 10")),
        },
    };
    if name.is_empty() { Err("the skill has no name".to_owned()) } else { Ok((name.to_owned(), level)) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Every command that does something, with the words that lead to it.
    fn leaves(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
        if command.get_subcommands().next().is_none() {
            return vec![(path.to_owned(), command.clone())];
        }
        let below = |sub: &clap::Command| leaves(sub, &format!("{path} {}", sub.get_name()));
        command.get_subcommands().filter(|sub| sub.get_name() != "help").flat_map(below).collect()
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example_that_parses() {
        for (path, mut command) in leaves(&Cli::command(), "ringmain") {
            let help = command.render_help().to_string();
            let example = help.rsplit("Example:\n").next().expect("a part").trim();
            assert!(example.starts_with(&path), "{path}: {help}");
            Cli::try_parse_from(example.split_whitespace())
                .unwrap_or_else(|error| panic!("{example}: {error}"));
        }
    }

    #[test]
    fn wrong_values_are_refused_with_a_word_about_what_is_right() {
        for (line, word) in [
            ("ringmain contact push --gateway g --key k --queue q --channel c --tier 10", "0..=9"),
            ("ringmain contact push --gateway g --key k --queue q --channel c --skill ru:11", "1 to 10"),
            ("ringmain queue list --watch --every 1ms", "at least 100ms"),
            ("ringmain workload generate p --seed 1 --from 25:00 --out d", "HH:MM"),
            ("ringmain contact show", "CONTACT"),
            ("ringmain queue lst", "list"),
        ] {
            let error = Cli::try_parse_from(line.split_whitespace()).expect_err(line).to_string();
            assert!(error.contains(word), "{line}: {error}");
        }
    }
}
