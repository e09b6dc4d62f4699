//! What the leader does besides writing entries: begins its reign, keeps the peers' time, notices lost nodes.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use ringmain_protocol::v1;
use ringmain_routing::command::{NodeLost, NodeStarted};
use ringmain_routing::{Command, Incarnation, LogIndex, Millis, NodeId, Timestamp};
use ringmain_telemetry::{alerts, labels, names};

use crate::chains::Checkpoint;
use crate::disk::DiskState;
use crate::liveness::{Report, Said};
use crate::members::Members;
use crate::proposer::{self, Reign};
use crate::shared::Shared;
use crate::snapshot_digests::SnapshotDigest;

/// A peer that takes longer has not answered.
const PING_MAX: Duration = Duration::from_millis(200);
/// How long a node waits for its own start to be in the log before it asks again.
const STARTED_MAX: Millis = Millis(2_000);
const STARTED_AGAIN: Duration = Duration::from_millis(100);

/// Reigns whenever this node leads, for as long as the replica lives.
pub async fn reign(shared: Arc<Shared>) {
    let mut leadership = shared.leadership.subscribe();
    loop {
        let lead = *leadership.borrow_and_update();
        if lead.leader == Some(shared.config.node) {
            tokio::select! {
                changed = leadership.changed() => if changed.is_err() { return },
                () = reign_one(&shared, lead.term) => {}
            }
            if shared.reign.send_replace(None).is_some() {
                let voters = shared.members().voters;
                shared.liveness.reign_ended(shared.config.node, &voters, shared.clock.monotonic());
            }
        } else if leadership.changed().await.is_err() {
            return;
        }
    }
}

async fn reign_one(shared: &Shared, term: u64) {
    // With an entry of this term applied, no earlier entry is outstanding that could have a later stamp.
    shared.applied_of_term(term).await;
    shared.time.applied(shared.machine.read(|router| router.now()));
    take_over_time(shared).await;
    let others = shared.members();
    let others = others.others(shared.config.node).map(|peer| peer.node);
    shared.liveness.reign_began(others, shared.clock.monotonic());
    let (reign, intake) = Reign::begin(term);
    shared.reign.send_replace(Some(Arc::clone(&reign)));
    tokio::select! {
        proposer::Over = proposer::run(shared, term, intake) => {}
        () = watch_members(shared, &reign) => {}
    }
}

/// Goes on with replicated time. A node that is not sure of it since its start asks until a majority of the voters
/// answered, and waits as long as a ping may take for the others.
async fn take_over_time(shared: &Shared) {
    if shared.time.settled().is_some() {
        return shared.time.take_over(&[], &[]);
    }
    let me = shared.config.node;
    loop {
        let members = shared.members();
        let mut walls = vec![shared.clock.wall_ms()];
        let mut reckoned = Vec::new();
        let mut answered = BTreeSet::from([me]);
        let voters = members.others(me).filter(|peer| members.is_voter(peer.node));
        let mut pings: FuturesUnordered<_> =
            voters.map(|peer| async { (peer.node, ping(shared, peer.node, 0).await) }).collect();
        // All who answer in time, not the first majority: of two clocks nobody can tell which one is slow.
        while let Some((node, answer)) = pings.next().await {
            if let Some(answer) = answer {
                answered.insert(node);
                walls.push(answer.wall_ms);
                reckoned.extend((answer.now_ms > 0).then_some(Timestamp(answer.now_ms)));
            }
        }
        if members.is_majority(|node| answered.contains(&node)) {
            return shared.time.take_over(&reckoned, &walls);
        }
        tokio::time::sleep(shared.config.timing.ping).await;
    }
}

/// Watches the other members, whoever they are at each moment, until the reign is over.
async fn watch_members(shared: &Shared, reign: &Reign) {
    let mut members = shared.members.subscribe();
    loop {
        let known = members.borrow_and_update().clone();
        let others: Vec<NodeId> = known.others(shared.config.node).map(|peer| peer.node).collect();
        shared.liveness.watched(others.iter().copied(), shared.clock.monotonic());
        if let Err(proposer::Over) = lose_departed(shared, reign, &known).await {
            return;
        }
        tokio::select! {
            changed = members.changed() => if changed.is_err() { return },
            () = watch_peers(shared, reign, &others) => return,
        }
    }
}

/// Tells the cluster that nodes are lost which have left it: nobody watches them any more.
async fn lose_departed(shared: &Shared, reign: &Reign, members: &Members) -> Result<(), proposer::Over> {
    for (node, incarnation) in shared.machine.departed_with_sessions(members) {
        tracing::info!(peer = node.0, "node has left: its sessions are lost");
        reign.accept_own(&Command::NodeLost(NodeLost { node, incarnation })).await?;
    }
    Ok(())
}

/// Ends when the reign does.
async fn watch_peers(shared: &Shared, reign: &Reign, peers: &[NodeId]) {
    if peers.is_empty() {
        std::future::pending::<()>().await;
    }
    join_all(peers.iter().map(|peer| watch_peer(shared, reign, *peer))).await;
}

async fn watch_peer(shared: &Shared, reign: &Reign, peer: NodeId) {
    loop {
        if let Some(answer) = ping(shared, peer, reign.term()).await {
            let disk = disk_from_wire(answer.disk());
            let said = Said { suspect: answer.suspect, draining: answer.draining, disk };
            let run = Incarnation(answer.incarnation);
            shared.liveness.answered(peer, run, said, shared.clock.monotonic());
        }
        let silence = shared.config.timing.node_lost;
        if let Some(lost) = shared.liveness.lost(peer, silence, shared.clock.monotonic()) {
            let run = lost.run.or_else(|| shared.machine.last_run(peer));
            if let Some(incarnation) = run {
                metrics::counter!(names::ALERTS, labels::ALERT => alerts::NODE_LOST).increment(1);
                metrics::counter!(names::NODES_LOST).increment(1);
                tracing::warn!(
                    alert = alerts::NODE_LOST,
                    node = peer.0,
                    "node is silent: its sessions are lost"
                );
                let command = Command::NodeLost(NodeLost { node: peer, incarnation });
                if reign.accept_own(&command).await.is_err() {
                    return;
                }
            }
            shared.liveness.loss_told(peer);
        }
        tokio::time::sleep(shared.config.timing.ping).await;
    }
}

/// Asks a peer for a sign of life; `leading` is the term in which this node leads, 0 when it does not yet.
pub async fn ping(shared: &Shared, peer: NodeId, leading: u64) -> Option<v1::PingResponse> {
    let now = if leading > 0 { shared.time.now() } else { None };
    let (index, chain) = shared.machine.read(|router| (router.index(), router.chain()));
    let told = if leading > 0 { reports(shared) } else { Vec::new() };
    let told = told.into_iter().map(to_wire).collect();
    let snapshot = shared.machine.snapshot_digests().latest().filter(|_| leading > 0);
    let request = v1::PingRequest {
        incarnation: shared.identity.incarnation().0,
        leading_term: leading,
        now_ms: now.map_or(0, |now| now.0),
        log_index: index.0,
        chain: chain.to_le_bytes().to_vec().into(),
        reports: told,
        majority_age_ms: if leading > 0 { shared.age().as_millis() as u64 } else { 0 },
        snapshot: snapshot.map(|SnapshotDigest { raft_index, form, hash }| v1::SnapshotDigest {
            raft_index,
            form: form.into(),
            hash: hash.to_le_bytes().to_vec().into(),
        }),
    };
    let mut link = shared.link(peer)?;
    let answer = tokio::time::timeout(PING_MAX, link.control.ping(request)).await.ok()?.ok()?;
    Some(answer.into_inner())
}

/// All nodes, as this leader sees them.
pub fn reports(shared: &Shared) -> Vec<Report> {
    let now = shared.clock.monotonic();
    let report = |node: NodeId| {
        if node == shared.config.node {
            return Report { node, lag: Some(0), heard: Some(Millis(0)), said: shared.says() };
        }
        let word = shared.liveness.last_word(node, now);
        let heard = word.map(|(age, _)| Millis(age.as_millis() as u64));
        let said = word.map_or(Said::default(), |(_, said)| said);
        Report { node, lag: shared.lag(node), heard, said }
    };
    shared.members().nodes.keys().map(|node| report(*node)).collect()
}

fn to_wire(report: Report) -> v1::PeerReport {
    let Report { node, lag, heard, said } = report;
    v1::PeerReport {
        node: node.0,
        lag_entries: lag,
        heard_ms: heard.map(|heard| heard.0),
        suspect: said.suspect,
        draining: said.draining,
        disk: disk_to_wire(said.disk).into(),
    }
}

fn disk_to_wire(disk: DiskState) -> v1::DiskState {
    match disk {
        DiskState::Room => v1::DiskState::Room,
        DiskState::Full => v1::DiskState::Full,
        DiskState::OnReserve => v1::DiskState::OnReserve,
    }
}

/// A node of an earlier version does not say; it counts as one with room.
fn disk_from_wire(disk: v1::DiskState) -> DiskState {
    match disk {
        v1::DiskState::Unspecified | v1::DiskState::Room => DiskState::Room,
        v1::DiskState::Full => DiskState::Full,
        v1::DiskState::OnReserve => DiskState::OnReserve,
    }
}

fn from_wire(report: &v1::PeerReport) -> Report {
    let v1::PeerReport { node, lag_entries, heard_ms, suspect, draining, disk: _ } = *report;
    let said = Said { suspect, draining, disk: disk_from_wire(report.disk()) };
    Report { node: NodeId(node), lag: lag_entries, heard: heard_ms.map(Millis), said }
}

/// The answer to a ping.
pub fn answer_ping(shared: &Shared, from: NodeId, request: &v1::PingRequest) -> v1::PingResponse {
    let known = *shared.leadership.borrow();
    let of_this_term = request.leading_term == known.term && known.leader.is_none_or(|leader| leader == from);
    if request.leading_term > known.term || (request.leading_term > 0 && of_this_term) {
        let alone = Duration::from_millis(request.majority_age_ms);
        shared.liveness.leader_said(request.leading_term, alone, shared.clock.monotonic());
        if request.now_ms > 0 {
            shared.time.heard(Timestamp(request.now_ms));
        }
        compare_chains(shared, from, request);
        compare_snapshots(shared, from, request);
        let mut reports = shared.reports.lock().unwrap_or_else(PoisonError::into_inner);
        *reports = request.reports.iter().map(from_wire).collect();
    }
    let Said { suspect, draining, disk } = shared.says();
    v1::PingResponse {
        incarnation: shared.identity.incarnation().0,
        wall_ms: shared.clock.wall_ms(),
        now_ms: shared.time.settled().map_or(0, |now| now.0),
        suspect,
        draining,
        disk: disk_to_wire(disk).into(),
        caller_removed: shared.machine.is_departed(from),
        out_of_touch: !shared.in_touch(),
    }
}

/// Stops this node when its log has led to something else here than at the leader: one of both is wrong, and neither
/// can tell which.
fn compare_chains(shared: &Shared, leader: NodeId, request: &v1::PingRequest) {
    let Ok(chain) = <[u8; 16]>::try_from(&request.chain[..]) else { return };
    let said = Checkpoint { index: LogIndex(request.log_index), chain: u128::from_le_bytes(chain) };
    if let Some(difference) = shared.chains.heard(&shared.machine.feed(), said) {
        shared.fail(format!("the state differs from that of node {leader}: {difference}"));
    }
}

/// As [`compare_chains`], for the whole state at an entry where both have a snapshot.
fn compare_snapshots(shared: &Shared, leader: NodeId, request: &v1::PingRequest) {
    let Some(said) = request.snapshot.as_ref() else { return };
    let (Ok(hash), Ok(form)) = (<[u8; 16]>::try_from(&said.hash[..]), u16::try_from(said.form)) else {
        return;
    };
    let said = SnapshotDigest { raft_index: said.raft_index, form, hash: u128::from_le_bytes(hash) };
    if let Some(difference) = shared.machine.snapshot_digests().heard(said) {
        shared.fail(format!("the state differs from that of node {leader}: {difference}"));
    }
}

/// Tells the cluster that this run of the node began: sessions of its earlier runs are lost.
pub async fn announce_start(shared: Arc<Shared>) {
    let incarnation = shared.identity.incarnation();
    let command = Command::NodeStarted(NodeStarted { node: shared.config.node, incarnation });
    while let Err(error) = crate::replica::propose(&shared, &command, STARTED_MAX).await {
        tracing::debug!(%error, "start not yet announced");
        tokio::time::sleep(STARTED_AGAIN).await;
    }
}
