//! `cluster init`: a new cluster of one node, written into its data folder without serving anything.

use std::sync::Arc;
use std::time::Duration;

use ringmain_cluster_config::NodeConfig;
use ringmain_replication::Replica;
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
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(FailureKind::Internal, "internal", error))?;
    runtime.block_on(form(&config))?;
    let (cluster, node) = (&config.cluster, config.node);
    let answer = Answer {
        json: json!({ "cluster": cluster, "node": node.0, "voters": 1 }),
        text: vec![Block::Line(format!(
            "cluster {cluster} is formed of node {node}; start it, then add others with `ringmain cluster add`"
        ))],
    };
    output::print(&answer, args.format, false)
}

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
    let empty = match std::fs::read_dir(&config.data_dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if empty {
        return Ok(());
    }
    let message =
        format!("data_dir: {} is not empty; a new cluster needs an empty one", config.data_dir.display());
    Err(Failure::new(FailureKind::Refused, codes::MEMBERS_REFUSED.code, message))
}

async fn form(config: &NodeConfig) -> Result<(), Failure> {
    let mut alone = replica_config(config);
    alone.joining = false;
    alone.peers.retain(|peer| peer.node == config.node);
    let replica =
        Replica::start(alone, Arc::new(SystemClock::start())).await.map_err(|error| start_failure(&error))?;
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
