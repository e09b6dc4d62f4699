//! What the leader does besides writing entries: begins its reign, keeps the peers' time, notices lost nodes.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use ringmain_protocol::v1;
use ringmain_routing::command::{NodeLost, NodeStarted};
use ringmain_routing::{Command, Incarnation, LogIndex, Millis, NodeId, Timestamp};
use ringmain_telemetry::{alerts, names};

use crate::chains::Checkpoint;
use crate::proposer::{self, Reign};
use crate::shared::Shared;

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
                shared.liveness.reign_ended(shared.clock.monotonic());
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
    let others = shared.config.others().map(|peer| peer.node);
    shared.liveness.reign_began(others, shared.clock.monotonic());
    let (reign, intake) = Reign::begin(term);
    shared.reign.send_replace(Some(Arc::clone(&reign)));
    tokio::select! {
        proposer::Over = proposer::run(shared, term, intake) => {}
        () = watch_peers(shared, &reign) => {}
    }
}

/// Goes on with replicated time. A node that has not heard of it since its start asks until a majority answered.
async fn take_over_time(shared: &Shared) {
    if shared.time.is_known() {
        return shared.time.take_over(&[], &[]);
    }
    let voters = shared.config.peers.len();
    loop {
        let mut walls = vec![shared.clock.wall_ms()];
        let mut reckoned = Vec::new();
        let mut pings: FuturesUnordered<_> =
            shared.config.others().map(|peer| ping(shared, peer.node, 0)).collect();
        while let Some(answer) = pings.next().await {
            if let Some(answer) = answer {
                walls.push(answer.wall_ms);
                reckoned.extend((answer.now_ms > 0).then_some(Timestamp(answer.now_ms)));
            }
            if walls.len() > voters / 2 {
                break;
            }
        }
        if walls.len() > voters / 2 {
            return shared.time.take_over(&reckoned, &walls);
        }
        tokio::time::sleep(shared.config.timing.ping).await;
    }
}

async fn watch_peers(shared: &Shared, reign: &Reign) {
    join_all(shared.config.others().map(|peer| watch_peer(shared, reign, peer.node))).await;
    // A cluster of one has nobody to watch.
    std::future::pending::<()>().await;
}

async fn watch_peer(shared: &Shared, reign: &Reign, peer: NodeId) {
    loop {
        if let Some(answer) = ping(shared, peer, reign.term()).await {
            shared.liveness.answered(peer, Incarnation(answer.incarnation), shared.clock.monotonic());
        }
        let silence = shared.config.timing.node_lost;
        if let Some(lost) = shared.liveness.take_lost(peer, silence, shared.clock.monotonic()) {
            let run = lost.run.or_else(|| shared.machine.last_run(peer));
            if let Some(incarnation) = run {
                metrics::counter!(ringmain_telemetry::names::ALERTS, ringmain_telemetry::labels::ALERT => ringmain_telemetry::alerts::NODE_LOST).increment(1);
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
        }
        tokio::time::sleep(shared.config.timing.ping).await;
    }
}

/// Asks a peer for a sign of life; `leading` is the term in which this node leads, 0 when it does not yet.
async fn ping(shared: &Shared, peer: NodeId, leading: u64) -> Option<v1::PingResponse> {
    let now = if leading > 0 { shared.time.now() } else { None };
    let (index, chain) = shared.machine.read(|router| (router.index(), router.chain()));
    let request = v1::PingRequest {
        incarnation: shared.identity.incarnation().0,
        leading_term: leading,
        now_ms: now.map_or(0, |now| now.0),
        log_index: index.0,
        chain: chain.to_le_bytes().to_vec().into(),
    };
    let mut link = shared.link(peer)?;
    let answer = tokio::time::timeout(PING_MAX, link.control.ping(request)).await.ok()?.ok()?;
    Some(answer.into_inner())
}

/// The answer to a ping.
pub fn answer_ping(shared: &Shared, from: NodeId, request: &v1::PingRequest) -> v1::PingResponse {
    let known = *shared.leadership.borrow();
    let of_this_term = request.leading_term == known.term && known.leader.is_none_or(|leader| leader == from);
    if request.leading_term > known.term || (request.leading_term > 0 && of_this_term) {
        shared.liveness.leader_heard(shared.clock.monotonic());
        if request.now_ms > 0 {
            shared.time.heard(Timestamp(request.now_ms));
        }
        compare_chains(shared, from, request);
    }
    v1::PingResponse {
        incarnation: shared.identity.incarnation().0,
        wall_ms: shared.clock.wall_ms(),
        now_ms: shared.time.now().map_or(0, |now| now.0),
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

/// Tells the cluster that this run of the node began: sessions of its earlier runs are lost.
pub async fn announce_start(shared: Arc<Shared>) {
    let incarnation = shared.identity.incarnation();
    let command = Command::NodeStarted(NodeStarted { node: shared.config.node, incarnation });
    while let Err(error) = crate::replica::propose(&shared, &command, STARTED_MAX).await {
        tracing::debug!(%error, "start not yet announced");
        tokio::time::sleep(STARTED_AGAIN).await;
    }
}
