use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures::future::join;
use ringmain_replication::{
    ChangeError, Peer, ProposeError, Removing, Replica, ReplicaConfig, ReplicaRole, ReplicaStatus, Standing,
    StartError,
};
use ringmain_routing::{Command, Millis, NodeId, SessionState};
use tokio::sync::mpsc;

use crate::harness::{Cluster, LONG, applied, as_is, eventually, history, must_propose, open_session};

fn voters(replica: &Replica) -> Vec<u64> {
    replica.members().voter_ids().into_iter().map(|node| node.0).collect()
}

async fn add_in_vain(cluster: &Cluster, peer: &Peer) -> ChangeError {
    let (progress, _kept) = mpsc::channel(64);
    cluster.node(cluster.leader().await).add_node(peer, &progress, ready(())).await.unwrap_err()
}

async fn remove_in_vain(cluster: &Cluster, node: u64) -> ChangeError {
    let (progress, _kept) = mpsc::channel(64);
    cluster.node(cluster.leader().await).remove_node(NodeId(node), &progress, ready(())).await.unwrap_err()
}

/// Proposes through these nodes until told to stop; returns how many were acknowledged.
async fn load(replicas: &[Replica], stop: &AtomicBool, count: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        let n = count.load(Ordering::Relaxed);
        let replica = &replicas[n as usize % replicas.len()];
        match replica.propose(open_session(&format!("load {n}")), LONG).await {
            Ok(_) => count.fetch_add(1, Ordering::Relaxed),
            Err(ProposeError::Unavailable { .. } | ProposeError::Overloaded { .. }) => {
                tokio::task::yield_now().await;
                continue;
            }
            Err(error) => panic!("{error}"),
        };
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_grows_from_one_to_five_and_shrinks_to_three_under_load_without_a_loss() {
    let mut cluster = Cluster::started(1, as_is).await;
    let first = cluster.node(1).clone();
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (stopping, counting) = (Arc::clone(&stop), Arc::clone(&count));
    let changing = async {
        for node in 2..=5 {
            let peer = cluster.start_joining(node).await;
            cluster.add(&peer).await;
            assert_eq!(voters(cluster.node(cluster.leader().await)).len() as u64, node);
        }
        for node in [4, 5] {
            cluster.remove(node).await;
            eventually("the removed node knows", || cluster.node(node).status().removed).await;
            cluster.stop(node).await;
        }
        stopping.store(true, Ordering::Relaxed);
    };
    let replicas = [first];
    join(changing, load(&replicas, &stop, &counting)).await;
    cluster.settled().await;
    let acknowledged = count.load(Ordering::Relaxed);
    for replica in cluster.nodes() {
        assert_eq!(voters(replica), [1, 2, 3]);
        let opened = history(replica).await.iter().filter(|record| is_open(&record.command)).count();
        assert_eq!(opened as u64, acknowledged, "each once");
    }
}

fn is_open(frame: &[u8]) -> bool {
    matches!(Command::decode(frame), Ok(Command::OpenSession(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_waits_takes_no_part_until_it_is_asked() {
    let mut cluster = Cluster::started(3, as_is).await;
    let peer = cluster.start_joining(4).await;
    let request = ringmain_protocol::v1::PreVoteRequest::default();
    let refused = cluster.link(1, 4).control.pre_vote(request).await.unwrap_err();
    assert!(refused.message().contains("data_dir"), "{refused}");
    assert_eq!(cluster.node(4).status().leader, None);
    cluster.add(&peer).await;
    must_propose(cluster.node(4), &open_session("through the new one")).await;
    cluster.settled().await;
}

fn small(config: &mut ReplicaConfig) {
    config.segment_records = 16;
    config.entries_kept = 0;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_joins_behind_the_log_gets_snapshot_and_history() {
    let mut cluster = Cluster::started(1, small).await;
    for n in 0..100 {
        must_propose(cluster.node(1), &open_session(&format!("gateway {n}"))).await;
    }
    let applied = cluster.node(1).status().raft_applied;
    cluster.node(1).trigger_snapshot().await;
    eventually("the log is purged", || cluster.node(1).status().raft_purged >= applied).await;
    let peer = cluster.start_joining(2).await;
    cluster.add(&peer).await;
    cluster.settled().await;
    eventually("it shows the snapshot it got", || cluster.node(2).status().snapshot.is_some()).await;
    let (own, theirs) = (history(cluster.node(2)).await, history(cluster.node(1)).await);
    assert!(own.iter().zip(&theirs).all(|(own, theirs)| own == theirs) && own.len() >= 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_removed_hands_over_first() {
    let mut cluster = Cluster::started(3, as_is).await;
    let leader = cluster.leader().await;
    let (progress, mut told) = mpsc::channel(64);
    let error = cluster.node(leader).remove_node(NodeId(leader), &progress, ready(())).await.unwrap_err();
    assert!(matches!(error, ChangeError::NotLeader { leader: Some(_) }), "{error}");
    assert_eq!(told.recv().await, Some(Removing::LeaderMoved));
    assert_eq!(voters(cluster.node(leader)).len(), 3, "nothing was changed yet");
    cluster.remove(leader).await;
    eventually("it knows", || cluster.node(leader).status().removed).await;
    assert!(cluster.node(leader).status().read_only);
    let other = leader % 3 + 1;
    must_propose(cluster.node(other), &open_session("after")).await;
    cluster.stop(leader).await;
    let error = cluster.try_start(cluster.config(leader)).await.unwrap_err();
    assert!(matches!(error, StartError::Removed { .. }) && error.to_string().contains("new id"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_away_while_it_was_removed_learns_it_when_it_comes_back() {
    let mut cluster = Cluster::started(3, impatient).await;
    let away = cluster.follower().await;
    cluster.stop(away).await;
    cluster.remove(away).await;
    cluster.start(away).await;
    eventually("it asks and is told", || cluster.node(away).status().removed).await;
    let left = away % 3 + 1;
    must_propose(cluster.node(left), &open_session("after")).await;
    assert_eq!(voters(cluster.node(left)).len(), 2);
}

/// Nodes ask whether they are members as soon as they hear no leader.
fn impatient(config: &mut ReplicaConfig) {
    config.timing.read_only = std::time::Duration::from_secs(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sessions_of_a_node_that_was_removed_are_lost() {
    let cluster = Cluster::started(3, as_is).await;
    let leaving = cluster.follower().await;
    let run = cluster.node(leaving).status().incarnation;
    let Command::OpenSession(mut open) = open_session("gateway") else { unreachable!() };
    (open.node, open.incarnation) = (NodeId(leaving), run);
    must_propose(cluster.node(leaving), &Command::OpenSession(open)).await;
    cluster.remove(leaving).await;
    let leader = cluster.leader().await;
    let lost = |command: &Command| matches!(command, Command::NodeLost(lost) if lost.node == NodeId(leaving));
    applied(cluster.node(leader), lost).await;
    eventually("the session is in grace", || {
        cluster.node(leader).read(|router| {
            router.sessions().all(|session| !matches!(session.state, SessionState::Live { .. }))
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_never_comes_back_even_when_its_node_never_said_a_word() {
    let mut cluster = Cluster::started(3, as_is).await;
    let peer = cluster.start_joining(4).await;
    cluster.add(&peer).await;
    cluster.remove(4).await;
    cluster.stop(4).await;
    std::fs::remove_dir_all(cluster.data_dir(4)).unwrap();
    cluster.start_joining(4).await;
    let error = add_in_vain(&cluster, &peer).await;
    assert!(matches!(&error, ChangeError::Refused(what) if what.contains("never comes back")), "{error}");
    let fresh = cluster.start_joining(5).await;
    cluster.add(&fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_folder_was_wiped_is_not_taken_in_under_its_old_id() {
    let mut cluster = Cluster::started(3, as_is).await;
    let peer = cluster.start_joining(4).await;
    cluster.add(&peer).await;
    cluster.stop(4).await;
    std::fs::remove_dir_all(cluster.data_dir(4)).unwrap();
    cluster.start_joining(4).await;
    // It is a voter in the membership, so there is nothing to add; and it answers no call of Raft.
    cluster.add(&peer).await;
    let request = ringmain_protocol::v1::PreVoteRequest::default();
    let refused = cluster.link(1, 4).control.pre_vote(request).await.unwrap_err();
    assert!(refused.message().contains("under a new id"), "{refused}");
    cluster.remove(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_voter_a_stranger_and_a_majority_that_would_not_live_are_refused() {
    let mut cluster = Cluster::started(1, as_is).await;
    let last = remove_in_vain(&cluster, 1).await;
    assert!(matches!(&last, ChangeError::Refused(what) if what.contains("last voter")), "{last}");
    let stranger = remove_in_vain(&cluster, 9).await;
    assert!(matches!(&stranger, ChangeError::Refused(what) if what.contains("no member")), "{stranger}");
    for node in [2, 3] {
        let peer = cluster.start_joining(node).await;
        cluster.add(&peer).await;
    }
    let leader = cluster.leader().await;
    let (dead, alive) = (leader % 3 + 1, (leader + 1) % 3 + 1);
    cluster.stop(dead).await;
    let missed = |status: ReplicaStatus| {
        status.members.iter().any(|one| one.peer.node == NodeId(dead) && one.heard > Some(Millis(600)))
    };
    eventually("the leader misses it", || missed(cluster.node(leader).status())).await;
    assert_eq!(cluster.node(leader).judge(NodeId(alive)).await.unwrap().standing, Standing::Falls);
    let error = remove_in_vain(&cluster, alive).await;
    assert!(matches!(&error, ChangeError::Refused(what) if what.contains("2 voters are left")), "{error}");
    assert_eq!(cluster.node(leader).judge(NodeId(dead)).await.unwrap().standing, Standing::Stands);
    cluster.remove(dead).await;
    assert_eq!(voters(cluster.node(cluster.leader().await)).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_in_is_refused_and_changes_nothing() {
    let mut cluster = Cluster::started(3, as_is).await;
    let elsewhere = Peer { node: NodeId(2), ..cluster.new_peer(9).await };
    let twice = add_in_vain(&cluster, &elsewhere).await;
    assert!(matches!(&twice, ChangeError::Refused(what) if what.contains("member already")), "{twice}");
    // A node of another cluster.
    let foreign = cluster.new_peer(5).await;
    let mut config = cluster.config(5);
    (config.cluster, config.peers, config.joining) = ("south".into(), vec![foreign.clone()], true);
    cluster.try_start(config).await.unwrap();
    let error = add_in_vain(&cluster, &foreign).await;
    assert!(matches!(&error, ChangeError::Refused(what) if what.contains("\"south\"")), "{error}");
    // One that formed a cluster of its own under the same name.
    let own = cluster.new_peer(6).await;
    let mut config = cluster.config(6);
    config.peers = vec![own.clone()];
    cluster.try_start(config).await.unwrap();
    eventually("it leads itself", || cluster.node(6).status().role == ReplicaRole::Leader).await;
    let (progress, _kept) = mpsc::channel(64);
    let leader = (1..=3).find(|node| cluster.node(*node).status().role == ReplicaRole::Leader).unwrap();
    let error = cluster.node(leader).add_node(&own, &progress, ready(())).await.unwrap_err();
    assert!(matches!(&error, ChangeError::Refused(what) if what.contains("running cluster")), "{error}");
    assert_eq!(cluster.node(leader).members().nodes.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_away_is_not_added_and_a_follower_says_who_leads() {
    let mut cluster = Cluster::started(3, as_is).await;
    let absent = cluster.new_peer(4).await;
    let error = add_in_vain(&cluster, &absent).await;
    assert!(matches!(error, ChangeError::Unfinished(_)), "{error}");
    assert_eq!(cluster.node(1).members().nodes.len(), 3);
    let leader = cluster.leader().await;
    let follower = cluster.node(leader % 3 + 1);
    let (progress, _kept) = mpsc::channel(64);
    let error = follower.add_node(&absent, &progress, ready(())).await.unwrap_err();
    assert_eq!(error, ChangeError::NotLeader { leader: Some(NodeId(leader)) });
    assert_eq!(follower.judge(NodeId(1)).await.unwrap().standing, Standing::Stands, "it was told");
    assert_eq!(follower.move_leader(None, ready(())).await.unwrap_err(), error);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_drains_gives_leadership_away_and_does_not_get_it() {
    let cluster = Cluster::started(3, as_is).await;
    let leader = cluster.leader().await;
    cluster.node(leader).set_draining(true);
    eventually("another one leads", || {
        cluster.nodes().any(|node| {
            let status = node.status();
            status.role == ReplicaRole::Leader && status.node != NodeId(leader)
        })
    })
    .await;
    let next = cluster.leader().await;
    eventually("the new leader knows that it drains", || {
        cluster.node(next).status().members.iter().any(|one| one.peer.node == NodeId(leader) && one.draining)
    })
    .await;
    let error = cluster.node(next).move_leader(Some(NodeId(leader)), ready(())).await.unwrap_err();
    assert!(matches!(&error, ChangeError::Refused(what) if what.contains("drains")), "{error}");
    cluster.node(leader).set_draining(false);
    eventually("it takes leadership again", || {
        cluster.nodes().all(|node| node.status().members.iter().all(|member| !member.draining))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_leadership_moves_commands_wait_and_none_is_refused() {
    let cluster = Cluster::started(2, as_is).await;
    for round in 0..10 {
        let leader = cluster.leader().await;
        let other = cluster.node(leader % 2 + 1);
        let moving = cluster.node(leader).move_leader(None, ready(()));
        let proposing = async {
            for n in 0..20 {
                let open = open_session(&format!("gateway {round} {n}"));
                other.propose(open, LONG).await.unwrap();
            }
        };
        let (moved, ()) = join(moving, proposing).await;
        assert_eq!(moved.unwrap().from, NodeId(leader));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspect_node_is_seen_everywhere_and_replaced_under_a_new_id() {
    let mut cluster = Cluster::started(3, as_is).await;
    let suspect = cluster.follower().await;
    must_propose(cluster.node(suspect), &open_session("before")).await;
    cluster.stop(suspect).await;
    std::fs::remove_file(cluster.data_dir(suspect).join("mark")).unwrap();
    cluster.start(suspect).await;
    eventually("every node says so", || {
        cluster.nodes().all(|node| {
            node.status().members.iter().any(|one| one.peer.node == NodeId(suspect) && one.suspect)
        })
    })
    .await;
    let leader = cluster.leader().await;
    let error = cluster.node(leader).move_leader(Some(NodeId(suspect)), ready(())).await.unwrap_err();
    assert!(matches!(&error, ChangeError::Refused(what) if what.contains("lost part of its log")), "{error}");
    cluster.remove(suspect).await;
    cluster.stop(suspect).await;
    let peer = cluster.start_joining(4).await;
    cluster.add(&peer).await;
    eventually("the new one knows all three", || voters(cluster.node(4)).len() == 3).await;
    assert!(cluster.node(4).status().suspect.is_none());
}
