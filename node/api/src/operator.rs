//! The service of operators: their stream, and the calls of desktops that hold none.

mod talk;

use std::sync::Arc;

use ringmain_protocol::v1;
use ringmain_protocol::v1::operator_service_server::OperatorService;
use ringmain_protocol::v1::operator_service_session_request::Message as Up;
use ringmain_protocol::v1::operator_service_session_response::Message as Down;
use ringmain_routing::Party;
use tonic::{Request, Response, Status, Streaming};

use crate::auth::Caller;
use crate::calls::{missing, of_another, status_of, taken_apart};
use crate::convert::event;
use crate::lease::Leases;
use crate::leased::Ask;
use crate::opening::Hello;
use crate::operator::talk::{OperatorTalk, resync};
use crate::poll::Question;
use crate::shared::Shared;
use crate::stream::{Outbound, serve};
use crate::{enquiries, error};

/// `OperatorService`.
pub(crate) struct Operators {
    shared: Arc<Shared>,
    leases: Leases<OperatorTalk>,
}

impl Operators {
    pub(crate) fn new(shared: Arc<Shared>) -> Operators {
        Operators { leases: Leases::new(Arc::clone(&shared)), shared }
    }

    /// Says something within a session; `field` names it for whoever left it out.
    async fn say(
        &self,
        caller: &Caller,
        session: &str,
        field: &str,
        message: Option<Up>,
    ) -> Result<Option<Down>, Status> {
        let message = message.ok_or_else(|| missing(field))?;
        let up = v1::OperatorServiceSessionRequest { message: Some(message) };
        let down = self.leases.ask(caller, session, Ask::Say(up)).await.map_err(status_of)?;
        Ok(down.and_then(|down| down.message))
    }

    /// As [`Operators::say`], for what is answered by a receipt.
    async fn done(
        &self,
        caller: &Caller,
        session: &str,
        field: &str,
        message: Option<Up>,
    ) -> Result<Option<v1::Receipt>, Status> {
        Ok(self.carried_out(caller, session, field, message).await?.receipt)
    }

    async fn carried_out(
        &self,
        caller: &Caller,
        session: &str,
        field: &str,
        message: Option<Up>,
    ) -> Result<v1::OperatorDone, Status> {
        match self.say(caller, session, field, message).await? {
            Some(Down::Done(done)) => Ok(done),
            answer => Err(of_another(answer.is_some())),
        }
    }
}

#[tonic::async_trait]
impl OperatorService for Operators {
    type SessionStream = Outbound<v1::OperatorServiceSessionResponse>;

    async fn session(
        &self,
        request: Request<Streaming<v1::OperatorServiceSessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let caller = request.extensions().get::<Caller>().cloned();
        let stream = serve::<OperatorTalk>(Arc::clone(&self.shared), caller, request.into_inner());
        Ok(Response::new(stream))
    }

    async fn open_session(
        &self,
        request: Request<v1::OperatorServiceOpenSessionRequest>,
    ) -> Result<Response<v1::OperatorServiceOpenSessionResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let hello = hello_of(request.hello.ok_or_else(|| missing("hello"))?);
        let lease = self.leases.open(&caller, &hello).await.map_err(status_of)?;
        let Some(Down::Welcome(welcome)) = lease.first.message else { return Err(of_another(true)) };
        let (session, lease_ms) = (lease.session, lease.lease.0);
        let welcome = Some(welcome);
        Ok(Response::new(v1::OperatorServiceOpenSessionResponse { session, welcome, lease_ms }))
    }

    async fn set_presence(
        &self,
        request: Request<v1::OperatorServiceSetPresenceRequest>,
    ) -> Result<Response<v1::OperatorServiceSetPresenceResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.set_presence.map(Up::SetPresence);
        let receipt = self.done(&caller, &request.session, "set_presence", message).await?;
        Ok(Response::new(v1::OperatorServiceSetPresenceResponse { receipt }))
    }

    async fn accept(
        &self,
        request: Request<v1::OperatorServiceAcceptRequest>,
    ) -> Result<Response<v1::OperatorServiceAcceptResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.accept.map(Up::Accept);
        let receipt = self.done(&caller, &request.session, "accept", message).await?;
        Ok(Response::new(v1::OperatorServiceAcceptResponse { receipt }))
    }

    async fn decline(
        &self,
        request: Request<v1::OperatorServiceDeclineRequest>,
    ) -> Result<Response<v1::OperatorServiceDeclineResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.decline.map(Up::Decline);
        let receipt = self.done(&caller, &request.session, "decline", message).await?;
        Ok(Response::new(v1::OperatorServiceDeclineResponse { receipt }))
    }

    async fn complete(
        &self,
        request: Request<v1::OperatorServiceCompleteRequest>,
    ) -> Result<Response<v1::OperatorServiceCompleteResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.complete.map(Up::Complete);
        let receipt = self.done(&caller, &request.session, "complete", message).await?;
        Ok(Response::new(v1::OperatorServiceCompleteResponse { receipt }))
    }

    async fn extend_wrap_up(
        &self,
        request: Request<v1::OperatorServiceExtendWrapUpRequest>,
    ) -> Result<Response<v1::OperatorServiceExtendWrapUpResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.extend_wrap_up.map(Up::ExtendWrapUp);
        let receipt = self.done(&caller, &request.session, "extend_wrap_up", message).await?;
        Ok(Response::new(v1::OperatorServiceExtendWrapUpResponse { receipt }))
    }

    async fn end_wrap_up(
        &self,
        request: Request<v1::OperatorServiceEndWrapUpRequest>,
    ) -> Result<Response<v1::OperatorServiceEndWrapUpResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.end_wrap_up.map(Up::EndWrapUp);
        let receipt = self.done(&caller, &request.session, "end_wrap_up", message).await?;
        Ok(Response::new(v1::OperatorServiceEndWrapUpResponse { receipt }))
    }

    async fn transfer(
        &self,
        request: Request<v1::OperatorServiceTransferRequest>,
    ) -> Result<Response<v1::OperatorServiceTransferResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.transfer.map(Up::Transfer);
        let receipt = self.done(&caller, &request.session, "transfer", message).await?;
        Ok(Response::new(v1::OperatorServiceTransferResponse { receipt }))
    }

    async fn hold(
        &self,
        request: Request<v1::OperatorServiceHoldRequest>,
    ) -> Result<Response<v1::OperatorServiceHoldResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.hold.map(Up::Hold);
        let receipt = self.done(&caller, &request.session, "hold", message).await?;
        Ok(Response::new(v1::OperatorServiceHoldResponse { receipt }))
    }

    async fn take_next(
        &self,
        request: Request<v1::OperatorServiceTakeNextRequest>,
    ) -> Result<Response<v1::OperatorServiceTakeNextResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.take_next.map(Up::TakeNext);
        let done = self.carried_out(&caller, &request.session, "take_next", message).await?;
        let (receipt, contact) = (done.receipt, done.contact);
        Ok(Response::new(v1::OperatorServiceTakeNextResponse { receipt, contact }))
    }

    async fn assign_contact(
        &self,
        request: Request<v1::OperatorServiceAssignContactRequest>,
    ) -> Result<Response<v1::OperatorServiceAssignContactResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.assign_contact.map(Up::AssignContact);
        let receipt = self.done(&caller, &request.session, "assign_contact", message).await?;
        Ok(Response::new(v1::OperatorServiceAssignContactResponse { receipt }))
    }

    async fn ask_for_break(
        &self,
        request: Request<v1::OperatorServiceAskForBreakRequest>,
    ) -> Result<Response<v1::OperatorServiceAskForBreakResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.ask_for_break.map(Up::AskForBreak);
        let done = self.carried_out(&caller, &request.session, "ask_for_break", message).await?;
        let v1::OperatorDone { receipt, break_answer: answer, until_ms, .. } = done;
        Ok(Response::new(v1::OperatorServiceAskForBreakResponse { receipt, answer, until_ms }))
    }

    async fn request_person(
        &self,
        request: Request<v1::OperatorServiceRequestPersonRequest>,
    ) -> Result<Response<v1::OperatorServiceRequestPersonResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.request_person.map(Up::RequestPerson);
        let receipt = self.done(&caller, &request.session, "request_person", message).await?;
        Ok(Response::new(v1::OperatorServiceRequestPersonResponse { receipt }))
    }

    async fn invite_companion(
        &self,
        request: Request<v1::OperatorServiceInviteCompanionRequest>,
    ) -> Result<Response<v1::OperatorServiceInviteCompanionResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.invite_companion.map(Up::InviteCompanion);
        let receipt = self.done(&caller, &request.session, "invite_companion", message).await?;
        Ok(Response::new(v1::OperatorServiceInviteCompanionResponse { receipt }))
    }

    async fn consult(
        &self,
        request: Request<v1::OperatorServiceConsultRequest>,
    ) -> Result<Response<v1::OperatorServiceConsultResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.consult.map(Up::Consult);
        let done = self.carried_out(&caller, &request.session, "consult", message).await?;
        let (receipt, contact) = (done.receipt, done.contact.unwrap_or_default());
        Ok(Response::new(v1::OperatorServiceConsultResponse { receipt, contact }))
    }

    async fn end_consult(
        &self,
        request: Request<v1::OperatorServiceEndConsultRequest>,
    ) -> Result<Response<v1::OperatorServiceEndConsultResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.end_consult.map(Up::EndConsult);
        let receipt = self.done(&caller, &request.session, "end_consult", message).await?;
        Ok(Response::new(v1::OperatorServiceEndConsultResponse { receipt }))
    }

    async fn join_consult(
        &self,
        request: Request<v1::OperatorServiceJoinConsultRequest>,
    ) -> Result<Response<v1::OperatorServiceJoinConsultResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.join_consult.map(Up::JoinConsult);
        let receipt = self.done(&caller, &request.session, "join_consult", message).await?;
        Ok(Response::new(v1::OperatorServiceJoinConsultResponse { receipt }))
    }

    async fn begin_enquiry(
        &self,
        request: Request<v1::OperatorServiceBeginEnquiryRequest>,
    ) -> Result<Response<v1::OperatorServiceBeginEnquiryResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.begin_enquiry.map(Up::BeginEnquiry);
        let done = self.carried_out(&caller, &request.session, "begin_enquiry", message).await?;
        let (receipt, enquiry) = (done.receipt, done.enquiry.unwrap_or_default());
        Ok(Response::new(v1::OperatorServiceBeginEnquiryResponse { receipt, enquiry }))
    }

    async fn free_caller(
        &self,
        request: Request<v1::OperatorServiceFreeCallerRequest>,
    ) -> Result<Response<v1::OperatorServiceFreeCallerResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.free_caller.map(Up::FreeCaller);
        let receipt = self.done(&caller, &request.session, "free_caller", message).await?;
        Ok(Response::new(v1::OperatorServiceFreeCallerResponse { receipt }))
    }

    async fn close_enquiry(
        &self,
        request: Request<v1::OperatorServiceCloseEnquiryRequest>,
    ) -> Result<Response<v1::OperatorServiceCloseEnquiryResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.close_enquiry.map(Up::CloseEnquiry);
        let receipt = self.done(&caller, &request.session, "close_enquiry", message).await?;
        Ok(Response::new(v1::OperatorServiceCloseEnquiryResponse { receipt }))
    }

    async fn ask_for_help(
        &self,
        request: Request<v1::OperatorServiceAskForHelpRequest>,
    ) -> Result<Response<v1::OperatorServiceAskForHelpResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.ask_for_help.map(Up::AskForHelp);
        let receipt = self.done(&caller, &request.session, "ask_for_help", message).await?;
        Ok(Response::new(v1::OperatorServiceAskForHelpResponse { receipt }))
    }

    async fn list_enquiries(
        &self,
        request: Request<v1::OperatorServiceListEnquiriesRequest>,
    ) -> Result<Response<v1::OperatorServiceListEnquiriesResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        match self.leases.party(&caller.name).map_err(status_of)? {
            Party::Operator(operator) => {
                let page = enquiries::list_of(&self.shared, operator, &request);
                page.map(Response::new).map_err(|error| error::status(&error))
            }
            Party::Gateway(_) => Err(of_another(true)),
        }
    }

    async fn sign_out(
        &self,
        request: Request<v1::OperatorServiceSignOutRequest>,
    ) -> Result<Response<v1::OperatorServiceSignOutResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.sign_out.map(Up::SignOut);
        let receipt = self.done(&caller, &request.session, "sign_out", message).await?;
        Ok(Response::new(v1::OperatorServiceSignOutResponse { receipt }))
    }

    async fn ack(
        &self,
        request: Request<v1::OperatorServiceAckRequest>,
    ) -> Result<Response<v1::OperatorServiceAckResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        self.say(&caller, &request.session, "ack", request.ack.map(Up::Ack)).await?;
        Ok(Response::new(v1::OperatorServiceAckResponse {}))
    }

    async fn heartbeat(
        &self,
        request: Request<v1::OperatorServiceHeartbeatRequest>,
    ) -> Result<Response<v1::OperatorServiceHeartbeatResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = Some(Up::Heartbeat(request.heartbeat.unwrap_or_default()));
        match self.say(&caller, &request.session, "heartbeat", message).await? {
            Some(Down::Heartbeat(echo)) => {
                Ok(Response::new(v1::OperatorServiceHeartbeatResponse { heartbeat: Some(echo) }))
            }
            answer => Err(of_another(answer.is_some())),
        }
    }

    async fn poll_events(
        &self,
        request: Request<v1::OperatorServicePollEventsRequest>,
    ) -> Result<Response<v1::OperatorServicePollEventsResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let v1::OperatorServicePollEventsRequest { session, cursor, wait_ms, events_max } = request;
        let question = Question { session, cursor, wait_ms, events_max };
        let page = self.leases.poll(&caller, question, event::for_operator).await.map_err(status_of)?;
        let hint = || self.shared.nodes.other_than_me();
        Ok(Response::new(v1::OperatorServicePollEventsResponse {
            events: page.events,
            resync: page.live.map(|live| resync(&live, &self.shared)),
            cursor: page.cursor,
            drain: page.drain.map(|within| v1::OperatorDrain { hint: hint(), within_ms: within.0 }),
            stamp: Some(self.shared.stamp()),
        }))
    }

    async fn close_session(
        &self,
        request: Request<v1::OperatorServiceCloseSessionRequest>,
    ) -> Result<Response<v1::OperatorServiceCloseSessionResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        self.leases.ask(&caller, &request.session, Ask::Leave).await.map_err(status_of)?;
        Ok(Response::new(v1::OperatorServiceCloseSessionResponse {}))
    }
}

/// What a hello says, whichever way it came.
fn hello_of(hello: v1::OperatorHello) -> Hello {
    let v1::OperatorHello {
        login,
        capabilities: _,
        cursor,
        nonce,
        resume_epoch,
        takeover,
        unanswered_nonces,
    } = hello;
    Hello { name: login, cursor, nonce, resume_epoch, takeover, unanswered_nonces }
}
