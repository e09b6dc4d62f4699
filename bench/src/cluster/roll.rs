//! Who is there: a step begins when everybody is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts clients whose session has been open.
#[derive(Clone, Default)]
pub(crate) struct Roll {
    present: Arc<AtomicUsize>,
}

impl Roll {
    /// One more is there. Each signs once.
    pub(super) fn sign(&self) {
        self.present.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn present(&self) -> usize {
        self.present.load(Ordering::Relaxed)
    }
}
