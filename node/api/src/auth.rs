//! Who may call what. Every call is held against one table before any of its bytes are read; a method without a row
//! is refused.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use ringmain_cluster_config::{TokenHolder, TokenRole, Tokens};
use ringmain_protocol::v1::Error;
use ringmain_replication::{Clock, way};
use ringmain_telemetry::{codes, labels, names};
use tracing::{Instrument, Span};

use crate::{error, measure};

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Holders of a token of one of these roles.
    Roles(&'static [TokenRole]),
    /// Anyone who can reach the port: says nothing about contacts, operators or customers.
    Open,
    /// Other nodes only, at their own port: never through this API.
    Peers,
}

use TokenRole::{Admin, Gateway, Operator, Supervisor};

/// Every method of the API and who may call it.
pub const TABLE: &[(&str, Access)] = &[
    ("/ringmain.v1.GatewayService/Session", Access::Roles(&[Gateway])),
    ("/ringmain.v1.GatewayService/OpenSession", Access::Roles(&[Gateway])),
    ("/ringmain.v1.GatewayService/Push", Access::Roles(&[Gateway])),
    ("/ringmain.v1.GatewayService/Update", Access::Roles(&[Gateway])),
    ("/ringmain.v1.GatewayService/Abandon", Access::Roles(&[Gateway])),
    ("/ringmain.v1.GatewayService/RequestPerson", Access::Roles(&[Gateway])),
    ("/ringmain.v1.GatewayService/Deflect", Access::Roles(&[Gateway])),
    ("/ringmain.v1.GatewayService/NoteMessage", Access::Roles(&[Gateway])),
    ("/ringmain.v1.GatewayService/Reconcile", Access::Roles(&[Gateway])),
    ("/ringmain.v1.GatewayService/Ack", Access::Roles(&[Gateway])),
    ("/ringmain.v1.GatewayService/Heartbeat", Access::Roles(&[Gateway])),
    ("/ringmain.v1.GatewayService/PollEvents", Access::Roles(&[Gateway])),
    ("/ringmain.v1.GatewayService/CloseSession", Access::Roles(&[Gateway])),
    ("/ringmain.v1.OperatorService/Session", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/OpenSession", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/SetPresence", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/Accept", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/Decline", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/Complete", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/ExtendWrapUp", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/EndWrapUp", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/Transfer", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/Hold", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/TakeNext", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/AssignContact", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/AskForBreak", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/RequestPerson", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/InviteCompanion", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/Consult", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/EndConsult", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/JoinConsult", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/BeginEnquiry", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/FreeCaller", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/CloseEnquiry", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/ListEnquiries", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/AskForHelp", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/SignOut", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/Ack", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/Heartbeat", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/PollEvents", Access::Roles(&[Operator])),
    ("/ringmain.v1.OperatorService/CloseSession", Access::Roles(&[Operator])),
    ("/ringmain.v1.SupervisorService/ListQueues", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.SupervisorService/ListOperators", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.SupervisorService/ListContacts", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.SupervisorService/GetContact", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.SupervisorService/ListCases", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.SupervisorService/GetCase", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.SupervisorService/CountCases", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.SupervisorService/ListEnquiries", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.SupervisorService/GetEnquiry", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.SupervisorService/ExplainContact", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.SupervisorService/ExplainOperator", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.SupervisorService/ListEvents", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.SupervisorService/WatchEvents", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.AdminService/ApplyPlan", Access::Roles(&[Admin])),
    ("/ringmain.v1.AdminService/GetPlan", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.AdminService/PutOperators", Access::Roles(&[Admin])),
    ("/ringmain.v1.AdminService/ClusterStatus", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.AdminService/ExportState", Access::Roles(&[Admin])),
    ("/ringmain.v1.AdminService/ExportHistory", Access::Roles(&[Admin])),
    ("/ringmain.v1.ActionService/ForcePresence", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/DeferBreaks", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/HandOver", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/CloseEntry", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/OpenEntry", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/CloseEnquiry", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/Supervise", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/AnswerHelp", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/ListClosures", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/ListTriggers", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/SignOutOperator", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/RequeueContact", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/CloseContact", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/AssignContact", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/MoveContacts", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/LiftContact", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/ListAudit", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ActionService/VerifyAudit", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.LifeSupportService/PutLifeSupport", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.LifeSupportService/CheckLifeSupport", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.ClusterService/AddNode", Access::Roles(&[Admin])),
    ("/ringmain.v1.ClusterService/RemoveNode", Access::Roles(&[Admin])),
    ("/ringmain.v1.ClusterService/MoveLeader", Access::Roles(&[Admin])),
    ("/ringmain.v1.ClusterService/DrainNode", Access::Roles(&[Admin])),
    ("/ringmain.v1.ClusterService/TryAddNode", Access::Roles(&[Admin])),
    ("/ringmain.v1.ClusterService/TryRemoveNode", Access::Roles(&[Admin])),
    ("/ringmain.v1.ClusterService/TryMoveLeader", Access::Roles(&[Admin])),
    ("/ringmain.v1.ClusterService/TryDrainNode", Access::Roles(&[Admin])),
    ("/ringmain.v1.ClusterService/CheckQuorum", Access::Roles(&[Supervisor, Admin])),
    ("/ringmain.v1.AdminService/SaveSnapshot", Access::Roles(&[Admin])),
    ("/grpc.health.v1.Health/Check", Access::Open),
    ("/grpc.health.v1.Health/Watch", Access::Open),
    ("/grpc.health.v1.Health/List", Access::Open),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Access::Open),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Access::Open),
];

/// Methods that answer with a stream or wait for something to happen; how long they run says nothing.
const STREAMS: &[&str] = &[
    "/ringmain.v1.GatewayService/Session",
    "/ringmain.v1.GatewayService/PollEvents",
    "/ringmain.v1.OperatorService/Session",
    "/ringmain.v1.OperatorService/PollEvents",
    "/ringmain.v1.SupervisorService/WatchEvents",
    "/ringmain.v1.AdminService/ExportState",
    "/ringmain.v1.AdminService/ExportHistory",
    "/ringmain.v1.ActionService/VerifyAudit",
    "/ringmain.v1.ClusterService/AddNode",
    "/ringmain.v1.ClusterService/RemoveNode",
    "/ringmain.v1.AdminService/SaveSnapshot",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// Services whose methods are for other nodes.
pub const PEER_SERVICES: &[&str] = &["ringmain.v1.PeerService"];

/// The caller of a request that was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Gateway name, login or a name for the audit.
    pub name: String,
    /// The token's role.
    pub role: TokenRole,
}

/// The name behind a call, for the audit.
pub(crate) fn caller_name<T>(request: &tonic::Request<T>) -> Option<ringmain_routing::Name> {
    request.extensions().get::<Caller>().map(|caller| caller.name.as_str().into())
}

/// Who may call the method of this path; `None` for one that has no row.
#[must_use]
pub fn access(path: &str) -> Option<Access> {
    let service = path.strip_prefix('/').and_then(|rest| rest.split_once('/')).map(|(service, _)| service);
    if service.is_some_and(|service| PEER_SERVICES.contains(&service)) {
        return Some(Access::Peers);
    }
    TABLE.iter().find(|(method, _)| *method == path).map(|(_, access)| *access)
}

/// What the check of a call needs.
pub(crate) struct Guard {
    tokens: Tokens,
    clock: Option<Arc<dyn Clock>>,
}

impl Guard {
    /// Without a clock requests are counted, not timed.
    pub(crate) fn new(tokens: Tokens, clock: Option<Arc<dyn Clock>>) -> Guard {
        Guard { tokens, clock }
    }

    fn now(&self) -> Option<Duration> {
        self.clock.as_ref().map(|clock| clock.monotonic())
    }
}

/// Lets a call in or refuses it.
pub(crate) async fn guard(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let method = TABLE.iter().find(|(method, _)| *method == path).map_or("unknown", |(method, _)| method);
    match admit(&guard.tokens, &request) {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            let started = guard.now();
            let response = next.run(request).instrument(span(method)).await;
            measure::count_response(method, &response);
            if let (Some(started), Some(ended), false) = (started, guard.now(), STREAMS.contains(&method)) {
                let seconds = ended.saturating_sub(started).as_secs_f64();
                metrics::histogram!(names::REQUEST_SECONDS, labels::METHOD => method).record(seconds);
            }
            response
        }
        Err(refusal) => {
            measure::count(method, Some(&refusal));
            error::http_response(&refusal)
        }
    }
}

/// The span of a call. Operations inside of a stream have spans of their own.
fn span(method: &'static str) -> Span {
    if STREAMS.contains(&method) { Span::none() } else { way::call(method) }
}

fn admit(tokens: &Tokens, request: &Request) -> Result<Option<Caller>, Error> {
    let roles = match access(request.uri().path()) {
        Some(Access::Open) => return Ok(None),
        Some(Access::Roles(roles)) => roles,
        Some(Access::Peers) | None => {
            return Err(error::of_code(&codes::PERMISSION_DENIED, "this method cannot be called here"));
        }
    };
    let holder = holder(tokens, request).ok_or_else(|| {
        let message =
            "send the metadata `authorization: Bearer TOKEN` with a token of the cluster's tokens file";
        error::of_code(&codes::UNAUTHENTICATED, message)
    })?;
    if !roles.contains(&holder.role) {
        let message = format!("a token of the role {} may not call this", holder.role.word());
        return Err(error::of_code(&codes::PERMISSION_DENIED, message));
    }
    Ok(Some(Caller { name: holder.name.clone(), role: holder.role }))
}

fn holder<'a>(tokens: &'a Tokens, request: &Request) -> Option<&'a TokenHolder> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    tokens.holder(value.strip_prefix("Bearer ")?.trim())
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_method_of_the_protocol_has_a_row() {
        let set = FileDescriptorSet::decode(ringmain_protocol::FILE_DESCRIPTOR_SET).unwrap();
        let mut methods = 0;
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    assert!(access(&path).is_some(), "{path} has no row");
                    methods += 1;
                }
            }
        }
        assert!(methods >= 14, "{methods} methods in the descriptors");
    }

    #[test]
    fn every_row_names_a_method_that_exists() {
        let set = FileDescriptorSet::decode(ringmain_protocol::FILE_DESCRIPTOR_SET).unwrap();
        let paths: Vec<String> = set
            .file
            .iter()
            .flat_map(|file| {
                file.service.iter().flat_map(move |service| {
                    let path = move |method: &str| format!("/{}.{}/{method}", file.package(), service.name());
                    service.method.iter().map(move |method| path(method.name()))
                })
            })
            .collect();
        for (path, _) in TABLE.iter().filter(|(path, _)| path.starts_with("/ringmain.")) {
            assert!(paths.iter().any(|known| known == path), "{path} does not exist");
        }
    }

    #[test]
    fn a_method_without_a_row_has_no_access() {
        assert_eq!(access("/ringmain.v1.AdminService/Shutdown"), None);
        assert_eq!(access("/ringmain.v1.PeerService/Vote"), Some(Access::Peers));
    }
}
