//! The service of gateways: its stream, and the calls of those who hold none.

mod talk;

use std::sync::Arc;

use ringmain_protocol::v1;
use ringmain_protocol::v1::gateway_service_push_response::Outcome;
use ringmain_protocol::v1::gateway_service_server::GatewayService;
use ringmain_protocol::v1::gateway_service_session_request::Message as Up;
use ringmain_protocol::v1::gateway_service_session_response::Message as Down;
use tonic::{Request, Response, Status, Streaming};

use crate::auth::Caller;
use crate::calls::{missing, of_another, status_of, taken_apart};
use crate::convert::event;
use crate::gateway::talk::{GatewayTalk, resync};
use crate::lease::Leases;
use crate::leased::{Ask, OWN_OPS, problem_with};
use crate::opening::Hello;
use crate::poll::Question;
use crate::shared::Shared;
use crate::stream::{Outbound, serve};

/// `GatewayService`.
pub(crate) struct Gateways {
    shared: Arc<Shared>,
    leases: Leases<GatewayTalk>,
}

impl Gateways {
    pub(crate) fn new(shared: Arc<Shared>) -> Gateways {
        Gateways { leases: Leases::new(Arc::clone(&shared)), shared }
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
        let up = v1::GatewayServiceSessionRequest { message: Some(message) };
        let down = self.leases.ask(caller, session, Ask::Say(up)).await.map_err(status_of)?;
        Ok(down.and_then(|down| down.message))
    }

    /// As [`Gateways::say`], for what is answered by a receipt.
    async fn done(
        &self,
        caller: &Caller,
        session: &str,
        field: &str,
        message: Option<Up>,
    ) -> Result<Option<v1::Receipt>, Status> {
        match self.say(caller, session, field, message).await? {
            Some(Down::Done(done)) => Ok(done.receipt),
            answer => Err(of_another(answer.is_some())),
        }
    }

    async fn compare(
        &self,
        caller: &Caller,
        request: v1::GatewayServiceReconcileRequest,
    ) -> Result<Option<v1::GatewayReconcileReport>, Status> {
        let (page, session) = (request.page, request.session);
        let reconcile = request.reconcile.ok_or_else(|| missing("reconcile"))?;
        let (op, last) = (reconcile.op_id, reconcile.last);
        if op >= OWN_OPS {
            return Err(status_of(Box::new(problem_with("reconcile.op_id", "must be below 2^63"))));
        }
        let ask = if page == 0 {
            let message = Some(Up::Reconcile(reconcile));
            Ask::Compare { op, up: v1::GatewayServiceSessionRequest { message }, last }
        } else {
            Ask::Page { op, page }
        };
        let down = self.leases.ask(caller, &session, ask).await.map_err(status_of)?;
        match down.and_then(|down| down.message) {
            Some(Down::ReconcileReport(report)) => Ok(Some(report)),
            Some(_) => Err(of_another(true)),
            None => Ok(None),
        }
    }
}

#[tonic::async_trait]
impl GatewayService for Gateways {
    type SessionStream = Outbound<v1::GatewayServiceSessionResponse>;

    async fn session(
        &self,
        request: Request<Streaming<v1::GatewayServiceSessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let caller = request.extensions().get::<Caller>().cloned();
        let stream = serve::<GatewayTalk>(Arc::clone(&self.shared), caller, request.into_inner());
        Ok(Response::new(stream))
    }

    async fn open_session(
        &self,
        request: Request<v1::GatewayServiceOpenSessionRequest>,
    ) -> Result<Response<v1::GatewayServiceOpenSessionResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let hello = request.hello.ok_or_else(|| missing("hello"))?;
        let hello = hello_of(hello);
        let lease = self.leases.open(&caller, &hello).await.map_err(status_of)?;
        let Some(Down::Welcome(welcome)) = lease.first.message else { return Err(of_another(true)) };
        let (session, lease_ms) = (lease.session, lease.lease.0);
        let welcome = Some(welcome);
        Ok(Response::new(v1::GatewayServiceOpenSessionResponse { session, welcome, lease_ms }))
    }

    async fn push(
        &self,
        request: Request<v1::GatewayServicePushRequest>,
    ) -> Result<Response<v1::GatewayServicePushResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let outcome = match self.say(&caller, &request.session, "push", request.push.map(Up::Push)).await? {
            Some(Down::Accepted(accepted)) => Outcome::Accepted(accepted),
            Some(Down::Merged(merged)) => Outcome::Merged(merged),
            answer => return Err(of_another(answer.is_some())),
        };
        Ok(Response::new(v1::GatewayServicePushResponse { outcome: Some(outcome) }))
    }

    async fn update(
        &self,
        request: Request<v1::GatewayServiceUpdateRequest>,
    ) -> Result<Response<v1::GatewayServiceUpdateResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.update.map(Up::Update);
        let receipt = self.done(&caller, &request.session, "update", message).await?;
        Ok(Response::new(v1::GatewayServiceUpdateResponse { receipt }))
    }

    async fn abandon(
        &self,
        request: Request<v1::GatewayServiceAbandonRequest>,
    ) -> Result<Response<v1::GatewayServiceAbandonResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.abandon.map(Up::Abandon);
        let receipt = self.done(&caller, &request.session, "abandon", message).await?;
        Ok(Response::new(v1::GatewayServiceAbandonResponse { receipt }))
    }

    async fn request_person(
        &self,
        request: Request<v1::GatewayServiceRequestPersonRequest>,
    ) -> Result<Response<v1::GatewayServiceRequestPersonResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.request_person.map(Up::RequestPerson);
        let receipt = self.done(&caller, &request.session, "request_person", message).await?;
        Ok(Response::new(v1::GatewayServiceRequestPersonResponse { receipt }))
    }

    async fn note_message(
        &self,
        request: Request<v1::GatewayServiceNoteMessageRequest>,
    ) -> Result<Response<v1::GatewayServiceNoteMessageResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.note_message.map(Up::NoteMessage);
        let receipt = self.done(&caller, &request.session, "note_message", message).await?;
        Ok(Response::new(v1::GatewayServiceNoteMessageResponse { receipt }))
    }

    async fn deflect(
        &self,
        request: Request<v1::GatewayServiceDeflectRequest>,
    ) -> Result<Response<v1::GatewayServiceDeflectResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = request.deflect.map(Up::Deflect);
        let receipt = self.done(&caller, &request.session, "deflect", message).await?;
        Ok(Response::new(v1::GatewayServiceDeflectResponse { receipt }))
    }

    async fn reconcile(
        &self,
        request: Request<v1::GatewayServiceReconcileRequest>,
    ) -> Result<Response<v1::GatewayServiceReconcileResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let report = self.compare(&caller, request).await?;
        Ok(Response::new(v1::GatewayServiceReconcileResponse { report }))
    }

    async fn ack(
        &self,
        request: Request<v1::GatewayServiceAckRequest>,
    ) -> Result<Response<v1::GatewayServiceAckResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        self.say(&caller, &request.session, "ack", request.ack.map(Up::Ack)).await?;
        Ok(Response::new(v1::GatewayServiceAckResponse {}))
    }

    async fn heartbeat(
        &self,
        request: Request<v1::GatewayServiceHeartbeatRequest>,
    ) -> Result<Response<v1::GatewayServiceHeartbeatResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let message = Some(Up::Heartbeat(request.heartbeat.unwrap_or_default()));
        match self.say(&caller, &request.session, "heartbeat", message).await? {
            Some(Down::Heartbeat(echo)) => {
                Ok(Response::new(v1::GatewayServiceHeartbeatResponse { heartbeat: Some(echo) }))
            }
            answer => Err(of_another(answer.is_some())),
        }
    }

    async fn poll_events(
        &self,
        request: Request<v1::GatewayServicePollEventsRequest>,
    ) -> Result<Response<v1::GatewayServicePollEventsResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        let v1::GatewayServicePollEventsRequest { session, cursor, wait_ms, events_max } = request;
        let question = Question { session, cursor, wait_ms, events_max };
        let page = self.leases.poll(&caller, question, event::for_gateway).await.map_err(status_of)?;
        let hint = || self.shared.nodes.other_than_me();
        Ok(Response::new(v1::GatewayServicePollEventsResponse {
            events: page.events,
            resync: page.live.map(|live| resync(&live, &self.shared)),
            cursor: page.cursor,
            drain: page.drain.map(|within| v1::GatewayDrain { hint: hint(), within_ms: within.0 }),
            credits: self.shared.sessions.gateway_credits(),
            stamp: Some(self.shared.stamp()),
        }))
    }

    async fn close_session(
        &self,
        request: Request<v1::GatewayServiceCloseSessionRequest>,
    ) -> Result<Response<v1::GatewayServiceCloseSessionResponse>, Status> {
        let (caller, request) = taken_apart(request)?;
        self.leases.ask(&caller, &request.session, Ask::Leave).await.map_err(status_of)?;
        Ok(Response::new(v1::GatewayServiceCloseSessionResponse {}))
    }
}

/// What a hello says, whichever way it came.
fn hello_of(hello: v1::GatewayHello) -> Hello {
    let v1::GatewayHello {
        gateway,
        capabilities: _,
        cursor,
        nonce,
        resume_epoch,
        takeover,
        unanswered_nonces,
    } = hello;
    Hello { name: gateway, cursor, nonce, resume_epoch, takeover, unanswered_nonces }
}
