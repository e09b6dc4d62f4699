//! openraft's calls to other nodes, over gRPC.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2, stream_append_sequential};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use ringmain_protocol::v1;
use ringmain_protocol::v1::install_snapshot_request::Part;
use tokio::sync::watch;
use tonic::{Code, Status};

use crate::links::{Link, Links};
use crate::members::Members;
use crate::snapshot_files::SnapshotFile;
use crate::transfer::{Freight, Transfers};
use crate::type_config::{PeerNode, TypeConfig, Vote};
use crate::wire::{Envelope, encode};

type C = TypeConfig;
type RpcError = RPCError<C>;
type Snapshot = openraft::type_config::alias::SnapshotOf<C, SnapshotFile>;

/// A node that takes longer to say how much of a snapshot it has is not there.
const PROGRESS_MAX: Duration = Duration::from_secs(5);
/// A stream of appends must be open within this; connecting anew is part of it.
const STREAM_OPEN_MAX: Duration = Duration::from_millis(600);

/// Makes openraft's connections.
#[derive(Clone, Debug)]
pub struct PeerNetwork {
    links: Arc<Links>,
    transfers: Transfers,
    members: watch::Receiver<Members>,
}

impl PeerNetwork {
    /// Over these links, between these members.
    #[must_use]
    pub fn new(links: Arc<Links>, transfers: Transfers, members: watch::Receiver<Members>) -> Self {
        Self { links, transfers, members }
    }

    fn caller(&self, target: u64, node: &PeerNode, streaming: bool) -> PeerCaller {
        PeerCaller {
            target,
            link: self.links.to(target, &node.peer_addr).map_err(|error| error.to_string()),
            streaming,
            transfers: self.transfers.clone(),
            members: self.members.clone(),
        }
    }
}

impl RaftNetworkFactory<C> for PeerNetwork {
    type Network = PeerCaller;

    async fn new_client(&mut self, target: u64, node: &PeerNode) -> PeerCaller {
        self.caller(target, node, true)
    }

    async fn new_heartbeat_client(&mut self, target: u64, node: &PeerNode) -> PeerCaller {
        self.caller(target, node, false)
    }
}

/// Calls one node for openraft.
#[derive(Debug)]
pub struct PeerCaller {
    target: u64,
    link: Result<Link, String>,
    /// Entries go in a pipeline; a heartbeat is one call on the control connection.
    streaming: bool,
    transfers: Transfers,
    members: watch::Receiver<Members>,
}

impl PeerCaller {
    fn link(&self) -> Result<Link, RpcError> {
        self.link.clone().map_err(|error| Unreachable::from_string(error).into())
    }

    /// Takes the first request before it opens the stream: openraft waits out its backoff where it makes a request, so
    /// that a node that is away is tried a few times a second and not without a pause.
    async fn open_stream<S>(&self, mut input: S) -> Result<BoxStream<'static, Appended>, RpcError>
    where
        S: Stream<Item = AppendEntriesRequest<C>> + Send + Unpin + 'static,
    {
        let Some(first) = input.next().await else { return Ok(Box::pin(stream::empty())) };
        let requests = stream::iter([first]).chain(input);
        let requests = requests.map(|request| v1::StreamAppendRequest::pack(&request));
        let mut link = self.link()?;
        let opening = tokio::time::timeout(STREAM_OPEN_MAX, link.bulk.stream_append(requests)).await;
        let responses = opening
            .map_err(|_| RpcError::from(Unreachable::from_string("stream of appends not open in time")))?
            .map_err(unreachable)?
            .into_inner();
        let answers = responses.map(|response| response.and_then(|r| r.unpack()).map_err(broken));
        Ok(Box::pin(answers))
    }
}

type Appended = Result<StreamAppendResult<C>, RpcError>;

/// The node cannot be reached or does not take part: wait before the next try.
fn unreachable(status: Status) -> RpcError {
    Unreachable::from_string(status).into()
}

/// What was open broke: try again at once, unless the node is gone.
fn broken(status: Status) -> RpcError {
    if matches!(status.code(), Code::Unavailable | Code::FailedPrecondition) {
        unreachable(status)
    } else {
        NetworkError::from_string(status).into()
    }
}

async fn in_time<T>(
    option: &RPCOption,
    call: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, RpcError> {
    match tokio::time::timeout(option.hard_ttl(), call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(unreachable(status)),
        Err(_) => Err(NetworkError::from_string("no answer in time").into()),
    }
}

impl RaftNetworkV2<C> for PeerCaller {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<C>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<C>, RpcError> {
        let mut link = self.link()?;
        let request = v1::AppendEntriesRequest::pack(&rpc);
        in_time(&option, link.control.append_entries(request)).await?.unpack().map_err(broken)
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        option: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Appended>, RpcError>>
    where
        S: Stream<Item = AppendEntriesRequest<C>> + Send + Unpin + 'static,
    {
        if self.streaming {
            Box::pin(async move { Ok(self.open_stream(input).await? as BoxStream<'s, Appended>) })
        } else {
            stream_append_sequential(self, input, option)
        }
    }

    async fn vote(&mut self, rpc: VoteRequest<C>, option: RPCOption) -> Result<VoteResponse<C>, RpcError> {
        let mut link = self.link()?;
        let request = v1::VoteRequest::pack(&rpc);
        in_time(&option, link.control.vote(request)).await?.unpack().map_err(broken)
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<C>,
        option: RPCOption,
    ) -> Result<VoteResponse<C>, RpcError> {
        let mut link = self.link()?;
        let request = v1::PreVoteRequest::pack(&rpc);
        in_time(&option, link.control.pre_vote(request)).await?.unpack().map_err(broken)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<C>, StreamingError<C>> {
        let mut link = self.link()?;
        let file = snapshot.snapshot;
        let sending = self.transfers.begin();
        let request = v1::SnapshotProgressRequest { hash: file.hash().to_le_bytes().to_vec().into() };
        let progress = tokio::time::timeout(PROGRESS_MAX, link.transfer.snapshot_progress(request)).await;
        let progress =
            progress.map_err(|_| broken(Status::deadline_exceeded("snapshot progress not told")))?;
        let offset = progress.map_err(unreachable)?.into_inner().offset;
        tracing::info!(node = self.target, bytes = file.len(), offset, "snapshot goes out");
        let place = v1::SnapshotPlace {
            hash: file.hash().to_le_bytes().to_vec().into(),
            offset,
            members: encode(&*self.members.borrow()).into(),
        };
        let call = link.transfer.install_snapshot(snapshot_parts(vote, file, place, self.transfers.clone()));
        let answer = tokio::select! {
            answer = call => {
                let response = answer.map_err(unreachable)?.into_inner();
                Ok(response.unpack().map_err(broken)?)
            }
            closed = cancel => Err(closed.into()),
        };
        drop(sending);
        answer
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<C>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<C>, RpcError> {
        let mut link = self.link()?;
        let request = v1::TransferLeaderRequest::pack(&req);
        in_time(&option, link.control.transfer_leader(request)).await?.unpack().map_err(broken)
    }
}

/// The head and the place, then the rest of the file in chunks, at the pace of all transfers. A file that cannot be read
/// ends the stream before its end, which the receiver notices by the hash.
fn snapshot_parts(
    vote: Vote,
    file: SnapshotFile,
    place: v1::SnapshotPlace,
    transfers: Transfers,
) -> impl Stream<Item = v1::InstallSnapshotRequest> + Send {
    let part = |part| v1::InstallSnapshotRequest { part: Some(part) };
    let head = part(Part::Head(encode(&vote).into()));
    let offset = place.offset;
    let place = part(Part::Place(place));
    let chunks = stream::unfold((file, offset, transfers), move |(file, offset, transfers)| async move {
        let chunk = match file.read_chunk(offset) {
            Ok(chunk) => chunk,
            Err(error) => {
                tracing::error!(%error, "snapshot cannot be read");
                return None;
            }
        };
        transfers.pass(Freight::Snapshot, chunk.len()).await;
        let next = offset + chunk.len() as u64;
        (next > offset).then_some((part(Part::Chunk(chunk.into())), (file, next, transfers)))
    });
    stream::iter([head, place]).chain(chunks)
}
