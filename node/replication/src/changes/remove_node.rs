//! A node is taken out for good. A leader hands over first.

use ringmain_routing::NodeId;

use super::entry::{append, confirmed, remember};
use super::{ChangeError, Progress, tell};
use crate::config::Peer;
use crate::handover;
use crate::members::{Members, majority};
use crate::peer_admission::dismiss;
use crate::shared::Shared;

/// How far a node is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removing {
    /// It has handed leadership over.
    LeaderMoved,
    /// It is no member.
    Removed,
    /// It knows, or could not be reached; so many voters are left.
    Done {
        /// It knows.
        told: bool,
        /// Who is left.
        voters: usize,
    },
}

/// What taking a node out would come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// What it is.
    pub part: Part,
    /// How many voters would be left.
    pub voters: usize,
}

/// The part in the cluster of a node that is to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It was removed before.
    None,
    /// It has no vote.
    Learner,
    /// It votes.
    Voter,
    /// It leads; another one would lead first.
    Leader {
        /// Which.
        heir: NodeId,
    },
}

/// Who is to leave, once nothing speaks against it.
enum Leaving {
    Gone,
    Member(Peer),
    /// The leader itself.
    Me,
}

/// Takes a node out for good. What an earlier call has done is not done again. `begins` is awaited before the first
/// write, and not at all where nothing is to be written.
pub async fn remove(
    shared: &Shared,
    node: NodeId,
    progress: &Progress<Removing>,
    begins: impl Future<Output = ()>,
) -> Result<(), ChangeError> {
    shared.leading().await?;
    let alone = shared.change_alone()?;
    let (members, leaving) = may_be_removed(shared, node).await?;
    let (told, voters) = match leaving {
        Leaving::Gone => (false, members.voter_ids().len()),
        Leaving::Me => {
            let moved = handover::move_leader(shared, None, begins).await?;
            tell(progress, Removing::LeaderMoved).await;
            return Err(ChangeError::NotLeader {
                leader: Some(moved.leader).filter(|leader| *leader != node),
            });
        }
        Leaving::Member(peer) => {
            begins.await;
            remember(shared, node).await?;
            let members = shared.members();
            let voters = append(shared, &members, &members.without(node)).await?.voter_ids().len();
            tracing::info!(peer = node.0, count = voters, "node removed");
            tell(progress, Removing::Removed).await;
            (dismiss(shared, &peer).await, voters)
        }
    };
    drop(alone);
    // The change is made; who asked may have gone.
    progress.send(Removing::Done { told, voters }).await.ok();
    Ok(())
}

/// Whether a node could be taken out, by the same rule; nothing is changed.
pub async fn try_remove(shared: &Shared, node: NodeId) -> Result<Outbound, ChangeError> {
    shared.leading().await?;
    drop(shared.change_alone()?);
    let (members, leaving) = may_be_removed(shared, node).await?;
    let part = match leaving {
        Leaving::Gone => Part::None,
        Leaving::Me => Part::Leader { heir: handover::choose(shared, None)? },
        Leaving::Member(_) if members.is_voter(node) => Part::Voter,
        Leaving::Member(_) => Part::Learner,
    };
    Ok(Outbound { part, voters: members.without(node).voter_ids().len() })
}

/// The members as they are, and who is to leave them, if nothing speaks against it.
async fn may_be_removed(shared: &Shared, node: NodeId) -> Result<(Members, Leaving), ChangeError> {
    let members = confirmed(shared).await?;
    let Some(peer) = members.peer(node).cloned() else {
        if shared.machine.last_run(node).is_none() {
            return Err(ChangeError::Refused(format!("node: {node} is no member of this cluster")));
        }
        return Ok((members, Leaving::Gone));
    };
    may_leave(shared, &members, node)?;
    let leaving = if node == shared.config.node { Leaving::Me } else { Leaving::Member(peer) };
    Ok((members, leaving))
}

fn may_leave(shared: &Shared, members: &Members, node: NodeId) -> Result<(), ChangeError> {
    if !members.is_voter(node) {
        return Ok(());
    }
    let rest = members.without(node);
    let voters = rest.voter_ids();
    if voters.is_empty() {
        let what = format!("node: {node} is the last voter; a cluster cannot be without one");
        return Err(ChangeError::Refused(what));
    }
    let fit = shared.fit(members);
    if rest.is_majority(|voter| fit.contains(&voter)) {
        return Ok(());
    }
    let live: Vec<String> = voters.intersection(&fit).map(ToString::to_string).collect();
    Err(ChangeError::Refused(format!(
        "node: without {node} {} voters are left, of which {} must live and be caught up, but only [{}] do; bring \
         another node back or add one first",
        voters.len(),
        majority(voters.len()),
        live.join(", "),
    )))
}
