//! `life-support`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::NodeArgs;

/// Commands on the life-support register.
#[derive(Debug, Subcommand)]
pub enum LifeSupportCommand {
    /// Take customers into the register: their contacts are of tier 1 at least, and in an outage of tier 0
    #[command(
        after_help = "Example:\n  ringmain life-support add --phone +79120000001 --supply-point RU-66-1204"
    )]
    Add(RegisterArgs),
    /// Take customers out of the register
    #[command(after_help = "Example:\n  ringmain life-support remove --file left.txt --dry-run")]
    Remove(RegisterArgs),
    /// Say whether a customer is in the register; the question itself is recorded in the audit
    #[command(after_help = "Example:\n  ringmain life-support check --phone +79120000001")]
    Check(CheckRegisterArgs),
}

/// By what customers are known, written as the gateways write it.
#[derive(Debug, Default, Args)]
pub struct ReferenceArgs {
    /// A phone number; may be repeated
    #[arg(long, value_name = "NUMBER")]
    pub phone: Vec<String>,
    /// An account; may be repeated
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Vec<String>,
    /// A supply point; may be repeated
    #[arg(long, value_name = "POINT")]
    pub supply_point: Vec<String>,
}

/// See [`LifeSupportCommand::Add`].
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Whom.
    #[command(flatten)]
    pub references: ReferenceArgs,
    /// A file of references, a line each: `phone NUMBER`, `account ACCOUNT` or `supply-point POINT`; `#` begins a remark
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// See [`LifeSupportCommand::Check`].
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("whom").args(["phone", "account", "supply_point"]).required(true))]
pub struct CheckRegisterArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// A phone number
    #[arg(long, value_name = "NUMBER")]
    pub phone: Option<String>,
    /// An account
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// A supply point
    #[arg(long, value_name = "POINT")]
    pub supply_point: Option<String>,
}
