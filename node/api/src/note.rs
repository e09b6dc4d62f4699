//! Puts into the audit what the nodes do and the core does not: changes of the members, leadership, drains.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ringmain_protocol::v1::Error;
use ringmain_replication::{Answer, Replica};
use ringmain_routing::command::{Act, Action};
use ringmain_routing::limits::NOTE_BYTES_MAX;
use ringmain_routing::{Command, Name};

use crate::error;
use crate::shared::Shared;

/// Counts the notes of this run, so that each has a key of its own.
static NOTES: AtomicU64 = AtomicU64::new(0);

/// The record of one change: that it begins, before its first write, and how it ended. Whoever looks for a change that
/// was broken off finds at least who began it.
pub(crate) struct Record {
    shared: Arc<Shared>,
    by: Option<Name>,
    what: &'static str,
    detail: String,
    begun: AtomicBool,
}

impl Record {
    pub(crate) fn new(shared: &Arc<Shared>, by: Option<Name>, what: &'static str, detail: String) -> Record {
        Record { shared: Arc::clone(shared), by, what, detail, begun: AtomicBool::new(false) }
    }

    pub(crate) fn replica(&self) -> &Replica {
        &self.shared.replica
    }

    /// To be awaited before the first write, and not where nothing is to be written.
    pub(crate) async fn begins(&self) {
        self.begun.store(true, Ordering::Relaxed);
        self.note("begins").await;
    }

    /// Says how it ended, if it began.
    pub(crate) async fn ended<T, E: Display>(&self, outcome: &Result<T, E>, done: impl Fn(&T) -> String) {
        if self.begun.load(Ordering::Relaxed) {
            match outcome {
                Ok(outcome) => self.note(&done(outcome)).await,
                Err(error) => self.note(&format!("broken off: {error}")).await,
            }
        }
    }

    async fn note(&self, how: &str) {
        let mut detail = format!("{}: {how}", self.detail);
        detail.truncate(detail.floor_char_boundary(NOTE_BYTES_MAX));
        note(&self.shared, self.by.clone(), self.what, detail).await;
    }
}

/// Says in the log what was done, by whom. What was done stays done when the note does not get there: the node's own
/// log tells then.
pub(crate) async fn note(shared: &Shared, by: Option<Name>, what: &str, detail: String) {
    let by = by.unwrap_or_else(|| "unknown".into());
    if let Err(error) = put(shared, by, what, detail).await {
        tracing::warn!(error = error.message, command = what, "not in the audit");
    }
}

/// Says in the log what is about to be done, by whom.
pub(crate) async fn put(shared: &Shared, by: Name, what: &str, detail: String) -> Result<Answer, Error> {
    let (me, run) = {
        let status = shared.replica.status();
        (status.node, status.incarnation)
    };
    let count = NOTES.fetch_add(1, Ordering::Relaxed);
    let key = format!("note/{me}/{run}/{count}").into();
    let action = Action::Note { what: what.into(), detail: detail.into() };
    let command = Command::Act(Box::new(Act { by, key, action }));
    let answer = ringmain_actors::propose(&shared.replica, command).await;
    let answer = answer.map_err(|failed| error::not_proposed(&failed, &shared.nodes))?;
    answer.reply.as_ref().map_err(error::refused)?;
    Ok(answer)
}
