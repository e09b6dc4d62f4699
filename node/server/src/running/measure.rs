//! What `/metrics` shows: the exporter, and the figures that are looked at when it is asked.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use ringmain_cluster_config::node::PeerConfig;
use ringmain_replication::{Replica, ReplicaRole, ReplicaStatus};
use ringmain_telemetry::{Kind, METRICS, begin, labels, names};

/// Installs the exporter for the whole process, with the labels that every metric has.
///
/// # Errors
/// When another one is installed.
pub(super) fn install(cluster: &str, me: &PeerConfig) -> Result<PrometheusHandle, BuildError> {
    let mut builder = PrometheusBuilder::new()
        .add_global_label(labels::CLUSTER, cluster)
        .add_global_label(labels::NODE, me.node.to_string())
        .add_global_label(labels::REGION, me.region.clone())
        .add_global_label(labels::GROUP, "0");
    for metric in METRICS {
        if let Kind::Histogram(buckets) = metric.kind {
            builder =
                builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets.bounds())?;
        }
    }
    let handle = builder.install_recorder()?;
    begin();
    metrics::gauge!(names::BUILD, labels::VERSION => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

/// Sets what a replica knows of itself. Called for each scrape, so that nothing is counted while nobody looks.
pub(super) fn look(replica: &Replica) {
    let status = replica.status();
    raft(&status);
    metrics::gauge!(names::APPLIED_INDEX).set(status.applied.0 as f64);
    metrics::gauge!(names::LEADER_SILENCE).set(if status.role == ReplicaRole::Leader {
        0.0
    } else {
        seconds(status.age.0)
    });
    metrics::gauge!(names::READ_ONLY).set(f64::from(u8::from(status.read_only)));
    let syncs = status.log_syncs;
    metrics::counter!(names::LOG_SYNCS).absolute(syncs.count);
    metrics::counter!(names::LOG_WRITTEN).absolute(syncs.bytes);
    metrics::gauge!(names::LOG_SYNC_MEAN).set(syncs.total.as_secs_f64() / (syncs.count.max(1) as f64));
    metrics::gauge!(names::LOG_SYNC_SECONDS).set(syncs.total.as_secs_f64());
    metrics::gauge!(names::LOG_SUSPECT).set(f64::from(u8::from(status.suspect.is_some())));
    metrics::counter!(names::ENTRIES_PROPOSED).absolute(status.entries);
    metrics::counter!(names::COMMANDS_PROPOSED).absolute(status.commands);
    metrics::gauge!(names::PROPOSALS_PENDING).set(status.open as f64);
    if let Some(difference) = status.wall_difference {
        metrics::gauge!(names::CLOCK_OFFSET).set(seconds(difference.0));
    }
}

fn raft(status: &ReplicaStatus) {
    metrics::gauge!(names::RAFT_TERM).set(status.term as f64);
    metrics::gauge!(names::RAFT_IS_LEADER).set(f64::from(u8::from(status.role == ReplicaRole::Leader)));
    metrics::gauge!(names::RAFT_LAST_INDEX).set(status.raft_last as f64);
    metrics::gauge!(names::RAFT_COMMITTED_INDEX).set(status.raft_committed as f64);
    metrics::gauge!(names::RAFT_APPLIED_INDEX).set(status.raft_applied as f64);
    metrics::gauge!(names::SNAPSHOT_INDEX).set(status.snapshot.unwrap_or(0) as f64);
    for peer in &status.peers {
        metrics::gauge!(names::PEER_LAG, labels::PEER => peer.node.to_string()).set(peer.lag as f64);
    }
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}
