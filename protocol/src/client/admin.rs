//! Calls for those who run the cluster.

use tonic::Streaming;
use tonic::transport::Channel;

use super::BadConfig;
use super::call::{CallConfig, CallError, Caller, Silence};
use crate::MESSAGE_BYTES_MAX;
use crate::v1::admin_service_client::AdminServiceClient;
use crate::v1::{
    ApplyPlanRequest, ApplyPlanResponse, ClusterStatusRequest, ClusterStatusResponse, ExportHistoryRequest,
    ExportHistoryResponse, ExportStateRequest, ExportStateResponse, GetPlanRequest, GetPlanResponse,
    PutOperatorsRequest, PutOperatorsResponse, SaveSnapshotRequest, SaveSnapshotResponse,
};

/// Changes plan and operators, asks how the cluster is, exports what a node has.
#[derive(Clone)]
pub struct AdminClient {
    caller: Caller,
}

fn service(channel: Channel) -> AdminServiceClient<Channel> {
    AdminServiceClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

impl AdminClient {
    /// A client of these nodes; nothing is connected before the first call. Must be called within a tokio runtime.
    /// Name one node to ask that one and no other.
    ///
    /// # Errors
    /// [`BadConfig`] when no client can be made of it.
    pub fn new(config: &CallConfig) -> Result<AdminClient, BadConfig> {
        Ok(AdminClient { caller: Caller::new(config)? })
    }

    /// Switches to a new plan. After an unknown outcome the same call may be made again.
    ///
    /// # Errors
    /// The last node's error when none could answer, or the first final one.
    pub async fn apply_plan(&self, request: ApplyPlanRequest) -> Result<ApplyPlanResponse, CallError> {
        let ask = async |channel, request| service(channel).apply_plan(request).await;
        self.caller.call(Silence::Report, request, ask).await
    }

    /// The plan in force.
    ///
    /// # Errors
    /// As for [`AdminClient::apply_plan`].
    pub async fn plan(&self) -> Result<GetPlanResponse, CallError> {
        let ask = async |channel, request| service(channel).get_plan(request).await;
        self.caller.call(Silence::AskAnother, GetPlanRequest::default(), ask).await
    }

    /// An earlier version of the plan, one of the last 64.
    ///
    /// # Errors
    /// As for [`AdminClient::apply_plan`]; `not-found` where the history keeps it no more.
    pub async fn earlier_plan(&self, version: u64) -> Result<GetPlanResponse, CallError> {
        let ask = async |channel, request| service(channel).get_plan(request).await;
        self.caller.call(Silence::AskAnother, GetPlanRequest { version: Some(version) }, ask).await
    }

    /// Adds or changes operators. After an unknown outcome the same call may be made again.
    ///
    /// # Errors
    /// As for [`AdminClient::apply_plan`].
    pub async fn put_operators(
        &self,
        request: PutOperatorsRequest,
    ) -> Result<PutOperatorsResponse, CallError> {
        let ask = async |channel, request| service(channel).put_operators(request).await;
        self.caller.call(Silence::Report, request, ask).await
    }

    /// How the cluster is, as the first node that answers sees it.
    ///
    /// # Errors
    /// As for [`AdminClient::apply_plan`].
    pub async fn cluster_status(&self) -> Result<ClusterStatusResponse, CallError> {
        let ask = async |channel, request| service(channel).cluster_status(request).await;
        self.caller.call(Silence::AskAnother, ClusterStatusRequest {}, ask).await
    }

    /// A node's full state, in parts.
    ///
    /// # Errors
    /// As for [`AdminClient::apply_plan`]; later parts may fail with a status.
    pub async fn export_state(
        &self,
        request: ExportStateRequest,
    ) -> Result<Streaming<ExportStateResponse>, CallError> {
        let ask = async |channel, request| service(channel).export_state(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// A node's history, in parts.
    ///
    /// # Errors
    /// As for [`AdminClient::apply_plan`]; later parts may fail with a status.
    pub async fn export_history(
        &self,
        request: ExportHistoryRequest,
    ) -> Result<Streaming<ExportHistoryResponse>, CallError> {
        let ask = async |channel, request| service(channel).export_history(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// A backup of the cluster, in parts.
    ///
    /// # Errors
    /// As for [`AdminClient::apply_plan`]; later parts may fail with a status.
    pub async fn save_snapshot(
        &self,
        request: SaveSnapshotRequest,
    ) -> Result<Streaming<SaveSnapshotResponse>, CallError> {
        let ask = async |channel, request| service(channel).save_snapshot(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }
}
