//! What somebody who looks on sees: what is being done, and what came of it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::clock::Stopwatch;

/// Tells how far a run is; on a terminal with a line that changes.
pub struct Voice {
    bar: ProgressBar,
    watch: Stopwatch,
}

impl Voice {
    /// Begins to tell.
    ///
    /// # Errors
    /// Never; the form of the line is a constant that fits.
    pub fn new() -> anyhow::Result<Voice> {
        let bar = ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {msg}")?);
        bar.enable_steady_tick(Duration::from_millis(200));
        Ok(Voice { bar, watch: Stopwatch::start() })
    }

    /// What is being done.
    pub fn doing(&self, words: impl Into<String>) {
        self.bar.set_message(words.into());
    }

    /// What came of it: a line that stays.
    pub fn done(&self, words: &str) {
        let seconds = self.watch.elapsed().as_secs_f64();
        self.bar.suspend(|| println!("{seconds:>7.1} s  {words}"));
    }

    /// Since it began.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.watch.elapsed().as_secs_f64()
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
