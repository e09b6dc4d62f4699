//! Changes of the members while the cluster works, decided and carried out by the leader, one at a time. Each change
//! is a rule in a file of its own; what it asks of the cluster before it does anything can be asked alone, as a trial.
//!
//! **Invariant:** an id that was used once never comes back. Each id has a row among the origins of commands before
//! its node can leave: an id with a row that is no member was removed.
//!
//! **Invariant:** a node votes only after it has caught up; a node leaves only when those that stay have a majority
//! that lives.

mod add_node;
mod entry;
mod fitness;
mod remove_node;

use std::time::Duration;

use ringmain_routing::NodeId;
use tokio::sync::{MutexGuard, mpsc};

use crate::shared::{Leadership, Shared};

pub use add_node::{Adding, Inbound, Known, add, try_add};
pub use fitness::{Fitness, Judgement};
pub use remove_node::{Outbound, Part, Removing, remove, try_remove};

/// A change that a majority has not confirmed in this time is reported as unfinished.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(10);
/// A new leader must first commit an entry of its own.
const TOO_EARLY_RETRY: Duration = Duration::from_millis(20);
/// Who asked for a change and does not take its steps is not waited for: the change stands in the way of others.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// Why the members were not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Another node leads, or none does: nothing was done here.
    #[error("this node does not lead")]
    NotLeader {
        /// Who does, if known.
        leader: Option<NodeId>,
    },
    /// The request cannot be carried out as it is. The text begins with the field.
    #[error("{0}")]
    Refused(String),
    /// Another change is under way.
    #[error("another change of the members is under way; one at a time")]
    Busy,
    /// Not known to be done within the time: the same again goes on where it was.
    #[error("{0}; the same command again goes on where it was")]
    Unfinished(String),
    /// The replica has stopped.
    #[error("this node has stopped: {0}")]
    Fatal(String),
}

/// Where a change tells how far it is.
pub type Progress<T> = mpsc::Sender<T>;

impl Shared {
    /// This node's leadership, if it takes commands.
    fn leads(&self) -> Result<Leadership, ChangeError> {
        if let Some(reason) = self.failure() {
            return Err(ChangeError::Fatal(reason));
        }
        let known = *self.leadership.borrow();
        let reigns = self.reign.borrow().as_ref().is_some_and(|reign| reign.term() == known.term);
        if known.leader == Some(self.config.node) && reigns {
            return Ok(known);
        }
        Err(ChangeError::NotLeader { leader: known.leader.filter(|leader| *leader != self.config.node) })
    }

    /// This node's leadership, as soon as it takes commands and has asked every other node how it is.
    pub async fn leading(&self) -> Result<Leadership, ChangeError> {
        let mut looks = tokio::time::interval(TOO_EARLY_RETRY);
        let settled = async {
            while matches!(self.leads(), Err(ChangeError::NotLeader { leader: None }))
                || (self.leads().is_ok() && !self.liveness.heard_all())
            {
                looks.tick().await;
            }
        };
        // With a node that is away, or without a leader, it is what it is by then.
        tokio::time::timeout(self.config.timing.node_lost, settled).await.ok();
        self.leads()
    }

    /// The right to change the members, for as long as it is held.
    fn change_alone(&self) -> Result<MutexGuard<'_, ()>, ChangeError> {
        self.changing.try_lock().map_err(|_| ChangeError::Busy)
    }
}

/// Who asked may have gone, or take nothing; the work goes on to the end of its step.
async fn tell<T>(progress: &Progress<T>, step: T) {
    tokio::time::timeout(TOLD_WITHIN, progress.send(step)).await.ok();
}
