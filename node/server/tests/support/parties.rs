//! A gateway and an operator for a running node.

use std::sync::Arc;

use ringmain::clock::SystemClock;
use ringmain_cluster_config::{NodeConfig, Timeouts};
use ringmain_protocol::client::{
    AssignmentOf, GatewayClient, GatewayNotice, Notice, OperationError, OperatorClient, OperatorNotice,
    OperatorOperation, SessionConfig,
};
use ringmain_protocol::v1::operator_event::Event;
use ringmain_protocol::v1::{CaseStep, ContactDetails, GatewayPush};
use ringmain_replication::Clock;
use ringmain_routing::Timestamp;
use tokio::sync::mpsc;

use crate::support::{GATEWAY, OPERATOR};

/// Patient, for a machine that has other things to do: nobody counts as lost because a process had to wait its turn.
pub fn patient(config: NodeConfig) -> NodeConfig {
    let timeouts = Timeouts {
        election_min_ms: 2_000,
        election_max_ms: 4_000,
        heartbeat_ms: 200,
        node_lost_ms: 30_000,
        read_only_ms: 30_000,
        client_heartbeat_ms: 30_000,
        ..config.timeouts
    };
    NodeConfig { timeouts, ..config }
}

/// A plan for them.
pub const PLAN: &str = r#"
skills = ["voice"]

[[channels]]
name = "voice"

[[queues]]
name = "calls"
answer = { offered_ms = 60_000 }

[[queues]]
name = "callback"
answer = { offered_ms = 60_000 }

[[operators]]
login = "anna"
skills = ["voice"]
capacity = 1
"#;
/// What a node says when it has taken it.
pub const IN_FORCE: &str = "the plan given at the start is in force";

/// A gateway and an operator at work.
pub struct Parties {
    pub gateway: GatewayClient,
    pub operator: OperatorClient,
    rings: mpsc::Receiver<OperatorNotice>,
    /// Kept, so that the gateway lives; there is room for all that comes.
    _news: mpsc::Receiver<GatewayNotice>,
}

impl Parties {
    pub async fn sign_in(addresses: Vec<String>) -> Parties {
        let watch = SystemClock::start();
        let clock = move || Timestamp(u64::try_from(watch.monotonic().as_millis()).expect("a short test"));
        let clock: ringmain_protocol::client::Clock = Arc::new(clock);
        let gateway = SessionConfig::new(addresses.clone(), GATEWAY, "web", Arc::clone(&clock), 1);
        let (gateway, news) = GatewayClient::connect(gateway).expect("a good config");
        let (operator, rings) =
            OperatorClient::connect(SessionConfig::new(addresses, OPERATOR, "anna", clock, 2))
                .expect("a good config");
        operator.ask(OperatorOperation::Ready).await.expect("she may");
        Parties { gateway, operator, rings, _news: news }
    }

    /// The next offer.
    pub async fn ring(&mut self) -> AssignmentOf {
        loop {
            let notice = self.rings.recv().await.expect("the client lives");
            let Notice::Event(event) = notice else { continue };
            if let Some(Event::Ring(ring)) = &event.event {
                let contact = ring.contact.as_ref().expect("an offer is of a contact");
                return AssignmentOf::new(&contact.contact, ring.assignment);
            }
        }
    }

    /// Takes the next offer. One that was given up meanwhile comes again.
    async fn accept(&mut self) -> AssignmentOf {
        loop {
            let offer = self.ring().await;
            match self.operator.ask(OperatorOperation::Accept(offer.clone())).await {
                Ok(_) => return offer,
                Err(OperationError::Refused(refused)) if refused.error.code == "stale-assignment" => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// One contact is served, the next declined and abandoned, the third refused.
    pub async fn work(&mut self, of: impl Fn(&str) -> GatewayPush) {
        self.gateway.push(of("k-1")).await.expect("it is taken");
        let first = self.accept().await;
        self.operator
            .ask(OperatorOperation::Complete { of: first, wrap_up: None, step: CaseStep::Next, result: None })
            .await
            .expect("it is hers");
        let second = of("k-2");
        self.gateway.push(second.clone()).await.expect("it is taken");
        let declined = self.ring().await;
        self.operator.ask(OperatorOperation::Decline(declined)).await.expect("she may");
        self.gateway.abandon(&second.key).await.expect("it waits");
        let nowhere = GatewayPush { queue: "nowhere".to_owned(), ..of("k-3") };
        self.gateway.push(nowhere).await.expect_err("there is no such queue");
    }
}

/// A call without anything particular.
pub fn call(key: &str) -> GatewayPush {
    GatewayPush {
        key: key.to_owned(),
        queue: "calls".to_owned(),
        channel: "voice".to_owned(),
        tier: 5,
        ..GatewayPush::default()
    }
}

/// Words that stand for what customers said or are, and how a dump of bytes would show them.
pub fn traces_of(canary: &str) -> [String; 3] {
    let list = canary.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    let hex = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
    [canary.to_owned(), list, hex]
}

/// A contact with something personal wherever there is room for it.
pub fn personal(key: &str) -> GatewayPush {
    GatewayPush {
        key: format!("canary-key-{key}"),
        details: Some(ContactDetails {
            customer: Some("canary-customer".to_owned()),
            topic: Some("canary-topic".to_owned()),
            language: Some("canary-language".to_owned()),
            attributes: b"canary-attributes".to_vec().into(),
        }),
        ..call(key)
    }
}
