//! Progress of long work, on standard error: a bar for people, nothing for programs.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that is drawn when standard error is a terminal, and taken away when it is dropped.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Work of so many steps; `what` is said in front.
    #[must_use]
    pub fn new(what: &str, steps: u64) -> Progress {
        let bar = ProgressBar::new(steps);
        // A style that cannot be read would be a slip here; the plain bar does too.
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent}% {eta}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        Progress { bar }
    }

    /// So much is done, of so much.
    pub fn at(&self, done: u64, of: u64) {
        self.bar.set_length(of);
        self.bar.set_position(done);
    }

    /// What is being done.
    pub fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
