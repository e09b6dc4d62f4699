//! Puts into the audit what the nodes do and the core does not: changes of the members, leadership, drains.

use std::sync::atomic::{AtomicU64, Ordering};

use ringmain_routing::command::{Act, Action};
use ringmain_routing::{Command, Name};

use crate::shared::Shared;

/// Counts the notes of this run, so that each has a key of its own.
static NOTES: AtomicU64 = AtomicU64::new(0);

/// Says in the log what was done, by whom. What was done stays done when the note does not get there: the node's own
/// log tells then.
pub(crate) async fn note(shared: &Shared, by: Option<Name>, what: &str, detail: String) {
    let (me, run) = {
        let status = shared.replica.status();
        (status.node, status.incarnation)
    };
    let count = NOTES.fetch_add(1, Ordering::Relaxed);
    let key = format!("note/{me}/{run}/{count}").into();
    let by = by.unwrap_or_else(|| "unknown".into());
    let action = Action::Note { what: what.into(), detail: detail.into() };
    let command = Command::Act(Box::new(Act { by, key, action }));
    match ringmain_actors::propose(&shared.replica, command).await {
        Ok(answer) => {
            if let Err(error) = answer.reply {
                tracing::warn!(%error, command = what, "not in the audit");
            }
        }
        Err(error) => tracing::warn!(%error, command = what, "not in the audit"),
    }
}
