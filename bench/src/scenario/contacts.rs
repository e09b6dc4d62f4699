//! contacts.csv: one row per contact.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

use csv::StringRecord;
use ringmain_routing::limits::{CAPACITY_MAX, KEY_BYTES_MAX, NAME_BYTES_MAX, REQUIRED_SKILLS_MAX, TIER_MAX};

use super::{CONTACTS_FILE, Contact, Kind, Text};
use crate::cells::{Header, Row};
use crate::intern::Interner;
use crate::problem::{Place, Problems};

const REQUIRED: [&str; 8] = [
    "contact_id",
    "customer_id",
    "queue",
    "channel",
    "priority",
    "required_skills",
    "arrival_ms",
    "service_ms",
];
const DEFAULTED: [&str; 4] = ["region", "patience_ms", "weight", "kind"];
const OPTIONAL: [&str; 5] = ["preferred_operator", "sticky_ms", "language", "topic", "wrap_up_ms"];
/// The order of columns in files that we write; the optional ones follow where any row has them.
const WRITTEN: [&str; 12] = [
    "contact_id",
    "customer_id",
    "queue",
    "channel",
    "priority",
    "required_skills",
    "region",
    "arrival_ms",
    "service_ms",
    "patience_ms",
    "weight",
    "kind",
];
const CALLBACK: &str = "callback";

/// The rows that were right, and the line of each.
#[derive(Default)]
pub(super) struct Parsed {
    pub(super) contacts: Vec<Contact>,
    pub(super) lines: Vec<u64>,
}

/// Reads the rows; those with problems are reported and left out.
pub(super) fn parse(bytes: &[u8], problems: &mut Problems) -> Parsed {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let known: Vec<&str> = REQUIRED.iter().chain(&DEFAULTED).chain(&OPTIONAL).copied().collect();
    let Some(header) = Header::read(&mut reader, CONTACTS_FILE, &REQUIRED, &known, problems) else {
        return Parsed::default();
    };
    let mut names = Interner::default();
    let mut first_lines = HashMap::new();
    let mut parsed = Parsed::default();
    header.each_row(&mut reader, problems, |row| {
        let contact = parse_row(row, &mut names)?;
        if let Some(line) = first_lines.insert(Arc::clone(&contact.contact_id), row.line()) {
            let problem = format!("{:?} is already the id of line {line}", contact.contact_id);
            row.problem("contact_id", problem, "give each contact an id of its own");
            return None;
        }
        parsed.contacts.push(contact);
        parsed.lines.push(row.line());
        Some(())
    });
    parsed
}

/// One contact; `None` after reporting every cell that is wrong.
fn parse_row(row: &mut Row<'_, '_>, names: &mut Interner) -> Option<Contact> {
    let before = row.problem_count();
    let contact = Contact {
        contact_id: row.text("contact_id", KEY_BYTES_MAX).unwrap_or_default().into(),
        customer_id: row.optional_text("customer_id", NAME_BYTES_MAX).unwrap_or_default().into(),
        queue: name(row, "queue", names).unwrap_or_default(),
        channel: name(row, "channel", names).unwrap_or_default(),
        priority: row.number("priority", u64::from(TIER_MAX)).unwrap_or_default() as u8,
        required_skills: skills(row, names),
        region: optional_name(row, "region", names),
        arrival_ms: row.span_ms("arrival_ms").unwrap_or_default(),
        service_ms: row.span_ms("service_ms").unwrap_or_default(),
        patience_ms: row.optional_span_ms("patience_ms"),
        weight: row.optional_number("weight", u64::from(CAPACITY_MAX)).unwrap_or(1) as u32,
        kind: kind(row),
        preferred_operator: optional_name(row, "preferred_operator", names),
        sticky_ms: row.optional_span_ms("sticky_ms"),
        language: optional_name(row, "language", names),
        topic: optional_name(row, "topic", names),
        wrap_up_ms: row.optional_span_ms("wrap_up_ms"),
    };
    (row.problem_count() == before).then_some(contact)
}

fn name(row: &mut Row<'_, '_>, column: &'static str, names: &mut Interner) -> Option<Text> {
    row.text(column, NAME_BYTES_MAX).map(|text| names.text(text))
}

fn optional_name(row: &mut Row<'_, '_>, column: &'static str, names: &mut Interner) -> Option<Text> {
    row.optional_text(column, NAME_BYTES_MAX).map(|text| names.text(text))
}

fn skills(row: &mut Row<'_, '_>, names: &mut Interner) -> Arc<[Text]> {
    let column = "required_skills";
    let parts = row.parts(column, NAME_BYTES_MAX);
    if parts.len() > REQUIRED_SKILLS_MAX {
        let problem = format!("{} skills are too many", parts.len());
        row.problem(column, problem, format!("name at most {REQUIRED_SKILLS_MAX}"));
    }
    names.list(&parts)
}

fn kind(row: &mut Row<'_, '_>) -> Kind {
    match row.optional_text("kind", NAME_BYTES_MAX) {
        None => Kind::Ordinary,
        Some(CALLBACK) => Kind::Callback,
        Some(other) => {
            let problem = format!("{other:?} is a kind that this build cannot honour");
            row.problem("kind", problem, format!("write `{CALLBACK}` or leave it empty"));
            Kind::Ordinary
        }
    }
}

/// The file's content. Optional columns appear only where a row has them.
pub(super) fn format(contacts: &[Contact]) -> io::Result<Vec<u8>> {
    let used: BTreeSet<usize> = contacts
        .iter()
        .flat_map(|contact| (0..OPTIONAL.len()).filter(|&i| !optional(contact, i).is_empty()))
        .collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut record = StringRecord::new();
    WRITTEN.iter().for_each(|column| record.push_field(column));
    used.iter().for_each(|&i| record.push_field(OPTIONAL[i]));
    writer.write_record(&record)?;
    for contact in contacts {
        fill(&mut record, contact);
        used.iter().for_each(|&i| record.push_field(&optional(contact, i)));
        writer.write_record(&record)?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

fn fill(record: &mut StringRecord, contact: &Contact) {
    record.clear();
    record.push_field(&contact.contact_id);
    record.push_field(&contact.customer_id);
    record.push_field(&contact.queue);
    record.push_field(&contact.channel);
    record.push_field(&contact.priority.to_string());
    record.push_field(&contact.required_skills.join("|"));
    record.push_field(contact.region.as_deref().unwrap_or_default());
    record.push_field(&contact.arrival_ms.to_string());
    record.push_field(&contact.service_ms.to_string());
    record.push_field(&contact.patience_ms.map(|ms| ms.to_string()).unwrap_or_default());
    record.push_field(&contact.weight.to_string());
    record.push_field(match contact.kind {
        Kind::Ordinary => "",
        Kind::Callback => CALLBACK,
    });
}

/// The cell of an optional column, by its place in [`OPTIONAL`].
fn optional(contact: &Contact, column: usize) -> String {
    let text = |value: &Option<Text>| value.as_deref().unwrap_or_default().to_owned();
    let number = |value: Option<u64>| value.map(|ms| ms.to_string()).unwrap_or_default();
    match OPTIONAL[column] {
        "preferred_operator" => text(&contact.preferred_operator),
        "sticky_ms" => number(contact.sticky_ms),
        "language" => text(&contact.language),
        "topic" => text(&contact.topic),
        _ => number(contact.wrap_up_ms),
    }
}

/// The place of a contact in messages about the whole scenario.
pub(super) fn place(line: u64) -> Place<'static> {
    Place::file(CONTACTS_FILE).line(line)
}
