//! The one place of this crate that starts tasks, and the count of its actors.

use std::future::Future;

use ringmain_telemetry::{labels, names};

/// Starts a task that is known by its name when it panics.
pub fn spawn_named(name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
    let named = async move {
        let _watch = Watch { name };
        future.await;
    };
    #[expect(clippy::disallowed_methods, reason = "the named spawner")]
    tokio::spawn(named);
}

/// Dropped while its task unwinds, it tells which task that was.
struct Watch {
    name: &'static str,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            metrics::counter!(names::TASKS_PANICKED).increment(1);
            tracing::error!(task = self.name, "task panicked");
        }
    }
}

/// Counts an actor as alive from its making to its end, whatever that end is.
pub(crate) struct Alive {
    kind: &'static str,
}

impl Alive {
    pub(crate) fn new(kind: &'static str) -> Alive {
        metrics::gauge!(names::ACTORS_LIVE, labels::ACTOR => kind).increment(1.0);
        Alive { kind }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        metrics::gauge!(names::ACTORS_LIVE, labels::ACTOR => self.kind).decrement(1.0);
    }
}
