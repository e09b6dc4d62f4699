//! Calls that change the members of a cluster. Each is carried out by one node only; the others name it.

use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Streaming};

use super::BadConfig;
use super::call::{CallConfig, CallError};
use super::connections::Connections;
use crate::MESSAGE_BYTES_MAX;
use crate::v1::cluster_service_client::ClusterServiceClient;
use crate::v1::{
    AddNodeRequest, AddNodeResponse, CheckQuorumRequest, CheckQuorumResponse, DrainNodeRequest,
    DrainNodeResponse, ErrorKind, MoveLeaderRequest, MoveLeaderResponse, RemoveNodeRequest,
    RemoveNodeResponse, TryAddNodeRequest, TryAddNodeResponse, TryDrainNodeRequest, TryDrainNodeResponse,
    TryMoveLeaderRequest, TryMoveLeaderResponse, TryRemoveNodeRequest, TryRemoveNodeResponse,
};

/// Nodes that one call may be sent on to.
const HOPS_MAX: usize = 16;
/// A node that was asked says something within this.
const STEP_WITHIN: Duration = Duration::from_secs(15);

/// Changes the members of a cluster, whichever of its nodes is asked.
#[derive(Clone)]
pub struct ClusterClient {
    addresses: Vec<String>,
    connections: Connections,
    token: MetadataValue<Ascii>,
}

type Service = ClusterServiceClient<Channel>;

impl ClusterClient {
    /// A client of the cluster that has these nodes; nothing is connected before the first call. Must be called within
    /// a tokio runtime.
    ///
    /// # Errors
    /// [`BadConfig`] when no client can be made of it.
    pub fn new(config: &CallConfig) -> Result<ClusterClient, BadConfig> {
        if config.addresses.is_empty() {
            return Err(BadConfig::NoAddress);
        }
        for address in &config.addresses {
            config.connections.channel(address)?;
        }
        Ok(ClusterClient {
            addresses: config.addresses.clone(),
            connections: config.connections.clone(),
            token: format!("Bearer {}", config.token).parse().map_err(|_| BadConfig::BadToken)?,
        })
    }

    /// Takes a node in; each step on the way is shown. The last one is returned. The same call may always be made
    /// again.
    ///
    /// # Errors
    /// The last node's error when none could do it, or the first final one.
    pub async fn add_node(
        &self,
        request: AddNodeRequest,
        mut shown: impl FnMut(&AddNodeResponse),
    ) -> Result<AddNodeResponse, CallError> {
        let request = &request;
        let ask = async |mut service: Service| {
            let asked = service.add_node(self.request(request.clone()));
            to_the_end(in_time(asked).await?, &mut shown).await
        };
        self.follow(ask).await
    }

    /// Takes a node out; each step on the way is shown. The last one is returned. The same call may always be made
    /// again.
    ///
    /// # Errors
    /// As for [`ClusterClient::add_node`].
    pub async fn remove_node(
        &self,
        request: RemoveNodeRequest,
        mut shown: impl FnMut(&RemoveNodeResponse),
    ) -> Result<RemoveNodeResponse, CallError> {
        let ask = async |mut service: Service| {
            let asked = service.remove_node(self.request(request));
            to_the_end(in_time(asked).await?, &mut shown).await
        };
        self.follow(ask).await
    }

    /// Hands leadership over.
    ///
    /// # Errors
    /// As for [`ClusterClient::add_node`].
    pub async fn move_leader(&self, request: MoveLeaderRequest) -> Result<MoveLeaderResponse, CallError> {
        self.follow(async |mut service: Service| in_time(service.move_leader(self.request(request))).await)
            .await
    }

    /// Sends a node's clients elsewhere, or takes them again.
    ///
    /// # Errors
    /// As for [`ClusterClient::add_node`].
    pub async fn drain_node(&self, request: DrainNodeRequest) -> Result<DrainNodeResponse, CallError> {
        self.follow(async |mut service: Service| in_time(service.drain_node(self.request(request))).await)
            .await
    }

    /// Whether a node may stop.
    ///
    /// # Errors
    /// As for [`ClusterClient::add_node`].
    pub async fn check_quorum(&self, request: CheckQuorumRequest) -> Result<CheckQuorumResponse, CallError> {
        self.follow(async |mut service: Service| in_time(service.check_quorum(self.request(request))).await)
            .await
    }

    /// What taking a node in would come to; nothing is done.
    ///
    /// # Errors
    /// As for [`ClusterClient::add_node`]; a node of a version without trials refuses.
    pub async fn try_add_node(&self, request: TryAddNodeRequest) -> Result<TryAddNodeResponse, CallError> {
        let request = &request;
        let ask =
            async |mut service: Service| in_time(service.try_add_node(self.request(request.clone()))).await;
        self.follow(ask).await
    }

    /// What taking a node out would come to; nothing is done.
    ///
    /// # Errors
    /// As for [`ClusterClient::try_add_node`].
    pub async fn try_remove_node(
        &self,
        request: TryRemoveNodeRequest,
    ) -> Result<TryRemoveNodeResponse, CallError> {
        let ask = async |mut service: Service| in_time(service.try_remove_node(self.request(request))).await;
        self.follow(ask).await
    }

    /// What handing leadership over would come to; nothing is done.
    ///
    /// # Errors
    /// As for [`ClusterClient::try_add_node`].
    pub async fn try_move_leader(
        &self,
        request: TryMoveLeaderRequest,
    ) -> Result<TryMoveLeaderResponse, CallError> {
        let ask = async |mut service: Service| in_time(service.try_move_leader(self.request(request))).await;
        self.follow(ask).await
    }

    /// What draining a node would come to; nothing is done.
    ///
    /// # Errors
    /// As for [`ClusterClient::try_add_node`].
    pub async fn try_drain_node(
        &self,
        request: TryDrainNodeRequest,
    ) -> Result<TryDrainNodeResponse, CallError> {
        let ask = async |mut service: Service| in_time(service.try_drain_node(self.request(request))).await;
        self.follow(ask).await
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.token.clone());
        request
    }

    /// Asks the nodes in turn, and first the one that another names, until one does it or refuses for good.
    async fn follow<A>(
        &self,
        mut ask: impl AsyncFnMut(Service) -> Result<A, CallError>,
    ) -> Result<A, CallError> {
        let mut known = self.addresses.iter();
        let mut named: Option<String> = None;
        let mut failed = CallError::late(STEP_WITHIN);
        for _ in 0..HOPS_MAX {
            let Some(address) = named.take().or_else(|| known.next().cloned()) else { break };
            // A hint that is no address helps nobody: on to the next.
            let Ok(channel) = self.connections.channel(&address) else { continue };
            let service = ClusterServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
            match ask(service).await {
                Ok(answer) => return Ok(answer),
                Err(error) if error.0.kind() != ErrorKind::Unavailable => return Err(error),
                Err(error) => {
                    named = Some(error.0.hint.clone())
                        .filter(|hint| error.0.code == "other-node" && !hint.is_empty());
                    failed = error;
                }
            }
        }
        Err(failed)
    }
}

async fn in_time<A>(
    asked: impl Future<Output = Result<tonic::Response<A>, tonic::Status>>,
) -> Result<A, CallError> {
    match tokio::time::timeout(STEP_WITHIN, asked).await {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        Ok(Err(status)) => Err(CallError::of(&status)),
        Err(_) => Err(CallError::late(STEP_WITHIN)),
    }
}

async fn to_the_end<A>(mut steps: Streaming<A>, shown: &mut impl FnMut(&A)) -> Result<A, CallError> {
    let mut last = None;
    loop {
        match tokio::time::timeout(STEP_WITHIN, steps.message()).await {
            Ok(Ok(Some(step))) => {
                shown(&step);
                last = Some(step);
            }
            Ok(Ok(None)) => return last.ok_or_else(|| CallError::late(STEP_WITHIN)),
            Ok(Err(status)) => return Err(CallError::of(&status)),
            Err(_) => return Err(CallError::late(STEP_WITHIN)),
        }
    }
}
