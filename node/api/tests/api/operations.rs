//! Health, reflection, liveness, readiness, status.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use ringmain_protocol::v1;
use ringmain_routing::Millis;
use tonic::codegen::Service;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::support::{Node, SUPERVISOR};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_tools_find_the_services_without_a_token() {
    let node = Node::start().await;
    let mut reflection = ServerReflectionClient::new(node.channel().await);
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers =
        reflection.server_reflection_info(tokio_stream::iter([ask])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    for service in ["GatewayService", "OperatorService", "SupervisorService", "AdminService"] {
        assert!(names.contains(&format!("ringmain.v1.{service}")), "{names:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_service_follows_readiness() {
    let node = Node::start().await;
    let mut health = HealthClient::new(node.channel().await);
    let request = HealthCheckRequest { service: "ringmain.v1.GatewayService".into() };
    let mut watched = health.watch(request).await.unwrap().into_inner();
    let mut status = ServingStatus::Unknown;
    while status != ServingStatus::Serving {
        status = watched.message().await.unwrap().unwrap().status();
    }
    node.api.drain(Millis(1));
    while status != ServingStatus::NotServing {
        status = watched.message().await.unwrap().unwrap().status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn liveness_readiness_and_metrics_are_served_over_http() {
    let node = Node::start().await;
    assert_eq!(get(&node, "/livez").await, (StatusCode::OK, "ok\n".to_owned()));
    assert_eq!(get(&node, "/metrics").await, (StatusCode::OK, "metric 1\n".to_owned()));
    let (status, text) = get(&node, "/readyz?verbose").await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("[+] majority") && text.ends_with("ready\n"), "{text}");
    node.api.drain(Millis(1));
    let (status, text) = get(&node, "/readyz?verbose=1").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("[-] accepting"), "{text}");
    assert_eq!(get(&node, "/livez").await.0, StatusCode::OK, "a draining node lives");
}

async fn get(node: &Node, path: &str) -> (StatusCode, String) {
    let mut router = node.api.http(Arc::new(|| "metric 1\n".to_owned()));
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.call(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 64 * 1024).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_names_nodes_leader_and_chain() {
    let node = Node::start().await;
    let mut admin = node.admin(SUPERVISOR).await;
    let status = admin.cluster_status(v1::ClusterStatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.cluster.as_str(), status.node, status.leader), ("test", 1, 1));
    assert_eq!(status.role(), v1::NodeRole::Leader);
    assert_eq!((status.nodes.len(), status.chain.len()), (1, 16));
    assert!(!status.read_only && status.sync_count > 0);
}
