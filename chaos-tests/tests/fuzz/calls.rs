//! Calls as a real node takes them: every method of the API, and what other nodes may ask, with messages that were bent.
//! A call may be refused; nothing may panic, and the node must serve a sound call behind it.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::stream;
use prost::Message;
use prost::bytes::{Buf, BufMut, Bytes};
use ringmain_actors::{ActorsConfig, NodeActors};
use ringmain_api::{Api, ApiConfig};
use ringmain_cluster_config::Tokens;
use ringmain_protocol::v1;
use ringmain_replication::{Clock, Peer, Replica, ReplicaConfig};
use ringmain_routing::plan::{ChannelPlan, QueuePlan};
use ringmain_routing::{NodeId, Plan};
use tokio::runtime::Runtime;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::service::Routes;
use tonic::{Request, Status};

use crate::shapes::{Method, Protocol};

const CLUSTER: &str = "fuzz";
const TOKENS: [(&str, &str); 4] =
    [("gateway", "web"), ("operator", "anna"), ("supervisor", "sam"), ("admin", "olga")];
/// Answers of a stream that are read before it is left.
const ANSWERS_MAX: usize = 3;
/// Some calls wait for something to happen: they are left after this.
const WAIT: Duration = Duration::from_millis(40);
/// These take the node out of service, as they should: the calls behind them would prove nothing.
const LEFT_OUT: [&str; 3] = ["/DrainNode", "/RemoveNode", "/AddNode"];

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// One node, alone in its cluster, with its API and its peers' service, and a call at a time.
pub struct Node {
    runtime: Runtime,
    api: Routes,
    peers: Routes,
    methods: Vec<(Method, Vec<Vec<u8>>)>,
    replica: Replica,
    _kept: (Api, NodeActors, tempfile::TempDir),
}

struct NodeClock(Instant);

impl Clock for NodeClock {
    #[expect(clippy::disallowed_methods, reason = "the test's clock")]
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn wall_ms(&self) -> u64 {
        1_800_000_000_000 + u64::try_from(self.monotonic().as_millis()).expect("a short run")
    }
}

impl Node {
    /// Starts it, gives it a plan and an operator, and opens a session of a gateway, which the samples name.
    pub fn start() -> Node {
        count_panics();
        let runtime = Runtime::new().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let (replica, actors, api) = runtime.block_on(serve(folder.path()));
        let mut node = Node {
            api: runtime.block_on(async { api.grpc() }),
            peers: Routes::new(replica.peer_service()),
            runtime,
            methods: Vec::new(),
            replica,
            _kept: (api, actors, folder),
        };
        node.furnish();
        let session = node.open_session();
        let protocol = Protocol::read();
        let samples = |method: &Method| protocol.samples(&method.input, &session);
        let is_tried = |method: &&Method| !LEFT_OUT.iter().any(|name| method.path.ends_with(name));
        let methods = protocol.methods.iter().filter(is_tried);
        node.methods = methods.map(|method| (method.clone(), samples(method))).collect();
        node
    }

    pub fn methods(&self) -> usize {
        self.methods.len()
    }

    pub fn samples(&self, method: usize) -> &[Vec<u8>] {
        &self.methods[method].1
    }

    /// One call with these messages; whatever is answered.
    pub fn call(&self, method: usize, messages: Vec<Vec<u8>>) {
        let method = &self.methods[method].0;
        let before = PANICS.load(Ordering::SeqCst);
        let is_left = self.runtime.block_on(async {
            tokio::time::timeout(WAIT, self.answers(&method.path, messages)).await.is_err()
        });
        let panics = PANICS.load(Ordering::SeqCst) - before;
        assert_eq!(panics, 0, "{}: something panicked (left early: {is_left})", method.path);
    }

    /// The node has not failed, and a sound call is answered.
    pub fn must_serve(&self) {
        let request = v1::GetPlanRequest::default().encode_to_vec();
        let answers = self.runtime.block_on(self.answers("/ringmain.v1.AdminService/GetPlan", vec![request]));
        let answer = answers.expect("a sound call is answered").pop().expect("there is one answer");
        let answer = v1::GetPlanResponse::decode(&answer[..]).expect("a sound answer");
        assert!(answer.plan.is_some(), "{answer:?}, {:?}", self.replica.status());
    }

    async fn answers(&self, path: &str, messages: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, Status> {
        let is_peers = path.contains("PeerService");
        let routes = if is_peers { self.peers.clone() } else { self.api.clone() };
        let mut client = tonic::client::Grpc::new(routes);
        client.ready().await.map_err(|_| Status::unavailable("never: the routes are always ready"))?;
        let mut request = Request::new(stream::iter(messages));
        let metadata = request.metadata_mut();
        if is_peers {
            metadata.insert_bin("ringmain-cluster-bin", MetadataValue::from_bytes(CLUSTER.as_bytes()));
            for (key, value) in [("ringmain-group", 0), ("ringmain-from", 2), ("ringmain-to", 1)] {
                metadata.insert(key, MetadataValue::from(value));
            }
        } else {
            let token = format!("Bearer {}", token(role_for(path)));
            metadata.insert("authorization", token.parse().expect("tokens are plain"));
        }
        let path: PathAndQuery = path.parse().expect("paths of methods are paths");
        let mut answers = client.streaming(request, path, Raw).await?.into_inner();
        let mut read = Vec::new();
        while read.len() < ANSWERS_MAX
            && let Some(answer) = answers.message().await?
        {
            read.push(answer);
        }
        Ok(read)
    }

    fn sound<M: Message + Default>(&self, path: &str, request: &impl Message) -> M {
        let request = vec![request.encode_to_vec()];
        let answers = self.runtime.block_on(self.answers(path, request));
        let answer = answers.expect("a sound call is answered").pop().expect("there is one answer");
        M::decode(&answer[..]).expect("a sound answer")
    }

    fn furnish(&self) {
        let plan = Plan {
            version: 1,
            queues: vec![QueuePlan::named("calls")],
            channels: vec![ChannelPlan { name: "voice".into(), units: 1 }],
            ..Plan::default()
        };
        let plan = Some(ringmain_protocol::plan::to_message(&plan));
        let request = v1::ApplyPlanRequest { plan, dry_run: false };
        let _done: v1::ApplyPlanResponse = self.sound("/ringmain.v1.AdminService/ApplyPlan", &request);
        let anna = v1::OperatorPlan { login: "anna".into(), capacity: 3, ..Default::default() };
        let request = v1::PutOperatorsRequest { operators: vec![anna], dry_run: false };
        let _done: v1::PutOperatorsResponse = self.sound("/ringmain.v1.AdminService/PutOperators", &request);
    }

    fn open_session(&self) -> String {
        let hello =
            v1::GatewayHello { gateway: "web".into(), nonce: 7, takeover: true, ..Default::default() };
        let request = v1::GatewayServiceOpenSessionRequest { hello: Some(hello) };
        let path = "/ringmain.v1.GatewayService/OpenSession";
        let opened: v1::GatewayServiceOpenSessionResponse = self.sound(path, &request);
        opened.session
    }
}

async fn serve(folder: &std::path::Path) -> (Replica, NodeActors, Api) {
    #[expect(clippy::disallowed_methods, reason = "the test's clock")]
    let now = Instant::now();
    let clock: Arc<dyn Clock> = Arc::new(NodeClock(now));
    let me = Peer {
        node: NodeId(1),
        peer_addr: "127.0.0.1:1".into(),
        api_addr: "127.0.0.1:2".into(),
        region: String::new(),
    };
    let config = ReplicaConfig::new(CLUSTER, NodeId(1), folder.to_path_buf(), vec![me]);
    let replica = Replica::start(config, clock.clone()).await.expect("it starts");
    let actors = ActorsConfig { clock: Some(clock), ..ActorsConfig::default() };
    let actors = NodeActors::start_with(replica.clone(), actors).await.expect("the actors start");
    let mut text = String::new();
    for (role, name) in TOKENS {
        text += &format!("[[tokens]]\ntoken = \"{}\"\nname = \"{name}\"\nrole = \"{role}\"\n", token(role));
    }
    let tokens = Tokens::parse("tokens.toml", &text).expect("sound tokens");
    let api = Api::new(ApiConfig::new(tokens, "fuzz"), replica.clone(), &actors);
    (replica, actors, api)
}

fn token(role: &str) -> String {
    format!("token-of-the-{role}-for-fuzzing")
}

fn role_for(path: &str) -> &'static str {
    if path.contains("GatewayService") {
        "gateway"
    } else if path.contains("OperatorService") {
        "operator"
    } else {
        "admin"
    }
}

/// Tasks of the node panic where nobody looks: each is counted, and told as usual.
fn count_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        usual(info);
    }));
}

/// Messages as they are on the wire.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let bytes: Bytes = buffer.copy_to_bytes(buffer.remaining());
        Ok(Some(bytes.to_vec()))
    }
}
