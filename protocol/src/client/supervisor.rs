//! Reads for supervisors and the command line.

use std::time::Duration;

use tonic::Streaming;
use tonic::transport::Channel;

use super::BadConfig;
use super::call::{CallConfig, CallError, Caller, Silence};
use crate::MESSAGE_BYTES_MAX;
use crate::v1::supervisor_service_client::SupervisorServiceClient;
use crate::v1::{
    CountCasesRequest, CountCasesResponse, ErrorKind, EventFilter, ExplainContactRequest,
    ExplainContactResponse, ExplainOperatorRequest, ExplainOperatorResponse, GetCaseRequest, GetCaseResponse,
    GetContactRequest, GetContactResponse, GetEnquiryRequest, GetEnquiryResponse, ListCasesRequest,
    ListCasesResponse, ListContactsRequest, ListContactsResponse, ListEnquiriesRequest,
    ListEnquiriesResponse, ListEventsRequest, ListEventsResponse, ListOperatorsRequest,
    ListOperatorsResponse, ListQueuesRequest, ListQueuesResponse, WatchEventsRequest, WatchEventsResponse,
};

const WATCH_PAUSE: Duration = Duration::from_millis(200);

/// Asks for queues, operators, contacts and events.
#[derive(Clone)]
pub struct SupervisorClient {
    caller: Caller,
}

fn service(channel: Channel) -> SupervisorServiceClient<Channel> {
    SupervisorServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX)
}

impl SupervisorClient {
    /// A client of these nodes; nothing is connected before the first call. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`BadConfig`] when no client can be made of it.
    pub fn new(config: &CallConfig) -> Result<SupervisorClient, BadConfig> {
        Ok(SupervisorClient { caller: Caller::new(config)? })
    }

    /// A page of queues.
    ///
    /// # Errors
    /// The last node's error when none could answer, or the first final one.
    pub async fn list_queues(&self, request: ListQueuesRequest) -> Result<ListQueuesResponse, CallError> {
        let ask = async |channel, request| service(channel).list_queues(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// A page of operators.
    ///
    /// # Errors
    /// As for [`SupervisorClient::list_queues`].
    pub async fn list_operators(
        &self,
        request: ListOperatorsRequest,
    ) -> Result<ListOperatorsResponse, CallError> {
        let ask = async |channel, request| service(channel).list_operators(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// A page of contacts.
    ///
    /// # Errors
    /// As for [`SupervisorClient::list_queues`].
    pub async fn list_contacts(
        &self,
        request: ListContactsRequest,
    ) -> Result<ListContactsResponse, CallError> {
        let ask = async |channel, request| service(channel).list_contacts(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// One contact.
    ///
    /// # Errors
    /// As for [`SupervisorClient::list_queues`].
    pub async fn contact(&self, request: GetContactRequest) -> Result<GetContactResponse, CallError> {
        let ask = async |channel, request| service(channel).get_contact(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// A page of cases.
    ///
    /// # Errors
    /// As for [`SupervisorClient::list_queues`].
    pub async fn list_cases(&self, request: ListCasesRequest) -> Result<ListCasesResponse, CallError> {
        let ask = async |channel, request| service(channel).list_cases(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// One case.
    ///
    /// # Errors
    /// As for [`SupervisorClient::list_queues`].
    pub async fn case(&self, request: GetCaseRequest) -> Result<GetCaseResponse, CallError> {
        let ask = async |channel, request| service(channel).get_case(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// A page of enquiries.
    ///
    /// # Errors
    /// As for [`SupervisorClient::list_queues`].
    pub async fn list_enquiries(
        &self,
        request: ListEnquiriesRequest,
    ) -> Result<ListEnquiriesResponse, CallError> {
        let ask = async |channel, request| service(channel).list_enquiries(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// One enquiry.
    ///
    /// # Errors
    /// As for [`SupervisorClient::list_queues`].
    pub async fn enquiry(&self, request: GetEnquiryRequest) -> Result<GetEnquiryResponse, CallError> {
        let ask = async |channel, request| service(channel).get_enquiry(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// How many cases are open in each stage of each route.
    ///
    /// # Errors
    /// As for [`SupervisorClient::list_queues`].
    pub async fn count_cases(&self, request: CountCasesRequest) -> Result<CountCasesResponse, CallError> {
        let ask = async |channel, request| service(channel).count_cases(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Why a contact waits, or why its operator has it.
    ///
    /// # Errors
    /// As for [`SupervisorClient::list_queues`].
    pub async fn explain_contact(
        &self,
        request: ExplainContactRequest,
    ) -> Result<ExplainContactResponse, CallError> {
        let ask = async |channel, request| service(channel).explain_contact(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Why an operator gets no contacts.
    ///
    /// # Errors
    /// As for [`SupervisorClient::list_queues`].
    pub async fn explain_operator(
        &self,
        request: ExplainOperatorRequest,
    ) -> Result<ExplainOperatorResponse, CallError> {
        let ask = async |channel, request| service(channel).explain_operator(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// A page of the history's events.
    ///
    /// # Errors
    /// As for [`SupervisorClient::list_queues`].
    pub async fn list_events(&self, request: ListEventsRequest) -> Result<ListEventsResponse, CallError> {
        let ask = async |channel, request| service(channel).list_events(request).await;
        self.caller.call(Silence::AskAnother, request, ask).await
    }

    /// Events from a cursor on; from now on when it is empty.
    #[must_use]
    pub fn watch_events(&self, cursor: &str, filter: Option<EventFilter>) -> EventWatch {
        EventWatch { caller: self.caller.clone(), cursor: cursor.to_owned(), filter, stream: None }
    }
}

/// Events as they happen. Goes on at another node, behind the last cursor, when its node is lost.
pub struct EventWatch {
    caller: Caller,
    cursor: String,
    filter: Option<EventFilter>,
    stream: Option<Streaming<WatchEventsResponse>>,
}

impl EventWatch {
    /// Where the watch may be begun anew.
    #[must_use]
    pub fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The next events; waits for them, and for a node that can tell them.
    ///
    /// # Errors
    /// A final error: no right to see them, a bad cursor or filter.
    pub async fn next(&mut self) -> Result<WatchEventsResponse, CallError> {
        loop {
            match self.attempt().await {
                Ok(Some(response)) => return Ok(response),
                Ok(None) => {}
                Err(error) => match error.0.kind() {
                    ErrorKind::Unavailable | ErrorKind::Unknown => {}
                    ErrorKind::Refusal
                    | ErrorKind::Invalid
                    | ErrorKind::Unauthorized
                    | ErrorKind::Unspecified => return Err(error),
                },
            }
            self.stream = None;
            self.caller.turn_away();
            tokio::time::sleep(WATCH_PAUSE).await;
        }
    }

    async fn attempt(&mut self) -> Result<Option<WatchEventsResponse>, CallError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let request = WatchEventsRequest { cursor: self.cursor.clone(), filter: self.filter.clone() };
                let ask = async |channel, request| service(channel).watch_events(request).await;
                self.caller.call(Silence::AskAnother, request, ask).await?
            }
        };
        let response = stream.message().await.map_err(|status| CallError::of(&status))?;
        if let Some(response) = &response {
            self.cursor.clone_from(&response.cursor);
            self.stream = Some(stream);
        }
        Ok(response)
    }
}
