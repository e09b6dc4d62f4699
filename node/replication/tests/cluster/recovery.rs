use ringmain_replication::ReplicaConfig;
use ringmain_replication::files::SyncMeter;
use ringmain_replication::snapshot_files::Snapshots;
use ringmain_replication::type_config::GroupId;
use ringmain_routing::{Command, Incarnation, LogIndex, NodeId};

use crate::harness::{Cluster, RealClock, as_is, eventually, history, must_propose, open_session};

#[tokio::test(flavor = "multi_thread")]
async fn after_all_nodes_stop_and_start_everything_is_there_and_time_goes_on() {
    let mut cluster = Cluster::started(3, as_is).await;
    let mut last = must_propose(cluster.node(1), &open_session("first")).await;
    for n in 0..100 {
        last = must_propose(cluster.node(n % 3 + 1), &open_session(&format!("gateway {n}"))).await;
    }
    for node in 1..=3 {
        cluster.stop(node).await;
    }
    for node in 1..=3 {
        cluster.start(node).await;
    }
    let next = must_propose(cluster.node(2), &open_session("next")).await;
    assert!(next.index > last.index && next.at >= last.at);
    let (index, _) = cluster.settled().await;
    for replica in cluster.nodes() {
        let indexes: Vec<_> = history(replica).await.iter().map(|record| record.log_index.0).collect();
        assert!(indexes.len() as u64 >= index.0);
        assert_eq!(indexes, (1..=indexes.len() as u64).collect::<Vec<_>>());
    }
}

fn small(config: &mut ReplicaConfig) {
    config.segment_records = 16;
    config.entries_kept = 0;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lags_behind_the_log_gets_a_snapshot_and_the_history_it_lacks() {
    let mut cluster = Cluster::started(3, small).await;
    let lagging = cluster.follower().await;
    must_propose(cluster.node(lagging), &open_session("before")).await;
    cluster.stop(lagging).await;
    for n in 0..100 {
        let leader = cluster.leader().await;
        must_propose(cluster.node(leader), &open_session(&format!("gateway {n}"))).await;
    }
    for replica in cluster.nodes() {
        let applied = replica.status().raft_applied;
        replica.trigger_snapshot().await;
        eventually("the log is purged up to the snapshot", || replica.status().raft_purged >= applied).await;
    }
    cluster.start(lagging).await;
    let leader = cluster.leader().await;
    must_propose(cluster.node(leader), &open_session("after")).await;
    let (last, _) = cluster.settled().await;
    let late = cluster.node(lagging);
    assert!(late.status().snapshot.is_some());
    let (own, theirs) = (history(late).await, history(cluster.node(leader)).await);
    assert!(own.len().min(theirs.len()) as u64 >= last.0);
    assert!(own.iter().zip(&theirs).all(|(own, theirs)| own == theirs), "the same history");
    assert!(own.iter().map(|record| record.log_index.0).eq(1..=own.len() as u64), "and whole");
    must_propose(late, &open_session("from the node that lagged")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_announcement_of_a_start_is_in_the_log_of_each_run() {
    let mut cluster = Cluster::started(1, as_is).await;
    must_propose(cluster.node(1), &open_session("gateway")).await;
    cluster.stop(1).await;
    cluster.start(1).await;
    let started = || {
        let records = cluster.node(1).history(LogIndex(0), usize::MAX).unwrap();
        let runs = records.iter().filter_map(|record| match Command::decode(&record.command) {
            Ok(Command::NodeStarted(started)) => Some(started.incarnation.0),
            Ok(_) | Err(_) => None,
        });
        runs.collect::<Vec<_>>()
    };
    eventually("both starts are announced", || started() == [1, 2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_damaged_history_gets_it_back_from_its_peers() {
    let mut cluster = Cluster::started(3, small).await;
    for n in 0..40 {
        must_propose(cluster.node(n % 3 + 1), &open_session(&format!("gateway {n}"))).await;
    }
    cluster.settled().await;
    let node = cluster.follower().await;
    let replica = cluster.node(node);
    replica.trigger_snapshot().await;
    eventually("there is a snapshot", || replica.status().snapshot.is_some()).await;
    cluster.stop(node).await;
    let segment = |first: u64| cluster.data_dir(node).join(format!("history/segment-{first:020}.rms"));
    // A full one between header and seal, and the one that is being written.
    let (full, tail) = (segment(1), segment(33));
    let sound = std::fs::read(&full).unwrap();
    for path in [&full, &tail] {
        let mut bytes = std::fs::read(path).unwrap();
        bytes[100] ^= 8;
        std::fs::write(path, bytes).unwrap();
    }

    cluster.start(node).await;
    eventually("the damaged one is back", || std::fs::read(&full).is_ok_and(|bytes| bytes == sound)).await;
    must_propose(cluster.node(node), &open_session("after")).await;
    let (last, _) = cluster.settled().await;
    let healed = history(cluster.node(node)).await;
    assert!(healed.len() as u64 >= last.0);
    assert!(healed.iter().map(|record| record.log_index.0).eq(1..=healed.len() as u64), "it is whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_snapshot_differs_from_the_leaders_at_the_same_entry_stops() {
    let mut cluster = Cluster::started(3, small).await;
    for n in 0..40 {
        must_propose(cluster.node(n % 3 + 1), &open_session(&format!("gateway {n}"))).await;
    }
    cluster.settled().await;
    for replica in cluster.nodes() {
        replica.trigger_snapshot().await;
    }
    eventually("all have one at the same entry", || {
        let mut at: Vec<_> = cluster.nodes().map(|replica| replica.status().snapshot).collect();
        at.dedup();
        at.len() == 1 && at[0].is_some()
    })
    .await;
    let node = cluster.follower().await;
    cluster.stop(node).await;
    plant_a_difference(&cluster.data_dir(node));
    cluster.start(node).await;
    let failed = cluster.node(node).failed().await;
    assert!(
        failed.contains("the state differs from that of node") && failed.contains("snapshot"),
        "{failed}"
    );
    // The others agree, and go on.
    let other = node % 3 + 1;
    must_propose(cluster.node(other), &open_session("after")).await;
}

/// Puts a snapshot in the place of the last one that differs where no chain shows it: in the proposals that it holds.
fn plant_a_difference(dir: &std::path::Path) {
    let meter = SyncMeter::new(RealClock::start(0));
    let snapshots = Snapshots::open(dir, GroupId(0), meter).unwrap();
    let last = snapshots.load().unwrap().pop().unwrap();
    let mut head = last.head().clone();
    head.origins.insert(NodeId(99), (Incarnation(1), 1));
    snapshots.save(&head, &last.router_bytes().unwrap()).unwrap();
}
