//! Real replicas with actors and API behind loopback ports, and plain gRPC clients for them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringmain_actors::task::spawn_named;
use ringmain_actors::{ActorsConfig, NodeActors};
use ringmain_api::{Api, ApiConfig};
use ringmain_cluster_config::Tokens;
use ringmain_protocol::v1;
use ringmain_protocol::v1::admin_service_client::AdminServiceClient;
use ringmain_protocol::v1::gateway_service_client::GatewayServiceClient;
use ringmain_protocol::v1::gateway_service_session_request::Message as GatewayUp;
use ringmain_protocol::v1::gateway_service_session_response::Message as GatewayDown;
use ringmain_protocol::v1::operator_service_client::OperatorServiceClient;
use ringmain_protocol::v1::operator_service_session_request::Message as OperatorUp;
use ringmain_protocol::v1::operator_service_session_response::Message as OperatorDown;
use ringmain_protocol::v1::supervisor_service_client::SupervisorServiceClient;
use ringmain_replication::{Clock, Peer, Replica, ReplicaConfig};
use ringmain_routing::NodeId;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

/// What a test waits for comes long before this, or never.
pub const NEVER: Duration = Duration::from_secs(60);

const TOKENS: &str = r#"
tokens = [
  { token = "gateway-token-sip", name = "sip", role = "gateway" },
  { token = "operator-token-anna", name = "anna", role = "operator" },
  { token = "operator-token-boris", name = "boris", role = "operator" },
  { token = "supervisor-token-0", name = "vera", role = "supervisor" },
  { token = "administrator-token", name = "root", role = "admin" },
]
"#;

pub const GATEWAY: &str = "gateway-token-sip";
pub const OPERATOR: &str = "operator-token-anna";
pub const COLLEAGUE: &str = "operator-token-boris";
pub const SUPERVISOR: &str = "supervisor-token-0";
pub const ADMIN: &str = "administrator-token";

struct RealClock {
    started: Instant,
}

impl Clock for RealClock {
    fn monotonic(&self) -> Duration {
        #[expect(clippy::disallowed_methods, reason = "the replica under test runs in real time")]
        self.started.elapsed()
    }

    fn wall_ms(&self) -> u64 {
        1_700_000_000_000
    }
}

/// A node with queue `calls` (offered, 60 s), channel `voice`, skill `ru` and operator `anna`.
pub struct Node {
    pub replica: Replica,
    pub actors: NodeActors,
    pub api: Api,
    pub address: SocketAddr,
    _dir: tempfile::TempDir,
}

/// How a test wants its node.
#[derive(Clone, Copy)]
pub struct Setup {
    pub ring_effects_max: usize,
    pub heartbeat: Duration,
    /// Without a leader for so long a node is read-only. Long, so that a busy machine makes no node refuse what a test
    /// wants to see done.
    pub read_only: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Setup { ring_effects_max: 10_000, heartbeat: Duration::from_secs(10), read_only: NEVER }
    }
}

/// The places of a node that is not started yet.
struct Places {
    api: TcpListener,
    peer: TcpListener,
}

impl Node {
    pub async fn start() -> Node {
        Node::start_with(Setup::default()).await
    }

    pub async fn start_with(setup: Setup) -> Node {
        Node::cluster(1, setup).await.remove(0)
    }

    /// Nodes 1 to `size` of one cluster, set up.
    pub async fn cluster(size: u64, setup: Setup) -> Vec<Node> {
        let (mut peers, mut places) = (Vec::new(), Vec::new());
        for node in 1..=size {
            let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
            peers.push(Peer {
                node: NodeId(node),
                peer_addr: peer.local_addr().unwrap().to_string(),
                api_addr: api.local_addr().unwrap().to_string(),
                region: "north".into(),
            });
            places.push(Places { api, peer });
        }
        let mut nodes = Vec::new();
        for (peer, places) in peers.iter().zip(places) {
            nodes.push(Node::among(&peers, peer.node, places, setup).await);
        }
        for node in &nodes {
            let mut leadership = node.replica.watch_leadership();
            leadership.wait_for(|leadership| leadership.leader.is_some()).await.unwrap();
        }
        nodes[0].set_up().await;
        nodes
    }

    async fn among(peers: &[Peer], node: NodeId, places: Places, setup: Setup) -> Node {
        let dir = tempfile::tempdir().unwrap();
        let address = places.api.local_addr().unwrap();
        let mut config = ReplicaConfig::new("test", node, dir.path(), peers.to_vec());
        config.timing.read_only = setup.read_only;
        #[expect(clippy::disallowed_methods, reason = "the replica under test runs in real time")]
        let clock: Arc<dyn Clock> = Arc::new(RealClock { started: Instant::now() });
        let replica = Replica::start(config, Arc::clone(&clock)).await.unwrap();
        let peer_service = tonic::transport::Server::builder().add_service(replica.peer_service());
        spawn_named("peer-server", async move {
            peer_service.serve_with_incoming(TcpListenerStream::new(places.peer)).await.unwrap();
        });
        let actors = ActorsConfig { ring_effects_max: setup.ring_effects_max, clock: Some(clock) };
        let actors = NodeActors::start_with(replica.clone(), actors).await.unwrap();
        let tokens = Tokens::parse("tokens.toml", TOKENS).unwrap();
        let config = ApiConfig { heartbeat: setup.heartbeat, ..ApiConfig::new(tokens, "0.0.0-test") };
        let api = Api::new(config, replica.clone(), &actors);
        let routes = api.grpc();
        spawn_named("server", async move {
            let incoming = TcpListenerStream::new(places.api);
            tonic::transport::Server::builder()
                .add_routes(routes)
                .serve_with_incoming(incoming)
                .await
                .unwrap();
        });
        Node { replica, actors, api, address, _dir: dir }
    }

    /// Stops what the node does; its ports stay open and answer nothing useful.
    pub async fn stop(&self) {
        self.actors.stop().await;
        self.replica.shutdown().await;
    }

    /// Calls of a gateway that holds no stream.
    pub async fn gateway_calls(&self, token: &str) -> GatewayCalls {
        GatewayServiceClient::with_interceptor(self.channel().await, Bearer::new(token))
    }

    /// Calls of an operator who holds no stream.
    pub async fn operator_calls(&self, token: &str) -> OperatorCalls {
        OperatorServiceClient::with_interceptor(self.channel().await, Bearer::new(token))
    }

    async fn set_up(&self) {
        let mut admin = self.admin(ADMIN).await;
        loop {
            let request = v1::ApplyPlanRequest { plan: Some(plan(1)), dry_run: false };
            match admin.apply_plan(request).await {
                Ok(_) => break,
                Err(status) => assert_eq!(status.code(), tonic::Code::Unavailable, "{status}"),
            }
        }
        admin
            .put_operators(v1::PutOperatorsRequest { operators: vec![anna()], dry_run: false })
            .await
            .unwrap();
    }

    pub async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    pub async fn admin(&self, token: &str) -> AdminServiceClient<InterceptedService<Channel, Bearer>> {
        AdminServiceClient::with_interceptor(self.channel().await, Bearer::new(token))
    }

    pub async fn supervisor(
        &self,
        token: &str,
    ) -> SupervisorServiceClient<InterceptedService<Channel, Bearer>> {
        SupervisorServiceClient::with_interceptor(self.channel().await, Bearer::new(token))
    }

    /// A gateway's stream that has said hello and was welcomed.
    pub async fn gateway(&self, hello: v1::GatewayHello) -> (GatewayStream, v1::GatewayWelcome) {
        let mut stream = self.gateway_stream(GATEWAY).await.unwrap();
        stream.say(GatewayUp::Hello(hello)).await;
        let answer = stream.next().await;
        let GatewayDown::Welcome(welcome) = answer else { panic!("not welcomed: {answer:?}") };
        (stream, welcome)
    }

    pub async fn gateway_stream(&self, token: &str) -> Result<GatewayStream, Status> {
        let (up, messages) = mpsc::channel(1_024);
        let mut client = GatewayServiceClient::with_interceptor(self.channel().await, Bearer::new(token));
        let down = client.session(ReceiverStream::new(messages)).await?.into_inner();
        Ok(GatewayStream { up, down, passed_over: VecDeque::new() })
    }

    /// An operator's stream that has said hello and was welcomed.
    pub async fn operator(&self, hello: v1::OperatorHello) -> (OperatorStream, v1::OperatorWelcome) {
        self.operator_with(OPERATOR, hello).await
    }

    /// As [`Node::operator`], with this token.
    pub async fn operator_with(
        &self,
        token: &str,
        hello: v1::OperatorHello,
    ) -> (OperatorStream, v1::OperatorWelcome) {
        let mut stream = self.operator_stream(token).await.unwrap();
        stream.say(OperatorUp::Hello(hello)).await;
        let answer = stream.next().await;
        let OperatorDown::Welcome(welcome) = answer else { panic!("not welcomed: {answer:?}") };
        (stream, welcome)
    }

    pub async fn operator_stream(&self, token: &str) -> Result<OperatorStream, Status> {
        let (up, messages) = mpsc::channel(64);
        let mut client = OperatorServiceClient::with_interceptor(self.channel().await, Bearer::new(token));
        let down = client.session(ReceiverStream::new(messages)).await?.into_inner();
        Ok(OperatorStream { up, down, passed_over: VecDeque::new() })
    }
}

pub type GatewayCalls = GatewayServiceClient<InterceptedService<Channel, Bearer>>;
pub type OperatorCalls = OperatorServiceClient<InterceptedService<Channel, Bearer>>;

#[derive(Clone)]
pub struct Bearer {
    value: Option<MetadataValue<Ascii>>,
}

impl Bearer {
    /// An empty token is none.
    pub fn new(token: &str) -> Bearer {
        Bearer { value: (!token.is_empty()).then(|| format!("Bearer {token}").parse().unwrap()) }
    }
}

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.value {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

pub struct GatewayStream {
    up: mpsc::Sender<v1::GatewayServiceSessionRequest>,
    pub down: Streaming<v1::GatewayServiceSessionResponse>,
    /// Messages that came and that nobody has looked for yet: answers and events come by different ways.
    passed_over: VecDeque<GatewayDown>,
}

impl GatewayStream {
    pub async fn say(&self, message: GatewayUp) {
        self.up.send(v1::GatewayServiceSessionRequest { message: Some(message) }).await.unwrap();
    }

    pub async fn next(&mut self) -> GatewayDown {
        match self.passed_over.pop_front() {
            Some(message) => message,
            None => self.read().await,
        }
    }

    async fn read(&mut self) -> GatewayDown {
        let message = tokio::time::timeout(NEVER, self.down.message()).await.expect("a message comes");
        message.unwrap().expect("the stream goes on").message.unwrap()
    }

    /// The first message that the picker takes; the others stay for later.
    pub async fn find<T>(&mut self, pick: impl Fn(&GatewayDown) -> Option<T>) -> T {
        let mut place = 0;
        loop {
            if place == self.passed_over.len() {
                let message = self.read().await;
                self.passed_over.push_back(message);
            }
            if let Some(picked) = pick(&self.passed_over[place]) {
                self.passed_over.remove(place);
                return picked;
            }
            place += 1;
        }
    }

    pub async fn event(&mut self, pick: impl Fn(&v1::gateway_event::Event) -> bool) -> v1::GatewayEvent {
        self.find(|message| {
            let GatewayDown::Event(event) = message else { return None };
            event.event.as_ref().is_some_and(&pick).then(|| event.clone())
        })
        .await
    }

    pub async fn accepted(&mut self, op: u64) -> v1::GatewayAccepted {
        self.find(|message| {
            if let GatewayDown::Failed(failed) = message {
                panic!("failed: {failed:?}");
            }
            let GatewayDown::Accepted(accepted) = message else { return None };
            (accepted.receipt.as_ref().unwrap().op_id == op).then(|| accepted.clone())
        })
        .await
    }

    pub async fn failed(&mut self, op: u64) -> v1::Error {
        self.find(|message| {
            let GatewayDown::Failed(failed) = message else { return None };
            (failed.receipt.as_ref().unwrap().op_id == op).then(|| failed.error.clone().unwrap())
        })
        .await
    }
}

pub struct OperatorStream {
    up: mpsc::Sender<v1::OperatorServiceSessionRequest>,
    pub down: Streaming<v1::OperatorServiceSessionResponse>,
    /// Messages that came and that nobody has looked for yet: answers and events come by different ways.
    passed_over: VecDeque<OperatorDown>,
}

impl OperatorStream {
    pub async fn say(&self, message: OperatorUp) {
        self.up.send(v1::OperatorServiceSessionRequest { message: Some(message) }).await.unwrap();
    }

    pub async fn next(&mut self) -> OperatorDown {
        match self.passed_over.pop_front() {
            Some(message) => message,
            None => self.read().await,
        }
    }

    async fn read(&mut self) -> OperatorDown {
        let message = tokio::time::timeout(NEVER, self.down.message()).await.expect("a message comes");
        message.unwrap().expect("the stream goes on").message.unwrap()
    }

    /// The first message that the picker takes; the others stay for later.
    pub async fn find<T>(&mut self, pick: impl Fn(&OperatorDown) -> Option<T>) -> T {
        let mut place = 0;
        loop {
            if place == self.passed_over.len() {
                let message = self.read().await;
                self.passed_over.push_back(message);
            }
            if let Some(picked) = pick(&self.passed_over[place]) {
                self.passed_over.remove(place);
                return picked;
            }
            place += 1;
        }
    }

    pub async fn done(&mut self, op: u64) -> v1::Receipt {
        self.find(|message| {
            if let OperatorDown::Failed(failed) = message {
                panic!("failed: {failed:?}");
            }
            let OperatorDown::Done(done) = message else { return None };
            done.receipt.filter(|receipt| receipt.op_id == op)
        })
        .await
    }

    pub async fn failed(&mut self, op: u64) -> v1::Error {
        self.find(|message| {
            let OperatorDown::Failed(failed) = message else { return None };
            (failed.receipt.as_ref().unwrap().op_id == op).then(|| failed.error.clone().unwrap())
        })
        .await
    }

    pub async fn event(&mut self, pick: impl Fn(&v1::operator_event::Event) -> bool) -> v1::OperatorEvent {
        self.find(|message| {
            let OperatorDown::Event(event) = message else { return None };
            event.event.as_ref().is_some_and(&pick).then(|| event.clone())
        })
        .await
    }

    pub async fn ring(&mut self) -> v1::OperatorRing {
        self.find(|message| {
            let OperatorDown::Event(event) = message else { return None };
            let Some(v1::operator_event::Event::Ring(ring)) = &event.event else { return None };
            Some(ring.clone())
        })
        .await
    }

    pub async fn ready(&mut self, op: u64, seq: u64) {
        let presence = v1::PresenceKind::Ready.into();
        self.say(OperatorUp::SetPresence(v1::OperatorSetPresence {
            op_id: op,
            seq,
            presence,
            not_ready_reason: 0,
        }))
        .await;
        self.done(op).await;
    }
}

pub fn gateway_hello(nonce: u64) -> v1::GatewayHello {
    v1::GatewayHello { gateway: "sip".into(), nonce, ..v1::GatewayHello::default() }
}

pub fn operator_hello(nonce: u64) -> v1::OperatorHello {
    v1::OperatorHello { login: "anna".into(), nonce, ..v1::OperatorHello::default() }
}

pub fn push(op_id: u64, key: &str) -> v1::GatewayPush {
    v1::GatewayPush {
        op_id,
        key: key.into(),
        queue: "calls".into(),
        channel: "voice".into(),
        tier: 5,
        ..v1::GatewayPush::default()
    }
}

pub fn plan(version: u64) -> v1::Plan {
    v1::Plan {
        version,
        queues: vec![v1::QueuePlan {
            name: "calls".into(),
            answer: v1::AnswerMode::Offered.into(),
            answer_within_ms: 60_000,
            wrap_up_max_ms: 600_000,
            orphan: v1::OrphanRule::Requeue.into(),
            waiting_max: 1_000_000,
            target_within_ms: 20_000,
            target_percent: 80,
            open: true,
            ..v1::QueuePlan::default()
        }],
        skills: vec!["ru".into()],
        channels: vec![v1::ChannelPlan { name: "voice".into(), units: 1 }],
        units: vec![],
        sessions: None,
        rules: Default::default(),
    }
}

pub fn anna() -> v1::OperatorPlan {
    v1::OperatorPlan {
        login: "anna".into(),
        skills: vec![v1::SkillLevel { skill: "ru".into(), level: 9 }],
        capacity: 1,
        unit: None,
        ranks: vec![],
        rules: Default::default(),
    }
}

/// The error that a status carries.
pub fn carried(status: &Status) -> v1::Error {
    ringmain_protocol::status::carried(status).expect("our statuses carry the error")
}

pub fn fields(error: &v1::Error) -> Vec<&str> {
    error.problems.iter().map(|problem| problem.field.as_str()).collect()
}
