//! The way of a command as a collector of OpenTelemetry sees it. Needs the feature `otel`.

#[path = "support/parties.rs"]
mod parties;
mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use parties::{IN_FORCE, PLAN, Parties, patient, personal, traces_of};
use ringmain_cluster_config::{NodeConfig, TelemetryConfig};
use support::{Node, config_of_one, fail, write_config};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// Keeps all that it is sent.
#[derive(Clone, Default)]
struct Collector {
    taken: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.taken.lock().expect("nobody panics").push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> (Collector, String) {
        let collector = Collector::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        let serve = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(collector.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        ringmain_actors::task::spawn_named("collector", async move { serve.await.expect("it serves") });
        (collector, endpoint)
    }

    fn spans(&self) -> Vec<Span> {
        let taken = self.taken.lock().expect("nobody panics");
        let scopes =
            taken.iter().flat_map(|request| &request.resource_spans).flat_map(|spans| &spans.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }
}

fn text<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == key)?;
    let Value::StringValue(text) = attribute.value.as_ref()?.value.as_ref()? else { return None };
    Some(text)
}

/// Runs a node with a collector through the work of a gateway and an operator, and stops it.
async fn traced(permille: u64) -> Collector {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, PLAN).expect("written");
    let (collector, endpoint) = Collector::start().await;
    let telemetry = TelemetryConfig { otlp_endpoint: Some(endpoint), otlp_permille: permille };
    let config = NodeConfig { telemetry, ..patient(config_of_one("traces")) };
    let mut node = Node::start(folder.path(), config, &["--plan", &plan.display().to_string()]);
    node.wait_for(IN_FORCE);
    let addresses = vec![node.config.listen.api.clone()];
    let mut parties = node.patiently("signing in", Parties::sign_in(addresses)).await;
    node.patiently("a contact's way", parties.work(personal)).await;
    drop(parties);
    assert_eq!(node.terminate(), Some(0), "what is on its way is sent at the end");
    collector
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_followed_from_the_clients_message_to_the_hand_over_of_its_effects() {
    let collector = traced(1_000).await;
    let spans = collector.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let pushes: Vec<&Span> = named("propose")
        .into_iter()
        .filter(|span| text(span, "command") == Some("enqueue_contact"))
        .collect();
    assert_eq!(pushes.len(), 3, "two that are taken and one that the core refuses");
    for push in pushes {
        let rpc = named("rpc")
            .into_iter()
            .find(|span| span.span_id == push.parent_span_id)
            .expect("a client asked");
        assert_eq!(text(rpc, "role"), Some("gateway"));
        assert!(rpc.parent_span_id.is_empty() && rpc.start_time_unix_nano <= push.start_time_unix_nano);
        let apply = named("apply")
            .into_iter()
            .find(|span| span.parent_span_id == push.span_id)
            .expect("it was applied");
        assert!(apply.end_time_unix_nano <= push.end_time_unix_nano);
        let deliver = named("deliver").into_iter().find(|span| span.parent_span_id == rpc.span_id);
        assert!(deliver.is_some_and(|deliver| deliver.start_time_unix_nano >= apply.end_time_unix_nano));
        let ids: BTreeSet<&[u8]> = [rpc, push, apply].iter().map(|span| span.trace_id.as_slice()).collect();
        assert_eq!(ids.len(), 1, "one trace");
    }
    let all = format!("{:?}", collector.taken.lock().expect("nobody panics"));
    for trace in traces_of("canary-") {
        assert!(!all.contains(&trace), "{trace}: traces hold nothing of a customer");
    }
    assert!(
        all.contains("\"traces\"") && all.contains("service.instance.id"),
        "traces name cluster and node"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_sampled_is_not_sent() {
    assert_eq!(traced(0).await.spans(), []);
}

#[test]
fn an_endpoint_that_is_none_is_a_mistake_of_the_config() {
    let folder = tempfile::tempdir().expect("a folder");
    let telemetry = TelemetryConfig { otlp_endpoint: Some("not an address".to_owned()), otlp_permille: 1 };
    let config = NodeConfig { telemetry, ..config_of_one("traces") };
    let stderr = fail(&["start", "--config", &write_config(folder.path(), &config)], 2);
    let names = |words: &str| stderr.contains(words);
    assert!(
        names("error[invalid-config]") && names("telemetry.otlp_endpoint: \"not an address\""),
        "{stderr}"
    );
    assert!(!folder.path().join("data").exists());
}
