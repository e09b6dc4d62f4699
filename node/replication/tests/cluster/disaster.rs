//! The loss of a majority, or of everything but a backup.

use ringmain_protocol::v1;
use ringmain_replication::archive::{self, Target};
use ringmain_replication::files::SyncMeter;
use ringmain_replication::generation::Generation;
use ringmain_replication::links::{Links, Parties};
use ringmain_replication::recover::Survivor;
use ringmain_replication::type_config::GroupId;
use ringmain_routing::{Command, LogIndex, NodeId};

use crate::harness::{Cluster, RealClock, applied_after, as_is, history, must_propose, open_session};

const WALL_MS: u64 = 1_700_000_000_000;

fn meter() -> SyncMeter {
    SyncMeter::new(RealClock::start(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_survivor_of_a_lost_majority_goes_on_alone_in_a_new_generation() {
    let mut cluster = Cluster::started(3, as_is).await;
    for name in ["web", "mail"] {
        must_propose(cluster.node(2), &open_session(name)).await;
    }
    let (before, _) = cluster.settled().await;
    for node in 1..=3 {
        cluster.stop(node).await;
    }
    let me = cluster.peers[0].clone();
    let survivor = Survivor::open(&cluster.data_dir(1), "test", &me, &meter()).await.unwrap();
    assert_eq!(survivor.survey().others, [NodeId(2), NodeId(3)]);
    assert_eq!(survivor.force_new_cluster(WALL_MS).await.unwrap(), WALL_MS);

    let mut config = cluster.config(1);
    config.peers = vec![me.clone()];
    cluster.try_start(config).await.unwrap();
    assert_eq!(cluster.leader().await, 1);
    let alone = cluster.node(1);
    assert_eq!(alone.generation(), WALL_MS);
    for lost in [2, 3] {
        let of_node = |command: &Command| matches!(command, Command::NodeLost(one) if one.node.0 == lost);
        applied_after(alone, before, of_node).await;
    }
    let answer = must_propose(alone, &open_session("chat")).await;
    assert!(answer.reply.is_ok() && answer.index > before, "{answer:?}");
    assert_eq!(history(alone).await[0].log_index, LogIndex(1), "with all of its history");

    let generation = Generation::new(1);
    let of_before = Parties { cluster: "test".into(), group: GroupId(0), node: NodeId(2), generation };
    let mut link = Links::new(of_before).to(1, &me.peer_addr).unwrap();
    let refused = link.control.ping(v1::PingRequest::default()).await.unwrap_err();
    assert!(refused.message().starts_with("generation: "), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_running_cluster_is_a_new_cluster_that_goes_on() {
    let mut cluster = Cluster::started(3, as_is).await;
    must_propose(cluster.node(2), &open_session("web")).await;
    let node = cluster.follower().await;
    let reached = cluster.node(node).read_index().await.unwrap();
    let mut archive = cluster.node(node).archive("test", true).unwrap();
    assert!(archive.head().last() >= reached);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.rma");
    let mut bytes = Vec::new();
    while let Some(piece) = archive.next_piece().unwrap() {
        bytes.extend_from_slice(&piece);
    }
    std::fs::write(&file, bytes).unwrap();
    for node in 1..=3 {
        cluster.stop(node).await;
    }

    let mut config = cluster.config(3);
    config.peers = vec![cluster.peers[2].clone()];
    config.data_dir = folder.path().join("data");
    let target = Target {
        dir: config.data_dir.clone(),
        cluster: "test".into(),
        me: cluster.peers[2].clone(),
        wall_ms: WALL_MS,
    };
    let restored = archive::restore(&file, &target, &meter(), &mut |_| {}).await.unwrap();
    assert_eq!(restored.generation, WALL_MS);
    cluster.try_start(config).await.unwrap();
    let alone = cluster.node(3);
    for lost in [1, 2] {
        let of_node = |command: &Command| matches!(command, Command::NodeLost(one) if one.node.0 == lost);
        applied_after(alone, restored.head.last(), of_node).await;
    }
    must_propose(alone, &open_session("chat")).await;
    assert!(history(alone).await.len() as u64 > restored.head.log_index);
    cluster.stop(3).await;
}
