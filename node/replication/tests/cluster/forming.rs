use ringmain_replication::{ReplicaRole, StartError};
use ringmain_routing::NodeId;
use tonic::Code;

use crate::harness::{Cluster, as_is, must_propose, open_session};

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_forms_whatever_the_order_in_which_its_nodes_start() {
    let mut cluster = Cluster::prepared(3, as_is).await;
    for node in [3, 1, 2] {
        cluster.start(node).await;
    }
    must_propose(cluster.node(3), &open_session("gateway")).await;
    cluster.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_folder_was_wiped_takes_no_part_under_its_old_id() {
    let mut cluster = Cluster::started(3, as_is).await;
    must_propose(cluster.node(1), &open_session("gateway")).await;
    for node in [1, 3] {
        cluster.stop(node).await;
        std::fs::remove_dir_all(cluster.data_dir(node)).unwrap();
        cluster.start(node).await;
    }
    // The one with the lowest id would form a cluster, and learns that there is one.
    let reason = cluster.node(1).failed().await;
    assert!(reason.contains("data_dir") && reason.contains("under a new id"), "{reason}");
    let request = ringmain_protocol::v1::PreVoteRequest::default();
    let refused = cluster.link(2, 3).control.pre_vote(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("data_dir"), "{refused}");
    assert_eq!(cluster.node(3).status().role, ReplicaRole::Learner);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_of_another_cluster_or_node_is_refused_with_both_names() {
    let mut cluster = Cluster::started(1, as_is).await;
    cluster.stop(1).await;
    let mut foreign = cluster.config(1);
    foreign.cluster = "other".into();
    let error = cluster.try_start(foreign).await.unwrap_err();
    assert!(matches!(error, StartError::Storage(_)));
    let text = error.to_string();
    assert!(text.contains("\"test\"") && text.contains("\"other\""), "{text}");
    cluster.start(1).await;
    must_propose(cluster.node(1), &open_session("gateway")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_in_use_is_refused() {
    let mut cluster = Cluster::started(1, as_is).await;
    let config = cluster.config(1);
    let error = cluster.try_start(config).await.unwrap_err().to_string();
    assert!(error.contains("in use"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_contradicts_itself_is_refused() {
    let mut cluster = Cluster::prepared(2, as_is).await;
    let mut absent = cluster.config(1);
    absent.peers.remove(0);
    assert!(matches!(cluster.try_start(absent).await, Err(StartError::Config(_))));
    let mut twice = cluster.config(1);
    twice.peers[1].node = NodeId(1);
    assert!(matches!(cluster.try_start(twice).await, Err(StartError::Config(_))));
    let mut nowhere = cluster.config(1);
    nowhere.peers[1].peer_addr = "not an address".into();
    let error = cluster.try_start(nowhere).await.unwrap_err().to_string();
    assert!(error.contains("node 2"), "{error}");
}
