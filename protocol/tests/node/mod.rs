//! A node that hands its streams to the test.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use ringmain_protocol::client::Clock;
use ringmain_protocol::v1;
use ringmain_protocol::v1::gateway_service_server::{GatewayService, GatewayServiceServer};
use ringmain_protocol::v1::operator_service_server::{OperatorService, OperatorServiceServer};
use ringmain_protocol::v1::{
    GatewayServiceSessionRequest, GatewayServiceSessionResponse, OperatorServiceSessionRequest,
    OperatorServiceSessionResponse, gateway_service_session_request, gateway_service_session_response,
    operator_service_session_request, operator_service_session_response,
};
use ringmain_routing::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming};

/// A clock for timers.
pub fn clock() -> Clock {
    #[expect(clippy::disallowed_methods, reason = "the test's clock")]
    let start = std::time::Instant::now();
    #[expect(clippy::disallowed_methods, reason = "the test's clock")]
    let read = move || Timestamp(start.elapsed().as_millis() as u64);
    Arc::new(read)
}

/// Streams that clients have opened.
pub struct Node {
    pub address: String,
    gateways: Mutex<mpsc::Receiver<GatewayStream>>,
    operators: Mutex<mpsc::Receiver<OperatorStream>>,
}

/// One stream. Dropped, it is cut.
pub struct Opened<U, D> {
    pub token: String,
    up: Streaming<U>,
    down: mpsc::Sender<Result<D, Status>>,
}

pub type GatewayStream = Opened<GatewayServiceSessionRequest, GatewayServiceSessionResponse>;
pub type OperatorStream = Opened<OperatorServiceSessionRequest, OperatorServiceSessionResponse>;

impl Node {
    pub async fn start() -> Node {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let (gateway_streams, gateways) = mpsc::channel(8);
        let (operator_streams, operators) = mpsc::channel(8);
        let server = tonic::transport::Server::builder()
            .add_service(GatewayServiceServer::new(Service { streams: gateway_streams }))
            .add_service(OperatorServiceServer::new(Service { streams: operator_streams }));
        super::tokio_task(async move {
            server.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("it serves");
        });
        Node { address, gateways: Mutex::new(gateways), operators: Mutex::new(operators) }
    }

    pub async fn gateway(&self) -> GatewayStream {
        next(&self.gateways).await
    }

    pub async fn operator(&self) -> OperatorStream {
        next(&self.operators).await
    }
}

async fn next<T>(streams: &Mutex<mpsc::Receiver<T>>) -> T {
    let next = |context: &mut std::task::Context<'_>| streams.lock().expect("no panic").poll_recv(context);
    std::future::poll_fn(next).await.expect("the node lives")
}

impl Opened<GatewayServiceSessionRequest, GatewayServiceSessionResponse> {
    pub async fn next(&mut self) -> gateway_service_session_request::Message {
        self.try_next().await.expect("the stream lives")
    }

    /// `None` when the client has ended the stream.
    pub async fn try_next(&mut self) -> Option<gateway_service_session_request::Message> {
        loop {
            let message = self.up.message().await.ok()??.message?;
            if !matches!(message, gateway_service_session_request::Message::Ack(_)) {
                return Some(message);
            }
        }
    }

    pub async fn send(&self, message: gateway_service_session_response::Message) {
        let response = GatewayServiceSessionResponse { message: Some(message) };
        self.down.send(Ok(response)).await.expect("the stream lives");
    }
}

impl Opened<OperatorServiceSessionRequest, OperatorServiceSessionResponse> {
    pub async fn next(&mut self) -> operator_service_session_request::Message {
        let request = self.up.message().await.expect("the stream lives").expect("the stream lives");
        request.message.expect("a message")
    }

    pub async fn send(&self, message: operator_service_session_response::Message) {
        let response = OperatorServiceSessionResponse { message: Some(message) };
        self.down.send(Ok(response)).await.expect("the stream lives");
    }
}

struct Service<S> {
    streams: mpsc::Sender<S>,
}

type Down<D> = Pin<Box<ReceiverStream<Result<D, Status>>>>;

async fn opened<U, D>(
    streams: &mpsc::Sender<Opened<U, D>>,
    request: Request<Streaming<U>>,
) -> Result<Response<Down<D>>, Status> {
    let token = request.metadata().get("authorization").expect("a token").to_str().expect("text").to_owned();
    let (down, messages) = mpsc::channel(8);
    let opened = Opened { token, up: request.into_inner(), down };
    streams.send(opened).await.map_err(|_| Status::unavailable("the test is over"))?;
    Ok(Response::new(Box::pin(ReceiverStream::new(messages))))
}

/// A service whose sessions are streams that the test holds; calls of those without a stream are not for these tests.
macro_rules! streams {
    ($service:ident, $stream:ty, $up:ty, $down:ty, [$($call:ident: $asked:ident -> $answered:ident,)*]) => {
        #[tonic::async_trait]
        impl $service for Service<$stream> {
            type SessionStream = Down<$down>;

            async fn session(
                &self,
                request: Request<Streaming<$up>>,
            ) -> Result<Response<Self::SessionStream>, Status> {
                opened(&self.streams, request).await
            }

            $(async fn $call(&self, _: Request<v1::$asked>) -> Result<Response<v1::$answered>, Status> {
                Err(Status::unimplemented("these tests hold streams"))
            })*
        }
    };
}

streams!(GatewayService, GatewayStream, GatewayServiceSessionRequest, GatewayServiceSessionResponse, [
    open_session: GatewayServiceOpenSessionRequest -> GatewayServiceOpenSessionResponse,
    push: GatewayServicePushRequest -> GatewayServicePushResponse,
    update: GatewayServiceUpdateRequest -> GatewayServiceUpdateResponse,
    abandon: GatewayServiceAbandonRequest -> GatewayServiceAbandonResponse,
    request_person: GatewayServiceRequestPersonRequest -> GatewayServiceRequestPersonResponse,
    note_message: GatewayServiceNoteMessageRequest -> GatewayServiceNoteMessageResponse,
    deflect: GatewayServiceDeflectRequest -> GatewayServiceDeflectResponse,
    reconcile: GatewayServiceReconcileRequest -> GatewayServiceReconcileResponse,
    ack: GatewayServiceAckRequest -> GatewayServiceAckResponse,
    heartbeat: GatewayServiceHeartbeatRequest -> GatewayServiceHeartbeatResponse,
    poll_events: GatewayServicePollEventsRequest -> GatewayServicePollEventsResponse,
    close_session: GatewayServiceCloseSessionRequest -> GatewayServiceCloseSessionResponse,
]);

streams!(OperatorService, OperatorStream, OperatorServiceSessionRequest, OperatorServiceSessionResponse, [
    open_session: OperatorServiceOpenSessionRequest -> OperatorServiceOpenSessionResponse,
    set_presence: OperatorServiceSetPresenceRequest -> OperatorServiceSetPresenceResponse,
    accept: OperatorServiceAcceptRequest -> OperatorServiceAcceptResponse,
    decline: OperatorServiceDeclineRequest -> OperatorServiceDeclineResponse,
    complete: OperatorServiceCompleteRequest -> OperatorServiceCompleteResponse,
    extend_wrap_up: OperatorServiceExtendWrapUpRequest -> OperatorServiceExtendWrapUpResponse,
    end_wrap_up: OperatorServiceEndWrapUpRequest -> OperatorServiceEndWrapUpResponse,
    transfer: OperatorServiceTransferRequest -> OperatorServiceTransferResponse,
    hold: OperatorServiceHoldRequest -> OperatorServiceHoldResponse,
    take_next: OperatorServiceTakeNextRequest -> OperatorServiceTakeNextResponse,
    assign_contact: OperatorServiceAssignContactRequest -> OperatorServiceAssignContactResponse,
    ask_for_break: OperatorServiceAskForBreakRequest -> OperatorServiceAskForBreakResponse,
    request_person: OperatorServiceRequestPersonRequest -> OperatorServiceRequestPersonResponse,
    invite_companion: OperatorServiceInviteCompanionRequest -> OperatorServiceInviteCompanionResponse,
    consult: OperatorServiceConsultRequest -> OperatorServiceConsultResponse,
    end_consult: OperatorServiceEndConsultRequest -> OperatorServiceEndConsultResponse,
    join_consult: OperatorServiceJoinConsultRequest -> OperatorServiceJoinConsultResponse,
    begin_enquiry: OperatorServiceBeginEnquiryRequest -> OperatorServiceBeginEnquiryResponse,
    free_caller: OperatorServiceFreeCallerRequest -> OperatorServiceFreeCallerResponse,
    close_enquiry: OperatorServiceCloseEnquiryRequest -> OperatorServiceCloseEnquiryResponse,
    list_enquiries: OperatorServiceListEnquiriesRequest -> OperatorServiceListEnquiriesResponse,
    ask_for_help: OperatorServiceAskForHelpRequest -> OperatorServiceAskForHelpResponse,
    sign_out: OperatorServiceSignOutRequest -> OperatorServiceSignOutResponse,
    ack: OperatorServiceAckRequest -> OperatorServiceAckResponse,
    heartbeat: OperatorServiceHeartbeatRequest -> OperatorServiceHeartbeatResponse,
    poll_events: OperatorServicePollEventsRequest -> OperatorServicePollEventsResponse,
    close_session: OperatorServiceCloseSessionRequest -> OperatorServiceCloseSessionResponse,
]);
