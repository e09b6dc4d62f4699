//! Input checked at the edge: all problems of a message at once, each with its field. What only the core can know
//! (which queues there are, which keys were used) it refuses by itself.

use ringmain_protocol::v1::{self, Error, FieldProblem};
use ringmain_routing::limits::{
    ATTRIBUTES_BYTES_MAX, CAPACITY_MAX, KEY_BYTES_MAX, LEVEL_MAX, NAME_BYTES_MAX, NOTE_BYTES_MAX,
    REQUIRED_SKILLS_MAX, SPAN_MS_MAX, TIER_MAX, TIMESTAMP_MS_MAX,
};
use ringmain_routing::{CaseId, ContactId, Cursor, EnquiryId, Millis, Name, Position, Timestamp};

use crate::convert::Life;
use crate::error;

/// The problems found in one message so far.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<FieldProblem>,
}

impl Problems {
    pub(crate) fn add(&mut self, field: &str, problem: impl Into<String>) {
        self.list.push(FieldProblem { field: field.to_owned(), problem: problem.into() });
    }

    /// What was read, if nothing was wrong.
    pub(crate) fn into_result<T>(self, value: T) -> Result<T, Error> {
        if self.list.is_empty() { Ok(value) } else { Err(error::invalid(self.list)) }
    }

    /// A name that must be given.
    pub(crate) fn name(&mut self, field: &str, text: &str) -> Name {
        self.text(field, text, NAME_BYTES_MAX)
    }

    /// A gateway's key.
    pub(crate) fn key(&mut self, field: &str, text: &str) -> Name {
        self.text(field, text, KEY_BYTES_MAX)
    }

    fn text(&mut self, field: &str, text: &str, bytes_max: usize) -> Name {
        if text.is_empty() {
            self.add(field, "is empty");
        } else if text.len() > bytes_max {
            self.add(field, format!("has {} bytes; at most {bytes_max} are allowed", text.len()));
        }
        text.into()
    }

    /// A name that may be absent, but not empty.
    pub(crate) fn optional_name(&mut self, field: &str, text: Option<&str>) -> Option<Name> {
        text.map(|text| self.name(field, text))
    }

    /// A span of time.
    pub(crate) fn span(&mut self, field: &str, ms: u64) -> Millis {
        if ms > SPAN_MS_MAX {
            self.add(field, format!("{ms} ms is not a span between 0 and {SPAN_MS_MAX} ms (two years)"));
        }
        Millis(ms)
    }

    /// A moment.
    pub(crate) fn moment(&mut self, field: &str, ms: u64) -> Timestamp {
        if ms > TIMESTAMP_MS_MAX {
            let bounds = format!("0 and {TIMESTAMP_MS_MAX} (milliseconds since 1970, up to the year 2200)");
            self.add(field, format!("{ms} is not a time between {bounds}"));
        }
        Timestamp(ms)
    }

    /// A number within bounds.
    pub(crate) fn at_most(&mut self, field: &str, number: u32, max: u32) -> u32 {
        if number > max {
            self.add(field, format!("is {number}; it must be 0 to {max}"));
        }
        number
    }

    pub(crate) fn tier(&mut self, field: &str, tier: u32) -> u8 {
        u8::try_from(self.at_most(field, tier, u32::from(TIER_MAX))).unwrap_or(TIER_MAX)
    }

    pub(crate) fn units(&mut self, field: &str, units: u32) -> u32 {
        self.at_most(field, units, CAPACITY_MAX)
    }

    /// Required skills of a contact.
    pub(crate) fn required_skills(&mut self, field: &str, skills: &[v1::SkillLevel]) -> Vec<(Name, u8)> {
        self.skills(field, skills, REQUIRED_SKILLS_MAX)
    }

    pub(crate) fn skills(&mut self, field: &str, skills: &[v1::SkillLevel], max: usize) -> Vec<(Name, u8)> {
        if skills.len() > max {
            self.add(field, format!("has {} entries; at most {max} are allowed", skills.len()));
            return Vec::new();
        }
        let mut read = Vec::with_capacity(skills.len());
        for (place, skill) in skills.iter().enumerate() {
            let name = self.name(&format!("{field}[{place}].skill"), &skill.skill);
            let level = u8::try_from(skill.level).ok().filter(|level| (1..=LEVEL_MAX).contains(level));
            match level {
                Some(level) => read.push((name, level)),
                None => {
                    let problem = format!("is {}; levels are 1 to {LEVEL_MAX}", skill.level);
                    self.add(&format!("{field}[{place}].level"), problem);
                }
            }
        }
        read
    }

    pub(crate) fn attributes(&mut self, field: &str, bytes: usize) {
        if bytes > ATTRIBUTES_BYTES_MAX {
            self.add(field, format!("has {bytes} bytes; at most {ATTRIBUTES_BYTES_MAX} are allowed"));
        }
    }

    /// An id of a contact as clients have it.
    pub(crate) fn contact(&mut self, field: &str, text: &str) -> ContactId {
        text.parse().unwrap_or_else(|_| {
            self.add(field, format!("{} is no contact id; one looks like c12.0", short(text)));
            ContactId { slot: 0, generation: 0 }
        })
    }

    /// The id of a case.
    pub(crate) fn case(&mut self, field: &str, text: &str) -> CaseId {
        text.parse().unwrap_or_else(|_| {
            self.add(field, format!("{} is no id of a case; one looks like k12.0", short(text)));
            CaseId { slot: 0, generation: 0 }
        })
    }

    /// The id of an enquiry.
    pub(crate) fn enquiry(&mut self, field: &str, text: &str) -> EnquiryId {
        text.parse().unwrap_or_else(|_| {
            self.add(field, format!("{} is no id of an enquiry; one looks like q12.0", short(text)));
            EnquiryId { slot: 0, generation: 0 }
        })
    }

    /// A question or an answer.
    pub(crate) fn note(&mut self, field: &str, text: &str) -> Name {
        self.text(field, text, NOTE_BYTES_MAX)
    }

    /// A client's number of an operation.
    pub(crate) fn op_id(&mut self, op_id: u64) {
        if op_id == 0 {
            self.add("op_id", "is 0; number operations from 1");
        }
    }
}

/// What a client's cursor means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It has seen nothing.
    Nothing,
    /// It has seen everything up to here.
    UpTo(Position),
    /// It has seen a log that no longer exists: the cluster was restored meanwhile.
    AnotherLife,
}

impl Seen {
    /// For sessions: what is live comes first for all who have seen nothing of this log.
    pub(crate) fn position(self) -> Option<Position> {
        match self {
            Seen::UpTo(position) => Some(position),
            Seen::Nothing | Seen::AnotherLife => None,
        }
    }

    /// For lists of events, which have nothing to offer instead of those that were asked for.
    pub(crate) fn of_this_life(self) -> Result<Option<Position>, Error> {
        match self {
            Seen::Nothing => Ok(None),
            Seen::UpTo(position) => Ok(Some(position)),
            Seen::AnotherLife => Err(no_cursor("is from before the cluster was restored; begin without one")),
        }
    }
}

/// A cursor; empty for none.
pub(crate) fn cursor(text: &str, life: Life) -> Result<Seen, Error> {
    if text.is_empty() {
        return Ok(Seen::Nothing);
    }
    let unknown = "is not a cursor that this cluster gave out; send back what was received, or nothing";
    let cursor = Cursor::from_text(text).filter(|cursor| cursor.group == life.group);
    let cursor = cursor.ok_or_else(|| no_cursor(unknown))?;
    // A node that has not been told yet which life it lives has given out cursors of none.
    let another = cursor.generation != life.generation && cursor.generation != 0 && life.generation != 0;
    Ok(if another { Seen::AnotherLife } else { Seen::UpTo(cursor.position) })
}

fn no_cursor(problem: &str) -> Error {
    let problems = vec![FieldProblem { field: "cursor".into(), problem: problem.into() }];
    let message = format!("cursor: {problem}");
    Error { problems, ..error::of_code(&ringmain_telemetry::codes::INVALID_CURSOR, message) }
}

/// Input as it may stand in a message: quoted, and no longer than a line.
fn short(text: &str) -> String {
    let start: String = text.chars().take(40).collect();
    format!("{start:?}")
}

#[cfg(test)]
mod tests {
    use ringmain_routing::LogIndex;

    use super::*;

    const LIFE: Life = Life { generation: 1, group: 0 };

    #[test]
    fn a_cursor_from_before_a_restore_is_never_taken_for_one_of_this_log() {
        let position = Position { index: LogIndex(77), n: 2 };
        let text = LIFE.cursor(position);
        assert_eq!(cursor(&text, LIFE).unwrap(), Seen::UpTo(position));
        let restored = Life { generation: 1_700_000_000_000, ..LIFE };
        assert_eq!(cursor(&text, restored).unwrap(), Seen::AnotherLife);
        assert_eq!(cursor(&position.to_cursor(), restored).unwrap(), Seen::AnotherLife, "the old form");
        assert_eq!(cursor(&position.to_cursor(), LIFE).unwrap(), Seen::UpTo(position));
        let error = Seen::AnotherLife.of_this_life().unwrap_err();
        assert_eq!((error.code.as_str(), error.problems[0].field.as_str()), ("invalid-cursor", "cursor"));
        assert_eq!(Seen::AnotherLife.position(), None, "sessions get what is live");
    }

    #[test]
    fn a_cursor_of_another_group_is_none_of_ours() {
        let text = Life { group: 3, ..LIFE }.cursor(Position::default());
        assert_eq!(cursor(&text, LIFE).unwrap_err().code, "invalid-cursor");
        assert_eq!(cursor("nonsense", LIFE).unwrap_err().code, "invalid-cursor");
        assert_eq!(cursor("", LIFE).unwrap(), Seen::Nothing);
    }
}
