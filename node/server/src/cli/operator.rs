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
