//! Who may call what.

use ringmain_protocol::v1;
use ringmain_protocol::v1::gateway_service_session_request::Message as GatewayUp;
use tonic::Code;

use crate::support::{ADMIN, GATEWAY, Node, OPERATOR, SUPERVISOR, carried, gateway_hello};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_without_a_known_token_is_refused() {
    let node = Node::start().await;
    for token in ["", "some-other-token-0123"] {
        let status = node.admin(token).await.cluster_status(v1::ClusterStatusRequest {}).await.unwrap_err();
        assert_eq!(
            (status.code(), carried(&status).code.as_str()),
            (Code::Unauthenticated, "unauthenticated")
        );
        let status = node.gateway_stream(token).await.err().unwrap();
        assert_eq!(status.code(), Code::Unauthenticated);
        let status = node.operator_stream(token).await.err().unwrap();
        assert_eq!(status.code(), Code::Unauthenticated);
        let list = v1::ListQueuesRequest::default();
        let status = node.supervisor(token).await.list_queues(list).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_another_role_is_refused() {
    let node = Node::start().await;
    for token in [GATEWAY, OPERATOR] {
        let list = v1::ListQueuesRequest::default();
        let status = node.supervisor(token).await.list_queues(list).await.unwrap_err();
        assert_eq!(
            (status.code(), carried(&status).code.as_str()),
            (Code::PermissionDenied, "permission-denied")
        );
    }
    for token in [GATEWAY, OPERATOR, SUPERVISOR] {
        let request = v1::ExportStateRequest::default();
        let status = node.admin(token).await.export_state(request).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
    }
    for token in [OPERATOR, SUPERVISOR, ADMIN] {
        assert_eq!(node.gateway_stream(token).await.err().unwrap().code(), Code::PermissionDenied);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_may_all_that_a_supervisor_may() {
    let node = Node::start().await;
    let queues = node.supervisor(ADMIN).await.list_queues(v1::ListQueuesRequest::default()).await.unwrap();
    assert_eq!(queues.into_inner().queues.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_speaks_for_its_own_name_only() {
    let node = Node::start().await;
    let mut gateway = node.gateway_stream(GATEWAY).await.unwrap();
    gateway.say(GatewayUp::Hello(v1::GatewayHello { gateway: "other".into(), ..gateway_hello(1) })).await;
    assert_eq!(gateway.failed(0).await.code, "permission-denied");
    assert_eq!(gateway.down.message().await.unwrap_err().code(), Code::PermissionDenied);
}
