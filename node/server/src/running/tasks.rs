//! Tasks with a name, an owner and an end.

use std::future::Future;

use ringmain_telemetry::names;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// The running tasks of a node, stopped with it.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    running: Vec<(&'static str, JoinHandle<()>)>,
}

impl Tasks {
    /// Starts a task that runs until it ends by itself or the node stops.
    pub(super) fn spawn(&mut self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        self.running.push((name, spawn_named(name, future)));
    }

    /// Waits for all tasks, at most for `within` together; what runs then is cut off.
    pub(super) async fn end(self, within: std::time::Duration) {
        let deadline = tokio::time::sleep(within);
        tokio::pin!(deadline);
        for (name, mut handle) in self.running {
            tokio::select! {
                ended = &mut handle => report(name, ended),
                () = &mut deadline => {
                    handle.abort();
                    tracing::warn!(task = name, "task cut off at the end of the stop");
                }
            }
        }
    }
}

fn report(name: &'static str, ended: Result<(), tokio::task::JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        metrics::counter!(names::TASKS_PANICKED).increment(1);
        tracing::error!(task = name, "task panicked");
    }
}

#[expect(clippy::disallowed_methods, reason = "the one named spawner of this crate")]
fn spawn_named(name: &'static str, future: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(future.instrument(tracing::info_span!("task", task = name)))
}
