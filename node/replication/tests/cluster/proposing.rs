use std::time::Duration;

use ringmain_replication::{FeedRead, ProposeError};
use ringmain_routing::command::{ApplyPlan, LoseSession};
use ringmain_routing::{Command, Epoch, LogIndex, Millis, Plan, Reply, SessionState};

use crate::harness::{Cluster, LONG, applied_after, as_is, eventually, must_propose, open_session};

#[tokio::test(flavor = "multi_thread")]
async fn every_node_takes_commands_and_answers_once_it_has_applied_them_itself() {
    let cluster = Cluster::started(3, as_is).await;
    for round in 0..20 {
        for node in 1..=3 {
            let replica = cluster.node(node);
            let answer =
                replica.propose(open_session(&format!("gateway {node} {round}")), LONG).await.unwrap();
            assert!(matches!(answer.reply, Ok(Reply::Opened { epoch: Epoch(1), .. })), "{answer:?}");
            assert!(replica.read(|router| router.index()) >= answer.index, "a client reads its own write");
        }
    }
    let (last, _) = cluster.settled().await;
    assert!(last >= LogIndex(60));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commands_at_once_share_entries_and_keep_their_order() {
    let cluster = Cluster::started(3, as_is).await;
    let replica = cluster.node(cluster.follower().await);
    let names: Vec<_> = (0..2_000).map(|n| format!("gateway {n}")).collect();
    let answers =
        futures::future::join_all(names.iter().map(|name| replica.propose(open_session(name), LONG))).await;
    let indexes: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().index).collect();
    assert!(indexes.is_sorted(), "one node's commands stay in order");
    let leader = cluster.node(cluster.leader().await).status();
    assert!(leader.entries < leader.commands, "{} entries for {} commands", leader.entries, leader.commands);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linearizable_read_on_any_node_sees_what_was_acknowledged_before() {
    let cluster = Cluster::started(3, as_is).await;
    for node in 1..=3 {
        let writer = cluster.node(node % 3 + 1);
        let answer = must_propose(writer, &open_session(&format!("gateway {node}"))).await;
        assert!(cluster.node(node).read_index().await.unwrap() >= answer.index);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_fires_by_a_tick_of_the_leader_when_nothing_else_is_proposed() {
    let cluster = Cluster::started(3, as_is).await;
    let replica = cluster.node(cluster.follower().await);
    let mut plan = Plan { version: 1, ..Plan::default() };
    plan.sessions.grace = Millis(50);
    must_propose(replica, &Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None }))).await.reply.unwrap();
    let opened = must_propose(replica, &open_session("gateway")).await.reply.unwrap();
    let Reply::Opened { party, epoch } = opened else { panic!("{opened:?}") };
    let lost = must_propose(replica, &Command::LoseSession(LoseSession { party, epoch })).await;
    applied_after(replica, lost.index, |command| matches!(command, Command::Tick)).await;
    let ended = || {
        let session = replica.read(|router| router.session(party));
        session.is_some_and(|session| matches!(session.state, SessionState::None))
    };
    eventually("the session has ended", ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_majority_nothing_is_acknowledged_and_the_node_says_so() {
    let mut cluster = Cluster::started(3, |config| config.timing.read_only = Duration::from_secs(4)).await;
    let leader = cluster.leader().await;
    must_propose(cluster.node(leader), &open_session("before")).await;
    for node in (1..=3).filter(|node| *node != leader) {
        cluster.stop(node).await;
    }
    let replica = cluster.node(leader);
    let in_doubt = replica.propose(open_session("in doubt"), Millis(300)).await;
    assert_eq!(in_doubt, Err(ProposeError::Unknown), "it was sent, so nobody may say that it failed");
    eventually("the node is read-only", || replica.status().read_only).await;
    assert!(replica.status().stale_since.is_some());
    let refused = replica.propose(open_session("after"), LONG).await;
    assert!(matches!(refused, Err(ProposeError::Unavailable { .. })), "{refused:?}");
    assert!(replica.read_index().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_any_leader_is_unavailable_not_unknown() {
    let mut cluster = Cluster::prepared(3, as_is).await;
    cluster.start(2).await;
    let early = cluster.node(2).propose(open_session("early"), Millis(200)).await;
    assert!(matches!(early, Err(ProposeError::Unavailable { leader: None, .. })), "{early:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_has_each_command_once_and_in_order() {
    let cluster = Cluster::started(3, as_is).await;
    for n in 0..50 {
        must_propose(cluster.node(n % 3 + 1), &open_session(&format!("gateway {n}"))).await;
    }
    let (last, _) = cluster.settled().await;
    for replica in cluster.nodes() {
        // The feed gets a command a moment after the state has it.
        applied_after(replica, LogIndex(last.0 - 1), |_| true).await;
        let FeedRead::Entries(entries) = replica.feed().since(LogIndex(0), usize::MAX) else {
            panic!("all of it is in memory")
        };
        let indexes: Vec<_> = entries.iter().map(|one| one.index.0).collect();
        assert_eq!(indexes, (1..=last.0).collect::<Vec<_>>());
        assert!(entries.iter().map(|one| one.at).is_sorted(), "time never goes back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_a_node_with_a_leader_stays_small() {
    let cluster = Cluster::started(3, as_is).await;
    for replica in cluster.nodes() {
        eventually("the node is fresh", || replica.status().age < Millis(500)).await;
        assert!(!replica.status().read_only);
    }
}
