//! Reads CSV files row by row and cell by cell, reporting every problem with line and column.

use csv::{Reader, StringRecord};
use ringmain_routing::limits::SPAN_MS_MAX;

use crate::problem::{Place, Problems};

/// Where each known column of a file is.
pub(crate) struct Header {
    file: &'static str,
    columns: Vec<(&'static str, usize)>,
    width: usize,
}

impl Header {
    /// Reads the header line. Columns outside `known` are ignored; `None` when one of `required` is missing or a
    /// known one stands there twice.
    pub(crate) fn read(
        reader: &mut Reader<&[u8]>,
        file: &'static str,
        required: &[&'static str],
        known: &[&'static str],
        problems: &mut Problems,
    ) -> Option<Header> {
        let place = Place::file(file).line(1);
        let header = match reader.headers() {
            Ok(header) => header,
            Err(error) => {
                problems.add(&place, format!("is no CSV: {error}"), "write UTF-8 CSV with a header line");
                return None;
            }
        };
        let before = problems.count();
        let mut columns = Vec::new();
        for &column in known {
            let mut places = (0..header.len()).filter(|&i| &header[i] == column);
            match (places.next(), places.next()) {
                (Some(at), None) => columns.push((column, at)),
                (Some(_), Some(_)) => {
                    problems.add(
                        &place.field(column),
                        "stands in the header twice",
                        "keep one of the columns",
                    );
                }
                (None, _) if required.contains(&column) => {
                    problems.add(&place.field(column), "the column is missing", "add it to the header");
                }
                (None, _) => {}
            }
        }
        (problems.count() == before).then_some(Header { file, columns, width: header.len() })
    }

    /// Calls `each` for every row with as many cells as the header; other rows are reported. `each` reports its
    /// own problems; what it returns only lets it use `?`.
    pub(crate) fn each_row(
        &self,
        reader: &mut Reader<&[u8]>,
        problems: &mut Problems,
        mut each: impl FnMut(&mut Row<'_, '_>) -> Option<()>,
    ) {
        let mut record = StringRecord::new();
        loop {
            let place = Place::file(self.file).line(reader.position().line());
            match reader.read_record(&mut record) {
                Ok(false) => return,
                Ok(true) => {}
                Err(error) => {
                    let fatal = error.is_io_error();
                    problems.add(&place, format!("is no CSV row: {error}"), "write the row as UTF-8 CSV");
                    if fatal {
                        return;
                    }
                    continue;
                }
            }
            let line = record.position().map_or(0, csv::Position::line);
            let place = Place::file(self.file).line(line);
            if record.len() != self.width {
                let problem = format!("has {} cells where the header has {}", record.len(), self.width);
                problems.add(&place, problem, "write one cell per column (quote cells that hold a comma)");
                continue;
            }
            each(&mut Row { header: self, record: &record, place, line, problems });
        }
    }
}

/// One row with its place.
pub(crate) struct Row<'r, 'p> {
    header: &'r Header,
    record: &'r StringRecord,
    place: Place<'r>,
    line: u64,
    problems: &'p mut Problems,
}

impl<'r> Row<'r, '_> {
    /// The row's line in the file.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// How many problems the file has so far.
    pub(crate) fn problem_count(&self) -> u64 {
        self.problems.count()
    }

    /// Reports a problem of one cell.
    pub(crate) fn problem(&mut self, column: &str, problem: impl Into<String>, fix: impl Into<String>) {
        self.problems.add(&self.place.field(column), problem, fix);
    }

    /// The cell; empty when the file has no such column.
    fn cell(&self, column: &'static str) -> &'r str {
        let at = self.header.columns.iter().find(|(name, _)| *name == column);
        at.and_then(|&(_, at)| self.record.get(at)).unwrap_or_default()
    }

    /// A text that must be there, of at most `bytes_max` bytes.
    pub(crate) fn text(&mut self, column: &'static str, bytes_max: usize) -> Option<&'r str> {
        if self.cell(column).is_empty() {
            self.problem(column, "is empty", "write a value");
            return None;
        }
        self.optional_text(column, bytes_max)
    }

    /// A text of at most `bytes_max` bytes; `None` when empty.
    pub(crate) fn optional_text(&mut self, column: &'static str, bytes_max: usize) -> Option<&'r str> {
        let text = self.cell(column);
        if text.len() > bytes_max {
            let problem = format!("is {} bytes long", text.len());
            self.problem(column, problem, format!("use at most {bytes_max} bytes"));
            return None;
        }
        if text.chars().any(char::is_control) {
            self.problem(column, format!("{text:?} holds control characters"), "write plain text");
            return None;
        }
        (!text.is_empty()).then_some(text)
    }

    /// Texts joined by `|`, each once; empty when the cell is.
    pub(crate) fn parts(&mut self, column: &'static str, bytes_max: usize) -> Vec<&'r str> {
        let cell = self.cell(column);
        let mut parts: Vec<&str> = Vec::new();
        for part in cell.split('|').map(str::trim).filter(|_| !cell.is_empty()) {
            if part.is_empty() {
                self.problem(column, format!("{cell:?} has an empty part"), "join names by a single |");
            } else if part.chars().any(char::is_control) {
                self.problem(column, format!("{part:?} holds control characters"), "write plain text");
            } else if part.len() > bytes_max {
                let fix = format!("use at most {bytes_max} bytes");
                self.problem(column, format!("a part is {} bytes long", part.len()), fix);
            } else if !parts.contains(&part) {
                parts.push(part);
            }
        }
        parts
    }

    /// A whole number from 0 to `most` that must be there.
    pub(crate) fn number(&mut self, column: &'static str, most: u64) -> Option<u64> {
        if self.cell(column).is_empty() {
            self.problem(column, "is empty", format!("write a whole number from 0 to {most}"));
            return None;
        }
        self.optional_number(column, most)
    }

    /// A whole number from 0 to `most`; `None` when empty.
    pub(crate) fn optional_number(&mut self, column: &'static str, most: u64) -> Option<u64> {
        let cell = self.cell(column);
        if cell.is_empty() {
            return None;
        }
        let number = cell.parse().ok().filter(|&number: &u64| number <= most);
        if number.is_none() {
            let problem = format!("{cell:?} is out of bounds or no whole number");
            self.problem(column, problem, format!("write a whole number from 0 to {most}"));
        }
        number
    }

    /// A time or span in milliseconds that must be there, at most two years.
    pub(crate) fn span_ms(&mut self, column: &'static str) -> Option<u64> {
        self.number(column, SPAN_MS_MAX)
    }

    /// A time or span in milliseconds, at most two years; `None` when empty.
    pub(crate) fn optional_span_ms(&mut self, column: &'static str) -> Option<u64> {
        self.optional_number(column, SPAN_MS_MAX)
    }
}
