//! Whether clients should be sent to this node, told over HTTP and the standard gRPC health service alike. A node
//! that loses the majority asks its clients to go elsewhere.

use std::sync::Arc;
use std::time::Duration;

use ringmain_routing::Millis;
use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::shared::Shared;

/// Names under which the health service speaks of this node: as a whole and by service.
const SERVICES: &[&str] = &[
    "",
    "ringmain.v1.GatewayService",
    "ringmain.v1.OperatorService",
    "ringmain.v1.SupervisorService",
    "ringmain.v1.AdminService",
    "ringmain.v1.ClusterService",
];
/// How often the readiness is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long clients of a read-only node have until they should be elsewhere.
const LEAVE_WITHIN: Millis = Millis(1_000);
/// Commands known to be committed and not yet applied here; with more the node is behind.
const BEHIND_MAX: u64 = 10_000;

/// One condition of readiness.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) passed: bool,
    pub(crate) detail: String,
}

/// Answers whether the node is ready.
#[derive(Clone)]
pub(crate) struct Readiness {
    shared: Arc<Shared>,
}

impl Readiness {
    pub(crate) fn new(shared: Arc<Shared>) -> Readiness {
        Readiness { shared }
    }

    /// Why the node has stopped, if it has.
    pub(crate) fn fatal(&self) -> Option<String> {
        self.shared.replica.status().fatal
    }

    pub(crate) fn checks(&self) -> Vec<Check> {
        let status = self.shared.replica.status();
        let behind = status.raft_committed.saturating_sub(status.raft_applied);
        let draining = status.draining;
        let leader = status.leader.map_or("none known".to_owned(), |leader| format!("node {leader}"));
        let stale = status.stale_since.map(|since| format!("read-only, stale since {}", since.0));
        vec![
            Check {
                name: "replica",
                passed: status.fatal.is_none(),
                detail: status.fatal.unwrap_or_else(|| "runs".into()),
            },
            Check {
                name: "member",
                passed: !status.removed,
                detail: if status.removed { "removed from the cluster".into() } else { "not removed".into() },
            },
            Check {
                name: "majority",
                passed: !status.read_only,
                detail: stale.unwrap_or_else(|| format!("heard {} ms ago", status.age.0)),
            },
            Check { name: "leader", passed: status.leader.is_some(), detail: leader },
            Check {
                name: "caught-up",
                passed: behind <= BEHIND_MAX,
                detail: format!("{behind} entries behind, applied log index {}", status.applied),
            },
            Check {
                name: "disk",
                passed: !status.disk_full,
                detail: format!("{} bytes free", status.disk_free),
            },
            Check {
                name: "accepting",
                passed: !draining,
                detail: if draining { "draining".into() } else { "takes new sessions".into() },
            },
        ]
    }

    fn is_ready(&self) -> bool {
        self.checks().iter().all(|check| check.passed)
    }
}

/// Keeps the health service up to date until the node stops, and sends clients away from a read-only node.
pub(crate) async fn follow(readiness: Readiness, reporter: HealthReporter, mut stop: watch::Receiver<bool>) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    let (mut was_ready, mut was_read_only) = (None, false);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            _ = stop.changed() => return,
        }
        let ready = readiness.is_ready();
        if was_ready != Some(ready) {
            report(&reporter, ready).await;
            was_ready = Some(ready);
        }
        let read_only = readiness.shared.replica.status().read_only;
        if read_only && !was_read_only {
            readiness.shared.sessions.drain(LEAVE_WITHIN);
        }
        was_read_only = read_only;
    }
}

async fn report(reporter: &HealthReporter, ready: bool) {
    let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
    for service in SERVICES {
        reporter.set_service_status(*service, status).await;
    }
}
