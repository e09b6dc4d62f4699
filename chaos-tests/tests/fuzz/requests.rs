//! Every message that comes from outside, by type: what clients ask for, and what nodes say to each other.

use prost::Message;
use ringmain_protocol::v1;

use crate::shapes::Protocol;

/// A type and how it is read.
pub struct Row {
    pub name: &'static str,
    pub read: fn(&[u8]),
}

/// What was read can be written and read again.
fn again<M: Message + Default>(bytes: &[u8]) {
    let Ok(message) = M::decode(bytes) else { return };
    let written = message.encode_to_vec();
    let read = M::decode(&written[..]).expect("what was written can be read");
    assert_eq!(read.encode_to_vec(), written);
}

macro_rules! rows {
    ($($name:ident),* $(,)?) => {
        &[$(Row { name: stringify!($name), read: again::<v1::$name> }),*]
    };
}

pub const ROWS: &[Row] = rows!(
    AddNodeRequest,
    AdmitRequest,
    AdmitResponse,
    AppendEntriesRequest,
    AppendEntriesResponse,
    ApplyPlanRequest,
    CheckQuorumRequest,
    AssignContactRequest,
    CloseContactRequest,
    ClusterStatusRequest,
    CountCasesRequest,
    DismissRequest,
    DismissResponse,
    DrainNodeRequest,
    ExplainContactRequest,
    ExplainOperatorRequest,
    ExportHistoryRequest,
    ExportStateRequest,
    FetchSegmentRequest,
    FetchSegmentResponse,
    DeferBreaksRequest,
    HandOverRequest,
    GatewayServiceDeflectRequest,
    GatewayServiceNoteMessageRequest,
    CloseEntryRequest,
    CloseEnquiryRequest,
    SuperviseRequest,
    AnswerHelpRequest,
    GetEnquiryRequest,
    ListEnquiriesRequest,
    OperatorServiceBeginEnquiryRequest,
    OperatorServiceFreeCallerRequest,
    OperatorServiceCloseEnquiryRequest,
    OperatorServiceListEnquiriesRequest,
    OperatorServiceAskForHelpRequest,
    OpenEntryRequest,
    ListClosuresRequest,
    ListTriggersRequest,
    CheckLifeSupportRequest,
    OperatorServiceInviteCompanionRequest,
    PutLifeSupportRequest,
    ForcePresenceRequest,
    FormRequest,
    FormResponse,
    ForwardRequest,
    ForwardResponse,
    GatewayServiceAbandonRequest,
    GatewayServiceAckRequest,
    GatewayServiceCloseSessionRequest,
    GatewayServiceHeartbeatRequest,
    GatewayServiceOpenSessionRequest,
    GatewayServicePollEventsRequest,
    GatewayServicePushRequest,
    GatewayServiceReconcileRequest,
    GatewayServiceRequestPersonRequest,
    GatewayServiceSessionRequest,
    GatewayServiceUpdateRequest,
    GetCaseRequest,
    GetContactRequest,
    GetPlanRequest,
    InstallSnapshotRequest,
    InstallSnapshotResponse,
    LiftContactRequest,
    ListAuditRequest,
    ListCasesRequest,
    ListContactsRequest,
    ListEventsRequest,
    ListOperatorsRequest,
    ListQueuesRequest,
    MoveContactsRequest,
    MoveLeaderRequest,
    OperatorServiceAcceptRequest,
    OperatorServiceAckRequest,
    OperatorServiceCloseSessionRequest,
    OperatorServiceCompleteRequest,
    OperatorServiceDeclineRequest,
    OperatorServiceEndWrapUpRequest,
    OperatorServiceExtendWrapUpRequest,
    OperatorServiceHeartbeatRequest,
    OperatorServiceAskForBreakRequest,
    OperatorServiceHoldRequest,
    OperatorServiceTakeNextRequest,
    OperatorServiceAssignContactRequest,
    OperatorServiceOpenSessionRequest,
    OperatorServiceRequestPersonRequest,
    OperatorServiceConsultRequest,
    OperatorServiceEndConsultRequest,
    OperatorServiceJoinConsultRequest,
    OperatorServicePollEventsRequest,
    OperatorServiceSessionRequest,
    OperatorServiceSetPresenceRequest,
    OperatorServiceSignOutRequest,
    OperatorServiceTransferRequest,
    PingRequest,
    PingResponse,
    PreVoteRequest,
    PreVoteResponse,
    PutOperatorsRequest,
    ReadIndexRequest,
    ReadIndexResponse,
    RemoveNodeRequest,
    RequeueContactRequest,
    SaveSnapshotRequest,
    SignOutOperatorRequest,
    SnapshotProgressRequest,
    SnapshotProgressResponse,
    StreamAppendRequest,
    StreamAppendResponse,
    TransferLeaderRequest,
    TransferLeaderResponse,
    TryAddNodeRequest,
    TryAdmitRequest,
    TryAdmitResponse,
    TryDrainNodeRequest,
    TryMoveLeaderRequest,
    TryRemoveNodeRequest,
    VerifyAuditRequest,
    VoteRequest,
    VoteResponse,
    WatchEventsRequest,
);

#[test]
fn every_request_and_every_word_between_nodes_has_a_row() {
    let protocol = Protocol::read();
    let has_row = |name: &str| ROWS.iter().any(|row| row.name == name);
    let answers = protocol.methods.iter().filter(|method| method.service == "PeerService");
    let answers = answers.map(|method| &method.output);
    for name in protocol.methods.iter().map(|method| &method.input).chain(answers) {
        assert!(has_row(name), "{name} has no row in tests/fuzz/requests.rs");
    }
    assert!(protocol.methods.len() > 60, "{} methods", protocol.methods.len());
}

#[test]
fn every_message_has_a_sample_that_is_read() {
    let protocol = Protocol::read();
    for row in ROWS {
        for sample in protocol.samples(row.name, "session") {
            (row.read)(&sample);
        }
    }
    let push = protocol.samples("GatewayServicePushRequest", "s");
    let push = v1::GatewayServicePushRequest::decode(&push[0][..]).expect("a sound sample");
    assert_eq!((&*push.session, push.push.map(|push| push.queue)), ("s", Some("calls".to_owned())));
}
