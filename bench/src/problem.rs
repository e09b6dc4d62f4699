//! What is wrong with an input file: every problem with its place and its remedy, all reported at once.

use std::fmt;

/// Problems reported by name; more are only counted.
pub const PROBLEMS_SHOWN_MAX: usize = 100;

/// One thing wrong with an input file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's name within its folder.
    pub file: String,
    /// The line, counted from 1; `None` when the whole file is meant.
    pub line: Option<u64>,
    /// The column or field.
    pub field: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(field) = &self.field {
            write!(f, ": {field}")?;
        }
        write!(f, ": {}; {}", self.problem, self.fix)
    }
}

/// An input that cannot be used, with all its problems.
#[derive(Debug, thiserror::Error)]
pub struct InvalidInput {
    /// The first [`PROBLEMS_SHOWN_MAX`] problems in the order of the files.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub more: u64,
}

impl fmt::Display for InvalidInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.problems.len() as u64 + self.more;
        write!(f, "{total} problem{} found", if total == 1 { "" } else { "s" })?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        if self.more > 0 {
            write!(f, "\n  … and {} more", self.more)?;
        }
        Ok(())
    }
}

/// Collects the problems of one or more files.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    shown: Vec<Problem>,
    more: u64,
}

impl Problems {
    /// Adds one; beyond [`PROBLEMS_SHOWN_MAX`] it is only counted.
    pub(crate) fn add(&mut self, at: &Place<'_>, problem: impl Into<String>, fix: impl Into<String>) {
        if self.shown.len() == PROBLEMS_SHOWN_MAX {
            self.more += 1;
            return;
        }
        self.shown.push(Problem {
            file: at.file.to_owned(),
            line: at.line,
            field: at.field.map(str::to_owned),
            problem: problem.into(),
            fix: fix.into(),
        });
    }

    /// How many were added.
    pub(crate) fn count(&self) -> u64 {
        self.shown.len() as u64 + self.more
    }

    /// `value` if nothing is wrong, else all that is.
    pub(crate) fn unless_any<T>(self, value: T) -> Result<T, InvalidInput> {
        if self.shown.is_empty() {
            return Ok(value);
        }
        Err(InvalidInput { problems: self.shown, more: self.more })
    }
}

/// Where in the input something is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// The file's name.
    pub(crate) file: &'a str,
    /// The line, counted from 1.
    pub(crate) line: Option<u64>,
    /// The column or field.
    pub(crate) field: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// The whole file.
    pub(crate) fn file(file: &'a str) -> Self {
        Place { file, line: None, field: None }
    }

    /// One line of the same file.
    pub(crate) fn line(self, line: u64) -> Self {
        Place { line: Some(line), ..self }
    }

    /// One column or field at the same line.
    pub(crate) fn field(self, field: &'a str) -> Self {
        Place { field: Some(field), ..self }
    }
}
