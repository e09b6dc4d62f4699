//! What all services of the API share.

use std::sync::Arc;
use std::time::Duration;

use ringmain_actors::{Sessions, answers_reads};
use ringmain_protocol::v1::{Error, ReadStamp};
use ringmain_replication::Replica;
use ringmain_routing::Millis;
use ringmain_telemetry::codes;
use tokio::sync::Semaphore;

use crate::convert::Life;
use crate::error;
use crate::nodes::Nodes;

/// When a client that found the node draining or read-only may come back.
const ELSEWHERE: Millis = Millis(1_000);

/// What all services of the API share.
pub(crate) struct Shared {
    pub(crate) replica: Replica,
    pub(crate) sessions: Sessions,
    pub(crate) nodes: Nodes,
    pub(crate) heartbeat: Duration,
    pub(crate) version: String,
    /// Where this node listens for HTTP.
    pub(crate) http_address: String,
    /// The group of the log.
    pub(crate) group: u32,
    /// How long clients have to leave when nobody says.
    pub(crate) drain_within: Millis,
    /// Streams of watchers and exports that may run at once: the first to be refused when there is too much.
    pub(crate) watchers: Arc<Semaphore>,
}

impl Shared {
    /// Whether new work is taken here; otherwise where to go.
    pub(crate) fn admit(&self) -> Result<(), Error> {
        if self.replica.is_draining() {
            let message = "this node takes no new sessions; go to another one";
            return Err(error::come_back(&codes::DRAINING, message, ELSEWHERE, &self.nodes.other_than_me()));
        }
        let status = self.replica.status();
        if status.read_only {
            let since = status.stale_since.map_or(0, |since| since.0);
            let message = if status.removed {
                "this node was removed from the cluster; go to another one".to_owned()
            } else {
                format!("this node has lost the majority and is read-only, stale since {since}")
            };
            return Err(error::come_back(&codes::READ_ONLY, message, ELSEWHERE, &self.nodes.other_than_me()));
        }
        Ok(())
    }

    /// Whether a read is answered here: dashboards are the first to go when there is too much in hand.
    pub(crate) fn admit_read(&self) -> Result<(), Error> {
        if answers_reads(self.replica.status().open) {
            return Ok(());
        }
        let message = "this node has too much in hand to answer reads; its work goes on, try again later";
        Err(error::come_back(&codes::OVERLOADED, message, ELSEWHERE, &self.nodes.other_than_me()))
    }

    /// The log that cursors are of at this moment.
    pub(crate) fn life(&self) -> Life {
        Life { generation: self.replica.generation(), group: self.group }
    }

    /// Takes no new sessions, keeps leadership away, and asks the clients here to go elsewhere within the time.
    pub(crate) fn drain(&self, within: Millis) {
        self.replica.set_draining(true);
        self.sessions.drain(within);
    }

    /// How old what is read at this moment is.
    pub(crate) fn stamp(&self) -> ReadStamp {
        let status = self.replica.status();
        ReadStamp {
            log_index: status.applied.0,
            at_ms: self.replica.read(|router| router.now()).0,
            age_ms: status.age.0,
            node: self.nodes.me().0,
            stale_since_ms: status.stale_since.map(|since| since.0),
        }
    }
}
