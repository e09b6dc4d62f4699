//! What other nodes may ask of this one.

use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use openraft::ReadPolicy;
use openraft::raft::{AppendEntriesRequest, StreamAppendResult, TransferLeaderRequest};
use ringmain_protocol::v1;
use ringmain_protocol::v1::peer_service_server::PeerService;
use ringmain_routing::{LogIndex, NodeId};
use tonic::{Request, Response, Status, Streaming};

use crate::machine::SegmentPiece;
use crate::peer_admission::Admission;
use crate::shared::Shared;
use crate::transfer::Freight;
use crate::type_config::TypeConfig;
use crate::wire::Envelope;
use crate::{forming, forward, install, nodes, peer_admission};

type C = TypeConfig;
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The peer service of one replica.
#[derive(Clone)]
pub struct PeerEndpoint {
    shared: Arc<Shared>,
}

impl PeerEndpoint {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Who calls, if the call is for this node.
    fn caller<T>(&self, request: &Request<T>) -> Result<NodeId, Status> {
        match self.shared.failure() {
            Some(reason) => Err(Status::unavailable(format!("this node has stopped: {reason}"))),
            None => Ok(self.shared.parties.admit(request.metadata())?.node),
        }
    }

    /// As [`Self::caller`], for calls of Raft: a node that was never asked into the cluster answers none.
    fn admit_raft<T>(&self, request: &Request<T>) -> Result<NodeId, Status> {
        let from = self.caller(request)?;
        if self.shared.machine.is_departed(from) {
            return Err(Status::failed_precondition(format!(
                "caller: node {from} was removed from this cluster"
            )));
        }
        if self.shared.identity.is_member() {
            self.learn_generation(request)?;
            return Ok(from);
        }
        Err(Status::failed_precondition(
            "data_dir: it is empty, and this node was not asked into the cluster: if it was wiped, remove the node \
             and add it again under a new id",
        ))
    }

    /// A node that was let in before it knew the cluster's generation learns it from the first who speaks for it.
    fn learn_generation<T>(&self, request: &Request<T>) -> Result<(), Status> {
        if self.shared.parties.generation.get() > 0 {
            return Ok(());
        }
        let caller = self.shared.parties.admit(request.metadata())?;
        let learnt = self.shared.identity.learn_generation(caller.generation);
        learnt.map_err(|error| Status::internal(error.to_string()))
    }

    /// As [`Self::admit_raft`], for votes: a node that lost part of its log grants none.
    fn admit_vote<T>(&self, request: &Request<T>) -> Result<(), Status> {
        self.admit_raft(request)?;
        match &self.shared.suspect {
            Some(suspect) => Err(Status::failed_precondition(format!("this node grants no vote: {suspect}"))),
            None => Ok(()),
        }
    }

    fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let shared = Arc::clone(&self.shared);
        async move { shared.failed().await }
    }

    fn leader_heard(&self, from: NodeId) {
        let known = *self.shared.leadership.borrow();
        if known.leader == Some(from) {
            self.shared.liveness.leader_heard(known.term, self.shared.clock.monotonic());
        }
    }
}

fn stopped(error: impl std::fmt::Display) -> Status {
    Status::unavailable(error.to_string())
}

#[tonic::async_trait]
impl PeerService for PeerEndpoint {
    async fn append_entries(
        &self,
        request: Request<v1::AppendEntriesRequest>,
    ) -> Result<Response<v1::AppendEntriesResponse>, Status> {
        let from = self.admit_raft(&request)?;
        let response = self.shared.raft.append_entries(request.get_ref().unpack()?).await.map_err(stopped)?;
        self.leader_heard(from);
        Ok(Response::new(v1::AppendEntriesResponse::pack(&response)))
    }

    type StreamAppendStream = Answers<v1::StreamAppendResponse>;

    async fn stream_append(
        &self,
        request: Request<Streaming<v1::StreamAppendRequest>>,
    ) -> Result<Response<Self::StreamAppendStream>, Status> {
        let from = self.admit_raft(&request)?;
        // Without this openraft would hold the stream of a stopped replica open until its next request.
        let requests = decoded(request.into_inner()).take_until(Box::pin(self.stopping()));
        let endpoint = self.clone();
        let answers = self.shared.raft.stream_append(requests).map(move |answer| {
            let answer: StreamAppendResult<C> = answer.map_err(stopped)?;
            endpoint.leader_heard(from);
            Ok(v1::StreamAppendResponse::pack(&answer))
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn vote(&self, request: Request<v1::VoteRequest>) -> Result<Response<v1::VoteResponse>, Status> {
        self.admit_vote(&request)?;
        let response = self.shared.raft.vote(request.get_ref().unpack()?).await.map_err(stopped)?;
        Ok(Response::new(v1::VoteResponse::pack(&response)))
    }

    async fn pre_vote(
        &self,
        request: Request<v1::PreVoteRequest>,
    ) -> Result<Response<v1::PreVoteResponse>, Status> {
        self.admit_vote(&request)?;
        let response = self.shared.raft.pre_vote(request.get_ref().unpack()?).await.map_err(stopped)?;
        Ok(Response::new(v1::PreVoteResponse::pack(&response)))
    }

    async fn transfer_leader(
        &self,
        request: Request<v1::TransferLeaderRequest>,
    ) -> Result<Response<v1::TransferLeaderResponse>, Status> {
        self.admit_vote(&request)?;
        let request: TransferLeaderRequest<C> = request.get_ref().unpack()?;
        // Those that are not to lead are told as well, and vote.
        if *request.to_node_id() == self.shared.config.node.0 && !self.shared.may_lead() {
            return Err(Status::failed_precondition("this node may not lead now"));
        }
        let response = self.shared.raft.handle_transfer_leader(request).await.map_err(stopped)?;
        Ok(Response::new(v1::TransferLeaderResponse::pack(&response)))
    }

    async fn snapshot_progress(
        &self,
        request: Request<v1::SnapshotProgressRequest>,
    ) -> Result<Response<v1::SnapshotProgressResponse>, Status> {
        self.admit_raft(&request)?;
        Ok(Response::new(install::progress(&self.shared, request.get_ref())?))
    }

    async fn install_snapshot(
        &self,
        request: Request<Streaming<v1::InstallSnapshotRequest>>,
    ) -> Result<Response<v1::InstallSnapshotResponse>, Status> {
        let from = self.admit_raft(&request)?;
        let response = tokio::select! {
            response = install::receive(&self.shared, request.into_inner()) => response?,
            () = self.stopping() => return Err(stopped("this node stops")),
        };
        self.leader_heard(from);
        Ok(Response::new(v1::InstallSnapshotResponse::pack(&response)))
    }

    async fn ping(&self, request: Request<v1::PingRequest>) -> Result<Response<v1::PingResponse>, Status> {
        let from = self.caller(&request)?;
        Ok(Response::new(nodes::answer_ping(&self.shared, from, request.get_ref())))
    }

    type ForwardStream = Answers<v1::ForwardResponse>;

    async fn forward(
        &self,
        request: Request<Streaming<v1::ForwardRequest>>,
    ) -> Result<Response<Self::ForwardStream>, Status> {
        let from = self.caller(&request)?;
        let shared = Arc::clone(&self.shared);
        let commands = request.into_inner();
        let last_words = stream::once(async move { forward::take_in(&shared, from, commands).await });
        Ok(Response::new(Box::pin(last_words)))
    }

    async fn read_index(
        &self,
        request: Request<v1::ReadIndexRequest>,
    ) -> Result<Response<v1::ReadIndexResponse>, Status> {
        self.caller(&request)?;
        let linearizer =
            self.shared.raft.get_read_linearizer(ReadPolicy::ReadIndex).await.map_err(stopped)?;
        Ok(Response::new(v1::ReadIndexResponse { raft_index: linearizer.read_log_id().index() }))
    }

    async fn form(&self, request: Request<v1::FormRequest>) -> Result<Response<v1::FormResponse>, Status> {
        self.caller(&request)?;
        Ok(Response::new(forming::take_part(&self.shared, request.get_ref()).await?))
    }

    async fn admit(&self, request: Request<v1::AdmitRequest>) -> Result<Response<v1::AdmitResponse>, Status> {
        self.caller(&request)?;
        let granted = Admission::Granted;
        Ok(Response::new(peer_admission::answer(&self.shared, request.get_ref(), granted).await?))
    }

    async fn try_admit(
        &self,
        request: Request<v1::TryAdmitRequest>,
    ) -> Result<Response<v1::TryAdmitResponse>, Status> {
        self.caller(&request)?;
        let Some(asked) = &request.get_ref().request else {
            return Err(Status::invalid_argument("request: is absent"));
        };
        let answer = peer_admission::answer(&self.shared, asked, Admission::Tried).await?;
        Ok(Response::new(v1::TryAdmitResponse { response: Some(answer) }))
    }

    async fn dismiss(
        &self,
        request: Request<v1::DismissRequest>,
    ) -> Result<Response<v1::DismissResponse>, Status> {
        self.caller(&request)?;
        self.shared.depart();
        Ok(Response::new(v1::DismissResponse {}))
    }

    async fn fetch_segment(
        &self,
        request: Request<v1::FetchSegmentRequest>,
    ) -> Result<Response<v1::FetchSegmentResponse>, Status> {
        self.caller(&request)?;
        let v1::FetchSegmentRequest { first, offset, length } = *request.get_ref();
        let piece = SegmentPiece { first: LogIndex(first), offset, len: length as usize };
        let machine = self.shared.machine.clone();
        let read = tokio::task::spawn_blocking(move || machine.segment_piece(piece)).await;
        let chunk = read.map_err(stopped)?.map_err(|error| Status::not_found(error.to_string()))?;
        self.shared.transfers.pass(Freight::History, chunk.len()).await;
        Ok(Response::new(v1::FetchSegmentResponse { chunk: chunk.into() }))
    }
}

/// The requests of a stream, up to the first that is broken: with it the sender starts over.
fn decoded(
    stream: Streaming<v1::StreamAppendRequest>,
) -> impl Stream<Item = AppendEntriesRequest<C>> + Send + 'static {
    stream::unfold(stream, |mut stream| async move {
        let request = stream.message().await.ok()??;
        match request.unpack() {
            Ok(request) => Some((request, stream)),
            Err(status) => {
                tracing::error!(%status, "append cannot be read");
                None
            }
        }
    })
}
