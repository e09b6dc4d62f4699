//! `enquiry`.

use clap::{Args, Subcommand};

use super::{ActionArgs, ListArgs, NodeArgs};

/// Commands on enquiries.
#[derive(Debug, Subcommand)]
pub enum EnquiryCommand {
    /// List enquiries with who is asked, and until when an answer is due
    #[command(after_help = "Example:\n  ringmain enquiry list --overdue --unit north -o csv")]
    List(EnquiryListArgs),
    /// Show an enquiry with its question and its answer
    #[command(after_help = "Example:\n  ringmain enquiry show q12.0")]
    Show(EnquiryShowArgs),
    /// Answer an enquiry: a customer who was promised a call for it is called at once
    #[command(after_help = "Example:\n  ringmain enquiry answer q12.0 by-18:00")]
    Answer(EnquiryAnswerArgs),
    /// Close an enquiry without an answer; who was promised a call is called as promised
    #[command(after_help = "Example:\n  ringmain enquiry withdraw q12.0")]
    Withdraw(EnquiryWithdrawArgs),
}

/// See [`EnquiryCommand::List`].
#[derive(Debug, Args)]
pub struct EnquiryListArgs {
    /// Which node, how often.
    #[command(flatten)]
    pub list: ListArgs,
    /// Only those of this operator
    #[arg(long, value_name = "LOGIN")]
    pub asker: Option<String>,
    /// Only those of operators of this org unit
    #[arg(long, value_name = "UNIT")]
    pub unit: Option<String>,
    /// Only those about this contact, or for which it was promised as a call
    #[arg(long, value_name = "CONTACT")]
    pub contact: Option<String>,
    /// Only those whose term was over before they were closed
    #[arg(long)]
    pub overdue: bool,
    /// Only closed ones, as long as they are remembered; otherwise only open ones
    #[arg(long)]
    pub closed: bool,
}

/// See [`EnquiryCommand::Show`].
#[derive(Debug, Args)]
pub struct EnquiryShowArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// The enquiry's id, like q12.0
    #[arg(value_name = "ENQUIRY")]
    pub enquiry: String,
}

/// See [`EnquiryCommand::Answer`].
#[derive(Debug, Args)]
pub struct EnquiryAnswerArgs {
    /// Key, node, dry run.
    #[command(flatten)]
    pub action: ActionArgs,
    /// The enquiry's id, like q12.0
    #[arg(value_name = "ENQUIRY")]
    pub enquiry: String,
    /// What was answered, at most 1,024 bytes: whoever talks to the customer next reads it
    #[arg(value_name = "TEXT")]
    pub answer: String,
}

/// See [`EnquiryCommand::Withdraw`].
#[derive(Debug, Args)]
pub struct EnquiryWithdrawArgs {
    /// Key, node, dry run.
    #[command(flatten)]
    pub action: ActionArgs,
    /// The enquiry's id, like q12.0
    #[arg(value_name = "ENQUIRY")]
    pub enquiry: String,
}
