//! Actions of supervisors and the audit.

use tonic::Streaming;
use tonic::transport::Channel;

use super::BadConfig;
use super::call::{CallConfig, CallError, Caller, Silence};
use crate::MESSAGE_BYTES_MAX;
use crate::v1::action_service_client::ActionServiceClient;
use crate::v1::{
    AnswerHelpRequest, AnswerHelpResponse, AssignContactRequest, AssignContactResponse, CloseContactRequest,
    CloseContactResponse, CloseEnquiryRequest, CloseEnquiryResponse, CloseEntryRequest, CloseEntryResponse,
    DeferBreaksRequest, DeferBreaksResponse, ForcePresenceRequest, ForcePresenceResponse, HandOverRequest,
    HandOverResponse, LiftContactRequest, LiftContactResponse, ListAuditRequest, ListAuditResponse,
    ListClosuresRequest, ListClosuresResponse, ListTriggersRequest, ListTriggersResponse,
    MoveContactsRequest, MoveContactsResponse, OpenEntryRequest, OpenEntryResponse, RequeueContactRequest,
    RequeueContactResponse, SignOutOperatorRequest, SignOutOperatorResponse, SuperviseRequest,
    SuperviseResponse, VerifyAuditRequest, VerifyAuditResponse,
};

/// Acts, and asks who did what. Each action carries a key, so a call with an unknown outcome is asked again of
/// another node by itself.
#[derive(Clone)]
pub struct ActionClient {
    caller: Caller,
}

fn service(channel: Channel) -> ActionServiceClient<Channel> {
    ActionServiceClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

impl ActionClient {
    /// A client of these nodes; nothing is connected before the first call. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`BadConfig`] when no client can be made of it.
    pub fn new(config: &CallConfig) -> Result<ActionClient, BadConfig> {
        Ok(ActionClient { caller: Caller::new(config)? })
    }

    /// Sets an operator's presence.
    ///
    /// # Errors
    /// The last node's error when none could answer, or the first final one.
    pub async fn force_presence(
        &self,
        request: ForcePresenceRequest,
    ) -> Result<ForcePresenceResponse, CallError> {
        let ask = async |channel, request| service(channel).force_presence(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Lets breaks wait until their latest moment, or no longer.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn defer_breaks(&self, request: DeferBreaksRequest) -> Result<DeferBreaksResponse, CallError> {
        let ask = async |channel, request| service(channel).defer_breaks(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Hands everything open of an operator or a unit over.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn hand_over(&self, request: HandOverRequest) -> Result<HandOverResponse, CallError> {
        let ask = async |channel, request| service(channel).hand_over(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Takes no more arrivals into a queue or unit.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn close_entry(&self, request: CloseEntryRequest) -> Result<CloseEntryResponse, CallError> {
        let ask = async |channel, request| service(channel).close_entry(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Closes an enquiry.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn close_enquiry(
        &self,
        request: CloseEnquiryRequest,
    ) -> Result<CloseEnquiryResponse, CallError> {
        let ask = async |channel, request| service(channel).close_enquiry(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Takes part in a talk, or no longer does.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn supervise(&self, request: SuperviseRequest) -> Result<SuperviseResponse, CallError> {
        let ask = async |channel, request| service(channel).supervise(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Helps an operator who asked for it.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn answer_help(&self, request: AnswerHelpRequest) -> Result<AnswerHelpResponse, CallError> {
        let ask = async |channel, request| service(channel).answer_help(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Takes arrivals again.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn open_entry(&self, request: OpenEntryRequest) -> Result<OpenEntryResponse, CallError> {
        let ask = async |channel, request| service(channel).open_entry(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// What is closed by hand at the moment.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn list_closures(
        &self,
        request: ListClosuresRequest,
    ) -> Result<ListClosuresResponse, CallError> {
        let ask = async |channel, request| service(channel).list_closures(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// How the plan's triggers stand.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn list_triggers(
        &self,
        request: ListTriggersRequest,
    ) -> Result<ListTriggersResponse, CallError> {
        let ask = async |channel, request| service(channel).list_triggers(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Signs an operator out.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn sign_out_operator(
        &self,
        request: SignOutOperatorRequest,
    ) -> Result<SignOutOperatorResponse, CallError> {
        let ask = async |channel, request| service(channel).sign_out_operator(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Takes a contact out of its operator's hands.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn requeue_contact(
        &self,
        request: RequeueContactRequest,
    ) -> Result<RequeueContactResponse, CallError> {
        let ask = async |channel, request| service(channel).requeue_contact(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Ends a contact.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn close_contact(
        &self,
        request: CloseContactRequest,
    ) -> Result<CloseContactResponse, CallError> {
        let ask = async |channel, request| service(channel).close_contact(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Hands a waiting contact out to one operator.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn assign_contact(
        &self,
        request: AssignContactRequest,
    ) -> Result<AssignContactResponse, CallError> {
        let ask = async |channel, request| service(channel).assign_contact(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Moves waiting contacts into another queue.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn move_contacts(
        &self,
        request: MoveContactsRequest,
    ) -> Result<MoveContactsResponse, CallError> {
        let ask = async |channel, request| service(channel).move_contacts(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Changes the place of a waiting contact.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn lift_contact(&self, request: LiftContactRequest) -> Result<LiftContactResponse, CallError> {
        let ask = async |channel, request| service(channel).lift_contact(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// A page of the audit.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn list_audit(&self, request: ListAuditRequest) -> Result<ListAuditResponse, CallError> {
        let ask = async |channel, request| service(channel).list_audit(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Has a node check its history.
    ///
    /// # Errors
    /// As for [`ActionClient::force_presence`].
    pub async fn verify_audit(&self) -> Result<Streaming<VerifyAuditResponse>, CallError> {
        let ask = async |channel, request| service(channel).verify_audit(request).await;
        self.caller.call(Silence::AskAnother, VerifyAuditRequest {}, ask).await
    }
}
