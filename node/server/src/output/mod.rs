//! How answers are printed: columns for people; JSON, YAML and CSV for programs. Nothing but text goes to what is
//! not a terminal.

pub(crate) mod formats;
pub(crate) mod yaml;

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, UNIX_EPOCH};

use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;

use crate::cli::Format;
use crate::exit::{Failure, FailureKind};

/// An answer in both forms.
#[derive(Clone, Debug)]
pub struct Answer {
    /// For programs.
    pub json: Value,
    /// For people.
    pub text: Vec<Block>,
}

impl Answer {
    /// A row as it would be for programs, where the answer is a list.
    fn example(&self) -> Option<&Value> {
        self.text.iter().find_map(|block| match block {
            Block::Rows(rows) => rows.example.as_ref(),
            Block::Line(_) => None,
        })
    }
}

/// A part of an answer for people.
#[derive(Clone, Debug)]
pub enum Block {
    /// A line.
    Line(String),
    /// Rows below a head.
    Rows(Rows),
}

/// Rows below a head.
#[derive(Clone, Debug)]
pub struct Rows {
    head: Vec<Column>,
    rows: Vec<Vec<String>>,
    example: Option<Value>,
}

/// The head of a column.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    /// Words, from the left.
    Words(&'static str),
    /// Numbers, from the right.
    Number(&'static str),
}

impl Rows {
    /// No rows yet.
    #[must_use]
    pub fn new(head: &[Column]) -> Rows {
        Rows { head: head.to_vec(), rows: Vec::new(), example: None }
    }

    /// Says what a row is for programs, so that a list without rows has a head for them too.
    #[must_use]
    pub fn like(self, example: Value) -> Rows {
        Rows { example: Some(example), ..self }
    }

    /// One row more, a cell for each column.
    pub fn push(&mut self, row: impl IntoIterator<Item = String>) {
        let row: Vec<String> = row.into_iter().collect();
        debug_assert_eq!(row.len(), self.head.len(), "a cell for each column");
        self.rows.push(row);
    }

    fn render(&self, terminal: bool) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        let arrangement = if terminal { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
        table.set_content_arrangement(arrangement);
        table.set_header(self.head.iter().map(|column| {
            let (Column::Words(name) | Column::Number(name)) = column;
            let cell = Cell::new(name.to_uppercase());
            if terminal { cell.add_attribute(Attribute::Bold) } else { cell }
        }));
        for row in &self.rows {
            table.add_row(row);
        }
        for (i, column) in self.head.iter().enumerate() {
            if let Some(shown) = table.column_mut(i) {
                shown.set_padding((0, 2));
                shown.set_cell_alignment(match column {
                    Column::Words(_) => CellAlignment::Left,
                    Column::Number(_) => CellAlignment::Right,
                });
            }
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }
}

/// Prints the answer; `again` clears a terminal first.
///
/// # Errors
/// When standard output does not take it.
pub fn print(answer: &Answer, format: Format, again: bool) -> Result<(), Failure> {
    let stdout = io::stdout();
    let terminal = stdout.is_terminal();
    let mut text = String::new();
    match format {
        Format::Json => {
            // One line each where several follow each other, so that a program can tell them apart.
            let written = if again { answer.json.to_string() } else { format!("{:#}", answer.json) };
            text.push_str(&written);
            text.push('\n');
        }
        Format::Yaml => {
            // Each answer is a document of its own.
            text.push_str(if again { "---\n" } else { "" });
            text.push_str(&yaml::yaml(&answer.json));
        }
        Format::Csv => {
            text.push_str(&formats::csv(&answer.json, answer.example())?);
            text.push_str(if again { "\n" } else { "" });
        }
        Format::Table => {
            if again && terminal {
                text.push_str("\x1b[2J\x1b[H");
            }
            for block in &answer.text {
                match block {
                    Block::Line(line) => text.push_str(line),
                    Block::Rows(rows) => text.push_str(&rows.render(terminal)),
                }
                text.push('\n');
            }
            if again && !terminal {
                text.push('\n');
            }
        }
    }
    write_out(&text)
}

/// Writes text to standard output.
///
/// # Errors
/// When standard output does not take it.
pub fn write_out(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        // `ringmain events | head` has seen enough: the end of the pipe is the end of the command.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Err(Failure::new(FailureKind::Internal, "output-closed", "nobody reads standard output any more"))
        }
        Err(error) => {
            Err(Failure::new(FailureKind::Internal, "output-failed", format!("standard output: {error}")))
        }
    }
}

/// A span as people say it: `2m 5s`, `340ms`.
#[must_use]
pub fn span(ms: u64) -> String {
    let shown = if ms >= 10_000 { ms / 1000 * 1000 } else { ms };
    humantime::format_duration(Duration::from_millis(shown)).to_string()
}

/// A moment of replicated time in UTC. Scenarios and clusters that started at 0 show it as 1970.
#[must_use]
pub fn moment(at_ms: u64) -> String {
    match UNIX_EPOCH.checked_add(Duration::from_millis(at_ms.min(ringmain_routing::limits::TIMESTAMP_MS_MAX)))
    {
        Some(at) => humantime::format_rfc3339_millis(at).to_string(),
        None => at_ms.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_columns_without_trailing_spaces() {
        let mut rows = Rows::new(&[Column::Words("queue"), Column::Number("waiting")]);
        rows.push(["outage".to_owned(), "12".to_owned()]);
        rows.push(["chat".to_owned(), "3".to_owned()]);
        assert_eq!(rows.render(false), "QUEUE   WAITING\noutage       12\nchat          3");
    }

    #[test]
    fn spans_and_moments_read_as_people_write_them() {
        assert_eq!(span(125_400), "2m 5s");
        assert_eq!(span(340), "340ms");
        assert_eq!(moment(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
    }
}
