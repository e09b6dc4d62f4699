//! Changes of the members and of the leader. The leader makes them, or the node they are about; any other node names
//! the one to ask.

use std::future::Future;
use std::sync::Arc;

use ringmain_actors::task::spawn_named;
use ringmain_protocol::v1::cluster_service_server::ClusterService;
use ringmain_protocol::v1::{self, AddStage, Error, FieldProblem, MemberPart, RemoveStage};
use ringmain_replication::members::majority;
use ringmain_replication::{
    Adding, ChangeError, Inbound, Judgement, Known, Outbound, Part, Peer, Removing, Standing,
};
use ringmain_routing::limits::NAME_BYTES_MAX;
use ringmain_routing::{Millis, NodeId, SessionState};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::auth::caller_name;
use crate::error;
use crate::note::{Record, note};
use crate::shared::Shared;

/// Steps that may wait to be read.
const PROGRESS_MAX: usize = 16;
/// The longest time that clients of a draining node may be given.
const DRAIN_MAX: Millis = Millis(3_600_000);

/// `ClusterService`.
pub(crate) struct Clusters {
    pub(crate) shared: Arc<Shared>,
}

type Steps<T> = ReceiverStream<Result<T, Status>>;

#[tonic::async_trait]
impl ClusterService for Clusters {
    type AddNodeStream = Steps<v1::AddNodeResponse>;
    type RemoveNodeStream = Steps<v1::RemoveNodeResponse>;

    async fn add_node(
        &self,
        request: Request<v1::AddNodeRequest>,
    ) -> Result<Response<Self::AddNodeStream>, Status> {
        let by = caller_name(&request);
        let peer = read_peer(request.into_inner()).map_err(|error| error::status(&error))?;
        let (progress, steps) = mpsc::channel(PROGRESS_MAX);
        let detail = format!("node {} at {}", peer.node, peer.peer_addr);
        let record = Record::new(&self.shared, by, "cluster add", detail);
        let adding = async move {
            let added = record.replica().add_node(&peer, &progress, record.begins()).await;
            drop(progress);
            record.ended(&added, |()| "done".to_owned()).await;
            added
        };
        Ok(Response::new(self.follow("add-node", steps, adding, added)))
    }

    async fn remove_node(
        &self,
        request: Request<v1::RemoveNodeRequest>,
    ) -> Result<Response<Self::RemoveNodeStream>, Status> {
        let by = caller_name(&request);
        let node = NodeId(request.get_ref().node);
        let (progress, steps) = mpsc::channel(PROGRESS_MAX);
        let record = Record::new(&self.shared, by, "cluster remove", format!("node {node}"));
        let removing = async move {
            let removed = record.replica().remove_node(node, &progress, record.begins()).await;
            drop(progress);
            record.ended(&removed, |()| "done".to_owned()).await;
            removed
        };
        Ok(Response::new(self.follow("remove-node", steps, removing, removed)))
    }

    async fn move_leader(
        &self,
        request: Request<v1::MoveLeaderRequest>,
    ) -> Result<Response<v1::MoveLeaderResponse>, Status> {
        let by = caller_name(&request);
        let to = heir_of(request.get_ref().to);
        let detail = to.map_or("to the voter that lacks least".to_owned(), |to| format!("to node {to}"));
        let record = Record::new(&self.shared, by, "cluster transfer-leader", detail);
        let moving = async move {
            let moved = record.replica().move_leader(to, record.begins()).await;
            record.ended(&moved, |moved| format!("from node {} to node {}", moved.from, moved.leader)).await;
            moved
        };
        let moved = to_its_end("move-leader", moving).await?.map_err(|error| self.refused(&error))?;
        Ok(Response::new(v1::MoveLeaderResponse {
            from: moved.from.0,
            leader: moved.leader.0,
            term: moved.term,
            leaderless_ms: moved.leaderless.0,
        }))
    }

    async fn drain_node(
        &self,
        request: Request<v1::DrainNodeRequest>,
    ) -> Result<Response<v1::DrainNodeResponse>, Status> {
        let by = caller_name(&request);
        let v1::DrainNodeRequest { node, undo, within_ms } = request.into_inner();
        self.may_drain(NodeId(node), within_ms).map_err(|error| error::status(&error))?;
        let shared = Arc::clone(&self.shared);
        let draining = async move {
            let changes = shared.replica.is_draining() == undo;
            if undo {
                shared.replica.set_draining(false);
            } else {
                shared.drain(Some(within_ms).filter(|ms| *ms > 0).map_or(shared.drain_within, Millis));
            }
            if changes {
                let what = if undo { "cluster drain --undo" } else { "cluster drain" };
                note(&shared, by, what, format!("node {node}")).await;
            }
        };
        to_its_end("drain-node", draining).await?;
        let status = self.shared.replica.status();
        Ok(Response::new(v1::DrainNodeResponse {
            draining: status.draining,
            sessions: self.sessions(NodeId(node)),
            leader: status.leader.map_or(0, |leader| leader.0),
        }))
    }

    async fn try_add_node(
        &self,
        request: Request<v1::TryAddNodeRequest>,
    ) -> Result<Response<v1::TryAddNodeResponse>, Status> {
        let v1::TryAddNodeRequest { node, peer_address, api_address, region } = request.into_inner();
        let request = v1::AddNodeRequest { node, peer_address, api_address, region };
        let peer = read_peer(request).map_err(|error| error::status(&error))?;
        let tried = self.shared.replica.try_add_node(&peer).await;
        Ok(Response::new(addable(tried.map_err(|error| self.refused(&error))?)))
    }

    async fn try_remove_node(
        &self,
        request: Request<v1::TryRemoveNodeRequest>,
    ) -> Result<Response<v1::TryRemoveNodeResponse>, Status> {
        let tried = self.shared.replica.try_remove_node(NodeId(request.get_ref().node)).await;
        Ok(Response::new(removable(tried.map_err(|error| self.refused(&error))?)))
    }

    async fn try_move_leader(
        &self,
        request: Request<v1::TryMoveLeaderRequest>,
    ) -> Result<Response<v1::TryMoveLeaderResponse>, Status> {
        let tried = self.shared.replica.try_move_leader(heir_of(request.get_ref().to)).await;
        let tried = tried.map_err(|error| self.refused(&error))?;
        Ok(Response::new(v1::TryMoveLeaderResponse {
            from: tried.from.0,
            leader: tried.leader.0,
            term: tried.term,
        }))
    }

    async fn try_drain_node(
        &self,
        request: Request<v1::TryDrainNodeRequest>,
    ) -> Result<Response<v1::TryDrainNodeResponse>, Status> {
        let v1::TryDrainNodeRequest { node, undo, within_ms } = request.into_inner();
        self.may_drain(NodeId(node), within_ms).map_err(|error| error::status(&error))?;
        Ok(Response::new(v1::TryDrainNodeResponse {
            draining: !undo,
            sessions: self.sessions(NodeId(node)),
            leader: self.shared.replica.status().leader.map_or(0, |leader| leader.0),
        }))
    }

    async fn check_quorum(
        &self,
        request: Request<v1::CheckQuorumRequest>,
    ) -> Result<Response<v1::CheckQuorumResponse>, Status> {
        let asked = Some(request.get_ref().node).filter(|node| *node > 0).map(NodeId);
        let node = asked.unwrap_or_else(|| self.shared.nodes.me());
        let judged = self.shared.replica.judge(node).await.map_err(|error| self.refused(&error))?;
        if judged.standing == Standing::NoMember {
            let what = format!("node: {node} is no member of this cluster");
            return Err(self.refused(&ChangeError::Refused(what)));
        }
        Ok(Response::new(v1::CheckQuorumResponse {
            node: node.0,
            safe: matches!(judged.standing, Standing::Stands | Standing::NoVoter),
            reason: reason(&judged),
            voters: judged.voters as u32,
            fit: judged.fit.len() as u32,
            majority: majority(judged.voters) as u32,
            stamp: Some(self.shared.stamp()),
        }))
    }
}

impl Clusters {
    fn refused(&self, error: &ChangeError) -> Status {
        error::status(&error::not_changed(error, &self.shared.nodes))
    }

    /// Runs a change and sends its steps, then its error if it has one. A caller that leaves does not undo anything.
    fn follow<S: Send + 'static, T: Send + 'static>(
        &self,
        name: &'static str,
        mut steps: mpsc::Receiver<S>,
        change: impl Future<Output = Result<(), ChangeError>> + Send + 'static,
        shown: fn(S) -> T,
    ) -> Steps<T> {
        let (sender, receiver) = mpsc::channel(PROGRESS_MAX);
        let nodes = self.shared.nodes.clone();
        spawn_named(name, async move {
            let telling = async {
                while let Some(step) = steps.recv().await {
                    if sender.send(Ok(shown(step))).await.is_err() {
                        steps.close();
                    }
                }
            };
            let (changed, ()) = tokio::join!(change, telling);
            if let Err(error) = changed {
                // Who asked may have gone.
                sender.send(Err(error::status(&error::not_changed(&error, &nodes)))).await.ok();
            }
        });
        ReceiverStream::new(receiver)
    }

    /// Whether this node can be drained by such a request.
    fn may_drain(&self, node: NodeId, within_ms: u64) -> Result<(), Error> {
        if node != self.shared.nodes.me() {
            if self.shared.replica.members().peer(node).is_none() {
                let what = format!("node: {node} is no member of this cluster");
                return Err(error::not_changed(&ChangeError::Refused(what), &self.shared.nodes));
            }
            return Err(error::other_node(node, &self.shared.nodes));
        }
        if within_ms > DRAIN_MAX.0 {
            let problem = format!("is {within_ms}; at most {} ms", DRAIN_MAX.0);
            return Err(error::invalid(vec![FieldProblem { field: "within_ms".into(), problem }]));
        }
        Ok(())
    }

    fn sessions(&self, me: NodeId) -> u64 {
        self.shared.replica.read(|router| {
            let here = |state| matches!(state, SessionState::Live { node, .. } if node == me);
            router.sessions().filter(|session| here(session.state)).count() as u64
        })
    }
}

/// Who is to lead, as a request names it.
fn heir_of(to: u64) -> Option<NodeId> {
    Some(to).filter(|to| *to > 0).map(NodeId)
}

/// Runs a change to its end and its record, though who asked may leave meanwhile.
async fn to_its_end<T: Send + 'static>(
    name: &'static str,
    change: impl Future<Output = T> + Send + 'static,
) -> Result<T, Status> {
    let (sender, receiver) = oneshot::channel();
    spawn_named(name, async move {
        // Who asked may have gone.
        sender.send(change.await).ok();
    });
    receiver.await.map_err(|_| Status::internal("the change broke off; see the audit and the node's log"))
}

fn reason(judged: &Judgement) -> String {
    let Judgement { node, standing, voters, fit } = judged;
    let (fit, needed) = (fit.len(), majority(*voters));
    match standing {
        Standing::Stands => {
            format!(
                "{fit} of {voters} voters live and are caught up, and without node {node} at least {needed} do"
            )
        }
        Standing::Falls => {
            format!(
                "{fit} of {voters} voters live and are caught up; without node {node} fewer than {needed} would"
            )
        }
        Standing::Alone => format!("node {node} is the only voter"),
        Standing::NoVoter => format!("node {node} does not vote"),
        Standing::NoMember => format!("node {node} is no member"),
    }
}

fn read_peer(request: v1::AddNodeRequest) -> Result<Peer, Error> {
    let mut problems = Vec::new();
    let mut wrong = |field: &str, problem: &str| {
        problems.push(FieldProblem { field: field.to_owned(), problem: problem.to_owned() });
    };
    if request.node == 0 {
        wrong("node", "is absent; give the new node an id that was never used");
    }
    for (field, address) in [("peer_address", &request.peer_address), ("api_address", &request.api_address)] {
        if !is_address(address) {
            wrong(field, "is no host:port, such as 10.0.0.4:7112");
        }
    }
    if request.region.len() > NAME_BYTES_MAX {
        wrong("region", "is too long for a name");
    }
    if !problems.is_empty() {
        return Err(error::invalid(problems));
    }
    Ok(Peer {
        node: NodeId(request.node),
        peer_addr: request.peer_address,
        api_addr: request.api_address,
        region: request.region,
    })
}

fn is_address(text: &str) -> bool {
    let parts = text.rsplit_once(':');
    parts.is_some_and(|(host, port)| {
        !host.is_empty() && host.len() <= 253 && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn addable(tried: Inbound) -> v1::TryAddNodeResponse {
    let Inbound { known, voters } = tried;
    let part = match known {
        Known::Stranger => MemberPart::Stranger,
        Known::Learner => MemberPart::Learner,
        Known::Voter => MemberPart::Voter,
    };
    v1::TryAddNodeResponse { part: part.into(), voters: voters as u32 }
}

fn removable(tried: Outbound) -> v1::TryRemoveNodeResponse {
    let Outbound { part, voters } = tried;
    let (part, heir) = match part {
        Part::None => (MemberPart::Removed, 0),
        Part::Learner => (MemberPart::Learner, 0),
        Part::Voter => (MemberPart::Voter, 0),
        Part::Leader { heir } => (MemberPart::Leader, heir.0),
    };
    v1::TryRemoveNodeResponse { part: part.into(), voters: voters as u32, heir }
}

fn added(step: Adding) -> v1::AddNodeResponse {
    let of = |stage: AddStage| v1::AddNodeResponse { stage: stage.into(), ..v1::AddNodeResponse::default() };
    match step {
        Adding::Admitted => of(AddStage::Admitted),
        Adding::CatchingUp(lag) => v1::AddNodeResponse { lag_entries: lag, ..of(AddStage::CatchingUp) },
        Adding::Voter(voters) => v1::AddNodeResponse { voters: voters as u32, ..of(AddStage::Voter) },
    }
}

fn removed(step: Removing) -> v1::RemoveNodeResponse {
    let of = |stage: RemoveStage| v1::RemoveNodeResponse {
        stage: stage.into(),
        ..v1::RemoveNodeResponse::default()
    };
    match step {
        Removing::LeaderMoved => of(RemoveStage::LeaderMoved),
        Removing::Removed => of(RemoveStage::Removed),
        Removing::Done { told, voters } => {
            v1::RemoveNodeResponse { told, voters: voters as u32, ..of(RemoveStage::Done) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_to_be_added_is_read_whole_or_every_problem_is_named() {
        let request = v1::AddNodeRequest {
            node: 0,
            peer_address: "host".into(),
            api_address: "host:0".into(),
            region: "r".repeat(NAME_BYTES_MAX + 1),
        };
        let fields: Vec<_> =
            read_peer(request).unwrap_err().problems.into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["node", "peer_address", "api_address", "region"]);
        let sound = v1::AddNodeRequest {
            node: 4,
            peer_address: "[::1]:7112".into(),
            api_address: "node-4.example:7111".into(),
            region: String::new(),
        };
        assert_eq!(read_peer(sound).unwrap().node, NodeId(4));
    }
}
