//! What a change of members would come to, asked beforehand.

use ringmain_replication::{ChangeError, Inbound, Known, Outbound, Part, Peer, Replica, ReplicaRole};
use ringmain_routing::NodeId;
use std::future::ready;
use tokio::sync::mpsc;

use crate::harness::{Cluster, as_is, eventually, must_propose, open_session};

async fn leader(cluster: &Cluster) -> &Replica {
    cluster.node(cluster.leader().await)
}

/// What the log holds and who takes part: what a trial must not touch.
fn traces(replica: &Replica) -> (u64, u64, usize) {
    let status = replica.status();
    (status.term, status.raft_last, replica.members().nodes.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_says_what_would_come_of_it_and_changes_nothing() {
    let mut cluster = Cluster::started(3, as_is).await;
    must_propose(cluster.node(1), &open_session("gateway")).await;
    cluster.settled().await;
    let peer = cluster.start_joining(4).await;
    let before = traces(leader(&cluster).await);
    let tried = leader(&cluster).await.try_add_node(&peer).await.unwrap();
    assert_eq!(tried, Inbound { known: Known::Stranger, voters: 4 });
    let me = cluster.leader().await;
    let heir = match cluster.node(me).try_remove_node(NodeId(me)).await.unwrap() {
        Outbound { part: Part::Leader { heir }, voters: 2 } => heir,
        other => panic!("{other:?}"),
    };
    assert_ne!(heir, NodeId(me));
    let other = cluster.node(me).try_remove_node(heir).await.unwrap();
    assert_eq!(other, Outbound { part: Part::Voter, voters: 2 });
    let moved = cluster.node(me).try_move_leader(Some(heir)).await.unwrap();
    assert_eq!((moved.from, moved.leader), (NodeId(me), heir));
    assert_eq!(traces(cluster.node(me)), before, "nothing was written, and the same node leads");
    let request = ringmain_protocol::v1::PreVoteRequest::default();
    let refused = cluster.link(me, 4).control.pre_vote(request).await.unwrap_err();
    assert!(refused.message().contains("was not asked"), "the node goes on waiting: {refused}");

    cluster.add(&peer).await;
    let again = leader(&cluster).await.try_add_node(&peer).await.unwrap();
    assert_eq!(again, Inbound { known: Known::Voter, voters: 4 });
    cluster.remove(4).await;
    let gone = leader(&cluster).await.try_remove_node(NodeId(4)).await.unwrap();
    assert_eq!(gone, Outbound { part: Part::None, voters: 3 });
}

/// The refusal, which must be the same for the trial and the change.
async fn refusal_of_adding(cluster: &Cluster, peer: &Peer) -> ChangeError {
    let replica = leader(cluster).await;
    let tried = replica.try_add_node(peer).await.unwrap_err();
    let (progress, _kept) = mpsc::channel(64);
    assert_eq!(replica.add_node(peer, &progress, ready(())).await.unwrap_err(), tried);
    tried
}

async fn refusal_of_removing(replica: &Replica, node: u64) -> ChangeError {
    let tried = replica.try_remove_node(NodeId(node)).await.unwrap_err();
    let (progress, _kept) = mpsc::channel(64);
    assert_eq!(replica.remove_node(NodeId(node), &progress, ready(())).await.unwrap_err(), tried);
    tried
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_is_refused_in_the_words_of_the_change() {
    let mut cluster = Cluster::started(1, as_is).await;
    let says = |error: ChangeError, word: &str| assert!(error.to_string().contains(word), "{error}");
    says(refusal_of_removing(cluster.node(1), 1).await, "last voter");
    says(refusal_of_removing(cluster.node(1), 9).await, "no member");
    let elsewhere = Peer { node: NodeId(1), ..cluster.new_peer(9).await };
    says(refusal_of_adding(&cluster, &elsewhere).await, "member already");
    let absent = cluster.new_peer(8).await;
    says(refusal_of_adding(&cluster, &absent).await, "cannot be reached");
    let foreign = cluster.new_peer(5).await;
    let mut config = cluster.config(5);
    (config.cluster, config.peers, config.joining) = ("south".into(), vec![foreign.clone()], true);
    cluster.try_start(config).await.unwrap();
    let one = cluster.node(1);
    let tried = one.try_add_node(&foreign).await.unwrap_err();
    says(tried, "\"south\"");
    let tried = one.try_move_leader(None).await.unwrap_err();
    assert_eq!(one.move_leader(None, ready(())).await.unwrap_err(), tried);
    assert_eq!(one.try_move_leader(Some(NodeId(1))).await.unwrap().leader, NodeId(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_leader_tries() {
    let cluster = Cluster::started(3, as_is).await;
    let leader = cluster.leader().await;
    let follower = cluster.node(leader % 3 + 1);
    eventually("it follows", || follower.status().role == ReplicaRole::Follower).await;
    let expected = ChangeError::NotLeader { leader: Some(NodeId(leader)) };
    assert_eq!(follower.try_remove_node(NodeId(1)).await.unwrap_err(), expected);
    assert_eq!(follower.try_move_leader(None).await.unwrap_err(), expected);
}
