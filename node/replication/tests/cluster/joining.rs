//! Nodes on their way in when something comes between.

use std::fs;
use std::future::ready;
use std::path::Path;
use std::time::Duration;

use futures::future::join;
use ringmain_protocol::v1;
use ringmain_replication::{Adding, ChangeError, Inbound, Known, Peer, Replica, ReplicaConfig};
use ringmain_routing::command::{ApplyPlan, LoseSession, OperatorPlan, PutOperators, Role};
use ringmain_routing::limits::{NAME_BYTES_MAX, OPERATORS_PER_COMMAND_MAX};
use ringmain_routing::plan::SessionPlan;
use ringmain_routing::{Command, Epoch, Millis, NodeId, Plan};
use tokio::sync::mpsc;

use crate::harness::{Cluster, as_is, eventually, history, must_propose, open_session};

const HOUR_MS: u64 = 3_600_000;

fn voters(replica: &Replica) -> usize {
    replica.members().voter_ids().len()
}

/// Waits until the leader has heard every other node, so that it answers at once.
async fn heard_all(cluster: &Cluster) -> &Replica {
    let leader = cluster.node(cluster.leader().await);
    eventually("it has heard all", || leader.status().members.iter().all(|one| one.heard.is_some())).await;
    leader
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_at_once_one_is_told_that_another_is_under_way() {
    let mut cluster = Cluster::started(3, as_is).await;
    let (four, five) = (cluster.start_joining(4).await, cluster.start_joining(5).await);
    let leader = heard_all(&cluster).await;
    let (to_four, _kept_four) = mpsc::channel(64);
    let (to_five, _kept_five) = mpsc::channel(64);
    let (first, second) =
        join(leader.add_node(&four, &to_four, ready(())), leader.add_node(&five, &to_five, ready(()))).await;
    assert_eq!((first, second), (Ok(()), Err(ChangeError::Busy)));
    let (to_four, _kept_four) = mpsc::channel(64);
    let (removed, tried) =
        join(leader.remove_node(NodeId(4), &to_four, ready(())), leader.try_add_node(&five)).await;
    assert_eq!((removed, tried), (Ok(()), Err(ChangeError::Busy)), "a trial says so as well");
    cluster.add(&five).await;
    assert_eq!(voters(cluster.node(cluster.leader().await)), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_takes_no_steps_holds_nobody_up() {
    let mut cluster = Cluster::started(1, as_is).await;
    let peer = cluster.start_joining(2).await;
    let (full, _never_read) = mpsc::channel(1);
    full.send(Adding::Admitted).await.unwrap();
    let leader = cluster.node(1).clone();
    let adding = async { leader.add_node(&peer, &full, ready(())).await };
    let removing = async {
        eventually("it votes", || voters(cluster.node(1)) == 2).await;
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        while cluster.node(1).try_remove_node(NodeId(2)).await == Err(ChangeError::Busy) {
            looks.tick().await;
        }
        cluster.remove(2).await;
        drop(_never_read);
    };
    let (added, ()) = join(adding, removing).await;
    assert_eq!((added, voters(cluster.node(1))), (Ok(()), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_asked_in_another_data_format_says_its_own_and_stays_out() {
    let mut cluster = Cluster::started(1, as_is).await;
    let peer = cluster.start_joining(2).await;
    let ask = async |data_format| {
        let request = v1::AdmitRequest { data_format, now_ms: 0, member: false };
        cluster.link(1, 2).control.admit(request).await.unwrap().into_inner().data_format
    };
    let own = ask(u32::MAX).await;
    assert!(own > 0 && own < u32::MAX, "{own}");
    let refused = cluster.link(1, 2).control.pre_vote(v1::PreVoteRequest::default()).await.unwrap_err();
    assert!(refused.message().contains("was not asked"), "{refused}");
    cluster.add(&peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_clock_is_two_hours_off_is_not_taken_in_before_it_is_set() {
    let mut cluster = Cluster::started(1, as_is).await;
    for off in [2 * HOUR_MS as i64, -2 * HOUR_MS as i64] {
        cluster.wall_off_ms.insert(2, off);
        let peer = cluster.start_joining(2).await;
        let (progress, _kept) = mpsc::channel(64);
        let error = cluster.node(1).add_node(&peer, &progress, ready(())).await.unwrap_err();
        let told = matches!(&error, ChangeError::Refused(what) if what.starts_with("clock: "));
        assert!(told, "{error}");
        assert_eq!(cluster.node(1).members().nodes.len(), 1);
        cluster.stop(2).await;
    }
    cluster.wall_off_ms.clear();
    let peer = cluster.start_joining(2).await;
    cluster.add(&peer).await;
}

/// A plan under which a lost session may come back for an hour.
fn patient_plan() -> Command {
    let sessions = SessionPlan { grace: Millis(HOUR_MS), ..SessionPlan::default() };
    let plan = Plan { version: 1, sessions, ..Plan::default() };
    Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None }))
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_leader_whose_clock_is_two_hours_off_time_goes_on_and_nothing_expires_in_a_burst() {
    let mut cluster = Cluster::started(3, as_is).await;
    must_propose(cluster.node(1), &patient_plan()).await;
    must_propose(cluster.node(1), &open_session("waits")).await;
    let party = cluster.node(1).read(|router| router.party(Role::Gateway, "waits")).unwrap();
    let lose = Command::LoseSession(LoseSession { party, epoch: Epoch(1) });
    let mut last = must_propose(cluster.node(1), &lose).await.at;
    let in_grace = |replica: &Replica| replica.read(|router| router.sessions().count());
    let before = in_grace(cluster.node(1));
    for off in [2 * HOUR_MS as i64, -2 * HOUR_MS as i64] {
        let node = cluster.follower().await;
        cluster.stop(node).await;
        cluster.wall_off_ms.insert(node, off);
        cluster.start(node).await;
        cluster.settled().await;
        while cluster.leader().await != node {
            // An election that comes between is no failure.
            cluster.node(cluster.leader().await).move_leader(Some(NodeId(node)), ready(())).await.ok();
        }
        let at = must_propose(cluster.node(node), &open_session(&format!("under {off}"))).await.at;
        assert!(at >= last && at.0 - last.0 < HOUR_MS, "{last:?} {at:?}");
        last = at;
    }
    // All stop: the clocks of the two that are off do not set the time back, nor by more than one clock ahead.
    for node in 1..=3 {
        cluster.stop(node).await;
    }
    for node in 1..=3 {
        cluster.start(node).await;
    }
    let at = must_propose(cluster.node(1), &open_session("after")).await.at;
    assert!(at >= last, "{last:?} {at:?}");
    assert_eq!(in_grace(cluster.node(1)), before + 3, "the lost session is still waited for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_joins_while_the_leader_is_lost_is_taken_in_by_the_next() {
    let mut cluster = Cluster::started(3, as_is).await;
    let peer = cluster.start_joining(4).await;
    let lost = cluster.leader().await;
    let replica = cluster.node(lost).clone();
    let (progress, mut told) = mpsc::channel(64);
    let losing = async {
        assert_eq!(told.recv().await, Some(Adding::Admitted));
        cluster.stop(lost).await;
    };
    let adding = async {
        // It may have been done in time, or not.
        drop(replica.add_node(&peer, &progress, ready(())).await);
        drop(replica);
    };
    join(adding, losing).await;
    // Asked in the middle of the election: refused without a deed, or done already.
    let other = cluster.node(lost % 3 + 1);
    let (progress, _kept) = mpsc::channel(64);
    let asked = other.add_node(&peer, &progress, ready(())).await;
    let undone = matches!(asked, Err(ChangeError::NotLeader { .. } | ChangeError::Unfinished(_)));
    assert!(undone || asked.is_ok(), "{asked:?}");
    cluster.add(&peer).await;
    must_propose(cluster.node(4), &open_session("through the new one")).await;
    cluster.start(lost).await;
    cluster.settled().await;
    assert_eq!(voters(cluster.node(lost)), 4);
}

/// Segments of a few records, and a log that ends where the snapshot begins.
fn small(config: &mut ReplicaConfig) {
    config.segment_records = 16;
    config.entries_kept = 0;
}

/// As [`small`], and so slow that a transfer of a few kilobytes does not end while a test lasts.
fn crawling(config: &mut ReplicaConfig) {
    small(config);
    config.transfer_bytes_per_s = 16;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addition_whose_caller_was_lost_goes_on_when_it_is_asked_for_again() {
    let mut cluster = Cluster::prepared(1, crawling).await;
    cluster.start(1).await;
    for n in 0..100 {
        must_propose(cluster.node(1), &open_session(&format!("gateway {n}"))).await;
    }
    snapshot_and_purge(cluster.node(1)).await;
    let peer = cluster.start_joining(2).await;
    let leader = cluster.node(1).clone();
    let (progress, mut told) = mpsc::channel(64);
    let calling = async {
        assert_eq!(told.recv().await, Some(Adding::Admitted));
        assert!(matches!(told.recv().await, Some(Adding::CatchingUp(_))));
        drop(told);
    };
    let (left, ()) = join(leader.add_node(&peer, &progress, ready(())), calling).await;
    let said = matches!(&left, Err(ChangeError::Unfinished(what)) if what.contains("node 2 is a learner"));
    assert!(said, "{left:?}");
    assert_eq!(leader.try_add_node(&peer).await, Ok(Inbound { known: Known::Learner, voters: 2 }));
    drop(leader);
    cluster.stop(1).await;
    let mut config = cluster.config(1);
    config.transfer_bytes_per_s = 0;
    cluster.try_start(config).await.unwrap();
    cluster.add(&peer).await;
    assert_eq!(voters(cluster.node(1)), 2);
    assert!(history(cluster.node(2)).await.len() >= 100);
}

/// As [`small`], at a pace at which a transfer of megabytes can be cut in the middle.
fn paced(config: &mut ReplicaConfig) {
    small(config);
    config.transfer_bytes_per_s = 2 << 20;
}

/// Waits until the log holds nothing that the snapshot holds.
async fn snapshot_and_purge(replica: &Replica) {
    let applied = replica.status().raft_applied;
    replica.trigger_snapshot().await;
    eventually("the log is purged", || replica.status().raft_purged >= applied).await;
}

/// Operators with names as long as they may be: a few megabytes of state, and as much of history.
async fn put_operators(replica: &Replica, count: usize) {
    let numbers: Vec<usize> = (0..count).collect();
    for part in numbers.chunks(OPERATORS_PER_COMMAND_MAX) {
        let row = |number: &usize| OperatorPlan {
            login: format!("{number:0width$}", width = NAME_BYTES_MAX).into(),
            skills: Vec::new(),
            capacity: 1,
            unit: None,
            ranks: Vec::new(),
            rules: Default::default(),
        };
        let operators = part.iter().map(row).collect();
        must_propose(replica, &Command::PutOperators(PutOperators { operators, by: None })).await;
    }
}

/// Bytes of the files in a folder whose names hold the word.
fn bytes_of(folder: &Path, word: &str) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let named = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().contains(word));
    named.filter_map(|entry| entry.metadata().ok()).map(|about| about.len()).sum()
}

/// Begins to take the node in, and stops it as soon as it is so far.
async fn cut_when(cluster: &mut Cluster, peer: &Peer, so: impl Fn(&Path) -> bool) {
    let folder = cluster.data_dir(peer.node.0);
    let leader = cluster.node(1).clone();
    let (progress, told) = mpsc::channel(1_024);
    let cutting = async {
        eventually("the transfer is in the middle", || so(&folder)).await;
        cluster.stop(peer.node.0).await;
        drop(told);
    };
    let (left, ()) = join(leader.add_node(peer, &progress, ready(())), cutting).await;
    assert!(matches!(left, Err(ChangeError::Unfinished(_))), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_is_cut_in_the_middle_goes_on_where_it_was() {
    let mut cluster = Cluster::prepared(1, paced).await;
    cluster.start(1).await;
    put_operators(cluster.node(1), 30_000).await;
    snapshot_and_purge(cluster.node(1)).await;
    let here = cluster.data_dir(1);
    let (state, past) =
        (bytes_of(&here.join("snapshots"), ".rmp"), bytes_of(&here.join("history"), "segment"));
    assert!(state > 3 << 20 && past > 3 << 20, "{state} {past}");

    let peer = cluster.start_joining(2).await;
    cut_when(&mut cluster, &peer, |dir| bytes_of(&dir.join("snapshots"), "incoming") >= 1 << 20).await;
    let there = cluster.data_dir(2);
    let received = bytes_of(&there.join("snapshots"), "incoming");
    assert!(received < state, "cut in the middle: {received} of {state}");
    cluster.start_joining(2).await;
    let whole = |dir: &Path| bytes_of(&dir.join("history"), "segment") >= 2 << 20;
    cut_when(&mut cluster, &peer, whole).await;
    cluster.start_joining(2).await;
    cluster.add(&peer).await;
    cluster.settled().await;

    // Each cut costs what was under way and no more: less than a snapshot, less than the history.
    let status = cluster.node(1).status();
    assert!(status.snapshot_sent < state + received, "{} of {state}", status.snapshot_sent);
    assert!(status.history_sent < past + (2 << 20), "{} of {past}", status.history_sent);
    let (own, theirs) = (history(cluster.node(2)).await, history(cluster.node(1)).await);
    assert!(own.iter().zip(&theirs).all(|(own, theirs)| own == theirs) && own.len() >= 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_joins_asks_those_who_are_there_and_not_those_whom_the_snapshot_names() {
    let mut cluster = Cluster::prepared(1, small).await;
    cluster.start(1).await;
    for n in 0..100 {
        must_propose(cluster.node(1), &open_session(&format!("gateway {n}"))).await;
    }
    snapshot_and_purge(cluster.node(1)).await;
    let second = cluster.start_joining(2).await;
    cluster.add(&second).await;
    cluster.remove(1).await;
    eventually("node 2 leads alone", || voters(cluster.node(2)) == 1).await;
    cluster.stop(1).await;

    // The snapshot that node 2 has to give names node 1 alone.
    let third = cluster.start_joining(3).await;
    cluster.add(&third).await;
    // Whoever is asked second may have carried out one more.
    let (own, theirs) = (history(cluster.node(3)).await, history(cluster.node(2)).await);
    assert!(own.iter().zip(&theirs).all(|(own, theirs)| own == theirs) && own.len() >= 100);
}
