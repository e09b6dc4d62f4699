//! Scenario files: what is given, what is asked, and the full trace of what follows, as text that a supervisor
//! could read. A case that once went wrong stays as such a file.
//!
//! `at MS COMMAND …` with indented lines for plans and operators; `> ` is the reply, `! ` an effect, `#` a remark.

mod enquiries;
mod hand_out;
mod read;
mod rule_book;
mod supervision;
mod threads;
mod time;
mod together;
mod triggers;
mod words;
mod write;

use ringmain_routing::{Command, Outcome, Timestamp};

pub use read::read;
pub(crate) use words::Words;
pub use write::{command_lines, outcome_lines, write};

/// One command of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its stamp.
    pub at: Timestamp,
    /// What is asked.
    pub command: Command,
    /// What must follow, as text.
    pub trace: Vec<String>,
}

/// A scenario file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scenario {
    /// What it is about: the lines of the remark at its head.
    pub about: Vec<String>,
    /// Commands in order.
    pub entries: Vec<Entry>,
}

impl Scenario {
    /// Runs the commands through `apply` and puts what follows in the place of the trace.
    #[must_use]
    pub fn retraced(&self, mut apply: impl FnMut(Timestamp, &Command) -> Outcome) -> Scenario {
        let entries = self.entries.iter().map(|entry| {
            let outcome = apply(entry.at, &entry.command);
            Entry { trace: outcome_lines(&outcome), ..entry.clone() }
        });
        Scenario { about: self.about.clone(), entries: entries.collect() }
    }
}
