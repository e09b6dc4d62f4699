//! `operator`.

use clap::{Args, Subcommand, ValueEnum};

use super::{ActionArgs, ListArgs, NodeArgs};
use crate::words::Language;

/// Commands on operators.
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// List the operators with what they do
    #[command(after_help = "Example:\n  ringmain operator list -o json")]
    List(ListArgs),
    /// Say why an operator gets no contacts, queue by queue
    #[command(after_help = "Example:\n  ringmain operator why anna")]
    Why(OperatorWhyArgs),
    /// Set the presence of an operator who is signed in
    #[command(after_help = "Example:\n  ringmain operator force anna --not-ready 3")]
    Force(ForceArgs),
    /// Sign an operator out; what is in hand goes its ways
    #[command(after_help = "Example:\n  ringmain operator sign-out anna --dry-run")]
    SignOut(SignOutArgs),
    /// Let breaks wait until their latest moment, or no longer: for a surge
    #[command(after_help = "Example:\n  ringmain operator defer-breaks on")]
    DeferBreaks(DeferBreaksArgs),
    /// Hand everything open of an operator, or of a unit, over to a colleague or back to the line
    #[command(
        after_help = "Example:\n  ringmain operator hand-over anna --to boris --note c12.0=ring-twice\n  ringmain operator hand-over --unit north --dry-run"
    )]
    HandOver(HandOverArgs),
    /// Help an operator who has asked for it: its request is over
    #[command(after_help = "Example:\n  ringmain operator answer-help anna")]
    AnswerHelp(AnswerHelpArgs),
}

/// See [`OperatorCommand::AnswerHelp`].
#[derive(Debug, Args)]
pub struct AnswerHelpArgs {
    /// Key, node, dry run.
    #[command(flatten)]
    pub action: ActionArgs,
    /// Whom
    #[arg(value_name = "LOGIN")]
    pub login: String,
}

/// See [`OperatorCommand::HandOver`].
#[derive(Debug, Args)]
pub struct HandOverArgs {
    /// Key, node, dry run.
    #[command(flatten)]
    pub action: ActionArgs,
    /// Whose contacts
    #[arg(value_name = "LOGIN", required_unless_present = "unit", conflicts_with = "unit")]
    pub login: Option<String>,
    /// Those of all operators of exactly this org unit
    #[arg(long, value_name = "UNIT")]
    pub unit: Option<String>,
    /// Who goes on with what it can be handed; without it everything goes back to the line
    #[arg(long, value_name = "LOGIN")]
    pub to: Option<String>,
    /// How long nobody else may take what is handed to that one, at most a day
    #[arg(long, value_name = "SPAN", default_value = "10m", value_parser = humantime::parse_duration)]
    pub hold: std::time::Duration,
    /// What the next one should know of a contact; may be given again
    #[arg(long = "note", value_name = "CONTACT=TEXT", value_parser = note)]
    pub notes: Vec<(String, String)>,
}

fn note(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(contact, note)| !contact.is_empty() && !note.is_empty());
    let (contact, note) = parts.ok_or("write CONTACT=TEXT, like c12.0=ring-twice")?;
    Ok((contact.to_owned(), note.to_owned()))
}

/// See [`OperatorCommand::DeferBreaks`].
#[derive(Debug, Args)]
pub struct DeferBreaksArgs {
    /// Key, node, dry run.
    #[command(flatten)]
    pub action: ActionArgs,
    /// Whether they wait from here on
    #[arg(value_name = "ON|OFF")]
    pub to: Switch,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// From here on.
    On,
    /// No longer.
    Off,
}

/// See [`OperatorCommand::Why`].
#[derive(Debug, Args)]
pub struct OperatorWhyArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Whom
    #[arg(value_name = "LOGIN")]
    pub login: String,
    /// Language of the sentences, instead of that of LANG
    #[arg(long, value_enum)]
    pub lang: Option<Language>,
}

/// See [`OperatorCommand::Force`].
#[derive(Debug, Args)]
pub struct ForceArgs {
    /// Key, node, dry run.
    #[command(flatten)]
    pub action: ActionArgs,
    /// Whom
    #[arg(value_name = "LOGIN")]
    pub login: String,
    /// Ready
    #[arg(long, required_unless_present = "not_ready", conflicts_with = "not_ready")]
    pub ready: bool,
    /// Not ready, for this reason of the centre
    #[arg(long, value_name = "REASON")]
    pub not_ready: Option<u16>,
}

/// See [`OperatorCommand::SignOut`].
#[derive(Debug, Args)]
pub struct SignOutArgs {
    /// Key, node, dry run.
    #[command(flatten)]
    pub action: ActionArgs,
    /// Whom
    #[arg(value_name = "LOGIN")]
    pub login: String,
}
