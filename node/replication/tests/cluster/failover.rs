use futures::stream::{FuturesUnordered, StreamExt};
use ringmain_replication::ReplicaRole;
use ringmain_routing::{Command, NodeId, Timestamp};
use std::future::ready;

use crate::harness::{Cluster, LONG, applied, as_is, eventually, history, must_propose, open_session};

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_is_lost_the_others_go_on_and_time_does_not_go_back() {
    let mut cluster = Cluster::started(3, as_is).await;
    let mut last_at = Timestamp(0);
    for round in 0..3 {
        let leader = cluster.leader().await;
        let before = must_propose(cluster.node(leader), &open_session(&format!("before {round}"))).await;
        cluster.stop(leader).await;
        let other = leader % 3 + 1;
        let after = must_propose(cluster.node(other), &open_session(&format!("after {round}"))).await;
        assert!(after.term > before.term && after.index > before.index);
        assert!(after.at >= before.at && before.at >= last_at);
        last_at = after.at;
        cluster.start(leader).await;
    }
    cluster.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_in_doubt_when_the_leader_is_lost_are_sent_again_and_take_effect_once() {
    let mut cluster = Cluster::started(3, as_is).await;
    let leader = cluster.leader().await;
    let (forwarding, other) = (leader % 3 + 1, (leader + 1) % 3 + 1);
    let replica = cluster.node(forwarding).clone();
    let names: Vec<_> = (0..3_000).map(|n| format!("gateway {n}")).collect();
    let mut proposals: FuturesUnordered<_> =
        names.iter().map(|name| replica.propose(open_session(name), LONG)).collect();
    // Some are answered, so the rest is under way.
    for _ in 0..100 {
        proposals.next().await.unwrap().unwrap();
    }
    let stopping = cluster.stop(leader);
    let answering = async {
        let mut indexes = Vec::new();
        while let Some(answer) = proposals.next().await {
            indexes.push(answer.unwrap().index);
        }
        indexes
    };
    let ((), indexes) = tokio::join!(stopping, answering);
    assert_eq!(indexes.len(), names.len() - 100);
    cluster.settled().await;
    let records = history(cluster.node(other)).await;
    let mut opened: Vec<_> = records
        .iter()
        .filter_map(|record| {
            let command = Command::decode(&record.command).unwrap();
            if let Command::OpenSession(open) = command { Some(open.name) } else { None }
        })
        .collect();
    assert_eq!(opened.len(), names.len(), "each once");
    opened.sort();
    opened.dedup();
    assert_eq!(opened.len(), names.len(), "and none twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_node_is_declared_lost_with_the_run_it_was_in() {
    let mut cluster = Cluster::started(3, as_is).await;
    let silent = cluster.follower().await;
    applied(
        cluster.node(cluster.leader().await),
        |command| matches!(command, Command::NodeStarted(started) if started.node == NodeId(silent)),
    )
    .await;
    let run = cluster.node(silent).status().incarnation;
    cluster.stop(silent).await;
    for replica in cluster.nodes() {
        applied(
            replica,
            |command| matches!(command, Command::NodeLost(lost) if lost.node == NodeId(silent) && lost.incarnation == run),
        )
        .await;
    }
    cluster.start(silent).await;
    let again = cluster.node(silent).status().incarnation;
    assert!(again > run);
    let started =
        |command: &Command| matches!(command, Command::NodeStarted(started) if started.incarnation == again);
    applied(cluster.node(silent), started).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_is_handed_over_without_losing_a_command() {
    let cluster = Cluster::started(3, as_is).await;
    let leader = cluster.leader().await;
    let target = leader % 3 + 1;
    let replica = cluster.node((leader + 1) % 3 + 1);
    let names: Vec<_> = (0..500).map(|n| format!("gateway {n}")).collect();
    let proposing =
        futures::future::join_all(names.iter().map(|name| replica.propose(open_session(name), LONG)));
    let handing_over = cluster.node(leader).move_leader(Some(NodeId(target)), ready(()));
    let (answers, handed_over) = tokio::join!(proposing, handing_over);
    let moved = handed_over.unwrap();
    assert_eq!((moved.from, moved.leader), (NodeId(leader), NodeId(target)));
    for answer in answers {
        answer.unwrap();
    }
    eventually("the target leads", || cluster.node(target).status().role == ReplicaRole::Leader).await;
}
