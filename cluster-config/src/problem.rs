//! What is wrong with a file, and where.

use std::fmt;
use std::ops::Range;

/// Problems listed of one file; what is beyond is counted only.
pub const PROBLEMS_MAX: usize = 200;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Which field, as a path (`queues[2].answer`); empty for the file as a whole.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to do, where that is not plain from the message.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with one file, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    /// The file's name, for display.
    pub file: String,
    /// At most [`PROBLEMS_MAX`].
    pub list: Vec<Problem>,
    /// How many more there are.
    pub more: usize,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.len() + self.more;
        write!(f, "{}: {count} problem{}", self.file, if count == 1 { "" } else { "s" })?;
        for problem in &self.list {
            write!(f, "\n  {}:{problem}", self.file)?;
        }
        if self.more > 0 {
            write!(f, "\n  and {} more", self.more)?;
        }
        Ok(())
    }
}

/// Collects the problems of one file.
#[derive(Debug)]
pub(crate) struct Sink<'t> {
    text: &'t str,
    found: Vec<(usize, Problem)>,
}

impl<'t> Sink<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Sink { text, found: Vec::new() }
    }

    /// Notes a problem at the place in the file.
    pub(crate) fn add(&mut self, span: &Range<usize>, field: &str, message: impl Into<String>) {
        self.push(span, field, message.into(), None);
    }

    /// The same with what to do about it.
    pub(crate) fn add_hint(
        &mut self,
        span: &Range<usize>,
        field: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(span, field, message.into(), Some(hint.into()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// What was found, in the order of the file.
    pub(crate) fn into_list(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|(offset, _)| *offset);
        self.found.into_iter().map(|(_, problem)| problem).collect()
    }

    /// What was found, as the error of a file; `None` when nothing was.
    pub(crate) fn into_problems(self, source: &str) -> Option<Problems> {
        let mut list = self.into_list();
        if list.is_empty() {
            return None;
        }
        let more = list.len().saturating_sub(PROBLEMS_MAX);
        list.truncate(PROBLEMS_MAX);
        Some(Problems { file: source.to_owned(), list, more })
    }

    fn push(&mut self, span: &Range<usize>, field: &str, message: String, hint: Option<String>) {
        let (line, column) = self.position(span.start);
        self.found.push((span.start, Problem { line, column, field: field.to_owned(), message, hint }));
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        (line, column)
    }
}
