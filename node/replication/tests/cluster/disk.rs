//! Nodes whose disks are nearly full. What a node finds on its disk is told to it here by a file; what it makes of that
//! is its own.

use std::fs;
use std::future::ready;
use std::path::{Path, PathBuf};

use ringmain_replication::disk::{DiskLimits, DiskState, Room};
use ringmain_replication::files::StorageError;
use ringmain_replication::{ChangeError, ProposeError, ReplicaConfig, ReplicaRole};
use ringmain_routing::NodeId;

use crate::harness::{Cluster, LONG, PATIENCE, eventually, must_propose, open_session};

const RESERVE: u64 = 1 << 20;
/// Less than the reserve, and more than half of it.
const NEARLY_FULL: u64 = 600_000;
/// So little that the reserve has to go.
const FULL: u64 = 100_000;
const PLENTY: u64 = 1 << 40;

fn told_by_a_file(config: &mut ReplicaConfig) {
    config.disk = DiskLimits { reserve_bytes: RESERVE, used_percent_max: 100 };
    config.disk_room = |dir| {
        let free = fs::read_to_string(beside(dir)).ok().and_then(|text| text.parse().ok());
        Ok::<_, StorageError>(Room { used: PLENTY, free: free.unwrap_or(PLENTY) })
    };
}

fn beside(dir: &Path) -> PathBuf {
    dir.with_extension("free")
}

fn leave(cluster: &Cluster, node: u64, free: u64) {
    let (path, whole) = (beside(&cluster.data_dir(node)), cluster.data_dir(node).with_extension("new"));
    fs::write(&whole, free.to_string()).unwrap();
    fs::rename(whole, path).unwrap();
}

/// Waits until every node says of `node` that its disk is so.
async fn all_say(cluster: &Cluster, node: u64, state: DiskState) {
    eventually("every node says so", || {
        cluster.nodes().all(|replica| {
            let members = replica.status().members;
            members.iter().any(|one| one.peer.node == NodeId(node) && one.disk == state)
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_leader_hands_over_and_is_not_elected_again_before_it_has_room() {
    let mut cluster = Cluster::started(3, told_by_a_file).await;
    let full = cluster.leader().await;
    must_propose(cluster.node(full), &open_session("before")).await;
    leave(&cluster, full, NEARLY_FULL);
    let leads = |cluster: &Cluster| cluster.node(full).status().role == ReplicaRole::Leader;
    eventually("it hands over", || !leads(&cluster)).await;
    all_say(&cluster, full, DiskState::Full).await;
    let refused = cluster.node(full).propose(open_session("refused"), LONG).await.unwrap_err();
    assert!(matches!(refused, ProposeError::DiskFull { .. }), "{refused}");

    // Whoever of the others leads is lost: the full one has the whole log, votes, and does not stand.
    for _ in 0..3 {
        let leader = cluster.leader().await;
        assert_ne!(leader, full);
        let error = cluster.node(leader).move_leader(Some(NodeId(full)), ready(())).await.unwrap_err();
        assert!(matches!(&error, ChangeError::Refused(what) if what.contains("disk of node")), "{error}");
        cluster.stop(leader).await;
        cluster.start(leader).await;
    }
    let leader = cluster.leader().await;
    assert_ne!(leader, full);

    // It follows on its reserve, and says so.
    leave(&cluster, full, FULL);
    all_say(&cluster, full, DiskState::OnReserve).await;
    must_propose(cluster.node(leader), &open_session("goes on")).await;
    cluster.settled().await;

    leave(&cluster, full, PLENTY);
    all_say(&cluster, full, DiskState::Room).await;
    let leader = cluster.leader().await;
    let moved = cluster.node(leader).move_leader(Some(NodeId(full)), ready(())).await.unwrap();
    assert_eq!(moved.leader, NodeId(full));
    must_propose(cluster.node(full), &open_session("after")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_with_a_full_disk_stands_for_no_election_and_the_only_voter_does() {
    let mut cluster = Cluster::started(3, told_by_a_file).await;
    must_propose(cluster.node(cluster.leader().await), &open_session("before")).await;
    cluster.settled().await;
    for node in 1..=3 {
        cluster.stop(node).await;
    }
    leave(&cluster, 1, NEARLY_FULL);
    cluster.start(1).await;
    let mut leaderships = cluster.node(1).watch_leadership();
    let before = *leaderships.borrow_and_update();
    for node in 2..=3 {
        cluster.start(node).await;
    }
    let first = leaderships.wait_for(|known| known.term > before.term && known.leader.is_some());
    let first = tokio::time::timeout(PATIENCE, first).await.expect("one leads").unwrap().leader;
    assert_ne!(first, Some(NodeId(1)));
    must_propose(cluster.node(cluster.leader().await), &open_session("after")).await;
    cluster.settled().await;
    assert_eq!(cluster.node(1).status().entries, 0, "it has not led for a moment");
    let mut alone = Cluster::prepared(1, told_by_a_file).await;
    leave(&alone, 1, NEARLY_FULL);
    alone.start(1).await;
    assert_eq!(alone.leader().await, 1, "nobody else could");
}
