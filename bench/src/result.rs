//! Result files: one row per attempt to serve a contact, ordered by time. Every contact has exactly one final
//! row; `requeued` is the outcome of all others.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use ringmain_routing::limits::{KEY_BYTES_MAX, NAME_BYTES_MAX, TIER_MAX};

use crate::cells::{Header, Row};
use crate::intern::Interner;
use crate::problem::{InvalidInput, Place, Problems};
use crate::scenario::Text;

const FILE: &str = "result";
const REQUIRED: [&str; 9] = [
    "contact_id",
    "queue",
    "priority",
    "required_skills",
    "arrival_ms",
    "assigned_ms",
    "operator_id",
    "completed_ms",
    "outcome",
];
const OPTIONAL: [&str; 5] = ["offered_ms", "released_ms", "eligible_ms", "merged_into", "log_index"];

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResultOutcome {
    /// Handled to the end.
    Served,
    /// The customer left before being served.
    Abandoned,
    /// The attempt ended without service and the contact went back to its place; not final.
    Requeued,
    /// A call-back order that joined an open one.
    Merged,
    /// The core refused it.
    Rejected,
    /// Still waiting at the end.
    Waiting,
    /// Still with an operator at the end.
    InService,
}

impl ResultOutcome {
    /// All of them.
    pub const ALL: [ResultOutcome; 7] = [
        ResultOutcome::Served,
        ResultOutcome::Abandoned,
        ResultOutcome::Requeued,
        ResultOutcome::Merged,
        ResultOutcome::Rejected,
        ResultOutcome::Waiting,
        ResultOutcome::InService,
    ];

    /// The word in the file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            ResultOutcome::Served => "served",
            ResultOutcome::Abandoned => "abandoned",
            ResultOutcome::Requeued => "requeued",
            ResultOutcome::Merged => "merged",
            ResultOutcome::Rejected => "rejected",
            ResultOutcome::Waiting => "waiting",
            ResultOutcome::InService => "in_service",
        }
    }

    /// Whether it is the contact's last row.
    #[must_use]
    pub fn is_final(self) -> bool {
        self != ResultOutcome::Requeued
    }
}

impl fmt::Display for ResultOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One row. Times are milliseconds from the start of the scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultRow {
    /// Which contact.
    pub contact_id: Text,
    /// Its queue.
    pub queue: Text,
    /// Its tier.
    pub priority: u8,
    /// All skills its operator must have.
    pub required_skills: Arc<[Text]>,
    /// When it arrived.
    pub arrival_ms: u64,
    /// When customer and operator were connected.
    pub assigned_ms: Option<u64>,
    /// Who served it, or tried to.
    pub operator_id: Option<Text>,
    /// When the talk ended, the customer left or the attempt was given up.
    pub completed_ms: Option<u64>,
    /// How it ended.
    pub outcome: ResultOutcome,
    /// When it was offered to the operator; with automatic answer the moment it was assigned.
    pub offered_ms: Option<u64>,
    /// When the operator was free of it again, after wrap-up.
    pub released_ms: Option<u64>,
    /// When it might first be routed.
    pub eligible_ms: Option<u64>,
    /// The open call-back order that this one joined.
    pub merged_into: Option<Text>,
    /// The command of the log by which it was assigned, or by which it ended unassigned.
    pub log_index: Option<u64>,
}

impl ResultRow {
    /// The time by which rows are ordered: when the contact was given to the operator, else when it ended, else
    /// (it waits still) the end of time.
    #[must_use]
    pub fn order_ms(&self) -> u64 {
        self.offered_ms.or(self.assigned_ms).or(self.completed_ms).unwrap_or(u64::MAX)
    }

    /// Waiting time of a contact that was connected.
    #[must_use]
    pub fn wait_ms(&self) -> Option<u64> {
        self.assigned_ms.map(|assigned| assigned.saturating_sub(self.eligible_ms.unwrap_or(self.arrival_ms)))
    }
}

/// Puts rows in the order of the format; ties keep the order of the log.
pub fn sort_by_time(rows: &mut [ResultRow]) {
    rows.sort_by(|a, b| {
        (a.order_ms(), a.log_index, a.arrival_ms, &a.contact_id).cmp(&(
            b.order_ms(),
            b.log_index,
            b.arrival_ms,
            &b.contact_id,
        ))
    });
}

/// Writes a result file.
///
/// # Errors
/// What the file system says.
pub fn write(path: &Path, rows: &[ResultRow]) -> io::Result<()> {
    fs::write(path, format(rows)?)
}

/// The content of a result file.
///
/// # Errors
/// None in practice: writing to memory does not fail.
pub fn format(rows: &[ResultRow]) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::with_capacity(rows.len() * 96));
    writer.write_record(REQUIRED.iter().chain(&OPTIONAL))?;
    for row in rows {
        let number = |value: Option<u64>| value.map(|ms| ms.to_string()).unwrap_or_default();
        writer.write_field(&*row.contact_id)?;
        writer.write_field(&*row.queue)?;
        writer.write_field(row.priority.to_string())?;
        writer.write_field(row.required_skills.join("|"))?;
        writer.write_field(row.arrival_ms.to_string())?;
        writer.write_field(number(row.assigned_ms))?;
        writer.write_field(row.operator_id.as_deref().unwrap_or_default())?;
        writer.write_field(number(row.completed_ms))?;
        writer.write_field(row.outcome.word())?;
        writer.write_field(number(row.offered_ms))?;
        writer.write_field(number(row.released_ms))?;
        writer.write_field(number(row.eligible_ms))?;
        writer.write_field(row.merged_into.as_deref().unwrap_or_default())?;
        writer.write_field(number(row.log_index))?;
        writer.write_record(None::<&[u8]>)?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

/// Reads a result file.
///
/// # Errors
/// Every broken row with its line, column and remedy, all at once.
pub fn read(path: &Path) -> Result<Vec<ResultRow>, InvalidInput> {
    let mut problems = Problems::default();
    let rows = match fs::read(path) {
        Ok(bytes) => parse(&bytes, &mut problems),
        Err(error) => {
            let problem = format!("{} cannot be read: {error}", path.display());
            problems.add(&Place::file(FILE), problem, "name a result file");
            Vec::new()
        }
    };
    problems.unless_any(rows)
}

fn parse(bytes: &[u8], problems: &mut Problems) -> Vec<ResultRow> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let known: Vec<&str> = REQUIRED.iter().chain(&OPTIONAL).copied().collect();
    let Some(header) = Header::read(&mut reader, FILE, &REQUIRED, &known, problems) else {
        return Vec::new();
    };
    let mut names = Interner::default();
    let mut rows = Vec::new();
    header.each_row(&mut reader, problems, |row| {
        rows.push(parse_row(row, &mut names)?);
        Some(())
    });
    rows
}

fn parse_row(row: &mut Row<'_, '_>, names: &mut Interner) -> Option<ResultRow> {
    let before = row.problem_count();
    let skills = row.parts("required_skills", NAME_BYTES_MAX);
    let parsed = ResultRow {
        contact_id: row.text("contact_id", KEY_BYTES_MAX).unwrap_or_default().into(),
        queue: row.text("queue", NAME_BYTES_MAX).map(|name| names.text(name)).unwrap_or_default(),
        priority: row.number("priority", u64::from(TIER_MAX)).unwrap_or_default() as u8,
        required_skills: names.list(&skills),
        arrival_ms: row.number("arrival_ms", u64::MAX).unwrap_or_default(),
        assigned_ms: row.optional_number("assigned_ms", u64::MAX),
        operator_id: row.optional_text("operator_id", NAME_BYTES_MAX).map(|name| names.text(name)),
        completed_ms: row.optional_number("completed_ms", u64::MAX),
        outcome: outcome(row).unwrap_or(ResultOutcome::Waiting),
        offered_ms: row.optional_number("offered_ms", u64::MAX),
        released_ms: row.optional_number("released_ms", u64::MAX),
        eligible_ms: row.optional_number("eligible_ms", u64::MAX),
        merged_into: row.optional_text("merged_into", KEY_BYTES_MAX).map(|id| names.text(id)),
        log_index: row.optional_number("log_index", u64::MAX),
    };
    (row.problem_count() == before).then_some(parsed)
}

fn outcome(row: &mut Row<'_, '_>) -> Option<ResultOutcome> {
    let word = row.text("outcome", NAME_BYTES_MAX)?;
    let outcome = ResultOutcome::ALL.into_iter().find(|outcome| outcome.word() == word);
    if outcome.is_none() {
        let words = ResultOutcome::ALL.map(ResultOutcome::word).join(", ");
        row.problem("outcome", format!("{word:?} is no outcome"), format!("write one of {words}"));
    }
    outcome
}
