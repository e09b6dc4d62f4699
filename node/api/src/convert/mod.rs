//! Protobuf to and from the domain. The only place where the two meet, besides replication's peer service.

pub(crate) mod case;
pub(crate) mod command;
pub(crate) mod contact;
pub(crate) mod enquiry;
pub(crate) mod event;
pub(crate) mod supervision;
pub(crate) mod together;
pub(crate) mod watched;
pub(crate) mod why;

use ringmain_protocol::v1;
use ringmain_replication::Answer;
use ringmain_routing::{Cursor, Name, Position};

/// Where an answered operation stands in the log.
pub(crate) fn receipt(op_id: u64, answer: &Answer) -> v1::Receipt {
    v1::Receipt { op_id, log_index: answer.index.0, term: answer.term, at_ms: answer.at.0 }
}

/// The receipt of an operation that never reached the log.
pub(crate) fn no_receipt(op_id: u64) -> v1::Receipt {
    v1::Receipt { op_id, ..v1::Receipt::default() }
}

/// Skills with their levels.
pub(crate) fn skills(skills: &[(Name, u8)]) -> Vec<v1::SkillLevel> {
    let level =
        |(skill, level): &(Name, u8)| v1::SkillLevel { skill: skill.to_string(), level: u32::from(*level) };
    skills.iter().map(level).collect()
}

/// The log that this node's cursors are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) generation: u64,
    pub(crate) group: u32,
}

impl Life {
    /// A position as clients see it.
    pub(crate) fn cursor(self, position: Position) -> String {
        let Life { generation, group } = self;
        Cursor { generation, group, position }.to_text()
    }
}
