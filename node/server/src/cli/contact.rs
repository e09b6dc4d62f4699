//! `contact`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{ActionArgs, NodeArgs};
use crate::words::Language;

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
    /// Say why a contact waits, or why its operator has it
    #[command(after_help = "Example:\n  ringmain contact why --gateway web --key order-4711 --lang ru")]
    Why(ContactWhyArgs),
    /// Take a contact out of its operator's hands, back to its old place
    #[command(after_help = "Example:\n  ringmain contact requeue c12.0 --dry-run")]
    Requeue(RequeueArgs),
    /// End a contact, whatever its state
    #[command(after_help = "Example:\n  ringmain contact close c12.0 --reason stuck")]
    Close(CloseArgs),
    /// Hand a waiting contact out to one operator, for that one alone for a while
    #[command(after_help = "Example:\n  ringmain contact assign c12.0 --to anna --hold 30m")]
    Assign(AssignArgs),
    /// Move waiting contacts into another queue; their places in time stay
    #[command(
        after_help = "Example:\n  ringmain contact move --from billing --count 50 --to general --dry-run"
    )]
    Move(MoveArgs),
    /// Change the place of a waiting contact; its true waiting time stays
    #[command(after_help = "Example:\n  ringmain contact lift c12.0 --tier 1")]
    Lift(LiftArgs),
    /// Listen to a talk, whisper to its operator, or barge in: a signal to the contact's gateway
    #[command(
        after_help = "Example:\n  ringmain contact supervise c12.0 --whisper\n  ringmain contact supervise c12.0 --off"
    )]
    Supervise(SuperviseArgs),
}

/// See [`ContactCommand::Supervise`].
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("how").required(true).args(["listen", "whisper", "barge", "off"]))]
pub struct SuperviseArgs {
    /// Key, node, dry run.
    #[command(flatten)]
    pub action: ActionArgs,
    /// The contact's id, like c12.0
    #[arg(value_name = "CONTACT")]
    pub contact: String,
    /// Hear both, and be heard by nobody
    #[arg(long)]
    pub listen: bool,
    /// Hear both, and be heard by the operator
    #[arg(long)]
    pub whisper: bool,
    /// Talk with both
    #[arg(long)]
    pub barge: bool,
    /// No longer
    #[arg(long)]
    pub off: bool,
}

/// See [`ContactCommand::Requeue`].
#[derive(Debug, Args)]
pub struct RequeueArgs {
    /// Key, node, dry run.
    #[command(flatten)]
    pub action: ActionArgs,
    /// The contact's id, like c12.0
    #[arg(value_name = "CONTACT")]
    pub contact: String,
}

/// See [`ContactCommand::Close`].
#[derive(Debug, Args)]
pub struct CloseArgs {
    /// Key, node, dry run.
    #[command(flatten)]
    pub action: ActionArgs,
    /// The contact's id, like c12.0
    #[arg(value_name = "CONTACT")]
    pub contact: String,
    /// Why; it stands in the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// See [`ContactCommand::Assign`].
#[derive(Debug, Args)]
pub struct AssignArgs {
    /// Key, node, dry run.
    #[command(flatten)]
    pub action: ActionArgs,
    /// The contact's id, like c12.0
    #[arg(value_name = "CONTACT")]
    pub contact: String,
    /// Login of the operator; ready, and able to serve it
    #[arg(long, value_name = "LOGIN")]
    pub to: String,
    /// How long nobody else may take it, at most a day
    #[arg(long, value_name = "SPAN", default_value = "10m", value_parser = humantime::parse_duration)]
    pub hold: std::time::Duration,
}

/// See [`ContactCommand::Move`].
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// Key, node, dry run.
    #[command(flatten)]
    pub action: ActionArgs,
    /// Ids of waiting contacts, at most 500
    #[arg(value_name = "CONTACT", required_unless_present = "from", conflicts_with = "from")]
    pub contacts: Vec<String>,
    /// The first in line of this queue
    #[arg(long, value_name = "QUEUE")]
    pub from: Option<String>,
    /// With --from: at most so many, instead of all in line
    #[arg(long, requires = "from", value_parser = clap::value_parser!(u32).range(1..))]
    pub count: Option<u32>,
    /// Into which queue
    #[arg(long, value_name = "QUEUE")]
    pub to: String,
}

/// See [`ContactCommand::Lift`].
#[derive(Debug, Args)]
pub struct LiftArgs {
    /// Key, node, dry run.
    #[command(flatten)]
    pub action: ActionArgs,
    /// The contact's id, like c12.0
    #[arg(value_name = "CONTACT")]
    pub contact: String,
    /// The new tier, 0 (life safety) to 9
    #[arg(long, required_unless_present = "head_start", value_parser = clap::value_parser!(u32).range(0..=9))]
    pub tier: Option<u32>,
    /// The new head start
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub head_start: Option<Duration>,
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
    pub head_start: Option<Duration>,
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
    /// Which contact.
    #[command(flatten)]
    pub name: ContactNameArgs,
}

/// See [`ContactCommand::Why`].
#[derive(Debug, Args)]
pub struct ContactWhyArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Which contact.
    #[command(flatten)]
    pub name: ContactNameArgs,
    /// Language of the sentences, instead of that of LANG
    #[arg(long, value_enum)]
    pub lang: Option<Language>,
}

/// A contact by its id, or by its gateway's key.
#[derive(Debug, Args)]
pub struct ContactNameArgs {
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
