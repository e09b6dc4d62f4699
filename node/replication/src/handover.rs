//! Leadership handed from one voter to another, and kept from those that drain.
//!
//! openraft's transfer returns at once, refuses writes while it lasts, and only logs a failure; it always ends in an
//! election. So the heir is one that lacks next to nothing, and the outcome is waited for.

use std::sync::Arc;
use std::time::Duration;

use ringmain_routing::{Millis, NodeId};

use crate::changes::ChangeError;
use crate::disk::DiskState;
use crate::shared::{Leadership, Shared};

/// A voter that lacks more is no heir: it would first have to get it, and meanwhile nobody writes.
pub const HEIR_LAG_MAX: u64 = 1_000;
/// An election takes a fraction of this.
const OUTCOME_MAX: Duration = Duration::from_secs(5);
/// Before leadership is handed on again, where it did not work or came back.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What came of handing leadership over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Who led.
    pub from: NodeId,
    /// Who leads.
    pub leader: NodeId,
    /// In which term.
    pub term: u64,
    /// How long nobody led, as the old leader saw it.
    pub leaderless: Millis,
}

/// Hands leadership to `to`, or to the voter that lacks least, and waits for what comes of it. Only the leader can.
/// `begins` is awaited before that, and not at all where `to` leads already.
pub async fn move_leader(
    shared: &Shared,
    to: Option<NodeId>,
    begins: impl Future<Output = ()>,
) -> Result<Moved, ChangeError> {
    let me = shared.config.node;
    let Leadership { term, .. } = shared.leading().await?;
    if to == Some(me) {
        return Ok(Moved { from: me, leader: me, term, leaderless: Millis(0) });
    }
    let heir = choose(shared, to)?;
    begins.await;
    let mut leadership = shared.leadership.subscribe();
    let asked_at = shared.clock.monotonic();
    let asked = shared.raft.trigger().transfer_leader(heir.0).await;
    asked.map_err(|error| ChangeError::Fatal(error.to_string()))?;
    let settled = leadership.wait_for(|known| known.term > term && known.leader.is_some());
    let Ok(Ok(known)) =
        tokio::time::timeout(OUTCOME_MAX, settled).await.map(|known| known.map(|known| *known))
    else {
        return Err(ChangeError::Unfinished(format!(
            "node {heir} has not begun to lead; nobody is known to"
        )));
    };
    let leaderless = shared.clock.monotonic().saturating_sub(asked_at);
    let leaderless = Millis(leaderless.as_millis() as u64);
    let leader = known.leader.unwrap_or(me);
    tracing::info!(leader = leader.0, term = known.term, elapsed_ms = leaderless.0, "leadership moved");
    Ok(Moved { from: me, leader, term: known.term, leaderless })
}

/// What handing leadership over would come to, by the same rule: who would lead. Nothing is changed.
pub async fn try_move_leader(shared: &Shared, to: Option<NodeId>) -> Result<Moved, ChangeError> {
    let me = shared.config.node;
    let Leadership { term, .. } = shared.leading().await?;
    let leader = if to == Some(me) { me } else { choose(shared, to)? };
    Ok(Moved { from: me, leader, term, leaderless: Millis(0) })
}

/// Who is to lead: `to`, or the voter that lacks least, if it may.
pub fn choose(shared: &Shared, to: Option<NodeId>) -> Result<NodeId, ChangeError> {
    let none = || {
        ChangeError::Refused(
            "to: no other voter lives, is caught up, takes clients and has room on its disk".into(),
        )
    };
    match to {
        Some(heir) => may_inherit(shared, heir).map(|_| heir).map_err(ChangeError::Refused),
        None => heir(shared).ok_or_else(none),
    }
}

/// The voter that lacks least, of those that may lead.
fn heir(shared: &Shared) -> Option<NodeId> {
    let members = shared.members();
    let fit = members.others(shared.config.node).filter_map(|peer| {
        let lag = may_inherit(shared, peer.node).ok()?;
        Some((lag, peer.node))
    });
    fit.min().map(|(_, node)| node)
}

/// What the node lacks, if it may lead; otherwise why not.
fn may_inherit(shared: &Shared, node: NodeId) -> Result<u64, String> {
    if !shared.members().is_voter(node) {
        return Err(format!("to: node {node} is no voter"));
    }
    let Some(fitness) = shared.fitness(node) else {
        return Err(format!("to: node {node} does not answer"));
    };
    match fitness {
        _ if fitness.suspect => Err(format!("to: node {node} lost part of its log and grants no vote")),
        _ if fitness.draining => Err(format!("to: node {node} drains and wants no leadership")),
        _ if fitness.disk != DiskState::Room => {
            Err(format!("to: the disk of node {node} is nearly full; make room there first"))
        }
        _ if fitness.lag > HEIR_LAG_MAX => {
            Err(format!("to: node {node} lacks {} entries; let it catch up first", fitness.lag))
        }
        _ => Ok(fitness.lag),
    }
}

/// Hands leadership away whenever this node leads while it drains, for as long as the replica lives.
pub async fn keep_away(shared: Arc<Shared>) {
    let (mut draining, mut leadership) = (shared.draining.subscribe(), shared.leadership.subscribe());
    loop {
        let leads = leadership.borrow_and_update().leader == Some(shared.config.node);
        if *draining.borrow_and_update() && leads && shared.members().voter_ids().len() > 1 {
            if let Err(error) = move_leader(&shared, None, std::future::ready(())).await {
                tracing::warn!(%error, "leadership could not be handed over");
            }
            tokio::time::sleep(AGAIN_AFTER).await;
            continue;
        }
        tokio::select! {
            changed = draining.changed() => if changed.is_err() { return },
            changed = leadership.changed() => if changed.is_err() { return },
        }
    }
}
