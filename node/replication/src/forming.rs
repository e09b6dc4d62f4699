//! How a new cluster comes to be: the node with the lowest id asks all others, and when all of them have empty
//! folders and the same list of members, it writes the first membership.
//!
//! A node that was never asked takes part in nothing. So a node whose folder was wiped cannot slip back in under
//! its old id and vote for a leader that lacks what it once acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ringmain_protocol::v1;
use ringmain_routing::NodeId;
use tonic::{Code, Status};

use crate::generation::FIRST_GENERATION;
use crate::shared::Shared;
use crate::type_config::PeerNode;

const ASK_AGAIN: Duration = Duration::from_millis(100);
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Forms the cluster if it is this node's turn and nobody has yet.
pub async fn form(shared: Arc<Shared>) {
    let initialized = shared.raft.is_initialized().await;
    if !matches!(initialized, Ok(false)) || shared.config.others().any(|peer| peer.node < shared.config.node)
    {
        return;
    }
    // One that a running cluster has let in, and that has heard no more of it, is of no generation yet.
    let let_in = shared.identity.is_member() && shared.parties.generation.get() == 0;
    if shared.config.joining || let_in {
        return;
    }
    for peer in shared.config.others() {
        if let Err(Running) = ask(&shared, peer.node).await {
            shared.fail(format!(
                "data_dir: {} is empty, but the cluster {:?} runs already: remove node {} from it and add it again \
                 under a new id",
                shared.config.data_dir.display(),
                shared.config.cluster,
                shared.config.node,
            ));
            return;
        }
    }
    if let Err(error) = initialize(&shared).await {
        shared.fail(format!("cannot form the cluster: {error}"));
    }
}

/// The cluster that this node wanted to form runs already.
struct Running;

/// Asks until the peer takes part. It may start later than this node.
async fn ask(shared: &Shared, peer: NodeId) -> Result<(), Running> {
    let members = shared.config.member_lines();
    loop {
        let request = v1::FormRequest { members: members.clone() };
        if let Some(mut link) = shared.link(peer)
            && let Ok(answer) = tokio::time::timeout(ANSWER_MAX, link.control.form(request)).await
        {
            match answer {
                Ok(answer) if answer.get_ref().established => return Err(Running),
                Ok(_) => return Ok(()),
                Err(status) if status.code() == Code::FailedPrecondition => {
                    tracing::error!(node = peer.0, error = status.message(), "node does not take part");
                }
                Err(status) => tracing::debug!(node = peer.0, %status, "node does not answer yet"),
            }
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

async fn initialize(shared: &Shared) -> Result<(), String> {
    shared.identity.learn_generation(FIRST_GENERATION).map_err(|error| error.to_string())?;
    shared.identity.become_member().map_err(|error| error.to_string())?;
    let members: BTreeMap<u64, PeerNode> = shared
        .config
        .peers
        .iter()
        .map(|peer| {
            let (peer_addr, api_addr) = (peer.peer_addr.clone(), peer.api_addr.clone());
            (peer.node.0, PeerNode { peer_addr, api_addr, region: peer.region.clone() })
        })
        .collect();
    shared.raft.initialize(members).await.map_err(|error| error.to_string())
}

/// The answer of a node that is asked to take part.
pub async fn take_part(shared: &Shared, request: &v1::FormRequest) -> Result<v1::FormResponse, Status> {
    let own = shared.config.member_lines();
    if request.members != own {
        let (theirs, ours) = (request.members.join(", "), own.join(", "));
        let what = format!("peers: the nodes are configured differently: {theirs} there, {ours} here");
        return Err(Status::failed_precondition(what));
    }
    let stopped = |error: openraft::errors::Fatal<_>| Status::unavailable(error.to_string());
    if shared.raft.is_initialized().await.map_err(stopped)? {
        return Ok(v1::FormResponse { established: true });
    }
    if shared.config.joining {
        return Err(Status::failed_precondition("join: this node waits for a running cluster to take it in"));
    }
    let member =
        shared.identity.learn_generation(FIRST_GENERATION).and_then(|()| shared.identity.become_member());
    member.map_err(|error| Status::internal(error.to_string()))?;
    Ok(v1::FormResponse { established: false })
}
