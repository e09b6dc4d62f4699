//! The life-support register.

use tonic::transport::Channel;

use super::BadConfig;
use super::call::{CallConfig, CallError, Caller, Silence};
use crate::MESSAGE_BYTES_MAX;
use crate::v1::life_support_service_client::LifeSupportServiceClient;
use crate::v1::{
    CheckLifeSupportRequest, CheckLifeSupportResponse, PutLifeSupportRequest, PutLifeSupportResponse,
};

/// Changes the life-support register and asks it. Both may be asked again of another node: the same change again changes
/// nothing, and a question that is asked twice stands in the audit twice.
#[derive(Clone)]
pub struct LifeSupportClient {
    caller: Caller,
}

fn service(channel: Channel) -> LifeSupportServiceClient<Channel> {
    LifeSupportServiceClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

impl LifeSupportClient {
    /// A client of these nodes; nothing is connected before the first call. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`BadConfig`] when no client can be made of it.
    pub fn new(config: &CallConfig) -> Result<LifeSupportClient, BadConfig> {
        Ok(LifeSupportClient { caller: Caller::new(config)? })
    }

    /// Takes references in and out.
    ///
    /// # Errors
    /// The last node's error when none could answer, or the first final one.
    pub async fn put(&self, request: PutLifeSupportRequest) -> Result<PutLifeSupportResponse, CallError> {
        let ask = async |channel, request| service(channel).put_life_support(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Whether a reference is in the register.
    ///
    /// # Errors
    /// As for [`LifeSupportClient::put`].
    pub async fn check(
        &self,
        request: CheckLifeSupportRequest,
    ) -> Result<CheckLifeSupportResponse, CallError> {
        let ask = async |channel, request| service(channel).check_life_support(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }
}
