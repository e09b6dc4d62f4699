use openraft::Vote;
use openraft::impls::leader_id_std::LeaderId;
use openraft::raft::{VoteRequest, VoteResponse};
use ringmain_protocol::v1;
use ringmain_replication::type_config::TypeConfig;
use tonic::Code;

use crate::harness::{Cluster, as_is, must_propose, open_session};

fn campaign(term: u64, node: u64) -> Vec<u8> {
    let vote: Vote<LeaderId<u64, u64>> = Vote::new(term, node);
    postcard::to_allocvec(&VoteRequest::<TypeConfig>::new(vote, None)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pre_vote_is_refused_while_there_is_a_leader_and_disturbs_nobody() {
    let cluster = Cluster::started(3, as_is).await;
    let leader = cluster.leader().await;
    let term = cluster.node(leader).status().term;
    let (candidate, asked) = (leader % 3 + 1, (leader + 1) % 3 + 1);
    // Whoever has not heard of the leader yet may grant: what it has carried out came from the leader.
    must_propose(cluster.node(asked), &open_session("first")).await;
    let request = v1::PreVoteRequest { payload: campaign(term + 1, candidate).into() };
    let answer = cluster.link(candidate, asked).control.pre_vote(request).await.unwrap().into_inner();
    let answer: VoteResponse<TypeConfig> = postcard::from_bytes(&answer.payload).unwrap();
    assert!(!answer.vote_granted);
    must_propose(cluster.node(asked), &open_session("gateway")).await;
    assert_eq!(cluster.node(asked).status().term, term, "no new term");
    assert_eq!(cluster.leader().await, leader);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_strangers_and_to_other_nodes_are_refused() {
    let cluster = Cluster::started(3, as_is).await;
    let unnamed = cluster.stranger(1).await.ping(v1::PingRequest::default()).await.unwrap_err();
    assert_eq!(unnamed.code(), Code::FailedPrecondition);
    // Node 2's address given for node 3.
    let mut swapped = cluster.peers.clone();
    swapped[2].peer_addr = swapped[1].peer_addr.clone();
    let parties = ringmain_replication::links::Parties {
        cluster: "test".into(),
        group: ringmain_replication::type_config::GroupId(0),
        node: ringmain_routing::NodeId(1),
        generation: ringmain_replication::generation::Generation::default(),
    };
    let links = ringmain_replication::links::Links::new(parties);
    let mut link = links.to(3, &swapped[2].peer_addr).unwrap();
    let misled = link.control.ping(v1::PingRequest::default()).await.unwrap_err();
    assert!(misled.message().contains("this is node 2"), "{misled}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_message_are_refused_and_harm_nothing() {
    let cluster = Cluster::started(3, as_is).await;
    let leader = cluster.leader().await;
    let mut link = cluster.link(leader % 3 + 1, leader);
    let garbage: Vec<u8> = vec![0xff; 40];
    let append = v1::AppendEntriesRequest { payload: garbage.clone().into() };
    assert_eq!(link.control.append_entries(append).await.unwrap_err().code(), Code::InvalidArgument);
    let vote = v1::VoteRequest { payload: garbage.into() };
    assert_eq!(link.control.vote(vote).await.unwrap_err().code(), Code::InvalidArgument);
    must_propose(cluster.node(leader), &open_session("gateway")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspect_node_follows_but_grants_no_vote() {
    let mut cluster = Cluster::started(3, as_is).await;
    let node = cluster.follower().await;
    must_propose(cluster.node(node), &open_session("before")).await;
    cluster.stop(node).await;
    std::fs::remove_file(cluster.data_dir(node).join("mark")).unwrap();
    cluster.start(node).await;
    assert!(cluster.node(node).status().suspect.is_some());
    let leader = cluster.leader().await;
    let term = cluster.node(leader).status().term;
    let request = v1::VoteRequest { payload: campaign(term + 9, leader).into() };
    let refused = cluster.link(leader, node).control.vote(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("grants no vote"), "{refused}");
    must_propose(cluster.node(leader), &open_session("after")).await;
    cluster.settled().await;
}
