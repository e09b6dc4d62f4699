//! `config`: files that people write.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Format;

/// Commands on files.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check configs, plans and token files; every problem is listed, and nothing is started
    #[command(after_help = "Example:\n  ringmain config validate node-1.toml plan.toml -o csv")]
    Validate(ValidateArgs),
    /// Print the JSON Schema of a file, for editors
    #[command(after_help = "Example:\n  ringmain config schema plan --out plan.schema.json")]
    Schema(SchemaArgs),
}

/// See [`ConfigCommand::Validate`].
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The files
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// What they are, where it cannot be told from their keys
    #[arg(long = "as", value_enum, value_name = "KIND")]
    pub kind: Option<FileKind>,
    /// How the answer is printed
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// See [`ConfigCommand::Schema`].
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Of what
    #[arg(value_enum, value_name = "KIND")]
    pub kind: FileKind,
    /// Write it here instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileKind {
    /// The config of a node.
    Node,
    /// A routing plan.
    Plan,
    /// Who may call.
    Tokens,
}

impl FileKind {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            FileKind::Node => "node",
            FileKind::Plan => "plan",
            FileKind::Tokens => "tokens",
        }
    }
}
