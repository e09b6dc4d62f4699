//! What ends a command, and with which exit code. The codes are stable; docs/CLI.md lists them.

use std::fmt;
use std::process::ExitCode;

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub struct Failure {
    /// Which kind: decides the exit code.
    pub kind: FailureKind,
    /// Stable code with a section in docs/ERRORS.md.
    pub code: String,
    /// For people: what happened and what to do.
    pub message: String,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Something that should not happen.
    Internal,
    /// The command, a file or a field is wrong.
    Invalid,
    /// The cluster said no, finally.
    Refused,
    /// Nothing was done; the same may work later or on another node.
    Unavailable,
    /// Perhaps done, perhaps not; the same key again tells.
    Unknown,
    /// No valid token, or one that may not do this.
    Unauthorized,
    /// The node cannot start or had to stop.
    Node,
}

impl FailureKind {
    /// All kinds, in the order of their exit codes.
    pub const ALL: [FailureKind; 7] = [
        FailureKind::Internal,
        FailureKind::Invalid,
        FailureKind::Refused,
        FailureKind::Unavailable,
        FailureKind::Unknown,
        FailureKind::Unauthorized,
        FailureKind::Node,
    ];

    /// What it means, in docs/CLI.md.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            FailureKind::Internal => "something that should not happen",
            FailureKind::Invalid => "the command, a file or a field is wrong; everything wrong is listed",
            FailureKind::Refused => {
                "the cluster said no, finally (unknown queue, key reused, not found, not safe …)"
            }
            FailureKind::Unavailable => "nothing was done: no node reached, no leader, overloaded",
            FailureKind::Unknown => "outcome unknown: perhaps done, perhaps not",
            FailureKind::Unauthorized => "no valid token, or one that may not do this",
            FailureKind::Node => {
                "the node cannot start or had to stop: port in use, data folder of another cluster, damaged data …"
            }
        }
    }

    /// What a script does about it, in docs/CLI.md.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            FailureKind::Internal => "stops, reports",
            FailureKind::Invalid => "stops; a person changes it",
            FailureKind::Refused => "stops, or acts on the code",
            FailureKind::Unavailable => "tries again later",
            FailureKind::Unknown => "tries again **with the same key**",
            FailureKind::Unauthorized => "stops",
            FailureKind::Node => "stops; see ERRORS.md",
        }
    }

    /// The exit code.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            FailureKind::Internal => 1,
            FailureKind::Invalid => 2,
            FailureKind::Refused => 3,
            FailureKind::Unavailable => 4,
            FailureKind::Unknown => 5,
            FailureKind::Unauthorized => 6,
            FailureKind::Node => 7,
        }
    }
}

impl Failure {
    /// A failure of that kind.
    #[must_use]
    pub fn new(kind: FailureKind, code: &str, message: impl fmt::Display) -> Failure {
        Failure { kind, code: code.to_owned(), message: message.to_string() }
    }

    /// The exit code of the process.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.exit_code())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use ringmain_protocol::v1::{Error, ErrorKind};

    use super::*;

    #[test]
    fn exit_codes_are_what_scripts_rely_on() {
        let codes = FailureKind::ALL.map(|kind| (kind, kind.exit_code()));
        let expected = [
            (FailureKind::Internal, 1),
            (FailureKind::Invalid, 2),
            (FailureKind::Refused, 3),
            (FailureKind::Unavailable, 4),
            (FailureKind::Unknown, 5),
            (FailureKind::Unauthorized, 6),
            (FailureKind::Node, 7),
        ];
        assert_eq!(codes, expected);
    }

    #[test]
    fn a_nodes_error_ends_a_command_with_the_code_of_its_kind() {
        let code = |kind: ErrorKind| {
            let error = Error { kind: kind.into(), ..Error::default() };
            crate::connection::failure(&error).kind.exit_code()
        };
        let kinds = [
            ErrorKind::Unspecified,
            ErrorKind::Invalid,
            ErrorKind::Refusal,
            ErrorKind::Unavailable,
            ErrorKind::Unknown,
            ErrorKind::Unauthorized,
        ];
        assert_eq!(kinds.map(code), [1, 2, 3, 4, 5, 6]);
    }
}
