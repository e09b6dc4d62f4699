//! Identities and units of measure. Ids of contacts and parties are made by the core: a slot and how often
//! the slot was used, so that an id never names a second thing.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::ops::Add;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! slot_id {
    ($(#[$doc:meta])* $name:ident, $letter:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub struct $name {
            /// Row in its table.
            pub slot: u32,
            /// How many rows have used the slot before.
            pub generation: u32,
        }

        impl $name {
            /// The id as one number, for wire formats.
            #[must_use]
            pub fn to_bits(self) -> u64 {
                (u64::from(self.generation) << 32) | u64::from(self.slot)
            }

            /// The id that [`Self::to_bits`] made into a number.
            #[must_use]
            pub fn from_bits(bits: u64) -> Self {
                Self { slot: bits as u32, generation: (bits >> 32) as u32 }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}.{}"), self.slot, self.generation)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let rest = text.strip_prefix($letter).ok_or(InvalidId { expected: $letter })?;
                let (slot, generation) = rest.split_once('.').ok_or(InvalidId { expected: $letter })?;
                let number = |part: &str| part.parse().map_err(|_| InvalidId { expected: $letter });
                Ok(Self { slot: number(slot)?, generation: number(generation)? })
            }
        }
    };
}

/// A text that is not an id of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id looks like {expected}12.0 (kind, slot, generation)")]
pub struct InvalidId {
    expected: &'static str,
}

slot_id!(
    /// One demand in one channel.
    ContactId,
    "c"
);
slot_id!(
    /// A person (or bot) who serves contacts.
    OperatorId,
    "o"
);
slot_id!(
    /// A program that brings contacts of one or more channels.
    GatewayId,
    "g"
);
slot_id!(
    /// A request that goes a route of stages.
    CaseId,
    "k"
);
slot_id!(
    /// A question to somebody without a seat.
    EnquiryId,
    "q"
);

macro_rules! plain_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

plain_id!(
    /// A queue, by its place in the plan; places are never given twice.
    QueueId(u32)
);
plain_id!(
    /// A skill, by its place in the plan; places are never given twice.
    SkillId(u32)
);
plain_id!(
    /// An org unit, by its place in the plan; places are never given twice.
    UnitId(u32)
);
plain_id!(
    /// A channel, by its place in the plan; places are never given twice.
    ChannelId(u32)
);
plain_id!(
    /// A company on whose behalf the centre answers, by its place in the plan; places are never given twice.
    PrincipalId(u32)
);
plain_id!(
    /// A machine of the cluster.
    NodeId(u64)
);
plain_id!(
    /// One run of a node's process; grows with each start.
    Incarnation(u64)
);
plain_id!(
    /// How often a party's session was opened; fences commands of earlier streams.
    Epoch(u32)
);
plain_id!(
    /// How often a contact was assigned; fences answers to earlier assignments.
    AssignmentEpoch(u32)
);
plain_id!(
    /// Place of a command in the group's log, counted from 1. A Raft entry holds up to 64 commands.
    LogIndex(u64)
);

/// Who holds a session: a gateway or an operator.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Party {
    /// A program that brings contacts.
    Gateway(GatewayId),
    /// A person who serves them.
    Operator(OperatorId),
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Party::Gateway(id) => id.fmt(f),
            Party::Operator(id) => id.fmt(f),
        }
    }
}

/// Replicated time: milliseconds since the Unix epoch as the leader stamped them (scenarios start at 0).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Milliseconds from `earlier` to here; 0 when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }

    /// The first moment after `now` that is a number of full spans (above 0 ms) behind here.
    pub(crate) fn after_full(self, span: Millis, now: Timestamp) -> Timestamp {
        let spans = now.since(self).0 / span.0 + 1;
        self + Millis(spans.saturating_mul(span.0))
    }

    /// The time `span` before here, not below the start of time.
    #[must_use]
    pub fn minus(self, span: Millis) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.0))
    }
}

impl Add<Millis> for Timestamp {
    type Output = Timestamp;

    fn add(self, span: Millis) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0))
    }
}

/// A span of time in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Millis(pub u64);

/// A text as somebody named a thing. Lengths are checked where it enters ([`crate::limits`]).
pub type Name = Box<str>;

/// The position of one effect: the log index of its command and its number among that command's effects.
/// Receivers drop what is not after the last position they saw. The public cursor is this, in opaque form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Position {
    /// Which command.
    pub index: LogIndex,
    /// Which of its effects, from 0.
    pub n: u32,
}

impl Position {
    /// The position behind all effects of the command at `index`.
    #[must_use]
    pub fn end_of(index: LogIndex) -> Position {
        Position { index, n: u32::MAX }
    }

    /// The position as a text, in the order of the positions: a cursor of a cluster that was never restored.
    #[must_use]
    pub fn to_cursor(self) -> String {
        let mut text = String::with_capacity(24);
        self.write_to(&mut text);
        text
    }

    fn write_to(self, text: &mut String) {
        push_hex(text, self.index.0, 16);
        push_hex(text, u64::from(self.n), 8);
    }

    /// The position behind a cursor, of whatever life of the cluster; `None` when the text is no cursor of ours.
    #[must_use]
    pub fn from_cursor(cursor: &str) -> Option<Position> {
        Cursor::from_text(cursor).map(|cursor| cursor.position)
    }
}

/// A number in hexadecimal digits, at least so many. Each event of each stream has a cursor, so this is not left to `format!`.
fn push_hex(text: &mut String, value: u64, digits_min: u32) {
    let digits = (u64::BITS - value.leading_zeros()).div_ceil(4).max(digits_min);
    text.extend(
        (0..digits).rev().filter_map(|place| char::from_digit((value >> (4 * place)) as u32 & 15, 16)),
    );
}

/// The life of a cluster that was never restored; cursors without a generation are of this one.
const FIRST_GENERATION: u64 = 1;

/// A position, and the log that it is a position of: what a client keeps and gives back. Two logs have equal positions
/// for different things, so that a cursor says which one is meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cursor {
    /// Grows when the cluster begins anew from a backup.
    pub generation: u64,
    /// The group whose log it is.
    pub group: u32,
    /// The position there.
    pub position: Position,
}

impl Cursor {
    /// The cursor as clients see it: opaque.
    #[must_use]
    pub fn to_text(self) -> String {
        let mut text = String::with_capacity(44);
        push_hex(&mut text, self.generation, 16);
        push_hex(&mut text, u64::from(self.group), 4);
        self.position.write_to(&mut text);
        text
    }

    /// The cursor behind a text; `None` when the text is none of ours.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Cursor> {
        if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let (generation, group, position) = match text.len() {
            24 => (FIRST_GENERATION, 0, text),
            44 => (
                u64::from_str_radix(&text[..16], 16).ok()?,
                u32::from_str_radix(&text[16..20], 16).ok()?,
                &text[20..],
            ),
            _ => return None,
        };
        let (index, n) = position.split_at(16);
        let index = LogIndex(u64::from_str_radix(index, 16).ok()?);
        let position = Position { index, n: u32::from_str_radix(n, 16).ok()? };
        Some(Cursor { generation, group, position })
    }
}

/// The 128-bit hash that stands for a text in rows and indexes. The length goes in between the parts, so that
/// ("ab", "c") and ("a", "bc") differ.
#[must_use]
pub fn hash_parts(parts: &[&[u8]]) -> u128 {
    let mut together = [0u8; HASHED_AT_ONCE];
    let mut end = 0;
    for part in parts {
        let length = (part.len() as u64).to_le_bytes();
        let Some(place) = together.get_mut(end..end + length.len() + part.len()) else {
            return hash_long(parts);
        };
        place[..length.len()].copy_from_slice(&length);
        place[length.len()..].copy_from_slice(part);
        end += place.len();
    }
    xxhash_rust::xxh3::xxh3_128(&together[..end])
}

/// Up to so many bytes, lengths included, are hashed in one go: several times as fast as part by part.
const HASHED_AT_ONCE: usize = 512;

fn hash_long(parts: &[&[u8]]) -> u128 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.digest128()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn short_and_long_texts_are_hashed_alike() {
        for length in [0, 1, 100, 487, 488, 489, 2_000] {
            let (text, other) = (vec![7u8; length], b"other".as_slice());
            assert_eq!(hash_parts(&[&text, other]), hash_long(&[&text, other]), "{length} bytes");
        }
    }
}
