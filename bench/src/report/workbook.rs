//! The report as a workbook: Summary, Queues, Hours, Operators, Contacts. The same report gives the same bytes.

use std::collections::HashMap;
use std::path::Path;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};

use super::text::DEFINITIONS;
use super::{Figures, GroupFigures, OperatorFigures, QUEUE_COLUMNS, Report, Shown};
use crate::result::ResultRow;
use crate::scenario::Contact;

/// Rows of a sheet below its head: a sheet has 1,048,576 (Microsoft, "Excel specifications and limits").
pub(super) const ROWS_MAX: u64 = 1_048_575;

const WIDE: f64 = 22.0;
const NARROW: f64 = 11.0;

/// How cells look.
struct Looks {
    head: Format,
    seconds: Format,
    share: Format,
    mean: Format,
    wrapped: Format,
}

/// A sheet with the row that is written next.
struct Sheet<'w> {
    sheet: &'w mut Worksheet,
    looks: &'w Looks,
    row: u32,
}

/// Writes the workbook.
pub(super) fn write(
    report: &Report,
    contacts: &HashMap<&str, &Contact>,
    rows: &[ResultRow],
    path: &Path,
) -> Result<(), XlsxError> {
    let looks = Looks::new();
    let mut book = Workbook::new();
    // A date of its own would make each run's file another one.
    let properties = DocProperties::new()
        .set_title("Ringmain simulation")
        .set_creation_datetime(&ExcelDateTime::from_ymd(2000, 1, 1)?);
    book.set_properties(&properties);
    summary(&mut Sheet::new(book.add_worksheet(), "Summary", &looks)?, report)?;
    queues(&mut Sheet::new(book.add_worksheet(), "Queues", &looks)?, report)?;
    hours(&mut Sheet::new(book.add_worksheet(), "Hours", &looks)?, report)?;
    operators(&mut Sheet::new(book.add_worksheet(), "Operators", &looks)?, report)?;
    let raw = book.add_worksheet_with_constant_memory()?;
    let left_out = raw_rows(&mut Sheet::new(raw, "Contacts", &looks)?, contacts, rows, ROWS_MAX)?;
    debug_assert_eq!(left_out, report.rows_left_out, "the summary says how many rows are missing");
    book.save(path)
}

impl Looks {
    fn new() -> Looks {
        Looks {
            head: Format::new().set_bold().set_align(FormatAlign::VerticalCenter).set_text_wrap(),
            seconds: Format::new().set_num_format("#,##0.0"),
            share: Format::new().set_num_format("0.0%"),
            mean: Format::new().set_num_format("0.00"),
            wrapped: Format::new().set_text_wrap().set_align(FormatAlign::Top),
        }
    }
}

impl<'w> Sheet<'w> {
    fn new(sheet: &'w mut Worksheet, name: &str, looks: &'w Looks) -> Result<Self, XlsxError> {
        sheet.set_name(name)?;
        Ok(Sheet { sheet, looks, row: 0 })
    }

    /// The head, which stays in view; the first `words` columns are wide.
    fn head(&mut self, names: &[&str], words: u16) -> Result<(), XlsxError> {
        for (column, name) in (0u16..).zip(names) {
            self.sheet.set_column_width(column, if column < words { WIDE } else { NARROW })?;
            self.sheet.write_string_with_format(self.row, column, *name, &self.looks.head)?;
        }
        self.sheet.set_freeze_panes(self.row + 1, 1)?;
        self.row += 1;
        Ok(())
    }

    fn text(&mut self, column: u16, text: &str) -> Result<(), XlsxError> {
        self.sheet.write_string(self.row, column, text).map(drop)
    }

    fn shown(&mut self, column: u16, value: Shown) -> Result<(), XlsxError> {
        let (number, format) = match value {
            Shown::Count(count) => return self.number(column, Some(count)),
            Shown::Seconds(number) => (number, &self.looks.seconds),
            Shown::Share(number) => (number, &self.looks.share),
            Shown::Mean(number) => (number, &self.looks.mean),
        };
        match number {
            Some(number) => self.sheet.write_number_with_format(self.row, column, number, format).map(drop),
            None => Ok(()),
        }
    }

    /// A whole number; an empty cell for none.
    fn number(&mut self, column: u16, number: Option<u64>) -> Result<(), XlsxError> {
        match number {
            // Times of a scenario and counts stay far below the 2^53 that a cell holds exactly.
            Some(number) => self.sheet.write_number(self.row, column, number as f64).map(drop),
            None => Ok(()),
        }
    }

    fn end_row(&mut self) {
        self.row += 1;
    }

    fn figures(&mut self, from: u16, figures: &Figures) -> Result<u16, XlsxError> {
        let mut column = from;
        for shown in QUEUE_COLUMNS.iter().map(|column| (column.value)(figures)) {
            self.shown(column, shown)?;
            column += 1;
        }
        Ok(column)
    }
}

fn summary(sheet: &mut Sheet<'_>, report: &Report) -> Result<(), XlsxError> {
    sheet.head(&["figure", "value"], 1)?;
    sheet.sheet.set_column_width(0, 34.0)?;
    let total = &report.summary.total;
    for column in &QUEUE_COLUMNS {
        sheet.text(0, column.name)?;
        sheet.shown(1, (column.value)(total))?;
        sheet.end_row();
    }
    let staff = &report.staff.all;
    let rest = [
        ("operators", Shown::Count(staff.operators)),
        ("occupancy", Shown::Share(staff.occupancy)),
        ("load", Shown::Share(staff.load)),
        ("first arrival s", Shown::ms(Some(report.from_ms))),
        ("last event s", Shown::ms(Some(report.end_ms))),
        ("commands", Shown::Count(report.commands)),
        ("rows of the result", Shown::Count(report.rows)),
        ("rows missing in sheet Contacts", Shown::Count(report.rows_left_out)),
    ];
    for (name, shown) in rest {
        sheet.text(0, name)?;
        sheet.shown(1, shown)?;
        sheet.end_row();
    }
    sheet.text(0, "chain")?;
    sheet.text(1, &report.chain)?;
    sheet.end_row();
    sheet.end_row();
    sheet.sheet.set_column_width(2, 90.0)?;
    for line in report.lines().iter().map(String::as_str).chain(DEFINITIONS) {
        sheet.sheet.write_string_with_format(sheet.row, 2, line, &sheet.looks.wrapped)?;
        sheet.end_row();
    }
    Ok(())
}

fn queues(sheet: &mut Sheet<'_>, report: &Report) -> Result<(), XlsxError> {
    let names: Vec<&str> = ["of", "queue or channel", "tier"]
        .into_iter()
        .chain(QUEUE_COLUMNS.iter().map(|column| column.name))
        .collect();
    sheet.head(&names, 2)?;
    let mut row = |kind: &str, name: &str, tier: Option<u8>, figures: &Figures| {
        sheet.text(0, kind)?;
        sheet.text(1, name)?;
        sheet.number(2, tier.map(u64::from))?;
        sheet.figures(3, figures)?;
        sheet.end_row();
        Ok::<(), XlsxError>(())
    };
    row("all", "", None, &report.summary.total)?;
    for (name, figures) in &report.summary.queues {
        row("queue", name, None, figures)?;
    }
    for tier in &report.tiers {
        row("queue and tier", &tier.queue, Some(tier.tier), &tier.figures)?;
    }
    for (name, figures) in &report.channels {
        row("channel", name, None, figures)?;
    }
    Ok(())
}

fn hours(sheet: &mut Sheet<'_>, report: &Report) -> Result<(), XlsxError> {
    let names: Vec<&str> = ["queue", "hour"]
        .into_iter()
        .chain(QUEUE_COLUMNS.iter().map(|column| column.name))
        .chain(["on duty", "busy"])
        .collect();
    sheet.head(&names, 1)?;
    for hour in &report.hours {
        sheet.text(0, "= all queues")?;
        sheet.number(1, Some(hour.hour as u64))?;
        let next = sheet.figures(2, &hour.figures)?;
        sheet.shown(next, Shown::Mean(hour.on_duty))?;
        sheet.shown(next + 1, Shown::Mean(hour.busy))?;
        sheet.end_row();
    }
    for hour in &report.queue_hours {
        sheet.text(0, &hour.queue)?;
        sheet.number(1, Some(hour.hour as u64))?;
        sheet.figures(2, &hour.figures)?;
        sheet.end_row();
    }
    Ok(())
}

fn operators(sheet: &mut Sheet<'_>, report: &Report) -> Result<(), XlsxError> {
    let names = [
        "of",
        "name",
        "group",
        "operators",
        "contacts",
        "least",
        "most",
        "handling s",
        "wrap-up s",
        "busy s",
        "on duty s",
        "occupancy",
        "load",
    ];
    sheet.head(&names, 3)?;
    group(sheet, "all", &report.staff.all)?;
    for figures in &report.staff.groups {
        group(sheet, "group", figures)?;
    }
    report.staff.operators.iter().try_for_each(|figures| operator(sheet, figures))
}

fn group(sheet: &mut Sheet<'_>, kind: &str, figures: &GroupFigures) -> Result<(), XlsxError> {
    sheet.text(0, kind)?;
    sheet.text(1, &figures.group)?;
    let cells = [
        Shown::Count(figures.operators),
        Shown::Count(figures.contacts),
        Shown::Count(figures.contacts_least),
        Shown::Count(figures.contacts_most),
        Shown::ms(Some(figures.handling_ms)),
        Shown::ms(Some(figures.wrap_up_ms)),
        Shown::ms(Some(figures.busy_ms)),
        Shown::ms(Some(figures.on_duty_ms)),
        Shown::Share(figures.occupancy),
        Shown::Share(figures.load),
    ];
    (3..).zip(cells).try_for_each(|(column, shown)| sheet.shown(column, shown))?;
    sheet.end_row();
    Ok(())
}

fn operator(sheet: &mut Sheet<'_>, figures: &OperatorFigures) -> Result<(), XlsxError> {
    sheet.text(0, "operator")?;
    sheet.text(1, &figures.login)?;
    sheet.text(2, &figures.group)?;
    sheet.number(4, Some(figures.contacts))?;
    let cells = [
        Shown::ms(Some(figures.handling_ms)),
        Shown::ms(Some(figures.wrap_up_ms)),
        Shown::ms(Some(figures.busy_ms)),
        Shown::ms(Some(figures.on_duty_ms)),
        Shown::Share(figures.occupancy),
        Shown::Share(figures.load),
    ];
    (7..).zip(cells).try_for_each(|(column, shown)| sheet.shown(column, shown))?;
    sheet.end_row();
    Ok(())
}

/// The rows of the result as far as there is room; how many there was none for.
fn raw_rows(
    sheet: &mut Sheet<'_>,
    contacts: &HashMap<&str, &Contact>,
    rows: &[ResultRow],
    most: u64,
) -> Result<u64, XlsxError> {
    let names = [
        "contact_id",
        "queue",
        "channel",
        "tier",
        "required_skills",
        "arrival_ms",
        "assigned_ms",
        "wait_ms",
        "operator_id",
        "completed_ms",
        "released_ms",
        "outcome",
        "merged_into",
        "log_index",
    ];
    sheet.head(&names, 3)?;
    let fitting = usize::try_from(most).unwrap_or(usize::MAX).min(rows.len());
    for row in &rows[..fitting] {
        sheet.text(0, &row.contact_id)?;
        sheet.text(1, &row.queue)?;
        sheet.text(2, contacts.get(&*row.contact_id).map_or("", |contact| &contact.channel))?;
        sheet.number(3, Some(u64::from(row.priority)))?;
        sheet.text(4, &row.required_skills.join("|"))?;
        sheet.number(5, Some(row.arrival_ms))?;
        sheet.number(6, row.assigned_ms)?;
        sheet.number(7, row.wait_ms())?;
        sheet.text(8, row.operator_id.as_deref().unwrap_or_default())?;
        sheet.number(9, row.completed_ms)?;
        sheet.number(10, row.released_ms)?;
        sheet.text(11, row.outcome.word())?;
        sheet.text(12, row.merged_into.as_deref().unwrap_or_default())?;
        sheet.number(13, row.log_index)?;
        sheet.end_row();
    }
    Ok((rows.len() - fitting) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::ResultOutcome;

    fn row(id: usize) -> ResultRow {
        ResultRow {
            contact_id: format!("c{id}").into(),
            queue: "line".into(),
            priority: 2,
            required_skills: std::sync::Arc::from([]),
            arrival_ms: 0,
            assigned_ms: None,
            operator_id: None,
            completed_ms: None,
            outcome: ResultOutcome::Waiting,
            offered_ms: None,
            released_ms: None,
            eligible_ms: None,
            merged_into: None,
            log_index: None,
        }
    }

    #[test]
    fn rows_beyond_the_sheet_are_counted() {
        let looks = Looks::new();
        let rows: Vec<ResultRow> = (0..5).map(row).collect();
        for (most, left_out) in [(5, 0), (3, 2), (0, 5), (u64::MAX, 0)] {
            let mut book = Workbook::new();
            let mut sheet = Sheet::new(book.add_worksheet(), "Contacts", &looks).unwrap();
            assert_eq!(raw_rows(&mut sheet, &HashMap::new(), &rows, most).unwrap(), left_out);
            assert_eq!(u64::from(sheet.row), 1 + 5 - left_out, "the head and what fits");
        }
    }
}
