//! Tasks with a name, an owner and an end.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use tokio::task::JoinHandle;
use tracing::Instrument;

/// The running tasks of one owner.
#[derive(Debug, Default)]
pub struct Tasks {
    running: Mutex<Vec<(&'static str, JoinHandle<()>)>>,
}

impl Tasks {
    /// Starts a task that runs until it ends by itself or its owner stops it.
    pub fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|(_, handle)| !handle.is_finished());
        running.push((name, spawn_named(name, future)));
    }

    /// Stops all tasks and waits for their ends.
    pub async fn stop(&self) {
        let running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        for (_, handle) in &running {
            handle.abort();
        }
        for (name, handle) in running {
            if let Err(error) = handle.await
                && error.is_panic()
            {
                tracing::error!(task = name, "task panicked");
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one named spawner of this crate")]
fn spawn_named(name: &'static str, future: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(
        async move {
            future.await;
            tracing::debug!("task ended");
        }
        .instrument(tracing::info_span!("task", task = name)),
    )
}
