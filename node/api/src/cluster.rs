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
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::auth::caller_name;
use crate::error;
use crate::note::note;
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
        let dry_run = request.get_ref().dry_run;
        let peer = read_peer(request.into_inner()).map_err(|error| error::status(&error))?;
        if dry_run {
            let tried = self.shared.replica.try_add_node(&peer).await;
            return Ok(Response::new(only(addable(tried.map_err(|error| self.refused(&error))?))));
        }
        let (progress, steps) = mpsc::channel(PROGRESS_MAX);
        let shared = Arc::clone(&self.shared);
        let adding = async move {
            shared.replica.add_node(&peer, &progress).await?;
            drop(progress);
            note(&shared, by, "cluster add", format!("node {} at {}", peer.node, peer.peer_addr)).await;
            Ok(())
        };
        Ok(Response::new(self.follow("add-node", steps, adding, added)))
    }

    async fn remove_node(
        &self,
        request: Request<v1::RemoveNodeRequest>,
    ) -> Result<Response<Self::RemoveNodeStream>, Status> {
        let by = caller_name(&request);
        let node = NodeId(request.get_ref().node);
        if request.get_ref().dry_run {
            let tried = self.shared.replica.try_remove_node(node).await;
            return Ok(Response::new(only(removable(tried.map_err(|error| self.refused(&error))?))));
        }
        let (progress, steps) = mpsc::channel(PROGRESS_MAX);
        let shared = Arc::clone(&self.shared);
        let removing = async move {
            shared.replica.remove_node(node, &progress).await?;
            drop(progress);
            note(&shared, by, "cluster remove", format!("node {node}")).await;
            Ok(())
        };
        Ok(Response::new(self.follow("remove-node", steps, removing, removed)))
    }

    async fn move_leader(
        &self,
        request: Request<v1::MoveLeaderRequest>,
    ) -> Result<Response<v1::MoveLeaderResponse>, Status> {
        let by = caller_name(&request);
        let to = Some(request.get_ref().to).filter(|to| *to > 0).map(NodeId);
        let replica = &self.shared.replica;
        let dry_run = request.get_ref().dry_run;
        let moved = if dry_run { replica.try_move_leader(to).await } else { replica.move_leader(to).await };
        let moved = moved.map_err(|error| self.refused(&error))?;
        if !dry_run {
            let detail = format!("from node {} to node {}", moved.from, moved.leader);
            note(&self.shared, by, "cluster transfer-leader", detail).await;
        }
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
        let request = request.into_inner();
        let drained = self.drain(&request).map_err(|error| error::status(&error))?;
        if !request.dry_run {
            let what = if request.undo { "cluster drain --undo" } else { "cluster drain" };
            note(&self.shared, by, what, format!("node {}", request.node)).await;
        }
        Ok(Response::new(drained))
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

    fn drain(&self, request: &v1::DrainNodeRequest) -> Result<v1::DrainNodeResponse, Error> {
        let (node, me) = (NodeId(request.node), self.shared.nodes.me());
        if node != me {
            if self.shared.replica.members().peer(node).is_none() {
                let what = format!("node: {node} is no member of this cluster");
                return Err(error::not_changed(&ChangeError::Refused(what), &self.shared.nodes));
            }
            return Err(error::other_node(node, &self.shared.nodes));
        }
        if request.within_ms > DRAIN_MAX.0 {
            let problem = format!("is {}; at most {} ms", request.within_ms, DRAIN_MAX.0);
            return Err(error::invalid(vec![FieldProblem { field: "within_ms".into(), problem }]));
        }
        if request.dry_run {
            // Nothing else speaks against it.
        } else if request.undo {
            self.shared.replica.set_draining(false);
        } else {
            let asked = Some(request.within_ms).filter(|ms| *ms > 0).map(Millis);
            self.shared.drain(asked.unwrap_or(self.shared.drain_within));
        }
        let status = self.shared.replica.status();
        Ok(v1::DrainNodeResponse {
            draining: if request.dry_run { !request.undo } else { status.draining },
            sessions: self.sessions(me),
            leader: status.leader.map_or(0, |leader| leader.0),
        })
    }

    fn sessions(&self, me: NodeId) -> u64 {
        self.shared.replica.read(|router| {
            let here = |state| matches!(state, SessionState::Live { node, .. } if node == me);
            router.sessions().filter(|session| here(session.state)).count() as u64
        })
    }
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

/// An answer of one message.
fn only<T: Send + 'static>(message: T) -> Steps<T> {
    let (sender, receiver) = mpsc::channel(1);
    sender.try_send(Ok(message)).expect("the channel is empty and its receiver is here");
    ReceiverStream::new(receiver)
}

fn addable(tried: Inbound) -> v1::AddNodeResponse {
    let Inbound { known, voters } = tried;
    let part = match known {
        Known::Stranger => MemberPart::Stranger,
        Known::Learner => MemberPart::Learner,
        Known::Voter => MemberPart::Voter,
    };
    v1::AddNodeResponse {
        stage: AddStage::Tried.into(),
        voters: voters as u32,
        part: part.into(),
        ..v1::AddNodeResponse::default()
    }
}

fn removable(tried: Outbound) -> v1::RemoveNodeResponse {
    let Outbound { part, voters } = tried;
    let (part, heir) = match part {
        Part::None => (MemberPart::Removed, 0),
        Part::Learner => (MemberPart::Learner, 0),
        Part::Voter => (MemberPart::Voter, 0),
        Part::Leader { heir } => (MemberPart::Leader, heir.0),
    };
    v1::RemoveNodeResponse {
        stage: RemoveStage::Tried.into(),
        voters: voters as u32,
        part: part.into(),
        heir,
        ..v1::RemoveNodeResponse::default()
    }
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
            dry_run: false,
        };
        let fields: Vec<_> =
            read_peer(request).unwrap_err().problems.into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["node", "peer_address", "api_address", "region"]);
        let sound = v1::AddNodeRequest {
            node: 4,
            peer_address: "[::1]:7112".into(),
            api_address: "node-4.example:7111".into(),
            region: String::new(),
            dry_run: false,
        };
        assert_eq!(read_peer(sound).unwrap().node, NodeId(4));
    }
}
