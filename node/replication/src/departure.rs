//! A node that was taken out of the cluster: it learns of it from the leader, or asks when it comes back, and from
//! then on serves nothing new. Its folder says so for ever.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};

use crate::files::{StorageError, SyncMeter};
use crate::nodes;
use crate::shared::Shared;

/// The file that says it. Its presence counts, not its content.
const FILE: &str = "removed";
const WORDS: &[u8] =
    b"This node was taken out of its cluster. Its folder cannot be used again: empty it, and add the\n\
                       node again under a new id.\n";
/// How often a node that hears no leader asks the others.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// Whoever has answered within this time lives, as far as a node without a leader can know.
pub const MET_WITHIN: Duration = Duration::from_millis(1_500);

/// Where the data folder says that its node was taken out.
#[must_use]
pub fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// Says so durably.
pub fn write(dir: &Path, meter: &SyncMeter) -> Result<(), StorageError> {
    meter.replace_file(&path(dir), WORDS)
}

impl Shared {
    /// This node is no member any more: it takes no commands, stands for no election and cannot be started again.
    pub fn depart(&self) {
        if self.removed.send_replace(true) {
            return;
        }
        tracing::warn!(
            "this node was removed from the cluster: stop it; to use the machine again, empty the data folder and \
             add the node under a new id"
        );
        self.settle_candidacy();
        if let Err(error) = write(&self.config.data_dir, &self.meter) {
            self.fail(error.to_string());
        }
    }

    /// Whether this node was taken out of the cluster.
    pub fn is_removed(&self) -> bool {
        *self.removed.borrow()
    }
}

/// Asks the others how they are and whether this node is still a member, whenever it has heard no leader for long. A
/// node that was away while it was removed is told by nobody else, and one that is cut off learns who else it can reach.
pub async fn ask(shared: Arc<Shared>) {
    let mut turns = tokio::time::interval(ASK_EVERY);
    loop {
        turns.tick().await;
        if !shared.in_touch() && shared.identity.is_member() && is_dismissed(&shared).await {
            shared.depart();
        }
    }
}

async fn is_dismissed(shared: &Shared) -> bool {
    let members = shared.members();
    let others = members.others(shared.config.node);
    let ask = async |node| (node, nodes::ping(shared, node, 0).await);
    let mut answers: FuturesUnordered<_> = others.map(|peer| ask(peer.node)).collect();
    let mut dismissed = false;
    while let Some((node, answer)) = answers.next().await {
        if let Some(answer) = answer {
            shared.liveness.met(node, !answer.out_of_touch, shared.clock.monotonic());
            dismissed |= answer.caller_removed;
        }
    }
    dismissed
}
