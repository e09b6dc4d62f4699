//! A node is taken in: asked, learner, caught up, voter.

use std::time::Duration;

use ringmain_routing::NodeId;

use super::entry::{append, confirmed, remember};
use super::{ChangeError, Progress, tell};
use crate::config::Peer;
use crate::links;
use crate::members::{MEMBERS_MAX, Members};
use crate::peer_admission::{Admission, ask_admission};
use crate::shared::Shared;

/// A learner that lacks no more has caught up: the rest is under way.
const CAUGHT_UP_LAG: u64 = 256;
/// A learner that has been silent for so long does not catch up.
const LEARNER_SILENCE_MAX: Duration = Duration::from_secs(10);
/// How often progress is looked at and told.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How far a node is on its way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adding {
    /// It may take part.
    Admitted,
    /// It lacks so many entries.
    CatchingUp(u64),
    /// It votes, as one of so many.
    Voter(usize),
}

/// What the cluster knows of a node that is to be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    Stranger,
    /// It was added and does not vote yet.
    Learner,
    /// It votes.
    Voter,
}

/// What taking a node in would come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// Where it stands; the work would go on from there.
    pub known: Known,
    /// How many voters there would be.
    pub voters: usize,
}

/// Takes a node in. What an earlier call has done is not done again. `begins` is awaited before the first write, and
/// not at all where nothing is to be written.
pub async fn add(
    shared: &Shared,
    peer: &Peer,
    progress: &Progress<Adding>,
    begins: impl Future<Output = ()>,
) -> Result<(), ChangeError> {
    shared.leading().await?;
    let alone = shared.change_alone()?;
    let (members, known) = may_join(shared, peer, Admission::Granted).await?;
    let voters = if known == Known::Voter {
        members.voter_ids().len()
    } else {
        begins.await;
        tell(progress, Adding::Admitted).await;
        if known == Known::Stranger {
            append(shared, &members, &members.with_learner(peer)).await?;
            tracing::info!(peer = peer.node.0, addr = peer.peer_addr, "learner added");
        }
        remember(shared, peer.node).await?;
        catch_up(shared, peer.node, progress).await?;
        let members = shared.members();
        let voters = append(shared, &members, &members.with_voter(peer.node)).await?.voter_ids().len();
        tracing::info!(peer = peer.node.0, count = voters, "voter added");
        voters
    };
    drop(alone);
    // The change is made; who asked may have gone.
    progress.send(Adding::Voter(voters)).await.ok();
    Ok(())
}

/// Whether a node could be taken in, by the same rule; nothing is changed, here or there.
pub async fn try_add(shared: &Shared, peer: &Peer) -> Result<Inbound, ChangeError> {
    shared.leading().await?;
    drop(shared.change_alone()?);
    let (members, known) = may_join(shared, peer, Admission::Tried).await?;
    let more = usize::from(known != Known::Voter);
    Ok(Inbound { known, voters: members.voter_ids().len() + more })
}

/// The members as they are, and where the node stands among them, if nothing speaks against its taking part.
async fn may_join(
    shared: &Shared,
    peer: &Peer,
    admission: Admission,
) -> Result<(Members, Known), ChangeError> {
    let members = confirmed(shared).await?;
    links::check(peer.node.0, &peer.peer_addr).map_err(|error| ChangeError::Refused(error.to_string()))?;
    let known = look_at(&members, peer, shared.machine.last_run(peer.node).is_some())?;
    if known != Known::Voter {
        ask_admission(shared, peer, known == Known::Learner, admission).await?;
    }
    Ok((members, known))
}

fn look_at(members: &Members, peer: &Peer, used: bool) -> Result<Known, ChangeError> {
    let refuse = |what: String| Err(ChangeError::Refused(what));
    let node = peer.node;
    if let Some(known) = members.peer(node) {
        if known != peer {
            let Peer { peer_addr, api_addr, region, .. } = known;
            return refuse(format!(
                "node: {node} is a member already, at {peer_addr} (API {api_addr}, region {region:?}); give the new \
                 node another id"
            ));
        }
        return Ok(if members.is_voter(node) { Known::Voter } else { Known::Learner });
    }
    if node.0 == 0 || node.0 > u64::from(u32::MAX) {
        return refuse(format!("node: {node} is no id; write 1 to {}", u32::MAX));
    }
    if used {
        return refuse(format!(
            "node: {node} was a member before, and an id never comes back; give a new one"
        ));
    }
    let same = |known: &&Peer| known.peer_addr == peer.peer_addr || known.api_addr == peer.api_addr;
    if let Some(known) = members.nodes.values().find(same) {
        let other = known.node;
        return refuse(format!("peer: node {other} has this address already; each node needs its own"));
    }
    if members.nodes.len() >= MEMBERS_MAX {
        return refuse(format!("node: the cluster has {MEMBERS_MAX} nodes, which is the most it can have"));
    }
    Ok(Known::Stranger)
}

/// Waits until the learner has the entry that made it one, and nearly all behind it.
async fn catch_up(shared: &Shared, node: NodeId, progress: &Progress<Adding>) -> Result<(), ChangeError> {
    let began = shared.clock.monotonic();
    let goal = shared.members().since.map_or(0, |at| at.index);
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        shared.leads()?;
        let now = shared.clock.monotonic();
        let heard = shared.liveness.last_word(node, now).map(|(age, _)| age);
        let (matched, last) = shared.matched(node).unwrap_or((0, u64::MAX));
        let lag = last.saturating_sub(matched);
        let lives = heard.is_some_and(|age| age < shared.config.timing.node_lost);
        if lives && matched >= goal && lag <= CAUGHT_UP_LAG {
            tell(progress, Adding::CatchingUp(lag)).await;
            return Ok(());
        }
        if heard.unwrap_or(now.saturating_sub(began)) > LEARNER_SILENCE_MAX {
            return Err(ChangeError::Unfinished(format!("node {node} does not answer; it is a learner")));
        }
        if progress.is_closed() {
            return Err(ChangeError::Unfinished(format!("nobody waits; node {node} is a learner")));
        }
        if lag < u64::MAX {
            progress.try_send(Adding::CatchingUp(lag)).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(node: u64) -> Peer {
        let (peer_addr, api_addr) = (format!("10.0.0.{node}:7112"), format!("10.0.0.{node}:7111"));
        Peer { node: NodeId(node), peer_addr, api_addr, region: "north".into() }
    }

    fn three() -> Members {
        Members::configured(&[peer(1), peer(2), peer(3)])
    }

    fn refusal(members: &Members, peer: &Peer, used: bool) -> String {
        match look_at(members, peer, used) {
            Err(ChangeError::Refused(what)) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_same_node_again_goes_on_where_it_was() {
        let with_learner = three().with_learner(&peer(4));
        assert_eq!(look_at(&three(), &peer(4), false), Ok(Known::Stranger));
        assert_eq!(look_at(&with_learner, &peer(4), true), Ok(Known::Learner));
        assert_eq!(look_at(&with_learner.with_voter(NodeId(4)), &peer(4), true), Ok(Known::Voter));
    }

    #[test]
    fn two_nodes_cannot_have_one_id_or_one_address() {
        let elsewhere = Peer { node: NodeId(3), ..peer(9) };
        assert!(
            refusal(&three(), &elsewhere, true).starts_with("node: 3 is a member already, at 10.0.0.3:7112")
        );
        let taken = Peer { node: NodeId(4), ..peer(2) };
        assert!(refusal(&three(), &taken, false).starts_with("peer: node 2 has this address"));
    }

    #[test]
    fn an_id_that_was_used_never_comes_back() {
        let without = three().without(NodeId(3));
        assert!(refusal(&without, &peer(3), true).contains("never comes back"));
    }

    #[test]
    fn a_cluster_has_a_largest_size_and_ids_have_bounds() {
        let full = Members::configured(&(1..=MEMBERS_MAX as u64).map(peer).collect::<Vec<_>>());
        assert!(refusal(&full, &peer(200), false).contains("64 nodes"));
        assert!(refusal(&three(), &peer(0), false).contains("is no id"));
        assert!(refusal(&three(), &peer(1 << 40), false).contains("is no id"));
    }
}
