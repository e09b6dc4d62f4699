//! `cluster init`: a new cluster of one node, written into its data folder without serving anything.

use std::sync::Arc;
use std::time::Duration;

use ringmain_cluster_config::NodeConfig;
use ringmain_replication::files::may_be_written;
use ringmain_replication::{Replica, ReplicaConfig};
use ringmain_telemetry::codes;
use serde_json::json;

use crate::cli::InitArgs;
use crate::clock::SystemClock;
use crate::commands::start::load;
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block};
use crate::running::{replica_config, start_failure};

/// A node alone elects itself at once; its disk may be slow.
const FORMED_WITHIN: Duration = Duration::from_secs(30);

/// Forms the cluster.
pub(super) fn run(args: &InitArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    check(&config, args.solo)?;
    if args.dry_run {
        return output::print(&would_form(&config), args.format, false);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(FailureKind::Internal, "internal", error))?;
    runtime.block_on(form(&config))?;
    let (cluster, node) = (&config.cluster, config.node);
    let answer = Answer {
        json: json!({ "cluster": cluster, "node": node.0, "voters": 1, "dry_run": false }),
        text: vec![Block::Line(format!(
            "cluster {cluster} is formed of node {node}; start it, then add others with `ringmain cluster add`"
        ))],
    };
    output::print(&answer, args.format, false)
}

fn would_form(config: &NodeConfig) -> Answer {
    let (cluster, node, dir) = (&config.cluster, config.node, config.data_dir.display());
    Answer {
        json: json!({ "cluster": cluster, "node": node.0, "voters": 1, "dry_run": true }),
        text: vec![Block::Line(format!(
            "would form cluster {cluster} of node {node} in {dir}; nothing was written (--dry-run)"
        ))],
    }
}

/// Everything that speaks against it and can be known before.
fn check(config: &NodeConfig, solo: bool) -> Result<(), Failure> {
    let invalid =
        |message: String| Err(Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, message));
    if config.peers.len() > 1 && !solo {
        return invalid(format!(
            "peers: lists {} nodes, which form their cluster by themselves when they are started; --solo forms one \
             of this node alone",
            config.peers.len()
        ));
    }
    alone(config).check().map_err(|error| start_failure(&error))?;
    let dir = &config.data_dir;
    let refused = |what: &str| {
        let message = format!("data_dir: {} {what}", dir.display());
        Err(Failure::new(FailureKind::Refused, codes::MEMBERS_REFUSED.code, message))
    };
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries.count(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return refused(&format!("cannot be read: {error}")),
    };
    if entries > 0 {
        return refused("is not empty; a new cluster needs an empty one");
    }
    if !may_be_written(dir) {
        return refused("cannot be made or written by this user");
    }
    Ok(())
}

/// The replica that forms the cluster.
fn alone(config: &NodeConfig) -> ReplicaConfig {
    let mut alone = replica_config(config);
    alone.joining = false;
    alone.peers.retain(|peer| peer.node == config.node);
    alone
}

async fn form(config: &NodeConfig) -> Result<(), Failure> {
    let replica = Replica::start(alone(config), Arc::new(SystemClock::start()))
        .await
        .map_err(|error| start_failure(&error))?;
    let mut leadership = replica.watch_leadership();
    let formed = leadership.wait_for(|known| known.leader == Some(config.node));
    let formed = tokio::time::timeout(FORMED_WITHIN, formed).await.is_ok_and(|known| known.is_ok());
    replica.shutdown().await;
    if formed {
        return Ok(());
    }
    let message = "the node did not become leader of its own cluster; see its log";
    Err(Failure::new(FailureKind::Node, codes::FATAL.code, message))
}
